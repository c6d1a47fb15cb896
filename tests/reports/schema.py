"""The JSON Schema of a report, made of its types: where a type changed, write it into
faeval/reports/schema again.
"""

from __future__ import annotations

import json

from faeval.claims import REASONS, REGISTRATIONS
from faeval.claims._verdict import DERIVED, WHERE_USED, adapter_of
from faeval.evidence import STATUSES
from faeval.reports import SCHEMA
from faeval.reports.data import ReportDocument


def made_schema() -> str:
    """Make the JSON Schema out of the types anew."""
    schema = adapter_of(ReportDocument).json_schema(mode="serialization")
    verdict = schema["$defs"]["Verdict"]
    verdict["properties"] |= DERIVED
    verdict["required"] += list(DERIVED)
    verdict["oneOf"] = [
        {"properties": {"verdict": {"const": word}, "reason_code": {"enum": list(codes)}}}
        for word, codes in REASONS.items()
    ]
    verdict["properties"]["registration"]["enum"] = list(REGISTRATIONS)
    schema["properties"]["schema"]["const"] = SCHEMA
    schema["$defs"]["Profile"]["properties"]["status"]["items"]["items"]["enum"] = list(STATUSES)
    for kind, fields in WHERE_USED.items():
        part = schema["$defs"][kind.__name__]
        part["required"] = [name for name in part["required"] if name not in fields]
    for part in (schema, *schema["$defs"].values()):
        part["additionalProperties"] = False
        for described in part["properties"].values():
            described.pop("title", None)
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:faeval:report:2",
        **schema,
        "title": "A report of faeval",
    }
    return json.dumps(whole, indent=1) + "\n"
