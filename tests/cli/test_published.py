"""``faeval verify --published``: the committed pages, decided again from what the wheel holds."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from faeval.pipeline import PUBLISHED

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the wheel would install."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert sum(entry.file_size for entry in archive.infolist()) < 10e6
        archive.extractall(folder / "installed")
    return folder / "installed"


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("FAEVAL_")} | {
        "PYTHONPATH": str(installed)
    }
    command = [sys.executable, "-m", "faeval", "verify", "--published", *arguments]
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_installed_decides_the_page_again_byte_for_byte(
    unpacked: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.faeval]\nsetting = "digits"\nseeds = 3\n'
    )  # another project's
    done = run(unpacked, tmp_path, name, "--json")
    assert done.stdout.encode() == (ROOT / "reports" / name / "verdicts.json").read_bytes(), (
        done.stderr
    )
    assert done.returncode == json.loads(done.stdout)["exit_code"] == 0
    assert f"{name}: all {len(json.loads(done.stdout)['verdicts'])} verdicts" in done.stderr
    assert "differs" not in done.stderr
    assert not (tmp_path / ".faeval").exists()


def test_a_moved_verdict_is_drift(unpacked: Path, tmp_path: Path) -> None:
    copy = tmp_path / "installed"
    shutil.copytree(unpacked, copy)
    file = copy / "faeval/published/reports/cifar10-published-seeds/verdicts.json"
    said = json.loads(file.read_text())
    moved = next(v for v in said["verdicts"] if v["verdict"] == "supported")
    moved["verdict"] = "refuted"
    file.write_text(json.dumps(said))
    done = run(copy, tmp_path, "cifar10-published-seeds")
    assert done.returncode == 1, done.stderr
    assert re.search(
        rf"\b1 of {len(said['verdicts'])} verdicts .*: {re.escape(moved['claim'])}", done.stderr
    )


def test_altered_evidence_is_refused(unpacked: Path, tmp_path: Path) -> None:
    copy = tmp_path / "installed"
    shutil.copytree(unpacked, copy)
    file = copy / "faeval/published/reports/cifar10-published-seeds/evidence.csv.gz"
    packed = file.read_bytes()
    table = gzip.decompress(packed)
    assert table == (ROOT / "reports/cifar10-published-seeds/evidence.csv").read_bytes()
    altered = gzip.compress(table.replace(b",measured,", b",undefined,", 1))
    for content in (altered, packed[:-9], packed.replace(packed[100:110], bytes(10)), table):
        file.write_bytes(content)
        done = run(copy, tmp_path, "cifar10-published-seeds")
        assert done.returncode == 12, done.stderr
        assert "Traceback" not in done.stderr


def test_an_installation_without_them_says_so(unpacked: Path, tmp_path: Path) -> None:
    copy = tmp_path / "installed"
    shutil.copytree(unpacked, copy, ignore=shutil.ignore_patterns("published"))
    done = run(copy, tmp_path, "cifar10")
    assert done.returncode == 2
    assert re.search(
        rf"{re.escape(str(copy / 'faeval'))}\b.*\bwithout\b.*--evidence\b", done.stderr
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [("PATHS", "claims"), ("--setting", "digits"), ("--seeds", "3"), ("--evidence", ".")],
)
def test_what_it_says_itself_is_not_to_be_said_beside_it(
    unpacked: Path, tmp_path: Path, option: str, value: str
) -> None:
    given = [value] if option == "PATHS" else [option, value]
    done = run(unpacked, tmp_path, "cifar10", *given)
    assert done.returncode == 2
    assert re.search(rf"{option} .*--published\b", done.stderr)


def test_an_unknown_one_names_those_that_are_there(unpacked: Path, tmp_path: Path) -> None:
    done = run(unpacked, tmp_path, "imagenet")
    assert done.returncode == 2
    assert "--published='imagenet'" in done.stderr
    assert ", ".join(PUBLISHED) in done.stderr


def test_what_differs_without_moving_a_verdict_is_named(unpacked: Path, tmp_path: Path) -> None:
    copy = tmp_path / "installed"
    shutil.copytree(unpacked, copy)
    file = copy / "faeval/published/reports/cifar10-published-seeds/verdicts.json"
    said = json.loads(file.read_text())
    said["lock_sha256"] = "0" * 64
    next(v for v in said["verdicts"] if v["assertions"])["assertions"][0]["estimate"] += 1e-16
    file.write_text(json.dumps(said))
    done = run(copy, tmp_path, "cifar10-published-seeds")
    assert done.returncode == 0, done.stderr
    assert f"all {len(said['verdicts'])} verdicts" in done.stderr
    differs = r"verdicts\.json differs .*\block_sha256, verdicts\.assertions\.estimate\b"
    assert re.search(differs, done.stderr)
