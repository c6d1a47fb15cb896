"""Deciding: claims and evidence in, exactly one verdict a claim out. No rule of its own; the rules are faeval.stats'."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faeval import evidence as evidence_room
from faeval import stats
from faeval.claims._claim import Assertion, Claim, seed_list
from faeval.claims._design import Design, Problem, check_design, check_names
from faeval.claims._lock import PILOT_SEEDS, Lock, Registered, Spread
from faeval.claims._measure import Evidence, Measurement, units_of
from faeval.claims._verdict import AssertionResult, Side, Verdict
from faeval.errors import FaevalError
from faeval.experiment import METRICS, Experiment, experiments

_SCOPE = (
    "retrainings of these arms on these data: the seed is random; architecture, layers, hyper-parameters, task, training "
    "set and evaluation items are fixed"
)
_ASSUMPTIONS = {
    "t": "the differences by seed are near normal; against a margin they are not protected from skew",
    "sign-flip": "the differences by seed are symmetric about their mean",
    "sign": "none on the shape of the differences: the claim is about their median",
}
_POWER = 0.8
_LEAST_POWER = 0.5


@dataclass(frozen=True)
class Test:
    """One test that an assertion comes down to; agreement comes down to two."""

    text: str
    kind: stats.Kind
    margin: float
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    a_text: str
    b_text: str
    assertion: Assertion

    @property
    def differences(self) -> NDArray[np.float64]:
        """a - b, one number a seed."""
        return self.a - self.b


@dataclass
class _Case:
    """A claim on its way to a verdict."""

    claim: Claim
    design: Design
    registered: Registered | None
    planned: tuple[int, ...]
    seeds: tuple[int, ...]
    flags: list[str]
    problem: Problem | None = None
    measurement: Measurement | None = None
    tests: tuple[Test, ...] = ()
    judgements: tuple[stats.Judgement, ...] = ()
    family_size: int = 1
    decision: stats.Decision | None = None
    verdict: str = "inconclusive"
    warnings: list[str] = field(default_factory=list)

    @property
    def p(self) -> tuple[float, float]:
        return stats.combine(self.judgements) if self.judgements and self.problem is None else (1.0, 1.0)


def decide(
    claims: Claim | Iterable[Claim],
    evidence: Any,
    setting: str | None = None,
    seeds: int | Iterable[int] | None = None,
    *,
    lock: Lock | None = None,
    failures: Sequence[tuple[str, int, str]] = (),
    by_hand: bool = True,
) -> list[Verdict]:
    """Decide claims from evidence; exactly one verdict a claim, in their order. Needs no torch and trains nothing.

    Parameters
    ----------
    claims
        Claims, loaded from files or made in place.
    evidence
        A DataFrame, the path of a CSV or Parquet file or of a folder with one, or a store.
    setting
        The setting to decide in; needed when evidence holds several.
    seeds
        None decides on the plan of registered claims, on all seeds in evidence for others. A count takes the first so
        many of the plan. A list with a seed outside the plan decides apart from the registration, on exactly that list.
    lock
        The registration; without one every verdict is flagged unregistered.
    failures
        Runs that raised an error, as (arm label, seed, message): claims that read them are invalid.
    by_hand
        Whether evidence was given, not produced for these claims: then an unregistered claim without ``seeds`` decides
        on all seeds that it finds; otherwise on its own plan.

    Raises
    ------
    FaevalError
        Evidence cannot be read as such, the setting is unknown or ambiguous, members of a family differ in alpha.

    Examples
    --------
    >>> import pandas as pd, faeval as fe
    >>> rows = [("toy", arm, seed, "score", 0.5 * (arm == "b") + 0.01 * seed * (arm == "b"))
    ...         for arm in ("a", "b") for seed in (1, 2, 3)]
    >>> table = pd.DataFrame(rows, columns=["setting", "arm", "seed", "metric", "value"])
    >>> a, b = fe.Arm("a"), fe.Arm("b")
    >>> better = fe.Claim("b beats a", fe.exceeds(fe.metric("score", b), fe.metric("score", a),
    ...                   by=fe.Margin(0.1, "what a user notices")), attributed_to="rule")
    >>> fe.decide(better, table)[0].verdict
    'supported'
    """
    listed = [claims] if isinstance(claims, Claim) else list(claims)
    table = evidence_room.read(evidence)
    setting = _the_setting(setting, table)
    index = Evidence(table[table["setting"] == setting])
    wanted = None if seeds is None else seed_list(seeds, "decide")
    count = seeds if isinstance(seeds, int) else None
    everything = _with_gates(listed)
    cases = [_case(c, setting, index, lock, wanted, count, by_hand) for c in everything]
    for case in cases:
        _measure(case, index, failures)
    _decide_families(cases, setting, lock)
    verdicts = {id(case.claim): _verdict(case, setting, index) for case in cases}
    released = {id(c): _release(c, verdicts) for c in everything}
    return [released[id(c)] for c in listed]


def _the_setting(setting: str | None, table: Any) -> str:
    present = sorted(table["setting"].unique())
    if setting is not None:
        return setting
    if len(present) != 1:
        raise FaevalError(
            f"evidence holds {len(present)} settings ({', '.join(present) or 'no row at all'}); say which with setting=."
        )
    return str(present[0])


def _with_gates(claims: Sequence[Claim]) -> list[Claim]:
    found: dict[int, Claim] = {}

    def add(claim: Claim) -> None:
        for gate in claim.requires:
            add(gate)
        found.setdefault(id(claim), claim)

    for claim in claims:
        add(claim)
    return list(found.values())


def design_of(claim: Claim, setting: str, known: dict[str, Experiment] | None = None) -> Design:
    """Return how a setting reads a claim's arms: by the file's own experiment, a named one, or as they are written."""
    if claim.experiment is not None and claim.experiment.name == setting:
        return Design(claim.experiment)
    return Design((known if known is not None else experiments()).get(setting))


def _case(
    claim: Claim,
    setting: str,
    index: Evidence,
    lock: Lock | None,
    wanted: tuple[int, ...] | None,
    count: int | None,
    by_hand: bool,
) -> _Case:
    registered = lock.claims.get(claim.id) if lock and claim.id else None
    planned = registered.planned(setting) if registered else claim.planned(setting)
    case = _Case(claim, design_of(claim, setting), registered, planned, planned, [])
    try:
        check_names(claim, case.design)
        labels = [case.design.label(arm) for arm in claim.arms()]
    except FaevalError as error:
        case.problem = Problem("invalid", "error", str(error))
        return case
    if registered is None:
        case.flags.append("unregistered")
        if count is not None:
            case.seeds = planned[:count] if count <= len(planned) else tuple(range(1, count + 1))
        elif wanted is not None:
            case.seeds = wanted
        elif by_hand:
            case.seeds = index.seeds(labels) or planned
    elif wanted is not None and count is None and not set(wanted) <= set(planned):
        looked = set(lock.looked_at) if lock else set()
        case.flags.append("reproduction" if set(wanted) & looked else "exploratory")
        case.seeds = wanted
    elif wanted is not None:
        case.seeds = planned[:count] if count is not None else tuple(s for s in planned if s in wanted)
    if registered is not None:
        if registered.sha256 != claim.sha256():
            text = "the claim differs from its registration; restore it, or register a new claim on fresh seeds."
            case.problem = Problem("invalid", "spec_changed", text)
        elif _expect(claim.expect) != registered.expect:
            case.flags.append("deviated")
    return case


def _expect(expect: Any) -> Any:
    return dict(expect) if expect is not None and not isinstance(expect, str) else expect


def _measure(case: _Case, index: Evidence, failures: Sequence[tuple[str, int, str]]) -> None:
    if case.problem is None:
        case.problem = check_design(case.claim, case.design)
    if case.problem is not None:
        return
    m = case.measurement = Measurement(case.claim, index, case.design, case.seeds)
    failed = {(label, seed): message for label, seed, message in failures}
    labels = {case.design.label(arm) for arm in case.claim.arms()}
    broken = next(((a, s) for a in sorted(labels) for s in case.seeds if (a, s) in failed), None)
    case.problem = m.untrustworthy()
    if case.problem is None and broken:
        text = f"the run of {broken[0]!r} at seed {broken[1]} raised an error: {failed[broken]}"
        case.problem = Problem("invalid", "error", text)
    case.problem = case.problem or m.missing() or _plan_reached(case) or m.same_weights()
    if m.missing() is not None:
        return
    if m.absent():  # show what is there, decide nothing
        case.measurement = m = Measurement(
            case.claim, index, case.design, [s for s in case.seeds if s not in m.absent()]
        )
        case.seeds = m.seeds
    if case.problem is not None and case.problem.verdict == "invalid":
        return
    case.tests = tests_of(case.claim, m)
    for test in case.tests:
        if case.problem is None and not (np.isfinite(test.a).all() and np.isfinite(test.b).all()):
            case.problem = Problem("invalid", "undefined", f"{test.text}: it is undefined at some seed.")
            case.tests = ()
            return
    case.judgements = tuple(stats.judge(t.kind, t.differences, t.margin, test=case.claim.test) for t in case.tests)
    if case.problem is None and len(case.seeds) < 2:
        text = "one seed shows no spread, so no error rate can be held; run at least 2, better 5."
        case.problem = Problem("inconclusive", "unattainable", text)
    flat = next((t for t in case.tests if stats.no_spread(t.a, t.b)), None)
    if case.problem is None and flat is not None:
        text = f"the differences of '{flat.text}' do not vary over seeds beyond rounding: nothing random was repeated."
        case.problem = Problem("inconclusive", "no_spread", text)


def _plan_reached(case: _Case) -> Problem | None:
    assert case.measurement is not None
    if {"reproduction", "exploratory"} & set(case.flags) or case.registered is None:
        lacking = case.measurement.absent()
    else:
        lacking = tuple(s for s in case.planned if s not in case.seeds) + case.measurement.absent()
    if not lacking:
        return None
    there = len(case.planned) - len(lacking)
    plan = f"{there} of {len(case.planned)} planned seeds are there" if case.registered else "seeds are missing"
    return Problem("inconclusive", "plan_not_reached", f"{plan}; run {', '.join(map(str, sorted(set(lacking))))}.")


def tests_of(claim: Claim, measurement: Measurement) -> tuple[Test, ...]:
    """Return the tests of a claim over the seeds measured; agreement gives two, any other assertion one."""
    tests: list[Test] = []
    for assertion in claim.assertions:
        values = measurement.values(assertion)
        m, a, b = assertion.margin.value, str(assertion.a), str(assertion.b)
        if values.units is None:
            assert assertion.kind != "agree"
            tests.append(Test(str(assertion), assertion.kind, m, values.a, values.b, a, b, assertion))
            continue
        mean = f"{a} equals {b} within {m:g}, on average"
        most = f"the 90 % quantile over layers of |{a} - {b}| is below {m:g}"
        quantile = np.quantile(values.units, 0.9, axis=1)
        tests.append(Test(mean, "equivalent", m, values.a, values.b, a, b, assertion))
        bound = np.full_like(quantile, m)
        tests.append(Test(most, "below", 0.0, quantile, bound, f"90 % quantile of |{a} - {b}|", f"{m:g}", assertion))
    return tuple(tests)


def pilot_spreads(claim: Claim, index: Evidence, setting: str) -> list[Spread | None]:
    """Return the mean and spread of each tested assertion over the pilot seeds in evidence; empty without any."""
    design = design_of(claim, setting)
    try:
        check_names(claim, design)
        seeds = [s for s in index.seeds(design.label(arm) for arm in claim.arms()) if s in PILOT_SEEDS]
    except FaevalError:  # a claim about another setting
        return []
    measurement = Measurement(claim, index, design, seeds)
    if len(seeds) < 2 or check_design(claim, design) or measurement.missing() or measurement.untrustworthy():
        return []
    found: list[Spread | None] = []
    for test in tests_of(claim, measurement):
        d = test.differences
        found.append(Spread(n=len(d), mean=float(d.mean()), sd=float(d.std(ddof=1))))
    return found


def _decide_families(cases: Sequence[_Case], setting: str, lock: Lock | None) -> None:
    families: dict[tuple[str, bool], list[_Case]] = {}
    for case in cases:
        family = case.registered.family if case.registered else case.claim.family or ""
        families.setdefault((family, case.registered is not None), []).append(case)
    for (name, registered), members in families.items():
        alphas = sorted({c.registered.alpha if c.registered else c.claim.alpha for c in members})
        if len(alphas) > 1:
            raise FaevalError(
                f"family {name!r}: its members declare alpha={alphas[0]} and alpha={alphas[1]}; the error rate belongs to "
                "the family, give all of them one."
            )
        # Registered members that were not selected count as well: leaving a claim out never helps the others.
        others = len(lock.family(name)) - len(members) if registered and lock else 0
        pairs = [c.p for c in members] + [(1.0, 1.0)] * others
        decisions = stats.decide_family([p for p, _ in pairs], [p for _, p in pairs], alphas[0])
        for case, decision in zip(members, decisions, strict=False):
            case.decision, case.family_size = decision, len(pairs)
            if case.problem is not None:
                case.verdict = case.problem.verdict
            else:
                case.verdict = decision.verdict


def _verdict(case: _Case, setting: str, index: Evidence) -> Verdict:
    claim, decision = case.claim, case.decision
    assert decision is not None
    k, n = len(case.tests), len(case.seeds)
    level = claim.alpha / case.family_size
    attainable = stats.attainable_p(claim.test, n) if n else 1.0
    if case.problem is None and case.verdict == "inconclusive" and attainable > level:
        text = f"at n = {n} the smallest p that the {claim.test} test can give is {attainable:.3g}, above {level:.3g}."
        case.problem = Problem("inconclusive", "unattainable", text)
    pilots: list[Spread | None] = list(case.registered.pilot.get(setting, [])) if case.registered else []
    pilots += [None] * (k - len(pilots))
    results = tuple(
        _assertion(case, t, j, decision, k, p, level)
        for t, j, p in zip(case.tests, case.judgements, pilots, strict=False)
    )
    shown = case.problem is None
    code, reason = _reason(case, results)
    without = _without_each(case, decision, k) if shown and n >= 3 else ()
    decided = shown and case.verdict in ("supported", "refuted")
    fragile = any(word != case.verdict for _, word in without) if decided and n >= 5 else None
    flags = list(case.flags)
    if fragile:
        flags.append("fragile")
    metrics = case.design.experiment.metrics if case.design.experiment else METRICS
    for r, t in zip(results, case.tests, strict=True):
        if r.item_error is not None and any(abs(r.estimate - edge) <= 2 * r.item_error for edge in _edges(t)):
            flags.append("evaluation_set")
        steps = [metrics[x.metric].resolution for x in t.assertion.contrast.reads() if x.metric in metrics]
        if steps and r.sd < 2 * max(steps):
            flags.append("coarse")
    failures = 0
    if case.measurement is not None:
        failures = max(
            (len({s for r, s, _, c in case.measurement.cells() if r.arm == arm and c.status == "diverged"}))
            for arm in claim.arms()
        )
    runs = () if case.measurement is None else tuple(sorted({c.run for *_, c in case.measurement.cells() if c.run}))
    return Verdict(
        claim=claim.name,
        sentence=claim.sentence,
        setting=setting,
        verdict=case.verdict,  # type: ignore[arg-type] # one of the four words, by construction
        reason_code=code,
        reason=reason,
        family=(case.registered.family if case.registered else claim.family) or "",
        family_size=case.family_size,
        alpha=claim.alpha,
        test=claim.test,
        seeds=case.seeds if case.tests else (),
        planned=case.planned,
        assertions=results,
        flags=tuple(dict.fromkeys(flags)),
        expected=case.registered.expected(setting) if case.registered else claim.expected(setting),
        scope=_SCOPE,
        assumption=_ASSUMPTIONS[claim.test],
        takes=_takes(case, results),
        attainable_p=attainable if n else None,
        level_support=decision.level_support if shown else None,
        level_refute=decision.level_refute if shown else None,
        adjusted_support=decision.adjusted_support if shown else 1.0,
        adjusted_refute=decision.adjusted_refute if shown else 1.0,
        unseen_failure_bound=stats.unseen_failure_bound(n, failures) if case.tests else None,
        without_each_seed=without,
        fragile=fragile,
        warnings=tuple(case.warnings),
        about=claim.about,
        note=claim.note,
        source=claim.source,
        published=_published(claim, setting, results),
        gates=tuple(g.name for g in claim.requires),
        registered_sha256=case.registered.sha256 if case.registered else None,
        runs=runs,
    )


def _edges(test: Test) -> tuple[float, ...]:
    m = test.margin
    return {"exceeds": (m,), "not_above": (m,), "below": (-m,), "not_below": (-m,)}.get(test.kind, (-m, m))


def _assertion(
    case: _Case,
    test: Test,
    judgement: stats.Judgement,
    decision: stats.Decision,
    k: int,
    pilot: Spread | None,
    level: float,
) -> AssertionResult:
    n = len(case.seeds)
    nan = (math.nan, math.nan)
    interval: tuple[float, float] = nan
    levels, refuting, ordinary = nan, None, nan
    if n >= 2 and judgement.sd > 0:
        bounds = stats.decision_interval(judgement, decision.level_support, decision.level_refute, k)
        interval, levels = (bounds.low, bounds.high), (bounds.level_low, bounds.level_high)
        refuting = (bounds.refuting.low, bounds.refuting.high) if bounds.refuting else None
        ordinary = stats.confidence_interval(test.differences, 0.90)
    unit_step = stats.detectable_effect(n, level) if n >= 2 and case.claim.test == "t" else None
    anticipated = test.assertion.anticipated if test.assertion.kind != "agree" else None
    gap, needed, chance = None, None, None
    if pilot is not None and anticipated is not None and test.kind != "equivalent":
        # Beyond the margin, in the direction that decides: above it supports, below it refutes (or the other way round).
        gap = abs(anticipated - test.margin)
        upper = stats.sd_upper(pilot.sd, pilot.n)
        if gap > 0 and pilot.sd > 0:
            needed = (stats.seeds_needed(gap, pilot.sd, level, _POWER), stats.seeds_needed(gap, upper, level, _POWER))
            chance = stats.power(gap, pilot.sd, n, level) if n >= 2 else None
    metrics = case.design.experiment.metrics if case.design.experiment else METRICS
    assert case.measurement is not None
    return AssertionResult(
        text=test.text,
        kind=test.kind,
        unit=units_of(test.assertion, metrics),
        margin=test.margin,
        because=test.assertion.margin.because,
        a=Side(test.a_text, tuple(map(float, test.a))),
        b=Side(test.b_text, tuple(map(float, test.b))),
        differences=tuple(map(float, test.differences)),
        estimate=judgement.estimate,
        sd=judgement.sd,
        p_support=judgement.p_support,
        p_refute=judgement.p_refute,
        interval=interval,
        levels=levels,
        refuting=refuting,
        ordinary=ordinary,
        anticipated=anticipated,
        pilot_sd=pilot.sd if pilot else None,
        pilot_n=pilot.n if pilot else None,
        power=chance,
        detectable_in_sd=unit_step,
        detectable=unit_step * pilot.sd if unit_step is not None and pilot else None,
        seeds_needed=needed,
        item_error=case.measurement.item_error(test.assertion) if test.assertion.kind != "agree" else None,
    )


def _reason(case: _Case, results: Sequence[AssertionResult]) -> tuple[str, str]:
    if case.problem is not None:
        return case.problem.code, case.problem.text
    n = len(case.seeds)
    if case.verdict == "supported":
        return "decided", f"over {n} seeds " + "; and ".join(r.text for r in results) + "."
    if case.verdict == "refuted":
        against = [
            r for r in results if r.p_refute * len(results) <= (case.decision.level_refute if case.decision else 0)
        ]
        text = "; and ".join(f"'{r.text}' does not hold{_opposite(r)}" for r in against or results)
        return "decided", f"over {n} seeds {text}."
    weak = [r for r in results if r.power is not None and r.power < _LEAST_POWER]
    wide = [r for r in results if r.power is None and r.margin > 0 and r.interval[1] - r.interval[0] > 2 * r.margin]
    open_ = next(
        (r for r in results if r.p_support > (case.decision.level_support if case.decision else 0)), results[0]
    )
    if weak or wide:
        return "underpowered", f"over {n} seeds the interval of '{open_.text}' is too wide to tell."
    return "straddles_margin", f"over {n} seeds the interval of '{open_.text}' holds the margin."


def _opposite(result: AssertionResult) -> str:
    low, high = result.interval
    if result.kind == "exceeds" and high < 0:
        return ", and the difference is of opposite sign"
    if result.kind == "below" and low > 0:
        return ", and the difference is of opposite sign"
    return ""


def _takes(case: _Case, results: Sequence[AssertionResult]) -> str:
    if case.verdict != "inconclusive":
        return ""
    if case.problem is not None and case.problem.code != "unattainable":
        return case.problem.text
    needed = [r.seeds_needed for r in results if r.seeds_needed is not None]
    counts = [max((n for n in pair if n is not None), default=None) for pair in needed]
    known = [c for c in counts if c is not None]
    if known:
        plan = f"open at its {len(case.seeds)} seeds; " if case.registered else ""
        return f"{plan}a new registration on fresh seeds would need about {max(known)} of them."
    return "a new registration on more, fresh seeds; anticipated= and a pilot would say how many."


def _without_each(case: _Case, decision: stats.Decision, k: int) -> tuple[tuple[int, str], ...]:
    words = []
    for out, seed in enumerate(case.seeds):
        kept = np.arange(len(case.seeds)) != out
        judged = [stats.judge(t.kind, t.differences[kept], t.margin, test=case.claim.test) for t in case.tests]
        p, q = stats.combine(judged)
        word = (
            "supported" if p <= decision.level_support else "refuted" if q <= decision.level_refute else "inconclusive"
        )
        words.append((seed, word))
    return tuple(words)


def _published(claim: Claim, setting: str, results: Sequence[AssertionResult]) -> tuple[dict[str, Any], ...]:
    """Return published figures for this setting with ours beside them; they decide nothing."""
    rows = []
    for given in claim.published:
        if given.get("setting", setting) != setting:
            continue
        result = results[given.get("assertion", 0)] if results else None
        side = given.get("side")
        ours: float | None = None
        if result is not None:
            values = result.differences if side is None else (result.a if side == "a" else result.b).values
            ours = float(np.mean(values))
        figure, spread = given["published"], given.get("spread")
        within = None if ours is None or spread is None else abs(ours - figure) <= spread
        rows.append(
            {
                "what": given["what"],
                "published": figure,
                "spread": spread,
                "ours": ours,
                "within": within,
                "source": given.get("source"),
            }
        )
    return tuple(rows)


def _release(claim: Claim, verdicts: dict[int, Verdict]) -> Verdict:
    """Let a decided verdict out only if every gate's own verdict, released likewise, is supported."""
    verdict = verdicts[id(claim)]
    if verdict.verdict == "invalid":
        return verdict
    for gate in claim.requires:
        word = _release(gate, verdicts).verdict
        if word in ("refuted", "invalid"):
            text = f"its gate {gate.name!r} is {word}, so the question does not arise."
            return replace(verdict, verdict="invalid", reason_code="gate_failed", reason=text, takes="", fragile=None)
        if word == "inconclusive" and verdict.verdict != "inconclusive":
            text = f"its gate {gate.name!r} is undecided; decide that one first."
            return replace(verdict, verdict="inconclusive", reason_code="gate_undecided", reason=text, takes=text)
    return verdict
