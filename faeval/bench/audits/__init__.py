"""Audits: a checkpoint in, evidence rows out, each with its validity."""

from faeval.bench.audits._alignment import (
    cosine as cosine,
    effective_samples as effective_samples,
    norms as norms,
    rho as rho,
    rho_error as rho_error,
    sample_mean as sample_mean,
)
from faeval.bench.audits._checkpoint_audit import (
    ITEM_BLOCKS as ITEM_BLOCKS,
    alignment as alignment,
    controls as controls,
    direction_stability as direction_stability,
    evaluation as evaluation,
    loss_from as loss_from,
)
from faeval.bench.audits._finite_differences import (
    loss_changes as loss_changes,
    pooled_correlation as pooled_correlation,
    read_signals as read_signals,
)
from faeval.bench.audits._fresh_feedback import fresh_feedback as fresh_feedback
from faeval.bench.audits._nudging import loss_change as loss_change, nudging as nudging
from faeval.bench.audits._published_recipe import published as published
from faeval.bench.audits._registered_metric import registered as registered
from faeval.bench.audits._signals import planted as planted, shuffled as shuffled
from faeval.bench.audits._user_network import audit as audit
