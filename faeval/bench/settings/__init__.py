"""The stages of our settings (teacher, digits, cifar10, cifar100): training and audits."""

from faeval.bench.settings._audit import AUDIT_ITEMS as AUDIT_ITEMS
from faeval.bench.settings._audit import audit_accuracy as audit_accuracy
from faeval.bench.settings._audit import audit_alignment as audit_alignment
from faeval.bench.settings._audit import audit_checkpoint as audit_checkpoint
from faeval.bench.settings._audit import audit_fresh as audit_fresh
from faeval.bench.settings._audit import audit_metric as audit_metric
from faeval.bench.settings._audit import audit_nudging as audit_nudging
from faeval.bench.settings._audit import audit_published as audit_published
from faeval.bench.settings._train import build as build
from faeval.bench.settings._train import check_device as check_device
from faeval.bench.settings._train import train as train
from faeval.bench.settings._train import train_many as train_many
