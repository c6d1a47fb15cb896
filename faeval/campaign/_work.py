"""What a worker is given of a run, and what it sends back: a summary, or what went wrong."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faeval.campaign._provenance import Provenance
from faeval.errors import FaevalError
from faeval.experiment import Code, Component, RunOptions, Stage, Value

_LONGEST = 1_500  # of a line: messages that quote it stay below 2,000
_DETAILS = 20_000


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


def text_of(error: BaseException) -> str:
    """Return an error as one line: its kind, and its text where one can be made."""
    try:
        text = str.__str__(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as other:
        text = f"its text cannot be made, {type(other).__name__}"
    kind = "" if issubclass(type(error), FaevalError) else f"{type(error).__name__}: "
    line = " ".join(f"{kind}{text[: 2 * _LONGEST]}".split()).rstrip(": ")
    cut = len(line) > _LONGEST or len(text) > 2 * _LONGEST
    return inside_utf8(f"{line[:_LONGEST]}... ({len(text)} characters)" if cut else line)


def details_of(error: BaseException) -> str:
    """Return an error's traceback, its beginning and end where it is long."""
    try:
        text = "".join(traceback.format_exception(error))
    except KeyboardInterrupt:
        raise
    except BaseException:  # it does not let itself be read
        text = type(error).__name__
    if len(text) > _DETAILS:
        text = f"{text[: _DETAILS // 2]}\n... ({len(text)} characters)\n{text[-_DETAILS // 2 :]}"
    return inside_utf8(text)


def inside_utf8(text: str) -> str:
    """Return text with what UTF-8 cannot hold, such as a file name of other bytes, escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
