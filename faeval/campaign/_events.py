"""What a campaign says while it runs, and what it gives in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from faeval.campaign._plan import Job


@dataclass
class ArmState:
    """How many runs of an arm there are, and where they stand.

    Those that were there already are done.
    """

    total: int = 0
    done: int = 0
    running: int = 0
    failed: int = 0

    @property
    def waiting(self) -> int:
        """The runs that have not begun."""
        return self.total - self.done - self.running - self.failed


@dataclass(frozen=True)
class Event:
    """One step of a campaign, told as it happens, in the thread that called :func:`execute`.

    Parameters
    ----------
    kind
        ``started``, ``running``, ``finished``, ``failed``; ``stopping`` after a first Ctrl-C, told
        from another thread, with one of the jobs that are still running.
    done, total
        Jobs that are over (failed ones too), of those that had to be run.
    seconds_left
        An estimate, or None while nothing is known.
    fraction
        How far the job is, for ``kind="running"``: only jobs that run in this process say so.
    message
        Why a job failed; what to expect, for ``stopping``.
    arms
        Each arm of the plan by its label, and where its runs stand: a live view, the same in all
        events.
    """

    kind: Literal["started", "running", "finished", "failed", "stopping"]
    job: Job
    done: int
    total: int
    seconds_left: float | None = None
    fraction: float | None = None
    message: str | None = None
    arms: Mapping[str, ArmState] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Outcome:
    """What became of the jobs that had to be run; the store's log has each traceback."""

    finished: tuple[Job, ...]
    failures: list[tuple[Job, str]]
    seconds: float
