"""Do a plan: its jobs, spread over workers, each of which keeps its own records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from faeval.campaign._backends import Execution, check_installed, opened
from faeval.campaign._events import Event, Outcome
from faeval.campaign._plan import Job, Plan
from faeval.campaign._provenance import Provenance, provenance
from faeval.campaign._spread import Campaign, Unit
from faeval.campaign._work import Work
from faeval.evidence import Store
from faeval.experiment import Component, component


def execute(
    plan: Plan,
    store: Store,
    execution: Execution | None = None,
    progress: Callable[[Event], None] | None = None,
    *,
    lock: str | None = None,
) -> Outcome:
    """Run what a plan lacks, costliest first; finished parts are kept whatever happens.

    Parameters
    ----------
    execution
        How; its device and data are those that the plan was made for.
    progress
        Called with an :class:`Event` at each step. With it, a first Ctrl-C hands out no more runs
        and waits for those that are running; a second one, or without ``progress`` the first, stops
        at once.
    lock
        Hash of the claims' registration, for the records.

    Returns
    -------
    Outcome
        A job that raised, or whose worker was killed three times, is among its failures and takes
        no other with it.

    Raises
    ------
    FaevalError
        The store cannot be written, or the device or the cluster is not there; nothing was run.
    Tampered
        After all jobs are over: a record or checkpoint that one of them needed does not match its
        checksum.
    KeyboardInterrupt
        After the workers were stopped; what was finished is kept.
    """
    execution = execution or Execution()
    check_installed(execution.backend)
    todo = sorted(plan.todo, key=lambda job: -(plan.cost(job) or 0.0))
    campaign = Campaign(plan, store, todo, progress)
    if not todo:
        return campaign.outcome()
    store.check_writable()
    origin = provenance(sorted({p for job in todo for p in job.experiment.packages}), lock)
    works = [_work(job, plan, store, origin, execution) for job in todo]
    on_cpu = plan.options.device == "cpu"
    if not on_cpu:
        checks = {stage for job in todo if (stage := job.experiment.check_device) is not None}
        for stage in checks:
            stage.resolve()(plan.options)
    units = _units(todo, not on_cpu if execution.stacked is None else execution.stacked)
    if execution.workers is None and not on_cpu and execution.backend == "loky":
        execution = replace(execution, workers=2)
    with opened(execution, plan.options.threads, store, origin.versions) as pool:
        campaign.run(works, units, pool)
    return campaign.outcome()


def _units(todo: list[Job], stacked: bool) -> list[Unit]:
    units: dict[Any, list[int]] = {}
    for number, job in enumerate(todo):
        together = stacked and job.train and job.experiment.training_many is not None
        # Factors, not labels, say what an arm is; of two experiments of one name each has its own
        # runs.
        arm = (id(job.experiment), tuple(job.factors.items())) if together else number
        units.setdefault(arm, []).append(number)
    return [tuple(numbers) for numbers in units.values()]


def _work(job: Job, plan: Plan, store: Store, origin: Provenance, execution: Execution) -> Work:
    experiment, options = job.experiment, plan.options
    # Paths travel whole: a worker may have been started in another directory.
    return Work(
        setting=experiment.name,
        arm=job.arm.label,
        factors=dict(job.factors),
        seed=job.seed,
        key=job.key,
        training=experiment.training,
        audits={name: (key, experiment.audits[name]) for name, key in job.audits.items()},
        metrics=frozenset(experiment.metrics),
        config=dict(experiment.config),
        dataset=job.dataset,
        options=replace(options, data=options.data.absolute() if options.data else None),
        store=store.root.absolute(),
        provenance=origin,
        components=(*experiment.components(job.factors), *_metrics_of(job)),
        training_many=experiment.training_many,
        code=dict(job.code),
        retries=experiment.retries if execution.retries is None else execution.retries,
        time_limit=(
            experiment.time_limit if execution.time_limit is None else execution.time_limit
        ),
    )


def _metrics_of(job: Job) -> list[Component]:
    stages = (job.experiment.audits[name] for name in job.audits)
    return [component("metric", stage.metric) for stage in stages if stage.metric is not None]
