"""Which recomputed number belongs where in verdicts.json, and which may be quoted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from faeval.reports.checking._printed_numbers import Number
from faeval.reports.checking._read import Place
from faeval.reports.checking._recompute import ClaimNumbers, ReportNumbers


def in_json(numbers: ReportNumbers, data: Any) -> Iterator[tuple[Place, Any, float | None]]:
    """Yield places of a report's JSON with what stands there and the number that must."""
    if not isinstance(data, dict):
        return
    for word, count in (data.get("counts") or {}).items():
        yield Place(part=f"counts.{word}"), count, numbers.counts.get(word)
    for verdict in data.get("verdicts", ()):
        claim = numbers.claims.get(verdict.get("claim", ""))
        if claim is not None:
            yield from _in_verdict(claim, verdict)
    yield from _in_inputs(numbers, data.get("inputs", ()))
    yield from _in_profiles(numbers, data.get("profiles", ()))


def _in_inputs(
    numbers: ReportNumbers, inputs: Sequence[dict[str, Any]]
) -> Iterator[tuple[Place, Any, float | None]]:
    for i, entry in enumerate(inputs):
        claim = numbers.claims.get(entry["claim"])
        for j, control in enumerate(entry["controls"]):
            if claim is not None and claim.lowest_control and control["instrument"] == "float64":
                at = f"inputs[{i}].controls[{j}]"
                yield Place(part=f"{at}.value"), control["value"], claim.lowest_control[0]
                yield Place(part=f"{at}.states"), control["states"], claim.lowest_control[1]


def _in_profiles(
    numbers: ReportNumbers, profiles: Sequence[dict[str, Any]]
) -> Iterator[tuple[Place, Any, float | None]]:
    for i, profile in enumerate(profiles):
        arm, metric = profile["arm"], profile["metric"]
        if numbers.rows.of(arm, metric) is None:
            continue  # a report without its table of evidence
        for s, seed in enumerate(profile["seeds"]):
            for k, layer in enumerate(profile["layers"]):
                cell = numbers.rows.value(arm, metric, profile["epoch"], seed, layer)
                value = None if cell is None or cell[1] != "measured" else cell[0]
                yield Place(part=f"profiles[{i}].values[{s}][{k}]"), profile["values"][s][k], value


def _in_verdict(
    c: ClaimNumbers, verdict: dict[str, Any]
) -> Iterator[tuple[Place, Any, float | None]]:
    def leaf(path: str, actual: Any, value: float | None) -> tuple[Place, Any, float | None]:
        return Place(claim=c.verdict.claim, part=path), actual, value

    yield leaf("n", verdict.get("n"), c.verdict.n)
    if c.assertions:
        yield leaf("estimate", verdict.get("estimate"), c.assertions[0].estimate)
    for i, (a, entry) in enumerate(zip(c.assertions, verdict.get("assertions", ()), strict=False)):
        at = f"assertions[{i}]"
        pairs: dict[str, tuple[float, ...]] = {
            "differences": tuple(a.differences),
            "interval": a.interval,
            "ordinary": a.ordinary,
            "refuting": a.refuting or (),
        }
        for name, values in pairs.items():
            for j, (actual, value) in enumerate(zip(entry.get(name) or (), values, strict=False)):
                yield leaf(f"{at}.{name}[{j}]", actual, value)
        for name, side in (("a", a.a), ("b", a.b)):
            for j, (actual, value) in enumerate(zip(entry[name]["values"], side, strict=False)):
                yield leaf(f"{at}.{name}.values[{j}]", actual, float(value))
        singles = {"estimate": a.estimate, "sd": a.sd, "p_support": a.p[0], "p_refute": a.p[1]}
        for name, value in singles.items():
            yield leaf(f"{at}.{name}", entry.get(name), value)
    for i, ((_, ours), entry) in enumerate(
        zip(c.published, verdict.get("published", ()), strict=False)
    ):
        if ours is not None:
            yield leaf(f"published[{i}].ours", entry.get("ours"), ours)


def quotable(c: ClaimNumbers) -> list[Number]:
    """Return every number of a claim that a document may quote."""
    v = c.verdict
    numbers = [float(v.n), float(v.family_size), v.adjusted_support, v.adjusted_refute, *c.levels]
    for a in c.assertions:
        numbers += [
            a.estimate,
            a.sd,
            a.error,
            *a.interval,
            *a.ordinary,
            *(a.refuting or ()),
            *a.p,
            a.said.margin,
        ]
        numbers += [
            -a.said.margin,
            *a.differences,
            *a.a,
            *a.b,
            float(a.a.mean()),
            float(a.b.mean()),
        ]
        numbers += [
            a.power_as_planned,
            a.said.detectable,
            a.said.detectable_in_sd,
            a.said.item_error,
            a.said.e_value,
        ]
        numbers += [a.said.anticipated, *(a.said.seeds_needed or ())]
    numbers += [ours for _, ours in c.published]
    numbers += [
        f.get(k)
        for f, _ in c.published
        for k in ("published", "spread")
        if not isinstance(f.get(k), str)
    ]
    return [Number(float(x)) for x in numbers if x is not None and not math.isnan(x)]
