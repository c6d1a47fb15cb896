"""CIFAR-10 from a folder in the Hugging Face layout, decoded once into the user's cache folder."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faeval.errors import DataError
from faeval.tasks._task import Task

FILES = {
    "train": Path("plain_text") / "train-00000-of-00001.parquet",
    "test": Path("plain_text") / "test-00000-of-00001.parquet",
}
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
CLASSES = 10
_HOW = (
    "Give --data DIR or set FAEVAL_DATA, where DIR holds plain_text/train-00000-of-00001.parquet and "
    "plain_text/test-00000-of-00001.parquet, the layout of the data set 'uoft-cs/cifar10' on the Hugging Face Hub "
    "(also accepted: a folder with that one inside it as 'cifar10')."
)
_REPLACE = "Replace the file by an undamaged copy of the data set 'uoft-cs/cifar10' on the Hugging Face Hub."


def cache_folder() -> Path:
    """Return the folder for decoded data: $FAEVAL_CACHE, else faeval/ in the user's cache folder."""
    given = os.environ.get("FAEVAL_CACHE")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "faeval"


def _find(data: Path | None) -> dict[str, Path]:
    given = data or (Path(os.environ["FAEVAL_DATA"]) if os.environ.get("FAEVAL_DATA") else None)
    if given is None:
        raise DataError(f"setting 'cifar10': no data folder was named. {_HOW}")
    for root in (given, given / "cifar10"):
        files = {part: root / file for part, file in FILES.items()}
        if all(file.is_file() for file in files.values()):
            return files
    missing = next(file for file in FILES.values() if not (given / file).is_file())
    raise DataError(f"setting 'cifar10': {given} holds no {missing}. {_HOW}")


def cifar10_digest(data: Path | None = None) -> str:
    """Return the SHA-256 of the two files together; remembered by size and time of change, so it is read once."""
    digest = hashlib.sha256()
    for file in _find(data).values():
        digest.update(_file_digest(file).encode())
    return digest.hexdigest()


def _file_digest(file: Path) -> str:
    about = file.stat()
    name = hashlib.sha256(f"{file.resolve()}|{about.st_size}|{about.st_mtime_ns}".encode()).hexdigest()
    memo = cache_folder() / "digests" / name
    if memo.is_file() and len(known := memo.read_text()) == 64:
        return known
    with file.open("rb") as stream:
        known = hashlib.file_digest(stream, "sha256").hexdigest()
    _write(memo, known.encode())
    return known


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as out:
            out.write(content)
        Path(out.name).replace(path)
    except OSError as error:
        raise DataError(
            f"the cache for decoded data, {cache_folder()}, cannot be written ({_line(error)}). "
            "Set FAEVAL_CACHE to a folder that can."
        ) from None


def cifar10(data: Path | None = None) -> Task:
    """Return CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images as uint8 (n, 3, 32, 32).

    Parameters
    ----------
    data
        The folder; None reads $FAEVAL_DATA.

    Raises
    ------
    DataError
        A file is missing, truncated, lacks a column, or holds a label or an image that CIFAR-10 cannot have.
    """
    arrays: list[NDArray[Any]] = []
    for part, file in _find(data).items():
        folder = cache_folder() / "cifar10" / _file_digest(file)
        images, labels = folder / "images.npy", folder / "labels.npy"
        if not (images.is_file() and labels.is_file()):
            x, y = _decode(file, part)
            for array, path in ((x, images), (y, labels)):
                buffer = io.BytesIO()
                np.save(buffer, array)
                _write(path, buffer.getvalue())
        arrays += [np.load(images, mmap_mode="r"), np.load(labels)]
    train_x, train_y, test_x, test_y = arrays
    return Task(train_x, train_y, test_x, test_y, CLASSES, MEAN, STD)


def _decode(file: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        import pyarrow.parquet as pq
        from PIL import Image
    except ImportError as error:
        raise DataError(f"reading CIFAR-10 needs {error.name}; run `pip install 'faeval[data]'`.") from None
    import pyarrow

    try:
        # Through ParquetFile, so that a folder name is never read as a partition.
        table = pq.ParquetFile(file).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file} cannot be read as Parquet, it may be truncated ({_line(error)}). {_HOW}") from None
    for column in ("img", "label"):
        if column not in table.column_names:
            raise DataError(f"{file} has the columns {table.column_names}, not {column!r}. {_HOW}")
    if table.num_rows == 0:
        raise DataError(f"{file} holds no rows. {_HOW}")
    try:
        labels = np.asarray(table["label"].to_numpy(), dtype=np.float64)
        encoded = [entry["bytes"] for entry in table["img"].to_pylist()]
    except (TypeError, KeyError, ValueError) as error:
        raise DataError(
            f"{file}: img must hold {{bytes, path}} and label whole numbers ({_line(error)}). {_HOW}"
        ) from None
    wrong = np.flatnonzero(~((labels >= 0) & (labels < CLASSES) & (labels == np.floor(labels))))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(
            f"{file}: row {row} has the label {labels[row]:g}; CIFAR-10's labels are 0..{CLASSES - 1}. {_REPLACE}"
        )
    images = np.empty((len(encoded), 3, 32, 32), np.uint8)
    for row, code in enumerate(encoded):
        try:
            with Image.open(io.BytesIO(code)) as picture:
                width, height = picture.size
                if (width, height) == (32, 32):  # asked before decoding: a header may promise any size
                    images[row] = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
                    continue
        except (OSError, TypeError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(
                f"{file}: the image in row {row} of {part} cannot be decoded ({_line(error)}). {_REPLACE}"
            ) from None
        raise DataError(f"{file}: the image in row {row} of {part} is {width} x {height}, not 32 x 32. {_REPLACE}")
    return images, labels.astype(np.int64)


def _line(error: Exception) -> str:
    return json.dumps(str(error).splitlines()[0] if str(error) else type(error).__name__)[1:-1][:120]
