"""pytest plugin: ``pytest claims/`` verifies claims, one item each.

It is loaded in every session, so it imports next to nothing.

As expected passes; drift fails; invalid without being expected is an error; open where a decision
was expected is a skip, and a failure with ``--faeval-strict``. See docs/pytest.md.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from faeval.pytest_plugin import _options
from faeval.pytest_plugin._files import is_claims_file
from faeval.pytest_plugin._items import ClaimItem, ClaimsFile
from faeval.pytest_plugin._options import KEY
from faeval.pytest_plugin._outcomes import summarise

if TYPE_CHECKING:
    from faeval.claims import Claim, Verdict

__all__ = ["verify_claim"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare options."""
    _options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Settle the session's options."""
    config.addinivalue_line(
        "markers",
        "faeval(id, family, tag): every claim; -m \"faeval(family='alignment')\" selects a family"
        " by its exact name. Each family and tag is a marker by itself too",
    )
    config.stash[KEY] = _options.resolve(config)
    config.pluginmanager.register(_Summary(), "faeval_summary")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[Any], list[Any]]:
    """Collect a claims file as claims alone: neither as a test module nor for its doctests."""
    collectors = yield
    return (
        [ClaimsFile.from_parent(parent, path=file_path)]
        if is_claims_file(file_path, parent.config)
        else collectors
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse a setting that there is not, once what is selected is known."""
    claims = [item.claim for item in items if isinstance(item, ClaimItem)]
    # A worker of pytest-xdist has nobody to tell: there, each claim says it.
    if claims and not hasattr(config, "workerinput"):
        from faeval.pytest_plugin._session import check_setting

        check_setting(claims, config)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the verdict along with the report, and place a skip at its claim."""
    report = yield
    if isinstance(item, ClaimItem):
        if isinstance(report.longrepr, tuple):
            path, line, _ = item.reportinfo()
            report.longrepr = (str(path), (line or 0) + 1, report.longrepr[2])
        if item.outcome is not None and (call.when == "call" or report.failed):
            # What else a report carries reaches xdist's controller.
            report.faeval = item.outcome  # type: ignore[attr-defined]
    return report


class _Summary:
    """All verdicts of the session, in whichever process its reports arrive."""

    def __init__(self) -> None:
        self.outcomes: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome = getattr(report, "faeval", None)
        if outcome is not None:
            self.outcomes[report.nodeid] = outcome

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        summarise(terminalreporter, self.outcomes)


@pytest.fixture
def verify_claim(request: pytest.FixtureRequest) -> Callable[..., Verdict]:
    """Verify a claim inside a test: ``verify_claim(claim)`` returns its verdict.

    The function takes a claim, or the name of one in a claims file,
    ``"claims/penalty.py::variable"`` from the root folder; then its family, gates and registration
    count as in ``pytest claims/``. It fails the test on drift and on an invalid verdict that was
    not expected, and skips it where a decision was expected and the claim is open (fails with
    ``--faeval-strict``); ``check=False`` leaves that to the test. The options of verification, such
    as ``seeds=``, ``workers=`` or ``evidence=`` (a table or path to decide from), stand for those
    of the session.
    """
    from faeval.pytest_plugin._session import verdict_on

    def verify(claim: Claim | str | Path, *, check: bool = True, **options: Any) -> Verdict:
        return verdict_on(claim, request.config, check=check, **options)

    return verify
