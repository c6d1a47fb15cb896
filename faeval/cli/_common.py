"""What commands share: options of the table, and writing to stdout and stderr."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, TextIO, cast

import typer

from faeval._options import OPTIONS, PATHS, SWITCH, Option
from faeval._safe_text import InertStream, inert, message
from faeval.errors import FaevalError

if TYPE_CHECKING:
    from rich.console import Console

NOTHING_SELECTED, INTERNAL, INTERRUPTED, USAGE, DRIFT = 5, 3, 130, 2, 1
READER_GONE = 141  # as of SIGPIPE


def say(text: object, err: bool = False) -> None:
    """Write one bounded message to stdout or stderr; nothing in it acts."""
    _write(f"{inert(message(text))}\n", err)


def say_lines(text: str, err: bool = False) -> None:
    """Write a text of several messages, a line each."""
    for line in text.rstrip("\n").split("\n"):
        say(line, err)


def say_json(content: object) -> None:
    """Write a JSON document to stdout in ASCII; a text is taken as JSON already."""
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
    """Let nothing more be written to a stream: at its end Python would exit with 120."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def nothing_selected() -> typer.Exit:
    """Say that there is nothing to do, and return the exit to raise."""
    say(
        "faeval: no claim was selected; name claims files, or add --all for extended ones.",
        err=True,
    )
    return typer.Exit(NOTHING_SELECTED)


def _complete_setting() -> list[tuple[str, str]]:
    """Return the named experiments; those of claims files would need their code to be run."""
    from faeval.experiment import experiments

    return [(name, experiment.help) for name, experiment in sorted(experiments().items())]


def complete_published() -> list[str]:
    """Return what --published may be, for the shell."""
    from faeval.pipeline import PUBLISHED

    return list(PUBLISHED)


def command(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of the table that it takes; it gets their values as ``options``.

    The first that is given counts: command line, environment, ``[tool.faeval]``, default.
    """
    rows = [row for row in OPTIONS.values() if name in (*row.commands, *row.arguments_of)]

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = dict(inspect.signature(function, eval_str=True).parameters)
        del own["options"]
        wants_context = own.pop("context", None) is not None

        def run(context: typer.Context, **given: Any) -> None:
            values = {row.name: given.pop(row.name) for row in rows}
            options = _options_of(context, values)
            if "max_rows" in options:
                from faeval import evidence

                evidence.limit_rows(options["max_rows"])
            function(**({"context": context} if wants_context else {}), **given, options=options)

        parameters = [_parameter("context", typer.Context, inspect.Parameter.empty)]
        parameters += [_row_parameter(row, name) for row in rows if name in row.arguments_of]
        parameters += [_parameter(p.name, p.annotation, p.default) for p in own.values()]
        parameters += [_row_parameter(row, name) for row in rows if name in row.commands]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__doc__, run.__name__ = function.__doc__, function.__name__
        return run

    return decorate


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, annotation=annotation, default=default)


def _row_parameter(row: Option, name: str) -> inspect.Parameter:
    """Return the parameter of a command that stands for a row of the table of options."""
    show: Any = row.shown or row.default is not None
    more: dict[str, Any] = {"help": row.help, "show_default": show}
    if name in row.arguments_of:
        argument = typer.Argument(metavar=row.kind.metavar, **more)
        return _parameter(row.name, Annotated[list[str] | None, argument], None)
    more["envvar"] = row.environment
    if row.kind is SWITCH:
        # What a table or a variable can set, the command line must be able to unset.
        names = f"{row.flag}/--no-{row.flag[2:]}" if row.project else row.flag
        option = typer.Option(names, **more)
        return _parameter(row.name, Annotated[bool | None, option], row.default)
    default = None if row.shown or row.default is None else str(row.default)
    more["metavar"] = row.kind.metavar
    if row.words or row.name == "setting":
        more["autocompletion"] = (lambda: list(row.words)) if row.words else _complete_setting
    text = list[str] | None if row.kind is PATHS else str | None
    return _parameter(row.name, Annotated[text, typer.Option(row.flag, **more)], default)


def _options_of(context: typer.Context, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a command's options, from wherever each is given."""
    from faeval.config import Defaults, find

    # A mistake in the table is no matter of a command that reads nothing of it.
    of_project = any(OPTIONS[name].project for name in texts)
    defaults = find(Path.cwd()) if of_project else Defaults()
    values = {}
    for name, text in texts.items():
        row = OPTIONS[name]
        source = context.get_parameter_source(name)
        if source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT"):
            where = row.flag if source.name == "COMMANDLINE" else str(row.environment)
            values[name] = (row.parse if isinstance(text, str) else row.check)(text, where)
        else:
            values[name] = _near(defaults.of(row))
    return values


def _near(value: Any) -> Any:
    """Return paths as they are seen from the working directory, where they lie in or below it."""
    if isinstance(value, tuple):
        return tuple(map(_near, value))
    if not isinstance(value, Path):
        return value
    here = Path.cwd()
    return value.relative_to(here) if value.is_relative_to(here) else value


def check_folder(folder: Path, option: str = "--report") -> None:
    """Refuse a report folder that cannot be written before hours of training, not after."""
    import tempfile

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
