"""What a table on a terminal says in the fewest words. Prose only: no layout."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from faeval.claims import PILOT_SEEDS
from faeval.claims._verdict import REGISTRATIONS, AssertionResult, Side, Verdict
from faeval.errors import FaevalError
from faeval.experiment import Arm
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._shown import shown
from faeval.reports.words import _glossary as glossary, _sentences as sentences
from faeval.stats import region_of

#: What came first, registration or results, by ``Verdict.registration``.
REGISTERED: Mapping[str, str] = {
    "registered": "registered before the runs",
    "amended": "amended before the runs",
    "after_evidence": "registered after results existed",
    "amended_after_evidence": "amended after results existed",
    "undated": "registered, but nothing shows whether before the runs",
    "changed": "no longer as registered",
    "reproduction": "a reproduction, on seeds whose results were known before",
    "exploratory": "exploratory, on seeds outside the plan",
    "unregistered": "unregistered (nothing shows that the margin came before the results)",
}
#: What the verdict of a question about results that exist is.
UNREGISTERED = "unregistered: the margin was named after the results existed."
PILOT = f"Pilot: seeds {PILOT_SEEDS[0]}–{PILOT_SEEDS[-1]} are for planning; they confirm nothing."
#: What a verdict says, where what it speaks of is new seeds.
MEANS: Mapping[str, str] = {
    "supported": (
        "the claim holds for new seeds of these arms on these data. It says nothing about other"
        " data."
    ),
    "refuted": (
        "the claim does not hold for new seeds of these arms on these data. It says nothing about"
        " other data."
    ),
    "inconclusive": (
        "these results are not enough to decide. They do not show that there is no effect."
    ),
}
_LATE_FLAGS = frozenset(REGISTRATIONS)


def signed(assertion: AssertionResult) -> str:
    """Write the effect with its sign; a ratio has none."""
    axis = shown(assertion)
    if math.isnan(axis.estimate):
        return "not estimated"
    text = sentences.style_of(assertion)(axis.estimate)
    above = axis.estimate > 0 and not axis.is_ratio and any(d in text for d in "123456789∞")
    return f"+{text}" if above else text


def intervals(assertion: AssertionResult) -> tuple[str, ...]:
    """Write the interval, and the refuting one where the first alone would mislead."""
    axis, style = shown(assertion), sentences.style_of(assertion)
    if math.isnan(axis.estimate):
        return ()
    inner = style.interval(axis.interval) if axis.is_bounded else "(no interval)"
    outer = axis.refuting if outcomes.is_between(assertion) else None
    return (inner, *((f"refuting {style.interval(outer)}",) if outer else ()))


def margin(assertion: AssertionResult) -> tuple[str, str]:
    """Write the margin with the side of it that is claimed, and its unit, empty if unknown."""
    unit = sentences.unit_of(assertion).strip()
    edges, side = shown(assertion).edges, region_of(assertion.kind).side
    if side == "between" and assertion.ratio:
        return " to ".join(sentences.edge_text(assertion, edge) for edge in edges), unit
    sign = {"between": "±", "above": ">", "below": "<"}[side]
    return f"{sign} {sentences.edge_text(assertion, edges[-1])}", unit


def names(assertion: AssertionResult) -> tuple[str, str]:
    """Name both sides: by the values of the one factor that they differ in, else in full."""
    a, b = _arm(assertion.a), _arm(assertion.b)
    if a is None or b is None or not _alike(assertion):
        return assertion.a.expression, assertion.b.expression
    try:
        first, second = Arm.parse(a), Arm.parse(b)
    except FaevalError:  # evidence of another program may name its arms as it likes
        return a, b
    differ = [key for key in {**first, **second} if first.get(key) != second.get(key)]
    if len(differ) == 1 and differ[0] in first and differ[0] in second:
        return str(first[differ[0]]), str(second[differ[0]])
    return a or "defaults", b or "defaults"


def _arm(side: Side) -> str | None:
    """Return the arm of a side that is one metric of it and nothing else."""
    term = side.terms[0] if len(side.terms) == 1 and side.constant == 0 else None
    return term.arm if term is not None and term.metric and term.coefficient == 1 else None


def _alike(assertion: AssertionResult) -> bool:
    """Whether both sides read the same of their arms."""
    a, b = assertion.a.terms[0], assertion.b.terms[0]
    return (a.metric, a.layers, a.epoch, a.course) == (b.metric, b.layers, b.epoch, b.course)


def is_pilot(verdict: Verdict) -> bool:
    """Whether all seeds of a verdict are those kept for pilots."""
    return bool(verdict.seeds) and set(verdict.seeds) <= set(PILOT_SEEDS)


def late(verdicts: Sequence[Verdict]) -> Collection[str]:
    """Return the registrations to be marked in the rows: where they are not all alike."""
    codes = {v.registration for v in verdicts}
    return codes - {"registered", "amended"} if len(codes) > 1 else ()


def registration(verdicts: Sequence[Verdict], mark: str) -> str:
    """Say once how all claims stand to their registration; ``mark`` is that of :func:`late`."""
    counts, marked = Counter(v.registration for v in verdicts), late(verdicts)
    phrases = []
    for code, count in counts.items():
        text = REGISTERED.get(code, glossary.spaced(code))
        which = f"{count} " if len(counts) > 1 else f"all {count} " if count > 1 else ""
        phrases.append(f"{which}{f'{mark} ' if code in marked else ''}{text}")
    return f"Registration: {'; '.join(phrases)}." if phrases else ""


def flags(verdict: Verdict) -> tuple[str, ...]:
    """Return the flags of a verdict, without those that say its registration."""
    return tuple(flag for flag in verdict.flags if flag not in _LATE_FLAGS)


def flags_line(verdicts: Sequence[Verdict]) -> str:
    """Say how many verdicts have which flag, and where more is said; empty without any."""
    counts = Counter(flag for v in verdicts for flag in flags(v))
    if not counts:
        return ""
    by_flag = ", ".join(f"{n} {glossary.spaced(flag)}" for flag, n in counts.most_common())
    word = next(iter(counts)).replace("_", "-")
    return f"flagged: {by_flag}. What a flag means: faeval explain {word}"


def predicted(verdicts: Sequence[Verdict]) -> str:
    """Say how many verdicts are as predicted, of those that were; empty where none was."""
    predictions = [v for v in verdicts if v.expected is not None]
    if not predictions:
        return ""
    return f"as predicted: {sum(v.as_expected is True for v in predictions)} of {len(predictions)}"


def expected(verdict: Verdict) -> str:
    """Say what was predicted where the verdict is another; empty elsewhere."""
    how = outcomes.standing(verdict)
    if how in ("free", "as registered", "as expected"):
        return ""
    return f"predicted: {verdict.expected}" if verdict.expected else "not expected"


def title(verdict: Verdict, most: int = 48) -> str:
    """Return the sentence of a claim, cut to so many characters."""
    text = verdict.sentence
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def means(verdict: Verdict) -> str:
    """Say what a verdict speaks of, in a sentence or two; empty where nothing was estimated."""
    if not verdict.assertions or verdict.verdict == "invalid":
        return ""
    if verdict.over == "seeds" or verdict.verdict == "inconclusive":
        return MEANS[verdict.verdict]
    return f"{glossary.scope_of(verdict.over, verdict.test)}."


def assumes(verdict: Verdict) -> str:
    """Say what a verdict takes for granted, in one sentence."""
    test = glossary.assumptions(verdict.test)[0]
    return f"{test}; and no seed was left out." if test else "no seed was left out."
