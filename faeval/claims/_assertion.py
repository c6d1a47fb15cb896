"""Assertions: one comparison of a claim each, of two estimands against a margin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NoReturn

from faeval._arguments import finite
from faeval._safe_text import cut
from faeval.claims._estimand import Atom, Call, Estimand, as_estimand, log10
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
        reason = _reason(because, f"fe.Margin({value!r})")
        object.__setattr__(self, "value", number)
        object.__setattr__(self, "because", reason)

    def __str__(self) -> str:
        return f"{self.value:g}"


def _reason(because: Any, where: str) -> str:
    """Return why a margin is what it is; raise FaevalError where nothing is said."""
    if not isinstance(because, str) or not because.strip():
        raise FaevalError(
            f"{where}: because={because!r} gives no reason; say where the number comes from, such"
            " as '1.5 pilot spreads of the difference, seeds 1000-1005'."
        )
    return because.strip()


@dataclass(frozen=True)
class Ratio:
    """The smallest ratio of interest as a factor above 1, and why it is that.

    ``fe.exceeds(a, b, by=fe.Ratio(2, ...))`` says a > 2 b, ``fe.below`` a < b / 2, ``fe.not_above``
    a <= 2 b, ``fe.not_below`` a >= b / 2, and ``fe.equivalent(within=...)`` all between.

    Parameters
    ----------
    factor
        Above 1: 2 for twice, 1.1 for 10 %.
    because
        Why it is that.
    of
        "runs": the ratio of each seed, whose geometric mean is decided on; all values are above 0.
        "means": the ratio of the means, for totals and budgets; values are 0 or above.

    Examples
    --------
    >>> Ratio(2, "what pays for the port").factor
    2.0
    """

    factor: float
    because: str
    of: Literal["runs", "means"] = "runs"

    def __init__(self, factor: float, because: str = "", of: str = "runs") -> None:
        number = finite(factor)
        if number is None or number <= 1:
            raise FaevalError(
                f"fe.Ratio: factor={factor!r} ({type(factor).__name__}) must be a finite number"
                " above 1: 2 for twice, 1.1 for 10 %. For less than b, exchange the sides or say"
                " fe.below."
            )
        if of not in ("runs", "means"):
            raise FaevalError(f"fe.Ratio({factor!r}): of={of!r} must be 'runs' or 'means'.")
        reason = _reason(because, f"fe.Ratio({factor!r})")
        for name, value in (("factor", number), ("because", reason), ("of", of)):
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return f"a factor of {self.factor:g}"


@dataclass(frozen=True, repr=False)
class TypicalDeviation:
    """How far the runs of an arm lie apart over seeds; made by :func:`spread`."""

    of: Estimand

    def _refuse(self, other: Any) -> NoReturn:
        raise FaevalError(
            f"{self} is one number of all seeds, and takes no arithmetic; compare it with that of"
            " another arm: fe.below(fe.spread(a), fe.spread(b), by=fe.Ratio(...))."
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        return f"spread({self.of})"


@dataclass(frozen=True)
class Comparison:
    """What is tested of an assertion: a - b of one kind against a margin on their axis."""

    kind: AssertedKind
    a: Estimand
    b: Estimand
    margin: float

    @cached_property
    def contrast(self) -> Estimand:
        """The estimand a - b."""
        return self.a - self.b


@dataclass(frozen=True, repr=False)
class Assertion:
    """One comparison of a claim; made by ``fe.exceeds``, ``fe.below`` and their kin.

    ``paired`` is whether the seed pairs the two sides: whether both share what it draws.
    ``spreads`` is whether their spreads over seeds are compared, in place of their means.
    """

    kind: AssertedKind
    a: Estimand
    b: Estimand
    margin: Margin | Ratio
    anticipated: float | None = None
    paired: bool = True
    spreads: bool = False

    @cached_property
    def contrast(self) -> Estimand:
        """The estimand a - b: all that is read, and how the arms compared enter."""
        return self.a - self.b

    @cached_property
    def texts(self) -> tuple[str, str, str]:
        """How it is written, and how each of its sides is."""
        return str(self), str(self.a), str(self.b)

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """What is tested: of a ratio of runs their logarithms, of means one less a multiple.

        Of two spreads the sides themselves, and the logarithm of the factor.
        """
        if isinstance(self.margin, Margin):
            return (Comparison(self.kind, self.a, self.b, self.margin.value),)
        factor = self.margin.factor
        if self.spreads:
            return (Comparison(self.kind, self.a, self.b, math.log10(factor)),)
        if self.margin.of == "runs":
            return (Comparison(self.kind, _log10(self.a), _log10(self.b), math.log10(factor)),)
        # an edge above 0 is factor * b, one below 0 is b / factor
        above = Comparison(self.kind, self.a, factor * self.b, 0.0)
        below = Comparison(self.kind, factor * self.a, self.b, 0.0)
        if self.region.two_sided:
            return replace(above, kind="not_above"), replace(below, kind="not_below")
        return (above if self.region.edges(1.0)[0] > 0 else below,)

    @property
    def region(self) -> Region:
        """The region of a - b that it claims: its row in the table of kinds."""
        return region_of(self.kind)

    @property
    def effect(self) -> float | None:
        """The effect anticipated, on the axis that is tested; none at all for two edges, unsaid."""
        is_ratio = isinstance(self.margin, Ratio)
        if isinstance(self.margin, Ratio) and self.margin.of == "means":
            return None
        if self.anticipated is None:
            return 0.0 if self.region.two_sided else None
        return math.log10(self.anticipated) if is_ratio else self.anticipated

    @property
    def tests(self) -> int:
        """How many contrasts it is decided by."""
        return 2 if self.region.per_unit else len(self.comparisons)

    @property
    def is_paired(self) -> bool:
        """Whether the rule that decides it reads pairs by seed; spreads are of one arm each."""
        return self.paired and not self.spreads

    def __repr__(self) -> str:
        return f"<Assertion {cut(str(self), 240)}>"

    def __str__(self) -> str:
        a, b = (
            (f"spread({side})" for side in (self.a, self.b)) if self.spreads else (self.a, self.b)
        )
        return self.region.text.format(a=a, b=b, margin=self.margin)


def _log10(side: Estimand) -> Estimand:
    """Return the logarithm of a side, which may be a number above 0."""
    return log10(side) if side.terms else Estimand(constant=math.log10(side.constant))


def _assertion(
    kind: AssertedKind,
    a: Any,
    b: Any,
    margin: Any,
    name: str,
    anticipated: Any = None,
    paired: Any = True,
) -> Assertion:
    where = f"fe.{kind}"
    spreads = [isinstance(side, TypicalDeviation) for side in (a, b)]
    side_a, side_b = (
        side.of if isinstance(side, TypicalDeviation) else as_estimand(side, f"{where}: {name_of}")
        for side, name_of in ((a, "a"), (b, "b"))
    )
    if not (side_a - side_b).terms:
        raise FaevalError(
            f"{where}: {side_a} and {side_b} do not differ by anything measured; compare two"
            " estimands."
        )
    _check_margin(kind, margin, name, any(spreads), where)
    _check_sides(spreads, {"a": side_a, "b": side_b}, isinstance(margin, Ratio), where)
    effect = _effect(anticipated, isinstance(margin, Ratio), where)
    if not isinstance(paired, bool):
        raise FaevalError(
            f"{where}: paired={paired!r} ({type(paired).__name__}) must be True or False: whether"
            " the seed gives both sides the same randomness."
        )
    if not paired:
        _check_unpaired(side_a, side_b, where)
    return Assertion(kind, side_a, side_b, margin, effect, paired, all(spreads))


def _check_sides(
    spreads: Sequence[bool], sides: Mapping[str, Estimand], is_ratio: bool, where: str
) -> None:
    """Raise FaevalError where one side is a spread alone, or a ratio is to no number above 0."""
    if any(spreads) and not all(spreads):
        raise FaevalError(
            f"{where}: one side is a spread and the other is not; a spread is compared with that of"
            " another arm, fe.spread(...) on both sides; no rule for one spread holds at few seeds."
        )
    for name, side in sides.items():
        if is_ratio and not side.terms and side.constant <= 0:
            raise FaevalError(
                f"{where}: {name}={side} with fe.Ratio(...): a ratio is to another estimand, or to"
                " a number above 0."
            )


def _effect(anticipated: Any, is_ratio: bool, where: str) -> float | None:
    """Return the effect anticipated as a number; raise FaevalError where it is none."""
    effect = None if anticipated is None else finite(anticipated)
    if anticipated is not None and (effect is None or (is_ratio and effect <= 0)):
        unit = "factor above 0" if is_ratio else "number in the metric's unit"
        raise FaevalError(
            f"{where}: anticipated={anticipated!r} ({type(anticipated).__name__}) must be a finite"
            f" {unit}: the effect expected, counted in the direction of the margin."
        )
    return effect


def _check_margin(kind: AssertedKind, margin: Any, name: str, spreads: bool, where: str) -> None:
    """Raise FaevalError where a margin is none, or not one of what is compared."""
    region = region_of(kind)
    is_ratio = isinstance(margin, Ratio)
    if not isinstance(margin, Margin) and not is_ratio:
        raise FaevalError(
            f"{where}: {name}={margin!r} ({type(margin).__name__}) must be fe.Margin(value,"
            " because) or fe.Ratio(factor, because): the smallest effect that matters, and the"
            " reason for it."
        )
    if spreads and (not is_ratio or margin.of != "runs"):
        raise FaevalError(
            f"{where}: {name}={margin!r}: spreads are compared by their ratio; give"
            f" {name}=fe.Ratio(factor, because)."
        )
    if is_ratio and region.per_unit:
        raise FaevalError(
            f"{where}: {name}={margin!r}: agreement is within a number; give fe.Margin, or agree on"
            " fe.log10 of both."
        )
    if not is_ratio and region.two_sided and margin.value == 0:
        raise FaevalError(
            f"{where}: within a margin of 0 nothing can be shown; give a margin above 0."
        )


def spread(estimand: Estimand) -> TypicalDeviation:
    """Return how far an estimand's values lie apart over seeds: the typical deviation.

    It is the mean absolute deviation from the median [1]_, compared with that of another arm by
    :class:`Ratio` alone: ``fe.below(fe.spread(ours), fe.spread(base), by=fe.Ratio(2, ...))``.
    Five seeds in each arm at least, seven advised.

    References
    ----------
    .. [1] M. B. Brown and A. B. Forsythe, J. Am. Stat. Assoc. 69 (1974).
    """
    if not isinstance(estimand, Estimand) or not estimand.terms:
        raise FaevalError(
            f"fe.spread: {estimand!r} ({type(estimand).__name__}) must be an estimand, such as"
            " fe.accuracy(arm)."
        )
    return TypicalDeviation(estimand)


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
    a: Estimand | TypicalDeviation,
    b: Estimand | TypicalDeviation | float = 0,
    *,
    by: Margin | Ratio | None = None,
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
    a: Estimand | TypicalDeviation,
    b: Estimand | TypicalDeviation | float = 0,
    *,
    by: Margin | Ratio | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that b - a is larger than the margin: ``exceeds(b, a)``.

    ``anticipated`` is the b - a expected.
    """
    return _assertion("below", a, b, by, "by", anticipated, paired)


def not_above(
    a: Estimand | TypicalDeviation,
    b: Estimand | TypicalDeviation | float = 0,
    *,
    by: Margin | Ratio | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that a - b is at most the margin: no increase that matters."""
    return _assertion("not_above", a, b, by, "by", anticipated, paired)


def not_below(
    a: Estimand | TypicalDeviation,
    b: Estimand | TypicalDeviation | float = 0,
    *,
    by: Margin | Ratio | None = None,
    anticipated: float | None = None,
    paired: bool = True,
) -> Assertion:
    """Assert that b - a is at most the margin: no decrease that matters."""
    return _assertion("not_below", a, b, by, "by", anticipated, paired)


def equivalent(
    a: Estimand | TypicalDeviation,
    b: Estimand | TypicalDeviation | float = 0,
    *,
    within: Margin | Ratio | None = None,
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


def _over_layers(atom: Atom) -> bool:
    """Whether it is a metric over layers, or the logarithm of one."""
    if not isinstance(atom, Call):
        return atom.layers is not None
    if atom.op != "log10" or atom.args[0].constant or len(atom.args[0].terms) > 1:
        return False
    ((weight, inner),) = atom.args[0].terms
    return weight == 1 and not isinstance(inner, Call) and inner.layers is not None
