"""faeval init: a project with a claim that works at once; no file is changed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit, urlunsplit

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
        requirement = faeval_requirement()
        outcomes = _scaffold(folder, ci, requirement.line, example, is_asked=source is not None)
        for name, what in outcomes:
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
    if requirement.to_fill_in and "requirements.txt" in names_by_outcome["created"]:
        say(requirement.to_fill_in, err=True)
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


@dataclass(frozen=True)
class Requirement:
    """A line of requirements.txt that installs faeval, and what is to be filled in there."""

    line: str
    to_fill_in: str = ""


def faeval_requirement() -> Requirement:
    """Return what installs faeval from where it was installed here."""
    from faeval import __version__

    try:
        source = json.loads(metadata.distribution("faeval").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        source = {}
    return requirement_of(source if isinstance(source, dict) else {}, __version__)


def requirement_of(source: Mapping[str, Any], version: str) -> Requirement:
    """Return the requirement that a direct_url.json stands for.

    It names no path of this machine: of a file or a folder it is for the user to say where another
    machine finds it.
    """
    url, of_git = source.get("url"), source.get("vcs_info")
    if not isinstance(url, str):  # from a registry
        return Requirement(f"faeval=={version}")
    if isinstance(of_git, dict) and not url.startswith("file:"):
        commit = of_git.get("commit_id", "")
        return Requirement(f"faeval @ {of_git.get('vcs', 'git')}+{_without_secrets(url)}@{commit}")
    if url.startswith(("https:", "http:")):
        return Requirement(f"faeval @ {_without_secrets(url)}")
    is_wheel = url.endswith(".whl")
    wheel = unquote(url.rpartition("/")[2]) if is_wheel else f"faeval-{version}-py3-none-any.whl"
    came = "a wheel" if is_wheel else "a folder"
    return Requirement(
        f"# faeval was installed from {came}. Put {wheel} beside this file, or name a git URL:\n"
        f"# faeval @ git+URL@COMMIT\n./{wheel}",
        f"faeval was installed from {came}: put {wheel} beside requirements.txt, or name a git URL"
        " there (faeval @ git+URL@COMMIT); until then the workflow cannot install it.",
    )


def _without_secrets(url: str) -> str:
    """Return a URL without the name and password that it may hold."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _scaffold(
    folder: Path, ci: bool, requirement: str, example: tuple[str, str], is_asked: bool
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
    more = {
        _WORKFLOW: template("claims.yml"),
        "requirements.txt": f"{requirement}\npytest\n",
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
