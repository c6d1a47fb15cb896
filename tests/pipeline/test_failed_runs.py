"""A run that failed is an outcome: a report that is decided again from its folder says so as the
first one did.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from faeval import pipeline
from faeval.errors import EvidenceError, Tampered

CLAIMS = """
import faeval as fe

def run(arm, seed):
    if {fails}:
        raise ValueError("the disk was full")
    return {{"score": 0.5 + 0.001 * seed * (arm["depth"] == 8) + 0.05 * (arm["depth"] == 8)}}

forest = fe.Experiment("forest", run, factors={{"depth": 3}}, metrics={{"score": (0, 1)}})
deeper = fe.Claim(
    "Depth 8 beats depth 3",
    fe.exceeds(fe.metric("score", fe.Arm(depth=8)), fe.metric("score", fe.Arm(depth=3)), by=fe.Margin(0.01, "a reason")),
    attributed_to="depth",
)
"""  # noqa: E501


@pytest.mark.parametrize(
    "fails",
    ["seed == 5", "seed == 5 and arm['depth'] == 8", "True"],
    ids=["a seed", "one arm", "every run"],
)
def test_a_folder_with_failed_runs_is_decided_again_as_it_was(tmp_path: Path, fails: str) -> None:
    file = tmp_path / "toy.py"
    file.write_text(CLAIMS.format(fails=fails))
    first = pipeline.verify(file, store=tmp_path / "store", workers=1)
    (verdict,) = first.verdicts
    assert (verdict.verdict, verdict.reason_code, first.exit_code()) == ("invalid", "error", 11)
    folder = tmp_path / "report"
    pipeline.publish(first, folder)
    again = pipeline.decide_again(folder, file)
    assert again.verdicts == first.verdicts
    assert pipeline.verify(file, from_evidence=folder).verdicts[0].verdict == "invalid"
    assert "the disk was full" in (folder / "report.html").read_text()
    assert pipeline.check([folder], file).findings == ()
    again.write(folder)
    assert pipeline.check([folder], file).findings == ()


def test_a_run_that_leaves_out_what_a_claim_reads_is_told_so_whenever_it_is_asked(
    tmp_path: Path,
) -> None:
    file, folder = tmp_path / "toy.py", tmp_path / "report"
    text = CLAIMS.format(fails="False").replace(
        "    return", "    if seed == 3:\n        return {'other': 1}\n    return"
    )
    file.write_text(text.replace('{"score": (0, 1)}', '{"score": (0, 1), "other": None}'))
    first = pipeline.verify(file, store=tmp_path / "store", workers=1)
    pipeline.publish(first, folder)
    offline = pipeline.verify(file, store=tmp_path / "store", offline=True)
    for report in (first, offline, pipeline.decide_again(folder, file)):
        (verdict,) = report.verdicts
        assert (verdict.verdict, verdict.reason_code, report.exit_code()) == (
            "invalid",
            "error",
            11,
        )
        assert "seed 3" in verdict.detail
        assert "'score'" in verdict.detail
    (folder / "provenance.json").unlink()
    (verdict,) = pipeline.verify(file, from_evidence=folder / "evidence.csv", seeds=5).verdicts
    assert (verdict.verdict, verdict.reason_code) == ("inconclusive", "evidence_missing")
    assert "seed 3" in verdict.detail


def test_failures_that_were_taken_out_are_found(tmp_path: Path) -> None:
    file = tmp_path / "toy.py"
    file.write_text(CLAIMS.format(fails="seed == 5"))
    folder = tmp_path / "report"
    pipeline.publish(pipeline.verify(file, store=tmp_path / "store", workers=1), folder)
    text = (folder / "provenance.json").read_text()
    start, end = text.index(' "failures"'), text.index(' "hours')
    (folder / "provenance.json").write_text(text[:start] + text[end:])
    assert pipeline.check([folder], file).exit_code == 12
    (folder / "provenance.json").write_text(text.replace('"seed": 5', '"seed": "x"', 1))
    with pytest.raises(Tampered, match=r"provenance.json: .*SHA-256"):
        pipeline.decide_again(folder, file)
    old = text.replace('"seed": 5', '"seed": "x"', 1).replace('"sha256"', '"no_digest"')
    (folder / "provenance.json").write_text(old)
    with pytest.raises(EvidenceError, match="failures"):
        pipeline.decide_again(folder, file)


def test_a_report_of_evidence_given_by_hand_stays_one(tmp_path: Path) -> None:
    """Its seeds are those of the table, not those of a plan."""
    file = tmp_path / "toy.py"
    file.write_text(CLAIMS.format(fails="False"))
    pipeline.publish(
        pipeline.verify(file, seeds=[11, 12, 13], store=tmp_path / "s", workers=1),
        tmp_path / "first",
    )
    table = tmp_path / "table.csv"
    shutil.copy(tmp_path / "first" / "evidence.csv", table)
    by_hand = pipeline.verify(file, from_evidence=table)
    pipeline.publish(by_hand, tmp_path / "second")
    assert pipeline.decide_again(tmp_path / "second", file).verdicts == by_hand.verdicts
    assert by_hand.verdicts[0].seeds == (11, 12, 13)


def test_a_plan_that_was_not_reached_stays_so(tmp_path: Path) -> None:
    file = tmp_path / "toy.py"
    file.write_text(CLAIMS.format(fails="False"))
    pipeline.verify(file, seeds=3, store=tmp_path / "store", workers=1)
    part = pipeline.verify(file, store=tmp_path / "store", offline=True)
    assert part.verdicts[0].reason_code == "plan_not_reached"
    pipeline.publish(part, tmp_path / "report")
    assert pipeline.decide_again(tmp_path / "report", file).verdicts == part.verdicts
