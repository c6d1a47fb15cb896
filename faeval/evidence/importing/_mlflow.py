"""Import runs of an MLflow store: parameters become factors, metrics the numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval._extras import extra
from faeval._isolation import variables
from faeval.errors import EvidenceError
from faeval.evidence._table import COLUMNS, in_order, normalise
from faeval.evidence.importing._arms import arms_of
from faeval.evidence.importing._epochs import Take, at_epoch
from faeval.evidence.importing._tidy import Imported, as_mapping, check_keys

if TYPE_CHECKING:
    import pandas as pd

#: A run that ended so is an outcome of its arm, as one whose loss became infinite is.
_FAILED = ("FAILED", "KILLED")
_PAGE = 1000
#: Newer versions of MLflow read a folder of runs only where this is set.
_READING_FILES = {"MLFLOW_ALLOW_FILE_STORE": "true"}


def import_mlflow(
    uri: str,
    experiment: str,
    *,
    setting: str | None = None,
    arm: Sequence[str] | Mapping[str, str] = (),
    seed: str = "seed",
    metrics: Sequence[str] | Mapping[str, str] | None = None,
    epochs: bool = False,
    take: Take = None,
) -> Imported:
    """Read the runs of one experiment of an MLflow tracking store.

    A run that ended as FAILED or KILLED is an outcome, not a missing value: each metric is
    ``diverged`` there, so that claims that read it are invalid, or count it as the worst where they
    say ``diverged="worst"``. Leaving such runs out would keep those that went well. Where a failure
    had nothing to do with the run (a full disk), do it again and delete the failed one in MLflow:
    deleted runs are not read. Runs that are not over are left out, and said.

    Parameters
    ----------
    uri
        A tracking store: its folder, its SQLite file, or any URI that MLflow takes.
    experiment
        The experiment's name.
    setting
        The name that evidence gets; default: the experiment's.
    arm
        The parameters that are factors of the arm, or a mapping from a factor's name to its
        parameter. A run without one of them leaves it out.
    seed
        The parameter that holds the seed.
    metrics
        The metrics to read, or a mapping from a name in evidence to the metric; default: all that
        any run logged.
    epochs
        Take every step of a metric as an epoch; default: its last step alone. A metric that is
        logged without a step has none.
    take
        The step at which each run is read: ``"last"``, ``"max"`` or ``"min"`` (the best by the
        metric itself), or its number.

    Raises
    ------
    EvidenceError
        MLflow is not installed, there is no such store or experiment, a run lacks the seed, two
        runs are of one arm and seed, or runs of one arm end at different steps and ``take`` does
        not say which is read.
    """
    import pandas as pd

    if epochs and take is not None:
        raise EvidenceError(f"epochs=True reads every step, take={take!r} one of them; give one.")
    client, errors = _client(uri)
    where = f"mlflow:{uri}"
    with variables(_READING_FILES):
        try:
            tracker = client(tracking_uri=_as_uri(uri))
            all_runs = list(_runs(tracker, _experiment_id(tracker, experiment, where)))
            over = [run for run in all_runs if run.info.status in ("FINISHED", *_FAILED)]
            logged = sorted({name for run in over for name in run.data.metrics})
            names = as_mapping(logged if metrics is None else metrics)
            labels = _labels(over, as_mapping(arm), where)
            runs = _without_steps(
                [_run(tracker, *r, names, seed, where) for r in zip(over, labels, strict=True)]
            )
        except errors as error:
            raise EvidenceError(
                f"{where}: cannot be read ({' '.join(str(error).split())})."
            ) from None
    rows = [row for run in runs for row in _rows(run, runs)]
    table = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    table["setting"] = setting or experiment
    table = normalise(table, where, lambda row: f"run {rows[row][-1]}")
    remedy = (
        "Name the parameter that tells the runs apart with arm=, or delete in MLflow the run that"
        " does not count."
    )
    check_keys(table, where, remedy)
    table, choices = at_epoch(table.reset_index(drop=True), take, where)
    if take is None and not epochs:
        table, _ = at_epoch(table, "last", where)
    return Imported(in_order(table), (*_notes(all_runs, over, names, table), *choices))


@dataclass(frozen=True)
class _Run:
    """A run that is over: arm, seed, ending, and numbers by metric and step (None: its end)."""

    id: str
    arm: str
    seed: str
    failed: bool
    numbers: dict[str, dict[int | None, float]]


def _experiment_id(tracker: Any, name: str, where: str) -> str:
    entry = tracker.get_experiment_by_name(name)
    if entry is None:
        there = ", ".join(repr(e.name) for e in tracker.search_experiments()) or "none"
        raise EvidenceError(f"{where}: no experiment {name!r}; there are {there}.")
    return str(entry.experiment_id)


def _client(uri: str) -> tuple[Any, type[Exception]]:
    with extra("mlflow", f"mlflow:{uri}"):
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    return MlflowClient, MlflowException


def _as_uri(uri: str) -> str:
    if ":" in uri.replace(":\\", "") or uri == "databricks":
        path = uri.removeprefix("sqlite:///")
        if path != uri and not Path(path).exists():  # else MLflow would make an empty one
            raise EvidenceError(
                f"mlflow:{uri}: no such file; give the SQLite file of a tracking store."
            )
        return uri
    if not Path(uri).exists():
        raise EvidenceError(
            f"mlflow:{uri}: no such file or folder; give a tracking store's path or URI."
        )
    path = str(Path(uri).resolve())
    return path if Path(uri).is_dir() else f"sqlite:///{path}"


def _runs(tracker: Any, experiment_id: str) -> Iterator[Any]:
    token = None
    while True:
        page = tracker.search_runs([experiment_id], max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _labels(runs: Sequence[Any], arm: Mapping[str, str], where: str) -> list[str]:
    import pandas as pd

    columns = {
        f: pd.Series([run.data.params.get(name) for run in runs], dtype=object)
        for f, name in arm.items()
    }
    return (
        arms_of(columns, lambda row: f"{where}, run {runs[row].info.run_id}")
        if arm
        else [""] * len(runs)
    )


def _run(
    tracker: Any, run: Any, label: str, names: Mapping[str, str], seed: str, where: str
) -> _Run:
    params, place = run.data.params, f"{where}, run {run.info.run_id}"
    if seed not in params:
        raise EvidenceError(
            f"{place}: has no parameter {seed!r} for the seed; it has"
            f" {', '.join(params) or 'none'}."
        )
    numbers: dict[str, dict[int | None, float]] = {}
    for name, metric in names.items():
        if metric in run.data.metrics:
            history = tracker.get_metric_history(run.info.run_id, metric)
            # A step logged twice: what was logged last stands, as in MLflow's own tables.
            numbers[name] = {
                m.step: m.value for m in sorted(history, key=lambda m: (m.step, m.timestamp))
            }
    return _Run(run.info.run_id, label, params[seed], run.info.status in _FAILED, numbers)


def _without_steps(runs: list[_Run]) -> list[_Run]:
    """Take 0 for no step where a metric has no other: MLflow writes it where none is given."""
    stepped = {name for run in runs for name, values in run.numbers.items() if set(values) != {0}}
    return [
        replace(
            run, numbers={n: v if n in stepped else {None: v[0]} for n, v in run.numbers.items()}
        )
        for run in runs
    ]


def _rows(run: _Run, runs: Sequence[_Run]) -> Iterator[tuple[Any, ...]]:
    def row(metric: str, epoch: int | None, value: float, status: str) -> tuple[Any, ...]:
        return ("", run.arm, run.seed, epoch, None, metric, value, status, f"mlflow:{run.id}")

    ends = _ends(run, runs) if run.failed else {}
    for metric, values in run.numbers.items():
        for epoch, value in values.items():
            if not run.failed or (epoch is not None and epoch != ends[metric]):
                yield row(metric, epoch, value, "measured" if math.isfinite(value) else "undefined")
    # Where a failed run should have ended, neither the last number it reached stands nor none.
    for metric, end in ends.items():
        yield row(metric, end, math.nan, "diverged")


def _ends(run: _Run, runs: Sequence[_Run]) -> dict[str, int | None]:
    """Return by metric its last step in the runs of this arm, or else of any."""
    epochs: dict[str, int | None] = {}
    for peers in (runs, [other for other in runs if other.arm == run.arm]):
        last: dict[str, list[int]] = {}
        for other in peers:
            for metric, values in other.numbers.items():
                last.setdefault(metric, []).extend(step for step in values if step is not None)
        epochs |= {metric: max(steps, default=None) for metric, steps in last.items()}
    return epochs


def _notes(
    runs: Sequence[Any], over: Sequence[Any], names: Mapping[str, str], table: pd.DataFrame
) -> Iterator[str]:
    yield f"{len(over)} runs, {len(names)} metrics"
    failed = sorted(run.info.run_id for run in over if run.info.status in _FAILED)
    if failed:
        yield (
            f"{len(failed)} runs failed or were killed, and count as diverged: {', '.join(failed)}"
        )
    if len(over) < len(runs):
        unfinished = sorted(run.info.run_id for run in runs if run not in over)
        yield f"{len(unfinished)} runs are not over and were left out: {', '.join(unfinished)}"
    if count := int((table["status"] == "undefined").sum()):
        yield f"{count} numbers are NaN or infinite, and undefined"
