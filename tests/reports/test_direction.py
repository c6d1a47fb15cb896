"""Inside reports imports run in one direction, those in functions and for types counted."""

from __future__ import annotations

from graphlib import TopologicalSorter

import pytest

grimp = pytest.importorskip("grimp", reason="comes with import-linter")

ROOMS = ["data", "words", "figures", "views", "formats"]


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    graph = grimp.build_graph("faeval", exclude_type_checking_imports=False, cache_dir=None)
    modules = {m for m in graph.modules if m.startswith("faeval.reports.")}
    return {m: graph.find_modules_directly_imported_by(m) & modules for m in modules}


def test_no_file_of_reports_imports_itself_by_any_way_round(imports: dict[str, set[str]]) -> None:
    assert list(TopologicalSorter(imports).static_order())  # raises for a cycle


def test_no_room_of_reports_imports_one_above_it(imports: dict[str, set[str]]) -> None:
    def rank(module: str) -> int:
        room = module.split(".")[2]
        return ROOMS.index(room) if room in ROOMS else len(ROOMS)

    upward = {(a, b) for a, found in imports.items() for b in found if rank(b) > rank(a)}
    assert len(imports) > 20
    assert upward == set()
