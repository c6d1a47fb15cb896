"""Check files of a report against a fresh rendering and recomputed numbers.

Bytes are compared line by line, JSON value by value; verdicts.json also number by number.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from faeval._safe_text import clean
from faeval.errors import FaevalError
from faeval.reports.checking._numbers import in_json
from faeval.reports.checking._pieces import Piece, pieces_of
from faeval.reports.checking._printed_numbers import printed
from faeval.reports.checking._recompute import ReportNumbers
from faeval.reports.data._report import SCHEMA, Report
from faeval.reports.formats._html_and_markdown import html_page
from faeval.reports.views._provenance import provenance_facts, this_version
from faeval.reports.words._differences import GROUPS

#: What may be wrong. Text: another stands there. Missing, added: a line or a value. Markup: nothing
#: that a reader sees. Number: it is not what the evidence gives, however it was rendered. Evidence:
#: it is not what the report rests on. Quoted: a document says otherwise. Link: it leads nowhere.
KINDS = ("text", "missing", "added", "markup", "number", "evidence", "quoted", "link")

_JSON_SLACK = 1e-9
_WHOLE = "the whole file"
_LONG = 90  # characters: of longer texts only what is near the difference is quoted
_ID = re.compile(r'\sid="([^"]*)"')


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
        keys = ("file", "kind", "claim", "place", "text")
        return {
            **asdict(self),
            "findings": [{key: getattr(f, key) for key in keys} for f in self.findings],
        }


def check_rendering(
    file: str,
    form: str,
    written: bytes,
    fresh: str,
    numbers: ReportNumbers | None = None,
    provenance: Collection[str] = (),
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
        How lines begin that come from provenance.json, and not from the evidence, see
        :func:`provenance_labels`.
    texts
        Whether texts are compared, or recomputed numbers alone, as of verdicts.json of schema 1.
    """
    claims = [verdict.claim for verdict in numbers.verdicts] if numbers else []
    try:
        text = written.decode("utf-8")
        own = pieces_of(form, text, claims)
    except (UnicodeDecodeError, FaevalError) as error:
        problem = f"is no UTF-8 ({error})." if isinstance(error, UnicodeError) else str(error)
        return CheckedFile(file, form, findings=(Mismatch(file, "text", _WHOLE, problem),))
    findings: list[Mismatch] = []
    if texts and text != fresh:
        findings += _differences(file, own, pieces_of(form, fresh, claims), provenance)
    recomputed = 0
    if form == "json" and numbers is not None:
        # A place that was altered is named once.
        altered = {(f.claim, f.place) for f in findings}
        recomputed, wrong = _wrong_numbers(file, text, numbers)
        findings += [f for f in wrong if (f.claim, f.place) not in altered]
    in_text = sum(len(printed(piece.text)) for piece in own)
    return CheckedFile(file, form, in_text, recomputed, tuple(findings))


def _differences(
    file: str, own: Sequence[Piece], fresh: Sequence[Piece], provenance: Collection[str]
) -> list[Mismatch]:
    """Compare pieces; markup is named only where nothing differs that a reader sees."""
    mine, theirs = [piece.written for piece in own], [piece.written for piece in fresh]
    start = _alike(mine, theirs)
    differences = [
        _difference(file, here, there, provenance)
        for tag, a, b, c, d in SequenceMatcher(None, mine[start:], theirs[start:]).get_opcodes()
        if tag != "equal"
        for here, there in zip_longest(own[start + a : start + b], fresh[start + c : start + d])
    ]
    seen = [each for each in differences if each.kind != "markup"]
    layout = "is laid out otherwise than faeval writes it."
    return seen or differences or [Mismatch(file, "markup", _WHOLE, layout)]


def _difference(
    file: str, here: Piece | None, there: Piece | None, provenance: Collection[str]
) -> Mismatch:
    piece = there or here
    assert piece is not None  # of two pieces one is there
    source = "the evidence"
    if not piece.claim and piece.text.lstrip("-* ").startswith(tuple(provenance)):
        source = "provenance.json beside it, which may be what was altered,"
    pair = (here, there)
    actual, expected = (each.text if each else "" for each in pair)
    kind = "missing" if here is None else "added" if there is None else "text"
    if actual == expected:
        kind = "markup"
        actual, expected = (each.written.rstrip("\n") if each else "" for each in pair)
    quoted, right = _around(actual, expected)
    text = f"{quoted} stands where {source} gives {right if there else 'nothing'}."
    if kind == "missing":
        text = f"is missing; {source} gives {right}."
    elif kind == "markup":
        text = f"the markup alone differs: {text}"
    return Mismatch(file, kind, piece.place, text, piece.claim)


def _around(actual: str, expected: str) -> tuple[str, str]:
    """Quote two texts, long ones cut to where they differ."""
    start = end = 0
    if max(len(actual), len(expected)) > _LONG:
        start = _alike(actual, expected)
        end = _alike(actual[start:][::-1], expected[start:][::-1])
    return _quoted(actual, start, end), _quoted(expected, start, end)


def _alike(a: Sequence[str], b: Sequence[str]) -> int:
    """How many entries both begin with."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))


def _quoted(text: str, start: int, end: int) -> str:
    """Quote a text as it stands between so many characters of its start and of its end, and near.

    A backslash of LaTeX or JSON is one backslash.
    """
    low = max(0, start - 30)
    near = text[low : len(text) - max(0, end - 30)]
    near = near if len(near) <= 110 else f"{near[:107]}..."
    return f"'{'...' * bool(low)}{clean(near)}'"


def _wrong_numbers(file: str, text: str, numbers: ReportNumbers) -> tuple[int, list[Mismatch]]:
    """Return how many numbers of verdicts.json were recomputed, and those that are others."""
    try:
        places = list(in_json(numbers, json.loads(text)))
    except (KeyError, TypeError, IndexError, AttributeError):
        return 0, []  # it has not the shape of a report, as its texts say
    wrong = []
    for claim, place, actual, value in places:
        if not _same(actual, value):
            gives = "null" if value is None or not math.isfinite(value) else repr(float(value))
            problem = f"{actual!r} stands where the evidence gives {gives}."
            wrong.append(Mismatch(file, "number", place, problem, claim))
    return len(places), wrong


def _same(actual: Any, value: float | None) -> bool:
    if value is None or not math.isfinite(value):
        return actual is None
    is_number = isinstance(actual, int | float) and not isinstance(actual, bool)
    return is_number and math.isclose(actual, value, rel_tol=_JSON_SLACK, abs_tol=1e-14)


_GENERATOR = re.compile(rb'<meta name="generator" content="faeval ([^"]*)">')


def is_of_this_version(page: bytes, schema: object) -> bool:
    """Whether this version of faeval wrote the page, so that its bytes can be compared.

    Pages beside a verdicts.json of schema 1 name no version.
    """
    generator = _GENERATOR.search(page[:2000])
    return schema == SCHEMA if generator is None else generator[1].decode() == this_version()


def provenance_labels(report: Report) -> frozenset[str]:
    """Return how lines begin that show what a report has of its provenance.json."""
    return frozenset(
        {fact.label for fact in provenance_facts(report)}
        - {"Evidence sha256", "Lock sha256", "The whole lock"}
        | {*GROUPS.values(), "The evidence was made with"}
    )


def anchors_of(report: Report) -> Mapping[str, str]:
    """Return each identifier of a report's page with the claim in whose section it stands.

    Identifiers inside figures are not among them.

    What stands outside of any claim's has an empty name.
    """
    pieces = pieces_of(
        "html", html_page(report, drawn=False), [verdict.claim for verdict in report.verdicts]
    )
    return {name: piece.claim for piece in pieces for name in _ID.findall(piece.written)}
