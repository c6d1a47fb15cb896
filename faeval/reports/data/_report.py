"""A report of one setting as data, and the document that it is written as."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from faeval.claims._verdict import DOCUMENTED, WORDS, Verdict, plain_of
from faeval.errors import FaevalError
from faeval.reports.data._drift import Drift
from faeval.reports.data._outcomes import standing

if TYPE_CHECKING:
    import pandas as pd

    from faeval.claims import Lock
    from faeval.experiment import Experiment

SCHEMA = "faeval/report/2"
#: Every schema of verdicts.json that is read.
SCHEMAS = ("faeval/report/1", SCHEMA)


@dataclass(frozen=True)
class Profile:
    """One metric of one arm over the layers of a network, at the run's last epoch."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = DOCUMENTED

    arm: str
    """The arm's label."""
    metric: str
    """The metric's name."""
    layers: tuple[int, ...]
    """The layers, one for each column of values."""
    seeds: tuple[int, ...]
    """The seeds, one for each row of values."""
    values: tuple[tuple[float | None, ...], ...]
    """One row a seed and one number a layer; null where there is none."""
    status: tuple[tuple[str, ...], ...] = ()
    """Why, in the same shape: measured, below_floor, undefined, diverged."""
    epoch: int | None = None
    """The epoch; null of evidence without epochs."""

    def __post_init__(self) -> None:
        """Refuse rows that do not fit seeds and layers.

        Values that must not be drawn as numbers become None.
        """
        _check_rows(self, f"Profile({self.metric!r} of {self.arm!r})", "layer", len(self.layers))


@dataclass(frozen=True)
class TrainingCurve:
    """One metric of one arm over the epochs of training at which it was measured, two at least.

    ``layers`` are those that it is the mean of; empty for a number of the whole network. ``values``
    and ``status`` are as in :class:`Profile`, with one number an epoch. ``thinned_from`` is the
    number of epochs at which it was measured, where some of them alone are shown.
    """

    arm: str
    metric: str
    epochs: tuple[int, ...]
    seeds: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]
    status: tuple[tuple[str, ...], ...] = ()
    layers: tuple[int, ...] = ()
    thinned_from: int | None = None

    def __post_init__(self) -> None:
        """Refuse rows that do not fit seeds and epochs.

        Values that must not be drawn as numbers become None.
        """
        _check_rows(
            self, f"TrainingCurve({self.metric!r} of {self.arm!r})", "epoch", len(self.epochs)
        )


def _check_rows(series: Profile | TrainingCurve, name: str, column: str, columns: int) -> None:
    """Refuse rows of another shape; set values that cannot be drawn to None, with their status."""
    shape = [columns] * len(series.seeds)
    for field_name, rows in (("values", series.values), ("status", series.status)):
        if (rows or field_name == "values") and [len(row) for row in rows] != shape:
            raise FaevalError(
                f"{name}: {field_name} ({len(rows)} rows) must have one row for each of"
                f" {len(series.seeds)} seeds, and in each one entry for each of"
                f" {columns} {column}s."
            )
    statuses = series.status or tuple(("measured",) * len(row) for row in series.values)
    rows_of_pairs = [
        list(map(_drawable, *row)) for row in zip(series.values, statuses, strict=True)
    ]
    object.__setattr__(series, "values", tuple(tuple(v for v, _ in row) for row in rows_of_pairs))
    object.__setattr__(series, "status", tuple(tuple(s for _, s in row) for row in rows_of_pairs))


def _drawable(value: float | None, status: str) -> tuple[float | None, str]:
    """Return a value with its status: no value but a measured, finite one."""
    if status != "measured":
        return None, status
    return (None, "undefined") if value is None or not math.isfinite(value) else (value, status)


@dataclass(frozen=True)
class ControlCurve:
    """An instrument's positive control against the norm of the gradient that it reads.

    It covers all that was audited.

    ``points`` has one (gradient norm, control) for each arm, seed, epoch and layer, sorted; None
    where undefined.
    """

    instrument: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True)
class ReadMetric:
    """One metric of one arm as a claim reads it."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = DOCUMENTED

    metric: str
    """The metric's name."""
    arm: str
    """The arm's label."""
    layers: tuple[int, ...] | None = None
    """The layers that are averaged; null for one number a network."""
    epoch: int | None = None
    """The epoch; null for the end of the run."""


@dataclass(frozen=True)
class LowestControl:
    """The least that an instrument's positive control reads over what a claim reads, and where."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = DOCUMENTED

    instrument: str
    """The instrument."""
    value: float | None
    """The least reading; null where the control is undefined at each state."""
    states: int
    """How many states the claim reads."""
    undefined: int = 0
    """At how many of them the control is undefined."""
    arm: str = ""
    """The arm that has the least reading."""
    seed: int | None = None
    """Its seed."""
    layer: int | None = None
    """Its layer."""


@dataclass(frozen=True)
class ClaimInputs:
    """What a claim reads, how its instruments did there, and what its design was checked for."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = DOCUMENTED

    claim: str
    """The claim's name."""
    reads: tuple[ReadMetric, ...] = ()
    """What it reads of evidence."""
    controls: tuple[LowestControl, ...] = ()
    """The least positive control of each instrument over what is read."""
    checks: Mapping[str, str] = field(default_factory=dict)
    """What the design was checked for, by the reason code of failing it, with what was found; empty
    where it passed."""
    attributed_to: tuple[str, ...] = ()
    """The factors that the claim attributes its difference to."""


@dataclass(frozen=True)
class Coverage:
    """How much of its lock a report shows, and the chance of a wrong support over the whole lock.

    The chance is that of any wrong support over all families, in one setting.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = DOCUMENTED

    claims: int
    """How many claims the lock holds."""
    families: int
    """How many families they are in."""
    claims_shown: int
    """How many of these claims the report shows."""
    families_shown: int
    """How many families those are in."""
    any_wrong_support: float
    """At most this, whatever the families share: the sum of their alphas."""
    if_independent: float
    """What it is where families share no runs."""

    @classmethod
    def of(cls, lock: Lock, verdicts: Iterable[Verdict]) -> Coverage:
        """Count what verdicts show of a lock."""
        names = {v.claim for v in verdicts} & set(lock.claims)
        alphas = {c.family: c.alpha for c in lock.claims.values()}
        return cls(
            claims=len(lock.claims),
            families=len(alphas),
            claims_shown=len(names),
            families_shown=len({lock.claims[name].family for name in names}),
            any_wrong_support=min(1.0, math.fsum(alphas.values())),
            if_independent=1 - math.prod(1 - alpha for alpha in sorted(alphas.values())),
        )


@dataclass(frozen=True)
class Report:
    """All verdicts of one setting, with where they come from.

    HTML, Markdown, JSON and the table are views of it.

    Parameters
    ----------
    setting
        The experiment that was run.
    verdicts
        One for each claim, in the order of the claims.
    evidence_sha256, lock_sha256
        Of the evidence table's deterministic CSV, and of the claims' lock; None where there is
        none.
    provenance
        Versions, devices, threads, fingerprints, as plain data out of the evidence. Nothing of
        today or of this machine: the same report gives the same bytes on any day.
    profiles
        Metrics over layers, to be drawn.
    controls
        The positive control of each instrument that evidence holds one of, to be drawn.
    inputs
        What each claim reads, and what its design and its instruments were checked for.
    curves
        Metrics over epochs, to be drawn.
    evidence
        The table that the verdicts rest on, to be written beside them; no view shows it whole.
    seeds
        What was asked for: None for each claim's plan, a count for the first so many of it, or a
        list.
    lock
        How much of their lock the verdicts are; None without one.
    drift
        What has moved since the report that this one was compared with; see :meth:`against`.
    experiment
        What the setting is, whose words its arms and metrics are described in.
    """

    setting: str
    verdicts: tuple[Verdict, ...]
    evidence_sha256: str | None = None
    lock_sha256: str | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    profiles: tuple[Profile, ...] = ()
    controls: tuple[ControlCurve, ...] = ()
    inputs: tuple[ClaimInputs, ...] = ()
    evidence: pd.DataFrame | None = field(default=None, compare=False, repr=False)
    seeds: int | tuple[int, ...] | None = None
    curves: tuple[TrainingCurve, ...] = ()
    lock: Coverage | None = None
    drift: Drift | None = None
    experiment: Experiment | None = field(default=None, compare=False, repr=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many verdicts there are of each of the four words, in the order of :data:`WORDS`."""
        return {word: sum(v.verdict == word for v in self.verdicts) for word in WORDS}

    def exit_code(self, strict: bool = False) -> int:
        """Return what the verdicts say to a script.

        11 where a claim is invalid and was not expected to be; else 1 where a decided verdict
        differs from the expected one; else, only with `strict`, 10 where a claim is undecided
        against expectation; else 0.
        """
        standings = {standing(verdict) for verdict in self.verdicts}
        if "broken" in standings:
            return 11
        if "drift" in standings:
            return 1
        return 10 if strict and "open" in standings else 0

    def to_dict(self, strict: bool = False) -> dict[str, Any]:
        """Return plain data, unrounded; what is undefined is None.

        It follows from evidence, claims and lock alone; where the evidence comes from stands beside
        it (provenance.json).
        """
        document = ReportDocument(
            schema=SCHEMA,
            setting=self.setting,
            seeds=self.seeds,
            counts=self.counts,
            exit_code=self.exit_code(strict),
            verdicts=(),
            evidence_sha256=self.evidence_sha256,
            lock_sha256=self.lock_sha256,
            lock=self.lock,
            inputs=self.inputs,
            profiles=self.profiles,
        )
        return plain_of(document) | {"verdicts": [verdict.to_dict() for verdict in self.verdicts]}

    def to_json(self, strict: bool = False) -> str:
        """Return :meth:`to_dict` as JSON in ASCII, with sorted keys and a newline at the end."""
        return json.dumps(self.to_dict(strict), sort_keys=True, indent=1, allow_nan=False) + "\n"


@dataclass(frozen=True)
class ReportDocument:
    """A report as verdicts.json holds it.

    Numbers are unrounded. What is undefined or infinite is null, never 0. All fields are always
    there, but for those that the schema does not require: they are there where they are used.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = DOCUMENTED

    schema: str
    """The name and version of this schema: faeval/report/2."""
    setting: str
    """The experiment that was run."""
    seeds: int | tuple[int, ...] | None
    """What was asked for: null for each claim's plan, a count for the first so many of it, or a
    list."""
    counts: Mapping[str, int]
    """How many verdicts there are of each word."""
    exit_code: int
    """What the verdicts say to a script: 11 a claim is invalid unexpectedly, 1 a decision differs
    from the expected one, 10 (where asked for) one that was expected is open, else 0."""
    verdicts: tuple[Verdict, ...]
    """One for each claim, in the order of the claims."""
    evidence_sha256: str | None
    """The digest of the evidence as deterministic CSV."""
    lock_sha256: str | None
    """The digest of the claims' lock; null without one."""
    lock: Coverage | None
    """How much of the lock the verdicts are; null without a lock."""
    inputs: tuple[ClaimInputs, ...]
    """What each claim reads and was checked for, one for each claim of which it is known."""
    profiles: tuple[Profile, ...]
    """Metrics over layers at each run's last epoch; they decide nothing."""


def json_schema(of: Literal["report", "drift"] = "report") -> str:
    """Return the JSON Schema (draft 2020-12) of :meth:`Report.to_dict`, or of what moved."""
    return (files("faeval.reports") / "schema" / f"{of}-2.json").read_text(encoding="utf-8")
