"""What is told while a campaign goes on: a table of arms on a terminal, plain lines elsewhere, a
log for people.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from typing import Any

import pytest

from faeval.campaign import ArmState
from faeval.cli._verify import arms_table

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 campaign ([0-9a-f]{6}): "


def printed(arms: dict[str, ArmState]) -> list[str]:
    from rich.console import Console

    console = Console(width=100, force_terminal=False)
    with console.capture() as capture:
        console.print(arms_table(arms))
    return [line.strip() for line in capture.get().splitlines()]


def test_arms_at_work_come_first_and_the_rest_is_counted() -> None:
    arms = {f"done={n}": ArmState(total=5, done=5) for n in range(9)}
    arms |= {f"waits={n}": ArmState(total=5) for n in range(3)}
    arms |= {
        "broken": ArmState(total=5, done=4, failed=1),
        "busy": ArmState(total=5, done=1, running=2, failed=1),
    }
    lines = printed(arms)
    assert [re.sub(" +", " ", line) for line in lines[:3]] == [
        "busy 1/5 done 2 running, 1 failed, 1 waiting",
        "broken 4/5 done 1 failed",
        "waits=0 0/5 done 5 waiting",
    ]
    assert len(lines) == 13
    assert re.fullmatch(r"and 2 \D+ 2 \D+ done", lines[-1])


@pytest.mark.slow
def test_a_terminal_shows_the_state_of_each_arm_and_the_time_left(
    campaign: Any, group: type[subprocess.Popen[bytes]]
) -> None:
    pty = pytest.importorskip("pty", reason="terminals of POSIX")
    ours, theirs = pty.openpty()
    process = group(
        campaign.command(),
        cwd=campaign.folder,
        env={**os.environ, "PAUSE": "0.3", "BAD": "2 3", "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with process:
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert process.returncode == 11, text
    assert re.search(r"dose=2 +0/5 done +5 waiting", text), text
    assert re.search(r"dose=1 +\d/5 done +[12] running", text), text
    assert re.search(r"\d+/15 runs, about \d+ s left", text), text
    assert "failed: toy dose=2 seed 3: ValueError: bad" in text
    assert "Traceback" not in text


def test_without_a_terminal_each_finished_run_is_a_line_and_the_log_tells_all(
    campaign: Any,
) -> None:
    done = campaign.verify("--workers", "2", PAUSE="0", BAD="2 3")
    told = done.stderr.decode().splitlines()
    assert sum(bool(re.fullmatch(r"\d+/15 .*: toy .* seed \d", line)) for line in told) == 14
    assert "failed: toy dose=2 seed 3: ValueError: bad" in told
    lines = campaign.store.log.read_text().splitlines()
    names = {found[1] for line in lines if (found := re.match(STAMP, line))}
    assert len(names) == 1
    plain = [re.sub(STAMP, "", line) for line in lines]
    assert re.match(r"begins: 15 .*\bloky, 2\b", plain[0])
    done_in = r"toy .* seed \d: done .*\d+\.\d\d s"
    assert sum(bool(re.fullmatch(done_in, line)) for line in plain) == 14
    (at,) = [
        n
        for n, line in enumerate(plain)
        if re.fullmatch(r"toy dose=2 seed 3: failed after .* ValueError: bad", line)
    ]
    assert plain[at + 1] == "    Traceback (most recent call last):"
    assert re.fullmatch(r"ends after \d+\.\d s: 14 done, 1 failed, 0 left", plain[-1])


def test_runs_that_fail_alike_are_one_line_and_the_log_has_each(campaign: Any) -> None:
    done = campaign.verify(PAUSE="0", BAD="all")
    assert done.returncode == 11
    told = done.stderr.decode().splitlines()
    assert sum("failed: toy" in line for line in told) == 1
    assert re.match(rf"and {campaign.total - 1} more .*failed\b", told[-1])
    assert (
        campaign.store.log.read_text().count("ValueError: bad") == 2 * campaign.total
    )  # each, and its traceback


def test_options_are_looked_at_where_nothing_is_left_to_run(campaign: Any) -> None:
    assert campaign.verify(PAUSE="0").returncode == 0
    refused = {"--time-limit=-1": "--time-limit must be"}
    for package, backend in (("distributed", "dask"), ("ray", "ray")):
        if importlib.util.find_spec(package) is None:
            refused[f"--backend={backend}"] = f'pip install "faeval[{backend}]"'
    for option, says in refused.items():
        done = campaign.verify(option)
        assert done.returncode == 2, (option, done.stderr)
        assert says in done.stderr.decode()
        # Offline nothing will run: a backend that a project names need not be there.
        assert campaign.verify(option, "--offline").returncode == (0 if "backend" in option else 2)
