"""docs/metrics.md: its tables are made of the registry, the kit and committed audits; its examples
run.

python tests/project/test_metrics_page.py --write     # writes the tables into the page
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from faeval.experiment import METRICS, Metric
from faeval.testing import metric_checks

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "metrics.md"
TABLE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"<!-- example: ([\w.]+) -->\n```python\n(.*?)```", re.DOTALL)
KINDS = ("alignment", "correlation", "norm", "loss_change")
PAIR = (
    ("closed form: `cosine`", "cosine"),
    ("closed form: `rho`", "rho"),
    ("float64 finite differences: `rho_fd`", "rho_fd"),
    ("its standard error", "rho_fd_error"),
    ("`control_true`", "control_true"),
    ("`control_random`", "control_random"),
    ("`control_shuffled`", "control_shuffled"),
    *((f"`control_planted_{c}`", f"control_planted_{c}") for c in ("0", "0.1", "0.3", "1")),
    ("the published recipe: `published.rho`", "published.rho"),
    ("`published.cosine`", "published.cosine"),
    ("`published.control_true`", "published.control_true"),
    ("`published.control_random`", "published.control_random"),
    ("`fresh_cosine`", "fresh_cosine"),
    ("`gradient_norm`", "gradient_norm"),
    ("`effective_samples`, of 1024", "effective_samples"),
)


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def spread(metric: Metric) -> str:
    low, high = (
        ("-inf" if v < 0 else "inf") if math.isinf(v) else f"{v:g}"
        for v in (metric.low, metric.high)
    )
    return f"{low} to {high}"


def metrics() -> str:
    head = [
        "metric",
        "symbol",
        "what it is",
        "of",
        "unit",
        "range",
        "best",
        "better",
        "unchanged by",
        "instrument",
    ]
    head += ["tried as", "reference"]
    rows = []
    for name, m in METRICS.items():
        instrument = (m.instrument or "") + (", under study" if m.under_study else "")
        ends = [
            "" if m.best is None else f"{m.best:g}",
            m.better or "",
            "; ".join(m.invariances),
            instrument,
        ]
        of = "each state" if m.layered else "network"
        rows.append(
            [
                f"`{name}`",
                m.symbol,
                m.description,
                of,
                m.unit,
                spread(m),
                *ends,
                m.kind or "",
                m.reference,
            ]
        )
    return markdown(head, rows)


def properties() -> str:
    tried = {kind: [check.name for check in metric_checks(kind)] for kind in KINDS}
    names = dict.fromkeys(name for kind in KINDS for name in tried[kind])
    rows = [[name, *("yes" if name in tried[kind] else "" for kind in KINDS)] for name in names]
    return markdown(["property", *(kind.replace("_", " ") for kind in KINDS)], rows)


def pair() -> str:
    parts = []
    for name in ("vanilla", "penalised"):
        audit = json.loads(
            (ROOT / "reports" / "audits" / f"cifar10-published-{name}-seed-1001.json").read_text()
        )
        found = {(r["metric"], r["layer"]): r for r in audit["rows"]}
        states = sorted({layer for metric, layer in found if metric == "cosine"})
        rows = [
            [what, *(number(found[metric, layer]) for layer in states)] for what, metric in PAIR
        ]
        parts.append(
            f"**{name}** (`{audit['arm']}`)\n\n" + markdown(["", *(f"h_{k}" for k in states)], rows)
        )
    return "\n".join(parts)


def number(row: dict[str, object]) -> str:
    value = row["value"]
    if row["status"] != "measured" or not isinstance(value, float):
        return str(row["status"]).replace("_", " ")
    return (
        f"{value:.2e}"
        if row["metric"] == "gradient_norm"
        else f"{value:.0f}"
        if value > 10
        else f"{value:.3f}"
    )


MAKE = {"metrics": metrics, "properties": properties, "pair": pair}


def written() -> str:
    return TABLE.sub(lambda m: m[1] + MAKE[m[2]]() + m[4], PAGE.read_text())


def test_the_tables_are_those_of_the_registry_the_kit_and_the_audits() -> None:
    assert sorted(m[1] for m in TABLE.findall(PAGE.read_text())) == sorted(MAKE)
    assert PAGE.read_text() == written(), "run: python tests/project/test_metrics_page.py --write"


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_every_metric_says_what_it_is(metric: Metric) -> None:
    assert metric.description.endswith(".")
    assert metric.low <= metric.high
    assert metric.best is None or metric.low <= metric.best <= metric.high


@pytest.mark.slow
def test_the_examples_run(tmp_path: Path) -> None:
    found = EXAMPLE.findall(PAGE.read_text())
    assert [name for name, _ in found] == ["mine.py", "test_mine.py", "claims.py", "audit.py"]
    for name, text in found:
        (tmp_path / name).write_text(text)
    said = {}
    for name, _ in found:
        command = [sys.executable, name]
        if name.startswith("test_"):
            command[1:1] = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{name}\n{done.stdout}\n{done.stderr}"
        said[name] = done.stdout
    assert "alignment metric mine: FAILED" in said["mine.py"]
    assert "6 xfailed" in said["test_mine.py"]
    assert said["claims.py"].strip() in ("supported", "refuted", "inconclusive")
    assert "control_true" in said["audit.py"]


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(written())
