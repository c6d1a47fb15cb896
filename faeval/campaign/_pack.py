"""A job's work as bytes that another process can read, also where its functions are of a module that nobody can import."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from types import ModuleType

import cloudpickle  # type: ignore[import-untyped]  # it ships no types

from faeval.campaign._run import Work


def pack(work: Work) -> bytes:
    """Pickle a job's work; functions of modules that a worker could not import travel by value."""
    stages = [work.training, work.training_many, *(stage for _, stage in work.audits.values())]
    made = [stage.call for stage in stages if stage is not None] + [
        call for c in work.components for call in (c.make, c.exact)
    ]
    functions = [call for call in made if not isinstance(call, str)]
    modules = {
        sys.modules.get(getattr(getattr(function, "func", function), "__module__", "")) for function in functions
    }
    carried = [module for module in modules if module is not None and not _importable(module)]
    known = cloudpickle.list_registry_pickle_by_value()
    for module in carried:
        cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(work))
    finally:
        for module in carried:
            if module.__name__ not in known:
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
