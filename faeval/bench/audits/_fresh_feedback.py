"""The fresh-feedback null: the same checkpoint, read with feedback that it was not trained with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from faeval.bench.audits._alignment import Pairs, sample_mean
from faeval.bench.audits._checkpoint_audit import Row, gather, row
from faeval.bench.networks import Network
from faeval.bench.rules import Rule

#: Newly drawn sets of feedback, as published.
DRAWS = 20


def fresh_feedback(
    network: Network,
    rule: Rule,
    make: Callable[[int], Rule],
    x: Tensor,
    y: Tensor,
    *,
    draws: int = DRAWS,
) -> list[Row]:
    """Return mean and spread of the cosine of credit by newly drawn feedback, by state.

    Feedback belongs to the checkpoint: alignment that was learned with one set of matrices is gone
    with another. What a fresh set reads is the null that the checkpoint's own cosine stands
    against.

    Parameters
    ----------
    network, rule, x, y
        In float64 and evaluation mode; inputs (n, ...), labels (n,).
    make
        From the number of a draw (0, 1, ...) to a rule with new feedback, in float64.
    draws
        How many; at least 2.

    Returns
    -------
    list of rows
        ``fresh_cosine`` and ``fresh_cosine_spread`` (standard deviation over draws, ddof 1);
        undefined for a rule without anything to draw, such as backpropagation.
    """
    exact, signals = gather(network, rule, x, y)
    cosines: list[list[float]] = [[] for _ in signals]
    if any(t.is_floating_point() for t in rule.state_dict().values()):
        for number in range(draws):
            with torch.no_grad():
                credit = make(number).credit(network, exact.states, exact.logits, y)
            for layer, (a, g) in enumerate(zip(credit, exact.gradients, strict=True)):
                cosines[layer].append(sample_mean(Pairs.of(a, g).cosine).value)
    rows: list[Row] = []
    for layer, values in enumerate(cosines):
        finite = torch.tensor(values or [float("nan")] * 2, dtype=torch.float64)
        rows += [
            row("fresh_cosine", layer, float(finite.mean())),
            row("fresh_cosine_spread", layer, float(finite.std())),
        ]
    return rows
