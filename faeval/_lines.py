"""Lines of output in which text of others may come first: none is a command to whoever reads the log of a job."""

from __future__ import annotations

import re
from typing import TextIO

# What GitHub's runner takes for a command where a line begins with it, after blanks; a word joiner parts it, unseen.
_JOINER = "\u2060"
_PARTED = re.compile(r":(?=:)|#(?=\[)")
_FIRST = re.compile(r"(^\s*|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*)(:(?=:)|##(?=\[))")


def inert(text: object) -> str:
    """Return text none of whose lines begins with ``::`` or ``##[``.

    Examples
    --------
    >>> inert("  ::error::x, a::b").encode("ascii", "backslashreplace")
    b'  :\\\\u2060:error::x, a::b'
    """
    return _FIRST.sub(rf"\1\2{_JOINER}", str(text))


def inert_wherever_cut(text: str) -> str:
    """Return text none of whose lines begins so wherever it is broken into lines."""
    return _PARTED.sub(rf"\g<0>{_JOINER}", text)


class InertStream:
    """A text stream that writes every text inert; a text must begin at the beginning of a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text."""
        return self._stream.write(inert(text))

    def flush(self) -> None:
        """Flush what was written."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    @property
    def encoding(self) -> str:
        """The encoding of the stream."""
        return self._stream.encoding
