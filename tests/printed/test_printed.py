"""Printed numbers: what true values give is never called inconsistent, what none give is found."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, strategies as st

from faeval import printed
from faeval.errors import FaevalError
from faeval.printed._number import _nearest, _spreads, mean_range, spread_squares
from faeval.printed._p_value import welch_df


def check(**fields: object) -> dict[str, printed.Finding]:
    return {f.check: f for f in printed.check_statement(printed.Statement(**fields))}  # type: ignore[arg-type]


def words(**fields: object) -> dict[str, str]:
    return {name: f.outcome for name, f in check(**fields).items()}


# --- how papers round ---

ROUNDINGS: dict[str, Callable[[float, int], str]] = {
    "format": lambda x, d: f"{x:.{d}f}",
    "half up": lambda x, d: str(Decimal(repr(x)).quantize(Decimal(1).scaleb(-d), ROUND_HALF_UP)),
    "half even": lambda x, d: str(
        Decimal(repr(x)).quantize(Decimal(1).scaleb(-d), ROUND_HALF_EVEN)
    ),
    "signed": lambda x, d: f"{x:+.{d}f}".replace("-", "−"),
    "no leading zero": lambda x, d: (
        f"{x:.{d}f}".replace("0.", ".", 1) if abs(x) < 1 and d else f"{x:.{d}f}"
    ),
    "scientific": lambda x, d: f"{x:.{d}e}",
}
roundings = st.sampled_from(sorted(ROUNDINGS))
decimals = st.integers(1, 5)
# Decimals of few digits: ties come up, as in papers.
numbers = st.integers(-30_000, 30_000).map(lambda i: i / 10_000) | st.floats(-3, 3).filter(
    lambda x: abs(x) > 1e-6
)
samples = st.lists(numbers, min_size=2, max_size=9)


@given(numbers, st.integers(0, 5), roundings)
def test_a_number_lies_in_what_it_is_rounded_to(x: float, d: int, rounding: str) -> None:
    low, high = printed.printed(ROUNDINGS[rounding](x, d)).range
    # As it stands in decimals, or in the machine: formatting takes one or the other.
    assert low <= Fraction(Decimal(repr(x))) <= high or low <= Fraction(x) <= high


@pytest.mark.parametrize(
    ("text", "low", "high", "places"),
    [
        ("0.094", "0.0935", "0.0945", 3),
        ("0.0940", "0.09395", "0.09405", 4),  # a trailing zero counts
        (".301", "0.3005", "0.3015", 3),
        ("−0.003", "-0.0035", "-0.0025", 3),
        ("-0.000", "-0.0005", "0.0005", 3),  # the sign of zero says nothing that software agrees on
        ("48", "47.5", "48.5", 0),
        ("4e8", "350000000", "450000000", -8),
        ("2.2e-4", "0.000215", "0.000225", 5),
    ],
)
def test_digits_say_how_far_a_number_is_known(text: str, low: str, high: str, places: int) -> None:
    number = printed.printed(text)
    assert (number.range, number.decimals) == ((Fraction(low), Fraction(high)), places)


def test_a_tie_may_have_been_rounded_either_way() -> None:
    # 2.5 and 2.5, each printed 2 (half even), have the mean 2.5, printed 3 (half up) at the end of
    # some spreadsheet.
    assert (
        words(mean="3", values=("2", "2"))
        == words(mean="1", values=("2", "2"))
        == {"mean": "consistent"}
    )
    assert (
        words(mean="3.1", values=("2", "2"))
        == words(mean="0.9", values=("2", "2"))
        == {"mean": "inconsistent"}
    )


def test_a_threshold_is_not_rounded() -> None:
    below, above = printed.printed("< .05"), printed.printed(">0.05")
    assert (below.low, below.high, above.low, above.high) == (
        None,
        Fraction(1, 20),
        Fraction(1, 20),
        None,
    )


@pytest.mark.parametrize(
    "text", ["", "-", ".", "nan", "1,024", "0.1 0.2", "about 3", "1e9999", "٣", "0x10"]
)
def test_what_is_no_printed_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(FaevalError, match=r"^mean must .*; write .*digits"):
        printed.check_statement(printed.Statement(mean=text))


# --- spreads of values known to their rounding ---

ends = st.tuples(st.integers(-60, 60), st.integers(0, 12)).map(
    lambda p: (Fraction(p[0], 7), Fraction(p[0] + p[1], 7))
)
boxes = st.lists(ends, min_size=1, max_size=6)


@given(boxes)
def test_the_largest_spread_is_that_of_the_worst_vertex(
    box: list[tuple[Fraction, Fraction]],
) -> None:
    found = spread_squares(box)
    assert found is not None
    brute = [_spreads(vertex) for vertex in itertools.product(*box)]
    assert {name: high for name, (_, high) in found.items()} == {
        name: max(b[name] for b in brute) for name in found
    }


@given(boxes, st.data())
def test_the_least_spread_is_attained_and_no_values_have_less(
    box: list[tuple[Fraction, Fraction]], data: st.DataObject
) -> None:
    found = spread_squares(box)
    assert found is not None
    nearest = _nearest(box)
    assert all(low <= x <= high for x, (low, high) in zip(nearest, box, strict=True))
    assert _spreads(nearest) == {name: low for name, (low, _) in found.items()}
    shares = data.draw(
        st.lists(st.fractions(0, 1, max_denominator=9), min_size=len(box), max_size=len(box))
    )
    # Any values, and others beside the best ones.
    free = [low + s * (high - low) for s, (low, high) in zip(shares, box, strict=True)]
    beside = [x + (y - x) / 8 for x, y in zip(nearest, free, strict=True)]
    for values in (free, beside):
        assert all(
            found[name][0] <= square <= found[name][1] for name, square in _spreads(values).items()
        )


def test_spreads_are_what_their_names_say() -> None:
    values = [1.0, 2.0, 4.0, 9.0]
    mean = 4.0
    expected = {
        "s.d. with ddof 1": np.std(values, ddof=1),
        "s.d. with ddof 0": np.std(values),
        "standard error with ddof 1": scipy.stats.sem(values),
        "standard error with ddof 0": scipy.stats.sem(values, ddof=0),
        "half the range": 4.0,
        "mean absolute deviation": np.mean(np.abs(np.array(values) - mean)),
    }
    found = {
        name: math.sqrt(square) for name, square in _spreads([Fraction(v) for v in values]).items()
    }
    assert found == pytest.approx(expected)
    assert tuple(found) == printed.SPREADS


# --- never a false alarm ---

SPREAD_OF: dict[str, Callable[[np.ndarray], float]] = {
    "ddof 1": lambda x: float(np.std(x, ddof=1)),
    "ddof 0": lambda x: float(np.std(x)),
    "standard error": lambda x: float(np.std(x, ddof=1) / math.sqrt(len(x))),
    "half the range": lambda x: float((x.max() - x.min()) / 2),
    "mean absolute deviation": lambda x: float(np.mean(np.abs(x - x.mean()))),
}


@given(samples, decimals, decimals, roundings, st.sampled_from(sorted(SPREAD_OF)), st.booleans())
def test_what_a_paper_computes_and_rounds_is_consistent(
    values: list[float], d: int, d2: int, rounding: str, kind: str, declared: bool
) -> None:
    write, x = ROUNDINGS[rounding], np.array(values)
    spread = write(SPREAD_OF[kind](x), d2)
    found = words(
        mean=write(float(x.mean()), d2),
        spread=spread.replace("−", ""),
        spread_is=kind if declared else None,
        values=tuple(write(v, d) for v in values),
        n=len(values),
    )
    assert found == {"count": "consistent", "mean": "consistent", "spread": "consistent"}


@given(
    st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=2, max_size=5), decimals, roundings
)
def test_rows_are_averaged_first(rows: list[list[float]], d: int, rounding: str) -> None:
    write, x = ROUNDINGS[rounding], np.array(rows)
    means = x.mean(axis=1)
    found = words(
        mean=write(float(means.mean()), d),
        spread=write(float(np.std(means, ddof=1)), d).replace("−", ""),
        spread_is="ddof 1",
        values=tuple(tuple(write(v, d) for v in row) for row in rows),
        n=len(rows),
    )
    assert set(found.values()) == {"consistent"}


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
    st.integers(1, 3),
    st.sampled_from(["ddof 1", "ddof 0"]),
)
def test_means_and_spreads_of_whole_numbers_pass_grim_and_grimmer(
    values: list[int], d: int, kind: str
) -> None:
    assume(len(values) > 1 or kind == "ddof 0")
    x = np.array(values, dtype=float)
    found = words(
        mean=f"{x.mean():.{d}f}",
        spread=f"{SPREAD_OF[kind](x):.{d}f}",
        spread_is=kind,
        step="1",
        n=len(values),
    )
    assert "inconsistent" not in found.values()


spread_samples = samples.filter(lambda v: len(v) > 2 and float(np.std(v)) > 1e-3)


@given(
    spread_samples,
    decimals,
    decimals,
    st.sampled_from(["two-sided", "greater", "less"]),
    st.booleans(),
)
def test_a_p_and_an_interval_that_follow_are_consistent(
    values: list[float], d: int, dp: int, alternative: str, from_values: bool
) -> None:
    x = np.array(values)
    test = scipy.stats.ttest_1samp(x, 0.1, alternative=alternative)
    interval = scipy.stats.ttest_1samp(x, 0.1).confidence_interval(0.9)
    given_as: dict[str, object] = {"values": tuple(f"{v:.{d}f}" for v in values)}
    if not from_values:
        given_as = {
            "mean": f"{x.mean():.{d}f}",
            "spread": f"{np.std(x, ddof=1):.{d}f}",
            "n": len(values),
        }
    found = words(
        **given_as,
        null="0.1",
        p=f"{test.pvalue:.{dp}f}",
        sides="two" if alternative == "two-sided" else "one",
        ci=(f"{interval.low:.{d}f}", f"{interval.high:.{d}f}"),
        level="0.9",
    )
    assert "inconsistent" not in found.values()
    stat = words(t=f"{test.statistic:.{d}f}", df=(str(len(values) - 1),), p=f"{test.pvalue:.{dp}f}")
    assert stat == {"p": "consistent"} or stat == {"p": "cannot be said"}


@given(spread_samples, spread_samples, decimals, st.booleans())
def test_two_samples_likewise(first: list[float], second: list[float], d: int, equal: bool) -> None:
    a, b = np.array(first), np.array(second)
    test = scipy.stats.ttest_ind(a, b, equal_var=equal)
    interval = test.confidence_interval()
    found = words(
        mean=f"{a.mean():.{d}f}", spread=f"{np.std(a, ddof=1):.{d}f}", n=len(a),
        mean2=f"{b.mean():.{d}f}", spread2=f"{np.std(b, ddof=1):.{d}f}", n2=len(b),
        spread_is="ddof 1", p=f"{test.pvalue:.3f}", sides="two",
        ci=(f"{interval.low:.{d}f}", f"{interval.high:.{d}f}"),
    )  # fmt: skip
    assert "inconsistent" not in found.values()
    welch = {"t": f"{test.statistic:.{d}f}", "df": (f"{test.df:.2f}",), "p": f"{test.pvalue:.3f}"}
    assert words(**welch)["p"] != "inconsistent"


@given(numbers, numbers, st.integers(0, 4), st.integers(0, 4), roundings)
def test_ratios_differences_and_percentages_that_follow_are_consistent(
    of: float, to: float, d: int, places: int, rounding: str
) -> None:
    assume(abs(to) > 1e-3)
    write = ROUNDINGS[rounding]
    claims = {"ratio": of / to, "difference": of - to, "percent": 100 * (of - to) / to}
    for kind, value in claims.items():
        found = words(of=write(of, d), to=write(to, d), **{kind: write(value, places)})
        assert found[kind] != "inconsistent"
    assert (
        words(of=write(of, d), to=write(to, d), percent=write(100 * of / to, places))["percent"]
        != "inconsistent"
    )


def test_degrees_of_freedom_of_welch_are_enclosed_where_they_peak_inside() -> None:
    # Equal standard errors and sizes give n1 + n2 - 2, which lies between the corners.
    low, high = welch_df((1.0, 4.0), (1.0, 4.0), (5, 5))
    assert (low, high) == (pytest.approx(25 / (16 / 4 + 1 / 4)), 8.0)


@given(st.floats(0.1, 40), st.integers(1, 60), st.integers(1, 60), st.integers(1, 4))
def test_other_statistics_that_follow_are_consistent(x: float, df1: int, df2: int, d: int) -> None:
    assert (
        words(f=f"{x:.{d}f}", df=(str(df1), str(df2)), p=f"{scipy.stats.f.sf(x, df1, df2):.{d}f}")[
            "p"
        ]
        == "consistent"
    )
    assert (
        words(chi2=f"{x:.{d}f}", df=(str(df1),), p=f"{scipy.stats.chi2.sf(x, df1):.{d}f}")["p"]
        == "consistent"
    )
    assert words(z=f"{x:.{d}f}", p=f"{2 * scipy.stats.norm.sf(x):.{d}f}")["p"] == "consistent"


# --- and what does not follow is found ---


def beyond(low: Fraction, high: Fraction, places: int, above: bool) -> str:
    """The first number of so many decimals whose rounding lies wholly beyond a range."""
    scale = 10**places
    units = (
        math.floor(high * scale + Fraction(1, 2)) + 1
        if above
        else math.ceil(low * scale - Fraction(1, 2)) - 1
    )
    sign = "-" if units < 0 else ""
    return f"{sign}{abs(units) // scale}.{abs(units) % scale:0{places}d}"


@given(samples, decimals, decimals, st.booleans())
def test_a_mean_beyond_what_the_values_allow_is_found(
    values: list[float], d: int, places: int, above: bool
) -> None:
    texts = tuple(f"{v:.{d}f}" for v in values)
    wrong = beyond(*mean_range([printed.printed(t).range for t in texts]), places, above)
    found = check(mean=wrong, values=texts)["mean"]
    assert found.outcome == "inconsistent"
    assert not found.readings


@given(samples, decimals, decimals, st.sampled_from(sorted(printed.SPREAD_IS)))
def test_a_spread_beyond_what_its_kind_allows_is_found(
    values: list[float], d: int, places: int, kind: str
) -> None:
    texts = tuple(f"{v:.{d}f}" for v in values)
    squares = spread_squares([printed.printed(t).range for t in texts])
    assert squares is not None
    high = max(squares[name][1] for name in printed.SPREAD_IS[kind])
    root = Fraction(math.isqrt(math.ceil(high * 10**20)) + 1, 10**10)
    wrong = beyond(Fraction(), root, places, above=True)
    assert words(spread=wrong, spread_is=kind, values=texts)["spread"] == "inconsistent"
    top = max(high for _, high in squares.values())
    root = Fraction(math.isqrt(math.ceil(top * 10**20)) + 1, 10**10)
    found = check(spread=beyond(Fraction(), root, places, above=True), values=texts)["spread"]
    assert (found.outcome, found.kinds) == ("inconsistent", ())


@given(st.integers(1, 999), st.integers(1, 999), st.integers(0, 2), st.booleans())
def test_a_ratio_beyond_what_its_numbers_allow_is_found(
    of: int, to: int, places: int, above: bool
) -> None:
    top, bottom = f"{of / 1000:.3f}", f"{to / 1000:.3f}"
    (a, b), (c, d) = printed.printed(top).range, printed.printed(bottom).range
    wrong = (
        beyond(a / d, b / c, places, above)
        if places
        else str(math.floor(b / c + Fraction(1, 2)) + 1)
    )
    assert words(of=top, to=bottom, ratio=wrong)["ratio"] == "inconsistent"


@given(st.integers(2, 40), st.floats(-4, 4), st.sampled_from([1e-3, 0.01]))
def test_a_p_beyond_what_its_statistic_allows_is_found(df: int, t: float, off: float) -> None:
    text = f"{t:.4f}"
    sizes = sorted(abs(float(text) + e) for e in (-5e-5, 5e-5))
    assume(sizes[0] > 1e-4)
    high, low = (2 * scipy.stats.t.sf(s, df) for s in sizes)
    for wrong in (high + off, low - off):
        if 1e-5 < wrong < 1:
            assert (
                words(t=text, df=(str(df),), p=f"{wrong:.5f}", sides="two")["p"] == "inconsistent"
            )


@given(st.integers(2, 12), st.integers(1, 3), st.data())
def test_grim_is_a_search_through_all_sums(n: int, d: int, data: st.DataObject) -> None:
    units = data.draw(st.integers(0, 3 * 10**d))
    text = f"{units // 10**d}.{units % 10**d:0{d}d}"
    low, high = printed.printed(text).range
    possible = any(low <= Fraction(total, n) <= high for total in range(4 * n + 1))
    found = words(mean=text, n=n, step="1")["mean"]
    assert (found == "inconsistent") == (not possible)


@given(st.integers(0, 60), st.integers(0, 60))
def test_grimmer_of_two_numbers_is_a_search_through_all_pairs(mean: int, spread: int) -> None:
    text, size = f"{mean / 10:.1f}", f"{spread / 10:.1f}"
    total, square = printed.printed(text).range, printed.printed(size).range
    possible = any(
        total[0] <= Fraction(a + b, 2) <= total[1]
        and max(square[0], 0) ** 2 <= Fraction((a - b) ** 2, 2) <= square[1] ** 2
        for a in range(-10, 20)
        for b in range(-10, 20)
    )
    found = words(mean=text, spread=size, spread_is="ddof 1", n=2, step="1")["spread"]
    assert found == ("consistent" if possible else "inconsistent") or (
        found == "cannot be said" and not possible
    )


# --- known answers ---

#: grim_map(pigs1), README of the R package scrutiny 0.6 (Jung), after Brown & Heathers (2017).
PIGS1 = [
    ("7.22", 32, True), ("4.74", 25, False), ("5.23", 29, False), ("2.57", 24, False),
    ("6.77", 27, False),
    ("2.68", 28, True), ("7.01", 29, False), ("7.38", 26, True), ("3.14", 27, False),
    ("6.89", 31, False),
    ("5.00", 25, True), ("0.24", 28, False),
]  # fmt: skip
#: The same of percentages, grim_map(pigs2, percent = TRUE), there: single values are 0 or 100 %.
PIGS2 = [
    ("67.4", False),
    ("54.2", False),
    ("54.0", True),
    ("69.8", False),
    ("68.1", False),
    ("55.4", False),
]
#: grim() of 5.19 ... 5.30 with n = 28, tests/testthat/test-grim.R there.
SEQUENCE = "FFTFFFTFFFTF"
#: grimmer_map(pigs5), tests/testthat/test-grimmer-map.R there, after Allard (2018): GRIM, then
#: GRIMMER.
PIGS5 = [
    ("7.22", "5.30", 38, "mean"), ("4.74", "6.55", 31, ""), ("5.23", "2.55", 35, "spread"),
    ("2.57", "2.57", 30, ""),
    ("6.77", "2.18", 33, "mean"), ("2.68", "2.59", 34, ""), ("7.01", "6.68", 35, "mean"),
    ("7.38", "3.65", 32, ""),
    ("3.14", "5.32", 33, "mean"), ("6.89", "4.18", 37, ""), ("5.00", "2.18", 31, ""),
    ("0.24", "6.43", 34, ""),
]  # fmt: skip


@pytest.mark.parametrize(("mean", "n", "possible"), PIGS1)
def test_grim_says_what_scrutiny_says(mean: str, n: int, possible: bool) -> None:
    assert words(mean=mean, n=n, step="1") == {"mean": "consistent" if possible else "inconsistent"}


@pytest.mark.parametrize(("mean", "possible"), PIGS2)
def test_grim_of_percentages_says_what_scrutiny_says(mean: str, possible: bool) -> None:
    assert words(mean=mean, n=150, step="100") == {
        "mean": "consistent" if possible else "inconsistent"
    }


def test_grim_of_a_sequence_says_what_scrutiny_says() -> None:
    found = [
        words(mean=f"5.{19 + i}", n=28, step="1")["mean"] == "consistent"
        for i in range(len(SEQUENCE))
    ]
    assert found == [letter == "T" for letter in SEQUENCE]
    assert words(mean="5.27", n=43, step="1") == {
        "mean": "inconsistent"
    }  # the vignette's first example


@pytest.mark.parametrize(("mean", "spread", "n", "fails"), PIGS5)
def test_grimmer_says_what_scrutiny_says(mean: str, spread: str, n: int, fails: str) -> None:
    found = words(mean=mean, spread=spread, spread_is="ddof 1", n=n, step="1")
    assert [check for check, word in found.items() if word == "inconsistent"] == (
        [fails] if fails else []
    )


def test_grimmer_says_what_rsprite2_says() -> None:
    # GRIMMER_test(5.21, 1.6, 28) is TRUE and (3.44, 2.47, 18) FALSE in the tests of the R package
    # rsprite2 (Wallrich).
    assert (
        words(mean="5.21", spread="1.6", spread_is="ddof 1", n=28, step="1")["spread"]
        == "consistent"
    )
    assert (
        words(mean="3.44", spread="2.47", spread_is="ddof 1", n=18, step="1")["spread"]
        == "inconsistent"
    )


def t28(t: str, p: str, wrong: bool, sides: str = "two") -> tuple[dict[str, object], bool]:
    return {"t": t, "df": ("28",), "p": p, "sides": sides}, wrong


#: tests/testthat/test-error.R of the R package statcheck (Nuijten & Epskamp): whether it counts the
#: result as an error.
STATCHECK = [
    t28("2.20", ".03", True),
    ({"f": "2.20", "df": ("2", "28"), "p": ".15"}, True),
    ({"r": ".22", "df": ("28",), "p": ".26", "sides": "two"}, True),
    ({"chi2": "22.20", "df": ("28",), "p": ".79"}, True),
    ({"z": "2.20", "p": ".04", "sides": "two"}, True),
    t28("2.20", "> .05", True), t28("2.0", "< .05", False), t28("1.20", ".03", True),
    t28("2.20", ".30", True),
    t28("2", ".02", False), t28("2", ".14", False), t28("2.2", ".03", False),
    t28("2.2", ".04", False),
    t28("2.20", ".036", False), t28("2.20", ".037", False),
    t28("2.20", ".02", False, "one"), t28("2.20", ".04", True, "one"), t28("2.20", ".018", True),
    t28("2.20", ".01", True, "one"), t28("2.20", ".018", False, "one"),
    t28("22.20", "< .000", True),
    t28("2.2", ".036", False), t28("2.2", "< .08", False), t28("2.2", "> .02", False),
    t28("2.2", ".08", True),
    t28("2.2", ".02", True), t28("2.2", "> .08", True), t28("2.2", "< .02", True),
    ({"t": "1.02", "df": ("48",), "p": "< .05"}, True),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "wrong"), STATCHECK)
def test_p_says_what_statcheck_says(fields: dict[str, object], wrong: bool) -> None:
    assert words(**fields) == {"p": "inconsistent" if wrong else "consistent"}


def test_a_p_of_000_is_a_small_p_printed_badly() -> None:
    # Here alone statcheck's default differs: pZeroError counts it as an error of reporting.
    assert words(t="22.20", df=("28",), p=".000") == {"p": "consistent"}


# --- the findings that the checks were made for ---


def test_a_spread_may_be_right_only_because_the_values_are_rounded() -> None:
    values = ("+0.094", "+0.073", "+0.072")
    # The printed values as they stand give 0.0101 (ddof 0), 0.0124 (ddof 1), 0.0072 (standard
    # error).
    assert [f"{np.std([0.094, 0.073, 0.072], ddof=d):.4f}" for d in (0, 1)] == ["0.0101", "0.0124"]
    found = check(spread="0.011", values=values)["spread"]
    assert found.kinds == ("s.d. with ddof 0", "half the range")
    # Values that are printed so, and of which all is true:
    true = np.array([0.09445, 0.0726, 0.0716])
    assert [f"{v:+.3f}" for v in true] == list(values)
    assert (f"{true.mean():.3f}", f"{true.std():.3f}") == ("0.080", "0.011")


def test_a_reading_at_ties_alone_is_named_so() -> None:
    found = check(spread="0.005", values=("-0.008", "+0.000", "-0.000"))["spread"]
    assert (found.kinds, found.ties) == (
        ("s.d. with ddof 1", "half the range"),
        ("half the range",),
    )


def test_a_pooled_spread_is_named() -> None:
    rows = ((".169", ".151"), (".093", ".178"), (".131", ".150"))
    pooled = float(np.std([float(v) for row in rows for v in row], ddof=1))
    found = check(spread=f"{pooled:.3f}", values=rows, n=3)["spread"]
    assert (found.outcome, found.kinds) == (
        "inconsistent",
        ("s.d. with ddof 1, all entries pooled",),
    )
    assert (
        check(spread=f"{pooled:.3f}", values=rows, n=6)["spread"].outcome == "consistent"
    )  # said to be of all entries


def test_a_ratio_against_another_baseline_is_named() -> None:
    baselines = {"negative control": "0.0056", "vanilla, end of training": "+0.002"}
    found = check(ratio="48x", of="0.094", to="negative control", baselines=baselines)["ratio"]
    assert found.outcome == "inconsistent"
    other, said = r"'vanilla, end of training' \+0\.002", r"negative control 0\.0056"
    assert re.match(rf"48x .*{other}, not .*{said}, .*17x \(16\.5 to 17\.1\)", found.reason)
    assert words(ratio="17x", of="0.094", to="0.0056") == {"ratio": "consistent"}


def test_a_baseline_that_may_be_zero_gives_any_ratio_from_some_size_on() -> None:
    assert words(ratio="48x", of="0.094", to="0.000") == {
        "ratio": "inconsistent"
    }  # at least 187 times
    assert words(ratio="500x", of="0.094", to="0.000") == {"ratio": "cannot be said"}
    assert words(percent="20", of="0.094", to="0.000") == {"percent": "cannot be said"}


def test_too_few_values_are_found_and_nothing_is_computed_of_them() -> None:
    found = words(mean="0.2", spread="0.1", values=("0.1", "0.2"), n=3)
    assert found == {"count": "inconsistent", "mean": "cannot be said", "spread": "cannot be said"}


def test_intervals() -> None:
    given_as = {"mean": "0.50", "spread": "0.20", "spread_is": "ddof 1", "n": 5}
    assert words(**given_as, ci=("0.25", "0.75"))["interval"] == "consistent"
    middle, width = printed.check_statement(printed.Statement(**given_as, ci=("0.25", "0.85")))  # type: ignore[arg-type]
    assert (middle.outcome, width.outcome) == ("inconsistent", "inconsistent")
    assert words(mean="0.50", ci=("0.25", "0.85"), symmetric=False) == {"interval": "consistent"}
    assert words(mean="0.20", ci=("0.25", "0.85"), symmetric=False) == {"interval": "inconsistent"}
    assert words(mean="0.50", ci=("0.75", "0.25")) == {"interval": "inconsistent"}
    assert words(ci=("0.25", "0.75")) == {"interval": "cannot be said"}


def test_digits_may_be_too_few() -> None:
    assert words(mean="0.1", spread="0.0", n=3, p=".40") == {"p": "consistent"}
    assert words(mean="0", spread="0", n=3, p=".40") == {"p": "cannot be said"}
    assert words(mean="7.3", n=12, step="1") == {"mean": "cannot be said"}
    assert words(p=".04") == {"p": "cannot be said"}
    assert words(mean="7.3") == {"none": "cannot be said"}


def kinds(*found: tuple[str, tuple[str, ...]]) -> printed.Finding | None:
    return printed.check_kinds([(s, check(spread=s, values=v)["spread"]) for s, v in found])


def test_spreads_of_different_kinds_in_one_source_are_named() -> None:
    values = ("0.100", "0.200", "0.400")
    assert [f"{np.std([0.1, 0.2, 0.4], ddof=d):.3f}" for d in (0, 1)] == ["0.125", "0.153"]
    mixed = kinds(("0.125", values), ("0.153", values))
    assert mixed is not None
    assert mixed.outcome == "inconsistent"
    assert re.search(r"0\.125 .*\bddof 0; 0\.153 .*\bddof 1", mixed.reason)
    alike = kinds(("0.125", values), ("0.125", values))
    assert alike is not None
    assert (alike.outcome, "ddof 0" in alike.reason) == ("consistent", True)
    assert "ddof 1" not in alike.reason
    assert (
        kinds(("0.125", values), ("0.900", values)) is None
    )  # one that nothing gives has been found already


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"spread": "-0.1"}, "spread must be at least 0, but is '-0.1'"),
        ({"p": "1.2"}, "p must be a probability, at most 1, but is '1.2'"),
        ({"n": 0}, "n must be a whole number of at least 1, but is 0"),
        ({"spread_is": "std"}, "spread_is must be one of s.d., ddof 1"),
        ({"sides": "three"}, "sides must be one of two, one"),
        ({"step": "0"}, "step must be what single values are multiples of, above 0"),
        ({"level": "120"}, "level must be between 0 and 1"),
        ({"values": ("0.1", "x")}, r"values\[1\] must be a printed number, but is 'x'"),
        ({"mean": "<0.1"}, "must be a number without < or >, but is '<0.1'"),
        ({"ratio": "4x", "of": "0.1"}, "to must be what the ratio is computed with"),
        ({"f": "3.2", "df": ("2",), "p": ".1"}, r"df must be 2 number\(s\) for f"),
        ({"t": "3.2", "df": ("0",), "p": ".1"}, "df must be above 0"),
        ({"r": "1.2", "df": ("9",), "p": ".1"}, "r must be between -1 and 1"),
    ],
)
def test_what_cannot_be_used_is_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(
        FaevalError, match=f"^{message}" if not message.startswith("must") else message
    ):
        check(**fields)
