"""What a session was told: command line, then environment, then pytest's ini, then [tool.faeval],
then the default.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from faeval import config as project
from faeval.errors import FaevalError

KEY = pytest.StashKey["Options"]()

#: Options that have a value: name, type of the ini option, what it is for.
VALUES: tuple[tuple[str, Any, str], ...] = (
    ("setting", "string", "setting to verify claims in, in place of what each claims file brings"),
    ("seeds", "string", "N: the first N seeds of each plan; or a list such as 42,123,456"),
    (
        "store",
        "string",
        "where runs are kept and found again (default: .faeval in the root folder)",
    ),
    ("workers", "string", "worker processes (default: one for each CPU)"),
    ("data", "string", "folder of the data set"),
    ("device", "string", "cpu or cuda (default: cpu)"),
    ("backend", "string", "loky, or dask or ray for a cluster that runs already (default: loky)"),
    (
        "evidence",
        "string",
        "decide from this CSV, Parquet file or report folder alone; trains nothing",
    ),
)
#: Options that are on or off.
FLAGS: tuple[tuple[str, str], ...] = (
    ("strict", "fail where a decision was expected and the claim is open, instead of skipping"),
    ("offline", "train nothing: decide from what the store holds"),
    ("all", "also verify claims tagged 'extended'"),
)
_FROM_ENVIRONMENT = ("setting", "store", "workers", "data", "device", "backend")


@dataclass(frozen=True)
class Options:
    """What holds for a session.

    ``claims_named`` says whether the claims' paths were given or are the default; ``asked`` has the
    paths that the command line names.
    """

    claims: tuple[Path, ...]
    claims_named: bool
    asked: tuple[Path, ...]
    setting: str | None
    seeds: int | tuple[int, ...] | None
    store: Path
    workers: int | None
    data: Path | None
    device: str
    backend: str
    evidence: Path | None
    strict: bool
    offline: bool
    all: bool


def add(parser: pytest.Parser) -> None:
    """Declare options and ini options."""
    group = parser.getgroup("faeval", "research claims (faeval)")
    parser.addini(
        "faeval_claims", "files and folders of claims (default: claims)", type="paths", default=None
    )
    for name, kind, text in VALUES:
        group.addoption(f"--faeval-{name}", dest=f"faeval_{name}", metavar=name.upper(), help=text)
        parser.addini(f"faeval_{name}", text, type=kind, default=None)
    for name, text in FLAGS:
        group.addoption(
            f"--faeval-{name}", dest=f"faeval_{name}", action="store_true", default=None, help=text
        )
        parser.addini(f"faeval_{name}", text, type="bool", default=None)


def resolve(config: pytest.Config) -> Options:
    """Return what holds for a session; raise UsageError for what cannot be."""
    try:
        return _resolve(config)
    except FaevalError as error:
        raise pytest.UsageError(str(error)) from None


def _resolve(config: pytest.Config) -> Options:
    defaults = project.find(config.rootpath)
    root, here = config.rootpath, config.invocation_params.dir
    base = config.inipath.parent if config.inipath else root

    def value(name: str, read: Callable[[str, str], Any], path: bool = False) -> Any:
        given = (
            config.getoption(f"faeval_{name}"),
            os.environ.get(f"FAEVAL_{name.upper()}"),
            config.getini(f"faeval_{name}"),
        )
        shown = f"--faeval-{name}", f"FAEVAL_{name.upper()}", f"ini option faeval_{name}"
        folders = here, here, base
        for text, where, folder in zip(given, shown, folders, strict=True):
            if text and (where[0] != "F" or name in _FROM_ENVIRONMENT):
                return folder / Path(text).expanduser() if path else read(text, where)
        return defaults.values.get(name)

    def flag(name: str) -> bool:
        for given in (config.getoption(f"faeval_{name}"), config.getini(f"faeval_{name}")):
            if given is not None:
                return bool(given)
        return bool(defaults.values.get(name, False))

    claims = config.getini("faeval_claims") or defaults.values.get("claims")
    for path in claims or ():
        if not (root / path).exists():
            raise FaevalError(
                f"faeval_claims: {path}: no such file or folder of claims; name an existing one."
            )
    evidence = value("evidence", _text, path=True)
    if evidence is not None and not evidence.exists():
        raise FaevalError(
            f"--faeval-evidence {evidence}: no such file or folder; name a CSV, Parquet file or"
            " report folder."
        )
    # Without an ini file pytest's root is where it was called, which may be the folder of claims
    # itself.
    inside = (here,) if here.name == "claims" and config.inipath is None else ()
    folders = claims or (*(defaults.claims or ("claims",)), *inside)
    return Options(
        claims=tuple(_full(root / path) for path in folders),
        claims_named=bool(claims),
        asked=tuple(_full(here / text.partition("::")[0]) for text in config.args),
        setting=value("setting", _text),
        seeds=value("seeds", project.seeds_of),
        store=value("store", _text, path=True) or defaults.store or root / ".faeval",
        workers=value("workers", _workers),
        data=value("data", _text, path=True),
        device=value("device", _text) or "cpu",
        backend=value("backend", _text) or "loky",
        evidence=evidence,
        strict=flag("strict"),
        offline=flag("offline"),
        all=flag("all"),
    )


def _full(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def _text(text: str, _: str) -> str:
    return text


def _workers(text: str, where: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise FaevalError(f"{where} {text!r} must be a whole number of at least 1.")
    return int(text)
