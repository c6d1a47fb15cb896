"""Which files are claims; collecting touches no other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from faeval.pytest_plugin._options import KEY

_HOMES = pytest.StashKey[dict[Path, bool]]()


def is_claims_file(path: Path, config: pytest.Config) -> bool:
    """Return whether a file is read as claims, by its folder or because it is named.

    Nothing else is ever touched. Files with a leading underscore and conftest.py are not claims; a
    file named as tests are is one only where it defines claims, and so is one that the command line
    names outside of those folders. Where the folder is not named but the default, ``claims``, it
    must speak of faeval.
    """
    options = config.stash[KEY]
    if path.suffix != ".py" or path.name.startswith("_") or path.name == "conftest.py":
        return False
    as_test = path.name.startswith("test_") or path.stem.endswith("_test")
    if path not in options.claims and path.parent not in options.claims:
        return path in options.asked and not as_test and _defines_claims(path, by_function=True)
    if as_test:
        return _defines_claims(path)
    return options.claims_named or _speaks_of_faeval(path.parent, config)


def claims_files(folder: Path, config: pytest.Config) -> list[Path]:
    """Return all claims files of a folder, in order of name."""
    return [path for path in sorted(folder.glob("*.py")) if is_claims_file(path, config)]


def _speaks_of_faeval(folder: Path, config: pytest.Config) -> bool:
    answers = config.stash.setdefault(_HOMES, {})
    if folder not in answers:
        answers[folder] = any(
            b"faeval" in file.read_bytes() for file in folder.glob("*.py") if file.is_file()
        )
    return answers[folder]


def _defines_claims(path: Path, *, by_function: bool = False) -> bool:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False  # pytest says so, of the test module that it is
    values = (node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
    calls = (
        value.func
        for value in (ast.walk(tree) if by_function else values)
        if isinstance(value, ast.Call)
    )
    return any(getattr(func, "attr", getattr(func, "id", "")) == "Claim" for func in calls)
