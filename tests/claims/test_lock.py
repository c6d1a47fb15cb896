"""The lock: what was registered stays as it was, and says what had been looked at."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import faeval as fe
from faeval.claims import (
    LOOKED_AT,
    NAME,
    EvidenceIndex,
    Lock,
    Spread,
    find_lock,
    load,
    make_lock,
    pilot_spreads,
    read_lock,
    write_lock,
)
from faeval.errors import FaevalError, Tampered
from faeval.experiment import experiment
from faeval.pipeline import register

ROOT = Path(__file__).parents[2]
BODY = """
    import faeval as fe

    a, b = fe.Arm("a"), fe.Arm("b")
    more = fe.exceeds(fe.metric("x", a), fe.metric("x", b), by=fe.Margin({margin}, "r"),
                  anticipated=0.5)
    one = fe.Claim("One", more, attributed_to="rule", expect={{"toy": "supported"}},
               seeds={{"toy": {seeds}}})
"""


def file(folder: Path, margin: float = 0.1, seeds: Any = 3, more: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "it.py"
    path.write_text(
        dedent(BODY.format(margin=margin, seeds=seeds)) + dedent(more), encoding="utf-8"
    )
    return path


def a_lock(folder: Path, **arguments: Any) -> Lock:
    return make_lock(load([file(folder)]), {}, registered="2026-01-01", commit=None, **arguments)


def test_a_lock_reads_back_as_it_was_written(tmp_path: Path) -> None:
    spread: dict[str, dict[str, list[Spread | None]]] = {
        "it::one": {"toy": [Spread(n=6, mean=0.1, sd=0.1 + 0.2), None]}
    }
    lock = make_lock(load([file(tmp_path)]), spread, registered="2026-01-01", commit="abc")
    write_lock(lock, tmp_path / NAME)
    again = read_lock(tmp_path / NAME)
    assert again == lock
    before = (tmp_path / NAME).read_bytes()
    write_lock(again, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [NAME, "it.py"]
    one = again.claims["it::one"]
    assert again.planned("it::one", "toy") == (1, 2, 3)
    assert again.planned("it::one", "elsewhere") == (1, 2, 3, 4, 5)
    assert (one.expected("toy"), one.expected("elsewhere")) == ("supported", None)
    assert again.family("it") == ["it::one"]
    assert again.looked_at == sorted(LOOKED_AT)


def values(content: Any) -> list[Any]:
    if isinstance(content, dict):
        return [x for v in content.values() for x in values(v)]
    return [x for v in content for x in values(v)] if isinstance(content, list) else [content]


@given(st.data())
def test_a_lock_that_was_edited_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("lock", numbered=True)
    path = folder / NAME
    write_lock(a_lock(folder), path)
    text = path.read_text(encoding="utf-8")
    where = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.characters(codec="ascii", categories=("L", "N", "P")))
    changed = text[:where] + byte + text[where + 1 :]
    path.write_text(changed, encoding="utf-8")
    try:
        same = json.loads(changed) == json.loads(text)
    except ValueError:
        same = False
    if same:  # a number may be spelt in another way
        read_lock(path)
        return
    with pytest.raises(Tampered) as error:
        read_lock(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 12


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "{", "5", '{"schema_version": 2}', "\x00"]
)
def test_what_is_no_lock_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(Tampered, match="no lock"):
        read_lock(tmp_path / NAME)


def test_a_plan_on_seeds_that_were_looked_at_is_refused(tmp_path: Path) -> None:
    for seed in (42, 1000):
        claims = load([file(tmp_path, seeds=[1, seed])])
        with pytest.raises(
            FaevalError, match=rf"'it::one'.*seed {seed} \(setting toy\).*looked at.*fresh"
        ):
            make_lock(claims, {}, registered="2026-01-01", commit=None)
    with pytest.raises(FaevalError, match="seed 1 "):
        a_lock(tmp_path, looked_at=(1,))
    with pytest.raises(FaevalError, match="no claim"):
        make_lock([], {}, registered="2026-01-01", commit=None)


def test_what_was_looked_at_before_is_not_forgotten(tmp_path: Path) -> None:
    first = a_lock(tmp_path, looked_at=(77,))
    second = make_lock(
        load([file(tmp_path, more="two = fe.Claim('Two', more, attributed_to='rule')")]),
        {},
        registered="2026-02-02",
        commit=None,
        before=first,
    )
    assert set(second.looked_at) == {77, *LOOKED_AT}


def test_registering_again_keeps_old_claims_and_adds_new_ones(tmp_path: Path) -> None:
    folder = tmp_path / "claims"
    path = file(folder)
    first, at, new = register([folder])
    assert at == folder / NAME
    assert read_lock(at) == first
    again, _, none = register([path])
    assert (new, none) == (("it::one",), ())
    assert again == first
    file(folder, more="two = fe.Claim('Two', more, attributed_to='rule')")
    second, _, added = register([folder])
    assert set(second.claims) == {"it::one", "it::two"}
    assert added == ("it::two",)
    assert second.claims["it::one"] == first.claims["it::one"]
    path.unlink()
    (folder / "other.py").write_text(dedent(BODY.format(margin=0.1, seeds=3)))
    third, *_ = register([folder])
    assert set(third.claims) == {"it::one", "it::two", "other::one"}


def test_a_registered_claim_cannot_be_registered_in_another_form(tmp_path: Path) -> None:
    folder = tmp_path / "claims"
    file(folder)
    _, at, _ = register([folder])
    bytes_before = at.read_bytes()
    file(folder, margin=0.2)
    with pytest.raises(FaevalError, match=r"'it::one' .* another form"):
        register([folder])
    assert at.read_bytes() == bytes_before


def test_a_lock_that_was_edited_is_not_registered_over(tmp_path: Path) -> None:
    folder = tmp_path / "claims"
    file(folder)
    _, at, _ = register([folder])
    at.write_text(at.read_text().replace('"alpha": 0.05', '"alpha": 0.5'))
    with pytest.raises(Tampered):
        register([folder])


def test_the_lock_beside_the_claims_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "claims"
    path = file(folder)
    assert find_lock([folder]) is None
    lock, *_ = register([folder])
    assert find_lock([folder, path]) == lock
    file(tmp_path / "more")
    register([tmp_path / "more"])
    with pytest.raises(FaevalError, match="2 locks"):
        find_lock([folder, tmp_path / "more"])


# --- pilots ---


def pilot(rows: list[tuple[str, int, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["arm", "seed", "value"])
    empty = pd.array([None] * len(rows), dtype="Int64")
    return table.assign(
        setting="toy", metric="x", epoch=empty, layer=empty, status="measured", run=""
    )


def test_the_spread_of_a_pilot_is_that_of_its_differences_on_pilot_seeds_alone(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "claims"
    file(folder)
    values = {1000: (0.5, 0.1), 1001: (0.7, 0.2), 1003: (0.6, 0.35), 1: (9.0, 0.0), 42: (5.0, 0.0)}
    table = pilot([(arm, s, v[i]) for s, v in values.items() for i, arm in enumerate("ab")])
    table.to_csv(tmp_path / "pilot.csv", index=False)
    lock, *_ = register([folder], [tmp_path / "pilot.csv"])
    wide = table[table["seed"].between(1000, 1005)].pivot(
        index="seed", columns="arm", values="value"
    )
    d = wide["a"] - wide["b"]
    (spread,) = lock.claims["it::one"].pilot["toy"]
    assert spread is not None
    assert spread.n == 3
    assert spread.mean == pytest.approx(d.mean(), rel=1e-12)
    assert spread.sd == pytest.approx(d.std(), rel=1e-12)  # pandas divides by n - 1


X = {arm: fe.metric("x", fe.Arm(arm)) for arm in "ab"}
R = fe.Margin(0.1, "r")


@pytest.mark.parametrize(
    ("claim", "rows"),
    [
        ("one seed", [("a", 1000, 1.0), ("b", 1000, 0.5)]),
        ("no pilot seed", [("a", 1, 1.0), ("b", 1, 0.5), ("a", 2, 1.0), ("b", 2, 0.6)]),
        ("a missing arm at one seed", [("a", 1000, 1.0), ("b", 1000, 0.5), ("a", 1001, 1.0)]),
        ("NaN", [("a", 1000, 1.0), ("b", 1000, 0.5), ("a", 1001, float("nan")), ("b", 1001, 0.5)]),
        (
            "repeated rows",
            [
                ("a", 1000, 1.0),
                ("b", 1000, 0.5),
                ("a", 1001, 1.0),
                ("b", 1001, 0.4),
                ("b", 1001, 0.3),
            ],
        ),
    ],
)
def test_a_pilot_that_says_nothing_gives_no_spread(
    claim: str, rows: list[tuple[str, int, float]]
) -> None:
    made = fe.Claim(claim, fe.exceeds(X["a"], X["b"], by=R), attributed_to="rule")
    assert pilot_spreads(made, EvidenceIndex(pilot(rows)), "toy") == []


def test_a_confounded_claim_has_no_pilot_and_an_undefined_assertion_no_spread() -> None:
    def claim_of(factor: str | tuple[str, ...]) -> fe.Claim:
        return fe.Claim("x", fe.exceeds(X["a"], X["b"], by=R), attributed_to=factor)

    table = EvidenceIndex(
        pilot(
            [(arm, s, v) for s in (1000, 1001) for arm, v in (("a", s - 1000.5), ("b", s - 900.0))]
        )
    )
    assert pilot_spreads(claim_of("width"), table, "toy") == []
    assert len(pilot_spreads(claim_of(()), table, "toy")) == 1
    half = fe.Claim(
        "x",
        fe.exceeds(fe.log10(X["a"]), X["b"], by=R),
        fe.exceeds(X["a"], X["b"], by=R),
        attributed_to="rule",
    )
    undefined, defined = pilot_spreads(half, table, "toy")
    assert undefined is None
    assert defined is not None
    assert defined.n == 2


# --- ours ---


def test_our_committed_lock_is_what_our_claims_say() -> None:
    lock = read_lock(ROOT / "claims" / NAME)
    claims = {c.id: c for c in load([ROOT / "claims"])}
    assert set(lock.claims) <= set(claims)
    for name, registered in lock.claims.items():
        claim = claims[name]
        assert registered.sha256 == claim.sha256(), name
        assert registered.canonical == json.loads(json.dumps(claim.canonical())), name
        assert registered.family == claim.family
        for setting in ("teacher", "digits", "cifar10"):
            assert lock.planned(name, setting) == claim.planned(setting)
            assert not set(lock.planned(name, setting)) & set(lock.looked_at)
            assert not lock.is_chosen(name, setting)
            assert registered.expected(setting) == claim.expected(setting), name


#: Families with pilots of their own; those that are in no first pilot share the campaign's.
OWN_PILOTS = ("instrument-", "methods-", "networks-", "width-")
FIRST = ("penalty", "agreement", "depth", "reference", "confounded")


@pytest.mark.parametrize("setting", ["teacher", "digits", "cifar10"])
def test_our_pilot_spreads_are_those_of_the_committed_pilots(setting: str) -> None:
    folders = {
        kind: ROOT / "reports" / f"{kind}{setting}-pilot" for kind in ("", "campaign-", *OWN_PILOTS)
    }
    pilots = {kind: pd.read_csv(f / "evidence.csv") for kind, f in folders.items() if f.exists()}
    lock = read_lock(ROOT / "claims" / NAME)
    checked = 0
    for name, registered in lock.claims.items():
        if name == "methods::equilibrium_propagation_starts_along_the_gradient":
            # its pilot was of the descent at a fixed rate; the pilots that stand there now are of
            # the mended one
            continue
        kind = f"{registered.family}-"
        own = registered.family in FIRST or (kind in OWN_PILOTS and kind not in pilots)
        table = pilots["" if own else kind if kind in OWN_PILOTS else "campaign-"]
        for assertion, spread in zip(
            registered.canonical["assertions"], registered.pilot.get(setting, []), strict=False
        ):
            d = side(table, assertion["a"]) - side(table, assertion["b"])
            if spread is None:
                assert d.isna().any(), name
                continue
            assert spread.n == len(d), name
            assert spread.mean == pytest.approx(d.mean(), abs=1e-12), name
            assert spread.sd == pytest.approx(d.std(), abs=1e-12), name
            checked += 1
    assert checked >= 9


def side(table: pd.DataFrame, estimand: dict[str, Any]) -> Any:
    """One number a pilot seed, by pandas alone."""
    total: Any = estimand["constant"]
    for term in estimand["terms"]:
        if "log10" in term:
            with np.errstate(invalid="ignore"):  # undefined where it is not positive
                total = total + term["weight"] * np.log10(side(table, term["log10"]))
            continue
        (setting,) = table["setting"].unique()
        arm = (
            experiment(setting).canonical(fe.Arm.parse(term["arm"])).label
        )  # a factor at its default is not in evidence
        rows = table[
            (table["metric"] == term["metric"])
            & (table["arm"] == arm)
            & table["seed"].between(1000, 1005)
        ]
        rows = rows[
            rows["epoch"] == (rows["epoch"].max() if term["epoch"] is None else term["epoch"])
        ]
        if term["layers"] is not None:
            which = term["layers"]
            last = rows["layer"].max() - (
                which == "deep.inexact"
            )  # of FA, the one rule that is asked so
            states = (
                range(1, int(last) + 1) if which.startswith("deep") else map(int, which.split(","))
            )
            rows = rows[rows["layer"].isin(list(states))]
        total = total + term["weight"] * rows.groupby("seed")["value"].mean()
    return total
