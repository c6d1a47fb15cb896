"""The chain of registrations: what came first, registration or evidence, and that no part of the
past can be changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import faeval as fe
from faeval.claims import NAME, Lock, Origins, draw, load, make_lock, read_lock, write_lock
from faeval.errors import FaevalError, Tampered

ROOT = Path(__file__).parents[2]
Table = Callable[..., pd.DataFrame]
Make = Callable[..., fe.Claim]
SCORES = {"a": [0.5, 0.52, 0.49, 0.51, 0.5], "b": [0.1, 0.12, 0.1, 0.13, 0.11]}


def step(
    claims: list[fe.Claim], before: Lock | None = None, day: int = 1, **arguments: Any
) -> Lock:
    return make_lock(
        claims, {}, registered=f"2026-01-{day:02}", commit=f"c{day}", before=before, **arguments
    )


@pytest.fixture(scope="module")
def three(claim: Make) -> tuple[Lock, Lock, Lock]:
    """A claim is registered, then another in a family of its own, then the first one is amended."""
    one, two = claim(id="f::one", family="f"), claim("exceeds", 0.2, id="g::two", family="g")
    first = step([one])
    second = step([one, two], first, 2)
    changed = claim("exceeds", 0.15, id="f::one", family="f")
    return (
        first,
        second,
        step([changed, two], second, 3, amend=["f::one"], because="the pilot was read wrongly"),
    )


def test_the_chain_grows_and_says_what_changed(three: tuple[Lock, Lock, Lock]) -> None:
    first, second, third = three
    assert [len(lock.chain) for lock in three] == [1, 2, 3]
    assert third.chain[:2] == second.chain
    assert third.position(first.sha256) == 0
    assert third.position(second.sha256) == 1
    assert third.position("0" * 64) is None
    assert (third.entry_of("f::one"), third.entry_of("g::two")) == (2, 1)
    (amendment,) = third.amendments("f::one")
    assert amendment.reason == "the pilot was read wrongly"
    assert amendment.replaced == {"f::one": first.claims["f::one"]}
    assert amendment.commit == "c3"
    assert third.amendments("g::two") == ()


def test_an_amendment_counts_in_the_settings_that_it_changes(claim: Make, table: Table) -> None:
    """Another expectation here says nothing about there; another margin does, wherever it is."""
    word = {"here": "refuted", "there": "supported"}
    one = claim(id="f::one", family="f", expect={"there": "supported"})
    first = step([one])
    two = claim(id="f::one", family="f", expect=word)
    again = step([two], first, 2, amend=["f::one"], because="left out")
    assert len(again.amendments("f::one")) == len(again.amendments("f::one", "here")) == 1
    assert again.amendments("f::one", "there") == ()
    assert (again.entry_of("f::one", "here"), again.entry_of("f::one", "there")) == (1, 0)
    wider = claim("exceeds", 0.2, id="f::one", family="f", expect=word)
    margin = step([wider], again, 3, amend=["f::one"], because="read")
    assert [len(margin.amendments("f::one", s)) for s in ("here", "there")] == [2, 1]
    assert margin.entry_of("f::one", "there") == margin.entry_of("f::one") == 2

    def registration(made: fe.Claim, lock: Lock, setting: str) -> str:
        origins = Origins(common=frozenset({first.sha256}))  # where all numbers were measured
        rows = table(SCORES, setting=setting)
        (verdict,) = fe.decide(made, rows, lock=lock, origins=origins)
        return verdict.registration

    assert registration(two, again, "there") == "registered"
    assert registration(two, again, "here") == "amended_after_evidence"
    assert registration(wider, margin, "there") == "amended_after_evidence"


def test_an_entrys_digest_can_be_computed_by_anyone(three: tuple[Lock, Lock, Lock]) -> None:
    *_, lock = three
    for entry in lock.model_dump()["chain"]:
        stated = entry.pop("sha256")
        assert (
            hashlib.sha256(
                json.dumps(entry, sort_keys=True, ensure_ascii=False).encode()
            ).hexdigest()
            == stated
        )


def paths_of(content: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    deeper = [p for key, value in items for p in paths_of(value, (*at, key))]
    return deeper or [at]


@settings(deadline=None)
@given(st.data())
def test_no_part_of_the_past_can_be_changed_without_its_digest(
    tmp_path_factory: pytest.TempPathFactory, three: tuple[Lock, Lock, Lock], data: st.DataObject
) -> None:
    content = json.loads(json.dumps(three[-1].model_dump()))
    *parents, last = data.draw(st.sampled_from(paths_of(content)))
    node = content
    for key in parents:
        node = node[key]
    old = node[last]
    node[last] = data.draw(st.sampled_from([0, "x", None, 77, [], {}]).filter(lambda v: v != old))
    path = tmp_path_factory.mktemp("lock") / NAME
    path.write_text(json.dumps(content))
    with pytest.raises(Tampered):
        read_lock(path)


def test_an_entry_cannot_be_taken_out_or_two_exchanged(
    tmp_path: Path, three: tuple[Lock, Lock, Lock]
) -> None:
    lock = three[-1]
    for chain in (
        lock.chain[1:],
        lock.chain[:-1],
        (lock.chain[1], lock.chain[0], lock.chain[2]),
        (),
    ):
        write_lock(lock.model_copy(update={"chain": chain}), tmp_path / NAME)
        with pytest.raises(Tampered):
            read_lock(tmp_path / NAME)
    write_lock(lock, tmp_path / NAME)
    assert read_lock(tmp_path / NAME) == lock


def test_a_lock_of_the_first_schema_keeps_its_digest_when_it_goes_on(
    tmp_path: Path, claim: Make
) -> None:
    # Ours was written under schema 1, and the records of its runs carry that digest.
    ours = read_lock(ROOT / "claims" / NAME)
    stated = json.loads((ROOT / "claims" / NAME).read_text())
    if stated["schema_version"] == 1:
        assert ours.sha256 == stated["sha256"]
    assert (
        ours.chain[0].sha256 == "cf17db83072c880e298eb901c9a2e04ef1bc88ca1f91a110a4a9c43c0e865016"
    )
    more = step([claim(id="new::one", family="new")], ours)
    write_lock(more, tmp_path / NAME)
    again = read_lock(tmp_path / NAME)
    assert again == more
    assert again.position(ours.sha256) == len(ours.chain) - 1
    assert again.entry_of("new::one") == len(ours.chain)
    content = json.loads((tmp_path / NAME).read_text())
    content["claims"]["penalty::deep_cosine_rises_with_standard_dfa"]["alpha"] = 0.1
    (tmp_path / NAME).write_text(json.dumps(content))
    with pytest.raises(Tampered):
        read_lock(tmp_path / NAME)


@pytest.mark.parametrize(
    ("file", "digest", "claims", "schemas"),
    [
        (
            "schema-1.lock",
            "309650c825ab6940fcacf746bd8e0b8a5bb7635586233b516c851c395901d260",
            12,
            [1],
        ),
        (
            "schema-2.lock",
            "54d73329fd792e1841bf48ddd80a3539dbd97dc225340be9ad89135e42eb934d",
            24,
            [1, 2],
        ),
    ],
)
def test_frozen_locks_of_older_schemas_read_on(
    file: str, digest: str, claims: int, schemas: list[int], tmp_path: Path
) -> None:
    """As this repository committed them once; each digest stands in its file too."""
    frozen = Path(__file__).parent / "locks" / file
    lock = read_lock(frozen)
    assert (lock.sha256, len(lock.claims)) == (digest, claims)
    assert [entry.schema_version for entry in lock.chain] == schemas
    write_lock(lock, tmp_path / NAME)
    assert read_lock(tmp_path / NAME) == lock
    content = json.loads(frozen.read_text())
    next(iter(content["claims"].values()))["alpha"] = 0.1
    (tmp_path / NAME).write_text(json.dumps(content))
    with pytest.raises(Tampered):
        read_lock(tmp_path / NAME)


def test_entries_of_older_schemas_keep_their_digests_beside_new_ones(tmp_path: Path) -> None:
    """An old form goes into an entry of schema 3 when it is amended; what registered it covers its
    old fields.
    """
    ours = read_lock(ROOT / "claims" / NAME)
    claims = load([ROOT / "claims"])
    old = next(i for i, c in ours.claims.items() if not c.code and len(ours.amendments(i)) == 0)
    again = step(
        claims,
        ours,
        amend=[old],
        because="its code is registered, too",
        codes={old: {"toy": "5" * 64}},
    )
    write_lock(again, tmp_path / NAME)
    assert read_lock(tmp_path / NAME) == again
    entry = again.chain[-1]
    assert (entry.schema_version, again.chain[: len(ours.chain)]) == (3, ours.chain)
    assert again.claims[old].code == {"toy": "5" * 64}
    assert "code" not in json.loads((tmp_path / NAME).read_text())["chain"][-1]["replaced"][old]
    # Registering code for the first time changes nothing of what was said; other code later does.
    assert (len(again.amendments(old, "toy")), len(again.amendments(old))) == (0, 1)
    third = step(claims, again, amend=[old], because="other code", codes={old: {"toy": "6" * 64}})
    assert (len(third.amendments(old, "toy")), third.amendments(old, "teacher")) == (1, ())
    write_lock(third, tmp_path / NAME)
    assert read_lock(tmp_path / NAME) == third
    (tmp_path / NAME).write_text((tmp_path / NAME).read_text().replace("5" * 64, "7" * 64))
    with pytest.raises(Tampered):
        read_lock(tmp_path / NAME)


@pytest.mark.parametrize(
    ("amend", "because", "told"),
    [
        (["f::one"], " ", "no reason"),
        (["f::none"], "r", "is not registered"),
        (["f::one"], "r", "nothing to amend"),
        ([], "r", "amends nothing"),
    ],
)
def test_an_amendment_needs_a_registered_claim_a_change_and_a_reason(
    claim: Make, amend: list[str], because: str, told: str
) -> None:
    one = claim(id="f::one", family="f")
    with pytest.raises(FaevalError, match=told):
        step([one], step([one]), 2, amend=amend, because=because)
    with pytest.raises(FaevalError, match=r"'f::one' .*none of"):
        step([claim(id="g::x", family="g")], step([one]), 2, amend=["f::one"], because="r")


def test_an_expectation_can_be_amended(claim: Make) -> None:
    one = claim(id="f::one", family="f", expect="supported")
    other = claim(id="f::one", family="f", expect="refuted")
    lock = step([other], step([one]), 2, amend=["f::one"], because="a pilot on another task")
    assert lock.claims["f::one"].expect == "refuted"


# --- what a verdict says of it ---


def registration(
    table: Table, claim: fe.Claim, lock: Lock | None, *digests: str | None, **arguments: Any
) -> tuple[str, tuple[str, ...]]:
    origins = Origins(common=frozenset(digests)) if digests else Origins()
    (verdict,) = fe.decide(claim, table(SCORES), lock=lock, origins=origins, **arguments)
    return verdict.registration, verdict.flags


def test_registered_before_its_evidence_or_after(
    table: Table, claim: Make, three: tuple[Lock, Lock, Lock]
) -> None:
    first, second, _ = three
    one, two = claim(id="f::one", family="f"), claim("exceeds", 0.2, id="g::two", family="g")
    assert registration(table, one, first, first.sha256) == ("registered", ())
    assert registration(table, one, second, first.sha256) == ("registered", ())
    assert registration(table, two, second, second.sha256) == ("registered", ())
    # Evidence made when only the first claim was registered could have been seen before the second
    # one was.
    assert registration(table, two, second, first.sha256) == ("after_evidence", ("after_evidence",))
    assert registration(table, two, second, second.sha256, first.sha256)[0] == "after_evidence"
    assert registration(table, one, first, None)[0] == "after_evidence"
    assert registration(table, one, first, first.sha256, None)[0] == "after_evidence"


def test_amended_before_its_evidence_or_after(
    table: Table, claim: Make, three: tuple[Lock, Lock, Lock]
) -> None:
    first, _, third = three
    changed = claim("exceeds", 0.15, id="f::one", family="f")
    assert registration(table, changed, third, third.sha256) == ("amended", ())
    after = ("amended_after_evidence", ("amended_after_evidence",))
    assert registration(table, changed, third, first.sha256) == after
    (verdict,) = fe.decide(changed, table(SCORES), lock=third)
    assert verdict.amendments == ("the pilot was read wrongly",)


def test_evidence_that_names_no_registration_or_a_strange_one(table: Table, claim: Make) -> None:
    one = claim(id="f::one", family="f")
    lock = step([one])
    assert registration(table, one, lock) == ("undated", ())
    (verdict,) = fe.decide(
        one, table(SCORES), lock=lock, origins=Origins(common=frozenset({"9" * 64}))
    )
    assert verdict.registration == "undated"
    assert [(w.code, w.detail[:12]) for w in verdict.warnings] == [
        ("unknown_registration", "9" * 12)
    ]


def test_other_seeds_and_claims_without_registration(table: Table, claim: Make) -> None:
    one = claim(id="f::one", family="f")
    lock = step([one], looked_at=[6])
    (verdict,) = fe.decide(
        one, table({k: v * 2 for k, v in SCORES.items()}), lock=lock, seeds=[5, 6, 7]
    )
    assert verdict.registration == "reproduction"
    (verdict,) = fe.decide(
        one, table({k: v * 2 for k, v in SCORES.items()}), lock=lock, seeds=[7, 8, 9]
    )
    assert verdict.registration == "exploratory"
    assert registration(table, one, None) == ("unregistered", ("unregistered",))
    # Beside a lock, an unregistered claim on seeds that were looked at says so as well.
    other = claim(id="g::x", family="g")
    (verdict,) = fe.decide(
        other, table({k: v * 2 for k, v in SCORES.items()}), lock=lock, seeds=[5, 6, 7]
    )
    assert verdict.flags == ("unregistered", "reproduction")


def test_a_changed_claim_is_not_called_registered(table: Table, claim: Make) -> None:
    lock = step([claim(id="f::one", family="f")])
    assert (
        registration(table, claim("exceeds", 0.2, id="f::one", family="f"), lock, lock.sha256)[0]
        == "changed"
    )


def test_only_what_the_claim_reads_at_its_seeds_counts(table: Table, claim: Make) -> None:
    one = claim(id="f::one", family="f")
    lock = step([one])
    own = frozenset({lock.sha256})
    locks = {(arm, "x", seed): own for arm in "ab" for seed in range(1, 6)}
    others = {
        ("a", "y", 1): frozenset({None}),
        ("a", "x", 9): frozenset({None}),
        ("c", "x", 1): frozenset({None}),
    }
    (verdict,) = fe.decide(one, table(SCORES), lock=lock, origins=Origins({**locks, **others}))
    assert verdict.registration == "registered"
    locks["b", "x", 4] = frozenset({None})
    (verdict,) = fe.decide(one, table(SCORES), lock=lock, origins=Origins(locks))
    assert verdict.registration == "after_evidence"


def test_attempts_at_one_question_are_counted_whatever_the_margin(
    table: Table, claim: Make
) -> None:
    one = claim(id="f::one", family="f", anticipated=0.3)
    again = claim(id="g::two", family="g", seeds=[11, 12, 13], anticipated=0.2)
    margin = claim("exceeds", 0.3, id="h::three", family="h")
    lock = step([one, again, margin], step([one]), 2)
    assert [lock.attempt(i) for i in ("f::one", "g::two", "h::three")] == [1, 2, 2]
    rows = table(SCORES, seeds=[11, 12, 13, 14, 15])
    (verdict,) = fe.decide(again, rows, lock=lock)
    assert (verdict.attempt, verdict.related) == (2, 0)
    (verdict,) = fe.decide(claim(), table(SCORES))
    assert (verdict.attempt, verdict.related) == (None, None)


X = {arm: fe.metric("x", fe.Arm(arm)) for arm in "abc"}
A, B, C = X.values()
BY = fe.Margin(0.1, "r")
OTHER = fe.Margin(0.7, "r")


def at(metric: str, arm: str, epoch: int | None = None, layers: Any = None) -> fe.Estimand:
    return fe.metric(metric, fe.Arm(arm), epoch=epoch, layers=layers)


@pytest.mark.parametrize(
    ("first", "second", "same", "related"),
    [
        (fe.exceeds(A, B, by=BY), fe.exceeds(A + 1, B - 0.5, by=OTHER, anticipated=0.3), True, 0),
        (fe.exceeds(A, B, by=BY), fe.below(B, A, by=OTHER), True, 0),
        (fe.exceeds(A, B, by=BY), fe.exceeds(2 * (A - B), 0, by=BY), True, 0),
        (fe.exceeds(A, B, by=BY), fe.exceeds(A + C, B + C, by=BY), True, 0),
        (fe.not_above(A, B, by=BY), fe.not_below(B, A, by=OTHER), True, 0),
        (fe.equivalent(A, B, within=BY), fe.equivalent(B, A, within=OTHER), True, 0),
        (fe.exceeds(fe.log10(A), 0, by=BY), fe.exceeds(fe.log10(A + 1), 0, by=BY), True, 0),
        (fe.exceeds(A, B, by=BY), fe.exceeds(B, A, by=BY), False, 0),
        (fe.exceeds(A, B, by=BY), fe.not_below(A, B, by=BY), False, 0),
        (fe.exceeds(A, B, by=BY), fe.exceeds(A, C, by=BY), False, 0),
        (fe.exceeds(A, B, by=BY), fe.exceeds(A, 2 * B, by=BY), False, 0),
        (fe.exceeds(A, B, by=BY), fe.exceeds(at("y", "a"), at("y", "b"), by=BY), False, 0),
        (fe.exceeds(A, B, by=BY), fe.exceeds(at("x", "a", 3), at("x", "b", 3), by=OTHER), False, 1),
        (
            fe.exceeds(A, B, by=BY),
            fe.exceeds(at("x", "a", None, 1), at("x", "b", None, 1), by=BY),
            False,
            1,
        ),
        (
            fe.exceeds(fe.log10(A), 0, by=BY),
            fe.exceeds(fe.log10(at("x", "a", 2)), 0, by=BY),
            False,
            1,
        ),
    ],
)
def test_a_question_is_its_arms_metrics_and_kind(
    first: Any, second: Any, same: bool, related: int
) -> None:
    asked = [
        fe.Claim("s", made, attributed_to=("rule",), id=f"{name}::x", family=name)
        for name, made in (("f", first), ("g", second))
    ]
    lock = step(asked, step(asked[:1]), 2)
    assert lock.attempt("g::x") == 1 + same
    assert (lock.related("f::x"), lock.related("g::x")) == (related, related)


# --- seeds that are drawn, or picked by hand ---


def test_drawn_seeds_are_those_that_anyone_computes(claim: Make, tmp_path: Path) -> None:
    one = claim(id="f::one", family="f", seeds={"*": "drawn:5", "other": 3})
    assert one.canonical()["seeds"] == {"*": "drawn:5", "other": [1, 2, 3]}
    lock = step([one])
    write_lock(lock, tmp_path / NAME)
    assert read_lock(tmp_path / NAME) == lock
    text = (tmp_path / NAME).read_text()
    registered = json.loads(text)["claims"]["f::one"]
    assert (registered["drawn"], registered["seeds"]) == ({"*": 5}, {"other": [1, 2, 3]})
    digest = hashlib.sha256
    seeds = tuple(
        10_000 + int(digest(f"{lock.sha256} toy {i}".encode()).hexdigest(), 16) % (2**31 - 10_000)
        for i in range(1, 6)
    )
    assert lock.planned("f::one", "toy") == seeds
    assert lock.planned("f::one", "other") == (1, 2, 3)
    assert not set(seeds) & set(lock.planned("f::one", "third"))
    assert not any(str(seed) in text for seed in seeds)


@given(st.integers(1, 30), st.integers(0, 20), st.sets(st.integers(0, 29)))
def test_a_shorter_draw_is_the_start_of_a_longer_one(count: int, more: int, skip: set[int]) -> None:
    longer = draw("d" * 64, "toy", count + more)
    assert draw("d" * 64, "toy", count) == longer[:count]
    assert len(set(longer)) == count + more
    assert all(10_000 <= seed < 2**31 for seed in longer)
    seen = {longer[i] for i in skip if i < len(longer)}
    assert draw("d" * 64, "toy", len(longer) - len(seen), seen) == tuple(
        s for s in longer if s not in seen
    )


def test_an_amendment_keeps_its_draw_and_registering_again_is_an_attempt(claim: Make) -> None:
    one, ten = (claim(id="f::one", family="f", seeds=f"drawn:{n}") for n in (5, 10))
    first = step([one])
    again = step([claim(id="g::one", family="g", seeds="drawn:5")], first, 2)
    amended = step([ten], again, 3, amend=["f::one"], because="more power")
    drawn = first.planned("f::one", "toy")
    assert amended.planned("f::one", "toy")[:5] == again.planned("f::one", "toy") == drawn
    assert len(amended.planned("f::one", "toy")) == 10
    assert not set(again.planned("g::one", "toy")) & set(drawn)
    assert (again.attempt("g::one"), amended.is_chosen("f::one", "toy")) == (2, False)


def test_before_its_registration_nobody_knows_a_drawn_seed(table: Table, claim: Make) -> None:
    one = claim(id="f::one", family="f", seeds="drawn:3")
    for attempt in (lambda: one.planned("toy"), lambda: fe.decide(one, table(SCORES))):
        with pytest.raises(FaevalError, match=r"f::one.*drawn:3.*faeval lock.*--seeds"):
            attempt()
    (verdict,) = fe.decide(one, table(SCORES), seeds=[1, 2, 3])
    assert {"unregistered", "exploratory"} <= set(verdict.flags)
    assert (verdict.seeds, verdict.verdict) == ((1, 2, 3), "supported")
    lock = step([one])
    seeds = lock.planned("f::one", "toy")
    (verdict,) = fe.decide(
        one, table({k: v[:3] for k, v in SCORES.items()}, seeds=seeds), lock=lock
    )
    assert (verdict.verdict, verdict.seeds, verdict.flags) == ("supported", seeds, ())


@pytest.mark.parametrize(
    "seeds",
    ["drawn", "drawn:", "drawn:0", "drawn:-1", "drawn:1.5", "5", "drawn:9999999", "drawn:²"],
)
def test_what_is_no_rule_for_seeds_is_refused(claim: Make, seeds: str) -> None:
    with pytest.raises(FaevalError, match="drawn:5"):
        claim(seeds=seeds)


def test_seeds_picked_by_hand_are_flagged(table: Table, claim: Make) -> None:
    def one(seeds: Any, name: str = "f::one") -> fe.Claim:
        return claim(id=name, family=name[0], seeds=seeds)

    def flags(made: fe.Claim, lock: Lock | None, seeds: Any = None) -> bool:
        rows = table({k: v * 4 for k, v in SCORES.items()})
        (verdict,) = fe.decide(made, rows, lock=lock, seeds=seeds)
        return "chosen_seeds" in verdict.flags

    assert [flags(one(s), step([one(s)])) for s in (5, [1, 2, 3], [3, 4, 5], [1, 3, 4])] == [
        False,
        False,
        True,
        True,
    ]
    first = step([one([1, 2, 3])])
    for seeds, chosen in (([4, 5, 6], False), ([5, 6, 7], True), ([1, 2, 3, 4], False)):
        again = one(seeds, "g::two")
        assert flags(again, step([again], first, 2)) is chosen
        assert flags(again, first) is chosen  # not registered, beside what is
        amended = step([one(seeds)], first, 2, amend=["f::one"], because="r")
        assert amended.is_chosen("f::one", "toy") is chosen
        # Amended once more with the same plan, it is as it was.
        third = step(
            [one(seeds).named(expect="refuted")], amended, 3, amend=["f::one"], because="r"
        )
        assert third.is_chosen("f::one", "toy") is chosen
    assert flags(one(5), None, [2, 3, 4])
    assert not flags(one(5), None, [1, 2, 3])
    # Outside a registered plan the verdict is exploratory, which says as much.
    assert not flags(one([1, 2, 3]), first, [7, 8, 9])
