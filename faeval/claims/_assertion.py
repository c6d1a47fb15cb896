"""Assertions: one comparison of a claim each, of two estimands against a margin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from faeval._arguments import finite
from faeval.claims._estimand import Estimand, Log10, Read, as_estimand
from faeval.errors import FaevalError
from faeval.experiment import named
from faeval.stats import AssertedKind, Region, region_of


@dataclass(frozen=True)
class Margin:
    """The smallest effect of interest, in the metric's unit, and why it is that.

    Examples
    --------
    >>> Margin(0.03, "1.5 pilot spreads of the difference, seeds 1000-1005").value
    0.03
    """

    value: float
    because: str

    def __init__(self, value: float, because: str = "") -> None:
        number = finite(value)
        if number is None or number < 0:
            raise FaevalError(
                f"fe.Margin: value={value!r} ({type(value).__name__}) must be a finite number >= 0."
            )
        if not isinstance(because, str) or not because.strip():
            raise FaevalError(
                f"fe.Margin({value!r}): because={because!r} gives no reason; say where the number"
                " comes from, such as '1.5 pilot spreads of the difference, seeds 1000-1005'."
            )
        object.__setattr__(self, "value", number)
        object.__setattr__(self, "because", because.strip())


@dataclass(frozen=True)
class Assertion:
    """One comparison of a claim; made by ``fe.exceeds``, ``fe.below`` and their kin.

    ``paired`` is whether the seed pairs the two sides: whether both share what it draws.
    """

    kind: AssertedKind
    a: Estimand
    b: Estimand
    margin: Margin
    anticipated: float | None = None
    paired: bool = True

    @cached_property
    def contrast(self) -> Estimand:
        """The estimand a - b."""
        return self.a - self.b

    @property
    def region(self) -> Region:
        """The region of a - b that it claims: its row in the table of kinds."""
        return region_of(self.kind)

    def __str__(self) -> str:
        return self.region.text.format(a=self.a, b=self.b, margin=f"{self.margin.value:g}")


def _assertion(
    kind: AssertedKind,
    a: Any,
    b: Any,
    margin: Any,
    name: str,
    anticipated: Any = None,
    paired: Any = True,
) -> Assertion:
    where, region = f"fe.{kind}", region_of(kind)
    side_a, side_b = as_estimand(a, f"{where}: a"), as_estimand(b, f"{where}: b")
    if not (side_a - side_b).terms:
        raise FaevalError(
            f"{where}: {side_a} and {side_b} do not differ by anything measured; compare two"
            " estimands."
        )
    if not isinstance(margin, Margin):
        raise FaevalError(
            f"{where}: {name}={margin!r} ({type(margin).__name__}) must be fe.Margin(value,"
            " because): the smallest effect that matters, and the reason for it."
        )
    if region.two_sided and margin.value == 0:
        raise FaevalError(
            f"{where}: within a margin of 0 nothing can be shown; give a margin above 0."
        )
    effect = None if anticipated is None else finite(anticipated)
    if anticipated is not None and effect is None:
        raise FaevalError(
            f"{where}: anticipated={anticipated!r} ({type(anticipated).__name__}) must be a finite"
            " number in the metric's unit: the effect expected, counted in the direction of the"
            " margin."
        )
    if not isinstance(paired, bool):
        raise FaevalError(
            f"{where}: paired={paired!r} ({type(paired).__name__}) must be True or False: whether"
            " the seed gives both sides the same randomness."
        )
    if not paired:
        _check_unpaired(side_a, side_b, where)
    return Assertion(kind, side_a, side_b, margin, effect, paired)


def _check_unpaired(a: Estimand, b: Estimand, where: str) -> None:
    """Raise FaevalError where two sides cannot be independent samples."""
    arms_a, arms_b = ({reading.arm for reading in side.reads()} for side in (a, b))
    if not arms_a or not arms_b:
        raise FaevalError(
            f"{where}: paired=False compares the runs of two arms, and one side is a number; leave"
            " paired= out."
        )
    if arms_a & arms_b:
        shared = named(min(arm.label for arm in arms_a & arms_b))
        raise FaevalError(
            f"{where}: paired=False, but both sides read {shared}, and so share its runs; leave"
            " paired= out."
        )


def exceeds(
    a: Estimand,
    b: Estimand | float = 0,
    *,
    by: Margin | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that a - b is larger than the margin.

    Parameters
    ----------
    a, b
        What is compared: estimands, or for b a number.
    by
        The margin, at least 0, in the metric's unit.
    anticipated
        The a - b expected, for power.
    paired
        False for arms that share no randomness: Welch's test in place of the paired t test.
    """
    return _assertion("exceeds", a, b, by, "by", anticipated, paired)


def below(
    a: Estimand,
    b: Estimand | float = 0,
    *,
    by: Margin | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that b - a is larger than the margin: ``exceeds(b, a)``.

    ``anticipated`` is the b - a expected.
    """
    return _assertion("below", a, b, by, "by", anticipated, paired)


def not_above(
    a: Estimand,
    b: Estimand | float = 0,
    *,
    by: Margin | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that a - b is at most the margin: no increase that matters."""
    return _assertion("not_above", a, b, by, "by", anticipated, paired)


def not_below(
    a: Estimand,
    b: Estimand | float = 0,
    *,
    by: Margin | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that b - a is at most the margin: no decrease that matters."""
    return _assertion("not_below", a, b, by, "by", anticipated, paired)


def equivalent(
    a: Estimand,
    b: Estimand | float = 0,
    *,
    within: Margin | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that a and b differ by less than the margin, either way (two one-sided tests).

    ``anticipated`` is the a - b expected, for power; no difference unless given.
    """
    return _assertion("equivalent", a, b, within, "within", anticipated, paired)


def agree(
    a: Estimand, b: Estimand, *, within: Margin | None = None, paired: bool = True
) -> Assertion:
    """Assert that a and b agree on their units (layers), not only on average.

    Two tests in one: the mean difference is equivalent to 0 within the margin, and the 90 %
    quantile over units of the absolute difference is below the margin.
    """
    if paired is not True:
        raise FaevalError(
            f"fe.agree: paired={paired!r} ({type(paired).__name__}): agreement is unit by unit of"
            " each seed; leave paired= out, or say fe.equivalent(..., paired=False)."
        )
    assertion = _assertion("agree", a, b, within, "within")
    for side in (assertion.a, assertion.b):
        if (
            len(side.terms) != 1
            or side.constant
            or not all(map(_over_layers, (atom for _, atom in side.terms)))
        ):
            raise FaevalError(
                f"fe.agree: {side} must be one metric over layers, such as fe.cosine(arm)."
            )
    return assertion


def _over_layers(atom: Read | Log10) -> bool:
    if isinstance(atom, Log10):
        ((weight, inner), *more) = atom.inner.terms
        return (
            not more
            and weight == 1
            and not atom.inner.constant
            and isinstance(inner, Read)
            and _over_layers(inner)
        )
    return atom.layers is not None
