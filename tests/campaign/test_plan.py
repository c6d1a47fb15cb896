"""Planning: each run once, under a key that changes exactly when its numbers may."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faeval.campaign import Execution, Need, execute, plan
from faeval.errors import DataError, FaevalError
from faeval.evidence import Store, canonical_json
from faeval.experiment import Arm, Experiment, Factor, RunOptions, Stage, code_of, experiment


def flip(arm: Any, seed: int) -> dict[str, float]:
    return {"heads": seed % 2}


def digest(data: Path | None) -> str:
    if data is not None and not data.exists():
        raise DataError(f"{data} is not there")
    return "0" * 64 if data is None else data.read_text()


def train(*_: Any) -> dict[str, Any]:
    raise AssertionError("planning runs nothing")


COIN = Experiment(
    "coin", flip, factors={"weight": 0.5, "side": "up"}, metrics=["heads"], revision="1"
)
NET = Experiment(
    "net",
    factors={"rule": Factor("dfa"), "penalty": 0.0},
    metrics=["accuracy"],
    training=Stage(train, "1"),
    audits={"accuracy": Stage(train, "1"), "alignment": Stage(train, "1")},
    dataset=Stage(digest),
    config={"batch": 128},
    packages=("numpy",),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def key(
    experiment: Experiment, store: Store, arm: Arm | None = None, seed: int = 1, **options: Any
) -> str:
    (job,) = plan([Need(experiment, arm or Arm(), seed)], store, RunOptions(**options)).jobs
    return job.key


def test_a_run_that_many_claims_need_is_planned_once(store: Store) -> None:
    arms = [Arm(), Arm(weight=0.5), Arm(side="up"), Arm(weight=0.7), Arm(side="up", weight=0.7)]
    found = plan([Need(COIN, arm, seed) for seed in (2, 1) for arm in arms], store)
    assert [(job.arm.label, job.seed) for job in found.jobs] == [
        ("", 2),
        ("weight=0.7", 2),
        ("", 1),
        ("weight=0.7", 1),
    ]
    assert found.todo == found.jobs
    assert found.cached == ()
    assert found.jobs[1].factors == {"weight": 0.7, "side": "up"}
    assert found.jobs[1].missing == ("run",)


def test_a_factor_at_its_default_does_not_change_the_key(store: Store) -> None:
    assert (
        key(NET, store, Arm("dfa", penalty=0))
        == key(NET, store)
        == key(NET, store, Arm(penalty=0.0))
    )
    whole, decimal = (replace(COIN, factors={"weight": weight}, audits={}) for weight in (1, 1.0))
    assert key(whole, store) == key(decimal, store)


def test_whatever_may_change_the_numbers_changes_the_key(store: Store, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("1" * 64)
    keys = [
        key(NET, store),
        key(NET, store, seed=2),
        key(NET, store, Arm(penalty=0.1)),
        key(NET, store, threads=2),
        key(NET, store, device="cuda"),
        key(NET, store, data=tmp_path / "data"),
        key(replace(NET, name="other"), store),
        key(replace(NET, config={"batch": 64}), store),
        key(replace(NET, packages=("numpy", "scipy")), store),
        key(replace(NET, training=Stage(train, "2")), store),
        key(COIN, store),
        key(replace(COIN, audits={}, revision="2"), store),
    ]
    assert len(set(keys)) == len(keys)


def test_which_of_two_equal_devices_ran_it_does_not_change_the_key(store: Store) -> None:
    assert key(NET, store, device="cuda:0") == key(NET, store, device="cuda:1")


def test_a_new_revision_of_an_audit_leaves_the_training_and_the_other_audits(store: Store) -> None:
    newer = replace(NET, audits={**NET.audits, "alignment": Stage(train, "2")})
    (old,), (new,) = (plan([Need(e, Arm(), 1)], store).jobs for e in (NET, newer))
    assert old.key == new.key
    assert old.audits["accuracy"] == new.audits["accuracy"]
    assert old.audits["alignment"] != new.audits["alignment"]


def test_the_key_is_the_same_tomorrow(store: Store) -> None:
    # Written down, so that a change of the key's form, which would orphan every store, is no
    # accident.
    of_others = replace(
        COIN, run="operator:add", audits={}
    )  # installed, so that its code is no part of the key
    assert (
        key(of_others, store, Arm(weight=0.7), 3)
        == "7c3e1b6a865f06aa8cd1f36ae26cad5e21e91df480fb358773a8e30db44265df"
    )
    assert key(COIN, store, Arm(weight=0.7), 3) != key(of_others, store, Arm(weight=0.7), 3)


@pytest.mark.parametrize(
    ("name", "arm", "seed", "training", "audit"),
    [
        ("teacher", Arm("dfa"), 1, "c86b11e1cc5f6059", "a25e3046096988c1"),
        ("digits", Arm("bp", penalty=0.01), 7, "3ae3345ccd0ca69e", "55a669d593b63f8f"),
        ("cifar10", Arm("ep", beta=0.5), 3, "70e210f6181fc022", "dd4ef5ec475a6212"),
    ],
)
def test_runs_of_our_settings_are_found_for_ever(
    store: Store, name: str, arm: Arm, seed: int, training: str, audit: str
) -> None:
    setting = replace(
        experiment(name), packages=(), dataset=None
    )  # versions and data are those of the day
    (job,) = plan([Need(setting, arm, seed)], store).jobs
    assert (job.key[:16], job.audits["alignment"][:16], dict(job.code)) == (training, audit, {})


@pytest.mark.parametrize("seed", [-1, 1.0, "1", True, None])
def test_a_seed_is_a_whole_number(store: Store, seed: Any) -> None:
    with pytest.raises(
        FaevalError, match=rf"^seed={seed!r} \({type(seed).__name__}\) .*'weight=0\.7' .*\bcoin"
    ):
        plan([Need(COIN, Arm(weight=0.7), seed)], store)


def test_what_cannot_be_planned_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FaevalError, match="no factor 'colour'"):
        plan([Need(COIN, Arm(colour="red"), 1)], store)
    with pytest.raises(FaevalError, match="'no-such-package'; pip install no-such-package"):
        plan([Need(replace(NET, packages=("no-such-package",)), Arm(), 1)], store)
    with pytest.raises(FaevalError, match=r"^experiment 'net': config=.*JSON"):
        plan([Need(replace(NET, config={"rate": object()}), Arm(), 1)], store)
    with pytest.raises(DataError, match="is not there"):
        plan([Need(NET, Arm(), 1)], store, RunOptions(data=tmp_path / "nothing"))


def test_the_data_are_digested_once_for_each_experiment(store: Store, tmp_path: Path) -> None:
    calls = []
    counted = replace(NET, dataset=Stage(lambda data: calls.append(data) or "0" * 64))
    plan([Need(counted, Arm(), seed) for seed in range(5)], store, RunOptions(data=tmp_path))
    assert calls == [tmp_path]


def test_an_estimate_is_made_of_measured_runs_of_the_same_setting(store: Store) -> None:
    needs = [Need(COIN, Arm(weight=weight), seed) for seed in range(4) for weight in (0.5, 0.7)]
    assert plan(needs, store).estimate_seconds(2) is None
    assert plan([], store).estimate_seconds(2) == 0
    execute(plan(needs[:2], store), store, Execution(workers=1))
    for record, seconds in zip(
        sorted(store.records(), key=lambda r: r.arm), (10.0, 30.0), strict=True
    ):
        store.write_audit(record.model_copy(update={"seconds": seconds}))  # type: ignore[arg-type]
    found = plan(needs, store)
    assert len(found.cached) == 2
    assert sorted(found.cost(job) or 0 for job in found.todo) == [10, 10, 10, 30, 30, 30]
    assert found.estimate_seconds(1) == 120
    assert found.estimate_seconds(2) == 60
    assert found.estimate_seconds(100) == 30  # the longest run cannot be split
    unseen = plan([Need(COIN, Arm(weight=0.9), 1)], store)
    assert unseen.estimate_seconds() == 20  # the setting's median
    assert plan([*needs, Need(NET, Arm(), 1)], store).estimate_seconds() is None


def test_an_unreadable_record_does_not_stop_an_estimate(store: Store) -> None:
    store.folder("a" * 64).mkdir(parents=True)
    for name, content in (
        ("training.json", "{"),
        ("audit-x.json", "[]"),
        ("audit-y.json", '{"seconds": "long"}'),
    ):
        (store.folder("a" * 64) / name).write_text(content)
    assert plan([Need(COIN, Arm(), 1)], store).estimate_seconds() is None


def test_a_key_is_the_digest_of_the_canonical_form_of_all_that_a_run_is(store: Store) -> None:
    """The form is put together from parts that all seeds of an arm share; written here as a whole,
    as it has always been.
    """
    config = {"seed": 3, "deep": [1, {"seed": 0, "setting": "x"}]}
    one = Experiment(
        "one",
        lambda arm, seed: {"v": 1},
        factors={"a": 0.0, "b": "é"},
        metrics=["v"],
        revision="7",
        config=config,
    )
    for value, seed in ((0, 0), (2.0, 5), (2.5, 123)):
        (job,) = plan([Need(one, Arm(a=value), seed)], store).jobs
        whole = {
            "setting": "one", "dataset": None, "device": "cpu", "threads": 1, "packages": {},
            "revision": "7",
            "config": config, "factors": {"a": value, "b": "é"}, "seed": seed,
        }  # fmt: skip
        whole["factors"]["a"] = int(value) if value == int(value) else value  # type: ignore[index]
        code = code_of(one.run or "").sha256  # that of the user's, where there is any
        key = hashlib.sha256(canonical_json({**whole, "code": code}).encode()).hexdigest()
        audit = {"training": key, "audit": "run", "revision": "7", "code": code}
        assert (job.key, dict(job.audits)) == (
            key,
            {"run": hashlib.sha256(canonical_json(audit).encode()).hexdigest()},
        )
