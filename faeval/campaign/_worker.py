"""Work as bytes: packed for a worker; unpacked and done there, and its summary sent back."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from faeval import _sibling_modules
from faeval._isolation import spared_stdout
from faeval.campaign._provenance import versions_here
from faeval.campaign._run import perform, perform_many
from faeval.campaign._work import Summary, Work, details_of, text_of


def pack(work: Work, carried: _sibling_modules.Carried) -> bytes:
    """Pickle a job's work; functions of modules that a worker could not import travel by value."""
    import cloudpickle  # type: ignore[import-untyped]  # it ships no types

    functions = [call for call in work.functions() if not isinstance(call, str)]
    modules = {
        sys.modules.get(getattr(getattr(function, "func", function), "__module__", ""))
        for function in functions
    }
    by_value = [
        m
        for m in modules
        if m is not None and m.__name__ not in carried.sources and not _importable(m)
    ]
    registered = cloudpickle.list_registry_pickle_by_value()
    for module in by_value:
        cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(work))
    finally:
        for module in by_value:
            if module.__name__ not in registered:
                cloudpickle.unregister_pickle_by_value(module)


def _importable(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:
        return True  # built in
    path, spec = None, None
    parts = module.__name__.split(".")
    for end in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:end]), path)
        if spec is None:
            return False
        path = spec.submodule_search_locations
    return spec is not None and spec.origin == file


def perform_packed(
    numbers: Sequence[int],
    packed: Sequence[bytes],
    carried: _sibling_modules.Carried,
    wait: bool = True,
) -> list[tuple[int, Summary]]:
    """Do works that came as bytes, several in one stacked run; without one of them, none."""
    works: list[Work] = []
    for content in packed:
        work = _unpacked(content, carried)
        if isinstance(work, Summary):
            return [(number, work) for number in numbers]
        works.append(work)
    summaries = [perform(works[0], wait=wait)] if len(works) == 1 else perform_many(works)
    return list(zip(numbers, summaries, strict=True))


def _unpacked(packed: bytes, carried: _sibling_modules.Carried) -> Work | Summary:
    """Return the work, or why it cannot be done in this worker."""
    # A run may start processes, in the platform's own way.
    if multiprocessing.parent_process() is not None:
        multiprocessing.set_start_method(None, force=True)
        multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    try:
        _sibling_modules.install(carried)
        with spared_stdout():
            work: Work = pickle.loads(packed)  # made by our own parent, never read from a file
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Summary(
            0.0, f"its function cannot be loaded in a worker ({text_of(error)})", details_of(error)
        )
    if work.beacon is not None and (
        problem := misplaced(work.store, work.beacon, work.provenance.versions)
    ):
        return Summary(0.0, problem)  # a worker that came later than the campaign's start
    return work


def misplaced(store: Path, beacon: str, versions: Mapping[str, str]) -> str | None:
    """Return why a worker on another machine cannot work for a campaign, or None."""
    if not (store / "runs" / beacon).exists():
        return (
            f"the store {str(store)!r} is not there, or another folder of that name; put the store"
            " (--store) in a folder that all machines of the cluster share."
        )
    here = versions_here(tuple(versions))
    for name, version in versions.items():
        if here.get(name) != version:
            return (
                f"has {name} {here.get(name, 'not')} where the campaign has {version}, and its"
                " records would say so wrongly; install the same versions on all machines."
            )
    return None
