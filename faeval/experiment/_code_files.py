"""The part of the walk that follows imports, and statements that set something as a file loads.

And the source that a code object comes from, with the names that it looks up.
"""

from __future__ import annotations

import ast
import dis
import sys
import types
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from faeval.experiment._code_objects import array_parts, globals_of, globals_of_class
from faeval.experiment._code_outside import OUTSIDE
from faeval.experiment._code_values import ValueTexts, text_of
from faeval.experiment._modules import Home, find, starting
from faeval.experiment._names import (
    Import,
    bound_in,
    imports,
    mentioned,
    names_in,
    own_in,
    picked,
    starts_with,
)
from faeval.experiment._syntax import Source, kept_text, normal, parsed, scalar


class FileWalk(ValueTexts):
    """Takes in files of the user's: whole, or by what loading them sets."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, set[str]] = defaultdict(set)
        self.queue: deque[Callable[[], None]] = deque()
        self.seen: set[object] = set()
        self.imported: dict[tuple[str, str], list[Home]] = {}  # by module and importing folder

    def reach(self, chain: tuple[str, ...], content: dict[str, Any], home: Home) -> None:
        """Take in what a name stands for in a module."""
        raise NotImplementedError

    def new(self, what: object, key: object) -> bool:
        """Whether this is met for the first time."""
        if key in self.seen:
            return False
        self.kept.append(what)
        self.seen.add(key)
        return True

    def anything(self, name: str, home: Home) -> None:
        """Take in all of a file, any name of which may be asked for."""
        if home.file is not None:
            self.whole(home)
        else:
            self.undigested.add(f"{self.label or self.first} (any name of {home.label}: {name})")

    def look(
        self, label: str, node: ast.AST, source: Source, content: dict[str, Any], home: Home
    ) -> None:
        """Follow the modules that code picks as it runs; name what cannot be followed."""
        followed = {
            id(at)
            for at, module, package in picked(node, source.imported)
            if self.follow(
                module,
                package if package is not None else home.package,
                {name: content.get(name) for name in names_in(module) - own_in(node)},
                home,
            )
        }
        for at, first, names in mentioned(node, source.imported):
            spellings = [".".join(names), *(names if isinstance(at, ast.Name) else names[-1:])]
            name = next((name for name in spellings if name in OUTSIDE), None)
            if (
                name is not None
                and id(at) not in followed
                and not self.is_own(at, content.get(first))
            ):
                self.undigested.add(f"{label} ({OUTSIDE[name]}: {name})")

    def is_own(self, at: ast.expr, value: object) -> bool:
        """Whether a name, or an attribute of a module, is the user's own.

        By the value of its first name.
        """
        if isinstance(value, types.ModuleType):
            return (
                isinstance(getattr(at, "value", at), ast.Name) and self.home_of(vars(value)).users
            )
        defined = isinstance(at, ast.Name) and isinstance(value, types.FunctionType | type)
        return defined and self.home_of(globals_of(value)).users

    def follow(
        self, module: ast.expr, package: str, values: Mapping[str, object], home: Home
    ) -> bool:
        """Take in the modules that an expression may name, as far as it says.

        Whether it says enough.
        """
        if isinstance(module, ast.Name) and module.id == "__name__":
            self.anything(module.id, home)
            return True
        text, is_all = starts_with(module, values)
        if text.startswith("."):
            above = [part for part in package.split(".") if part]
            bare = text.lstrip(".")
            text = ".".join([*above[: len(above) - len(text) + len(bare) + 1], bare])
        names = [text] if is_all else list(starting(text, home.folder))
        self.take([(0, name, ()) for name in names], home, blind=True)
        return bool(names)

    def around(self, content: dict[str, Any], home: Home) -> None:
        """Take in the file that something stands in.

        As a whole, or what importing it sets elsewhere.
        """
        if home.whole:
            self.whole(home)
        elif self.new(content, ("effects", home.file or id(content))):
            self.effects(content, home)

    def effects(self, content: dict[str, Any], home: Home) -> None:
        source = read_source(home.file) if home.file is not None else notebook_source(content)
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
            for module_home in self.modules(
                imports(statement), home
            ):  # used, so that only what it sets is met here
                module = sys.modules.get(module_home.name)
                self.around(
                    vars(module) if module is not None else {}, replace(module_home, whole=False)
                )

    def reach_set(
        self, nodes: list[ast.AST], source: Source, content: dict[str, Any], home: Home
    ) -> None:
        """Take in what a statement that sets something names.

        Objects of a library by the statements that make them.
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
            plain = kind.__module__ == "builtins" or self.home_of(globals_of_class(kind)).users
            if plain or array_parts(value) is not None:
                self.reach((name,), content, home)
            elif self.new(value, ("made", id(content), name)):
                for statement in source.makes(name):
                    self.texts[f"{home.label}:{name}"].add(normal(statement))
                    self.reach_set([statement], source, content, home)

    def label_of(self, name: tuple[str, ...], home: Home) -> str:
        """Return the name by which a reader knows what a statement sets.

        That of the user's own is its file's.
        """
        for end in range(len(name) - 1, 0, -1):
            module = sys.modules.get(".".join(name[:end]))
            if module is not None and (own := self.home_of(vars(module))).users:
                return f"{own.label}:{'.'.join(name[end:])}"
        return f"{home.label}:{'.'.join(name)}"

    def whole(self, home: Home, *, blind: bool = False) -> None:
        """Take in a module as a whole, with what it imports.

        Blind where its functions are not followed by their names.
        """
        if not self.new(home, ("whole", home.file, blind)):
            return
        source = read_source(home.file or "")
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
        module = sys.modules.get(home.name)
        definitions = [
            node for node in source.tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
        ]
        for node in [*definitions, *(node for step in source.steps for node in step.nodes())]:
            self.look(home.label, node, source, vars(module) if module is not None else {}, home)
            for inner in ast.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    self.spelt(inner.value)

    def take(self, wanted: Iterable[Import], home: Home, *, blind: bool = False) -> None:
        for module_home in self.modules(wanted, home):
            self.whole(module_home, blind=blind)

    def modules(self, wanted: Iterable[Import], home: Home) -> Iterator[Home]:
        """Yield the modules of the user's that imports in a file load."""
        for level, module, names in wanted:
            if level:
                package = home.package.split(".") if home.package else []
                above = package[: len(package) - level + 1]
                module = ".".join([*above, module] if module else above)
            for name in dict.fromkeys((module, *(f"{module}.{name}" for name in names))):
                if name:
                    if (name, home.folder) not in self.imported:
                        self.imported[name, home.folder] = list(find(name, home.folder))
                    yield from self.imported[name, home.folder]


def source_of(filename: str, content: dict[str, Any], home: Home) -> Source | None:
    """Return the source of a code object, as it stands on disk or as a notebook keeps it."""
    if home.file is not None and Path(filename).name == Path(home.file).name:
        return read_source(home.file)
    if Path(filename).is_file():
        return read_source(filename)
    text = kept_text(filename, content)
    return parsed(text) if text else None


def read_source(file: str) -> Source | None:
    try:
        return parsed(Path(file).read_bytes())
    except OSError:
        return None


def notebook_source(content: Mapping[str, Any]) -> Source | None:
    """Return what a notebook has run so far, where it keeps that, less cells of no Python."""
    cells = content.get("In")
    texts = (
        [text.encode("utf-8", "surrogatepass") for text in cells if isinstance(text, str)]
        if cells
        else []
    )
    return parsed(b"\n".join(text for text in texts if parsed(text) is not None))


def nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from nested(constant)


def names_looked_up(code: types.CodeType) -> set[tuple[str, ...]]:
    """Return the names that code looks up outside itself, with their attributes.

    The attributes are those that it then asks for.
    """
    chains: set[tuple[str, ...]] = set()
    for inner in nested(code):
        chain: tuple[str, ...] = ()
        for step in dis.get_instructions(inner):
            if chain and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                chain = (*chain, step.argval)
            elif step.opname not in ("CACHE", "PUSH_NULL", "EXTENDED_ARG"):
                chains.add(chain)
                outside = step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
                chain = (step.argval,) if outside else ()
        chains.add(chain)
    return chains - {()}


def without_source(code: types.CodeType) -> str:
    """Return the names and constants of a code object.

    They are the little that all versions of Python agree on.
    """
    names = sorted({name for inner in nested(code) for name in inner.co_names})
    constants = {
        text for inner in nested(code) for c in inner.co_consts if (text := scalar(c)) is not None
    }
    return text_of("no source", names, sorted(constants - {"None"}))
