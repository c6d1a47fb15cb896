"""Which files are claims, and the items they hold. Collecting loads claims, and neither torch nor
pandas.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from faeval.errors import FaevalError
from faeval.pytest_plugin._options import KEY, Options

if TYPE_CHECKING:
    from faeval.claims import Claim

#: Marker names that pytest itself acts on, or that -m cannot read: a family of such a name gets
#: "family_" before it.
_RESERVED = {
    *("and", "or", "not", "True", "False", "None", "faeval"),
    *(
        "skip",
        "skipif",
        "xfail",
        "parametrize",
        "usefixtures",
        "filterwarnings",
        "tryfirst",
        "trylast",
    ),
}
_HOMES = pytest.StashKey[dict[Path, bool]]()


def is_claims_file(path: Path, config: pytest.Config) -> bool:
    """Return whether a file is read as claims: it lies in a folder of claims, or is one of the
    files named.

    Nothing else is ever touched. Files with a leading underscore and conftest.py are not claims; a
    file named as tests are is one only where it defines claims, and so is one that the command line
    names outside of those folders. Where the folder is not named but the default, ``claims``, it
    must speak of faeval.
    """
    options = config.stash[KEY]
    if path.suffix != ".py" or path.name.startswith("_") or path.name == "conftest.py":
        return False
    as_test = path.name.startswith("test_") or path.stem.endswith("_test")
    if path not in options.claims and path.parent not in options.claims:
        return path in options.asked and not as_test and _defines_claims(path, by_function=True)
    if as_test:
        return _defines_claims(path)
    return options.claims_named or _speaks_of_faeval(path.parent, config)


def claims_files(folder: Path, config: pytest.Config) -> list[Path]:
    """Return all claims files of a folder, in order of name."""
    return [path for path in sorted(folder.glob("*.py")) if is_claims_file(path, config)]


def _speaks_of_faeval(folder: Path, config: pytest.Config) -> bool:
    known = config.stash.setdefault(_HOMES, {})
    if folder not in known:
        known[folder] = any(
            b"faeval" in file.read_bytes() for file in folder.glob("*.py") if file.is_file()
        )
    return known[folder]


def _defines_claims(path: Path, *, by_function: bool = False) -> bool:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False  # pytest says so, of the test module that it is
    made = (node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
    calls = (
        value.func
        for value in (ast.walk(tree) if by_function else made)
        if isinstance(value, ast.Call)
    )
    return any(getattr(func, "attr", getattr(func, "id", "")) == "Claim" for func in calls)


class ClaimsFile(pytest.File):
    """A file of claims."""

    def collect(self) -> Iterable[ClaimItem]:
        """Yield an item for each claim."""
        from faeval.claims import load

        try:
            found = load(self.path)
        except FaevalError as error:
            # The file's own line stands in the message; pytest prints no traceback for this kind of
            # error.
            raise self.CollectError(str(error).replace(str(self.path), self._shown())) from None
        for claim in found:
            yield ClaimItem.from_parent(self, name=claim.id.partition("::")[2], claim=claim)

    def _shown(self) -> str:
        here = self.config.invocation_params.dir
        return str(self.path.relative_to(here) if self.path.is_relative_to(here) else self.path)


class Invalid(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """A claim that is invalid, and was not expected to be: raised in setup, so that pytest reports
    an error.
    """

    __module__ = "builtins"  # as pytest's own outcomes: the name alone is shown


class Drift(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """A claim that was decided otherwise than expected."""

    __module__ = "builtins"


class Open(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """With --faeval-strict, a claim that is open where a decision was expected."""

    __module__ = "builtins"


class ClaimItem(pytest.Item):
    """One claim."""

    def __init__(self, *, claim: Claim, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.claim = claim
        self.outcome: dict[str, Any] | None = None
        for mark in marks_of(claim, self.config):
            self.add_marker(mark)

    def setup(self) -> None:
        """Verify, together with all claims of the session, the first time; an invalid claim ends
        here.
        """
        from faeval.pytest_plugin._session import outcome_of
        from faeval.reports import properties

        options: Options = self.config.stash[KEY]
        if self.config.getoption(
            "setuponly"
        ):  # and with --setup-plan: nothing of a test is to be done
            return
        if "extended" in self.claim.tags and not options.all:
            pytest.skip("tagged 'extended'; --faeval-all verifies it")
        self.outcome = outcome_of(self)
        self.user_properties += properties(self.outcome)
        if self.outcome["standing"] == "broken":
            raise Invalid(self.outcome["text"], pytrace=False)

    def runtest(self) -> None:
        """Compare the verdict with what was expected."""
        assert self.outcome is not None
        judge(self.outcome, self.config.stash[KEY].strict)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the claim stands."""
        return self.path, None if self.claim.line is None else self.claim.line - 1, self.name


def judge(outcome: dict[str, Any], strict: bool) -> None:
    """Fail or skip where a verdict is not what was expected."""
    standing = outcome["standing"]
    if standing == "broken":
        raise Invalid(outcome["text"], pytrace=False)
    if standing == "drift":
        raise Drift(outcome["text"], pytrace=False)
    if standing == "open":
        if strict:
            raise Open(outcome["text"], pytrace=False)
        pytest.skip(outcome["open"])


def marks_of(claim: Claim, config: pytest.Config) -> list[pytest.MarkDecorator]:
    """Return a claim's markers, registered: ``faeval`` with its family and each tag, and both by
    their own names.
    """
    exact = pytest.mark.faeval(id=claim.id, family=claim.family)
    names = {marker_name(claim.family or "", "family"): f"claims of the family {claim.family!r}"}
    names |= {marker_name(tag, "tag"): f"claims tagged {tag!r}" for tag in claim.tags}
    for name, text in names.items():
        config.addinivalue_line("markers", f"{name}: {text}")
    tags = [pytest.mark.faeval(tag=tag) for tag in claim.tags]
    return [exact, *tags, *(getattr(pytest.mark, name) for name in names)]


def marker_name(text: str, kind: str) -> str:
    """Return the name by which ``-m`` finds a family or a tag: what no identifier holds becomes an
    underscore.

    Examples
    --------
    >>> marker_name("alignment", "family"), marker_name("deep alignment (rho)", "family"), marker_name("skip", "tag")
    ('alignment', 'deep_alignment_rho', 'tag_skip')
    """
    name = re.sub(r"\W+", "_", text).strip("_")
    return f"{kind}_{name}" if not name or name in _RESERVED or name[0].isdigit() else name
