"""faeval decide: from results that exist to a verdict, without a claims file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faeval.cli._common import check_folder, command, console_for, say, say_json
from faeval.cli._reading import Given, reads, spelled_again
from faeval.errors import FaevalError

if TYPE_CHECKING:
    from faeval.pipeline import Comparison

_FORMATS = ("text", "json", "markdown", "junit", "ctrf", "latex")
_IS_QUESTION = re.compile(r"\s(>=|<=|>|<|==?|\u2265|\u2264|above|below|exceeds|equals|like)\s|[<>]")


@command("decide")
@reads
def decide(
    options: dict[str, Any],
    given: Given,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES QUESTIONS",
            help=(
                "Results in any form ('-' is standard input), then questions in quotes, such as"
                " 'ours > base'; also <, >=, <=, =, and words: 'ours above base'."
            ),
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="The smallest effect that matters: 0.01 in the metric's unit, or 1.05x. Without"
            " it the effect is described, and nothing is decided."
        ),
    ] = None,
    because: Annotated[str | None, typer.Option(help="Why the margin is that.")] = None,
    against: Annotated[
        str | None,
        typer.Option(help="With --arm: the two arms, in place of 'ARM > AGAINST'."),
    ] = None,
    arm_column: Annotated[
        str | None, typer.Option(help="The arm's column, where --arm names an arm.")
    ] = None,
    group_by: Annotated[
        str | None, typer.Option(help="A column: one verdict for each of its values.")
    ] = None,
    unpaired: Annotated[
        bool, typer.Option("--unpaired", help="The arms share no seeds: Welch's test.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(help="Write the questions as a claims file, to be registered.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write page, Markdown, JSON and evidence into this folder.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help=f"One of {', '.join(_FORMATS)}.")] = "text",
) -> None:
    """Decide questions about results that exist; no claims file is needed.

    Every verdict of it is unregistered: the margin was named when the results existed.
    """
    from faeval import evidence, pipeline

    if form not in _FORMATS:
        raise FaevalError(f"--format {form!r} must be one of {', '.join(_FORMATS)}.")
    if report is not None:
        check_folder(report)
    files, texts = _asked_of(inputs or [], given, against, arm_column)
    questions = [pipeline.readings_of(text) for text in texts]
    as_rule = not any("=" in side for readings in questions for q in readings for side in q.sides)
    options_said = given.said(as_rule=as_rule, group_by=group_by, unpaired=unpaired)
    comparison = pipeline.answer(
        questions,
        given.cells(files),
        options_said,
        by=by,
        because=because,
        setting=evidence.importing.setting_name(files[0] if files else "results"),
        spell=spelled_again,
    )
    if save is not None:
        _save(comparison, save, given)
    words = given.source_words(files)
    shown_as = "json" if options["json"] else form
    raise typer.Exit(_show(comparison, report, shown_as, options, save, words))


def _asked_of(
    inputs: Sequence[str], given: Given, against: str | None, arm_column: str | None
) -> tuple[list[str], list[str]]:
    """Return files and questions; with --against, --arm names an arm and not its column."""
    if against is None:
        return _sorted(inputs, need_question=True)
    arm, given.values["arm"] = given.values["arm"], arm_column
    if arm is None:
        raise FaevalError(f"--against {against!r} needs --arm: the arm that is compared with it.")
    files, texts = _sorted(inputs, need_question=False)
    return files, [f"{arm} > {against}", *texts]


def _sorted(inputs: Sequence[str], need_question: bool) -> tuple[list[str], list[str]]:
    """Return the files and the questions among the arguments."""
    files: list[str] = []
    texts: list[str] = []
    for text in inputs:
        is_file = text == "-" or Path(text).exists()
        if not is_file and _IS_QUESTION.search(text):
            texts.append(text)
        elif not is_file and (files or texts or " " in text) and not Path(text).suffix:
            texts.append(text)  # without an operator: said so where it is read
        else:
            files.append(text)
    if need_question and not texts:
        raise FaevalError(
            "no question was asked; add one in quotes, such as 'ours > base', or --arm ours"
            " --against base."
        )
    return files, texts


def _save(comparison: Comparison, path: Path, given: Given) -> None:
    from faeval import pipeline
    from faeval._whole_files import replace_file

    if path.suffix != ".py":
        raise FaevalError(f"--save {path}: a claims file is Python; give it a name such as x.py.")
    if path.exists():
        raise FaevalError(f"--save {path}: is there already; name another file.")
    setting = comparison.report.setting if comparison.report is not None else "results"
    words = given.source_words([] if given.values["glob"] else ["NEW"])
    source = pipeline.claims_source(comparison, setting, words)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, source.encode())
    say(f"wrote {path}", err=True)


def _show(
    comparison: Comparison,
    folder: Path | None,
    form: str,
    options: dict[str, Any],
    save: Path | None,
    words: Sequence[str],
) -> int:
    """Print the answers, write their report, and return the exit code."""
    from faeval import pipeline

    reading, result = comparison.reading, comparison.report
    code = 0 if result is None else result.exit_code(options["strict"])
    if folder is not None:
        if result is None:
            raise FaevalError("--report writes verdicts, and a verdict needs a margin: add --by.")
        for path in pipeline.publish(result, folder):
            say(f"wrote {path}", err=True)
    if form == "json":
        content: dict[str, Any] = {
            "schema": "faeval-decide-1",
            "exit_code": code,
            "read": list(reading.how),
            "notes": [*reading.notes, *comparison.hints],
            "options": list(reading.options),
            "effects": [asdict(effect) for effect in comparison.effects],
            "report": None if result is None else result.to_dict(options["strict"]),
        }
        say_json(content)
    elif form != "text" and result is not None:
        say(result.render(form))
    else:
        _print(comparison, save, words)
    return code


def _print(comparison: Comparison, save: Path | None, words: Sequence[str]) -> None:
    from faeval.reports import answer, described

    console = console_for()
    # What is piped has no width of its own; a page of text has 80 columns.
    width = min(console.width, 100) if console.is_terminal else 80
    lines = [*comparison.reading.how, *comparison.reading.notes, *comparison.hints]
    if comparison.report is None:
        console.print(described(comparison.effects, read=lines, width=width))
        return
    steps = _next_steps(comparison, save, words)
    console.print(answer(comparison.report, read=lines, next_steps=steps, width=width))


def _next_steps(
    comparison: Comparison, save: Path | None, words: Sequence[str]
) -> list[tuple[str, str]]:
    """Return what to do next: commands, each with what it does.

    ``words`` name the results on a command line.
    """
    from faeval.evidence.importing import spelled

    if all(v.verdict == "invalid" for v in comparison.verdicts):
        return []
    is_open = any(v.verdict == "inconclusive" for v in comparison.verdicts)
    reading, setting = comparison.reading, comparison.verdicts[0].setting
    file = str(save or "claims/asked.py")
    steps = [] if save else [(f"faeval decide ... --save {file}", "write it as a claims file")]
    if is_open and words[:1] != ["-"]:
        pilot = words[0]
        if len(words) > 1 or not _is_found_again(reading.options):
            pilot = "pilot.csv"
            command = ["faeval", "evidence", "import", *words, pilot, "--setting", setting]
            steps.append((spelled(*command, *reading.options), "keep these numbers as a pilot"))
        steps.append((spelled("faeval", "plan", file, "--pilot", pilot), "seeds, power, cost"))
    steps.append((f"faeval lock {file}", "register, then run new seeds"))
    return steps


def _is_found_again(options: Sequence[str]) -> bool:
    """Whether results that were read with these options are read so without them, too."""
    pairs = dict(zip(options[::2], options[1::2], strict=False))
    return (
        {*pairs} <= {"--arm", "--seed", "--metric"}
        and "=" not in pairs.get("--metric", "")
        and re.fullmatch(r"rule=[^,]*", pairs.get("--arm", "rule=")) is not None
    )
