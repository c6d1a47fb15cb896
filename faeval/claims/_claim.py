"""Claim: a sentence, the assertions that make it true, and the rules under which it is decided."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import FrameType, MappingProxyType
from typing import Any

from faeval import stats
from faeval._arguments import finite, shown
from faeval._safe_text import cut
from faeval.claims._assertion import Assertion, Margin
from faeval.claims._canonical import canonical_part
from faeval.claims._counts import Count, flattened
from faeval.claims._estimand import Read, unpacked
from faeval.claims._notebook import ShownInNotebooks
from faeval.claims._rule_of_claim import barred_looks, rule_for
from faeval.claims._seed_plan import DEFAULT_SEEDS, Drawn, planned_looks, seed_plan
from faeval.claims._verdict import REASONS, WORDS
from faeval.errors import FaevalError
from faeval.experiment import Arm, Experiment

#: What ``test=`` may be: rules on pairs, of which some have a form for unpaired sides.
TESTS = tuple(
    rule.name
    for rule in stats.RULES.values()
    if rule.decides and rule.paired and rule.about in ("mean", "median")
)


class _Unwritten(int):
    """The default of ``seeds=``, which is another than a 5 that someone wrote."""


_UNWRITTEN = _Unwritten(DEFAULT_SEEDS)
_DIGEST = re.compile(r"(seeds )?[0-9a-f]{6}( [0-9a-f]{6}){0,11}")


@dataclass(frozen=True, repr=False)
class Claim(ShownInNotebooks):
    """A sentence about an experiment, and the rule that decides it.

    Parameters
    ----------
    sentence
        What is claimed, in words.
    *assertions
        All of them must hold; ``fe.at_least`` and ``fe.any_of`` are parts of which so many must.
    attributed_to
        The factor, or factors, that the two sides differ in, and nothing else may. Where they
        differ in one alone, the same in every assertion, it may be left out: it is inferred, and
        the verdict says so.
    family
        The claims that share one error rate; by default all of the file.
    expect
        The verdict registered: a word ("supported", "refuted", "inconclusive", "invalid", "any";
        "invalid:confounded" names the reason too), or a mapping from setting to one.
    requires
        Claims that must be supported before this one is released.
    controls
        Assertions about the measurement itself, such as ``fe.exceeds(fe.metric("control_true", arm,
        layers=fe.deep), by=fe.Margin(0.99, "..."))``. They are no tests and cost no alpha: each
        must hold, as a plain comparison, on every audited checkpoint of the seeds decided on (at
        the epoch its estimands name, else at every epoch), or the claim is ``invalid:
        control_failed``.
    test
        "t" (default), "sign-flip" or "sign"; chosen before the data exist.
    seeds
        The plan: a count (5 is seeds 1 to 5), a list, "drawn:5" (five that registration draws), or
        a mapping from setting to one of these; settings that it does not name plan 5. A plan that
        is written, even 5, holds for evidence given by hand too; else all seeds in it count.
    looks
        Numbers of seeds at which the claim may be decided early, such as ``(5, 10)``, the last
        being the plan; a mapping from setting to them where plans differ. Each look costs a little
        of alpha; only for the t test.
    alpha
        The family's error rate for wrong support, and for wrong refutation.
    diverged
        "worst" counts a diverged run as the end of the metric's range that speaks against the
        claim.
    about
        What the claim is about when it is not the subject itself: "instrument" for a check of the
        measurement.
    note
        A sentence printed with the verdict.
    published
        Figures of others to stand beside ours: mappings with ``what``, ``published`` and, where
        known, ``spread``, ``setting``, ``source``; they decide nothing.
    tags
        ``tags=("extended",)`` keeps the claim out of the default run.
    source
        Where the claim was published.
    made_from
        The digest of the numbers that the claim was made from (``faeval.claims.numbers_digest``),
        as ``faeval decide --save`` writes it: decided on these numbers it is flagged.
    experiment
        What it is about, an :class:`Experiment`. Default: the one that its file, script or notebook
        has.

    Raises
    ------
    FaevalError
        Any argument that could not be decided by.
    """

    sentence: str
    assertions: tuple[Assertion | Count, ...]
    attributed_to: tuple[str, ...] = ()
    family: str | None = None
    expect: str | Mapping[str, str] | None = None
    requires: tuple[Claim, ...] = ()
    controls: tuple[Assertion, ...] = ()
    test: stats.TestName = "t"
    seeds: Any = DEFAULT_SEEDS
    looks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    alpha: float = 0.05
    diverged: str | None = None
    about: str | None = None
    note: str = ""
    published: tuple[Mapping[str, Any], ...] = ()
    tags: tuple[str, ...] = ()
    source: str | None = None
    made_from: str | None = None
    id: str = ""  # file::variable, known once the file is loaded
    experiment: Experiment | None = field(default=None, compare=False)
    line: int | None = field(default=None, compare=False)
    made_in: str = field(default="", compare=False)  # the name of the module whose code made it
    # settings with a plan of their own; "*": others
    written: frozenset[str] = field(default=frozenset(), compare=False)

    def __init__(
        self,
        sentence: str,
        *assertions: Assertion | Count,
        attributed_to: str | Iterable[str] = (),
        family: str | None = None,
        expect: str | Mapping[str, str] | None = None,
        requires: Claim | Iterable[Claim] = (),
        controls: Assertion | Iterable[Assertion] = (),
        test: stats.TestName = "t",
        seeds: Any = _UNWRITTEN,
        looks: Iterable[int] | Mapping[str, Iterable[int]] = (),
        alpha: float = 0.05,
        diverged: str | None = None,
        about: str | None = None,
        note: str = "",
        published: Iterable[Mapping[str, Any]] = (),
        tags: Iterable[str] = (),
        source: str | None = None,
        made_from: str | None = None,
        id: str = "",  # noqa: A002 - the name that readers of verdicts know
        experiment: Experiment | None = None,
        line: int | None = None,
    ) -> None:
        if not isinstance(sentence, str) or not sentence.strip():
            raise FaevalError(
                f"fe.Claim: sentence={sentence!r} ({type(sentence).__name__}) must say what is"
                " claimed."
            )
        where = f"fe.Claim({sentence!r})"
        _check_assertions(assertions, where)
        factors = _factors(attributed_to, where)
        if test not in TESTS:
            hint = " Say paired=False in the assertion for it." if test in stats.RULES else ""
            raise FaevalError(
                f"{where}: test={test!r} is not one of {', '.join(map(repr, TESTS))}.{hint}"
            )
        asserted = flattened(assertions)
        rule = rule_for(test, asserted, where)
        level = finite(alpha)
        text_or_none = "text, or left out"
        checks = (
            ("alpha", alpha, level is not None and 0 < level <= 0.5, "a number in (0, 0.5]"),
            ("diverged", diverged, diverged in (None, "worst"), "'worst' or left out"),
            ("family", family, _is_text_or_none(family), text_or_none),
            ("about", about, _is_text_or_none(about), text_or_none),
            ("source", source, _is_text_or_none(source), text_or_none),
            (
                "experiment",
                experiment,
                isinstance(experiment, Experiment | None),
                "an fe.Experiment, or left out",
            ),
            ("note", note, isinstance(note, str), "text"),
            (
                "made_from",
                made_from,
                made_from is None or (isinstance(made_from, str) and _DIGEST.fullmatch(made_from)),
                "what faeval.claims.numbers_digest gives, or left out",
            ),
        )
        for name, value, is_right, wanted in checks:
            if not is_right:
                raise FaevalError(
                    f"{where}: {name}={shown(value)} ({type(value).__name__}) must be {wanted}."
                )
        gates = _several(requires, Claim, f"{where}: requires", "claims")
        bounds = _bounds(controls, where)
        plans = seed_plan(seeds, where)
        values = {
            "sentence": sentence.strip(),
            "assertions": tuple(assertions),
            "attributed_to": tuple(sorted(factors)),
            "family": family,
            "expect": _expectation(expect, where),
            "requires": gates,
            "controls": bounds,
            "test": test,
            "seeds": plans,
            "looks": planned_looks(looks, plans, barred_looks(assertions, asserted, rule), where),
            "alpha": level,
            "diverged": diverged,
            "about": about,
            "note": note,
            "published": _figures(published, asserted, where),
            "tags": _several(tags, str, f"{where}: tags", "words"),
            "source": source,
            "made_from": made_from,
            "id": id,
            "experiment": experiment,
            "line": line,
            "made_in": _calling_module(),
            "written": frozenset(
                map(str, seeds if isinstance(seeds, Mapping) else ["*"] * (seeds is not _UNWRITTEN))
            ),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __hash__(self) -> int:
        return hash((self.id, self.sentence))

    def __repr__(self) -> str:
        own = f"{cut(self.id, 120)!r}: " if self.id else ""
        parts = cut("; ".join(map(str, self.assertions)), 240)
        return f"<Claim {own}{cut(self.sentence, 120)!r}: {parts}>"

    def named(self, **changes: Any) -> Claim:
        """Return the claim with its id, family, experiment or line filled in."""
        copy = object.__new__(Claim)
        copy.__dict__.update(self.__dict__ | changes)
        if "assertions" in changes:
            copy.__dict__.pop("asserted", None)
        return copy

    @property
    def name(self) -> str:
        """Its id, or its sentence where it belongs to no file."""
        return self.id or self.sentence

    def planned(self, setting: str) -> tuple[int, ...]:
        """Return the seeds planned in a setting.

        Raise FaevalError where they are drawn, and the claim is not registered yet.
        """
        plan = self.plan(setting)
        if isinstance(plan, Drawn):
            raise FaevalError(
                f"claim {self.name!r}: seeds='{plan}' are drawn from its registration, and it is"
                " not registered: run faeval lock first, or explore on other seeds with --seeds"
                " (seeds= in Python)."
            )
        return plan

    def plan(self, setting: str) -> tuple[int, ...] | Drawn:
        """Return what is planned in a setting: seeds, or how many are to be drawn."""
        plan: tuple[int, ...] | Drawn = self.seeds.get(setting, self.seeds["*"])
        return plan

    def plans(self, setting: str) -> bool:
        """Return whether the seeds of a setting are written, not taken by default."""
        return setting in self.written or ("*" in self.written and setting not in self.seeds)

    def looks_in(self, setting: str) -> tuple[int, ...]:
        """Return the looks planned in a setting, in numbers of seeds.

        Empty where the claim is decided once, at all planned seeds.
        """
        return self.looks.get(setting, self.looks.get("*", ()) if setting not in self.seeds else ())

    def expected(self, setting: str) -> str | None:
        """Return the word registered for a setting, or None for any."""
        word = self.expect if isinstance(self.expect, str) else (self.expect or {}).get(setting)
        return None if word == "any" else word

    @cached_property
    def asserted(self) -> tuple[Assertion, ...]:
        """Its assertions, those of counts among them."""
        return flattened(self.assertions)

    @property
    def counts(self) -> tuple[Count, ...]:
        """Its counts, of whose assertions so many must hold."""
        return tuple(part for part in self.assertions if isinstance(part, Count))

    def counted(self) -> Iterator[tuple[Count, tuple[int, ...]]]:
        """Yield each count with the places of its members among the assertions."""
        place = 0
        for part in self.assertions:
            size = len(part.members) if isinstance(part, Count) else 1
            if isinstance(part, Count):
                yield part, tuple(range(place, place + size))
            place += size

    def without(self, places: Collection[int]) -> Claim:
        """Return the claim as far as it reads other assertions than those at such places."""
        others = tuple(a for i, a in enumerate(self.asserted) if i not in places)
        return self.named(assertions=others)

    @property
    def is_paired(self) -> bool:
        """Whether the seed pairs the sides of all of its assertions."""
        return all(assertion.is_paired for assertion in self.asserted)

    @property
    def rule(self) -> stats.TestName:
        """The name of the rule that decides it, as far as it is known without an experiment."""
        return self.rule_with(())

    def rule_with(self, rates: Collection[str]) -> stats.TestName:
        """Return the name of the rule that decides it, in ``faeval.stats.RULES``.

        ``rates`` names the metrics that an experiment declares to be outcomes, 0 or 1.
        """
        rule = rule_for(self.test, self.asserted, f"claim {self.name!r}", rates)
        return rule.name  # type: ignore[return-value]

    def reads(self, controls: bool = False) -> tuple[Read, ...]:
        """Return all that its assertions read from evidence, each once; its controls too."""
        assertions = (*self.asserted, *(self.controls if controls else ()))
        return tuple(dict.fromkeys(r for a in assertions for r in a.contrast.reads()))

    def arms(self) -> tuple[Arm, ...]:
        """Return every arm that the claim compares, each once."""
        return tuple(dict.fromkeys(reading.arm for reading in self.reads()))

    def metrics_by_arm(self) -> dict[Arm, set[str]]:
        """Return what the claim and its controls read: metrics, by arm."""
        metrics: dict[Arm, set[str]] = {}
        for reading in self.reads(controls=True):
            metrics.setdefault(reading.arm, set()).add(reading.metric)
        return metrics

    def canonical(self) -> dict[str, Any]:
        """Return what decides the claim, as plain data: everything but its prose."""
        return {
            "assertions": [canonical_part(part) for part in self.assertions],
            "attributed_to": list(self.attributed_to),
            "family": self.family,
            "requires": sorted(g.name for g in self.requires),
            "test": self.test,
            "seeds": {
                k: str(v) if isinstance(v, Drawn) else list(v)
                for k, v in sorted(self.seeds.items())
            },
            "alpha": self.alpha,
            "diverged": self.diverged,
            "about": self.about,
            # Left out where there are none: claims without them keep the hash that they were
            # registered under.
            **(
                {"looks": {k: list(v) for k, v in sorted(self.looks.items())}} if self.looks else {}
            ),
            **({"controls": [canonical_part(a) for a in self.controls]} if self.controls else {}),
            **({"made_from": self.made_from} if self.made_from else {}),
        }

    def sha256(self) -> str:
        """Return the SHA-256 of the canonical form."""
        return hashlib.sha256(json.dumps(self.canonical(), sort_keys=True).encode()).hexdigest()


def with_gates(claims: Iterable[Claim]) -> list[Claim]:
    """Return claims and all that they require, each once, gates before what waits for them."""
    gates: dict[int, Claim] = {}

    def add(claim: Claim) -> None:
        for gate in claim.requires:
            add(gate)
        gates.setdefault(id(claim), claim)

    for claim in claims:
        add(claim)
    return list(gates.values())


def calling_frame() -> FrameType | None:
    """Return the frame of the code that called faeval."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "faeval":
        frame = frame.f_back
    return frame


def _calling_module() -> str:
    frame = calling_frame()
    return frame.f_globals.get("__name__", "") if frame is not None else ""


def _check_assertions(assertions: Sequence[Any], where: str) -> None:
    if not assertions or not all(isinstance(a, Assertion | Count) for a in assertions):
        wrong = next((a for a in assertions if not isinstance(a, Assertion | Count)), None)
        raise FaevalError(
            f"{where}: needs assertions such as fe.exceeds(a, b, by=...); it was given {wrong!r}."
            f"{unpacked(wrong)}"
        )


def _factors(attributed_to: Any, where: str) -> tuple[str, ...]:
    factors = _several(attributed_to, str, f"{where}: attributed_to", "factors")
    if not all(isinstance(f, str) and f for f in factors) or len(set(factors)) < len(factors):
        raise FaevalError(f"{where}: attributed_to={attributed_to!r} must name factors, each once.")
    return factors


def _bounds(controls: Any, where: str) -> tuple[Assertion, ...]:
    bounds = _several(
        controls, Assertion, f"{where}: controls", "assertions such as fe.exceeds(a, b, by=...)"
    )
    if not all(bound.paired and isinstance(bound.margin, Margin) for bound in bounds):
        raise FaevalError(
            f"{where}: controls= are bounds on a difference at each seed; give them an fe.Margin,"
            " and leave paired=False out."
        )
    return bounds


def _is_text_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, str) and bool(value.strip()))


def _several(given: Any, kind: type, name: str, what: str) -> tuple[Any, ...]:
    """Return one thing, or several, as a tuple."""
    if isinstance(given, kind):
        return (given,)
    items = tuple(given) if isinstance(given, Iterable) else (given,)
    if isinstance(given, Mapping) or not all(isinstance(i, kind) for i in items):
        raise FaevalError(f"{name}={given!r} ({type(given).__name__}) must be {what}.")
    return items


def _figures(
    given: Any, assertions: tuple[Assertion, ...], where: str
) -> tuple[Mapping[str, Any], ...]:
    tests = sum(a.tests for a in assertions)
    figures = _several(
        given if isinstance(given, Iterable) else [given],
        Mapping,
        f"{where}: published",
        "mappings",
    )
    for figure in figures:
        checks = {
            "what": isinstance(figure.get("what"), str),
            "published": finite(figure.get("published")) is not None,
            "spread": figure.get("spread") is None or finite(figure["spread"]) is not None,
            "side": figure.get("side") in (None, "a", "b"),
            "assertion": (
                isinstance(index := figure.get("assertion", 0), int) and index in range(tests)
            ),
        }
        for name in (name for name, right in checks.items() if not right):
            raise FaevalError(
                f"{where}: published={dict(figure)!r}: {name}={figure.get(name)!r} cannot be shown"
                " beside ours; give what= as text, published= and spread= as finite numbers, side="
                " 'a' or 'b', assertion= counted from 0."
            )
    return tuple(MappingProxyType(dict(f)) for f in figures)


def _expectation(expect: Any, where: str) -> Any:
    words = expect.values() if isinstance(expect, Mapping) else [] if expect is None else [expect]
    for word in words:
        base, sign, code = word.partition(":") if isinstance(word, str) else ("", "", "")
        if word != "any" and (base not in WORDS or (sign and code not in REASONS[base])):
            raise FaevalError(
                f"{where}: expect={word!r} is no verdict; use {', '.join(WORDS)}, any, or a word"
                " with its reason such as 'invalid:confounded'."
            )
    return MappingProxyType(dict(expect)) if isinstance(expect, Mapping) else expect
