"""Verdict: what was decided of one claim in one setting, as codes and numbers.

There is no prose in it but what a claimant wrote: ``faeval.reports`` says it in words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from faeval._safe_text import cut
from faeval.claims._notebook import ShownInNotebooks
from faeval.claims._verdict_parts import (
    DOCUMENTED as DOCUMENTED,
    AssertionResult as AssertionResult,
    Bounds as Bounds,
    Caution as Caution,
    CountResult as CountResult,
    Documented as Documented,
    MeasuredError as MeasuredError,
    Number as Number,
    RatioResult as RatioResult,
    Side as Side,
    Sum as Sum,
    Term as Term,
    seeds_needed as seeds_needed,
)

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

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
        "censored",
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


@dataclass(frozen=True, repr=False)
class Verdict(ShownInNotebooks, Documented):
    """The verdict on one claim in one setting.

    Read ``verdict`` first (supported, refuted, inconclusive, invalid), then ``reason_code`` and
    ``detail``. ``estimate``, ``interval`` and ``unit`` are those of the first assertion; NaN where
    nothing could be estimated. ``as_expected`` says whether the verdict is what was registered.
    """

    claim: str
    """The claim's name: FILE::VARIABLE."""
    sentence: str
    """What is claimed, in the words of the claim."""
    setting: str
    """The experiment that was run."""
    verdict: Word
    """What was decided. Supported and refuted are decisions; inconclusive is evidence for neither;
    invalid means that nothing could carry the claim."""
    reason_code: str
    """Why, as one of ``faeval.claims.REASONS``; "decided" where it is a decision."""
    family: str
    """The claims that it was judged together with."""
    family_size: int
    """How many claims the family has."""
    alpha: float
    """The level of the family in each direction."""
    test: str
    """The test over seeds that decides, one of faeval.stats."""
    seeds: tuple[int, ...]
    """The seeds that the verdict rests on; values of assertions are in this order."""
    planned: tuple[int, ...]
    """The seeds that were planned."""
    assertions: tuple[AssertionResult, ...] = ()
    """Every assertion as it was tested; empty where nothing was estimated."""
    counts: tuple[CountResult, ...] = ()
    """Parts of which so many assertions must hold; those that none names must hold each."""
    detail: str = ""
    """What stands in the way of deciding, as it was found; empty where the numbers say it."""
    flags: tuple[str, ...] = ()
    """What a reader must keep in mind, such as fragile or unregistered."""
    expected: str | None = None
    """The registered word for this setting, perhaps with a code (invalid:confounded); null where
    none is."""
    inferred_factor: str | None = None
    """The factor that the verdict attributes the difference to, where the claim names none: the
    only one that its sides differ in."""
    over: str = "seeds"
    """What the verdict generalises over: seeds, which retrain the same arms on the same data."""
    fresh_seeds: int | None = None
    """How many seeds a new registration of an open claim would need, alone in its family, where
    pilot and anticipated effect say so."""
    attainable_p: float | None = None
    """The smallest p-value that any data on so many seeds could give."""
    level_support: float | None = None
    """The level that the p for support is compared with, after Holm."""
    level_refute: float | None = None
    """The level that the p for refutation is compared with, after Holm."""
    adjusted_support: float = 1.0
    """The p for support, adjusted for the family; 1 without evidence."""
    adjusted_refute: float = 1.0
    """The p for refutation, adjusted for the family; 1 without evidence."""
    unseen_failure_bound: float | None = None
    """The highest rate, with 95 % confidence, at which runs might fail."""
    measured_errors: tuple[MeasuredError, ...] = ()
    """How often this test errs at this n, as measured."""
    looks: tuple[int, ...] = ()
    """The numbers of seeds at which it might have been decided; empty without looks."""
    look: int | None = None
    """The look at which it was decided, from 1."""
    beyond_plan: tuple[int, ...] = ()
    """Seeds that were run without being planned; they decide nothing."""
    without_each_seed: tuple[tuple[int, str], ...] = ()
    """The verdict without each seed: pairs of the seed and a word."""
    other_tests: tuple[tuple[str, str], ...] = ()
    """The verdict by other tests: pairs of the test and a word."""
    fragile: bool | None = None
    """Whether leaving out a seed or another test changes the verdict; null where too few seeds
    tell."""
    fragile_rate: float | None = None
    """How often sound claims on so many seeds are fragile, at 80 % power, as measured."""
    warnings: tuple[Caution, ...] = ()
    """What else to be careful about."""
    about: str | None = None
    """What the claim is about, such as 'instrument'."""
    note: str = ""
    """The authors' remark."""
    source: str | None = None
    """Where the claim was published."""
    published: tuple[Mapping[str, Any], ...] = ()
    """Published figures with ours beside them; they decide nothing."""
    gates: tuple[str, ...] = ()
    """Claims that must hold before this one is released."""
    controls: tuple[str, ...] = ()
    """Bounds that its measurement had to keep on every audited checkpoint, as the claim writes
    them."""
    registered_sha256: str | None = None
    """The digest of the claim as registered; null where it is not."""
    registration: str = "unregistered"
    """Which came first, registration or evidence: one of ``faeval.claims.REGISTRATIONS``."""
    amendments: tuple[str, ...] = ()
    """The reasons for which the registered claim was changed."""
    attempt: int | None = None
    """The how many registered claim this is, of those that ask its question, whatever their
    margins."""
    related: int | None = None
    """How many registered claims ask it of other epochs or layers."""
    runs: tuple[str, ...] = ()
    """The keys of the runs that it rests on."""

    def __repr__(self) -> str:
        why = "" if self.reason_code == "decided" else f" ({self.reason_code})"
        return f"<Verdict {cut(self.claim, 120)!r}: {self.verdict}{why}, n={self.n}>"

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
        """Whether the verdict is the registered one.

        None where none is registered, or nothing is decided yet.
        """
        if self.expected is None:
            return None
        word, _, code = self.expected.partition(":")
        if self.verdict == "inconclusive" and word != "inconclusive":
            return None
        return self.verdict == word and (not code or code == self.reason_code)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: NaN and infinities become None."""
        whole: dict[str, Any] = _as_used(plain_of(self))
        return whole | {name: plain(getattr(self, name)) for name in DERIVED}


#: Fields that JSON has only where they are used, with what they are elsewhere: reports that came
#: before them stay as they are.
WHERE_USED: Mapping[type, Mapping[str, Any]] = {
    Term: {"course": "", "function": "", "numbers": [], "arguments": []},
    Side: {"seeds": None},
    AssertionResult: {"ratio": None, "censored": 0, "identical": False},
    Verdict: {"counts": [], "inferred_factor": None},
}
_UNUSED = {name: value for fields in WHERE_USED.values() for name, value in fields.items()}


def _as_used(value: Any) -> Any:
    """Return a verdict's plain data without what it does not use."""
    if isinstance(value, list):
        return [_as_used(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: inner if name == "published" else _as_used(inner)
        for name, inner in value.items()
        if name not in _UNUSED or inner != _UNUSED[name]
    }


#: What :meth:`Verdict.to_dict` adds to the fields of a verdict, in JSON Schema.
DERIVED: Mapping[str, Any] = {
    "n": {"type": "integer", "description": "How many seeds the verdict rests on."},
    "estimate": {"type": ["number", "null"], "description": "That of the first assertion."},
    "interval": {
        "type": "array",
        "prefixItems": [{"type": ["number", "null"]}] * 2,
        "items": False,
        "description": "That of the first assertion.",
    },
    "unit": {"type": "string", "description": "The unit of both."},
    "as_expected": {"type": ["boolean", "null"], "description": "Whether it is as registered."},
}


@cache
def adapter_of(kind: type[T]) -> TypeAdapter[T]:
    """Return what writes and reads a type as JSON; pydantic is loaded for the first alone."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def plain_of(value: Any) -> dict[str, Any]:
    """Return a dataclass as plain data for JSON, by its adapter."""
    kind: type = type(value)
    fields: dict[str, Any] = plain(adapter_of(kind).dump_python(value))
    return fields


def plain(value: Any) -> Any:
    """Return data with None for NaN and infinities, and lists for tuples.

    Pydantic's own JSON refuses halves of characters, which a claimant's text may hold.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, tuple | list) else value
