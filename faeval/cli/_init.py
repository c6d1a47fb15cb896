"""faeval init: a project with a claim that works at once; no file is changed."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

from faeval._whole_files import replace_file
from faeval.cli._common import command, say, say_json, say_lines
from faeval.cli._reading import Given, reads, spelled_again
from faeval.errors import FaevalError

_IGNORED = ".faeval/"
_WORKFLOW = ".github/workflows/claims.yml"
_NEXT = """next:
  faeval plan                 # what the claims can tell, and what it costs
  faeval verify --seeds 1000,1001,1002,1003,1004,1005 --report pilot    # a pilot; decides nothing
  faeval lock --pilot pilot   # register them, with the spread that the pilot saw
  git add . && git commit -m "Register"
  faeval verify               # decide, on the planned seeds; or: pytest claims/"""


_NEXT_FROM = """next:
  fill in MARGIN and BECAUSE in {file}
  faeval plan {file} --pilot {source}   # power, and seeds needed
  faeval lock {file}                    # register, before new runs
  the file says how new results are read, and verified"""


@command("init")
@reads
def init(
    options: dict[str, Any],
    given: Given,
    folder: Annotated[
        Path, typer.Argument(help="The project's folder; made where it is not there.")
    ] = Path(),
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Results that exist: a claims file about them, to be filled in."
        ),
    ] = None,
    ci: Annotated[
        bool, typer.Option("--ci", help="Also a GitHub Actions workflow that verifies claims.")
    ] = False,
) -> None:
    """Start a project: an example claim, [tool.faeval], a line of .gitignore.

    Overwrites nothing. --from and the options of reading make claims about results that exist.
    """
    names_by_outcome: dict[str, list[str]] = {"created": [], "added_to": [], "kept": []}
    example = ("example.py", template("example.py.txt"))
    if source is not None:
        example = _claims_about(source, given)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, what in _scaffold(folder, ci, example, is_asked=source is not None):
            names_by_outcome[what].append(name)
    except OSError as error:
        raise FaevalError(
            f"faeval init {folder}: {error.filename or folder}: {error.strerror or error}."
        ) from None
    if options["json"]:
        say_json({"schema": "faeval-init-1", "exit_code": 0, **names_by_outcome})
    else:
        for what, names in names_by_outcome.items():
            for name in names:
                note = ", as it is" if what == "kept" else ""
                say(f"{what.replace('_', ' ')} {name}{note}")
    file = f"claims/{example[0]}"
    steps = _NEXT if source is None else _NEXT_FROM.format(file=file, source=source)
    say_lines(steps, err=True)


def _claims_about(source: Path, given: Given) -> tuple[str, str]:
    """Return name and text of a claims file about results that exist."""
    from faeval import evidence, pipeline

    setting = evidence.importing.setting_name(source)
    reading = evidence.importing.read_results(
        given.cells([source]),
        given.said(as_rule=True),
        setting=setting,
        spell=spelled_again,
        whole_courses=True,
    )
    for line in (*reading.how, *reading.notes):
        say(line, err=True)
    return f"{setting}.py", pipeline.starting_source(reading, setting)


def _scaffold(
    folder: Path, ci: bool, example: tuple[str, str], is_asked: bool
) -> list[tuple[str, str]]:
    pyproject = folder / "pyproject.toml"
    needs_table = _needs_table(pyproject)  # read before anything is written: it may be unreadable
    claims = folder / "claims"
    outcomes = [("claims/", "kept")]
    # Beside one's own an example would bring a second experiment.
    if is_asked or not any(claims.glob("*.py")):
        name, text = example
        outcomes = [(f"claims/{name}", _create(claims / name, text))]
    table = template("pyproject.toml.txt")
    outcome = _append(pyproject, table, blank=True) if needs_table else "kept"
    outcomes.append(("pyproject.toml", outcome))
    ignore = folder / ".gitignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    ignores_store = any(line.strip().strip("/") == _IGNORED.strip("/") for line in lines)
    outcomes.append((".gitignore", "kept" if ignores_store else _append(ignore, f"{_IGNORED}\n")))
    from faeval import __version__

    more = {
        _WORKFLOW: template("claims.yml"),
        "requirements.txt": f"faeval=={__version__}\npytest\n",
    }
    earlier = (folder / _WORKFLOW).exists()  # what an earlier call made is kept, and said to be
    outcomes += [
        (n, _create(folder / n, text))
        for n, text in more.items()
        if ci or (earlier and (folder / n).exists())
    ]
    return outcomes


def template(name: str) -> str:
    """Return a file of the scaffold, as it is written."""
    return resources.files("faeval.cli").joinpath("_scaffold", name).read_text(encoding="utf-8")


def _needs_table(file: Path) -> bool:
    if not file.exists():
        return True
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        if "faeval" in content.get("tool", {}):
            return False
        tomllib.loads(
            _joined(file.read_text(encoding="utf-8"), template("pyproject.toml.txt"), blank=True)
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise FaevalError(
            f"{file}: a table [tool.faeval] cannot be added ({error}); correct the file."
        ) from None
    return True


def _create(file: Path, text: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists():
        return "kept"
    replace_file(file, text.encode())
    return "created"


def _append(file: Path, text: str, blank: bool = False) -> str:
    if not file.exists():
        return _create(file, text)
    before = file.read_text(encoding="utf-8")
    replace_file(file, _joined(before, text, blank).encode())
    return "added_to"


def _joined(before: str, text: str, blank: bool) -> str:
    end = "" if not before or before.endswith("\n") else "\n"
    return f"{before}{end}" + ("\n" if blank and before else "") + text
