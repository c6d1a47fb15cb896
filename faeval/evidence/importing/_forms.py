"""What a file is, by its first bytes and never by its name alone; and why some are refused."""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from pathlib import Path

from faeval._safe_text import clean, cut, listed
from faeval.errors import EvidenceError

#: Bytes of a file that say what it is.
HEAD = 1 << 16
# The first that fits counts.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x93NUMPY", "npy"),
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"FEA1", "arrow"),
    (b"SQLite format 3\x00", "sqlite"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"MATLAB 5.0 MAT-file", "matlab"),
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"RDX", "rdata"),
    (b"X\n\x00\x00\x00", "rdata"),
    (b":W&B", "wandb"),
    (b"{\\rtf", "rtf"),
    (b"version https://git-lfs", "lfs"),
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
#: What Python raises of a zip that is damaged, or encrypted.
BROKEN_ZIP = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, LookupError,
    struct.error, zlib.error, lzma.LZMAError,
)  # fmt: skip
_HIGH = bytes(range(128, 256))
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
#: What is never read here, in words, and what helps.
_REFUSED = {
    "lfs": (
        "is a pointer of Git LFS, not the file itself",
        "get the file with: git lfs pull",
    ),
    "pickle": (
        "is a pickle, which is never loaded: loading one runs code that it brings",
        "save the numbers as CSV, JSON or npz",
    ),
    "torch": (
        "is a checkpoint of PyTorch, which is never loaded: loading one can run code",
        "save the results, not the weights, as CSV or JSON",
    ),
    "sqlite": (
        "is an SQLite database",
        "of Optuna give optuna:FILE, of MLflow mlflow:FILE; of another export the table as CSV",
    ),
    "tfevents": (
        "is an event file of TensorBoard",
        "give the folder of the runs with --glob, such as --glob 'runs/{method}/seed_{seed}'",
    ),
    "hdf5": ("is an HDF5 file", "export the table as CSV or Parquet"),
    "matlab": ("is a MATLAB file", "export the table there with writetable, as CSV"),
    "rdata": ("is data of R", "export the table there with write.csv"),
    "pdf": ("is a PDF file", "give the table that it was made from, as CSV"),
    "png": ("is a PNG image", "give the numbers that it was drawn from, as CSV"),
    "jpeg": ("is a JPEG image", "give the numbers that it was drawn from, as CSV"),
    "gif": ("is a GIF image", "give the numbers that it was drawn from, as CSV"),
    "xls": ("is an old Excel file (.xls)", "save it as .xlsx or CSV"),
    "ods": ("is an OpenDocument spreadsheet (.ods)", "save it as .xlsx or CSV"),
    "rtf": ("is a text of a word processor (RTF)", "save its table as .xlsx or CSV"),
    "docx": ("is a Word document", "save its table as .xlsx or CSV"),
    "zstd": ("is compressed with zstd", "decompress it first: unzstd FILE"),
    "7z": ("is a 7z archive", "unpack it, and give the table"),
    "tar": ("is a tar archive", "unpack it, and give the table, or all of them with --glob"),
    "wandb": (
        "is a log of Weights & Biases in its own form",
        "export the runs table as CSV from the web page or with its API",
    ),
    "inspect": (
        "is an evaluation log of inspect_ai: its samples are items of one run, no retrainings",
        "give a table with one value for each seed",
    ),
    "html": ("is an HTML page", "save its table as CSV"),
    "xml": ("is an XML file", "save its table as CSV"),
    "latex": ("is LaTeX", "give the table that it was made from, as CSV"),
    "binary": ("is a binary file of no kind that is read here", "export the table as CSV"),
    "empty": ("is empty", "give a file with one row for each run"),
}  # fmt: skip


def form_of(path: Path | str) -> str:
    """Return what a file is, by its first bytes.

    Parameters
    ----------
    path
        A file; it is opened, and its beginning is read.

    Returns
    -------
    str
        ``"directory"``, ``"empty"``; ``"json"`` and ``"text"`` (a table of text, Markdown, prose);
        ``"gzip"``, ``"bz2"``, ``"xz"``, ``"zip"``; ``"npy"``, ``"npz"``, ``"xlsx"``,
        ``"parquet"``, ``"arrow"``; what is not read here: ``"sqlite"``, ``"tfevents"``,
        ``"pickle"``, ``"torch"``, ``"lfs"``, ``"inspect"``, ``"hdf5"``, ``"pdf"``, ``"png"``,
        ``"html"``, ``"binary"``, ...

    Raises
    ------
    EvidenceError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> form_of(tempfile.gettempdir())
    'directory'
    """
    path = Path(path)
    try:
        if path.is_dir():
            return "directory"
        with path.open("rb") as file:
            head = file.read(HEAD)
            form = form_of_bytes(head, path.name)
            return form if form != "zip" else _zip_form(file)
    except OSError as error:
        raise unreadable(path, error) from error


def form_of_bytes(content: bytes, name: str = "") -> str:
    """Return what content is, of which the first :data:`HEAD` bytes suffice but for a zip."""
    if not content.strip(b" \t\r\n\x00\xef\xbb\xbf"):
        return "empty"
    for magic, form in _MAGIC:
        if content.startswith(magic):
            return form
    if name.lower().endswith((".pkl", ".pickle", ".joblib")):
        return "pickle"
    if b"brain.Event:" in content[:64] or ("tfevents" in name and b"\0" in content[:64]):
        return "tfevents"
    if content[257:262] == b"ustar":
        return "tar"
    # Text in UTF-16 may begin with any byte; a pickle is no text whatever comes.
    if _PICKLE.match(content) and (b"\0" in content[:64] or content.rstrip().endswith(b".")):
        return "pickle"
    return _text_form(content) if _is_text(content[:HEAD]) else "binary"


def _is_text(begin: bytes) -> bool:
    if utf16_of(begin):
        return True
    # No text of any code page has so few signs of ASCII where tables of numbers are.
    plain = len(begin.translate(None, _HIGH))
    return not _CONTROL.search(begin) and (2 * plain >= len(begin) or _is_utf8(begin))


def _is_utf8(begin: bytes) -> bool:
    try:
        begin.decode()
    except UnicodeDecodeError as error:
        return error.start > len(begin) - 4 and len(begin) == HEAD
    return True


def _text_form(content: bytes) -> str:
    begin = content[:HEAD]
    if encoding := utf16_of(begin):
        begin = begin.decode(encoding, "replace").encode()
    begin = begin.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if begin.startswith((b"{", b"[")):
        return "json"
    if begin.startswith((b"<!doctype html", b"<html", b"<table", b"<div")):
        return "html"
    if begin.startswith((b"<?xml", b"<!doctype")):
        return "html" if b"<html" in begin else "xml"
    if re.search(rb"\\begin\{(tabular|table|document|longtable|array)", begin):
        return "latex"
    return "text"


def utf16_of(content: bytes) -> str | None:
    """Return the encoding of content that is UTF-16 by its mark or evidently; else None."""
    if content.startswith(_UTF16):
        return "utf-16"
    begin = content[: HEAD // 2 * 2]
    half = len(begin) // 2
    zeros = [part.count(0) / max(half, 1) for part in (begin[0::2], begin[1::2])]
    if max(zeros) < 0.6 or min(zeros) > 0.05:
        return None
    encoding = "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    text = begin.decode(encoding, "replace")
    return None if _CONTROL.search(text.encode("utf-8", "replace")) else encoding


def zip_form(content: bytes) -> str:
    """Return what a zip is: of Excel, of NumPy, of PyTorch, ..., or a mere ``"zip"``."""
    return _zip_form(io.BytesIO(content))


def _zip_form(file: io.BufferedIOBase) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            return _archive_form(archive)
    except BROKEN_ZIP:
        return "zip"


def _archive_form(archive: zipfile.ZipFile) -> str:
    names = archive.namelist()
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "word/document.xml" in names:
        return "docx"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    if any(name.rpartition("/")[2] == "data.pkl" for name in names):
        return "torch"
    if "header.json" in names and any(name.startswith(("samples/", "_journal")) for name in names):
        return "inspect"
    if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
        return "ods" if b"opendocument" in archive.read("mimetype") else "zip"
    return "zip"


def check_form(form: str, source: str) -> None:
    """Raise EvidenceError, with what helps, where a form is never read."""
    if form in _REFUSED:
        what, remedy = _REFUSED[form]
        raise EvidenceError(f"{source}: {what}; {remedy}.")


def directory_error(path: Path) -> EvidenceError:
    """Return the error of a folder where a file is needed, with what lies in it."""
    names = sorted(entry.name + "/" * entry.is_dir() for entry in _some(path))
    holds = f"it holds {listed([clean(name) for name in names])}" if names else "it is empty"
    return EvidenceError(
        f"{path}: is a folder ({holds}); name one file, or all with --glob, such as --glob"
        f" '{cut(str(path), 200)}/{{method}}/seed_{{seed}}/metrics.json'."
    )


def _some(path: Path) -> list[Path]:
    from itertools import islice

    return list(islice(path.iterdir(), 1000))


def unreadable(path: Path | str, error: OSError) -> EvidenceError:
    """Return the error of a file that the system does not give."""
    return EvidenceError(
        f"{path}: cannot be read ({error.strerror or error}); give a file with results."
    )
