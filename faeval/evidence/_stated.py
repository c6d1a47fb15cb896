"""What verdicts.json of a report must be for whoever reads it: types and names, not whether it is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from faeval.errors import EvidenceError


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


def check_report(content: Any, file: Path) -> dict[str, Any]:
    """Return the content of a verdicts.json; raise EvidenceError that names the first part that is not as it must be."""
    try:
        _Stated.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        raise EvidenceError(f"{file}: is no report of faeval: {where}: {first['msg']}; restore it.") from None
    return dict(content)
