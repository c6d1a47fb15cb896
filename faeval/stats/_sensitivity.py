"""What else a verdict might have been: without each seed, by the exact tests.

It never changes the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faeval._arguments import level
from faeval.errors import FaevalError
from faeval.stats._counts import Counted, Structure
from faeval.stats._holm import Decision, Word, word
from faeval.stats._judge import Judgement, combine, judge, p_pair_without_each
from faeval.stats._rules import RULES, rule_of

#: Below this many seeds every verdict hangs on each of them: fragility says nothing there.
FEWEST_INFORMATIVE = 5


@dataclass(frozen=True)
class Sensitivity:
    """What the same claim would come to otherwise, at the levels it met in its family.

    `without_each` has one word a seed, in their order, and of unpaired sides one a value, those of
    a first; `other_tests` one word for each exact test
    that could reach a verdict at this level. `fragile`: whether a decided claim loses its verdict
    without some seed, or one of those tests decides the opposite; None where that is not
    informative: undecided, below 5 seeds, or with as few as its test needs.
    """

    without_each: tuple[Word, ...]
    other_tests: dict[str, Word]
    fragile: bool | None


def sensitivity(
    judgements: Sequence[Judgement], decision: Decision, counts: Sequence[Counted] = ()
) -> Sensitivity:
    """Look at a decided claim from other sides.

    Parameters
    ----------
    judgements
        The k assertions of the claim, from :func:`judge`, on the same seeds.
    decision
        From :func:`decide_family`.
    counts
        Of which assertions not all must hold.

    Returns
    -------
    Sensitivity
        Leave-one-seed-out by the claim's own test; sign-flip and Wilcoxon's test where their
        smallest p-value is within the claim's levels and they are not its own test.

    Raises
    ------
    FaevalError
        Where the assertions do not share their seeds.

    Examples
    --------
    >>> from faeval.stats import decide_family
    >>> j = judge("exceeds", [0.08, 0.10, 0.09, 0.11, 0.12], margin=0.03)
    >>> found = sensitivity([j], decide_family([j.p_support], [j.p_refute], 0.05)[0])
    >>> set(found.without_each), found.fragile
    ({'supported'}, False)
    >>> found.other_tests
    {'sign-flip': 'supported', 'wilcoxon': 'supported'}
    """
    n = judgements[0].n if judgements else 0
    without = leave_one_out(judgements, decision.level_support, decision.level_refute, counts)
    others = _other_tests(judgements, decision, n, counts)
    # without a seed its test must still be able to decide
    fewest = max([FEWEST_INFORMATIVE, *(rule_of(j.test).least + 1 for j in judgements)])
    if decision.verdict == "inconclusive" or n < fewest:
        return Sensitivity(without, others, None)
    opposite = "refuted" if decision.verdict == "supported" else "supported"
    fragile = any(w != decision.verdict for w in without) or opposite in others.values()
    return Sensitivity(without, others, fragile)


def _other_tests(
    judgements: Sequence[Judgement], decision: Decision, n: int, counts: Sequence[Counted]
) -> dict[str, Word]:
    """The verdict by each other test of paired values that n seeds let decide."""
    others: dict[str, Word] = {}
    own = {j.test for j in judgements}
    strictest = min(decision.level_support, decision.level_refute)
    for rule in RULES.values() if not any(rule_of(test).sides for test in own) else ():
        too_long = rule.most_values is not None and n > rule.most_values
        if not rule.beside or rule.name in own or n < rule.least or too_long:
            continue
        if rule.attainable(n) > strictest:
            continue
        p, q = combine(
            [
                judge(
                    j.kind,
                    j.differences,
                    j.margin,
                    test=rule.name,
                    tolerance=j.tolerance,
                    censored=j.marks if j.may_be_lower else None,
                )
                for j in judgements
            ],
            counts,
        )
        others[rule.name] = word(p <= decision.level_support, q <= decision.level_refute)
    return others


def leave_one_out(
    judgements: Sequence[Judgement],
    level_support: float,
    level_refute: float,
    counts: Sequence[Counted] = (),
) -> tuple[Word, ...]:
    """The word that a claim would get without each seed in turn, at the levels it met.

    Parameters
    ----------
    judgements
        The k assertions of the claim, from :func:`judge`, on the same seeds.
    level_support, level_refute
        In (0, 0.5], as :func:`decide_family` gives them; refutation by one of k assertions is
        judged at level_refute / k.
    counts
        Of which assertions not all must hold.

    Returns
    -------
    tuple of str
        Shape (n,): "supported", "refuted" or "inconclusive", in the order of the seeds; of unpaired
        sides shape (n + m,), without each value of a, then of b.

    Raises
    ------
    FaevalError
        Where the assertions do not share their seeds, or for levels outside (0, 0.5].

    Examples
    --------
    >>> leave_one_out([judge("exceeds", [0.08, 0.10, 0.01], 0.03)], 0.2, 0.2)
    ('inconclusive', 'inconclusive', 'supported')
    """
    level_support, level_refute = (
        level("level_support", level_support),
        level("level_refute", level_refute),
    )
    if len({j.n for j in judgements}) != 1:
        raise FaevalError(
            f"judgements must share their seeds, but have {[j.n for j in judgements]} of them"
            " (list); judge all assertions of one claim on the same seeds"
        )
    pairs = [p_pair_without_each(j) for j in judgements]
    yes, no = (np.array(side) for side in zip(*pairs, strict=True))
    support, refute = Structure(len(pairs), tuple(counts)).p(yes, no)
    return tuple(
        word(yes, no)
        for yes, no in zip(
            (support <= level_support).tolist(), (refute <= level_refute).tolist(), strict=True
        )
    )
