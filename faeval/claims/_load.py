"""Claims files: Python modules whose module-level claims are collected by variable name."""

from __future__ import annotations

import ast
import importlib.util
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from faeval.claims._claim import Claim
from faeval.errors import ClaimsFileError, FaevalError
from faeval.experiment import Experiment


def load(paths: str | Path | Iterable[str | Path]) -> list[Claim]:
    """Return the claims of files and folders, in order of file name and of definition.

    Parameters
    ----------
    paths
        Python files, or folders whose ``*.py`` files are all read.

    Raises
    ------
    ClaimsFileError
        A path is missing, a file has an error, or two claims have one name; the message names file and line.
    """
    paths = [paths] if isinstance(paths, str | Path) else paths
    claims: list[Claim] = []
    loaded: dict[Path, list[Claim]] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise ClaimsFileError(f"{path}: no such file or folder of claims; name an existing one, such as claims/.")
        files = sorted(p for p in path.glob("*.py") if not p.name.startswith("_")) if path.is_dir() else [path]
        for file in files:
            if file.resolve() not in loaded:
                loaded[file.resolve()] = _load_file(file)
                claims += loaded[file.resolve()]
    twice = [name for name, count in Counter(c.id for c in claims).items() if count > 1]
    if twice:
        raise ClaimsFileError(f"claim {twice[0]!r} is defined by two files of one name; rename one of the files.")
    return claims


def _load_file(file: Path) -> list[Claim]:
    try:
        source = file.read_text(encoding="utf-8-sig")
        tree = ast.parse(source, filename=str(file))
        code = compile(tree, str(file), "exec")
    except SyntaxError as error:
        raise ClaimsFileError(f"{file}:{error.lineno}: {error.msg}; correct the file.") from None
    except (UnicodeDecodeError, ValueError) as error:
        raise ClaimsFileError(f"{file}: is no Python text ({error}); save it as UTF-8.") from None
    except OSError as error:
        raise ClaimsFileError(f"{file}: cannot be read ({error.strerror}).") from None
    lines = _assigned_once(tree, file)
    name = f"faeval_claims_{file.stem}_{abs(hash(str(file.resolve())))}"
    spec = importlib.util.spec_from_loader(name, loader=None, origin=str(file))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(file.resolve())
    sys.modules[name] = module
    # A claims file may import helpers that lie beside it.
    beside = str(file.resolve().parent)
    _forget_strangers(file.resolve().parent)
    sys.path.insert(0, beside)
    try:
        exec(code, module.__dict__)  # a claims file is code: README says so
    except (Exception, SystemExit) as error:
        line = _line_in(error, file)
        kind = "" if isinstance(error, FaevalError) else f"{type(error).__name__}: "
        raise ClaimsFileError(f"{file}:{line}: {kind}{error}") from error
    finally:
        sys.path.remove(beside)
    experiments = [v for v in vars(module).values() if isinstance(v, Experiment)]
    own = experiments[0] if len({e.name for e in experiments}) == 1 else None
    found: list[Claim] = []
    named: dict[int, Claim] = {}
    for variable, value in vars(module).items():
        if isinstance(value, Claim) and id(value) not in named and variable in lines:
            claim = value.named(
                id=f"{file.stem}::{variable}",
                family=value.family or file.stem,
                experiment=own,
                line=lines[variable],
                requires=tuple(named.get(id(g), g) for g in value.requires),
            )
            named[id(value)] = claim
            found.append(claim)
    return found


def _forget_strangers(folder: Path) -> None:
    # Two folders of claims may each have a helper of one name; the first one's must not serve the second's claims.
    for helper in folder.glob("*.py"):
        known = getattr(sys.modules.get(helper.stem), "__file__", None)
        if known and (home := Path(known).resolve().parent) != folder and str(home) not in sys.path:
            del sys.modules[helper.stem]


def _assigned_once(tree: ast.Module, file: Path) -> dict[str, int]:
    """Return the line of each name assigned at module level; a claim's name assigned twice would hide the first."""
    lines: dict[str, int] = {}
    claims: set[str] = set()
    for node, alone in _assignments(tree.body):
        value = node.value
        made = isinstance(value, ast.Call) and getattr(value.func, "attr", getattr(value.func, "id", "")) == "Claim"
        for target in _targets(node):
            if alone and target.id in lines and (made or target.id in claims):
                raise ClaimsFileError(
                    f"{file}:{node.lineno}: the name {target.id!r} stands for a claim and was given before, in line "
                    f"{lines[target.id]}; two claims of one name cannot be told apart, rename one."
                )
            lines[target.id] = node.lineno
            if made:
                claims.add(target.id)
    return lines


def _assignments(body: Iterable[ast.stmt], alone: bool = True) -> Iterator[tuple[ast.Assign | ast.AnnAssign, bool]]:
    """Yield the assignments of a module's level, and whether each is always carried out, once."""
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield node, alone
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            parts = [node, *getattr(node, "handlers", ()), *getattr(node, "cases", ())]
            for block in (getattr(part, name, []) for part in parts for name in ("body", "orelse", "finalbody")):
                yield from _assignments(block, alone=False)


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.Name]:
    given = node.targets if isinstance(node, ast.Assign) else [node.target]
    flat = [
        item for target in given for item in (target.elts if isinstance(target, ast.Tuple | ast.List) else [target])
    ]
    return [target for target in flat if isinstance(target, ast.Name)]


def _line_in(error: BaseException, file: Path) -> int:
    frames = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    return next((line for line in reversed(frames) if line is not None), 1)
