"""Every form of the language in every rendering: a report with a claim of each, and what checks it.

Structure is looked at, not wording.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
from rich.console import Console

from faeval import pipeline
from faeval.claims import Verdict
from faeval.reports import FORMS, Report, json_schema
from faeval.reports.data._shown import shown
from faeval.reports.figures import Circle, dots, forest, strip
from faeval.reports.words import sentences as words

CLAIMS = """import faeval as fe

def arm(name):
    return fe.Arm(name)

def m(metric, name, **more):
    return fe.metric(metric, arm(name), **more)

two, half, tenth = fe.Ratio(2, "x"), fe.Margin(0.5, "x"), fe.Margin(0.1, "x")
means = fe.Ratio(2, "x", of="means")
more = dict(attributed_to="rule")

ratio_yes = fe.Claim("Half", fe.below(m("time", "fast"), m("time", "slow"), by=two), **more)
ratio_no = fe.Claim("Twice", fe.exceeds(m("time", "fast"), m("time", "slow"), by=two), **more)
ratio_like = fe.Claim("Alike", fe.equivalent(m("time", "fast"), m("time", "near"), within=two),
                      **more)
ratio_unlike = fe.Claim("Alike too", fe.equivalent(m("time", "fast"), m("time", "slow"),
                        within=two), **more)
ratio_most = fe.Claim("At most", fe.not_above(m("time", "near"), m("time", "fast"),
                      by=fe.Ratio(1.5, "x")), **more)
means_yes = fe.Claim("Half in all", fe.below(m("time", "fast"), m("time", "slow"), by=means),
                     **more)
means_like = fe.Claim("Alike in all", fe.equivalent(m("time", "fast"), m("time", "near"),
                      within=means), **more)
means_open = fe.Claim("No bounds", fe.exceeds(m("zero", "fast"), m("zero", "slow"), by=means),
                      **more)
spread_open = fe.Claim("More stable", fe.below(fe.spread(m("acc", "fast")),
                       fe.spread(m("acc", "slow")), by=fe.Ratio(4, "x")), **more)
spread_yes = fe.Claim("More stable", fe.below(fe.spread(m("wild", "fast")),
                      fe.spread(m("wild", "slow")), by=two), **more)
rate_one = fe.Claim("Mostly", fe.exceeds(m("ok", "fast", outcome="rate"), 0.3, by=tenth))
rate_pairs = fe.Claim("More often", fe.exceeds(m("ok", "fast", outcome="rate"),
                      m("ok", "slow", outcome="rate"), by=tenth), **more)
rate_arms = fe.Claim("More often", fe.exceeds(m("ok", "fast", outcome="rate"),
                     m("ok", "slow", outcome="rate"), by=tenth, paired=False), **more)
share = fe.Claim("At most seeds", fe.exceeds(fe.share_of_seeds(fe.exceeds(m("time", "slow"),
                 m("time", "fast"), by=half)), 0.5, by=fe.Margin(0, "x")), **more)
apart = fe.Claim("Arms of their own", fe.exceeds(m("far", "one"), m("far", "other"), by=half,
                 paired=False), **more)
best = fe.Claim("The best", fe.exceeds(fe.max(m("acc", "a"), m("acc", "b")), m("acc", "slow"),
                by=tenth), **more)
chosen = fe.Claim("The chosen", fe.exceeds(fe.max(m("acc", "a"), m("acc", "b"), chosen_by="val"),
                  m("acc", "slow"), by=tenth), **more)
middle = fe.Claim("Median", fe.exceeds(fe.median(m("acc", "a"), m("acc", "b"), m("acc", "c")),
                  m("acc", "slow"), by=tenth), **more)
inner = fe.Claim("IQM", fe.exceeds(fe.iqm(*(m("acc", x) for x in ("a", "b", "c", "fast"))),
                 fe.min(m("acc", "slow"), m("acc", "c")), by=tenth), **more)
above = fe.Claim("Share of tasks", fe.exceeds(fe.share_above(0.5, m("acc", "a"), m("acc", "b")),
                 by=tenth))
trend = fe.Claim("Rises", fe.exceeds(fe.trend(m("acc", "slow"), m("acc", "c"), m("acc", "a")),
                 by=tenth), **more)
slope = fe.Claim("Slope", fe.exceeds(fe.slope({1: m("acc", "slow"), 2: m("acc", "c"),
                 4: m("acc", "a")}), by=fe.Margin(0.01, "x")), **more)
doubling = fe.Claim("Slope", fe.below(fe.slope({1: m("acc", "slow"), 2: m("acc", "c"),
                    4: m("acc", "a")}, log=True), by=fe.Margin(0.01, "x")), **more)
area = fe.Claim("Area", fe.exceeds(fe.area("course", arm("fast")), fe.area("course", arm("slow")),
                by=tenth), **more)
first = fe.Claim("Sooner", fe.below(fe.first("course", arm("fast"), above=0.9),
                 fe.first("course", arm("slow"), above=0.9), by=two), **more)
never = fe.Claim("Later", fe.exceeds(fe.first("course", arm("fast"), above=0.9),
                 fe.first("course", arm("slow"), above=0.9), by=two), **more)
logs = fe.Claim("Logs", fe.exceeds(fe.log10(m("time", "slow")), fe.log10(m("time", "fast")),
                by=tenth), **more)
some = fe.Claim("Two of three", fe.at_least(2, *(fe.exceeds(m("acc", x), m("acc", "slow"),
                by=tenth) for x in "abc")), **more)
lacking = fe.Claim("Two of four", fe.at_least(2, *(fe.exceeds(m("acc", x), m("acc", "slow"),
                   by=tenth) for x in ("a", "gone", "b", "c"))), **more)
none = fe.Claim("Any, and more", fe.any_of(*(fe.below(m("acc", x), m("acc", "slow"), by=tenth)
                for x in "ab")), fe.exceeds(m("acc", "a"), m("acc", "slow"), by=tenth), **more)
oddly = fe.Claim("Any", fe.any_of(*(fe.exceeds(m("odd", x), m("odd", "slow"), by=tenth)
                 for x in "abc")), **more)
"""
SEEDS = range(1, 11)


def rows() -> Iterator[tuple[str, int, int, str, float]]:
    """Yield arm, seed, epoch, metric and value."""
    rng = np.random.default_rng(7)
    for seed in SEEDS:
        machine = rng.lognormal(0, 0.3)
        for arm, time in (("fast", 1.0), ("near", 1.1), ("slow", 3.1)):
            yield arm, seed, 12, "time", machine * time * rng.lognormal(0, 0.05)
        for arm, mean, sd in (
            ("fast", 0.8, 0.02),
            ("slow", 0.4, 0.1),
            ("a", 0.9, 0.05),
            ("b", 0.8, 0.05),
            ("c", 0.7, 0.05),
        ):
            acc = rng.normal(mean, sd)
            yield arm, seed, 12, "acc", acc
            yield arm, seed, 12, "val", acc + rng.normal(0, 0.05)
        yield "fast", seed, 12, "wild", rng.normal(0, 1)
        yield "slow", seed, 12, "wild", rng.normal(0, 12)
        yield "fast", seed, 12, "ok", float(seed != 3)
        yield "slow", seed, 12, "ok", float(seed == 3)
        yield "fast", seed, 12, "zero", 2.0 + rng.normal(0, 1)
        yield "slow", seed, 12, "zero", rng.normal(0.1, 1)
        for arm, speed in (("fast", 3), ("slow", 9)):
            crossed = speed + int(rng.integers(0, 3)) + 9 * (arm == "slow" and seed == 4)
            for epoch in range(1, 13):
                yield arm, seed, epoch, "course", min(0.95, 0.95 * epoch / crossed)
        # p between alpha / 3 and alpha of each: all three are supported, and any of them is not
        base = rng.normal(0, 1)
        yield "slow", seed, 12, "odd", base
        for arm in "abc":
            yield arm, seed, 12, "odd", base + 0.1 + ODD[seed - 1]
    for arm, seeds, mean in (("one", range(21, 25), 3.0), ("other", range(31, 38), 1.0)):
        for seed in seeds:
            yield arm, seed, 12, "far", rng.normal(mean, 0.5 if arm == "one" else 0.2)


#: Ten numbers whose mean lies two standard errors above 0.
ODD = [2 / math.sqrt(10) + z for z in (-1.43, -1.1, -0.7, -0.35, -0.1, 0.1, 0.35, 0.7, 1.1, 1.43)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language")
    lines = ["setting,arm,seed,epoch,layer,metric,value,status,run"]
    for arm, seed, epoch, metric, value in rows():
        lines.append(f"own,{arm},{seed},{epoch},,{metric},{float(value)!r},measured,{arm}{seed}")
    (folder / "evidence.csv").write_text("\n".join(lines) + "\n")
    (folder / "claims").mkdir()
    # each in a family of its own: what is claimed of one does not depend on the others
    claims = re.sub(r"^(\w+) = fe\.Claim\(", r"\1 = claim('\1', ", CLAIMS, flags=re.MULTILINE)
    helper = "def claim(name, *given, **more):\n    return fe.Claim(*given, family=name, **more)\n"
    (folder / "claims" / "own.py").write_text(claims.replace("\ntwo,", f"\n{helper}\ntwo,", 1))
    report = made(folder)
    report.write(folder / "report", FORMS)
    pipeline.publish(report, folder / "report")
    return folder


def made(folder: Path) -> Report:
    return pipeline.verify(
        [folder / "claims"], setting="own", from_evidence=folder / "evidence.csv"
    )
