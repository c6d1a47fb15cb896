"""The catalogue of metrics: meaning, unit, range and instrument."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, replace
from typing import Any, Literal

from faeval.errors import FaevalError


@dataclass(frozen=True)
class Metric:
    """What a reader must know of a number before believing it.

    Parameters
    ----------
    name
        Its name in evidence, in estimands (``fe.metric(name, arm)``) and on pages.
    description
        One line: what is measured, how samples are summarised.
    unit
        The unit in which margins are stated; "1" for a pure number.
    low, high
        The closed range of legal values. A value outside makes a claim ``invalid: out_of_range``.
    better
        Which direction speaks for the arm; decides what ``diverged="worst"`` stands for.
    layered
        One number for each state 0..L (True) or one for the network (False).
    instrument
        The instrument that reads it. Where that instrument's positive control on a state is below
        0.99, its rows there are ``below_floor``. None: needs no control.
    resolution
        Smallest step between two values that one item can make; 0 when continuous.
    symbol, reference
        Its letter in the field, and where it is defined.
    best
        The value that perfect credit reads, where there is one.
    invariances
        What may be done to the audited signals without changing the value.
    under_study
        Read by an instrument that is itself studied: its rows are never below_floor, and only a
        claim with ``about="instrument"`` may read it.
    kind, function
        What its function is property-tested as, a kind of ``faeval.testing.check_metric``, and
        where that is; None where a metric is no function of signals alone.
    tolerance
        The error that its author accepts beyond rounding, as for ``faeval.testing.check_metric``;
        None where none is.
    outcome
        "rate" for an outcome that is 0 or 1 in each run, such as whether it converged: its rate
        over seeds is decided by exact rules.
    """

    name: str
    description: str = ""
    unit: str = "1"
    low: float = -math.inf
    high: float = math.inf
    better: Literal["higher", "lower"] | None = None
    layered: bool = False
    instrument: str | None = None
    resolution: float = 0.0
    symbol: str = ""
    reference: str = ""
    best: float | None = None
    invariances: tuple[str, ...] = ()
    under_study: bool = False
    kind: Literal["alignment", "correlation", "norm", "loss_change"] | None = None
    function: str = ""
    tolerance: float | None = None
    outcome: Literal["rate"] | None = None

    def __post_init__(self) -> None:
        if self.outcome not in (None, "rate") or (self.outcome and self.layered):
            raise FaevalError(
                f"fe.Metric({self.name!r}): outcome={self.outcome!r} must be 'rate', of a metric"
                " with one number a run (0 or 1), or left out."
            )

    @property
    def is_bounded(self) -> bool:
        """Whether its range has two ends."""
        return math.isfinite(self.low) and math.isfinite(self.high)


#: The largest error that a metric's author may accept: a tenth of what a cosine can read.
MAX_TOLERANCE = 0.1


def as_tolerance(value: object) -> float | None:
    """Return the error that a metric's author accepts, a number above 0; refuse anything else."""
    if value is None:
        return None
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    # NaN is refused too.
    if not number or not 0 < float(value) <= MAX_TOLERANCE:  # type: ignore[arg-type]
        raise FaevalError(
            f"tolerance={str(value)[:40]} ({type(value).__name__}) must be a number above 0 and at"
            f" most {MAX_TOLERANCE:g}: the error that you accept, such as 1e-6."
        )
    return float(value)  # type: ignore[arg-type]


#: A state on which an instrument's positive control reads less has that instrument's rows
#: below_floor.
CONTROL_FLOOR = 0.99
_FLOAT64 = "float64"
_SCALES = ("scale of all credit", "scale of the loss")
_ORDER = ("order of samples", "repetition of all samples", "rotation of the state")


def _control(name: str, what: str, best: float | None, instrument: str = "") -> Metric:
    kind = "the published recipe" if instrument else "the float64 instrument"
    return Metric(
        f"{instrument}{name}",
        f"{what}, read by {kind}.",
        low=-1.0,
        high=1.0,
        layered=True,
        best=best,
        invariances=_SCALES,
    )


def _nudge(name: str, what: str) -> Metric:
    text = f"Mean over samples of the change of the sample's own loss after a step {what}."
    return Metric(
        name,
        text,
        unit="nats",
        better="lower",
        layered=True,
        invariances=_ORDER,
        kind="loss_change",
        function="faeval.bench.audits:loss_change",
    )


def _norm(name: str, of: str) -> Metric:
    text = f"Median over samples of the Euclidean norm of {of}."
    return Metric(
        name,
        text,
        low=0.0,
        layered=True,
        invariances=_ORDER,
        kind="norm",
        function="faeval.bench.audits:norms",
    )


_ALIGNED = Metric("", low=-1.0, high=1.0, better="higher", layered=True, best=1.0)


def _alignment(name: str, description: str, **more: Any) -> Metric:
    return replace(_ALIGNED, name=name, description=description, instrument=_FLOAT64, **more)


#: Metrics of faeval's own settings. ``control_true`` and ``control_random`` belong to the float64
#: instrument.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _alignment(
            "cosine",
            "Cosine between the credit signal and the gradient of the sample's own loss at a state;"
            " mean over samples.",
            symbol="Γ",
            invariances=(*_SCALES, "scale of one sample's credit", *_ORDER),
            kind="alignment",
            function="faeval.bench.audits:cosine",
            reference="Lillicrap et al. 2016, Nature Communications 7:13276 (alignment angle)",
        ),
        _alignment(
            "rho",
            "Perturbation correlation in closed form: sum of <credit, gradient> over samples,"
            " divided by the root of the product of their summed squared norms.",
            symbol="ρ",
            invariances=(*_SCALES, *_ORDER),
            kind="correlation",
            function="faeval.bench.audits:rho",
            reference="the limit of small isotropic perturbations of a smooth loss",
        ),
        Metric(
            "effective_samples",
            "Effective number of samples in rho: (sum w)^2 / sum w^2 with w = |credit| |gradient|.",
            unit="samples",
            low=0.0,
            layered=True,
            reference="Kish 1965, Survey Sampling (effective sample size)",
        ),
        _norm("credit_norm", "the credit signal"),
        _norm("gradient_norm", "the gradient of the sample's own loss at a state"),
        _norm("state_norm", "a state"),
        Metric(
            "growth",
            "Largest ratio of the norms of successive states, h_{l+1} to h_l, over blocks; each the"
            " median over samples.",
            low=0.0,
            better="lower",
        ),
        Metric(
            "norm_ratio",
            "Median over samples of the norm of the credit signal, divided by that of the"
            " gradient.",
            low=0.0,
            layered=True,
            invariances=_ORDER,
        ),
        Metric(
            "direction_stability",
            "Mean cosine between the mean gradients of 8 disjoint batches of samples, at the middle"
            " state.",
            low=-1.0,
            high=1.0,
            invariances=("scale of the loss", "rotation of the state"),
        ),
        _alignment(
            "rho_fd",
            "Perturbation correlation of the credit by two-sided finite differences in float64,"
            " step relative to the state.",
            invariances=_SCALES,
            reference="independent check of rho",
        ),
        Metric(
            "rho_fd_error",
            "Monte-Carlo standard error of rho_fd over its random directions, from each sample's"
            " weight in it.",
            low=0.0,
            layered=True,
            instrument=_FLOAT64,
            invariances=_SCALES,
            reference="delta method",
        ),
        _control(
            "control_true",
            "Positive control: the true gradient's correlation with finite differences",
            1.0,
        ),
        _control("control_random", "Negative control: a random vector of the gradient's norm", 0.0),
        _control(
            "control_shuffled", "Negative control: each sample given the credit of another", None
        ),
        *(
            _control(
                f"control_planted_{c:g}",
                f"Dose: a mixture whose cosine with the gradient is {c:g}",
                c,
            )
            for c in (0.0, 0.1, 0.3, 1.0)
        ),
        Metric(
            "fresh_cosine",
            "Cosine of the credit that newly drawn feedback gives: mean over 20 draws of the mean"
            " over samples.",
            low=-1.0,
            high=1.0,
            layered=True,
            invariances=_SCALES,
        ),
        Metric(
            "fresh_cosine_spread",
            "Standard deviation over the 20 draws of fresh_cosine.",
            low=0.0,
            layered=True,
            invariances=_SCALES,
        ),
        _nudge("nudge", "of 0.01 times the credit against it"),
        *(
            _nudge(f"nudge_{eta:g}", f"of {eta:g} times the credit against it")
            for eta in (0.001, 0.1)
        ),
        *(
            _nudge(
                f"nudge_{name}_{eta:g}", f"against the {signal}, {eta:g} times as long as the state"
            )
            for name, signal in (("matched", "credit"), ("gradient", "true gradient"))
            for eta in (0.001, 0.01, 0.1)
        ),
        *(
            replace(
                metric,
                name=f"published.{name}",
                description=text,
                instrument="published",
                under_study=True,
                reference="published audit: float32, one-sided, absolute step 1e-3, 32 directions",
            )
            for name, text, metric in (
                ("rho", "Perturbation correlation as the published recipe reads it.", _ALIGNED),
                ("cosine", "Cosine as published: float32, norms clamped at 1e-8.", _ALIGNED),
                ("control_true", "The true gradient, read by the published recipe.", _ALIGNED),
                (
                    "control_random",
                    "A random vector, read by the published recipe.",
                    replace(_ALIGNED, best=0.0, better=None),
                ),
            )
        ),
        Metric(
            "accuracy",
            "Share of the test set classified correctly.",
            unit="fraction",
            low=0.0,
            high=1.0,
            better="higher",
        ),
        Metric(
            "test_loss",
            "Mean cross-entropy over the test set.",
            unit="nats",
            low=0.0,
            better="lower",
        ),
        Metric(
            "train_loss",
            "Mean cross-entropy over the training batches of an epoch.",
            unit="nats",
            low=0.0,
            better="lower",
        ),
    )
}
