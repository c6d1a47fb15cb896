"""The command line: results on stdout, all else on stderr.

Exit codes are as docs/command-line.md lists them.
"""

from __future__ import annotations

import atexit
import io
import os
import sys
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import typer

from faeval._isolation import silence_stdout
from faeval._safe_text import cut, printable
from faeval.cli import (
    _bench,
    _calibrate,
    _decide,
    _evidence,
    _explain,
    _init,
    _numbers,
    _plan,
    _report,
    _verify,
)
from faeval.cli._common import (
    INTERNAL,
    INTERRUPTED,
    NOTHING_SELECTED,
    READER_GONE,
    USAGE,
    drop,
    say,
    say_json,
    say_lines,
)
from faeval.cli._reading import command_line
from faeval.errors import FaevalError

app = typer.Typer(
    help=(
        "Verify research claims: train what they need over seeds, audit it, and decide each by a"
        " rule with known error rates."
    ),
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)
    ] = False,
) -> None:
    if version:
        from faeval import __version__

        say(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        say_lines(context.get_help())
        raise typer.Exit(USAGE)


app.command()(_decide.decide)
app.command()(_verify.verify)
app.command()(_plan.plan)
app.command()(_plan.lock)
app.command()(_report.report)
app.command()(_calibrate.calibrate)
app.command()(_bench.audit)
app.command("check-metric")(_bench.check_metric)
app.command("check-numbers")(_numbers.check_numbers)
app.command()(_init.init)
app.command("explain")(_explain.explain)
app.add_typer(_evidence.app, name="evidence")


def main() -> None:
    """Run the command line; every error is one clear line, and the exit code says which kind."""
    debug = "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    if not _open_streams():
        say(
            "faeval: stdout is closed, so that no result could be read; leave it open, or use >"
            " /dev/null.",
            err=True,
        )
        sys.exit(USAGE)
    try:
        code = _run(arguments, debug)
        sys.stdout.flush()
    except BrokenPipeError:
        code = READER_GONE
        drop(sys.stdout)
    except OSError as error:
        code, _ = _reason(error)
    atexit.register(
        silence_stdout
    )  # the first to be called at exit, before what code of others says there
    sys.exit(code)


def _open_streams() -> bool:
    """Make the three streams of the system fit for any text; return whether stdout was open.

    What was closed leads nowhere from here on: the next file that is opened would take its place,
    and be written to. A character that an encoding lacks is written as an escape.
    """
    was_open = sys.stdout is not None
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    if sys.stderr is None:
        # Open as long as the process.
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr) if was_open else (sys.stderr,):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    plain = warnings.formatwarning
    warnings.formatwarning = lambda *what, **more: printable(plain(*what, **more))
    return was_open


def _run(arguments: list[str], debug: bool) -> int:
    """Run a command and return its exit code; only what happens to stdout is raised."""
    text = ""
    try:
        if "" in arguments:  # the path of no characters would be the working directory
            raise FaevalError(
                "an argument is empty (''), such as a variable that was not set; give a value, or"
                " leave it out."
            )
        command_line.set(tuple(arguments))
        code = app(args=arguments, standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except SystemExit as error:
        # typer's own, of exit code 1, where the reader of stdout has gone.
        if isinstance(error.__context__, BrokenPipeError):
            raise error.__context__ from None
        raise
    except Exception as error:
        if debug:
            raise
        code, text = _reason(error)
    if code == INTERRUPTED:  # typer turns most interrupts into this code itself, without a word
        text = "interrupted; finished runs are kept, the same command goes on from there."
        say(f"faeval: {text}", err=True)
    if code == NOTHING_SELECTED:
        text = "no claim was selected."
    # A command line that could perhaps not be read whole may ask for JSON all the same.
    if text and _wants_json(arguments):
        say_json({"schema": "faeval-error-1", "exit_code": code, "error": cut(text)})
    return code if isinstance(code, int) else 0


def _wants_json(arguments: Sequence[str]) -> bool:
    return "--json" in arguments or ("--format", "json") in pairwise(arguments)


def _reason(error: Exception) -> tuple[int, str]:
    """Say on stderr what is wrong; return the exit code and the same words."""
    if isinstance(error, typer.Abort):
        return INTERRUPTED, ""
    # Which package click's exceptions come from depends on the version of typer.
    spell, exit_code = getattr(error, "format_message", None), getattr(error, "exit_code", None)
    if callable(spell) and isinstance(exit_code, int):
        text = str(spell())
        if "\n" in text:  # the help of a group that was called without a command
            say_lines(text, err=True)
        else:
            context = getattr(error, "ctx", None)
            command = context.command_path if context is not None else "faeval"
            say(f"faeval: {text.rstrip('.')}; see {command} --help.", err=True)
        return exit_code, text
    code, text, hint = (
        INTERNAL,
        f"internal error: {type(error).__name__}: {error}",
        " (--debug shows where)",
    )
    if isinstance(error, FaevalError):
        code, text, hint = error.exit_code, str(error), ""
    elif isinstance(error, OSError):
        code, text, hint = USAGE, _of_the_system(error), ""
    say(f"faeval: {cut(text, 1900)}{hint}", err=True)
    return code, text


def _of_the_system(error: OSError) -> str:
    """Say what the system refused; an error without a file's name is of stdout."""
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        drop(sys.stdout)
        return f"stdout: cannot be written ({reason}); make room there, or name another file."
    return (
        f"{os.fsdecode(error.filename)}: {reason}; name another file or folder, or make room or"
        " permission there."
    )
