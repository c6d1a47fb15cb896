"""Verify once a session, for each folder and setting, however many workers share it.

A verdict depends on its family (Holm) and on its gates. So that it never depends on what was
selected, everything of the folder that shares a family with a selected claim, or gates one, is
verified with it, as ``faeval verify FOLDER`` would. Under pytest-xdist one worker verifies; the
others wait for a file lock, and read what it found.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from faeval._options import arguments
from faeval._safe_text import message
from faeval._whole_files import replace_file
from faeval.errors import FaevalError
from faeval.pytest_plugin._files import claims_files, is_claims_file
from faeval.pytest_plugin._options import KEY, ROWS
from faeval.pytest_plugin._outcomes import Invalid, judge, outcome_from

if TYPE_CHECKING:
    import pandas as pd

    from faeval import pipeline
    from faeval.campaign import Event
    from faeval.claims import Claim, Lock, Verdict
    from faeval.reports import Report

_GROUPS = pytest.StashKey[dict[tuple[Path, str], dict[str, Any]]]()
_POOLS = pytest.StashKey[dict[Path, "list[Claim]"]]()
_TABLE = pytest.StashKey["pd.DataFrame"]()


def outcome_of(
    claim: Claim, folder: Path, config: pytest.Config, selected: set[str]
) -> dict[str, Any]:
    """Return the outcome of a claim; the first call verifies all that is selected there.

    ``selected`` holds ids.
    """
    try:
        setting = setting_of(claim, config)
        groups = config.stash.setdefault(_GROUPS, {})
        if (folder, setting) not in groups:
            groups[folder, setting] = _once(
                config,
                f"{folder}\n{setting}",
                lambda: _verify(config, folder, setting, selected),
            )
        group = groups[folder, setting]
    except FaevalError as error:
        raise Invalid(f"faeval: {error}", pytrace=False) from None
    if "error" in group:
        raise Invalid(group["error"], pytrace=False)
    return dict(group["outcomes"][claim.id])


def _verify(
    config: pytest.Config, folder: Path, setting: str, selected: set[str]
) -> dict[str, Any]:
    from faeval import claims, pipeline

    options = config.stash[KEY]
    try:
        lock = claims.find_lock([folder])
        pool = [
            claim
            for claim in pool_of(folder, config)
            if setting_of(claim, config) == setting
            and (options["all"] or "extended" not in claim.tags)
        ]
        members = closed([claim for claim in pool if claim.id in selected], pool, lock)
        report = run(pipeline.Selection(tuple(members), setting, lock), config)
    except FaevalError as error:
        return {"error": f"faeval: {error}"}
    here = folder.relative_to(config.rootpath) if folder.is_relative_to(config.rootpath) else folder
    places = [f"{here / claim.id.partition('::')[0]}.py:{claim.line}" for claim in members]
    pairs = zip(report.verdicts, places, strict=True)
    return {"outcomes": {verdict.claim: outcome_from(verdict, place) for verdict, place in pairs}}


def closed(wanted: Sequence[Claim], pool: Sequence[Claim], lock: Lock | None) -> list[Claim]:
    """Return what verdicts on claims depend on: families, gates, and gates' families."""
    from faeval.claims import with_gates

    def family(claim: Claim) -> str:
        registered = lock.claims.get(claim.id) if lock else None
        return (registered.family if registered else claim.family) or ""

    members = list(wanted)
    while True:
        families = {family(claim) for claim in with_gates(members)}
        gates = {id(claim) for claim in with_gates(members)}
        more = [claim for claim in pool if family(claim) in families or id(claim) in gates]
        if len(more) == len(members):
            return more
        members = more


def pool_of(folder: Path, config: pytest.Config) -> list[Claim]:
    """Return all claims of a folder, selected or not."""
    from faeval.claims import load

    pools = config.stash.setdefault(_POOLS, {})
    if folder not in pools:
        pools[folder] = load(claims_files(folder, config))
    return pools[folder]


def setting_of(claim: Claim, config: pytest.Config) -> str:
    """Return a claim's setting: given, of the evidence, of its file, else ``teacher``."""
    from faeval.pipeline import DEFAULT_SETTING

    options = config.stash[KEY]
    own = claim.experiment.name if claim.experiment else None
    if options["setting"] is not None:
        return str(options["setting"])
    if options["evidence"] is None:
        return own or DEFAULT_SETTING
    present = sorted(_evidence(config, options["evidence"])["setting"].unique())
    if len(present) == 1:
        return str(present[0])
    if own in present:
        return str(own)
    raise FaevalError(
        f"evidence holds {len(present)} settings ({', '.join(present)}); say which with"
        " --faeval-setting."
    )


def _evidence(config: pytest.Config, path: Path) -> pd.DataFrame:
    from faeval import evidence

    if _TABLE not in config.stash:
        with _quiet():
            config.stash[_TABLE] = evidence.read(path)
    return config.stash[_TABLE]


def run(given: Any, config: pytest.Config, **changes: Any) -> Report:
    """Verify with the options of the session, one worker of pytest-xdist at a time."""
    from faeval import evidence, pipeline

    options = config.stash[KEY]
    keywords = {**options.arguments(), "progress": _progress(config), **changes}
    try:
        with _quiet():
            evidence.limit_rows(options["max_rows"])
            return pipeline.verify(given, **keywords)
    except KeyboardInterrupt:
        # In place of the line of faeval's own code at which it happened to be.
        pytest.exit(
            "faeval: interrupted; finished runs are kept, the same command goes on from there",
            returncode=2,
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suspend the session's warning filters: warnings of libraries fail no test."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        yield


def alone(config: pytest.Config) -> contextlib.AbstractContextManager[Any]:
    """Return a lock that one xdist worker of this session holds at a time."""
    shared = _shared(config)
    if shared is None:
        return contextlib.nullcontext()
    from filelock import FileLock

    return FileLock(shared / "faeval.lock")


def _shared(config: pytest.Config) -> Path | None:
    """Return the folder that all xdist workers of this session share; None without xdist."""
    worker = getattr(config, "workerinput", None)
    base = config.option.basetemp
    if worker is None or base is None:
        return None
    folder = Path(base).parent
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _once(config: pytest.Config, name: str, verify: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what ``verify`` gives; one worker calls it, the others read its answer."""
    shared = _shared(config)
    if shared is None:
        return verify()
    file = shared / f"faeval-{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"
    with alone(config):
        if file.is_file():
            return dict(json.loads(file.read_text(encoding="utf-8")))
        answer = verify()
        replace_file(file, json.dumps(answer).encode())
    return answer


def check_setting(claims: Sequence[Claim], config: pytest.Config) -> None:
    """Raise UsageError where the setting that was given is none: once, and not for each claim."""
    options = config.stash[KEY]
    name = options["setting"]
    own = {claim.experiment.name for claim in claims if claim.experiment}
    # Evidence may be of any setting.
    if name is None or name in own or options["evidence"] is not None:
        return
    from faeval.experiment import experiment

    try:
        experiment(name)
    except FaevalError as error:
        raise pytest.UsageError(f"faeval: {error}") from None


def _progress(config: pytest.Config) -> Callable[[Event], None] | None:
    """Return what tells of runs on the terminal, with -v each one that is over."""
    terminal: Any = config.pluginmanager.getplugin("terminalreporter")
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    if terminal is None or terminal.verbosity < 0:
        return None

    def tell(event: Event) -> None:
        over = event.kind in ("finished", "failed")
        first = event.kind == "started" and event.done == 0 and event.job.key not in begun
        stopping = event.kind == "stopping"
        if (over and terminal.verbosity > 0) or (first and not begun) or stopping:
            begun.add(event.job.key)
            with (
                turn,
                capture.global_and_fixture_disabled() if capture else contextlib.nullcontext(),
            ):
                terminal.ensure_newline()
                text = (
                    f"{event.total} runs to do"
                    if not over
                    else f"{event.done}/{event.total} runs: {event.job}"
                )
                line = f"{text}: {event.message}" if event.message else text
                terminal.write_line(message(f"faeval: {event.message if stopping else line}"))
                terminal.flush()  # whoever waits for the line reads a file or a pipe

    begun: set[str] = set()
    turn = threading.Lock()  # that a campaign stops is told from a thread of its own
    return tell


def _named(
    name: str, config: pytest.Config, setting: str | None
) -> tuple[Claim, pipeline.Selection]:
    """Return the claim of a file that a name stands for, and what is verified with it."""
    from faeval import claims, pipeline

    file, _, variable = name.partition("::")
    path = config.rootpath / file
    pool = pool_of(path.parent, config) if is_claims_file(path, config) else claims.load(path)
    by_id = {c.id: c for c in pool if c.id.startswith(f"{path.stem}::")}
    claim = by_id.get(f"{path.stem}::{variable}")
    if claim is None:
        names = ", ".join(i.partition("::")[2] for i in by_id)
        raise FaevalError(
            f"verify_claim: {name!r} names no claim; those of {file}: {names or 'none'}."
        )
    setting = setting or setting_of(claim, config)
    lock = claims.find_lock([path.parent])
    mates = [
        c
        for c in pool
        if c is claim or (setting_of(c, config) == setting and "extended" not in c.tags)
    ]
    return claim, pipeline.Selection(tuple(closed([claim], mates, lock)), setting, lock)


def verdict_on(
    given: Claim | str | Path, config: pytest.Config, *, check: bool, **changes: Any
) -> Verdict:
    """Return the verdict on a claim, or on one of a file by name; see ``verify_claim``."""
    from faeval import claims

    if unknown := sorted(set(changes) - {row.name for row in ROWS if row.argument is not None}):
        raise TypeError(f"verify_claim() got an unexpected keyword argument {unknown[0]!r}")
    changes = arguments(changes)
    with alone(config):
        if isinstance(given, claims.Claim):
            claim = given
            report = run([claim], config, **changes)
        else:
            claim, selection = _named(str(given), config, changes.pop("setting", None))
            report = run(selection, config, **changes)
    verdict = next(v for v in report.verdicts if v.claim == claim.name)
    if check:
        judge(outcome_from(verdict, f"claim {claim.name}"), config.stash[KEY]["strict"])
    return verdict
