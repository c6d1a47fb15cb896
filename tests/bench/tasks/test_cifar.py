"""CIFAR-10 from small files in its own layout: exact decoding, the cache, and one clear line for
each bad file.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faeval.bench.tasks import (
    cache_folder,
    cifar10,
    cifar10_digest,
    cifar100,
    cifar100_digest,
    load,
)
from faeval.errors import DataError

pa = pytest.importorskip("pyarrow", reason="needs the extra 'data'")
pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'data'")
Image = pytest.importorskip("PIL.Image", reason="needs the extra 'data'")

TRAIN = "plain_text/train-00000-of-00001.parquet"
TEST = "plain_text/test-00000-of-00001.parquet"
Pixels = NDArray[np.uint8]
Rows = list[dict[str, Any]]


def encoded(pixels: Pixels, form: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **options)
    return out.getvalue()


def pictures(n: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def rows_of(images: Pixels) -> Rows:
    return [
        {"img": {"bytes": encoded(p), "path": None}, "label": i % 10} for i, p in enumerate(images)
    ]


def write(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAEVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FAEVAL_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "data" / TRAIN, rows_of(pictures(12)))
    write(tmp_path / "data" / TEST, rows_of(pictures(7, seed=1)))
    return tmp_path / "data"


def test_png_pixels_come_back_exactly_channel_first(folder: Path) -> None:
    task = cifar10(folder)
    assert task.train_x.dtype == np.uint8
    np.testing.assert_array_equal(task.train_x, pictures(12).transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(task.test_x, pictures(7, seed=1).transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(task.train_y, np.arange(12) % 10)
    np.testing.assert_array_equal(task.test_y, np.arange(7))
    assert task.train_y.dtype == np.int64
    assert (task.classes, task.features) == (10, 3 * 32 * 32)
    assert (task.mean, task.std) == ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


def test_grey_and_jpeg_images_are_read_as_colour(folder: Path) -> None:
    grey, smooth = np.full((32, 32), 7, np.uint8), np.full((32, 32, 3), 120, np.uint8)
    codes = [encoded(grey), encoded(smooth, "JPEG", quality=95)]
    write(
        folder / TRAIN,
        [{"img": {"bytes": c, "path": "x"}, "label": i} for i, c in enumerate(codes)],
    )
    task = cifar10(folder)
    assert np.unique(task.train_x[0]).tolist() == [7]
    assert np.abs(task.train_x[1].astype(int) - 120).max() <= 2


def test_the_folder_may_come_from_the_environment_or_hold_the_data_set_inside(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.rename(tmp_path / "cifar10")
    assert len(load("cifar10", tmp_path).train_y) == 12
    monkeypatch.setenv("FAEVAL_DATA", str(tmp_path))
    assert len(cifar10().test_y) == 7
    assert cifar10_digest() == cifar10_digest(tmp_path / "cifar10")


def test_a_second_reading_decodes_nothing(folder: Path, cache: Path) -> None:
    first = cifar10(folder)
    kept = sorted(path for path in cache.rglob("*") if path.is_file())
    assert (
        sorted(path.name for path in kept if "digests" not in path.parts)
        == ["images.npy"] * 2 + ["labels.npy"] * 2
    )
    times = [path.stat().st_mtime_ns for path in kept]
    second = cifar10(folder)
    np.testing.assert_array_equal(first.train_x, second.train_x)
    assert [path.stat().st_mtime_ns for path in kept] == times
    # What is read is the cache: an array put there is what comes back.
    images = next(path for path in kept if path.name == "images.npy" and len(np.load(path)) == 12)
    np.save(images, 255 - np.load(images))
    np.testing.assert_array_equal(cifar10(folder).train_x, 255 - pictures(12).transpose(0, 3, 1, 2))


def test_another_file_at_the_same_path_is_decoded_anew(folder: Path) -> None:
    digest = cifar10_digest(folder)
    cifar10(folder)
    write(folder / TRAIN, rows_of(pictures(13, seed=5)))
    assert cifar10_digest(folder) != digest
    np.testing.assert_array_equal(
        cifar10(folder).train_x, pictures(13, seed=5).transpose(0, 3, 1, 2)
    )


def test_the_digest_is_of_content_not_of_place_or_time(folder: Path, tmp_path: Path) -> None:
    digest = cifar10_digest(folder)
    for part in (TRAIN, TEST):
        copy = tmp_path / "copy" / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((folder / part).read_bytes())
        os.utime(copy, (1, 1))
    assert cifar10_digest(tmp_path / "copy") == digest
    (tmp_path / "copy" / TRAIN).write_bytes((folder / TEST).read_bytes())
    (tmp_path / "copy" / TEST).write_bytes((folder / TRAIN).read_bytes())
    assert cifar10_digest(tmp_path / "copy") != digest  # train and test do not trade places unseen


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"FAEVAL_CACHE": "/a/b"}, "/a/b"),
        ({"FAEVAL_CACHE": "", "XDG_CACHE_HOME": "/x"}, "/x/faeval"),
        ({"FAEVAL_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/faeval"),
    ],
)
def test_the_cache_folder_is_the_users(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


def test_no_folder_named_says_how_to_name_one() -> None:
    with pytest.raises(
        DataError, match=r"no data folder .*--data DIR.*FAEVAL_DATA.*uoft-cs/cifar10"
    ):
        cifar10()


@pytest.mark.parametrize("part", [TRAIN, TEST])
def test_a_missing_file_is_named(folder: Path, part: str) -> None:
    (folder / part).unlink()
    with pytest.raises(DataError, match=rf"holds no {part}.*Give --data DIR"):
        cifar10(folder)
    with pytest.raises(DataError, match=rf"holds no {part}"):
        cifar10_digest(folder)


def change(**fields: Any) -> Callable[[Rows], Rows]:
    """Return what alters row 3; ``code`` stands for the image's bytes."""

    def alter(rows: Rows) -> Rows:
        if "code" in fields:
            rows[3]["img"] = {"bytes": fields["code"], "path": None}
        rows[3] |= {name: value for name, value in fields.items() if name != "code"}
        return rows

    return alter


def rename(old: str, new: str) -> Callable[[Rows], Rows]:
    return lambda rows: [
        {new if name == old else name: value for name, value in row.items()} for row in rows
    ]


def bomb() -> bytes:
    """A JPEG whose header promises 65,000 x 65,000 pixels."""
    code = bytearray(encoded(pictures(1)[0], "JPEG"))
    start = code.index(b"\xff\xc0")
    code[start + 5 : start + 9] = struct.pack(">HH", 65_000, 65_000)
    return bytes(code)


PNG = encoded(pictures(1)[0])
BAD: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "image column missing": (
        rename("img", "image"),
        r"has the columns \['image', 'label'\], not 'img'.*--data DIR",
    ),
    "label column missing": (rename("label", "fine_label"), r"not 'label'.*--data DIR"),
    "image is no struct": (
        lambda rows: [{**r, "img": r["img"]["bytes"]} for r in rows],
        r"img must hold \{bytes, path\}",
    ),
    "struct without bytes": (
        lambda rows: [{**r, "img": {"path": "x"}} for r in rows],
        r"img must hold \{bytes, path\}",
    ),
    "image missing": (change(img=None), r"img must hold \{bytes, path\}"),
    "labels are words": (
        lambda rows: [{**r, "label": "cat"} for r in rows],
        r"label whole numbers.*--data DIR",
    ),
    "label too high": (
        change(label=10),
        r"row 3 has the label 10; CIFAR-10's labels are 0\.\.9.*Replace",
    ),
    "label negative": (change(label=-1), r"row 3 has the label -1;.*Replace"),
    "label missing": (change(label=None), r"row 3 has the label nan;.*Replace"),
    "label a fraction": (
        lambda rows: [
            {**r, "label": 2.5 if i == 3 else float(r["label"])} for i, r in enumerate(rows)
        ],
        r"row 3 has the label 2\.5;.*Replace",
    ),
    "wrong size": (
        change(code=encoded(pictures(1)[0][:28, :30])),
        r"row 3 of train is 30 x 28, not 32 x 32.*Replace",
    ),
    "image cut off": (
        change(code=PNG[: len(PNG) // 2]),
        r"image in row 3 of train cannot be decoded.*Replace",
    ),
    "no image": (
        change(code=b"not an image"),
        r"image in row 3 of train cannot be decoded.*Replace",
    ),
    "empty image": (change(code=b""), r"image in row 3 of train cannot be decoded"),
    "bytes missing": (change(code=None), r"image in row 3 of train cannot be decoded"),
    "decompression bomb": (change(code=bomb()), r"image in row 3 of train cannot be decoded"),
}


@pytest.mark.parametrize(("alter", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_one_error_that_names_it(
    alter: Callable[[Rows], Rows], message: str, folder: Path, cache: Path
) -> None:
    write(folder / TRAIN, alter(rows_of(pictures(6))))
    with pytest.raises(DataError, match=message) as raised:
        cifar10(folder)
    text = str(raised.value)
    assert str(folder / TRAIN) in text
    assert "\n" not in text
    assert not (cache / "cifar10").exists()  # nothing half-decoded is kept


def test_no_rows(folder: Path) -> None:
    table = pq.read_table(folder / TRAIN)
    pq.write_table(table.slice(0, 0), folder / TRAIN)
    with pytest.raises(DataError, match=rf"{TRAIN} holds no rows.*--data DIR"):
        cifar10(folder)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_truncated_file(folder: Path, share: float) -> None:
    content = (folder / TRAIN).read_bytes()
    (folder / TRAIN).write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=rf"{TRAIN} .*Parquet, .*truncated.*--data DIR"):
        cifar10(folder)


def test_a_file_of_another_kind(folder: Path) -> None:
    (folder / TEST).write_text("label,img\n1,x\n")
    with pytest.raises(DataError, match=rf"{TEST} .*Parquet"):
        cifar10(folder)


def test_a_cache_that_cannot_be_written_is_named_with_the_remedy(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "occupied").write_text("a file, not a folder")
    monkeypatch.setenv("FAEVAL_CACHE", str(tmp_path / "occupied"))
    with pytest.raises(DataError, match=r"occupied.*cannot be written.*FAEVAL_CACHE"):
        cifar10_digest(folder)


def test_a_cache_with_a_file_missing_is_decoded_anew(folder: Path, cache: Path) -> None:
    expected = np.array(cifar10(folder).train_x)
    for path in (cache / "cifar10").rglob("labels.npy"):
        path.unlink()
    np.testing.assert_array_equal(cifar10(folder).train_x, expected)


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Path:
    if not REAL:
        pytest.skip("$FAEVAL_DATA names no folder with CIFAR-10")
    if (
        USERS_CACHE is None
    ):  # decoding 60,000 images takes most of a minute: the user's cache, as in real use
        monkeypatch.delenv("FAEVAL_CACHE")
    else:
        monkeypatch.setenv("FAEVAL_CACHE", USERS_CACHE)
    return Path(REAL)


REAL, USERS_CACHE = os.environ.get("FAEVAL_DATA"), os.environ.get("FAEVAL_CACHE")


@pytest.mark.slow
@pytest.mark.cifar10
def test_the_real_data_have_their_known_counts(real: Path) -> None:
    task = cifar10(real)
    # Krizhevsky 2009, 3.1: 50,000 and 10,000 images, 5,000 and 1,000 of each class.
    assert task.train_x.shape == (50_000, 3, 32, 32)
    assert task.test_x.shape == (10_000, 3, 32, 32)
    assert np.bincount(task.train_y).tolist() == [5000] * 10
    assert np.bincount(task.test_y).tolist() == [1000] * 10
    # The channel means and deviations that inputs are normalised by are those of the training set.
    sample = task.train_x[::25].astype(np.float64) / 255
    np.testing.assert_allclose(sample.mean(axis=(0, 2, 3)), task.mean, atol=0.01)
    np.testing.assert_allclose(task.train_x[::25].std(axis=(0, 2, 3)) / 255, task.std, atol=0.01)


@pytest.mark.cifar10
def test_the_real_data_keep_their_digest(real: Path) -> None:
    assert cifar10_digest(real) == cifar10_digest(real)
    assert len(cifar10_digest(real)) == 64


@pytest.fixture
def hundred(tmp_path: Path) -> Path:
    for name, n, seed in (("train", 12, 2), ("test", 7, 3)):
        rows = [
            {**row, "fine_label": 99 - i, "coarse_label": 0}
            for i, row in enumerate(rows_of(pictures(n, seed)))
        ]
        for row in rows:
            del row["label"]
        write(tmp_path / "both" / "cifar100" / f"{name}-00000-of-00001.parquet", rows)
    return tmp_path / "both"


def test_cifar100_is_read_by_its_fine_labels_from_its_own_layout(
    hundred: Path, cache: Path
) -> None:
    task = cifar100(hundred)
    np.testing.assert_array_equal(task.train_x, pictures(12, 2).transpose(0, 3, 1, 2))
    assert task.train_y.tolist() == list(range(99, 87, -1))
    assert (task.classes, len(task.test_y)) == (100, 7)
    # Mean and spread of CIFAR-100's training pixels, as the field writes them.
    assert (task.mean, task.std) == ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))
    assert load("cifar100", hundred).train_y.tolist() == task.train_y.tolist()
    assert len(cifar100_digest(hundred)) == 64


def test_both_data_sets_may_lie_in_one_folder(hundred: Path, folder: Path) -> None:
    (folder / "plain_text").rename(hundred / "plain_text")
    assert cifar10(hundred).classes == 10
    assert cifar100(hundred).classes == 100
    assert cifar10_digest(hundred) != cifar100_digest(hundred)
    inside = hundred.parent / "outer"
    inside.mkdir()
    hundred.rename(
        inside / "cifar100"
    )  # a folder that holds the data set's own under its setting's name
    assert cifar100(inside).classes == 100


def test_errors_of_cifar100_name_it(hundred: Path, folder: Path) -> None:
    with pytest.raises(
        DataError, match=r"setting 'cifar100': .* holds no cifar100/train-00000.*'uoft-cs/cifar100'"
    ):
        cifar100(folder)
    rows = [{**row, "fine_label": 100} for row in rows_of(pictures(3))]
    write(hundred / "cifar100" / "train-00000-of-00001.parquet", rows)
    with pytest.raises(DataError, match=r"\b0 .*label 100; CIFAR-100.*0\.\.99\. .*cifar100"):
        cifar100(hundred)
    write(hundred / "cifar100" / "train-00000-of-00001.parquet", rows_of(pictures(3)))
    with pytest.raises(DataError, match=r"not 'fine_label'"):
        cifar100(hundred)


@pytest.mark.parametrize("name", ["images.npy", "labels.npy"])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_cache_that_was_cut_off_is_decoded_anew(
    folder: Path, cache: Path, name: str, keep: float
) -> None:
    x, y = (
        np.array(v) for v in (cifar10(folder).train_x, cifar10(folder).train_y)
    )  # copies: the file is cut below
    (file,) = [f for f in cache.rglob(name) if len(np.load(f)) == 12]
    content = file.read_bytes()
    file.write_bytes(content[: int(keep * len(content))])
    again = cifar10(folder)
    np.testing.assert_array_equal(again.train_x, x)
    np.testing.assert_array_equal(again.train_y, y)
    assert file.read_bytes() == content


def test_a_cache_of_other_images_than_labels_is_decoded_anew(folder: Path, cache: Path) -> None:
    x = np.array(cifar10(folder).train_x)
    (file,) = [f for f in cache.rglob("images.npy") if len(np.load(f)) == 12]
    np.save(file, np.zeros((11, 3, 32, 32), np.uint8))
    np.testing.assert_array_equal(cifar10(folder).train_x, x)


def test_decoded_images_are_mapped_not_read(folder: Path) -> None:
    cifar10(folder)
    assert isinstance(cifar10(folder).train_x, np.memmap)
