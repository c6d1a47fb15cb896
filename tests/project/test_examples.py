"""docs/examples/: each example runs as a reader would run it, and prints what its page shows.

python tests/project/test_examples.py --write     # runs them all and writes what they print into
the page
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest

import faeval as fe
from faeval import claims, evidence

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PAGE = EXAMPLES / "README.md"
OUTPUT = re.compile(r"(<!-- output: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
COMMANDS = {
    "scikit_learn": ["faeval verify feature_loss.py"],
    "pytorch": ["faeval verify small_network.py"],
    "from_csv": ["python convert.py", "faeval verify scaling.py --evidence evidence.csv"],
}


def call(command: str, folder: Path, *, workers: bool = True) -> subprocess.CompletedProcess[str]:
    program, *arguments = command.split()
    start = [sys.executable, "-m", "faeval"] if program == "faeval" else [sys.executable]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    # One worker: several would each load torch, for runs of a tenth of a second.
    arguments += ["--workers", "1"] if program == "faeval" and workers else []
    done = subprocess.run(
        [*start, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done


def printed(name: str, folder: Path) -> str:
    """The example's commands and what they print, as the page shows them."""
    lines = []
    for command in COMMANDS[name]:
        done = call(command, folder)
        lines += [f"$ {command}", *(line.rstrip() for line in done.stdout.splitlines())]
    return "```console\n" + "\n".join(lines) + "\n```\n"


@pytest.fixture
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / request.param, tmp_path / request.param))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("copy", "name"), [(n, n) for n in COMMANDS], indirect=["copy"], ids=COMMANDS
)
def test_an_example_prints_what_the_page_shows(copy: Path, name: str) -> None:
    shown = {n: body for _, n, body, _ in OUTPUT.findall(PAGE.read_text())}
    assert set(shown) == set(COMMANDS)
    found = printed(name, copy)
    assert found == shown[name], f"run `python tests/project/{Path(__file__).name} --write`"
    for file in (f for f in (EXAMPLES / name).iterdir() if f.is_file()):
        assert (copy / file.name).read_bytes() == file.read_bytes(), (
            f"{name}/{file.name} is not what the example gives"
        )


@pytest.mark.slow
@pytest.mark.parametrize("copy", ["from_csv"], indirect=True)
def test_the_foreign_table_is_what_its_script_gives(copy: Path) -> None:
    assert call("python make_results.py", copy).stdout == (copy / "results.csv").read_text()


@pytest.mark.parametrize("copy", ["from_csv"], indirect=True)
def test_a_table_with_a_row_for_each_arm_and_seed_is_imported_by_the_command_of_the_page(
    copy: Path,
) -> None:
    (command,) = re.findall(r"<!-- command: import -->\n```sh\n(.*)\n```", PAGE.read_text())
    given = pd.read_csv(copy / "evidence.csv")
    factors = given["arm"].map(lambda label: dict(fe.Arm.parse(label))).apply(pd.Series)
    table = factors.join(given[["seed", "value"]]).rename(
        columns={"seed": "rep", "value": "accuracy"}
    )
    table.to_csv(copy / "table.csv", index=False)
    call(command, copy, workers=False)
    columns = ["setting", "arm", "seed", "metric", "value"]
    found = evidence.read(copy / "evidence.csv")[columns]
    pd.testing.assert_frame_equal(
        found, evidence.read(EXAMPLES / "from_csv" / "evidence.csv")[columns]
    )


@pytest.mark.parametrize("name", ["scikit_learn", "pytorch"])
def test_a_registered_example_stands_as_it_was_registered_with_the_spread_of_its_pilot(
    name: str,
) -> None:
    folder = EXAMPLES / name
    lock = claims.read_lock(folder / claims.NAME)
    found = claims.load([folder])
    assert {c.id: c.sha256() for c in found} == {i: c.sha256 for i, c in lock.claims.items()}
    pilot = evidence.read(folder / "pilot.csv")
    assert set(pilot["seed"]) == set(range(1000, 1006))
    for claim in found:
        assert claim.experiment is not None
        spreads = claims.pilot_spreads(claim, claims.EvidenceIndex(pilot), claim.experiment.name)
        assert lock.claims[claim.id].pilot == {claim.experiment.name: spreads}


def main() -> None:
    shown = {}
    for name in COMMANDS:
        with tempfile.TemporaryDirectory() as folder:
            shown[name] = printed(name, Path(shutil.copytree(EXAMPLES / name, Path(folder) / name)))
    PAGE.write_text(
        OUTPUT.sub(lambda m: m.group(1) + shown[m.group(2)] + m.group(4), PAGE.read_text())
    )
    sys.stdout.write(f"wrote {PAGE.name}\n")


if __name__ == "__main__":
    main()
