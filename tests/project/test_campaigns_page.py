"""docs/campaigns.md: its numbers are the simulation's, its options and its SLURM script are real.

python tests/project/test_campaigns_page.py --write     # writes the numbers into the page
"""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import faeval as fe

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "campaigns.md"
PART = re.compile(r"(<!-- (facts|table: machines) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

WORDS = """\
A campaign of {runs} runs, {hours of computing} hours of computing in all, the longest run {longest run in minutes} minutes;
two runs at a time on a machine; {overhead in seconds} s for each run besides, {overhead in all, in seconds} s in all.
Costliest first, the hours fall in step with the machines as long as there are many runs for each slot; in the plan's order,
long runs that come late keep few machines busy. No number of machines ends it before its longest run does: after
{machines after which nothing is gained} nothing is gained, and shorter runs, not more machines, are what helps.
"""  # noqa: E501


def written() -> str:
    made = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "machines.py"))
    costs = made["campaign"]()
    parts = {
        "facts": WORDS.format_map(made["facts"](costs)),
        "table: machines": made["table"](costs),
    }
    return PART.sub(
        lambda found: found[1] + parts[found[2]] + found[4], PAGE.read_text(encoding="utf-8")
    )


def test_the_numbers_are_the_simulations() -> None:
    assert len(PART.findall(PAGE.read_text(encoding="utf-8"))) == 2
    assert PAGE.read_text(encoding="utf-8") == written(), (
        "python tests/project/test_campaigns_page.py --write"
    )


def test_the_simulation_is_right_where_the_answer_is_known() -> None:
    finish = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "machines.py"))["finish"]
    assert finish([10.0] * 6, 2) == pytest.approx(30 + 3 * 0.05)
    assert finish([6.0, 4.0, 2.0], 2) == pytest.approx(6 + 2 * 0.05)  # 6 beside 4 and then 2
    assert finish([2.0, 4.0, 6.0], 2) == pytest.approx(8 + 2 * 0.05)  # 2 and then 6 beside 4
    assert finish([7.0, 1.0], 5) == pytest.approx(7.05)


def test_every_option_of_the_page_is_one_of_the_command() -> None:
    options = set(
        re.findall(
            r"`?(--(?!nworkers|nthreads|write)[a-z]+(?:-[a-z]+)*)", PAGE.read_text(encoding="utf-8")
        )
    )
    shown = subprocess.run(
        [sys.executable, "-m", "faeval", "verify", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {
        "--backend",
        "--cluster",
        "--retries",
        "--time-limit",
        "--workers",
        "--store",
    } <= options
    assert not [option for option in options if option not in shown]


def test_a_run_that_raises_does_to_its_claims_what_the_page_says(tmp_path: Path) -> None:
    def run(arm: Any, seed: int) -> dict[str, float]:
        if seed == 2:
            raise RuntimeError("no luck")
        return {"y": seed + arm["x"]}

    mine = fe.Experiment("mine", run, factors={"x": 0}, metrics=["y"])
    y = [fe.metric("y", arm) for arm in (fe.Arm(x=1), fe.Arm())]
    claim = fe.Claim(
        "x adds",
        fe.exceeds(*y, by=fe.Margin(0.1, "a tenth")),
        attributed_to="x",
        experiment=mine,
        seeds=(1, 2, 3),
    )
    report = fe.verify(claim, workers=1, store=tmp_path)
    (row,) = [
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if "a run raises an error" in line
    ]
    (verdict,) = report.verdicts
    assert f"`{verdict.verdict}: {verdict.reason_code}` (exit code {report.exit_code()})" in row


def test_the_slurm_script_makes_the_jobs_it_says() -> None:
    jobqueue = pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue; tox -e dask")
    call = re.search(r"SLURMCluster\((.*)\)\n", PAGE.read_text(encoding="utf-8"))
    assert call is not None
    given = eval(f"dict({call[1]})")  # our own page
    arguments = dict(given, n_workers=0, scheduler_options={"dashboard_address": None})
    with jobqueue.SLURMCluster(**arguments) as cluster:
        script = cluster.job_script()
    for line in (
        "#SBATCH -p cpu",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH -t 04:00:00",
        "#SBATCH --mem=15G",
    ):
        assert line in script, script
    assert {"--nworkers 2", "--nthreads 1"} <= set(re.findall(r"--n\w+ [0-9]+", script)), script


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    PAGE.write_text(written(), encoding="utf-8")
