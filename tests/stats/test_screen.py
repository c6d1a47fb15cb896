"""Screens: Benjamini-Hochberg against two libraries, labelled as what decides nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from faeval.errors import FaevalError
from faeval.stats import screen


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_a_screen_agrees_with_scipy_and_statsmodels(p):
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    found = screen(p)
    assert found.adjusted == pytest.approx(tuple(false_discovery_control(p)), abs=1e-12)
    picked, adjusted, *_ = multipletests(p, 0.05, method="fdr_bh")
    assert found.adjusted == pytest.approx(tuple(adjusted), abs=1e-12)
    if all(abs(x - 0.05) > 1e-9 for x in adjusted):
        assert found.picked == tuple(picked.tolist())


def test_a_screen_on_a_worked_example():
    # origin: Benjamini and Hochberg (1995), their example: of 15 p-values the four smallest at q =
    # .05; Bonferroni takes three
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    found = screen(p[::-1])
    assert found.picked == (False,) * 11 + (True,) * 4
    assert found.adjusted[-4:] == pytest.approx(
        (15 * 0.0095 / 4, 15 * 0.0019 / 3, 15 * 0.0004 / 2, 15 * 0.0001)
    )


def test_a_screen_says_that_it_decides_nothing():
    assert "screen" in repr(screen([0.01]))
    assert "no verdicts" in repr(screen([0.01]))
    assert "false discovery rate 0.1" in screen([0.01], 0.1).label
    assert screen([]).picked == ()


def test_a_screen_bounds_the_share_of_wrong_picks_not_the_chance_of_one():
    # origin: 50 true effects beside 50 nulls: the share stays under q, the chance of any wrong pick
    # does not
    rng = np.random.default_rng(0)
    wrong, share = 0, []
    for _ in range(300):
        p = np.concatenate([rng.uniform(size=50), rng.uniform(size=50) * 1e-4])
        picked = np.array(screen(p.tolist(), 0.1).picked)
        wrong += picked[:50].any()
        share.append(picked[:50].sum() / max(1, picked.sum()))
    assert np.mean(share) < 0.1
    assert wrong / 300 > 0.5


def test_unusable_input_is_named():
    with pytest.raises(FaevalError, match=r"p\[0\] must be a probability"):
        screen([1.5])
    with pytest.raises(FaevalError, match="q must be an error rate"):
        screen([0.5], 0.6)
