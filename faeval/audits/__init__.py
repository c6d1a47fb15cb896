"""Audits: a checkpoint in, evidence rows out, each with its validity."""

from faeval.audits._alignment import cosine as cosine
from faeval.audits._alignment import effective_samples as effective_samples
from faeval.audits._alignment import rho as rho
from faeval.audits._alignment import sample_mean as sample_mean
from faeval.audits._checkpoint_audit import CONTROL_FLOOR as CONTROL_FLOOR
from faeval.audits._checkpoint_audit import ITEM_BLOCKS as ITEM_BLOCKS
from faeval.audits._checkpoint_audit import alignment as alignment
from faeval.audits._checkpoint_audit import controls as controls
from faeval.audits._checkpoint_audit import evaluation as evaluation
from faeval.audits._checkpoint_audit import loss_from as loss_from
from faeval.audits._finite_differences import loss_changes as loss_changes
from faeval.audits._finite_differences import pooled_correlation as pooled_correlation
