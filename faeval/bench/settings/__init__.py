"""The stages of our settings (teacher, digits, cifar10, cifar100): training and audits."""

from faeval.bench.settings._audit import (
    AUDIT_ITEMS as AUDIT_ITEMS,
    audit_accuracy as audit_accuracy,
    audit_alignment as audit_alignment,
    audit_checkpoint as audit_checkpoint,
    audit_fresh as audit_fresh,
    audit_metric as audit_metric,
    audit_nudging as audit_nudging,
    audit_published as audit_published,
)
from faeval.bench.settings._train import (
    build as build,
    check_device as check_device,
    train as train,
    train_many as train_many,
)
