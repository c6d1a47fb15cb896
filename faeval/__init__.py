"""faeval: claims in a few lines, decided over seeds by rules whose error rates are known.

Names are loaded when used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faeval.bench.audits import audit as audit
    from faeval.claims import (
        Assertion as Assertion,
        Claim as Claim,
        Estimand as Estimand,
        Margin as Margin,
        Verdict as Verdict,
        accuracy as accuracy,
        agree as agree,
        below as below,
        cosine as cosine,
        credit_norm as credit_norm,
        decide as decide,
        deep as deep,
        depth_ladder as depth_ladder,
        depth_utility as depth_utility,
        direction_stability as direction_stability,
        embedding as embedding,
        equivalent as equivalent,
        exceeds as exceeds,
        gradient_norm as gradient_norm,
        growth as growth,
        log10 as log10,
        mean as mean,
        metric as metric,
        norm_ratio as norm_ratio,
        not_above as not_above,
        not_below as not_below,
        nudge as nudge,
        rho as rho,
        state_norm as state_norm,
        test_loss as test_loss,
        train_loss as train_loss,
    )
    from faeval.errors import FaevalError as FaevalError
    from faeval.experiment import (
        Arm as Arm,
        Experiment as Experiment,
        Factor as Factor,
        Metric as Metric,
        register_metric as register_metric,
        register_network as register_network,
        register_rule as register_rule,
        setting as setting,
    )
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
