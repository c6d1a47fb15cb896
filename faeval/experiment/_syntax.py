"""Python source reduced to what it says, alike on every version.

No comments, docstrings, blanks or positions.
"""

from __future__ import annotations

import ast
import linecache
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import CodeType
from typing import Any

from faeval.experiment._names import bound_in, chain, changed_in, imported, names_in

_SILENT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete)
#: Names without an import by which a statement sets something anywhere.
_SETTERS = frozenset({"__builtins__", "__import__", "exec"})
#: What is set for a machine's folders.
_PATHS = ("sys.path", "site.addsitedir")


@dataclass(frozen=True)
class Step:
    """A statement that importing a file runs, with the conditions, loops and calls around it."""

    statement: ast.stmt
    around: tuple[ast.AST | str, ...]

    def nodes(self) -> Iterator[ast.AST]:
        """Yield the statement and what stands around it."""
        yield self.statement
        yield from (node for node in self.around if not isinstance(node, str))

    def text(self) -> str:
        """Return what it says."""
        around = [at if isinstance(at, str) else normal(at) for at in self.around]
        return " ".join([*around, normal(self.statement)])


def steps(body: Sequence[ast.AST], around: tuple[ast.AST | str, ...] = ()) -> Iterator[Step]:
    """Yield the plain statements of a body and of its blocks.

    Not those that a file runs as a script only.
    """
    for node in body:
        if isinstance(node, _DEFINITIONS):
            continue
        parts = {name: value for name, value in ast.iter_fields(node) if value}
        blocks = {name: value for name, value in parts.items() if _is_block(value)}
        if not blocks and isinstance(node, ast.stmt):
            yield Step(node, around)
        head = [one for name, value in parts.items() if name not in blocks for one in _nodes(value)]
        if isinstance(node, ast.If) and _asks_for_script(node.test):
            del blocks["body"]
        for name, inner in blocks.items():
            yield from steps(inner, (*around, name, *head))


def _is_block(value: object) -> bool:
    """Whether the value of a field is a list of statements, of handlers or of cases."""
    return isinstance(value, list) and isinstance(
        value[0], ast.stmt | ast.excepthandler | ast.match_case
    )


def _nodes(value: object) -> list[ast.AST]:
    return [
        one for one in (value if isinstance(value, list) else [value]) if isinstance(one, ast.AST)
    ]


def _asks_for_script(test: ast.expr) -> bool:
    constants = {inner.value for inner in ast.walk(test) if isinstance(inner, ast.Constant)}
    return "__name__" in names_in(test) and "__main__" in constants


def scalar(value: object) -> str | None:
    """Return a constant as text that is the same everywhere, or None for other values."""
    kind = type(value)
    if kind is str:
        return ascii(value)  # repr asks the version's own Unicode tables
    if kind is int:
        return f"{value:x}"
    if kind is float:
        return f"float {value.hex()}"  # type: ignore[attr-defined]  # a float, as was just asked
    if kind is complex:
        return f"complex {value.real.hex()} {value.imag.hex()}"  # type: ignore[attr-defined]
    if kind in (bytes, bool) or value is None or value is Ellipsis or value is NotImplemented:
        return repr(value)
    return None


def normal(node: Any) -> str:
    """Return what a node of a syntax tree says.

    Fields that newer versions added say nothing where they are empty.
    """
    if isinstance(node, list):
        items = [normal(item) for item in node if not _says_nothing(item)]
        return f"[{','.join(items)}]" if items else ""
    if isinstance(node, ast.Constant):
        return str(scalar(node.value))
    if not isinstance(node, ast.AST):
        return "" if node is None else ascii(node)
    fields = (f"{name}={text}" for name, value in _content(node) if (text := normal(value)))
    return f"{type(node).__name__}({','.join(fields)})"


def _content(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a node that say something, each with its value."""
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(node, ast.JoinedStr) and name == "values":
            value = _merged(node.values)
        elif isinstance(node, ast.FormattedValue) and isinstance(value, ast.JoinedStr):
            value = value if _merged(value.values) or name != "format_spec" else None
        if name not in _SILENT:
            yield name, value


def _says_nothing(node: Any) -> bool:
    text = (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
    return text or isinstance(node, ast.Pass)


def _merged(values: Sequence[ast.expr]) -> list[ast.expr]:
    """Return the parts of an f-string, neighbouring texts joined, empty ones left out.

    Versions cut them differently.
    """
    parts: list[ast.expr] = []
    for value in values:
        if isinstance(value, ast.Constant) and not value.value:
            continue
        last = parts[-1] if parts else None
        if isinstance(value, ast.Constant) and isinstance(last, ast.Constant):
            parts[-1] = ast.Constant(str(last.value) + str(value.value))
        else:
            parts.append(value)
    return parts


class Source:
    """The syntax of one file, its functions and classes found by their code objects."""

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
            self._texts[id(node)] = (
                normal(node.body) if isinstance(node, ast.Module) else normal(node)
            )
        return self._texts[id(node)]

    def function(self, code: CodeType) -> list[tuple[str, ast.AST]]:
        """Return the qualified names and nodes that a function's code may come from.

        One, but of lambdas on one line.
        """
        definitions = self._functions.get((code.co_name, code.co_firstlineno), [])
        if len(definitions) > 1:
            inside = [(name, node) for name, node in definitions if _holds(node, code)]
            return inside[-1:] or definitions  # the innermost comes last
        return definitions

    def around(self, node: ast.AST) -> tuple[str, ast.AST]:
        """Return the qualified name and node of the outermost function around a function.

        Its own where there is none.
        """
        return self._around[id(node)]

    def mentions(self, name: str) -> list[ast.stmt]:
        """Return the statements of the file itself, but definitions, that a name stands in."""
        return [
            s for s in self.tree.body if not isinstance(s, _DEFINITIONS) and name in names_in(s)
        ]

    @cached_property
    def steps(self) -> list[Step]:
        """The statements that importing the file runs."""
        return list(steps(self.tree.body))

    @cached_property
    def imported(self) -> dict[str, str]:
        """The names that the file imports, each with the dotted name of what it stands for."""
        return imported(self.asked)

    @cached_property
    def asked(self) -> list[ast.Import | ast.ImportFrom]:
        """The imports of the file."""
        return [
            at
            for step in self.steps
            if isinstance(at := step.statement, ast.Import | ast.ImportFrom)
        ]

    @cached_property
    def unused(self) -> list[ast.stmt]:
        """The imports of the file by names that stand nowhere else in it."""
        names = names_in(self.tree)
        return [at for at in self.asked if not names & imported([at]).keys()]

    @cached_property
    def effects(self) -> dict[tuple[str, ...], list[Step]]:
        """The statements that set something outside of the file, by the name of what they set.

        They call, or assign to an attribute or item of, what was imported. What is about results of
        faeval's is none.
        """
        by_target: dict[tuple[str, ...], list[Step]] = defaultdict(list)
        results = {
            name for name, stands in self.imported.items() if stands.partition(".")[0] == "faeval"
        }
        for step in self.steps:
            if names_in(step.statement) & results:
                results |= bound_in(step.statement) | changed_in(step.statement)
            results |= {
                name for at in step.nodes() if names_in(at) & results for name in bound_in(at)
            }
            if any(names_in(at) & results for at in step.nodes()):
                continue
            for name, effect in self._effects(step, self.imported, frozenset(results)):
                if not ".".join(name).startswith(_PATHS):
                    by_target[name].append(effect)
        return by_target

    def _effects(
        self, step: Step, aliases: Mapping[str, str], without: frozenset[str]
    ) -> Iterator[tuple[tuple[str, ...], Step]]:
        for at, is_call in _set_by(step.statement):
            first, *more = chain(at) or ("",)
            if first in self.got and not is_call:
                yield (
                    (*chain(self.got[first].value), *more),
                    Step(step.statement, (*step.around, self.got[first])),
                )
            elif first in aliases or first in _SETTERS:
                yield (*aliases.get(first, first).split("."), *more), step
            elif is_call and not more and first in self._defined and first not in without:
                definition = self._defined[first]
                inside = dict(aliases) | imported(ast.walk(definition))
                targets = (
                    e
                    for inner in steps(definition.body)
                    for e in self._effects(inner, inside, without | {first})
                )
                if not names_in(definition) & without and next(targets, None):
                    yield (first,), step  # all that it does counts, by its name

    @cached_property
    def _defined(self) -> dict[str, ast.FunctionDef]:
        return {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}

    @cached_property
    def got(self) -> dict[str, ast.Assign]:
        """The names of what is a module's own, by the assignments.

        ``flags = torch.backends``, ``c = getcontext()``.
        """
        by_name = {}
        for at in (step.statement for step in self.steps):
            if (
                isinstance(at, ast.Assign)
                and isinstance(at.targets[0], ast.Name)
                and chain(at.value)
            ):
                callee = at.value.func if isinstance(at.value, ast.Call) else None
                if chain(at.value)[0] in self.imported and (
                    callee is None or chain(callee)[-1].startswith("get")
                ):
                    by_name[at.targets[0].id] = at
        return by_name

    def makes(self, name: str) -> list[ast.stmt]:
        """Return the statements of the file itself that assign to a name."""
        return [step.statement for step in self.steps if name in bound_in(step.statement)]

    def classes(self, qualname: str, lines: Sequence[int]) -> list[ast.ClassDef]:
        """Return the nodes that a class may come from, given the first lines of its functions."""
        definitions = self._classes.get(qualname, [])
        inside = [
            node
            for node in definitions
            if any(node.lineno <= line <= (node.end_lineno or 0) for line in lines)
        ]
        return inside or definitions


def _holds(node: ast.AST, code: CodeType) -> bool:
    body = node.body  # type: ignore[attr-defined]  # a lambda's, an expression
    spans = [span for span in code.co_positions() if None not in span and span[3]]
    begin, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    return all(begin <= (line, column) and (last, to) <= end for line, last, column, to in spans)


def _set_by(statement: ast.stmt) -> Iterator[tuple[ast.expr, bool]]:
    """Yield what a statement calls for its effect or sets part of, and whether it is called.

    It sets part of what has its attribute or item set.
    """
    if isinstance(statement, _ASSIGNMENTS):
        targets = [
            one for name in ("target", "targets") for one in _nodes(getattr(statement, name, []))
        ]
        for inner in (inner for target in targets for inner in ast.walk(target)):
            if isinstance(inner, ast.Attribute | ast.Subscript) and not isinstance(
                inner.ctx, ast.Load
            ):
                yield inner, False
        dropped = all(isinstance(target, ast.Name) and target.id == "_" for target in targets)
    else:
        dropped = isinstance(statement, ast.Expr)
    value = getattr(statement, "value", None)
    if dropped and isinstance(value, ast.Call):
        yield value, True


def kept_text(name: str, content: dict[str, Any] | None = None) -> bytes:
    """Return the text that Python keeps of code that may be of no file; empty where it keeps none.

    A notebook keeps that of its cells so; ``content`` is the module that the code is of.
    """
    return "".join(linecache.getlines(name, content)).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=256)
def parsed(content: bytes) -> Source | None:
    """Return the syntax of a file's content, or None where it is no Python."""
    try:
        return Source(content)
    except (SyntaxError, ValueError, RecursionError):
        return None
