"""Import runs of an MLflow store: parameters become factors, metrics the numbers."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval._extras import extra
from faeval._isolation import variables
from faeval._safe_text import listed
from faeval.errors import EvidenceError
from faeval.evidence._table import COLUMNS, in_order, normalise
from faeval.evidence.importing._arms import arms_of
from faeval.evidence.importing._epochs import Take, at_epoch
from faeval.evidence.importing._flat import StoreRows
from faeval.evidence.importing._tidy import Imported, as_mapping
from faeval.evidence.importing._tidy_keys import check_keys

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
    where = f"mlflow:{uri}"
    with _store(uri, where) as tracker:
        all_runs, over = _fetch(tracker, experiment, where)
        names = as_mapping(_logged(over) if metrics is None else metrics)
        labels = _labels(over, as_mapping(arm), where)
        runs = _without_steps(
            [_run(tracker, *r, names, seed, where) for r in zip(over, labels, strict=True)]
        )
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


def runs_of(uri: str, experiment: str | None = None, *, steps: bool = False) -> StoreRows:
    """Return the runs of an experiment that are over: parameters, metrics, and how they ended.

    Parameters
    ----------
    uri
        A tracking store: its folder, its SQLite file, or any URI that MLflow takes.
    experiment
        The experiment's name; default: the only one with runs.
    steps
        A row for each step of each run, in place of one with the last numbers. A metric that is
        logged without a step stands at the run's last step.

    Raises
    ------
    EvidenceError
        There is no such store or experiment, or it cannot be read.
    MissingExtra
        MLflow is not installed.
    """
    where = f"mlflow:{uri}"
    with _store(uri, where) as tracker:
        if experiment is None:
            experiment = _only_experiment(tracker, where)
        all_runs, over = _fetch(tracker, experiment, where)
        names = as_mapping(_logged(over))
        own = [_numbers(tracker, run, names) if steps else {} for run in over]
    pairs = [
        (run, row)
        for run, rows in zip(over, _steps(own) if steps else _ends_alone(over), strict=True)
        for row in rows
    ]
    records = [_settings(run) | row for run, row in pairs]
    places = [f"run {run.info.run_id}" + _at_step(row) for run, row in pairs]
    seed = "params.seed" if any("seed" in run.data.params for run in over) else None
    roles = {"status": "status", "run": "run_id"} | ({"epoch": "step"} if steps else {})
    notes = list(_run_notes(all_runs, over, len(names)))
    return StoreRows(where, records, places, notes, seed, roles)


def _ends_alone(runs: Sequence[Any]) -> list[list[dict[str, Any]]]:
    """One row a run: the last number of each metric."""
    return [[dict(sorted(run.data.metrics.items()))] for run in runs]


def _steps(runs: Sequence[Mapping[str, Mapping[int | None, float]]]) -> list[list[dict[str, Any]]]:
    """A row for each step of a run; a metric that has no step but 0 anywhere has none."""
    stepped = {name for numbers in runs for name, those in numbers.items() if {*those} != {0}}
    return [_by_step(numbers, stepped) for numbers in runs]


def _settings(run: Any) -> dict[str, Any]:
    about = {"run_id": run.info.run_id, "run_name": run.info.run_name, "status": run.info.status}
    return about | {f"params.{name}": value for name, value in sorted(run.data.params.items())}


def _by_step(
    numbers: Mapping[str, Mapping[int | None, float]], stepped: Collection[str]
) -> list[dict[str, Any]]:
    """The numbers of a run in a row for each step, those without a step in its last."""
    steps = {step for name in numbers if name in stepped for step in numbers[name]}
    there = sorted(step for step in steps if step is not None)
    rows: dict[int | None, dict[str, Any]] = {step: {"step": step} for step in there}
    rows = rows or {None: {}}
    for name, values in numbers.items():
        for step, value in values.items():
            rows[step if name in stepped else [*rows][-1]][name] = value
    return list(rows.values())


def _at_step(row: Mapping[str, Any]) -> str:
    return f", step {row['step']}" if "step" in row else ""


def _only_experiment(tracker: Any, where: str) -> str:
    names = [
        entry.name
        for entry in tracker.search_experiments()
        if tracker.search_runs([entry.experiment_id], max_results=1)
    ]
    if len(names) == 1:
        return str(names[0])
    there = f"there are {listed([repr(name) for name in names])}" if names else "none has runs"
    raise EvidenceError(f"{where}: name the experiment; {there} (--experiment, or {where}?NAME).")


@dataclass(frozen=True)
class _Run:
    """A run that is over: arm, seed, ending, and numbers by metric and step (None: its end)."""

    id: str
    arm: str
    seed: str
    failed: bool
    numbers: dict[str, dict[int | None, float]]


def _fetch(tracker: Any, name: str, where: str) -> tuple[list[Any], list[Any]]:
    """Return all runs of an experiment, and those that are over."""
    entry = tracker.get_experiment_by_name(name)
    if entry is None:
        there = ", ".join(repr(e.name) for e in tracker.search_experiments()) or "none"
        raise EvidenceError(f"{where}: no experiment {name!r}; there are {there}.")
    runs: list[Any] = []
    token = None
    while True:
        page = tracker.search_runs([entry.experiment_id], max_results=_PAGE, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs, [run for run in runs if _is_over(run)]


@contextlib.contextmanager
def _store(uri: str, where: str) -> Iterator[Any]:
    """MLflow's client of a store; what it cannot read is one line."""
    with extra("mlflow", where):
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    with variables(_READING_FILES):
        try:
            yield MlflowClient(tracking_uri=_as_uri(uri))
        except MlflowException as error:
            raise EvidenceError(
                f"{where}: cannot be read ({' '.join(str(error).split())})."
            ) from None


def _is_over(run: Any) -> bool:
    return run.info.status in ("FINISHED", *_FAILED)


def _logged(runs: Sequence[Any]) -> list[str]:
    return sorted({name for run in runs for name in run.data.metrics})


def _numbers(
    tracker: Any, run: Any, names: Mapping[str, str]
) -> dict[str, dict[int | None, float]]:
    """The numbers of a run by metric and step; of a step logged twice what was logged last."""
    numbers: dict[str, dict[int | None, float]] = {}
    for name, metric in names.items():
        if metric in run.data.metrics:
            history = tracker.get_metric_history(run.info.run_id, metric)
            numbers[name] = {
                m.step: m.value for m in sorted(history, key=lambda m: (m.step, m.timestamp))
            }
    return numbers


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
    numbers = _numbers(tracker, run, names)
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
    yield from _run_notes(runs, over, len(names))
    if count := int((table["status"] == "undefined").sum()):
        yield f"{count} numbers are NaN or infinite, and undefined"


def _run_notes(runs: Sequence[Any], over: Sequence[Any], metrics: int) -> Iterator[str]:
    yield f"{len(over)} runs, {metrics} metrics"
    failed = sorted(run.info.run_id for run in over if run.info.status in _FAILED)
    if failed:
        yield (
            f"{len(failed)} runs failed or were killed, and count as diverged: {', '.join(failed)}"
        )
    if len(over) < len(runs):
        unfinished = sorted(run.info.run_id for run in runs if not _is_over(run))
        yield f"{len(unfinished)} runs are not over and were left out: {', '.join(unfinished)}"
