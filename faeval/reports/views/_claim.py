"""One claim and its verdict, in words and places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faeval.claims._verdict import REGISTRATIONS, Verdict
from faeval.reports.data import _outcomes as outcomes
from faeval.reports.data._report import ClaimInputs, LowestControl, Profile, ReadMetric
from faeval.reports.views._assertion import assertion_view, mean
from faeval.reports.views._counts import count_view
from faeval.reports.views._figures import power_view, side_by_side
from faeval.reports.views._types import ClaimView, Fact, Table, facts
from faeval.reports.words import _glossary as glossary, _reasons as reasons, _sentences as words
from faeval.reports.words._glossary import Phrase, Span, plain
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
from faeval.reports.words._terms import SPECIAL


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
    estimated, parts = bool(verdict.assertions), outcomes.parts(verdict)
    tests = _tests(verdict) if estimated else None
    by_layer = _by_layer(verdict, inputs, profiles) if inputs else None
    assertions = tuple(assertion_view(a, verdict) for a in verdict.assertions)
    counts = tuple(count_view(part, verdict) for part in parts if part.count is not None)
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
        assertions=assertions,
        counts=counts,
        parts=(*(assertions[p.places[0]] for p in parts if p.count is None), *counts),
        tests=tests,
        power=power_view(verdict, anchor),
        decided=_decided(verdict, rule) if estimated else (),
        sure=_sure(verdict) if estimated else (),
        checked=tuple(_checked(verdict, inputs, by_layer)),
        rests=_rests(verdict, scope),
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


def _claims_p(verdict: Verdict) -> tuple[str, str]:
    """Write the p-values of a claim."""
    (support, refute), (p, q) = outcomes.levels(verdict), outcomes.claims_p(verdict)
    return probability(p, support), probability(q, refute)


def _tests(verdict: Verdict) -> Table:
    """Every p-value beside the level that it is compared with."""
    every, (support, refute) = outcomes.parts(verdict), outcomes.levels(verdict)
    k = len(every)
    own = {i: both for p in every for i, both in outcomes.member_levels(p, verdict).items()}
    each = [
        (
            f"p of assertion {i + 1}",
            probability(a.p_support, own[i][0]),
            probability(a.p_refute, own[i][1]),
        )
        for i, a in enumerate(verdict.assertions)
    ]
    of_counts = [
        (
            f"p of a count: {part.count.least} of {len(part.count.members)}",
            probability(part.count.p_support, support),
            probability(part.count.p_refute, refute and refute / k),
        )
        for part in every
        if part.count is not None
    ]
    name = "p" if k == 1 else f"p of the claim: the largest; {k} times the smallest"
    over = " over all looks" if verdict.looks else ""
    rows = (
        *(each if len(each) > 1 else ()),
        *of_counts,
        (name, *_claims_p(verdict)),
        ("Level it is compared with", level(support), level(refute)),
        (
            f"Adjusted p{over}, against {exact(verdict.alpha)}",
            *(
                probability(p, verdict.alpha)
                for p in (verdict.adjusted_support, verdict.adjusted_refute)
            ),
        ),
    )
    return Table("Tests in both directions", ("", "for the claim", "against it"), rows)


def _decided(verdict: Verdict, rule: str) -> tuple[Fact, ...]:
    """Say how a claim was decided; ``rule`` is where the page says more of its test."""
    test = glossary.TESTS.get(verdict.test, verdict.test)
    family = (
        f"{verdict.family}: {verdict.family_size} claim{'s' * (verdict.family_size != 1)}, Holm"
        f" once per direction, alpha {exact(verdict.alpha)}"
    )
    power, attainable = outcomes.power_together(verdict), verdict.attainable_p
    progress = f"decided at look {verdict.look}" if verdict.look else "not decided at any so far"
    looks = f"at {', '.join(map(str, verdict.looks))} seeds; {progress}"
    more = list(
        facts(
            ("Test", f"{test} over {_seeds(verdict)}, one-sided in each direction", "p"),
            ("Family", family, "family"),
            (
                "Power of all assertions together",
                power is not None and f"at least {chance(power)}",
                "power",
            ),
            # 0 for a test that may give any.
            ("Smallest attainable p", bool(attainable) and probability(attainable), "attainable"),
            ("Looks", bool(verdict.looks) and looks, "looks"),
        )
    )
    if short := glossary.assumptions(verdict.test)[0]:
        whole = (Span("link", short, rule),) if rule else plain(glossary.assumption(verdict.test))
        more.append(Fact("Assumption", whole, "assumption"))
    if verdict.measured_errors:
        more.append(Fact("Measured error", _measured_error(verdict, rule, bool(short)), "measured"))
    return tuple(more)


def _seeds(verdict: Verdict) -> str:
    return f"{verdict.n} seeds" if verdict.n == 1 else words.seeds_text(verdict)


def _measured_error(verdict: Verdict, rule: str, assumes: bool) -> Phrase:
    errors = verdict.measured_errors
    first = errors[0]
    support = max(e.wrong_support for e in errors)
    refute = max(e.wrong_refutation for e in errors)
    rates = (
        f"wrong supports / wrong refutations at n = {first.n}, nominal .05 each:"
        f" {first.law} {rate(first.wrong_support)} / {rate(first.wrong_refutation)}; at worst"
        f" {rate(support)} / {rate(refute)}; "
    )
    laws = f"{'its assumption and ' * assumes}all {len(errors)} laws"
    at = (
        ". Measured at .05 in each direction for one claim; this claim was decided at"
        f" {level(verdict.level_support)} (for) and {level(verdict.level_refute)} (against)"
    )
    return (Span("text", rates), Span("link" if rule else "text", laws, rule), Span("text", at))


def _sure(verdict: Verdict) -> tuple[Fact, ...]:
    """Say what hangs on one seed, on the test, and on luck."""
    changed = [
        f"{seed}: {word}" for seed, word in verdict.without_each_seed if word != verdict.verdict
    ]
    few = " With fewer than 5 seeds this says little." if verdict.n < 5 else ""
    without = f"{'; '.join(changed) or 'the same verdict each time'}.{few}"
    share, bound = verdict.fragile_rate, verdict.unseen_failure_bound
    return facts(
        ("Without each seed", bool(verdict.without_each_seed) and without, "without"),
        (
            "Other tests",
            "; ".join(f"{test}: {word}" for test, word in verdict.other_tests),
            "beside",
        ),
        (
            "Fragile",
            share is not None
            and f"{'fragile' if verdict.fragile else 'not fragile'}; {percent(share)} of sound"
            " verdicts on so many seeds are, at 80 % power",
            "fragile",
        ),
        (
            "Unseen failures",
            bound is not None
            and f"up to {percent(bound)} of runs might fail, for all that these seeds show",
            "unseen",
        ),
    )


def _checked(
    verdict: Verdict, inputs: ClaimInputs | None, by_layer: Table | None
) -> Iterator[Fact]:
    """What was checked of the measurement and of the design, and what is to be kept in mind.

    What a table by layer says that it reads, is not said again.
    """
    if inputs:
        yield from _input_facts(inputs, by_layer is not None, verdict.inferred_factor)
    for text in verdict.controls:
        yield Fact("Control", plain(f"{text}, on every audited checkpoint"), "control")
    for flag in verdict.flags:
        term = flag if flag in SPECIAL else ""
        yield Fact(f"Flag: {glossary.spaced(flag)}", plain(glossary.FLAGS.get(flag, "")), term)
    for warning in verdict.warnings:
        yield Fact("Warning", plain(reasons.caution(warning, verdict)))
    if verdict.gates:
        yield Fact("Depends on", plain(", ".join(verdict.gates)))


def _input_facts(inputs: ClaimInputs, layers_shown: bool, inferred: str | None) -> Iterator[Fact]:
    """What a claim reads, what its design was checked for, and its lowest positive controls."""
    if others := [r for r in inputs.reads if not layers_shown or r.layers is None]:
        yield Fact("Reads", tuple(_reads(others)))
    if inputs.attributed_to:
        why = "" if inferred is None else f" ({reasons.INFERRED})"
        yield Fact("Attributed to", plain(", ".join(inputs.attributed_to) + why))
    results = [f"{glossary.spaced(code)}: {text}" for code, text in inputs.checks.items() if text]
    passed = [
        glossary.CHECKS.get(code, glossary.spaced(code))
        for code, trouble in inputs.checks.items()
        if not trouble
    ]
    if passed:
        results.append(f"passed: {', '.join(passed)}")
    if results:
        yield Fact("Design checks", plain("; ".join(results)))
    for control in inputs.controls:
        yield Fact("Lowest positive control", plain(_control(control)), "control")


def _reads(reads: Sequence[ReadMetric]) -> Iterator[Span]:
    """Say what is read: metrics of one arm that are read alike are named together."""
    alike: dict[tuple[str, str], list[str]] = {}
    for r in reads:
        states = "" if r.layers is None else f" at states {glossary.seed_list(r.layers)}"
        alike.setdefault(
            (r.arm, states + ("" if r.epoch is None else f", epoch {r.epoch}")), []
        ).append(r.metric)
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
    decided = {}
    if verdict.assertions:
        (support, refute), (low, high) = _claims_p(verdict), map(level, outcomes.levels(verdict))
        decided["decided"] = f"p {support} for it (level {low}), {refute} against it (level {high})"
    code = verdict.registration
    registration = glossary.REGISTRATION.get(code, glossary.spaced(code))
    return decided | {
        "sure": _sure_gist(verdict),
        "checked": "; ".join(_checks_gist(verdict, inputs)),
        "rests": f"{registration}; seeds {glossary.seed_list(verdict.seeds or verdict.planned)}",
    }


def _sure_gist(verdict: Verdict) -> str:
    if not verdict.without_each_seed:
        few = "too few seeds to leave one out" if verdict.n < 3 else "no test decided anything"
        return few if verdict.assertions else ""
    changed = [str(seed) for seed, word in verdict.without_each_seed if word != verdict.verdict]
    another = f"another verdict without seed {' or '.join(changed)}"
    return another if changed else "the same verdict, whichever seed is left out"


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
        rows.append(
            (
                "".join(span.text for span in _reads([r])),
                *(means.get(layer, "") for layer in layers),
            )
        )
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
        means.append(mean(tuple(whole)) if len(whole) == len(seeds) else glossary.spaced(lacking))
    style = side_by_side([v for v in means if isinstance(v, float)])
    yield from (style(v) if isinstance(v, float) else v for v in means)


def _rests(verdict: Verdict, scope: str) -> tuple[Fact, ...]:
    """Say what a verdict rests on: seeds, registration, and runs."""
    planned = f"planned: {glossary.seed_list(verdict.planned)}"
    if verdict.seeds == verdict.planned:
        planned = "all that were planned"
    standing = words.standing_text(verdict) if verdict.expected else ""
    expected = verdict.expected or "none was written down"
    sha = f", sha256 {verdict.registered_sha256}" if verdict.registered_sha256 else ""
    often, related = verdict.attempt or 1, verdict.related
    runs = ", ".join(run.removeprefix("sha256:") for run in verdict.runs)
    return facts(
        ("Seeds", f"{glossary.seed_list(verdict.seeds)} ({planned})", "seed"),
        ("Scope", scope, ""),
        ("Expectation", f"{expected} ({standing})" if standing else expected, "expectation"),
        ("Registration", f"{REGISTRATIONS[verdict.registration]}{sha}", "registration"),
        *(("Amended because", reason, "registration") for reason in verdict.amendments),
        (
            "Attempt",
            often > 1 and f"number {often} of the registered claims that ask this question",
            "",
        ),
        (
            "Related claims",
            bool(related) and f"{related} registered of other epochs or layers",
            "",
        ),
        ("Source", verdict.source, ""),
        ("Runs", runs and f"{len(verdict.runs)}: {runs}", ""),
    )


def _published(verdict: Verdict) -> Table | None:
    head = ("What", "Published", "Ours", "Within its spread")
    rows = tuple(map(_beside, verdict.published))
    return Table("Published figures beside ours", head, rows) if rows else None


def _beside(figure: Mapping[str, Any]) -> tuple[str, str, str, str]:
    spread: Any = figure.get("spread")
    ours, within = figure.get("ours"), figure.get("within")
    our_text = _given(ours, "not measured")
    if isinstance(ours, float):
        known = isinstance(spread, int | float) and spread > 0
        our_text = style_for(spread, [ours])(ours) if known else significant(ours, 3)
    return (
        str(figure.get("what", "")) + (f" ({figure['source']})" if figure.get("source") else ""),
        _given(figure.get("published"), "not given")
        + (f" ± {_given(spread, '')}" if spread is not None else ""),
        our_text,
        "cannot be said" if within is None else "yes" if within else "no",
    )


def _given(value: Any, absent: str) -> str:
    if value is None:
        return absent
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return exact(value) if number else str(value)
