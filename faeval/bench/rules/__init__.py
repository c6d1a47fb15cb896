"""Learning rules: what each state of a network is told about the loss."""

from faeval.bench.rules._backpropagation import Backpropagation as Backpropagation
from faeval.bench.rules._bridges import (
    Bridge as Bridge,
    CreditBridge as CreditBridge,
    StateBridge as StateBridge,
)
from faeval.bench.rules._direct import (
    DirectFeedbackAlignment as DirectFeedbackAlignment,
    DirectRandomTargetProjection as DirectRandomTargetProjection,
)
from faeval.bench.rules._equilibrium import EquilibriumPropagation as EquilibriumPropagation
from faeval.bench.rules._feedback_alignment import FeedbackAlignment as FeedbackAlignment
from faeval.bench.rules._kolen_pollack import KolenPollack as KolenPollack
from faeval.bench.rules._rule import (
    Rule as Rule,
    Setup as Setup,
    Trace as Trace,
    draw_feedback as draw_feedback,
    output_error as output_error,
    output_gradient as output_gradient,
    state_gradients as state_gradients,
    through as through,
    trace as trace,
)
from faeval.bench.rules._sign_symmetric import SignSymmetric as SignSymmetric
from faeval.bench.rules._transport import (
    WeightTransport as WeightTransport,
    backward_through as backward_through,
    linear_layers as linear_layers,
)
