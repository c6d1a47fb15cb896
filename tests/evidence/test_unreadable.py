"""What cannot be read in a store is an error that names it, in every command that reads stores, and
nothing is written.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faeval import evidence, pipeline
from faeval.errors import EvidenceError, FaevalError
from faeval.evidence import Store

EXPERIMENT = """
import faeval as fe

def run(arm, seed):
    return {"x": arm["dose"] + seed / 1000}

toy = fe.Experiment("toy", run, factors={"dose": 0}, metrics=["x"], revision="1")
helps = fe.Claim("It helps", fe.exceeds(fe.metric("x", fe.Arm(dose=1)), fe.metric("x", fe.Arm()), by=fe.Margin(0.1, "r")),
                 attributed_to="dose")
"""  # noqa: E501
Spoil = Callable[[Path], None]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Store]:
    file = tmp_path / "toy.py"
    file.write_text(EXPERIMENT)
    pipeline.verify(file, seeds=[1, 2], store=tmp_path / "store", workers=1)
    return file, Store(tmp_path / "store")


def a_folder(record: Path) -> None:
    record.unlink()
    record.mkdir()


def a_link_to_nothing(record: Path) -> None:
    record.unlink()
    record.symlink_to(record.with_name("gone"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("spoil", [a_folder, a_link_to_nothing])
def test_a_record_that_cannot_be_read_is_named_by_all_who_read_it(
    made: tuple[Path, Store], spoil: Spoil, tmp_path: Path
) -> None:
    file, store = made
    record = next(store.files())
    spoil(record)
    before = contents(store.root)
    readers: list[Callable[[], object]] = [
        lambda: pipeline.verify(
            file, store=store.root, workers=1
        ),  # seeds 3 to 5 are still to be run
        lambda: pipeline.verify(file, store=store.root, offline=True),
        lambda: pipeline.verify(file, from_evidence=store.root),
        lambda: pipeline.outlook(file, store=store.root),
        lambda: evidence.read(store),
        lambda: evidence.export(store, tmp_path / "out.csv"),
        lambda: evidence.merge([store], tmp_path / "into"),
        lambda: evidence.merge([tmp_path / "other"], store),
    ]
    pipeline.verify(file, seeds=[9], store=tmp_path / "other", workers=1)
    for reader in readers:
        with pytest.raises(EvidenceError, match="cannot be read") as error:
            reader()
        assert str(record) in str(error.value)
    (finding,) = evidence.check(store).bad
    assert (finding.kind, finding.name) == ("unreadable", record.relative_to(store.root).as_posix())
    assert contents(store.root) == before
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "into").exists()


@pytest.fixture
def forbidden(made: tuple[Path, Store]) -> Iterator[tuple[Path, Store]]:
    """The folder of a run that may not be listed, in a store whose other folders anyone may."""
    # pytest keeps its own folders from others whenever another session starts.
    with tempfile.TemporaryDirectory() as outside:
        Path(outside).chmod(0o755)
        store = Store(shutil.copytree(made[1].root, Path(outside, "store")))
        folder = next(store.files()).parent
        folder.chmod(0)
        yield folder, store
        folder.chmod(0o755)


AS_NOBODY = """
import os, sys
from pathlib import Path
import pandas
from faeval import evidence
from faeval.campaign._plan import outstanding
from faeval.errors import FaevalError
store = evidence.Store(Path(sys.argv[1]))
row = {"setting": "s", "arm": "a", "seed": 1, "metric": "m", "value": 1.0}
evidence.read(pandas.DataFrame([row]))
if os.getuid() == 0:  # whom nothing is forbidden; all modules are loaded, which others may not read
    os.setgid(65534); os.setuid(65534)
for read in (lambda: evidence.read(store), lambda: evidence.read(store.root),
             lambda: evidence.merge([store], "into"),
             lambda: evidence.export(store, "out.csv"),
             lambda: outstanding(store, sys.argv[2], {}, True)):
    try:
        read()
    except FaevalError as error:
        print(error)
print(*(f"{f.kind} {f.name}" for f in evidence.check(store).bad))
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="permissions of POSIX")
def test_a_folder_that_may_not_be_listed_is_named(
    forbidden: tuple[Path, Store],
) -> None:
    folder, store = forbidden
    command = [sys.executable, "-c", AS_NOBODY, str(store.root), folder.name]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    *errors, finding = done.stdout.splitlines()
    assert len(errors) == 5
    assert all(line.startswith(f"{folder}: cannot be read") for line in errors), errors
    assert finding == f"unreadable runs/{folder.name}"


def test_a_message_is_no_longer_than_2000_characters() -> None:
    text = str(FaevalError("begin " + "x" * 100_000 + " end"))
    assert len(text) <= 2000
    assert text.startswith("begin")
    assert text.endswith("end")


def test_a_file_of_results_is_told_what_reads_it(tmp_path: Path) -> None:
    raw = tmp_path / "my results.csv"
    raw.write_text("method,seed,acc\nours,1,0.9\nbase,1,0.8\n")
    with pytest.raises(EvidenceError) as caught:
        evidence.read(raw)
    text = str(caught.value)
    assert "\n" not in text
    assert f"faeval decide '{raw}'" in text
    assert f"faeval evidence import '{raw}'" in text
