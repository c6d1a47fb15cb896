"""The verdict in full: results of each assertion, the reason in words, flags, what it would take to know more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from faeval import stats
from faeval.claims._case import Case
from faeval.claims._claim import Claim
from faeval.claims._design import Problem
from faeval.claims._lock import Spread
from faeval.claims._measure import units_of
from faeval.claims._pilot import anticipated_of, chances
from faeval.claims._tests import Test
from faeval.claims._verdict import AssertionResult, Side, Verdict
from faeval.experiment import METRICS

_SCOPE = (
    "retrainings of these arms on these data: the seed is random; architecture, layers, hyper-parameters, task, training "
    "set and evaluation items are fixed"
)
_ASSUMPTIONS = {
    "t": "the differences by seed are near normal; against a margin they are not protected from skew",
    "sign-flip": "the differences by seed are symmetric about their mean",
    "sign": "none on the shape of the differences: the claim is about their median",
}
_LEAST_POWER = 0.5
_detectable = lru_cache(maxsize=256)(stats.detectable_effect)  # one number for all claims of a family


def verdict_of(case: Case, setting: str) -> Verdict:
    """Return the verdict on a case that its family has decided, with everything a reader needs to doubt it."""
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
        warnings=tuple(
            f"'{r.text}': power at the effect anticipated was {r.power:.2f}, below {_LEAST_POWER}"
            for r in results
            if r.power is not None and r.power < _LEAST_POWER
        ),
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
    case: Case,
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
    unit_step = _detectable(n, level) if n >= 2 and case.claim.test == "t" else None
    # Of agreement, the part about single units has no effect declared.
    anticipated = None if test.kind == "below" and test.assertion.kind == "agree" else anticipated_of(test.assertion)
    hope = chances(test.kind, test.margin, anticipated, pilot, n, level) if case.claim.test == "t" else None
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
        power=hope.power if hope else None,
        detectable_in_sd=unit_step,
        detectable=unit_step * pilot.sd if unit_step is not None and pilot else None,
        seeds_needed=hope.needed if hope else None,
        item_error=case.measurement.item_error(test.assertion) if test.assertion.kind != "agree" else None,
    )


def _reason(case: Case, results: Sequence[AssertionResult]) -> tuple[str, str]:
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


def _takes(case: Case, results: Sequence[AssertionResult]) -> str:
    if case.verdict != "inconclusive":
        return ""
    if case.problem is not None and case.problem.code != "unattainable":
        return case.problem.text
    level = case.decision.level_support if case.decision else 0.0
    open_ = [r for r in results if r.p_support > level]
    plan = f"open at its {len(case.seeds)} seeds; " if case.registered else ""
    if all(r.seeds_needed is not None for r in open_):
        cautious = [r.seeds_needed[1] for r in open_ if r.seeds_needed is not None]
        known = [n for n in cautious if n is not None]
        if known and len(known) == len(cautious) and max(known) > len(case.seeds):
            return f"{plan}a new registration on fresh seeds would need about {max(known)} of them."
        if known and len(known) == len(cautious):
            # The design was strong enough for the effect it was made for: the true one must lie nearer the margin.
            return f"{plan}the effect is nearer its margin than anticipated: a new registration needs more than these seeds."
    return f"{plan}a new registration on more, fresh seeds; anticipated= and a pilot would say how many."


def _without_each(case: Case, decision: stats.Decision, k: int) -> tuple[tuple[int, str], ...]:
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
