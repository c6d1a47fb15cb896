"""The source that a code object comes from, and the names that it looks up."""

from __future__ import annotations

import dis
import linecache
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from faeval.experiment._code_values import text_of
from faeval.experiment._modules import Home
from faeval.experiment._syntax import Source, parsed, scalar


def source_of(filename: str, content: dict[str, Any], home: Home) -> Source | None:
    """Return the source of a code object, as it stands on disk or as a notebook keeps it."""
    if home.file is not None and Path(filename).name == Path(home.file).name:
        return read_source(home.file)
    if Path(filename).is_file():
        return read_source(filename)
    lines = linecache.getlines(filename, content)
    return parsed("".join(lines).encode("utf-8", "surrogatepass")) if lines else None


def read_source(file: str) -> Source | None:
    try:
        return parsed(Path(file).read_bytes())
    except OSError:
        return None


def notebook_source(content: Mapping[str, Any]) -> Source | None:
    """Return what a notebook has run so far, where it keeps that, less cells of no Python."""
    cells = content.get("In")
    texts = (
        [text.encode("utf-8", "surrogatepass") for text in cells if isinstance(text, str)]
        if cells
        else []
    )
    return parsed(b"\n".join(text for text in texts if parsed(text) is not None))


def nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from nested(constant)


def names_looked_up(code: types.CodeType) -> set[tuple[str, ...]]:
    """Return the names that code looks up outside itself, with their attributes.

    The attributes are those that it then asks for.
    """
    chains: set[tuple[str, ...]] = set()
    for inner in nested(code):
        chain: tuple[str, ...] = ()
        for step in dis.get_instructions(inner):
            if chain and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                chain = (*chain, step.argval)
            elif step.opname not in ("CACHE", "PUSH_NULL", "EXTENDED_ARG"):
                chains.add(chain)
                outside = step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
                chain = (step.argval,) if outside else ()
        chains.add(chain)
    return chains - {()}


def without_source(code: types.CodeType) -> str:
    """Return the names and constants of a code object.

    They are the little that all versions of Python agree on.
    """
    names = sorted({name for inner in nested(code) for name in inner.co_names})
    constants = {
        text for inner in nested(code) for c in inner.co_consts if (text := scalar(c)) is not None
    }
    return text_of("no source", names, sorted(constants - {"None"}))
