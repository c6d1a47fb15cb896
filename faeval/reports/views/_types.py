"""What every view shows, in words and places: the types that a report is put into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from faeval.reports.data import _outcomes as outcomes
from faeval.reports.figures._shapes import Figure
from faeval.reports.words._glossary import Phrase, plain


@dataclass(frozen=True)
class Fact:
    """A labelled line; ``term`` is its key in the glossary, if it has one."""

    label: str
    value: Phrase
    term: str = ""


def facts(*rows: tuple[str, str | Literal[False] | None, str]) -> tuple[Fact, ...]:
    """Return the fact of each row of label, text and term; none where there is no text."""
    return tuple(Fact(label, plain(text), term) for label, text, term in rows if text)


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; the first cell of a row heads it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class AssertionView:
    """One assertion: its numbers as text, its figures, and its values by seed.

    ``claimed`` is the margin with the side of it that is claimed. ``facts`` are what a reader looks
    for first, ``more`` the rest; ``gist`` says what the rest is about. ``outer`` is the refuting
    interval where the decision interval alone misleads; ``tone`` what it is painted as, empty for
    as its claim is.
    """

    text: str
    value: str
    margin: str
    claimed: str
    outer: str
    result: outcomes.Outcome
    tone: str
    strip: Figure | None
    dots: Figure | None
    description: str
    seeds: Table
    facts: tuple[Fact, ...]
    more: tuple[Fact, ...]
    gist: str

    @property
    def told(self) -> str:
        """Estimate and decision interval, and the refuting one where that alone misleads."""
        return f"{self.value}, {self.outer}" if self.outer else self.value


@dataclass(frozen=True)
class CountView:
    """A part of a claim of which so many assertions must hold: what came of each of them.

    It stands in a line of its own where the others are assertions.
    """

    text: str
    value: str
    claimed: str
    members: Table
    facts: tuple[Fact, ...]
    margin: str = ""
    outer: str = ""
    tone: str = ""
    strip: None = None

    @property
    def told(self) -> str:
        """What was found, in few words."""
        return self.value


@dataclass(frozen=True)
class FigureView:
    """A figure by its name, and the tables that say the same.

    The names are those of :func:`faeval.reports.figures._plots.figures`. ``caption`` says what is
    not drawn.
    """

    name: str
    title: str
    description: str
    tables: tuple[Table, ...]
    meaning: str = ""
    caption: str = ""


@dataclass(frozen=True)
class ClaimView:
    """One claim with its verdict, in words.

    ``decided``, ``sure``, ``checked`` and ``rests`` are its facts by what they are about, each with
    a gist of one line. ``caveats`` say what its flags ask to keep in mind; ``state`` is the reason
    code in words. ``parts`` are what must hold together: assertions, and counts in place of those
    that they count.
    """

    anchor: str
    claim: str
    sentence: str
    word: str
    glyph: str
    code: str
    state: str
    alarm: bool
    standing: str
    reason: str
    meaning: str
    headline: tuple[Phrase, ...]
    pride: str
    takes: str
    flags: tuple[str, ...]
    caveats: tuple[str, ...]
    registration: str
    n: int
    assertions: tuple[AssertionView, ...]
    counts: tuple[CountView, ...]
    parts: tuple[AssertionView | CountView, ...]
    tests: Table | None
    power: FigureView | None
    decided: tuple[Fact, ...]
    sure: tuple[Fact, ...]
    checked: tuple[Fact, ...]
    rests: tuple[Fact, ...]
    gists: Mapping[str, str]
    layers: Table | None
    published: Table | None
    about: str
    note: str

    @property
    def verdict(self) -> str:
        """The word, with its reason where it is not a decision."""
        return f"{self.word}: {self.state}" if self.state else self.word

    @property
    def qualified(self) -> str:
        """What stands after the word in a line: the reason, the standing and the flags.

        The standing is how the verdict compares to what was expected.
        """
        parts = [
            f" ({self.state})" if self.state else "",
            f", {self.standing}" if self.standing else "",
        ]
        return "".join(parts) + (f"; flags: {', '.join(self.flags)}" if self.flags else "")


@dataclass(frozen=True)
class Tally:
    """How many verdicts of one kind there are."""

    word: str
    glyph: str
    text: str
    alarm: bool = False


@dataclass(frozen=True)
class RuleView:
    """What one test assumes, and how often it errs at one number of seeds, as measured.

    It is said once for all claims of that test.
    """

    anchor: str
    assumption: str
    table: Table


@dataclass(frozen=True)
class SnapshotView:
    """What one report says of a claim: word with its sign, reason code, estimates and seeds.

    The code is empty where the verdict is a decision.
    """

    word: str
    glyph: str
    code: str
    value: str
    n: int


@dataclass(frozen=True)
class MovedView:
    """One claim whose verdict moved; ``anchor`` is empty where the page has no place for it."""

    claim: str
    sentence: str
    anchor: str
    before: SnapshotView
    now: SnapshotView
    alarm: bool
    remark: str
    causes: tuple[str, ...]


@dataclass(frozen=True)
class DriftView:
    """All of a drift."""

    summary: str
    alarm: bool
    moved: tuple[MovedView, ...]
    shifted: Table | None
    differences: Table | None
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class View:
    """All of a report. ``scope`` is what all of its claims speak of, where they speak of the same.

    ``about`` says what the setting is, ``compared`` what the arms and metrics are that claims read.
    """

    setting: str
    tallies: tuple[Tally, ...]
    summary: tuple[Phrase, ...]
    claims: tuple[ClaimView, ...]
    profiles: tuple[FigureView, ...]
    courses: tuple[FigureView, ...]
    controls: FigureView | None
    rules: tuple[RuleView, ...]
    scope: str
    compared: tuple[Table, ...]
    about: str
    provenance: tuple[Fact, ...]
    source: str
    install: str
    check: str
    recompute: str
    versions: str
    glossary: Mapping[str, tuple[str, str]]
    version: str
    drift: DriftView | None = None
