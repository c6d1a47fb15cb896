"""Experiments of a session: those of claims made in a script or a notebook."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from faeval.claims._claim import Claim, calling_frame, with_gates
from faeval.errors import FaevalError
from faeval.experiment import Experiment

Setting = str | Experiment | None
_Content: TypeAlias = Mapping[str, Any]


def settled(given: Sequence[Claim], setting: Setting) -> tuple[list[Claim], str | None]:
    """Return claims with their experiments, and the name of the setting, or None.

    A claim that was loaded from a file has that file's experiment. One made in place has the one it
    was given (``experiment=``), else the one that ``setting`` says, else that of the nearest place
    that has any: the module that holds the claim, that which made it, the code that called.

    Raises
    ------
    FaevalError
        There are several experiments, and none was said.
    """
    if not isinstance(setting, Setting):
        raise FaevalError(
            f"setting={setting!r} ({type(setting).__name__}) must be the name of a setting, or an"
            " fe.Experiment."
        )
    experiments = _experiments_of(with_gates(given), setting)
    copies: dict[int, Claim] = {}

    def changed(claim: Claim) -> Claim:
        if id(claim) not in copies:
            own = experiments.get(id(claim), claim.experiment)
            gates = tuple(map(changed, claim.requires))
            same = own is claim.experiment and all(
                a is b for a, b in zip(gates, claim.requires, strict=True)
            )
            copies[id(claim)] = claim if same else claim.named(experiment=own, requires=gates)
        return copies[id(claim)]

    return [changed(claim) for claim in given], (
        setting.name if isinstance(setting, Experiment) else setting
    )


def _experiments_of(claims: Sequence[Claim], setting: Setting) -> dict[int, Experiment]:
    """Return the experiment that claims without one take, by the claim's id()."""
    if isinstance(setting, Experiment):
        return {
            id(claim): setting
            for claim in claims
            if claim.experiment is None or claim.experiment.name == setting.name
        }
    homeless = [claim for claim in claims if claim.experiment is None and not claim.id]
    holders = _holders(homeless)
    experiments = {}
    for claim in homeless:
        near = _near(claim, holders[id(claim)])
        if setting is None and len(near) > 1:
            raise FaevalError(
                f"claim {claim.name!r} may be about {len(near)} experiments"
                f" ({', '.join(sorted(near))}); say which: setting=..., or experiment=... of"
                " the claim."
            )
        experiment = next(iter(near.values()), None) if setting is None else near.get(setting)
        if experiment is not None:
            experiments[id(claim)] = experiment
    return experiments


def _near(claim: Claim, holders: Iterable[_Content]) -> dict[str, Experiment]:
    """Return the experiments of the nearest place that has any, by name."""
    for content in _places(claim, holders):
        experiments = {v.name: v for v in list(content.values()) if issubclass(type(v), Experiment)}
        if experiments:
            return experiments
    return {}


def _places(claim: Claim, holders: Iterable[_Content]) -> Iterator[_Content]:
    yield from holders
    yield getattr(sys.modules.get(claim.made_in), "__dict__", {})
    frame = calling_frame()
    while frame is not None:
        yield frame.f_locals
        yield frame.f_globals
        frame = frame.f_back


def _holders(claims: Sequence[Claim]) -> dict[int, list[_Content]]:
    """The modules that hold each claim, by the claim's id()."""
    holders: dict[int, list[_Content]] = {id(claim): [] for claim in claims}
    for module in list(sys.modules.values()) if claims else ():
        content: _Content = getattr(module, "__dict__", {})
        for key in {id(value) for value in list(content.values())} & holders.keys():
            holders[key].append(content)
    return holders
