"""Closed testing, the reference for Holm's procedure: by its definition, on a worked example, and
against Holm.
"""

import math
from itertools import combinations

from hypothesis import given, strategies as st
from stats_reference.closed import closed_testing

from faeval.stats import holm

alphas = st.one_of(st.sampled_from([0.05, 0.025, 0.1, 0.5]), st.floats(1e-3, 0.5))


@st.composite
def families(draw, largest=7):
    """P-values with alpha; many of them on the steps alpha / j and the doubles beside these."""
    alpha = draw(alphas)
    near = [
        math.nextafter(alpha / j, to) for j in range(1, largest + 1) for to in (0.0, alpha / j, 1.0)
    ]
    p = st.one_of(st.sampled_from(near), st.floats(0, 1), st.sampled_from([0.0, 1.0]))
    return draw(st.lists(p, max_size=largest)), alpha


@given(families())
def test_holm_rejects_what_closed_testing_rejects_on_every_step_and_beside_it(family):
    p, alpha = family
    assert closed_testing(p, alpha) == holm(p, alpha).rejected


@given(families(5))
def test_a_rejected_hypothesis_has_every_set_that_holds_it_rejected(family):
    # origin: Marcus, Peritz and Gabriel (1976), by definition; each set by Bonferroni's test, some
    # p <= alpha / its size
    p, alpha = family
    sets = [s for size in range(1, len(p) + 1) for s in combinations(range(len(p)), size)]
    rejected = {s for s in sets if any(p[i] <= alpha / len(s) for i in s)}
    expected = [all(s in rejected for s in sets if i in s) for i in range(len(p))]
    assert list(closed_testing(p, alpha)) == expected


def test_closed_testing_on_a_worked_example():
    # origin: by hand; {1,2,3} and {1,3} fall by p = .01 <= .05/3, {1,2} too; {2,3} stays, for .03 >
    # .05/2
    assert closed_testing([0.01, 0.03, 0.04], 0.05) == (True, False, False)
    # .025 is on the step of {2,3}, which falls, and so do 2 and 3 themselves
    assert closed_testing([0.01, 0.025, 0.04], 0.05) == (True, True, True)
    assert closed_testing([0.01, math.nextafter(0.025, 1), 0.04], 0.05) == (True, False, False)
    assert closed_testing([], 0.05) == ()


def test_ten_hypotheses():
    p = [0.005, *[math.nextafter(0.05 / 9, 0)], *[1.0] * 8]
    assert closed_testing(p, 0.05) == (True, True, *[False] * 8) == holm(p, 0.05).rejected
