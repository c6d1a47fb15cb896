"""Every form of the language is registered, read back, copied and asked again as what it says."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import faeval as fe
from faeval.claims import NAME, load, read_lock
from faeval.pipeline import register

HEAD = """
import faeval as fe

a, b, c, d = (fe.Arm(name) for name in "abcd")
M, R = fe.Margin({margin}, "r"), fe.Ratio({ratio}, "r")
def x(arm, **how): return fe.metric("x", arm, **how)
def ok(arm): return fe.metric("ok", arm, outcome="rate")
"""
#: Each form, and the keys of the canonical form that it brings; the plain one brings none.
FORMS: dict[str, tuple[str, set[str]]] = {
    "plain": ("fe.exceeds(x(a), x(b), by=M)", set()),
    "decades": ("fe.exceeds(fe.log10(x(a)), fe.log10(x(b)), by=M)", set()),
    "average": ("fe.exceeds(fe.mean(x(a), x(c)), x(b), by=M)", set()),
    "twice": ("fe.exceeds(x(a), x(b), by=R)", {"ratio", "of"}),
    "budget": ("fe.below(x(a), x(b), by=fe.Ratio(2, 'r', of='means'))", {"ratio", "of"}),
    "apart": ("fe.exceeds(x(a), x(b), by=M, paired=False)", {"paired"}),
    "steadier": ("fe.below(fe.spread(x(a)), fe.spread(x(b)), by=R)", {"spreads", "ratio", "of"}),
    "solved": ("fe.exceeds(ok(a), ok(b), by=M)", {"outcome"}),
    "middle": ("fe.exceeds(fe.median(x(a), x(c)), x(b), by=M)", {"op", "args"}),
    "inner": ("fe.exceeds(fe.iqm(x(a), x(c), x(d), x(b)), x(b), by=M)", {"op", "args"}),
    "best": ("fe.exceeds(fe.max(x(a), x(c), chosen_by='v'), x(b), by=M)", {"op", "args"}),
    "worst": ("fe.exceeds(fe.min(x(a), x(c)), x(b), by=M)", {"op", "args"}),
    "wide": ("fe.exceeds(fe.share_above({threshold}, x(a), x(c)), by=M)",
        {"op", "args", "numbers"}),
    "rising": ("fe.exceeds(fe.trend(x(a), x(b), x(c)), by=M)", {"op", "args"}),
    "steep": ("fe.exceeds(fe.slope({1: x(a), 2: x(b)}), by=M)", {"op", "args", "numbers"}),
    "doubling": (
        "fe.exceeds(fe.slope({1: x(a), 2: x(b)}, log=True), by=M)", {"op", "args", "numbers"},
    ),
    "under": ("fe.exceeds(fe.area('x', a), fe.area('x', b), by=M)", {"course", "above", "below"}),
    "sooner": (
        "fe.below(fe.first('x', a, above={threshold}), fe.first('x', b, above={threshold}), by=M)",
        {"course", "above", "below"},
    ),
    "most": (
        "fe.exceeds(fe.share_of_seeds(fe.equivalent(x(a), x(b), within=M)), 0.5, by=M)",
        {"op", "args", "numbers"},
    ),
    "count": (
        "fe.at_least(2, *(fe.exceeds(x(i), x(d), by=M) for i in (a, b, c)))",
        {"at_least", "members"},
    ),
    "some": (
        "fe.any_of(fe.exceeds(x(a), x(b), by=M), fe.below(x(a), x(c), by=M))",
        {"at_least", "members"},
    ),
}  # fmt: skip
#: What was there before.
OLD = {"kind", "a", "b", "margin", "anticipated", "terms", "constant", "weight", "metric", "arm",
       "epoch", "exact", "layers", "log10"}  # fmt: skip


def write(folder: Path, suffix: str = "", margin: float = 0.1, ratio: float = 2.0,
          threshold: float = 0.9) -> Path:  # fmt: skip
    folder.mkdir(exist_ok=True)
    lines = [HEAD.replace("{margin}", repr(margin)).replace("{ratio}", repr(ratio))]
    for name, (form, _) in FORMS.items():
        made = form.replace("{threshold}", repr(threshold))
        lines.append(
            f"{name} = fe.Claim({name!r}, {made}, attributed_to='rule', seeds='drawn:7', "
            f"family='family{suffix}')"
        )
    path = folder / f"forms{suffix}.py"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def keys(plain: Any) -> Iterator[str]:
    if isinstance(plain, dict):
        yield from plain
    for part in (
        plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ()
    ):
        yield from keys(part)


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> dict[str, fe.Claim]:
    made = load([write(tmp_path_factory.mktemp("forms") / "claims")])
    return {claim.id.partition("::")[2]: claim for claim in made}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_brings_its_own_keys_and_others_keep_theirs(
    claims: dict[str, fe.Claim], name: str
) -> None:
    spelt = json.loads(json.dumps(claims[name].canonical()["assertions"]))
    assert {*keys(spelt)} - OLD == FORMS[name][1]


@pytest.mark.parametrize("name", FORMS)
def test_a_copy_is_the_same_claim(claims: dict[str, fe.Claim], name: str) -> None:
    claim = claims[name]
    for other in (copy.deepcopy(claim.assertions), pickle.loads(pickle.dumps(claim.assertions))):
        assert other == claim.assertions
        assert list(map(str, other)) == list(map(str, claim.assertions))
        assert claim.named(assertions=other).sha256() == claim.sha256()


def test_no_two_forms_have_one_hash(claims: dict[str, fe.Claim]) -> None:
    assert len({claim.sha256() for claim in claims.values()}) == len(FORMS)


def test_every_form_is_registered_once_and_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "claims"
    write(folder)
    lock, at, new = register([folder])
    assert len(new) == len(FORMS)
    assert read_lock(at) == lock
    before = at.read_bytes()
    again, _, none = register([folder])
    assert (again, none, at.read_bytes()) == (lock, (), before)
    for claim in load([folder]):
        assert lock.claims[claim.id].sha256 == claim.sha256()
        assert lock.claims[claim.id].canonical == json.loads(json.dumps(claim.canonical()))
    assert at.name == NAME


def test_another_margin_or_threshold_is_another_try_of_one_question(tmp_path: Path) -> None:
    folder = tmp_path / "claims"
    write(folder)
    first, *_ = register([folder])
    assert {first.attempt(name) for name in first.claims} == {1}
    write(folder, "_again", margin=0.2, ratio=3.0, threshold=0.8)
    lock, *_ = register([folder])
    tries = {name: lock.attempt(name) for name in lock.claims if name.startswith("forms_again")}
    assert {name: k for name, k in tries.items() if k != 2} == {}
    assert {first.attempt(name) for name in first.claims} == {1}


def test_an_amended_margin_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "claims"
    write(folder)
    register([folder])
    write(folder, ratio=3.0)
    changed = {"forms::twice", "forms::steadier"}
    lock, _, amended = register([folder], amend=sorted(changed), because="the pilot")
    assert {*amended} == changed
    for name in lock.claims:
        assert len(lock.amendments(name)) == (name in changed)
