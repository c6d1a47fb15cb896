"""The text of a value: two values share it where they are the same by type and content."""

from __future__ import annotations

import copyreg
import enum
import hashlib
import os
import re
import types
from collections.abc import Callable, Iterable
from functools import cached_property, partial, partialmethod
from pathlib import Path, PurePath
from typing import Any

from faeval.experiment._code_objects import (
    array_parts,
    attribute,
    globals_of_class,
    library_function,
    library_name,
)
from faeval.experiment._modules import Home, home_of
from faeval.experiment._syntax import scalar

_LONG = 80  # characters from which a text is named by its digest
_FILE = re.compile(r"[^\n\0]{1,200}\.[A-Za-z0-9]{1,8}")
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


def digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def text_of(*items: object) -> str:
    """Return one text for several, by its digest where it is long."""
    text = f"({' '.join(map(str, items))})"
    return text if len(text) < _LONG else digest(text)


class ValueTexts:
    """Texts of values by recursion; those of functions, classes and modules are left to a subclass.

    ``home`` is the file, and ``label`` the name, that the value at hand stands in.
    """

    def __init__(self) -> None:
        self.undigested: set[str] = set()
        self.kept: list[object] = []  # so that no id is another object's later
        self.done: dict[tuple[int, str], str] = {}
        self.open: dict[int, int] = {}
        self.homes: dict[int, Home] = {}
        self.first = ""
        self.home = Home("", "", None, str(Path.cwd()), False, False)
        self.label = ""

    def function(self, function: types.FunctionType) -> str:
        """Return the text of a function."""
        raise NotImplementedError

    def class_(self, cls: type) -> str:
        """Return the text of a class."""
        raise NotImplementedError

    def module(self, module: types.ModuleType) -> str:
        """Return the text of a module."""
        raise NotImplementedError

    def home_of(self, content: dict[str, Any]) -> Home:
        """Return the home of functions with these globals."""
        if id(content) not in self.homes:
            self.kept.append(content)
            self.homes[id(content)] = home_of(content)
        return self.homes[id(content)]

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
        """Return a text, and a path without the folder that it starts from.

        A file that it names is said to be one.
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
                return text_of(describe(self, value))
        if kind in _CONTAINERS:
            return text_of(kind.__name__, *_CONTAINERS[kind](self, value))
        if (array := array_parts(value)) is not None:
            return text_of(*array)
        if kind.__module__ in _UNMEASURED:
            return f"({kind.__name__})"
        if name := library_name(value):
            return text_of("named", name)
        if (
            not self.home_of(globals_of_class(kind)).users
            and attribute(value, "__wrapped__") is not None
        ):
            return text_of(self.class_(kind), self.value(value.__wrapped__))
        return self.state(value)

    def state(self, value: Any) -> str:
        """Return an object by its class and its state, as it would be copied."""
        kind = type(value)
        try:
            own = copyreg.dispatch_table.get(kind)
            recipe: Any = own(value) if own is not None else value.__reduce_ex__(4)
        except RecursionError:
            raise
        except Exception:  # whatever an object of anyone's raises; it cannot be copied
            recipe = None
        if isinstance(recipe, str):
            return text_of("global", self.class_(kind), recipe)
        if not isinstance(recipe, tuple):
            state = attribute(value, "__dict__")
            if not self.home_of(globals_of_class(kind)).users or not isinstance(state, dict):
                return self.opaque(value, "no known value")
            return text_of("object", self.class_(kind), self.by_name(state))
        call, arguments, *more = recipe
        parts = [
            self.value(call),
            self.value(arguments),
            *(self.by_name(state) for state in more[:1]),
        ]
        parts += [self.value(list(content)) for content in more[1:3] if content is not None]
        return text_of("object", self.class_(kind), *parts)

    def by_name(self, state: Any) -> str:
        """Return a state; in whichever order its attributes were set."""
        if type(state) is tuple and len(state) == 2:
            return text_of(*map(self.by_name, state))
        if type(state) is dict and all(type(name) is str for name in state):
            return text_of(*(f"{name}: {self.value(state[name])}" for name in sorted(state)))
        return self.value(state)

    def opaque(self, value: object, why: str) -> str:
        kind = type(value)
        self.undigested.add(
            f"{self.label or self.first} ({kind.__module__}.{kind.__qualname__}: {why})"
        )
        return text_of("opaque", f"{kind.__module__}:{kind.__qualname__}")

    def built_in(self, value: Any) -> str:
        if name := library_name(value):
            return text_of("named", name)
        of = attribute(value, "__self__")
        if isinstance(of, types.ModuleType) or (of is None and getattr(value, "__module__", None)):
            home = self.home_of(vars(of)) if isinstance(of, types.ModuleType) else None
            name = f"{value.__module__}:{value.__qualname__}"
            if home is not None and home.users:
                self.undigested.add(f"{home.label}:{value.__qualname__} (no Python source)")
            return text_of("named", name)
        owner = of if of is not None else attribute(value, "__objclass__")
        return text_of("of", self.value(owner), value.__name__)

    def parts(self, name: str, *values: object) -> str:
        return text_of(name, *(self.value(value) for value in values))

    def member(self, value: enum.Enum) -> str:
        return text_of(self.class_(type(value)), value._name_, self.value(value._value_))

    def path(self, value: PurePath) -> str:
        return text_of("path", self.spelt(str(value)).replace("\\\\", "/"))


_KINDS: tuple[tuple[Any, Callable[[ValueTexts, Any], str]], ...] = (
    (types.ModuleType, lambda w, v: w.module(v)),
    (
        types.FunctionType,
        lambda w, v: text_of("named", n) if (n := library_function(v)) else w.function(v),
    ),
    (type, lambda w, v: w.class_(v)),
    (enum.Enum, ValueTexts.member),
    (PurePath, ValueTexts.path),
    (
        types.MethodType,
        lambda w, v: (
            text_of("named", n)
            if (n := library_name(v))
            else w.parts("method", v.__func__, v.__self__)
        ),
    ),
    (partial, lambda w, v: w.parts("partial", v.func, v.args, v.keywords, vars(v))),
    (partialmethod, lambda w, v: w.parts("partial", v.func, v.args, v.keywords)),
    ((staticmethod, classmethod), lambda w, v: w.parts(type(v).__name__, v.__func__)),
    (property, lambda w, v: w.parts("property", v.fget, v.fset, v.fdel)),
    (cached_property, lambda w, v: w.parts("property", v.func)),
    (types.MappingProxyType, lambda w, v: w.parts("mapping", dict(v))),
    (_BUILT_IN, ValueTexts.built_in),
)
_CONTAINERS: dict[type, Callable[[ValueTexts, Any], Iterable[str]]] = {
    tuple: lambda w, v: map(w.value, v),
    list: lambda w, v: map(w.value, v),
    dict: lambda w, v: (f"{w.value(k)}: {w.value(x)}" for k, x in v.items()),
    set: lambda w, v: sorted(map(w.value, v)),
    frozenset: lambda w, v: sorted(map(w.value, v)),
    bytearray: lambda _, v: [digest(v.hex())],
    object: lambda _, v: [],
}
