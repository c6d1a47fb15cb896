"""The lock of a run: one holder, between processes and threads, gone with its process."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from faeval.campaign._lock import reserved

HOLD = """
import sys
from pathlib import Path
from faeval.campaign._lock import reserved
with reserved(Path(sys.argv[1]), sys.argv[2], wait=False) as held:
    print(held, flush=True)
    sys.stdin.readline()
"""
ONE, TWO = "1" * 64, "2" * 64


def other(store: Path, key: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(store), key]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_run_has_one_holder_and_is_free_when_its_process_is_killed(tmp_path: Path) -> None:
    with other(tmp_path, ONE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        with (
            reserved(tmp_path, ONE, wait=False) as held,
            reserved(tmp_path, TWO, wait=False) as another,
        ):
            assert (held, another) == (False, True)
        process.kill()  # no time to give anything back
        with reserved(tmp_path, ONE, wait=True) as held:
            assert held is True


def test_who_waits_has_the_run_once_it_is_given_back(tmp_path: Path) -> None:
    with other(tmp_path, ONE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        press = threading.Timer(0.3, process.stdin.close)
        press.start()
        with reserved(tmp_path, ONE, wait=True) as held:
            assert held is True
            assert not press.is_alive()
        process.stdin = None  # closed: nothing is left to flush


def test_within_a_process_a_run_has_one_holder_too_and_giving_one_back_keeps_the_others(
    tmp_path: Path,
) -> None:
    with reserved(tmp_path, ONE, wait=False) as held:
        with (
            reserved(tmp_path, ONE, wait=False) as again,
            reserved(tmp_path, TWO, wait=False) as two,
        ):
            assert (held, again, two) == (True, False, True)
        with other(tmp_path, ONE) as process:
            output, _ = process.communicate("\n", timeout=120)
        assert output == "False\n"
    with other(tmp_path, ONE) as process:
        output, _ = process.communicate("\n", timeout=120)
    assert output == "True\n"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=20))
def test_after_any_order_of_taking_and_giving_back_the_holders_are_right(
    steps: list[tuple[bool, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        held: dict[int, contextlib.ExitStack] = {}
        for take, number in steps:
            if take:
                stack = contextlib.ExitStack()
                got = stack.enter_context(reserved(Path(folder), str(number) * 64, wait=False))
                assert got is (number not in held)
                if got:
                    held[number] = stack
            elif number in held:
                held.pop(number).close()
        for stack in held.values():
            stack.close()


@pytest.mark.skipif(sys.platform == "win32", reason="folders may be made in files there")
def test_where_nobody_can_lock_a_run_is_done_all_the_same(tmp_path: Path) -> None:
    for store in (tmp_path / "missing", tmp_path / "file"):
        (tmp_path / "file").touch()
        with reserved(store, ONE, wait=True) as held:
            assert held is None


def test_many_runs_need_few_lock_files(tmp_path: Path) -> None:
    for number in range(40):
        with reserved(tmp_path, f"abcd{number:060x}", wait=False) as held:
            assert held is True
    assert len(list((tmp_path / "locks").iterdir())) <= 1
