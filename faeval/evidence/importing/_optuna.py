"""Trials of an Optuna study, read by Optuna's own client."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval._extras import extra
from faeval._safe_text import clean, listed
from faeval.errors import EvidenceError
from faeval.evidence.importing._flat import StoreRows, flat

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_SQLITE = b"SQLite format 3\x00"
_NOT_OVER = ("RUNNING", "WAITING")


def trials_of(uri: str, study: str | None) -> StoreRows:
    """Return the trials of a study: number, state, values, parameters and attributes of the user.

    Parameters
    ----------
    uri
        The storage: its SQLite or journal file, or any URL that Optuna takes.
    study
        The study's name; default: the one that there is.

    Raises
    ------
    EvidenceError
        There is no such storage or study, or it cannot be read.
    MissingExtra
        Optuna is not installed.
    """
    where = f"optuna:{uri}"
    with extra("optuna", where):
        import optuna
    try:
        storage = _storage(uri, where)
        study = _name(optuna.get_all_study_names(storage), study, where)
        whole = optuna.load_study(study_name=study, storage=storage)
        trials = whole.get_trials(deepcopy=False)
        values = whole.metric_names or _value_names(len(whole.directions))
    except EvidenceError:
        raise
    except Exception as error:  # of Optuna, of SQLAlchemy, of the driver of the database
        raise EvidenceError(f"{where}: cannot be read ({clean(error)}).") from None
    records = [_record(trial, values, where) for trial in trials if _is_over(trial)]
    going = [trial.number for trial in trials if not _is_over(trial)]
    notes = [f"study {study!r}: {len(records)} trials, {listed(values)}"]
    if going:
        notes.append(f"{len(going)} trials are not over and were left out: {listed(going)}")
    places = [f"trial {record['trial']}" for record in records]
    columns = {name for record in records for name in record}
    seed = next((name for name in ("user_attrs.seed", "params.seed") if name in columns), None)
    return StoreRows(where, records, places, notes, seed, {"status": "state", "run": "trial"})


def _name(names: list[str], study: str | None, where: str) -> str:
    if not names:
        raise EvidenceError(f"{where}: holds no study of Optuna; give its storage.")
    if study is None and len(names) == 1:
        return names[0]
    if study is None or study not in names:
        problem = f"no study {study!r}" if study is not None else "name the study"
        raise EvidenceError(
            f"{where}: {problem}; there are {listed(names)} (write {where}?{names[0]})."
        )
    return study


def _value_names(count: int) -> list[str]:
    return ["value"] if count == 1 else [f"values.{at}" for at in range(count)]


def _is_over(trial: FrozenTrial) -> bool:
    return trial.state.name not in _NOT_OVER


def _record(trial: FrozenTrial, names: list[str], where: str) -> dict[str, Any]:
    values = trial.values or [None] * len(names)
    return {
        "trial": trial.number,
        "state": trial.state.name,
        **dict(zip(names, values, strict=True)),
        **flat({"params": trial.params, "user_attrs": trial.user_attrs}, where),
    }


def _storage(uri: str, where: str) -> Any:
    """Return the storage, without making or changing a file."""
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if "://" in uri and not uri.startswith("sqlite:///"):
        return RDBStorage(uri, skip_table_creation=True)
    path = Path(uri.removeprefix("sqlite:///"))
    if not path.is_file():
        raise EvidenceError(f"{where}: no such file; give Optuna's storage, such as study.db.")
    with path.open("rb") as file:
        begin = file.read(len(_SQLITE))
    if begin != _SQLITE:
        return JournalStorage(JournalFileBackend(str(path)))
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        tables = {name for (name,) in database.execute("select name from sqlite_master")}
    finally:
        database.close()
    if not {"studies", "trials"} <= tables:
        raise EvidenceError(f"{where}: is an SQLite file, and none of Optuna's.")
    return RDBStorage(f"sqlite:///{path}", skip_table_creation=True)
