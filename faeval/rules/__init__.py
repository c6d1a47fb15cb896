"""Learning rules: what each state of a network is told about the loss."""

from faeval.rules._rule import Backpropagation as Backpropagation
from faeval.rules._rule import DirectFeedbackAlignment as DirectFeedbackAlignment
from faeval.rules._rule import Rule as Rule
from faeval.rules._rule import Trace as Trace
from faeval.rules._rule import output_error as output_error
from faeval.rules._rule import state_gradients as state_gradients
from faeval.rules._rule import trace as trace
