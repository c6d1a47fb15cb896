"""The names that a claims file gives, from its text.

It finds the line of each claim, and claims that would be lost.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from faeval.errors import ClaimsFileError

_Assignment = ast.Assign | ast.AnnAssign


@dataclass(frozen=True)
class _Place:
    """Where a statement stands: in a loop, or in another block that may not run."""

    loop: bool = False
    block: bool = False


def names_given(tree: ast.Module, file: Path) -> dict[str, int]:
    """Return the line of each name assigned at module level.

    Raises
    ------
    ClaimsFileError
        A claim would be lost: it has no name, or the name of another, or that of the loop's next
        one.
    """
    lines: dict[str, int] = {}
    claims: set[str] = set()
    for node, place in _statements(tree.body):
        if isinstance(node, ast.Expr):
            if _makes_claim(node.value):
                raise ClaimsFileError(
                    f"{file}:{node.lineno}: this claim has no name, so it would not be verified;"
                    " assign it to a variable."
                )
            continue
        is_claim = _makes_claim(node.value)
        if is_claim and place.loop:
            raise ClaimsFileError(
                f"{file}:{node.lineno}: a claim made in a loop takes the name of the one before,"
                " which would not be verified; make it in a function, and assign what each call"
                " returns to a variable of its own."
            )
        for target in _targets(node):
            if (
                not (place.loop or place.block)
                and target.id in lines
                and (is_claim or target.id in claims)
            ):
                raise ClaimsFileError(
                    f"{file}:{node.lineno}: the name {target.id!r} stands for a claim and was given"
                    f" before, in line {lines[target.id]}; two claims of one name cannot be told"
                    " apart, rename one."
                )
            lines[target.id] = node.lineno
            if is_claim:
                claims.add(target.id)
    return lines


def _makes_claim(value: ast.expr | None) -> bool:
    return (
        isinstance(value, ast.Call)
        and getattr(value.func, "attr", getattr(value.func, "id", "")) == "Claim"
    )


def _statements(
    body: Iterable[ast.stmt], place: _Place = _Place()
) -> Iterator[tuple[_Assignment | ast.Expr, _Place]]:
    """Yield the assignments and bare expressions of a module's level, and where each stands."""
    for node in body:
        if isinstance(node, _Assignment | ast.Expr):
            yield node, place
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = _Place(place.loop or isinstance(node, ast.For | ast.While), True)
            parts = [node, *getattr(node, "handlers", ()), *getattr(node, "cases", ())]
            for block in (
                getattr(part, name, [])
                for part in parts
                for name in ("body", "orelse", "finalbody")
            ):
                yield from _statements(block, inner)


def _targets(node: _Assignment) -> list[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    flat = [
        item
        for target in targets
        for item in (target.elts if isinstance(target, ast.Tuple | ast.List) else [target])
    ]
    return [target for target in flat if isinstance(target, ast.Name)]
