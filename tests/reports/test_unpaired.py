"""Arms that no seed pairs: every format shows them, and a check recomputes them by Welch's test."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from faeval import pipeline
from faeval.reports import FORMS

CLAIMS = """import faeval as fe

def acc(name):
    return fe.metric("acc", fe.Arm(name))

by = dict(paired=False)
better = fe.Claim("Better", fe.exceeds(acc("ours"), acc("base"), by=fe.Margin(0.03, "x"), **by),
                  attributed_to="rule", seeds=5)
same = fe.Claim("Same", fe.equivalent(acc("ours"), acc("base"), within=fe.Margin(0.03, "x"), **by),
                attributed_to="rule", seeds=5)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpaired")
    rng = np.random.default_rng(0)
    lines = ["setting,arm,seed,epoch,layer,metric,value,status,run"]
    for arm, mean, sd in (("ours", 0.8, 0.01), ("base", 0.7, 0.02)):
        for seed in range(1, 6):
            value = float(rng.normal(mean, sd))
            lines.append(f"own,{arm},{seed},1,,acc,{value!r},measured,{arm}{seed}")
    (folder / "evidence.csv").write_text("\n".join(lines) + "\n")
    (folder / "claims").mkdir()
    (folder / "claims" / "unpaired.py").write_text(CLAIMS)
    report = pipeline.verify(
        [folder / "claims"], setting="own", from_evidence=folder / "evidence.csv"
    )
    assert [v.verdict for v in report.verdicts] == ["supported", "refuted"]
    report.write(folder / "report", FORMS)
    pipeline.publish(report, folder / "report")
    report.write_figures(folder / "figures")
    return folder


def test_each_format_shows_both_sides_and_no_difference_by_seed(folder: Path) -> None:
    assert all((folder / "report" / name).stat().st_size for name in FORMS.values())
    page = (folder / "report" / "report.md").read_text()
    heads = [line for line in page.splitlines() if line.startswith("| Seed |")]
    assert len(heads) == 2
    assert not any("Difference" in head for head in heads)


def test_its_numbers_are_recomputed_and_an_altered_one_is_found(folder: Path) -> None:
    def wrong() -> list[str]:
        check = pipeline.check([folder / "report"], [folder / "claims"], ["json"])
        return [str(finding) for file in check.files for finding in file.findings]

    assert wrong() == []
    file = folder / "report" / "verdicts.json"
    whole = file.read_text()
    for name in ("p_support", "sd", "estimate"):
        file.write_text(re.sub(rf'"{name}": [0-9.e-]+', f'"{name}": 0.0123', whole, count=1))
        assert any(name in text for text in wrong()), name
    file.write_text(whole)
