"""Counts of the source, and the limits that it keeps: `python tests/project/house.py`, part of
`tox -e lint`. It exits with 1 and names each place where a limit is broken.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
COLUMNS = 100
#: Lines of a module.
LENGTH = 500
#: Cyclomatic complexity of a function, as McCabe counts it.
COMPLEXITY = 15
#: Names that say that something was found or given, and not what it is.
# fmt: off
PARTICIPLES = frozenset(
    {
        "asked", "beside", "checked", "chosen", "counted", "declared", "done", "drawn", "fetched",
        "filled", "found", "gathered", "given", "got", "held", "kept", "known", "left", "listed",
        "loaded", "made", "meant", "measured", "met", "named", "noted", "parsed", "placed",
        "printed", "put", "read", "reached", "resolved", "returned", "said", "seen", "sent",
        "shown", "spelt", "stated", "stood", "taken", "thought", "told", "tried", "used",
        "wanted", "written",
    }
)
# fmt: on
#: Where the kinds of assertion and the rules are known by name: the tables, and those who make one.
TABLES = ("faeval/stats/_kinds.py", "faeval/stats/_rules.py")
KINDS = frozenset({"exceeds", "below", "not_above", "not_below", "equivalent"})
#: What must hold.
ALLOWED = {
    "long lines": 0,
    "long modules": 0,
    "complex functions": 0,
    "participles, %": 0.5,
    "kinds compared": 0,
}

Place = tuple[str, int, str]


def sources() -> dict[str, str]:
    """The package's modules by their path from the root."""
    paths = sorted((ROOT / "faeval").rglob("*.py"))
    return {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in paths}


def room(path: str) -> str:
    """The folder below faeval/ that a module lies in."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else "."


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function, those inside others too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions inside it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child
            yield from own_nodes(child)


def complexity(function: ast.AST) -> int:
    """1 and one for each way to branch: if, loop, except, case, comprehension, boolean operand."""
    total = 1
    for node in own_nodes(function):
        branches = ast.If | ast.For | ast.AsyncFor | ast.While | ast.IfExp | ast.ExceptHandler
        if isinstance(node, branches | ast.match_case):
            total += 1
        elif isinstance(node, ast.comprehension):
            total += 1 + len(node.ifs)
        elif isinstance(node, ast.BoolOp):
            total += len(node.values) - 1
    return total


def local_names(function: ast.AST) -> set[str]:
    """The names that a function binds, its arguments apart."""
    nodes = (n for n in own_nodes(function) if isinstance(n, ast.Name))
    return {n.id for n in nodes if isinstance(n.ctx, ast.Store)}


def kind_comparisons(path: str, tree: ast.AST) -> Iterator[Place]:
    """Comparisons with the name of a kind of assertion, where the table should be asked."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        operands = (node.left, *node.comparators)
        words = {
            n.value for o in operands for n in ast.walk(o) if isinstance(n, ast.Constant)
        } & KINDS
        if words:
            yield path, node.lineno, " ".join(sorted(words))


def circles() -> list[tuple[str, ...]]:
    """Circles of modules, imports inside functions and for types counted."""
    graph = grimp.build_graph("faeval", exclude_type_checking_imports=False, cache_dir=None)
    edges = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
    return [tuple(sorted(c)) for c in _components(edges) if len(c) > 1]


def _components(edges: dict[str, set[str]]) -> list[set[str]]:
    """Strongly connected components: modules that reach each other."""
    reach: dict[str, set[str]] = {}
    for start in edges:
        seen: set[str] = set()
        stack = list(edges[start])
        while stack:
            module = stack.pop()
            if module not in seen:
                seen.add(module)
                stack += edges.get(module, ())
        reach[start] = seen
    groups = {frozenset(b for b in reach[a] if a in reach[b]) | {a} for a in edges}
    return [set(g) for g in groups]


def private_imports() -> Iterator[bool]:
    """Whether each file of tests imports a private module of the package."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        yield bool(re.search(r"^\s*from faeval[a-z_.]*(\._| import _)", text, re.MULTILINE))


def summary_lines(tree: ast.AST) -> Iterator[int]:
    """Where a docstring's first paragraph has more than one line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and "\n" in text.split("\n\n")[0].strip():
                yield node.body[0].lineno


def main(arguments: Sequence[str] = ()) -> int:
    """Print the counts; return 1 where a limit is broken."""
    rooms: dict[str, Counter[str]] = {}
    long_lines: list[Place] = []
    long_modules: list[Place] = []
    complex_functions: list[Place] = []
    participles: list[Place] = []
    kinds: list[Place] = []
    names = riddles = total_complexity = total_functions = 0
    for path, text in sources().items():
        tree = ast.parse(text)
        lines = text.splitlines()
        rooms.setdefault(room(path), Counter()).update(
            files=1,
            lines=len(lines),
            statements=sum(isinstance(n, ast.stmt) for n in ast.walk(tree)),
        )
        long_lines += [
            (path, i, f"{len(line)} columns")
            for i, line in enumerate(lines, 1)
            if len(line) > COLUMNS
        ]
        if len(lines) > LENGTH:
            long_modules.append((path, 1, f"{len(lines)} lines"))
        for function in functions(tree):
            size = complexity(function)
            total_complexity, total_functions = total_complexity + size, total_functions + 1
            if size > COMPLEXITY:
                complex_functions.append((path, function.lineno, f"{function.name}: {size}"))
            bound = local_names(function)
            names += len(bound)
            participles += [(path, function.lineno, name) for name in sorted(bound & PARTICIPLES)]
        riddles += sum(1 for _ in summary_lines(tree))
        if path not in TABLES:
            kinds += kind_comparisons(path, tree)
    print(f"{'room':<14}{'files':>6}{'lines':>8}{'statements':>12}")
    for name, count in sorted(rooms.items()):
        print(f"{name:<14}{count['files']:>6}{count['lines']:>8}{count['statements']:>12}")
    total = sum(rooms.values(), Counter())
    print(f"{'all':<14}{total['files']:>6}{total['lines']:>8}{total['statements']:>12}")
    share = 100 * len(participles) / max(names, 1)
    comments = sum(len(re.findall(r"^\s*#", text, flags=re.M)) for text in sources().values())
    rings = circles()
    print(
        f"mean complexity {total_complexity / total_functions:.2f} of {total_functions} functions"
    )
    print(f"comment lines {100 * comments / total['lines']:.1f} %")
    print(f"local names that are bare participles {share:.2f} % of {names}")
    print(f"docstrings whose summary is longer than a line {riddles}")
    print(f"files of tests that import private modules {sum(map(bool, private_imports()))}")
    print(f"circles of modules {len(rings)}, {sum(map(len, rings))} modules in them")
    broken = {
        "long lines": (len(long_lines), long_lines),
        "long modules": (len(long_modules), long_modules),
        "complex functions": (len(complex_functions), complex_functions),
        "participles, %": (share, participles),
        "kinds compared": (len(kinds), kinds),
    }
    status = 1 if rings else 0
    for ring in rings:
        print("circle:", ", ".join(ring))
    for name, (amount, places) in broken.items():
        print(f"{name}: {amount:.3g}, allowed {ALLOWED[name]}")
        if amount > ALLOWED[name]:
            status = 1
            if "-v" in arguments:
                for path, line, what in places:
                    print(f"  {path}:{line}: {what}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
