"""The core without the extras: what works, what is loaded, and what says which extra it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faeval._extras import require
from faeval.errors import FaevalError, MissingExtra

ROOT = Path(__file__).parents[1]
HEAVY = ["torch", "sklearn", "safetensors", "matplotlib", "statsmodels", "pytest", "hypothesis"]
HEAVY += ["openpyxl", "tbparse", "pyarrow", "PIL", "mlflow", "distributed", "ray"]

PENALTY = str(ROOT / "claims" / "penalty.py")
MLFLOW = ["--experiment", "lr", "--setting", "lr", "--arm", "rule=optimizer", "--seed", "seed"]

# Found by every process that is started, workers among them, before any package.
BLOCKER = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""
CLAIMS = """
import faeval as fe

def run(arm, seed):
    wobble = (seed * 7919 % 101 - 50) / 50
    return {"score": 0.2 + 0.1 * arm["dose"] + 0.02 * wobble * (1 + arm["dose"])}

toy = fe.Experiment("toy", run, factors={"dose": 0}, metrics={"score": (0, 1)})
claim = fe.Claim(
    "One dose raises the score",
    fe.exceeds(fe.metric("score", fe.Arm(dose=1)), fe.metric("score", fe.Arm()),
               by=fe.Margin(0.05, "half of a dose")),
    attributed_to="dose",
    seeds=range(5),
)
"""


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a claims file, from which nothing that an extra brings can be loaded."""
    folder = tmp_path_factory.mktemp("core")
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(BLOCKER)
    (folder / "claims").mkdir()
    (folder / "claims" / "toy.py").write_text(CLAIMS)
    return folder


def python(core: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FAEVAL_", "PYTEST_"))}
    env["PYTHONPATH"] = os.pathsep.join([str(core / "site"), str(ROOT)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=core,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_blocker_blocks(core: Path) -> None:
    for package in HEAVY:
        assert "ModuleNotFoundError" in python(core, "-c", f"import {package}").stderr


@pytest.mark.slow
def test_the_core_registers_runs_decides_and_reports_a_claim(core: Path) -> None:
    paths = ("claims", "--store", "store")
    steps = [
        (["lock", "claims"], ""),
        (["plan", *paths], "toy"),
        (["verify", *paths, "--workers", "1", "--report", "report"], "supported"),
        (["verify", *paths, "--workers", "2", "--seeds", "6"], "supported"),
        (["verify", "claims", "--evidence", "report"], "supported"),
        (["evidence", "check", "report/evidence.csv"], ""),
        (["report", "report"], ""),
        (["report", "report", "--check"], ""),
        (["lock", "claims", "--check"], ""),
    ]
    for arguments, expected in steps:
        done = python(core, "-m", "faeval", *arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        assert expected in done.stdout + done.stderr


def test_the_core_renders_a_page_with_figures_and_a_paper_needs_an_extra(core: Path) -> None:
    shutil.copytree(ROOT / "reports" / "width-digits-pilot", core / "digits")
    (core / "digits" / "report.html").unlink()
    asked = ["-m", "faeval", "report", "digits", "--claims", str(ROOT / "claims")]
    done = python(core, *asked)
    assert done.returncode == 0, done.stderr
    assert '<svg class="plot' in (core / "digits" / "report.html").read_text()
    done = python(core, *asked, "--figures")
    assert done.returncode == 2
    assert "a figure for a paper needs matplotlib" in done.stderr
    assert 'pip install "faeval[plots]"' in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (core / "digits" / "figures").exists()


def test_the_core_decides_published_evidence_and_checks_numbers(core: Path) -> None:
    done = python(core, "-m", "faeval", "verify", "--published", "cifar10-published-seeds")
    assert done.returncode == 0, done.stderr
    done = python(core, "-m", "faeval", "check-numbers", "--mean", "3.45", "--n", "17")
    assert done.returncode in (0, 1), done.stderr
    calibrate = "from faeval import calibration; print(len(calibration.shipped()))"
    assert int(python(core, "-c", calibrate).stdout) > 100


@pytest.mark.parametrize(
    ("arguments", "extras"),
    [
        (["-c", "import faeval as fe; fe.audit"], "bench"),
        (["-c", "from faeval.bench.rules import Rule"], "bench"),
        (["-c", "from faeval.testing import check_metric"], "bench,test-kit"),
        (["-m", "faeval", "verify", PENALTY, "--setting=teacher"], "bench"),
        (["-m", "faeval", "plan", PENALTY, "--setting=digits"], "bench"),
        (["-m", "faeval", "audit", "epoch-0001.safetensors"], "bench"),
        (["-m", "faeval", "check-metric", "math:hypot"], "bench,test-kit"),
        (["-m", "faeval", "calibrate"], "plots"),
        (["-m", "faeval", "verify", "claims", "--evidence", "table.parquet"], "data"),
        (["-m", "faeval", "verify", "claims", "--backend", "dask"], "dask"),
        (["-m", "faeval", "verify", "claims", "--backend", "ray"], "ray"),
        (["-m", "faeval", "evidence", "import", "mlflow:runs", "x.csv", *MLFLOW], "mlflow"),
    ],
)
def test_what_needs_an_extra_names_the_command(
    core: Path, arguments: list[str], extras: str
) -> None:
    (core / "table.parquet").touch()
    (core / "runs").mkdir(exist_ok=True)
    done = python(core, *arguments)
    assert f'pip install "faeval[{extras}]"' in done.stderr, done.stderr
    if arguments[0] == "-m":
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("room", "names", "extras"),
    [
        ("faeval", "audit register_metric register_network register_rule setting", ["bench"]),
        ("faeval", "register_metric", ["bench", "test-kit"]),
        (
            "faeval.testing",
            "check_metric check_rule metric_checks pairs parametrize_with_metric_checks signals"
            " takes_numpy",
            ["bench", "test-kit"],
        ),
        ("faeval.bench", "__init__", ["bench"]),
    ],
)
def test_what_needs_an_extra_says_so_in_its_docstring(
    room: str, names: str, extras: list[str]
) -> None:
    module = pytest.importorskip(room, exc_type=MissingExtra)
    for name in names.split():
        text = module.__doc__ if name == "__init__" else getattr(module, name, None).__doc__
        assert all(f"``{extra}``" in text for extra in extras), name


def test_a_missing_extra_is_an_error_of_ours_and_an_import_error() -> None:
    require("test-kit", "this test")
    assert issubclass(MissingExtra, FaevalError)
    assert issubclass(MissingExtra, ImportError)


@pytest.mark.parametrize(
    ("arguments", "light"),
    [
        (["-c", "import faeval"], ["numpy", "scipy", "pandas", "pydantic", "typer", "jinja2"]),
        (["-m", "faeval", "--help"], ["numpy", "scipy", "pandas", "pydantic", "jinja2", "joblib"]),
    ],
)
def test_starting_loads_no_heavy_library(arguments: list[str], light: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert "faeval" in loaded
    assert not loaded & {*HEAVY, *light}
