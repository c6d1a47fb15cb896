"""Arms, experiments and their registry, metrics, random streams; without torch and pandas."""

from faeval.experiment._arm import (
    Arm as Arm,
    Value as Value,
    labels_of as labels_of,
    named as named,
)
from faeval.experiment._code import (
    Code as Code,
    Codes as Codes,
    code_of as code_of,
    joined as joined,
)
from faeval.experiment._components import (
    Component as Component,
    component as component,
    components as components,
    register as register,
    register_network as register_network,
    register_rule as register_rule,
)
from faeval.experiment._experiment import (
    Experiment as Experiment,
    RunOptions as RunOptions,
    Stage as Stage,
    check_retries as check_retries,
    check_time_limit as check_time_limit,
)
from faeval.experiment._factor import Factor as Factor
from faeval.experiment._metrics import (
    CONTROL_FLOOR as CONTROL_FLOOR,
    METRICS as METRICS,
    Metric as Metric,
    as_tolerance as as_tolerance,
)
from faeval.experiment._own_metrics import (
    KNOWN_METRICS as KNOWN_METRICS,
    register_metric as register_metric,
)
from faeval.experiment._settings import (
    experiment as experiment,
    experiments as experiments,
    setting as setting,
)
from faeval.streams import stream as stream
