"""check_metric: a metric of anyone's own, tried on what every metric of its kind must hold."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from faeval.errors import FaevalError
from faeval.experiment import as_tolerance
from faeval.testing._conformance import Conformance, Failure
from faeval.testing._consequences import consequence
from faeval.testing._process import Process
from faeval.testing._properties import PROPERTIES
from faeval.testing._subject import Bench, Skip, raised

KINDS = tuple(PROPERTIES)


@dataclass(frozen=True)
class Check:
    """One property of a kind of metric.

    Called with a metric, it raises AssertionError where the property fails.
    """

    name: str
    kind: str
    attempt: Callable[[Bench], str | None]
    tolerance: float | None = None

    def __call__(self, metric: Callable[..., Any] | str) -> None:
        problem = self.problem(Bench(_found(metric), self.kind, self.tolerance))
        if problem:
            raise AssertionError(
                f"{self.name}: {problem}\nFor a claim: {consequence(self.name, problem)}."
            )

    def problem(self, bench: Bench) -> str | None:
        """Return what is wrong, or None; an exception of the metric is something wrong."""
        try:
            return self.attempt(bench)
        except Skip:
            raise
        except (Exception, SystemExit) as error:
            return raised(error)


def _check_reasons(reasons: Mapping[str, str], kind: str, properties: list[str]) -> None:
    if unknown := set(reasons) - set(properties):
        raise FaevalError(
            f"check_metric: expected_failures names {min(unknown)!r}, which is no property of kind"
            f" {kind!r}; they are {', '.join(properties)}."
        )
    for name, reason in reasons.items():
        if not isinstance(reason, str) or not reason.strip():
            raise FaevalError(
                f"check_metric: expected_failures[{name!r}]={reason!r} must say why, in words."
            )


def check_metric(
    metric: Callable[..., Any] | str,
    kind: str = "alignment",
    *,
    expected_failures: Mapping[str, str] | None = None,
    tolerance: float | None = None,
) -> Conformance:
    """Property-test a metric.

    Tried are scales, signs, order, chunks, types, memory, undefined cases, an exact oracle and side
    effects. Needs the extras ``bench`` and ``test-kit``.

    Parameters
    ----------
    metric
        The function, in NumPy, PyTorch or what works on either; or its path ``"module:function"``.
        By kind:

        - alignment: ``fn(credit, gradient)``, two (n, d) in, one cosine for each sample (n,) out,
          within [-1, 1] up to rounding, NaN where undefined;
        - correlation: ``fn(credit, gradient)``, one number out,
          sum <a, g> / sqrt(sum |a|^2 sum |g|^2), NaN where undefined;
        - norm: ``fn(signal)``, (n, d) in, the Euclidean norm of each row (n,) out, whatever its
          size;
        - loss_change: ``fn(loss, state, credit, step)``, for each sample
          loss(state - step * credit) - loss(state), where ``loss`` maps states (n, d) to each
          sample's loss (n,).
    kind
        Which of these it is.
    expected_failures
        Property to reason, for what a metric is known not to hold. One that holds after all is a
        failure.
    tolerance
        The error that its author accepts beyond rounding: of a cosine or correlation as it is, of a
        norm relative to it, of a change of loss relative to the losses. A number above 0 and at
        most 0.1. Without it a metric is held to the rounding of the type it works in, float64 or
        float32 (a change of loss to that of float64: a difference loses digits).

    Returns
    -------
    Conformance
        ``.passed``; ``.failures``: the property's name, the smallest counterexample found with its
        cause, and what it would do to a claim; ``.notes``: what holds up to rounding alone.

    Raises
    ------
    FaevalError
        There is no such kind, function or property, or the tolerance is none.

    Examples
    --------
    >>> from torch.nn.functional import cosine_similarity
    >>> print(check_metric(cosine_similarity).failures[0].property)
    norms from 1e-30 to 1e30
    """
    checks = metric_checks(kind)
    reasons = dict(expected_failures or {})
    _check_reasons(reasons, kind, [check.name for check in checks])
    bench = Bench(_found(metric), kind, tolerance)
    failures, skipped, properties, notes = [], [], [], []
    for check in checks:
        before = Process.now()
        try:
            problem = check.problem(bench)
        except Skip as reason:
            skipped.append((check.name, str(reason)))
            continue
        finally:
            # whatever the metric does, the next property and the caller find the process as it was
            before.restore()
        if check.name in reasons and problem:
            skipped.append((check.name, f"fails as declared: {reasons[check.name]}"))
            continue
        properties.append(check.name)
        if check.name in reasons:
            problem = (
                f"it is declared to fail ({reasons[check.name]!r}), and holds; take the"
                " declaration away"
            )
        notes += [(check.name, text) for text in bench.taken_notes() if not problem]
        if problem:
            failures.append(Failure(check.name, problem, consequence(check.name, problem)))
    name = metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)
    subject = f"{kind} metric {name}"
    return Conformance(
        subject, tuple(properties), tuple(failures), tuple(skipped), tuple(notes), bench.tolerance
    )


def metric_checks(kind: str = "alignment", tolerance: float | None = None) -> tuple[Check, ...]:
    """Return the checks of a kind of metric, each to be called with a metric.

    Needs the extras ``bench`` and ``test-kit``.
    """
    if kind not in KINDS:
        raise FaevalError(
            f"kind={kind!r} ({type(kind).__name__}) is not one of {', '.join(map(repr, KINDS))}."
        )
    accepted = as_tolerance(tolerance)
    return tuple(Check(name, kind, attempt, accepted) for name, attempt in PROPERTIES[kind].items())


def takes_numpy(metric: Callable[..., Any], kind: str = "alignment") -> bool:
    """Return whether a metric works on NumPy arrays and not on tensors.

    Needs the extras ``bench`` and ``test-kit``.
    """
    return Bench(metric, kind).numpy


def _found(metric: Callable[..., Any] | str) -> Callable[..., Any]:
    if isinstance(metric, str):
        module, _, name = metric.partition(":")
        try:
            metric = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise FaevalError(
                f"metric {module}:{name} cannot be loaded ({type(error).__name__}: {error}); name"
                " it as module:function."
            ) from error
    if not callable(metric):
        raise FaevalError(f"metric {metric!r} ({type(metric).__name__}) is no function.")
    return metric
