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
    return _sorted(map(_asked_part, assertions))


def flattened_forms(assertions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return canonical assertions, the members of counts among them."""
    return [one for part in assertions for one in part.get("members", [part])]


def anywhere(question: Any) -> Any:
    """Return a question whatever epochs and layers it is asked of."""
    if isinstance(question, dict):
        return {k: anywhere(v) for k, v in question.items() if k not in ("epoch", "layers")}
    return _sorted(map(anywhere, question)) if isinstance(question, list) else question


def _asked_part(part: Mapping[str, Any]) -> dict[str, Any]:
    if "members" not in part:
        return _asked(part)
    return {"at_least": part["at_least"], "members": _sorted(map(_asked, part["members"]))}


def _asked(assertion: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a canonical assertion asks: its kind, and its contrast up to a factor."""
    region, (a, b) = region_of(assertion["kind"]), (assertion["a"], assertion["b"])
    if region.low == -math.inf and region.exchanged:  # "a below b" asks "b exceeds a"
        region, a, b = region_of(region.exchanged), b, a
    contrasts = [_weighed((1.0, a), (-1.0, b))]
    if region.exchanged == region.name:  # says the same of its sides exchanged
        contrasts.append(_weighed((1.0, b), (-1.0, a)))
    spreads = {"spreads": True} if assertion.get("spreads") else {}
    return {"kind": region.name, "contrast": min(contrasts, key=json.dumps), **spreads}


def _weighed(*sides: tuple[float, Mapping[str, Any]]) -> list[Any]:
    """Return the terms of signed sums without their constants; the largest weight counts 1."""
    weights: dict[str, float] = defaultdict(float)
    for sign, side in sides:
        for term in side["terms"]:
            atom = _without_constants(term)
            weights[json.dumps(atom, sort_keys=True)] += sign * term["weight"]
    largest = max(map(abs, weights.values()), default=0.0) or 1.0
    return _sorted(
        {"weight": round(w / largest, 12), **json.loads(atom)} for atom, w in weights.items() if w
    )


#: Functions whose numbers are where something is read; those of others are thresholds.
_READ_AT = ("slope", "slope_per_doubling")


def _without_constants(term: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a term reads: without its weight, thresholds, and constants below a function."""
    atom = {name: value for name, value in term.items() if name != "weight"}
    if "log10" in atom:
        atom["log10"] = _weighed((1.0, atom["log10"]))
    if "args" in atom:
        atom["args"] = [_weighed((1.0, arg)) for arg in atom["args"]]
        if atom["op"] not in _READ_AT:
            atom.pop("numbers", None)
    if "course" in atom:
        atom["course"] = sorted(end for end, value in atom["course"].items() if value is not None)
    return atom


def _sorted(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=json.dumps)
