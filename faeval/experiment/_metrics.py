"""The catalogue of metrics: what a number means, in which unit and range, and which instrument it is read by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


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
        The instrument that reads it. Where that instrument's positive control on a state is below 0.99, its rows there
        are ``below_floor``. None: needs no control.
    resolution
        Smallest step between two values that one item can make; 0 when continuous.
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


_FLOAT64 = "float64"

#: Metrics of faeval's own settings. ``control_true`` and ``control_random`` belong to the float64 instrument.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "cosine",
            "Cosine between the credit signal and the gradient of the sample's own loss at a state; mean over samples.",
            low=-1.0,
            high=1.0,
            better="higher",
            layered=True,
            instrument=_FLOAT64,
            symbol="Γ",
            reference="Lillicrap et al. 2016, Nature Communications 7:13276 (alignment angle)",
        ),
        Metric(
            "rho",
            "Perturbation correlation in closed form: sum of <credit, gradient> over samples, divided by the root of the "
            "product of their summed squared norms.",
            low=-1.0,
            high=1.0,
            better="higher",
            layered=True,
            instrument=_FLOAT64,
            symbol="ρ",
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
        Metric("credit_norm", "Median over samples of the Euclidean norm of the credit signal.", low=0.0, layered=True),
        Metric(
            "gradient_norm",
            "Median over samples of the Euclidean norm of the gradient of the sample's own loss at a state.",
            low=0.0,
            layered=True,
        ),
        Metric("state_norm", "Median over samples of the Euclidean norm of a state.", low=0.0, layered=True),
        Metric(
            "growth",
            "Largest ratio of the norms of successive states, h_{l+1} to h_l, over blocks; each the median over samples.",
            low=0.0,
            better="lower",
        ),
        Metric(
            "control_true",
            "Positive control of the float64 instrument: the true gradient's correlation with two-sided finite differences.",
            low=-1.0,
            high=1.0,
            layered=True,
        ),
        Metric(
            "control_random",
            "Negative control of the float64 instrument: a random vector's correlation with two-sided finite differences.",
            low=-1.0,
            high=1.0,
            layered=True,
        ),
        Metric(
            "accuracy",
            "Share of the test set classified correctly.",
            unit="fraction",
            low=0.0,
            high=1.0,
            better="higher",
        ),
        Metric("test_loss", "Mean cross-entropy over the test set.", unit="nats", low=0.0, better="lower"),
        Metric(
            "train_loss",
            "Mean cross-entropy over the training batches of an epoch.",
            unit="nats",
            low=0.0,
            better="lower",
        ),
    )
}
