"""What commands share: options, and how words become values. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

NOTHING_SELECTED, INTERNAL, INTERRUPTED, USAGE, DRIFT = 5, 3, 130, 2, 1

Paths = Annotated[list[Path] | None, typer.Argument(help="Claims files or folders.", show_default="claims/")]
Setting = Annotated[
    str | None, typer.Option(help="teacher, digits, cifar10, or an experiment of your own.", show_default="teacher")
]
Seeds = Annotated[
    str | None,
    typer.Option(
        help="N: the first N seeds of each plan; or a list such as 42,123,456.", show_default="each claim's plan"
    ),
]
Data = Annotated[Path | None, typer.Option(help="Folder of the data set.", envvar="FAEVAL_DATA")]
Store = Annotated[Path, typer.Option(help="Where runs are kept and found again.")]
Everything = Annotated[bool, typer.Option("--all", help="Also claims tagged 'extended'.")]
Device = Annotated[str, typer.Option(help="cpu, or cuda, where all seeds of an arm train in one run.")]
Format = Annotated[str, typer.Option(help="table or json, on stdout.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Worker processes.", show_default="one for each CPU, two for cuda")
]


def seeds_of(text: str | None) -> int | tuple[int, ...] | None:
    """Read ``--seeds``: a count, or a list with commas ("7," is the one seed 7)."""
    from faeval.claims import seed_list
    from faeval.errors import FaevalError

    if text is None:
        return None
    try:
        if "," not in text:
            count = int(text)
            seed_list(count, "--seeds")
            return count
        return seed_list([int(part) for part in text.split(",") if part.strip()], "--seeds")
    except ValueError:
        raise FaevalError(f"--seeds {text!r} must be a count such as 3, or a list such as 42,123,456.") from None


def check_format(format: str) -> None:  # noqa: A002 - the option's name
    from faeval.errors import FaevalError

    if format not in ("table", "json"):
        raise FaevalError(f"--format={format!r} is not one of table, json.")


def check_folder(folder: Path) -> None:
    """Refuse a report folder that cannot be written before hours of training, not after."""
    import tempfile

    from faeval.errors import FaevalError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise FaevalError(f"--report {folder}: cannot be written ({error.strerror}); name another folder.") from None


def console_for(stderr: bool = False) -> Console:
    from rich.console import Console

    # Piped output has no width of its own: wide enough that nothing is cut.
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 132, highlight=False)


def duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
