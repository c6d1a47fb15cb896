"""Two reports of one setting compared: what moved, and what may have moved it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from faeval.claims._verdict import AssertionResult, Verdict
from faeval.errors import FaevalError
from faeval.evidence import with_identifiers
from faeval.reports.data._drift import POWER, Change, Difference, Drift, Snapshot
from faeval.reports.data._read import read_verdicts
from faeval.reports.data._report import Report

# Shifts under a millionth of an interval are another machine's rounding.
_ROUNDING = 1e-6
# Facts of a run that are not of how its numbers came about, or that stand elsewhere.
_NO_CAUSE = {"runs", "hours", "registrations", "evidence_sha256", "lock", "not_digested"}
# What else decides, the likeliest first; a level follows from the other verdicts of a family.
_RULE = (
    "test",
    "alpha",
    "family",
    "family_size",
    "looks",
    "controls",
    "gates",
    "registered_sha256",
    "level_support",
    "level_refute",
)
_LEVELS = ("level_support", "level_refute")
_WORDS = ("sentence", "expected")


def compare(
    new: Report, old: Mapping[str, Any], provenance: Mapping[str, Any] | None = None
) -> Drift:
    """Compare a report with an earlier one of the same setting.

    A verdict that moved on identical evidence, or on networks of identical weights, is a failure:
    nothing was left to chance. Elsewhere two sound reports may differ: where each has power p to
    support a true claim, they agree in p^2 + (1 - p)^2 of all pairs, .68 at 80 % power (p q + (1 -
    p)(1 - q) where their powers differ).

    Causes are ranked by what they can do, since of what can have moved a verdict the nearest is the
    likeliest:

    1. What is asked and how it is decided, which changes a verdict by necessity, even on the same
       numbers: the assertion,
       its margin, the seeds decided on, the test, alpha, the family, looks, controls, gates,
       anything else of the registered claim, the level that the rest of the family leaves.
    2. What can change the numbers: the revision of a stage or component, the data set, the version
       of torch, device and
       threads, the source of an experiment or component of one's own, versions of other packages,
       the commit. Left out for a claim whose numbers are the same. Last what one of the two does
       not record.
    3. Chance: other networks were trained.
    4. Where nothing of that is left: one of the files was edited, or the code that decides has
       changed.

    Wording and expectation come last: they change no verdict.

    Parameters
    ----------
    old
        The earlier report as its JSON (``Report.to_dict()``, or verdicts.json).
    provenance
        What stood beside its evidence, as ``Report.provenance`` has it.

    Raises
    ------
    FaevalError
        The earlier report is of another setting.
    EvidenceError
        It is not what a report's JSON must be.
    """
    if old.get("setting") != new.setting:
        raise FaevalError(
            f"the earlier report is of setting {old.get('setting')!r}, and this one of"
            f" {new.setting!r}; compare reports of one setting."
        )
    before, now = read_verdicts(old), {verdict.claim: verdict for verdict in new.verdicts}
    same = new.evidence_sha256 is not None and new.evidence_sha256 == old.get("evidence_sha256")
    provenances = tuple(_provenance(provenance or {}, new.provenance))
    pairs = [(before[name], verdict) for name, verdict in now.items() if name in before]
    changes = [_change(earlier, later, same, provenances) for earlier, later in pairs]
    differing = [change for change in changes if change is not None]
    return Drift(
        setting=new.setting,
        moved=tuple(c for c in differing if c.moved),
        shifted=tuple(c for c in differing if not c.moved),
        added=_without(now, before),
        gone=_without(before, now),
        differences=(*_in_claims(pairs, _rule), *provenances, *_in_claims(pairs, _words)),
        same_evidence=same,
        compared=len(changes),
    )


def _without(names: Iterable[str], others: Container[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in others)


def _in_claims(
    pairs: Iterable[tuple[Verdict, Verdict]],
    differing: Callable[[Verdict, Verdict], Iterable[Difference]],
) -> Iterator[Difference]:
    """Yield what differs in claims, each difference once, with the claims that have it.

    A difference of all claims names none of them.
    """
    every = list(pairs)
    claims: dict[Difference, list[str]] = {}
    for old, new in every:
        for difference in differing(old, new):
            if difference.what not in _LEVELS:  # they follow from the other verdicts
                claims.setdefault(difference, []).append(new.claim)
    for difference, names in claims.items():
        yield replace(difference, claims=() if len(names) == len(every) else tuple(names))


def _snapshot(verdict: Verdict) -> Snapshot:
    return Snapshot(verdict.verdict, verdict.reason_code, verdict.n, verdict.assertions)


def _numbers(verdict: Verdict) -> tuple[object, ...]:
    """Every number that a verdict was decided from."""
    values = ((a.a.values, a.b.values, a.a.seeds, a.b.seeds) for a in verdict.assertions)
    return (verdict.seeds, tuple(values))


def _change(
    old: Verdict, new: Verdict, same: bool, provenance: tuple[Difference, ...]
) -> Change | None:
    """Compare one claim; None where it reads the same."""
    shifts = _shifts(old, new)
    same_verdict = (old.verdict, old.reason_code) == (new.verdict, new.reason_code)
    if same_verdict and not any(s is not None and abs(s) > _ROUNDING for s in shifts):
        return None
    identical = same or bool(old.runs and set(old.runs) == set(new.runs))
    same_numbers = same or bool(old.assertions and _numbers(old) == _numbers(new))
    rule, words = list(_rule(old, new)), list(_words(old, new))
    numbers = [] if same_numbers else [*provenance, *_chance(old, new)]
    causes = rule + numbers or [Difference("deciding", "undetermined")]
    replicated = bool(old.seeds and new.seeds) and not identical and old.verdict != new.verdict
    return Change(
        claim=new.claim,
        sentence=new.sentence,
        before=_snapshot(old),
        now=_snapshot(new),
        shifts=shifts,
        identical=identical,
        agreement=_agreement(old, new) if replicated else None,
        causes=(*causes, *words),
    )


def _asserted(a: AssertionResult) -> tuple[str, str, str, str, str]:
    return a.kind, a.a.expression, a.b.expression, a.unit, _of(a)


def _of(a: AssertionResult) -> str:
    """Return what a ratio is of; empty of a difference."""
    return a.ratio.of if a.ratio is not None else ""


def _margin(a: AssertionResult) -> float:
    """Return a margin as it was declared: of a ratio the factor."""
    return a.ratio.factor if a.ratio is not None else a.margin


def _shifts(old: Verdict, new: Verdict) -> tuple[float | None, ...]:
    """How far each assertion moved; empty where the two have not as many."""
    alike = len(old.assertions) == len(new.assertions)
    return tuple(map(_shift, old.assertions, new.assertions)) if alike else ()


def _shift(old: AssertionResult, new: AssertionResult) -> float | None:
    if _asserted(old) != _asserted(new):
        return None
    halves = [(high - low) / 2 for low, high in (old.interval, new.interval)]
    unit = max((half for half in halves if math.isfinite(half) and half > 0), default=math.nan)
    shift = (new.estimate - old.estimate) / unit
    return shift if math.isfinite(shift) else None


def _agreement(old: Verdict, new: Verdict) -> float:
    """Return the chance that two sound reports agree, given their powers.

    The power at the anticipated effect counts only where one of the two supported the claim.
    """
    powers = [v.assertions[0].power if len(v.assertions) == 1 else None for v in (old, new)]
    if "supported" not in (old.verdict, new.verdict) or None in powers:
        powers = [POWER, POWER]
    p, q = (power or 0.0 for power in powers)
    return p * q + (1 - p) * (1 - q)


def _claimed(verdict: Verdict) -> tuple[tuple[Any, ...], ...]:
    """Return what is claimed of both sides; of a ratio also what it is of."""
    return tuple(
        (a.kind, a.a.expression, a.b.expression, _margin(a), *((None, _of(a)) if a.ratio else ()))
        for a in verdict.assertions
    )


def _counted(verdict: Verdict) -> tuple[tuple[int, int], ...]:
    return tuple((count.least, len(count.members)) for count in verdict.counts)


def _rule(old: Verdict, new: Verdict) -> Iterator[Difference]:
    """What decides otherwise on the same numbers."""
    if old.assertions and new.assertions:
        yield from _claims_of(old, new)
    if old.seeds != new.seeds:
        yield Difference("rule", "seeds", old.seeds, new.seeds)
    elif old.planned != new.planned:
        yield Difference("rule", "planned", old.planned, new.planned)
    if "changed" in (old.registration, new.registration) and old.registration != new.registration:
        yield Difference("rule", "registration", old.registration, new.registration)
    for what in _RULE:
        before, now = getattr(old, what), getattr(new, what)
        if before != now and ((old.seeds and new.seeds) or what not in _LEVELS):
            yield Difference("rule", what, before, now)


def _claims_of(old: Verdict, new: Verdict) -> Iterator[Difference]:
    if _counted(old) != _counted(new):
        yield Difference("rule", "counts", _counted(old), _counted(new))
    if len(old.assertions) != len(new.assertions):
        yield Difference("rule", "claimed", _claimed(old), _claimed(new))
        return
    many = len(new.assertions) > 1
    for i, (a, b) in enumerate(zip(old.assertions, new.assertions, strict=True)):
        at = i + 1 if many else None
        if _asserted(a) != _asserted(b):
            before, now = (_claimed(v)[i : i + 1] for v in (old, new))
            yield Difference("rule", "claimed", before, now, assertion=at)
        if _margin(a) != _margin(b):
            yield Difference("rule", "margin", _margin(a), _margin(b), assertion=at)


def _words(old: Verdict, new: Verdict) -> Iterator[Difference]:
    for what in _WORDS:
        before, now = getattr(old, what), getattr(new, what)
        if before != now:
            yield Difference("words", what, before, now)


def _chance(old: Verdict, new: Verdict) -> Iterator[Difference]:
    if old.runs and new.runs and set(old.runs) != set(new.runs):
        yield Difference(
            "chance",
            "runs",
            len(old.runs),
            len(new.runs),
            name=str(len(set(old.runs) & set(new.runs))),
        )


def _provenance(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """What differs in provenance, by what is likeliest to have changed the numbers."""
    before, now = (dict(_flat(with_identifiers(side))) for side in (old, new))
    differences = [
        Difference("numbers", group, before.get((group, name)), now.get((group, name)), name)
        for group, name in sorted(before.keys() | now.keys())
        if before.get((group, name)) != now.get((group, name))
    ]
    return sorted(differences, key=lambda d: (None in (d.before, d.now), _rank(d), d.what, d.name))


def _flat(provenance: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield each value under its group and its name, as text."""
    for key in provenance.keys() - _NO_CAUSE:
        value = provenance[key]
        if key in ("versions", "revisions", "code") and isinstance(value, Mapping):
            yield from (((key, str(name)), _spelt(inner)) for name, inner in value.items())
        else:
            yield ("provenance", str(key)), _spelt(value)


def _rank(difference: Difference) -> int:
    group, name = difference.what, difference.name
    order = (
        group in ("revisions", "code"),
        name == "dataset",
        (group, name) == ("versions", "torch"),
        group == "provenance" and name in ("device", "threads"),
        group == "versions" and name != "faeval",
        group == "versions",
        name != "commit",
        True,
    )
    return order.index(True)


def _spelt(value: Any) -> str:
    several = isinstance(value, Mapping | list | tuple)
    return json.dumps(value, sort_keys=True, default=str) if several else str(value)
