"""One claim and its verdict, in words and places."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faeval.claims._verdict import REGISTRATIONS, AssertionResult, Verdict
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._report import ClaimInputs, LowestControl, Profile, ReadMetric
from faeval.reports.figures import _strips as strips
from faeval.reports.views._figures import power_view, side_by_side
from faeval.reports.views._types import AssertionView, ClaimView, Fact, Table
from faeval.reports.words import _glossary as glossary
from faeval.reports.words import _reasons as reasons
from faeval.reports.words import _sentences as words
from faeval.reports.words._glossary import Span, plain
from faeval.reports.words._numbers import (
    chance,
    exact,
    level,
    percent,
    probability,
    rate,
    significant,
    style_for,
)
from faeval.stats import nominal_levels, region_of


def claim_view(
    verdict: Verdict,
    anchor: str,
    inputs: ClaimInputs | None = None,
    profiles: Sequence[Profile] = (),
    *,
    rule: str = "",
    scope: str = "",
) -> ClaimView:
    """Put one verdict into words and places.

    ``rule`` is the anchor of the measured errors of its test, ``scope`` what it speaks of where
    that is not said elsewhere.
    """
    standing = outcomes.standing(verdict)
    estimated = bool(verdict.assertions)
    tests = _tests(verdict) if estimated else None
    by_layer = _by_layer(verdict, inputs, profiles) if inputs else None
    return ClaimView(
        anchor=anchor,
        claim=verdict.claim,
        sentence=verdict.sentence,
        word=verdict.verdict,
        glyph=glossary.GLYPHS[verdict.verdict],
        code=verdict.reason_code,
        state="" if verdict.reason_code == "decided" else glossary.spaced(verdict.reason_code),
        alarm=standing in ("broken", "drift"),
        standing=words.standing_text(verdict),
        reason=glossary.sentence(reasons.reason(verdict)),
        meaning=glossary.CODES.get(verdict.reason_code, ""),
        headline=reasons.headline(verdict),
        pride=reasons.pride(verdict),
        takes=_takes(verdict),
        flags=tuple(map(glossary.spaced, verdict.flags)),
        caveats=tuple(
            glossary.sentence(f"{glossary.spaced(f)}: {glossary.FLAGS.get(f, '')}")
            for f in verdict.flags
        ),
        registration=glossary.REGISTRATION.get(verdict.registration, ""),
        n=verdict.n,
        assertions=tuple(_assertion(a, verdict) for a in verdict.assertions),
        tests=tests,
        power=power_view(verdict, anchor),
        decided=tuple(_decided(verdict, rule)) if estimated else (),
        sure=tuple(_sure(verdict)) if estimated else (),
        checked=tuple(_checked(verdict, inputs, by_layer)),
        rests=tuple(_rests(verdict, scope)),
        gists=_gists(verdict, inputs),
        layers=by_layer,
        published=_published(verdict),
        about="" if verdict.note else _about(verdict.about),
        note=verdict.note,
    )


def _takes(verdict: Verdict) -> str:
    if verdict.verdict == "inconclusive":
        return glossary.sentence(reasons.to_settle(verdict))
    if verdict.verdict in ("supported", "refuted"):
        return "exploratory, for these seeds" if outcomes.is_late(verdict) else ""
    foreseen = outcomes.standing(verdict) in ("as registered", "as expected")
    why = reasons.reason(verdict)
    return glossary.sentence(glossary.CODES.get(verdict.reason_code, why) if foreseen else why)


def _about(about: str | None) -> str:
    if about == "instrument":
        return (
            "This is a check of the instrument. It is no independent evidence about what the"
            " instrument is pointed at."
        )
    return f"About: {about}" if about else ""


#: What an assertion is painted as, where a claim has several: as a claim of it alone would be.
_TONES: Mapping[outcomes.Outcome, str] = {
    "met": "supported",
    "contradicted": "refuted",
    "open": "inconclusive",
}


def _assertion(assertion: AssertionResult, verdict: Verdict) -> AssertionView:
    estimated = math.isfinite(assertion.estimate)
    return AssertionView(
        text=words.assertion_text(assertion),
        value=words.value_text(assertion),
        margin=words.margin_text(assertion),
        claimed=words.claimed_text(assertion),
        outer=words.outer_text(assertion),
        result=outcomes.outcome(assertion),
        tone=(
            _TONES[outcomes.outcome(assertion)]
            if len(verdict.assertions) > 1 and verdict.verdict != "invalid"
            else ""
        ),
        strip=strips.strip(assertion) if estimated else None,
        dots=strips.dots(assertion, verdict.seeds) if estimated else None,
        description=strips.describe(assertion),
        seeds=_by_seed(assertion, verdict.seeds),
        facts=tuple(_first(assertion)),
        more=tuple(_measured(assertion, verdict)),
        gist=_numbers_gist(assertion),
    )


def _by_seed(assertion: AssertionResult, seeds: tuple[int, ...]) -> Table:
    style = words.style_of(assertion).finer()
    columns = {
        assertion.a.expression: assertion.a.values,
        assertion.b.expression: assertion.b.values,
    }
    if assertion.differences or not seeds:  # arms that no seed pairs have none
        columns["Difference"] = assertion.differences
    rows = [
        (str(seed), *map(style, values))
        for seed, *values in zip(seeds, *columns.values(), strict=True)
    ]
    rows.append(("mean", *map(style, map(_mean, columns.values()))))
    unit = words.unit_of(assertion).strip()
    return Table(f"Values by seed{f', in {unit}' if unit else ''}", ("Seed", *columns), tuple(rows))


def _mean(values: tuple[float, ...]) -> float:
    return (
        math.fsum(v / len(values) for v in values)
        if values and all(map(math.isfinite, values))
        else math.nan
    )


def _first(assertion: AssertionResult) -> Iterator[Fact]:
    style = words.style_of(assertion)
    yield Fact("Estimate", (Span("number", words.value_text(assertion)),), "estimate")
    yield Fact("Margin", plain(f"{_margin(assertion)}, because: {assertion.because}"), "margin")
    low, high = assertion.levels
    levels = f"one-sided levels {level(low)} (lower) and {level(high)} (upper), each bound alone"
    bounds = (
        f"{style.interval(assertion.interval)}, {levels}"
        if outcomes.has_interval(assertion)
        else "none"
    )
    yield Fact("Decision interval", plain(bounds), "interval")
    if assertion.refuting is not None:
        yield Fact("Refuting interval", plain(style.interval(assertion.refuting)), "refuting")


def _margin(assertion: AssertionResult) -> str:
    """Say which difference is claimed: so much, and on which side of b."""
    size = f"{exact(assertion.margin)}{words.unit_of(assertion)}"
    return region_of(assertion.kind).short.format(margin=size)


def _numbers_gist(assertion: AssertionResult) -> str:
    gist = f"s.d. {significant(assertion.sd)}"
    if assertion.power is not None:
        gist += f"; power {chance(assertion.power)} at the effect anticipated"
    elif assertion.anticipated is None:
        gist += "; no effect was anticipated"
    return gist


def _measured(assertion: AssertionResult, verdict: Verdict) -> Iterator[Fact]:
    style, unit = words.style_of(assertion), words.unit_of(assertion)
    if not math.isnan(assertion.ordinary[0]):
        yield Fact("Ordinary 90 % interval", plain(style.interval(assertion.ordinary)), "ordinary")
    error = assertion.sd / math.sqrt(verdict.n) if verdict.n else math.nan
    items = "not recorded" if assertion.item_error is None else significant(assertion.item_error)
    spread = (
        f"s.d. over seeds {significant(assertion.sd)}, standard error over seeds"
        f" {significant(error)}, over items {items}"
    )
    yield Fact("Spread and errors", plain(spread), "items")
    if assertion.anticipated is not None:
        pilot = "no pilot"
        if assertion.pilot_sd is not None:
            pilot = f"pilot s.d. {significant(assertion.pilot_sd)} over {assertion.pilot_n} seeds"
        power = f"; power {chance(assertion.power)}" if assertion.power is not None else ""
        yield Fact(
            "Anticipated effect",
            plain(f"{exact(assertion.anticipated)}{unit}; {pilot}{power}"),
            "power",
        )
    if assertion.detectable_in_sd is not None:
        size = f"{significant(assertion.detectable_in_sd, 3)} s.d."
        if assertion.detectable is not None:
            size = f"{significant(assertion.detectable)}{unit}, or {size},"
        size += " beyond the margin"
        yield Fact("Detectable effect", plain(size), "detectable")
    if assertion.seeds_needed is not None:
        at, upper = (
            "more than can be planned" if k is None else str(k) for k in assertion.seeds_needed
        )
        yield Fact(
            "Seeds needed",
            plain(f"{at} at the pilot's s.d., {upper} at its upper 80 % bound"),
            "needed",
        )
    if assertion.e_value is not None:
        yield Fact(
            "Running evidence",
            plain(f"e = {significant(assertion.e_value)}, {words.evidence_side(assertion)}"),
            "evidence",
        )
    if assertion.beyond is not None:
        seeds = glossary.seed_list(verdict.beyond_plan)
        beyond = (
            f"{style(assertion.beyond)}{unit} on average over seeds {seeds}; exploratory, it"
            " decides nothing"
        )
        yield Fact("Seeds beyond the plan", plain(beyond), "beyond")


def _levels(verdict: Verdict) -> tuple[float | None, float | None]:
    """Return what p for and against is compared with: with looks what all of them leave to one."""
    support, refute = verdict.level_support, verdict.level_refute
    if support and refute:
        return nominal_levels(support, refute, verdict.looks, len(verdict.assertions))
    return support, refute


def _claims_p(verdict: Verdict) -> tuple[str, str]:
    """Write the p-values of a claim: the largest for it, k times the smallest against it."""
    support, refute = _levels(verdict)
    smallest = len(verdict.assertions) * min(a.p_refute for a in verdict.assertions)
    return (
        probability(max(a.p_support for a in verdict.assertions), support),
        probability(min(1.0, smallest), refute),
    )


def _tests(verdict: Verdict) -> Table:
    """Every p-value beside the level that it is compared with."""
    k, (support, refute) = len(verdict.assertions), _levels(verdict)
    rows: list[tuple[str, ...]] = []
    for i, a in enumerate(verdict.assertions, 1) if k > 1 else ():
        against = probability(a.p_refute, refute and refute / k)
        rows.append((f"p of assertion {i}", probability(a.p_support, support), against))
    name = "p" if k == 1 else f"p of the claim: the largest; {k} times the smallest"
    rows.append((name, *_claims_p(verdict)))
    rows.append(("Level it is compared with", level(support), level(refute)))
    adjusted = (verdict.adjusted_support, verdict.adjusted_refute)
    over = " over all looks" if verdict.looks else ""
    rows.append(
        (
            f"Adjusted p{over}, against {exact(verdict.alpha)}",
            *(probability(p, verdict.alpha) for p in adjusted),
        )
    )
    return Table("Tests in both directions", ("", "for the claim", "against it"), tuple(rows))


def _decided(verdict: Verdict, rule: str) -> Iterator[Fact]:
    test = glossary.TESTS.get(verdict.test, verdict.test)
    yield Fact("Test", plain(f"{test} over {verdict.n} seeds, one-sided in each direction"), "p")
    family = (
        f"{verdict.family}: {verdict.family_size} claim{'s' * (verdict.family_size != 1)}, Holm"
        " once per direction"
    )
    yield Fact("Family", plain(f"{family}, alpha {exact(verdict.alpha)}"), "family")
    if (power := outcomes.power_together(verdict)) is not None:
        yield Fact("Power of all assertions together", plain(f"at least {chance(power)}"), "power")
    if verdict.attainable_p:  # 0 for a test that may give any
        yield Fact("Smallest attainable p", plain(probability(verdict.attainable_p)), "attainable")
    if verdict.looks:
        progress = (
            f"decided at look {verdict.look}" if verdict.look else "not decided at any so far"
        )
        yield Fact(
            "Looks", plain(f"at {', '.join(map(str, verdict.looks))} seeds; {progress}"), "looks"
        )
    if short := glossary.ASSUMPTIONS.get(verdict.test, ("",))[0]:
        whole = (Span("link", short, rule),) if rule else plain(glossary.assumption(verdict.test))
        yield Fact("Assumption", whole, "assumption")
    if errors := verdict.measured_errors:
        first, n = errors[0], errors[0].n
        support, refute = (
            max(e.wrong_support for e in errors),
            max(e.wrong_refutation for e in errors),
        )
        rates = (
            f"wrong supports / wrong refutations at n = {n}, nominal .05 each:"
            f" {first.law} {rate(first.wrong_support)} / {rate(first.wrong_refutation)}; at worst"
            f" {rate(support)} / {rate(refute)}; "
        )
        laws = f"{'its assumption and ' * bool(short)}all {len(errors)} laws"
        decided = (
            f"{level(verdict.level_support)} (for) and {level(verdict.level_refute)} (against)"
        )
        at = (
            ". Measured at .05 in each direction for one claim; this claim was decided at"
            f" {decided}"
        )
        where = Span("link", laws, rule) if rule else Span("text", laws)
        yield Fact("Measured error", (Span("text", rates), where, Span("text", at)), "measured")


def _sure(verdict: Verdict) -> Iterator[Fact]:
    if verdict.without_each_seed:
        changed = [
            (seed, word) for seed, word in verdict.without_each_seed if word != verdict.verdict
        ]
        verdicts = "; ".join(f"{seed}: {word}" for seed, word in changed)
        few = " With fewer than 5 seeds this says little." if verdict.n < 5 else ""
        yield Fact(
            "Without each seed",
            plain((verdicts or "the same verdict each time") + "." + few),
            "without",
        )
    if verdict.other_tests:
        verdicts = "; ".join(f"{test}: {word}" for test, word in verdict.other_tests)
        yield Fact("Other tests", plain(verdicts), "beside")
    if verdict.fragile_rate is not None:
        flagged = "fragile" if verdict.fragile else "not fragile"
        often = f"{percent(verdict.fragile_rate)} of sound verdicts on so many seeds are"
        yield Fact("Fragile", plain(f"{flagged}; {often}, at 80 % power"), "fragile")
    if verdict.unseen_failure_bound is not None:
        bound = (
            f"up to {percent(verdict.unseen_failure_bound)} of runs might fail, for all that these"
            " seeds show"
        )
        yield Fact("Unseen failures", plain(bound), "unseen")


def _checked(
    verdict: Verdict, inputs: ClaimInputs | None, by_layer: Table | None
) -> Iterator[Fact]:
    """What was checked of the measurement and of the design, and what is to be kept in mind.

    What a table by layer says that it reads, is not said again.
    """
    if inputs:
        yield from _input_facts(inputs, by_layer is not None)
    for text in verdict.controls:
        yield Fact("Control", plain(f"{text}, on every audited checkpoint"), "control")
    for flag in verdict.flags:
        yield Fact(f"Flag: {glossary.spaced(flag)}", plain(glossary.FLAGS.get(flag, "")))
    for warning in verdict.warnings:
        yield Fact("Warning", plain(reasons.caution(warning, verdict)))
    if verdict.gates:
        yield Fact("Depends on", plain(", ".join(verdict.gates)))


def _input_facts(inputs: ClaimInputs, layers_shown: bool) -> Iterator[Fact]:
    """What a claim reads, what its design was checked for, and its lowest positive controls."""
    if others := [r for r in inputs.reads if not layers_shown or r.layers is None]:
        yield Fact("Reads", tuple(_reads(others)))
    if inputs.attributed_to:
        yield Fact("Attributed to", plain(", ".join(inputs.attributed_to)))
    if inputs.checks:
        passed = [
            glossary.CHECKS.get(code, glossary.spaced(code))
            for code, trouble in inputs.checks.items()
            if not trouble
        ]
        failed = [
            f"{glossary.spaced(code)}: {trouble}"
            for code, trouble in inputs.checks.items()
            if trouble
        ]
        results = [*failed, *([f"passed: {', '.join(passed)}"] if passed else [])]
        yield Fact("Design checks", plain("; ".join(results)))
    for control in inputs.controls:
        yield Fact("Lowest positive control", plain(_control(control)), "control")


def _reads(reads: Sequence[ReadMetric]) -> Iterator[Span]:
    """Say what is read: metrics of one arm that are read alike are named together."""
    alike: dict[tuple[str, str], list[str]] = {}
    for r in reads:
        states = "" if r.layers is None else f" at states {glossary.seed_list(r.layers)}"
        epoch = "" if r.epoch is None else f", epoch {r.epoch}"
        alike.setdefault((r.arm, states + epoch), []).append(r.metric)
    for i, ((arm, where), metrics) in enumerate(alike.items()):
        yield from (
            Span("text", f"{'; ' * bool(i)}{' and '.join(metrics)} of "),
            Span("name", arm),
            Span("text", where),
        )


def _control(control: LowestControl) -> str:
    gaps = f", undefined at {control.undefined} of them" if control.undefined else ""
    if control.value is None:
        return f"undefined by {control.instrument} at all {control.states} states it reads"
    value = f"{control.value:.4f}".replace("-", "−")
    where = f"{control.arm}, seed {control.seed}, layer {control.layer}"
    return (
        f"{value} by {control.instrument} over the {control.states} states it"
        f" reads{gaps} ({where}); 1 is right"
    )


def _gists(verdict: Verdict, inputs: ClaimInputs | None) -> dict[str, str]:
    """One line for each group of facts, to be read without opening it."""
    gists: dict[str, str] = {}
    if verdict.assertions:
        (support, refute), (low, high) = _claims_p(verdict), map(level, _levels(verdict))
        gists["decided"] = f"p {support} for it (level {low}), {refute} against it (level {high})"
    gists["sure"] = _sure_gist(verdict)
    gists["checked"] = "; ".join(_checks_gist(verdict, inputs))
    registration = glossary.REGISTRATION.get(
        verdict.registration, glossary.spaced(verdict.registration)
    )
    gists["rests"] = f"{registration}; seeds {glossary.seed_list(verdict.seeds or verdict.planned)}"
    return gists


def _sure_gist(verdict: Verdict) -> str:
    if not verdict.without_each_seed:
        return "too few seeds to leave one out" if verdict.assertions else ""
    changed = [str(seed) for seed, word in verdict.without_each_seed if word != verdict.verdict]
    if not changed:
        return "the same verdict, whichever seed is left out"
    return f"another verdict without seed {' or '.join(changed)}"


def _checks_gist(verdict: Verdict, inputs: ClaimInputs | None) -> Iterator[str]:
    if inputs and inputs.checks:
        failed = [glossary.spaced(code) for code, trouble in inputs.checks.items() if trouble]
        yield f"design: {', '.join(failed)}" if failed else "design sound"
    values = [c.value for c in inputs.controls if c.value is not None] if inputs else []
    if values:
        yield f"lowest positive control {min(values):.4f}".replace("-", "−")
    if verdict.controls and verdict.assertions:
        yield f"{len(verdict.controls)} declared controls held"
    remarks = len(verdict.flags) + len(verdict.warnings)
    if remarks:
        yield f"{remarks} thing{'s' * (remarks > 1)} to keep in mind"


def _by_layer(verdict: Verdict, inputs: ClaimInputs, profiles: Sequence[Profile]) -> Table | None:
    """The mean over the verdict's seeds at each layer, of each layered metric that the claim reads.

    None where that is not known of all of them, such as where one is read before the end of its
    run.
    """
    layered = _layered(inputs.reads)
    if not layered or not verdict.seeds:
        return None
    by_name = {(p.metric, p.arm): p for p in profiles}
    sources = [by_name.get((r.metric, r.arm)) for r in layered]
    layers = sorted({layer for p in sources if p is not None for layer in p.layers})
    rows = []
    for r, p in zip(layered, sources, strict=True):
        if p is None or r.epoch not in (None, p.epoch):
            return None
        means = dict(zip(p.layers, _means(p, verdict.seeds), strict=True))
        head = "".join(span.text for span in _reads([r]))
        rows.append((head, *(means.get(layer, "") for layer in layers)))
    return Table(
        "Mean over seeds by layer",
        ("What is read", *(f"layer {layer}" for layer in layers)),
        tuple(rows),
    )


def _layered(reads: Sequence[ReadMetric]) -> list[ReadMetric]:
    """Return what is read at layers; what is read at several places of one profile is one row."""
    states: dict[tuple[str, str, int | None], set[int]] = {}
    for r in reads:
        if r.layers is not None:
            states.setdefault((r.metric, r.arm, r.epoch), set()).update(r.layers)
    return [
        ReadMetric(metric, arm, tuple(sorted(layers)), epoch)
        for (metric, arm, epoch), layers in states.items()
    ]


def _means(profile: Profile, seeds: Sequence[int]) -> Iterator[str]:
    """The mean over these seeds at each layer of a profile, or why there is none."""
    place = {seed: i for i, seed in enumerate(profile.seeds)}
    rows = [place[seed] for seed in seeds if seed in place]
    means: list[float | str] = []
    for column in range(len(profile.layers)):
        values = [profile.values[i][column] for i in rows]
        lacking = next(
            (profile.status[i][column] for i in rows if profile.values[i][column] is None),
            "not there",
        )
        whole = [v for v in values if v is not None]
        means.append(_mean(tuple(whole)) if len(whole) == len(seeds) else glossary.spaced(lacking))
    style = side_by_side([v for v in means if isinstance(v, float)])
    yield from (style(v) if isinstance(v, float) else v for v in means)


def _rests(verdict: Verdict, scope: str) -> Iterator[Fact]:
    planned = (
        "all that were planned"
        if verdict.seeds == verdict.planned
        else f"planned: {glossary.seed_list(verdict.planned)}"
    )
    yield Fact("Seeds", plain(f"{glossary.seed_list(verdict.seeds)} ({planned})"), "seed")
    if scope:
        yield Fact("Scope", plain(scope))
    expected = verdict.expected or "none was written down"
    standing = words.standing_text(verdict)
    yield Fact(
        "Expectation",
        plain(expected + (f" ({standing})" if verdict.expected and standing else "")),
        "expectation",
    )
    sha = f", sha256 {verdict.registered_sha256}" if verdict.registered_sha256 else ""
    yield Fact("Registration", plain(REGISTRATIONS[verdict.registration] + sha), "registration")
    for reason in verdict.amendments:
        yield Fact("Amended because", plain(reason), "registration")
    if verdict.attempt is not None and verdict.attempt > 1:
        yield Fact(
            "Attempt",
            plain(f"number {verdict.attempt} of the registered claims that ask this question"),
        )
    if verdict.related:
        yield Fact(
            "Related claims", plain(f"{verdict.related} registered of other epochs or layers")
        )
    if verdict.source:
        yield Fact("Source", plain(verdict.source))
    if verdict.runs:
        yield Fact("Runs", plain(f"{len(verdict.runs)}: {', '.join(_hashes(verdict.runs))}"))


def _hashes(runs: Sequence[str]) -> list[str]:
    return [run.removeprefix("sha256:") for run in runs]


def _published(verdict: Verdict) -> Table | None:
    if not verdict.published:
        return None
    return Table(
        "Published figures beside ours",
        ("What", "Published", "Ours", "Within its spread"),
        tuple(_beside(figure) for figure in verdict.published),
    )


def _beside(figure: Mapping[str, Any]) -> tuple[str, str, str, str]:
    published, spread, ours = (figure.get(name) for name in ("published", "spread", "ours"))
    published_text = _given(published, "not given") + (
        f" ± {_given(spread, '')}" if spread is not None else ""
    )
    our_text = _given(ours, "not measured")
    if isinstance(ours, float) and isinstance(spread, int | float) and spread > 0:
        our_text = style_for(spread, [ours])(ours)
    elif isinstance(ours, float):
        our_text = significant(ours, 3)
    within = figure.get("within")
    return (
        str(figure.get("what", "")) + (f" ({figure['source']})" if figure.get("source") else ""),
        published_text,
        our_text,
        "cannot be said" if within is None else "yes" if within else "no",
    )


def _given(value: Any, absent: str) -> str:
    if value is None:
        return absent
    return (
        exact(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(value)
    )
