"""Options that say how results of others are read, for every command that reads some."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faeval.errors import FaevalError

if TYPE_CHECKING:
    from faeval.evidence.importing import Cells, Said

#: The words of this call after ``faeval``, which a message repeats with an option more.
command_line: ContextVar[tuple[str, ...]] = ContextVar("command_line", default=())

_FLAGS = ("--last", "--unpaired", "--rate", "--skip-without-seed", "--json")
#: Options of which one excludes the others.
_EXCLUSIVE = ("--last", "--best", "--at")

Text = str | None


def _text(help_text: str, shown: str | None = None) -> Any:
    return Annotated[Text, typer.Option(help=help_text, show_default=shown or False)]


def _texts(help_text: str) -> Any:
    return Annotated[list[str] | None, typer.Option(help=help_text)]


def _flag(name: str, help_text: str) -> Any:
    return Annotated[bool, typer.Option(name, help=help_text)]


#: Every option by its name in Python, with its type and its default.
_OPTIONS: dict[str, tuple[Any, Any]] = {
    "arm": (
        _text(
            "Columns of the arm, with commas; FACTOR=COLUMN renames.",
            "found by the arms asked for, or by name",
        ),
        None,
    ),
    "columns": (
        _text("Columns that are an arm each, with commas; ARM=COLUMN renames.", "found by name"),
        None,
    ),
    "seed": (
        _text("Column of the seed; 'rows': the rows of each arm, in order.", "found by name"),
        None,
    ),
    "metric": (
        _texts("What is compared: a column, NAME=COLUMN, or a metric's name in a long table."),
        None,
    ),
    "metric_column": (_text("Long table: column of the metric's name."), None),
    "value_column": (_text("Long table: column of the value."), None),
    "epoch": (
        _text("Column of the epoch or step; 'none': there are no epochs.", "found by name"),
        None,
    ),
    "layer": (_text("Column of the layer."), None),
    "status": (
        _text(
            "Column that says how runs ended; 'none': none does.",
            "one called status, state, failed, ...",
        ),
        None,
    ),
    "run": (_text("Column that names the run."), None),
    "last": (_flag("--last", "Read each run at its last epoch."), False),
    "best": (
        _text("max or min: read each run at the epoch at which the metric is that."),
        None,
    ),
    "at": (
        Annotated[int | None, typer.Option(min=0, help="Read each run at this epoch.")],
        None,
    ),
    "average": (
        _text("Column of what is no run of its own, such as folds: the mean over it is taken."),
        None,
    ),
    "where": (_texts("Only rows in which COLUMN=VALUE."), None),
    "names": (_text("How runs are named in a chart, such as '{method}-{seed}'."), None),
    "decimal": (_text("The decimal sign, '.' or ','.", "found where it is certain"), None),
    "thousands": (_text("The sign between thousands.", "found where it is certain"), None),
    "ranges": (
        Annotated[
            list[str] | None,
            typer.Option("--range", help="What a metric can be: METRIC=LOW:HIGH."),
        ],
        None,
    ),
    "rate": (
        _flag("--rate", "Values are outcomes, 0 or 1, true or false: their rates are compared."),
        False,
    ),
    "glob": (
        _text("Many files: a pattern in quotes, such as 'runs/{method}/{seed}/metrics.json'."),
        None,
    ),
    "skip_without_seed": (
        _flag("--skip-without-seed", "Of many runs, leave out and count those without a seed."),
        False,
    ),
    "delimiter": (_text("The sign between columns.", "found in the file"), None),
    "encoding": (_text("The encoding of a text file.", "UTF-8, else found"), None),
    "sheet": (_text("The sheet of an Excel file."), None),
}


@dataclass(frozen=True)
class Given:
    """How results are to be read, as the options of a call say it."""

    values: dict[str, Any]

    def said(self, *, as_rule: bool, **more: Any) -> Said:
        """Return what is said of a table; ``as_rule``: one column of arms names whole arms."""
        from faeval.evidence.importing import Said, Spelling, factor_name

        values = self.values
        arms = dict(
            (name, column) if sign else (factor_name(name), name)
            for name, sign, column in map(_pair, (values["arm"] or "").split(","))
            if name
        )
        if as_rule and len(arms) == 1 and "=" not in values["arm"]:
            arms = {"rule": values["arm"].strip()}
        return Said(
            arm=arms,
            columns=tuple(filter(None, map(str.strip, (values["columns"] or "").split(",")))),
            metrics=tuple(values["metric"] or ()),
            seed=values["seed"],
            epoch=values["epoch"],
            layer=values["layer"],
            status=values["status"],
            run=values["run"],
            metric_column=values["metric_column"],
            value_column=values["value_column"],
            take=self.take(),
            average=values["average"],
            where=tuple(
                _assigned(text, "--where", "COLUMN=VALUE") for text in values["where"] or ()
            ),
            rate=values["rate"],
            names=values["names"],
            spelling=Spelling(*(_sign(n, values[n]) for n in ("decimal", "thousands"))),
            ranges=dict(map(_range, values["ranges"] or ())),
            **more,
        )

    def take(self) -> str | int | None:
        """Return which epoch of each run is read."""
        last, best, at = (self.values[name] for name in ("last", "best", "at"))
        choices = {"--last": last, "--best": best, "--at": at is not None}
        flags = [flag for flag, is_set in choices.items() if is_set]
        if len(flags) > 1:
            raise FaevalError(
                f"{' and '.join(flags)} name different epochs of each run; give one of them."
            )
        if best is not None and best not in ("max", "min"):
            raise FaevalError(
                f"--best={best!r} must be max or min: whether the highest or the lowest number is"
                " the best."
            )
        return "last" if last else best if best is not None else at

    def cells(self, files: Sequence[str | Path]) -> Cells:
        """Return the cells of the files that are named, of a pattern, or of standard input."""
        from faeval.evidence import importing

        values = self.values
        how = {name: values[name] for name in ("delimiter", "encoding", "sheet")}
        if values["glob"] is not None:
            if files:
                raise FaevalError(
                    f"--glob {values['glob']!r} beside {str(files[0])!r}: give files, or a pattern."
                )
            return importing.cells_of_glob(
                values["glob"], skip_without_seed=values["skip_without_seed"]
            )
        if not files:
            raise FaevalError(
                "no results were named; give a file, '-' for standard input, or --glob PATTERN."
            )
        return importing.cells_of_files(files, skip_without_seed=values["skip_without_seed"], **how)

    def source_words(self, sources: Sequence[str]) -> list[str]:
        """Return the words of a command that name these results."""
        words = list(sources)
        if self.values["glob"] is not None:
            words += ["--glob", self.values["glob"]]
        for name in ("delimiter", "encoding", "sheet"):
            if self.values[name] is not None:
                words += [f"--{name}", self.values[name]]
        return words + ["--skip-without-seed"] * self.values["skip_without_seed"]


def _pair(text: str) -> tuple[str, str, str]:
    name, sign, column = text.strip().partition("=")
    return name.strip(), sign, column.strip()


def _assigned(text: str, option: str, form: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise FaevalError(f"{option} {text!r} must be {form}.")
    return name.strip(), value.strip()


def _sign(name: str, sign: str | None) -> str | None:
    if sign is not None and sign not in (".", ",", " ", "'"):
        raise FaevalError(f"--{name} {sign!r} must be one of '.', ',', ' ' and \"'\".")
    return sign


def _range(text: str) -> tuple[str, tuple[float, float]]:
    metric, value = _assigned(text, "--range", "METRIC=LOW:HIGH, such as acc=0:1")
    low, _, high = value.partition(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        raise FaevalError(f"--range {text!r} must be METRIC=LOW:HIGH, such as acc=0:1.") from None
    if not ends[0] < ends[1]:
        raise FaevalError(f"--range {text!r}: {low} is not below {high}.")
    return metric, ends


def reads(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of reading; it gets them as ``given``."""
    own = dict(inspect.signature(function, eval_str=True).parameters)
    del own["given"]
    theirs = [name for name in _OPTIONS if name not in own]

    def run(**values: Any) -> None:
        given = Given({name: values.pop(name) for name in theirs})
        function(**values, given=given)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [p.replace(kind=keyword) for p in own.values()]
    parameters += [
        inspect.Parameter(name, keyword, annotation=kind, default=default)
        for name, (kind, default) in _OPTIONS.items()
        if name in theirs
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__doc__, run.__name__ = function.__doc__, function.__name__
    return run


def spelled_again(option: str, value: str = "") -> str:
    """Return the command of this call with an option set, as a shell takes it."""
    from faeval.evidence.importing import spelled

    words = list(command_line.get())
    for name in _EXCLUSIVE if option in _EXCLUSIVE else (option,):
        while name in words:
            start = words.index(name)
            del words[start : start + (1 if name in _FLAGS else 2)]
        words = [w for w in words if not w.startswith(f"{name}=")]
    return spelled("faeval", *words, option, *([value] if value else []))
