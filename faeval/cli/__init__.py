"""The command line. Results on stdout, everything else on stderr; exit codes as ARCHITECTURE.md lists them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from faeval.cli import _bench, _calibrate, _plan, _verify
from faeval.cli._common import INTERNAL, INTERRUPTED, USAGE

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

        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(USAGE)


app.command()(_verify.verify)
app.command()(_plan.plan)
app.command()(_plan.lock)
app.command()(_calibrate.calibrate)
app.command()(_bench.audit)
app.command("check-metric")(_bench.check_metric)


def main() -> None:
    """Run the command line; every error is one clear line, and the exit code says which kind."""
    debug = "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    try:
        code = app(args=arguments, standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        if debug:
            raise
        code = _explain(error)
    if code == INTERRUPTED:  # typer turns most interrupts into this code itself, without a word
        typer.echo("faeval: interrupted; finished runs are kept, the same command goes on from there.", err=True)
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> int:
    from faeval.errors import FaevalError

    if isinstance(error, FaevalError):
        typer.echo(f"faeval: {error}", err=True)
        return error.exit_code
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    # Which package click's exceptions come from depends on the version of typer; they know how to show themselves.
    show, exit_code = getattr(error, "show", None), getattr(error, "exit_code", None)
    if callable(show) and isinstance(exit_code, int):
        show()
        return exit_code
    typer.echo(f"faeval: internal error: {type(error).__name__}: {error} (--debug shows where)", err=True)
    return INTERNAL
