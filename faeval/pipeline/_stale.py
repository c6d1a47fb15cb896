"""Which verdicts rest on numbers that today's code would measure anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from faeval.claims import Claim, Verdict, design_of
from faeval.experiment import Experiment, experiments
from faeval.pipeline._select import Selection

FLAG = "stale"
_OF_THE_TEST_SET = frozenset({"accuracy", "test_loss"})


def flag_stale(chosen: Selection, verdicts: Iterable[Verdict], provenance: Mapping[str, Any]) -> list[Verdict]:
    """Return the verdicts, flagged where the revision of a stage that they rest on is not the one that is installed.

    Evidence of a store is of today's revisions: they are part of its keys. Evidence given by hand says in its provenance
    ``revision of STAGE``, each that occurs; a stage of which it says nothing is taken to be as it was. Rules, networks and
    tasks of one's own stand there under no name, so that a change of them is not seen.
    """
    known = experiments()
    return [
        replace(verdict, flags=(*verdict.flags, FLAG))
        if verdict.runs and _changed(claim, design_of(claim, chosen.setting, known).experiment, provenance)
        else verdict
        for claim, verdict in zip(chosen.claims, verdicts, strict=True)
    ]


def _changed(claim: Claim, experiment: Experiment | None, provenance: Mapping[str, Any]) -> bool:
    if experiment is None:  # evidence from elsewhere, of code that is not ours
        return False
    metrics = frozenset(name for names in claim.metrics_by_arm().values() for name in names)
    for stage, revision in _revisions(experiment, metrics):
        recorded = provenance.get(f"revision of {stage}")
        if recorded is not None and set(str(recorded).split(", ")) != {revision}:
            return True
    return False


def _revisions(experiment: Experiment, metrics: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the stages that give these metrics, with the revision of each that is installed."""
    if experiment.training is not None:
        yield "training", experiment.training.revision
    on_demand = frozenset(name for stage in experiment.audits.values() for name in stage.gives)
    always = metrics - on_demand
    for name, stage in experiment.audits.items():
        # Of the two that always run one looks at the test set, and the other at states.
        wanted = {"alignment": bool(always - _OF_THE_TEST_SET), "accuracy": bool(always & _OF_THE_TEST_SET)}.get(
            name, True
        )
        if stage.gives & metrics if stage.gives else wanted:
            yield name, stage.revision
