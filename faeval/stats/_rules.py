"""How a contrast is tested: one row for each rule, asked by all that judges, bounds or plans.

Each rule is written for "greater", one-sided against any bound; exchanging the sides gives "less".
A new rule is a row of ``RULES`` and its name in ``TestName``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faeval._arguments import Array, choice, count, number, refuse, sample
from faeval.stats import _deviations, _identical, _ranks, _rates, _sign, _sign_flip, _t, _welch
from faeval.stats._spread import mean_and_sd, own_tolerance, undecidable, without_each

TestName: TypeAlias = Literal[
    "t", "sign-flip", "sign", "welch", "spread", "rate", "paired-rates", "unpaired-rates"
]
#: Wilcoxon's test decides no claim: it stands beside the verdict as a sensitivity.
#: "identical" takes the place of a rule on means where all differences are the same.
AnyTest: TypeAlias = TestName | Literal["wilcoxon", "identical"]
#: What a rule reads: the differences (d,), or both sides (a, b).
Sample: TypeAlias = tuple[Array, ...]


@dataclass(frozen=True)
class Rule:
    """One way to test H0 "effect <= bound", and all that is known of it before any data.

    The functions take a sample, as ``p_greater(*sample, bound)``; shapes (..., n) to (...).

    Parameters
    ----------
    name
        What a verdict calls it.
    assumption
        The code of what it assumes of the data.
    p_greater, lower_bound
        Its p-value, and its inversion: the one-sided lower confidence bound, at a level.
    attainable
        The smallest p-value at n seeds, whatever the data.
    centre, sd
        The estimate of the effect, and the standard deviation beside it (ddof 1).
    ordinary_bound
        The lower bound of the unadjusted interval that stands beside a verdict: of a mean.
    undecidable
        Whether the sample alone shows that nothing can be decided: no spread, or too few values.
    about
        What of the outcomes a claim is about: the mean or the median of the differences, the
        ratio of the spreads (as log10), or the difference of the rates.
    paired
        Whether the seed pairs the two sides; else they are taken to share no randomness.
    sides
        Whether it reads both sides; else their differences by seed.
    one_arm
        Whether the second side is a number that the rate of the first is held against.
    exchange
        The sample of b - a, where that is not the differences with their signs turned, nor the
        sides exchanged.
    decides
        Whether a claim may be decided by it.
    beside
        Whether it stands beside the verdict of another paired rule as a sensitivity.
    counts
        Whether it counts what lies above the bound, so that a tie with it must count against.
    needs_spread
        Whether equal differences say nothing to it.
    looks
        Whether a claim may be looked at early: the law of the smallest p over looks is known.
    e_value
        Whether the running e-value is of the same effect.
    power
        How the chance of a verdict is found.
    least, most_values, most_planned
        The fewest seeds to decide on; the most values it can be computed for; the most seeds that
        planning looks through.
    patterns
        How many outcomes one p-value is counted over, at n seeds.
    unpaired
        The rule for sides that no seed pairs, where there is one.
    advised
        Seeds below which it has little power.
    check
        What refuses a sample that the rule cannot read.
    draws
        Samples of n seeds as they may come out, for power: from a generator, rows, n, the effect,
        its standard deviation, and the sign by which the effect counts a - b.
    outcomes, chances
        Where all that may come out can be listed: each outcome of n and m values, against a number
        where there is one; and the chance of each under the rates of both sides.
    p_alone
        What is never above p_greater, and much sooner computed, where there is such a thing.
    needs_sd
        Whether the chance of a verdict depends on a standard deviation.
    """

    name: AnyTest
    assumption: str
    p_greater: Callable[..., Array]
    lower_bound: Callable[..., Array]
    attainable: Callable[[int], float]
    centre: Callable[..., Array]
    sd: Callable[..., Array]
    ordinary_bound: Callable[..., Array]
    undecidable: Callable[..., NDArray[np.bool_]]
    p_without_one: Callable[..., Array] | None = None
    about: Literal["mean", "median", "spread", "rate"] = "mean"
    paired: bool = True
    sides: bool = False
    one_arm: bool = False
    exchange: Callable[[Sample], Sample] | None = None
    decides: bool = True
    beside: bool = False
    counts: bool = True
    needs_spread: bool = True
    looks: bool = False
    e_value: bool = False
    power: Literal["noncentral t", "simulated"] = "simulated"
    least: int = 2
    most_values: int | None = None
    most_planned: int = 200
    patterns: Callable[[int], int] = lambda n: 1
    unpaired: str | None = None
    advised: int = 2
    check: Callable[..., None] | None = None
    draws: Callable[..., Sample] | None = None
    outcomes: Callable[[int, int, float | None], Sample] | None = None
    chances: Callable[[int, int, float, float], Array] | None = None
    p_alone: Callable[..., Array] | None = None
    needs_sd: bool = True

    def sample(self, values: ArrayLike | tuple[ArrayLike, ArrayLike], axes: int = 1) -> Sample:
        """Return what it reads as checked arrays: differences, or the pair (a, b) of both sides."""
        if not self.sides:
            return (sample("differences", values, axes=axes),)  # type: ignore[arg-type]
        if not isinstance(values, tuple) or len(values) != 2:
            raise refuse(
                "differences",
                values,
                f"a pair (a, b) of samples for {self.name!r}",
                "give both sides",
            )
        sides = sample("a", values[0], axes=axes), sample("b", values[1], axes=axes)
        if self.paired and sides[0].shape != sides[1].shape:
            raise refuse(
                "b",
                sides[1].shape,
                f"of the shape {sides[0].shape} of a",
                "give both sides on the same seeds",
            )
        if self.check is not None:
            self.check(*sides)
        return sides

    def exchanged(self, values: Sample) -> Sample:
        """Return the same of b - a."""
        if self.exchange is not None:
            return self.exchange(values)
        return values[::-1] if self.sides else (-values[0],)

    def against_ties(self, values: Sample, tolerance: Array | float) -> Sample:
        """Return the sample as it is read: lowered by the tolerance.

        What ties with a bound is then not above it.
        """
        if not self.counts:
            return values
        return tuple(side - np.asarray(tolerance)[..., None] for side in values)

    def tolerance(self, given: float | None, values: Sample) -> Array | float:
        """Return the tolerance given, or where none is that of differences alone.

        (..., n) to (...).
        """
        if given is None:
            return own_tolerance(values[0])
        return number(
            "tolerance",
            given,
            "a finite number, at least 0",
            "give that of tie_tolerance(a, b)",
            low=0.0,
        )

    def p_without_each(self, values: Sample, bound: float) -> Array:
        """Return the p-value without each seed in turn.

        Shape (seeds,); of sides that no seed pairs (values,), those of a, then of b.
        """
        if self.p_without_one is not None:
            return self.p_without_one(*values, bound)
        return self.on_each_rest(lambda *rests: self.p_greater(*rests, bound), values)

    def on_each_rest(self, read: Callable[..., NDArray[Any]], values: Sample) -> Array:
        """Return what is read of each sample without one seed, in the order of p_without_each.

        `read` takes rows.
        """
        rests = zip(*map(without_each, values), strict=True) if self.paired else _rests(values)
        return np.concatenate([[], *(read(*sample) for sample in rests)])


def _rests(values: Sample) -> Iterator[Sample]:
    for i, side in enumerate(values):
        for rests in without_each(side):
            rows = len(rests)
            yield tuple(
                rests if j == i else np.broadcast_to(other, (rows, len(other)))
                for j, other in enumerate(values)
            )


def _mean(differences: Array) -> Array:
    return mean_and_sd(differences)[0]


def _sd(differences: Array) -> Array:
    return mean_and_sd(differences)[1]


def _median(differences: Array) -> Array:
    if not differences.shape[-1]:
        return _mean(differences)
    return np.median(differences, axis=-1)


def _paired(name: AnyTest, room: Any, assumption: str, **more: Any) -> Rule:
    return Rule(
        name,
        assumption,
        room.p_greater,
        room.lower_bound,
        room.attainable,
        **{
            "centre": _median if more.get("about") == "median" else _mean,
            "sd": _sd,
            "ordinary_bound": _t.lower_bound,
            "undecidable": undecidable,
            "draws": _normal_differences,
            **more,
        },
    )


def _normal_differences(
    rng: np.random.Generator, rows: int, n: int, effect: float, sd: float, sign: float
) -> Sample:
    return (sign * (effect + sd * rng.standard_normal((rows, n))),)


def _normal_arms(
    rng: np.random.Generator, rows: int, n: int, effect: float, sd: float, sign: float
) -> Sample:
    """Both arms spread alike, and together by sd."""
    arms = sd / math.sqrt(2) * rng.standard_normal((2, rows, n))
    return sign * effect + arms[0], arms[1]


def _of_rates(name: AnyTest, exact: _rates.Exact, **more: Any) -> Rule:
    return Rule(
        name,
        "seeds_alike",
        exact.p_greater,
        exact.lower_bound,
        _rates.attainable,
        centre=_welch.gap,
        sd=exact.sd,
        ordinary_bound=exact.lower_bound,
        undecidable=_rates.undecidable,
        about="rate",
        sides=True,
        counts=False,
        needs_spread=False,
        check=exact.check,
        outcomes=exact.outcomes,
        chances=exact.chances,
        p_alone=exact.p_alone,
        needs_sd=False,
        most_values=exact.most,
        most_planned=exact.most or _rates.MOST_OF_ONE,
        **more,
    )


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        _paired(
            "t",
            _t,
            "near_normal_differences",
            counts=False,
            looks=True,
            e_value=True,
            power="noncentral t",
            most_planned=10_000,
            unpaired="welch",
        ),
        _paired(
            "sign-flip",
            _sign_flip,
            "symmetric_differences",
            p_without_one=_sign_flip.p_without_each,
            beside=True,
            most_planned=_sign_flip.MAX_ENUMERATED,
            patterns=lambda n: 1 << min(n, _sign_flip.MAX_ENUMERATED),
        ),
        _paired("sign", _sign, "median_of_differences", about="median", needs_spread=False),
        Rule(
            "welch",
            "near_normal_arms",
            _welch.p_greater,
            _welch.lower_bound,
            _welch.attainable,
            centre=_welch.gap,
            sd=_welch.sd,
            ordinary_bound=_welch.lower_bound,
            undecidable=_welch.undecidable,
            paired=False,
            sides=True,
            counts=False,
            least=_welch.LEAST,
            draws=_normal_arms,
        ),
        Rule(
            "spread",
            "arms_of_one_shape",
            _deviations.p_greater,
            _deviations.lower_bound,
            _deviations.attainable,
            centre=_deviations.ratio,
            sd=_deviations.sd,
            ordinary_bound=_deviations.lower_bound,
            undecidable=_deviations.undecidable,
            about="spread",
            paired=False,
            sides=True,
            counts=False,
            least=_deviations.LEAST,
            advised=_deviations.ADVISED,
            draws=_deviations.draws,
            p_alone=_deviations.p_alone,
            needs_sd=False,
            most_planned=_deviations.MOST_PLANNED,
        ),
        _of_rates(
            "rate",
            _rates.one_arm,
            one_arm=True,
            exchange=lambda values: tuple(1.0 - side for side in values),
        ),
        _of_rates("paired-rates", _rates.pairs, unpaired="unpaired-rates"),
        _of_rates("unpaired-rates", _rates.arms, paired=False),
        _paired(
            "wilcoxon",
            _ranks,
            "symmetric_differences",
            decides=False,
            beside=True,
            most_values=_ranks.MAX_N,
        ),
        Rule(
            "identical",
            "range_of_differences",
            _identical.p_greater,
            _identical.lower_bound,
            _identical.attainable,
            centre=_identical.centre,
            sd=_identical.sd,
            ordinary_bound=_identical.lower_bound,
            undecidable=_identical.undecidable,
            exchange=_identical.exchanged,
            decides=False,
            counts=False,
            needs_spread=False,
        ),
    )
}


def rule_of(test: str, *, deciding: bool = False) -> Rule:
    """Return the row of a rule.

    Parameters
    ----------
    test
        Its name.
    deciding
        Whether only rules that may decide a claim will do.

    Raises
    ------
    FaevalError
        For a rule that is not in the table.

    Examples
    --------
    >>> rule_of("sign").needs_spread, rule_of("t").unpaired
    (False, 'welch')
    """
    allowed = [name for name, rule in RULES.items() if rule.decides or not deciding]
    return RULES[choice("test", test, allowed)]


def attainable_p(test: AnyTest, n: int) -> float:
    """The smallest one-sided p-value that `test` can give on `n` seeds, whatever the data.

    A claim in a family of m is attainable only where this is at most alpha / m. Refuting an
    equivalence or one of k assertions multiplies p (by 2 and by k), and so needs as much less: see
    :func:`outlook`. So for rates, whose smallest p hangs on the margin: five pairs that all differ
    give (1/2 + m/2)^5, .031 at a margin of 0 and .0503 at .1.

    Returns
    -------
    float
        0 for t and 2^-n for the exact tests from two seeds on (2^-17 for sign-flip beyond 20), 0
        for welch from three and spread from five; 1 below. For the tests of rates 0 from two on,
        which no margin is better than.

    Raises
    ------
    FaevalError
        For an unknown test or a negative or fractional n.

    Examples
    --------
    >>> attainable_p("sign-flip", 5)
    0.03125
    """
    return rule_of(test).attainable(count("n", n))
