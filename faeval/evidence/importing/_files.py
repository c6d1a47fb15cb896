"""One file of results, of whatever form, becomes the cells of a table."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from faeval._safe_text import clean, cut, listed
from faeval.errors import EvidenceError
from faeval.evidence._csv_files import LONGEST_LINE, bounded
from faeval.evidence._table import most_rows
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._columns import short, shown
from faeval.evidence.importing._forms import (
    BROKEN_ZIP,
    HEAD,
    check_form,
    directory_error,
    form_of_bytes,
    unreadable,
    zip_form,
)

_BLOCK = 1 << 20
#: Bytes that a file may hold, or expand to, where it is no table of text; and a table that expands.
_MOST = 2 << 30
_PACKED = ("gzip", "bz2", "xz")


def cells_of(
    path: Path | str,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    content: bytes | None = None,
    name: str | None = None,
) -> Cells:
    """Read one file of results as it stands, whatever its form.

    What a file is is seen from its first bytes. Text of any delimiter, JSON, JSON Lines, npz, npy,
    Excel, Markdown, Parquet, Feather, the JSON of benchmarks, and any of these compressed.

    Parameters
    ----------
    path
        The file.
    delimiter
        What separates the fields of a text: one character. Default: found.
    encoding
        The encoding of a text. Default: UTF-8, UTF-16 where that is evident, else Windows-1252.
    sheet
        Which sheet of a workbook is read, or what stands below which key of JSON. Default: the only
        one that holds something; the largest list of records.
    content
        What the file holds, where that was read elsewhere; ``path`` is not opened then.
    name
        What to call the source in messages. Default: the path.

    Returns
    -------
    Cells
        The cells as they stand, what was noticed, and the roles that the form itself tells.

    Raises
    ------
    EvidenceError
        It cannot be read, or holds no table; says what it is, and what helps.
    MissingExtra
        It is of a form that an extra reads.

    Examples
    --------
    >>> cells = cells_of("results.csv", content=b"method;seed;acc\\nours;0;0,912\\n")
    >>> cells.table.columns.tolist(), cells.table["acc"].tolist(), cells.place(0)
    (['method', 'seed', 'acc'], ['0,912'], 'line 2')
    >>> cells.notes
    ('fields are separated by semicolons',)
    """
    path = Path(path)
    source = short(name if name is not None else path, 400)
    try:
        if content is None:
            if path.is_dir():
                raise directory_error(path)
            with path.open("rb") as file:
                content = _whole(file, source, encoding is not None)
        cells = _read(content, source, _Options(delimiter, encoding, sheet), packed=0)
        notes = tuple(clean(cut(note)) for note in cells.notes)
        return replace(cells, notes=notes, place=lambda row: short(cells.place(row), 200))
    except OSError as error:
        raise unreadable(source, error) from error
    except MemoryError:
        raise EvidenceError(
            f"{source}: needs more memory than there is; give a part of it."
        ) from None


class _Options:
    """What was said of how to read a file."""

    def __init__(self, delimiter: str | None, encoding: str | None, sheet: str | None) -> None:
        words = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}
        self.delimiter = words.get(delimiter.lower(), delimiter) if delimiter else None
        self.encoding, self.sheet = encoding, sheet
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise EvidenceError(
                f"delimiter {shown(delimiter)}: is not one character; name one, such as ; or tab."
            )


def _whole(file: IO[bytes], source: str, encoded: bool) -> bytes:
    """Return what a file holds; its form is looked at before more than its head is read."""
    head = file.read(HEAD)
    form = form_of_bytes(head, source)
    if form != "binary" or not encoded:
        check_form(form, source)
    return _bounded(_parts(file, head), source, form)


def _parts(file: IO[bytes], head: bytes) -> Iterator[bytes]:
    yield head
    while part := file.read(_BLOCK):
        yield part


def _bounded(parts: Iterator[bytes], source: str, form: str, most: int | None = None) -> bytes:
    """Join the parts of a file, as many as its form allows."""
    if form != "text":
        return b"".join(_counted(parts, source, most or _MOST))
    if most is not None:
        parts = _counted(parts, source, most)
    return bounded(parts, source, most_rows.get(), LONGEST_LINE)


def _counted(parts: Iterator[bytes], source: str, most: int) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > most:
            raise EvidenceError(
                f"{source}: holds more than {most / (1 << 30):.3g} GB; give a part of it."
            )
        yield part


def _read(content: bytes, source: str, options: _Options, packed: int) -> Cells:
    form = form_of_bytes(content, source)
    form = zip_form(content) if form == "zip" else form
    form = "text" if form == "binary" and options.encoding else form
    check_form(form, source)
    if form in _PACKED or form == "zip":
        if packed > 1:
            raise EvidenceError(f"{source}: is compressed more than twice; unpack it.")
        content = _unzipped(content, source) if form == "zip" else _unpacked(content, form, source)
        return _read(content, source, options, packed + 1)
    if form in ("text", "json"):
        return _text(content, form, source, options)
    return _binary(content, form, source, options)


def _text(content: bytes, form: str, source: str, options: _Options) -> Cells:
    from faeval.evidence.importing._delimited import read_delimited, to_utf8
    from faeval.evidence.importing._json_files import read_json
    from faeval.evidence.importing._markdown import has_tables, read_markdown

    content, notes = to_utf8(content, options.encoding, source)
    if b"\0" in content:
        check_form("binary", source)
    if form == "json":
        cells = read_json(content, source, options.sheet)
    elif options.delimiter is None and has_tables(content):
        cells = read_markdown(content, source)
    else:
        content = bounded([content], source, most_rows.get())
        cells = read_delimited(content, source, options.delimiter)
    return replace(cells, notes=(*notes, *cells.notes)) if notes else cells


def _binary(content: bytes, form: str, source: str, options: _Options) -> Cells:
    from faeval.evidence.importing._arrays import read_npy, read_npz
    from faeval.evidence.importing._arrow import read_arrow, read_parquet_table
    from faeval.evidence.importing._spreadsheet import read_xlsx

    if form == "xlsx":
        return read_xlsx(content, source, options.sheet)
    readers = {
        "npz": read_npz,
        "npy": read_npy,
        "parquet": read_parquet_table,
        "arrow": read_arrow,
    }
    return readers[form](content, source)


def _unpacked(content: bytes, form: str, source: str) -> bytes:
    """Return what was compressed."""
    import bz2
    import gzip
    import io
    import lzma

    module: Any = {"gzip": gzip, "bz2": bz2, "xz": lzma}[form]
    try:
        with module.open(io.BytesIO(content)) as file:
            head = file.read(HEAD)
            inner = form_of_bytes(head, source)
            check_form(inner, source)
            return _bounded(_parts(file, head), source, inner, _MOST)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise EvidenceError(
            f"{source}: cannot be decompressed ({short(error, 200)}); it may be cut off, get it"
            " again."
        ) from None


def _unzipped(content: bytes, source: str) -> bytes:
    """Return the only table of a zip."""
    import io
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = [
                info
                for info in archive.infolist()
                if not info.is_dir() and not info.filename.startswith("__MACOSX/")
            ]
            if len(files) != 1:
                names = listed([shown(info.filename, 60) for info in files]) or "nothing"
                raise EvidenceError(
                    f"{source}: is a zip of {len(files)} files ({names}); unpack it, and name"
                    " one, or all with --glob."
                )
            with archive.open(files[0]) as file:
                head = file.read(HEAD)
                inner = form_of_bytes(head, files[0].filename)
                check_form(inner, source)
                return _bounded(_parts(file, head), source, inner, _MOST)
    except BROKEN_ZIP as error:
        raise EvidenceError(
            f"{source}: is a zip that cannot be read ({short(error, 200)}); unpack it, and give"
            " the table."
        ) from None
