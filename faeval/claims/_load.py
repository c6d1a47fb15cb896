"""Claims files: Python modules whose module-level claims are collected by variable name."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from faeval import _sibling_modules
from faeval._isolation import spared_stdout
from faeval.claims._claim import Claim
from faeval.claims._design import Design, check_names
from faeval.claims._hints import in_one_line
from faeval.claims._syntax import names_given
from faeval.errors import ClaimsFileError, FaevalError
from faeval.experiment import Experiment, experiments


def load(paths: str | Path | Iterable[str | Path]) -> list[Claim]:
    """Return the claims of files and folders, in order of file name and of definition.

    Parameters
    ----------
    paths
        Python files, or folders whose ``*.py`` files are all read.

    Raises
    ------
    ClaimsFileError
        A path is missing, a file has an error, two claims have one name, a claim would be lost, or
        names what the file's experiment does not have; the message names file and line.
    """
    paths = [paths] if isinstance(paths, str | Path) else paths
    places: dict[int, str] = {}
    claims: list[Claim] = []
    files = _files(paths)
    for folder in {file.parent for file in files}:
        _sibling_modules.renew(folder, [file.stem for file in files if file.parent == folder])
    for full, file in files.items():
        of_file = _load_file(file, full)
        places.update((id(c), f"{file}:{c.line}" if c.line else str(file)) for c in of_file)
        claims += of_file
    twice = [name for name, count in Counter(c.id for c in claims).items() if count > 1]
    if twice:
        raise ClaimsFileError(
            f"claim {twice[0]!r} is defined by two files of one name; rename one of the files."
        )
    _check_families(claims, places)
    return _joined(claims)


def _files(paths: Iterable[str | Path]) -> dict[Path, Path]:
    """Return each file that paths name, as it was named, by its full path."""
    files: dict[Path, Path] = {}
    for name in paths:
        path = Path(name)
        if (
            not str(name) or not path.exists()
        ):  # the path of no characters is not the working directory
            raise ClaimsFileError(
                f"{str(name) or repr(name)}: no such file or folder of claims; name an existing"
                " one, such as claims/."
            )
        own = (
            sorted(p for p in path.glob("*.py") if not p.name.startswith("_"))
            if path.is_dir()
            else [path]
        )
        for file in own:
            files.setdefault(file.resolve(), file)
    return files


def _check_families(claims: Iterable[Claim], places: Mapping[int, str]) -> None:
    first: dict[str | None, Claim] = {}
    for claim in claims:
        other = first.setdefault(claim.family, claim)
        if claim.alpha != other.alpha:
            raise ClaimsFileError(
                f"{places[id(claim)]}: claim {claim.id!r} declares alpha={claim.alpha}, and"
                f" {other.id!r} of the same family {claim.family!r} alpha={other.alpha}; the error"
                " rate belongs to the family, give all of them one."
            )


def _joined(claims: list[Claim]) -> list[Claim]:
    """Return the claims with each gate that is among them as the very object that it is there."""
    by_id, copies = {c.id: c for c in claims}, dict[str, Claim]()

    def settled(claim: Claim) -> Claim:
        if not claim.requires or not claim.id:
            return claim
        if claim.id not in copies:
            copies[claim.id] = claim.named(
                requires=tuple(settled(by_id.get(g.id, g)) for g in claim.requires)
            )
        return copies[claim.id]

    return [settled(c) for c in claims]


def _load_file(file: Path, full: Path) -> list[Claim]:
    try:
        tree = ast.parse(full.read_text(encoding="utf-8-sig"), filename=str(file))
        code = compile(tree, str(full), "exec", dont_inherit=True)  # of our own annotations
    except SyntaxError as error:
        raise ClaimsFileError(f"{file}:{error.lineno}: {error.msg}; correct the file.") from None
    except (UnicodeDecodeError, ValueError) as error:
        raise ClaimsFileError(f"{file}: is no Python text ({error}); save it as UTF-8.") from None
    except OSError as error:
        raise ClaimsFileError(f"{file}: cannot be read ({error.strerror}).") from None
    _check_module_names(tree, file, full)
    lines = names_given(tree, file)
    with _sibling_modules.within(full.parent):
        module = sys.modules.get(full.stem)
        try:
            if getattr(module, "__file__", None) != str(
                full
            ):  # else another file of this call has imported it
                module = _execute(code, full)
            assert module is not None
            own = _own_experiment(module, lines, file)
        except (KeyboardInterrupt, ClaimsFileError):
            raise
        except BaseException as error:
            raise ClaimsFileError(
                f"{file}:{_line_in(error, full)}: {in_one_line(error)}"
            ) from error
        finally:
            _sibling_modules.keep(full.parent)
    return _claims_of(module, lines, file, own)


def _execute(code: CodeType, full: Path) -> ModuleType:
    """Run a claims file as a module of its plain name.

    Processes that its experiment starts find it by that name.
    """
    spec = importlib.util.spec_from_loader(full.stem, loader=None, origin=str(full))
    assert spec is not None
    module = sys.modules[full.stem] = importlib.util.module_from_spec(spec)
    module.__file__ = str(full)
    with (
        spared_stdout(),
        warnings.catch_warnings(),
        _sibling_modules.leaving(full.parent) as context,
    ):
        context.run(exec, code, module.__dict__)  # a claims file is code: README says so
    return module


def _check_module_names(tree: ast.Module, file: Path, full: Path) -> None:
    """Raise ClaimsFileError where a file would hide a module of everyone's, or be hidden by it."""
    if _sibling_modules.installed(full.stem):
        raise ClaimsFileError(
            f"{file}: {full.stem!r} is the name of a module of Python or of an installed package,"
            " which the file would hide from whatever imports it; rename the file."
        )
    for line, name in _imports(tree):
        sibling = next(
            (p for p in (f"{name}.py", f"{name}/__init__.py") if (full.parent / p).is_file()), None
        )
        if sibling and _sibling_modules.installed(name):
            raise ClaimsFileError(
                f"{file}:{line}: import {name}: both {sibling} beside the file and a module of"
                " Python or of an installed package have this name; rename the one beside it."
            )


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the top-level module of each import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, (node.module or "").partition(".")[0]


def _claims_of(
    module: ModuleType, lines: Mapping[str, int], file: Path, own: Experiment | None
) -> list[Claim]:
    elsewhere = Elsewhere(module)
    claims: dict[int, Claim] = {}
    gates: dict[int, Claim] = {}  # of other files, or made in place, without a name

    def gate(given: Claim) -> Claim:
        if id(given) in claims or given.id:
            return claims.get(id(given), given)
        if id(given) not in gates:
            stem, _, variable = (elsewhere.home(given) or "").partition("::")
            name = {"id": f"{stem}::{variable}", "family": given.family or stem} if variable else {}
            gates[id(given)] = given.named(
                experiment=given.experiment or own,
                requires=tuple(map(gate, given.requires)),
                **name,
            )
        return gates[id(given)]

    for variable, value in vars(module).items():
        if (
            isinstance(value, Claim)
            and id(value) not in claims
            and (variable in lines or not elsewhere.home(value))
        ):
            claims[id(value)] = value.named(
                id=f"{file.stem}::{variable}",
                family=value.family or file.stem,
                experiment=value.experiment or own,
                line=lines.get(variable),
                requires=tuple(map(gate, value.requires)),
            )
    for variable, claim in _in_collections(module, lines):
        if id(claim) not in claims and not elsewhere.home(claim):
            raise ClaimsFileError(
                f"{file}:{lines[variable]}: {variable!r} holds the claim {claim.sentence!r}, which"
                " has no name of its own, so it would not be verified; assign it to a variable."
            )
    for claim in claims.values():
        _check(claim, own, file)
    return list(claims.values())


def _in_collections(module: ModuleType, lines: Mapping[str, int]) -> Iterator[tuple[str, Claim]]:
    """Yield each claim in a list, tuple, set or dict of a file, with the name of that."""
    for variable, value in vars(module).items():
        if variable in lines and isinstance(value, list | tuple | set | frozenset | dict):
            items = value.values() if isinstance(value, dict) else value
            yield from ((variable, item) for item in items if isinstance(item, Claim))


def _check(claim: Claim, own: Experiment | None, file: Path) -> None:
    """Raise ClaimsFileError where a claim names what the file's experiment does not have."""
    if own is None:
        return
    where = f"{file}:{claim.line}" if claim.line else str(file)
    try:
        check_names(claim, Design(own))
    except FaevalError as error:
        raise ClaimsFileError(f"{where}: {error}") from None
    expected = claim.expect if isinstance(claim.expect, Mapping) else {}
    for argument, by_setting in (
        ("expect", expected),
        ("seeds", claim.seeds),
        ("looks", claim.looks),
    ):
        strange = set(by_setting) - {"*", own.name}
        if strange and (unknown := sorted(strange - set(settings := experiments()))):
            raise ClaimsFileError(
                f"{where}: claim {claim.id!r}: {argument} names the setting {unknown[0]!r}, which"
                f" is neither the file's experiment {own.name!r} nor a named one"
                f" ({', '.join(sorted(settings))})."
            )


def _own_experiment(module: ModuleType, lines: Mapping[str, int], file: Path) -> Experiment | None:
    """Return the experiment that a file brings, or None.

    Call it while the modules beside the file can be imported.
    """
    brought = {
        v.name: (variable, v) for variable, v in vars(module).items() if isinstance(v, Experiment)
    }
    if not brought:
        return None
    variable, own = next(iter(brought.values()))
    if len(brought) > 1:
        line = max(lines.get(v, 1) for v, _ in brought.values())
        raise ClaimsFileError(
            f"{file}:{line}: the file brings {len(brought)} experiments"
            f" ({', '.join(map(repr, brought))}), and its claims can be of one; give the others a"
            " file of their own."
        )
    return _with_function(own, file, lines.get(variable, 1))


def _with_function(own: Experiment, file: Path, line: int) -> Experiment:
    """Return the experiment with its function, where a path names it in a module beside the file.

    A worker could not import such a module; a function of it travels by value.
    """
    if not isinstance(own.run, str):
        return own
    name, _, function = own.run.partition(":")
    spec = importlib.util.find_spec(name.partition(".")[0])
    where = f"{file}:{line}: Experiment {own.name!r}: run={own.run!r}"
    if spec is None:
        raise ClaimsFileError(
            f"{where}: there is no module {name!r}; install it, or put it beside the file."
        )
    origin = Path(spec.origin).resolve() if spec.has_location and spec.origin else Path()
    if not origin.is_relative_to(file.resolve().parent):
        return own
    run = getattr(importlib.import_module(name), function, None)
    if run is None:
        raise ClaimsFileError(f"{where}: {name} has no {function!r}.")
    try:
        return replace(own, run=run, audits={})
    except FaevalError as error:
        raise ClaimsFileError(f"{file}:{line}: {error}") from None


class Elsewhere:
    """The claims that other modules made, collected when they are first needed.

    A file's own claims are those that no other module has.
    """

    def __init__(self, own: ModuleType) -> None:
        self._own = own

    def home(self, claim: Claim) -> str | None:
        """Return the id that a claim has in the module that made it, ``file::variable``.

        None where no other module has it.
        """
        return self._homes.get(id(claim))

    @cached_property
    def _homes(self) -> dict[int, str]:
        homes: dict[int, str] = {}
        for module in list(sys.modules.values()):
            content: dict[str, Any] = getattr(module, "__dict__", {})
            file = content.get("__file__")
            if isinstance(file, str) and module is not self._own:
                # isinstance would ask the object itself, and some answer with a warning.
                own = {
                    v: value for v, value in [*content.items()] if issubclass(type(value), Claim)
                }
                homes |= {id(value): f"{Path(file).stem}::{v}" for v, value in own.items()}
        return homes


def _line_in(error: BaseException, file: Path) -> int:
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((f.lineno for f in frames if f.filename == str(file) and f.lineno), 1)
