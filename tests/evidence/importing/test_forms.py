"""What a file is is seen from its bytes; what is never read is named, with what helps."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._files import cells_of
from faeval.evidence.importing._forms import form_of

CSV = b"method,seed,acc\nours,0,0.9\nbase,0,0.8\n"
FRAME = pd.read_csv(io.BytesIO(CSV))


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = io.BytesIO()
    FRAME.to_parquet(buffer)
    return buffer.getvalue()


def feather() -> bytes:
    buffer = io.BytesIO()
    FRAME.to_feather(buffer)
    return buffer.getvalue()


class Bomb:
    """A pickle of it would end the process that loads it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        import os

        return os._exit, (77,)


READ = {
    "text": CSV,
    "json": FRAME.to_json(orient="records").encode(),
    "gzip": gzip.compress(CSV),
    "bz2": bz2.compress(CSV),
    "xz": lzma.compress(CSV),
    "zip": zipped(**{"a.csv": CSV}),
    "parquet": parquet(),
    "arrow": feather(),
    "npz": npz(method=np.array(["ours", "base"]), seed=np.zeros(2, int), acc=np.array([0.9, 0.8])),
    "npy": npy(
        np.array(
            [("ours", 0, 0.9), ("base", 0, 0.8)],
            dtype=[("method", "U4"), ("seed", "i8"), ("acc", "f8")],
        )
    ),
}


@pytest.mark.parametrize("form", READ)
def test_a_table_is_read_alike_in_every_form_and_under_any_name(form: str, tmp_path: Path) -> None:
    for name in ("results.csv", "results.json", "results"):
        path = tmp_path / name
        path.write_bytes(READ[form])
        assert form_of(path) == form
        found = cells_of(path)
        assert found.table.columns.tolist() == ["method", "seed", "acc"]
        assert found.table["method"].tolist() == ["ours", "base"]
        assert found.table["seed"].astype(int).tolist() == [0, 0]
        assert found.table["acc"].astype(float).tolist() == [0.9, 0.8]
        assert found.source == str(path)
    again = cells_of("nowhere", content=READ[form], name="stdin")
    assert again.source == "stdin"
    assert again.table.astype(str).equals(found.table.astype(str))


@pytest.mark.parametrize("form", ["json", "npz", "parquet", "gzip", "zip"])
def test_what_is_compressed_is_read_as_what_it_holds(form: str) -> None:
    plain = cells_of("x", content=READ[form]).table
    for packed in (gzip.compress(READ[form]), zipped(inner=READ[form])):
        assert cells_of("x", content=packed).table.equals(plain)


def sqlite() -> bytes:
    base = sqlite3.connect(":memory:")
    base.execute("create table studies (id integer)")
    return base.serialize()


REFUSED = {
    "empty": (b"", ["is empty"]),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1320\n",
        ["LFS", "git lfs pull"],
    ),
    "pickle": (pickle.dumps(Bomb()), ["pickle", "never loaded"]),
    "sqlite": (sqlite(), ["SQLite", "optuna:", "mlflow:"]),
    "tfevents": (
        b"\x18\0\0\0\0\0\0\0\xa3\x7fK\x22\t\0\0\xc0\xfa\xc0\xa9\xd9A\x1a\rbrain.Event:2",
        ["TensorBoard", "--glob"],
    ),
    "torch": (zipped(archive__data__pkl=b"", **{"archive/data.pkl": b"x"}), ["PyTorch"]),
    "inspect": (
        zipped(**{"header.json": b"{}", "samples/1.json": b"{}"}),
        ["inspect_ai", "no retrainings", "seed"],
    ),
    "ods": (
        zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"),
        [".ods", ".xlsx or CSV"],
    ),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, [".xls", ".xlsx or CSV"]),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 50, ["HDF5", "CSV"]),
    "pdf": (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", ["PDF"]),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", ["PNG"]),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF", ["JPEG"]),
    "html": (b"<!DOCTYPE html>\n<html><table>", ["HTML", "CSV"]),
    "latex": (b"\\begin{tabular}{lr}\nours & 0.9 \\\\\n", ["LaTeX", "CSV"]),
    "wandb": (b":W&B\x03\xbe\0", ["Weights & Biases", "export"]),
    "binary": (bytes(range(256)) * 4, ["binary"]),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_never_read_is_named_with_what_helps(form: str, tmp_path: Path) -> None:
    content, says = REFUSED[form]
    for name in ("results.csv", "results"):
        path = tmp_path / name
        path.write_bytes(content)
        assert form_of(path) == form
        with pytest.raises(EvidenceError) as caught:
            cells_of(path)
        assert caught.value.exit_code == 2
        for word in (str(path), *says):
            assert word in str(caught.value)
        assert "\n" not in str(caught.value)
    if content:
        with pytest.raises(EvidenceError, match=says[0]):
            cells_of("x", content=gzip.compress(content))


def test_a_pickle_is_known_by_its_name_too(tmp_path: Path) -> None:
    path = tmp_path / "results.pkl"
    path.write_bytes(pickle.dumps({"a": 1}, protocol=0))
    assert form_of(path) == "pickle"
    with pytest.raises(EvidenceError, match="never loaded"):
        cells_of(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped(**{"a.csv": CSV, "b.csv": CSV}), ["2 files", "a.csv", "b.csv"]),
        (zipped(), ["0 files"]),
        (zipped(**{"a.csv": CSV})[:50], ["zip", "cannot be read"]),
        (gzip.compress(CSV)[:-9], ["cannot be decompressed"]),
        (gzip.compress(CSV)[:12] + b"\xff" * 40, ["cannot be decompressed"]),
        (lzma.compress(CSV)[:-20], ["cannot be decompressed"]),
        (bz2.compress(CSV)[:-20], ["cannot be decompressed"]),
        (gzip.compress(gzip.compress(gzip.compress(CSV))), ["more than twice"]),
        (gzip.compress(b""), ["is empty"]),
        (parquet()[:-30], ["Parquet"]),
        (feather()[:-30], ["Feather"]),
    ],
    ids=map(str, range(11)),  # the bytes of a packed file hold its time
)
def test_what_is_damaged_or_holds_several_is_refused(content: bytes, says: list[str]) -> None:
    with pytest.raises(EvidenceError) as caught:
        cells_of("results.csv", content=content)
    assert caught.value.exit_code == 2
    for word in ("results.csv", *says):
        assert word in str(caught.value)


def test_what_expands_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from faeval.evidence.importing import _files

    monkeypatch.setattr(_files, "_MOST", 1 << 20)
    rows = b"method,acc\n" + b"ours,1\n" * 300_000
    for packed in (gzip.compress(rows), zipped(**{"a.csv": rows})):
        with pytest.raises(EvidenceError, match="holds more than"):
            cells_of("x", content=packed)


def test_a_folder_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"is empty.*--glob"):
        cells_of(tmp_path)
    (tmp_path / "ours.csv").write_bytes(CSV)
    assert form_of(tmp_path) == "directory"
    with pytest.raises(EvidenceError, match=r"is a folder .*ours\.csv.*--glob"):
        cells_of(tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for read in (cells_of, form_of):
        with pytest.raises(EvidenceError, match=r"nowhere\.csv: cannot be read \(No such file"):
            read(tmp_path / "nowhere.csv")


def test_text_that_acts_does_not_reach_a_message() -> None:
    text = b"method,acc\n\x1b[31mours,0,0.9\n"
    with pytest.raises(EvidenceError) as caught:
        cells_of("\x1b[2Jx.csv", content=text)
    assert "\x1b" not in str(caught.value)
    found = cells_of("x.csv", content=b"# \x1b[31m" + b"long " * 2000 + b"\nmethod,acc\nours,1\n")
    assert all("\x1b" not in note and len(note) < 300 for note in found.notes)
    document = json.dumps([{"a": {"\x1b[31m": 1}, "a.\x1b[31m": 1}])
    with pytest.raises(EvidenceError) as caught:
        cells_of("x.json", content=document.encode())
    assert "\x1b" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=400)
    | st.tuples(st.sampled_from(list(READ.values())), st.integers(0, 2000), st.binary()).map(
        lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + len(drawn[2]) :]
    )
)
def test_no_bytes_end_otherwise_than_in_cells_or_one_line(content: bytes) -> None:
    found, message = outcome(content)
    if found is None:
        assert "\n" not in message
        assert "x.dat" in message
    else:
        assert len(found.table)
        assert all(isinstance(name, str) for name in found.table.columns)
        assert found.place(len(found.table) - 1)


def outcome(content: bytes) -> tuple[Cells | None, str]:
    try:
        return cells_of("x.dat", content=content), ""
    except EvidenceError as error:
        # 12 is for what faeval itself wrote, and says so.
        is_right = error.exit_code == 2 or b"faeval sha256 " in content
        return None, str(error) if is_right else ""
