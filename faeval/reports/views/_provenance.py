"""Where a report comes from, and how to decide it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from faeval.evidence import with_identifiers
from faeval.experiment import named
from faeval.reports.data._report import Coverage, Report
from faeval.reports.views._types import Fact
from faeval.reports.words._differences import GROUPS
from faeval.reports.words._glossary import plain, spaced
from faeval.reports.words._numbers import rate

_MOST_FAILED = 5  # that are named


def provenance_facts(report: Report) -> Iterator[Fact]:
    """Say what the evidence says of where it comes from."""
    yield Fact("Evidence sha256", plain(report.evidence_sha256 or "none"))
    yield Fact("Lock sha256", plain(report.lock_sha256 or "none"))
    if report.lock is not None:
        yield Fact("The whole lock", plain(_coverage(report.lock)))
    failed = report.provenance.get("failures") or ()
    for run in failed[:_MOST_FAILED]:
        yield Fact(
            "Failed run", plain(f"{named(run['arm'])} at seed {run['seed']}: {run['message']}")
        )
    if len(failed) > _MOST_FAILED:
        yield Fact(
            "Failed run",
            plain(f"and {len(failed) - _MOST_FAILED} more; provenance.json has them all"),
        )
    for acceptance in report.provenance.get("accepted") or ():
        yield Fact(
            "Kept runs",
            plain(
                f"{acceptance['runs']}, over a change of code, {acceptance['date']}:"
                f" {acceptance['because']}"
            ),
        )
    elsewhere = {"registrations", "evidence_sha256", "failures", "accepted", "sha256"}
    elsewhere |= {"lock"} if report.provenance.get("lock") == report.lock_sha256 else set()
    provenance = with_identifiers(report.provenance)
    lines = [
        line for name in provenance.keys() - elsewhere for line in _lines(name, provenance[name])
    ]
    yield from (Fact(label, plain(text)) for label, text in sorted(lines))


def _lines(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the label and the text of each value under a name of provenance."""
    if name in GROUPS and isinstance(value, Mapping):
        for inner in value:
            yield from _flat(f"{GROUPS[name]} {inner}", value[inner])
    else:
        yield from _flat("hours of computing" if name == "hours" else spaced(name), value)


def _coverage(lock: Coverage) -> str:
    """Say how much of the lock the report shows: who shows a part has chosen it."""
    claims = f"{lock.claims} claim{'s' * (lock.claims != 1)}"
    families = f"{lock.families} famil{'ies' if lock.families != 1 else 'y'}"
    return (
        f"{claims} in {families} registered; this report shows {lock.claims_shown} in"
        f" {lock.families_shown}. The chance of any wrong support over all these families is at"
        f" most {rate(lock.any_wrong_support)} in one setting, and"
        f" {rate(lock.if_independent)} where they share no runs."
    )


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value, key=str):
            yield from _flat(f"{prefix} {key}".strip().replace("_", " "), value[key])
    elif isinstance(value, tuple | list | set | frozenset):
        items = (
            sorted(map(str, value)) if isinstance(value, set | frozenset) else list(map(str, value))
        )
        yield prefix, ", ".join(items) or "none"
    elif isinstance(value, Mapping) or value is None:
        yield prefix, "none"
    else:
        yield prefix, str(value)


#: The command that recomputes every number of a report from the evidence beside it. FOLDER and
#: CLAIMS are the reader's.
CHECK = "faeval report FOLDER --claims CLAIMS --check"


def recompute(report: Report) -> str:
    """Return the command that decides the same claims again from the evidence beside the report."""
    command = "faeval verify CLAIMS --evidence FOLDER --offline"
    seeds = report.seeds
    if (
        seeds is None
    ):  # made by hand, a report may hold verdicts on a list of seeds that it was not told of
        lists = {
            v.seeds for v in report.verdicts if v.seeds and v.seeds != v.planned[: len(v.seeds)]
        }
        seeds = lists.pop() if len(lists) == 1 else None
    if seeds is None:
        return command
    return f"{command} --seeds {seeds if isinstance(seeds, int) else ','.join(map(str, seeds))}"


def source(report: Report) -> str:
    """Say of which revision of the source the claims must be, and which faeval to install."""
    commit = report.provenance.get("commit")
    at = f"commit {commit}" if isinstance(commit, str) and commit else "the same revision"
    return (
        "FOLDER is the folder of this page, with the evidence in it. CLAIMS is the folder of the"
        f" claims' files with their claims.lock, of {at} of the source that the page comes from."
        " Install faeval of the version named below from its source, in its folder:"
    )


#: What installs faeval with the versions that are pinned.
INSTALL = "python -m pip install -c constraints.txt ."


def this_version() -> str:
    """Return the version of faeval that renders."""
    return version("faeval")


def versions(report: Report) -> str:
    """Return what the evidence was made with, such as ``faeval 0.1.0, numpy 2.4.6``.

    It is empty where the evidence does not say.
    """
    versions = with_identifiers(report.provenance).get("versions")
    packages = (
        {str(k): str(v) for k, v in versions.items()} if isinstance(versions, Mapping) else {}
    )
    return ", ".join(f"{name} {packages[name]}" for name in sorted(packages) if name != "platform")
