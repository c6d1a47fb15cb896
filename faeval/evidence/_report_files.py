"""Types and names that verdicts.json and provenance.json must have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from faeval._safe_text import clean
from faeval.errors import EvidenceError

_NAMES: dict[type, str] = {list: "a list", str: "a text", type(None): "null", bool: "true or false"}


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Verdict(_Open):
    claim: str
    verdict: str | None = None
    reason_code: str | None = None
    runs: list[str] = []


class _Stated(_Open):
    setting: str | None = None
    seeds: int | list[int] | None = None
    evidence_sha256: str | None = None
    lock_sha256: str | None = None
    verdicts: list[_Verdict]


class _Failure(_Open):
    arm: str
    seed: int
    message: str


class _Beside(_Open):
    evidence_sha256: str | None = None
    registrations: list[dict[str, Any]] | None = None
    failures: list[_Failure] = []


def check_report(content: Any, file: Path) -> dict[str, Any]:
    """Return the content of a verdicts.json; raise EvidenceError for the first wrong part."""
    return _checked(_Stated, content, f"{file}: is no report of faeval")


def check_beside(content: Any, file: Path) -> dict[str, Any]:
    """Return the content of a file beside evidence; errors as of :func:`check_report`."""
    return _checked(_Beside, content, f"{file}: does not belong to evidence of faeval")


def _checked(kind: type[_Open], content: Any, problem: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise EvidenceError(
            f"{problem}: it holds {_NAMES.get(type(content), 'a number')}, no object; restore it."
        )
    try:
        kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = clean(".".join(map(str, first["loc"]))) or "all of it"
        raise EvidenceError(f"{problem}: {where}: {first['msg']}; restore it.") from None
    return dict(content)


#: Names that provenance.json had before they were identifiers, and those that had a name in them.
_RENAMED = {"hours of computing": "hours", "not digested": "not_digested"}
_GROUPED = {"version of ": "versions", "revision of ": "revisions", "code of ": "code"}


def with_identifiers(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return a provenance under identifiers, whichever version wrote it.

    ``version of torch`` is ``torch`` of ``versions``.
    """
    fields: dict[str, Any] = {}
    for name, value in provenance.items():
        start = next((start for start in _GROUPED if name.startswith(start)), None)
        if start is None:
            fields.setdefault(_RENAMED.get(name, name), value)
        else:
            group = fields.setdefault(_GROUPED[start], {})
            fields[_GROUPED[start]] = {**group, name.removeprefix(start): value}
    return fields
