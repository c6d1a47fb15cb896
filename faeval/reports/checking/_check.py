"""Check files of a report against a fresh rendering and recomputed numbers.

Texts are compared place by place; verdicts.json is compared number by number.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from faeval._safe_text import clean
from faeval.errors import FaevalError
from faeval.reports.checking._numbers import in_json
from faeval.reports.checking._printed_numbers import printed
from faeval.reports.checking._read import Place, Readback, read_form
from faeval.reports.checking._recompute import ReportNumbers
from faeval.reports.data._report import SCHEMA, Report
from faeval.reports.formats._html_and_markdown import html_page
from faeval.reports.views._provenance import provenance_facts, this_version

#: What may be wrong. Text: another stands there. Missing, added: a place. Markup: nothing that a
#: reader sees. Number: it is not what the evidence gives, however it was rendered. Evidence: it is
#: not what the report rests on. Quoted: a document says otherwise. Link: it leads nowhere.
KINDS = ("text", "missing", "added", "markup", "number", "evidence", "quoted", "link")

_JSON_SLACK = 1e-9
_WHOLE = "the whole file"
_MOST_MARKUP = 5  # differing lines that are named, of those where no text differs


@dataclass(frozen=True)
class Mismatch:
    """One thing in a file that is not what the evidence gives.

    ``kind`` is one of :data:`KINDS`; ``text`` is a sentence about it.
    """

    file: str
    kind: str
    place: str
    text: str
    claim: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return it as plain JSON values."""
        return {
            "file": self.file,
            "kind": self.kind,
            "claim": self.claim,
            "place": self.place,
            "text": self.text,
        }


@dataclass(frozen=True)
class CheckedFile:
    """A file, the count of its numbers and of those recomputed, and its mismatches.

    Numbers that are not recomputed are compared as text with a fresh rendering: ticks of figures,
    versions, declared ones.
    """

    file: str
    form: str
    numbers: int = 0
    recomputed: int = 0
    findings: tuple[Mismatch, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        counts = {"numbers": self.numbers, "recomputed": self.recomputed}
        return {
            "file": self.file,
            "form": self.form,
            **counts,
            "findings": [f.to_dict() for f in self.findings],
        }


def check_rendering(
    file: str,
    form: str,
    written: bytes,
    fresh: str,
    numbers: ReportNumbers | None = None,
    provenance: frozenset[str] = frozenset(),
    *,
    texts: bool = True,
) -> CheckedFile:
    """Hold a rendering against the evidence.

    Parameters
    ----------
    file
        Its name in findings.
    form
        One of ``FORMS``.
    written
        What stands in the file.
    fresh
        The same form rendered anew from the evidence.
    numbers
        What was recomputed from the evidence; None where the texts alone are compared.
    provenance
        Labels of what comes from provenance.json, and not from the evidence, see
        :func:`provenance_labels`.
    texts
        Whether texts are compared, or recomputed numbers alone, as of verdicts.json of schema 1.
    """
    try:
        text = written.decode("utf-8")
        reading = _read_again(form, fresh) if text == fresh else read_form(form, text)
    except UnicodeDecodeError as error:
        return CheckedFile(
            file, form, findings=(Mismatch(file, "text", _WHOLE, f"is no UTF-8 ({error})."),)
        )
    except FaevalError as error:
        return CheckedFile(file, form, findings=(Mismatch(file, "text", _WHOLE, str(error)),))
    again = _read_again(form, fresh)
    findings = list(_texts(file, reading, again, provenance)) if texts else []
    # A place that was altered is named once.
    altered_places = {(f.claim, f.place) for f in findings}
    count, recomputed, wrong = _numbers(file, form, text, reading, numbers)
    findings += [f for f in wrong if (f.claim, f.place) not in altered_places]
    altered = texts and written != fresh.encode()
    if altered and not any(f.kind != "number" for f in findings):
        findings += _markup(file, text, fresh)
    return CheckedFile(file, form, count, recomputed, tuple(findings))


@lru_cache(maxsize=16)
def _read_again(form: str, fresh: str) -> Readback:
    return read_form(form, fresh)


def _texts(
    file: str, reading: Readback, again: Readback, provenance: frozenset[str]
) -> Iterator[Mismatch]:
    """Compare the texts place by place.

    Where only headings moved, the places below the one are missing and those below the other added.
    """
    for place, text in again.places.items():
        actual = reading.places.get(place)
        if actual == text:
            continue
        source = _source(place, text, provenance)
        if actual is None:
            yield _finding(file, "missing", place, f"is missing; {source} gives {_short(text)}.")
        else:
            here, there = _around(actual, text)
            yield _finding(file, "text", place, f"{here} stands where {source} gives {there}.")
    for place, text in reading.places.items():
        if place not in again.places:
            source = _source(place, text, provenance)
            yield _finding(
                file, "added", place, f"{_short(text)} stands where {source} gives nothing."
            )


def _source(place: Place, text: str, provenance: frozenset[str]) -> str:
    """Return what a place's text comes from."""
    kinds = {
        " ".join(label.split()[:2]) for label in provenance if label.count(" ") > 1
    }  # version of, revision of
    in_provenance = (
        place.part in provenance
        or " ".join(place.part.split()[:2]) in kinds
        or place.part.startswith("provenance.")
    )
    if not place.claim and (
        in_provenance or (provenance and text.startswith("The evidence was made with"))
    ):
        return "provenance.json beside it, which may be what was altered,"
    return "the evidence"


_GENERATOR = re.compile(rb'<meta name="generator" content="faeval ([^"]*)">')


def is_of_this_version(page: bytes, schema: object) -> bool:
    """Whether this version of faeval wrote the page, so that its bytes can be compared.

    Pages beside a verdicts.json of schema 1 name no version.
    """
    generator = _GENERATOR.search(page[:2000])
    return schema == SCHEMA if generator is None else generator[1].decode() == this_version()


def provenance_labels(report: Report) -> frozenset[str]:
    """Return the labels of what a report shows of its provenance.json."""
    return frozenset(fact.label for fact in provenance_facts(report)) - {
        "Evidence sha256",
        "Lock sha256",
        "The whole lock",
    }


def _finding(file: str, kind: str, place: Place, text: str) -> Mismatch:
    return Mismatch(file, kind, str(replace(place, claim="")), text, place.claim)


def _short(text: str, most: int = 90) -> str:
    return _quoted(_cut(text, most))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _quoted(text: str) -> str:
    """Quote a text as it stands: a backslash of LaTeX or JSON is one backslash."""
    return f"'{clean(text)}'"


def _around(said: str, text: str) -> tuple[str, str]:
    """Return both texts, long ones cut to where they differ."""
    if max(len(said), len(text)) <= 90:
        return _quoted(said), _quoted(text)
    start = next(
        (i for i, (x, y) in enumerate(zip(said, text, strict=False)) if x != y),
        min(len(said), len(text)),
    )
    end = 0
    while end < min(len(said), len(text)) - start and said[-1 - end] == text[-1 - end]:
        end += 1
    low = max(0, start - 30)
    return tuple(  # type: ignore[return-value]
        _quoted(("..." if low else "") + _cut(t[low : max(start, len(t) - end) + 30], 110))
        for t in (said, text)
    )


def _markup(file: str, written: str, fresh: str) -> Iterator[Mismatch]:
    """Yield the first lines that differ where no text does.

    These are markup, coordinates of figures or white space.
    """
    mine, theirs = written.splitlines(keepends=True), fresh.splitlines(keepends=True)
    matcher = (
        difflib.SequenceMatcher(None, mine, theirs, autojunk=False)
        if max(len(mine), len(theirs)) < 4000
        else None
    )
    changed = (
        [(a, b, c, d) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]
        if matcher
        else [
            (i, i + 1, i, i + 1)
            for i, (x, y) in enumerate(zip(mine, theirs, strict=False))
            if x != y
        ]
    )
    if not changed:
        changed = [(len(theirs), len(mine), len(mine), len(theirs))]
    for a, b, c, d in changed[:_MOST_MARKUP]:
        here, there = _around("".join(mine[a:b]).rstrip("\n"), "".join(theirs[c:d]).rstrip("\n"))
        text = f"the markup alone differs: {here} stands where the evidence gives {there}."
        yield Mismatch(file, "markup", f"line {a + 1}", text)
    if len(changed) > _MOST_MARKUP:
        yield Mismatch(
            file, "markup", "", f"{len(changed) - _MOST_MARKUP} more stretches of markup differ."
        )


# --- numbers ---


def _numbers(
    file: str, form: str, text: str, reading: Readback, numbers: ReportNumbers | None
) -> tuple[int, int, list[Mismatch]]:
    if form == "json" and numbers is not None:
        return _json_numbers(file, text, reading, numbers)
    return sum(len(printed(cell)) for cell in reading.places.values()), 0, []


def _json_numbers(
    file: str, text: str, reading: Readback, numbers: ReportNumbers
) -> tuple[int, int, list[Mismatch]]:
    findings: list[Mismatch] = []
    recomputed = 0
    try:
        places = list(in_json(numbers, json.loads(text)))
    except (
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
    ):  # it has not the shape of a report: named above
        places = []
    for place, actual, value in places:
        recomputed += 1
        if not _same(actual, value):
            gives = "null" if value is None or not math.isfinite(value) else repr(float(value))
            findings.append(
                _finding(
                    file, "number", place, f"{actual!r} stands where the evidence gives {gives}."
                )
            )
    count = sum(
        bool(re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", actual))
        for actual in reading.places.values()
    )
    return count, recomputed, findings


def _same(said: Any, value: float | None) -> bool:
    if value is None or not math.isfinite(value):
        return said is None
    is_number = isinstance(said, int | float) and not isinstance(said, bool)
    return is_number and math.isclose(said, value, rel_tol=_JSON_SLACK, abs_tol=1e-14)


def anchors_of(report: Report) -> Mapping[str, str]:
    """Return each identifier of a report's page with the claim in whose section it stands.

    Identifiers inside figures are not among them.

    What stands outside of any claim's has an empty name.
    """
    return read_form("html", html_page(report, drawn=False)).anchors
