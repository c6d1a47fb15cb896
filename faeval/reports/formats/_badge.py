"""A badge, as shields.io reads it from an endpoint."""

from __future__ import annotations

import json
from typing import Any

from faeval.reports.data._report import Report
from faeval.reports.views._report import view
from faeval.reports.words._escape import clip

_LONGEST = 60


def badge(report: Report) -> str:
    """Return the JSON of a badge: how many verdicts there are of each word.

    It is red only for drift and for unexpectedly invalid verdicts.

    A refutation is a result: it has the colour of support.
    """
    report_view = view(report)
    alarm = report.exit_code() != 0
    decided = report.counts["supported"] + report.counts["refuted"]
    content: dict[str, Any] = {
        "schemaVersion": 1,
        "label": f"claims on {clip(report.setting, _LONGEST)}",
        "message": " · ".join(tally.text for tally in report_view.tallies) or "none selected",
        "color": "red" if alarm else "blue" if decided else "lightgrey",
    }
    if alarm:
        content["isError"] = True  # nobody can give it another colour in the address
    return json.dumps(content, sort_keys=True, indent=1) + "\n"
