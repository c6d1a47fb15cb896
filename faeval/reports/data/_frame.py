"""A report as a table of pandas: one row for each assertion of each claim."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from faeval.claims._verdict import WORDS, AssertionResult, Verdict
from faeval.reports.data._shown import shown

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = (
    *("effect", "low", "high", "margin", "p_support", "p_refute"),
    *("adjusted_support", "adjusted_refute"),
)
_CONFIRMING = ("registered", "amended")


def frame_of(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """Return the table of :meth:`faeval.reports.Report.to_frame`."""
    import pandas as pd

    rows = [_of_claim(v) | _of_assertion(v, a) for v in verdicts for a in v.assertions or (None,)]
    columns = list(_of_claim(_EMPTY) | _of_assertion(_EMPTY, None))
    frame = pd.DataFrame(rows, columns=columns)
    types: dict[str, Any] = dict.fromkeys(_NUMBERS, "float64")
    types |= {"n": "int64", "registered": "bool", "as_expected": "boolean"}
    types["verdict"] = pd.CategoricalDtype(list(WORDS))
    return frame.astype(types)


def _of_claim(v: Verdict) -> dict[str, Any]:
    return {
        "claim": v.claim,
        "sentence": v.sentence,
        "setting": v.setting,
        "verdict": v.verdict,
        "reason_code": v.reason_code,
    }


def _of_assertion(v: Verdict, a: AssertionResult | None) -> dict[str, Any]:
    nan = math.nan
    numbers = dict(_numbers(a)) if a is not None else dict.fromkeys(("effect", "low", "high"), nan)
    sides = (a.a.expression, a.kind, a.b.expression) if a is not None else ("", "", "")
    return {
        **dict(zip(("a", "kind", "b"), sides, strict=True)),
        **numbers,
        "unit": shown(a).unit if a is not None else "",
        "margin": nan if a is None else a.ratio.factor if a.ratio is not None else a.margin,
        "because": "" if a is None else a.because,
        "n": v.n,
        "p_support": nan if a is None else a.p_support,
        "p_refute": nan if a is None else a.p_refute,
        "adjusted_support": v.adjusted_support if a is not None else nan,
        "adjusted_refute": v.adjusted_refute if a is not None else nan,
        "flags": ", ".join(v.flags),
        "registration": v.registration,
        "registered": v.registration in _CONFIRMING,
        "expected": v.expected,
        "as_expected": v.as_expected,
    }


def _numbers(a: AssertionResult) -> Iterator[tuple[str, float]]:
    axis = shown(a)
    yield "effect", axis.estimate
    yield from zip(("low", "high"), axis.interval, strict=True)


_EMPTY = Verdict("", "", "", "inconclusive", "not_run", "", 1, 0.05, "t", (), ())
