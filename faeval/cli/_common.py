"""What commands share: options, and how words become values. Results go to stdout, everything else
to stderr.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, TextIO, cast

import typer

from faeval._safe_text import InertStream, inert, message

if TYPE_CHECKING:
    from rich.console import Console

NOTHING_SELECTED, INTERNAL, INTERRUPTED, USAGE, DRIFT = 5, 3, 130, 2, 1
READER_GONE = 141  # as of SIGPIPE
FORMATS = ("table", "json")


def say(text: object, err: bool = False) -> None:
    """Write one message to stdout, or to stderr; nothing in it acts, whoever's words it holds, and
    it is bounded.
    """
    _write(f"{inert(message(text))}\n", err)


def say_lines(text: str, err: bool = False) -> None:
    """Write a text of several messages, a line each."""
    for line in text.rstrip("\n").split("\n"):
        say(line, err)


def say_json(content: object) -> None:
    """Write a document of JSON to stdout, whole and in ASCII; a text is one that is spelt already."""
    text = content if isinstance(content, str) else f"{json.dumps(content, indent=1)}\n"
    _write(text.replace("\x7f", "\\u007f"))


def _write(text: str, err: bool = False) -> None:
    stream = sys.stderr if err else sys.stdout
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        if not err:
            raise
        drop(stream)  # nobody reads it: the exit code says what became of the command


def drop(stream: TextIO) -> None:
    """Let nothing more that is written to a stream go anywhere: Python would fail at its end, with
    exit code 120.
    """
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def nothing_selected() -> typer.Exit:
    """Say that there is nothing to do, and return the exit to raise."""
    say(
        "faeval: no claim was selected; name claims files, or add --all for extended ones.",
        err=True,
    )
    return typer.Exit(NOTHING_SELECTED)


def complete_setting() -> list[tuple[str, str]]:
    """Return the named experiments, for the shell; those that claims files bring would need their
    code to be run.
    """
    from faeval.experiment import experiments

    return [(name, found.help) for name, found in sorted(experiments().items())]


def complete_format() -> list[str]:
    """Return what --format may be, for the shell."""
    return list(FORMATS)


def complete_device() -> list[str]:
    """Return what --device may be, for the shell."""
    return ["cpu", "cuda"]


def complete_backend() -> list[str]:
    """Return what --backend may be, for the shell."""
    from faeval.config import BACKENDS

    return list(BACKENDS)


def complete_published() -> list[str]:
    """Return what --published may be, for the shell."""
    from faeval.pipeline import PUBLISHED

    return list(PUBLISHED)


Paths = Annotated[
    list[Path] | None, typer.Argument(help="Claims files or folders.", show_default="claims/")
]
Setting = Annotated[
    str | None,
    typer.Option(
        help="teacher, digits, cifar10, or an experiment of your own.",
        show_default="teacher",
        envvar="FAEVAL_SETTING",
        autocompletion=complete_setting,
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        help="N: the first N seeds of each plan; or a list such as 42,123,456.",
        show_default="each claim's plan",
    ),
]
Data = Annotated[Path | None, typer.Option(help="Folder of the data set.", envvar="FAEVAL_DATA")]
Store = Annotated[
    Path, typer.Option(help="Where runs are kept and found again.", envvar="FAEVAL_STORE")
]
Everything = Annotated[bool, typer.Option("--all/--no-all", help="Also claims tagged 'extended'.")]
Device = Annotated[
    str,
    typer.Option(
        help="cpu, or cuda, where all seeds of an arm train in one run.",
        envvar="FAEVAL_DEVICE",
        autocompletion=complete_device,
    ),
]
Format = Annotated[
    str, typer.Option(help="table or json, on stdout.", autocompletion=complete_format)
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Worker processes.",
        show_default="one for each CPU, two for cuda",
        envvar="FAEVAL_WORKERS",
    ),
]


def _limit_rows(most: int) -> int:
    from faeval import evidence

    evidence.limit_rows(most)
    return most


MaxRows = Annotated[
    int,
    typer.Option(
        min=1,
        callback=_limit_rows,
        help="A file of evidence with more rows is refused before it is read.",
    ),
]
MOST_ROWS = 50_000_000  # as faeval.evidence has it, which --help does not load


def project_defaults(names: set[str]) -> dict[str, Any]:
    """Return what [tool.faeval] says of parameters of these names: the nearest table, from the
    working directory upwards.
    """
    from faeval.config import find, seeds_as_text

    defaults = find(Path.cwd())
    if defaults.root is None:
        return {}
    values = dict(defaults.values) | {"claims": defaults.claims, "store": defaults.store}
    given = {_PARAMETERS.get(key, key): value for key, value in values.items()}
    if "seeds" in given:
        given["seeds"] = seeds_as_text(given["seeds"])
    if "store" in given:
        given["store"] = near(given["store"])
    if "paths" in given:
        given["paths"] = [near(path) for path in given["paths"]]
    return {name: value for name, value in given.items() if name in names}


_PARAMETERS = {
    "claims": "paths",
    "all": "everything",
}  # keys of the table whose parameter has another name


def near(path: Path) -> Path:
    """Return a path as it is seen from here, where it lies in or below the working directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def seeds_of(text: str | None) -> int | tuple[int, ...] | None:
    """Read ``--seeds``: a count, or a list with commas ("7," is the one seed 7)."""
    from faeval import config

    return config.seeds_of(text)


def check_format(format: str) -> None:  # noqa: A002 - the option's name
    from faeval.errors import FaevalError

    if format not in FORMATS:
        raise FaevalError(f"--format={format!r} is not one of {', '.join(FORMATS)}.")


def check_folder(folder: Path, option: str = "--report") -> None:
    """Refuse a report folder that cannot be written before hours of training, not after."""
    import tempfile

    from faeval.errors import FaevalError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise FaevalError(
            f"{option} {folder}: cannot be written ({error.strerror}); name another folder."
        ) from None


def console_for(stderr: bool = False) -> Console:
    from faeval.cli._console import HarmlessConsole

    # Piped output has no width of its own: wide enough that nothing is cut.
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return HarmlessConsole(stderr=stderr)
    return HarmlessConsole(file=cast(IO[str], InertStream(stream)), width=132)


def duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
