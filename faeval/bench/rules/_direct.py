"""Rules with one fixed random matrix to every state: direct feedback alignment, DRTP."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from faeval.bench.networks import Network
from faeval.bench.rules._rule import Distribution, Rule, Setup, draw_feedback, output_error, through


class DirectFeedbackAlignment(Rule):
    """DFA: the output error by a fixed random matrix per state, a_l = e B_l^T (Nøkland 2016).

    Parameters
    ----------
    setup
        Its credit site says how many matrices there are; see :class:`Setup`.
    feedback
        Entries are N(0, 1/C), or uniform with that variance.
    """

    feedback: Tensor

    def __init__(self, setup: Setup, *, feedback: Distribution = "gaussian") -> None:
        super().__init__(setup)
        shape = (setup.signals, setup.width, setup.classes)
        self.register_buffer("feedback", draw_feedback(setup, shape, feedback))  # (count, d, C)

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        """Return e B_l^T at each state; see :meth:`Rule.credit`."""
        return through(self.feedback, output_error(logits, labels), len(states))


class DirectRandomTargetProjection(DirectFeedbackAlignment):
    """DRTP: the target for the error, a_l = -onehot(y) B_l^T (Frenkel, Lefebvre and Bol 2021).

    The minus sign is that of the target in e: the states of a class move along its fixed direction,
    whatever the network says. The matrices are those that DFA has at the same seed.
    """

    def credit(
        self, network: Network, states: list[Tensor], logits: Tensor, labels: Tensor
    ) -> list[Tensor]:
        """Return -onehot(y) B_l^T at each state; see :meth:`Rule.credit`."""
        target = functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
        return through(self.feedback, -target, len(states))
