"""What papers and READMEs claim of an experiment, as claims: a book of examples that is decided.

A census of 86 published claims. Those that concern one experiment are written here, each over two
worlds: one in which it is true, and one in which it is not. Effects are large beside the noise, so
that the verdict is known. Those about items, or about arms as a sample, are refused by name.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import faeval as fe
from faeval import claims

#: What an arm's runs give: a mean, (mean, s.d.), or a course: a function from epoch to mean.
Law = Any
#: The law of each arm, of all metrics alike or by metric.
World = Callable[[fe.Arm], Law] | Mapping[str, Any] | float
#: These vary by a factor, a run's own; others at each epoch by a number.
AMOUNTS = {"time", "memory", "steps", "rank", "val", "train"}
EPOCHS = range(1, 41)


def evidence(claim: fe.Claim, world: World, n: int = 5, noise: float = 0.002) -> pd.DataFrame:
    """Rows of all that a claim reads, at n seeds, as a world has them."""
    rows: list[tuple[str, str, int, int | None, str, float]] = []
    reads = {(r.metric, r.arm, r.outcome, r.course is None, r.epoch): r for r in claim.reads()}
    for read in reads.values():
        rng = np.random.default_rng(zlib.crc32(f"{read.metric} {read.arm.label}".encode()))
        law = world.get(read.metric, world) if isinstance(world, Mapping) else world
        law = law(read.arm) if callable(law) else law
        mean, sd = law if isinstance(law, tuple) else (law, noise)
        for seed in range(1, n + 1):
            factor = float(np.exp(10 * sd * rng.standard_normal()))
            for epoch in EPOCHS if callable(mean) else (None,):
                at = mean if epoch is None else mean(epoch)
                if read.outcome == "rate":
                    value = float(rng.random() < at)
                else:
                    value = at * factor if read.metric in AMOUNTS else rng.normal(at, sd)
                rows.append(("toy", read.arm.label, seed, epoch, read.metric, value))
    columns = ["setting", "arm", "seed", "epoch", "metric", "value"]
    return pd.DataFrame(rows, columns=columns).drop_duplicates(columns[:5])


def decided(claim: fe.Claim, world: World, n: int = 5, noise: float = 0.002) -> fe.Verdict:
    return fe.decide(claim, evidence(claim, world, n, noise))[0]


# -- the words of the examples ---------------------------------------------------------------------

Arm = fe.Arm
new, old = Arm(method="new"), Arm(method="old")
POINT, LITTLE = fe.Margin(0.01, "a point"), fe.Margin(0.02, "two points")
ANY = fe.Margin(0.0, "any difference")


def reading(name: str, **how: Any) -> Callable[..., fe.Estimand]:
    def read(arm: fe.Arm, *, epoch: int | None = None, **factors: Any) -> fe.Estimand:
        return fe.metric(name, arm.but(**factors) if factors else arm, epoch=epoch, **how)

    return read


score, acc, loss, time = reading("score"), reading("acc"), reading("loss"), reading("time")
memory, steps, ece, fid = reading("memory"), reading("steps"), reading("ece"), reading("fid")
forgetting, similarity, rank = reading("forgetting"), reading("similarity"), reading("rank")
auroc, cost, footprint = reading("auroc"), reading("cost"), reading("footprint")
diverged = reading("diverged", outcome="rate")


def times(factor: float, of: str = "runs") -> fe.Ratio:
    return fe.Ratio(factor, "what is claimed", of)


def over(metric: Callable[..., fe.Estimand], arm: fe.Arm, tasks: Iterable[Any]) -> fe.Estimand:
    """Return the average over exactly these tasks."""
    return fe.mean(*(metric(arm, task=t) for t in tasks))


def width(arm: fe.Arm) -> fe.Estimand:
    """Return the range of accuracy over learning rates."""
    at = [acc(arm, rate=r) for r in RATES]
    return fe.max(*at) - fe.min(*at)


def by(factor: str, /, **levels: Law) -> Callable[[fe.Arm], Law]:
    """Return the law of each arm by the level of one factor; ``other`` for levels not named."""
    return lambda arm: levels.get(str(arm[factor]), levels.get("other", 0.0))


# -- the claims ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One claim of the census, a world in which it is true, and one in which it is not."""

    number: int
    source: str
    sentence: str
    parts: Any
    attributed_to: Any
    true: World
    false: World
    n: int = 5
    noise: float = 0.002

    @property
    def claim(self) -> fe.Claim:
        parts = self.parts if isinstance(self.parts, list | tuple) else [self.parts]
        return fe.Claim(self.sentence, *parts, attributed_to=self.attributed_to)


GAMES, TASKS, SIZES, SHIFTS = range(42), range(6), (16, 32, 64, 128), (0, 1, 2, 3, 4)
LENGTHS, DEPTHS, RATES = (512, 1024, 2048), (2, 4, 8, 16), (0.01, 0.03, 0.1, 0.3)
RIVALS = [Arm(method=f"rival{i}") for i in range(6)]
ROWS = [
    Row(
        1, "Observe and Look Further", "above humans on at least 40 of 42 games",
        fe.at_least(40, *(fe.exceeds(score(new, game=g), 1, by=POINT) for g in GAMES)), (),
        lambda a: 0.5 if a["game"] == 7 else 1.5, lambda a: 0.5 if a["game"] < 5 else 1.5,
    ),
    Row(
        2, "Agent57", "above humans on all 57 games",
        [fe.exceeds(score(new, game=g), 1, by=POINT) for g in range(57)], (),
        1.5, lambda a: 0.5 if a["game"] == 7 else 1.5,
    ),
    Row(
        3, "Optimality Tightening", "a higher score on average, in less time",
        [fe.exceeds(over(score, new, GAMES), over(score, old, GAMES), by=POINT),
         fe.below(over(time, new, GAMES), over(time, old, GAMES), by=times(5))], "method",
        {"score": by("method", new=1.2, old=1.0), "time": by("method", new=1, old=8)},
        {"score": by("method", new=1.2, old=1.0), "time": by("method", new=1, old=3)},
    ),
    Row(
        4, "On the Stability of Fine-tuning BERT",
        "half the deviation over seeds, on each data set",
        [fe.below(fe.spread(acc(new, task=t)), fe.spread(acc(old, task=t)), by=times(2))
         for t in range(3)], "method",
        by("method", new=(0.9, 0.001), old=(0.9, 0.03)),
        by("method", new=(0.9, 0.03), old=(0.9, 0.001)),
        n=10,
    ),
    Row(
        5, "Dodge et al. 2020", "initial values and data order vary the result alike",
        fe.equivalent(fe.spread(acc(Arm(varied="init"))), fe.spread(acc(Arm(varied="order"))),
                      within=times(4)), "varied",
        (0.9, 0.01), by("varied", init=(0.9, 0.01), order=(0.9, 0.3)), n=20,
    ),
    Row(
        6, "Dodge et al. 2020", "on small data more than a tenth of runs diverge",
        fe.exceeds(diverged(new, data="small"), 0.1, by=ANY), (), 0.6, 0.0, n=40,
    ),
    Row(
        7, "AdamHuberDecay", "10 to 15 % faster",
        [fe.below(time(new), time(old), by=times(1.1)),
         fe.not_below(time(new), time(old), by=times(1.15))],
        "method", by("method", new=1 / 1.125, old=1), by("method", new=1 / 1.3, old=1), n=10,
    ),
    Row(
        8, "Overshoot", "saves 15 % of steps on average over the tasks",
        fe.below(over(steps, new, TASKS), over(steps, old, TASKS), by=times(1 / 0.85)), "method",
        by("method", new=70, old=100), by("method", new=95, old=100),
    ),
    Row(
        9, "Amos", "a lower loss at 70 % of the epochs, for each network",
        [fe.below(loss(new, epoch=28, net=n), loss(old, epoch=40, net=n), by=POINT) for n in "abc"],
        ("method", "epoch"),
        lambda a: (lambda e: (4 if a["method"] == "new" else 10) / e),
        lambda a: (lambda e: 10 / e),
    ),
    Row(
        12, "Grinsztajn et al. 2022", "trees are best on average over these data sets",
        [fe.exceeds(over(acc, Arm(method="tree"), range(45)), over(acc, r, range(45)), by=POINT)
         for r in RIVALS], "method",
        by("method", tree=0.9, other=0.8), by("method", tree=0.8, rival3=0.9, other=0.7),
    ),
    Row(
        13, "Tabular Data: Is Attention All You Need?", "attention does not beat plain networks",
        fe.not_above(over(acc, new, TASKS), over(acc, old, TASKS), by=LITTLE), "method",
        0.8, by("method", new=0.9, old=0.8),
    ),
    Row(
        14, "A comprehensive tabular benchmark", "predicts the winner with 86 % accuracy",
        fe.not_below(acc(new), 0.86, by=LITTLE), (), 0.87, 0.80,
    ),
    Row(
        15, "Grinsztajn et al. 2022", "features that say nothing hurt networks more than trees",
        fe.exceeds((acc(old) - acc(old, junk=9)) - (acc(new) - acc(new, junk=9)), by=POINT),
        ("method", "junk"), lambda a: 0.7 if dict(a) == {"method": "old", "junk": 9} else 0.9, 0.9,
    ),
    Row(
        16, "Lottery Ticket Hypothesis", "a small ticket is as accurate, in a similar time",
        [fe.equivalent(acc(new), acc(old), within=LITTLE),
         fe.equivalent(fe.first("val", new, above=0.5), fe.first("val", old, above=0.5),
             within=times(1.5))],
        "method",
        {"acc": 0.9, "val": lambda a: (lambda e: e / 40)},
        {"acc": 0.9, "val": lambda a: (lambda e: e / (40 if a["method"] == "new" else 10))},
        noise=0.01,
    ),
    Row(
        17, "Lottery Ticket Hypothesis", "a larger ticket learns faster and ends higher",
        [fe.exceeds(acc(new), acc(old), by=POINT),
         fe.below(fe.first("val", new, above=0.5), fe.first("val", old, above=0.5), by=times(1.5))],
        "method",
        {"acc": by("method", new=0.9, old=0.8),
         "val": lambda a: (lambda e: e / (40 if a["method"] == "old" else 10))},
        {"acc": by("method", new=0.9, old=0.8), "val": lambda a: (lambda e: e / 40)}, noise=0.01,
    ),
    Row(
        18, "CORE", "6 points above the best of the baselines on average",
        fe.exceeds(over(acc, new, TASKS), fe.max(*(over(acc, r, TASKS) for r in RIVALS)),
                   by=fe.Margin(0.06, "claimed")), "method",
        by("method", new=0.9, rival2=0.8, other=0.7), by("method", new=0.9, rival2=0.88, other=0.7),
    ),
    Row(
        19, "CORE", "6 points more on the worst task",
        fe.exceeds(fe.min(*(acc(new, task=t) for t in TASKS)),
                   fe.min(*(acc(old, task=t) for t in TASKS)), by=fe.Margin(0.06, "claimed")),
        "method", lambda a: 0.9 if a["method"] == "new" or a["task"] else 0.5,
        lambda a: 0.9 if a["task"] else 0.5,
    ),
    Row(
        20, "Stateful replay", "replay helps on mixed streams, and changes nothing on plain ones",
        [fe.below(forgetting(new, stream="mixed"), forgetting(old, stream="mixed"), by=POINT),
         fe.equivalent(forgetting(new, stream="plain"), forgetting(old, stream="plain"),
             within=LITTLE)],
        "method", lambda a: 0.3 if dict(a) == {"method": "old", "stream": "mixed"} else 0.1,
        by("method", new=0.1, old=0.3),
    ),
    Row(
        21, "NFL", "no less accurate with a fourteenth of the memory",
        [fe.not_below(acc(new), acc(old), by=LITTLE),
         fe.below(memory(new), memory(old), by=times(14))],
        "method", {"acc": 0.9, "memory": by("method", new=1, old=14.75)},
        {"acc": 0.9, "memory": by("method", new=1, old=10)},
    ),
    Row(
        22, "SCoLe", "accuracy rises over a long sequence",
        fe.exceeds(fe.trend(*(acc(new, epoch=e) for e in (1, 10, 20, 40))), by=POINT), "epoch",
        lambda a: (lambda e: 0.5 + e / 100), lambda a: (lambda e: 0.9 - e / 100),
    ),
    Row(
        23, "SimCLR", "two augmentations together beat each single one",
        fe.exceeds(acc(new, augment="two"),
                   fe.max(*(acc(new, augment=x) for x in ("crop", "colour", "blur"))), by=POINT),
        "augment",
        by("augment", two=0.9, other=0.7), by("augment", two=0.9, blur=0.95, other=0.7),
    ),
    Row(
        24, "SimCLR", "contrastive learning gains more by larger batches",
        fe.exceeds(*(fe.slope({b: acc(m, batch=b) for b in SIZES}, log=True) for m in (new, old)),
            by=POINT),
        ("method", "batch"),
        lambda a: 0.5 + (0.05 if a["method"] == "new" else 0.01) * np.log2(a["batch"]),
        lambda a: 0.5 + 0.03 * np.log2(a["batch"]),
    ),
    Row(
        25, "SimCLR", "7 % better than the best before, and as good as supervised",
        [fe.exceeds(acc(new), acc(old), by=times(1.06)),
         fe.equivalent(acc(new), acc(Arm(method="supervised")), within=LITTLE)], "method",
        by("method", old=0.7, other=0.765), by("method", old=0.76, other=0.765),
    ),
    Row(
        26, "Supervised contrastive learning", "changes less over learning rates",
        fe.below(width(new), width(old), by=fe.Margin(0.05, "what tuning wins")),
        ("method", "rate"),
        lambda a: 0.9 - (0 if a["method"] == "new" else a["rate"]), lambda a: 0.9 - a["rate"],
    ),
    Row(
        27, "RELICv2", "above supervised at each size",
        [fe.exceeds(acc(new, size=s), acc(old, size=s), by=POINT) for s in SIZES], "method",
        by("method", new=0.9, old=0.8),
        lambda a: 0.9 if a["method"] == "new" and a["size"] > 16 else 0.8,
    ),
    Row(
        28, "When does contrastive learning work?", "beyond half a million images little is won",
        fe.not_above(acc(new, images=1_000_000), acc(new, images=500_000), by=LITTLE), "images",
        lambda a: 0.8 + a["images"] / 1e9, lambda a: 0.8 + a["images"] / 1e7,
    ),
    Row(
        29, "Decoupled contrastive learning", "depends less on the batch",
        fe.below(*(fe.slope({b: acc(m, batch=b) for b in SIZES}, log=True) for m in (new, old)),
            by=POINT),
        ("method", "batch"),
        lambda a: 0.5 + (0.05 if a["method"] == "old" else 0.01) * np.log2(a["batch"]),
        lambda a: 0.5 + 0.05 * np.log2(a["batch"]),
    ),
    Row(
        30, "Revisiting over-smoothing", "accuracy falls with each doubling of the layers",
        [fe.below(acc(new, depth=2 * d), acc(new, depth=d), by=POINT) for d in DEPTHS[:-1]],
        "depth",
        lambda a: 0.9 - 0.05 * np.log2(a["depth"]),
        lambda a: 0.9 - 0.05 * min(2, np.log2(a["depth"])),
    ),
    Row(
        31, "Oversmoothing Fallacy", "with skips depth costs nothing",
        [fe.equivalent(acc(new, depth=d), acc(new, depth=2), within=LITTLE) for d in DEPTHS[1:]],
        "depth",
        0.9, lambda a: 0.9 - 0.1 * (a["depth"] == 16),
    ),
    Row(
        32, "Revisiting Calibration", "among the three best calibrated of seven",
        fe.at_least(4, *(fe.below(ece(new), ece(r), by=ANY) for r in RIVALS)), "method",
        by("method", new=0.1, rival1=0.05, other=0.3), by("method", new=0.4, rival1=0.5, other=0.3),
    ),
    Row(
        33, "Revisiting Calibration", "calibration decays less with shift",
        fe.below(*(fe.slope({s: ece(m, shift=s) for s in SHIFTS}) for m in (new, old)), by=POINT),
        ("method", "shift"), lambda a: 0.1 + a["shift"] * (0.01 if a["method"] == "new" else 0.05),
        lambda a: 0.1 + a["shift"] * 0.03,
    ),
    Row(
        35, "Beyond Overconfidence", "calibrating helps without shift, and harms under a large one",
        [fe.below(ece(new, shift=0), ece(old, shift=0), by=POINT),
         fe.exceeds(ece(new, shift=4), ece(old, shift=4), by=POINT)], "method",
        lambda a: 0.2 if a["method"] == "old" else 0.1 + 0.1 * a["shift"],
        by("method", new=0.1, old=0.2),
    ),
    Row(
        36, "Progressive distillation", "4 steps in place of 8192 cost little quality",
        fe.not_above(fid(new, steps=4), fid(new, steps=8192), by=fe.Margin(0.5, "hardly seen")),
        "steps",
        by("steps", other=2.8), lambda a: 4.0 if a["steps"] == 4 else 2.8,
    ),
    Row(
        37, "Progressive distillation", "an FID of 3 in 4 steps",
        fe.not_above(fid(new, steps=4), 3.0, by=fe.Margin(0.05, "the last digit")), (), 2.99, 3.4,
    ),
    Row(
        38, "Simple and fast distillation",
        "up to 1000 times quicker to train: in one configuration",
        fe.any_of(*(fe.below(time(new, task=t), time(old, task=t), by=times(900)) for t in TASKS)),
        "method",
        lambda a: 1 if a["method"] == "new" else 1000 if a["task"] == 2 else 100,
        by("method", new=1, old=100),
    ),
    Row(
        41, "BLOOM", "a higher median over prompts",
        fe.exceeds(*(fe.median(*(acc(m, prompt=p) for p in range(5))) for m in (new, old)),
            by=POINT),
        "method", lambda a: 0.1 * a["prompt"] + (0.3 if a["method"] == "new" else 0.2),
        lambda a: 0.1 * a["prompt"] + (0.3 if a["method"] == "new" and a["prompt"] == 4 else 0.2),
    ),
    Row(
        42, "Grokking and double descent", "the error falls, rises and falls again with size",
        [fe.below(loss(new, size=32), loss(new, size=16), by=POINT),
         fe.exceeds(loss(new, size=64), loss(new, size=32), by=POINT),
         fe.below(loss(new, size=128), loss(new, size=64), by=POINT)], "size",
        lambda a: {16: 3.0, 32: 2.0, 64: 2.5, 128: 1.0}[a["size"]], lambda a: 16 / a["size"],
    ),
    Row(
        43, "Grokking", "generalises at four times the epochs of the fit or later",
        fe.exceeds(fe.first("val", new, above=0.5), fe.first("train", new, above=0.5),
            by=times(4)), (),
        {"val": lambda a: (lambda e: e / 70), "train": lambda a: (lambda e: e / 10)},
        {"val": lambda a: (lambda e: e / 20), "train": lambda a: (lambda e: e / 10)},
    ),
    Row(
        44, "F3", "closes more than half of the gap to backpropagation",
        fe.exceeds(acc(new) - acc(old), 0.5 * (acc(Arm(method="bp")) - acc(old)), by=POINT),
        "method",
        by("method", old=0.5, new=0.8, bp=0.9), by("method", old=0.5, new=0.6, bp=0.9),
    ),
    Row(
        45, "Product Feedback Alignment", "as accurate as backpropagation",
        fe.equivalent(acc(new), acc(old), within=LITTLE), "method", 0.9,
        by("method", new=0.8, old=0.9),
    ),
    Row(
        46, "Local Representation Alignment", "the best of seven rules on two benchmarks together",
        [fe.exceeds(over(acc, new, "ab"), over(acc, r, "ab"), by=POINT) for r in RIVALS], "method",
        by("method", new=0.9, other=0.8), by("method", rival5=0.95, new=0.9, other=0.8),
    ),
    Row(
        47, "Feedback alignment in convolutional networks",
        "states more like those of backpropagation",
        fe.exceeds(similarity(new), similarity(old), by=LITTLE), "method",
        by("method", new=0.9, old=0.7), 0.7,
    ),
    Row(
        48, "FlashAttention", "2 to 4 times faster, with a tenth of the memory, at each length",
        [part for n in LENGTHS for part in (
            fe.below(time(new, length=n), time(old, length=n), by=times(2)),
            fe.not_below(time(new, length=n), time(old, length=n), by=times(4)),
            fe.below(memory(new, length=n), memory(old, length=n), by=times(10)))], "method",
        {"time": by("method", new=1, old=3), "memory": by("method", new=1, old=15)},
        {"time": by("method", new=1, old=3), "memory": lambda a: 1 if a["length"] == 512 else 15},
    ),
    Row(
        49, "FastESM", "faster at no cost in accuracy",
        [fe.below(time(new), time(old), by=times(1.5)),
         fe.not_below(acc(new), acc(old), by=POINT)], "method",
        {"time": by("method", new=1, old=2), "acc": 0.9},
        {"time": by("method", new=1, old=2), "acc": by("method", new=0.8, old=0.9)},
    ),
    Row(
        50, "LeetCUDA", "1.5 to 6 times faster at each shape",
        [part for n in LENGTHS for part in (
            fe.below(time(new, length=n), time(old, length=n), by=times(1.5)),
            fe.not_below(time(new, length=n), time(old, length=n), by=times(6)))], "method",
        lambda a: 1 if a["method"] == "new" else 2 + a["length"] / 1024,
        lambda a: 1 if a["method"] == "new" else a["length"] / 512,
    ),
    Row(
        52, "A Sober Look", "most of six methods do not gain a point",
        fe.at_least(4, *(fe.not_above(acc(r), acc(old), by=POINT) for r in RIVALS)), "method",
        by("method", rival1=0.9, other=0.7),
        by("method", old=0.7, rival1=0.7, rival2=0.7, other=0.9),
    ),
    Row(
        53, "A Sober Look", "generalises better over these benchmarks",
        fe.exceeds(over(acc, new, TASKS), over(acc, old, TASKS), by=POINT), "method",
        by("method", new=0.9, old=0.8), 0.8,
    ),
    Row(
        54, "rliable", "a higher interquartile mean over 26 tasks",
        fe.exceeds(*(fe.iqm(*(score(m, task=t) for t in range(26))) for m in (new, old)),
            by=POINT), "method",
        by("method", new=1.1, old=1.0),
        lambda a: 9.0 if a["method"] == "new" and a["task"] < 3 else 1.0,
    ),
    Row(
        55, "rliable", "better on more than half of the tasks",
        fe.exceeds(fe.share_above(0,
            *(score(new, task=t) - score(old, task=t) for t in range(26))), 0.5, by=ANY),
        "method", lambda a: 1.1 if a["method"] == "new" and a["task"] < 20 else 1.0,
        lambda a: 0.9 if a["method"] == "new" and a["task"] < 20 else 1.0,
    ),
    Row(
        56, "Performance variation in deep RL", "narrows the spread of one learner, not of another",
        [fe.below(fe.spread(score(new, learner="ppo")), fe.spread(score(old, learner="ppo")),
             by=times(2)),
         fe.equivalent(fe.spread(score(new, learner="sac")), fe.spread(score(old, learner="sac")),
                       within=times(4))], "method",
        lambda a: (1, 0.01 if dict(a) == {"method": "new", "learner": "ppo"} else 0.2), (1, 0.2),
        n=20,
    ),
    Row(
        57, "HeCo", "comes out one to two points below the published .80",
        [fe.below(acc(new), 0.80, by=POINT), fe.not_below(acc(new), 0.80, by=LITTLE)], (),
        0.785, 0.75,
    ),
    Row(
        58, "RSC", "the average over four domains is 82.5, not 85.15",
        fe.equivalent(over(acc, new, range(4)), 0.825, within=POINT), (), 0.825, 0.8515,
    ),
    Row(
        59, "FuSAGNet", "varies more over seeds than the usual network",
        fe.exceeds(fe.spread(acc(new)), fe.spread(acc(old)), by=times(2)), "method",
        by("method", new=(0.8, 0.2), old=(0.8, 0.01)),
        by("method", old=(0.8, 0.2), new=(0.8, 0.01)), n=20,
    ),
    Row(
        60, "DomainBed", "no method beats the plain one by a point on average",
        [fe.not_above(over(acc, r, range(7)), over(acc, old, range(7)), by=POINT) for r in RIVALS],
        "method",
        0.7, by("method", rival4=0.75, other=0.7),
    ),
    Row(
        63, "Zero-cost proxies", "the same accuracy four times sooner",
        fe.below(fe.first("val", new, above=0.5), fe.first("val", old, above=0.5), by=times(4)),
        "method",
        lambda a: (lambda e: e / (8 if a["method"] == "new" else 70)),
        lambda a: (lambda e: e / (30 if a["method"] == "new" else 70)),
    ),
    Row(
        64, "LoRA learns less and forgets less", "learns less, and forgets less",
        [fe.below(acc(new), acc(old), by=POINT),
         fe.below(forgetting(new), forgetting(old), by=POINT)], "method",
        by("method", new=0.5, old=0.6), {"acc": by("method", new=0.5, old=0.6), "forgetting": 0.5},
    ),
    Row(
        65, "LoRA learns less and forgets less", "full updates have 10 to 100 times the rank",
        [fe.exceeds(rank(old), rank(new), by=times(10)),
         fe.not_above(rank(old), rank(new), by=times(100))],
        "method", by("method", new=8, old=300), by("method", new=8, old=30),
    ),
    Row(
        66, "LoRA and full fine-tuning",
        "where they learn alike they forget alike: at three matched rates",
        [part for r in RATES[:3] for part in (
            fe.equivalent(acc(new, rate=10 * r), acc(old, rate=r), within=LITTLE),
            fe.equivalent(forgetting(new, rate=10 * r), forgetting(old, rate=r), within=LITTLE))],
        ("method", "rate"), 0.5, {"acc": 0.5, "forgetting": by("method", new=0.3, old=0.5)},
    ),
    Row(
        67, "SAM", "better on each data set",
        [fe.exceeds(acc(new, task=t), acc(old, task=t), by=POINT) for t in TASKS], "method",
        by("method", new=0.9, old=0.8),
        lambda a: 0.9 if a["method"] == "new" and a["task"] else 0.8,
    ),
    Row(
        68, "Why is SAM robust to label noise?", "gains more under noisy labels",
        fe.exceeds((acc(new, noise=0.5) - acc(old, noise=0.5)) - (acc(new) - acc(old)), by=POINT),
        ("method", "noise"), lambda a: 0.7 if dict(a) == {"method": "new", "noise": 0.5} else 0.6,
        by("method", new=0.7, old=0.6),
    ),
    Row(
        69, "Why is SAM robust to label noise?", "without the scaling of logits nothing is lost",
        fe.not_below(acc(new, scaling=False), acc(new), by=LITTLE), "scaling",
        0.9, lambda a: 0.8 if "scaling" in a else 0.9,
    ),
    Row(
        71, "StableSAM", "works at more of the learning rates",
        fe.exceeds(*(fe.share_above(0.7, *(acc(m, rate=r) for r in RATES)) for m in (new, old)),
            by=ANY),
        "method", lambda a: 0.9 if a["method"] == "new" or a["rate"] < 0.1 else 0.5,
        # which rates work varies by seed: else both shares are constant, and nothing can be told
        lambda a: 0.9 if a["method"] == "old" else 0.5 if a["rate"] < 0.1 else (0.7, 0.1), n=10,
    ),
    Row(
        72, "Distilling ensembles", "better calibrated at no cost in accuracy",
        [fe.below(ece(new), ece(old), by=POINT), fe.not_below(acc(new), acc(old), by=LITTLE)],
        "method",
        {"ece": by("method", new=0.1, old=0.2), "acc": 0.9}, {"ece": 0.2, "acc": 0.9},
    ),
    Row(
        73, "Distilling ensembles", "distilled into one network it gains nothing",
        fe.not_above(acc(new), acc(old), by=LITTLE), "method", 0.9, by("method", new=0.95, old=0.9),
    ),
    Row(
        74, "S2D ensembles", "beats the deep ensemble on each of three shifted sets",
        [fe.exceeds(auroc(new, task=t), auroc(old, task=t), by=POINT) for t in range(3)], "method",
        by("method", new=0.9, old=0.8),
        lambda a: 0.9 if a["method"] == "new" and a["task"] else 0.8,
    ),
    Row(
        75, "Plasticity in on-policy learning", "some remedies are worse than none",
        fe.any_of(*(fe.below(score(r), score(old), by=POINT) for r in RIVALS)), "method",
        by("method", rival3=0.5, other=0.9), by("method", old=0.5, other=0.9),
    ),
    Row(
        76, "Plasticity in on-policy learning", "regeneration helps in every context",
        [fe.exceeds(score(new, context=c), score(old, context=c), by=POINT) for c in "abcd"],
        "method",
        by("method", new=0.9, old=0.8),
        lambda a: 0.9 if a["method"] == "new" and a["context"] != "b" else 0.8,
    ),
    Row(
        77, "Loss of plasticity in continual deep RL",
        "activity becomes sparser over the checkpoints",
        fe.below(fe.trend(*(footprint(new, epoch=e) for e in (1, 10, 20, 40))), by=POINT), "epoch",
        lambda a: (lambda e: 0.9 - e / 100), lambda a: (lambda e: 0.5),
    ),
    Row(
        78, "Loss of plasticity in continual deep RL", "the return falls with each visit of a game",
        [fe.below(score(new, visit=v + 1), score(new, visit=v), by=POINT) for v in range(1, 4)],
        "visit",
        lambda a: 1.0 - 0.1 * a["visit"], lambda a: 1.0 - 0.1 * min(a["visit"], 2),
    ),
    Row(
        79, "Plasticity injection", "there are games where it helps",
        fe.any_of(*(fe.exceeds(score(new, game=g), score(old, game=g), by=POINT) for g in GAMES)),
        "method",
        lambda a: 1.5 if dict(a) == {"method": "new", "game": 7} else 1.0,
        by("method", new=0.9, old=1.0),
    ),
    Row(
        80, "claimeval", "on the front: no rival is both cheaper and as accurate",
        [fe.any_of(fe.below(cost(new), cost(r), by=POINT), fe.exceeds(acc(new), acc(r), by=POINT))
         for r in RIVALS], "method",
        {"cost": by("method", new=0.5, rival1=0.2, other=0.9),
            "acc": by("method", new=0.8, rival2=0.9, other=0.5)},
        {"cost": by("method", new=0.5, rival1=0.2, other=0.9),
            "acc": by("method", new=0.8, rival1=0.9, other=0.5)},
    ),
    Row(
        81, "claimeval", "as good at a fifth of the cost",
        [fe.equivalent(acc(new), acc(old), within=LITTLE),
         fe.below(time(new), time(old), by=times(4.5, of="means"))], "method",
        {"acc": 0.9, "time": by("method", new=1, old=5)},
        {"acc": 0.9, "time": by("method", new=1, old=4)},
    ),
]  # fmt: skip


# -- what is refused, in the words that one would like to use --------------------------------------

CORRELATION = "fe.exceeds(fe.rank_correlation(x, y, arms=ARMS), by=POINT)"
ITEMS = 'fe.Claim("more answers are right", fe.exceeds(acc(new), acc(old), by=POINT), over="items")'
#: Number, source, claim, what is refused of it, and the nearest form that the message names.
REFUSED = [
    (10, "Jiang et al.", CORRELATION, "rank_correlation", "fe.slope"),
    (11, "A practical generalisation metric", CORRELATION, "rank_correlation", "fe.slope"),
    (34, "A benchmark study on calibration", CORRELATION, "rank_correlation", "fe.slope"),
    (39, "CodeLlama and BLOOM, fine-tuned", ITEMS, "over", "seeds"),
    (40, "BLOOM", ITEMS, "over", "seeds"),
    (
        51, "A Sober Look", 'fe.exceeds(fe.spread(acc(new)), 0.05, by=fe.Ratio(1.1, "claimed"))',
        "one side is a spread", "another arm",
    ),
    (61, "Zero-cost proxies", CORRELATION, "rank_correlation", "fe.slope"),
    (62, "ZiCo", CORRELATION, "rank_correlation", "fe.slope"),
    (70, "A function-centric view of flat minima", CORRELATION, "rank_correlation", "fe.slope"),
    (82, "claimeval", ITEMS, "over", "seeds"),
    (83, "ARA", ITEMS, "over", "seeds"),
    (84, "FactReview", ITEMS, "over", "seeds"),
    (85, "FactReview", ITEMS.replace("items", "persons"), "over", "seeds"),
    (86, "mteb", CORRELATION, "rank_correlation", "fe.slope"),
]  # fmt: skip
FILE = """import faeval as fe
POINT, new, old = fe.Margin(0.01, "a point"), fe.Arm("new"), fe.Arm("old")
ARMS = [fe.Arm("new", width=w) for w in (16, 32, 64)]
def acc(arm): return fe.metric("acc", arm)
def x(arm): return fe.metric("x", arm)
def y(arm): return fe.metric("y", arm)
claim = """


#: Their planning is simulated: that two spreads are equal takes 14 s.
SLOW = {5: pytest.mark.slow, 56: pytest.mark.slow}


@pytest.mark.parametrize(
    "row", [pytest.param(r, marks=SLOW.get(r.number, ()), id=f"{r.number}") for r in ROWS]
)
def test_a_claim_is_decided_as_its_world_has_it(row: Row) -> None:
    supported, refuted = (decided(row.claim, w, row.n, row.noise) for w in (row.true, row.false))
    assert (supported.verdict, supported.reason_code) == ("supported", "decided")
    assert (refuted.verdict, refuted.reason_code) == ("refuted", "decided")


@pytest.mark.parametrize(
    ("text", "name", "nearest"), [row[2:] for row in REFUSED], ids=[f"{row[0]}" for row in REFUSED]
)
def test_what_is_not_offered_is_refused_by_name_with_the_nearest_form(
    tmp_path: Path, text: str, name: str, nearest: str
) -> None:
    (tmp_path / "claims.py").write_text(FILE + text + "\n")
    with pytest.raises(fe.FaevalError, match=f"(?s){name}.*{re.escape(nearest)}"):
        claims.load([tmp_path / "claims.py"])


def test_every_claim_of_the_census_is_here_once() -> None:
    numbers = [row.number for row in ROWS] + [row[0] for row in REFUSED]
    assert sorted(numbers) == list(range(1, 87))


# -- how claims are made by hand, wrongly ----------------------------------------------------------


def settings_of(k: int) -> list[fe.Estimand]:
    return [acc(new, rate=r) for r in range(k)]


@pytest.mark.parametrize("k", [3, 10, 30])
def test_the_best_of_several_settings_is_flagged_unless_another_metric_chooses(k: int) -> None:
    world = {"acc": by("method", new=0.9, old=0.8), "validation": 0.9}
    for chosen_by, is_flagged in (None, True), ("validation", False), ("acc", True):
        best = fe.max(*settings_of(k), chosen_by=chosen_by)
        claim = fe.Claim(
            "better", fe.exceeds(best, acc(old), by=POINT), attributed_to=["method", "rate"]
        )
        verdict = decided(claim, world)
        assert verdict.verdict == "supported"
        assert ("selected_on_evidence" in verdict.flags) == is_flagged


def test_the_best_of_the_other_side_speaks_against_the_claim_and_is_not_flagged() -> None:
    claim = fe.Claim("worse", fe.exceeds(acc(old), fe.max(*settings_of(3)), by=POINT),
                     attributed_to=["method", "rate"])  # fmt: skip
    assert "selected_on_evidence" not in decided(claim, by("method", new=0.7, old=0.8)).flags


def test_on_average_is_an_average_and_not_all_of_them() -> None:
    pairs = [(acc(new, task=t), acc(old, task=t)) for t in range(10)]
    each = [fe.exceeds(a, b, by=POINT) for a, b in pairs]
    mean = fe.exceeds(*(fe.mean(*side) for side in zip(*pairs, strict=True)), by=POINT)

    def world(arm: fe.Arm) -> float:  # a large gain on five tasks, a small loss on the others
        return 0.8 + (arm["method"] == "new") * (0.1 if arm["task"] < 5 else -0.05)

    words = [
        decided(fe.Claim("better", *parts, attributed_to="method"), world).verdict
        for parts in ([mean], each, [fe.at_least(5, *each)], [fe.at_least(6, *each)])
    ]
    assert words == ["supported", "refuted", "supported", "refuted"]


def test_a_time_cut_at_a_cap_is_open_where_the_cap_as_a_value_would_refute() -> None:
    sooner = fe.below(fe.first("val", new, above=0.5), fe.first("val", old, above=0.5), by=times(4))
    claim = fe.Claim("four times sooner", sooner, attributed_to="method")
    # in truth 160 epochs against 15, and runs end at 40
    cut = {"val": lambda a: lambda e: e / (30 if a["method"] == "new" else 320)}
    verdict = decided(claim, cut, noise=0.01)
    assert (verdict.verdict, verdict.reason_code) == ("inconclusive", "censored")
    capped = fe.Claim(
        "by hand", fe.below(steps(new), steps(old), by=times(4)), attributed_to="method"
    )
    assert decided(capped, by("method", new=15, old=40), noise=0.01).verdict == "refuted"
