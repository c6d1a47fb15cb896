"""The names in a syntax tree: what code reads, binds, changes and imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: What an import statement asks for: the dots before it, the module, and the names taken from it.
Import = tuple[int, str, tuple[str, ...]]

#: Methods by which a container changes.
_CHANGING = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "setdefault",
        "update",
    ]
)
#: Functions that import what their first argument says.
_PICKING = frozenset(
    {"__import__", "builtins.__import__", "importlib.__import__", "importlib.import_module"}
)
#: Functions whose first argument is what an expression is about.
_ABOUT_FIRST = frozenset({"delattr", "getattr", "setattr", "vars"})


def names_in(node: ast.AST) -> set[str]:
    """Return the names that stand in a node."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def bound_in(node: ast.AST) -> set[str]:
    """Return the names that a node assigns to."""
    return {
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    }


def own_in(node: ast.AST) -> set[str]:
    """Return the names of a function's own: its arguments, and what it assigns to."""
    return bound_in(node) | {inner.arg for inner in ast.walk(node) if isinstance(inner, ast.arg)}


def changed_in(node: ast.AST) -> set[str]:
    """Return the names whose values code in a node changes, as far as it says so.

    Outside of itself or in place.
    """
    names: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Global | ast.Nonlocal):
            names |= {*inner.names}
        elif isinstance(inner, ast.Subscript | ast.Attribute) and isinstance(
            inner.ctx, ast.Store | ast.Del
        ):
            names |= names_in(inner.value) if isinstance(inner.value, ast.Name) else set()
        elif (
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Attribute)
            and inner.func.attr in _CHANGING
        ):
            names |= names_in(inner.func.value) if isinstance(inner.func.value, ast.Name) else set()
    return names


def chain(node: ast.AST) -> tuple[str, ...]:
    """Return the name that an expression starts from, with the attributes it asks for.

    Through calls and items.
    """
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        inner = chain(node.value)
        return (*inner, node.attr) if inner else ()
    if isinstance(node, ast.Subscript):
        return chain(node.value)
    if isinstance(node, ast.Call):
        about_first = isinstance(node.func, ast.Name) and node.func.id in _ABOUT_FIRST and node.args
        return chain(node.args[0] if about_first else node.func)
    return ()


def imports(node: ast.AST) -> Iterator[Import]:
    """Yield what is imported in a node, at any depth: by statements, and by name in a call."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            yield from ((0, alias.name, ()) for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom):
            yield inner.level, inner.module or "", tuple(alias.name for alias in inner.names)
        elif isinstance(inner, ast.Call) and inner.args and isinstance(inner.args[0], ast.Constant):
            callee = getattr(inner.func, "attr", getattr(inner.func, "id", ""))
            name = inner.args[0].value
            is_import = callee in ("import_module", "__import__")
            if is_import and isinstance(name, str) and not name.startswith("."):
                yield 0, name, ()


def imported(statements: Iterable[ast.AST]) -> dict[str, str]:
    """Return the names that imports bind, each with the dotted name it stands for."""
    by_alias: dict[str, str] = {}
    for node in statements:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                by_alias[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            by_alias |= {
                alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names
            }
    return by_alias


def mentioned(
    node: ast.AST, aliases: Mapping[str, str]
) -> Iterator[tuple[ast.expr, str, tuple[str, ...]]]:
    """Yield each name and attribute that a node reads.

    With its first name, and the dotted name that it stands for.
    """
    aliases = {**aliases, **imported(ast.walk(node))}
    own = own_in(node)
    stored = {
        id(n.value)
        for n in ast.walk(node)
        if isinstance(n, ast.Subscript) and not isinstance(n.ctx, ast.Load)
    }
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Attribute | ast.Name)
            and isinstance(inner.ctx, ast.Load)
            and id(inner) not in stored
        ):
            first, *more = chain(inner) or ("", getattr(inner, "attr", ""))
            if more or first not in own:
                yield inner, first, (*aliases.get(first, first).split("."), *more)


def picked(
    node: ast.AST, aliases: Mapping[str, str]
) -> Iterator[tuple[ast.expr, ast.expr, str | None]]:
    """Yield what picks a module, the expression that names it, and the package.

    A relative name starts from the package.
    """
    names = {id(inner): ".".join(dotted) for inner, _, dotted in mentioned(node, aliases)}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and names.get(id(inner.func)) in _PICKING:
            arguments = dict(zip(("name", "package"), inner.args, strict=False))
            arguments |= {one.arg: one.value for one in inner.keywords if one.arg}
            package = arguments.get("package")
            if "name" in arguments:
                yield (
                    inner.func,
                    arguments["name"],
                    starts_with(package, {})[0] if package is not None else None,
                )
        elif isinstance(inner, ast.Subscript) and names.get(id(inner.value)) == "sys.modules":
            yield inner.value, inner.slice, None


def starts_with(node: ast.expr, constants: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the text that an expression starts with, and whether that is all of it."""
    if isinstance(node, ast.Name):
        node = ast.Constant(constants.get(node.id))
    if isinstance(node, ast.Constant):
        return (node.value, True) if isinstance(node.value, str) else ("", False)
    if isinstance(node, ast.FormattedValue) and node.conversion == -1 and node.format_spec is None:
        return starts_with(node.value, constants)
    if isinstance(node, ast.JoinedStr):
        return _joined(node.values, constants)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([node.left, node.right], constants)
    text = (
        node.left
        if isinstance(node, ast.BinOp)
        else getattr(getattr(node, "func", None), "value", None)
    )
    if isinstance(text, ast.Constant) and isinstance(
        text.value, str
    ):  # "a.%s" % b, "a.{}".format(b)
        return re.split("[%{]", text.value)[0], False
    return "", False


def _joined(parts: Iterable[ast.expr], constants: Mapping[str, Any]) -> tuple[str, bool]:
    whole, is_all = "", True
    for part in parts:
        if is_all:
            text, is_all = starts_with(part, constants)
            whole += text
    return whole, is_all
