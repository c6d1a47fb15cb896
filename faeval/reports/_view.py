"""A report put into words and places, once; every view shows exactly these."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from faeval.claims._verdict import REGISTRATIONS, WORDS, AssertionResult, Verdict
from faeval.experiment import CONTROL_FLOOR, KNOWN_METRICS
from faeval.reports import _figures as figures
from faeval.reports import _plots as plots
from faeval.reports import _words as words
from faeval.reports._numbers import exact, percent, probability, rate, significant, style_for
from faeval.reports._series import PowerCurve, mean_over_seeds, spans_decades
from faeval.reports._words import Phrase, Span, plain
from faeval.stats import nominal_level

if TYPE_CHECKING:
    from faeval.reports._report import ControlCurve, Course, Profile, Report


@dataclass(frozen=True)
class Fact:
    """A labelled line; ``term`` is its key in the glossary, if it has one."""

    label: str
    value: Phrase
    term: str | None = None


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; the first cell of a row heads it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class AssertionView:
    """One assertion: its numbers as text, its figures, and its values by seed."""

    text: str
    value: str
    result: words.Outcome
    strip: figures.Contrast | None
    dots: figures.Contrast | None
    description: str
    seeds: Table
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class FigureView:
    """A figure of :func:`faeval.reports._plots.figures` by its name, and the tables that say the same."""

    name: str
    title: str
    description: str
    tables: tuple[Table, ...]
    meaning: str = ""
    missing: str = ""


@dataclass(frozen=True)
class ClaimView:
    """One claim with its verdict, in words."""

    anchor: str
    claim: str
    sentence: str
    word: str
    glyph: str
    code: str
    alarm: bool
    standing: str
    reason: str
    meaning: str
    headline: tuple[Phrase, ...]
    pride: str
    takes: str
    flags: tuple[str, ...]
    registration: str
    n: int
    assertions: tuple[AssertionView, ...]
    tests: Table | None
    power: FigureView | None
    decided: tuple[Fact, ...]
    sure: tuple[Fact, ...]
    rests: tuple[Fact, ...]
    published: Table | None
    about: str
    note: str

    @property
    def verdict(self) -> str:
        """The word, with its reason code where it is not a decision."""
        return self.word if self.code == "decided" else f"{self.word}: {self.code}"


@dataclass(frozen=True)
class Tally:
    """How many verdicts of one kind there are."""

    word: str
    glyph: str
    text: str
    alarm: bool = False


@dataclass(frozen=True)
class View:
    """All of a report."""

    setting: str
    tallies: tuple[Tally, ...]
    claims: tuple[ClaimView, ...]
    profiles: tuple[FigureView, ...]
    courses: tuple[FigureView, ...]
    controls: FigureView | None
    provenance: tuple[Fact, ...]
    recompute: str
    glossary: Mapping[str, tuple[str, str]]


def view(report: Report) -> View:
    """Put a report into words and places."""
    names = plots.claim_anchors(report)
    return View(
        setting=report.setting,
        tallies=tuple(_tallies(report.verdicts)),
        claims=tuple(_claim(v, a) for v, a in zip(report.verdicts, names, strict=True)),
        profiles=tuple(_profile(name, of) for name, of in plots.layer_figures(report.profiles).items()),
        courses=tuple(_course(name, of) for name, of in plots.course_figures(report.courses).items()),
        controls=_controls(report.controls),
        provenance=tuple(_provenance(report)),
        recompute=_recompute(report.verdicts),
        glossary=words.GLOSSARY,
    )


def _tallies(verdicts: tuple[Verdict, ...]) -> Iterator[Tally]:
    for word in WORDS:
        here = [v for v in verdicts if v.verdict == word]
        if word != "invalid":
            if here:
                yield Tally(word, words.GLYPHS[word], f"{len(here)} {word}")
            continue
        for standing in ("as registered", "as expected", "broken"):
            count = sum(words.standing(v) == standing for v in here)
            if count:
                how = ", not expected" if standing == "broken" else f" {standing}"
                yield Tally(word, words.GLYPHS[word], f"{count} invalid{how}", standing == "broken")
    drifted = sum(words.standing(v) == "drift" for v in verdicts)
    if drifted:
        yield Tally("drift", "!", f"{drifted} other than expected", True)


def _claim(verdict: Verdict, anchor: str) -> ClaimView:
    standing = words.standing(verdict)
    return ClaimView(
        anchor=anchor,
        claim=verdict.claim,
        sentence=verdict.sentence,
        word=verdict.verdict,
        glyph=words.GLYPHS[verdict.verdict],
        code=verdict.reason_code,
        alarm=standing in ("broken", "drift"),
        standing=words.standing_text(verdict),
        reason=words.sentence(verdict.reason),
        meaning=words.CODES.get(verdict.reason_code, ""),
        headline=words.headline(verdict),
        pride=words.pride(verdict),
        takes=_takes(verdict),
        flags=verdict.flags,
        registration=words.REGISTRATION.get(verdict.registration, ""),
        n=verdict.n,
        assertions=tuple(_assertion(a, verdict) for a in verdict.assertions),
        tests=_tests(verdict) if verdict.assertions else None,
        power=_power(verdict, anchor),
        decided=tuple(_decided(verdict)) if verdict.assertions else (),
        sure=tuple(_sure(verdict)) if verdict.assertions else (),
        rests=tuple(_rests(verdict)),
        published=_published(verdict),
        about="" if verdict.note else _about(verdict.about),
        note=verdict.note,
    )


def _takes(verdict: Verdict) -> str:
    if verdict.takes:
        return words.sentence(verdict.takes)
    if verdict.verdict in ("supported", "refuted"):
        return "settled"
    foreseen = words.standing(verdict).startswith("as ")
    return words.sentence(words.CODES.get(verdict.reason_code, verdict.reason) if foreseen else verdict.reason)


def _about(about: str | None) -> str:
    if about == "instrument":
        return (
            "This is a check of the instrument. It is no independent evidence about what the instrument is pointed at."
        )
    return f"About: {about}" if about else ""


def _assertion(assertion: AssertionResult, verdict: Verdict) -> AssertionView:
    estimated = math.isfinite(assertion.estimate)
    return AssertionView(
        text=assertion.text,
        value=words.value_text(assertion),
        result=words.outcome(assertion),
        strip=figures.strip(assertion) if estimated else None,
        dots=figures.dots(assertion, verdict.seeds) if estimated else None,
        description=figures.describe(assertion),
        seeds=_by_seed(assertion, verdict.seeds),
        facts=tuple(_measured(assertion, verdict)),
    )


def _by_seed(assertion: AssertionResult, seeds: tuple[int, ...]) -> Table:
    style = words.style_of(assertion).finer()
    rows: list[tuple[str, ...]] = [
        (str(seed), style(a), style(b), style(d))
        for seed, a, b, d in zip(seeds, assertion.a.values, assertion.b.values, assertion.differences, strict=True)
    ]
    means = map(_mean, (assertion.a.values, assertion.b.values, assertion.differences))
    rows.append(("mean", *map(style, means)))
    unit = words.unit_of(assertion).strip()
    return Table(
        f"Values by seed{f', in {unit}' if unit else ''}",
        ("Seed", assertion.a.text, assertion.b.text, "Difference"),
        tuple(rows),
    )


def _mean(values: tuple[float, ...]) -> float:
    return math.fsum(v / len(values) for v in values) if values and all(map(math.isfinite, values)) else math.nan


def _measured(assertion: AssertionResult, verdict: Verdict) -> Iterator[Fact]:
    style, unit = words.style_of(assertion), words.unit_of(assertion)
    yield Fact("Estimate", (Span("number", words.value_text(assertion)),), "estimate")
    yield Fact("Margin", plain(f"{exact(assertion.margin)}{unit}, because: {assertion.because}"), "margin")
    low, high = assertion.levels
    levels = f"one-sided levels {_level(low)} (lower) and {_level(high)} (upper)"
    said = "none" if math.isnan(low) else f"{style.interval(assertion.interval)}, {levels}"
    yield Fact("Decision interval", plain(said), "interval")
    if assertion.refuting is not None:
        yield Fact("Refuting interval", plain(style.interval(assertion.refuting)), "refuting")
    if not math.isnan(assertion.ordinary[0]):
        yield Fact("Ordinary 90 % interval", plain(style.interval(assertion.ordinary)), "ordinary")
    error = assertion.sd / math.sqrt(verdict.n) if verdict.n else math.nan
    items = "not recorded" if assertion.item_error is None else significant(assertion.item_error)
    spread = f"s.d. over seeds {significant(assertion.sd)}, standard error over seeds {significant(error)}, over items {items}"
    yield Fact("Spread and errors", plain(spread), "items")
    if assertion.anticipated is not None:
        pilot = (
            f"; pilot s.d. {significant(assertion.pilot_sd)} over {assertion.pilot_n} seeds"
            if assertion.pilot_sd is not None
            else "; no pilot"
        )
        yield Fact("Anticipated effect", plain(f"{exact(assertion.anticipated)}{unit}{pilot}"), "power")
    if assertion.power is not None:
        yield Fact("Power at that effect", plain(percent(min(assertion.power, 1 - 1e-9))), "power")
    if assertion.detectable_in_sd is not None:
        size = f"{significant(assertion.detectable_in_sd, 3)} s.d. beyond the margin"
        if assertion.detectable is not None:
            size = f"{significant(assertion.detectable)}{unit} beyond the margin, {size.removesuffix(' beyond the margin')}"
        yield Fact("Detectable effect", plain(size), "detectable")
    if assertion.seeds_needed is not None:
        at, upper = ("more than can be planned" if k is None else str(k) for k in assertion.seeds_needed)
        yield Fact("Seeds needed", plain(f"{at} at the pilot's s.d., {upper} at its upper 80 % bound"), "needed")
    if assertion.e_value is not None:
        yield Fact(
            "Running evidence", plain(f"e = {significant(assertion.e_value)} against the margin's edge"), "evidence"
        )
    if assertion.beyond is not None:
        seeds = words.seed_list(verdict.beyond_plan)
        said = f"{style(assertion.beyond)}{unit} on average over seeds {seeds}; exploratory, it decides nothing"
        yield Fact("Seeds beyond the plan", plain(said), "beyond")


def _tests(verdict: Verdict) -> Table:
    """Every p-value beside the level that it is compared with."""
    k, support, refute = len(verdict.assertions), verdict.level_support, verdict.level_refute
    if verdict.looks and support and refute:  # a p is of one look: its level is what all looks together leave to one
        support = nominal_level(support, verdict.looks)
        refute = k * nominal_level(refute / k, verdict.looks)
    rows: list[tuple[str, ...]] = []
    for i, a in enumerate(verdict.assertions, 1):
        name = "p" if k == 1 else f"p of assertion {i}"
        rows.append((name, probability(a.p_support, support), probability(a.p_refute, refute and refute / k)))
    if k > 1:
        whole = max(a.p_support for a in verdict.assertions), min(1.0, k * min(a.p_refute for a in verdict.assertions))
        rows.append(
            (f"p of the claim: the largest; {k} times the smallest", *map(probability, whole, (support, refute)))
        )
    rows.append(("Level it is compared with", *(_level(level) for level in (support, refute))))
    adjusted = (verdict.adjusted_support, verdict.adjusted_refute)
    over = " over all looks" if verdict.looks else ""
    rows.append(
        (f"Adjusted p{over}, against {exact(verdict.alpha)}", *(probability(p, verdict.alpha) for p in adjusted))
    )
    return Table("Tests in both directions", ("", "for the claim", "against it"), tuple(rows))


def _level(level: float | None) -> str:
    return "not computed" if level is None else exact(float(f"{level:.3g}"))


def _decided(verdict: Verdict) -> Iterator[Fact]:
    test = {"t": "paired t", "sign-flip": "exact sign-flip", "sign": "sign"}.get(verdict.test, verdict.test)
    yield Fact("Test", plain(f"{test} over {verdict.n} seeds, one-sided in each direction"), "p")
    family = f"{verdict.family}: {verdict.family_size} claim{'s' * (verdict.family_size != 1)}, Holm once per direction"
    yield Fact("Family", plain(f"{family}, alpha {exact(verdict.alpha)}"), "family")
    if verdict.attainable_p:  # 0 for a test that may give any
        yield Fact("Smallest attainable p", plain(probability(verdict.attainable_p)), "attainable")
    if verdict.looks:
        reached = f"decided at look {verdict.look}" if verdict.look else "not decided at any so far"
        yield Fact("Looks", plain(f"at {', '.join(map(str, verdict.looks))} seeds; {reached}"), "looks")
    if verdict.assumption:
        yield Fact("Assumption", plain(verdict.assumption))
    if verdict.measured_errors:
        said = "; ".join(
            f"{e.law} {rate(e.wrong_support)} / {rate(e.wrong_refutation)}" for e in verdict.measured_errors
        )
        at = f"wrong supports / wrong refutations at n = {verdict.measured_errors[0].n}, nominal .05 each"
        yield Fact("Measured error", plain(f"{at}: {said}"), "measured")


def _sure(verdict: Verdict) -> Iterator[Fact]:
    if verdict.without_each_seed:
        changed = [(seed, word) for seed, word in verdict.without_each_seed if word != verdict.verdict]
        said = "; ".join(f"without seed {seed}: {word}" for seed, word in changed)
        few = " With fewer than 5 seeds this says little." if verdict.n < 5 else ""
        yield Fact(
            "Without each seed", plain((said or "the same verdict, whichever seed is left out") + "." + few), "without"
        )
    if verdict.other_tests:
        said = "; ".join(f"{test}: {word}" for test, word in verdict.other_tests)
        yield Fact("Other tests", plain(said), "beside")
    if verdict.fragile_rate is not None:
        flagged = "fragile" if verdict.fragile else "not fragile"
        often = f"{percent(verdict.fragile_rate)} of sound verdicts on so many seeds are"
        yield Fact("Fragile", plain(f"{flagged}; {often}, at 80 % power"), "without")
    if verdict.unseen_failure_bound is not None:
        bound = f"up to {percent(verdict.unseen_failure_bound)} of runs might fail, for all that these seeds show"
        yield Fact("Unseen failures", plain(bound), "unseen")


def _rests(verdict: Verdict) -> Iterator[Fact]:
    planned = (
        "all that were planned" if verdict.seeds == verdict.planned else f"planned: {words.seed_list(verdict.planned)}"
    )
    yield Fact("Seeds", plain(f"{words.seed_list(verdict.seeds)} ({planned})"), "seed")
    if verdict.scope:
        yield Fact("Scope", plain(verdict.scope))
    expected = verdict.expected or "none was written down"
    met = words.standing_text(verdict)
    yield Fact("Expectation", plain(expected + (f" ({met})" if verdict.expected and met else "")), "expectation")
    sha = f", sha256 {verdict.registered_sha256}" if verdict.registered_sha256 else ""
    yield Fact("Registration", plain(REGISTRATIONS[verdict.registration] + sha), "registration")
    for text in verdict.controls:
        yield Fact("Control", plain(f"{text}, on every audited checkpoint"), "control")
    for reason in verdict.amendments:
        yield Fact("Amended because", plain(reason), "registration")
    if verdict.attempt is not None and verdict.attempt > 1:
        yield Fact("Attempt", plain(f"number {verdict.attempt} of the registered claims that ask this question"))
    for flag in verdict.flags:
        yield Fact(f"Flag: {flag}", plain(words.FLAGS.get(flag, "")))
    for warning in verdict.warnings:
        yield Fact("Warning", plain(warning))
    if verdict.gates:
        yield Fact("Depends on", plain(", ".join(verdict.gates)))
    if verdict.source:
        yield Fact("Source", plain(verdict.source))
    if verdict.runs:
        yield Fact("Runs", plain(f"{len(verdict.runs)}: {', '.join(verdict.runs)}"))


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
    said = _given(published, "not given") + (f" ± {_given(spread, '')}" if spread is not None else "")
    measured = _given(ours, "not measured")
    if isinstance(ours, float) and isinstance(spread, int | float) and spread > 0:
        measured = style_for(spread, [ours])(ours)
    elif isinstance(ours, float):
        measured = significant(ours, 3)
    within = figure.get("within")
    return (
        str(figure.get("what", "")) + (f" ({figure['source']})" if figure.get("source") else ""),
        said,
        measured,
        "cannot be said" if within is None else "yes" if within else "no",
    )


def _given(value: Any, absent: str) -> str:
    if value is None:
        return absent
    return exact(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _profile(name: str, members: list[Profile]) -> FigureView:
    metric = members[0].metric
    known = KNOWN_METRICS.get(metric)
    return FigureView(
        name=name,
        title=f"{metric} by layer",
        description=_described(metric, "layer", members),
        tables=tuple(
            _by_arm(p, p.layers, "layer", "" if p.epoch is None else f", epoch {p.epoch}", members) for p in members
        ),
        meaning=known.description if known else "",
        missing=_missing([(p, p.layers) for p in members], "layer"),
    )


def _course(name: str, members: list[Course]) -> FigureView:
    first = members[0]
    known = KNOWN_METRICS.get(first.metric)
    title = f"{first.metric}, {first.where}" if first.where else first.metric
    return FigureView(
        name=name,
        title=f"{title}, by epoch",
        description=_described(title, "epoch", members),
        tables=tuple(_by_arm(c, c.epochs, "epoch", f", {c.where}" if c.where else "", members) for c in members),
        meaning=known.description if known else "",
        missing=_missing([(c, c.epochs) for c in members], "epoch"),
    )


def _described(what: str, across: str, members: Sequence[Profile | Course]) -> str:
    arms = "; ".join(m.arm for m in members)
    return f"{what} by {across}, a panel an arm, each seed a line and their mean a heavy one: {arms}. The tables say the same."


def _by_arm(
    of: Profile | Course, columns: tuple[int, ...], across: str, where: str, members: Sequence[Profile | Course]
) -> Table:
    """One row a layer or epoch, one column a seed, and their mean as it is drawn."""
    geometric = spans_decades(row for member in members for row in member.values)
    style: Callable[[float], str] = style_for(math.nan, [v for row in of.values for v in row if v is not None])
    if geometric:  # decimals that suit the largest would make zeros of the smallest
        style = partial(significant, digits=3)
    texts = [
        [s.replace("_", " ") if v is None else style(v) for v, s in zip(row, status, strict=True)]
        for row, status in zip(of.values, of.status, strict=True)
    ]
    means = ["none" if v is None else style(v) for v in mean_over_seeds(of.values, geometric)]
    return Table(
        f"{of.arm}: {of.metric}{where}",
        (across.capitalize(), *(f"seed {seed}" for seed in of.seeds), "geometric mean" if geometric else "mean"),
        tuple(zip(map(str, columns), *texts, means, strict=True)),
    )


def _missing(members: Sequence[tuple[Profile | Course, tuple[int, ...]]], across: str) -> str:
    """Say where there is no number and why: a gap in a figure is not to be taken for a zero."""
    said = []
    for of, columns in members:
        gaps: dict[str, set[int]] = {}
        for row in of.status:
            for column, status in zip(columns, row, strict=True):
                if status != "measured":
                    gaps.setdefault(status, set()).add(column)
        said += [
            f"{of.arm}: {status.replace('_', ' ')} at {across}{'s' * (len(at) > 1)} {words.seed_list(tuple(sorted(at)))}"
            for status, at in gaps.items()
        ]
    return f"No number exists where a cross stands. {'; '.join(said)}." if said else ""


def _power(verdict: Verdict, anchor: str) -> FigureView | None:
    curves = plots.power_curves(verdict)
    if not curves:
        return None
    many = len(verdict.assertions) > 1
    head = ("Seeds", "At the pilot's s.d.", "At its upper 80 % bound")
    return FigureView(
        name=f"power-{anchor.removeprefix('claim-')}",
        title="Power against the number of seeds",
        description=" ".join(plots.describe_power(curve) for _, curve in curves) + " The tables say the same.",
        tables=tuple(
            Table(
                f"Chance to be {c.verdict}{f', assertion {i + 1}' if many else ''}: level {_level(c.level)}, s.d. "
                f"{significant(c.sd)} and {significant(c.upper)}",
                head,
                tuple(_power_rows(c)),
            )
            for i, c in curves
        ),
    )


def _power_rows(curve: PowerCurve) -> Iterator[tuple[str, str, str]]:
    """One row a number of seeds; neighbours that read alike share theirs, but for the plan."""
    cautious = curve.cautious or (math.nan,) * len(curve.seeds)
    said = [("no bound" if math.isnan(p) else percent(min(p, 1 - 1e-9))) for p in (*curve.power, *cautious)]
    cells = zip(curve.seeds, said, said[len(curve.seeds) :], strict=False)
    for (planned, *texts), group in groupby(cells, key=lambda cell: (cell[0] == curve.planned, *cell[1:])):
        seeds = words.seed_list(tuple(n for n, *_ in group))
        yield (f"{seeds}, the plan" if planned else seeds, texts[0], texts[1])


def _controls(curves: tuple[ControlCurve, ...]) -> FigureView | None:
    if not curves:
        return None
    rows = []
    for curve in curves:
        by_decade: dict[int, list[float | None]] = {}
        for norm, value in curve.points:
            by_decade.setdefault(math.floor(math.log10(norm)), []).append(value)
        for decade, values in sorted(by_decade.items()):
            known = sorted(v for v in values if v is not None)
            middle = [known[(len(known) - 1) // 2], known[len(known) // 2]] if known else []
            numbers = [known[0], sum(middle) / 2, known[-1]] if known else []
            said = [f"{v:.4f}".replace("-", "−") for v in numbers] or ["undefined"] * 3
            passed = sum(v >= CONTROL_FLOOR for v in known)
            span = f"1e{decade} to 1e{decade + 1}".replace("-", "−")
            rows.append((f"{curve.instrument}, {span}", str(len(values)), *said, f"{passed} of {len(values)}"))
    undefined = {c.instrument: sum(v is None for _, v in c.points) for c in curves}
    gaps = [f"{count} of {name} are undefined" for name, count in undefined.items() if count]
    names = " and ".join(c.instrument for c in curves)
    return FigureView(
        name="controls",
        title="Positive control against gradient norm",
        description=f"What the true gradient itself reads by {names}, against its median norm; the table says the same.",
        tables=(
            Table(
                "Positive control by decade of gradient norm",
                ("Instrument, gradient norm", "States", "Lowest", "Median", "Highest", f"At least {CONTROL_FLOOR:g}"),
                tuple(rows),
            ),
        ),
        missing=f"Not drawn: {'; '.join(gaps)}." if gaps else "",
    )


def _provenance(report: Report) -> Iterator[Fact]:
    yield Fact("Evidence sha256", plain(report.evidence_sha256 or "none"))
    yield Fact("Lock sha256", plain(report.lock_sha256 or "none"))
    for name in sorted(set(report.provenance) - {"registrations", "evidence_sha256"}):  # said elsewhere
        yield from (Fact(label, plain(text)) for label, text in _flat(name.replace("_", " "), report.provenance[name]))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value, key=str):
            yield from _flat(f"{prefix} {key}".strip().replace("_", " "), value[key])
    elif isinstance(value, tuple | list | set | frozenset):
        items = sorted(map(str, value)) if isinstance(value, set | frozenset) else list(map(str, value))
        yield prefix, ", ".join(items) or "none"
    elif isinstance(value, Mapping) or value is None:
        yield prefix, "none"
    else:
        yield prefix, str(value)


def _recompute(verdicts: tuple[Verdict, ...]) -> str:
    """The command that decides the same claims again from the evidence beside the report; CLAIMS and FOLDER are the reader's."""
    command = "faeval verify CLAIMS --evidence FOLDER --offline"
    lists = {v.seeds for v in verdicts if v.seeds and v.seeds != v.planned[: len(v.seeds)]}
    if len(lists) == 1:
        command += " --seeds " + ",".join(map(str, lists.pop()))
    return command
