"""The committed figures: measured again on another seed, beside earlier simulations of others, and
as they are written.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faeval import calibration
from faeval.calibration import TABLES, Cell, drifts, publish, shipped
from faeval.calibration._verify import as_csv, from_csv
from faeval.errors import FaevalError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
#: Tables that are counted out, and not drawn.
EXACT = ("rates", "identical")
COMMITTED = ROOT / "reports" / "calibration"


@pytest.fixture(scope="session")
def figures() -> dict[tuple[object, ...], Cell]:
    return {c.key: c for c in shipped()}


@pytest.fixture(scope="session")
def quick() -> list[Cell]:
    return calibration.calibrate(quick=True, seed=1)


# --- drift ---


def test_a_share_measured_on_another_seed_has_not_drifted(quick: list[Cell], figures) -> None:
    assert {c.key for c in quick} <= set(figures)
    assert {c.table for c in quick} == set(TABLES)
    assert [str(d) for d in drifts(quick, shipped())] == []


def test_a_figure_that_moves_is_named_and_no_other(quick: list[Cell]) -> None:
    reference = shipped()
    key = ("size", "t", "lognormal", 5, "", "wrong_refute")
    moved = [replace(c, rate=c.rate + 20 * c.error) if c.key == key else c for c in reference]
    (drift,) = drifts(quick, moved)
    assert drift.cell.key == key
    assert str(drift).startswith("size, t, lognormal, 5, wrong_refute: measured 0.1")


@pytest.mark.parametrize(
    ("table", "rule", "law", "detail", "measure"),
    [
        ("size", "t", "normal", "", "wrong_support"),
        ("size", "sign-flip", "t3", "", "wrong_refute"),
        ("size", "sign", "lognormal", "", "wrong_support"),
        ("families", "t", "normal", "5 claims, mixed kinds, correlation 0", "any wrong refutation"),
        ("assertions", "t", "normal", "3 assertions", "wrong_refute"),
    ],
)
def test_what_a_rule_promises_is_held_against_it_without_any_reference(
    table, rule, law, detail, measure
) -> None:
    good = Cell(table, rule, law, 5, detail, measure, 0.05, 0.0015, 20_000)
    assert drifts([good], []) == []
    (drift,) = drifts([replace(good, rate=0.06)], [])
    assert re.search(r"at most 0\.0500, .*promises", str(drift))


def test_no_promise_is_made_where_there_is_none() -> None:
    for rule, law in (("t", "lognormal"), ("sign-flip", "collapse"), ("z", "normal")):
        assert (
            drifts([Cell("size", rule, law, 5, "", "wrong_refute", 0.3, 0.003, 20_000)], []) == []
        )


# --- what is written ---


def test_the_committed_files_are_what_the_shipped_figures_give_byte_for_byte(
    tmp_path: Path,
) -> None:
    paths = publish(shipped(), tmp_path)
    assert {p.name for p in paths} == {p.name for p in COMMITTED.iterdir()}
    for path in paths:
        assert path.read_bytes() == (COMMITTED / path.name).read_bytes(), path.name


def test_shipped_figures_and_committed_tables_are_the_same() -> None:
    tables = [from_csv((COMMITTED / f"{t}.csv").read_text(), t) for t in TABLES]
    assert [c for table in tables for c in table] == shipped()
    assert as_csv(shipped()) == (ROOT / "faeval" / "stats" / "measured.csv").read_text()


def test_one_seed_gives_one_set_of_bytes_whatever_else_was_drawn(tmp_path: Path) -> None:
    first = list(
        TABLES["size"](400, 3, ns=(3, 5), rules=("t", "sign-flip", "percentile bootstrap"))
    )
    np.random.seed(9)  # noqa: NPY002 - a global generator is what must not matter
    again = list(
        TABLES["size"](400, 3, ns=(3, 5), rules=("t", "sign-flip", "percentile bootstrap"))
    )
    other = list(
        TABLES["size"](400, 4, ns=(3, 5), rules=("t", "sign-flip", "percentile bootstrap"))
    )
    assert as_csv(first) == as_csv(again) != as_csv(other)


def test_every_figure_is_a_rate_with_its_error() -> None:
    cells = shipped()
    assert len({c.key for c in cells}) == len(cells)
    for c in cells:
        assert 0 <= c.rate <= 1
        if c.table in EXACT:
            assert (c.error, c.reps) == (0, 0)
        else:
            assert 0 < c.error < 0.04
            assert c.reps >= 200


def test_a_table_of_other_columns_is_refused() -> None:
    with pytest.raises(FaevalError, match=r"^x\.csv: columns .*table, rule, law"):
        from_csv("a,b\n1,2\n", "x.csv")
    with pytest.raises(FaevalError, match=r"x\.csv: .* measure it again"):
        from_csv(as_csv([]) + "size,t,normal,five,,wrong_support,0.1,0.1,10\n", "x.csv")


# --- the command ---


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "faeval", "calibrate", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_quick_command_says_what_it_found() -> None:
    done = command("--quick", "--json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["exit_code"] == 0
    assert content["schema"] == "faeval-calibration-1"
    assert content["figures"] > 500
    assert content["drifts"] == []


@pytest.mark.parametrize("arguments", [("--no-such", "yaml"), ("--reps", "5"), ("--seed", "-1")])
def test_options_out_of_range_are_usage_errors(arguments: tuple[str, ...]) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert arguments[-2] in done.stderr


# --- earlier simulations of the same: origin: project policy, figures to two or three decimals ---

ONE_SAMPLE = """
normal     3  .049  .186  .000  .000   .245  .273
normal     4  .047  .142  .000  .000   .202  .200
normal     5  .051  .124  .000  .000   .153  .154
normal     6  .049  .105  .032  .032   .147  .149
normal     8  .052  .093  .041  .048   .116  .116
normal    10  .049  .079  .047  .047   .094  .098
normal    20  .050  .065  .049  .051   .066  .066
t3         3  .036  .167  .000  .000   .256  .295
t3         5  .037  .104  .000  .000   .169  .184
t3        10  .041  .074  .050  .049   .102  .124
t3        20  .043  .058  .046  .050   .088  .113
bimodal    3  .230  .252  .000  .000   .261  .261
bimodal    5  .066  .095  .000  .000   .097  .072
bimodal   10  .057  .087  .050  .050   .079  .037
lognormal  3  .121  .285  .000  .000   .326  .349
lognormal  5  .134  .211  .000  .000   .250  .234
lognormal  6  .135  .196  .083  .083   .213  .193
lognormal 10  .120  .154  .109  .114   .162  .144
lognormal 20  .103  .118  .173  .103   .122  .103
collapse   3  .431  .530  .000  .000   .538  .538
collapse   5  .329  .331  .000  .000   .349  .344
collapse  10  .111  .114  .107  .111   .131  .130
collapse  20  .075  .079  .205  .075   .088  .035
"""
RULES = ("t", "z", "wilcoxon", "sign-flip", "percentile bootstrap", "BCa bootstrap")
BOOTSTRAP = ("percentile bootstrap", "BCa bootstrap")


def theirs() -> list[tuple[str, int, str, float]]:
    rows = []
    for line in ONE_SAMPLE.split("\n"):
        if line:
            law, n, *rates = line.split()
            rows += [(law, int(n), rule, float(r)) for rule, r in zip(RULES, rates, strict=True)]
    return rows


def apart(rate: float, reps: int, cell: Cell, digits: float = 0.0005) -> float:
    """How many combined standard errors lie between an earlier figure and ours, rounding allowed
    for.
    """
    p = min(max(rate, 1 / reps), 1 - 1 / reps)
    gap = max(0.0, abs(rate - cell.rate) - digits)
    return gap / math.hypot(math.sqrt(p * (1 - p) / reps), cell.error)


@pytest.mark.parametrize(("law", "n", "rule", "rate"), theirs())
def test_two_sided_size_is_what_was_simulated_before(
    figures, law: str, n: int, rule: str, rate: float
) -> None:
    cell = figures["size", rule, law, n, "", "two_sided"]
    errors = apart(rate, 4000 if rule in BOOTSTRAP else 20_000, cell)
    assert errors < 4, f"{errors:.1f} errors apart: {rate} before, {cell.rate} now"


def pooled(n: int, k: int, icc: float) -> tuple[object, ...]:
    return "pooling", "t over rows", "normal", n, f"{k} rows, ICC {icc:g}", "two_sided"


def two(rule: str, n: int, law: str = "normal") -> tuple[object, ...]:
    return "two_samples", rule, law, n, "", "wrong_support"


def pairs(law: str, n: int) -> tuple[object, ...]:
    return "size", "t", f"paired {law} arms", n, "", "two_sided"


def three(n: int, effect: int, word: str) -> tuple[object, ...]:
    return "verdicts", "t", "normal", n, f"exceeds, effect {effect} margins", word


OTHERS = [
    *((two("Welch", n), r, 0.0005) for n, r in ((3, 0.041), (5, 0.046), (10, 0.049), (20, 0.048))),
    *(
        (two("Mann-Whitney", n), r, 0.0005)
        for n, r in ((3, 0.052), (5, 0.049), (10, 0.047), (20, 0.045))
    ),
    *(
        (two("ASO, threshold .5", n), r, 0.0005)
        for n, r in ((3, 0.218), (5, 0.203), (10, 0.191), (20, 0.181))
    ),
    *(
        (two("ASO, threshold .2", n), r, 0.0005)
        for n, r in ((3, 0.095), (5, 0.058), (10, 0.037), (20, 0.027))
    ),
    *(
        (two("percentile bootstrap, two samples", n), r, 0.0005)
        for n, r in ((3, 0.133), (5, 0.094), (10, 0.069), (20, 0.058))
    ),
    *((pairs("normal", n), r, 0.0005) for n, r in ((3, 0.050), (5, 0.051), (10, 0.050))),
    *((pairs("collapsing", n), r, 0.0005) for n, r in ((3, 0.022), (5, 0.015), (10, 0.035))),
    *((pairs("lognormal", n), r, 0.0005) for n, r in ((3, 0.032), (5, 0.032), (10, 0.036))),
    *((three(n, 0, "refuted"), r, 0.005) for n, r in ((3, 0.32), (5, 0.58), (10, 0.90))),
    *((three(n, 2, "supported"), r, 0.005) for n, r in ((3, 0.32), (5, 0.58), (10, 0.90))),
    *((three(n, 3, "supported"), r, 0.005) for n, r in ((3, 0.71), (5, 0.98), (10, 1.00))),
    (pooled(5, 4, 0.1), 0.08, 0.005),
    (pooled(5, 4, 0.6), 0.26, 0.005),
    (pooled(5, 10, 0.1), 0.14, 0.005),
    (pooled(5, 10, 0.6), 0.46, 0.005),
    *(
        (
            ("stopping", "t after each seed from 3", "normal", n, "two-sided", "ever decided"),
            r,
            0.005,
        )
        for n, r in ((5, 0.10), (10, 0.16), (20, 0.22), (50, 0.30))
    ),
    *(
        (
            (
                "assertions",
                "t, without the factor k",
                "normal",
                5,
                f"{k} assertions",
                "wrong_refute",
            ),
            r,
            0.0005,
        )
        for k, r in ((2, 0.098), (3, 0.141), (5, 0.225))
    ),
    (
        (
            "assertions",
            "t, without the factor 2",
            "normal",
            3,
            "equivalent, tiny margin",
            "wrong_refute",
        ),
        0.098,
        0.0005,
    ),
    *(
        (("fragile", "t", "normal", n, "at 80 % power", "fragile among supported"), r, 0.005)
        for n, r in ((5, 0.34), (10, 0.17))
    ),
    *(
        (("items", "t", "normal", n, "read as a claim about all items", "wrong_refute"), r, 0.005)
        for n, r in ((3, 0.11), (5, 0.18), (10, 0.25), (20, 0.32))
    ),
    # the worse direction of a lognormal arm against a tight one, and of a collapsing one
    *(
        (("size", "t", "lognormal arm, tight arm", n, "", "wrong_refute"), 0.155, 0.005)
        for n in (3, 5, 10)
    ),
    *(
        (("size", "t", "collapsing arm, tight arm", n, "", "wrong_support"), r, 0.005)
        for n, r in ((3, 0.42), (5, 0.33), (10, 0.11))
    ),
    (("size", "t", "bimodal", 3, "", "wrong_support"), 0.125, 0.0005),
    (("size", "t", "bimodal", 4, "", "wrong_support"), 0.062, 0.0005),
]


@pytest.mark.parametrize(
    ("key", "rate", "digits"), OTHERS, ids=lambda x: str(x) if isinstance(x, float) else None
)
def test_the_other_tables_are_what_was_simulated_before(
    figures, key, rate: float, digits: float
) -> None:
    errors = apart(rate, 20_000, figures[key], digits)
    assert errors < 4, f"{errors:.1f} errors apart: {rate} before, {figures[key].rate} now: {key}"
