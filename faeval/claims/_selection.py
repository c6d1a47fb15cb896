"""The best of several arms, picked by the very numbers that decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from faeval.claims._assertion import Assertion
from faeval.claims._estimand import Call, Estimand


def is_selected(assertion: Assertion) -> bool:
    """Whether a side gains by being the best of several arms on the seeds that decide.

    That another metric chooses is no such gain, nor is it where both sides are picked alike.
    """
    region = assertion.region
    gains: Counter[tuple[str, int]] = Counter()
    for sign, call in _calls(assertion.contrast, 1.0):
        if _picks(call):
            name = call.op.partition("_")[0]
            raises = (sign > 0) == (name == "max")  # a - b, as the best of several is too good
            gains[name, len(call.args)] += 1 if raises else -1
    wrong_ways = {"above": (1,), "below": (-1,), "between": (1, -1)}[region.side]
    return any(way * gain > 0 for gain in gains.values() for way in wrong_ways)


def _calls(estimand: Estimand, sign: float) -> Iterator[tuple[float, Call]]:
    """Yield each function that an estimand takes, with the sign that its value enters with."""
    for weight, atom in estimand.terms:
        if not isinstance(atom, Call):
            continue
        yield sign * weight, atom
        for own, arg in zip(atom.weights, atom.args, strict=True):
            yield from _calls(arg, sign * weight * own)


def _picks(call: Call) -> bool:
    """Whether a function picks among arms by the numbers that it picks."""
    reads = [arg.reads() for arg in call.args]
    name, _, by = call.op.partition("_")
    if name not in ("max", "min") or len({reading.arm for own in reads for reading in own}) < 2:
        return False
    half = len(reads) // 2
    values, scores = (
        {r.metric for own in side for r in own} for side in (reads[:half], reads[half:])
    )
    return not by or values == scores
