"""Learning rules: what each state of a network is told about the loss."""

from faeval.rules._backpropagation import Backpropagation as Backpropagation
from faeval.rules._bridges import Bridge as Bridge
from faeval.rules._bridges import CreditBridge as CreditBridge
from faeval.rules._bridges import StateBridge as StateBridge
from faeval.rules._direct import DirectFeedbackAlignment as DirectFeedbackAlignment
from faeval.rules._direct import DirectRandomTargetProjection as DirectRandomTargetProjection
from faeval.rules._equilibrium import EquilibriumPropagation as EquilibriumPropagation
from faeval.rules._feedback_alignment import FeedbackAlignment as FeedbackAlignment
from faeval.rules._kolen_pollack import KolenPollack as KolenPollack
from faeval.rules._rule import Rule as Rule
from faeval.rules._rule import Setup as Setup
from faeval.rules._rule import Trace as Trace
from faeval.rules._rule import draw_feedback as draw_feedback
from faeval.rules._rule import output_error as output_error
from faeval.rules._rule import output_gradient as output_gradient
from faeval.rules._rule import state_gradients as state_gradients
from faeval.rules._rule import through as through
from faeval.rules._rule import trace as trace
from faeval.rules._sign_symmetric import SignSymmetric as SignSymmetric
from faeval.rules._transport import WeightTransport as WeightTransport
from faeval.rules._transport import backward_through as backward_through
from faeval.rules._transport import linear_layers as linear_layers
