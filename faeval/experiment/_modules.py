"""Whose a module is: the user's, or one of an installed package or of the standard library.

Nothing is imported here.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_SITES = ("site-packages", "dist-packages")
_STANDARD = {Path(os.path.realpath(sysconfig.get_path(n))) for n in ("stdlib", "platstdlib")}
_FAEVAL = Path(os.path.realpath(__file__)).parents[1]
_OWN = (("faeval.claims._claim", "Claim"), ("faeval.experiment._experiment", "Experiment"))


@dataclass(frozen=True)
class Home:
    """Where a function or class comes from.

    ``label`` names its file without saying where that lies; ``folder`` is where its absolute
    imports look first, ``whole`` whether all of it counts, or only what is reached of it: of claims
    files, scripts and notebooks.
    """

    name: str
    label: str
    file: str | None
    folder: str
    users: bool
    whole: bool

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.label.endswith("/__init__.py") else self.name.rpartition(".")[0]


def home_of(content: Mapping[str, Any]) -> Home:
    """Return the home of functions with these globals."""
    name, file = content.get("__name__"), content.get("__file__")
    name = name if isinstance(name, str) else "__main__"
    if not isinstance(file, str):
        return Home(name, name, None, str(Path.cwd()), _fileless_is_users(name), False)
    here = is_users(file)
    only_reached = not here or name == "__main__" or any(map(_is_own, content.values()))
    return _home(name, file, here, not only_reached)


def _home(name: str, file: str, users: bool, whole: bool) -> Home:
    path = Path(os.path.realpath(file))
    if name == "__main__":
        name = path.stem
    package = path.stem == "__init__"
    label = f"{name.replace('.', '/')}/__init__.py" if package else path.name
    if "." in name and not package:
        label = f"{name.replace('.', '/')}{path.suffix}"
    above = path.parents[min(name.count(".") + package, len(path.parents) - 1)]
    return Home(name, label, str(path), str(above), users, whole)


def _is_own(value: Any) -> bool:
    return (type(value).__module__, type(value).__name__) in _OWN


def _fileless_is_users(name: str) -> bool:
    """Whether what has no file is the user's: a notebook's is.

    A module that a package made up is that package's.
    """
    top = name.partition(".")[0]
    if name == "__main__" or top not in sys.modules:
        return True
    file = getattr(sys.modules[top], "__file__", None)
    return top not in sys.stdlib_module_names and (not isinstance(file, str) or is_users(file))


@cache
def is_users(file: str) -> bool:
    """Whether a file is the user's.

    It is not installed, not of the standard library, and not faeval's.
    """
    path = Path(os.path.realpath(file))
    if file.startswith("<") or path.is_relative_to(_FAEVAL):
        return False
    site = next((folder for folder in path.parents if folder.name in _SITES), None)
    if site is not None:
        return path.relative_to(site).parts[0].partition(".")[0] in _by_path(site)
    return not any(map(path.is_relative_to, _STANDARD))


@cache
def _by_path(site: Path) -> frozenset[str]:
    """Return the packages that were installed from a folder of this machine.

    Their version says nothing of them.
    """
    names: set[str] = set()
    for record_file in site.glob("*.dist-info/direct_url.json"):
        try:
            content = json.loads(record_file.read_text(encoding="utf-8"))
            record = record_file.with_name("RECORD").read_text(encoding="utf-8")
            url = urlsplit(content["url"])
            if "dir_info" in content and url.scheme == "file" and Path(unquote(url.path)).is_dir():
                names |= {line.partition("/")[0].partition(".")[0] for line in record.splitlines()}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return frozenset(names) - {""}


def find(name: str, folder: str) -> Iterator[Home]:
    """Yield the user's modules that importing a name from a file of this folder loads.

    Packages first, then itself.
    """
    for part, spec in _specs(name, folder):
        if spec.origin and spec.has_location:
            if not is_users(spec.origin):
                return
            yield _home(part, spec.origin, True, True)


def starting(prefix: str, folder: str) -> Iterator[str]:
    """Yield the names of modules that start with a text.

    In the package of the user's, or the folder, that it begins with.
    """
    package, _, first = prefix.rpartition(".")
    above = list(_specs(package, folder))
    where = [folder] if first and not package else []
    if above and above[-1][0] == package:
        where = list(above[-1][1].submodule_search_locations or ())
    for place in map(Path, where):
        for path in sorted(place.rglob("*.py") if package else place.glob("*.py")):
            parts = path.relative_to(place).with_suffix("").parts
            name = ".".join(part for part in (package, *parts) if part and part != "__init__")
            if name.startswith(prefix) and is_users(str(path)):
                yield name


def _specs(name: str, folder: str) -> Iterator[tuple[str, ModuleSpec]]:
    """Yield the specs of the packages above a name, then its own, as far as they are found."""
    if name.partition(".")[0] in sys.stdlib_module_names:
        return
    parts = name.split(".")
    where: list[str] | None = [folder, *sys.path]
    for end in range(1, len(parts) + 1):
        spec = _spec(".".join(parts[:end]), where, top=end == 1)
        if spec is None:
            return
        yield ".".join(parts[:end]), spec
        where = list(spec.submodule_search_locations or ())


def _spec(name: str, where: list[str] | None, *, top: bool) -> ModuleSpec | None:
    spec = PathFinder.find_spec(name, where)
    # An editable package may be found by a finder of its own.
    for finder in sys.meta_path if spec is None and top else ():
        kind = getattr(finder, "__name__", type(finder).__name__)
        if spec is None and ("Editable" in kind or "Redirect" in kind):
            spec = finder.find_spec(name, None, None)
    return spec
