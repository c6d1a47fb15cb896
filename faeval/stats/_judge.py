"""One assertion about the differences between two arms, judged from both sides of its margin."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faeval._arguments import LARGEST, Array, number, refuse
from faeval.errors import FaevalError
from faeval.stats import _identical
from faeval.stats._counts import Counted, Structure
from faeval.stats._kinds import Kind, Region, region_of
from faeval.stats._rules import AnyTest, Rule, Sample, rule_of

#: Of each seed whether its true difference may be lower than the one read, and whether higher.
Marks: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.bool_]]
_UNMARKED = np.zeros(0, dtype=np.bool_)


@dataclass(frozen=True)
class Judgement:
    """What the seeds say about one assertion.

    `estimate` is the mean of the n `differences` a - b (their median for the sign test, which is
    about the median; NaN of none) and `sd` their standard deviation (ddof 1, NaN below two), both
    in the metric's unit. Of sides that no seed pairs they are the difference of the means and the
    standard deviation of a value of a less one of b. `p_support` is small where the data speak for
    the assertion, `p_refute` where against it. `sample` is what the test reads, `tolerance` how
    near to an edge of the margin a difference is on it. `may_be_lower` and `may_be_higher` mark
    censored differences, by seed; both are empty where none is.
    """

    kind: Kind
    margin: float
    test: AnyTest
    n: int
    estimate: float
    sd: float
    p_support: float
    p_refute: float
    sample: tuple[tuple[float, ...], ...]
    tolerance: float = 0.0
    may_be_lower: tuple[bool, ...] = ()
    may_be_higher: tuple[bool, ...] = ()

    @property
    def censored(self) -> int:
        """How many differences are known on one side alone."""
        return int(np.count_nonzero(np.logical_or(*self.marks))) if self.may_be_lower else 0

    @property
    def marks(self) -> Marks:
        """Which true differences may be lower than the one read, and which higher."""
        lower, higher = (np.array(m, dtype=bool) for m in (self.may_be_lower, self.may_be_higher))
        return lower, higher

    @property
    def differences(self) -> tuple[float, ...]:
        """a - b by seed, shape (n,); empty where no seed pairs the sides."""
        return () if rule_of(self.test).sides else self.sample[0]

    @property
    def arrays(self) -> Sample:
        """The sample as arrays."""
        return tuple(map(np.array, self.sample))


def judge(
    kind: Kind,
    differences: ArrayLike | tuple[ArrayLike, ArrayLike],
    margin: float,
    *,
    test: AnyTest = "t",
    tolerance: float | None = None,
    censored: tuple[ArrayLike, ArrayLike] | None = None,
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
        Shape (n,), one number a - b for each seed, in the metric's unit; for "welch" the pair (a,
        b), shapes (n,) and (m,).
    margin
        The smallest effect of interest m, at least 0, in the same unit.
    test
        "t" assumes near-normal differences, "sign-flip" and "wilcoxon" symmetric ones; "sign" is
        about the median and assumes nothing of their law; "welch" compares arms that no seed pairs,
        and assumes that each is near normal. No claim is decided by "wilcoxon": it is a
        sensitivity.
    tolerance
        How near to an edge of the margin a difference is on it, which counts against either verdict
        by the sign and rank tests: :func:`tie_tolerance` of the two sides. Without it that of the
        differences alone, which serves sides of up to 16 times their size.
    censored
        Two truth values for each seed, shapes (n,): whether its true difference may be lower than
        the one given, and whether higher, as of a time that was cut at a cap. A test of a mean that
        would need to know more has p = 1; the sign test counts such a seed against itself.

    Returns
    -------
    Judgement
        Both p-values are 1 where nothing can be decided: fewer than two seeds (three in each arm
        for "welch"), or, but for "sign", no spread beyond rounding.

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
    region, rule = region_of(kind, tested=True), rule_of(test)
    values = rule.sample(differences)
    margin = number("margin", margin, "a finite number, at least 0", low=0.0)
    near = float(rule.tolerance(tolerance, values))
    marks = _marks(censored, rule, len(values[0]))
    support, refute = _pair(
        region, values, margin, rule, near, rule.p_greater, rule.undecidable(*values), marks
    )
    return Judgement(
        kind,
        margin,
        test,
        min(map(len, values)),
        float(rule.centre(*values)),
        float(rule.sd(*values)),
        float(support),
        float(refute),
        tuple(tuple(side.tolist()) for side in values),
        near,
        *(tuple(m.tolist()) for m in marks),
    )


def judge_identical(
    kind: Kind, value: float, n: int, margin: float, reach: tuple[float, float]
) -> Judgement:
    """Test an assertion whose n differences have one value, by the range that they might have."""
    region, rule = region_of(kind, tested=True), rule_of("identical")
    values = _identical.sample(value, n, *reach)
    blank = rule.undecidable(*values)
    support, refute = _pair(region, values, margin, rule, 0.0, rule.p_greater, blank)
    sides = tuple(tuple(side.tolist()) for side in values)
    return Judgement(kind, margin, "identical", n, value, 0.0, float(support), float(refute), sides)


def _marks(censored: tuple[ArrayLike, ArrayLike] | None, rule: Rule, n: int) -> Marks:
    """Return the marks of censored differences; empty ones where none is."""
    if censored is None:
        return _UNMARKED, _UNMARKED
    lower, higher = (np.asarray(marks, dtype=np.bool_) for marks in censored)
    if lower.shape != (n,) or higher.shape != (n,) or rule.sides:
        raise refuse(
            "censored",
            censored,
            f"two truth values for each of {n} paired differences",
            "give (may_be_lower, may_be_higher), and a test of paired differences",
        )
    return (lower, higher) if (lower | higher).any() else (_UNMARKED, _UNMARKED)


def judge_many(
    kind: Kind,
    differences: ArrayLike | tuple[ArrayLike, ArrayLike],
    margin: float,
    *,
    test: AnyTest = "t",
) -> tuple[Array, Array]:
    """Both p-values of :func:`judge` for many samples at once.

    The same code, the same bits, one array operation.

    Parameters
    ----------
    kind, margin, test
        As in :func:`judge`; one for all rows.
    differences
        Shape (rows, n), one sample a row, in the metric's unit; for "welch" the pair (a, b), shapes
        (rows, n) and (rows, m).

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
    >>> rows = [[0.08, 0.10, 0.09], [0.01, 0.02, 0.00]]
    >>> support, refute = judge_many("exceeds", rows, margin=0.03)
    >>> support.round(4).tolist(), refute.round(4).tolist()
    ([0.0046, 0.9629], [0.9954, 0.0371])
    """
    region, rule = region_of(kind, tested=True), rule_of(test)
    values = rule.sample(differences, axes=2)
    margin = number("margin", margin, "a finite number, at least 0", low=0.0)
    blank = rule.undecidable(*values)
    return _pair(region, values, margin, rule, rule.tolerance(None, values), rule.p_greater, blank)


def p_pair(region: Region, values: Sample, margin: float, rule: Rule) -> tuple[Array, Array]:
    """Return p for and against the assertion, for each row of differences without rounding."""
    return _pair(region, values, margin, rule, 0.0, rule.p_greater, rule.undecidable(*values))


def smallest_pair(
    region: Region, margin: float, rule: Rule, n: int, m: int, base: float | None
) -> tuple[float, float]:
    """Return the smallest p for and against the assertion that sides of n and m values can give.

    Of rates it hangs on the margin, and where one arm is held against a number on that, `base`; 0
    where that is not known.
    """
    least = rule.attainable(min(n, m))
    if rule.outcomes is None or min(n, m) < rule.least or (rule.one_arm and base is None):
        return least, min(1.0, region.tails * least)
    support, refute = p_pair(region, rule.outcomes(n, m, base), margin, rule)
    return float(support.min()), float(refute.min())


def p_pair_without_each(judgement: Judgement) -> tuple[Array, Array]:
    """Return p for and against the assertion without each value in turn: twice shape (values,)."""
    region, rule, values = (
        region_of(judgement.kind),
        rule_of(judgement.test),
        judgement.arrays,
    )
    blank = rule.on_each_rest(rule.undecidable, values).astype(bool)

    def p_of(*sample_and_bound: Any) -> Array:
        return rule.p_without_each(sample_and_bound[:-1], sample_and_bound[-1])

    return _pair(
        region, values, judgement.margin, rule, judgement.tolerance, p_of, blank, judgement.marks
    )


def _pair(
    region: Region,
    values: Sample,
    margin: float,
    rule: Rule,
    tolerance: Array | float,
    p_of: Callable[..., Array],
    blank: NDArray[np.bool_],
    marks: Marks = (_UNMARKED, _UNMARKED),
) -> tuple[Array, Array]:
    """Test on which side of each edge the effect lies.

    Inside of all for support, outside of one for refutation.
    """
    low, high = region.bounds(margin)

    def above(edge: float) -> Array:
        return _p_above(values, edge, rule, tolerance, p_of, marks[0])

    def below(edge: float) -> Array:
        return _p_above(rule.exchanged(values), -edge, rule, tolerance, p_of, marks[1])

    inside = [test(end) for test, end in ((above, low), (below, high)) if math.isfinite(end)]
    outside = [test(end) for test, end in ((below, low), (above, high)) if math.isfinite(end)]
    support = np.maximum.reduce(inside)
    refute = np.minimum(1.0, region.tails * np.minimum.reduce(outside))
    blank = blank & rule.needs_spread
    return np.where(blank, 1.0, support), np.where(blank, 1.0, refute)


def _p_above(
    values: Sample,
    edge: float,
    rule: Rule,
    tolerance: Array | float,
    p_of: Callable[..., Array],
    may_be_lower: NDArray[np.bool_],
) -> Array:
    lowered = rule.against_ties(worst_case(values, rule, may_be_lower), tolerance)
    p = p_of(*lowered, edge)
    return np.where(is_barred(rule, may_be_lower, np.shape(p)), 1.0, p) if may_be_lower.size else p


def worst_case(values: Sample, rule: Rule, may_be_lower: NDArray[np.bool_]) -> Sample:
    """Return the sample with what may be lower at its lowest, for a rule about the median."""
    if rule.about != "median" or not may_be_lower.any():
        return values
    return (np.where(may_be_lower, -LARGEST, values[0]),)


def is_barred(
    rule: Rule, may_be_lower: NDArray[np.bool_], shape: tuple[int, ...] = ()
) -> NDArray[np.bool_]:
    """Whether a mean cannot be shown to be large, as some value may be lower than it says.

    Of the shape of one number, or of one without each seed in turn.
    """
    if rule.about == "median":
        return np.zeros(shape, dtype=np.bool_)
    count = np.count_nonzero(may_be_lower) - (may_be_lower if shape else 0)
    return np.asarray(count > 0)


def combine(judgements: Sequence[Judgement], counts: Sequence[Counted] = ()) -> tuple[float, float]:
    """The two p-values of a claim that asserts all of its k assertions together.

    Support needs every assertion, so it is the largest p_support, unadjusted; refutation needs any
    one, so it is k times the smallest p_refute, at most 1 (Bonferroni). Of the members of `counts`
    at least so many must hold as each says.

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
    p = np.array([(j.p_support, j.p_refute) for j in judgements]).T
    support, refute = Structure(len(judgements), tuple(counts)).p(*p)
    return float(support), float(refute)
