"""A store that two campaigns share, that fills up, that cannot be written, whose clock is wrong,
that somebody altered.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faeval.evidence import Store

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes and signals of POSIX")


@pytest.mark.slow
def test_two_campaigns_at_once_share_the_runs_and_both_are_right(
    campaign: Any, undisturbed: bytes
) -> None:
    with campaign.start(PAUSE="0.1") as one, campaign.start(PAUSE="0.1") as two:
        results = [process.communicate(timeout=240) for process in (one, two)]
    for process, (output, errors) in zip((one, two), results, strict=True):
        assert (process.returncode, output) == (0, undisturbed), errors
    counts = campaign.counts()
    assert len(counts) == campaign.total
    assert set(counts.values()) == {1}  # each run once, whichever of the two did it


@pytest.mark.slow
def test_a_campaign_waits_for_a_run_of_another_and_does_it_where_that_one_is_killed(
    campaign: Any, undisturbed: bytes, until: Callable[..., None]
) -> None:
    with campaign.start("--workers", "1", SLOW="1 600") as stuck:
        until(lambda: len(campaign.executions()) == 1 or stuck.poll() is not None)
        with campaign.start("--workers", "1", PAUSE="0") as other:
            until(lambda: len(campaign.kept()) == campaign.total - 1 or other.poll() is not None)
            time.sleep(0.3)
            assert other.poll() is None  # for the last run it waits
            assert max(campaign.counts().values()) == 1
            stuck.kill()  # the lock goes with it
            output, errors = other.communicate(timeout=120)
    assert (other.returncode, output) == (0, undisturbed), errors
    assert sorted(campaign.counts().values()) == [1] * (campaign.total - 1) + [2]
    assert re.search(r": another campaign .*last", campaign.store.log.read_text())


def limited(campaign: Any, size: int) -> subprocess.CompletedProcess[bytes]:
    """Verify where no file can grow beyond a size: writing fails as on a full disk, in the middle
    of a record.
    """
    return subprocess.run(
        campaign.command("--workers", "1"),
        cwd=campaign.folder,
        env={**os.environ, "PAUSE": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=300,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


def test_where_a_record_cannot_be_written_whole_there_is_none(
    campaign: Any, undisturbed: bytes
) -> None:
    full = limited(campaign, 700)
    assert full.returncode == 2
    assert b"cannot be written any more (File too large)" in full.stderr.splitlines()[-1]
    assert b"Traceback" not in full.stderr
    assert campaign.counts().total() == 1  # nothing more is run in vain
    assert len(campaign.kept()) == 0
    assert not [
        path for path in campaign.store.runs.rglob("*") if path.is_file()
    ]  # nor half of one
    after = campaign.verify(PAUSE="0")
    assert (after.returncode, after.stdout) == (0, undisturbed)


def test_a_full_disk_ends_the_campaign_before_it_runs_in_vain(
    make: Callable[..., Any], undisturbed: bytes, tmp_path: Path
) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        campaign = make("campaign", 5)
        (place / "ballast").write_bytes(b"x" * 32768)
        full = campaign.verify("--store", str(place / "store"), "--workers", "1", PAUSE="0")
        assert full.returncode == 2, full.stderr
        assert b"No space left on device" in full.stderr
        assert b"cannot be written" in full.stderr.splitlines()[-1]
        begun, kept = (
            len(campaign.executions()),
            list(Store(place / "store").records()),
        )  # reading checks each
        assert 0 < len(kept) < begun < campaign.total
        (place / "ballast").unlink()
        mounted = subprocess.run(["mount", "-o", "remount,size=1m", place], check=True)
        after = campaign.verify("--store", str(place / "store"), PAUSE="0")
        assert (after.returncode, after.stdout) == (0, undisturbed), after.stderr
        assert campaign.counts().total() == campaign.total + begun - len(kept)
    finally:
        subprocess.run(["umount", place], check=False)


def test_a_store_that_cannot_be_written_is_one_clear_line_before_any_run(campaign: Any) -> None:
    campaign.store.root.mkdir()
    (campaign.store.root / "runs").write_text(
        "a file in place of the folder, which stops the superuser too"
    )
    refused = campaign.verify()
    assert refused.returncode == 2
    assert refused.stderr.decode().startswith("faeval: store ")
    assert len(refused.stderr.splitlines()) == 1
    assert not campaign.executions()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind the superuser"
)
def test_a_read_only_folder_is_one_clear_line_before_any_run(campaign: Any) -> None:
    campaign.store.root.mkdir(mode=0o500)
    refused = campaign.verify()
    assert refused.returncode == 2
    assert b"Permission denied" in refused.stderr
    assert not campaign.executions()


@pytest.mark.slow
def test_neither_order_nor_caching_depends_on_clocks(campaign: Any, undisturbed: bytes) -> None:
    """Half of the runs were done when the clock stood years off: their records say so, their
    folders' times too.
    """
    with campaign.start(SLOW="8 600") as process:
        while len(campaign.kept()) < 6 and process.poll() is None:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    kept = campaign.kept()
    for number, record in enumerate(list(campaign.store.records())):
        years = (-30, 30)[number % 2]
        started = f"{2026 + years}-01-01T00:00:00+00:00"
        campaign.store.write_audit(record.model_copy(update={"started": started}))
        folder = campaign.store.folder(record.key)
        (folder / ".partial-of-a-killed-run").mkdir()
        off = time.time() + years * 365 * 86400
        for path in (*folder.iterdir(), folder):
            os.utime(path, (off, off))
    done = campaign.verify(PAUSE="0")
    assert (done.returncode, done.stdout) == (0, undisturbed), done.stderr
    assert [campaign.counts()[name] for name in kept] == [1] * len(kept)


@pytest.mark.slow
def test_a_worker_that_the_system_kills_is_said_and_its_run_is_done_again(
    campaign: Any, undisturbed: bytes, until: Callable[..., None]
) -> None:
    with campaign.start(PAUSE="0.3") as process:
        until(lambda: len(campaign.executions()) >= 3 or process.poll() is not None)
        os.kill(
            campaign.executions()[-1][0], signal.SIGKILL
        )  # as the kernel does where memory ran out
        output, errors = process.communicate(timeout=240)
    assert (process.returncode, output) == (0, undisturbed), errors
    assert campaign.counts().total() <= campaign.total + 2
    log = campaign.store.log.read_text()
    assert re.search(r"\bworker .*killed .*: toy ", log)


def test_a_record_that_was_altered_is_refused_by_its_name(campaign: Any) -> None:
    assert campaign.verify("--workers", "1", PAUSE="0").returncode == 0
    first, second = sorted(campaign.store.runs.rglob("audit-*.json"))[:2]
    content = first.read_bytes()
    score = json.loads(content)["rows"][0][3]
    altered = content.replace(str(score).encode(), str(score + 0.1).encode())
    for harm in (content[:-20], altered, b"", second.read_bytes()):
        assert harm != content
        first.write_bytes(harm)
        refused = campaign.verify()
        assert (refused.returncode, json.loads(refused.stdout)["schema"]) == (
            12,
            "faeval-error-1",
        ), harm
        assert first.name in refused.stderr.decode()
        assert len(refused.stderr.splitlines()) == 1
    first.write_bytes(content)
    assert campaign.verify().returncode == 0
    assert campaign.counts().total() == campaign.total  # and nothing was run in all that


@pytest.mark.slow
def test_a_time_limit_and_retries_are_options_of_the_command(
    campaign: Any, undisturbed: bytes
) -> None:
    late = campaign.verify("--time-limit", "1", "--retries", "1", SLOW="14 600")
    assert late.returncode == 11, late.stderr
    assert re.search(rb"TimeoutError: .*\b1 s \(attempt 2 of 2\)", late.stderr)
    assert len(campaign.kept()) == 13  # the others went on
    log = campaign.store.log.read_text()
    assert len(re.findall(r"attempt 1 of 2 .*: TimeoutError", log)) == 2
    after = campaign.verify(PAUSE="0")
    assert (after.returncode, after.stdout) == (0, undisturbed)
