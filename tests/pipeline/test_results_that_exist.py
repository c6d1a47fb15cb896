"""Files of results as they lie around, through import and a claims file: a right verdict, or a
refusal that says what to do.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import faeval as fe
from faeval import pipeline
from faeval.claims import Verdict
from faeval.errors import EvidenceError, FaevalError
from faeval.evidence import import_table, read, write_csv, write_parquet

OURS, BASE = (0.912, 0.905, 0.921, 0.899, 0.915), (0.872, 0.869, 0.881, 0.860, 0.877)
CLAIMS = """
import faeval as fe

arms = {arms!r}
a, b = (fe.metric("acc", arm if isinstance(arm, str) else fe.Arm(**arm)) for arm in arms)
better = fe.Claim("The first is better", fe.exceeds(a, b, by=fe.Margin(0.01, "one point")), attributed_to={to!r}{more})
"""  # noqa: E501
Cells = list[list[Any]]


def clean(ours: str = "ours", base: str = "base") -> Cells:
    """Rows of method, seed and acc: ours is above base by 0.0386."""
    return [
        [name, seed, value]
        for name, values in ((ours, OURS), (base, BASE))
        for seed, value in enumerate(values)
    ]


def courses(ends: Mapping[str, Sequence[int]]) -> Cells:
    """Rows of method, seed, epoch and acc: the runs of each arm end at these epochs, where they are
    as good as above.
    """
    final = {"ours": OURS, "base": BASE}
    return [
        [name, seed, epoch, final[name][seed] - 0.02 * (end - epoch)]
        for name, all_ends in ends.items()
        for seed, end in enumerate(all_ends)
        for epoch in range(1, end + 1)
    ]


def table(rows: Cells, columns: Sequence[str] = ("method", "seed", "acc")) -> pd.DataFrame:
    return pd.DataFrame(
        [[str(cell) for cell in row] for row in rows], columns=list(columns), dtype=object
    )


def decided(cells: pd.DataFrame, folder: Path, **options: Any) -> Verdict:
    """The verdict on ours against base, by a CSV file, its import and a claims file."""
    arms = options.pop("arms", ({"rule": "ours"}, {"rule": "base"}))
    to, more = (
        options.pop("to", next(iter(arms[0])) if isinstance(arms[0], dict) else "rule"),
        options.pop("more", ""),
    )
    cells.to_csv(folder / "results.csv", index=False)
    given = {"arm": {"rule": "method"}, "metrics": ["acc"]} | options
    write_csv(import_table(folder / "results.csv", "mine", **given).table, folder / "evidence.csv")
    (folder / "claims.py").write_text(CLAIMS.format(arms=arms, to=to, more=more))
    return pipeline.verify(folder / "claims.py", from_evidence=folder / "evidence.csv").verdicts[0]


def replaced(row: int, value: object) -> Cells:
    rows = clean()
    rows[row][2] = value
    return rows


EPOCHS = ("method", "seed", "epoch", "acc")


@pytest.mark.parametrize(
    ("cells", "options", "word", "says"),
    [
        (table(clean()), {}, "supported", "decided"),
        (table(replaced(4, "nan")), {}, "invalid", "undefined"),
        (table(replaced(4, "N/A")), {}, "invalid", "undefined"),
        (table(replaced(4, "inf")), {}, "invalid", "undefined"),
        (table(replaced(4, "")), {}, "invalid", "undefined"),
        (table([*clean(), ["mean", "", ""]]), {}, "supported", "decided"),
        (table([*clean(), ["ours", "mean", "0.9104"]]), {}, "supported", "decided"),
        (table([row for row in clean() if row[:2] != ["ours", 4]]), {}, "inconclusive", "seed 4"),
        (
            table([*clean(), *(["ours", seed, 0.91] for seed in (5, 6, 7))]),
            {},
            "inconclusive",
            "8 seeds",
        ),
        (
            table([[n, s + 100 * (n == "base"), v] for n, s, v in clean()]),
            {},
            "inconclusive",
            "share none",
        ),
        (
            table(
                [[*row, "crashed" if row[:2] == ["ours", 3] else "finished"] for row in clean()],
                ("method", "seed", "acc", "State"),
            ),
            {},
            "invalid",
            "diverged",
        ),
        (
            table(
                [[*row, "Killed" if row[:2] == ["ours", 3] else "ok"] for row in clean()],
                ("method", "seed", "acc", "how"),
            ),
            {"status": "how"},
            "invalid",
            "diverged",
        ),
        (
            table(
                [[*row, row[:2] == ["base", 0]] for row in clean()],
                ("method", "seed", "acc", "failed"),
            ),
            {},
            "invalid",
            "diverged",
        ),
        (
            table(courses({"ours": [7, 6, 5, 4, 3], "base": [7, 6, 5, 4, 3]}), EPOCHS),
            {"take": "last"},
            "supported",
            "decided",
        ),
        (
            table(courses({"ours": [9, 9, 9, 6, 6], "base": [9] * 5}), EPOCHS),
            {"take": "last"},
            "invalid",
            "9, 9, 9, 6, 6",
        ),
        (
            table(courses({"ours": [20] * 5, "base": [10] * 5}), EPOCHS),
            {"take": "last"},
            "invalid",
            "20 against 10",
        ),
        (
            table(courses({"ours": [20] * 5, "base": [10] * 5}), EPOCHS),
            {"take": "max"},
            "invalid",
            "20 against 10",
        ),
        (
            table(courses({"ours": [20] * 5, "base": [10] * 5}), EPOCHS),
            {},
            "invalid",
            "20 against 10",
        ),
        (
            table(courses({"ours": [20] * 5, "base": [10] * 5}), EPOCHS),
            {"to": ("rule", "epoch")},
            "supported",
            "decided",
        ),
        (
            table(courses({"ours": [20] * 5, "base": [10] * 5}), EPOCHS),
            {"take": 10},
            "refuted",
            "decided",
        ),
        (table(courses({"ours": [10] * 5, "base": [10] * 5}), EPOCHS), {}, "supported", "decided"),
    ],
)
def test_a_file_read_rightly_gives_its_verdict(
    cells: pd.DataFrame, options: dict[str, Any], word: str, says: str, tmp_path: Path
) -> None:
    verdict = decided(cells, tmp_path, **options)
    assert verdict.verdict == word, verdict.detail
    assert says in f"{verdict.reason_code} {verdict.detail}"
    if word == "supported":
        assert verdict.estimate == pytest.approx(0.0386)
        assert verdict.n == 5


@pytest.mark.parametrize(
    ("ours", "base"),
    [
        ("1.10", "1.1"),
        ("007", "7"),
        ("12e3", "NaN"),
        ("1e-3", "0.001"),
        ("True", "true"),
        ("None", "none"),
        ("lr=0.10", "lr=0.1"),
        ("Random Forest", "k-NN (k=5)"),
        ("a,b", "a+b"),
        ("it's", '"so"'),
        ("2024", "2025"),
    ],
)
@pytest.mark.parametrize("factor", ["rule", "method", None])
def test_names_are_words_whatever_they_look_like(
    ours: str, base: str, factor: str | None, tmp_path: Path
) -> None:
    cells = table(clean(ours, base))
    options: dict[str, Any] = {"arm": {factor: "method"}} if factor else {"arm": None}
    arms = tuple({factor or "rule": name} for name in (ours, base))
    cells = cells if factor else cells.rename(columns={"method": "arm"})
    verdict = decided(cells, tmp_path, arms=arms, **options)
    assert (verdict.verdict, verdict.n) == ("supported", 5), verdict.detail
    assert verdict.estimate == pytest.approx(0.0386)


def test_names_that_look_alike_are_told_apart_where_their_seeds_differ(tmp_path: Path) -> None:
    rows = clean("1.1", "1.2") + [
        [f"{name}0", seed + 5, value - 0.3] for name, seed, value in clean("1.1", "1.2")
    ]
    for factor in ("rule", "version"):
        arms = tuple({factor: name} for name in ("1.1", "1.2"))
        verdict = decided(table(rows), tmp_path, arms=arms, arm={factor: "method"})
        assert (verdict.verdict, verdict.n) == ("supported", 5)


TOY = {"arm": {"rule": "method"}, "metrics": ["acc"]}


@pytest.mark.parametrize(
    ("cells", "options", "says"),
    [
        (table([*clean(), clean()[0]]), {}, ["seed 0", "row 0", "row 10", "0.912", "keep one"]),
        (
            table([*clean(), ["ours", 0, 0.999]]),
            {},
            ["seed 0", "row 0", "row 10", "0.912", "0.999"],
        ),
        (table(replaced(4, "OOM")), {}, ["row 4", "OOM", "status"]),
        (table([*clean(), ["ours", "", 0.9]]), {}, ["row 10", "seed"]),
        (
            table([[*row, "running"] for row in clean()], ("method", "seed", "acc", "state")),
            {},
            ["running", "not over"],
        ),
        (
            table(courses({"ours": [9, 9, 9, 6, 6], "base": [9] * 5}), EPOCHS),
            {},
            ["ours", "seed 3 at 6", "--last", "--best", "--at"],
        ),
        (
            table(courses({"ours": [9, 9, 9, 6, 6], "base": [9] * 5}), EPOCHS),
            {"take": 8},
            ["2 runs", "ours seed 3", "epoch 8"],
        ),
        (table(clean()), {"take": "last"}, ["--epoch"]),
        (table(courses({"ours": [1], "base": [1]}), EPOCHS), {"take": "best"}, ["'best'", "max"]),
    ],
)
def test_a_file_with_two_readings_is_refused(
    cells: pd.DataFrame, options: dict[str, Any], says: list[str]
) -> None:
    with pytest.raises(EvidenceError) as error:
        import_table(cells, "mine", **(TOY | options))
    assert all(word in str(error.value) for word in says), error.value
    assert len(str(error.value)) <= 2000


FOLDS = table(
    [
        [name, rep, fold, base + 0.001 * fold + 0.01 * rep]
        for name, base in (("ours", 0.9), ("base", 0.8))
        for rep in range(4)
        for fold in range(5)
    ],
    ("method", "rep", "fold", "acc"),
)


def test_folds_are_no_seeds_and_are_averaged_where_it_is_said(tmp_path: Path) -> None:
    for seed, other in (("rep", "fold"), ("fold", "rep")):
        with pytest.raises(EvidenceError, match=rf" '{other}'.*fold.*--average\b"):
            import_table(FOLDS, "mine", seed=seed, **TOY)
    found = import_table(FOLDS, "mine", seed="rep", average="fold", **TOY).table
    assert found["value"].tolist() == pytest.approx(
        [base + 0.002 + 0.01 * rep for base in (0.8, 0.9) for rep in range(4)]
    )
    with pytest.raises(EvidenceError, match="differ in fold 2"):
        import_table(FOLDS.drop(index=2), "mine", seed="rep", average="fold", **TOY)
    undefined = import_table(
        FOLDS.assign(acc=FOLDS["acc"].mask(FOLDS.index == 2, "nan")),
        "mine",
        seed="rep",
        average="fold",
        **TOY,
    )
    assert undefined.table["status"].value_counts().to_dict() == {"measured": 7, "undefined": 1}


def test_a_log_of_steps_has_no_number_where_a_cell_is_empty(tmp_path: Path) -> None:
    rows = []
    for name, seed, value in clean():
        rows += [[name, seed, epoch, 0.5, ""] for epoch in (0, 1, 2)]
        rows += [[name, seed, epoch, "", value] for epoch in (0, 1, 2)]
    columns = ("method", "seed", "epoch", "loss", "acc")
    assert decided(table(rows, columns), tmp_path, take="last").verdict == "supported"
    lost = table([[*row[:4], "" if row[:2] == ["base", 2] else row[4]] for row in rows], columns)
    assert decided(lost, tmp_path, take="last").reason_code == "undefined"


def evidence(value: object, **columns: Any) -> pd.DataFrame:
    rows = [("mine", name, seed, "acc", v) for name, seed, v in clean()]
    made = pd.DataFrame(rows, columns=["setting", "arm", "seed", "metric", "value"]).assign(
        **columns
    )
    return made.astype({"value": object}).assign(
        value=lambda t: t["value"].where(t.index != 4, value)
    )


CLAIM = fe.Claim(
    "ours is better",
    fe.exceeds(
        fe.metric("acc", fe.Arm("ours")),
        fe.metric("acc", fe.Arm("base")),
        by=fe.Margin(0.01, "a point"),
    ),
    attributed_to="rule",
)
STATES = ["failed" if i == 4 else "finished" for i in range(10)]


def fifth(bad: object, good: object) -> list[object]:
    return [bad if state == "failed" else good for state in STATES]


#: Columns that say that the fifth run was lost.
SAY_SO = {
    "crashed": fifth(True, False),
    "failed": fifth("Y", "N"),
    "is_failed": fifth("t", "f"),
    "IsFailed": fifth("yes", "no"),
    "Killed": fifth("x", ""),
    "has_error": fifth(True, False),
    "exit_code": fifth(1, 0),
    "ExitCode": fifth("0:9", "0:0"),
    "return_code": fifth("-9", "0"),
    "completed": fifth(False, True),
    "Finished": fifth("0", "1"),
    "success": fifth("n", "y"),
    "ok": fifth("no", "yes"),
    "outcome": fifth("crashed", "completed"),
    "result": fifth("failure", "success"),
    "EXIT STATUS": fifth("FAILED", "COMPLETED"),
    "STATUS": fifth("failed", "finished"),
}
#: Columns of such names that hold what was measured.
SAY_NOTHING = {
    "error": fifth(0.25, 0.5),
    "success": fifth(0.25, 1.0),
    "completed": fifth(7, 12),
    "result": fifth(0.5, 0.25),
    "failure": fifth(None, None),
}


def as_csv(t: pd.DataFrame, folder: Path) -> Path:
    t.to_csv(folder / "e.csv", index=False)
    return folder / "e.csv"


def as_parquet(t: pd.DataFrame, folder: Path) -> Path:
    t.to_parquet(folder / "e.parquet")
    return folder / "e.parquet"


ROUTES: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "DataFrame": lambda t, folder: t,
    "nullable": lambda t, folder: t.convert_dtypes(),
    "csv": as_csv,
    "parquet": as_parquet,
    "written csv": lambda t, folder: write_csv(read(t), folder / "w.csv") or folder / "w.csv",
    "written parquet": lambda t, folder: (
        write_parquet(read(t), folder / "w.parquet") or folder / "w.parquet"
    ),
}


# the other routes go by one of these
SHORT = ("DataFrame", "csv", "parquet")
BY_ROUTE = [pytest.param(r, marks=pytest.mark.slow if r not in SHORT else ()) for r in ROUTES]


@pytest.mark.parametrize("route", BY_ROUTE)
@pytest.mark.parametrize(
    ("made", "code"),
    [
        (evidence(0.915), "decided"),
        (evidence(None), "undefined"),
        (evidence(float("nan")), "undefined"),
        (evidence(float("inf")), "undefined"),
        (evidence(0.915, status=STATES), "diverged"),
        (evidence(None, status=STATES), "diverged"),
        (evidence(0.915, State=STATES), "diverged"),
        *((evidence(0.915, **{name: cells}), "diverged") for name, cells in SAY_SO.items()),
        *((evidence(0.915, **{name: cells}), "decided") for name, cells in SAY_NOTHING.items()),
        (evidence(0.915, **{" Epoch": [10] * 5 + [9] * 5}), "confounded"),
        (evidence(0.915, LAYER=3), "unit_mismatch"),
    ],
)
def test_a_cell_means_the_same_by_every_route(
    route: str, made: pd.DataFrame, code: str, tmp_path: Path
) -> None:
    if route == "parquet":
        pytest.importorskip("pyarrow")
        made = made.astype({"value": "float64"})
    source = ROUTES[route](made, tmp_path)
    (verdict,) = fe.decide(CLAIM, source)
    assert verdict.reason_code == code, verdict.detail
    assert pipeline.verify(CLAIM, from_evidence=source).verdicts[0] == verdict


READ_AT = r"\bseed 4 at 9\b.*\b10\b"


@pytest.mark.parametrize("route", ROUTES)
def test_runs_of_one_row_that_are_read_at_different_epochs_are_named(
    route: str, tmp_path: Path
) -> None:
    if route == "parquet":
        pytest.importorskip("pyarrow")
    made = evidence(0.915, epoch=[10, 10, 10, 10, 9] * 2).astype({"value": "float64"})
    (verdict,) = fe.decide(CLAIM, ROUTES[route](made, tmp_path))
    assert verdict.verdict == "supported"
    told = [w.detail for w in verdict.warnings if "epoch" in w.detail]
    for arm, detail in zip(("ours", "base"), told, strict=True):
        assert f"'{arm}'" in detail
        assert re.search(READ_AT, detail)
    assert "unlike_epochs" in verdict.flags
    (verdict,) = fe.decide(CLAIM, made.assign(epoch=10))
    assert "unlike_epochs" not in verdict.flags
    assert not any("epoch" in warning.detail for warning in verdict.warnings)


def test_an_import_says_that_runs_are_read_at_different_epochs() -> None:
    rows = [[name, seed, 9 if seed == 4 else 10, value] for name, seed, value in clean()]
    notes = import_table(table(rows, EPOCHS), "mine", **TOY).notes
    assert [note for note in notes if "ours" in note and re.search(READ_AT, note)]
    whole = table(courses({"ours": [7, 6, 5, 4, 3], "base": [7] * 5}), EPOCHS)
    (note,) = (n for n in import_table(whole, "mine", take="last", **TOY).notes if "epochs" in n)
    assert "runs of ours" in note
    assert re.search(r"\bseed 0 at 7\b.*\bseed 1 at 6\b", note)
    assert not import_table(
        table(courses({"ours": [7] * 5, "base": [7] * 5}), EPOCHS), "mine", **TOY
    ).notes


def test_an_epoch_that_one_side_does_not_state_is_no_epoch_of_the_other() -> None:
    half = evidence(0.915, epoch=[10] * 5 + [None] * 5)
    (verdict,) = fe.decide(CLAIM, half)
    assert (verdict.verdict, verdict.reason_code) == ("invalid", "confounded")
    assert "10 against none stated" in verdict.detail
    both = fe.Claim("ours is better", *CLAIM.assertions, attributed_to=("rule", "epoch"))
    assert fe.decide(both, half)[0].verdict == "supported"
    assert fe.decide(CLAIM, evidence(0.915))[0].verdict == "supported"


def test_a_number_that_has_no_epoch_is_of_the_runs_beside_it() -> None:
    ours = evidence(0.915, epoch=10).query("arm == 'ours'")
    rows = pd.concat(
        [ours, ours.assign(metric="chance", value=0.5 + 0.001 * ours["seed"], epoch=None)]
    )
    acc, chance = (fe.metric(name, fe.Arm("ours")) for name in ("acc", "chance"))
    above = fe.exceeds(acc, chance, by=fe.Margin(0.1, "what a user notices"))
    assert fe.decide(fe.Claim("ours learns", above), rows)[0].verdict == "supported"
    alone = fe.exceeds(acc, by=fe.Margin(0.6, "what a user notices"))
    assert fe.decide(fe.Claim("ours is accurate", alone), rows)[0].verdict == "supported"
    # Of two arms it is as good as none: nothing says at which epoch the other was measured.
    other = fe.exceeds(
        acc, fe.metric("chance", fe.Arm("base")), by=fe.Margin(0.1, "what a user notices")
    )
    base = rows.assign(arm=rows["arm"].where(rows["metric"] == "acc", "base"))
    assert (
        fe.decide(fe.Claim("ours learns", other, attributed_to="rule"), base)[0].reason_code
        == "confounded"
    )


@pytest.mark.parametrize(
    ("column", "cells", "says"),
    [
        ("failed", fifth("maybe", "no"), ["row 4", "column failed holds 'maybe'", "yes or no"]),
        ("Diverged", fifth(12, 0), ["row 4", "column Diverged holds '12'", "yes or no"]),
        ("exit_code", fifth("?", "0"), ["row 4", "column exit_code holds '?'"]),
    ],
)
def test_a_column_that_says_how_runs_ended_is_read_or_refused(
    column: str, cells: Any, says: list[str]
) -> None:
    for route in (
        read,
        lambda t: import_table(t, "mine", **(TOY | {"arm": None, "metrics": None})),
    ):
        with pytest.raises(EvidenceError) as error:
            route(evidence(0.915, **{column: cells}))
        assert all(word in str(error.value) for word in says), error.value


@pytest.mark.parametrize("column", ["outcome", "success", "error", "State"])
def test_a_column_that_may_say_how_runs_ended_is_never_left_out_unsaid(
    column: str, tmp_path: Path
) -> None:
    made = evidence(0.915, **{column: fifth("bad luck", "good luck")})
    for source in (made, as_csv(made, tmp_path)):
        (verdict,) = fe.decide(CLAIM, source)
        assert [
            w
            for w in (warning.detail for warning in verdict.warnings)
            if repr(column) in w and "not read" in w and "good luck" in w
        ]
        assert pipeline.verify(CLAIM, from_evidence=source).verdicts[0] == verdict
    notes = import_table(made, "mine", **(TOY | {"arm": None, "metrics": None})).notes
    assert [note for note in notes if repr(column) in note and "not read" in note]


def test_a_metric_may_be_called_as_columns_are_that_say_how_runs_ended() -> None:
    rows = table([[n, s, v, s % 2] for n, s, v in clean()], ("method", "seed", "success", "failed"))
    found = import_table(rows, "mine", **(TOY | {"metrics": ["success", "failed"]})).table
    assert found["status"].eq("measured").all()
    assert found["metric"].nunique() == 2


@pytest.mark.parametrize(
    ("one", "other"), [("Epoch", "epoch"), ("failed", "FAILED"), ("Layer", "LAYER")]
)
def test_columns_that_differ_in_case_alone_are_refused_by_name(
    one: str, other: str, tmp_path: Path
) -> None:
    made = evidence(0.915, **{one: 0, other: 0})
    long: dict[str, Any] = TOY | {"arm": None, "metrics": None}
    routes: list[Callable[[], Any]] = [lambda: read(made), lambda: read(as_csv(made, tmp_path))]
    for route in (*routes, lambda: import_table(made, "mine", **long)):
        with pytest.raises(EvidenceError, match=rf"'{one}' and '{other}' .*\bcase\b"):
            route()


@pytest.mark.parametrize("status", ["failed", "exit_code"])
def test_the_column_of_the_status_may_hold_yes_and_no_or_a_code(status: str) -> None:
    rows = table([[n, s, v, int(s == 4)] for n, s, v in clean()], ("method", "seed", "acc", status))
    found = import_table(rows, "mine", status=status, **TOY).table
    assert found.loc[found["status"] == "diverged", "seed"].tolist() == [4, 4]


def methods() -> fe.Experiment:
    """No name of this module: a claim that is decided here would be taken for one about it."""
    factors, metrics = {"method": "base", "lr": 0.1}, {"acc": (0, 1)}
    return fe.Experiment("mine", lambda arm, seed: {}, factors=factors, metrics=metrics)


@pytest.mark.parametrize(
    ("ours", "base"),
    [
        ("method=ours", "method=base"),
        ("lr=0.1+method=ours", ""),
        ("method='ours'+lr=1e-1", "lr=0.10+method=base"),
    ],
)
def test_an_arm_is_the_same_however_its_label_is_written(
    ours: str, base: str, tmp_path: Path
) -> None:
    made = evidence(0.915).replace({"arm": {"ours": ours, "base": base}})
    claim = fe.Claim(
        "ours is better",
        fe.exceeds(
            fe.metric("acc", fe.Arm(method="ours")),
            fe.metric("acc", fe.Arm()),
            by=fe.Margin(0.01, "a point"),
        ),
        attributed_to="method",
        experiment=methods(),
    )
    (verdict,) = fe.decide(claim, made)
    assert (verdict.verdict, verdict.n) == ("supported", 5), verdict.detail
    report = pipeline.verify(claim, from_evidence=made)
    assert report.verdicts == (verdict,)
    assert set(report.evidence["arm"]) == {ours, base}  # and its digest: the table as it was given
    again = pd.concat(
        [made, made[made["arm"] == base].assign(arm="method=base" if base != "method=base" else "")]
    )
    assert fe.decide(claim, again)[0].reason_code == "unit_mismatch"


def test_an_arm_spelled_in_two_ways_is_asked_about() -> None:
    made = evidence(0.915).replace({"arm": {"ours": "lr=0.10", "base": "lr=0.1"}})
    claim = fe.Claim(
        "x", fe.exceeds(fe.metric("acc", fe.Arm(lr=0.1)), by=fe.Margin(0.01, "a point"))
    )
    with pytest.raises(FaevalError, match=r"'lr=0\.10', 'lr=0\.1'"):
        fe.decide(claim, made)


LOST = "{'metric': 'x', 'epoch': 6, 'value': 0, 'status': 'diverged'}"
RUNS = """
import faeval as fe

def run(arm, seed):
    end = {ends}
    good = arm["epochs"] / 100 + 0.5 * (arm["method"] == "ours")
    rows = [{{"metric": "x", "epoch": e, "value": good * (1 + seed / 1000)}} for e in range(1, end + 1)]
    return rows + {more}

toy = fe.Experiment("toy", run, factors={{"method": "base", "epochs": 8}}, metrics=["x"], revision="1")
ours, base = fe.Arm(method="ours"), fe.Arm()
better = fe.exceeds(fe.metric("x", {a}{at}), fe.metric("x", base{at}), by=fe.Margin(0.01, "r"))
claim = fe.Claim("Better", better, attributed_to={to})
"""  # noqa: E501


@pytest.mark.parametrize(
    ("how", "code", "says"),
    [
        ({}, "decided", ""),
        ({"ends": "8 + 2 * (arm['method'] == 'ours')"}, "confounded", "epoch (10 against 8)"),
        ({"ends": "8 + 2 * (arm['method'] == 'ours')", "at": ", epoch=8"}, "decided", ""),
        ({"ends": "8 + 2 * (arm['method'] == 'ours')", "to": "('method', 'epoch')"}, "decided", ""),
        (
            {"to": "('method', 'epoch')"},
            "confounded",
            "epoch and method",
        ),
        ({"ends": "arm['epochs']", "a": "fe.Arm(epochs=20)", "to": "'epochs'"}, "decided", ""),
        ({"ends": "8 - (seed == 3)"}, "unit_mismatch", "seed 2 at 8, seed 3 at 7"),
        ({"ends": "8 - (seed == 3)", "at": ", epoch=7"}, "decided", ""),
        ({"ends": "8 - 3 * (seed == 3)", "more": f"[{LOST}] * (seed == 3)"}, "diverged", "seed 3"),
    ],
)
def test_where_runs_end_is_no_hidden_difference(
    how: dict[str, str], code: str, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "toy.py"
    file.write_text(
        RUNS.format(**({"ends": "8", "a": "ours", "at": "", "to": "'method'", "more": "[]"} | how))
    )
    report = pipeline.verify(file, store=tmp_path / "store", workers=1)
    (verdict,) = report.verdicts
    assert verdict.reason_code == code, verdict.detail
    assert says in verdict.detail
    checks = dict(report.inputs[0].checks)
    assert bool(checks["confounded"]) == (code == "confounded")
    if code == "confounded" or not how:
        pipeline.publish(report, tmp_path / "report")
        assert pipeline.check([tmp_path / "report"], file).exit_code == 0


ALL = (0, 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("plan", "seeds", "beyond"),
    [
        ({}, ALL, ()),
        ({"seeds": [0, 1, 2]}, (0, 1, 2), (3, 4)),
        ({"seeds": {"mine": [1, 2]}}, (1, 2), (0, 3, 4)),
        ({"seeds": {"other": [1]}}, ALL, ()),
    ],
)
def test_a_plan_that_is_written_holds_for_evidence_by_hand(
    plan: Any, seeds: Any, beyond: Any, tmp_path: Path
) -> None:
    claim = fe.Claim("ours is better", *CLAIM.assertions, attributed_to="rule", **plan)
    report = pipeline.verify(claim, from_evidence=evidence(0.915))
    verdict = report.verdicts[0]
    assert (verdict.seeds, verdict.beyond_plan) == (seeds, beyond)
    assert fe.decide(claim, evidence(0.915), seeds=[1, 2, 4])[0].seeds == (1, 2, 4)


def test_a_written_plan_that_is_not_there_is_open() -> None:
    five = fe.Claim(
        "ours is better", *CLAIM.assertions, attributed_to="rule", seeds=5
    )  # seeds 1 to 5
    (verdict,) = fe.decide(five, evidence(0.915))
    assert (verdict.reason_code, verdict.seeds) == ("plan_not_reached", (1, 2, 3, 4))
    assert five.sha256() == CLAIM.sha256()  # whether it was written is not what it says


def test_the_command_line_asks_which_epoch_is_read(tmp_path: Path) -> None:
    rows = courses({"ours": [7, 6, 5, 4, 3], "base": [7, 6, 5, 4, 3]})
    table(rows, EPOCHS).to_csv(tmp_path / "r.csv", index=False)
    command = [
        sys.executable,
        "-m",
        "faeval",
        "evidence",
        "import",
        "r.csv",
        "e.csv",
        "--setting",
        "mine",
    ]
    command += ["--arm", "rule=method", "--metric", "acc"]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.search(r"\bseed 0 at 7\b.*\bseed 1 at 6\b", refused.stderr)
    assert not (tmp_path / "e.csv").exists()
    done = subprocess.run(
        [*command, "--last"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert read(tmp_path / "e.csv")["epoch"].tolist() == [7, 6, 5, 4, 3] * 2


@pytest.mark.parametrize(
    ("take", "epochs"),
    [
        # The best of a course is known at its end.
        ("max", [7, 6, 5, 4, 3]),
        ("min", [7, 6, 5, 4, 3]),
        (3, [3] * 5),
        ("last", [7, 6, 5, 4, 3]),
    ],
)
def test_each_run_is_read_at_the_epoch_that_was_said(take: str | int, epochs: list[int]) -> None:
    rows = table(courses({"ours": [7, 6, 5, 4, 3], "base": [7, 6, 5, 4, 3]}), EPOCHS)
    found = import_table(rows, "mine", take=take, **TOY).table
    assert found["epoch"].tolist() == epochs * 2


def test_a_run_that_failed_early_has_failed_at_every_epoch() -> None:
    rows = table(courses({"ours": [9, 9, 9, 9, 4], "base": [9] * 5}), EPOCHS)
    lost = (rows["method"] == "ours") & (rows["seed"] == "4")
    rows["state"] = lost.map({True: "failed", False: "finished"})
    for take, epoch in ((9, 9), ("last", 4), (None, 4)):
        found = import_table(rows, "mine", take=take, **TOY).table
        assert found[found["status"] == "diverged"].groupby("seed")["epoch"].max().to_dict() == {
            4: epoch
        }
        (verdict,) = fe.decide(CLAIM, found)
        assert verdict.reason_code == "diverged"


def test_what_was_left_unread_is_said_before_the_verdicts(tmp_path: Path) -> None:
    said: list[str] = []
    made = evidence(0.915, outcome=["fine", "weird"] * 5)
    pipeline.verify(CLAIM, from_evidence=made, notice=said.append)
    assert [line for line in said if "outcome" in line]
