"""Report: all verdicts of one setting, and every way to show them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from faeval.claims._verdict import WORDS, Verdict
from faeval.errors import FaevalError
from faeval.reports.data._drift import Drift
from faeval.reports.data._outcomes import standing

if TYPE_CHECKING:
    import pandas as pd

    from faeval.claims import Lock
    from faeval.experiment import Experiment

SCHEMA = "faeval/report/1"


def json_schema() -> str:
    """Return the JSON Schema (draft 2020-12) of :meth:`Report.to_dict`, with what each field means."""
    return (files("faeval.reports") / "schema" / "report-1.json").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Profile:
    """One metric of one arm over the layers of a network, at the run's last epoch.

    ``values`` has one row a seed and one number a layer, None where there is none; ``status`` has
    the same shape and says why: measured, below_floor, undefined, diverged. Empty, it stands for
    measured wherever there is a number.
    """

    arm: str
    metric: str
    layers: tuple[int, ...]
    seeds: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]
    status: tuple[tuple[str, ...], ...] = ()
    epoch: int | None = None

    def __post_init__(self) -> None:
        """Refuse rows that do not fit seeds and layers; make None of what must not be drawn as a
        number.
        """
        _check_rows(self, f"Profile({self.metric!r} of {self.arm!r})", "layer", len(self.layers))


@dataclass(frozen=True)
class Course:
    """One metric of one arm over the epochs of training at which it was measured, two at least.

    ``where`` says which layers it is of, such as "layer 4" or "mean of layers 1–4"; empty for a
    number of the whole network. ``values`` and ``status`` are as in :class:`Profile`, with one
    number an epoch.
    """

    arm: str
    metric: str
    epochs: tuple[int, ...]
    seeds: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]
    status: tuple[tuple[str, ...], ...] = ()
    where: str = ""

    def __post_init__(self) -> None:
        """Refuse rows that do not fit seeds and epochs; make None of what must not be drawn as a
        number.
        """
        _check_rows(self, f"Course({self.metric!r} of {self.arm!r})", "epoch", len(self.epochs))


def _check_rows(series: Profile | Course, name: str, column: str, columns: int) -> None:
    for field_name, rows in (("values", series.values), ("status", series.status)):
        if (rows or field_name == "values") and [len(row) for row in rows] != [columns] * len(
            series.seeds
        ):
            raise FaevalError(
                f"{name}: {field_name} ({len(rows)} rows) must have one row for each of"
                f" {len(series.seeds)} seeds, and in each one entry for each of"
                f" {columns} {column}s."
            )
    known = series.status or tuple(tuple("measured" for _ in row) for row in series.values)
    values = tuple(
        tuple(
            value if value is not None and math.isfinite(value) and status == "measured" else None
            for value, status in zip(row, statuses, strict=True)
        )
        for row, statuses in zip(series.values, known, strict=True)
    )
    status = tuple(
        tuple(
            "undefined" if value is None and status == "measured" else status
            for value, status in zip(row, statuses, strict=True)
        )
        for row, statuses in zip(values, known, strict=True)
    )
    object.__setattr__(series, "values", values)
    object.__setattr__(series, "status", status)


@dataclass(frozen=True)
class ControlCurve:
    """An instrument's positive control against the norm of the gradient that it had to read, over
    all that was audited.

    ``points`` has one (gradient norm, control) for each arm, seed, epoch and layer, sorted; None
    where undefined.
    """

    instrument: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True)
class Reading:
    """One metric of one arm as a claim reads it; no layers for one number a network, no epoch for
    the end of a run.
    """

    metric: str
    arm: str
    layers: tuple[int, ...] | None = None
    epoch: int | None = None


@dataclass(frozen=True)
class LowestControl:
    """The least that an instrument's positive control reads over the ``states`` that a claim reads,
    and where.

    ``value`` is None where the control is ``undefined`` at so many of them that it is so at each.
    """

    instrument: str
    value: float | None
    states: int
    undefined: int = 0
    where: str = ""


@dataclass(frozen=True)
class Grounds:
    """What a claim rests on besides its numbers: what it reads, how the instruments did there, what
    its design was checked for.

    ``checks`` has the reason code of each check and what it found, empty where it passed;
    ``attributed_to`` the factors that the claim attributes its difference to.
    """

    claim: str
    reads: tuple[Reading, ...] = ()
    controls: tuple[LowestControl, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    attributed_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """How much of its lock a report shows, and the chance of any wrong support over all families of
    the lock.

    Each family errs with at most its alpha, in one setting: ``any_wrong_support`` is their sum, at
    most 1, and ``if_independent`` what it is where families share no runs.
    """

    claims: int
    families: int
    claims_shown: int
    families_shown: int
    any_wrong_support: float
    if_independent: float

    @classmethod
    def of(cls, lock: Lock, verdicts: Iterable[Verdict]) -> Coverage:
        """Count what verdicts show of a lock."""
        shown = {v.claim for v in verdicts} & set(lock.claims)
        alphas = {c.family: c.alpha for c in lock.claims.values()}
        return cls(
            claims=len(lock.claims),
            families=len(alphas),
            claims_shown=len(shown),
            families_shown=len({lock.claims[name].family for name in shown}),
            any_wrong_support=min(1.0, math.fsum(alphas.values())),
            if_independent=1 - math.prod(1 - alpha for alpha in sorted(alphas.values())),
        )


@dataclass(frozen=True)
class Report:
    """All verdicts of one setting with where they come from; HTML, Markdown, JSON and the table are
    views of it.

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
    grounds
        What each claim reads, and what its design and its instruments were checked for.
    courses
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
    grounds: tuple[Grounds, ...] = ()
    evidence: pd.DataFrame | None = field(default=None, compare=False, repr=False)
    seeds: int | tuple[int, ...] | None = None
    courses: tuple[Course, ...] = ()
    lock: Coverage | None = None
    drift: Drift | None = None
    experiment: Experiment | None = field(default=None, compare=False, repr=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many verdicts there are of each word, all four of them, in the order of
        :data:`WORDS`.
        """
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
        return {
            "schema": SCHEMA,
            "setting": self.setting,
            "seeds": _plain(self.seeds),
            "counts": self.counts,
            "exit_code": self.exit_code(strict),
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "evidence_sha256": self.evidence_sha256,
            "lock_sha256": self.lock_sha256,
            "lock": None if self.lock is None else asdict(self.lock),
            "grounds": [_plain(asdict(g)) | {"checks": dict(g.checks)} for g in self.grounds],
            "profiles": [
                {
                    "arm": p.arm,
                    "metric": p.metric,
                    "epoch": p.epoch,
                    "layers": list(p.layers),
                    "seeds": list(p.seeds),
                    "values": _plain(p.values),
                    "status": _plain(p.status),
                }
                for p in self.profiles
            ],
        }

    def to_json(self, strict: bool = False) -> str:
        """Return :meth:`to_dict` as JSON in ASCII, with sorted keys and a newline at the end."""
        return json.dumps(self.to_dict(strict), sort_keys=True, indent=1, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value), key=str)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)
