"""The tests that a claim comes down to: two arrays over seeds and a margin each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faeval import stats
from faeval.claims._claim import Assertion, Claim
from faeval.claims._measure import Measurement


@dataclass(frozen=True)
class Test:
    """One test that an assertion comes down to; agreement comes down to two."""

    text: str
    kind: stats.Kind
    margin: float
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    a_text: str
    b_text: str
    assertion: Assertion

    @property
    def differences(self) -> NDArray[np.float64]:
        """a - b, one number a seed."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told as undefined
            return self.a - self.b


def tests_of(claim: Claim, measurement: Measurement) -> tuple[Test, ...]:
    """Return the tests of a claim over the seeds measured; agreement gives two, any other assertion one."""
    tests: list[Test] = []
    for assertion in claim.assertions:
        values = measurement.values(assertion)
        m, a, b = assertion.margin.value, str(assertion.a), str(assertion.b)
        if values.units is None:
            assert assertion.kind != "agree"
            tests.append(Test(str(assertion), assertion.kind, m, values.a, values.b, a, b, assertion))
            continue
        mean = f"{a} equals {b} within {m:g}, on average"
        most = f"the 90 % quantile over layers of |{a} - {b}| is below {m:g}"
        quantile = np.quantile(values.units, 0.9, axis=1)
        tests.append(Test(mean, "equivalent", m, values.a, values.b, a, b, assertion))
        bound = np.full_like(quantile, m)
        tests.append(Test(most, "below", 0.0, quantile, bound, f"90 % quantile of |{a} - {b}|", f"{m:g}", assertion))
    return tuple(tests)
