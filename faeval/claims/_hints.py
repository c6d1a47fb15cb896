"""Errors in a claims file, in one line with the remedy.

They say more than Python's own words, which may not help a newcomer.
"""

from __future__ import annotations

import inspect
import re
import sys
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from faeval.errors import FaevalError

_KEYWORD = re.compile(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
_MARGINS = {"by": "within", "within": "by"}  # a difference is larger by a margin, or within one
_OF_ASSERTIONS = {"by", "within", "anticipated"}
_FILLED_IN = {"id", "line"}  # of a claim, as its file is loaded
_OVER = "a claim is decided over seeds; of a fixed list say fe.mean(...), or fe.at_least(...)."
#: What claims are made of elsewhere, and the nearest that is offered.
_NEAREST = {
    "over": _OVER,
    "settings": _OVER,
    "setting": _OVER,
    "rank_correlation": "no claim is about a correlation across arms; the nearest is fe.slope(...)"
    " over a number that arms have, or an assertion for each step of their order.",
}
_NAME = re.compile(r"module 'faeval' has no attribute '(\w+)'")


def in_one_line(error: BaseException) -> str:
    """Return an error as one line: its kind and text, and the name that was probably meant."""
    if isinstance(error, FaevalError):
        return str(error)
    return " ".join(f"{type(error).__name__}: {error}{_meant(error)}".split())


def _meant(error: BaseException) -> str:
    faeval = sys.modules["faeval"]  # an import would run against the way of the rooms
    text = str(error)
    if isinstance(error, NameError) and isinstance(error.name, str):
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        return _did_you_mean(
            error.name, {**frames[-1].f_globals, **frames[-1].f_locals} if frames else ()
        )
    if match := _NAME.search(text):
        if match[1] in _NEAREST:
            return f"; {_NEAREST[match[1]]}"
        return _did_you_mean(match[1], faeval.__all__)
    match = _KEYWORD.search(text)
    if match is None or match[1] not in faeval.__all__:
        return ""
    called: Any = getattr(faeval, match[1], None)
    return "" if called is None else _of_keyword(match[2], called, called is faeval.Claim)


def _of_keyword(keyword: str, called: Any, is_claim: bool) -> str:
    arguments = [
        name
        for name, parameter in inspect.signature(called).parameters.items()
        if parameter.kind is not parameter.VAR_POSITIONAL and not (is_claim and name in _FILLED_IN)
    ]
    if is_claim and keyword in _OF_ASSERTIONS:
        return (
            f"; {keyword} goes into the assertion, such as fe.exceeds(a, b, by=fe.Margin(...),"
            " anticipated=0.3)."
        )
    if keyword in _NEAREST:
        return f"; {_NEAREST[keyword]}"
    if _MARGINS.get(keyword) in arguments:
        return f"; did you mean {_MARGINS[keyword]!r}?"
    return _did_you_mean(keyword, arguments) or f"; its arguments: {', '.join(arguments)}."


def _did_you_mean(given: str, known: Iterable[str]) -> str:
    close = get_close_matches(given, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
