"""The digest of a user's code: all that a function reaches of it, by what it says, alike in any
process and folder.

What is reached becomes parts, each under the name that a reader knows it by: ``c.py:helper`` is a
function, class or constant of that file, ``helper.py`` a module that is imported, which counts as a
whole. Installed packages are not digested; their versions stand for them. What cannot be digested
is named.
"""

from __future__ import annotations

import abc
import ast
import builtins
import copyreg
import dis
import enum
import hashlib
import json
import linecache
import os
import re
import sys
import types
import warnings
import weakref
from collections import defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial, partialmethod
from importlib import invalidate_caches
from pathlib import Path, PurePath
from typing import Any

from faeval.experiment._modules import Home, find, home_of, starting
from faeval.experiment._syntax import (
    Import,
    Source,
    bound_in,
    changed_in,
    imports,
    mentioned,
    names_in,
    normal,
    own_in,
    parsed,
    picked,
    scalar,
    starts_with,
)

_SHORT = 12  # digits of a part's digest
_LONG = 80  # characters from which a text is named by its digest
#: Names by which code takes in what is no code, or code that cannot be followed, and what that is.
_OUTSIDE = {
    **dict.fromkeys(
        ("open", "read_text", "read_bytes", "fromfile", "loadtxt", "genfromtxt", "memmap"), "a file"
    ),
    **dict.fromkeys(("read_csv", "read_parquet", "read_json", "loadmat", "load_dataset"), "a file"),
    **dict.fromkeys(
        ("numpy.load", "torch.load", "joblib.load", "read_pickle", "read_excel", "urlopen"),
        "a file",
    ),
    **dict.fromkeys(("listdir", "scandir", "os.walk", "os.fwalk"), "files of a folder"),
    **dict.fromkeys(("glob", "iglob", "rglob", "iterdir"), "files of a folder"),
    **dict.fromkeys(("environ", "environb", "getenv", "getenvb", "expandvars"), "the environment"),
    **dict.fromkeys(("sys.argv", "sys.orig_argv"), "the command line"),
    **dict.fromkeys(("getcwd", "getcwdb", "pathlib.Path.cwd"), "the working directory"),
    **dict.fromkeys(
        ("subprocess", "check_output", "Popen", "popen", "os.system"), "another program"
    ),
    **dict.fromkeys(("CDLL", "cdll"), "a C library"),
    **dict.fromkeys(
        ("import_module", "__import__", "sys.modules", "run_path", "run_module"),
        "a module picked in a run",
    ),
    **dict.fromkeys(
        ("resolve_name", "iter_modules", "walk_packages", "pydoc.locate"),
        "a module picked in a run",
    ),
    **dict.fromkeys(("SourceFileLoader", "spec_from_file_location"), "a module picked in a run"),
    **dict.fromkeys(
        ("_getframe", "currentframe", "inspect.stack", "f_globals", "__globals__"),
        "code that is looked up",
    ),
    **dict.fromkeys(
        ("inspect.getmembers", "inspect.getmodule", "__subclasses__"), "code that is looked up"
    ),
}
#: Names by which code reaches any name of its module, so that all of the module counts.
_ANYTHING = frozenset({"eval", "exec", "globals", "vars"})
_FILE = re.compile(r"[^\n\0]{1,200}\.[A-Za-z0-9]{1,8}")
_DESCRIBED = frozenset({"__wrapped__", "__doc__"})
_BUILT_IN = (
    types.BuiltinFunctionType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
)
#: Modules whose objects give no numbers: what they hold, something else holds too.
_UNMEASURED = frozenset(
    {"weakref", "_weakref", "_weakrefset", "faeval.claims._claim", "faeval.claims._estimand"}
)
_FIELD = type(vars(namedtuple("_Pair", "a"))["a"])
_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType, _FIELD)


@dataclass(frozen=True)
class Code:
    """What a function reaches of the user's code: its digest, that of each part by name, and what
    is not digested.

    All three are empty where nothing of it is the user's.
    """

    sha256: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    undigested: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.sha256)


def code_of(call: Callable[..., Any] | str) -> Code:
    """Return the code that a function, class, or any other callable reaches, or the module of a
    path ``module:function``.

    A path is followed without importing it.
    """
    if isinstance(call, str) and call.startswith("faeval."):
        return Code()
    invalidate_caches()
    walk = _Walk()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some objects warn when they are asked for their state
        walk.begin(call)
    return walk.code()


class Codes:
    """The code of callables, each worked out once: what a run changes while it runs is no change of
    its code.
    """

    def __init__(self) -> None:
        self._known: dict[object, tuple[object, Code]] = {}

    def of(self, call: Callable[..., Any] | str) -> Code:
        """Return the code that a callable, or what stands at a path, reaches."""
        key = call if isinstance(call, str) else id(call)
        if key not in self._known:
            self._known[key] = call, code_of(call)  # kept, so that its id is no other's
        return self._known[key][1]


def joined(digests: Mapping[str, str]) -> str:
    """Return one digest for those of several names: itself, where there is one."""
    return (
        next(iter(digests.values()))
        if len(digests) == 1
        else _digest(json.dumps(sorted(digests.items())))
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _text(*items: object) -> str:
    text = f"({' '.join(map(str, items))})"
    return text if len(text) < _LONG else _digest(text)


class _Walk:
    """One walk over all that is reached: functions and classes from a queue, values by recursion."""

    def __init__(self) -> None:
        self.texts: dict[str, set[str]] = defaultdict(set)
        self.undigested: set[str] = set()
        self.queue: deque[Callable[[], None]] = deque()
        self.waiting: deque[tuple[str, dict[str, Any], str, Home]] = (
            deque()
        )  # names of values, bound last
        self.changed: set[tuple[int, str]] = (
            set()
        )  # names that a run changes, by their module's content
        self.seen: set[object] = set()
        self.kept: list[object] = []  # so that no id is another object's later
        self.done: dict[tuple[int, str], str] = {}
        self.open: dict[int, int] = {}
        self.homes: dict[int, Home] = {}
        self.found: dict[tuple[str, str], list[Home]] = {}  # by what is imported, from which folder
        self.first = ""
        self.home = Home("", "", None, str(Path.cwd()), False, False)
        self.label = ""

    def begin(self, call: Callable[..., Any] | str) -> None:
        if isinstance(call, str):
            for home in find(call.partition(":")[0], str(Path.cwd())):
                self.whole(home, blind=True)
        else:
            self.home = self.home_of(_content_of(call))
            token = self.whole_value(call)
            if self.first or not _named(call):
                self.texts[self.first or type(call).__qualname__].add(f"called {token}")
        while self.queue or self.waiting:
            if self.queue:
                self.queue.popleft()()
            else:  # whether something that is reached changes it is known now
                self.bind_value(*self.waiting.popleft())

    def code(self) -> Code:
        whole = {
            name: _digest("\n".join(sorted(texts))) for name, texts in sorted(self.texts.items())
        }
        if not whole:
            return Code()
        parts = {name: digest[:_SHORT] for name, digest in whole.items()}
        return Code(_digest(json.dumps(whole)), parts, tuple(sorted(self.undigested)))

    # Functions, classes and modules
    # -----------------------------------------------------------------------------------

    def home_of(self, content: dict[str, Any]) -> Home:
        if id(content) not in self.homes:
            self.kept.append(content)
            self.homes[id(content)] = home_of(content)
        return self.homes[id(content)]

    def new(self, what: object, key: object) -> bool:
        """Whether this is met for the first time."""
        if key in self.seen:
            return False
        self.kept.append(what)
        self.seen.add(key)
        return True

    def defined(self, label: str) -> str:
        self.first = self.first or label
        return label

    def function(self, function: types.FunctionType) -> str:
        home = self.home_of(function.__globals__)
        if home.users:
            label = self.defined(self.code_object(function.__code__, function.__globals__, home))
            own = {name: value for name, value in vars(function).items() if name not in _DESCRIBED}
            given = [
                function.__defaults__,
                function.__kwdefaults__,
                own,
                getattr(function, "__wrapped__", None),
            ]
        else:
            label, given = f"{function.__module__}:{function.__qualname__}", []
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        before, self.home = self.home, home if home.users else self.home
        try:
            state = (
                self.changed_around(function, home)
                if home.users and function.__closure__
                else set()
            )
            closed = [
                (n, f"(changed by {label})" if n in state else self.value(_content(c)))
                for n, c in cells
            ]
            return _text(
                "def", label, closed, *(self.value(value) if value else "-" for value in given)
            )
        finally:
            self.home = before

    def changed_around(self, function: types.FunctionType, home: Home) -> set[str]:
        """Return the names of a closure that its functions change, and take in what these start
        from.
        """
        source = _source(function.__code__.co_filename, function.__globals__, home)
        state: set[str] = set()
        for _, node in source.function(function.__code__) if source is not None else ():
            assert source is not None
            name, outermost = source.around(node)
            if own := changed_in(outermost) & {*function.__code__.co_freevars}:
                state |= own
                if self.new(outermost, ("around", id(outermost))):
                    self.texts[f"{home.label}:{name}"].add(source.text(outermost))
                    self.queue.append(
                        partial(self.reach_all, outermost, function.__globals__, home)
                    )
        return state

    def reach_all(self, node: ast.AST, content: dict[str, Any], home: Home) -> None:
        for name in sorted(names_in(node)):
            self.reach((name,), content, home)

    def code_object(self, code: types.CodeType, content: dict[str, Any], home: Home) -> str:
        source = _source(code.co_filename, content, home)
        found = source.function(code) if source is not None else []
        names = sorted({name for name, _ in found}) or [code.co_qualname]
        label = f"{home.label}:{names[0]}"
        if self.new(code, ("code", id(code))):
            self.queue.append(
                partial(self.read_function, label, code, content, home, source, found)
            )
        return label

    def read_function(
        self,
        label: str,
        code: types.CodeType,
        content: dict[str, Any],
        home: Home,
        source: Source | None,
        found: list[tuple[str, Any]],
    ) -> None:
        self.home, self.label = home, label
        if source is None or not found:
            self.undigested.add(f"{label} (its source is not there)")
            self.texts[label].add(_without_source(code))
        else:
            for _, node in found:
                self.texts[label].add(source.text(node))
                self.take(imports(node), home, blind=True)
                assert source is not None
                self.look(label, node, source, content, home)
                self.changed |= {(id(content), name) for name in changed_in(node)}
        self.around(content, home)
        for inner in _nested(code):
            for constant in inner.co_consts:
                if isinstance(constant, str):
                    self.spelt(constant)
        for chain in sorted(_chains(code)):
            self.reach(chain, content, home)

    def reach(self, chain: tuple[str, ...], content: dict[str, Any], home: Home) -> None:
        """Take in what a name stands for in a module; of a name in a module, what that stands for
        there.
        """
        name, *attributes = chain
        if name not in content:
            if name in _ANYTHING and hasattr(builtins, name):
                self.anything(name, home)
            return
        value, owner, within = content[name], home, content
        while attributes and isinstance(value, types.ModuleType) and attributes[0] in vars(value):
            inner = self.home_of(vars(value))
            if not inner.users:
                break
            self.around(vars(value), inner)
            owner, name, within = inner, attributes.pop(0), vars(value)
            value = within[name]
        if name.startswith("__") and name.endswith("__"):
            return
        label = f"{owner.label}:{name}"
        if isinstance(value, types.FunctionType | types.ModuleType | type) or not owner.users:
            self.bind(label, value, owner)
        elif self.new(within, ("name", id(within), name)):
            self.waiting.append((label, within, name, owner))

    def bind_value(self, label: str, content: dict[str, Any], name: str, home: Home) -> None:
        """Take in a value by what it is; one that a run changes, by the statements that it starts
        from.
        """
        source = _read(home.file or "") if (id(content), name) in self.changed else None
        statements = source.mentions(name) if source is not None else []
        if not statements:
            self.bind(label, content[name], home)
        for statement in statements:
            self.texts[label].add(normal(statement))
            self.reach_all(statement, content, home)

    def bind(self, label: str, value: object, home: Home) -> None:
        self.home, self.label = home, label
        token = self.whole_value(_held(value))
        if token != f"(module {label.partition(':')[0]})":
            self.texts[label].add(f"is {token}")

    def whole_value(self, value: object) -> str:
        try:
            return self.value(value)
        except RecursionError:
            self.open.clear()
            return self.opaque(value, "nested too deeply")

    def class_(self, cls: type) -> str:
        home = self.home_of(_content_of_class(cls))
        if not home.users:
            return _text("class", f"{cls.__module__}:{cls.__qualname__}")
        label = self.defined(f"{home.label}:{cls.__qualname__}")
        if self.new(cls, ("class", id(cls))):
            self.queue.append(partial(self.read_class, label, cls, home))
        return _text("class", label)

    def read_class(self, label: str, cls: type, home: Home) -> None:
        content = vars(cls)
        functions = [f for f in map(_function_in, content.values()) if f is not None]
        lines = [f.__code__.co_firstlineno for f in functions if f.__module__ == cls.__module__]
        source = _source(home.file or _file_of(functions), _content_of_class(cls), home)
        nodes = source.classes(cls.__qualname__, lines) if source is not None else []
        self.home, self.label = home, label
        for node in nodes:
            assert source is not None
            self.texts[label].add(source.text(node))
            self.take(imports(node), home, blind=True)
        known = bool(nodes) or hasattr(cls, "_fields") or issubclass(cls, enum.Enum)
        if not known:
            self.undigested.add(f"{label} (its source is not there)")
        self.around(_content_of_class(cls), home)
        kinds = [*cls.__bases__, *([] if type(cls) is type else [type(cls)])]
        self.texts[label].add(_text("of", *map(self.whole_value, kinds)))
        for name, value in sorted(content.items()):
            if self.stands_in(cls, name, value) and not (known and _is_generated(value)):
                self.bind(f"{label}.{name}", value, home)
        if (registry := vars(abc).get("_get_dump")) is not None and isinstance(cls, abc.ABCMeta):
            held = [one() for one in registry(cls)[0]]
            self.texts[label].add(
                _text(
                    "registered", *sorted(self.whole_value(one) for one in held if one is not None)
                )
            )
        if issubclass(cls, enum.Enum):
            self.bind(label, [(name, one._value_) for name, one in cls.__members__.items()], home)
        for name, one in sorted(content.get("__dataclass_fields__", {}).items()):
            self.bind(f"{label}.{name}", (one.default, one.default_factory), home)

    def stands_in(self, cls: type, name: str, value: object) -> bool:
        """Whether an attribute is what stands in a class, not what Python and its libraries make of
        it.
        """
        function = _function_in(value)
        users = function is not None and self.home_of(function.__globals__).users
        made = issubclass(cls, enum.Enum) or name.startswith("_is_") or name == "_abc_impl"
        if made or (name.startswith("__") and name.endswith("__")):
            return users
        return not isinstance(value, _SLOTS)

    def module(self, module: types.ModuleType) -> str:
        home = self.home_of(vars(module))
        if not home.users:
            return _text("module", module.__name__)
        self.anything(home.label, home)
        return _text("module", home.label)

    def anything(self, name: str, home: Home) -> None:
        """Take in all of a file, any name of which may be asked for."""
        if home.file is not None:
            self.whole(home)
        else:
            self.undigested.add(f"{self.label or self.first} (any name of {home.label}: {name})")

    def look(
        self, label: str, node: ast.AST, source: Source, content: dict[str, Any], home: Home
    ) -> None:
        """Follow the modules that code picks as it runs, and name what it takes in that cannot be
        followed.
        """
        followed = {
            id(at)
            for at, named, package in picked(node, source.imported)
            if self.follow(
                named,
                package if package is not None else home.package,
                {name: content.get(name) for name in names_in(named) - own_in(node)},
                home,
            )
        }
        for at, first, names in mentioned(node, source.imported):
            known = [".".join(names), *(names if isinstance(at, ast.Name) else names[-1:])]
            name = next((name for name in known if name in _OUTSIDE), None)
            if (
                name is not None
                and id(at) not in followed
                and not self.is_own(at, content.get(first))
            ):
                self.undigested.add(f"{label} ({_OUTSIDE[name]}: {name})")

    def is_own(self, at: ast.expr, value: object) -> bool:
        """Whether a name, or an attribute of a module, is the user's own by the value of its first
        name.
        """
        if isinstance(value, types.ModuleType):
            return (
                isinstance(getattr(at, "value", at), ast.Name) and self.home_of(vars(value)).users
            )
        made = isinstance(at, ast.Name) and isinstance(value, types.FunctionType | type)
        return made and self.home_of(_content_of(value)).users

    def follow(
        self, named: ast.expr, package: str, known: Mapping[str, object], home: Home
    ) -> bool:
        """Take in the modules that an expression may name, as far as it says; whether it says
        enough.
        """
        if isinstance(named, ast.Name) and named.id == "__name__":
            self.anything(named.id, home)
            return True
        text, is_all = starts_with(named, known)
        if text.startswith("."):
            above = [part for part in package.split(".") if part]
            bare = text.lstrip(".")
            text = ".".join([*above[: len(above) - len(text) + len(bare) + 1], bare])
        names = [text] if is_all else list(starting(text, home.folder))
        self.take([(0, name, ()) for name in names], home, blind=True)
        return bool(names)

    def around(self, content: dict[str, Any], home: Home) -> None:
        """Take in the file that something stands in: as a whole, or what importing it sets
        elsewhere.
        """
        if home.whole:
            self.whole(home)
        elif self.new(content, ("effects", home.file or id(content))):
            self.effects(content, home)

    def effects(self, content: dict[str, Any], home: Home) -> None:
        source = _read(home.file) if home.file is not None else _cells(content)
        if source is None:
            return
        for target, steps in source.effects.items():
            self.texts[self.label_of(target, home)].add(" ".join(step.text() for step in steps))
            for step in steps:
                self.reach_set([*step.nodes()], source, content, home)
        for statement in source.asked:
            if statement in source.unused:
                self.take(imports(statement), home)
                continue
            for found in self.modules(
                imports(statement), home
            ):  # used, so that only what it sets is met here
                loaded = sys.modules.get(found.name)
                self.around(vars(loaded) if loaded is not None else {}, replace(found, whole=False))

    def reach_set(
        self, nodes: list[ast.AST], source: Source, content: dict[str, Any], home: Home
    ) -> None:
        """Take in what a statement that sets something names; objects of a library by the
        statements that make them.
        """
        for node in nodes:
            self.take(imports(node), home, blind=True)
            self.look(home.label, node, source, content, home)
        for name in sorted(
            {n for node in nodes for n in names_in(node)}
            - {n for node in nodes for n in bound_in(node)}
        ):
            value = content.get(name)
            kind = type(value)
            plain = kind.__module__ == "builtins" or self.home_of(_content_of_class(kind)).users
            if plain or _array(value) is not None:
                self.reach((name,), content, home)
            elif self.new(value, ("made", id(content), name)):
                for made in source.makes(name):
                    self.texts[f"{home.label}:{name}"].add(normal(made))
                    self.reach_set([made], source, content, home)

    def label_of(self, name: tuple[str, ...], home: Home) -> str:
        """Return the name by which a reader knows what a statement sets: that of the user's own is
        its file's.
        """
        for end in range(len(name) - 1, 0, -1):
            module = sys.modules.get(".".join(name[:end]))
            if module is not None and (own := self.home_of(vars(module))).users:
                return f"{own.label}:{'.'.join(name[end:])}"
        return f"{home.label}:{'.'.join(name)}"

    def whole(self, home: Home, *, blind: bool = False) -> None:
        """Take in a module as a whole, with what it imports; blind where its functions are not
        followed by their names.
        """
        if not self.new(home, ("whole", home.file, blind)):
            return
        source = _read(home.file or "")
        if source is None:
            self.undigested.add(f"{home.label} (no Python source)")
            self.texts[home.label].add("no source")
            return
        self.texts[home.label].add(source.text(source.tree))
        self.take(imports(source.tree), home, blind=blind)
        if blind:
            self.queue.append(partial(self.look_at_all, source, home))

    def look_at_all(self, source: Source, home: Home) -> None:
        self.home, self.label = home, home.label
        loaded = sys.modules.get(home.name)
        definitions = [
            node for node in source.tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
        ]
        for node in [*definitions, *(node for step in source.steps for node in step.nodes())]:
            self.look(home.label, node, source, vars(loaded) if loaded is not None else {}, home)
            for inner in ast.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    self.spelt(inner.value)

    def take(self, asked: Iterable[Import], home: Home, *, blind: bool = False) -> None:
        for found in self.modules(asked, home):
            self.whole(found, blind=blind)

    def modules(self, asked: Iterable[Import], home: Home) -> Iterator[Home]:
        """Yield the modules of the user's that imports in a file load."""
        for level, module, names in asked:
            if level:
                package = home.package.split(".") if home.package else []
                above = package[: len(package) - level + 1]
                module = ".".join([*above, module] if module else above)
            for name in dict.fromkeys((module, *(f"{module}.{name}" for name in names))):
                if name:
                    if (name, home.folder) not in self.found:
                        self.found[name, home.folder] = list(find(name, home.folder))
                    yield from self.found[name, home.folder]

    # Values
    # -----------------------------------------------------------------------------------------------------------

    def value(self, value: Any) -> str:
        """Return a text that two values share where they are the same by type and content."""
        if type(value) is str:
            return self.spelt(value)
        if (text := scalar(value)) is not None:
            return text
        key = id(value), self.home.folder
        if id(value) in self.open:
            return f"(again {self.open[id(value)]})"
        if key not in self.done:
            self.kept.append(value)
            self.open[id(value)] = len(self.open)
            self.done[key] = self.described(value)
            del self.open[id(value)]
        return self.done[key]

    def spelt(self, text: str) -> str:
        """Return a text, and a path without the folder that it starts from; a file that it names is
        said to be one.
        """
        if text == self.home.name:
            return "(module's name)"
        folder = self.home.folder
        if text == folder or text.startswith(folder + os.sep):
            text = "." + text[len(folder) :]
        if _FILE.fullmatch(text) and not text.endswith(".py") and Path(folder, text).is_file():
            path = Path(text)
            self.undigested.add(
                f"{path.name if path.is_absolute() else path.as_posix()} (a data file)"
            )
        return ascii(text)

    def described(self, value: Any) -> str:
        kind = type(value)
        for kinds, describe in _KINDS:
            if issubclass(kind, kinds):
                return _text(describe(self, value))
        if kind in _CONTAINERS:
            return _text(kind.__name__, *_CONTAINERS[kind](self, value))
        if (array := _array(value)) is not None:
            return _text(*array)
        if kind.__module__ in _UNMEASURED:
            return f"({kind.__name__})"
        if name := _named(value):
            return _text("named", name)
        if (
            not self.home_of(_content_of_class(kind)).users
            and _attribute(value, "__wrapped__") is not None
        ):
            return _text(self.class_(kind), self.value(value.__wrapped__))
        return self.state(value)

    def state(self, value: Any) -> str:
        """Return an object by its class and its state, as it would be copied."""
        kind = type(value)
        try:
            own = copyreg.dispatch_table.get(kind)
            made: Any = own(value) if own is not None else value.__reduce_ex__(4)
        except RecursionError:
            raise
        except Exception:  # whatever an object of anyone's raises; it cannot be copied
            made = None
        if isinstance(made, str):
            return _text("global", self.class_(kind), made)
        if not isinstance(made, tuple):
            state = _attribute(value, "__dict__")
            if not self.home_of(_content_of_class(kind)).users or not isinstance(state, dict):
                return self.opaque(value, "no known value")
            return _text("object", self.class_(kind), self.by_name(state))
        call, given, *more = made
        parts = [self.value(call), self.value(given), *(self.by_name(state) for state in more[:1])]
        parts += [self.value(list(content)) for content in more[1:3] if content is not None]
        return _text("object", self.class_(kind), *parts)

    def by_name(self, state: Any) -> str:
        """Return a state; in whichever order its attributes were set."""
        if type(state) is tuple and len(state) == 2:
            return _text(*map(self.by_name, state))
        if type(state) is dict and all(type(name) is str for name in state):
            return _text(*(f"{name}: {self.value(state[name])}" for name in sorted(state)))
        return self.value(state)

    def opaque(self, value: object, why: str) -> str:
        kind = type(value)
        self.undigested.add(
            f"{self.label or self.first} ({kind.__module__}.{kind.__qualname__}: {why})"
        )
        return _text("opaque", f"{kind.__module__}:{kind.__qualname__}")

    def built_in(self, value: Any) -> str:
        if name := _named(value):
            return _text("named", name)
        of = _attribute(value, "__self__")
        if isinstance(of, types.ModuleType) or (of is None and getattr(value, "__module__", None)):
            home = self.home_of(vars(of)) if isinstance(of, types.ModuleType) else None
            name = f"{value.__module__}:{value.__qualname__}"
            if home is not None and home.users:
                self.undigested.add(f"{home.label}:{value.__qualname__} (no Python source)")
            return _text("named", name)
        owner = of if of is not None else _attribute(value, "__objclass__")
        return _text("of", self.value(owner), value.__name__)

    def member(self, value: enum.Enum) -> str:
        return _text(self.class_(type(value)), value._name_, self.value(value._value_))

    def path(self, value: PurePath) -> str:
        return _text("path", self.spelt(str(value)).replace("\\\\", "/"))


_KINDS: tuple[tuple[Any, Callable[[_Walk, Any], str]], ...] = (
    (types.ModuleType, _Walk.module),
    (
        types.FunctionType,
        lambda walk, value: _text("named", n) if (n := _library(value)) else walk.function(value),
    ),
    (type, _Walk.class_),
    (enum.Enum, _Walk.member),
    (PurePath, _Walk.path),
    (
        types.MethodType,
        lambda w, v: (
            _text("named", n) if (n := _named(v)) else _all(w, "method", v.__func__, v.__self__)
        ),
    ),
    (partial, lambda w, v: _all(w, "partial", v.func, v.args, v.keywords, vars(v))),
    (partialmethod, lambda w, v: _all(w, "partial", v.func, v.args, v.keywords)),
    ((staticmethod, classmethod), lambda w, v: _all(w, type(v).__name__, v.__func__)),
    (property, lambda w, v: _all(w, "property", v.fget, v.fset, v.fdel)),
    (cached_property, lambda w, v: _all(w, "property", v.func)),
    (types.MappingProxyType, lambda w, v: _all(w, "mapping", dict(v))),
    (_BUILT_IN, _Walk.built_in),
)
_CONTAINERS: dict[type, Callable[[_Walk, Any], Iterable[str]]] = {
    tuple: lambda walk, value: map(walk.value, value),
    list: lambda walk, value: map(walk.value, value),
    dict: lambda walk, value: (f"{walk.value(k)}: {walk.value(v)}" for k, v in value.items()),
    set: lambda walk, value: sorted(map(walk.value, value)),
    frozenset: lambda walk, value: sorted(map(walk.value, value)),
    bytearray: lambda _, value: [_digest(value.hex())],
    object: lambda _, value: [],
}


def _all(walk: _Walk, name: str, *values: object) -> str:
    return _text(name, *(walk.value(value) for value in values))


def _held(value: Any) -> Any:
    """Return what a weak reference, or a collection of them, holds; any other value itself."""
    if type(value) is weakref.ref:
        return value()
    if type(value) in (weakref.WeakValueDictionary, weakref.WeakKeyDictionary):
        return dict(value)
    return set(value) if type(value) is weakref.WeakSet else value


def _content(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _attribute(value: object, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception:  # whatever a property of anyone's raises
        return None


def _named(value: Any) -> str:
    """Return ``module:name`` of what an installed package knows under a name of its own; empty
    where none does.
    """
    modules = [
        _attribute(value, "__module__"),
        type(value).__module__,
        type(_attribute(value, "__self__")).__module__,
    ]
    names = [_attribute(value, "__qualname__"), _attribute(value, "__name__")]
    for module in modules:
        content = (
            vars(sys.modules[module]) if isinstance(module, str) and module in sys.modules else {}
        )
        if not content or home_of(content).users:
            continue
        for name in names:
            if isinstance(name, str) and _at(content, name) is value:
                return f"{module}:{name}"
        if module == type(value).__module__:
            for name, other in list(content.items()):
                if other is value:
                    return f"{module}:{name}"
    return ""


def _library(function: types.FunctionType) -> str:
    """Return the name of a function of an installed package that it knows under that name; empty
    for others.
    """
    module = sys.modules.get(function.__module__ or "")
    if module is None or _at(vars(module), function.__qualname__) is not function:
        return ""
    return "" if home_of(vars(module)).users else f"{function.__module__}:{function.__qualname__}"


def _at(content: Mapping[str, Any], qualname: str) -> Any:
    first, *rest = qualname.split(".")
    value = content.get(first)
    for name in rest:
        value = _attribute(value, name)
    return value


def _content_of(call: Any) -> dict[str, Any]:
    """Return the globals of the function or class that a callable is about."""
    while isinstance(call, partial):
        call = call.func
    function = call.__func__ if isinstance(call, types.MethodType) else call
    if isinstance(function, types.FunctionType):
        return function.__globals__
    return _content_of_class(call if isinstance(call, type) else type(call))


def _content_of_class(cls: type) -> dict[str, Any]:
    """Return the globals of a class: of its functions, for another module may stand under its
    module's name by now.
    """
    for value in vars(cls).values():
        function = _function_in(value)
        if (
            function is not None
            and function.__globals__.get("__name__", "builtins") == cls.__module__
        ):
            return function.__globals__
    module = sys.modules.get(cls.__module__)
    return vars(module) if module is not None else {"__name__": cls.__module__}


def _function_in(value: Any) -> types.FunctionType | None:
    for name in ("__func__", "fget", "func"):
        if not isinstance(value, types.FunctionType) and isinstance(value, _WRAPPERS):
            value = getattr(value, name, value)
    return value if isinstance(value, types.FunctionType) else None


_WRAPPERS = (staticmethod, classmethod, property, cached_property, partialmethod)


def _is_generated(value: object) -> bool:
    """Whether a function was made by a library from text, as those of a dataclass are: the class
    says all of it.
    """
    function = _function_in(value)
    while function is not None and isinstance(
        inner := vars(function).get("__wrapped__"), types.FunctionType
    ):
        function = inner
    if function is None:
        return False
    name = function.__code__.co_filename
    return name.startswith("<") and not linecache.getlines(name)


def _file_of(functions: Iterable[types.FunctionType]) -> str:
    return next((f.__code__.co_filename for f in functions if not _is_generated(f)), "")


def _source(filename: str, content: dict[str, Any], home: Home) -> Source | None:
    """Return the source that a code object comes from, as it stands on disk, or as a notebook keeps
    it.
    """
    if home.file is not None and Path(filename).name == Path(home.file).name:
        return _read(home.file)
    if Path(filename).is_file():
        return _read(filename)
    lines = linecache.getlines(filename, content)
    return parsed("".join(lines).encode("utf-8", "surrogatepass")) if lines else None


def _read(file: str) -> Source | None:
    try:
        return parsed(Path(file).read_bytes())
    except OSError:
        return None


def _cells(content: Mapping[str, Any]) -> Source | None:
    """Return what a notebook has run so far, where it keeps that, without cells that are no Python."""
    cells = content.get("In")
    texts = (
        [text.encode("utf-8", "surrogatepass") for text in cells if isinstance(text, str)]
        if cells
        else []
    )
    return parsed(b"\n".join(text for text in texts if parsed(text) is not None))


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)


def _chains(code: types.CodeType) -> set[tuple[str, ...]]:
    """Return the names that code looks up outside of itself, each with the attributes that it then
    asks for.
    """
    found: set[tuple[str, ...]] = set()
    for inner in _nested(code):
        chain: tuple[str, ...] = ()
        for step in dis.get_instructions(inner):
            if chain and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                chain = (*chain, step.argval)
            elif step.opname not in ("CACHE", "PUSH_NULL", "EXTENDED_ARG"):
                found.add(chain)
                outside = step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
                chain = (step.argval,) if outside else ()
        found.add(chain)
    return found - {()}


def _without_source(code: types.CodeType) -> str:
    """Return what little a code object says that all versions of Python agree on: its names and
    constants.
    """
    names = sorted({name for inner in _nested(code) for name in inner.co_names})
    constants = {
        text for inner in _nested(code) for c in inner.co_consts if (text := scalar(c)) is not None
    }
    return _text("no source", names, sorted(constants - {"None"}))


def _array(value: Any) -> tuple[object, ...] | None:
    """Return type, shape and bytes of an array or tensor; the libraries are those that are loaded,
    none is imported.
    """
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and isinstance(value, numpy.dtype):
        return "dtype", value.str, value.descr if value.names else ""
    if (
        numpy is not None
        and type(value) in (numpy.ndarray, numpy.memmap)
        and not value.dtype.hasobject
    ):
        flat = numpy.ascontiguousarray(value).reshape(-1).view(numpy.uint8)
        return (
            "array",
            value.dtype.str,
            value.dtype.descr if value.dtype.names else "",
            value.shape,
            _bytes(flat),
        )
    if (
        torch is not None
        and isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and not value.is_meta
    ):
        flat = value.detach().cpu().contiguous().reshape(-1)
        try:
            content = _bytes(flat.view(torch.uint8).numpy())
        except (RuntimeError, TypeError):  # a type without bytes of its own
            return None
        return (
            "tensor",
            type(value).__name__,
            value.dtype,
            tuple(value.shape),
            value.requires_grad,
            content,
        )
    return None


def _bytes(content: Any) -> str:
    return hashlib.sha256(content).hexdigest()
