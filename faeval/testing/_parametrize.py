"""Metric checks as pytest items, one for each property."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from faeval.testing._check_metric import Check, metric_checks
from faeval.testing._subject import Skip


def parametrize_with_metric_checks(
    metrics: Sequence[Callable[..., Any]],
    kind: str = "alignment",
    expected_failures: Mapping[str, str] | None = None,
    tolerance: float | None = None,
) -> pytest.MarkDecorator:
    """Decorate a test of ``metric`` and ``check`` with every property of every metric.

    scikit-learn does the same for estimators. Needs the extras ``bench`` and ``test-kit``.

    Parameters
    ----------
    metrics
        Functions of one kind.
    kind
        As for :func:`faeval.testing.check_metric`.
    expected_failures
        Property to reason: these are marked xfail, strictly, so that one which holds after all
        fails.
    tolerance
        As for :func:`faeval.testing.check_metric`.

    Examples
    --------
    >>> from faeval.bench.audits import cosine
    >>> @parametrize_with_metric_checks([cosine])
    ... def test_metric(metric, check):
    ...     check(metric)
    """
    reasons = dict(expected_failures or {})
    params = []
    for metric in metrics:
        for check in metric_checks(kind, tolerance):
            marks = (
                [pytest.mark.xfail(reason=reasons[check.name], strict=True)]
                if check.name in reasons
                else []
            )
            name = getattr(metric, "__name__", type(metric).__name__)
            params.append(
                pytest.param(metric, _skipping(check), id=f"{name}-{check.name}", marks=marks)
            )
    return pytest.mark.parametrize(("metric", "check"), params)


def _skipping(check: Check) -> Callable[[Callable[..., Any]], None]:
    def run(metric: Callable[..., Any]) -> None:
        try:
            check(metric)
        except Skip as reason:
            pytest.skip(str(reason))

    return run
