"""Reports of several settings in words and places, claims down and settings across."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from faeval.claims._verdict import REGISTRATIONS, AssertionResult, Verdict
from faeval.reports.data._forms import FORMS
from faeval.reports.data._overview import Overview
from faeval.reports.data._report import Report
from faeval.reports.figures import _svg as svg
from faeval.reports.figures._forest import transfer_of
from faeval.reports.figures._shapes import Figure
from faeval.reports.figures._strips import strip
from faeval.reports.views._drift import drift_view
from faeval.reports.views._report import view
from faeval.reports.views._types import ClaimView, DriftView, Fact, Table, Tally
from faeval.reports.words import _glossary as glossary
from faeval.reports.words._escape import anchors
from faeval.reports.words._glossary import plain
from faeval.reports.words._terms import GLOSSARY

#: What of the glossary an overview needs.
_TERMS = (
    "seed",
    "margin",
    "interval",
    "refuting",
    "supported",
    "refuted",
    "inconclusive",
    "invalid",
    "registration",
)


@dataclass(frozen=True)
class Column:
    """One setting of an overview: its name, the links to its pages, and its facts.

    Links are empty where it is not said where the pages lie.
    """

    name: str
    page: str
    markdown: str
    tallies: tuple[Tally, ...]
    facts: tuple[Fact, ...]
    drift: DriftView | None


@dataclass(frozen=True)
class Cell:
    """One claim in one setting; ``place`` is where its own page tells of it."""

    claim: ClaimView
    place: str
    strips: tuple[Figure | None, ...]


@dataclass(frozen=True)
class Row:
    """One claim over all settings; None where a report does not have it."""

    anchor: str
    claim: str
    sentence: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class OverviewView:
    """All of an overview."""

    summary: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    forest: str | None
    provenance: Table
    recompute: str
    glossary: tuple[tuple[str, str, str], ...]


def overview_view(overview: Overview, drawn: bool = True) -> OverviewView:
    """Put an overview into words and places.

    Its forest plot takes most of the time, and may be left out.
    """
    reports = overview.reports
    views = [view(replace(report, profiles=(), controls=(), drift=None)) for report in reports]
    names = overview.names
    pages = [_link(folder, FORMS["html"]) for folder in overview.folders]
    claims = [
        {v.claim: (v, c) for v, c in zip(report.verdicts, contents.claims, strict=True)}
        for report, contents in zip(reports, views, strict=True)
    ]
    order = list(dict.fromkeys(v.claim for report in reports for v in report.verdicts))
    columns = tuple(
        Column(
            name=name,
            page=page,
            markdown=_link(folder, FORMS["markdown"]),
            tallies=contents.tallies,
            facts=tuple(_facts(report)),
            drift=_drift(report, contents.claims if page else (), name),
        )
        for name, page, folder, contents, report in zip(
            names, pages, overview.folders, views, reports, strict=True
        )
    )
    verdicts = sum(len(report.verdicts) for report in reports)
    return OverviewView(
        summary=(
            f"{_count(len(order), 'claim')}, {_count(len(reports), 'setting')},"
            f" {_count(verdicts, 'verdict')}"
        ),
        columns=columns,
        rows=tuple(_rows(overview, order, claims, pages)),
        forest=_forest(overview) if drawn else None,
        provenance=_provenance(
            names, [{f.label: glossary.as_text(f.value) for f in s.provenance} for s in views]
        ),
        recompute=_recompute(overview.folders),
        glossary=tuple((term, *GLOSSARY[term]) for term in _TERMS),
    )


def _rows(
    overview: Overview,
    order: Sequence[str],
    claims: Sequence[Mapping[str, tuple[Verdict, ClaimView]]],
    pages: Sequence[str],
) -> Iterator[Row]:
    """One row a claim; its sentence is that of the first report that has it."""
    sentences = {v.claim: v.sentence for r in reversed(overview.reports) for v in r.verdicts}
    for claim, anchor in zip(order, anchors(order), strict=True):
        yield Row(
            anchor,
            claim,
            sentences[claim],
            tuple(_cells([column.get(claim) for column in claims], pages)),
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _link(folder: str | None, file: str) -> str:
    """Return a relative link, or nothing without a folder.

    Nothing in a folder's name can become a scheme, a query or the end of an attribute.
    """
    return "" if folder is None else quote(f"{folder}/{file}", safe="/")


def _cells(
    found: Sequence[tuple[Verdict, ClaimView] | None], pages: Sequence[str]
) -> Iterator[Cell | None]:
    """One claim in each setting; its drawings share one scale, so that the eye may compare them."""
    verdicts = [pair[0] for pair in found if pair is not None]
    for pair, page in zip(found, pages, strict=True):
        if pair is None:
            yield None
            continue
        verdict, claim = pair
        strips = tuple(
            (
                None
                if assertion_view.strip is None
                else strip(assertion, _beside(i, assertion, verdicts))
            )
            for i, (assertion, assertion_view) in enumerate(
                zip(verdict.assertions, claim.assertions, strict=True)
            )
        )
        yield Cell(claim, f"{page}#{claim.anchor}" if page else "", strips)


def _beside(i: int, own: AssertionResult, verdicts: Sequence[Verdict]) -> list[AssertionResult]:
    others = [v.assertions[i] for v in verdicts if len(v.assertions) > i]
    return [a for a in others if _axis(a) == _axis(own)]


def _axis(a: AssertionResult) -> tuple[str, str, str]:
    return a.kind, a.unit, a.ratio.of if a.ratio else ""


def _facts(report: Report) -> Iterator[Fact]:
    seeds = list(dict.fromkeys(glossary.seed_list(v.seeds) for v in report.verdicts if v.seeds))
    more = f", and {len(seeds) - 3} other lists" if len(seeds) > 3 else ""
    yield Fact("Seeds", plain("; ".join(seeds[:3]) + more or "none"))
    for registration, count in Counter(v.registration for v in report.verdicts).items():
        yield Fact(
            "Registration",
            plain(f"{_count(count, 'claim')}: {REGISTRATIONS.get(registration, registration)}"),
        )
    flags = Counter(flag for v in report.verdicts for flag in v.flags if flag not in REGISTRATIONS)
    if flags:
        yield Fact(
            "Flags",
            plain(
                ", ".join(
                    f"{count} {glossary.spaced(flag)}" for flag, count in sorted(flags.items())
                )
            ),
        )
    yield Fact(
        "Evidence",
        plain(f"sha256 {report.evidence_sha256[:16]}" if report.evidence_sha256 else "none"),
    )


def _drift(report: Report, claims: Iterable[ClaimView], name: str) -> DriftView | None:
    places = {claim.claim: claim.anchor for claim in claims}
    return drift_view(report.drift, places, name) if report.drift else None


def _provenance(names: Sequence[str], facts: Sequence[dict[str, str]]) -> Table:
    rows = tuple(
        (label, *(column.get(label, "not recorded") for column in facts))
        for label in dict.fromkeys(label for column in facts for label in column)
    )
    return Table("Where the numbers of each setting come from", ("", *names), rows)


def _recompute(folders: Sequence[str | None]) -> str:
    """The command that makes this page anew, from the folder that it lies in.

    CLAIMS is the reader's.
    """
    arguments = " ".join(map(_shell_word, (folder or "FOLDER" for folder in folders)))
    return f"faeval report {arguments} --claims CLAIMS --overview ."


def _shell_word(folder: str) -> str:
    """Write a folder's name for a shell, on one line.

    What does not print is spelt out, and no name is taken for an option.
    """
    name = f"./{folder}" if folder.startswith("-") else folder
    return shlex.quote(name) if name.isprintable() else f"$'{''.join(map(_spelt, name))}'"


def _spelt(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _forest(overview: Overview) -> str | None:
    """Return the forest plot as inline SVG; None where nothing can be drawn."""
    if not any(verdict.assertions for report in overview.reports for verdict in report.verdicts):
        return None
    return svg.inline(transfer_of(overview), "plot", "forest-plot", "Claims over settings", _FOREST)


_FOREST = (
    "A row a claim, grouped by what became of it over the settings; in each the sign of its verdict"
    " and the interval of the assertion that it hangs on, in margins; the table above says the"
    " same."
)
