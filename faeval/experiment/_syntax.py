"""Python source reduced to what it says, alike on every version: no comments, docstrings, blanks or positions."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any

#: What an import statement asks for: the dots before it, the module, and the names taken from it.
Import = tuple[int, str, tuple[str, ...]]

_SILENT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
#: Methods by which a container changes.
_CHANGING = frozenset(
    {
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
    }
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def scalar(value: object) -> str | None:
    """Return a constant as text that is the same everywhere, or None where the value is no constant."""
    kind = type(value)
    if kind is str:
        return ascii(value)  # repr asks the version's own Unicode tables
    if kind is int:
        return f"{value:x}"
    if kind is float:
        return f"float {value.hex()}"  # type: ignore[attr-defined]  # a float, as was just asked
    if kind is complex:
        return f"complex {value.real.hex()} {value.imag.hex()}"  # type: ignore[attr-defined]  # likewise
    if kind in (bytes, bool) or value is None or value is Ellipsis or value is NotImplemented:
        return repr(value)
    return None


def normal(node: Any) -> str:
    """Return what a node of a syntax tree says; fields that newer versions added say nothing where they are empty."""
    if isinstance(node, list):
        items = [normal(item) for item in node if not _says_nothing(item)]
        return f"[{','.join(items)}]" if items else ""
    if isinstance(node, ast.Constant):
        return str(scalar(node.value))
    if not isinstance(node, ast.AST):
        return "" if node is None else ascii(node)
    content: dict[str, Any] = {name: getattr(node, name, None) for name in node._fields if name not in _SILENT}
    if isinstance(node, ast.JoinedStr):
        content["values"] = _merged(node.values)
    if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
        content["format_spec"] = node.format_spec if _merged(node.format_spec.values) else None
    fields = (f"{name}={text}" for name, value in content.items() if (text := normal(value)))
    return f"{type(node).__name__}({','.join(fields)})"


def _says_nothing(node: Any) -> bool:
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return text or isinstance(node, ast.Pass)


def _merged(values: Sequence[ast.expr]) -> list[ast.expr]:
    """Return the parts of an f-string with neighbouring texts as one and no empty ones: versions cut them differently."""
    found: list[ast.expr] = []
    for value in values:
        if isinstance(value, ast.Constant) and not value.value:
            continue
        last = found[-1] if found else None
        if isinstance(value, ast.Constant) and isinstance(last, ast.Constant):
            found[-1] = ast.Constant(str(last.value) + str(value.value))
        else:
            found.append(value)
    return found


class Source:
    """The syntax of one file, with its functions and classes found by what their code objects say of them."""

    def __init__(self, content: bytes) -> None:
        self.tree = ast.parse(content)
        self._functions: dict[tuple[str, int], list[tuple[str, ast.AST]]] = defaultdict(list)
        self._around: dict[int, tuple[str, ast.AST]] = {}
        self._classes: dict[str, list[ast.ClassDef]] = defaultdict(list)
        self._texts: dict[int, str] = {}
        self._index(self.tree, "", None)

    def _index(self, node: ast.AST, scope: str, around: tuple[str, ast.AST] | None) -> None:
        for child in ast.iter_child_nodes(node):
            inner, outermost = scope, around
            if isinstance(child, _FUNCTIONS):
                name = "<lambda>" if isinstance(child, ast.Lambda) else child.name
                line = min(at.lineno for at in (child, *getattr(child, "decorator_list", ())))
                self._functions[name, line].append((scope + name, child))
                self._around[id(child)] = outermost = around or (scope + name, child)
                inner = f"{scope}{name}.<locals>."
            elif isinstance(child, ast.ClassDef):
                self._classes[scope + child.name].append(child)
                inner = f"{scope}{child.name}."
            self._index(child, inner, outermost)

    def text(self, node: ast.AST) -> str:
        """Return what a node of this file says."""
        if id(node) not in self._texts:
            self._texts[id(node)] = normal(node.body) if isinstance(node, ast.Module) else normal(node)
        return self._texts[id(node)]

    def function(self, code: CodeType) -> list[tuple[str, ast.AST]]:
        """Return the qualified names and nodes that a function's code may come from: one, but of lambdas on one line."""
        found = self._functions.get((code.co_name, code.co_firstlineno), [])
        if len(found) > 1:
            inside = [(name, node) for name, node in found if _holds(node, code)]
            return inside[-1:] or found  # the innermost comes last
        return found

    def around(self, node: ast.AST) -> tuple[str, ast.AST]:
        """Return the qualified name and node of the outermost function that a function stands in, or its own."""
        return self._around[id(node)]

    def mentions(self, name: str) -> list[ast.stmt]:
        """Return the statements of the file itself, but definitions, that a name stands in."""
        made = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return [s for s in self.tree.body if not isinstance(s, made) and name in names_in(s)]

    def classes(self, qualname: str, lines: Sequence[int]) -> list[ast.ClassDef]:
        """Return the nodes that a class may come from, given the first lines of its functions."""
        found = self._classes.get(qualname, [])
        inside = [node for node in found if any(node.lineno <= line <= (node.end_lineno or 0) for line in lines)]
        return inside or found


def _holds(node: ast.AST, code: CodeType) -> bool:
    body = node.body  # type: ignore[attr-defined]  # a lambda's, an expression
    spans = [span for span in code.co_positions() if None not in span and span[3]]
    begin, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    return all(begin <= (line, column) and (last, to) <= end for line, last, column, to in spans)


def names_in(node: ast.AST) -> set[str]:
    """Return the names that stand in a node."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def changed_in(node: ast.AST) -> set[str]:
    """Return the names whose values code in a node changes, outside of itself or in place, as far as it says so."""
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Global | ast.Nonlocal):
            found |= {*inner.names}
        elif isinstance(inner, ast.Subscript | ast.Attribute) and isinstance(inner.ctx, ast.Store | ast.Del):
            found |= names_in(inner.value) if isinstance(inner.value, ast.Name) else set()
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr in _CHANGING:
            found |= names_in(inner.func.value) if isinstance(inner.func.value, ast.Name) else set()
    return found


@lru_cache(maxsize=256)
def parsed(content: bytes) -> Source | None:
    """Return the syntax of a file's content, or None where it is no Python."""
    try:
        return Source(content)
    except (SyntaxError, ValueError, RecursionError):
        return None


def imports(node: ast.AST) -> Iterator[Import]:
    """Yield what is imported in a node, wherever it stands: by statements, and by name in a call."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            yield from ((0, alias.name, ()) for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom):
            yield inner.level, inner.module or "", tuple(alias.name for alias in inner.names)
        elif isinstance(inner, ast.Call) and inner.args and isinstance(inner.args[0], ast.Constant):
            called = getattr(inner.func, "attr", getattr(inner.func, "id", ""))
            name = inner.args[0].value
            if called in ("import_module", "__import__") and isinstance(name, str) and not name.startswith("."):
                yield 0, name, ()
