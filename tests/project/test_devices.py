"""A run on a GPU, stacked, is the run that the CPU makes: our evidence holds eight that were made
on both.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
NAMES = ["arm", "seed", "epoch", "layer", "metric"]


def test_the_runs_that_both_kinds_of_device_made_agree_as_the_page_says() -> None:
    cpu, cuda = (
        pd.read_csv(ROOT / "reports" / n / "evidence.csv")
        for n in ("cifar10-pilot", "campaign-cifar10-pilot")
    )
    both = cpu.merge(cuda, on=NAMES, suffixes=("", "_cuda"))
    both = both[both["epoch"] == 30]
    assert len(both[["arm", "seed"]].drop_duplicates()) == 8
    apart = (both["value"] - both["value_cuda"]).abs().groupby(both["metric"]).max()
    (facts,) = re.findall(
        r"<!-- facts: devices -->(.*?)<!-- end -->",
        (ROOT / "docs" / "campaigns.md").read_text(),
        re.DOTALL,
    )
    accuracy, states = re.findall(r"at most ([0-9.]+[0-9])", facts)
    assert f"{apart['accuracy']:.4f}" == accuracy
    assert f"{max(apart['cosine'], apart['rho']):.4f}" == states
    assert apart[["control_true", "test_loss"]].max() < 0.001
