"""docs/examples/notebook: it runs in a kernel as a reader would run it, and shows what it holds.

python tests/project/test_notebook.py --write     # runs it and writes what it shows into it
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "examples" / "notebook" / "compare.ipynb"


def executed(folder: Path) -> Any:
    """The notebook, run from its first cell to its last in a kernel of its own."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return notebook


def shown(notebook: Any) -> Iterator[tuple[int, str, str]]:
    """Each output of each cell: the cell's number, its kind, and its text."""
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            texts = output.get("data") or {output["output_type"]: output.get("text", "")}
            for kind, text in sorted(texts.items()):
                whole = text if isinstance(text, str) else "".join(text)
                yield number, kind, re.sub(r" at 0x\w+", "", whole)


def test_the_notebook_shows_what_it_holds(tmp_path: Path) -> None:
    ran = executed(tmp_path)
    assert list(shown(ran)) == list(shown(json.loads(NOTEBOOK.read_text()))), (
        f"run `python tests/project/{Path(__file__).name} --write`"
    )


def test_the_notebook_holds_outputs_and_no_path_of_a_machine() -> None:
    text = NOTEBOOK.read_text()
    notebook = json.loads(text)
    kinds = {kind for _, kind, _ in shown(notebook)}
    assert {"text/html", "text/plain"} <= kinds
    assert "error" not in kinds
    assert not re.search(r"/(work|home|tmp|root|Users|usr|venv)\b|site-packages", text)
    assert "<script" not in text
    assert any("<progress" in output for _, _, output in shown(notebook))
    assert len(text) < 100_000


def main() -> None:
    import nbformat  # type: ignore[import-not-found,unused-ignore]

    with tempfile.TemporaryDirectory() as folder:
        notebook = executed(Path(folder))
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell["metadata"] = {}
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "name": "python3"}}
    nbformat.write(notebook, NOTEBOOK)
    sys.stdout.write(f"wrote {NOTEBOOK.name}\n")


if __name__ == "__main__":
    if "--write" not in sys.argv:
        sys.exit(__doc__)
    main()
