"""Options of a session, from command line, environment, ini, ``[tool.faeval]`` or default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from faeval import config as project
from faeval._options import OPTIONS, SWITCH, Option, arguments
from faeval.errors import FaevalError

KEY = pytest.StashKey["Options"]()

#: The options that pytest has; paths of claims are arguments of pytest itself, and an ini option.
ROWS = tuple(row for row in OPTIONS.values() if row.pytest and row.name != "claims")


@dataclass(frozen=True)
class Options:
    """What holds for a session.

    ``claims_named`` says whether the claims' paths were given or are the default; ``asked`` has the
    paths that the command line names; ``values`` those of the other options by name.
    """

    claims: tuple[Path, ...]
    claims_named: bool
    asked: tuple[Path, ...]
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def arguments(self) -> dict[str, Any]:
        """Return the options as keywords of ``fe.verify``."""
        return arguments(self.values)


def add(parser: pytest.Parser) -> None:
    """Declare options and ini options."""
    group = parser.getgroup("faeval", "research claims (faeval)")
    text = "files and folders of claims (default: claims)"
    parser.addini("faeval_claims", text, type="paths", default=None)
    for row in ROWS:
        default = row.shown or ("" if row.default in (None, False) else str(row.default))
        text = f"{row.help.rstrip('.')} (default: {default})" if default else row.help
        text = text.replace("%", "%%")  # argparse would format it
        how: dict[str, Any] = {"metavar": row.kind.metavar}
        if row.kind is SWITCH:
            how = {"action": "store_true", "default": None}
        group.addoption(_flag(row), dest=f"faeval_{row.name}", help=text, **how)
        kind: Any = "bool" if row.kind is SWITCH else "string"
        parser.addini(f"faeval_{row.name}", text, type=kind, default=None)


def _flag(row: Option) -> str:
    return f"--faeval-{row.flag[2:]}"


def resolve(config: pytest.Config) -> Options:
    """Return what holds for a session; raise UsageError for what cannot be."""
    try:
        return _resolve(config)
    except FaevalError as error:
        raise pytest.UsageError(str(error)) from None


def _resolve(config: pytest.Config) -> Options:
    defaults = project.find(config.rootpath)
    root, here = config.rootpath, config.invocation_params.dir
    paths = config.getini("faeval_claims") or defaults.values.get("claims")
    for path in paths or ():
        if not (root / path).exists():
            raise FaevalError(
                f"faeval_claims: {path}: no such file or folder of claims; name an existing one."
            )
    # Without an ini file pytest's root is where it was called, which may be the folder of claims
    # itself.
    inside = (here,) if here.name == "claims" and config.inipath is None else ()
    folders = paths or (*defaults.of(OPTIONS["claims"], root), *inside)
    return Options(
        claims=tuple(_full(root / path) for path in folders),
        claims_named=bool(paths),
        asked=tuple(_full(here / text.partition("::")[0]) for text in config.args),
        values={row.name: _value(row, config, defaults) for row in ROWS},
    )


def _value(row: Option, config: pytest.Config, defaults: project.Defaults) -> Any:
    name, here = f"faeval_{row.name}", config.invocation_params.dir
    base = config.inipath.parent if config.inipath else config.rootpath
    try:
        ini = config.getini(name)
    except (TypeError, ValueError) as error:  # pytest's own reading of a truth value
        raise FaevalError(f"ini option {name}: {error}; it is {row.kind.wanted}.") from None
    places = (
        (config.getoption(name), _flag(row), here),
        (os.environ.get(row.environment or ""), str(row.environment), here),
        (ini, f"ini option {name}", base),
    )
    for value, where, folder in places:
        if value is not None and value != "":
            return (row.parse if isinstance(value, str) else row.check)(value, where, folder)
    return defaults.of(row, config.rootpath)


def _full(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
