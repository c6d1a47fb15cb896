"""Results that exist are compared as SciPy compares the same numbers, whatever shape they have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, example, given, settings, strategies as st
from scipy import stats

import faeval as fe
from faeval.errors import FaevalError
from faeval.pipeline._question import readings_of

OURS = [0.912, 0.905, 0.921, 0.899, 0.915]
BASE = [0.872, 0.869, 0.881, 0.86, 0.877]
VALUES = {"ours": OURS, "base": BASE}
ROWS = [(method, seed, v) for method, vs in VALUES.items() for seed, v in enumerate(vs)]
FRAME = pd.DataFrame(ROWS, columns=["method", "seed", "acc"])
BY = {"by": 0.01, "because": "a point"}


def comma(value: float) -> str:
    return str(value).replace(".", ",")


def long_csv(path: Path) -> Path:
    return _written(path / "long.csv", ["method,seed,acc", *(f"{m},{s},{v}" for m, s, v in ROWS)])


def semicolons(path: Path) -> Path:
    lines = ["Methode;Seed;acc", *(f"{m};{s};{comma(v)}" for m, s, v in ROWS)]
    return _written(path / "deutsch.csv", lines)


def by_seed(path: Path) -> Path:
    lines = ["method,seed0,seed1,seed2,seed3,seed4"]
    return _written(
        path / "s.csv", lines + [f"{m},{','.join(map(str, v))}" for m, v in VALUES.items()]
    )


def by_method(path: Path) -> Path:
    rows = [f"{s},{a},{b}" for s, (a, b) in enumerate(zip(OURS, BASE, strict=True))]
    return _written(path / "m.csv", ["seed,ours,base", *rows])


def records(path: Path) -> Path:
    return _written(path / "r.json", [FRAME.to_json(orient="records")])


def lists(path: Path) -> Path:
    return _written(path / "l.json", [json.dumps(VALUES)])


def arrays(path: Path) -> Path:
    np.savez(path / "a.npz", **{name: np.array(v) for name, v in VALUES.items()})
    return path / "a.npz"


def percent(path: Path) -> Path:
    lines = ["method,seed,acc", *(f"{m},{s},{100 * v:.1f}%" for m, s, v in ROWS)]
    return _written(path / "p.csv", lines)


def markdown(path: Path) -> Path:
    rows = [f"| {m} | {s} | {v} |" for m, s, v in ROWS]
    return _written(path / "t.md", ["| method | seed | acc |", "|---|---|---|", *rows])


def indexed(path: Path) -> pd.DataFrame:
    return FRAME.set_index(["method", "seed"])


def pivoted(path: Path) -> pd.DataFrame:
    return FRAME.pivot_table(index="seed", columns="method", values=["acc"])


def chart(path: Path) -> Path:
    """A chart of W&B as it is exported: a run logs at steps of its own, and others have gaps."""
    names = [f"{m}-{s}" for m, s, _ in ROWS]
    ends = ("", "__MIN", "__MAX")
    lines = [",".join(['"Step"', *(f'"{n} - acc{end}"' for n in names for end in ends)])]
    for step in (10, 20, 30):
        cells = [f'"{step}"']
        for i, (_, _, v) in enumerate(ROWS):
            has = step == 30 or (step == 20) == bool(i % 2)
            cells += [f'"{v if step == 30 else v - 0.5}"' if has else '""'] * 3
        lines.append(",".join(cells))
    return _written(path / "chart.csv", lines)


def _written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


SHAPES = (long_csv, semicolons, by_seed, by_method, records, lists, arrays, percent, markdown,
          indexed, pivoted, chart)  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_shape_gives_what_scipy_gives(shape: Callable[[Path], Any], tmp_path: Path) -> None:
    more: dict[str, Any] = {"take": "last"} if shape is chart else {}
    result = fe.compare(shape(tmp_path), "acc", "ours", "base", **BY, **more)
    verdict = result.verdict
    (found,) = verdict.assertions
    differences = np.subtract(OURS, BASE)
    above = stats.ttest_1samp(differences, 0.01, alternative="greater")
    both = stats.ttest_rel(OURS, BASE)
    assert (verdict.verdict, verdict.n) == ("supported", 5)
    assert found.estimate == pytest.approx(0.0386)
    assert found.interval == pytest.approx(list(both.confidence_interval(0.9)))
    assert (found.p_support, found.p_refute) == pytest.approx((above.pvalue, 1 - above.pvalue))
    assert found.a.values == pytest.approx(OURS)
    assert found.b.values == pytest.approx(BASE)


def test_unpaired_arms_give_what_scipys_welch_gives() -> None:
    ours = [*OURS, 0.93, 0.9, 0.89]
    rows = [("ours", f"x{i}", v) for i, v in enumerate(ours)]
    rows += [("base", f"y{i}", v) for i, v in enumerate(BASE)]
    frame = pd.DataFrame(rows, columns=["method", "seed", "acc"])
    verdict = fe.compare(frame, "acc", "ours", "base", **BY, unpaired=True).verdict
    (found,) = verdict.assertions
    theirs = stats.ttest_ind(ours, BASE, equal_var=False)
    above = stats.ttest_ind(ours, np.add(BASE, 0.01), equal_var=False, alternative="greater")
    assert found.estimate == pytest.approx(np.mean(ours) - np.mean(BASE))
    assert found.interval == pytest.approx(list(theirs.confidence_interval(0.9)))
    assert found.p_support == pytest.approx(above.pvalue)


def test_without_a_margin_the_effect_has_scipys_interval_of_95_percent() -> None:
    result = fe.compare(FRAME, "acc", "ours", "base")
    (effect,) = result.effects
    assert (result.report, effect.n) == (None, (5,))
    assert [effect.low, effect.high] == pytest.approx(
        list(stats.ttest_rel(OURS, BASE).confidence_interval(0.95))
    )
    with pytest.raises(FaevalError, match="by="):
        _ = result.verdict


def test_an_arm_is_compared_with_a_number_as_scipy_does() -> None:
    (found,) = fe.compare(FRAME, "acc", "ours", 0.9, by=0.005, because="x").verdict.assertions
    theirs = stats.ttest_1samp(OURS, 0.905, alternative="greater")
    assert found.p_support == pytest.approx(theirs.pvalue)


def test_questions_that_are_several_are_a_family() -> None:
    frame = pd.concat([FRAME.assign(task=t, acc=FRAME["acc"] + t / 50) for t in range(3)])
    grouped = fe.compare(frame, "acc", "ours", "base", **BY, group_by="task")
    alone = fe.compare(FRAME, "acc", "ours", "base", **BY).verdict
    assert [v.family_size for v in grouped.verdicts] == [3, 3, 3]
    assert max(v.adjusted_support for v in grouped.verdicts) > alone.adjusted_support


# -- how they are read does not matter

_NAMES = st.one_of(
    st.text(
        st.characters(exclude_categories=("C", "Z"), exclude_characters=",;\t|"), min_size=1,
        max_size=8,
    ),
    st.sampled_from(
        ["a=b", "NaN", "1e-3", "0.001", "1", "0", "True", "false", "nan", "x y", "k-NN (k=5)",
         "N/A", "mean", "a>b", "a < b", "ours", "Ours", "λ", 'say "x"', "None", "lr=0.1", "-",
         "1.10", "1.1"]
    ),
)  # fmt: skip
_TABLES = st.tuples(
    st.lists(_NAMES, min_size=2, max_size=2, unique=True),
    st.lists(st.integers(1, 999), min_size=8, max_size=8),
    st.lists(st.text("abcdefgh0123456789", min_size=1, max_size=5), min_size=4, max_size=4,
             unique=True),
)  # fmt: skip


def outcome(data: Any, a: str, b: str, **more: Any) -> tuple[Any, ...]:
    """What a comparison comes to: verdict and numbers, or that it is refused."""
    try:
        verdict = fe.compare(data, "acc", a, b, **{**BY, **more}).verdict
    except FaevalError:
        return ("refused",)
    return (
        verdict.verdict, verdict.reason_code,
        *((r.estimate, r.p_support, tuple(sorted(r.a.values))) for r in verdict.assertions),
    )  # fmt: skip


def _frame(names: list[str], values: list[int], seeds: list[str]) -> pd.DataFrame:
    rows = [(n, s, v / 1000) for n, vs in zip(names, (values[:4], values[4:]), strict=True)
            for s, v in zip(seeds, vs, strict=True)]  # fmt: skip
    return pd.DataFrame(rows, columns=["method", "seed", "acc"])


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_TABLES)
@example((["1e-3", "0.001"], [900, 910, 920, 905, 800, 810, 790, 805], ["a", "b", "c", "d"]))
@example((["NaN", "N/A"], [900, 910, 920, 905, 800, 810, 790, 805], ["a", "b", "c", "d"]))
def test_delimiters_signs_order_and_other_columns_do_not_matter(tmp_path: Path, table: Any) -> None:
    names, values, seeds = table
    frame = _frame(names, values, seeds)
    a, b = names
    wanted = outcome(frame, a, b)
    assert wanted[0] != "refused"
    others = frame.assign(method="another arm", acc=0.5)
    assume("another arm" not in names)
    shuffled = pd.concat([frame, others]).sample(frac=1, random_state=7)
    forms = {
        "rows": frame.iloc[::-1],
        "columns": frame[["acc", "seed", "method"]],
        "others": shuffled.assign(note="x", wall_time=[float(i) for i in range(len(shuffled))]),
        "index": frame.set_index(["method", "seed"]),
        "categories": frame.astype({"method": "category", "seed": "category"}),
    }
    for name, form in forms.items():
        assert outcome(form, a, b) == wanted, name
    files = {"comma.csv": (",", "."), "semicolon.csv": (";", ","), "tab.tsv": ("\t", ",")}
    for name, (delimiter, decimal) in files.items():
        frame.to_csv(tmp_path / name, sep=delimiter, decimal=decimal, index=False)
        assert outcome(tmp_path / name, a, b) == wanted, name
    frame.to_json(tmp_path / "rows.json", orient="records")
    assert outcome(tmp_path / "rows.json", a, b) == wanted
    signed = frame.assign(acc=[f"{v / 10:.1f} %" for v in values])
    assert outcome(signed, a, b) == wanted


@settings(max_examples=15)
@given(st.lists(st.integers(1, 999), min_size=8, max_size=8))
def test_below_is_above_the_other_way_round(values: list[int]) -> None:
    frame = _frame(["a", "b"], values, ["0", "1", "2", "3"])
    one = fe.compare(frame, "acc", question="a < b", **BY).verdict
    other = fe.compare(frame, "acc", question="b > a", **BY).verdict
    assert one.verdict == other.verdict
    for mine, theirs in zip(one.assertions, other.assertions, strict=True):
        assert mine.estimate == pytest.approx(-theirs.estimate)
        assert mine.p_support == pytest.approx(theirs.p_support)


@given(_NAMES, _NAMES)
@example("a>b", "c<d")
@example("lr=0.1", "lr=0.01")
@example("a < b", "c")
def test_a_question_asks_what_its_operator_says(a: str, b: str) -> None:
    asked = readings_of(f"{a} > {b}")
    assert (a, "exceeds", b) in [(q.a, q.kind, q.b) for q in asked]
    if len(asked) > 1:  # another operator stands in a name, with blanks around it
        assert " < " in a + b
    assert readings_of(f"{a} above {b}")[0].kind == "exceeds" or " < " in a + b


# -- two readings are refused


def _refused(data: Any, *words: str, **more: Any) -> str:
    with pytest.raises(FaevalError) as error:
        fe.compare(data, "acc", "ours", "base", **{**BY, **more})
    text = str(error.value)
    for word in words:
        assert word in text
    return text


def test_two_readings_are_refused(tmp_path: Path) -> None:
    texts = FRAME.assign(acc=[f"1,{1000 * v:.0f}" for v in FRAME["acc"]])
    _refused(texts, "two readings")
    points = FRAME.assign(acc=[f"1.{1000 * v:.0f}" for v in FRAME["acc"]])
    _refused(points.assign(time="1,5"), "two readings")
    pairs = FRAME.assign(rep=[0, 1, 2, 3, 4, 1, 0, 2, 3, 4])  # other pairs than by seed
    _refused(pairs, "'seed' or 'rep'", "seed='rep'")
    _refused(FRAME.assign(model=["base", "ours"] * 5), "'method' or 'model'", "arm='model'")
    courses = pd.concat([FRAME.assign(epoch=e) for e in range(3)])
    _refused(courses, "'epoch'", "take='last'", "take=2")
    scaled = FRAME.assign(acc=[100 * v if m == "ours" else v for m, _, v in ROWS])
    _refused(scaled, "percent")
    mixed = FRAME.assign(acc=[f"{v}%" if m == "ours" else str(v) for m, _, v in ROWS])
    _refused(mixed, "percent sign")
    parts = pd.concat([FRAME.assign(split=part) for part in ("train", "test")])
    for seed in (None, "seed"):  # their mean is no result
        _refused(parts, "--where split=", seed=seed)


def test_arms_that_differ_in_another_column_are_said() -> None:
    both = FRAME.assign(lr=[0.1] * 5 + [0.01] * 5, batch=32, note=list("abcdefghij"))
    notes = " ".join(fe.compare(both, "acc", "ours", "base", **BY).reading.notes)
    assert "'lr' (0.1 in ours, 0.01 in base)" in notes
    assert "'batch' (" not in notes
    assert "'note' (" not in notes


def test_names_that_are_numbers_are_arms_where_they_are_there() -> None:
    frame = FRAME.assign(method=[1] * 5 + [2] * 5)
    assert fe.compare(frame, "acc", 1, 2, **BY).verdict.assertions[0].estimate == pytest.approx(
        0.0386
    )
    wide = pd.DataFrame({"seed": range(5), "0.1": OURS, "0.01": BASE})
    (found,) = fe.compare(wide, "acc", question="0.1 > 0.01", **BY).verdict.assertions
    assert found.estimate == pytest.approx(0.0386)


def test_runs_of_a_chart_are_not_taken_for_those_of_another_arm(tmp_path: Path) -> None:
    text = chart(tmp_path).read_text(encoding="utf-8")
    other = _written(tmp_path / "other.csv", [text.replace("ours-", "big-ours-")])
    _refused(other, "no arm 'ours'", "big-ours", take="last")
    assert outcome(other, "base", "ours", take="last") == ("refused",)
    both = _written(
        tmp_path / "both.csv", [text.replace("ours-", "x-ours-").replace("base-", "x-base-")]
    )
    assert outcome(both, "ours", "base", take="last")[0] == "supported"
    header = '"Step","ours - acc","ours - acc__MIN","ours - acc__MAX"'
    groups = _written(tmp_path / "g.csv", [header, '"1","0.5","0.4","0.6"'])
    _refused(groups, "group", take="last")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"data": [1, 2]}, ("data", "list")),
        ({"data": FRAME["acc"]}, ("data", "Series", "reset_index")),
        ({"data": FRAME[:0]}, ("no rows",)),
        ({"data": pd.DataFrame()}, ("no rows",)),
        ({"data": "nowhere.csv"}, ("nowhere.csv",)),
        ({"data": pd.concat([FRAME, FRAME["acc"]], axis=1)}, ("'acc'", "once")),
        ({"metric": ["acc"]}, ("metric", "list")),
        ({"metric": "ac"}, ("'acc'",)),
        ({"a": None}, ("a=None",)),
        ({"a": "our"}, ("'ours'",)),
        ({"b": "ours"}, ("ours",)),
        ({"kind": "over"}, ("kind", "'over'", "exceeds")),
        ({"question": 3, "a": None, "b": None}, ("question", "int")),
        ({"question": "ours > base"}, ("question", "one of them")),
        ({"by": "1%"}, ("by='0.01'", "by='1.01x'")),
        ({"by": True}, ("True", "bool", "0.01")),
        ({"by": -1}, ("-1", ">= 0")),
        ({"by": "much"}, ("'much'", "1.05x")),
        ({"because": None}, ("because",)),
        ({"by": None}, ("because",)),
        ({"arm": ["method"]}, ("arm", "list")),
        ({"seed": "sed"}, ("'seed'",)),
        ({"take": "lst"}, ("take", "'lst'", "'last'")),
        ({"where": "method=ours"}, ("where", "str")),
        ({"where": {"task": 1}}, ("task",)),
        ({"where": {"method": "x"}}, ("no row",)),
        ({"group_by": "method"}, ("group-by", "method")),
        ({"value_range": (1, 0)}, ("value_range", "(1, 0)")),
        ({"value_range": (0, 0.9)}, ("0.912",)),
        ({"unpaired": "no"}, ("unpaired", "'no'")),
        ({"data": FRAME.assign(acc=[[1]] * 10)}, ("[1]",)),
        ({"data": FRAME.assign(acc=["oom"] * 10)}, ("'oom'", "diverged")),
        ({"data": FRAME.assign(acc=[True] * 10)}, ("rate=True",)),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused_with_its_remedy(arguments: Any, words: Any) -> None:
    given = {"data": FRAME, "metric": "acc", "a": "ours", "b": "base", **BY, **arguments}
    with pytest.raises(FaevalError) as error:
        fe.compare(**given)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_what_is_missing_is_undefined_in_every_kind_of_column(backend: Any) -> None:
    if backend == "pyarrow":
        pytest.importorskip("pyarrow")
    frame = FRAME.convert_dtypes(dtype_backend=backend)
    assert outcome(frame, "ours", "base")[0] == "supported"
    frame.loc[3, "acc"] = pd.NA
    assert outcome(frame, "ours", "base")[:2] == ("invalid", "undefined")
    assert outcome(frame.set_index(["method", "seed"], drop=False), "ours", "base")[0] == "invalid"
