"""Feedback alignment, block by block."""

from __future__ import annotations

from torch import Tensor

from faeval.bench.networks import Network
from faeval.bench.rules._rule import Distribution, Rule, Setup, draw_feedback, output_gradient


class FeedbackAlignment(Rule):
    """FA: credit by a fixed random matrix a block, a_l = a_{l+1} B_l^T (Lillicrap et al. 2016).

    It starts from the exact a_L.

    The last signal is the true gradient at h_L, so that the last block, which at the credit site
    "output" learns from it, is exact by construction. A residual block is one layer here: its
    matrix stands for its whole Jacobian, the skip included. At the credit site "input" block l
    learns from a_l as it is.

    Parameters
    ----------
    setup
        Names sizes and seed.
    feedback
        Entries are N(0, 1/d), or uniform with that variance, so that a signal keeps its norm on the
        way down.
    """

    feedback: Tensor

    def __init__(self, setup: Setup, *, feedback: Distribution = "gaussian") -> None:
        super().__init__(setup)
        shape = (setup.blocks, setup.width, setup.width)
        self.register_buffer("feedback", draw_feedback(setup, shape, feedback))  # (L, d, d)

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        """Return the signals from h_0 to h_L; see :meth:`Rule.credit`."""
        signals = [output_gradient(network, states[-1], labels)]
        for matrix in reversed(self.feedback.unbind(0)):
            signals.append(signals[-1] @ matrix.T)
        return signals[::-1]
