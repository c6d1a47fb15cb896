"""One assertion about the differences between two arms, judged from both sides of its margin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faeval._arguments import Array, choice, number, sample
from faeval.errors import FaevalError
from faeval.stats._one_sample import TESTS, AnyTest, OneSidedTest, tolerance_of
from faeval.stats._spread import mean_and_sd, on_each_rest, undecidable

Kind: TypeAlias = Literal["exceeds", "below", "not_above", "not_below", "equivalent"]


@dataclass(frozen=True)
class Judgement:
    """What the seeds say about one assertion.

    `estimate` is the mean of the n `differences` a - b (their median for the sign test, which is
    about the median; NaN of none) and `sd` their standard deviation (ddof 1, NaN below two), both
    in the metric's unit. `p_support` is small where the data speak for the assertion, `p_refute`
    where against it. `tolerance` is how near to an edge of the margin a difference is on it.
    """

    kind: Kind
    margin: float
    test: AnyTest
    n: int
    estimate: float
    sd: float
    p_support: float
    p_refute: float
    differences: tuple[float, ...]
    tolerance: float = 0.0


def judge(
    kind: Kind,
    differences: ArrayLike,
    margin: float,
    *,
    test: AnyTest = "t",
    tolerance: float | None = None,
) -> Judgement:
    """Test one assertion about a - b in both directions.

    ============ ================= ==================== ====================
    kind         asserts           p_support tests H0   p_refute tests H0
    ============ ================= ==================== ====================
    exceeds      a - b > m         a - b <= m           a - b >= m
    below        b - a > m         b - a <= m           b - a >= m
    not_above    not a - b > m     a - b >= m           a - b <= m
    not_below    not b - a > m     b - a >= m           b - a <= m
    equivalent   abs(a - b) < m    outside, either side inside, both sides
    ============ ================= ==================== ====================

    Support for an equivalence is the larger of the two one-sided p-values (TOST [1]_), refutation
    twice the smaller.

    Parameters
    ----------
    kind
        One of the words above.
    differences
        Shape (n,), one number a - b for each seed, in the metric's unit.
    margin
        The smallest effect of interest m, at least 0, in the same unit.
    test
        "t" assumes near-normal differences, "sign-flip" and "wilcoxon" symmetric ones; "sign" is
        about the median and assumes nothing of their law. No claim is decided by "wilcoxon": it is
        a sensitivity.
    tolerance
        How near to an edge of the margin a difference is on it, which counts against either verdict
        by every test but t:
        :func:`tie_tolerance` of the two sides. Without it that of the differences alone, which serves sides of up to 16 times
        their size.

    Returns
    -------
    Judgement
        Both p-values are 1 where nothing can be decided: fewer than two seeds, or, but for "sign",
        no spread beyond rounding.

    Raises
    ------
    FaevalError
        For an unknown kind or test, differences that are not one-dimensional and finite, or a
        margin below 0.

    References
    ----------
    .. [1] D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987).

    Examples
    --------
    >>> j = judge("exceeds", [0.08, 0.10, 0.09, 0.11, 0.12], margin=0.03)
    >>> round(j.estimate, 3), round(j.p_support, 4), round(j.p_refute, 4)
    (0.1, 0.0003, 0.9997)
    """
    choice("kind", kind, get_args(Kind))
    choice("test", test, tuple(TESTS))
    values = sample("differences", differences)
    margin = number("margin", margin, "a finite number, at least 0", low=0.0)
    mean, sd = mean_and_sd(values)
    estimate = np.median(values) if test == "sign" and len(values) else mean
    near = float(tolerance_of(tolerance, values))
    support, refute = p_pair(kind, values, margin, test, near)
    return Judgement(
        kind,
        margin,
        test,
        len(values),
        float(estimate),
        float(sd),
        float(support),
        float(refute),
        tuple(values.tolist()),
        near,
    )


def judge_many(
    kind: Kind, differences: ArrayLike, margin: float, *, test: AnyTest = "t"
) -> tuple[Array, Array]:
    """Both p-values of :func:`judge` for many samples at once: the same code, the same bits, one
    array operation.

    Parameters
    ----------
    kind, margin, test
        As in :func:`judge`; one for all rows.
    differences
        Shape (rows, n), one sample a row, in the metric's unit.

    Returns
    -------
    (p_support, p_refute)
        Two arrays of shape (rows,).

    Raises
    ------
    FaevalError
        As :func:`judge`; also for differences that are not two-dimensional.

    Examples
    --------
    >>> support, refute = judge_many("exceeds", [[0.08, 0.10, 0.09], [0.01, 0.02, 0.00]], margin=0.03)
    >>> support.round(4).tolist(), refute.round(4).tolist()
    ([0.0046, 0.9629], [0.9954, 0.0371])
    """
    choice("kind", kind, get_args(Kind))
    choice("test", test, tuple(TESTS))
    values = sample("differences", differences, axes=2)
    margin = number("margin", margin, "a finite number, at least 0", low=0.0)
    return p_pair(kind, values, margin, test, tolerance_of(None, values))


def p_pair(
    kind: Kind, values: Array, margin: float, test: str, tolerance: Array | float
) -> tuple[Array, Array]:
    """Return p for and against the assertion, for each row: shape (..., n) to twice (...)."""
    chosen = TESTS[test]
    return _pair(kind, values, margin, chosen, tolerance, chosen.p_greater, undecidable(values))


def p_pair_without_each(judgement: Judgement) -> tuple[Array, Array]:
    """Return p for and against the assertion without each value in turn: twice shape (n,)."""
    values, chosen = np.array(judgement.differences), TESTS[judgement.test]
    blank = on_each_rest(undecidable, values).astype(bool)
    margin, tolerance = judgement.margin, judgement.tolerance
    return _pair(judgement.kind, values, margin, chosen, tolerance, chosen.p_without_each, blank)


def _pair(
    kind: Kind,
    values: Array,
    margin: float,
    test: OneSidedTest,
    tolerance: Array | float,
    p_of: Callable[[Array, float], Array],
    blank: NDArray[np.bool_],
) -> tuple[Array, Array]:
    def p(differences: Array, bound: float) -> Array:
        return p_of(test.against_ties(differences, tolerance), bound)

    swapped = -values
    if kind == "equivalent":
        for_it = np.maximum(p(values, -margin), p(swapped, -margin))
        against = np.minimum(1.0, 2 * np.minimum(p(values, margin), p(swapped, margin)))
    else:
        if kind in ("below", "not_below"):
            values, swapped = swapped, values
        for_it, against = p(values, margin), p(swapped, -margin)
        if kind in ("not_above", "not_below"):
            for_it, against = against, for_it
    blank = blank & test.needs_spread
    return np.where(blank, 1.0, for_it), np.where(blank, 1.0, against)


def combine(judgements: Sequence[Judgement]) -> tuple[float, float]:
    """The two p-values of a claim that asserts all of its k assertions together.

    Support needs every assertion, so it is the largest p_support, unadjusted; refutation needs any
    one, so it is k times the smallest p_refute, at most 1 (Bonferroni).

    Raises
    ------
    FaevalError
        For an empty list.

    Examples
    --------
    >>> d = [0.08, 0.10, 0.09, 0.11, 0.12]
    >>> support, refute = combine([judge("exceeds", d, 0.03), judge("below", d, 0.03)])
    >>> round(support, 4), round(refute, 6)
    (1.0, 5.1e-05)
    """
    if not judgements:
        raise FaevalError(
            "judgements must hold at least one Judgement, but is empty (list); judge an assertion"
            " first"
        )
    support = max(j.p_support for j in judgements)
    return support, min(1.0, len(judgements) * min(j.p_refute for j in judgements))
