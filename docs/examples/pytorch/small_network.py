"""What batch norm and weight decay do for a small network: claims about plain PyTorch.

A network of two hidden layers learns scikit-learn's digits. The seed draws its initial weights and
the order of the batches, from streams of their own, so that both sides of a comparison start at the
same weights. The arithmetic is float64 on one thread: the same seed gives the same number, here and
on another machine.

A training may fail: its loss ends no better than that of a guess. This is an outcome and no missing
value. Such a run reports its metric as `diverged`, and a claim with `diverged="worst"` counts it as
the accuracy that speaks against the claim.

A pilot on seeds 1000 to 1005 (pilot.csv) came first; claims.lock was written from it before any of
the seeds from 1 on ran:

    faeval verify small_network.py
"""

import math

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

import faeval as fe

TRAINING, EPOCHS, BATCH = 1200, 10, 100


def run(arm, seed):
    """Train the network of an arm, and return its accuracy on the digits that it has not seen."""
    x, y = load_digits(return_X_y=True)
    images, labels = torch.tensor(x) / 16, torch.tensor(y)
    weights, order = (torch.Generator().manual_seed(2 * seed + stream) for stream in (0, 1))
    network = build(arm["batch_norm"], weights)
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=arm["learning_rate"],
        momentum=0.9,
        weight_decay=arm["weight_decay"],
    )
    for _ in range(EPOCHS):
        for batch in torch.randperm(TRAINING, generator=order).split(BATCH):
            loss = F.cross_entropy(network(images[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    if not loss.item() < math.log(10):  # what a guess costs; NaN is not below it either
        return [{"metric": "accuracy", "value": math.nan, "status": "diverged"}]
    network.eval()
    with torch.no_grad():
        right = network(images[TRAINING:]).argmax(dim=1) == labels[TRAINING:]
    return {"accuracy": right.double().mean().item()}


def build(batch_norm, generator):
    """Two hidden layers of 64 units, He initialisation, with or without batch norm."""
    layers = []
    for inputs, outputs in ((64, 64), (64, 64), (64, 10)):
        layer = nn.Linear(inputs, outputs, dtype=torch.float64)
        nn.init.kaiming_normal_(layer.weight, generator=generator)
        nn.init.zeros_(layer.bias)
        layers += [
            layer,
            *([nn.BatchNorm1d(64, dtype=torch.float64)] if batch_norm and outputs == 64 else []),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers[:-1])


digits = fe.Experiment(
    "small-network",
    run,
    factors={
        "batch_norm": False,
        "learning_rate": fe.Factor(0.05, low=0.0),
        "weight_decay": fe.Factor(0.0, low=0.0),
    },
    metrics={"accuracy": (0, 1)},
    packages=("torch",),
)

plain, normed = fe.Arm(), fe.Arm(batch_norm=True)
two_points = fe.Margin(
    0.02, "two points: the most we would give for a training that needs fewer epochs"
)
one_point = fe.Margin(0.01, "half of what counts above")


def tenfold(arm):
    """The same arm at ten times the learning rate."""
    return arm.but(learning_rate=0.5)


plain_stands_a_high_rate = fe.Claim(
    "Ten times the learning rate costs a plain network nothing",
    fe.not_below(fe.accuracy(tenfold(plain)), fe.accuracy(plain), by=two_points, anticipated=0.35),
    attributed_to="learning_rate",
    diverged="worst",
    seeds=16,
    expect="refuted",
)

batch_norm_stands_a_high_rate = fe.Claim(
    "With batch norm, ten times the learning rate costs nothing",
    fe.not_below(
        fe.accuracy(tenfold(normed)), fe.accuracy(normed), by=two_points, anticipated=-0.01
    ),
    attributed_to="learning_rate",
    diverged="worst",
    seeds=8,
    expect="supported",
)

weight_decay_changes_nothing = fe.Claim(
    "A weight decay of 0.001 neither helps nor harms",
    fe.equivalent(
        fe.accuracy(plain.but(weight_decay=1e-3)),
        fe.accuracy(plain),
        within=one_point,
        anticipated=0,
    ),
    attributed_to="weight_decay",
    seeds=8,
    expect="supported",
)
