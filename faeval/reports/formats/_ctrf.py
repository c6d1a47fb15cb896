"""CTRF, the Common Test Report Format (ctrf.io), schema 0.0.0: a test a claim.

The format requires times. A report follows from evidence alone and holds none: each is 0, and the
summary says so.
"""

from __future__ import annotations

import json
from typing import Any

from faeval.reports.data._report import Report
from faeval.reports.formats._cases import Case, cases
from faeval.reports.words._escape import CELL, clip

#: CTRF knows no errors: what is invalid without being expected so is failed there, so that nothing
#: lets it pass.
_STATUS = {"passed": "passed", "failed": "failed", "error": "failed", "skipped": "skipped"}


def ctrf(report: Report, strict: bool) -> str:
    """Return the report as CTRF JSON in ASCII, with sorted keys and a newline at the end."""
    setting = clip(report.setting, CELL)
    tests = [_test(case, setting) for case in cases(report, strict)]
    statuses = [test["status"] for test in tests]
    content = {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "generatedBy": "faeval",
        "results": {
            "tool": {"name": "faeval"},
            "summary": {
                "tests": len(tests),
                **{
                    status: statuses.count(status)
                    for status in ("passed", "failed", "skipped", "pending", "other")
                },
                "start": 0,
                "stop": 0,
                "extra": {
                    **report.counts,
                    "times": "all are 0: a report follows from its evidence, and holds no times",
                },
            },
            "tests": tests,
        },
    }
    return json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n"


def _test(case: Case, setting: str) -> dict[str, Any]:
    texts = {"message": case.message, "trace": case.text}
    return {
        "name": case.sentence.strip() or case.name,
        "testId": case.claim.strip() or case.name,
        "suite": [setting, case.group],
        "status": _STATUS[case.result],
        "rawStatus": case.verdict,
        "duration": 0,
        "tags": list(case.flags),
        "extra": dict(case.properties),
        **{key: text for key, text in texts.items() if text},
    }
