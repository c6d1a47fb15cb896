"""A campaign of tiny runs in processes of its own, which tests kill, starve and resume."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faeval.evidence import Store

# Each run notes in the journal, by one write in append mode, that it begins and whether its record
# is there already.
CLAIMS = """
import os
import time
from pathlib import Path

import faeval as fe

FOLDER = Path(__file__).parent


def pause(position):
    # Asked in the run: a constant would be code, and another pause another run.
    first, long = map(int, os.environ.get("SLOW", "1000000 0").split())
    return long if position >= first else float(os.environ.get("PAUSE", "0.02"))


def note(*words):
    file = os.open(FOLDER / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, (" ".join(map(str, words)) + "\\n").encode())
    os.close(file)


def run(arm, seed):
    mine = f"run {os.getpid()} {arm['dose']} {seed}"
    note(mine)
    me = f"{arm['dose']} {seed}"
    if os.environ.get("BAD") in (me, "all"):
        raise ValueError("bad")
    if os.environ.get("FATAL") == me:
        os.kill(os.getpid(), 9)
    while os.environ.get("SPIN") == me:
        time.sleep(0.01)
    position = 1 + (FOLDER / "journal").read_text().splitlines().index(mine)
    time.sleep(pause(position))
    wobble = ((seed * 2654435761) % 1000) / 1000 - 0.5
    return {"score": 0.2 + 0.1 * arm["dose"] + 0.02 * wobble * (1 + arm["dose"])}


toy = fe.Experiment("toy", run, factors={"dose": 0}, metrics={"score": (0, 1)})
margin = fe.Margin(0.05, "half of a dose")
one = fe.Claim(
    "One dose raises the score",
    fe.exceeds(fe.metric("score", fe.Arm(dose=1)), fe.metric("score", fe.Arm()), by=margin),
    attributed_to="dose",
    seeds=range(@SEEDS@),
)
two = fe.Claim(
    "Two doses raise it more",
    fe.exceeds(fe.metric("score", fe.Arm(dose=2)), fe.metric("score", fe.Arm(dose=1)), by=margin),
    attributed_to="dose",
    seeds=range(@SEEDS@),
)
"""


class Campaign:
    """A folder with a claims file; ``faeval verify`` on it is a process of its own.

    One that ``start`` starts leads a session of its own; ``verify`` forks one, and waits for it.
    """

    def __init__(
        self, group: type[subprocess.Popen[bytes]], forks: Any, folder: Path, seeds: int = 5
    ) -> None:
        self.group, self.forks = group, forks
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "claims.py").write_text(CLAIMS.replace("@SEEDS@", str(seeds)))
        self.total = 3 * seeds  # the arm with one dose is of both claims
        self.store = Store(folder / ".faeval")

    def words(self, *options: str) -> list[str]:
        return ["verify", "claims.py", "--json", "--workers", "2", *options]

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "faeval", *self.words(*options)]

    def start(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        return self.run(self.command(*options), **environment)

    def run(self, command: list[str], **environment: str) -> subprocess.Popen[bytes]:
        return self.group(
            command,
            cwd=self.folder,
            env=self.environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        return {**os.environ, "OMP_NUM_THREADS": "1", **more}

    def verify(self, *options: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        """Verify to the end, one run after the other unless the options say otherwise."""
        words = self.words("--workers", "1", *options)
        done = self.forks("faeval", words, self.folder, self.environment(environment))
        done.stdout, done.stderr = done.stdout.encode(), done.stderr.encode()
        assert isinstance(done, subprocess.CompletedProcess)
        return done

    def executions(self) -> list[tuple[int, str]]:
        """The process and the name of each execution so far, in order."""
        journal = self.folder / "journal"
        lines = journal.read_text().splitlines() if journal.exists() else []
        return [(int(pid), f"{dose} {seed}") for _, pid, dose, seed in map(str.split, lines)]

    def counts(self) -> Counter[str]:
        return Counter(name for _, name in self.executions())

    def kept(self) -> dict[str, bytes]:
        """The records, whose name is that of their run."""
        found = {}
        for record in self.store.records():
            path = self.store.audit_path(record.key, "run", record.audit_key)  # type: ignore[attr-defined]
            found[f"{record.factors['dose']} {record.seed}"] = path.read_bytes()
        return found


@pytest.fixture(scope="session")
def make_at(
    group: type[subprocess.Popen[bytes]], forks_of: Callable[..., Any]
) -> Callable[..., Campaign]:
    return lambda folder, seeds=5: Campaign(group, forks_of(), folder, seeds)


@pytest.fixture
def campaign(make_at: Callable[..., Campaign], tmp_path: Path) -> Campaign:
    return make_at(tmp_path / "campaign")


@pytest.fixture
def make(make_at: Callable[..., Campaign], tmp_path: Path) -> Callable[..., Campaign]:
    return lambda name, seeds=5: make_at(tmp_path / name, seeds)


@pytest.fixture(scope="session")
def undisturbed(
    make_at: Callable[..., Campaign], tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """What the campaign prints when nothing happens to it."""
    done = make_at(tmp_path_factory.mktemp("undisturbed")).verify(PAUSE="0")
    assert done.returncode == 0, done.stderr
    return bytes(done.stdout)
