"""One assertion about the differences between two arms, judged from both sides of its margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from numpy.typing import ArrayLike

from faeval.errors import FaevalError
from faeval.stats._checks import Sample, choice, count, level, number, sample
from faeval.stats._holm import Word, word
from faeval.stats._spread import mean_and_sd, undecidable
from faeval.stats._tests import TESTS, TestName, negated

Kind: TypeAlias = Literal["exceeds", "below", "not_above", "not_below", "equivalent"]


@dataclass(frozen=True)
class Judgement:
    """What the seeds say about one assertion.

    `estimate` is the mean of the n `differences` a - b and `sd` their standard deviation (ddof 1, NaN below two), both
    in the metric's unit. `p_support` is small where the data speak for the assertion, `p_refute` where against it.
    """

    kind: Kind
    margin: float
    test: TestName
    n: int
    estimate: float
    sd: float
    p_support: float
    p_refute: float
    differences: Sample


def judge(kind: Kind, differences: ArrayLike, margin: float, *, test: TestName = "t") -> Judgement:
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

    Support for an equivalence is the larger of the two one-sided p-values (TOST [1]_), refutation twice the smaller.

    Parameters
    ----------
    kind
        One of the words above.
    differences
        Shape (n,), one number a - b for each seed, in the metric's unit.
    margin
        The smallest effect of interest m, at least 0, in the same unit.
    test
        "t" assumes near-normal differences, "sign-flip" (n <= 20) symmetric ones; "sign" is about the median and
        assumes nothing of their law.

    Returns
    -------
    Judgement
        Both p-values are 1 where nothing can be decided: fewer than two seeds, or no spread beyond rounding.

    Raises
    ------
    FaevalError
        For an unknown kind or test, differences that are not one-dimensional and finite, or a margin below 0.

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
    estimate, sd = mean_and_sd(values)
    support, refute = _p_values(kind, values, margin, test)
    return Judgement(kind, margin, test, len(values), estimate, sd, support, refute, values)


def _p_values(kind: Kind, values: Sample, margin: float, test: TestName) -> tuple[float, float]:
    if undecidable(values):
        return 1.0, 1.0
    p, swapped = TESTS[test].p_greater, negated(values)
    if kind == "equivalent":
        support = max(p(values, -margin), p(swapped, -margin))
        return support, min(1.0, 2 * min(p(values, margin), p(swapped, margin)))
    if kind in ("below", "not_below"):
        values, swapped = swapped, values
    larger, not_larger = p(values, margin), p(swapped, -margin)
    return (larger, not_larger) if kind in ("exceeds", "below") else (not_larger, larger)


def combine(judgements: Sequence[Judgement]) -> tuple[float, float]:
    """The two p-values of a claim that asserts all of its k assertions together.

    Support needs every assertion, so it is the largest p_support, unadjusted; refutation needs any one, so it is
    k times the smallest p_refute, at most 1 (Bonferroni).

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
        raise FaevalError("judgements must hold at least one Judgement, but is empty (list); judge an assertion first")
    support = max(j.p_support for j in judgements)
    return support, min(1.0, len(judgements) * min(j.p_refute for j in judgements))


def leave_one_out(
    kind: Kind,
    differences: ArrayLike,
    margin: float,
    level_support: float,
    level_refute: float,
    k: int = 1,
    test: TestName = "t",
) -> tuple[Word, ...]:
    """The word that one assertion would get without each seed in turn, at the levels its claim met: a sensitivity.

    Parameters
    ----------
    kind, differences, margin, test
        As in :func:`judge`.
    level_support, level_refute
        The claim's levels in its family, in (0, 0.5], as :func:`decide_family` gives them.
    k
        Number of assertions of the claim; refutation by one of them is judged at level_refute / k.

    Returns
    -------
    tuple of str
        Shape (n,): "supported", "refuted" or "inconclusive", in the order of the seeds.

    Raises
    ------
    FaevalError
        As :func:`judge`; also for levels outside (0, 0.5] or k below 1.

    Examples
    --------
    >>> leave_one_out("exceeds", [0.08, 0.10, 0.01], 0.03, 0.2, 0.2)
    ('inconclusive', 'inconclusive', 'supported')
    """
    level_support, level_refute = level("level_support", level_support), level("level_refute", level_refute)
    k = count("k", k, low=1)
    whole = judge(kind, differences, margin, test=test)
    words = []
    for seed in range(whole.n):
        rest = whole.differences[:seed] + whole.differences[seed + 1 :]
        support, refute = _p_values(kind, rest, whole.margin, test)
        words.append(word(support <= level_support, k * refute <= level_refute))
    return tuple(words)
