"""Learning rules: what each state of a network is told about the loss."""

from faeval.bench.rules._backpropagation import Backpropagation as Backpropagation
from faeval.bench.rules._bridges import Bridge as Bridge
from faeval.bench.rules._bridges import CreditBridge as CreditBridge
from faeval.bench.rules._bridges import StateBridge as StateBridge
from faeval.bench.rules._direct import DirectFeedbackAlignment as DirectFeedbackAlignment
from faeval.bench.rules._direct import DirectRandomTargetProjection as DirectRandomTargetProjection
from faeval.bench.rules._equilibrium import EquilibriumPropagation as EquilibriumPropagation
from faeval.bench.rules._feedback_alignment import FeedbackAlignment as FeedbackAlignment
from faeval.bench.rules._kolen_pollack import KolenPollack as KolenPollack
from faeval.bench.rules._rule import Rule as Rule
from faeval.bench.rules._rule import Setup as Setup
from faeval.bench.rules._rule import Trace as Trace
from faeval.bench.rules._rule import draw_feedback as draw_feedback
from faeval.bench.rules._rule import output_error as output_error
from faeval.bench.rules._rule import output_gradient as output_gradient
from faeval.bench.rules._rule import state_gradients as state_gradients
from faeval.bench.rules._rule import through as through
from faeval.bench.rules._rule import trace as trace
from faeval.bench.rules._sign_symmetric import SignSymmetric as SignSymmetric
from faeval.bench.rules._transport import WeightTransport as WeightTransport
from faeval.bench.rules._transport import backward_through as backward_through
from faeval.bench.rules._transport import linear_layers as linear_layers
