"""The answer to questions about results that exist: a block for each claim, on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from faeval.claims._verdict import AssertionResult, Verdict
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._report import Report
from faeval.reports.data._shown import shown
from faeval.reports.figures import _strips as strips
from faeval.reports.formats._screen import ALARM, GAP, STYLES, Screen
from faeval.reports.formats._terminal import VerdictTable
from faeval.reports.formats._text_strip import LEAST, Strip
from faeval.reports.views._assertion import summarized
from faeval.reports.words import (
    _brief as brief,
    _counts as counts,
    _glossary as glossary,
    _reasons as reasons,
    _sentences as sentences,
    _settling as settling,
)
from faeval.reports.words._escape import PARAGRAPH
from faeval.reports.words._numbers import percent, style_for

_MOST = 5  # claims that have a block each; of more there is a table
_LABEL = 11  # columns of the labels, with the blanks around them
_ASSERTIONS = 6  # assertions of a claim that are drawn
_NAME = 40  # characters of an arm or a metric
_WARNINGS = 3
_INDENT = " " * 6  # of commands
_COMMAND = 50  # characters of a command beside which another one's text may stand


def answer(
    report: Report,
    *,
    read: Sequence[str] = (),
    next_steps: Sequence[tuple[str, str]] = (),
    width: int = 80,
    status: str = brief.UNREGISTERED,
) -> RenderableType:
    """Return the answer to questions about results that exist, as ``rich`` prints it.

    Parameters
    ----------
    report
        The verdicts. Up to five have a block each, more stand in a table.
    read
        Sentences that say how the input was read.
    next_steps
        Commands, and what each of them does.
    width
        The most columns of a line.
    status
        What the verdicts are by their registration, said once.
    """
    return _Answer(report, tuple(read), tuple(next_steps), width, status)


@dataclass(frozen=True)
class Description:
    """An effect that nothing was decided of, as no margin was given.

    Parameters
    ----------
    metric, unit
        What was compared, and its unit, empty where none was stated.
    names, means
        Of both sides.
    effect, low, high, level
        The first side less the second, with its interval, and the confidence of that.
    n
        How many seeds: one number where seeds pair the sides, else one a side.
    """

    metric: str
    names: tuple[str, str]
    means: tuple[float, float]
    effect: float
    low: float
    high: float
    n: tuple[int, ...]
    level: float = 0.9
    unit: str = ""


def described(
    descriptions: Sequence[Description],
    *,
    read: Sequence[str] = (),
    next_steps: Sequence[tuple[str, str]] = (),
    width: int = 80,
) -> RenderableType:
    """Return effects without verdicts, as ``rich`` prints them in at most so many columns."""
    return _Described(tuple(descriptions), tuple(read), tuple(next_steps), width)


@dataclass(frozen=True)
class _Answer:
    report: Report
    read: tuple[str, ...]
    next_steps: tuple[tuple[str, str], ...]
    width: int
    status: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        screen, verdicts = Screen.of(console, options, self.width), self.report.verdicts
        yield from _read(screen, self.read)
        if many := len(verdicts) > _MOST:
            yield VerdictTable(self.report, self.width, self.status)
            yield Text()
        else:
            for verdict in verdicts:
                yield from _block(screen, verdict)
                yield Text()
        for text in dict.fromkeys(brief.assumes(v) for v in verdicts if v.assertions):
            yield from _labelled(screen, "Assumes", text)
        yield from _meant(screen, verdicts)
        if verdicts and not many:
            yield from _labelled(screen, "Status", self.status)
        yield from _next(screen, self.next_steps)


def _meant(screen: Screen, verdicts: Sequence[Verdict]) -> Iterator[Text]:
    """Yield what verdicts speak of, once for each word."""
    by_word = dict.fromkeys((v.verdict, text) for v in verdicts if (text := brief.means(v)))
    for word, text in by_word:
        yield from _labelled(screen, "Means", f"{word}: {text}" if len(by_word) > 1 else text)


@dataclass(frozen=True)
class _Described:
    descriptions: tuple[Description, ...]
    read: tuple[str, ...]
    next_steps: tuple[tuple[str, str], ...]
    width: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        screen = Screen.of(console, options, self.width)
        yield from _read(screen, self.read)
        for one in self.descriptions:
            yield from _description(screen, one)
            yield Text()
        yield from _labelled(screen, "Status", "no margin was given, so nothing was decided.")
        yield from _next(screen, self.next_steps)


def _read(screen: Screen, read: Sequence[str]) -> Iterator[Text]:
    for text in read:
        yield from screen.lines(screen.text(text, "dim", PARAGRAPH), screen.width, 2)
    if read:
        yield Text()


def _next(screen: Screen, steps: Sequence[tuple[str, str]]) -> Iterator[Text]:
    """Yield commands, each with what it does: beside it where there is room, else below it."""
    if not steps:
        return
    yield Text()
    texts = [screen.text(command, "bold", PARAGRAPH) for command, _ in steps]
    short = [text.cell_len for text in texts if text.cell_len <= _COMMAND]
    column = max(short, default=0) + GAP
    for i, (text, (_, what)) in enumerate(zip(texts, steps, strict=True)):
        what_for = screen.text(what, "dim", PARAGRAPH)
        head = Text(_INDENT) if i else Text().append(f"{'Next':<{len(_INDENT)}}", "bold")
        room = screen.width - len(_INDENT)
        lines = screen.lines(text, room, 2)
        free = room - text.cell_len - what_for.cell_len
        if len(lines) == 1 and free >= GAP:
            gap = max(GAP, min(free, column - text.cell_len))
            yield head.append_text(text).append(" " * gap).append_text(what_for)
            continue
        yield head.append_text(lines[0])
        below = screen.lines(what_for, room - 2) if what else []
        for line in (*lines[1:], *(Text("  ").append_text(line) for line in below)):
            yield Text(_INDENT).append_text(line)


def _labelled(screen: Screen, label: str, text: str, style: str = "") -> Iterator[Text]:
    """Yield a text beside its label, further lines below each other."""
    yield from _beside(screen, label, [screen.text(text, style, PARAGRAPH)])


def _beside(screen: Screen, label: str, texts: Sequence[Text]) -> Iterator[Text]:
    room = _LABEL if screen.width > 3 * _LABEL else 2
    head = Text().append(f"  {label}", "dim")
    if room < _LABEL and label:
        yield from screen.lines(head, screen.width)
    lines = [line for text in texts for line in screen.lines(text, screen.width - room - 2)]
    for i, line in enumerate(lines):
        first = head.copy() if room == _LABEL and not i else Text()
        first.append(" " * (room + 2 - first.cell_len))
        first.append_text(line)
        first.rstrip()
        yield first


def _block(screen: Screen, verdict: Verdict) -> Iterator[Text]:
    alarm = outcomes.standing(verdict) == "drift"
    style = ALARM if alarm else STYLES[verdict.verdict]
    word = screen.text(f"{glossary.GLYPHS[verdict.verdict]} {verdict.verdict}", f"bold {style}")
    head = Text().append_text(word).append(": ").append_text(screen.text(verdict.sentence))
    yield from screen.lines(head, screen.width, 2)
    if verdict.assertions:
        yield Text()
    many = len(verdict.assertions) > 1
    for i, assertion in enumerate(verdict.assertions[:_ASSERTIONS]):
        if many:
            text = f"{i + 1}. {sentences.assertion_text(assertion)}"
            yield from _beside(screen, "", [screen.text(text)])
        yield from _numbers(screen, assertion, verdict)
    if (rest := len(verdict.assertions) - _ASSERTIONS) > 0:
        yield from _labelled(screen, "", f"and {rest} more; --report DIR writes all of them.")
    for count in verdict.counts:
        yield from _labelled(screen, "count", counts.found_text(count))
    yield from _remarks(screen, verdict)


def _remarks(screen: Screen, verdict: Verdict) -> Iterator[Text]:
    """Yield why nothing was decided, what would settle it, and what to keep in mind."""
    if verdict.detail or not verdict.assertions:
        why = glossary.sentence(reasons.reason(verdict))
        yield from _labelled(screen, "Reason", why, ALARM if verdict.verdict == "invalid" else "")
    elif verdict.verdict == "inconclusive":
        yield from _labelled(screen, "To settle", f"{settling.to_settle(verdict)} {settling.HOW}")
    for flag in brief.flags(verdict):
        text = f"{glossary.spaced(flag)}: {glossary.FLAGS.get(flag, '')}."
        yield from _labelled(screen, "Flag", text, "yellow")
    for item in verdict.warnings[:_WARNINGS]:
        yield from _labelled(screen, "Warning", f"{reasons.caution(item, verdict)}.", "yellow")
    if (rest := len(verdict.warnings) - _WARNINGS) > 0:
        yield from _labelled(screen, "", f"and {rest} more warnings; --json has them all.")


def _numbers(screen: Screen, a: AssertionResult, verdict: Verdict) -> Iterator[Text]:
    """Yield what both sides are, how they differ, and the interval as a drawing."""
    name, first, second = summarized(a, verdict)
    names = [_cut(each) for each in brief.names(a)]
    sides = [f"{names[0]} {first}", *([f"{names[1]} {second}"] if second else [])]
    yield from _beside(screen, name if len(name) < _LABEL else "", _packed(screen, sides))
    margin, unit = brief.margin(a)
    effect = " ".join((brief.signed(a), *brief.intervals(a), _level(a))).strip()
    of = f" {unit}" if unit else ""
    label = "ratio" if a.ratio is not None else "effect"
    texts = [f"{effect}{of}", f"margin {margin}{of}", sentences.seeds_text(verdict)]
    yield from _beside(screen, label, _packed(screen, texts))
    if strips.is_drawn(a):
        yield from _drawn(screen, _strip_of(a, glossary.GLYPHS[verdict.verdict]))


def _level(a: AssertionResult) -> str:
    """Say of what confidence the interval is: of both bounds together, or of each."""
    low, high = a.levels
    if not (math.isfinite(low) and math.isfinite(high)) or a.refuting is not None:
        return ""
    if math.isclose(low, high):
        return f"({100 * (1 - low - high):.4g} % interval)"
    return f"(bounds at {100 * (1 - low):.4g} % and {100 * (1 - high):.4g} %)"


def _packed(screen: Screen, texts: Sequence[str]) -> list[Text]:
    """Put texts into one line where there is room, else each on its own."""
    each = [screen.text(text) for text in texts]
    line = Text("   ").join(each)
    return [line] if line.cell_len <= screen.width - _LABEL - 2 else each


def _cut(text: str) -> str:
    """Cut a long name in its middle: names that are alike often differ at their end."""
    if len(text) <= _NAME:
        return text
    half = (_NAME - 1) // 2
    return f"{text[: _NAME - 1 - half]}…{text[-half:]}"


def _strip_of(a: AssertionResult, sign: str) -> Strip:
    axis = shown(a)
    edges = [(edge, sentences.edge_text(a, edge)) for edge in axis.edges if edge != axis.neutral]
    labels = tuple(
        (edge, f"{'+' if edge > 0 and not axis.is_ratio else ''}{text}{' margin' * (not i)}")
        for i, (edge, text) in enumerate(edges)
    )
    return Strip(
        axis.estimate, axis.interval, sign, axis.neutral, labels, axis.claimed, axis.is_ratio
    )


def _drawn(screen: Screen, strip: Strip) -> Iterator[Text]:
    room = min(screen.width - _LABEL - 2, 60)
    if room < LEAST:
        return
    for line, style in zip(strip.lines(room), ("", "dim"), strict=True):
        # Not cleaned: blanks are part of it, and none of it is text of others.
        text = Text(" " * (_LABEL + 2) + screen.plain(line), style=style)
        text.rstrip()
        yield text


def _description(screen: Screen, one: Description) -> Iterator[Text]:
    first, second = map(_cut, one.names)
    head = Text().append("effect", "bold")
    head.append_text(screen.text(f": {first} less {second} in {_cut(one.metric)}"))
    yield from screen.lines(head, screen.width, 2)
    yield Text()
    style = style_for((one.high - one.low) / 2, (one.effect, *one.means))
    sides = [f"{name} {style(mean)}" for name, mean in zip((first, second), one.means, strict=True)]
    yield from _beside(screen, "mean", _packed(screen, sides))
    plus = "+" if one.effect > 0 else ""
    unit = f" {one.unit}" if one.unit else ""
    seeds = f"{' and '.join(map(str, one.n))} seeds"
    effect = f"{plus}{style(one.effect)} {style.interval((one.low, one.high))}{unit}"
    texts = [effect, f"{percent(one.level)} interval", seeds]
    yield from _beside(screen, "effect", _packed(screen, texts))
    if math.isfinite(one.effect):
        yield from _drawn(screen, Strip(one.effect, (one.low, one.high), "●"))
