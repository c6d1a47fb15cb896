"""kill -9 at random moments: nothing is lost, nothing is done twice beyond the runs that were hit,
the verdicts are equal.

``FAEVAL_KILLS=200 pytest -s tests/reliability/test_kills.py`` (or ``tox -e kill``) kills more often
and prints the figures.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

KILLS = int(os.environ.get("FAEVAL_KILLS", "8"))
WORKERS = 2

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is of POSIX"),
]


@pytest.mark.timeout(60 * KILLS)
def test_kill_9_at_random_moments(
    make: Callable[..., Any], until: Callable[..., None], lives: Any
) -> None:
    """In turn: the campaign's own process, early or late; all its processes; a worker, which the
    campaign survives.
    """
    seeds = 2 * KILLS  # more than the kills leave time for
    undisturbed = make("undisturbed", seeds).verify(PAUSE="0")
    assert undisturbed.returncode == 0, undisturbed.stderr
    disturbed = make("disturbed", seeds)
    chance = random.Random(20)
    hits, by_a_worker = 0, 0
    for number in range(KILLS):
        before, kept = len(disturbed.executions()), disturbed.kept()

        def new(before: int = before) -> list[tuple[int, str]]:
            return disturbed.executions()[before:]  # type: ignore[no-any-return]

        with disturbed.start(PAUSE="0.1") as process:
            if number % 4 == 0:
                time.sleep(chance.uniform(0, 2))  # before the first run, or during one
            else:
                until(lambda: new() or process.poll() is not None)
                time.sleep(chance.uniform(0, 0.4))
            if number % 4 == 3:
                os.kill(next(pid for pid, _ in new() if lives(pid)), signal.SIGKILL)
                by_a_worker += 1
                seen = len(new())
                until(lambda: len(new()) > seen)  # noqa: B023 - it goes on
            if number % 4 == 2:
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, "it was still at work"
        until(lambda: not any(lives(pid) for pid, _ in new()))
        now = disturbed.kept()  # every record that is there is whole: reading checks it
        assert {name: now.get(name) for name in kept} == kept, (
            "what was finished is there, byte for byte"
        )
        assert not [name for _, name in new() if name in kept], (
            "what was finished is not done again"
        )
        hit = {name for _, name in new()} - set(now)
        assert len(hit) <= WORKERS * (2 if number % 4 == 3 else 1), (
            "only what ran at that moment is lost"
        )
        hits += len(hit)
    last = disturbed.verify(PAUSE="0")
    assert (last.returncode, last.stdout) == (0, undisturbed.stdout), last.stderr
    counts = disturbed.counts()
    repeated = counts.total() - len(counts)
    print(
        f"\n{KILLS} kills, {by_a_worker} of them of a worker first: {disturbed.total} runs,"
        f" {counts.total()} executions, {repeated} repeated ({hits} were running when the campaign"
        " was killed); verdicts equal, byte for byte"
    )
    assert len(counts) == len(disturbed.kept()) == disturbed.total, "nothing is lost"
    # A worker that is killed takes with it what the other workers of the pool run at that moment.
    assert hits <= repeated <= hits + by_a_worker * WORKERS
