"""One cell of the tables: a rule on a law at n seeds, all replications in one array operation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from faeval import stats
from faeval.calibration._laws import Array, Draw, Law
from faeval.calibration._rivals import RIVALS, Found, OneSample
from faeval.errors import FaevalError
from faeval.streams import stream

#: A test of faeval.stats by name, a rival by name, or a function (differences, bound, alpha) ->
#: (above, below).
Rule: TypeAlias = str | OneSample
ENGINE = tuple(
    rule.name
    for rule in stats.RULES.values()
    if rule.paired and not rule.sides and (rule.decides or rule.beside)
)
ALPHA = 0.05
MARGIN = 1.0


@dataclass(frozen=True)
class Rate:
    """How often something happened in `reps` replications.

    `error` is its Monte-Carlo standard error.
    """

    rate: float
    reps: int

    @property
    def error(self) -> float:
        """At least that of one event: a rate of 0 in so many replications is not known to be 0.

        0 where nothing was drawn.
        """
        if not self.reps:
            return 0.0
        p = min(max(self.rate, 1 / self.reps), 1 - 1 / self.reps)
        return math.sqrt(p * (1 - p) / self.reps)


def rate(events: NDArray[np.bool_]) -> Rate:
    """The share of events, one each replication."""
    return Rate(float(np.mean(events)), len(events))


def decide_all(rule: Rule, differences: Array, bound: float, alpha: float) -> Found:
    """Whether the rule finds each row's centre above the bound, and whether below.

    At one-sided `alpha` each.
    """
    if callable(rule):
        return rule(differences, bound, alpha)
    if rule in ENGINE:
        above, below = stats.judge_many("exceeds", differences, bound, test=rule)
        return above <= alpha, below <= alpha
    if rule in RIVALS:
        return RIVALS[rule](differences, bound, alpha)
    raise FaevalError(
        f"rule={rule!r} ({type(rule).__name__}) is none of {', '.join((*ENGINE, *RIVALS))}; or give"
        " a function."
    )


def operating_characteristics(
    rule: Rule, law: Law | Draw, n: int, *, reps: int = 20_000, seed: int = 0, alpha: float = ALPHA
) -> dict[str, Rate]:
    """Measure a rule at the margin: what it errs there on a law, yours too.

    Parameters
    ----------
    rule
        "t", "sign-flip", "sign" or "wilcoxon" of faeval.stats; a rival's name; or a function of
        differences (rows, n), bound and alpha that says for each row whether the centre is found
        above the bound, and whether below.
    law
        One of :data:`LAWS`, or a function (rng, shape) that draws differences of mean 0. The rule
        "sign" is about the median, and is measured there.
    n
        Seeds.
    reps
        Replications.
    seed
        Of the draws: the same seed gives the same figures, whatever else was drawn.
    alpha
        Nominal, one-sided.

    Returns
    -------
    dict
        "wrong_support" and "wrong_refute" of "exceeds" with the true effect on the margin, each
        nominally alpha; "coverage" of the interval with both bounds at alpha, nominally 1 - 2
        alpha; "two_sided" size at alpha.

    Raises
    ------
    FaevalError
        For an unknown rule.

    Examples
    --------
    >>> def uniform(rng, shape):
    ...     return rng.uniform(-1, 1, shape)
    >>> found = operating_characteristics("t", uniform, n=5, reps=4000)
    >>> abs(found["wrong_support"].rate - 0.05) < 0.02
    True
    """
    errors = law if isinstance(law, Law) else Law(getattr(law, "__name__", "own"), law)
    median = rule in ENGINE and stats.rule_of(str(rule)).about == "median"
    centre = errors.median if median else 0.0
    draws = MARGIN - centre + errors.draw(stream(seed, "calibrate", errors.name, n), (reps, n))
    if rule in ENGINE:  # one pair of p-values serves both levels
        p, q = stats.judge_many("exceeds", draws, MARGIN, test=rule)
        support, refute, above, below = p <= alpha, q <= alpha, p <= alpha / 2, q <= alpha / 2
    else:
        support, refute = decide_all(rule, draws, MARGIN, alpha)
        above, below = decide_all(rule, draws, MARGIN, alpha / 2)
    return {
        "wrong_support": rate(support),
        "wrong_refute": rate(refute),
        "coverage": rate(~(support | refute)),
        "two_sided": rate(above | below),
    }
