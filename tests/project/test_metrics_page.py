"""docs/metrics.md: its table of metrics is made of the registry, its example runs.

python tests/project/test_metrics_page.py --write     # writes the table into the page
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from faeval.experiment import METRICS, Metric

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
TABLE = re.compile(r"(<!-- table: metrics -->\n)(.*?)(<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"<!-- example: ([\w.]+) -->\n```python\n(.*?)```", re.DOTALL)


def spread(metric: Metric) -> str:
    low, high = (("-inf" if v < 0 else "inf") if math.isinf(v) else f"{v:g}" for v in (metric.low, metric.high))
    return f"{low} to {high}"


def table() -> str:
    lines = [
        "| metric | symbol | what it is | of | unit | range | best | better | unchanged by | instrument | reference |",
        "|" + "---|" * 11,
    ]
    for name, m in METRICS.items():
        instrument = (m.instrument or "") + (", under study" if m.under_study else "")
        cells = (
            f"`{name}`",
            m.symbol,
            m.description,
            "each state" if m.layered else "network",
            m.unit,
            spread(m),
            "" if m.best is None else f"{m.best:g}",
            m.better or "",
            "; ".join(m.invariances),
            instrument,
            m.reference,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def written() -> str:
    return TABLE.sub(lambda m: m[1] + table() + m[3], PAGE.read_text())


def test_the_table_is_that_of_the_registry() -> None:
    assert len(TABLE.findall(PAGE.read_text())) == 1
    assert PAGE.read_text() == written(), "run: python tests/project/test_metrics_page.py --write"


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_every_metric_says_what_it_is(metric: Metric) -> None:
    assert metric.description.endswith(".")
    assert metric.low <= metric.high
    assert metric.best is None or metric.low <= metric.best <= metric.high


def test_the_examples_run(tmp_path: Path) -> None:
    found = EXAMPLE.findall(PAGE.read_text())
    assert found
    for name, text in found:
        (tmp_path / name).write_text(text)
    for name, text in found:
        if "def test_" in text or "parametrize" in text:
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
        else:
            command = [sys.executable, name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{name}\n{done.stdout}\n{done.stderr}"


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(written())
