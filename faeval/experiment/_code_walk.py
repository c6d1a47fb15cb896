"""The walk over all that a function reaches of the user's code."""

from __future__ import annotations

import abc
import ast
import builtins
import enum
import types
from collections import deque, namedtuple
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from faeval.experiment._code_files import (
    FileWalk,
    names_looked_up,
    nested,
    read_source,
    source_of,
    without_source,
)
from faeval.experiment._code_objects import (
    cell_content,
    file_of,
    function_in,
    globals_of,
    globals_of_class,
    held_by,
    is_generated,
    library_name,
)
from faeval.experiment._code_values import digest, text_of
from faeval.experiment._modules import Home, find
from faeval.experiment._names import changed_in, imports, names_in
from faeval.experiment._syntax import Source, normal

#: Names by which code reaches any name of its module, so that all of the module counts.
_ANYTHING = frozenset({"eval", "exec", "globals", "vars"})
_DESCRIBED = frozenset({"__wrapped__", "__doc__"})
_FIELD = type(vars(namedtuple("_Pair", "a"))["a"])
_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType, _FIELD)


class Walk(FileWalk):
    """One walk over all that is reached: functions by a queue, values by recursion."""

    def __init__(self) -> None:
        super().__init__()
        # values of modules, bound last: label, globals, name, home
        self.waiting: deque[tuple[str, dict[str, Any], str, Home]] = deque()
        # names that a run changes, by the id of their module's globals
        self.changed: set[tuple[int, str]] = set()

    def begin(self, call: Callable[..., Any] | str) -> None:
        if isinstance(call, str):
            for home in find(call.partition(":")[0], str(Path.cwd())):
                self.whole(home, blind=True)
        else:
            self.home = self.home_of(globals_of(call))
            token = self.whole_value(call)
            if self.first or not library_name(call):
                self.texts[self.first or type(call).__qualname__].add(f"called {token}")
        while self.queue or self.waiting:
            if self.queue:
                self.queue.popleft()()
            else:  # whether something that is reached changes it is known now
                self.bind_value(*self.waiting.popleft())

    def digests(self) -> dict[str, str]:
        """Return the digest of each part by the name that a reader knows it by."""
        return {
            name: digest("\n".join(sorted(texts))) for name, texts in sorted(self.texts.items())
        }

    def defined(self, label: str) -> str:
        self.first = self.first or label
        return label

    def function(self, function: types.FunctionType) -> str:
        home = self.home_of(function.__globals__)
        if home.users:
            label = self.defined(self.code_object(function.__code__, function.__globals__, home))
            own = {name: value for name, value in vars(function).items() if name not in _DESCRIBED}
            attached = [
                function.__defaults__,
                function.__kwdefaults__,
                own,
                getattr(function, "__wrapped__", None),
            ]
        else:
            label, attached = f"{function.__module__}:{function.__qualname__}", []
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        before, self.home = self.home, home if home.users else self.home
        try:
            state = (
                self.changed_around(function, home)
                if home.users and function.__closure__
                else set()
            )
            closed = [
                (n, f"(changed by {label})" if n in state else self.value(cell_content(c)))
                for n, c in cells
            ]
            return text_of(
                "def", label, closed, *(self.value(value) if value else "-" for value in attached)
            )
        finally:
            self.home = before

    def changed_around(self, function: types.FunctionType, home: Home) -> set[str]:
        """Return the names of a closure that its functions change.

        Takes in what these start from.
        """
        source = source_of(function.__code__.co_filename, function.__globals__, home)
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
        source = source_of(code.co_filename, content, home)
        definitions = source.function(code) if source is not None else []
        names = sorted({name for name, _ in definitions}) or [code.co_qualname]
        label = f"{home.label}:{names[0]}"
        if self.new(code, ("code", id(code))):
            self.queue.append(
                partial(self.read_function, label, code, content, home, source, definitions)
            )
        return label

    def read_function(
        self,
        label: str,
        code: types.CodeType,
        content: dict[str, Any],
        home: Home,
        source: Source | None,
        definitions: list[tuple[str, Any]],
    ) -> None:
        self.home, self.label = home, label
        if source is None or not definitions:
            self.undigested.add(f"{label} (its source is not there)")
            self.texts[label].add(without_source(code))
        else:
            for _, node in definitions:
                self.texts[label].add(source.text(node))
                self.take(imports(node), home, blind=True)
                assert source is not None
                self.look(label, node, source, content, home)
                self.changed |= {(id(content), name) for name in changed_in(node)}
        self.around(content, home)
        for inner in nested(code):
            for constant in inner.co_consts:
                if isinstance(constant, str):
                    self.spelt(constant)
        for chain in sorted(names_looked_up(code)):
            self.reach(chain, content, home)

    def reach(self, chain: tuple[str, ...], content: dict[str, Any], home: Home) -> None:
        """Take in what a name stands for in a module.

        Of a name in a module, what that stands for there.
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
        """Take in a value by what it is.

        One that a run changes, by the statements that it starts from.
        """
        source = read_source(home.file or "") if (id(content), name) in self.changed else None
        statements = source.mentions(name) if source is not None else []
        if not statements:
            self.bind(label, content[name], home)
        for statement in statements:
            self.texts[label].add(normal(statement))
            self.reach_all(statement, content, home)

    def bind(self, label: str, value: object, home: Home) -> None:
        self.home, self.label = home, label
        token = self.whole_value(held_by(value))
        if token != f"(module {label.partition(':')[0]})":
            self.texts[label].add(f"is {token}")

    def whole_value(self, value: object) -> str:
        try:
            return self.value(value)
        except RecursionError:
            self.open.clear()
            return self.opaque(value, "nested too deeply")

    def class_(self, cls: type) -> str:
        home = self.home_of(globals_of_class(cls))
        if not home.users:
            return text_of("class", f"{cls.__module__}:{cls.__qualname__}")
        label = self.defined(f"{home.label}:{cls.__qualname__}")
        if self.new(cls, ("class", id(cls))):
            self.queue.append(partial(self.read_class, label, cls, home))
        return text_of("class", label)

    def read_class(self, label: str, cls: type, home: Home) -> None:
        content = vars(cls)
        self.home, self.label = home, label
        is_described = (
            self._class_source(label, cls, home)
            or hasattr(cls, "_fields")
            or issubclass(cls, enum.Enum)
        )
        if not is_described:
            self.undigested.add(f"{label} (its source is not there)")
        self.around(globals_of_class(cls), home)
        kinds = [*cls.__bases__, *([] if type(cls) is type else [type(cls)])]
        self.texts[label].add(text_of("of", *map(self.whole_value, kinds)))
        for name, value in sorted(content.items()):
            if self.stands_in(cls, name, value) and not (is_described and is_generated(value)):
                self.bind(f"{label}.{name}", value, home)
        self._registered(label, cls)
        if issubclass(cls, enum.Enum):
            self.bind(label, [(name, one._value_) for name, one in cls.__members__.items()], home)
        for name, one in sorted(content.get("__dataclass_fields__", {}).items()):
            self.bind(f"{label}.{name}", (one.default, one.default_factory), home)

    def _class_source(self, label: str, cls: type, home: Home) -> bool:
        """Take the class statements of a class; False where they are not there."""
        functions = [f for f in map(function_in, vars(cls).values()) if f is not None]
        lines = [f.__code__.co_firstlineno for f in functions if f.__module__ == cls.__module__]
        source = source_of(home.file or file_of(functions), globals_of_class(cls), home)
        if source is None:
            return False
        nodes = source.classes(cls.__qualname__, lines)
        for node in nodes:
            self.texts[label].add(source.text(node))
            self.take(imports(node), home, blind=True)
        return bool(nodes)

    def _registered(self, label: str, cls: type) -> None:
        """Take the classes that were registered with an abstract one."""
        registry = vars(abc).get("_get_dump")
        if registry is not None and isinstance(cls, abc.ABCMeta):
            members = (reference() for reference in registry(cls)[0])
            texts = sorted(self.whole_value(one) for one in members if one is not None)
            self.texts[label].add(text_of("registered", *texts))

    def stands_in(self, cls: type, name: str, value: object) -> bool:
        """Whether an attribute was written in a class, not made by Python or its libraries."""
        function = function_in(value)
        users = function is not None and self.home_of(function.__globals__).users
        is_generated_name = (
            issubclass(cls, enum.Enum) or name.startswith("_is_") or name == "_abc_impl"
        )
        if is_generated_name or (name.startswith("__") and name.endswith("__")):
            return users
        return not isinstance(value, _SLOTS)

    def module(self, module: types.ModuleType) -> str:
        home = self.home_of(vars(module))
        if not home.users:
            return text_of("module", module.__name__)
        self.anything(home.label, home)
        return text_of("module", home.label)
