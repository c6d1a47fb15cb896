"""Bounds of a ratio of two means, against the test that they are to agree with."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import ttest_1samp

from faeval import stats
from faeval.errors import FaevalError

VALUES = st.lists(
    st.tuples(st.integers(50, 200), st.integers(50, 200)), min_size=3, max_size=8, unique=True
)


@given(VALUES, st.sampled_from([0.01, 0.05, 0.2]))
def test_a_bound_is_the_ratio_up_to_which_the_paired_test_rejects(pairs, level) -> None:
    a, b = np.array(pairs, dtype=float).T
    low, high = stats.ratio_bounds(a, b, level, level / 2)
    if math.isnan(low):
        assert ttest_1samp(b, 0.0, alternative="greater").pvalue > level / 2
        return
    assert low <= a.mean() / b.mean() <= high
    if np.ptp(a - low * b) > 1e-6:
        above = ttest_1samp(a - low * b, 0.0, alternative="greater").pvalue
        assert above == pytest.approx(level, rel=1e-6)
    if np.ptp(a - high * b) > 1e-6:
        below = ttest_1samp(a - high * b, 0.0, alternative="less").pvalue
        assert below == pytest.approx(level / 2, rel=1e-6)


def test_there_is_no_bound_where_the_second_mean_may_be_0() -> None:
    assert all(map(math.isnan, stats.ratio_bounds([1.0, 2.0, 3.0], [-1.0, 0.5, 2.0], 0.05, 0.05)))
    assert all(map(math.isnan, stats.ratio_bounds([1.0], [1.0], 0.05, 0.05)))
    with pytest.raises(FaevalError, match="b must be"):
        stats.ratio_bounds([1.0, 2.0], [1.0], 0.05, 0.05)
