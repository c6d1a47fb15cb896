"""Verdicts read back from verdicts.json, of schema 2 and of schema 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faeval.claims._verdict import Verdict, adapter_of
from faeval.errors import EvidenceError

_PROSE = ("reason", "scope", "assumption", "takes", "warnings")


def read_verdicts(content: Mapping[str, Any]) -> dict[str, Verdict]:
    """Return the verdicts of a report's JSON by the names of their claims.

    Raises
    ------
    EvidenceError
        It is not what a report's JSON must be.
    """
    from pydantic import ValidationError

    verdicts: dict[str, Verdict] = {}
    name: object = None
    try:
        for item in content["verdicts"]:
            name = item["claim"]
            verdict = adapter_of(Verdict).validate_python(_as_schema_2(item, content))
            if verdict.claim in verdicts:
                raise ValueError("it stands there twice")
            verdicts[verdict.claim] = verdict
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        at = f"claim {name!r}" if name is not None else "its verdicts"
        what = f"{type(error).__name__}: {error}"
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise EvidenceError(
            f"the earlier report: {at} cannot be compared ({what}); give the verdicts.json that"
            " faeval wrote."
        ) from None
    return verdicts


def _as_schema_2(item: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a verdict without the prose that schema 1 had; a side's text is its expression."""
    if not isinstance(content.get("schema"), str) or not content["schema"].startswith(
        "faeval/report/1"
    ):
        return dict(item)
    fields = {name: value for name, value in item.items() if name not in _PROSE}
    return {
        "sentence": "",
        "setting": content.get("setting"),
        **fields,
        "assertions": [_assertion(a) for a in item["assertions"]],
    }


def _assertion(item: Mapping[str, Any]) -> dict[str, Any]:
    sides = {
        name: {"expression": item[name]["text"], "values": item[name]["values"]} for name in "ab"
    }
    return {**item, **sides}
