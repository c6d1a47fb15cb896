"""A claims file and its claims as items of pytest. Collecting loads neither torch nor pandas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from faeval.errors import FaevalError
from faeval.pytest_plugin._options import KEY, Options
from faeval.pytest_plugin._outcomes import Invalid, judge

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


class ClaimsFile(pytest.File):
    """A file of claims."""

    def collect(self) -> Iterable[ClaimItem]:
        """Yield an item for each claim."""
        from faeval.claims import load

        try:
            claims = load(self.path)
        except FaevalError as error:
            # The file's own line stands in the message; pytest prints no traceback for this kind of
            # error.
            raise self.CollectError(str(error).replace(str(self.path), self._shown())) from None
        for claim in claims:
            yield ClaimItem.from_parent(self, name=claim.id.partition("::")[2], claim=claim)

    def _shown(self) -> str:
        here = self.config.invocation_params.dir
        return str(self.path.relative_to(here) if self.path.is_relative_to(here) else self.path)


class ClaimItem(pytest.Item):
    """One claim."""

    def __init__(self, *, claim: Claim, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.claim = claim
        self.outcome: dict[str, Any] | None = None
        for mark in marks_of(claim, self.config):
            self.add_marker(mark)

    def setup(self) -> None:
        """Verify all claims of the session, the first time; an invalid claim ends here."""
        from faeval.pytest_plugin._session import outcome_of
        from faeval.reports import properties

        options: Options = self.config.stash[KEY]
        if self.config.getoption(
            "setuponly"
        ):  # and with --setup-plan: nothing of a test is to be done
            return
        if "extended" in self.claim.tags and not options["all"]:
            pytest.skip("tagged 'extended'; --faeval-all verifies it")
        folder = self.path.parent
        others = (item for item in self.session.items if isinstance(item, ClaimItem))
        selected = {item.claim.id for item in others if item.path.parent == folder}
        self.outcome = outcome_of(self.claim, folder, self.config, selected)
        self.user_properties += properties(self.outcome)
        if self.outcome["standing"] == "broken":
            raise Invalid(self.outcome["text"], pytrace=False)

    def runtest(self) -> None:
        """Compare the verdict with what was expected."""
        assert self.outcome is not None
        judge(self.outcome, self.config.stash[KEY]["strict"])

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the claim stands."""
        return self.path, None if self.claim.line is None else self.claim.line - 1, self.name


def marks_of(claim: Claim, config: pytest.Config) -> list[pytest.MarkDecorator]:
    """Return a claim's markers, registered: by family and tags.

    ``faeval`` has both exactly, and each is a marker of its own.
    """
    exact = pytest.mark.faeval(id=claim.id, family=claim.family)
    names = {marker_name(claim.family or "", "family"): f"claims of the family {claim.family!r}"}
    names |= {marker_name(tag, "tag"): f"claims tagged {tag!r}" for tag in claim.tags}
    for name, text in names.items():
        config.addinivalue_line("markers", f"{name}: {text}")
    tags = [pytest.mark.faeval(tag=tag) for tag in claim.tags]
    return [exact, *tags, *(getattr(pytest.mark, name) for name in names)]


def marker_name(text: str, kind: str) -> str:
    """Return the name by which ``-m`` finds a family or a tag.

    What no identifier holds becomes an underscore.

    Examples
    --------
    >>> marker_name("deep alignment (rho)", "family"), marker_name("skip", "tag")
    ('deep_alignment_rho', 'tag_skip')
    """
    name = re.sub(r"\W+", "_", text).strip("_")
    return f"{kind}_{name}" if not name or name in _RESERVED or name[0].isdigit() else name
