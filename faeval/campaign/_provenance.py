"""Where numbers come from: versions and commit, without absolute paths or host names."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from faeval.errors import FaevalError

_ALWAYS = ("faeval", "numpy", "scipy")


@dataclass(frozen=True)
class Provenance:
    """What all runs of one campaign have in common."""

    versions: dict[str, str] = field(default_factory=dict)
    commit: str | None = None
    dirty: bool | None = None
    lock: str | None = None


def provenance(packages: Iterable[str], lock: str | None) -> Provenance:
    """Look once, in the parent, at the installed packages and the working directory."""
    versions = versions_here((*_ALWAYS, *packages))
    commit = _git("rev-parse", "HEAD")
    return Provenance(versions, commit, _dirty() if commit else None, lock)


def _dirty() -> bool | None:
    """Whether a tracked file was changed, or a Python file is neither tracked nor ignored."""
    changes = _git("status", "--porcelain", "--untracked-files=no")
    code = (":(top)*.py", ":(top,exclude)*/site-packages/*")
    others = _git("ls-files", "--others", "--exclude-standard", "--", *code)
    return None if changes is None or others is None else bool(changes or others)


@functools.cache
def _versions(names: tuple[str, ...]) -> dict[str, str]:
    versions = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
    for name in names:
        with contextlib.suppress(PackageNotFoundError):
            versions.setdefault(name, version(name))
    return versions


def versions_here(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python, the platform and those packages that are installed."""
    return dict(_versions(tuple(names)))


def package_version(name: str, owner: str) -> str:
    """Return the version of a package that an experiment names, which must be installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        raise FaevalError(
            f"experiment {owner!r}: needs the package {name!r}; pip install {name}."
        ) from None


def peak_memory_mb() -> float | None:
    """The largest memory this process has held so far, or None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)


def git_refusal(folder: Path | None = None) -> str:
    """Return why git does not read a repository, and what helps; empty where it does.

    No repository, or no git, is no refusal.
    """
    process = _run_git("rev-parse", "--git-dir", folder=folder)
    if process is None or process.returncode == 0 or "not a git repository" in process.stderr:
        return ""
    first = (process.stderr.splitlines() or ["it does not say why"])[0].removeprefix("fatal: ")
    advice = re.search(r"git config --global --add safe\.directory .*", process.stderr)
    remedy = f"if you trust it, {advice[0].strip()}" if advice else "correct what it names"
    return f"git refuses to read this repository: {first}; {remedy}"


def _git(*arguments: str) -> str | None:
    process = _run_git(*arguments)
    return process.stdout.strip() if process is not None and process.returncode == 0 else None


def _run_git(
    *arguments: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str] | None:
    # A working directory's own configuration may name programs to run for "status": that one is
    # switched off.
    command = [
        "git",
        *(() if folder is None else ("-C", str(folder))),
        "-c",
        "core.fsmonitor=false",
        *arguments,
    ]
    try:
        return subprocess.run(
            command,
            capture_output=True,
            check=False,
            env=os.environ | {"LC_ALL": "C"},
            encoding="utf-8",
            errors="replace",
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
