"""Arms, experiments and their registry, metrics, named random streams. Light: no torch, no pandas."""

from faeval.experiment._arm import Arm as Arm
from faeval.experiment._arm import Value as Value
from faeval.experiment._arm import named as named
from faeval.experiment._components import KNOWN_METRICS as KNOWN_METRICS
from faeval.experiment._components import Component as Component
from faeval.experiment._components import component as component
from faeval.experiment._components import components as components
from faeval.experiment._components import register as register
from faeval.experiment._components import register_metric as register_metric
from faeval.experiment._components import register_network as register_network
from faeval.experiment._components import register_rule as register_rule
from faeval.experiment._experiment import Experiment as Experiment
from faeval.experiment._experiment import RunOptions as RunOptions
from faeval.experiment._experiment import Stage as Stage
from faeval.experiment._experiment import check_retries as check_retries
from faeval.experiment._experiment import check_time_limit as check_time_limit
from faeval.experiment._factor import Factor as Factor
from faeval.experiment._metrics import CONTROL_FLOOR as CONTROL_FLOOR
from faeval.experiment._metrics import METRICS as METRICS
from faeval.experiment._metrics import Metric as Metric
from faeval.experiment._metrics import as_tolerance as as_tolerance
from faeval.experiment._settings import experiment as experiment
from faeval.experiment._settings import experiments as experiments
from faeval.experiment._settings import setting as setting
from faeval.streams import stream as stream
