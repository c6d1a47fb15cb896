"""Audits: a checkpoint in, evidence rows out, each with its validity."""

from faeval.bench.audits._alignment import cosine as cosine
from faeval.bench.audits._alignment import effective_samples as effective_samples
from faeval.bench.audits._alignment import norms as norms
from faeval.bench.audits._alignment import rho as rho
from faeval.bench.audits._alignment import rho_error as rho_error
from faeval.bench.audits._alignment import sample_mean as sample_mean
from faeval.bench.audits._checkpoint_audit import ITEM_BLOCKS as ITEM_BLOCKS
from faeval.bench.audits._checkpoint_audit import alignment as alignment
from faeval.bench.audits._checkpoint_audit import controls as controls
from faeval.bench.audits._checkpoint_audit import direction_stability as direction_stability
from faeval.bench.audits._checkpoint_audit import evaluation as evaluation
from faeval.bench.audits._checkpoint_audit import loss_from as loss_from
from faeval.bench.audits._finite_differences import loss_changes as loss_changes
from faeval.bench.audits._finite_differences import pooled_correlation as pooled_correlation
from faeval.bench.audits._finite_differences import read_signals as read_signals
from faeval.bench.audits._fresh_feedback import fresh_feedback as fresh_feedback
from faeval.bench.audits._nudging import loss_change as loss_change
from faeval.bench.audits._nudging import nudging as nudging
from faeval.bench.audits._published_recipe import published as published
from faeval.bench.audits._registered_metric import registered as registered
from faeval.bench.audits._signals import planted as planted
from faeval.bench.audits._signals import shuffled as shuffled
from faeval.bench.audits._user_network import audit as audit
