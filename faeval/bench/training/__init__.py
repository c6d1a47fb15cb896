"""Training: batches, the step that each rule takes, the loop, checkpoints."""

from faeval.bench.training._batches import (
    Batches as Batches,
    evaluation_inputs as evaluation_inputs,
)
from faeval.bench.training._checkpoint import (
    load as load,
    save as save,
    state as state,
    tensors_digest as tensors_digest,
)
from faeval.bench.training._loop import History as History, fit as fit
from faeval.bench.training._stack import (
    NotStackable as NotStackable,
    fit_stacked as fit_stacked,
    stackable as stackable,
)
from faeval.bench.training._stacked_batches import share_data as share_data
from faeval.bench.training._step import (
    Objective as Objective,
    backward as backward,
    check_credit as check_credit,
    freeze as freeze,
    unit_credit as unit_credit,
)
