"""faeval: claims in a few lines, decided over seeds by rules whose error rates are known.

Names are loaded when used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faeval.bench.audits import audit as audit
    from faeval.claims import Assertion as Assertion
    from faeval.claims import Claim as Claim
    from faeval.claims import Estimand as Estimand
    from faeval.claims import Margin as Margin
    from faeval.claims import Verdict as Verdict
    from faeval.claims import accuracy as accuracy
    from faeval.claims import agree as agree
    from faeval.claims import below as below
    from faeval.claims import cosine as cosine
    from faeval.claims import credit_norm as credit_norm
    from faeval.claims import decide as decide
    from faeval.claims import deep as deep
    from faeval.claims import depth_ladder as depth_ladder
    from faeval.claims import depth_utility as depth_utility
    from faeval.claims import direction_stability as direction_stability
    from faeval.claims import embedding as embedding
    from faeval.claims import equivalent as equivalent
    from faeval.claims import exceeds as exceeds
    from faeval.claims import gradient_norm as gradient_norm
    from faeval.claims import growth as growth
    from faeval.claims import log10 as log10
    from faeval.claims import mean as mean
    from faeval.claims import metric as metric
    from faeval.claims import norm_ratio as norm_ratio
    from faeval.claims import not_above as not_above
    from faeval.claims import not_below as not_below
    from faeval.claims import nudge as nudge
    from faeval.claims import rho as rho
    from faeval.claims import state_norm as state_norm
    from faeval.claims import test_loss as test_loss
    from faeval.claims import train_loss as train_loss
    from faeval.errors import FaevalError as FaevalError
    from faeval.experiment import Arm as Arm
    from faeval.experiment import Experiment as Experiment
    from faeval.experiment import Factor as Factor
    from faeval.experiment import Metric as Metric
    from faeval.experiment import register_metric as register_metric
    from faeval.experiment import register_network as register_network
    from faeval.experiment import register_rule as register_rule
    from faeval.experiment import setting as setting
    from faeval.pipeline import verify as verify
    from faeval.reports import Report as Report

__version__ = "0.1.0"

_CLAIMS = (
    "Assertion Claim Estimand Margin Verdict accuracy agree below cosine credit_norm decide deep"
    " depth_ladder depth_utility direction_stability embedding equivalent norm_ratio nudge exceeds"
    " gradient_norm growth log10 mean metric not_above not_below rho state_norm test_loss"
    " train_loss"
)
_EXPERIMENT = "Arm Experiment Factor Metric register_metric register_network register_rule setting"
_WHERE = {
    **dict.fromkeys(_CLAIMS.split(), "faeval.claims"),
    **dict.fromkeys(_EXPERIMENT.split(), "faeval.experiment"),
    "FaevalError": "faeval.errors",
    "audit": "faeval.bench.audits",
    "Report": "faeval.reports",
    "verify": "faeval.pipeline",
}
__all__ = ["__version__", *sorted(_WHERE)]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'faeval' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_WHERE[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
