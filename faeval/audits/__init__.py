"""Audits: a checkpoint in, evidence rows out, each with its validity."""

from faeval.audits._alignment import cosine as cosine
from faeval.audits._alignment import effective_samples as effective_samples
from faeval.audits._alignment import norms as norms
from faeval.audits._alignment import rho as rho
from faeval.audits._alignment import rho_error as rho_error
from faeval.audits._alignment import sample_mean as sample_mean
from faeval.audits._checkpoint_audit import ITEM_BLOCKS as ITEM_BLOCKS
from faeval.audits._checkpoint_audit import alignment as alignment
from faeval.audits._checkpoint_audit import controls as controls
from faeval.audits._checkpoint_audit import direction_stability as direction_stability
from faeval.audits._checkpoint_audit import evaluation as evaluation
from faeval.audits._checkpoint_audit import loss_from as loss_from
from faeval.audits._finite_differences import loss_changes as loss_changes
from faeval.audits._finite_differences import pooled_correlation as pooled_correlation
from faeval.audits._finite_differences import read_signals as read_signals
from faeval.audits._fresh import fresh_feedback as fresh_feedback
from faeval.audits._nudging import loss_change as loss_change
from faeval.audits._nudging import nudging as nudging
from faeval.audits._own import audit as audit
from faeval.audits._published import published as published
from faeval.audits._registered import registered as registered
from faeval.audits._signals import planted as planted
from faeval.audits._signals import shuffled as shuffled
