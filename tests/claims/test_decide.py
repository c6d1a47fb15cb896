"""Deciding: verdicts against other people's implementations of the same tests, and what must not
matter.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import ttest_1samp

import faeval as fe
from faeval import stats
from faeval.claims import REASONS, WORDS, Verdict
from faeval.errors import FaevalError
from faeval.experiment import Experiment
from faeval.reports import reason

Table = Callable[..., pd.DataFrame]
Make = Callable[..., fe.Claim]

columns = st.integers(2, 8).flatmap(
    lambda n: st.tuples(
        *[st.lists(st.integers(-400, 400).map(lambda k: k / 1000), min_size=n, max_size=n)] * 2
    )
)
margins = st.sampled_from([0.0, 0.05, 0.1, 0.3])


def one(claims: Any, evidence: Any, **arguments: Any) -> Verdict:
    (verdict,) = fe.decide(claims, evidence, **arguments)
    return verdict


def spread(a: Any, b: Any) -> bool:
    return float(np.std(np.subtract(a, b))) > 1e-12


# --- numbers ---


@settings(max_examples=25)
@given(columns, margins, st.sampled_from(["exceeds", "below", "not_above", "not_below"]))
def test_one_sided_claims_agree_with_scipys_t_test(
    table: Table, claim: Make, ab: Any, m: float, kind: str
) -> None:
    a, b = map(np.array, ab)
    found = one(claim(kind, m), table({"a": a, "b": b}))
    if not spread(a, b):
        assert found.reason_code == "no_spread"
        return
    d = a - b if kind in ("exceeds", "not_above") else b - a
    larger, smaller = (ttest_1samp(d, m, alternative=side).pvalue for side in ("greater", "less"))
    support, refute = (larger, smaller) if kind in ("exceeds", "below") else (smaller, larger)
    assertion = found.assertions[0]
    assert assertion.p_support == pytest.approx(support, abs=1e-9)
    assert assertion.p_refute == pytest.approx(refute, abs=1e-9)
    assert assertion.estimate == pytest.approx((a - b).mean(), abs=1e-12)
    assert assertion.sd == pytest.approx(np.std(a - b, ddof=1), abs=1e-12)
    assert found.n == len(a)
    if min(abs(support - 0.05), abs(refute - 0.05)) > 1e-6:
        expected = (
            "supported" if support <= 0.05 else "refuted" if refute <= 0.05 else "inconclusive"
        )
        assert found.verdict == expected


@settings(max_examples=25)
@given(columns, st.sampled_from([0.05, 0.1, 0.3]))
def test_equivalence_agrees_with_statsmodels_tost(
    table: Table, claim: Make, ab: Any, m: float
) -> None:
    ttost_paired = pytest.importorskip("statsmodels.stats.weightstats").ttost_paired
    a, b = map(np.array, ab)
    found = one(claim("equivalent", m), table({"a": a, "b": b}))
    if not spread(a, b):
        assert found.reason_code == "no_spread"
        return
    p, (_, low, _), (_, high, _) = ttost_paired(a, b, -m, m)
    assertion = found.assertions[0]
    assert assertion.p_support == pytest.approx(p, abs=1e-9)
    # Refuted: larger than m, or smaller than -m, two tails.
    assert assertion.p_refute == pytest.approx(min(1, 2 * min(1 - high, 1 - low)), abs=1e-9)
    if abs(p - 0.05) > 1e-6 and abs(assertion.p_refute - 0.05) > 1e-6:
        expected = (
            "supported"
            if p <= 0.05
            else "refuted"
            if assertion.p_refute <= 0.05
            else "inconclusive"
        )
        assert found.verdict == expected


@settings(max_examples=25)
@given(
    columns,
    margins,
    st.sampled_from(["exceeds", "below", "not_above", "not_below", "equivalent"]),
    st.integers(1, 3),
)
def test_the_interval_excludes_the_margin_exactly_where_it_is_decided(
    table: Table, claim: Make, ab: Any, m: float, kind: str, others: int
) -> None:
    if kind == "equivalent" and m == 0:
        m = 0.2
    family = [claim(kind, m)] + [claim("exceeds", 9.0, sentence=str(i)) for i in range(others - 1)]
    found = fe.decide(family, table({"a": ab[0], "b": ab[1]}))[0]
    if found.reason_code == "no_spread":
        return
    low, high = found.interval
    edge = -m if kind in ("below", "not_below") else m
    if kind == "equivalent":
        assert (found.verdict == "supported") is (-m < low and high < m)
        refuting = found.assertions[0].refuting
        assert refuting is not None
        assert (found.verdict == "refuted") is (refuting[0] > m or refuting[1] < -m)
    else:
        above, below = low > edge, high < edge
        if kind in ("below", "not_above"):
            above, below = below, above
        assert (found.verdict == "supported") is above
        assert (found.verdict == "refuted") is below


@settings(max_examples=25)
@given(columns, margins)
def test_swapping_the_arms_and_the_word_changes_nothing(table: Table, ab: Any, m: float) -> None:
    a, b = fe.metric("x", fe.Arm("a")), fe.metric("x", fe.Arm("b"))
    margin = fe.Margin(m, "r")
    pair = [
        fe.Claim("1", fe.exceeds(a, b, by=margin), attributed_to="rule", family="1"),
        fe.Claim("2", fe.below(b, a, by=margin), attributed_to="rule", family="2"),
        fe.Claim("3", fe.exceeds(b, a, by=margin), attributed_to="rule", family="3"),
    ]
    first, same, opposite = fe.decide(pair, table({"a": ab[0], "b": ab[1]}))
    assert (first.verdict, first.reason_code) == (same.verdict, same.reason_code)
    assert first.assertions[0].p_support == pytest.approx(same.assertions[0].p_support)
    assert not first.verdict == opposite.verdict == "supported"


def test_a_claim_of_two_assertions_needs_both_and_is_refuted_by_either_at_half_the_level(
    table: Table,
) -> None:
    a, b = fe.metric("x", fe.Arm("a")), fe.metric("x", fe.Arm("b"))
    values = {"a": [0.50, 0.52, 0.48, 0.51, 0.49], "b": [0.1, 0.15, 0.12, 0.05, 0.13]}
    d = np.subtract(values["a"], values["b"])
    holds, fails = (
        fe.exceeds(a, b, by=fe.Margin(0.1, "r")),
        fe.exceeds(a, b, by=fe.Margin(0.45, "r")),
    )
    both = one(fe.Claim("x", holds, fails, attributed_to="rule"), table(values))
    p = ttest_1samp(d, 0.45, alternative="less").pvalue
    assert both.adjusted_refute == pytest.approx(2 * p)
    assert both.verdict == ("refuted" if 2 * p <= 0.05 else "inconclusive") == "refuted"
    assert both.adjusted_support == pytest.approx(
        ttest_1samp(d, 0.45, alternative="greater").pvalue
    )
    assert "more than 0.45'" in reason(both)
    assert "more than 0.1" not in reason(both)
    assert (
        one(fe.Claim("x", holds, holds, attributed_to="rule"), table(values)).verdict == "supported"
    )


def test_refutation_by_opposite_sign_is_said_only_where_the_interval_shows_it(
    table: Table, claim: Make
) -> None:
    small = {"a": [0.31, 0.32, 0.30, 0.33, 0.31], "b": [0.30] * 5}
    reverse = {"a": [0.11, 0.12, 0.10, 0.13, 0.11], "b": [0.30] * 5}
    assert "opposite sign" not in reason(one(claim(), table(small)))
    assert "opposite sign" in reason(one(claim(), table(reverse)))
    assert "opposite sign" in reason(
        one(claim("below"), table({"a": reverse["b"], "b": reverse["a"]}))
    )


def test_agreement_is_two_tests_the_mean_and_the_quantile_over_states(table: Table) -> None:
    ttost_paired = pytest.importorskip("statsmodels.stats.weightstats").ttost_paired
    rng = np.random.default_rng(5)
    arm = fe.Arm("a")
    base, gap = rng.normal(0.5, 0.1, (4, 5)), rng.normal(0.0, 0.01, (4, 5))
    parts = [
        table({"a": side[layer]}, metric=metric, layer=layer + 1)
        for metric, side in (("x", base), ("y", base + gap))
        for layer in range(4)
    ]
    read = [fe.metric(m, arm, layers=fe.deep) for m in "xy"]
    found = one(fe.Claim("agree", fe.agree(*read, within=fe.Margin(0.05, "r"))), pd.concat(parts))
    mean, most = found.assertions
    assert found.verdict == "supported"
    assert mean.p_support == pytest.approx(
        ttost_paired(base.mean(0), (base + gap).mean(0), -0.05, 0.05)[0]
    )
    quantiles = np.quantile(np.abs(gap), 0.9, axis=0)
    assert most.differences == pytest.approx(quantiles - 0.05)
    assert most.p_support == pytest.approx(ttest_1samp(quantiles, 0.05, alternative="less").pvalue)
    parts[4] = table({"a": base[0] + 0.3}, metric="y", layer=1)  # one state disagrees, and no other
    apart = one(fe.Claim("agree", fe.agree(*read, within=fe.Margin(0.2, "r"))), pd.concat(parts))
    assert apart.assertions[0].p_support <= 0.05
    assert apart.verdict != "supported"


def test_deep_states_are_averaged_and_the_embedding_stands_alone(table: Table) -> None:
    parts = [
        table({"a": [layer + 0.1 * s * s for s in range(5)]}, layer=layer) for layer in range(4)
    ]
    arm = fe.Arm("a")
    for layers, mean in ((fe.deep, 2.0), (fe.embedding, 0.0), ((1, 3), 2.0), (3, 3.0)):
        wanted = fe.Claim("x", fe.exceeds(fe.metric("x", arm, layers=layers), by=fe.Margin(0, "r")))
        assert one(wanted, pd.concat(parts)).estimate == pytest.approx(mean + 0.6)


def test_sums_of_contrasts_are_computed_seed_by_seed(table: Table) -> None:
    rng = np.random.default_rng(0)
    v = {arm: rng.uniform(1, 2, 6) for arm in "abcd"}
    x = {arm: fe.metric("x", fe.Arm(arm)) for arm in "abcd"}
    total = (x["a"] - x["b"]) - (x["c"] - x["d"])
    found = one(
        fe.Claim("x", fe.exceeds(total, by=fe.Margin(0, "r")), attributed_to="rule"), table(v)
    )
    assert found.assertions[0].differences == pytest.approx(v["a"] - v["b"] - v["c"] + v["d"])
    ratio = fe.exceeds(fe.log10(x["a"]), fe.log10(2 * x["b"]), by=fe.Margin(0, "r"))
    found = one(fe.Claim("x", ratio, attributed_to="rule"), table(v))
    assert found.assertions[0].differences == pytest.approx(np.log10(v["a"] / v["b"] / 2))
    assert found.unit == "decades"


def test_the_last_epoch_is_the_settings_else_the_largest_in_evidence(
    table: Table, claim: Make
) -> None:
    late = {"a": [0.5, 0.6, 0.7], "b": [0.1, 0.12, 0.15]}
    early = {"a": [0.2, 0.21, 0.25], "b": [0.1, 0.12, 0.15]}
    both = pd.concat([table(late, epoch=30), table(early, epoch=1)])
    assert one(claim(), both).estimate == pytest.approx(np.subtract(late["a"], late["b"]).mean())
    at_one = fe.Claim(
        "x",
        fe.exceeds(
            fe.metric("x", fe.Arm("a"), epoch=1),
            fe.metric("x", fe.Arm("b"), epoch=1),
            by=fe.Margin(0, "r"),
        ),
        attributed_to="rule",
    )
    assert one(at_one, both).estimate == pytest.approx(np.subtract(early["a"], early["b"]).mean())
    own = Experiment(
        "toy",
        lambda arm, seed: {},
        factors={"rule": "a"},
        metrics=["x"],
        revision="1",
        last_epoch=lambda _: 1,
    )
    assert one(claim(experiment=own), both).estimate == pytest.approx(one(at_one, both).estimate)


# --- what must not matter ---


def mixed(table: Table) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    arms = {
        "a": rng.normal(0.5, 0.05, 6),
        "b": rng.normal(0.2, 0.05, 6),
        "c": rng.normal(0.45, 0.05, 6),
    }
    return table(arms, epoch=3)


def several(claim: Make) -> list[fe.Claim]:
    c, b = fe.metric("x", fe.Arm("c")), fe.metric("x", fe.Arm("b"))
    near = fe.Claim(
        "c near b", fe.equivalent(c, b, within=fe.Margin(0.05, "r")), attributed_to="rule"
    )
    return [
        claim(),
        claim("below"),
        near,
        claim("exceeds", 0.28),
        fe.Claim("apart", near.assertions[0]),
    ]


def dicts(verdicts: list[Verdict]) -> str:
    return json.dumps([v.to_dict() for v in verdicts], allow_nan=False, sort_keys=True)


@settings(max_examples=8)
@given(st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_global_generators_matter(
    table: Table, claim: Make, random: Any
) -> None:
    rows = mixed(table)
    expected = dicts(fe.decide(several(claim), rows))
    order = list(range(len(rows)))
    random.shuffle(order)
    np.random.seed(random.randrange(2**32))  # noqa: NPY002 - a global generator is what must not matter
    assert dicts(fe.decide(several(claim), rows.iloc[order])) == expected


def test_evidence_is_left_as_it_was_given(table: Table, claim: Make) -> None:
    rows = mixed(table)
    before = rows.copy(deep=True)
    fe.decide(several(claim), rows)
    pd.testing.assert_frame_equal(rows, before)


def test_a_table_a_csv_and_a_folder_give_the_same_bytes(
    table: Table, claim: Make, tmp_path: Path
) -> None:
    rows = mixed(table)
    rows.to_csv(tmp_path / "evidence.csv", index=False)
    expected = dicts(fe.decide(several(claim), rows))
    for source in (tmp_path / "evidence.csv", str(tmp_path / "evidence.csv"), tmp_path):
        assert dicts(fe.decide(several(claim), source)) == expected


def test_there_is_one_verdict_a_claim_in_their_order(table: Table, claim: Make) -> None:
    claims = several(claim)
    found = fe.decide(reversed(claims), mixed(table))
    assert [v.sentence for v in found] == [c.sentence for c in reversed(claims)]
    assert fe.decide([], mixed(table)) == []
    twice = fe.decide([claims[0], claims[0]], mixed(table))
    assert len(twice) == 2
    assert twice[0] == twice[1]
    assert twice[0].family_size == 1


anything = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=64),
    st.sampled_from([0.0, -0.0, 1e-320, 1e200, -1e300, 0.3, 0.31]),
)
statuses = st.sampled_from(
    ["measured", "measured", "measured", "below_floor", "undefined", "diverged"]
)
places = st.sampled_from([None, 0, 1, 2])
row_of_anything = st.tuples(
    st.sampled_from("abc"),
    st.integers(1, 5),
    places,
    places,
    anything,
    statuses,
    st.sampled_from(["", "sha256:1", "r"]),
)
rows_of_anything = st.lists(row_of_anything, min_size=1, max_size=40)


@settings(max_examples=25)
@given(rows_of_anything, st.sampled_from([None, 1, 3, [1, 2], [9]]))
def test_whatever_stands_in_evidence_each_claim_gets_one_verdict(
    claim: Make, rows: Any, seeds: Any
) -> None:
    evidence = pd.DataFrame(
        rows, columns=["arm", "seed", "epoch", "layer", "value", "status", "run"]
    )
    evidence = evidence.assign(setting="toy", metric="x")
    x = {arm: fe.metric("x", fe.Arm(arm)) for arm in "abc"}
    deep = {arm: fe.metric("x", fe.Arm(arm), layers=fe.deep) for arm in "abc"}
    m = fe.Margin(0.1, "r")
    claims = [
        *several(claim),
        claim(diverged="worst"),
        fe.Claim("log", fe.exceeds(fe.log10(x["a"]), fe.log10(x["b"]), by=m), attributed_to="rule"),
        fe.Claim("agree", fe.agree(deep["a"], deep["b"], within=m), attributed_to="rule"),
        fe.Claim(
            "log agree",
            fe.agree(fe.log10(deep["a"]), fe.log10(deep["b"]), within=m),
            attributed_to="rule",
        ),
        fe.Claim("deep", fe.equivalent(deep["c"], within=m)),
        fe.Claim(
            "sign",
            fe.exceeds(x["a"], x["b"], by=m),
            attributed_to="rule",
            test="sign",
            requires=claim(),
        ),
        fe.Claim(
            "flip", fe.exceeds(1e300 * x["a"], x["b"], by=m), attributed_to="rule", test="sign-flip"
        ),
    ]
    found = fe.decide(claims, evidence, seeds=seeds)
    assert [v.sentence for v in found] == [c.sentence for c in claims]
    for v in found:
        assert v.verdict in WORDS
        assert v.reason_code in REASONS[v.verdict]
        assert reason(v)
        json.dumps(v.to_dict(), allow_nan=False)
        if v.verdict in ("supported", "refuted"):
            assert all(np.isfinite(r.estimate) for r in v.assertions)
            assert v.n >= 2


def test_deciding_needs_no_torch(tmp_path: Path, table: Table) -> None:
    mixed(table).to_csv(tmp_path / "evidence.csv", index=False)
    code = (
        "import sys, faeval as fe\n"
        "a, b = fe.metric('x', fe.Arm('a')), fe.metric('x', fe.Arm('b'))\n"
        "claim = fe.Claim('x', fe.exceeds(a, b, by=fe.Margin(0.1, 'r')), attributed_to='rule')\n"
        f"print(fe.decide(claim, {str(tmp_path / 'evidence.csv')!r})[0].verdict)\n"
        "print([m for m in ('torch', 'statsmodels', 'matplotlib') if m in sys.modules])\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split("\n")[:2] == ["supported", "[]"]


def test_neither_the_order_of_claims_nor_the_process_that_decides_matters(
    tmp_path: Path, table: Table, claim: Make
) -> None:
    claims = several(claim)
    mixed(table).to_csv(tmp_path / "evidence.csv", index=False)
    (tmp_path / "claims.py").write_text(
        "import faeval as fe\na, b, c = (fe.metric('x', fe.Arm(arm)) for arm in 'abc')\ndef m(v):"
        " return fe.Margin(v, 'r')\none = fe.Claim('one', fe.exceeds(a, b, by=m(0.1)),"
        " attributed_to='rule', family='f')\ntwo = fe.Claim('two', fe.exceeds(a, b, by=m(0.28)),"
        " attributed_to='rule', family='f')\nthree = fe.Claim('three', fe.equivalent(c, b,"
        " within=m(0.05)), attributed_to='rule', family='f')\n"
    )
    code = (
        "import json, sys, numpy as np\n"
        "sys.path.insert(0, '.')\n"
        "import faeval as fe, claims\n"
        "np.random.seed(int(sys.argv[1]))\n"
        "order = [claims.one, claims.two, claims.three]\n"
        "order = order[int(sys.argv[1]):] + order[:int(sys.argv[1])]\n"
        "found = {v.sentence: v.to_dict() for v in fe.decide(order, 'evidence.csv')}\n"
        "print(json.dumps(found, sort_keys=True))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(i)], cwd=tmp_path, stdout=subprocess.PIPE)
        for i in (0, 2)
    ]
    found = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * 2
    assert found[0] == found[1]
    assert len(json.loads(found[0])) == 3
    assert dicts(fe.decide(claims[::-1], mixed(table))[::-1]) == dicts(
        fe.decide(claims, mixed(table))
    )


# --- settings ---


def test_of_several_settings_one_must_be_named(table: Table, claim: Make) -> None:
    rows = pd.concat([mixed(table), mixed(table).assign(setting="other", value=0.5)])
    with pytest.raises(FaevalError, match=r"2 settings \(other, toy\).*setting="):
        fe.decide(claim(), rows)
    assert one(claim(), rows, setting="toy").verdict == "supported"
    assert one(claim(), rows, setting="other").verdict == "inconclusive"
    with pytest.raises(FaevalError, match=r"setting='tyo' \(str\).*other, toy"):
        fe.decide(claim(), rows, setting="tyo")
    with pytest.raises(FaevalError, match="no row"):
        fe.decide(claim(), rows.iloc[:0])
    assert (
        one(claim(), rows.iloc[:0], setting="teacher").reason_code == "error"
    )  # teacher has neither rule a nor metric x


def test_what_is_no_evidence_is_an_error_and_no_verdict(
    table: Table, claim: Make, tmp_path: Path
) -> None:
    rows = mixed(table)
    for wrong in (
        rows.drop(columns="value"),
        rows.assign(seed="one"),
        rows.assign(status="fine"),
        tmp_path / "none.csv",
        5,
    ):
        with pytest.raises(FaevalError):
            fe.decide(claim(), wrong)
    for seeds in (0, -1, [], [1, 1], [-1], "5", True, [1.5]):
        with pytest.raises(FaevalError, match="seed"):
            fe.decide(claim(), rows, seeds=seeds)


# --- what stands beside a verdict ---


def test_leaving_out_each_seed_shows_what_hangs_on_one(table: Table, claim: Make) -> None:
    b = [0.1, 0.1, 0.1, 0.1, 0.1]
    steady = one(claim(), table({"a": [0.5, 0.52, 0.51, 0.49, 0.5], "b": b}))
    assert steady.without_each_seed == tuple((s, "supported") for s in range(1, 6))
    assert steady.fragile is False
    a = [0.26, 0.24, 0.30, 0.25, 0.27]
    for margin in np.linspace(0.1, 0.17, 30):
        found = one(claim("exceeds", float(margin)), table({"a": a, "b": b}))
        words = []
        for out in range(5):
            d = np.delete(np.subtract(a, b), out)
            p, q = (ttest_1samp(d, margin, alternative=side).pvalue for side in ("greater", "less"))
            words.append("supported" if p <= 0.05 else "refuted" if q <= 0.05 else "inconclusive")
        assert [word for _, word in found.without_each_seed] == words
        fragile = found.verdict == "supported" and set(words) != {"supported"}
        assert ("fragile" in found.flags) is fragile
    few = one(claim(), table({"a": [0.5, 0.52, 0.51, 0.49], "b": b[:4]}))
    assert (few.verdict, few.fragile) == ("supported", None)
    assert len(few.without_each_seed) == 4
    assert one(claim(), table({"a": [0.5, 0.51], "b": b[:2]})).without_each_seed == ()


def test_noise_of_the_evaluation_items_is_read_from_their_blocks(table: Table, claim: Make) -> None:
    a, b = np.array([0.30, 0.31, 0.29, 0.30, 0.32]), np.array([0.1, 0.11, 0.1, 0.12, 0.1])
    shifts = np.array([-4, -3, -2, -1, 1, 2, 3, 4]) * 0.02
    blocks = [table({"a": a + s, "b": b}, metric=f"x@{k}") for k, s in enumerate(shifts, start=1)]
    rows = pd.concat([table({"a": a, "b": b}), *blocks])
    error = shifts.std(ddof=1) / np.sqrt(8)
    estimate = (a - b).mean()
    for margin, flagged in ((estimate - 1.9 * error, True), (estimate - 2.1 * error, False)):
        found = one(claim("exceeds", margin), rows)
        assert found.assertions[0].item_error == pytest.approx(error)
        assert ("evaluation_set" in found.flags) is flagged
        assert found.verdict == "supported"
    assert (
        "evaluation_set"
        in one(claim("below", 0.0), pd.concat([table({"a": a, "b": a + 0.01 * b}), *blocks])).flags
    )
    for part in (
        rows[rows["metric"] != "x@3"],
        rows[~((rows["metric"] == "x@3") & (rows["seed"] == 2))],
        table({"a": a, "b": b}),
    ):
        found = one(claim("exceeds", estimate - error), part)
        assert found.assertions[0].item_error is None
        assert "evaluation_set" not in found.flags


def test_the_bound_on_unseen_failures_is_exact(table: Table, claim: Make) -> None:
    for n in (3, 5, 10):
        rows = table({"a": np.linspace(0.5, 0.6, n), "b": [0.1] * n})
        assert one(claim(), rows).unseen_failure_bound == pytest.approx(
            1 - 0.05 ** (1 / n)
        )  # Clopper-Pearson at zero


def test_coarse_metrics_are_flagged(table: Table, claim: Make) -> None:
    from faeval.experiment import Metric

    values = table({"a": [0.5, 0.51, 0.52], "b": [0.1, 0.1, 0.1]})
    for resolution, flagged in ((0.0, False), (0.004, False), (0.006, True)):
        own = Experiment(
            "toy",
            lambda arm, seed: {},
            factors={"rule": "a"},
            metrics={"x": Metric("x", resolution=resolution)},
            revision="1",
        )
        assert (
            "coarse" in one(claim(experiment=own), values).flags
        ) is flagged  # s.d. 0.01 against twice the step


def test_published_figures_stand_beside_ours_and_decide_nothing(table: Table, claim: Make) -> None:
    rows = table({"a": [0.5, 0.6, 0.7], "b": [0.1, 0.2, 0.15]})
    figures = [
        {"what": "a", "published": 0.61, "spread": 0.02, "side": "a"},
        {"what": "b", "published": 0.3, "spread": 0.02, "side": "b"},
        {"what": "difference", "published": 0.45, "source": "a paper"},
        {"what": "elsewhere", "published": 9.0, "setting": "cifar10"},
    ]
    found = one(claim(published=figures), rows)
    assert [(p["what"], p["within"]) for p in found.published] == [
        ("a", True),
        ("b", False),
        ("difference", None),
    ]
    assert [p["ours"] for p in found.published] == pytest.approx([0.6, 0.15, 0.45])
    assert found.published[2]["source"] == "a paper"
    bare = one(claim(), rows)
    assert (found.verdict, found.interval) == (bare.verdict, bare.interval)
    absent = one(claim(published=figures), rows, seeds=[9])
    assert [p["ours"] for p in absent.published] == [None] * 3


def test_a_verdict_says_what_a_reader_needs_and_nothing_that_json_cannot(
    table: Table, claim: Make
) -> None:
    rows = table({"a": [0.5, 0.6, 0.7, 0.55], "b": [0.1, 0.2, 0.15, 0.3]}, run="r1")
    full = one(claim(note="n", source="s", about="instrument", expect="supported"), rows).to_dict()
    assert json.loads(json.dumps(full, allow_nan=False)) == full
    assert (full["n"], full["seeds"], full["as_expected"], full["runs"]) == (
        4,
        [1, 2, 3, 4],
        True,
        ["r1"],
    )
    assert (full["note"], full["source"], full["about"]) == ("n", "s", "instrument")
    assert full["estimate"] == full["assertions"][0]["estimate"]
    assert full["over"] == "seeds"
    empty = one(claim(), rows, seeds=[99]).to_dict()
    assert json.loads(json.dumps(empty, allow_nan=False)) == empty
    assert (empty["estimate"], empty["interval"], empty["assertions"]) == (None, [None, None], [])


@pytest.mark.parametrize(
    ("expect", "values", "as_expected"),
    [
        ("supported", [0.5, 0.6, 0.7], True),
        ("refuted", [0.5, 0.6, 0.7], False),
        ("supported", [0.1, 0.11, 0.12], False),
        ("supported", [0.1, 0.9, 0.3], None),  # undecided is no drift
        ("inconclusive", [0.1, 0.9, 0.3], True),
        ("inconclusive:underpowered", [0.1, 0.9, 0.3], True),
        ("inconclusive:no_spread", [0.1, 0.9, 0.3], False),
        ("inconclusive", [0.5, 0.6, 0.7], False),
        ("any", [0.5, 0.6, 0.7], None),
        (None, [0.5, 0.6, 0.7], None),
        ("invalid:undefined", [0.5, float("nan"), 0.7], True),
        ("invalid:diverged", [0.5, float("nan"), 0.7], False),
        ("invalid", [0.5, float("nan"), 0.7], True),
        ({"toy": "supported"}, [0.5, 0.6, 0.7], True),
        ({"teacher": "refuted"}, [0.5, 0.6, 0.7], None),
    ],
)
def test_drift_is_a_decision_that_was_not_expected(
    table: Table, claim: Make, expect: Any, values: list[float], as_expected: bool | None
) -> None:
    found = one(claim(expect=expect), table({"a": values, "b": [0.1, 0.12, 0.11]}))
    assert found.as_expected is as_expected, found


def test_errors_measured_are_those_of_the_kind_that_errs_most(table: Table) -> None:
    kinds = ("exceeds", "equivalent")
    a, b = (fe.metric("x", fe.Arm(arm)) for arm in "ab")
    both = fe.Claim(
        "x",
        fe.exceeds(a, b, by=fe.Margin(0.1, "r")),
        fe.equivalent(a, b, within=fe.Margin(0.9, "r")),
        attributed_to="rule",
    )
    (verdict,) = fe.decide(both, table({"a": [0.5, 0.52, 0.49, 0.51, 0.5], "b": [0.1] * 5}))
    assert verdict.verdict == "supported"
    of_kind = {kind: {e.law: e for e in stats.measured_errors("t", 5, kind)} for kind in kinds}
    assert verdict.measured_errors
    for e in verdict.measured_errors:
        alone = [laws[e.law] for laws in of_kind.values() if e.law in laws]
        assert e.wrong_support == max(one.wrong_support for one in alone)
        assert e.wrong_refutation == max(one.wrong_refutation for one in alone)
