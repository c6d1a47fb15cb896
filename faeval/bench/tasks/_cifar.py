"""CIFAR-10 and CIFAR-100 from a folder in the Hugging Face layout, decoded once into a cache."""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faeval._extras import extra
from faeval._whole_files import replace_file
from faeval.bench.tasks._task import Task
from faeval.errors import DataError


@dataclass(frozen=True)
class DataSet:
    """A data set of 32 x 32 colour images as the Hugging Face Hub has it."""

    setting: str
    title: str
    hub: str
    folder: str  # of its Parquet files
    label: str  # the column that holds the class
    classes: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def files(self) -> dict[str, Path]:
        """The two files, by part, relative to the data set's folder."""
        return {
            part: Path(self.folder) / f"{part}-00000-of-00001.parquet" for part in ("train", "test")
        }

    @property
    def how(self) -> str:
        """How to get it."""
        train, test = self.files.values()
        return (
            f"Give --data DIR or set FAEVAL_DATA, where DIR holds {train} and {test}, the layout of"
            f" the data set '{self.hub}' on the Hugging Face Hub (also accepted: a folder with that"
            f" one inside it as '{self.setting}')."
        )

    @property
    def replace(self) -> str:
        """What to do with a damaged file."""
        return (
            f"Replace the file by an undamaged copy of the data set '{self.hub}' on the Hugging"
            " Face Hub."
        )


# Mean and spread of the training pixels in [0, 1] as the field writes them; CIFAR-10's as in the
# published figures.
CIFAR10 = DataSet(
    "cifar10",
    "CIFAR-10",
    "uoft-cs/cifar10",
    "plain_text",
    "label",
    10,
    (0.4914, 0.4822, 0.4465),
    (0.2470, 0.2435, 0.2616),
)
CIFAR100 = DataSet(
    "cifar100",
    "CIFAR-100",
    "uoft-cs/cifar100",
    "cifar100",
    "fine_label",
    100,
    (0.5071, 0.4865, 0.4409),
    (0.2673, 0.2564, 0.2762),
)


def cache_folder() -> Path:
    """Return the folder for decoded data: $FAEVAL_CACHE, or faeval/ in the user's cache."""
    folder = os.environ.get("FAEVAL_CACHE")
    return (
        Path(folder)
        if folder
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "faeval"
    )


def _find(of: DataSet, data: Path | None) -> dict[str, Path]:
    folder = data or (Path(os.environ["FAEVAL_DATA"]) if os.environ.get("FAEVAL_DATA") else None)
    if folder is None:
        raise DataError(f"setting {of.setting!r}: no data folder was named. {of.how}")
    for root in (folder, folder / of.setting):
        files = {part: root / file for part, file in of.files.items()}
        if all(file.is_file() for file in files.values()):
            return files
    missing = next(file for file in of.files.values() if not (folder / file).is_file())
    raise DataError(f"setting {of.setting!r}: {folder} holds no {missing}. {of.how}")


def cifar10_digest(data: Path | None = None) -> str:
    """Return the SHA-256 of the two files together.

    Remembered by size and time of change, so it is read once.
    """
    return _digest(CIFAR10, data)


def cifar100_digest(data: Path | None = None) -> str:
    """Return the SHA-256 of the two files together; see :func:`cifar10_digest`."""
    return _digest(CIFAR100, data)


def _digest(of: DataSet, data: Path | None) -> str:
    digest = hashlib.sha256()
    for file in _find(of, data).values():
        digest.update(_file_digest(file).encode())
    return digest.hexdigest()


def _file_digest(file: Path) -> str:
    about = file.stat()
    name = hashlib.sha256(
        f"{file.resolve()}|{about.st_size}|{about.st_mtime_ns}".encode()
    ).hexdigest()
    memo = cache_folder() / "digests" / name
    if memo.is_file() and len(digest := memo.read_text()) == 64:
        return digest
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    _write(memo, digest.encode())
    return digest


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise DataError(
            f"the cache for decoded data, {cache_folder()}, cannot be written ({_line(error)}). "
            "Set FAEVAL_CACHE to a folder that can."
        ) from None


def cifar10(data: Path | None = None) -> Task:
    """Return CIFAR-10 (Krizhevsky 2009), images as uint8 (n, 3, 32, 32).

    50,000 training and 10,000 test images.

    Parameters
    ----------
    data
        The folder; None reads $FAEVAL_DATA.

    Raises
    ------
    DataError
        A file is missing, truncated, lacks a column, or holds a label or an image that CIFAR-10
        cannot have.
    """
    return _load(CIFAR10, data)


def cifar100(data: Path | None = None) -> Task:
    """Return CIFAR-100 (Krizhevsky 2009) with its 100 fine classes.

    Parameters and errors as for :func:`cifar10`.
    """
    return _load(CIFAR100, data)


def _load(of: DataSet, data: Path | None) -> Task:
    arrays: list[NDArray[Any]] = []
    for part, file in _find(of, data).items():
        folder = cache_folder() / of.setting / _file_digest(file)
        arrays += _cached(folder) or _decoded(of, file, part, folder)
    train_x, train_y, test_x, test_y = arrays
    return Task(train_x, train_y, test_x, test_y, of.classes, of.mean, of.std)


def _cached(folder: Path) -> list[NDArray[Any]]:
    """Return decoded images, memory-mapped, and labels.

    Nothing where they are missing, cut off or do not belong together.
    """
    try:
        images, labels = (
            np.load(folder / "images.npy", mmap_mode="r"),
            np.load(folder / "labels.npy"),
        )
    except (OSError, ValueError, EOFError):
        return []
    whole = (
        images.shape == (len(labels), 3, 32, 32)
        and images.dtype == np.uint8
        and labels.dtype == np.int64
    )
    return [images, labels] if whole else []


def _decoded(of: DataSet, file: Path, part: str, folder: Path) -> list[NDArray[Any]]:
    images, labels = _decode(of, file, part)
    arrays: list[tuple[str, NDArray[Any]]] = [("images.npy", images), ("labels.npy", labels)]
    for name, array in arrays:
        buffer = io.BytesIO()
        np.save(buffer, array)
        _write(folder / name, buffer.getvalue())
    return _cached(folder)


def _decode(of: DataSet, file: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    with extra("data", f"reading {of.title}"):
        import pyarrow
        import pyarrow.parquet as pq
        from PIL import Image

    try:
        # Through ParquetFile, so that a folder name is never read as a partition.
        table = pq.ParquetFile(file).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(
            f"{file} cannot be read as Parquet, it may be truncated ({_line(error)}). {of.how}"
        ) from None
    for column in ("img", of.label):
        if column not in table.column_names:
            raise DataError(
                f"{file} has the columns {table.column_names}, not {column!r}. {of.how}"
            )
    if table.num_rows == 0:
        raise DataError(f"{file} holds no rows. {of.how}")
    try:
        labels = np.asarray(table[of.label].to_numpy(), dtype=np.float64)
        encoded = [entry["bytes"] for entry in table["img"].to_pylist()]
    except (TypeError, KeyError, ValueError) as error:
        raise DataError(
            f"{file}: img must hold {{bytes, path}} and {of.label} whole numbers ({_line(error)})."
            f" {of.how}"
        ) from None
    wrong = np.flatnonzero(~((labels >= 0) & (labels < of.classes) & (labels == np.floor(labels))))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(
            f"{file}: row {row} has the label {labels[row]:g}; {of.title}'s labels are"
            f" 0..{of.classes - 1}. {of.replace}"
        )
    images = np.empty((len(encoded), 3, 32, 32), np.uint8)

    for row, code in enumerate(
        encoded
    ):  # in one thread: on images this small several are slower, for want of the GIL
        try:
            with Image.open(io.BytesIO(code)) as picture:
                width, height = picture.size
                if (width, height) == (
                    32,
                    32,
                ):  # asked before decoding: a header may promise any size
                    images[row] = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
                    continue
        except (OSError, TypeError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(
                f"{file}: the image in row {row} of {part} cannot be decoded ({_line(error)})."
                f" {of.replace}"
            ) from None
        raise DataError(
            f"{file}: the image in row {row} of {part} is {width} x {height}, not 32 x 32."
            f" {of.replace}"
        )
    return images, labels.astype(np.int64)


def _line(error: Exception) -> str:
    return json.dumps(str(error).splitlines()[0] if str(error) else type(error).__name__)[1:-1][
        :120
    ]
