"""Break the gate: change each decision rule by one word and see that some test notices.

    python tests/mutants/run.py            # all of them; a few minutes on two cores
    python tests/mutants/run.py holm       # those whose name holds the word

Each mutant is the package with one piece of text replaced, tested by tests/stats in a copy of the
project. A mutant that every test passes is a survivor: either a test is missing, or the line does
nothing. Exit code 1 where one survives, 2 where a mutant's text is not found (exactly once): the
list below must follow the code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutant:
    """One change: in the file of faeval/stats, the text and what takes its place."""

    name: str
    file: str
    text: str
    change: str


MUTANTS = [
    # sign and side
    Mutant("t: sign", "_t", "upper_tail((mean - bound + rest)", "upper_tail((bound - mean - rest)"),
    Mutant(
        "t: forgets the bound", "_t", "upper_tail((mean - bound + rest)", "upper_tail((mean + rest)"
    ),
    Mutant(
        "t: two-sided",
        "_t",
        "upper_tail((mean - bound + rest) * math.sqrt(n), sd, n - 1)",
        "np.minimum(1.0, 2 * upper_tail((mean - bound + rest) * math.sqrt(n), sd, n - 1))",
    ),
    Mutant("t: normal in place of t", "_t", "stdtr(df, -rounded)", "stdtr(1e9, -rounded)"),
    Mutant(
        "t: root n left out",
        "_t",
        "(mean - bound + rest) * math.sqrt(n), sd",
        "(mean - bound + rest), sd",
    ),
    Mutant("t: rounding of the mean", "_t", "(mean - bound + rest)", "(mean - bound)"),
    Mutant("t: degrees of freedom", "_t", "sd, n - 1), 1.0)", "sd, n), 1.0)"),
    Mutant(
        "t: bound with n degrees of freedom", "_t", "stdtrit(n - 1, level)", "stdtrit(n, level)"
    ),
    Mutant("t: no spread decides", "_t", "sd, n - 1), 1.0)", "sd, n - 1), 0.0)"),
    Mutant("t: p wavers with its bound", "_t", "stdtr(df, -rounded)", "stdtr(df, -t)"),
    Mutant("t: p read too coarsely", "_t", "_BITS = 40", "_BITS = 20"),
    Mutant("t: bound on the wrong side", "_t", "mean + float(", "mean - float("),
    Mutant(
        "spread: ddof 0",
        "_spread",
        "np.maximum(squares, 0.0) / (n - 1)",
        "np.maximum(squares, 0.0) / n",
    ),
    Mutant(
        "spread: one seed has none",
        "_spread",
        "np.full(mean.shape, math.nan)",
        "np.zeros(mean.shape)",
    ),
    Mutant("spread: rounding of the sum", "_spread", "(total + lost) / n", "total / n"),
    Mutant("spread: order matters", "_spread", "np.sort(values, axis=-1)", "values"),
    Mutant(
        "spread: rounding counts as spread",
        "_spread",
        "sd > 4 * EPSILON * largest_size(differences)",
        "sd > 0",
    ),
    Mutant("spread: no_spread is strict", "_spread", "sd <= 8 * EPSILON", "sd <= 0 * EPSILON"),
    Mutant(
        "spread: upper bound below",
        "_spread",
        "chdtri(n - 1, confidence)",
        "chdtri(n - 1, 1 - confidence)",
    ),
    # exact tests
    Mutant("sign: ties speak for it", "_sign", "differences > bound", "differences >= bound"),
    Mutant(
        "sign: one seed decides",
        "_sign",
        "    if n < 2:\n        return np.ones",
        "    if n < 1:\n        return np.ones",
    ),
    Mutant("sign: bound one rank off", "_sign", "[..., n - enough]", "[..., n - enough - 1]"),
    Mutant("sign: level strict", "_sign", "_tails(n) > level", "_tails(n) >= level"),
    Mutant(
        "sign-flip: the identity left out",
        "_sign_flip",
        "(1 + np.count_nonzero(means <= bound, axis=1))",
        "np.count_nonzero(means <= bound, axis=1)",
    ),
    Mutant(
        "sign-flip: ties speak for it",
        "_sign_flip",
        "means -= (n * EPSILON",
        "means += (n * EPSILON",
    ),
    Mutant(
        "sign-flip: order matters",
        "_sign_flip",
        "ordered = np.sort(differences, axis=-1)",
        "ordered = differences",
    ),
    Mutant(
        "sign-flip: left out and still counted",
        "_sign_flip",
        "signs[: within[i + 1]]",
        "signs[: within[0]]",
    ),
    Mutant(
        "sign-flip: not left out",
        "_sign_flip",
        "without = within[0] - np.count",
        "without = within[0] - 0 * np.count",
    ),
    Mutant(
        "sign-flip: equal values differ",
        "_sign_flip",
        "if i and ordered[i] == ordered[i - 1]:",
        "if False:",
    ),
    Mutant("sign-flip: the rest without itself", "_sign_flip", "(1 + without +", "(without +"),
    Mutant(
        "sign-flip: rank one off",
        "_sign_flip",
        "np.partition(means, rank - 1, axis=1)[:, rank - 1]",
        "np.partition(means, rank, axis=1)[:, rank]",
    ),
    Mutant(
        "sign-flip: drawn pattern without a flip",
        "_sign_flip",
        "np.maximum(sizes, 1), -math.inf)",
        "np.maximum(sizes, 1), 0.0)",
    ),
    Mutant(
        "sign-flip: attainable",
        "_sign_flip",
        "return 1 / patterns(n) if n >= 2",
        "return 2 / patterns(n) if n >= 2",
    ),
    # assertions
    Mutant(
        "judge: margin of the wrong sign",
        "_judge",
        "((above, low), (below, high))",
        "((below, low), (above, high))",
    ),
    Mutant(
        "judge: margin ignored",
        "_judge",
        "p = p_of(*lowered, edge)",
        "p = p_of(*lowered, 0.0)",
    ),
    Mutant(
        "judge: one side of equivalence is enough",
        "_judge",
        "np.maximum.reduce(inside)",
        "np.minimum.reduce(inside)",
    ),
    Mutant(
        "judge: equivalence against, without the 2",
        "_judge",
        "region.tails * np.minimum.reduce(outside)",
        "np.minimum.reduce(outside)",
    ),
    Mutant(
        "judge: undecidable decides",
        "_judge",
        "np.where(blank, 1.0, support)",
        "np.where(blank, 0.0, support)",
    ),
    Mutant(
        "judge: undecidable refutes",
        "_judge",
        "np.where(blank, 1.0, refute)",
        "np.where(blank, 0.0, refute)",
    ),
    Mutant(
        "combine: any assertion supports",
        "_counts",
        "return np.max(yes, axis=0)",
        "return np.min(yes, axis=0)",
    ),
    Mutant(
        "combine: refutation without Bonferroni",
        "_counts",
        "self.parts * np.min(no",
        "np.min(no",
    ),
    Mutant("counts: support without its factor", "_counts", "self.spare * yes[", "yes["),
    Mutant("counts: refutation without its factor", "_counts", "self.least * no[", "no["),
    Mutant("counts: a member too few", "_counts", "yes[self.least - 1]", "yes[self.least - 2]"),
    Mutant("counts: refuted by too few", "_counts", "no[self.spare - 1]", "no[self.spare - 2]"),
    Mutant("counts: what was not run holds", "_counts", "if not places:", "if False:"),
    Mutant(
        "counts: one contrast of a member is enough",
        "_counts",
        "support[list(places)].max(axis=0)",
        "support[list(places)].min(axis=0)",
    ),
    Mutant(
        "counts: bounds at the whole level",
        "_counts",
        "return count.spare, self.parts * count.least * len(member)",
        "return 1, self.parts",
    ),
    Mutant(
        "counts: how many hold, one more", "_counts", "return sum(1 for", "return 1 + sum(1 for"
    ),
    Mutant(
        "counts: what does not vary is judged",
        "_rule",
        "if is_still else judgement",
        "if False else judgement",
    ),
    # what is known on one side alone, and what is the same at every seed
    Mutant(
        "censored: support is not barred", "_judge", "np.where(is_barred(", "np.where(~is_barred("
    ),
    Mutant(
        "censored: at its face value",
        "_judge",
        "np.where(may_be_lower, -LARGEST,",
        "np.where(False, -LARGEST,",
    ),
    Mutant(
        "censored: stays without its seed",
        "_judge",
        "- (may_be_lower if shape else 0)",
        "- 0",
    ),
    Mutant(
        "censored: bounds as if it were not",
        "_interval",
        "if marks.any() and is_barred(",
        "if False and is_barred(",
    ),
    Mutant(
        "identical: one seed fewer",
        "_identical",
        ") ** differences.shape[-1]",
        ") ** (differences.shape[-1] + 1)",
    ),
    Mutant(
        "identical: half the range",
        "_identical",
        "max(high - value, value - low)",
        "max(high - value, value - low) / 2",
    ),
    Mutant(
        "identical: any value at few seeds",
        "_identical",
        "(value == 0 or n >= LEAST_UNKNOWN)",
        "True",
    ),
    Mutant("ratio: one standard error", "_ratio", "float(stdtrit(n - 1, level)) ** 2", "1.0"),
    Mutant("ratio: arms apart", "_ratio", "- squared * shared", ""),
    # families
    Mutant("holm: Bonferroni", "_holm", "np.cumprod(passed, axis=-1).sum(axis=-1)", "0"),
    Mutant(
        "holm: step up", "_holm", "np.cumprod(passed, axis=-1).sum(axis=-1)", "passed.sum(axis=-1)"
    ),
    Mutant("holm: steps in the wrong order", "_holm", "np.arange(m, 0, -1)", "np.arange(1, m + 1)"),
    Mutant(
        "holm: no correction", "_holm", "alpha / np.maximum(1, m - ", "alpha / np.minimum(1, m - "
    ),
    Mutant("holm: strict", "_holm", "tuple(x <= final for x in p)", "tuple(x < final for x in p)"),
    Mutant("holm: unsorted", "_holm", "np.sort(p, axis=-1) <= alpha", "p <= alpha"),
    Mutant(
        "holm: adjusted p not monotone",
        "_holm",
        "largest = max(largest, min(1.0, (m - step) * p[i]))",
        "largest = min(1.0, (m - step) * p[i])",
    ),
    Mutant(
        "family: directions exchanged",
        "_holm",
        "decided = word(yes, no)",
        "decided = word(no, yes)",
    ),
    Mutant(
        "family: refutation at twice alpha",
        "_holm",
        "refute = holm([no[min(look, len(no)) - 1] for _, no in pairs], alpha)",
        "refute = holm([no[min(look, len(no)) - 1] for _, no in pairs], min(0.5, 2 * alpha))",
    ),
    Mutant("family: no latch", "_holm", "if latched[i] is None and decided", "if decided"),
    Mutant(
        "family: both at once is support",
        "_holm",
        'if supported == refuted:\n        return "inconclusive"',
        'if not supported and not refuted:\n        return "inconclusive"',
    ),
    Mutant(
        "many: refuted not taken off",
        "_holm",
        "supported.astype(np.int8) - refuted.astype(np.int8)",
        "supported.astype(np.int8)",
    ),
    Mutant(
        "gates: a refuted gate lets through",
        "_holm",
        'if word in ("refuted", "invalid")',
        'if word in ("invalid",)',
    ),
    Mutant(
        "gates: an invalid gate lets through",
        "_holm",
        'if word in ("refuted", "invalid")',
        'if word in ("refuted",)',
    ),
    Mutant(
        "gates: an open gate lets through",
        "_holm",
        'if word == "inconclusive"',
        'if word == "never"',
    ),
    Mutant(
        "gates: not released likewise", "_holm", "release(gate, (*waiting, i))[0]", "words[gate]"
    ),
    # intervals
    Mutant(
        "interval: levels exchanged",
        "_interval",
        "by_low, by_high = (level_support, 1), refute",
        "by_high, by_low = (level_support, 1), refute",
    ),
    Mutant(
        "interval: k forgotten",
        "_interval",
        "refute = level_refute, region.tails * k",
        "refute = level_refute, region.tails",
    ),
    Mutant(
        "interval: refuting at one tail",
        "_interval",
        "refute = level_refute, region.tails * k",
        "refute = level_refute, k",
    ),
    Mutant(
        "interval: last bit",
        "_interval",
        "return max(bound, math.nextafter(point, math.inf))",
        "return bound",
    ),
    Mutant(
        "interval: last bit, the other way", "_interval", "return min(bound, point)", "return bound"
    ),
    Mutant(
        "interval: undecidable bounds",
        "_interval",
        "tuple(side[:0] for side in values)",
        "values",
    ),
    # the rule
    Mutant(
        "rule: undefined passes",
        "_rule",
        "(np.abs(v) <= LARGEST).all()",
        "(np.abs(v) <= LARGEST).any()",
    ),
    Mutant("rule: no spread passes", "_rule", "if not contrast.varies(rule.sides):", "if False:"),
    Mutant(
        "rule: an unused seed passes",
        "_rule",
        "not (unused or self.rule.needs_spread)",
        "not self.rule.needs_spread",
    ),
    Mutant("ties: are not counted against", "_rules", "if not self.counts:", "if True:"),
    Mutant(
        "ties: half the tolerance",
        "_spread",
        "max(4 * EPSILON * largest, half)",
        "max(0.1 * EPSILON * largest, half)",
    ),
    Mutant("ties: the resolution left out", "_spread", "* largest, half)", "* largest, 0.0)"),
    Mutant(
        "ties: not in the sensitivities", "_sensitivity", "tolerance=j.tolerance", "tolerance=0.0"
    ),
    Mutant("sign: needs spread", "_rules", 'about="median", needs_spread=False', 'about="median"'),
    Mutant(
        "measured: of exceeds alone",
        "_measured",
        'if region.side == "above" else (below',
        'if region.side == "below" else (below',
    ),
    Mutant("measured: no mirror image", "_measured", "if law not in SYMMETRIC:", "if False:"),
    Mutant(
        "power: of one assertion alone",
        "planning/_outlook",
        '1 - (1 - power) / ask["k"] if',
        "power if",
    ),
    Mutant(
        "rule: repeated seeds pass",
        "_rule",
        "if len(set(seeds)) < len(seeds):",
        "if len(set(seeds)) < 1:",
    ),
    Mutant("rule: one seed passes", "_rule", "if self.n < 2:", "if self.n < 1:"),
    Mutant(
        "rule: unrun members do not count", "_rule", "blank = [1.0] * unrun", "blank = [1.0] * 0"
    ),
    Mutant(
        "rule: a problem does not count",
        "_rule",
        "self._p() if self.problem is None else ([1.0], [1.0])",
        "self._p() if self.judged else ([1.0], [1.0])",
    ),
    Mutant(
        "rule: refutation by one of k without Bonferroni",
        "_rule",
        "np.minimum(1.0, k * refute.min(axis=1))",
        "np.minimum(1.0, refute.min(axis=1))",
    ),
    Mutant(
        "rule: support by one of k",
        "_rule",
        "[max(j.p_support for j in judged)",
        "[min(j.p_support for j in judged)",
    ),
    Mutant(
        "rule: looks at raw p",
        "_rule",
        "smallest = sequential_p(largest, self.looks)",
        "smallest = tuple(np.minimum.accumulate(largest))",
    ),
    Mutant(
        "rule: two tails inside the looks",
        "_rule",
        "tails = region_of(self.question.contrasts[i].kind).tails",
        "tails = 1",
    ),
    Mutant(
        "rule: agreement on average alone",
        "_contrast",
        "np.full(len(first), margin),",
        "np.full(len(first), 1e9),",
    ),
    Mutant(
        "rule: agreement over the median unit", "_contrast", "AGREEMENT, axis=1)", "0.5, axis=1)"
    ),
    Mutant(
        "rule: error over items, ddof 0",
        "_contrast",
        "np.std(values.mean(axis=0), ddof=1)",
        "np.std(values.mean(axis=0), ddof=0)",
    ),
    Mutant("rule: near the margin", "_contrast", "<= 2 * error", "<= 0 * error"),
    Mutant("rule: coarse", "_contrast", "< 2 * resolution", "< 0 * resolution"),
    # looks, ledger, units, two samples, screens
    Mutant(
        "looks: the last p in place of the smallest",
        "_looks",
        "np.minimum.accumulate(values)",
        "np.array(values)",
    ),
    Mutant("looks: below p", "_looks", "max(p, float(ndtr", "min(p, float(ndtr"),
    Mutant(
        "recursion: the first look alone",
        "_recursion",
        "return levels[0] + total",
        "return levels[0]",
    ),
    Mutant(
        "recursion: a wrong angle",
        "_recursion",
        "np.sin(angle) ** (self.n - 1)",
        "np.sin(angle) ** self.n",
    ),
    Mutant("recursion: a step too wide", "_recursion", "math.sqrt(more - n)", "math.sqrt(more)"),
    Mutant("ledger: prior left out", "_e_value", "- math.log1p(n * c2) / 2))", "))"),
    Mutant("ledger: bound ignored", "_e_value", "((mean - bound) / sd) ** 2", "(mean / sd) ** 2"),
    Mutant(
        "units: ANOVA without rows",
        "_replicates",
        "between = (outside - inside) / typical",
        "between = outside - inside",
    ),
    Mutant(
        "units: repeated seeds pass",
        "_replicates",
        "if len(set(names)) == len(names):",
        "if names:",
    ),
    Mutant(
        "units: one-sided pooling",
        "_replicates",
        "return float(beyond * (2 if two_sided else 1))",
        "return float(beyond)",
    ),
    Mutant(
        "welch: pooled degrees of freedom",
        "_welch",
        "1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))",
        "np.full(error.shape, n + m - 2.0)",
    ),
    Mutant(
        "wilcoxon: ties speak for it",
        "_ranks",
        "np.count_nonzero(_walsh(differences) > bound",
        "np.count_nonzero(_walsh(differences) >= bound",
    ),
    Mutant(
        "wilcoxon: one rank off", "_ranks", "axis=-1)[..., -enough]", "axis=-1)[..., -enough + 1]"
    ),
    # sensitivity
    Mutant("fragile: below five seeds", "_sensitivity", "max([FEWEST_INFORMATIVE, *", "max([2, *"),
    Mutant(
        "fragile: only opposite words count",
        "_sensitivity",
        "any(w != decision.verdict for w in without)",
        "any(w == opposite for w in without)",
    ),
    Mutant(
        "fragile: opposite tests do not count",
        "_sensitivity",
        " or opposite in others.values()",
        "",
    ),
    Mutant(
        "fragile: tests that cannot decide",
        "_sensitivity",
        "rule.attainable(n) > strictest",
        "rule.attainable(n) > 1",
    ),
    Mutant(
        "leave one out: refutation without Bonferroni",
        "_sensitivity",
        "Structure(len(pairs), tuple(counts)).p(yes, no)",
        "yes.max(axis=0), no.min(axis=0)",
    ),
    # design
    Mutant(
        "power: two-sided",
        "planning/_power",
        "-float(stdtrit(n - 1, alpha))",
        "-float(stdtrit(n - 1, alpha / 2))",
    ),
    Mutant("power: root n left out", "planning/_power", "d * math.sqrt(n)", "d"),
    Mutant(
        "outlook: family forgotten", "planning/_outlook", "first = alpha / family", "first = alpha"
    ),
    Mutant("outlook: two tails forgotten", "_judge", "region.tails * least", "least"),
    Mutant(
        "chances: refutation at the full level",
        "planning/_chances",
        'against = alpha / count("k", k, low=1)',
        "against = alpha",
    ),
    Mutant(
        "failures: confidence",
        "planning/_unseen_failures",
        "betaincinv(failures + 1, n - failures, confidence)",
        "betaincinv(failures + 1, n - failures, 1 - confidence)",
    ),
    # tables
    Mutant(
        "kinds: exceeds from the other edge",
        "_kinds",
        "            1,\n            _INFINITE,",
        "            -1,\n            _INFINITE,",
    ),
    Mutant(
        "kinds: below from the other edge",
        "_kinds",
        "            -_INFINITE,\n            -1,",
        "            -_INFINITE,\n            1,",
    ),
    Mutant(
        "kinds: not_above from the other edge",
        "_kinds",
        "            -_INFINITE,\n            1,",
        "            -_INFINITE,\n            -1,",
    ),
    Mutant(
        "kinds: not_below from the other edge",
        "_kinds",
        "            -1,\n            _INFINITE,",
        "            1,\n            _INFINITE,",
    ),
    Mutant(
        "kinds: equivalence of one side",
        "_kinds",
        'Region("equivalent", -1, 1,',
        'Region("equivalent", 0, 1,',
    ),
    Mutant("kinds: one tail each", "_kinds", "return 1 + self.two_sided", "return 1"),
    Mutant(
        "kinds: effects of one sign",
        "_kinds",
        "return -1.0 if edge < 0 and not self.two_sided else 1.0",
        "return 1.0",
    ),
    Mutant(
        "kinds: edges belong to none",
        "_kinds",
        "(low <= d) & (d <= high) if self.closed else",
        "(low < d) & (d < high) if self.closed else",
    ),
    Mutant(
        "kinds: depth of the farther edge",
        "_kinds",
        "min(difference - low, high - difference)",
        "max(difference - low, high - difference)",
    ),
    Mutant(
        "kinds: no effect claims one",
        "_kinds",
        "return self.low > 0 or self.high < 0",
        "return True",
    ),
    Mutant("rules: welch on two values", "_welch", "LEAST = 3", "LEAST = 2"),
    Mutant(
        "rules: welch asks one arm for spread",
        "_welch",
        "np.maximum(mean_and_sd(a)[1], mean_and_sd(b)[1]) > 8",
        "mean_and_sd(a)[1] > 8",
    ),
    Mutant(
        "rules: sides are not exchanged",
        "_rules",
        "values[::-1] if self.sides",
        "values if self.sides",
    ),
    Mutant(
        "rules: a value left out of one side alone",
        "_rules",
        "for i, side in enumerate(values):",
        "for i, side in enumerate(values[:1]):",
    ),
    Mutant(
        "rules: looks by any rule", "_rule", "not self.rule.looks or self.question.counts", "False"
    ),
    # rates and spreads
    Mutant(
        "rates: a step below the difference", "_rates", "step = math.ceil(", "step = math.floor("
    ),
    Mutant("rates: p falls", "_rates", "np.maximum.accumulate(p[:-1], axis=0)", "p[:-1]"),
    Mutant("rates: ties are not as far out", "_rates", "down + _TIE", "down - _TIE"),
    Mutant(
        "rates: of one true rate",
        "_rates",
        "np.cumsum(chances, axis=1, out=sums).max(axis=0)",
        "np.cumsum(chances, axis=1, out=sums)[99]",
    ),
    Mutant("rates: no sign of the gap", "_rates", "np.copysign(1e300, gap)", "1e300"),
    Mutant("rates: arms exchanged alone", "_rates", "(m - second, n - first)", "(second, first)"),
    Mutant("rates: anything is an outcome", "_rates", "if len(wrong):", "if False:"),
    Mutant("rates: no spread", "_rule", 'self.rule.about == "rate" or', "False or"),
    Mutant("spread: p falls", "_deviations", "np.where(bound >= where, height, 0.0)", "0.0"),
    Mutant("spread: the pair in the middle", "_deviations", "math.sqrt(2) * sizes", "sizes"),
    Mutant("spread: of no deviation", "_deviations", "deviate & ((sd_a", "((sd_a"),
    Mutant("spread: four values", "_deviations", "LEAST = 5", "LEAST = 4"),
    Mutant("chances: of as many rates", "planning/_chances", "weights=chances", "weights=None"),
    Mutant(
        "rules: wilcoxon decides",
        "_rules",
        "decides=False,\n            beside=True,",
        "beside=True,",
    ),
    Mutant(
        "rules: unpaired arms that spread as one",
        "_rules",
        "sd / math.sqrt(2) * rng",
        "sd * rng",
    ),
    Mutant(
        "rules: ordinary interval of the paired test",
        "_rules",
        "ordinary_bound=_welch.lower_bound",
        "ordinary_bound=lambda a, b, level: _t.lower_bound(a - b, level)",
    ),
]


def survives(mutant: Mutant) -> bool | None:
    """Whether all tests pass with the mutant in place; None where its text is not in the file
    exactly once.
    """
    source = (ROOT / "faeval" / "stats" / f"{mutant.file}.py").read_text(encoding="utf-8")
    if source.count(mutant.text) != 1:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        for folder in ("faeval", "tests"):
            shutil.copytree(
                ROOT / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(ROOT / "pyproject.toml", place)
        (place / "faeval" / "stats" / f"{mutant.file}.py").write_text(
            source.replace(mutant.text, mutant.change), encoding="utf-8"
        )
        command = [
            sys.executable,
            "-m",
            "pytest",
            "tests/stats",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "--hypothesis-seed=0",
        ]
        environment = os.environ | {
            "PYTHONPATH": str(place),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        }
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, check=False)
    return done.returncode == 0


def main() -> int:
    """Run the mutants whose name holds the word given, two at a time."""
    chosen = [m for m in MUTANTS if all(word in m.name for word in sys.argv[1:])]
    start, verdicts = time.perf_counter(), []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for mutant, alive in zip(chosen, pool.map(survives, chosen), strict=True):
            verdicts.append(alive)
            word = {True: "SURVIVED", False: "killed", None: "NOT FOUND"}[alive]
            print(f"{word:10s} {mutant.name}", flush=True)
    alive, lost = verdicts.count(True), verdicts.count(None)
    print(
        f"{len(chosen)} mutants: {verdicts.count(False)} killed, {alive} survived, {lost} not"
        f" found, in {time.perf_counter() - start:.0f} s"
    )
    return 2 if lost else 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
