"""Estimands made of several, or of all epochs: one number per seed.

Their names are those of builtins where the field's are: ``fe.max``, ``fe.min``.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from faeval.claims._estimand import Course, Estimand, Read, as_number, call, metric, unpacked
from faeval.errors import FaevalError
from faeval.experiment import Arm

#: The points of a slope lie so far apart at least, and at most by its inverse.
_SHORTEST = 1e-100


def _measured(given: Iterable[Any], where: str, least: int = 1) -> tuple[Estimand, ...]:
    """Return estimands as they are; raise FaevalError where one is none, or they are too few."""
    estimands = tuple(given)
    for one in estimands:
        if not isinstance(one, Estimand) or not one.terms:
            raise FaevalError(
                f"{where}: {one!r} ({type(one).__name__}) must be an estimand, such as"
                f" fe.accuracy(arm).{unpacked(one)}"
            )
    if len(estimands) < least:
        raise FaevalError(
            f"{where}: the number of estimands is {len(estimands)}; give at least {least}."
        )
    return estimands


def median(*estimands: Estimand) -> Estimand:
    """Return the median of estimands, seed by seed: of each seed's values the middle one.

    Examples
    --------
    >>> from faeval import Arm, accuracy
    >>> str(median(*(accuracy(Arm("dfa", width=w)) for w in (64, 128, 256))))
    'median(accuracy(dfa+width=64), accuracy(dfa+width=128), accuracy(dfa+width=256))'
    """
    return call("median", _measured(estimands, "fe.median", 2))


def iqm(*estimands: Estimand) -> Estimand:
    """Return the interquartile mean of estimands, seed by seed.

    A quarter of them, rounded down, is left out at either end, as ``scipy.stats.trim_mean`` does.
    """
    return call("iqm", _measured(estimands, "fe.iqm", 4))


def max(*estimands: Estimand, chosen_by: str | None = None) -> Estimand:  # noqa: A001
    """Return the largest of estimands, seed by seed.

    Parameters
    ----------
    estimands
        What is chosen from, such as one metric at several learning rates.
    chosen_by
        The metric that the choice is made on, such as one of validation: each seed's value is then
        that of the estimand which is largest in this metric. None chooses on the values
        themselves, which makes the best of several look better than it is; a verdict that gains by
        it is flagged ``selected_on_evidence``.

    Examples
    --------
    >>> from faeval import Arm, accuracy
    >>> rates = [accuracy(Arm("dfa", learning_rate=r)) for r in (0.01, 0.1)]
    >>> str(max(*rates, chosen_by="validation_accuracy"))
    'max(accuracy(dfa+learning_rate=0.01), accuracy(dfa+learning_rate=0.1); \
chosen by validation_accuracy)'
    """
    return _extreme("max", estimands, chosen_by)


def min(*estimands: Estimand, chosen_by: str | None = None) -> Estimand:  # noqa: A001
    """Return the smallest of estimands, seed by seed: the worst task, say.

    Arguments are those of :func:`max`.
    """
    return _extreme("min", estimands, chosen_by)


def _extreme(op: str, given: Iterable[Any], chosen_by: str | None) -> Estimand:
    estimands = _measured(given, f"fe.{op}", 2)
    if chosen_by is None:
        return call(op, estimands)
    if not isinstance(chosen_by, str) or not chosen_by or set("@!") & set(chosen_by):
        raise FaevalError(
            f"fe.{op}: chosen_by={chosen_by!r} ({type(chosen_by).__name__}) must be the name of the"
            " metric that the choice is made on."
        )
    scores = tuple(e.with_reads(lambda read: replace(read, metric=chosen_by)) for e in estimands)
    return call(f"{op}_by", estimands + scores)


def share_above(threshold: float, *estimands: Estimand) -> Estimand:
    """Return the share of estimands that lie above a threshold, seed by seed, in [0, 1].

    A value on the threshold is not above it.
    """
    number = as_number(threshold, "fe.share_above: threshold")
    return call("share_above", _measured(estimands, "fe.share_above"), (number,))


def slope(points: Mapping[float, Estimand], log: bool = False) -> Estimand:
    """Return the least-squares slope of estimands over numbers, seed by seed.

    Parameters
    ----------
    points
        The estimand at each number, such as accuracy by width: two at least.
    log
        Whether the slope is one for each doubling of the number; numbers are above 0 then.

    Examples
    --------
    >>> from faeval import Arm, accuracy
    >>> str(slope({w: accuracy(Arm("dfa", width=w)) for w in (64, 128)}, log=True))
    'slope per doubling(64: accuracy(dfa+width=64), 128: accuracy(dfa+width=128))'
    """
    if not isinstance(points, Mapping) or not isinstance(log, bool):
        raise FaevalError(
            f"fe.slope: points={points!r} ({type(points).__name__}), log={log!r}: give a mapping"
            " from numbers to estimands, such as {16: fe.accuracy(small), 64: fe.accuracy(big)},"
            " and log=True or False."
        )
    x = tuple(as_number(level, "fe.slope: a point") for level in points)
    if len(x) < 2 or len({*x}) < len(x):
        raise FaevalError(
            f"fe.slope: points at {', '.join(f'{level:g}' for level in x) or 'no number'}; a slope"
            " needs two different numbers at least."
        )
    if log and builtins.min(x) <= 0:
        raise FaevalError(
            f"fe.slope: log=True with a point at {builtins.min(x):g}; a doubling is defined of"
            " numbers above 0 alone."
        )
    estimands = _measured(points.values(), "fe.slope")
    levels = [math.log2(level) for level in x] if log else x
    span = builtins.max(levels) - builtins.min(levels)
    if not _SHORTEST <= span <= 1 / _SHORTEST:
        raise FaevalError(
            f"fe.slope: points from {builtins.min(x)!r} to {builtins.max(x)!r} lie too near or too"
            " far apart to compute with; count them in another unit."
        )
    return call("slope_per_doubling" if log else "slope", estimands, x)


def trend(*estimands: Estimand) -> Estimand:
    """Return how much estimands rise on balance, in the order given, seed by seed.

    The contrast of Abelson and Tukey [1]_, which sees any rising shape: one step at either end as
    well as equal steps. Above 0 it says that they rise on balance, not that every step rises: for
    that assert each step. Three at least.

    References
    ----------
    .. [1] R. P. Abelson and J. W. Tukey, Ann. Math. Stat. 34 (1963).
    """
    return call("trend", _measured(estimands, "fe.trend", 3))


def area(metric_name: str, arm: Arm, *, layers: Any = None) -> Estimand:
    """Return the area under a metric over the epochs of a run, by trapezoids.

    In the metric's unit times epochs; runs of the arms compared must have the same epochs. Of a
    metric with a number for each state say ``layers``, as in :func:`metric`.
    """
    return _over_course(metric_name, arm, layers, Course())


def first(
    metric_name: str,
    arm: Arm,
    *,
    above: float | None = None,
    below: float | None = None,
    layers: Any = None,
) -> Estimand:
    """Return the first epoch at which a metric is above, or below, a threshold.

    A run that never gets there is known only to take longer than it lasted: it counts at the end
    that speaks against a verdict, and one that would need to know more is ``inconclusive:
    censored``.

    Parameters
    ----------
    metric_name, arm, layers
        As in :func:`metric`.
    above, below
        The threshold: one of the two. A value on it is not beyond it.
    """
    if (above is None) == (below is None):
        raise FaevalError(f"fe.first: above={above!r}, below={below!r}: give one of the two.")
    ends = (
        None if end is None else as_number(end, "fe.first: a threshold") for end in (above, below)
    )
    estimand = _over_course(metric_name, arm, layers, Course(*ends))
    (reading,) = estimand.reads()
    if reading.layers is not None and (
        reading.layers.fixed is None or len(reading.layers.fixed) > 1
    ):
        raise FaevalError(
            f"fe.first: layers={layers!r} ({type(layers).__name__}) must be one state, such as"
            " layers=2: states cross a threshold at epochs of their own."
        )
    return estimand


def _over_course(name: str, arm: Arm, layers: Any, course: Course) -> Estimand:
    ((_, reading),) = metric(name, arm, layers=layers).terms
    assert isinstance(reading, Read)
    return Estimand(((1.0, replace(reading, course=course)),))
