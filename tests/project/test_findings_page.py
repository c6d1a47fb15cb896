"""The tables of docs/findings.md are those of the committed reports: every claim, what was published of it, what came of it.

python tests/project/test_findings_page.py --write
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

from faeval import pipeline
from faeval.claims import Verdict
from faeval.reports import Report
from faeval.reports._words import GLYPHS, has_interval, value_text
from faeval.reports.checking import anchors_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "findings.md"
TABLE = re.compile(r"(<!-- findings: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
SETTINGS = {"cifar10": "CIFAR-10", "teacher": "teacher", "digits": "digits"}


@cache
def reports() -> dict[str, tuple[Report, dict[str, str]]]:
    """Each setting's report, decided again from its evidence, with the anchor of each claim on its page."""
    found = {}
    for name in SETTINGS:
        report = pipeline.decide_again(ROOT / "reports" / name, ROOT / "claims")
        places: dict[str, str] = {}
        for anchor, claim in anchors_of(report).items():
            places.setdefault(claim, anchor)
        found[name] = (report, places)
    return found


def cell(name: str, claim: str) -> str:
    """What came of a claim in a setting: the verdict with its estimates, linked to its place, and what to know of it."""
    report, places = reports()[name]
    (verdict,) = [v for v in report.verdicts if v.claim == claim]
    said = [
        f"{GLYPHS[verdict.verdict]} **{verdict.verdict}**",
        *map(value_text, filter(has_interval, verdict.assertions)),
    ]
    flags = [flag.replace("_", " ") for flag in verdict.flags]
    reason = [] if verdict.reason_code == "decided" else [verdict.reason_code.replace("_", " ")]
    return "; ".join([f"[{'; '.join(said)}](../reports/{name}/report.html#{places[claim]})", *reason, *flags])


def published(verdict: Verdict) -> str:
    """The published figures of a claim as they are declared, in words."""
    said = []
    for figure in verdict.published:
        spread = f" ± {figure['spread']:g}" if figure.get("spread") is not None else ""
        said.append(f"{figure['what']}: {figure['published']:g}{spread}")
    return "; ".join(said)


def table(subject: str) -> str:
    """One subject's claims: those of the file of that name."""
    lines = [f"| claim | published | {' | '.join(SETTINGS.values())} |", "|---|---|---|---|---|"]
    for verdict in reports()["cifar10"][0].verdicts:
        if verdict.claim.partition("::")[0] == subject:
            found = " | ".join(cell(name, verdict.claim) for name in SETTINGS)
            lines.append(f"| {verdict.sentence} | {published(verdict)} | {found} |")
    return "\n".join(lines) + "\n"


def written() -> str:
    return TABLE.sub(lambda m: m[1] + table(m[2]) + m[4], PAGE.read_text())


def test_the_page_has_every_claim_and_says_what_the_reports_say() -> None:
    subjects = [subject for _, subject, _, _ in TABLE.findall(PAGE.read_text())]
    assert sorted(subjects) == sorted({v.claim.partition("::")[0] for v in reports()["cifar10"][0].verdicts})
    assert PAGE.read_text() == written(), f"run: python tests/project/{Path(__file__).name} --write"


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(written())
