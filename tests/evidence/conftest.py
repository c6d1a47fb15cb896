"""Stores with real files in them, as campaigns leave them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from faeval.evidence import AuditRecord, Checkpoint, Store, TrainingRecord

Filled = Callable[..., Store]


def key_of(*words: object) -> str:
    return hashlib.sha256(repr(words).encode()).hexdigest()


def add_run(
    store: Store, arm: str, seed: int, *, shift: float = 0.0, version: str = "1", **changes: Any
) -> str:
    """Add a run with a checkpoint and one audit; ``shift`` changes its numbers, ``version`` its
    keys.
    """
    key = key_of(arm, seed, version)
    content = f"weights of {arm} {seed} {shift}".encode() * 50
    folder = store.folder(key)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "epoch-0001.safetensors").write_bytes(content)
    common: dict[str, Any] = {
        "setting": "toy",
        "arm": arm,
        "factors": {"rule": arm},
        "seed": seed,
        "key": key,
        "started": f"2026-01-0{version}T00:00:00+00:00",
        "seconds": 1.0,
        "versions": {"torch": version},
        "weights": hashlib.sha256(content).hexdigest(),
        **changes,
    }
    checkpoint = Checkpoint(
        file="epoch-0001.safetensors", sha256=hashlib.sha256(content).hexdigest()
    )
    loss = (("train_loss", 1, None, 0.5 + shift, "measured"),)
    store.write_training(TrainingRecord(**common, checkpoints={1: checkpoint}, rows=loss))
    rows = tuple(("cosine", 1, layer, 0.1 * layer + shift, "measured") for layer in range(3))
    store.write_audit(
        AuditRecord(**common, name="alignment", audit_key=key_of("audit", version), rows=rows)
    )
    return key


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    """Make a store of the arms at the seeds."""

    def make(
        name: str, arms: Iterable[str] = ("dfa",), seeds: Iterable[int] = (1, 2), **changes: Any
    ) -> Store:
        store = Store(tmp_path / name)
        for arm in arms:
            for seed in seeds:
                add_run(store, arm, seed, **changes)
        return store

    return make
