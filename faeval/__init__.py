"""faeval: claims in a few lines, decided over seeds by rules whose error rates are known.

Names are loaded when used.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faeval.bench.audits import audit as audit
    from faeval.claims import (
        Assertion as Assertion,
        Claim as Claim,
        Estimand as Estimand,
        Margin as Margin,
        Ratio as Ratio,
        Verdict as Verdict,
        accuracy as accuracy,
        agree as agree,
        any_of as any_of,
        area as area,
        at_least as at_least,
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
        first as first,
        gradient_norm as gradient_norm,
        growth as growth,
        iqm as iqm,
        log10 as log10,
        max as max,
        mean as mean,
        median as median,
        metric as metric,
        min as min,
        norm_ratio as norm_ratio,
        not_above as not_above,
        not_below as not_below,
        nudge as nudge,
        rho as rho,
        share_above as share_above,
        share_of_seeds as share_of_seeds,
        slope as slope,
        spread as spread,
        state_norm as state_norm,
        test_loss as test_loss,
        train_loss as train_loss,
        trend as trend,
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
    from faeval.pipeline import Comparison as Comparison, compare as compare, verify as verify
    from faeval.reports import Report as Report

__version__ = "0.1.0"

_CLAIMS = (
    "Assertion Claim Estimand Margin Ratio Verdict accuracy agree any_of area at_least below"
    " cosine credit_norm decide deep depth_ladder depth_utility direction_stability embedding"
    " equivalent exceeds first gradient_norm growth iqm log10 max mean median metric min"
    " norm_ratio not_above not_below nudge rho share_above share_of_seeds slope spread state_norm"
    " test_loss train_loss trend"
)
_EXPERIMENT = "Arm Experiment Factor Metric register_metric register_network register_rule setting"
_WHERE = {
    **dict.fromkeys(_CLAIMS.split(), "faeval.claims"),
    **dict.fromkeys(_EXPERIMENT.split(), "faeval.experiment"),
    "FaevalError": "faeval.errors",
    "audit": "faeval.bench.audits",
    "Report": "faeval.reports",
    "Comparison": "faeval.pipeline",
    "compare": "faeval.pipeline",
    "verify": "faeval.pipeline",
}
__all__ = ["__version__", *sorted(_WHERE)]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'faeval' has no attribute {name!r}")
    if "ipykernel" in sys.modules:  # what is shown in a notebook, reports write
        importlib.import_module("faeval.reports")
    value = globals()[name] = getattr(importlib.import_module(_WHERE[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
