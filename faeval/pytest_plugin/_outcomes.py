"""Outcomes: a verdict as plain data, how it ends its item, and the summary of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from faeval._safe_text import inert, message

if TYPE_CHECKING:
    from faeval.claims import Verdict

_ORDER = ("broken", "drift", "open", "as registered", "as expected", "free")
_COLOURS = {"broken": "red", "drift": "red", "open": "yellow"}
_TALLIES = {"broken": "invalid", "drift": "drifted", "free": "without expectation"}


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


def outcome_from(verdict: Verdict, where: str) -> dict[str, Any]:
    """Return what item and summary need of a verdict, as plain data.

    ``where`` is the claim's file and line.
    """
    from faeval.reports import facts_of

    facts = facts_of(verdict)
    return facts | {"text": inert("\n".join(map(message, [*facts["lines"], f"  {where}"])))}


def summarise(terminal: pytest.TerminalReporter, outcomes: Mapping[str, Mapping[str, Any]]) -> None:
    """Write all verdicts of the session, by the setting they were decided in."""
    if not outcomes or terminal.verbosity < -1:
        return
    settings = sorted({outcome["setting"] for outcome in outcomes.values()})
    terminal.write_sep("=", f"faeval: verdicts in {', '.join(settings)}")
    if terminal.verbosity >= 0:
        rows = [(*outcome["cells"], nodeid) for nodeid, outcome in sorted(outcomes.items())]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        for row, (_, outcome) in zip(rows, sorted(outcomes.items()), strict=True):
            cells = "  ".join(
                cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)
            )
            terminal.write_line(message(f"{cells}  {row[4]}"), **_colour(outcome["standing"]))
    terminal.write_line(", ".join(tally([outcome["standing"] for outcome in outcomes.values()])))


def _colour(standing: str) -> dict[str, bool]:
    return {_COLOURS.get(standing, "green"): True} if standing != "free" else {}


def tally(standings: Sequence[str]) -> list[str]:
    """Return how many verdicts stand how, the worst first.

    Examples
    --------
    >>> tally(["as expected", "drift", "as expected"])
    ['1 drifted', '2 as expected']
    """
    return [f"{standings.count(s)} {_TALLIES.get(s, s)}" for s in _ORDER if s in standings]
