"""What a worker is given of a run, and what it sends back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faeval.campaign._provenance import Provenance
from faeval.experiment import Code, Component, RunOptions, Stage, Value


@dataclass(frozen=True)
class Work:
    """All that a worker needs to do a job; small, and free of the claims that asked for it."""

    setting: str
    arm: str
    factors: dict[str, Value]
    seed: int
    key: str
    training: Stage | None
    audits: dict[str, tuple[str, Stage]]
    metrics: frozenset[str]
    config: dict[str, Any]
    dataset: str | None
    options: RunOptions
    store: Path
    provenance: Provenance
    components: tuple[Component, ...] = ()
    training_many: Stage | None = None
    retries: int = 0
    time_limit: float | None = None
    attempt: int = 1
    beacon: str | None = None
    code: dict[str, Code] = field(default_factory=dict)

    def functions(self) -> list[Callable[..., Any] | str]:
        """Return what a run calls: functions, or their paths."""
        stages = [self.training, self.training_many, *(stage for _, stage in self.audits.values())]
        makers = [call for c in self.components for call in (c.make, c.exact)]
        return [stage.call for stage in stages if stage is not None] + makers


@dataclass(frozen=True)
class Remark:
    """What the log should say of a run besides how it ended."""

    text: str
    details: str = ""


@dataclass(frozen=True)
class Summary:
    """What the parent hears of a job: how long it took, or why it failed.

    ``busy``: another campaign is doing it; ``there``: another one had done it when its turn came.
    """

    seconds: float
    error: str | None = None
    details: str = ""
    tampered: bool = False
    busy: bool = False
    there: bool = False
    remarks: tuple[Remark, ...] = ()
