"""Files of one run in the forms of well-known tools; any other is read by its own form."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from faeval._safe_text import clean
from faeval.errors import EvidenceError
from faeval.evidence.importing._cells_table import Cells
from faeval.evidence.importing._files import cells_of
from faeval.evidence.importing._flat import cells_of_records, flat, plain
from faeval.evidence.importing._records import flat as nested
from faeval.evidence.importing._tensorboard import cells_of_events, is_events

_MONITOR = re.compile(r"(.+\.)?monitor\.csv")
_RESULTS = re.compile(r"(all|eval|train|test|predict)_results\.json")
_NUMBERED = re.compile(r"[0-9]+\.monitor\.csv")


def cells_of_run(path: str | Path, *, logs: bool = False) -> Cells:
    """Read a file, or a folder of TensorBoard's event files, that one run has written.

    Parameters
    ----------
    path
        Its path.
    logs
        Read what a log of inspect_ai or of lm-evaluation-harness sums up; else it is refused.

    Raises
    ------
    EvidenceError
        It cannot be read as results; says why.
    """
    path = Path(path)
    if path.is_dir() or is_events(path.name):
        return cells_of_events(path)
    reader, content = _by_name(path.name), None
    if reader is None and path.suffix == ".json":
        content = _bytes(path)
        reader = _by_content(content)
    if reader is None:
        return cells_of(path, content=content)
    if reader in _LOGS and not logs:
        raise EvidenceError(
            f"{path}: holds the items of one run; items are no retrainings. Give a log for each"
            " seed, with {seed} in the pattern (--glob 'logs/{model}_{seed}.json')."
        )
    try:
        return reader(path)
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise EvidenceError(
            f"{path}: looks like a file of a well-known tool, and is none ({clean(error)}); rename"
            " it, or write it again."
        ) from None


def record_of(path: str) -> dict[str, Any] | None:
    """Return the only record of a plain JSON file, as :func:`cells_of_run` reads it, in less time.

    None where the file is anything else, or may be.
    """
    if not path.endswith(".json") or _by_name(Path(path).name):
        return None
    data = _bytes(Path(path))
    if b"[" in data or _by_content(data):
        return None
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.keys() & {"results", "eval"}:
        return None
    if all(isinstance(value, dict) for value in document.values()):
        return None
    record = {
        name: None if value == "" else value for name, value in nested(document, path).items()
    }
    return record if _has_plain_names(record) else None


def _has_plain_names(record: Mapping[str, Any]) -> bool:
    """Whether no name or cell may be taken for an index, a header or an empty row."""
    first, cell = next(iter(record.items()))
    return (
        all(name and name == name.strip() and name.count(".") < 15 for name in record)
        and cell not in (None, first)
        and not first.startswith("Unnamed")
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    one = dict(pairs)
    if len(one) != len(pairs):
        raise ValueError
    return one


def _by_name(name: str) -> Callable[[Path], Cells] | None:
    if _MONITOR.fullmatch(name):
        return _monitor
    if _RESULTS.fullmatch(name):
        return _trainer_results
    readers = {
        "wandb-summary.json": _wandb_summary,
        "results.jsonl": _sweep,
    }
    return readers.get(name, _inspect if name.endswith(".eval") else None)


def _by_content(data: bytes) -> Callable[[Path], Cells] | None:
    """Return the reader of a JSON file that a tool wrote, by the words that it writes."""
    if b'"log_history"' in data and b'"global_step"' in data:
        return _trainer_state
    if b'"steps"' in data and b'"values"' in data:
        return _sacred_metrics
    if b'"heartbeat"' in data and b'"experiment"' in data and b'"status"' in data:
        return _sacred_run
    if b'"results"' in data:
        if b'"versions"' in data and (b"_stderr" in data or b'"n-shot"' in data):
            return _harness
        if b'"eval"' in data and b'"task_id"' in data:
            return _inspect
    return None


def _trainer_results(path: Path) -> Cells:
    """Hugging Face's all_results.json: numbers of one run, by name."""
    record = flat(_mapping(path), str(path))
    epoch, notes = record.get("epoch"), []
    if isinstance(epoch, float):
        if epoch.is_integer():
            record["epoch"] = int(epoch)
        else:  # a fraction says how long it trained, and is no epoch
            del record["epoch"]
            notes.append("epoch, a fraction where the training ended, is left out")
    return _one(path, record, notes)


def _trainer_state(path: Path) -> Cells:
    records = [flat(record, str(path)) for record in _mapping(path)["log_history"]]
    return _rows(path, records, "record", roles={"epoch": "step"})


def _sacred_metrics(path: Path) -> Cells:
    content = _mapping(path)
    series = list(content.values())
    if not series or not all(
        isinstance(one, Mapping) and {"steps", "values"} <= one.keys() for one in series
    ):
        return cells_of(path)
    rows: dict[Any, dict[str, Any]] = {}
    again = 0
    for name, one in content.items():
        for step, value in zip(one["steps"], one["values"], strict=True):
            row = rows.setdefault(plain(step), {"step": plain(step)})
            again += name in row
            row[name] = plain(value)
    notes = [f"{again} numbers were logged again at their step; the last stands"] if again else []
    records = [rows[step] for step in sorted(rows)]
    place = [f"step {record['step']}" for record in records]
    return _rows(path, records, place, notes, {"epoch": "step"})


def _sacred_run(path: Path) -> Cells:
    content = _mapping(path)
    record = {"status": content["status"]}
    if content.get("result") is not None:
        record |= flat({"result": content["result"]}, str(path))
    return _one(path, record, roles={"status": "status"})


def _sweep(path: Path) -> Cells:
    """DomainBed's results.jsonl: settings in args, of which trial_seed counts repetitions."""
    cells = cells_of(path)
    if not {"step", "args.trial_seed", "args.algorithm"} <= {*cells.table.columns}:
        return cells
    note = "args.trial_seed is read as the seed: DomainBed makes args.seed of it and all settings"
    roles = {**cells.roles, "epoch": "step", "seed": "args.trial_seed"}
    return Cells(cells.table, cells.source, cells.place, (*cells.notes, note), roles)


def _monitor(path: Path) -> Cells:
    """Stable-Baselines3's monitor.csv: a comment with JSON, then a row for each episode."""
    first, _, rest = _bytes(path).decode("utf-8").partition("\n")
    if not first.startswith("#"):
        return cells_of(path)
    about = json.loads(first[1:])
    header, *lines = list(csv.reader(io.StringIO(rest)))
    lines = [line for line in lines if line]
    for at, line in enumerate(lines, 3):
        if len(line) != len(header):
            raise EvidenceError(
                f"{path}, line {at}: has {len(line)} fields, the header {len(header)}; the file"
                " may be cut off."
            )
    records: list[dict[str, Any]] = [
        {"episode": at, **dict(zip(header, line, strict=True))} for at, line in enumerate(lines, 1)
    ]
    if "env_id" in about and "env_id" not in header:
        records = [{**record, "env_id": about["env_id"]} for record in records]
    notes = ["monitor.csv: a row is an episode of training, r its return, l its length"]
    if _NUMBERED.fullmatch(path.name):
        notes.append(
            "the number before .monitor.csv counts environments side by side in one run, where"
            " Stable-Baselines3 made the name; then it is no seed"
        )
    place = [f"line {at}" for at in range(3, len(records) + 3)]
    return _rows(path, records, place, notes, {"epoch": "episode"})


def _wandb_summary(path: Path) -> Cells:
    content = {
        name: value
        for name, value in _mapping(path).items()
        if name != "_wandb" and not (isinstance(value, Mapping) and "_type" in value)  # pictures
    }
    return _one(path, flat(content, str(path)))


def _harness(path: Path) -> Cells:
    """lm-evaluation-harness: what it sums up of each task."""
    content = _mapping(path)
    tasks = content["results"]
    record = {
        f"results.{task}.{name.removesuffix(',none')}": value
        for task, numbers in tasks.items()
        for name, value in numbers.items()
        if _is_number(value) and not name.partition(",")[0].endswith("_stderr")
    }
    about = content.get("config") or {}
    models = {
        "model": content.get("model_name") or about.get("model"),
        "model_args": about.get("model_args"),
    }
    record |= {name: value for name, value in models.items() if isinstance(value, str)}
    return _one(path, record, (_STDERR,))


def _inspect(path: Path) -> Cells:
    """inspect_ai: what its scorers sum up."""
    content = _header(path) if path.suffix == ".eval" else _mapping(path)
    about = content["eval"]
    scores = (content.get("results") or {}).get("scores") or []
    record = {
        f"results.{score['name']}.{name}": metric["value"]
        for score in scores
        for name, metric in score["metrics"].items()
        if "stderr" not in name
    }
    record |= {"status": content["status"], "task": about["task"], "model": about["model"]}
    return _one(path, record, (_STDERR,), {"status": "status"})


def _header(path: Path) -> Mapping[str, Any]:
    try:
        with zipfile.ZipFile(path) as log:
            content: Mapping[str, Any] = json.loads(log.read("header.json"))
            return content
    except (zipfile.BadZipFile, NotImplementedError, OSError, KeyError) as error:
        raise EvidenceError(
            f"{path}: cannot be read as a log of inspect_ai ({clean(error)}); write it"
            f" as JSON: inspect log convert {path} --to json --output-dir logs_json."
        ) from None


_STDERR = "standard errors over items are left out: they are no spread over seeds"
_LOGS = (_harness, _inspect)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read ({error.strerror or error}).") from None


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(_bytes(path))
    except ValueError as error:
        raise EvidenceError(f"{path}: is no JSON ({clean(error)}).") from None
    if not isinstance(content, Mapping):
        raise EvidenceError(f"{path}: holds a {type(content).__name__}, not names and values.")
    return content


def _one(
    path: Path,
    record: Mapping[str, Any],
    notes: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
) -> Cells:
    return _rows(path, [record], "record", notes, roles)


def _rows(
    path: Path,
    records: Sequence[Mapping[str, Any]],
    place: str | Sequence[str],
    notes: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
) -> Cells:
    if not records:
        raise EvidenceError(f"{path}: has no rows.")
    return cells_of_records(records, str(path), place, notes, roles)
