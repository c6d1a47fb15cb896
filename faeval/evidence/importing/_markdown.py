"""Tables of Markdown, also where prose stands around them."""

from __future__ import annotations

import re
from itertools import pairwise

from faeval.errors import EvidenceError
from faeval.evidence._csv_files import LONGEST_LINE
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._columns import shown, with_names

_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")
_BAR = re.compile(r"(?<!\\)\|")
_MARKED = re.compile(r"(\*\*|__|\*|`)(?=\S)(.*\S)\1")


def has_tables(content: bytes) -> bool:
    """Whether a text holds the line that Markdown draws below a header."""
    if len(content) > LONGEST_LINE or b"|" not in content or b"-" not in content:
        return False
    return bool(_tables(content.decode("utf-8", "replace").splitlines()))


def _tables(lines: list[str]) -> list[int]:
    """Return the lines of headers: each has a rule of as many columns below it."""
    return [
        i
        for i, (header, rule) in enumerate(pairwise(lines))
        if "|" in header
        and "|" in rule
        and _RULE.fullmatch(rule)
        and not _RULE.fullmatch(header)
        and len(_fields(header)) == len(_fields(rule))
    ]


def _fields(line: str) -> list[str]:
    line = line.strip()
    line = line.removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [cell.replace("\\|", "|").strip() for cell in _BAR.split(line)]


def read_markdown(content: bytes, source: str) -> Cells:
    """Read the only table of a Markdown text.

    Parameters
    ----------
    content
        UTF-8 without a mark.
    source
        What to call it.

    Raises
    ------
    EvidenceError
        It holds several tables, or a row has other cells than the header; says which.
    """
    import pandas as pd

    lines = content.decode("utf-8", "replace").splitlines()
    headers = _tables(lines)
    if len(headers) != 1:
        at = ", ".join(str(i + 1) for i in headers[:10])
        raise EvidenceError(
            f"{source}: is Markdown with {len(headers)} tables (lines {at}); keep one in a file of"
            " its own."
        )
    (start,) = headers
    header = _fields(lines[start])
    rows, numbers = [], []
    for number, line in enumerate(lines[start + 2 :], start + 3):
        if "|" not in line:
            break
        fields = _fields(line)
        if len(fields) != len(header):
            raise EvidenceError(
                f"{source}, line {number}: the Markdown row has {len(fields)} of {len(header)}"
                f" fields ({shown(line, 40)}); complete it."
            )
        rows.append(fields)
        numbers.append(number)
    marked = sum(bool(_MARKED.fullmatch(cell)) for row in rows for cell in row)
    cells = [
        [_MARKED.sub(r"\2", cell) if _MARKED.fullmatch(cell) else cell for cell in row]
        for row in rows
    ]
    columns = {
        i: pd.Series([row[i] or None for row in cells], dtype=object) for i in range(len(header))
    }
    table, rest, notes = with_names(pd.DataFrame(columns), header, source)

    def place(row: int) -> str:
        return f"line {numbers[int(rest[row]) if rest is not None else row]}"

    first = [f"a table of Markdown, from line {start + 1}"]
    first += [f"bold and code marks of {marked} cells are left away"] if marked else []
    return Cells(table, source, place, (*first, *notes))
