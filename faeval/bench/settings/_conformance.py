"""Which properties metrics conform to: the shipped result for ours, a trial for anyone's.

One of ours is tried again where its source has changed since. After such a change,
``python -c "from faeval.bench.settings import _conformance; _conformance.write()"`` tries our
metrics and writes what is shipped.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval._whole_files import replace_file
from faeval.experiment import METRICS, Component

if TYPE_CHECKING:
    from faeval.testing import Conformance

SHIPPED = Path(__file__).with_name("conformance.json")
Row = dict[str, Any]


@cache
def tried(function: Callable[..., Any], kind: str, tolerance: float | None = None) -> Conformance:
    """Return what a metric conforms to; it is tried once in a process."""
    from faeval.testing import check_metric  # needs the test kit: where a metric is tried alone

    return check_metric(function, kind, tolerance=tolerance)


def rows_of(name: str, conformance: Conformance) -> list[Row]:
    """Return a row NAME!PROPERTY for each property checked.

    1 where it holds, 0 where it fails.
    """
    failed = {failure.property for failure in conformance.failures}
    return [
        {"metric": f"{name}!{aspect}", "value": float(aspect not in failed), "status": "measured"}
        for aspect in conformance.checked
    ]


def ours(names: Iterable[str]) -> tuple[list[Row], dict[str, Any]]:
    """Return what stands in evidence and in the record of metrics of the registry.

    Where the source of a metric's function is that which was tried when this version was made, the
    record says so. Where it is not, the metric is tried here, and what it fails stands in evidence.
    """
    tried_results = json.loads(SHIPPED.read_text())
    rows: list[Row] = []
    notes: dict[str, Any] = {}
    for name in names:
        about = METRICS[name]
        if about.kind is None:
            continue
        function = _function(about.function)
        shipped = tried_results.get(about.function)
        if shipped is not None and shipped["source"] == _source(function):
            notes[name] = {
                "function": about.function,
                "source": shipped["source"],
                "held": len(shipped["checked"]),
            }
            continue
        conformance = tried(function, about.kind)
        rows += rows_of(name, conformance)
        failures = {failure.property: failure.explanation for failure in conformance.failures}
        notes[name] = {"function": about.function, "tried": "now", "failures": failures}
    return rows, notes


def _function(path: str) -> Callable[..., Any]:
    return Component("metric", "ours", path, revision="0").resolve()


def _source(function: Callable[..., Any]) -> str:
    """Return the digest of the file that a function stands in, with what it calls there."""
    file = inspect.getsourcefile(function)
    return (
        hashlib.sha256(Path(file).read_bytes().replace(b"\r\n", b"\n")).hexdigest() if file else ""
    )


def shipped() -> str:
    """Try each function of the registry, and return what is shipped of it as JSON."""
    results = {}
    for about in METRICS.values():
        if about.kind is not None and about.function not in results:
            function = _function(about.function)
            conformance = tried(function, about.kind)
            conformance.raise_on_failure()
            results[about.function] = {
                "kind": about.kind,
                "source": _source(function),
                "checked": sorted(
                    {*conformance.checked, *(name for name, _ in conformance.skipped)}
                ),
            }
    return json.dumps(results, indent=1, sort_keys=True) + "\n"


def write() -> None:
    """Write what is shipped, after a change of a metric of ours or of the kit."""
    replace_file(SHIPPED, shipped().encode())
