"""The one-sample tests by name, one-sided against any bound. Each is written for "greater";
negation gives "less".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from faeval._arguments import Array, choice, count, number, probability, sample
from faeval.stats import _ranks, _sign, _sign_flip, _t
from faeval.stats._bound_search import crossing
from faeval.stats._spread import on_each_rest, own_tolerance

TestName: TypeAlias = Literal["t", "sign-flip", "sign"]
#: Wilcoxon's test decides no claim: it stands beside the verdict as a sensitivity.
AnyTest: TypeAlias = Literal["t", "sign-flip", "sign", "wilcoxon"]
Alternative: TypeAlias = Literal["greater", "less"]


@dataclass(frozen=True)
class OneSidedTest:
    """A test of H0 "centre <= bound" for each row, shapes (..., n) to (...), its inversion, its
    smallest p-value.

    `p_without_each` is its p-value without each value in turn, shape (n,) to (n,). `counts` is
    whether it counts what lies above the bound, so that a tie with it must count against;
    `needs_spread` whether equal differences say nothing to it.
    """

    p_greater: Callable[[Array, float], Array]
    p_without_each: Callable[[Array, float], Array]
    lower_bound: Callable[[Array, float], Array]
    attainable: Callable[[int], float]
    counts: bool
    needs_spread: bool

    def against_ties(self, differences: Array, tolerance: Array | float) -> Array:
        """Differences as the test reads them: lowered by the tolerance, so that what ties with a
        bound is not above it.
        """
        return differences - np.asarray(tolerance)[..., None] if self.counts else differences


def _row_by_row(p_greater: Callable[[Array, float], Array]) -> Callable[[Array, float], Array]:
    return lambda differences, bound: on_each_rest(
        lambda rests: p_greater(rests, bound), differences
    )


TESTS = {
    name: OneSidedTest(
        room.p_greater,
        _sign_flip.p_without_each if name == "sign-flip" else _row_by_row(room.p_greater),
        room.lower_bound,
        room.attainable,
        name != "t",
        name != "sign",
    )
    for name, room in {"t": _t, "sign-flip": _sign_flip, "sign": _sign, "wilcoxon": _ranks}.items()
}
PRIMARY: tuple[str, ...] = get_args(TestName)


def _p(
    test: str,
    differences: ArrayLike,
    bound: float,
    alternative: str,
    tolerance: float | None = None,
) -> float:
    values = sample("differences", differences)
    bound = number("bound", bound, "a finite number")
    if choice("alternative", alternative, ("greater", "less")) == "less":
        values, bound = -values, -bound
    return float(
        TESTS[test].p_greater(
            TESTS[test].against_ties(values, tolerance_of(tolerance, values)), bound
        )
    )


def tolerance_of(tolerance: float | None, differences: Array) -> Array | float:
    """The tolerance given, or where none is that of differences alone; shape (..., n) to (...)."""
    if tolerance is None:
        return own_tolerance(differences)
    return number(
        "tolerance",
        tolerance,
        "a finite number, at least 0",
        "give that of tie_tolerance(a, b)",
        low=0.0,
    )


def t_p(differences: ArrayLike, bound: float = 0.0, alternative: Alternative = "greater") -> float:
    """One-sided p-value of Student's t test of the mean difference against `bound` [1]_.

    Parameters
    ----------
    differences
        Shape (n,), one number per seed, in the metric's unit.
    bound
        The value tested against, in the same unit.
    alternative
        "greater" tests H0 "mean <= bound", "less" tests H0 "mean >= bound".

    Returns
    -------
    float
        In [0, 1]; 1 for n < 2 or for equal differences, where scipy gives NaN or 0.

    Raises
    ------
    FaevalError
        For input that is not finite or not one-dimensional, or an unknown alternative.

    References
    ----------
    .. [1] Student, "The probable error of a mean", Biometrika 6 (1908).

    Examples
    --------
    >>> round(t_p([1.0, 2.0, 3.0]), 4)
    0.0371
    """
    return _p("t", differences, bound, alternative)


def sign_flip_p(
    differences: ArrayLike,
    bound: float = 0.0,
    alternative: Alternative = "greater",
    *,
    tolerance: float | None = None,
) -> float:
    """One-sided exact sign-flip p-value: all 2^n sign patterns of d - bound, compared by their sum
    [1]_.

    Assumes that the differences are symmetric about their centre. Ties, up to rounding, count
    against a decision.

    Parameters
    ----------
    differences
        Shape (n,), one number per seed, in the metric's unit. Beyond 20 seeds a fixed choice of
        131,071 patterns is drawn instead, from a stream of its own, and p is (b + 1) / (B + 1)
        [2]_.
    bound
        The value tested against, in the same unit.
    alternative
        "greater" tests H0 "centre <= bound", "less" tests H0 "centre >= bound".

    tolerance
        How near to the bound is on it: :func:`tie_tolerance` of the two sides. Without it that of
        the differences alone, which serves sides of up to 16 times their size.

    Returns
    -------
    float
        A multiple of 2^-n (2^-17 beyond 20 seeds); 1 for n < 2.

    Raises
    ------
    FaevalError
        For input that is not finite or not one-dimensional, or an unknown alternative.

    References
    ----------
    .. [1] R. A. Fisher, "The Design of Experiments" (1935), section 21.
    .. [2] B. Phipson and G. K. Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010).

    Examples
    --------
    >>> sign_flip_p([1.0, 2.0, 3.0, 4.0, 5.0])
    0.03125
    """
    return _p("sign-flip", differences, bound, alternative, tolerance)


def sign_test_p(
    differences: ArrayLike,
    bound: float = 0.0,
    alternative: Alternative = "greater",
    *,
    tolerance: float | None = None,
) -> float:
    """One-sided exact sign-test p-value of the median difference against `bound`; values on it
    count against.

    Parameters
    ----------
    differences
        Shape (n,), one number per seed, in the metric's unit.
    bound
        The value tested against, in the same unit.
    alternative
        "greater" tests H0 "median <= bound", "less" tests H0 "median >= bound".

    tolerance
        How near to the bound is on it: :func:`tie_tolerance` of the two sides. Without it that of
        the differences alone, which serves sides of up to 16 times their size.

    Returns
    -------
    float
        A binomial tail, a multiple of 2^-n; 1 for n < 2.

    Raises
    ------
    FaevalError
        For input that is not finite or not one-dimensional, or an unknown alternative.

    Examples
    --------
    >>> sign_test_p([1.0, 2.0, 3.0, -1.0])
    0.3125
    """
    return _p("sign", differences, bound, alternative, tolerance)


def wilcoxon_p(
    differences: ArrayLike,
    bound: float = 0.0,
    alternative: Alternative = "greater",
    *,
    tolerance: float | None = None,
) -> float:
    """One-sided exact p-value of Wilcoxon's signed-rank test against `bound` [1]_; ties with it
    count against.

    Assumes, as the sign-flip test does, that the differences are symmetric about their centre.

    Parameters
    ----------
    differences
        Shape (n,), one number per seed, in the metric's unit.
    bound
        The value tested against, in the same unit.
    alternative
        "greater" tests H0 "centre <= bound", "less" tests H0 "centre >= bound".

    tolerance
        How near to the bound is on it: :func:`tie_tolerance` of the two sides. Without it that of
        the differences alone, which serves sides of up to 16 times their size.

    Returns
    -------
    float
        A multiple of 2^-n; 1 for n < 2.

    Raises
    ------
    FaevalError
        For input that is not finite, not one-dimensional or too long, or an unknown alternative.

    References
    ----------
    .. [1] F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945).

    Examples
    --------
    >>> wilcoxon_p([1.0, 2.0, 3.0, -0.5])
    0.125
    """
    return _p("wilcoxon", differences, bound, alternative, tolerance)


def attainable_p(test: AnyTest, n: int) -> float:
    """The smallest one-sided p-value that `test` can give on `n` seeds, whatever the data.

    A claim in a family of m is attainable only where this is at most alpha / m. Refuting an
    equivalence or one of k assertions multiplies p (by 2 and by k), and so needs as much less: see
    :func:`outlook`.

    Returns
    -------
    float
        0 for t and 2^-n for the exact tests from two seeds on (2^-17 for sign-flip beyond 20); 1
        below two seeds.

    Raises
    ------
    FaevalError
        For an unknown test or a negative or fractional n.

    Examples
    --------
    >>> attainable_p("sign-flip", 5)
    0.03125
    """
    return TESTS[choice("test", test, tuple(TESTS))].attainable(count("n", n))


def confidence_bound(
    test: AnyTest, differences: ArrayLike, level: float, side: Literal["lower", "upper"] = "lower"
) -> float:
    """One-sided confidence bound of the centre, by inversion of the test.

    Parameters
    ----------
    test
        "t" bounds the mean, "sign-flip" and "wilcoxon" the centre of symmetry, "sign" the median.
    differences
        Shape (n,), one number per seed, in the metric's unit.
    level
        The one-sided error rate, in (0, 1).
    side
        "lower" inverts the test against "greater", "upper" the one against "less".

    Returns
    -------
    float
        The outermost value that the test does not reject: a value lies beyond it exactly where its
        p-value is at most `level`, to the last bit. Infinite where no p-value is that small.

    Raises
    ------
    FaevalError
        For an unknown test or side, a level outside (0, 1), or input that is not finite or not
        one-dimensional.

    Examples
    --------
    >>> round(confidence_bound("sign-flip", [1.0, 2.0, 4.0, 8.0], level=0.0625), 9)
    1.0
    """
    choice("test", test, tuple(TESTS))
    values, level = sample("differences", differences), probability("level", level)
    if choice("side", side, ("lower", "upper")) == "upper":
        return -_exact_lower(test, -values, level)
    return _exact_lower(test, values, level)


def _exact_lower(test: str, values: Array, level: float) -> float:
    """The smallest double that the test does not reject at `level`."""
    found = float(
        TESTS[test].lower_bound(TESTS[test].against_ties(values, own_tolerance(values)), level)
    )
    if test != "t" or not math.isfinite(found):
        return found  # order statistics, as p is counted: they agree with it as they are

    def rejected(bound: float) -> bool:
        return bool(TESTS["t"].p_greater(values, bound) <= level)

    return crossing(rejected, found, float(np.max(np.abs(values))))


def confidence_interval(differences: ArrayLike, level: float = 0.90) -> tuple[float, float]:
    """Two-sided t interval of the mean difference, adjusted for nothing: it stands beside a
    verdict, and decides none.

    Parameters
    ----------
    differences
        Shape (n,), one number per seed, in the metric's unit.
    level
        Two-sided coverage, in (0, 1).

    Returns
    -------
    (low, high)
        In the metric's unit; the whole line for n < 2 or equal differences, which say nothing about
        the spread.

    Raises
    ------
    FaevalError
        For input that is not finite or not one-dimensional, or a level outside (0, 1).

    Examples
    --------
    >>> low, high = confidence_interval([1.0, 2.0, 3.0])
    >>> round(low, 3), round(high, 3)
    (0.314, 3.686)
    """
    values = sample("differences", differences)
    tail = (
        1 - number("level", level, "a coverage between 0 and 1", low=math.ulp(0.0), high=1 - 2**-53)
    ) / 2
    return float(_t.lower_bound(values, tail)), -float(_t.lower_bound(-values, tail))
