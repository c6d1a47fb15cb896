"""Numbers are written once, the same everywhere, and on the side of the margin where they lie."""

import math

import pytest
from hypothesis import given, strategies as st

from faeval.reports.words import (
    Style,
    exact,
    percent,
    probability,
    read,
    significant,
    style_for,
)

numbers = st.floats(-1e12, 1e12, allow_nan=False)
anything = st.floats(allow_nan=True, allow_infinity=True)


@given(anything, st.integers(0, 12), st.integers(-20, 20))
def test_what_is_written_reads_back_within_its_last_digit(value, decimals, exponent):
    written = Style(decimals, exponent)(value)
    if math.isnan(value):
        assert written == "undefined"
    else:
        assert read(written) == pytest.approx(
            value, rel=1e-12, abs=0.51 * 10.0 ** (exponent - decimals)
        )


@given(numbers, st.integers(0, 6))
def test_nothing_is_minus_zero(value, decimals):
    written = Style(decimals)(value)
    assert "-" not in written
    assert written.strip("0.") != "−"


@given(st.floats(1e-12, 1e12), numbers)
def test_two_digits_of_the_width_are_shown(width, value):
    style = style_for(width, [value])
    shown = read(style(width))
    if width > 1e-13 * abs(value):  # a double has no more digits
        assert shown == pytest.approx(width, rel=0.051) or width >= 10


@given(st.floats(-1, 1), st.floats(1e-6, 1), st.floats(1e-4, 1))
def test_a_bound_is_written_on_its_side_of_the_margin(margin, gap, width):
    margin, bound = round(margin, 3), round(margin, 3) + gap * width
    style = style_for(width, [bound], apart=[(bound, margin)])
    if gap > 1e-3:  # further digits than four are not added
        assert read(style(bound)) > margin


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (0.03, "0.03"),
        (1e-5, "1e−5"),
        (-0.0, "0"),
        (100.0, "100"),
        (1e20, "1e20"),
        (-0.05, "−0.05"),
        (math.inf, "∞"),
    ],
)
def test_declared_numbers_are_written_as_declared(value, written):
    assert exact(value) == written


@given(st.floats(0, 1), st.floats(0.001, 0.5))
def test_a_p_value_and_its_level_are_never_confused(p, level):
    written = probability(p, level)
    if written[0] not in "<>" and abs(p - level) > 1e-5 * level:
        assert (read(written) <= level) == (p <= level)


@given(st.floats(0, 1))
def test_percent_says_0_and_100_only_where_it_is_so(share):
    assert (percent(share) == "0 %") == (share == 0)
    assert (percent(share) == "100 %") == (share == 1)


@pytest.mark.parametrize("value", [None, math.nan])
def test_what_is_not_there_is_not_a_number(value):
    assert significant(value) == Style(3)(value) == "undefined"


@given(st.floats(1e-300, 1e300))
def test_significant_digits(value):
    assert read(significant(value, 3)) == pytest.approx(value, rel=0.0051) or value >= 1000
