"""What is collected, by which names it is selected, and that nothing heavy is loaded for it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Pytest = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]
ALL = ["good", "noisy", "drifted", "mate", "mixed_up", "known_mix", "more_of_it"]


SELECTIONS = [
    ([], ALL),
    (["-m", "deep_alignment"], ["drifted", "mate"]),
    (["-m", "faeval(family='deep alignment') or tag_skip or quick"], ["good", "drifted", "mate"]),
    (["-m", "faeval and not family_2nd and not toy"], ["drifted", "mate"]),
    (["-m", "faeval(tag='extended')"], ["more_of_it"]),
    (["-k", "noisy or extended"], ["noisy", "more_of_it"]),
    (["claims/toy.py::good"], ["good"]),
]


def listed(text: str) -> list[str]:
    return [
        line.partition("::")[2] for line in text.splitlines() if line.startswith("claims/toy.py::")
    ]


def test_names_families_and_tags_select(project: Path) -> None:
    # Session after session in one process, which starts only once.
    code = (
        "import sys, pytest\n"
        f"for options, _ in {SELECTIONS!r}:\n"
        "    print('session', flush=True)\n"
        "    where = [] if options and '::' in options[0] else ['claims/']\n"
        "    assert pytest.main(['--collect-only', '-q', *where, *options]) == 0"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [listed(part) for part in done.stdout.split("session\n")[1:]] == [
        names for _, names in SELECTIONS
    ]
    assert not (project / "journal").exists()


def test_collecting_loads_nothing_heavy(project: Path) -> None:
    heavy = ("torch", "pandas", "scipy.stats", "matplotlib", "statsmodels", "sklearn")
    code = (
        "import sys, pytest\nimport faeval.pytest_plugin\nassert not {'numpy', 'pydantic',"
        " 'faeval.claims'} & set(sys.modules), 'the entry point itself loads next to"
        " nothing'\nassert pytest.main(['--collect-only', '-q', 'claims']) == 0\nloaded ="
        f" set({heavy!r}) & set(sys.modules)\nassert 'faeval.claims' in sys.modules and not loaded,"
        " loaded"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_project_without_claims_sees_no_change(tmp_path: Path, run_pytest: Pytest) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(
        "import faeval\nclaim = 1\ndef test_it():\n    assert claim\n"
    )
    # A folder of the default's name that is about something else, insurance say, is no folder of
    # claims.
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "models.py").write_text("raise SystemExit('not to be run')\n")
    (tmp_path / "claims" / "test_models.py").write_text("def test_models():\n    pass\n")
    plain = run_pytest(tmp_path, "-p", "no:faeval", "-v")
    ours = run_pytest(tmp_path, "-v")
    assert plain.returncode == ours.returncode == 0, ours.stdout
    assert "2 passed" in ours.stdout

    def told(done: subprocess.CompletedProcess[str]) -> list[str]:
        rows = done.stdout.splitlines()
        return [row.rpartition(" in ")[0] or row for row in rows if not row.startswith("plugins: ")]

    assert told(ours) == told(plain)


def test_a_claims_file_is_no_test_module_and_a_test_module_beside_it_is_no_claims_file(
    project: Path, run_pytest: Pytest
) -> None:
    folder = project / "claims"
    with (folder / "toy.py").open("a") as file:
        file.write(
            '\ndef test_of_a_claims_file():\n    """\n    >>> 1\n    2\n    """\n    assert False\n'
        )
    (folder / "test_helper.py").write_text("import faeval\ndef test_helper():\n    pass\n")
    text = (folder / "toy.py").read_text()
    (folder / "test_loss.py").write_text(
        text.replace('"toy"', '"loss"') + "loss = fe.Claim('x', *good.assertions)\n"
    )
    (folder / "_helper.py").write_text("raise SystemExit\n")
    done = run_pytest(
        project,
        "claims/toy.py",
        "claims",
        "--collect-only",
        "-q",
        "--doctest-modules",
        "--ignore=claims/_helper.py",
    )
    assert done.returncode == 0, done.stdout
    assert listed(done.stdout) == ALL
    assert "claims/test_helper.py::test_helper" in done.stdout
    assert "claims/test_loss.py::loss" in done.stdout
    assert "test_of_a_claims_file" not in done.stdout


def test_an_error_in_a_claims_file_points_at_its_line(project: Path, run_pytest: Pytest) -> None:
    bad = {
        "syntax": "import faeval as fe\nx = (\n",
        "refused": "import faeval as fe\n\nfe.Margin(0.1)\n",
        "raises": "import faeval as fe\n1 / 0\n",
    }
    for name, text in bad.items():
        (project / "claims" / f"{name}.py").write_text(text)
    done = run_pytest(project, "claims")
    assert done.returncode == 2
    assert "3 errors" in done.stdout
    assert "ERROR collecting claims/syntax.py" in done.stdout
    assert "claims/syntax.py:2: '(' was never closed" in done.stdout
    assert re.search(r"^claims/refused\.py:3: .*because", done.stdout, re.MULTILINE)
    assert "claims/raises.py:2: ZeroDivisionError" in done.stdout
    assert "Traceback" not in done.stdout
    assert "pytest_plugin" not in done.stdout


def test_claims_elsewhere_are_named_in_the_ini_or_in_tool_faeval(
    tmp_path: Path, write_project: Callable[..., Path], run_pytest: Pytest
) -> None:
    folder = write_project(tmp_path, ini="faeval_claims = research/alignment lone.py")
    (folder / "research" / "alignment").mkdir(parents=True)
    (folder / "claims" / "toy.py").rename(folder / "research" / "alignment" / "toy.py")
    text = (folder / "research" / "alignment" / "toy.py").read_text()
    (folder / "lone.py").write_text(text)
    done = run_pytest(folder, "--collect-only", "-q", ".")
    assert "research/alignment/toy.py::good" in done.stdout
    assert "lone.py::good" in done.stdout
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "pyproject.toml").write_text(
        '[tool.faeval]\nclaims = ["research/alignment"]\nsetting = "toy"\n'
    )
    again = run_pytest(folder, "--collect-only", "-q", ".")
    assert "research/alignment/toy.py::good" in again.stdout
    assert "lone.py" not in again.stdout


def test_an_option_that_cannot_be_is_a_usage_error(project: Path) -> None:
    wrong = [
        (["--faeval-seeds", "many"], {}, ["--faeval-seeds", "'many'", "42,123,456"]),
        (["--faeval-evidence", "nowhere.csv"], {}, ["nowhere.csv", "no such file"]),
        (["-o", "faeval_claims=nowhere"], {}, ["faeval_claims", "nowhere"]),
        ([], {"FAEVAL_WORKERS": "none"}, ["FAEVAL_WORKERS", "'none'", "at least 1"]),
    ]
    code = (
        "import os, sys, pytest\n"
        f"for options, environment, _ in {wrong!r}:\n"
        "    os.environ |= environment\n"
        "    assert pytest.main(options) == 4, options\n"
        "    print('session', file=sys.stderr, flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for said, (_, _, needed) in zip(done.stderr.split("session\n"), wrong, strict=False):
        assert "Traceback" not in said
        for word in needed:
            assert word in said
