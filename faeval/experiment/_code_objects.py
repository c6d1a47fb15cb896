"""What live objects say of themselves: their names, globals, functions, and the bytes of arrays."""

from __future__ import annotations

import hashlib
import sys
import types
import weakref
from collections.abc import Iterable, Mapping
from functools import cached_property, partial, partialmethod
from typing import Any

from faeval.experiment._modules import home_of
from faeval.experiment._syntax import kept_text, parsed


def held_by(value: Any) -> Any:
    """Return what a weak reference, or a collection of them, holds; any other value itself."""
    if type(value) is weakref.ref:
        return value()
    if type(value) in (weakref.WeakValueDictionary, weakref.WeakKeyDictionary):
        return dict(value)
    return set(value) if type(value) is weakref.WeakSet else value


def cell_content(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def attribute(value: object, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception:  # whatever a property of anyone's raises
        return None


def library_name(value: Any) -> str:
    """Return ``module:name`` of what an installed package knows under a name of its own.

    Empty where none does.
    """
    modules = [
        attribute(value, "__module__"),
        type(value).__module__,
        type(attribute(value, "__self__")).__module__,
    ]
    names = [attribute(value, "__qualname__"), attribute(value, "__name__")]
    for module in modules:
        content = (
            vars(sys.modules[module]) if isinstance(module, str) and module in sys.modules else {}
        )
        if not content or home_of(content).users:
            continue
        for name in names:
            if isinstance(name, str) and at_path(content, name) is value:
                return f"{module}:{name}"
        if module == type(value).__module__:
            for name, other in list(content.items()):
                if other is value:
                    return f"{module}:{name}"
    return ""


def library_function(function: types.FunctionType) -> str:
    """Return the name of a function of an installed package that it knows under that name.

    Empty for others.
    """
    module = sys.modules.get(function.__module__ or "")
    if module is None or at_path(vars(module), function.__qualname__) is not function:
        return ""
    return "" if home_of(vars(module)).users else f"{function.__module__}:{function.__qualname__}"


def at_path(content: Mapping[str, Any], qualname: str) -> Any:
    first, *rest = qualname.split(".")
    value = content.get(first)
    for name in rest:
        value = attribute(value, name)
    return value


def globals_of(call: Any) -> dict[str, Any]:
    """Return the globals of the function or class that a callable is about."""
    while isinstance(call, partial):
        call = call.func
    function = call.__func__ if isinstance(call, types.MethodType) else call
    if isinstance(function, types.FunctionType):
        return function.__globals__
    return globals_of_class(call if isinstance(call, type) else type(call))


def globals_of_class(cls: type) -> dict[str, Any]:
    """Return the globals of a class, by its functions.

    Another module may stand under its module's name by now.
    """
    for value in vars(cls).values():
        function = function_in(value)
        if (
            function is not None
            and function.__globals__.get("__name__", "builtins") == cls.__module__
        ):
            return function.__globals__
    module = sys.modules.get(cls.__module__)
    return vars(module) if module is not None else {"__name__": cls.__module__}


def function_in(value: Any) -> types.FunctionType | None:
    for name in ("__func__", "fget", "func"):
        if not isinstance(value, types.FunctionType) and isinstance(value, _WRAPPERS):
            value = getattr(value, name, value)
    return value if isinstance(value, types.FunctionType) else None


_WRAPPERS = (staticmethod, classmethod, property, cached_property, partialmethod)


def is_generated(value: object) -> bool:
    """Whether a library made a function from text, as those of a dataclass.

    Then the class says all of it.
    """
    function = function_in(value)
    while function is not None and isinstance(
        inner := vars(function).get("__wrapped__"), types.FunctionType
    ):
        function = inner
    if function is None:
        return False
    name = function.__code__.co_filename
    if not name.startswith("<"):
        return False
    # from 3.13 on the text of `python -c` is kept under the name that generated code has, too
    text = kept_text(name)
    source = parsed(text)
    return not text or (source is not None and not source.function(function.__code__))


def file_of(functions: Iterable[types.FunctionType]) -> str:
    return next((f.__code__.co_filename for f in functions if not is_generated(f)), "")


def array_parts(value: Any) -> tuple[object, ...] | None:
    """Return type, shape and bytes of an array or tensor, and None of anything else.

    NumPy and torch are those that are loaded; neither is imported.
    """
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and isinstance(value, numpy.dtype):
        return "dtype", value.str, value.descr if value.names else ""
    if numpy is not None and type(value) in (numpy.ndarray, numpy.memmap):
        return _numpy_parts(numpy, value)
    tensor = getattr(torch, "Tensor", None)  # a claims file may be called torch, too
    if isinstance(tensor, type) and isinstance(value, tensor):
        return _tensor_parts(torch, value)
    return None


def _numpy_parts(numpy: Any, array: Any) -> tuple[object, ...] | None:
    kind = array.dtype
    if kind.hasobject:
        return None
    flat = numpy.ascontiguousarray(array).reshape(-1).view(numpy.uint8)
    return "array", kind.str, kind.descr if kind.names else "", array.shape, _sha256(flat)


def _tensor_parts(torch: Any, tensor: Any) -> tuple[object, ...] | None:
    if tensor.layout != torch.strided or tensor.is_meta:
        return None
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    try:
        content = _sha256(flat.view(torch.uint8).numpy())
    except (RuntimeError, TypeError):  # a type without bytes of its own
        return None
    about = type(tensor).__name__, tensor.dtype, tuple(tensor.shape), tensor.requires_grad
    return "tensor", *about, content


def _sha256(content: Any) -> str:
    return hashlib.sha256(content).hexdigest()
