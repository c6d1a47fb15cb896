"""A file of a report in pieces: its lines, or the values of JSON, each with where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from faeval.errors import FaevalError
from faeval.reports.words._glossary import GLYPHS

_TAG = re.compile(r"<[^>]*>")
#: The line that a claim begins with in each form, in the order of the verdicts, and the one that
#: ends it.
_CLAIMS = {
    "html": (re.compile("<article"), re.compile("</article>")),
    "markdown": (re.compile(rf"## [{''.join(GLYPHS.values())}] |<details>"), re.compile("## ")),
    "junit": (re.compile(" *<testcase"), re.compile(" *</testcase>")),
    "latex": (re.compile(".*% claim: "), re.compile(r"\\bottomrule")),
}


@dataclass(frozen=True)
class Piece:
    """A line of a file or a value of JSON, the claim it is of, its place, and what a reader sees.

    ``written`` has its markup, or the path of a value, as well.
    """

    claim: str
    place: str
    text: str
    written: str


def pieces_of(form: str, text: str, claims: Sequence[str] = ()) -> list[Piece]:
    """Return the pieces of a rendering, whose claims come in the order of these names.

    Raises
    ------
    FaevalError
        It should be JSON, and is not.
    """
    if form not in ("json", "ctrf", "badge"):
        return list(_lines(form, text, claims))
    try:
        # Numbers stay as they are spelt: two spellings of one number are two texts.
        values = list(_values(json.loads(text, parse_float=str, parse_int=str)))
    except (ValueError, RecursionError) as error:
        raise FaevalError(f"is no {form} at all ({error}).") from None
    return [Piece(claim, path, value, f"{path}: {value}") for claim, path, value in values]


def _lines(form: str, text: str, claims: Sequence[str]) -> Iterator[Piece]:
    begins, ends = _CLAIMS.get(form, _CLAIMS["html"])
    names, claim, style = iter(claims), "", False
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if begins.match(line):
            claim = next(names, "")
        elif ends.match(line):
            claim = ""
        style = (style or "<style" in line) and "</style>" not in line
        seen = unescape(_TAG.sub(" ", line)) if form == "html" else line
        yield Piece(claim, f"line {number}", "" if style else " ".join(seen.split()), line)


def _values(value: Any, claim: str = "", path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the claim, the path and the text of every value of JSON.

    A claim is an object with a ``claim``, or with an ``extra`` that has one; paths begin there.
    """
    if isinstance(value, Mapping) and value:
        for holder in (value.get("extra"), value):
            own = holder.get("claim") if isinstance(holder, Mapping) else None
            if isinstance(own, str):
                claim, path = own, ""
                break
        for key, inner in value.items():
            yield from _values(inner, claim, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for i, inner in enumerate(value):
            yield from _values(inner, claim, f"{path}[{i}]")
    else:
        yield claim, path, value if isinstance(value, str) else json.dumps(value)
