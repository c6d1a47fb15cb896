"""How a verdict ends its item: passed, failed, skipped or an error."""

from __future__ import annotations

from typing import Any

import pytest


class Invalid(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """A claim that is invalid and was not expected to be: an error of its setup."""

    __module__ = "builtins"  # as pytest's own outcomes: the name alone is shown


class Drift(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """A claim that was decided otherwise than expected."""

    __module__ = "builtins"


class Open(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """With --faeval-strict, a claim that is open where a decision was expected."""

    __module__ = "builtins"


def judge(outcome: dict[str, Any], strict: bool) -> None:
    """Fail or skip where a verdict is not what was expected."""
    standing = outcome["standing"]
    if standing == "broken":
        raise Invalid(outcome["text"], pytrace=False)
    if standing == "drift":
        raise Drift(outcome["text"], pytrace=False)
    if standing == "open":
        if strict:
            raise Open(outcome["text"], pytrace=False)
        pytest.skip(outcome["open"])
