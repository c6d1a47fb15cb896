"""Tables of delimited text as others write them: what parts the fields is found, and said."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence._csv_files import fields_of, line_of, odd_line
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._columns import is_number, shown, with_names
from faeval.evidence.importing._forms import HEAD, utf16_of
from faeval.evidence.importing._scan import count_delimiters, has_outer_blanks

if TYPE_CHECKING:
    import pandas as pd

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "blanks"}
_COMMENT = re.compile(r"\s*[#%]")
_SEP = re.compile(r'"?sep=([^\w\s]|\t)"?\s*', re.IGNORECASE)
_BLANKS = re.compile(rb"[ \t]+")
#: Lines before the header at most.
_PROSE = 200


@dataclass(frozen=True)
class _Layout:
    """How the lines of a table are laid out.

    The header ends before line ``after`` (from 0); ``row_names``: the rows have one field more in
    front, which numbers them; ``trailing``: one more behind, which is empty; ``rows``: how many of
    those looked at agree, the header among them; ``prose``: lines before the header.
    """

    delimiter: str
    header: list[str]
    after: int
    rows: int
    prose: tuple[str, ...] = ()
    row_names: bool = False
    trailing: bool = False

    @property
    def names(self) -> list[str]:
        return [""] * self.row_names + self.header + [""] * self.trailing


def to_utf8(content: bytes, encoding: str | None, source: str) -> tuple[bytes, list[str]]:
    """Return text as UTF-8 without a mark, and what is to be said of how it was encoded."""
    notes = []
    if encoding is None:
        encoding = utf16_of(content)
        if encoding is None:
            content = content.removeprefix(b"\xef\xbb\xbf")
            try:
                content.decode()
                return content, []
            except UnicodeDecodeError as error:
                line = content.count(b"\n", 0, error.start) + 1
            encoding = "cp1252"
            notes = [f"line {line} is not UTF-8; the file is read as Windows-1252 (--encoding)"]
    try:
        text = content.decode(encoding)
    except LookupError:
        raise EvidenceError(
            f"encoding {shown(encoding)}: is not known; name one such as utf-8, cp1252 or utf-16."
        ) from None
    except UnicodeError as error:
        if notes:
            return to_utf8(content, "latin-1", source)[0], [
                notes[0].replace("Windows-1252", "Latin-1")
            ]
        raise EvidenceError(
            f"{source}: is not in the encoding {shown(encoding)} (byte"
            f" {getattr(error, 'start', '?')}); name another with --encoding."
        ) from None
    return text.removeprefix("\ufeff").encode("utf-8", "surrogatepass"), notes


def read_delimited(content: bytes, source: str, delimiter: str | None = None) -> Cells:
    """Read a table of delimited text.

    Parameters
    ----------
    content
        UTF-8 without a mark.
    source
        What to call it.
    delimiter
        What parts the fields: one character; a blank stands for runs of blanks. Default: found.

    Raises
    ------
    EvidenceError
        It is no table, or a line has other fields than the header; names the line.
    """
    whole = len(content) <= HEAD
    begin = content if whole else content[: content.rfind(b"\n", 0, HEAD) + 1]
    lines = list(io.StringIO(begin.decode("utf-8", "replace"), newline=""))
    comments, rest = _comments(lines)
    if rest < len(lines) and (sign := _SEP.fullmatch(lines[rest])):  # as Excel reads it
        delimiter, rest = delimiter or sign[1], rest + 1
    layout = _layout(lines[rest:], whole, delimiter)
    if layout is None:
        raise EvidenceError(_no_table(source, [line for line in lines[rest:] if line.strip()]))
    layout, after, header_comment = _with_comment(layout, lines, comments, rest, whole)
    _check_header(layout, lines[after:], source)
    notes = _notes(layout, [lines[i] for i in comments if i != header_comment], header_comment)
    start = len("".join(lines[:after]).encode())
    if layout.delimiter == " " and content.find(b'"', start) < 0:
        content, start = _with_tabs(content, start), 0
        layout = replace(layout, delimiter="\t")
    table = _rows(content, start, layout, source, after)
    table, rows, more = with_names(table, layout.names, source, layout.row_names)

    def place(row: int) -> str:
        at = int(rows[row]) if rows is not None else row
        return f"line {after + line_of(content, at, layout.delimiter, 0, start)}"

    return Cells(table, source, place, (*notes, *more))


def _comments(lines: Sequence[str]) -> tuple[list[int], int]:
    """Return which of the first lines are comments, and where the others begin."""
    comments = []
    for i, line in enumerate(lines):
        if _COMMENT.match(line):
            comments.append(i)
        elif line.strip():
            return comments, i
    return comments, len(lines)


def _split(lines: Sequence[str], delimiter: str) -> list[tuple[list[str], int]]:
    """Return the fields of each row, and the line after it."""
    if delimiter == "  ":
        return [(line.split(), i) for i, line in enumerate(lines, 1) if line.strip()]
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        return [
            (row, reader.line_num) for row in reader if len(row) > 1 or (row and row[0].strip())
        ]
    except csv.Error:
        return []


def _layout(lines: Sequence[str], whole: bool, delimiter: str | None) -> _Layout | None:
    """Return the layout that most lines agree with."""
    layouts = []
    for one in [delimiter] if delimiter else _DELIMITERS:
        runs = one == " " and not any('"' in line for line in lines)
        rows = _split(lines, "  " if runs else one)
        if not whole and len(rows) > 2:
            rows = rows[:-1]  # the next row may have begun inside a quote
        layout = _layout_of(rows, lines, one, narrowest=1 if delimiter else 2)
        if layout and (one != " " or delimiter or _is_regular(layout, rows)):
            layouts.append(layout)
    if not layouts:
        return _single_column(_split(lines, ","))
    return max(layouts, key=lambda a: (a.rows, a.delimiter != " ", -a.after, len(a.names)))


def _single_column(rows: Sequence[tuple[list[str], int]]) -> _Layout | None:
    numbers = [is_number(row[0]) for row, _ in rows]
    if len(rows) > 1 and not numbers[0] and all(numbers[1:]):
        return _Layout(",", rows[0][0], rows[0][1], len(rows))
    return None


def _is_regular(layout: _Layout, rows: Sequence[tuple[list[str], int]]) -> bool:
    """Whether blanks part the fields: lines agree, names stand above and numbers below."""
    below = [row for row, _ in rows[1:]]
    return (
        layout.rows == len(rows)
        and (not any(map(is_number, layout.header)) or all(map(is_number, layout.header)))
        and any(all(map(is_number, column)) for column in zip(*below, strict=False))
    )


def _layout_of(
    rows: Sequence[tuple[list[str], int]], lines: Sequence[str], delimiter: str, narrowest: int
) -> _Layout | None:
    counts = [len(row) for row, _ in rows]
    if not counts:
        return None
    # Of two widths that are as frequent that of the header counts.
    frequent = Counter(counts[1:] or counts)
    width = max(frequent, key=lambda n: (frequent[n], n == counts[0], n))
    if width < narrowest:
        return None
    for i, (header, after) in enumerate(rows[:_PROSE]):
        data = [row for row, _ in rows[i + 1 :] if len(row) == width]
        layout = _with_header(header, data, delimiter, after, width)
        if layout is None or (i and not data):
            continue
        if _like_data(header, data) and (above := _header_above(rows[:i], delimiter)):
            i, layout = above
        prose = lines[: rows[i - 1][1]] if i else []
        return replace(layout, prose=tuple(filter(None, map(str.strip, prose))))
    return _Layout(delimiter, rows[0][0], rows[0][1], 1) if counts[0] >= 2 else None


def _header_above(
    rows: Sequence[tuple[list[str], int]], delimiter: str
) -> tuple[int, _Layout] | None:
    """Return a header above rows that do not agree with it; they are to be refused."""
    for i, (row, after) in enumerate(rows):
        if len(row) >= 2 and not any(map(is_number, row)):
            return i, _Layout(delimiter, row, after, 1)
    return None


def _with_header(
    header: list[str], data: Sequence[list[str]], delimiter: str, after: int, width: int
) -> _Layout | None:
    """Return the layout of rows of so many fields below a line, where that can be their header."""
    n = len(data) + 1
    if len(header) == width:
        return _Layout(delimiter, header, after, n)
    if len(header) == width + 1 and not header[-1].strip():
        return _Layout(delimiter, header[:-1], after, n)
    if len(header) == width - 1 and data and not any(map(is_number, header)):
        firsts = [row[0].strip() for row in data]
        if firsts in ([str(k) for k in range(n - 1)], [str(k) for k in range(1, n)]):
            return _Layout(delimiter, header, after, n, row_names=True)
        if not any(row[-1].strip() for row in data):
            return _Layout(delimiter, header, after, n, trailing=True)
    return None


def _like_data(row: Sequence[str], data: Sequence[Sequence[str]]) -> bool:
    """Whether a row has its numbers where those below it have theirs."""
    numbers = list(map(is_number, row))
    return bool(data) and numbers == list(map(is_number, data[0]))


def _with_comment(
    layout: _Layout, lines: Sequence[str], comments: Sequence[int], rest: int, whole: bool
) -> tuple[_Layout, int, int | None]:
    """Take the last comment for the header where it is one, as numpy.savetxt writes it.

    Returns the layout, the line after the header, and which line is the comment that is the header.
    """
    first = layout.header
    if comments and not layout.prose and any(map(is_number, first)):
        text = lines[comments[-1]].strip().lstrip("#%").strip()
        blank = layout.delimiter == " "
        runs = blank and '"' not in text
        names = next((row for row, _ in _split([text], "  " if runs else layout.delimiter)), [])
        if len(names) == len(first) and not any(map(is_number, names)):
            return replace(layout, header=names), rest, comments[-1]
    return layout, rest + layout.after, None


def _check_header(layout: _Layout, below: Sequence[str], source: str) -> None:
    header = [name.strip() for name in layout.header]
    delimiter = "  " if layout.delimiter == " " else layout.delimiter
    rows = [row for row, _ in _split(below[:20], delimiter)]
    if _is_headless(header, rows):
        raise EvidenceError(
            f"{source}: the first line of the table ({shown(', '.join(header))}) names no columns;"
            " write a header above it, such as method,seed,acc."
        )
    repeated = [name for name in header if name and header.count(name) > 1]
    if repeated and len(rows) > 1 and _is_second_header(header, rows):
        raise EvidenceError(
            f"{source}: has two header lines ({shown(','.join(header))} and"
            f" {shown(','.join(rows[0]))}); write one, with a name for each column, such as"
            f" {shown(f'{repeated[0]}_{rows[0][header.index(repeated[0])]}')}."
        )


def _is_headless(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the line taken for a header is one of numbers.

    Numbers may be names, of seeds (1, 2, 3) or of settings (0.1, 0.01); of both they are none.
    """
    numbers = [name for name in header if is_number(name)]
    if len(numbers) == sum(map(bool, header)):
        # Below an empty name may stand those of methods.
        return bool(header[0]) or not rows or is_number(rows[0][0])
    fractions = sum(not name.lstrip("-").isdigit() for name in numbers)
    mixed = 0 < fractions < len(numbers) or fractions == len(numbers) == 1
    return mixed and bool(rows) and all(_like_data(header, [row]) for row in rows[:5])


def _is_second_header(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether below names that repeat stand others, as pandas writes columns of two levels."""
    names, more = rows[0], rows[1]
    if len(names) != len(header):
        return False
    if any(not any(cell.strip() for cell in row[1:]) for row in rows[:2]):
        return True  # the line of the names of the index
    return (
        not any(map(is_number, names))
        and (not names[0].strip() or any(map(is_number, more)))
        and len(set(zip(header, names, strict=False))) > len(set(header))
    )


def _notes(layout: _Layout, comments: Sequence[str], header_comment: int | None) -> list[str]:
    notes = []
    if layout.delimiter != ",":
        notes.append(
            f"fields are separated by {_DELIMITERS.get(layout.delimiter, layout.delimiter)}"
        )
    if header_comment is not None:
        notes.append(f"line {header_comment + 1}, a comment, names the columns")
    for what, lines in (("comment", comments), ("line of prose", layout.prose)):
        if lines:
            more = what.replace("comment", "comments").replace("line", "lines")
            count = f"1 {what}" if len(lines) == 1 else f"{len(lines)} {more}"
            notes.append(f"{count} before the header skipped: {shown(lines[0].strip(), 50)}")
    return notes


def _rows(content: bytes, start: int, layout: _Layout, source: str, after: int) -> pd.DataFrame:
    """Read the rows below the header; the fields of each are as many as there are columns."""
    import pandas as pd

    names, delimiter = layout.names, layout.delimiter
    if not content[start : start + HEAD].strip() and not content[start:].strip():
        columns: dict[int, list[str]] = {i: [] for i in range(len(names))}
        return pd.DataFrame(columns)
    try:
        table = fields_of(content, delimiter, [str(i) for i in range(len(names))], "", start)
    except (csv.Error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        _check_fields(content, start, layout, source, after)
        raise EvidenceError(
            f"{source}: is no regular table ({' '.join(str(error).split())}); perhaps a quote is"
            " not closed."
        ) from None
    # pandas fills a short line with nothing.
    if count_delimiters(content, start, delimiter) != len(table) * (len(names) - 1):
        _check_fields(content, start, layout, source, after)
    if has_outer_blanks(content, start, delimiter):
        table = pd.DataFrame({name: _stripped(table.pop(name)) for name in list(table.columns)})
    return table


def _stripped(column: pd.Series[str]) -> pd.Series[str]:
    import pandas as pd

    # A text that many rows have is kept once.
    codes, distinct = pd.factorize(column)
    texts = pd.Series(distinct, dtype=column.dtype).str.strip()
    texts = texts.mask(texts == "")
    return pd.Series(texts.array.take(codes, allow_fill=True), dtype=column.dtype)


def _with_tabs(content: bytes, start: int) -> bytes:
    """Return the lines from a position on, with a tab for each run of blanks."""
    lines, result = io.BytesIO(content), io.BytesIO()
    lines.seek(start)
    result.writelines(_BLANKS.sub(b"\t", line.strip()) + b"\n" for line in lines)
    return result.getvalue()


def _check_fields(content: bytes, start: int, layout: _Layout, source: str, after: int) -> None:
    """Raise EvidenceError at the first line that has other fields than the header."""
    n = len(layout.names)
    line, row = odd_line(content, lambda fields: len(fields) != n, layout.delimiter, start)
    if not row:
        return
    where = f"{source}, line {after + line}"
    text = layout.delimiter.join(row)
    if _COMMENT.match(row[0]):
        raise EvidenceError(
            f"{where}: {shown(text)} is a comment in the middle of the table; remove it."
        )
    if len(row) > n:
        what = {",": "a comma", ";": "a semicolon"}.get(layout.delimiter, "what separates fields")
        raise EvidenceError(
            f"{where}: has {len(row)} fields, and the header names {n}; perhaps {what} stands"
            f" inside a number or a name ({shown(text, 40)}): put such a cell in quotes."
        )
    cut_off = not content.endswith((b"\n", b"\r")) and line > content.count(b"\n", start)
    raise EvidenceError(
        f"{where}: has {len(row)} of {n} fields ({shown(text, 40)}); "
        + ("the file may be cut off, get it again." if cut_off else "complete or remove the line.")
    )


def _no_table(source: str, lines: Sequence[str]) -> str:
    begins = f", which begins {shown(lines[0].strip(), 40)}," if lines else ""
    candidates = listed(list(_DELIMITERS.values())[:4])
    return (
        f"{source}: no table is found in the text{begins} with fields separated by {candidates};"
        " give a header line and one row for each run (--delimiter names another sign)."
    )
