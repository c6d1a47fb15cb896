"""Evidence, records and checkpoints are data: nothing in them is ever run."""

from __future__ import annotations

import ast
import contextlib
import os
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faeval.errors import FaevalError
from faeval.evidence import Store, check, import_table, merge, read

ROOT = Path(__file__).parents[2] / "faeval"
#: What makes objects, or runs code, of bytes or text that it is given.
LOADERS = {
    "pickle",
    "_pickle",
    "cPickle",
    "cloudpickle",
    "dill",
    "joblib",
    "shelve",
    "marshal",
    "yaml",
    "runpy",
    "torch",
}
CALLS = {"eval", "exec", "compile", "__import__", "read_pickle", "import_module"}
READERS = [
    *sorted((ROOT / "evidence").glob("*.py")),
    ROOT / "claims" / "_lock.py",
    *sorted((ROOT / "reports" / "data").glob("*.py")),
]


def suspicious(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names} & LOADERS
        elif isinstance(node, ast.ImportFrom):
            found |= {(node.module or "").split(".")[0]} & LOADERS
        elif isinstance(node, ast.Call):
            name = (
                node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            )
            # re.compile makes a pattern, no code
            bare = isinstance(node.func, ast.Name) or name != "compile"
            found |= {name} & CALLS if bare else set()
            found |= {"allow_pickle" for keyword in node.keywords if keyword.arg == "allow_pickle"}
    return found


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.name)
def test_no_module_that_reads_evidence_can_load_code(path: Path) -> None:
    assert suspicious(path.read_text()) == set()


def test_the_search_finds_what_it_looks_for() -> None:
    lines = (
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "pd.read_pickle(p)",
        "np.load(p, allow_pickle=True)",
    )
    assert all(map(suspicious, lines))
    assert suspicious("re.compile('x')") == set()


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def bomb(tmp_path: Path) -> tuple[bytes, Path]:
    marker = tmp_path / "it ran"
    content = pickle.dumps(Bomb(tmp_path / "probe"))
    pickle.loads(content)
    assert (tmp_path / "probe").is_dir()  # it is one
    return pickle.dumps(Bomb(marker)), marker


@pytest.mark.parametrize("name", ["evidence.csv", "evidence.parquet", "verdicts.json"])
def test_a_pickle_in_the_place_of_a_table_is_refused_and_never_run(
    tmp_path: Path, bomb, name: str
) -> None:
    content, marker = bomb
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "evidence.csv").write_text("setting,arm,seed,metric,value\ntoy,a,1,m,0.5\n")
    (folder / name).write_bytes(content)
    if name == "evidence.parquet":
        (folder / "evidence.csv").unlink()
    assert check(folder).bad
    if name != "verdicts.json":
        for call in (
            lambda: read(folder / name),
            lambda: read(folder),
            lambda: import_table(folder / name, "toy"),
        ):
            with pytest.raises(FaevalError):
                call()
    assert not marker.exists()


def test_a_type_pickled_into_a_parquet_file_is_never_made(tmp_path: Path, bomb) -> None:
    content, marker = bomb
    extension = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": content,
    }
    columns = {"setting": "toy", "arm": "a", "seed": 1, "metric": "m", "value": 0.5}
    table = pa.table({name: [cell] for name, cell in columns.items()})
    fields = [
        field.with_metadata(extension) if field.name in ("arm", "value") else field
        for field in table.schema
    ]
    schema = pa.schema(fields, metadata={b"pandas": content})
    pq.write_table(table.cast(schema), tmp_path / "evidence.parquet")
    with contextlib.suppress(FaevalError):  # read as plain cells, or refused
        assert read(tmp_path / "evidence.parquet")["value"].tolist() == [0.5]
    assert not marker.exists()


def test_a_pickle_in_the_place_of_a_record_or_checkpoint_is_refused_and_never_run(
    filled, tmp_path, bomb
) -> None:
    content, marker = bomb
    for pattern in ("training.json", "audit-*.json", "*.safetensors"):
        store = filled(pattern[0], seeds=(1,))
        next(store.runs.rglob(pattern)).write_bytes(content)
        assert check(store).exit_code == 12
        with pytest.raises(FaevalError):
            merge([store], tmp_path / "all")
        if not pattern.endswith("safetensors"):
            with pytest.raises(FaevalError):
                Store(store.root).table()
    assert not marker.exists()
