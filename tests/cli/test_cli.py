"""The command line as a user meets it: real subprocesses, real files, exit codes one by one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import faeval as fe

Faeval = Callable[..., "subprocess.CompletedProcess[str]"]

CLAIMS = """
import faeval as fe

def run(arm, seed):
    wobble = ((seed * 2654435761) % 1000) / 1000 - 0.5
    {extra}
    return {{"score": 0.2 + 0.1 * arm["dose"] + 0.02 * wobble * (1 + arm["dose"])}}

toy = fe.Experiment("toy", run, factors={{"dose": 0}}, metrics={{"score": (0, 1)}})
margin = fe.Margin(0.05, "half of a dose")

more_is_better = fe.Claim(
    "A dose raises the score",
    fe.exceeds(fe.metric("score", fe.Arm(dose=1)), fe.metric("score", fe.Arm()), by=margin, anticipated=0.1),
    attributed_to="dose",
    expect={expect!r},
)
"""  # noqa: E501


def write(
    folder: Path, *, extra: str = "pass", expect: str = "supported", name: str = "toy"
) -> Path:
    claims = folder / "claims"
    claims.mkdir(exist_ok=True)
    file = claims / f"{name}.py"
    file.write_text(CLAIMS.format(extra=extra, expect=expect))
    return file


def one_clear_line(result: subprocess.CompletedProcess[str], *needed: str, code: int = 2) -> None:
    assert result.returncode == code, result.stderr
    assert result.stderr.startswith("faeval: ")
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in needed:
        assert word in result.stderr, (word, result.stderr)


def test_verify_runs_decides_and_then_finds_everything_again(
    tmp_path: Path, faeval: Faeval
) -> None:
    write(tmp_path)
    first = faeval("verify", "--report", "out", "--workers", "2")
    assert first.returncode == 0, first.stderr
    assert "A dose raises the score" in first.stdout
    assert "supported" in first.stdout
    assert "10/10 runs" in first.stderr
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / ".faeval").rglob("*.json")}
    assert len(kept) == 10
    second = faeval("verify")
    assert second.returncode == 0
    assert second.stdout == first.stdout
    assert "runs" not in second.stderr
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / ".faeval").rglob("*.json")} == kept
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {"report.html", "report.md", "verdicts.json", "evidence.csv", "provenance.json"}
    again = faeval("verify", "--evidence", "out", "--offline", "--json")
    # Given by hand, evidence of an unregistered claim decides on all seeds it holds: the same five
    # here.
    assert (
        json.loads(again.stdout)["verdicts"]
        == json.loads((tmp_path / "out/verdicts.json").read_text())["verdicts"]
    )


def test_deciding_from_evidence_loads_no_torch(tmp_path: Path, rows: pd.DataFrame) -> None:
    write(tmp_path)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    code = (
        "import sys\n"
        "sys.argv = ['faeval', 'verify', '--evidence', 'rows.csv', '--offline', '--json']\n"
        "from faeval.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as error:\n"
        "    assert error.code == 0, error.code\n"
        "assert not {'torch', 'matplotlib'} & set(sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_json_is_one_object_on_stdout_and_agrees_with_the_exit_code(
    tmp_path: Path, faeval: Faeval
) -> None:
    write(tmp_path, expect="refuted")
    result = faeval("verify", "--json", "--workers", "1")
    content = json.loads(result.stdout)
    assert content["schema"]
    assert (
        content["exit_code"] == result.returncode == 1
    )  # drift: supported where refuted was expected
    (verdict,) = content["verdicts"]
    assert verdict["claim"] == "toy::more_is_better"
    assert verdict["verdict"] == "supported"
    assert verdict["as_expected"] is False


def test_an_open_claim_exits_0_and_with_strict_10(tmp_path: Path, faeval: Faeval) -> None:
    write(tmp_path)
    lone = faeval("verify", "--seeds", "1", "--workers", "1", "--json")
    assert json.loads(lone.stdout)["verdicts"][0]["verdict"] == "inconclusive"
    assert lone.returncode == 0
    assert faeval("verify", "--seeds", "1", "--strict", "--workers", "1").returncode == 10


def test_an_unexpected_invalid_exits_11(tmp_path: Path, faeval: Faeval) -> None:
    write(tmp_path, extra="return {'score': float('nan')}")
    result = faeval("verify", "--json", "--workers", "1")
    assert result.returncode == 11
    assert json.loads(result.stdout)["verdicts"][0]["reason_code"] == "undefined"


def test_a_failing_run_makes_its_claims_invalid_and_keeps_the_others(
    tmp_path: Path, faeval: Faeval
) -> None:
    write(tmp_path, extra="if seed == 3 and arm['dose']: raise RuntimeError('no disk for seed 3')")
    result = faeval("verify", "--json", "--workers", "1")
    (verdict,) = json.loads(result.stdout)["verdicts"]
    assert (verdict["verdict"], verdict["reason_code"]) == ("invalid", "error")
    assert "no disk for seed 3" in verdict["detail"]
    assert result.returncode == 11
    assert len(list((tmp_path / ".faeval").rglob("audit-*.json"))) == 9


def test_nothing_selected_exits_5(tmp_path: Path, faeval: Faeval) -> None:
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "none.py").write_text("x = 1\n")
    result = faeval("verify")
    assert result.returncode == 5
    assert "no claim" in result.stderr


def test_an_altered_record_exits_12_and_names_itself(tmp_path: Path, faeval: Faeval) -> None:
    write(tmp_path)
    assert faeval("verify", "--workers", "1").returncode == 0
    victim = sorted((tmp_path / ".faeval").rglob("audit-*.json"))[0]
    text = victim.read_text()
    assert re.search(r'"score"', text)
    victim.write_text(text.replace('"score"', '"scare"'))
    result = faeval("verify")
    one_clear_line(result, victim.name, code=12)


def test_an_altered_lock_exits_12(tmp_path: Path, faeval: Faeval) -> None:
    write(tmp_path)
    assert faeval("lock").returncode == 0
    lock = tmp_path / "claims" / "claims.lock"
    lock.write_text(lock.read_text().replace('"alpha": 0.05', '"alpha": 0.2', 1))
    one_clear_line(faeval("verify"), "claims.lock", code=12)


def test_registered_claims_decide_on_their_plan_and_changed_ones_are_invalid(
    tmp_path: Path,
    faeval: Faeval,
) -> None:
    file = write(tmp_path)
    assert faeval("lock").returncode == 0
    result = faeval("verify", "--json", "--workers", "1")
    (verdict,) = json.loads(result.stdout)["verdicts"]
    assert verdict["flags"] == []
    assert verdict["seeds"] == [1, 2, 3, 4, 5]
    early = json.loads(faeval("verify", "--seeds", "3", "--json", "--workers", "1").stdout)[
        "verdicts"
    ][0]
    assert early["reason_code"] == "plan_not_reached"
    apart = json.loads(faeval("verify", "--seeds", "7,8,9", "--json", "--workers", "1").stdout)[
        "verdicts"
    ][0]
    assert apart["flags"] == ["exploratory"]
    looked = json.loads(faeval("verify", "--seeds", "7,8,42", "--json", "--workers", "1").stdout)[
        "verdicts"
    ][0]
    assert looked["flags"] == ["reproduction"]
    file.write_text(file.read_text().replace("fe.Margin(0.05", "fe.Margin(0.06"))
    changed = faeval("verify", "--json", "--workers", "1")
    assert json.loads(changed.stdout)["verdicts"][0]["reason_code"] == "spec_changed"
    assert changed.returncode == 11
    one_clear_line(faeval("lock"), "toy::more_is_better", "another form")


def test_plan_prints_power_and_cost_and_runs_nothing(tmp_path: Path, faeval: Faeval) -> None:
    write(tmp_path)
    result = faeval("plan")
    assert result.returncode == 0, result.stderr
    assert re.search(r"\b10 runs, 0 ", result.stdout)
    assert (
        not list((tmp_path / ".faeval").rglob("*.json"))
        if (tmp_path / ".faeval").exists()
        else True
    )


def test_version_help_and_usage_errors(tmp_path: Path, faeval: Faeval) -> None:
    version = faeval("--version")
    assert (version.returncode, version.stdout.strip()) == (0, fe.__version__)
    assert faeval("--help").returncode == 0
    bare = faeval()
    assert bare.returncode == 2
    assert "verify" in bare.stdout
    unknown = faeval("verify", "--speed")
    assert unknown.returncode == 2
    assert "--speed" in unknown.stderr
    assert "Traceback" not in unknown.stderr


def test_debug_shows_the_traceback(tmp_path: Path, faeval: Faeval) -> None:
    result = faeval("verify", "nowhere.py", "--debug")
    assert "Traceback" in result.stderr
    assert result.returncode != 0


# --- bad input: one clear line each ---


def test_a_missing_claims_path(tmp_path: Path, faeval: Faeval) -> None:
    one_clear_line(faeval("verify", "nowhere.py"), "nowhere.py")


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("import faeval as fe\nx = (\n", ["bad.py:2", "never closed"]),
        ("import faeval as fe\n\n1 / 0\n", ["bad.py:3", "ZeroDivisionError"]),
        ("import nosuchmodule\n", ["bad.py:1", "nosuchmodule"]),
        ("import faeval as fe\nfe.Margin(0.1)\n", ["bad.py:2", "because", "0.1"]),
        ("import faeval as fe\nfe.Margin(-0.1, 'x')\n", ["bad.py:2", "-0.1", "float", ">= 0"]),
        ("import faeval as fe\nfe.Margin(float('nan'), 'x')\n", ["bad.py:2", "nan"]),
    ],
)
def test_a_claims_file_with_an_error_names_file_and_line(
    tmp_path: Path, text: str, needed: list[str], faeval: Faeval
) -> None:
    (tmp_path / "bad.py").write_text(text)
    one_clear_line(faeval("verify", "bad.py"), *needed)


def test_two_claims_of_one_name(tmp_path: Path, faeval: Faeval) -> None:
    file = write(tmp_path)
    text = file.read_text()
    file.write_text(text + text[text.index("more_is_better") :])
    one_clear_line(faeval("verify"), "more_is_better", "rename")


TEACHER = """
import faeval as fe
claim = fe.Claim("x", fe.exceeds(fe.metric({metric!r}, fe.Arm("dfa"{factors}){layers}), by=fe.Margin(0.1, "x")){seeds})
"""  # noqa: E501


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        ({"factors": ", colour=3"}, ["colour", "penalty"]),
        ({"factors": ", penalty=-1"}, ["penalty=-1", "below 0"]),
        ({"factors": ", blocks=0"}, ["blocks=0"]),
        ({"factors": ", credit_site='top'"}, ["'top'", "'output'", "'input'"]),
        ({"metric": "cosin"}, ["cosin", "cosine"]),
        ({"layers": ", layers=7"}, ["layer 7", "0..4"]),
        ({"layers": ", layers=fe.deep, epoch=7"}, ["epoch 7", "1, 20"]),
        ({"seeds": ", seeds=[]"}, ["names no seed"]),
        ({"seeds": ", seeds=[1, 2, 1]"}, ["repeats 1"]),
        ({"seeds": ", seeds=[1, -2]"}, ["-2", ">= 0"]),
        ({"seeds": ", seeds=0"}, ["seeds=0"]),
    ],
)
def test_a_claim_that_its_setting_cannot_read(
    tmp_path: Path, options: dict[str, str], needed: list[str], faeval: Faeval
) -> None:
    filled = {
        "metric": "cosine",
        "factors": "",
        "layers": ", layers=fe.deep",
        "seeds": "",
        **options,
    }
    (tmp_path / "claim.py").write_text(TEACHER.format(**filled))
    one_clear_line(faeval("verify", "claim.py"), *needed)


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        (["--setting", "imagenet"], ["imagenet", "teacher", "cifar10"]),
        (["--seeds", "0"], ["0"]),
        (["--seeds", "-3"], ["-3"]),
        (["--seeds", "1,1,2"], ["repeats 1"]),
        (["--seeds", "1,-1"], ["-1"]),
        (["--seeds", "many"], ["many", "42,123,456"]),
        (["--jsn"], ["--jsn", "--json"]),
        (["--workers", "0"], ["--workers", "at least 1"]),
        (["--time-limit", "soon"], ["--time-limit", "'soon'", "seconds"]),
        (["--backend", "threads"], ["--backend", "loky, dask, ray"]),
        (["--evidence", "nowhere.csv"], ["nowhere.csv"]),
        (["--setting", "cifar10", "--data", "nowhere"], ["nowhere", "plain_text"]),
        (["--setting", "cifar10"], ["--data", "FAEVAL_DATA"]),
    ],
)
def test_bad_options(tmp_path: Path, options: list[str], needed: list[str], faeval: Faeval) -> None:
    text = TEACHER.format(metric="cosine", factors="", layers=", layers=fe.deep", seeds="")
    (tmp_path / "claim.py").write_text(text)
    one_clear_line(faeval("verify", "claim.py", *options), *needed)


@pytest.mark.parametrize("option", ["--store", "--report"])
def test_a_folder_that_cannot_be_written_is_refused_before_any_run(
    tmp_path: Path, option: str, faeval: Faeval
) -> None:
    write(tmp_path)
    (tmp_path / "file").write_text("a file, not a folder")
    result = faeval("verify", option, "file/inside")
    one_clear_line(result, "file/inside" if option == "--report" else "inside")
    assert not list(tmp_path.rglob("audit-*.json"))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, run_faeval: Faeval) -> pd.DataFrame:
    """The evidence of the claims file, as text."""
    folder = tmp_path_factory.mktemp("evidence")
    write(folder)
    assert run_faeval(folder, "verify", "--report", "out", "--workers", "1").returncode == 0
    return pd.read_csv(folder / "out" / "evidence.csv", dtype=str, keep_default_na=False)


def test_evidence_that_is_no_table_at_all(
    tmp_path: Path, rows: pd.DataFrame, faeval: Faeval
) -> None:
    write(tmp_path)
    rows.drop(columns="seed").to_csv(tmp_path / "no_seed.csv", index=False)
    one_clear_line(faeval("verify", "--evidence", "no_seed.csv"), "no_seed.csv", "seed")
    words = rows.copy()
    words.loc[2, "value"] = "high"
    words.to_csv(tmp_path / "words.csv", index=False)
    one_clear_line(faeval("verify", "--evidence", "words.csv"), "words.csv", "value", "high", "4")
    (tmp_path / "empty.csv").write_text("")
    one_clear_line(faeval("verify", "--evidence", "empty.csv"), "empty.csv")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1\x00\x01")
    one_clear_line(faeval("verify", "--evidence", "cut.parquet"), "cut.parquet", code=12)


@pytest.mark.parametrize(
    ("spoil", "verdict", "code"),
    [
        ("repeat", "invalid", "unit_mismatch"),
        ("nan", "invalid", "undefined"),
        ("one arm gone at one seed", "inconclusive", "evidence_missing"),
    ],
)
def test_bad_rows_are_a_verdict_not_an_error(
    tmp_path: Path, spoil: str, verdict: str, code: str, rows: pd.DataFrame, faeval: Faeval
) -> None:
    write(tmp_path)
    table = rows.copy()
    if spoil == "repeat":
        table = pd.concat([table, table.iloc[[0]]])
    elif spoil == "nan":
        table.loc[0, "value"] = "nan"
    else:
        table = table.drop(index=0)
    table.to_csv(tmp_path / "spoilt.csv", index=False)
    result = faeval("verify", "--evidence", "spoilt.csv", "--json")
    (found,) = json.loads(result.stdout)["verdicts"]
    assert (found["verdict"], found["reason_code"]) == (verdict, code)
    assert result.returncode == (11 if verdict == "invalid" else 0)


def test_what_a_claims_file_or_a_run_prints_is_no_result(tmp_path: Path, faeval: Faeval) -> None:
    file = write(tmp_path, extra="print('said by a run')")
    file.write_text("print('said by the file')\n" + file.read_text())
    done = faeval("verify", "--json", "--workers", "1")
    assert json.loads(done.stdout)["exit_code"] == done.returncode == 0
    assert "said by the file" in done.stderr
    assert "said by a run" in done.stderr
