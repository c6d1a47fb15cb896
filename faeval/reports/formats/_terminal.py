"""The table of verdicts on the terminal, and what moved since an earlier report."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from faeval._safe_text import inert_wherever_cut
from faeval.claims._verdict import Verdict
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._drift import Drift
from faeval.reports.data._report import Report
from faeval.reports.formats._screen import ALARM, GAP, STYLES, Screen
from faeval.reports.views._drift import drift_view
from faeval.reports.views._report import tallies
from faeval.reports.views._types import SnapshotView
from faeval.reports.words import (
    _brief as brief,
    _counts as counts,
    _glossary as glossary,
    _settling as settling,
)
from faeval.reports.words._escape import CELL, clip
from faeval.reports.words._glossary import as_text

FLAG, LATE = "⚑", "†"
_NARROW, _WIDE = 72, 100  # columns below which a table has no room, and with room for one line
_VERDICT, _EFFECT, _MARGIN = 16, 26, 16  # the most columns of each
_CLAIM = 12  # the fewest
_NOTES = 4  # what to do is said of so many groups of claims


@dataclass(frozen=True)
class VerdictTable:
    """The verdicts of a report as ``rich`` prints them, in at most so many columns."""

    report: Report
    width: int
    status: str = ""  # what is said of all registrations, in place of how many are which

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines of the table, and what is said of all claims below it."""
        screen = Screen.of(console, options, self.width)
        verdicts = self.report.verdicts
        if not verdicts:
            yield screen.text("No claims were selected.", "bold")
            return
        rows = [Row.of(screen, verdict, brief.late(verdicts)) for verdict in verdicts]
        yield from _blocks(screen, rows) if screen.width < _NARROW else _grid(screen, rows)
        yield from below(screen, verdicts, self.status)


def table(report: Report, width: int) -> RenderableType:
    """Return the verdict table of at most so many columns, with what is said once below it."""
    return VerdictTable(report, width)


@dataclass(frozen=True)
class Row:
    """One claim: texts of its cells, an effect with interval and margin for each part of it."""

    claim: Text
    verdict: tuple[Text, ...]
    parts: tuple[tuple[tuple[Text, ...], tuple[Text, ...]], ...]
    n: Text

    @classmethod
    def of(cls, screen: Screen, verdict: Verdict, late: Collection[str] = ()) -> Row:
        """Put a verdict into cells."""
        n = str(verdict.n) if verdict.n else "–"
        return cls(
            screen.text(verdict.sentence),
            tuple(verdict_lines(screen, verdict, late)),
            tuple(_parts(screen, verdict)),
            screen.text(n),
        )


def verdict_lines(screen: Screen, verdict: Verdict, late: Collection[str] = ()) -> Iterator[Text]:
    """Yield the word with its signs, then its reason, and what was predicted instead."""
    alarm = outcomes.standing(verdict) in ("broken", "drift")
    style = ALARM if alarm else STYLES[verdict.verdict]
    head = screen.text(f"{glossary.GLYPHS[verdict.verdict]} {verdict.verdict}", style)
    if brief.flags(verdict):
        head.append_text(screen.text(f" {FLAG}", "yellow"))
    if verdict.registration in late:
        head.append_text(screen.text(f" {LATE}", "dim"))
    yield head
    if verdict.reason_code != "decided":
        yield screen.text(glossary.spaced(verdict.reason_code), style)
    if brief.is_pilot(verdict):
        yield screen.text("pilot", "dim")
    if instead := brief.expected(verdict):
        yield screen.text(instead, style if alarm else "dim")


def _parts(screen: Screen, verdict: Verdict) -> Iterator[tuple[tuple[Text, ...], tuple[Text, ...]]]:
    for part in outcomes.parts(verdict):
        if part.count is not None:
            effect = (screen.text(counts.found_text(part.count)),)
            yield effect, (screen.text(counts.least_text(part.count)),)
            continue
        assertion = verdict.assertions[part.places[0]]
        margin, unit = brief.margin(assertion)
        interval = (screen.text(each, "dim") for each in brief.intervals(assertion))
        yield (
            (screen.text(brief.signed(assertion)), *interval),
            (screen.text(margin), *((screen.text(unit, "dim"),) if unit else ())),
        )
    if not verdict.assertions:
        yield (screen.text("none", "dim"),), (screen.text("–", "dim"),)


def _grid(screen: Screen, rows: Sequence[Row]) -> Iterator[Text]:
    """Yield the lines of a table whose columns are as wide as what is in them."""
    if screen.width >= _WIDE:
        rows = [_in_one_line(row) for row in rows]
    widths = _widths(screen, rows)
    claim, verdict, effect, margin, _ = widths
    head = [screen.text(word, "bold") for word in ("Claim", "Verdict", "Effect", "Margin", "n")]
    rule = screen.text("─" * min(screen.width, sum(widths) + 4 * GAP), "dim", screen.width)
    yield from screen.columns(widths, [[cell] for cell in head])
    yield rule
    for row in rows:
        effects, margins = _side_by_side(screen, row, effect, margin)
        verdicts = [line for text in row.verdict for line in screen.lines(text, verdict, 2)]
        cells = (screen.lines(row.claim, claim, 2), verdicts, effects, margins, [row.n])
        yield from screen.columns(widths, cells)
    yield rule


def _widths(screen: Screen, rows: Sequence[Row]) -> tuple[int, int, int, int, int]:
    """Return the columns of claim, verdict, effect, margin and n; the claim has what is left."""
    n = max(2, *(row.n.cell_len for row in rows))
    rest = screen.width - _VERDICT - _MARGIN - n - 4 * GAP - _CLAIM
    effects, margins = ([part[i] for row in rows for part in row.parts] for i in (0, 1))
    effect = _room(effects, 6, rest if screen.width >= _WIDE else min(_EFFECT, rest))
    margin = _room(margins, 6, _MARGIN)
    verdict = _room([row.verdict for row in rows], 7, _VERDICT)
    room = screen.width - n - effect - margin - verdict - 4 * GAP
    return _room([(row.claim,) for row in rows], 5, room), verdict, effect, margin, n


def _room(cells: Iterable[Iterable[Text]], least: int, most: int) -> int:
    """Return how wide a column is of cells of several texts each."""
    return min(most, max(least, *(text.cell_len for cell in cells for text in cell), 0))


def _in_one_line(row: Row) -> Row:
    """Return a row with effect and interval beside each other, and margin and unit."""
    parts = tuple((_joined(effect[:2]) + effect[2:], _joined(m)) for effect, m in row.parts)
    return replace(row, parts=parts)


def _joined(texts: tuple[Text, ...]) -> tuple[Text, ...]:
    return (Text(" ").join(texts),) if texts else ()


def _side_by_side(
    screen: Screen, row: Row, effect: int, margin: int
) -> tuple[list[Text], list[Text]]:
    """Break effects and margins so that those of one part begin in one line."""
    effects: list[Text] = []
    margins: list[Text] = []
    for of_effect, of_margin in row.parts:
        effects += [line for text in of_effect for line in screen.lines(text, effect)]
        margins += [line for text in of_margin for line in screen.lines(text, margin)]
        for lines in (effects, margins):
            lines += [Text()] * (max(len(effects), len(margins)) - len(lines))
    return effects, margins


def _blocks(screen: Screen, rows: Sequence[Row]) -> Iterator[Text]:
    """Yield a block of lines for each claim, where a table has no room."""
    for row in rows:
        yield from screen.lines(row.claim, screen.width)
        texts = [*row.verdict]
        for effect, margin in _in_one_line(row).parts:
            texts += [*effect, Text("margin ").append_text(margin[0])]
        texts.append(Text("n ").append_text(row.n))
        for text in texts:
            for line in screen.lines(text, screen.width - 2, 2):
                yield Text("  ").append_text(line)
        yield Text()


def below(screen: Screen, verdicts: Sequence[Verdict], status: str = "") -> Iterator[Text]:
    """Yield what is said once of all claims: how many are what, and what to keep in mind."""
    words = " · ".join(f"{t.glyph} {t.text}" for t in tallies(verdicts))
    lines = [(words, "bold"), (brief.predicted(verdicts), "")]
    lines.append((f"Status: {status}" if status else brief.registration(verdicts, LATE), "dim"))
    if any(map(brief.is_pilot, verdicts)):
        lines.append((brief.PILOT, "dim"))
    if flagged := brief.flags_line(verdicts):
        lines.append((f"{FLAG} {flagged}", "yellow"))
    for text, style in lines:
        if text:
            yield from screen.lines(screen.text(text, style, 10 * CELL), screen.width, 2)
    yield from _to_do(screen, verdicts)


def _to_do(screen: Screen, verdicts: Sequence[Verdict]) -> Iterator[Text]:
    """Yield what would settle open claims, and why others are invalid."""
    for title, word in (("To settle", "inconclusive"), ("Why invalid", "invalid")):
        of_word = [v for v in verdicts if v.verdict == word]
        for text in _alike(title, of_word, len(verdicts) > 1):
            yield from screen.lines(screen.text(text, "", 3 * CELL), screen.width, 2)
        if any(map(settling.wants_seeds, of_word)):
            yield from screen.lines(screen.text(settling.HOW), screen.width, 2)


def _alike(title: str, verdicts: Sequence[Verdict], named: bool) -> Iterator[str]:
    """Yield a note for each group of claims of which the same is to be said, the first few."""
    alike: dict[str, list[str]] = {}
    for verdict in verdicts:
        alike.setdefault(settling.to_do(verdict), []).append(brief.title(verdict))
    groups = list(alike.items())
    for text, claims in groups[:_NOTES]:
        which = f"{len(claims)} claims" if len(claims) > 1 else claims[0]
        yield f"{title}{f' ({which})' if named else ''}: {text}"
    if rest := sum(len(claims) for _, claims in groups[_NOTES:]):
        yield f"{title}: {rest} more claims; a report says it of each (--report DIR)."


def drift_table(drift: Drift, width: int) -> RenderableType:
    """Return what moved since an earlier report, for a terminal of so many columns."""
    contents = drift_view(drift)
    lines: list[RenderableType] = [
        _text(f"{drift.setting}: {contents.summary}", "bold red" if contents.alarm else "bold")
    ]
    for moved in contents.moved:
        lines.append("")
        lines.append(_text(moved.sentence, "bold"))
        details = [_snapshot("before", moved.before), _snapshot("now", moved.now)]
        details.append(_text(moved.remark, "bold red" if moved.alarm else "dim"))
        details += [_text(f"{i}. {text}") for i, text in enumerate(moved.causes, 1)]
        lines += [Padding(line, (0, 0, 0, 2), expand=False) for line in details]
    if contents.shifted and drift.shifted:
        lines += ["", _text(contents.shifted.caption, "dim")]
        for sentence, verdict, before, now, moved_by, _ in contents.shifted.rows:
            lines.append(_text(f"{verdict}  {before}, now {now}, by {moved_by}: {sentence}"))
    if contents.differences:
        lines += ["", _text(contents.differences.caption, "dim")]
        lines += [
            _text(f"{what}: {before}, now {now}") for what, before, now in contents.differences.rows
        ]
    for fact in contents.facts:
        lines += ["", _text(f"{fact.label}: {as_text(fact.value)}")]
    return Group(*lines)


def _snapshot(when: str, shown: SnapshotView) -> Text:
    text = _text(f"{when}: ").append_text(_text(f"{shown.glyph} {shown.word}", STYLES[shown.word]))
    if shown.code:
        text.append_text(_text(f": {shown.code}", STYLES[shown.word]))
    return text.append_text(_text(f"; {shown.value}; n = {shown.n}"))


def _text(text: str, style: str = "") -> Text:
    return Text(inert_wherever_cut(clip(text, CELL)), style=style)
