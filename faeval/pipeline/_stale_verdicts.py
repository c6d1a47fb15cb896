"""Which verdicts rest on numbers that today's code would measure anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from faeval.claims import Claim, Verdict, design_of
from faeval.errors import FaevalError
from faeval.evidence import with_identifiers
from faeval.experiment import Codes, Experiment, experiments
from faeval.pipeline._code import accepted_in, code_of_claim
from faeval.pipeline._select import Selection

FLAG = "stale"
_OF_THE_TEST_SET = frozenset({"accuracy", "test_loss"})


def flag_stale(
    chosen: Selection, verdicts: Iterable[Verdict], provenance: Mapping[str, Any], codes: Codes
) -> list[Verdict]:
    """Return the verdicts, flagged where they rest on another revision or code than today's.

    Evidence of a store is of today's: they are part of its keys. Evidence given by hand says in its
    provenance the ``revisions`` of stages and the ``code`` by name, each that occurs; what it says
    nothing of is taken to be as it was. Whether the code is the one that was registered is another
    question, which ``code_changed`` answers.
    """
    settings, provenance = experiments(), with_identifiers(provenance)
    return [
        (
            replace(verdict, flags=(*verdict.flags, FLAG))
            if verdict.runs
            and _changed(
                claim, design_of(claim, chosen.setting, settings).experiment, provenance, codes
            )
            else verdict
        )
        for claim, verdict in zip(chosen.claims, verdicts, strict=True)
    ]


def _changed(
    claim: Claim, experiment: Experiment | None, provenance: Mapping[str, Any], codes: Codes
) -> bool:
    if experiment is None:  # evidence from elsewhere, of code that is not ours
        return False
    metrics = frozenset(name for names in claim.metrics_by_arm().values() for name in names)
    for stage, revision in _revisions(experiment, metrics):
        recorded = provenance.get("revisions", {}).get(stage)
        if recorded is not None and set(str(recorded).split(", ")) != {revision}:
            return True
    acceptances = [(item.get("from"), item.get("to")) for item in accepted_in(provenance)]
    for name, digest in _code(claim, experiment, codes).items():
        recorded = provenance.get("code", {}).get(name)
        today = {digest, *(before for before, now in acceptances if now == digest)}
        if recorded is not None and not set(str(recorded).split(", ")) <= today:
            return True
    return False


def _code(claim: Claim, experiment: Experiment, codes: Codes) -> dict[str, str]:
    try:
        return code_of_claim(claim, experiment, codes)
    except FaevalError:  # what it names is not there any more
        return {}


def _revisions(experiment: Experiment, metrics: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the stages that give these metrics, with the revision of each that is installed."""
    if experiment.training is not None:
        yield "training", experiment.training.revision
    on_demand = frozenset(name for stage in experiment.audits.values() for name in stage.gives)
    always = metrics - on_demand
    for name, stage in experiment.audits.items():
        # Of the two that always run one looks at the test set, and the other at states.
        default = {
            "alignment": bool(always - _OF_THE_TEST_SET),
            "accuracy": bool(always & _OF_THE_TEST_SET),
        }.get(name, True)
        if stage.gives & metrics if stage.gives else default:
            yield name, stage.revision
