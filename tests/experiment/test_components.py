"""Rules and networks by name: what belongs to which, what is refused, what a change of code means
for the cache.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faeval.campaign import Need, plan
from faeval.errors import FaevalError
from faeval.evidence import Store
from faeval.experiment import (
    Arm,
    Component,
    Factor,
    _components as registry,
    component,
    components,
    experiment,
    register,
    register_network,
    register_rule,
    setting,
)

TEACHER = experiment("teacher")
RULES = ["bp", "cb", "dfa", "drtp", "ep", "fa", "kolen_pollack", "sb", "sign_symmetric"]


@pytest.fixture(autouse=True)
def nothing_stays_registered() -> Iterator[None]:
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)


def some_rule(setup: Any) -> None: ...


def test_ours_are_known_by_name_and_load_what_they_name() -> None:
    assert sorted(components("rule")) == RULES
    assert sorted(components("network")) == ["batchnorm_cnn", "residual_mlp", "student", "vit_mini"]
    for kind in ("rule", "network"):
        for name, known in components(kind).items():
            assert known.help
            assert known.resolve().__doc__, name


def test_which_states_are_exact_is_known_without_torch() -> None:
    exact = {rule: TEACHER.exact(TEACHER.resolve(Arm(rule, blocks=3))) for rule in RULES}
    assert exact == {rule: {"bp": (0, 1, 2, 3), "fa": (3,)}.get(rule, ()) for rule in RULES}
    code = (
        "import sys; from faeval.experiment import Arm, experiment; e = experiment('cifar10')\n"
        "e.exact(e.resolve(Arm('fa', feedback='uniform', network='student', nonlinearity=0.5)))\n"
        "assert not {'torch', 'pandas', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("arm", "says"),
    [
        (
            Arm("pepita"),
            (
                r"arm 'pepita' in teacher: rule='pepita'.* bp, cb, dfa, drtp,"
                r" ep, fa, kolen_pollack"
            ),
        ),
        (
            Arm("dfa", network="vit"),
            r"network='vit'.* batchnorm_cnn, residual_mlp, student, vit_mini",
        ),
        (Arm(rule=3), r"rule=3 \(int\) must be a rule's name"),
        (
            Arm("bp", feedback="uniform"),
            r"rule 'bp' .*'feedback' \(value 'uniform'\).* rule 'fa', ",
        ),
        (
            Arm("dfa", magnitude="uniform"),
            r"rule 'dfa' .*'magnitude'.* rule 'sign_symmetric'",
        ),
        (
            Arm("dfa", network="student", residual=False),
            r"network 'student' has no factor 'residual'.* 'residual_mlp'",
        ),
        (
            Arm("dfa", momentum=0.9),
            r"no factor 'momentum' here \(value 0.9\). Its factors: rule, .*feedback, hidden",
        ),
        (
            Arm("dfa", feedback="cauchy"),
            r"feedback='cauchy' \(str\) is not one of 'gaussian', 'uniform'",
        ),
        (
            Arm("dfa", grid=4),
            (
                r"network 'residual_mlp' has no factor 'grid'.* to network 'vit_mini', network"
                r" 'batchnorm_cnn'"
            ),
        ),
        (Arm("dfa", network="vit_mini", grid=0), r"grid=0 \(int\) is below 1"),
        (Arm("dfa", network="student", nonlinearity=1.5), r"nonlinearity=1.5 \(float\) is above 1"),
        (Arm("dfa", residual=1), r"residual=1 \(int\) must be bool"),
        (Arm("dfa", blocks=0), r"blocks=0 \(int\) is below 1"),
        (
            Arm("dfa", trained_blocks=5),
            r"trained_blocks=5 \(int\) .* 4 blocks",
        ),
        (Arm("dfa", trained_blocks=-1), r"trained_blocks=-1 \(int\) must be"),
        (Arm("dfa", trained_blocks=True), r"trained_blocks=True \(bool\) must be"),
        (Arm("dfa", trained_blocks=0.5), r"trained_blocks=0.5 \(float\) must be"),
        (
            Arm("dfa", labels="shuffled"),
            r"labels='shuffled' \(str\) is not one of 'true', 'random'",
        ),
    ],
)
def test_what_an_arm_cannot_have_is_refused_by_name(arm: Arm, says: str) -> None:
    with pytest.raises(FaevalError, match=says):
        TEACHER.resolve(arm)


def test_a_factor_of_a_component_at_its_default_is_part_of_the_components_name() -> None:
    assert TEACHER.resolve(Arm("dfa", feedback="gaussian", hidden=1)) == TEACHER.resolve(Arm("dfa"))
    assert TEACHER.canonical(Arm("dfa", feedback="gaussian", residual=True)) == Arm("dfa")
    kept = Arm("dfa", feedback="uniform", residual=False)
    assert TEACHER.canonical(kept) == kept
    assert TEACHER.resolve(kept)["feedback"] == "uniform"


def test_training_all_blocks_has_one_spelling() -> None:
    assert TEACHER.canonical(Arm("dfa", blocks=2, trained_blocks=2)) == Arm("dfa", blocks=2)
    assert TEACHER.canonical(Arm("dfa", trained_blocks=0)) == Arm("dfa", trained_blocks=0)


def test_a_registered_rule_brings_its_factors_and_goes_to_workers(tmp_path: Path) -> None:
    register_rule(
        "mine",
        some_rule,
        factors={"gain": Factor(1.0, low=0.0)},
        exact=lambda factors: (0,),
        help="mine",
    )
    factors = TEACHER.resolve(Arm("mine", gain=2))
    assert factors["gain"] == 2
    assert TEACHER.exact(factors) == (0,)
    (carried,) = TEACHER.components(factors)
    assert carried is component("rule", "mine")
    assert TEACHER.components(TEACHER.resolve(Arm("dfa"))) == ()
    with pytest.raises(FaevalError, match=r"gain=-1 \(int\) is below 0"):
        TEACHER.resolve(Arm("mine", gain=-1))
    with pytest.raises(FaevalError, match=r"'dfa' .*no factor 'gain'.*'mine'"):
        TEACHER.resolve(Arm("dfa", gain=2))
    light = Component("rule", "light", "package.module:Rule", {"gain": 1.0})
    assert pickle.loads(pickle.dumps(light)) == light


def test_other_code_under_a_name_is_another_run_and_ours_are_covered_by_the_revision(
    tmp_path: Path,
) -> None:
    def key(arm: Arm) -> str:
        (job,) = plan([Need(TEACHER, arm, 1)], Store(tmp_path)).jobs
        return job.key

    register_rule("mine", some_rule)
    first = key(Arm("mine"))
    register_rule("mine", some_rule)
    assert key(Arm("mine")) == first
    register_rule("mine", some_rule, revision="2")
    assert key(Arm("mine")) != first
    register_network("net", some_rule, revision="1")
    net = key(Arm("dfa", network="net"))
    register_network("net", some_rule, revision="2")
    assert key(Arm("dfa", network="net")) not in (net, key(Arm("dfa")))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: register_rule("dfa", some_rule), r"rule 'dfa' is one of faeval's own"),
        (
            lambda: register_network("student", some_rule),
            r"network 'student' is one of faeval's own",
        ),
        (lambda: register_rule("two words", some_rule), r"the name 'two words' must be one word"),
        (lambda: register_rule("1st", some_rule), r"the name '1st' must be one word"),
        (
            lambda: register_rule("mine", 3),
            r"rule 'mine': 3 \(int\).*give a class, a function",
        ),  # type: ignore[arg-type]
        (
            lambda: register_rule("mine", some_rule, factors={"a b": 1}),
            r"factor name 'a b' is no identifier",
        ),
    ],
)
def test_what_cannot_be_registered_is_refused(call: Any, says: str) -> None:
    with pytest.raises(FaevalError, match=says):
        call()


def test_other_code_from_elsewhere_does_not_take_a_registered_name() -> None:
    register_rule("mine", some_rule)
    with pytest.raises(
        FaevalError,
        match=r"rule 'mine'.*(tests.experiment.test_components|other code)",
    ):
        register(Component("rule", "mine", "elsewhere:Rule", revision="9"))


def test_a_factor_of_ones_own_may_not_take_the_name_of_a_shared_one() -> None:
    register_rule("mine", some_rule, factors={"penalty": 1.0})
    with pytest.raises(FaevalError, match=r"rule 'mine'.*'penalty'.*rename"):
        TEACHER.resolve(Arm("mine"))
    register_rule(
        "other", some_rule, factors={"hidden": 1.0}
    )  # the residual MLP has one of that name
    with pytest.raises(FaevalError, match=r"network 'residual_mlp'.*'hidden'.*rename"):
        TEACHER.resolve(Arm("other"))


def test_an_installed_package_gives_rules_and_networks_by_entry_points(tmp_path: Path) -> None:
    (tmp_path / "stranger.py").write_text(
        "from faeval.experiment import Component\n"
        "def network(*sizes): ...\n"
        "rule = Component('rule', 'theirs', 'stranger_torch:Rule', {'gain': 1.0})\n"
    )
    about = tmp_path / "stranger-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[faeval.rules]\ntheirs = stranger:rule\n[faeval.networks]\nnet = stranger:network\n"
    )
    code = (
        "from faeval.experiment import Arm, components, experiment\n"
        "e = experiment('teacher'); f = e.resolve(Arm('theirs', gain=2, network='net'))\n"
        "print(sorted(components('rule')), f['gain'], [(c.kind, c.name) for c in e.components(f)])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (
        found.stdout.strip()
        == str(sorted([*RULES, "theirs"])) + " 2 [('rule', 'theirs'), ('network', 'net')]"
    )


def test_a_setting_of_ones_own_has_all_factors_and_its_own_numbers() -> None:
    mine = setting(
        "mine",
        "package:task",
        epochs=3,
        width=16,
        blocks=2,
        batch=8,
        learning_rate=0.01,
        weight_decay=0,
    )
    assert mine.resolve(Arm("fa"))["blocks"] == 2
    assert set(mine.factors) == set(TEACHER.factors)
    assert {**mine.config, "task": "teacher"} == {
        **TEACHER.config, "batch": 8, "learning_rate": 0.01, "weight_decay": 0.0,
    }  # fmt: skip
    (task,) = mine.components(mine.resolve(Arm("fa")))
    assert (task.kind, task.name) == ("task", "mine")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"epochs": 0}, r"setting 'mine': epochs .* 0 \(int\)"),
        ({"batch": 2.5}, r"batch .* 2\.5 \(float\)"),
        ({"blocks": True}, r"blocks .* True \(bool\)"),
        ({"learning_rate": 0}, r"learning_rate .* 0 \(int\)"),
        ({"learning_rate": float("nan")}, r"learning_rate .* nan"),
        ({"weight_decay": -0.1}, r"weight_decay .* -0\.1 \(float\)"),
    ],
)
def test_a_setting_that_no_training_could_use_is_refused(
    changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(FaevalError, match=says):
        setting("mine", "package:task", **changes)


def test_components_are_values() -> None:
    one = Component("rule", "x", "m:x", {"a": 1})
    assert replace(one, help="more").factors == one.factors


@pytest.mark.parametrize("path", ["no_such_module_at_all:x", "faeval.bench.tasks:no_such_name"])
def test_a_path_that_leads_nowhere_is_an_error_with_its_component(path: str) -> None:
    with pytest.raises(FaevalError, match=rf"task 'lost'.*'{path}'.*cannot be loaded"):
        Component("task", "lost", path).resolve()
