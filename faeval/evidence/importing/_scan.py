"""Questions to the bytes of a large table of text, answered some megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 22
_QUOTE = ord('"')

Flags = NDArray[np.bool_]


def has_outer_blanks(content: bytes, start: int, delimiter: str) -> bool:
    """Whether a blank stands at an edge of some field, from a position on."""
    if content.find(b"\xc2\xa0", start) >= 0:  # one that does not break
        return True
    blanks = [b for b in (b" ", b"\t") if b.decode() != delimiter and content.find(b, start) >= 0]
    if not blanks:
        return False
    blank, edge = _table(b"".join(blanks)), _edges(delimiter)
    return any(
        bool((blank[here] & (edge[rest] | edge[right])).any())
        for here, rest, right in _blocks(content, start)
    )


def count_delimiters(content: bytes, start: int, delimiter: str) -> int | None:
    """Count the delimiters outside of quotes, from a position on.

    None where a quote stands elsewhere than around a field, or is not closed.
    """
    sign, edge = ord(delimiter), _edges(delimiter)
    if content.find(b'"', start) < 0:
        return content.count(delimiter.encode(), start)
    count, open_quotes = 0, 0
    for here, rest, right in _blocks(content, start):
        quotes = here == _QUOTE
        # A count modulo 256 is as odd as the count.
        inside = ((np.cumsum(quotes, dtype=np.uint8) + np.uint8(open_quotes)) & 1).astype(bool)
        opening, closing = quotes & inside, quotes & ~inside
        if not (edge[rest[opening]].all() and edge[right[closing]].all()):
            return None
        count += int(((here == sign) & ~inside).sum())
        open_quotes = int(inside[-1])
    return None if open_quotes else count


def _table(signs: bytes) -> Flags:
    table = np.zeros(256, dtype=bool)
    table[list(signs)] = True
    return table


def _edges(delimiter: str) -> Flags:
    return _table(b'\n\r"' + delimiter.encode())


def _blocks(
    content: bytes, start: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]]:
    """Each block of bytes, with those before and after each; around the whole are line ends."""
    whole = np.frombuffer(content, dtype=np.uint8)
    ends = np.array([ord("\n")], dtype=np.uint8)
    for at in range(start, len(whole), _BLOCK):
        to = min(at + _BLOCK, len(whole))
        before = whole[at - 1 : at] if at > start else ends
        after = whole[to : to + 1] if to < len(whole) else ends
        padded = np.concatenate([before, whole[at:to], after])
        yield padded[1:-1], padded[:-2], padded[2:]
