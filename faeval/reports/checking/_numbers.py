"""Which recomputed number belongs where in verdicts.json, and which may be quoted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from faeval.claims import CountResult
from faeval.reports.checking._recompute import AssertionNumbers, ClaimNumbers, ReportNumbers
from faeval.reports.data import _outcomes as outcomes


def in_json(
    numbers: ReportNumbers, data: Mapping[str, Any]
) -> Iterator[tuple[str, str, Any, float | None]]:
    """Yield claim and place of a report's JSON with what stands there and the number that must."""
    for claim, at, expected, part in _parts(numbers, data):
        for path, actual, value in _beside(expected, part, at):
            yield claim, path, actual, value


def _parts(
    numbers: ReportNumbers, data: Mapping[str, Any]
) -> Iterator[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]]:
    """Yield parts of a report's JSON: claim, path, the numbers that must stand there, the part."""
    yield "", "", {"counts": numbers.counts}, data
    for verdict in data.get("verdicts", ()):
        if claim := numbers.claims.get(verdict.get("claim", "")):
            yield verdict["claim"], "", _of_claim(claim), verdict
    for entry in data.get("inputs", ()):
        claim = numbers.claims.get(entry["claim"])
        lowest = claim.lowest_control if claim else None
        for j, control in enumerate(entry["controls"]):
            if lowest and control["instrument"] == "float64":
                expected = dict(zip(("value", "states"), lowest, strict=True))
                yield entry["claim"], f"controls[{j}]", expected, control
    for i, profile in enumerate(data.get("profiles", ())):
        yield "", f"profiles[{i}]", _of_profile(numbers, profile), profile


def _beside(expected: Any, actual: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the path of each expected number, what stands there, and the number."""
    if isinstance(expected, Mapping):
        for key, value in expected.items():
            yield from _beside(value, actual.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(expected, list):
        for i, (value, own) in enumerate(zip(expected, actual or (), strict=False)):
            yield from _beside(value, own, f"{path}[{i}]")
    else:
        yield path, actual, expected


def _of_claim(c: ClaimNumbers) -> dict[str, Any]:
    first = {"estimate": c.assertions[0].estimate} if c.assertions else {}
    published = [{} if ours is None else {"ours": ours} for _, ours in c.published]
    return {
        "n": c.verdict.n,
        **first,
        "assertions": [_of_assertion(a) for a in c.assertions],
        "counts": [_of_count(c, count) for count in c.verdict.counts],
        "published": published,
    }


def _of_count(c: ClaimNumbers, count: CountResult) -> dict[str, Any]:
    names = ("p_support", "p_refute", "beyond", "holding")
    return dict(zip(names, c.of_count(count), strict=True))


def _of_assertion(a: AssertionNumbers) -> dict[str, Any]:
    return {
        **({"ratio": _of_ratio(a)} if a.ratio is not None else {}),
        **({"censored": a.censored} if a.censored else {}),
        "differences": list(a.differences),
        "interval": list(a.interval),
        "ordinary": list(a.ordinary),
        "refuting": list(a.refuting or ()),
        "a": {"values": list(a.a)},
        "b": {"values": list(a.b)},
        "estimate": a.estimate,
        "sd": a.sd,
        "p_support": a.p[0],
        "p_refute": a.p[1],
    }


def _of_ratio(a: AssertionNumbers) -> dict[str, Any]:
    assert a.ratio is not None
    estimate, interval, refuting = a.ratio
    return {"estimate": estimate, "interval": list(interval), "refuting": list(refuting or ())}


def _of_profile(numbers: ReportNumbers, profile: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a profile; none of a report without its table of evidence."""
    cells, epoch = numbers.rows.cells(profile["arm"], profile["metric"]), profile["epoch"]

    def measured(seed: int, layer: int) -> float | None:
        value, status = cells.get((epoch, seed, layer)) or (None, "")
        return value if status == "measured" else None

    rows = [[measured(s, layer) for layer in profile["layers"]] for s in profile["seeds"]]
    return {"values": rows} if cells else {}


def quotable(c: ClaimNumbers) -> list[float]:
    """Return every number of a claim that a document may quote."""
    v = c.verdict
    numbers = [v.n, v.family_size, v.adjusted_support, v.adjusted_refute, *outcomes.levels(v)]
    for a in c.assertions:
        numbers += [a.estimate, a.sd, a.error, *a.interval, *a.ordinary, *(a.refuting or ()), *a.p]
        numbers += [a.said.margin, -a.said.margin, *a.differences, *a.a, *a.b]
        numbers += [a.a.mean(), a.b.mean(), a.said.power, a.said.detectable]
        numbers += [a.said.detectable_in_sd, a.said.item_error, a.said.e_value]
        numbers += [a.said.anticipated, *(a.said.seeds_needed or ())]
        numbers += [len(a.a), len(a.b)]
        if a.ratio is not None and a.said.ratio is not None:
            estimate, interval, refuting = a.ratio
            one, other = a.measured_sides
            numbers += [estimate, *interval, *(refuting or ()), a.said.ratio.factor]
            numbers += [*one, *other, one.mean(), other.mean()]
    for count in v.counts:
        numbers += [count.least, len(count.members), *c.of_count(count)]
    for figure, ours in c.published:
        declared = (figure.get("published"), figure.get("spread"))
        numbers += [ours, *(x for x in declared if not isinstance(x, str))]
    return [float(x) for x in numbers if x is not None and not math.isnan(x)]
