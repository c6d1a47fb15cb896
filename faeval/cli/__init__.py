"""The command line. Results on stdout, everything else on stderr; exit codes as ARCHITECTURE.md lists them."""

from __future__ import annotations

import atexit
import json
import sys
from typing import Annotated, Any

import typer

from faeval._apart import silence_stdout
from faeval.cli import _bench, _calibrate, _evidence, _init, _numbers, _plan, _report, _verify
from faeval.cli._common import INTERNAL, INTERRUPTED, NOTHING_SELECTED, USAGE, project_defaults, say

app = typer.Typer(
    help="Verify research claims: train what they need over seeds, audit it, and decide each by a rule with known error rates.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        from faeval import __version__

        say(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(USAGE)
    command = getattr(context.command, "commands", {}).get(context.invoked_subcommand)
    if command is not None and not {"-h", "--help"} & set(sys.argv):
        # What click takes where neither the command line nor the environment says anything.
        context.default_map = {context.invoked_subcommand: _defaults(command)}


def _defaults(command: Any) -> dict[str, Any]:
    """Return what [tool.faeval] says of a command's parameters; of a group of commands, by the command."""
    if hasattr(command, "commands"):
        return {name: _defaults(below) for name, below in command.commands.items()}
    names = {str(parameter.name) for parameter in command.params}
    return project_defaults(names) if names & {"paths", "store", "data"} else {}


app.command()(_verify.verify)
app.command()(_plan.plan)
app.command()(_plan.lock)
app.command()(_report.report)
app.command()(_calibrate.calibrate)
app.command()(_bench.audit)
app.command("check-metric")(_bench.check_metric)
app.command("check-numbers")(_numbers.check_numbers)
app.command()(_init.init)
app.add_typer(_evidence.app, name="evidence")


def main() -> None:
    """Run the command line; every error is one clear line, and the exit code says which kind."""
    debug = "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    told = ""
    try:
        if "" in arguments:  # the path of no characters would be the working directory
            raise _empty()
        code = app(args=arguments, standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        if debug:
            raise
        code, told = _explain(error)
    if code == INTERRUPTED:  # typer turns most interrupts into this code itself, without a word
        told = "interrupted; finished runs are kept, the same command goes on from there."
        say(f"faeval: {told}", err=True)
    if code == NOTHING_SELECTED:
        told = "no claim was selected."
    if told and _wants_json(arguments):
        say(json.dumps({"schema": "faeval-error-1", "exit_code": code, "error": told}, indent=1))
    atexit.register(silence_stdout)  # the first to be called at exit, before what code of others has to say there
    sys.exit(code if isinstance(code, int) else 0)


def _empty() -> Exception:
    from faeval.errors import FaevalError

    return FaevalError("an argument is empty (''), such as a variable that was not set; give a value, or leave it out.")


def _wants_json(arguments: list[str]) -> bool:
    """Whether stdout is to be JSON, of a command line that could perhaps not be read whole."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(a == "--format=json" or (a == "--format" and b == "json") for a, b in pairs)


def _explain(error: Exception) -> tuple[int, str]:
    """Say on stderr what is wrong; return the exit code and the same words."""
    from faeval.errors import FaevalError

    if isinstance(error, FaevalError):
        say(f"faeval: {error}", err=True)
        return error.exit_code, str(error)
    if isinstance(error, typer.Abort):
        return INTERRUPTED, ""
    # Which package click's exceptions come from depends on the version of typer; they know how to show themselves.
    show, exit_code = getattr(error, "show", None), getattr(error, "exit_code", None)
    if callable(show) and isinstance(exit_code, int):
        show()
        return exit_code, str(getattr(error, "message", error))
    text = f"internal error: {type(error).__name__}: {error}"
    say(f"faeval: {text} (--debug shows where)", err=True)
    return INTERNAL, text
