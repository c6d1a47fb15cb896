"""What all tests share: hypothesis without a deadline, Ctrl-C as at a terminal, quick processes."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from hypothesis import Phase, settings

#: Tests that need more than the core, by a package of the extra that they need: folders, files, and
#: patterns of names. They are left out where it is missing, as in ``tox -e core``.
NEEDS = {
    "torch": (
        "bench",
        "testing",
        "campaign/test_stacked.py",
        "claims/test_load.py::*everyones*torch*",
        "cli/test_audit.py",
        "cli/test_cli.py::test_bad_options*options[89]-*",
        "pipeline/test_walk.py::test_verify_trains_audits_and_decides*",
        "pipeline/test_walk.py::test_arms_of_a_seed_share*",
        "pipeline/test_walk.py::test_registration_carries_the_pilots_spread*",
        "experiment/test_code.py::test_what_is_reached_counts*tensor*",
        "experiment/test_code.py::test_what_is_reached_counts*weights*",
        "experiment/test_code.py::test_what_is_reached_counts*a forward pass*",
        "experiment/test_code.py::test_what_is_reached_counts*import torch*",
        "experiment/test_components.py::test_ours_are_known_by_name*",
        "experiment/test_components.py::test_other_code_under_a_name*",
        "experiment/test_components.py::test_an_installed_package_gives*",
        "pipeline/test_walk.py::test_a_diverged_run_is_an_outcome*",
        "project",
        "test_extras.py::test_what_needs_an_extra_says_so_in_its_docstring*",
    ),
    "matplotlib": (
        "calibration/test_figures.py::test_the_committed_files_are*",
        "calibration/test_whole_run.py",
        "pipeline/test_check.py::*overview*",
        "pipeline/test_check.py::*paper*",
        "reports/test_plots.py::*paper*",
        "reports/test_transfer.py::*paper*",
        "reports/test_unpaired.py",
    ),
    "pyarrow": (
        "cli/test_cli.py::test_evidence_that_is_no_table_at_all*",
        "cli/test_evidence.py::test_tables_merge_into_a_file*",
        "evidence/test_check.py::test_a_file_that_was_cut_off*",
        "evidence/test_check.py::test_a_report_is_held_against*",
        "evidence/test_data_only.py",
        "evidence/test_export.py::test_a_store_is_exported_as_its_rows*",
        "evidence/test_files.py",
        "pipeline/test_results_that_exist.py::*written parquet*",
        "reports/screenshots.py",
    ),
}
_HERE = Path(__file__).parent
_MISSING = [package for package in NEEDS if find_spec(package) is None]
_LEFT_OUT = [path for package in _MISSING for path in NEEDS[package]]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out files that need a package that is not there."""
    return True if collection_path in [_HERE / path for path in _LEFT_OUT] else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that need a package that is not there."""
    out = [i for i in items if any(fnmatch(i.nodeid, f"*tests/{path}") for path in _LEFT_OUT)]
    items[:] = [item for item in items if item not in out]
    config.hook.pytest_deselected(items=out)


def pytest_report_header() -> list[str]:
    """Say which packages are missing."""
    return [f"without {package}: {len(NEEDS[package])} entries left out" for package in _MISSING]


# Several workers of pytest-xdist share the cores: each takes one thread, before any library looks.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline for an example: the cores are shared, and a slow machine is no finding about a
# statistic. Nor is a failure explained line by line: that traces each call, and on Python 3.11 a
# traced call was seen to go on forever.
settings.register_profile(
    "faeval", deadline=None, phases=[phase for phase in Phase if phase is not Phase.explain]
)
settings.load_profile("faeval")

# A script that starts the tests in its background makes them ignore Ctrl-C, and so would the
# processes that tests send it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _wait(until: Callable[[], bool], seconds: float = 150) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """``until(condition, seconds=150)`` waits for what another process is about to do."""
    return _wait


@pytest.fixture(scope="session")
def lives() -> Callable[[int], bool]:
    """``lives(pid)``: whether that process is there, and no zombie."""
    return _lives


@contextlib.contextmanager
def _small_disk(size: int) -> Iterator[None]:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    compiles = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # half a .pyc would break later imports
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        sys.dont_write_bytecode = compiles


@pytest.fixture(scope="session")
def small_disk() -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """``with small_disk(size)``: no file takes more bytes, as where a disk is full."""
    return _small_disk


class Group(subprocess.Popen[Any]):
    """A process in a session of its own, killed with all it started where its ``with`` is left by
    an error.

    ``subprocess.Popen`` would wait for it there: where a test fails that has made its campaign
    slow, for hours.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, start_new_session=True, **options)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and so has all it started
                os.killpg(self.pid, signal.SIGKILL)
        super().__exit__(kind, error, trace)


@pytest.fixture(scope="session")
def group() -> type[Group]:
    """``subprocess.Popen`` in a session of its own, of which nothing is left where a test fails."""
    return Group


#: What takes long to load, and what commands and sessions of pytest load at some point.
LOADED = (
    *("faeval.cli", "faeval.pipeline", "faeval.reports", "pandas", "scipy.stats", "pytest"),
    *("jinja2", "joblib", "markdown_it", "rich.console", "rich.live", "rich.table"),
)
#: What is there already cannot be rewritten, and hypothesis, which would be loaded, is not needed.
OF_PYTEST = ("-p", "no:hypothesispytest", "-W", "ignore::pytest.PytestAssertRewriteWarning")


class Forks:
    """Processes of Python modules, forked from one that has loaded others: see forks.py.

    ``forks("faeval", ["plan"], folder, environment)`` runs ``python -m faeval plan`` there.
    """

    def __init__(self, modules: tuple[str, ...]) -> None:
        script = [sys.executable, str(_HERE / "forks.py"), *modules]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
        alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.server = Group(script, env=alone, **pipes)  # a fork has no other thread than its own

    def __call__(
        self, module: str, arguments: list[str], folder: Path, environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        if module == "pytest":
            arguments = [*arguments, *OF_PYTEST]
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            call = {
                **{"module": module, "arguments": arguments, "folder": str(folder)},
                **{"environment": dict(environment), "out": out.name, "err": err.name},
            }
            self.server.stdin.write(json.dumps(call).encode() + b"\n")
            process = int(self.server.stdout.readline())
            if not select.select([self.server.stdout], [], [], 300)[0]:
                os.kill(process, signal.SIGKILL)
            code = int(self.server.stdout.readline())
            texts = (file.read().decode() for file in (out, err))
            return subprocess.CompletedProcess(arguments, code, *texts)


def _started(
    module: str, arguments: list[str], folder: Path, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run the same where nothing can be forked."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def forks_of() -> "Iterator[Callable[..., Forks]]":
    """``forks_of("torch")``: forks of a process that has loaded that, too."""
    servers: dict[tuple[str, ...], Forks] = {}

    def of(*modules: str) -> Callable[..., "subprocess.CompletedProcess[str]"]:
        if not hasattr(os, "fork"):
            return _started
        if modules not in servers:
            servers[modules] = Forks((*LOADED, *modules))
        return servers[modules]

    yield of
    for forks in servers.values():
        with forks.server:
            forks.server.stdin.close()
