"""Lets a claims file import the modules beside it, here, in workers and in processes of a run."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import hashlib
import importlib
import os
import secrets
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from faeval._isolation import same_folder

_SYSTEM = tuple(
    os.path.join(path, "")  # noqa: PTH118
    for path in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
)
_INSTALLED = ("site-packages", "dist-packages")
_OURS = __name__.partition(".")[0]
_PROCESS = secrets.token_hex(8)  # that of a forked child is its parent's, and so are its modules


@dataclass
class _Folder:
    """What was loaded of a folder of claims, and the state that its files left behind."""

    modules: dict[str, ModuleType] = field(default_factory=dict)
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    directory: str | None = None


_FOLDERS: dict[Path, _Folder] = {}


@dataclass(frozen=True)
class Carried:
    """What a worker needs to import as the campaign's process does: folders, and sources."""

    process: str
    folder: str | None
    path: tuple[str, ...]
    sources: Mapping[str, tuple[str, bytes]]

    @functools.cached_property
    def digest(self) -> str:
        """A digest of all of it."""
        digest = hashlib.sha256(repr((self.folder, self.path)).encode())
        for name, (file, text) in sorted(self.sources.items()):
            digest.update(f"{name}\0{file}\0{len(text)}\0".encode(errors="surrogateescape") + text)
        return digest.hexdigest()


class _FromSource(SourceFileLoader):
    """Reads a module from its source, or one that was sent.

    Never from bytecode: that of a file that changed within a second of time, and not in length,
    would pass for its own.
    """

    def __init__(self, name: str, path: str, text: bytes | None = None) -> None:
        super().__init__(name, path)
        self.text = text
        self.stamp = _stamp(path)

    def path_stats(self, path: Any) -> Mapping[str, Any]:
        raise OSError

    def get_data(self, path: Any) -> bytes:
        return super().get_data(path) if self.text is None else self.text


class _Finder:
    """Finds modules of one folder of claims first, except by names that Python or a package has."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.carried: Carried | None = None

    def find_spec(
        self, name: str, path: Iterable[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        if self.carried is not None and name in self.carried.sources:
            file, text = self.carried.sources[name]
            inside = [str(Path(file).parent)] if Path(file).name == "__init__.py" else None
            loader = _FromSource(name, file, text)
            return spec_from_file_location(
                name, file, loader=loader, submodule_search_locations=inside
            )
        if self.folder is None or (path is None and installed(name)):
            return None
        within = (
            [self.folder]
            if path is None
            else [p for p in path if Path(p).is_relative_to(self.folder)]
        )
        spec = PathFinder.find_spec(name, within) if within else None
        # a folder that is no package is left to others
        if spec is None or spec.origin is None or installed_at(spec.origin):
            return None
        if type(spec.loader) is SourceFileLoader:
            spec.loader = _FromSource(name, spec.origin)
            spec.cached = None
        return spec


_FINDER = _Finder()


def installed(name: str) -> bool:
    """Whether a name is a module of Python, of an installed package, or the program itself."""
    if name in sys.stdlib_module_names or name in (_OURS, "__main__", "__mp_main__"):
        return True
    homes = [path for path in sys.path if Path(path).name in _INSTALLED]
    spec = PathFinder.find_spec(name, homes)
    return spec is not None and spec.origin is not None


def installed_at(file: str) -> bool:
    """Whether a file is Python's or that of an installed package."""
    return file.startswith(_SYSTEM) or bool({*_INSTALLED} & {*Path(file).parts})


@contextlib.contextmanager
def within(folder: Path | None, *, running: bool = False) -> Iterator[None]:
    """Import modules from a folder of claims, for a while.

    What has such a name and lies elsewhere gets it back. ``running``: in the working directory that
    its files went to.
    """
    if folder is None:
        yield
        return
    state = _FOLDERS.setdefault(folder, _Folder())
    strangers = _strangers(folder)
    for name in strangers:
        del sys.modules[name]
    sys.modules.update(state.modules)
    before, _FINDER.folder = _FINDER.folder, str(folder)
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    path = str(folder)
    added = path not in sys.path
    if added:  # at the end: in processes that are started nothing guards the names of others
        sys.path.append(path)
    if running and state.directory is not None:
        os.chdir(state.directory)
    try:
        yield
    finally:
        _FINDER.folder = before
        if added and path in sys.path:
            sys.path.remove(path)
        sys.modules.update(strangers)


def _strangers(folder: Path) -> dict[str, ModuleType]:
    """Return modules of elsewhere, with their submodules, that have the name of one in a folder."""
    strangers: dict[str, ModuleType] = {}
    for entry in folder.iterdir() if folder.is_dir() else ():
        is_module = entry.suffix == ".py" or (entry / "__init__.py").is_file()
        stem = entry.stem if entry.suffix == ".py" else entry.name
        if not is_module or stem not in sys.modules or installed(stem):
            continue
        file = _file_of(sys.modules[stem])
        if file is not None and Path(file).resolve().is_relative_to(folder):
            continue
        names = [name for name in sys.modules if f"{name}.".startswith(f"{stem}.")]
        strangers |= {name: sys.modules[name] for name in names}
    return strangers


def keep(folder: Path) -> None:
    """Note what was loaded of a folder; called within it."""
    state, start = _FOLDERS[folder], os.path.join(folder, "")  # noqa: PTH118
    for name, module in list(sys.modules.items()):
        file = _file_of(module)
        if (
            file is not None
            and file.startswith(start)
            and not installed_at(file)
            and name != "__main__"
        ):
            state.modules[name] = module
            state.seen.setdefault(name, _stamp(file))


def renew(folder: Path, names: Iterable[str]) -> None:
    """Forget modules of a folder that are to be loaded anew; all, where one has changed on disk."""
    importlib.invalidate_caches()
    state, start = _FOLDERS.setdefault(folder, _Folder()), os.path.join(folder, "")  # noqa: PTH118
    own = {
        name: file
        for name, m in list(sys.modules.items())
        if (file := _file_of(m)) and file.startswith(start)
    }
    changed = any(
        stamp != _stamp(_file_of(state.modules[name])) for name, stamp in state.seen.items()
    )
    changed = changed or any(map(_stale, map(sys.modules.get, own)))
    modules = {
        name
        for name, file in {**own, **state.seen}.items()
        if name != "__main__" and not installed_at(str(file))
    }
    for name in modules if changed else {*names}:
        state.modules.pop(name, None)
        state.seen.pop(name, None)
        if name in own:
            del sys.modules[name]
    if changed:
        end_children()


def _stale(module: ModuleType | None) -> bool:
    """Whether a module was read from a file that has changed since."""
    loader = _loader_of(module)
    return (
        isinstance(loader, _FromSource)
        and loader.text is None
        and loader.stamp != _stamp(loader.path)
    )


def _loader_of(module: ModuleType | None) -> object:
    return getattr(getattr(module, "__spec__", None), "loader", None)


def context_of(folder: Path | None) -> contextvars.Context:
    """Return the context that a folder's files left, such as NumPy's error state; else this one."""
    state = _FOLDERS.get(folder) if folder is not None else None
    return state.context.copy() if state else contextvars.copy_context()


@contextlib.contextmanager
def leaving(folder: Path) -> Iterator[contextvars.Context]:
    """Give the context to load a file of a folder in; note how the file leaves it."""
    state = _FOLDERS[folder]
    state.context = state.context.copy()
    with same_folder():
        before = Path.cwd()
        yield state.context
        if Path.cwd() != before:
            state.directory = str(Path.cwd())


def home(functions: Iterable[Callable[..., Any] | str]) -> Path | None:
    """Return the folder of claims that functions come from, or None."""
    for function in functions:
        function = getattr(function, "func", function)  # of a partial
        module = (
            function.partition(":")[0]
            if isinstance(function, str)
            else getattr(function, "__module__", None)
        )
        own = getattr(function, "__globals__", None) or getattr(
            sys.modules.get(module or ""), "__dict__", {}
        )
        file = own.get("__file__")
        if isinstance(file, str):
            folder = next((f for f in Path(file).resolve().parents if f in _FOLDERS), None)
            if folder is not None:
                return folder
    return None


def carried(folder: Path | None) -> Carried:
    """Return what workers need for runs of a folder; called within it."""
    start = os.path.abspath  # resolve() would follow links
    path = (start(p) for p in ([str(folder)] if folder else []) + sys.path)
    own = tuple(
        dict.fromkeys(
            p
            for p in path
            if not installed_at(p) and os.path.join(p, "") not in _SYSTEM  # noqa: PTH118
        )
    )
    sources: dict[str, tuple[str, bytes]] = {}
    for name in sorted(sys.modules):  # packages come before what is in them
        file = _file_of(sys.modules[name])
        if file is None or not _is_own(name, file, sources):
            continue
        with contextlib.suppress(OSError):
            sources[name] = (start(file), Path(file).read_bytes())
    return Carried(_PROCESS, str(folder) if folder else None, own, sources)


def _is_own(name: str, file: str, sources: Mapping[str, Any]) -> bool:
    parent, _, last = name.rpartition(".")
    stem = Path(file).parent.name if Path(file).name == "__init__.py" else Path(file).stem
    if (
        not file.endswith(".py")
        or stem != last
        or installed_at(file)
        or (parent and parent not in sources)
    ):
        return False
    return name.partition(".")[0] not in (_OURS, "__main__", "__mp_main__")


def install(sent: Carried) -> None:
    """Import in this worker as the campaign's process does; an earlier state is forgotten."""
    if sent.process == _PROCESS:  # no other process, but a thread, or a child that has all of it
        return
    before = _FINDER.carried
    own = {
        name: module
        for name, module in list(sys.modules.items())
        if isinstance(_loader_of(module), _FromSource)
    }
    if before is None or before.digest != sent.digest or any(map(_stale, own.values())):
        for name in {*own, *sent.sources}:
            sys.modules.pop(name, None)
        if before is not None:
            end_children()
        _FINDER.carried, _FINDER.folder = sent, sent.folder
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    sys.path += [path for path in sent.path if path not in sys.path]


def end_children() -> None:
    """End the processes that joblib keeps for its next call: they hold the old code."""
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    executor = getattr(loky, "_executor", None)
    if executor is not None:
        with contextlib.suppress(Exception):
            executor.shutdown(wait=True, kill_workers=True)


def _file_of(module: object) -> str | None:
    file = getattr(module, "__dict__", {}).get("__file__")
    return file if isinstance(file, str) else None


def _stamp(file: str | None) -> tuple[int, int]:
    try:
        status = Path(file or "").stat()
    except OSError:
        return (0, 0)
    return status.st_mtime_ns, status.st_size
