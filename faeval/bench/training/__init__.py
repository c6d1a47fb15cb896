"""Training: batches, the step that each rule takes, the loop, checkpoints."""

from faeval.bench.training._batches import Batches as Batches
from faeval.bench.training._batches import evaluation_inputs as evaluation_inputs
from faeval.bench.training._checkpoint import load as load
from faeval.bench.training._checkpoint import save as save
from faeval.bench.training._checkpoint import state as state
from faeval.bench.training._checkpoint import tensors_digest as tensors_digest
from faeval.bench.training._loop import History as History
from faeval.bench.training._loop import fit as fit
from faeval.bench.training._stack import NotStackable as NotStackable
from faeval.bench.training._stack import fit_stacked as fit_stacked
from faeval.bench.training._stack import stackable as stackable
from faeval.bench.training._stacked_batches import share_data as share_data
from faeval.bench.training._step import Objective as Objective
from faeval.bench.training._step import backward as backward
from faeval.bench.training._step import check_credit as check_credit
from faeval.bench.training._step import freeze as freeze
from faeval.bench.training._step import unit_credit as unit_credit
