"""Where output goes: encodings that lack signs, readers that go away, full and closed streams, text
that would act.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faeval import cli
from faeval._safe_text import InertStream, clean, cut, message, printable
from faeval.cli._console import HarmlessConsole

pytestmark = pytest.mark.skipif(os.name != "posix", reason="streams of POSIX")

HOSTILE = (
    "é ✓ \x1b[31mred\x1b]8;;https://x.y\x07link\r\x07\x00 \x9b2J \u202egnp \ud800 [red]m[/]"
    " [link=https://x.y]x[/link]"
)
CLAIMS = f"""
import random
import faeval as fe

def run(arm, seed):
    if seed == 9:
        raise ValueError({HOSTILE!r} + "\\n::error::forged" + "x" * 3_000_000)
    return {{"score": 0.2 + 0.1 * arm["dose"] + random.Random(f"{{arm}} {{seed}}").gauss(0, 0.01)}}

dose = fe.Experiment("dose", run, factors={{"dose": 0}}, metrics={{"score": (0, 1)}})
helps = fe.Claim(
    "A dose raises the score " + {HOSTILE.replace(chr(0), "").replace(chr(0xD800), "")!r},
    fe.exceeds(fe.metric("score", fe.Arm(dose=1)), fe.metric("score", fe.Arm()), by=fe.Margin(0.05, "half of a dose")),
    attributed_to="dose", seeds=2,
)
"""  # noqa: E501
VERIFY = "verify c.py --evidence report"
Shell = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """``shell("verify c.py | true")`` runs a line of bash beside a claims file and its report;
    ``$?`` is faeval's.
    """
    folder = tmp_path_factory.mktemp("output")
    (folder / "c.py").write_text(CLAIMS, encoding="utf-8")

    def call(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("FAEVAL_")}
        env = {**kept, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", **environment}
        script = (
            f'faeval() {{ "{sys.executable}" -m faeval "$@"; }}; faeval {line}; exit'
            " ${PIPESTATUS[0]}"
        )
        return subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env=env,
            capture_output=True,
            timeout=300,
            check=False,
        )

    made = call("verify c.py --workers 1 --report report")
    assert made.returncode == 0, made.stderr
    return call


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"{VERIFY} >/dev/full", 2),
        ("--help >/dev/full", 2),
        ("--version >&-", 2),
        (f"{VERIFY} --json | true", 141),
        ("verify --help | true", 141),
        (f"{VERIFY} 2>/dev/full <&-", 0),
        ("evidence check nowhere --json >/dev/full", 2),
    ],
)
def test_a_stream_that_takes_nothing_is_no_verdict(shell: Shell, line: str, code: int) -> None:
    done = shell(line)
    if code == 141:  # a pipe may hold all of it before its reader goes
        assert done.returncode in (0, 141), done
    else:
        assert done.returncode == code, done
    said = [text for text in done.stderr.decode().splitlines() if "nowhere" not in text]
    assert len(said) == (code == 2)
    assert not said or "stdout" in said[0]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_signs_that_an_encoding_lacks_are_escaped_and_nothing_acts(
    shell: Shell, encoding: str
) -> None:
    form = "--json" if encoding == "ascii" else ""
    done = shell(f"{VERIFY} {form}", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    assert all(line.isprintable() for line in text.splitlines())
    assert "[link=https://x.y]" in "".join(text.split())
    assert ("é" in text) == (encoding != "ascii")
    if form == "json":
        assert "é ✓" in json.loads(text)["verdicts"][0]["sentence"]


def test_what_a_run_raises_is_inert_and_bounded_on_stderr_and_in_the_log(
    shell: Shell, tmp_path: Path
) -> None:
    done = shell(
        f"verify c.py --workers 1 --seeds 9 --store {tmp_path}/store", PYTHONIOENCODING="cp1252"
    )
    assert done.returncode in (10, 11), done.stderr[-2000:]
    log = (tmp_path / "store" / "log.txt").read_text(encoding="utf-8")
    for text, most in ((done.stderr.decode("cp1252"), 20_000), (log, 100_000)):
        assert "forged" in text
        assert len(text) < most
        for line in text.splitlines():
            assert line.isprintable()
            assert not line.startswith("::")


def inside(command: str) -> tuple[int, str]:
    """Run a command in this process, and return its exit code and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli._run(command.split(), debug=False)
    return code, err.getvalue()


def test_names_too_long_and_places_that_cannot_be_written_are_exit_2(tmp_path: Path) -> None:
    long = "x" * 300
    (tmp_path / "c.py").write_text(CLAIMS, encoding="utf-8")
    (tmp_path / "table.csv").write_text("setting,arm,seed,metric,value\ndose,,1,score,0.2\n")
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with contextlib.chdir(tmp_path):
        for line in (
            f"verify {'x' * 5000}",
            f"verify c.py --workers 1 --store {long}",
            "verify c.py --workers 1 --store file/store",
            "verify c.py --offline --store loop/store",
            f"verify c.py --evidence table.csv --report {long}",
            f"report {long}",
            f"report . --claims c.py --against {long}",
            f"evidence export table.csv {long}.csv",
            "evidence export table.csv file/out.csv",
            f"evidence check {long}",
            f"evidence merge table.csv --into {long}.csv",
            f"check-numbers {long}.toml",
            f"init {long}",
            f"lock c.py --pilot {long}",
        ):
            code, said = inside(line)
            assert code == 2, (line, said)
            assert said.count("\n") == 1
            assert len(said) < 2100


def test_a_lock_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "c.py").write_text(CLAIMS, encoding="utf-8")

    def lock(**how: object) -> int:
        # -B: half a .pyc, as such a disk takes it, would break later imports
        command = [sys.executable, "-B", "-m", "faeval", "lock", str(tmp_path / "c.py")]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, timeout=300, check=False, **how
        ).returncode  # type: ignore[call-overload,no-any-return]

    def full_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    assert lock(preexec_fn=full_disk) == 2
    assert not [path for path in tmp_path.iterdir() if "lock" in path.name]
    (tmp_path / "claims.lock").mkdir()
    assert lock() == 2
    (tmp_path / "claims.lock").rmdir()
    if os.geteuid():
        tmp_path.chmod(0o500)
        assert lock() == 2
        tmp_path.chmod(0o700)
    assert lock() == 0


@pytest.mark.parametrize("terminal", [True, False])
def test_only_its_own_codes_act_on_a_console(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.table import Table
    from rich.text import Text

    monkeypatch.setenv("TERM", "xterm")  # a dumb one has no codes of its own
    stream = io.StringIO()
    console = HarmlessConsole(
        file=stream if terminal else InertStream(stream), width=60, force_terminal=terminal
    )
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(Text(HOSTILE, style="bold"))
    console.print(table)
    console.print(HOSTILE)
    text = stream.getvalue()
    assert ("\x1b[1m" in text) == terminal
    for sign in ("\x1b[31m", "\x1b]", "\r", "\x07", "\x00", "\x9b", "\u202e", "\ud800"):
        assert sign not in text
    assert "[red]" in text


def test_text_on_its_way_out_is_printable_bounded_and_one_message() -> None:
    assert clean(f"a\n{HOSTILE}").isprintable()
    assert printable("a\nb\tc\u2028d") == "a\nb c d"
    assert (
        message("refused\nfaeval: all is well\n  listed")
        == "refused\n  faeval: all is well\n  listed"
    )
    assert 1900 < len(message("x" * 50_000_000)) <= 2000
    assert len(cut("x" * 3000)) <= 2000
    assert cut("abc") == "abc"


def test_git_that_refuses_is_quoted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.py").write_text(CLAIMS, encoding="utf-8")
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *command], cwd=tmp_path, env=os.environ | identity, check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    advice = f"git config --global --add safe.directory {tmp_path}"
    lines = {
        "lock c.py": 0,
        "lock c.py --check": 0,
        "lock c.py --check --against HEAD": 2,
        "verify c.py --workers 1": 0,
    }
    for line, right in lines.items():
        code, said = inside(line)
        assert code == right, said
        assert said.count(advice) == said.count("dubious ownership") == 1, said
    subprocess.run(["bash", "-c", advice], check=True)
    assert inside("lock c.py --check --against HEAD") == (0, "")
