"""Every option once, for the command line, ``[tool.faeval]``, the environment and pytest.

To add an option, add its row to :data:`OPTIONS` and use its value. Where the row has an
``argument``, the value reaches ``fe.verify`` under that name from the command line and from pytest.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faeval._arguments import choice, count, number, refuse
from faeval._extras import BACKENDS
from faeval.errors import FaevalError


@dataclass(frozen=True)
class Kind:
    """How the values of an option are read.

    ``parse`` turns a text into what a TOML file would hold; ``check`` takes the name for messages
    and that, and returns the value or raises FaevalError.
    """

    metavar: str
    wanted: str
    check: Callable[[str, Any], Any]
    parse: Callable[[str], Any] = str


@dataclass(frozen=True)
class Option:
    """One option: what it is, and where it holds.

    Parameters
    ----------
    commands, arguments_of
        Commands that take it by its name; and those that take it as their arguments, without one.
    default, shown
        The default, and how help shows it where it is no value.
    argument
        The keyword of ``fe.verify``; None where it is no matter of verification.
    has_variable, project, pytest
        Whether a variable ``FAEVAL_NAME`` sets it, whether ``[tool.faeval]`` and pytest have it.
    must_exist
        Of a path: whether it must be there.
    words
        Values that a shell completes.
    """

    name: str
    kind: Kind
    help: str
    commands: tuple[str, ...] = ()
    arguments_of: tuple[str, ...] = ()
    default: Any = None
    shown: str = ""
    argument: str | None = None
    has_variable: bool = True
    project: bool = True
    pytest: bool = True
    must_exist: bool = False
    words: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def environment(self) -> str | None:
        """The variable that sets it, if one does."""
        return f"FAEVAL_{self.name.upper()}" if self.has_variable else None

    def parse(self, text: str, where: str, folder: Path = Path()) -> Any:
        """Return the value that a text stands for; ``where`` names it in messages."""
        value: object = text
        with contextlib.suppress(ValueError):  # the check says what is wrong with the text
            value = self.kind.parse(text)
        return self.check(value, where, folder)

    def check(self, value: Any, where: str, folder: Path = Path()) -> Any:
        """Return a value of a TOML file, checked; paths are counted from ``folder``."""
        located = self.located(self.kind.check(where, value), folder)
        if self.must_exist and not located.exists():
            raise FaevalError(
                f"{where} {located}: no such file or folder; name {self.kind.wanted}."
            )
        return located

    def located(self, value: Any, folder: Path) -> Any:
        """Return a value with its paths counted from a folder."""
        if self.kind is PATHS:
            return tuple(folder / path for path in value)
        return folder / value if isinstance(value, Path) else value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise refuse(name, value, "a text that is not empty", "give a text")
    return value


def _path(name: str, value: Any) -> Path:
    return Path(_text(name, value)).expanduser()


def _paths(name: str, value: Any) -> tuple[Path, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not items:
        raise refuse(name, value, "a path or a list of paths", "name one at least")
    return tuple(_path(name, item) for item in items)


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise refuse(name, value, "true or false", "give one of the two")
    return value


def _parse_switch(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError
    return words[text.lower()]


def _seeds(name: str, value: Any) -> int | tuple[int, ...]:
    from faeval.claims import seed_list

    if isinstance(value, bool) or not isinstance(value, int | list):
        form = "a count such as 3, or a list such as 42,123,456"
        raise refuse(name, value, form, "give one of the two")
    plan = seed_list(value, name)
    return value if isinstance(value, int) else plan


def _parse_seeds(text: str) -> int | list[int]:
    """Read a count, or a list with commas ("7," is the one seed 7)."""
    if "," not in text:
        return int(text)
    return [int(part) for part in text.split(",") if part.strip()]


def _seconds(name: str, value: Any) -> float:
    return number(name, value, "a number of seconds above 0", low=math.ulp(0.0))


def _counted(low: int) -> Kind:
    form = f"a whole number of at least {low}"
    return Kind("N", form, lambda name, value: count(name, value, low=low), int)


def _one_of(*words: str) -> Kind:
    form = f"one of {', '.join(words)}"
    return Kind("NAME", form, lambda name, value: choice(name, value, words))


TEXT = Kind("NAME", "a text", _text)
PATH = Kind("PATH", "a path", _path)
TABLE = Kind("PATH", "a CSV, a Parquet file or a report folder", _path)
PATHS = Kind("PATHS", "a path or a list of paths", _paths)
SWITCH = Kind("", "true or false", _switch, _parse_switch)
SEEDS = Kind("N or LIST", "a number of seeds, or a list of them", _seeds, _parse_seeds)

_DECIDE = ("verify", "plan", "evidence accept")
_READ = tuple(f"evidence {name}" for name in ("check", "merge", "export", "import"))
_ALL = (*_DECIDE, *_READ, "lock", "report", "calibrate", "audit", "init")
_ALL += ("check-metric", "check-numbers", "decide", "explain")

# No variable says which claims, seeds or evidence: nobody would see what was decided.
_ROWS = (
    Option(
        "claims",
        PATHS,
        "Claims files or folders.",
        commands=("report",),
        arguments_of=(*_DECIDE, "lock"),
        default=(Path("claims"),),
        shown="claims/",
        has_variable=False,
    ),
    Option(
        "setting",
        TEXT,
        "teacher, digits, cifar10, or an experiment of your own.",
        commands=_DECIDE,
        shown="what the claims bring, else teacher",
        argument="setting",
    ),
    Option(
        "seeds",
        SEEDS,
        "N: the first N seeds of each plan; or a list such as 42,123,456.",
        commands=_DECIDE,
        shown="each claim's plan",
        argument="seeds",
        has_variable=False,
    ),
    Option(
        "evidence",
        TABLE,
        "Decide from this CSV, Parquet file or report folder alone; trains nothing.",
        commands=("verify",),
        argument="from_evidence",
        must_exist=True,
        has_variable=False,
    ),
    Option(
        "all",
        SWITCH,
        "Also claims tagged 'extended'.",
        commands=_DECIDE,
        default=False,
        argument="everything",
        has_variable=False,
    ),
    Option(
        "store",
        PATH,
        "Where runs are kept and found again.",
        commands=(*_DECIDE, "lock"),
        default=Path(".faeval"),
        argument="store",
    ),
    Option(
        "data",
        PATH,
        "Folder of the data set.",
        commands=(*_DECIDE, "audit"),
        argument="data",
    ),
    Option(
        "offline",
        SWITCH,
        "Train nothing: decide from what is there.",
        commands=("verify",),
        default=False,
        argument="offline",
    ),
    Option(
        "workers",
        _counted(1),
        "Worker processes.",
        commands=("verify", "plan"),
        shown="one for each CPU, two for cuda",
        argument="workers",
    ),
    Option(
        "device",
        TEXT,
        "cpu, or cuda, where all seeds of an arm train in one run.",
        commands=(*_DECIDE, "audit"),
        default="cpu",
        argument="device",
        words=("cpu", "cuda"),
    ),
    Option(
        "backend",
        _one_of(*BACKENDS),
        "loky: processes here; dask or ray: a cluster that runs already.",
        commands=("verify",),
        default="loky",
        argument="backend",
        words=BACKENDS,
    ),
    Option(
        "cluster",
        TEXT,
        "Address of the cluster: Dask's scheduler (or scheduler file), or Ray's head.",
        commands=("verify",),
        shown="$DASK_SCHEDULER_ADDRESS, $RAY_ADDRESS",
        argument="cluster",
    ),
    Option(
        "retries",
        _counted(0),
        "Tries after an error that a run raised.",
        commands=("verify",),
        shown="the experiment's, else 0",
        argument="retries",
    ),
    Option(
        "time_limit",
        Kind("SECONDS", "a number of seconds above 0", _seconds, float),
        "Seconds after which a run is interrupted.",
        commands=("verify",),
        shown="the experiment's, else none",
        argument="time_limit",
    ),
    Option(
        "stacked",
        SWITCH,
        "Train the seeds of an arm in one run.",
        commands=("verify",),
        shown="on cuda",
        argument="stacked",
    ),
    Option(
        "strict",
        SWITCH,
        "Take a claim that is open where a decision was expected as a failure.",
        commands=("verify", "decide"),
        default=False,
    ),
    Option(
        "max_rows",
        _counted(1),
        "A file of evidence with more rows is refused before it is read.",
        commands=("verify", "decide", "lock", "report", *_READ),
        default=50_000_000,  # as in faeval.evidence, which --help does not load; a test compares
    ),
    Option(
        "json",
        SWITCH,
        "Print one JSON object instead of text.",
        commands=_ALL,
        default=False,
        project=False,
        pytest=False,
        has_variable=False,
    ),
)

#: The options by name, in the order in which help and pages show them.
OPTIONS: Mapping[str, Option] = {option.name: option for option in _ROWS}


def arguments(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return values of options as keywords of ``fe.verify``; with names, of these options alone."""
    return {
        argument: value
        for name, value in values.items()
        if (argument := OPTIONS[name].argument) is not None and (not names or name in names)
    }
