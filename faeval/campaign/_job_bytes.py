"""A job's work as bytes, also where its functions are of a module that nobody can import."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from types import ModuleType

import cloudpickle  # type: ignore[import-untyped]  # it ships no types

from faeval._sibling_modules import Carried
from faeval.campaign._work import Work


def pack(work: Work, carried: Carried) -> bytes:
    """Pickle a job's work; functions of modules that a worker could not import travel by value."""
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
