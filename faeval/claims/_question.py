"""What a registered claim asks: kinds and contrasts, without margins, constants and seeds."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from faeval.stats import region_of


def question_of(assertions: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return what canonical assertions ask: kinds, arms, metrics, epochs and layers."""
    return _sorted(map(_asked, assertions))


def anywhere(question: Any) -> Any:
    """Return a question whatever epochs and layers it is asked of."""
    if isinstance(question, dict):
        return {k: anywhere(v) for k, v in question.items() if k not in ("epoch", "layers")}
    return _sorted(map(anywhere, question)) if isinstance(question, list) else question


def _asked(assertion: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a canonical assertion asks: its kind, and its contrast up to a factor."""
    region, (a, b) = region_of(assertion["kind"]), (assertion["a"], assertion["b"])
    if region.low == -math.inf and region.exchanged:  # "a below b" asks "b exceeds a"
        region, a, b = region_of(region.exchanged), b, a
    contrasts = [_weighed((1.0, a), (-1.0, b))]
    if region.exchanged == region.name:  # says the same of its sides exchanged
        contrasts.append(_weighed((1.0, b), (-1.0, a)))
    return {"kind": region.name, "contrast": min(contrasts, key=json.dumps)}


def _weighed(*sides: tuple[float, Mapping[str, Any]]) -> list[Any]:
    """Return the terms of signed sums without their constants; the largest weight counts 1."""
    weights: dict[str, float] = defaultdict(float)
    for sign, side in sides:
        for term in side["terms"]:
            atom = {name: value for name, value in term.items() if name != "weight"}
            if "log10" in atom:
                atom["log10"] = _weighed((1.0, atom["log10"]))
            weights[json.dumps(atom, sort_keys=True)] += sign * term["weight"]
    largest = max(map(abs, weights.values()), default=0.0) or 1.0
    return _sorted(
        {"weight": round(w / largest, 12), **json.loads(atom)} for atom, w in weights.items() if w
    )


def _sorted(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=json.dumps)
