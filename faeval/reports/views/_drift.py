"""Drift put into words, once; every view shows exactly these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from faeval.reports.data._drift import FLAG, POWER, Change, Difference, Drift, Snapshot
from faeval.reports.views._types import DriftView, Fact, MovedView, SnapshotView, Table
from faeval.reports.words._differences import cause, label_of, sides_of
from faeval.reports.words._glossary import GLYPHS, plain, sentence, spaced
from faeval.reports.words._numbers import Style, chance
from faeval.reports.words._sentences import value_text


def drift_view(drift: Drift, anchors: Mapping[str, str] | None = None, name: str = "") -> DriftView:
    """Put a drift into words.

    ``anchors`` has the place of each claim on a page; ``name`` tells the drift from others there.
    """
    of = f"{name}: " if name else ""
    return DriftView(
        summary=summary(drift),
        alarm=bool(drift.exit_code),
        moved=tuple(
            _moved(change, (anchors or {}).get(change.claim, "")) for change in drift.moved
        ),
        shifted=_shifted(drift.shifted, of),
        differences=_differences(drift.differences, of),
        facts=tuple(_facts(drift)),
    )


def summary(drift: Drift) -> str:
    """Say in one sentence what moved."""
    failures = sum(change.failure for change in drift.moved)
    others = len(drift.moved) - failures
    shared = "the same evidence or the same trained networks"
    parts = []
    if failures:
        parts.append(f"{failures} moved on {shared}, where nothing should: a failure")
    if others:
        parts.append(f"{others} moved on other networks")
    if drift.shifted:
        parts.append(
            f"{len(drift.shifted)} kept {'its' if len(drift.shifted) == 1 else 'their'} word on"
            " other numbers"
        )
    compared = f"{drift.compared} claim{'s' * (drift.compared != 1)} compared"
    rests = (
        "Both reports rest on the same evidence"
        if drift.same_evidence
        else "The evidence is another"
    )
    return f"{compared}: {'; '.join(parts) or 'no verdict and no estimate moved'}. {rests}."


def _moved(change: Change, anchor: str) -> MovedView:
    return MovedView(
        claim=change.claim,
        sentence=change.sentence,
        anchor=anchor,
        before=_snapshot(change.before),
        now=_snapshot(change.now),
        alarm=change.failure,
        remark=_remark(change),
        causes=tuple(map(cause, change.causes)),
    )


def _snapshot(said: Snapshot) -> SnapshotView:
    code = "" if said.reason_code == "decided" else spaced(said.reason_code)
    return SnapshotView(
        said.verdict,
        GLYPHS[said.verdict],
        code,
        "; ".join(map(value_text, said.assertions)) or "no estimate",
        said.n,
    )


def _remark(change: Change) -> str:
    if change.failure:
        return (
            "Failure: both verdicts rest on the same evidence or the same trained networks, so"
            " nothing was left to chance."
        )
    if change.agreement is None:
        return "Nothing was replicated: one of the two reports has no numbers for this claim."
    usual = POWER * POWER + (1 - POWER) * (1 - POWER)
    often = chance(change.agreement)
    by = "at 80 % power" if abs(change.agreement - usual) < 1e-12 else "at the claim's own power"
    return (
        f"Flag {spaced(FLAG)}: two sound reports of one claim, each on networks of its own, agree"
        f" in {often} of all pairs {by}."
    )


def _shifted(changes: tuple[Change, ...], of: str) -> Table | None:
    if not changes:
        return None
    return Table(
        sentence(
            f"{of}same verdict, other numbers. Moved by: how far each estimate went, in halves of"
            " its wider interval"
        ),
        ("Claim", "Verdict", "Before", "Now", "Moved by", "Likeliest cause"),
        tuple(
            (
                change.sentence,
                _verdict(change),
                *(
                    "; ".join(map(value_text, snapshot.assertions)) or "none"
                    for snapshot in (change.before, change.now)
                ),
                "; ".join("no interval" if s is None else Style(2)(s) for s in change.shifts)
                or "not compared",
                cause(change.causes[0]),
            )
            for change in changes
        ),
    )


def _verdict(change: Change) -> str:
    before, now = change.before.reason_code, change.now.reason_code
    code = "" if before == now else f" ({spaced(before)}, now {spaced(now)})"
    return f"{GLYPHS[change.now.verdict]} {change.now.verdict}{code}"


def _differences(differences: tuple[Difference, ...], of: str) -> Table | None:
    if not differences:
        return None
    return Table(
        sentence(f"{of}what differs in claims and provenance, the likeliest cause first"),
        ("What", "Before", "Now"),
        tuple((label_of(d), *sides_of(d)) for d in differences),
    )


def _facts(drift: Drift) -> Iterator[Fact]:
    for label, names in (("Claims added", drift.added), ("Claims gone", drift.gone)):
        if names:
            yield Fact(label, plain(", ".join(names)))
    if not any(d.kind == "numbers" for d in drift.differences):
        yield Fact("Provenance", plain("nothing that both reports record differs"))
    if not any(d.kind != "numbers" for d in drift.differences):
        yield Fact(
            "Claims",
            plain("seeds, margins and all else that is registered are the same in both reports"),
        )
