"""Experiments: what an arm means in one, and what is refused at its door."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from faeval.errors import FaevalError
from faeval.experiment import (
    METRICS,
    Arm,
    Codes,
    Experiment,
    Factor,
    Metric,
    Stage,
    experiment,
    experiments,
)

SETTINGS = ("teacher", "digits", "cifar10")


def run(arm: Any, seed: int) -> dict[str, float]:
    return {"score": float(seed)}


TOY = Experiment(
    "toy",
    run,
    factors={
        "rule": Factor("sgd", choices=("sgd", "adam")),
        "rate": Factor(0.1, low=0.0),
        "steps": Factor(10, low=1),
        "shuffle": True,
        "note": None,
        "size": Factor(1, choices=(1, 2.5, "big")),
    },
    metrics={"score": (0, 1), "free": None, "loss": Metric("loss", unit="nats", low=0.0)},
)


def test_an_arm_is_completed_by_defaults() -> None:
    assert TOY.resolve(Arm(rate=0.5)) == {
        "rule": "sgd",
        "rate": 0.5,
        "steps": 10,
        "shuffle": True,
        "note": None,
        "size": 1,
    }


def test_the_canonical_arm_drops_what_stands_at_its_default_and_keeps_the_rule() -> None:
    assert TOY.canonical(Arm("sgd", rate=0.1, steps=10, shuffle=True, note=None)).label == "sgd"
    assert TOY.canonical(Arm(rate=0.2)).label == "sgd+rate=0.2"
    assert TOY.canonical(Arm("adam", shuffle=False)).label == "adam+shuffle=false"


toys = st.fixed_dictionaries(
    {},
    optional={
        "rule": st.sampled_from(["sgd", "adam"]),
        "rate": st.floats(0, 1e6) | st.integers(0, 9),
        "steps": st.integers(1, 10**6),
        "shuffle": st.booleans(),
        "note": st.sampled_from([None, "x", 1, True]),
        "size": st.sampled_from([1, 2.5, "big"]),
    },
)


@given(toys)
def test_the_canonical_arm_is_the_same_run_under_one_label(factors: dict[str, Any]) -> None:
    arm = Arm(**factors)
    canonical = TOY.canonical(arm)
    assert TOY.resolve(canonical) == TOY.resolve(arm)
    assert TOY.canonical(canonical) == canonical
    assert TOY.canonical(Arm(**TOY.resolve(arm))) == canonical


@pytest.mark.parametrize(
    ("arm", "told"),
    [
        (Arm(ratee=1), ["'ratee'", "rule, rate, steps, shuffle, note, size", "toy"]),
        (Arm("sgdd"), ["rule='sgdd'", "(str)", "'sgd', 'adam'"]),
        (Arm(rate=-0.5), ["rate=-0.5", "(float)", "below 0"]),
        (Arm(rate="big"), ["rate='big'", "(str)", "0.1"]),
        (Arm(rate=True), ["rate=True", "(bool)", "float"]),
        (Arm(steps=0), ["steps=0", "(int)", "below 1"]),
        (Arm(steps=1.5), ["steps=1.5", "(float)", "a whole number"]),
        (Arm(steps=True), ["steps=True", "(bool)", "a whole number"]),
        (Arm(steps=None), ["steps=None", "(NoneType)", "a whole number"]),
        (Arm(shuffle=1), ["shuffle=1", "(int)", "bool"]),
        (Arm(shuffle="true"), ["shuffle='true'", "(str)", "bool"]),
        (Arm(size=True), ["size=True", "(bool)", "1, 2.5, 'big'"]),
        (Arm(size=2), ["size=2", "(int)", "1, 2.5, 'big'"]),
    ],
)
@pytest.mark.parametrize("asked", ["resolve", "canonical"])
def test_an_arm_that_does_not_fit_is_refused(arm: Arm, told: list[str], asked: str) -> None:
    with pytest.raises(FaevalError) as error:
        getattr(TOY, asked)(arm)
    for part in told:
        assert part in str(error.value)


def test_whole_numbers_may_be_written_as_floats() -> None:
    assert TOY.resolve(Arm(steps=20.0))["steps"] == 20
    assert TOY.resolve(Arm(rate=1))["rate"] == 1


def test_metrics_may_be_ranges_metrics_none_or_a_list_of_names() -> None:
    assert (TOY.metrics["score"].low, TOY.metrics["score"].high) == (0.0, 1.0)
    assert TOY.metrics["free"] == Metric("free")
    assert TOY.metrics["loss"].unit == "nats"
    listed = Experiment("listed", run, metrics=["a", "b"])
    assert dict(listed.metrics) == {"a": Metric("a"), "b": Metric("b")}


@pytest.mark.parametrize(
    "metrics",
    [
        "score",
        5,
        None,
        {"score": 3},
        {"score": (0, 1, 2)},
        {"score": "high"},
        {"score": ("low", "high")},
    ],
)
def test_other_descriptions_of_metrics_are_refused(metrics: Any) -> None:
    with pytest.raises(FaevalError, match="metric"):
        Experiment("toy", run, metrics=metrics)


@pytest.mark.parametrize("name", ["", "two words", "-a", "a/b", "a.b", "é", 5, None, "a\n"])
def test_a_name_is_one_word(name: Any) -> None:
    with pytest.raises(FaevalError, match="name="):
        Experiment(name, run)


def test_something_must_be_run() -> None:
    with pytest.raises(FaevalError, match="run="):
        Experiment("toy")
    with pytest.raises(FaevalError, match="run="):
        Experiment("toy", run, audits={"x": Stage(run)})


def test_factors_that_no_arm_could_name_are_refused() -> None:
    with pytest.raises(FaevalError, match="a b"):
        Experiment("toy", run, factors={"a b": 1})
    with pytest.raises(FaevalError, match="list"):
        Experiment("toy", run, factors={"a": [1]})


def test_an_experiment_cannot_be_changed_through_its_tables() -> None:
    with pytest.raises(TypeError):
        TOY.factors["new"] = Factor(1)  # type: ignore[index]
    with pytest.raises(TypeError):
        TOY.metrics["new"] = Metric("new")  # type: ignore[index]


def test_a_revision_is_declared_beside_the_code_that_is_reached() -> None:
    def other(arm: Any, seed: int) -> dict[str, float]:
        return {"score": float(seed) + 1}

    codes = Codes()
    assert TOY.audits["run"].code(codes) == Experiment("x", run).audits["run"].code(codes)
    assert TOY.audits["run"].code(codes) != Experiment("x", other).audits["run"].code(codes)
    declared = Experiment("x", other, revision="7").audits["run"]
    assert (declared.revision, declared.code(codes)) == (
        "7",
        Experiment("x", other).audits["run"].code(codes),
    )


def test_a_stage_is_a_function_or_a_path_to_one() -> None:
    assert Stage(run).resolve() is run
    assert Stage("faeval.experiment:stream").resolve().__name__ == "stream"


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_we_are_born_with(name: str) -> None:
    setting = experiment(name)
    assert setting.name == name
    assert dict(setting.metrics) == METRICS
    dfa, bp = setting.resolve(Arm("dfa")), setting.resolve(Arm("bp", blocks=2))
    assert setting.layers(dfa) == (0, 1, 2, 3, 4)
    assert setting.exact(dfa) == ()
    assert setting.exact(bp) == setting.layers(bp) == (0, 1, 2)
    assert setting.last_epoch(setting.resolve(Arm(epochs=7))) == 7
    assert setting.audited_epochs(setting.resolve(Arm(epochs=7))) == (1, 7)
    assert setting.audited_epochs(setting.resolve(Arm(epochs=1))) == (1,)
    # The labels of committed evidence.
    assert setting.canonical(Arm()).label == "dfa"
    assert (
        setting.canonical(Arm("dfa", credit_site="input", credit_scale="unit", penalty=0.01)).label
        == "dfa+credit_scale=unit+credit_site=input+penalty=0.01"
    )


def test_an_unknown_setting_is_named_with_the_known_ones() -> None:
    with pytest.raises(FaevalError, match=r"'mnist'.*cifar10, cifar100, digits, teacher"):
        experiment("mnist")
    assert set(experiments()) >= set(SETTINGS)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_the_catalogue_says_what_a_reader_must_know(name: str) -> None:
    metric = METRICS[name]
    assert metric.name == name
    assert metric.description.endswith(".")
    assert metric.low < metric.high
    assert metric.unit


@pytest.mark.parametrize("factors", [["depth"], 5, "depth", {"depth", "width"}])
def test_factors_are_a_mapping(factors: Any) -> None:
    with pytest.raises(FaevalError, match=r"factors=.*mapping"):
        Experiment("toy", run, factors=factors)


BROKEN = {
    "nowhere_at_all:exp": "cannot be loaded",
    "mine:absent": "cannot be loaded",
    "mine:number": "must name an fe.Experiment",
    "mine:other": "'elsewhere'",
}
#: Asks for all experiments in each folder, as if that alone were installed; prints what is said.
ASKING = """
import sys
from faeval.errors import FaevalError
from faeval.experiment import experiments

for folder in sys.argv[1:]:
    sys.path.insert(0, folder)
    sys.modules.pop("mine", None)
    try:
        experiments()
    except FaevalError as error:
        print(error)
    sys.path.remove(folder)
"""


def installed(folder: Path, value: str) -> Path:
    """Return a folder as a package's: it names an experiment by an entry point."""
    info = folder / "mine-1.dist-info"
    info.mkdir(parents=True)
    (folder / "mine.py").write_text(
        "import faeval as fe\nnumber = 5\nother = fe.Experiment('elsewhere', lambda arm, seed: {},"
        " metrics=['x'])\n"
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[faeval.experiments]\nbroken = {value}\n")
    return folder


def test_a_broken_entry_point_is_named(tmp_path: Path) -> None:
    folders = [installed(tmp_path / str(i), value) for i, value in enumerate(BROKEN)]
    command = [sys.executable, "-c", ASKING, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for line, told in zip(done.stdout.splitlines(), BROKEN.values(), strict=True):
        assert "entry point 'broken' of faeval.experiments" in line
        assert told in line


def test_the_command_line_names_a_broken_entry_point_in_one_line(tmp_path: Path) -> None:
    claims = tmp_path / "claims.py"
    claims.write_text(
        "import faeval as fe\nx = fe.metric('x', fe.Arm())\n"
        "c = fe.Claim('c', fe.exceeds(x, by=fe.Margin(0.1, 'r')), seeds={'broken': 3})\n"
    )
    env = {**os.environ, "PYTHONPATH": str(installed(tmp_path / "site", "mine:other"))}
    command = [sys.executable, "-m", "faeval", "verify", "--setting", "broken", str(claims)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "entry point 'broken'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
