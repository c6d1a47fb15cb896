"""Checks for what others write: learning rules."""

from faeval.testing._check_rule import Approximation as Approximation
from faeval.testing._check_rule import check_rule as check_rule
from faeval.testing._conformance import Conformance as Conformance
from faeval.testing._conformance import Failure as Failure
