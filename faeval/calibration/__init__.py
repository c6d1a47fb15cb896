"""How often the rules of faeval.stats err, by simulation.

Rates are compared with what was measured before.
"""

from __future__ import annotations

from faeval.calibration._cells import Cell
from faeval.calibration._laws import ARMS, LAWS, Draw, Law
from faeval.calibration._measure import Rate, Rule, operating_characteristics
from faeval.calibration._report import publish
from faeval.calibration._rivals import RIVALS
from faeval.calibration._tables import TABLES, calibrate
from faeval.calibration._verify import Drift, drifts, shipped

__all__ = [
    "ARMS",
    "LAWS",
    "RIVALS",
    "TABLES",
    "Cell",
    "Draw",
    "Drift",
    "Law",
    "Rate",
    "Rule",
    "calibrate",
    "drifts",
    "operating_characteristics",
    "publish",
    "shipped",
]
