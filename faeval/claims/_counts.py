"""Counts: at least so many of several assertions, and the share of seeds at which one holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from faeval._arguments import whole
from faeval._safe_text import cut
from faeval.claims._assertion import Assertion
from faeval.claims._estimand import Estimand, call, unpacked
from faeval.errors import FaevalError


@dataclass(frozen=True, repr=False)
class Count:
    """At least so many of its members hold; made by :func:`at_least` and :func:`any_of`."""

    least: int
    members: tuple[Assertion, ...]

    def __repr__(self) -> str:
        return f"<Count {cut(str(self), 240)}>"

    def __str__(self) -> str:
        members = "; ".join(map(str, self.members))
        return f"at least {self.least} of {len(self.members)} hold: {members}"


def at_least(least: int, *assertions: Assertion) -> Count:
    """Assert that so many assertions hold at least: "better on 9 of 12 tasks".

    A part of a claim like any assertion: ``fe.Claim("...", fe.at_least(9, *each))``. Which of them
    hold is not decided. No assumption is made on how they hang together [1]_.

    Parameters
    ----------
    least
        How many, from 1 to the number of assertions.
    assertions
        Two at least.

    References
    ----------
    .. [1] Y. Benjamini and R. Heller, Biometrics 64 (2008).

    Examples
    --------
    >>> from faeval import Arm, Margin, accuracy, exceeds
    >>> point = Margin(0.01, "a point")
    >>> arms = [Arm("dfa", width=w) for w in (64, 128, 256)]
    >>> better = (exceeds(accuracy(a), accuracy(a.but(rule="bp")), by=point) for a in arms)
    >>> at_least(2, *better).least
    2
    """
    where = "fe.at_least"
    members = _members(assertions, where)
    number = whole(least)
    if number is None or not 1 <= number <= len(members):
        raise FaevalError(
            f"{where}: least={least!r} ({type(least).__name__}) must be a whole number from 1 to"
            f" the number of assertions, which is {len(members)}."
        )
    asked = [(one.kind, one.a, one.b) for one in members]
    for i, one in enumerate(members):
        if asked[i] in asked[:i]:
            raise FaevalError(f"{where}: '{one}' stands twice; count each assertion once.")
    return Count(number, members)


def any_of(*assertions: Assertion) -> Count:
    """Assert that one of several assertions holds at least, whichever: ``at_least(1, ...)``."""
    return Count(1, _members(assertions, "fe.any_of"))


def _members(assertions: tuple[Assertion, ...], where: str) -> tuple[Assertion, ...]:
    for one in assertions:
        _check_member(one, where)
    if len(assertions) < 2:
        raise FaevalError(
            f"{where}: the number of assertions is {len(assertions)}; give two at least, one after"
            " another (*list where they are in a list)."
        )
    return assertions


def _check_member(one: Any, where: str) -> None:
    if isinstance(one, Count):
        raise FaevalError(
            f"{where}: a count of counts ({one}) is not offered; count the assertions themselves,"
            " or give several counts to one claim, which must all hold."
        )
    if not isinstance(one, Assertion):
        raise FaevalError(
            f"{where}: {one!r} ({type(one).__name__}) must be an assertion, such as"
            f" fe.exceeds(a, b, by=...).{unpacked(one)}"
        )


def share_of_seeds(assertion: Assertion) -> Estimand:
    """Return 1 at each seed at which an assertion holds of that seed's own values, and 0 elsewhere.

    Compared with a number it is the share of seeds: ``fe.exceeds(fe.share_of_seeds(
    fe.equivalent(a, b, within=m)), 0.8, by=fe.Margin(0, "most seeds"))`` says that a and b differ
    by less than m in more than 80 % of seeds like these. It is decided by the exact binomial test,
    whatever the law of the differences. A value on the edge of the margin counts as outside.

    Examples
    --------
    >>> from faeval import Arm, Margin, accuracy, equivalent
    >>> same = equivalent(accuracy(Arm("dfa")), accuracy(Arm("bp")), within=Margin(0.01, "a point"))
    >>> str(share_of_seeds(same))
    'share of seeds (accuracy(dfa) equals accuracy(bp) within 0.01)'
    """
    _check_member(assertion, "fe.share_of_seeds")
    parts = assertion.comparisons
    if len(parts) > 1 or assertion.region.per_unit or assertion.spreads or not assertion.paired:
        raise FaevalError(
            f"fe.share_of_seeds: '{assertion}' is not about the values of one seed; give an"
            " assertion on a difference (fe.Margin), or on a ratio of runs (fe.Ratio)."
        )
    (part,) = parts
    return call(f"holds_{part.kind}", (part.a, part.b), (part.margin,))


def flattened(parts: Sequence[Assertion | Count]) -> tuple[Assertion, ...]:
    """Return the assertions of a claim, those of counts among them, in their order."""
    return tuple(
        assertion
        for part in parts
        for assertion in (part.members if isinstance(part, Count) else (part,))
    )
