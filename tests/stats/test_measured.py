"""Measured errors that come with the package: what a verdict prints is what calibration wrote down."""

import pytest

from faeval.calibration import LAWS, shipped
from faeval.errors import FaevalError
from faeval.stats import fragile_rate, measured_errors


@pytest.mark.parametrize("test", ["t", "sign-flip", "sign"])
@pytest.mark.parametrize("n", [3, 5, 20])
def test_they_are_the_shipped_figures_of_every_law(test, n):
    known = {(c.law, c.measure): c for c in shipped() if (c.table, c.rule, c.n) == ("size", test, n)}
    found = measured_errors(test, n)
    assert [e.law for e in found] == list(LAWS)
    for e in found:
        support, refute = known[e.law, "wrong_support"], known[e.law, "wrong_refute"]
        assert (e.n, e.wrong_support, e.wrong_refutation) == (n, support.rate, refute.rate)
        assert e.error == max(support.error, refute.error)


@pytest.mark.parametrize(("n", "at"), [(2, 3), (7, 6), (9, 8), (15, 10), (400, 20)])
def test_a_number_that_was_not_measured_is_answered_by_the_next_smaller_and_says_so(n, at):
    assert {e.n for e in measured_errors("t", n)} == {at}


def test_the_rate_of_fragile_verdicts_is_that_of_calibration():
    rates = {c.n: c.rate for c in shipped() if c.table == "fragile"}
    assert fragile_rate(5) == rates[5]
    assert fragile_rate(7) == rates[6]
    assert fragile_rate(4) is None
    # origin: project policy: .34 at n = 5, .17 at 10
    assert (rates[5], rates[10]) == pytest.approx((0.34, 0.17), abs=0.03)


def test_unusable_input_is_named():
    with pytest.raises(FaevalError, match="test must be one of t, sign-flip, sign"):
        measured_errors("wilcoxon", 5)
    with pytest.raises(FaevalError, match="n must be a whole number"):
        measured_errors("t", 2.5)
