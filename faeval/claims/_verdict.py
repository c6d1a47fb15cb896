"""Verdict: what was decided of one claim in one setting, and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, get_args

Word = Literal["supported", "refuted", "inconclusive", "invalid"]
WORDS: tuple[str, ...] = get_args(Word)

#: Every reason code there is, by the word it explains. Supported and refuted need none: their code
#: is "decided".
REASONS: Mapping[str, tuple[str, ...]] = {
    "supported": ("decided",),
    "refuted": ("decided",),
    "inconclusive": (
        "underpowered",
        "straddles_margin",
        "unattainable",
        "not_run",
        "evidence_missing",
        "plan_not_reached",
        "gate_undecided",
        "no_spread",
    ),
    "invalid": (
        "confounded",
        "unit_mismatch",
        "seed_controls_nothing",
        "same_run",
        "below_floor",
        "undefined",
        "diverged",
        "out_of_range",
        "exact_by_construction",
        "metric_nonconforming",
        "gate_failed",
        "control_failed",
        "spec_changed",
        "evidence_tampered",
        "error",
    ),
}

#: What a verdict's ``registration`` says.
REGISTRATIONS: Mapping[str, str] = {
    "registered": "registered in this form before its evidence was made",
    "amended": "registered, and amended before its evidence was made",
    "amended_after_evidence": "amended when evidence of it was there already; not confirmatory",
    "after_evidence": "registered when evidence of it was there already; not confirmatory",
    "undated": (
        "registered; its evidence names no registration, or one that this lock does not know"
    ),
    "changed": "no longer the claim that was registered",
    "reproduction": "a reproduction: decided on seeds that had been looked at before",
    "exploratory": "exploratory: decided on seeds outside its registered plan",
    "unregistered": "not registered",
}


@dataclass(frozen=True)
class Side:
    """One side of a contrast: how it reads, and its value at each seed of the verdict."""

    text: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class AssertionResult:
    """One assertion of a claim as it was tested.

    ``text`` is the assertion in words; ``kind`` exceeds, below, not_above, not_below or equivalent;
    ``differences`` is a - b, one number a seed, aligned with ``Verdict.seeds``. ``interval`` is the
    decision interval of a - b (see docs/statistics.md): its bounds exclude the margin exactly where
    the verdict says so. ``refuting`` is the second, wider interval of an equivalence. ``ordinary``
    is the unadjusted 90 % t interval. ``detectable`` is the effect beyond the margin that has 80 %
    power at this n and family, in ``unit``, at the pilot's s.d. (None without a pilot).
    ``seeds_needed`` counts seeds for 80 % power of the claim at ``anticipated``, registered anew
    and alone in its family, at the pilot's s.d. and at its 80 % upper bound. ``e_value`` is the
    running evidence against the nearest edge of the margin, valid however often it is looked at; it
    decides nothing. ``beyond`` is the mean difference over seeds that the plan does not have
    (``Verdict.beyond_plan``).
    """

    text: str
    kind: str
    unit: str
    margin: float
    because: str
    a: Side
    b: Side
    differences: tuple[float, ...]
    estimate: float
    sd: float
    p_support: float
    p_refute: float
    interval: tuple[float, float]
    levels: tuple[float, float]
    refuting: tuple[float, float] | None
    ordinary: tuple[float, float]
    anticipated: float | None = None
    pilot_sd: float | None = None
    pilot_n: int | None = None
    power: float | None = None
    detectable_in_sd: float | None = None
    detectable: float | None = None
    seeds_needed: tuple[int | None, int | None] | None = None
    item_error: float | None = None
    e_value: float | None = None
    beyond: float | None = None


@dataclass(frozen=True)
class MeasuredError:
    """How often the verdict's test errs on one law of a - b, as measured for the kind of its
    assertions.

    Nominal .05 in each direction, one assertion alone, at its margin; a law that is not symmetric
    stands beside its mirror image. Of assertions of several kinds it is the one that errs most.
    """

    law: str
    n: int
    wrong_support: float
    wrong_refutation: float


@dataclass(frozen=True)
class Verdict:
    """The verdict on one claim in one setting.

    Read ``verdict`` first (supported, refuted, inconclusive, invalid), then ``reason_code`` and
    ``reason``. ``estimate``, ``interval`` and ``unit`` are those of the first assertion; NaN where
    nothing could be estimated. ``expected`` is the registered word for this setting, or None;
    ``as_expected`` says whether the verdict is what was registered. ``looks`` are the numbers of
    seeds at which it might have been decided, ``look`` the one at which it was (from 1).
    ``registration`` says which came first, the registration or the evidence (one of
    ``faeval.claims.REGISTRATIONS``); ``amendments`` are the reasons for which the registered claim
    was changed; ``attempt`` counts the registered claims, this one included, that have asked its
    question so far, whatever their margins; ``related`` those that ask it of other epochs or
    layers. ``controls`` are the bounds that its measurement had to keep on every checkpoint.
    ``fresh_seeds`` is how many a new registration of an open claim would need, alone in its family,
    where pilot and anticipated effect say so. ``without_each_seed`` and ``other_tests`` say what it
    would have been otherwise; ``fragile_rate`` is how often sound claims are fragile at 80 % power,
    measured.
    """

    claim: str
    sentence: str
    setting: str
    verdict: Word
    reason_code: str
    reason: str
    family: str
    family_size: int
    alpha: float
    test: str
    seeds: tuple[int, ...]
    planned: tuple[int, ...]
    assertions: tuple[AssertionResult, ...] = ()
    flags: tuple[str, ...] = ()
    expected: str | None = None
    scope: str = ""
    assumption: str = ""
    takes: str = ""
    fresh_seeds: int | None = None
    attainable_p: float | None = None
    level_support: float | None = None
    level_refute: float | None = None
    adjusted_support: float = 1.0
    adjusted_refute: float = 1.0
    unseen_failure_bound: float | None = None
    measured_errors: tuple[MeasuredError, ...] = ()
    looks: tuple[int, ...] = ()
    look: int | None = None
    beyond_plan: tuple[int, ...] = ()
    without_each_seed: tuple[tuple[int, str], ...] = ()
    other_tests: tuple[tuple[str, str], ...] = ()
    fragile: bool | None = None
    fragile_rate: float | None = None
    warnings: tuple[str, ...] = ()
    about: str | None = None
    note: str = ""
    source: str | None = None
    published: tuple[Mapping[str, Any], ...] = ()
    gates: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    registered_sha256: str | None = None
    registration: str = "unregistered"
    amendments: tuple[str, ...] = ()
    attempt: int | None = None
    related: int | None = None
    runs: tuple[str, ...] = field(default=())

    @property
    def n(self) -> int:
        """How many seeds the verdict rests on."""
        return len(self.seeds)

    @property
    def estimate(self) -> float:
        """The mean difference of the first assertion, in its unit; NaN without evidence."""
        return self.assertions[0].estimate if self.assertions else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The decision interval of the first assertion, in its unit; NaN without evidence."""
        return self.assertions[0].interval if self.assertions else (math.nan, math.nan)

    @property
    def unit(self) -> str:
        """The unit of estimate and interval."""
        return self.assertions[0].unit if self.assertions else ""

    @property
    def as_expected(self) -> bool | None:
        """Whether the verdict is the registered one; None where none is registered, or nothing was
        decided yet.
        """
        if self.expected is None:
            return None
        word, _, code = self.expected.partition(":")
        if self.verdict == "inconclusive" and word != "inconclusive":
            return None
        return self.verdict == word and (not code or code == self.reason_code)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: NaN and infinities become None."""
        plain = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        derived = ("n", "estimate", "interval", "unit", "as_expected")
        return plain | {name: _plain(getattr(self, name)) for name in derived}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value
