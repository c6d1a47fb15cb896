"""Text of others, made harmless and short before it is shown.

No character acts on a terminal or on a reader's order, and no line begins a command to the runner
of a job.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TextIO

#: The longest message, in characters.
MESSAGE = 2000

_JOINERS = "\u200c\u200d"  # Persian and emoji need them, and they move nothing


def cut(text: str, most: int = MESSAGE) -> str:
    """Return text of at most so many characters.

    Of a longer one the middle is left out, and its length said.

    Examples
    --------
    >>> cut("x" * 50_000, 50)
    'x ... (49998 characters left out) ... x'
    """
    if len(text) <= most:
        return text
    half = max(0, most - 48) // 2  # what is said of the rest needs the others, however much it is
    return (
        f"{text[:half]} ... ({len(text) - 2 * half} characters left out) ..."
        f" {text[len(text) - half :]}"
    )


def printable(text: object, most: int = MESSAGE) -> str:
    """Return lines of which no sign acts, each of at most so many characters.

    Control characters, direction marks, invisible characters, lone surrogates and noncharacters
    become U+FFFD, so that a reader sees that something was there; line breaks other than ``\\n``,
    and tabs, become blanks.

    Examples
    --------
    >>> printable("a\\r\\x1b[31m\\nb")
    'a �[31m\\nb'
    """
    return "\n".join(_printable(cut(line, most)) for line in str(text).split("\n"))


def _printable(line: str) -> str:
    # What Python calls printable holds nearly none of what acts.
    return line if line.isprintable() else "".join(map(_harmless, line))


def _harmless(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or category in ("Zl", "Zp"):
        return " "
    code = ord(character)
    unusable = category in ("Cc", "Cf", "Cs") and character not in _JOINERS
    return (
        "\ufffd" if unusable or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF else character
    )


def clean(text: object) -> str:
    """Return text as one line in which nothing acts, as of :func:`printable`.

    Line breaks and runs of blanks become one blank.

    Examples
    --------
    >>> clean("a\\nb\\x1b[31m")
    'a b�[31m'
    """
    return re.sub("  +", " ", _printable(str(text)))


def message(text: object) -> str:
    """Return text as one message on a terminal: printable, bounded, further lines indented."""
    return re.sub(r"\n(?=\S)", "\n  ", printable(cut(str(text))))


# What GitHub's runner takes for a command where a line begins with it, after blanks; a word joiner
# parts it, unseen.
_JOINER = "\u2060"
_PARTED = re.compile(r":(?=:)|#(?=\[)")
_FIRST = re.compile(r"(^\s*|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*)(:(?=:)|##(?=\[))")


def listed(items: Sequence[object], most: int = 5) -> str:
    """Return the first of some items with commas, and how many more there are.

    Examples
    --------
    >>> listed([1, 2, 3]), listed(range(1, 9), 3)
    ('1, 2, 3', '1, 2, 3 and 5 more')
    """
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(cut(str(item), 200) for item in items[:most]) + more


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
