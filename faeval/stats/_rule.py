"""The verdict rule: sides over seeds in, one of four words out, with its reason.

Whatever decides a claim is called here.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from faeval._arguments import LARGEST, count, level, refuse
from faeval.errors import FaevalError
from faeval.stats._contrast import Contrast
from faeval.stats._counts import Counted, Structure
from faeval.stats._holm import Decision, decide_family
from faeval.stats._identical import common_value, serves
from faeval.stats._interval import Interval, decision_interval
from faeval.stats._judge import Judgement, judge, judge_identical, smallest_pair
from faeval.stats._kinds import region_of
from faeval.stats._looks import nominal_level, nominal_levels, sequential_p
from faeval.stats._replicates import explain_no_ratio, explain_no_spread, explain_pooling
from faeval.stats._rules import Rule, TestName, rule_of
from faeval.stats._sensitivity import Sensitivity, sensitivity
from faeval.stats._spread import equal_beyond_rounding

Verdict: TypeAlias = Literal["supported", "refuted", "inconclusive", "invalid"]
#: What forbids deciding: a word, a code, and the reason in words.
Problem: TypeAlias = tuple[Literal["inconclusive", "invalid"], str, str]
#: Below this power at the effect anticipated a design is called weak.
LEAST_POWER = 0.5


@dataclass(frozen=True)
class Question:
    """A claim as the rule sees it: the contrasts that must all hold, and how they are to be tested.

    Contrasts that `counts` names need not hold each: of those so many must as they say.
    `seeds` names the replicate behind each value; names that repeat are refused. `looks` are the
    numbers of seeds at which the claim is looked at, registered before the first run; the last is
    the plan, `looks` empty plans all seeds given. `problem` is a word and a code that forbid
    deciding, found by whoever read the values ("invalid", "diverged"); the claim then counts in its
    family with p = 1, as unrun ones do. `powers` is what the design gave each contrast at the
    effect anticipated, where that is known: it tells an open claim that was weak from one that lies
    on its margin. `seed_used` is whether it is known, from whatever else than the values, that
    other seeds gave other runs.
    """

    contrasts: tuple[Contrast, ...] = ()
    test: TestName = "t"
    seeds: tuple[Hashable, ...] | None = None
    looks: tuple[int, ...] = ()
    problem: Problem | None = None
    powers: tuple[float | None, ...] = ()
    seed_used: bool = False
    counts: tuple[Counted, ...] = ()

    @property
    def structure(self) -> Structure:
        """Which contrasts must hold."""
        return Structure(len(self.contrasts), self.counts)


@dataclass(frozen=True)
class Ruling:
    """The verdict on one question, and what it rests on.

    `code` is "decided" for supported and refuted, else the reason; `reason` says it in words where
    the values themselves are at fault. `judgements` and `intervals` are those of the look that
    counts, one for each contrast; `n` seeds stand behind them. `look` is the look at which the
    verdict latched (from 1), of `looks_reached`.
    """

    verdict: Verdict
    code: str
    reason: str
    decision: Decision
    n: int
    judgements: tuple[Judgement, ...] = ()
    intervals: tuple[Interval, ...] = ()
    sensitivity: Sensitivity | None = None
    look: int | None = None
    looks_reached: int = 0


def rule(questions: Sequence[Question], alpha: float = 0.05, *, unrun: int = 0) -> list[Ruling]:
    """Decide one family of claims.

    Each contrast is tested in both directions; support of a claim needs all of its k contrasts,
    refutation one of them at a k-th of the level; Holm's procedure runs once per direction over all
    claims of the family, those without usable values at p = 1. Gates between claims come after:
    :func:`apply_gates`.

    Parameters
    ----------
    questions
        The members that have, or should have, values.
    alpha
        The family's chance of any wrong support, and of any wrong refutation, in (0, 0.5].
    unrun
        Members registered beyond these.

    Returns
    -------
    list of Ruling
        One a question, in their order.

    Raises
    ------
    FaevalError
        For questions that are malformed: no contrast and no problem, an unknown test, looks that
        are no plan.

    Examples
    --------
    >>> from faeval.stats import contrasts
    >>> a, b = [0.31, 0.33, 0.30, 0.35, 0.32], [0.20, 0.25, 0.21, 0.22, 0.23]
    >>> unread = Question(problem=("inconclusive", "not_run", "run it first"))
    >>> rulings = rule([Question(contrasts("exceeds", a, b, margin=0.03)), unread])
    >>> [(r.verdict, r.code) for r in rulings]
    [('supported', 'decided'), ('inconclusive', 'not_run')]
    """
    alpha, unrun = level("alpha", alpha), count("unrun", unrun)
    size = len(questions) + unrun
    cases = [_Case(q, alpha / max(1, size)) for q in questions]
    blank = [1.0] * unrun
    decisions = decide_family(
        [*(c.p_support for c in cases), *blank], [*(c.p_refute for c in cases), *blank], alpha
    )
    return [case.ruling(decision) for case, decision in zip(cases, decisions, strict=False)]


def _judged(contrast: Contrast, rule: Rule) -> Judgement:
    """Judge one contrast; where its differences are all the same, by their range if that serves."""
    is_still = rule.needs_spread and _is_still(contrast, rule)
    if is_still and (value := value_by_range(contrast, rule)) is not None:
        n = len(contrast.a)
        return judge_identical(contrast.kind, value, n, contrast.margin, contrast.reach)
    judgement = judge(
        contrast.kind,
        (contrast.a, contrast.b) if rule.sides else contrast.differences,
        contrast.margin,
        test=rule.name,
        tolerance=contrast.tolerance,
        censored=contrast.censored,
    )
    return replace(judgement, p_support=1.0, p_refute=1.0) if is_still else judgement


def _size(contrast: Contrast) -> int:
    """The most values that a side has."""
    return max(len(contrast.a), len(contrast.b))


def _is_still(contrast: Contrast, rule: Rule) -> bool:
    """Whether values do not vary over seeds; of spreads, whether those of one arm do not."""
    if not contrast.varies(rule.sides):
        return True
    return rule.about == "spread" and bool(rule.undecidable(contrast.a, contrast.b))


def _still_text(contrast: Contrast, rule: Rule, unused: bool) -> str:
    if rule.about == "spread" and not unused:
        return explain_no_ratio(contrast.a, contrast.b)
    paired = not rule.sides
    return explain_no_spread(contrast.a, contrast.b, contrast.tolerance, unused, paired=paired)


def value_by_range(contrast: Contrast, rule: Rule) -> float | None:
    """What differences that are all the same have in common; None where no range bounds them."""
    n = len(contrast.a)
    if rule.about != "mean" or rule.sides or contrast.censored is not None or n < 2:
        return None
    value = common_value(contrast.differences, contrast.tolerance)
    return value if serves(value, n, contrast.reach) else None


def smallest_p(contrast: Contrast, rule: Rule) -> tuple[float, float]:
    """Return the smallest p for and against a contrast that any data of its size might give."""
    base = float(contrast.b[0]) if rule.one_arm else None
    n, m = len(contrast.a), len(contrast.b)
    return smallest_pair(region_of(contrast.kind), contrast.margin, rule, n, m, base)


def _censored(contrast: Contrast) -> int:
    """At how many seeds a difference is known on one side alone."""
    return 0 if contrast.censored is None else int(np.logical_or(*contrast.censored).sum())


class _Case:
    """One question on its way to a ruling."""

    def __init__(self, question: Question, first: float) -> None:
        self.question, self.first = question, first
        self.rule = rule_of(question.test, deciding=True)
        self.looks, self.structure = question.looks, question.structure
        self.still = ""  # why nothing is decided, unless the range of the values decides it
        self._check()
        self.n = min((min(len(c.a), len(c.b)) for c in question.contrasts), default=0)
        self.reached = [look for look in self.looks if look <= self.n]
        self.problem = self._problem()
        # judged[look][contrast]; without looks there is one, at all seeds.
        is_invalid = self.problem is not None and self.problem[0] == "invalid"
        usable = self.n > 0 and not is_invalid and not self._is_too_large()
        at = (self.reached or [self.n]) if usable else []
        self.judged = [
            tuple(_judged(c.first(n) if self.looks else c, self.rule) for c in question.contrasts)
            for n in at
        ]
        self.p_support, self.p_refute = self._p() if self.problem is None else ([1.0], [1.0])

    def _check(self) -> None:
        """Refuse a question that asks nothing, or that its test cannot answer."""
        if not self.question.contrasts and self.question.problem is None:
            raise FaevalError(
                "questions: a Question has neither contrasts nor a problem; give contrasts(...), or"
                " problem=(word, code, text)"
            )
        if self.looks and (not self.rule.looks or self.question.counts):
            what = "it counts assertions" if self.rule.looks else f"the test is {self.rule.name}"
            raise refuse(
                "looks",
                self.looks,
                f"left out where {what}: the error rates of looks are known for the t test alone",
                "plan a fixed number of seeds",
            )

    def _problem(self) -> Problem | None:
        """What stands between the question and its verdict: word, reason code and text."""
        trouble = self._trouble() if self.question.contrasts else None
        # Values at fault come first: whatever else is wrong, they answer nothing.
        if trouble and trouble[0] == "invalid":
            return trouble
        problem = self.question.problem or trouble
        if problem is None and self.looks and not self.reached:
            return (
                "inconclusive",
                "plan_not_reached",
                f"{self.n} seeds are there, and the first look is at {self.looks[0]}.",
            )
        return problem

    def _trouble(self) -> Problem | None:
        """What makes the values themselves undecidable, whatever they say."""
        seeds = self.question.seeds
        if seeds is not None:
            if len(seeds) != self.n:
                raise refuse(
                    "seeds",
                    list(seeds),
                    f"one name for each of {self.n} values",
                    "name the seed of each value",
                )
            if len(set(seeds)) < len(seeds):
                first = self.question.contrasts[0].differences
                return "invalid", "unit_mismatch", explain_pooling(first, list(map(str, seeds)))
        for c in self.question.contrasts:
            if not all(
                (np.abs(v) <= LARGEST).all() for v in (c.a, c.b, *c.sample(self.rule.sides))
            ):
                return (
                    "invalid",
                    "undefined",
                    f"at some seed a value is undefined, or beyond {LARGEST:g} in size.",
                )
        if self.n < self.rule.least:
            return "inconclusive", "unattainable", self._too_few()
        if self._is_too_large():
            most = self.rule.most_values
            text = f"the {self.rule.name} test is computed for {most} seeds in each arm at most."
            return "inconclusive", "unattainable", f"{text} Give fewer."
        return self._without_spread()

    def _without_spread(self) -> Problem | None:
        """What cannot be told, as values do not vary; members of a count do not count then."""
        for i, c in enumerate(self.question.contrasts):
            if i in self.structure.counted or not _is_still(c, self.rule):
                continue
            if c.censored is not None and self.rule.needs_spread and all(map(np.any, c.censored)):
                return "inconclusive", "censored", self._cut(_censored(c))
            unused = not self.question.seed_used and all(
                equal_beyond_rounding(side, side) for side in (c.a, c.b)
            )
            if self.rule.about == "rate" or not (unused or self.rule.needs_spread):
                continue
            text = _still_text(c, self.rule, unused)
            if unused or self.looks or value_by_range(c, self.rule) is None:
                return "inconclusive", "no_spread", text
            self.still = text
        return None

    def _is_too_large(self) -> bool:
        """Whether the rule cannot be computed for so many values."""
        most = self.rule.most_values
        return most is not None and max(map(_size, self.question.contrasts), default=0) > most

    def _too_few(self) -> str:
        if self.n < 2:
            return (
                "one seed shows no spread, so no error rate can be held; run at least 2, better 5."
            )
        return (
            f"the {self.rule.name} test needs {self.rule.least} seeds in each arm, and has"
            f" {self.n}: with fewer it does not hold its level."
        )

    def _p(self) -> tuple[list[float], list[float]]:
        """The claim's two p-values; with looks the sequential ones at each look reached."""
        k = len(self.question.contrasts)
        if not self.looks:
            (judged,) = self.judged
            p = np.array([(j.p_support, j.p_refute) for j in judged]).T
            support, against = self.structure.p(*p)
            return [float(support)], [float(against)]
        largest = [max(j.p_support for j in judged) for judged in self.judged]
        smallest = sequential_p(largest, self.looks)
        refute = np.array([self._against(i) for i in range(k)]).T
        return list(smallest), np.minimum(1.0, k * refute.min(axis=1)).tolist()

    def _against(self, i: int) -> list[float]:
        """Sequential p against one contrast.

        Bonferroni's factor for two tails belongs outside: inside it would be less.
        """
        tails = region_of(self.question.contrasts[i].kind).tails
        one_tail = [judged[i].p_refute / tails for judged in self.judged]
        return [min(1.0, tails * p) for p in sequential_p(one_tail, self.looks)]

    def ruling(self, decision: Decision) -> Ruling:
        """Put the family's decision and what stands beside it together."""
        k = len(self.question.contrasts)
        contrasts = self._shown(decision)
        intervals = tuple(self._interval(i, j, decision, k) for i, j in enumerate(contrasts))
        n = contrasts[0].n if contrasts else 0
        if self.problem is not None:
            word, code, text = self.problem
            silent = replace(decision, verdict="inconclusive", look=None)
            return Ruling(word, code, text, silent, n, contrasts, intervals)
        checks = sensitivity(contrasts, self._nominal(decision, k), self.question.counts)
        looks = len(self.reached)
        if decision.verdict != "inconclusive":
            look = decision.look if self.looks else None
            return Ruling(
                decision.verdict,
                "decided",
                "",
                decision,
                n,
                contrasts,
                intervals,
                checks,
                look,
                looks,
            )
        code, text = self._why_open(n, contrasts, intervals)
        return Ruling(
            "inconclusive", code, text, decision, n, contrasts, intervals, checks, None, looks
        )

    def _shown(self, decision: Decision) -> tuple[Judgement, ...]:
        """The judgements of the look that speaks for the verdict.

        Where p was smallest in its direction.
        """
        if not self.judged or not self.looks or self.problem is not None or decision.look is None:
            return self.judged[-1] if self.judged else ()
        judged_so_far = self.judged[: decision.look]
        if decision.verdict == "supported":
            return min(judged_so_far, key=lambda judged: max(j.p_support for j in judged))
        deciding = min(
            range(len(self.question.contrasts)),
            key=lambda i: self._against(i)[len(judged_so_far) - 1],
        )
        return min(judged_so_far, key=lambda judged: judged[deciding].p_refute)

    def _interval(self, i: int, judgement: Judgement, decision: Decision, k: int) -> Interval:
        if not self.looks:
            supporting, refuting_share = self.structure.shares(i)
            level = decision.level_support / supporting
            return decision_interval(judgement, level, decision.level_refute, refuting_share)
        share = k * region_of(judgement.kind).tails
        refuting = share * nominal_level(decision.level_refute / share, self.looks)
        return decision_interval(
            judgement, nominal_level(decision.level_support, self.looks), refuting, k
        )

    def _nominal(self, decision: Decision, k: int) -> Decision:
        """The decision with the levels that the p-values of one look are compared with."""
        support, refute = nominal_levels(
            decision.level_support, decision.level_refute, self.looks, k
        )
        return replace(decision, level_support=support, level_refute=refute)

    def _why_open(
        self, n: int, shown: tuple[Judgement, ...], intervals: tuple[Interval, ...]
    ) -> tuple[str, str]:
        looks = len(self.reached)
        if looks < len(self.looks):
            text = (
                f"open at look {looks} of {len(self.looks)}; the next is at"
                f" {self.looks[looks]} seeds."
            )
            return "plan_not_reached", text
        if self.still:
            return "no_spread", self.still
        if cut := max(judgement.censored for judgement in shown):
            return "censored", self._cut(cut)
        least = self._least_p()
        if least > self.first:
            text = (
                f"at n = {n} the smallest p that the {self.rule.name} test can give is"
                f" {least:.3g}, above {self.first:.3g}."
            )
            return "unattainable", text
        powers = self.question.powers or (None,) * len(shown)
        weak = any(
            (
                power < LEAST_POWER
                if power is not None
                else j.margin > 0 and i.high - i.low > 2 * j.margin
            )
            for power, j, i in zip(powers, shown, intervals, strict=True)
        )
        return ("underpowered" if weak else "straddles_margin"), ""

    def _least_p(self) -> float:
        """The smallest p of the claim that any data might give, in either direction."""
        contrasts = self.question.contrasts
        pairs = [smallest_p(c, self.rule) for c in contrasts]
        support, refute = self.structure.p(*np.array(pairs).T)
        return float(min(support, refute))

    def _cut(self, count: int) -> str:
        return (
            f"at {count} of {self.n} seeds a run never crossed the threshold, so its time is known"
            " only to be longer than the run; plan runs long enough that fewer than 10 % are cut."
        )
