"""The canonical form of assertions: plain data, with new things only where they are used."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from faeval.claims._assertion import Assertion, Margin, Ratio
from faeval.claims._counts import Count
from faeval.claims._estimand import Atom, Call, Estimand


def canonical_part(part: Assertion | Count) -> dict[str, Any]:
    if isinstance(part, Assertion):
        return _spelt(part)
    return {"at_least": part.least, "members": [_spelt(member) for member in part.members]}


def _spelt(assertion: Assertion) -> dict[str, Any]:
    return {
        "kind": assertion.kind,
        "a": _plain(assertion.a),
        "b": _plain(assertion.b),
        "margin": _plain_margin(assertion.margin),
        "anticipated": assertion.anticipated,
        # Left out where it is not used: claims made before it keep their hash.
        **({} if assertion.paired else {"paired": False}),
        **({"spreads": True} if assertion.spreads else {}),
    }


def _plain_margin(margin: Margin | Ratio) -> Any:
    if isinstance(margin, Margin):
        return margin.value
    return {"ratio": margin.factor, "of": margin.of}


def _plain(estimand: Estimand) -> Any:
    terms = [{"weight": weight, **_plain_atom(atom)} for weight, atom in estimand.terms]
    return {"terms": terms, "constant": estimand.constant}


def _plain_atom(atom: Atom) -> dict[str, Any]:
    if isinstance(atom, Call):
        args = [_plain(arg) for arg in atom.args]
        if atom.op == "log10":  # as it was registered before there were other functions
            return {"log10": args[0]}
        numbers = {"numbers": list(atom.numbers)} if atom.numbers else {}
        return {"op": atom.op, "args": args, **numbers}
    course, outcome = atom.course, atom.outcome
    # Left out where they are not used, as above.
    over: dict[str, Any] = {} if course is None else {"course": asdict(course)}
    over |= {} if outcome is None else {"outcome": outcome}
    return {
        "metric": atom.metric,
        "arm": atom.arm.label,
        "epoch": atom.epoch,
        "exact": atom.exact,
        "layers": None if atom.layers is None else str(atom.layers),
        **over,
    }
