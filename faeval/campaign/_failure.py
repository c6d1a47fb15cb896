"""What an exception of a user's code says, in one bounded line."""

from __future__ import annotations

import traceback

from faeval.errors import FaevalError

_LONGEST = 1_500  # of a line: messages that quote it stay below 2,000
_DETAILS = 20_000


def text_of(error: BaseException) -> str:
    """Return an error as one line: its kind, and its text where one can be made."""
    try:
        text = str.__str__(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as other:
        text = f"its text cannot be made, {type(other).__name__}"
    kind = "" if issubclass(type(error), FaevalError) else f"{type(error).__name__}: "
    line = " ".join(f"{kind}{text[: 2 * _LONGEST]}".split()).rstrip(": ")
    cut = len(line) > _LONGEST or len(text) > 2 * _LONGEST
    return inside_utf8(f"{line[:_LONGEST]}... ({len(text)} characters)" if cut else line)


def details_of(error: BaseException) -> str:
    """Return an error's traceback, its beginning and end where it is long."""
    try:
        text = "".join(traceback.format_exception(error))
    except KeyboardInterrupt:
        raise
    except BaseException:  # it does not let itself be read
        text = type(error).__name__
    if len(text) > _DETAILS:
        text = f"{text[: _DETAILS // 2]}\n... ({len(text)} characters)\n{text[-_DETAILS // 2 :]}"
    return inside_utf8(text)


def inside_utf8(text: str) -> str:
    """Return text with what UTF-8 cannot hold, such as a file name of other bytes, escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
