"""The flag ``stale``: what rests on a stage whose revision is another than the installed one, and
nothing else.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import faeval as fe
from faeval import claims, pipeline
from faeval.claims import Verdict
from faeval.experiment import Codes, experiment
from faeval.pipeline._code import flag_stale
from faeval.reports import Report

ROOT = Path(__file__).parents[2]
TEACHER = ROOT / "reports" / "teacher"
#: The metrics that each of our claims reads; one that is refused before any run reads none.
READS = {
    claim.id: {r.metric for a in claim.assertions for r in a.contrast.reads()}
    for claim in claims.load([ROOT / "claims"])
    if claim.expected("teacher") != "invalid:confounded"
}
PUBLISHED = {name for name, read in READS.items() if any(m.startswith("published.") for m in read)}
FRESH = {name for name, read in READS.items() if "fresh_cosine" in read}
ACCURACY = {name for name, read in READS.items() if "accuracy" in read}
#: What no audit of states gives: neither the audit of alignment nor a metric of its own.
NO_STATES = {
    n
    for n, read in READS.items()
    if all(m == "accuracy" or m.startswith("published.") for m in read)
}


@cache
def decided() -> tuple[pipeline.Selection, Report]:
    """The claims of the committed report, and the report decided again."""
    report = pipeline.decide_again(TEACHER, ROOT / "claims")
    known = {claim.id: claim for claim in claims.load([ROOT / "claims"])}
    return (
        pipeline.Selection(tuple(known[v.claim] for v in report.verdicts), "teacher", None),
        report,
    )


def stale(verdicts: Iterable[Verdict]) -> set[str]:
    """Return the claims that are stale, or what they have in common."""
    verdicts = list(verdicts)
    rest = {v.claim for v in verdicts if v.runs}
    found = {v.claim for v in verdicts if "stale" in v.flags}
    assert found <= rest  # what has no numbers rests on no code
    return (
        {"all"} if found == rest else {"what reads states"} if found == rest - NO_STATES else found
    )


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ({}, set()),  # nothing is known
        ({"training": "installed", "alignment": "installed", "accuracy": "installed"}, set()),
        ({"training": "0"}, {"all"}),
        ({"alignment": "0, installed"}, {"what reads states"}),
        ({"accuracy": "0"}, ACCURACY),
        ({"published": "0"}, PUBLISHED),
        ({"fresh": "0"}, FRESH),
        ({"a stage of old": "0"}, set()),
    ],
)
def test_stale_is_what_rests_on_a_stage_that_has_changed(
    recorded: dict[str, str], expected: set[str]
) -> None:
    setting = experiment("teacher")
    assert setting.training is not None
    installed = {"training": setting.training.revision} | {
        n: s.revision for n, s in setting.audits.items()
    }
    assert all(map(len, (PUBLISHED, FRESH, ACCURACY & NO_STATES, ACCURACY - NO_STATES)))
    said = {
        f"revision of {stage}": text.replace("installed", installed.get(stage, ""))
        for stage, text in recorded.items()
    }
    chosen, report = decided()
    assert stale(report.verdicts) == set()
    assert stale(flag_stale(chosen, report.verdicts, said, Codes())) == expected


def test_provenance_beside_the_evidence_says_which_revisions_it_was_made_by(tmp_path: Path) -> None:
    folder = tmp_path / "teacher"
    shutil.copytree(TEACHER, folder)
    file = folder / "provenance.json"
    content = {
        k: v for k, v in json.loads(file.read_text()).items() if not k.startswith("revision of ")
    }
    del content["sha256"]  # as of an older version, which had none
    file.write_text(json.dumps(content | {"revision of published": "0"}))
    assert stale(pipeline.decide_again(folder, ROOT / "claims").verdicts) == PUBLISHED


def test_an_experiment_of_ones_own_is_known_by_its_source(tmp_path: Path) -> None:
    def toy(body: str) -> fe.Claim:
        scope: dict[str, Any] = {}
        exec(f"def run(arm, seed):\n    {body}\n", scope)
        coin = fe.Experiment(
            "coin",
            scope["run"],
            factors={"dose": 0},
            metrics={"heads": (0, 9)},
            revision=str(len(body)),
        )
        return fe.Claim(
            "More heads",
            fe.exceeds(
                fe.metric("heads", fe.Arm(dose=1)),
                fe.metric("heads", fe.Arm()),
                by=fe.Margin(0.1, "enough"),
            ),
            attributed_to="dose",
            experiment=coin,
        )

    first = toy("return {'heads': arm['dose'] + 0.1 * (seed % 3) * arm['dose']}")
    report = pipeline.verify(first, store=tmp_path / "store", workers=1)
    pipeline.publish(report, tmp_path / "out")
    assert (
        report.verdicts[0].flags
        == pipeline.verify(first, from_evidence=tmp_path / "out").verdicts[0].flags
    )
    other = toy("return {'heads': 2 * arm['dose'] + 0.1 * (seed % 3) * arm['dose']}")
    assert "stale" in pipeline.verify(other, from_evidence=tmp_path / "out").verdicts[0].flags
