"""The plan: unique runs that claims need, and what of each the store has."""

from __future__ import annotations

import hashlib
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from faeval.campaign._provenance import package_version
from faeval.errors import FaevalError
from faeval.evidence import Store, canonical_json, check_readable, names_in
from faeval.experiment import (
    Arm,
    Code,
    Codes,
    Component,
    Experiment,
    RunOptions,
    Stage,
    Value,
    joined,
)

_RECENT = 500  # run folders looked at for what a run costs


@dataclass(frozen=True)
class Need:
    """A run that some claim reads: arm, seed and metrics (None: all there are)."""

    experiment: Experiment
    arm: Arm
    seed: int
    metrics: frozenset[str] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Job:
    """One run: a training and its audits, or one call of a user's own function.

    Parameters
    ----------
    arm, factors
        The canonical arm, and all factors with defaults filled in.
    key
        The training key, under which the run is kept.
    audits
        Audit name to its key.
    train, missing
        What was not in the store when the plan was made: the training, and the names of audits.
    code
        The code of the user's that it reaches, by what reaches it: a stage, or a component such as
        ``rule mine``.
    """

    experiment: Experiment
    arm: Arm
    seed: int
    factors: Mapping[str, Value]
    key: str
    audits: Mapping[str, str]
    dataset: str | None
    train: bool
    missing: tuple[str, ...]
    code: Mapping[str, Code]

    @property
    def cached(self) -> bool:
        """Whether nothing is left to do."""
        return not self.train and not self.missing

    @property
    def arm_name(self) -> str:
        """The experiment and the arm."""
        return f"{self.experiment.name} {self.arm.label or '(defaults)'}"

    def __str__(self) -> str:
        return f"{self.arm_name} seed {self.seed}"

    def __repr__(self) -> str:
        return f"<Job {self}>"


@dataclass(frozen=True, eq=False)
class Plan:
    """Unique jobs in the order in which they were needed first."""

    jobs: tuple[Job, ...]
    store: Store
    options: RunOptions

    @property
    def cached(self) -> tuple[Job, ...]:
        """The jobs that are done already."""
        return tuple(job for job in self.jobs if job.cached)

    @property
    def todo(self) -> tuple[Job, ...]:
        """The jobs that something is left to do for."""
        return tuple(job for job in self.jobs if not job.cached)

    @property
    def wanted(self) -> list[tuple[str, Mapping[str, str]]]:
        """What ``Store.table`` takes to give the rows of these jobs and no others."""
        return [(job.key, job.audits) for job in self.jobs]

    def cost(self, job: Job, *, anew: bool = False) -> float | None:
        """Return the seconds that what is left of a job should take, or all of it ``anew``.

        It is the median of stored runs of its arm, else of its setting; None without any.
        """
        total = 0.0
        trains = job.experiment.training is not None if anew else job.train
        for part in (["training"] if trains else []) + list(job.audits if anew else job.missing):
            name = job.experiment.name
            seconds = self._costs.get((name, part, job.arm.label)) or self._costs.get((name, part))
            if seconds is None:
                return None
            total += seconds
        return total

    def estimate_seconds(self, workers: int = 1) -> float | None:
        """Return the seconds that the plan should take; None where a part was never measured."""
        costs = [self.cost(job) for job in self.todo]
        measurements = [cost for cost in costs if cost is not None]
        if len(measurements) < len(costs):
            return None
        return max(sum(measurements) / workers, max(measurements)) if measurements else 0.0

    @cached_property
    def _costs(self) -> dict[tuple[str, ...], float]:
        seconds: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for record in _recent(self.store):
            part = record.get("name", "training")
            seconds[record["setting"], part].append(record["seconds"])
            seconds[record["setting"], part, record["arm"]].append(record["seconds"])
        return {what: statistics.median(values) for what, values in seconds.items()}


def plan(
    needs: Iterable[Need],
    store: Store,
    options: RunOptions | None = None,
    codes: Codes | None = None,
) -> Plan:
    """Work out the runs that are needed, each once, and which of them the store holds.

    A training's key covers the setting, all factors, the seed, the data, the kind of device, the
    threads, the versions of the experiment's packages, its configuration, the revision and code of
    the training and of components (rules, networks) of one's own; an audit's key covers that and
    the audit's revision and code. A run whose checkpoints were deleted still counts as done while
    its records are there. ``codes`` are those of an earlier plan of the same call.

    Raises
    ------
    FaevalError
        An arm names a factor that its experiment does not have, a seed is no whole number >= 0, a
        package is missing.
    DataError
        The data set of an experiment cannot be read.
    """
    options, codes = options or RunOptions(), codes or Codes()
    contexts: dict[int, _Context] = {}
    jobs: dict[tuple[str, ...], Job] = {}
    merged: dict[tuple[_Runs, int], frozenset[str] | None] = {}
    for need in needs:
        if id(need.experiment) not in contexts:
            contexts[id(need.experiment)] = _Context(need.experiment, options, codes)
        what = contexts[id(need.experiment)].runs(need.arm, need.seed), need.seed
        before = merged.get(what, frozenset())
        merged[what] = None if before is None or need.metrics is None else before | need.metrics
    # One look at the folder, not one for each of ten thousand runs.
    there = names_in(store.runs) or frozenset()
    for (runs, seed), metrics in merged.items():
        job = runs.job(seed, store, metrics, there)
        jobs.setdefault((job.key, *job.audits.values()), job)
    return Plan(tuple(jobs.values()), store, options)


def outstanding(
    store: Store, key: str, audits: Mapping[str, str], trains: bool
) -> tuple[bool, tuple[str, ...]]:
    """Return what the store lacks of a run: whether its training, and which audits.

    Missing checkpoints matter to audits only.
    """
    names = names_in(store.folder(key))
    if names is None:
        return trains, tuple(audits)
    paths = {name: store.audit_path(key, name, own) for name, own in audits.items()}
    missing = tuple(name for name, path in paths.items() if path.name not in names)
    for path in (store.training_path(key), *paths.values()):
        # What is there must be read in the end: better known before hours of training.
        if path.name in names:
            check_readable(path)
    if not trains or (not missing and store.training_path(key).name in names):
        return False, missing
    training = store.training(key)
    complete = training is not None and all(c.file in names for c in training.checkpoints.values())
    return not complete, missing


class _Context:
    """What all runs of one experiment share, worked out once."""

    def __init__(self, experiment: Experiment, options: RunOptions, codes: Codes) -> None:
        self.experiment, self.codes = experiment, codes
        self.dataset: str | None = (
            experiment.dataset.resolve()(options.data) if experiment.dataset else None
        )
        first = experiment.training or next(iter(experiment.audits.values()))
        self.shared = {
            "setting": experiment.name,
            "dataset": self.dataset,
            "device": device_kind(options),
            "threads": options.threads,
            "packages": {
                name: package_version(name, experiment.name) for name in experiment.packages
            },
            "revision": first.revision,
            "config": dict(experiment.config),
        }
        if own := _code_of_training(experiment, codes):
            self.shared["code"] = joined({name: code.sha256 for name, code in own.items()})
        try:
            canonical_json(self.shared)
        except (TypeError, ValueError) as error:
            raise FaevalError(
                f"experiment {experiment.name!r}: config={dict(experiment.config)!r} cannot be"
                f" written as JSON ({error}); use finite numbers, text, lists and mappings."
            ) from None
        self.arms: dict[Arm, _Runs] = {}
        self.canonical: dict[Arm, _Runs] = {}

    def runs(self, arm: Arm, seed: int) -> _Runs:
        """Return what all runs of an arm share, the same object for each spelling of the arm."""
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise FaevalError(
                f"seed={seed!r} ({type(seed).__name__}) of arm {arm.label!r} in"
                f" {self.experiment.name}: a seed is a whole number >= 0."
            )
        resolution = self.arms.get(arm)
        if resolution is None:
            canonical = self.experiment.canonical(arm)
            if canonical not in self.canonical:
                self.canonical[canonical] = _Runs(self, canonical)
            resolution = self.arms[arm] = self.canonical[canonical]
        return resolution


class _Runs:
    """The runs of one arm: all of what makes up their keys but the seed."""

    def __init__(self, context: _Context, arm: Arm) -> None:
        self.context, self.arm = context, arm
        experiment = context.experiment
        self.factors = experiment.resolve(arm)
        whole = {
            n: int(v) if isinstance(v, float) and v.is_integer() else v
            for n, v in self.factors.items()
        }
        code_of = {
            name: context.codes.of(c.make) for name, c in _parts(experiment, self.factors).items()
        }
        own = {
            name: f"{c.revision} {code_of[name].sha256}" if code_of[name] else c.revision
            for name, c in _parts(experiment, self.factors).items()
        }
        content = {**context.shared, "factors": whole, **({"components": own} if own else {})}
        # The canonical form sorts names, so that the seed has one place in it; the rest is written
        # once.
        self.before = canonical_json(
            {name: value for name, value in content.items() if name < "seed"}
        )[:-1]
        self.after = canonical_json(
            {name: value for name, value in content.items() if name > "seed"}
        )[1:]
        self.codes: dict[tuple[str, ...], dict[str, Code]] = {}
        self.stages: dict[str, tuple[Stage, str]] = {}
        for name, stage in experiment.audits.items():
            code = stage.code(context.codes)
            facts = {
                "audit": name,
                "revision": stage.revision,
                **({"code": code.sha256} if code else {}),
            }
            self.stages[name] = stage, canonical_json(facts)[:-1]

    def job(
        self, seed: int, store: Store, metrics: frozenset[str] | None, there: frozenset[str]
    ) -> Job:
        experiment = self.context.experiment
        key = _sha256(f'{self.before},"seed":{seed},{self.after}')
        audits = {
            name: _sha256(f'{text},"training":"{key}"}}')
            for name, (stage, text) in self.stages.items()
            if stage.serves(metrics)
        }
        trains = experiment.training is not None
        train, missing = (
            outstanding(store, key, audits, trains) if key in there else (trains, tuple(audits))
        )
        if (which := tuple(audits)) not in self.codes:
            self.codes[which] = code_reached(experiment, self.factors, which, self.context.codes)
        code = self.codes[which]
        return Job(
            experiment,
            self.arm,
            seed,
            self.factors,
            key,
            audits,
            self.context.dataset,
            train,
            missing,
            code,
        )


def code_reached(
    experiment: Experiment, factors: Mapping[str, Value], audits: Iterable[str], codes: Codes
) -> dict[str, Code]:
    """Return the user's code that a run with these audits reaches, by stage or component."""
    code_by_part = {name: codes.of(c.make) for name, c in _parts(experiment, factors).items()}
    code_by_part |= {name: experiment.audits[name].code(codes) for name in audits}
    return _code_of_training(experiment, codes) | {
        name: code for name, code in code_by_part.items() if code
    }


def _code_of_training(experiment: Experiment, codes: Codes) -> dict[str, Code]:
    stages = {"training": experiment.training, "training_many": experiment.training_many}
    if experiment.training is None:
        stages = dict([next(iter(experiment.audits.items()))])
    return {name: code for name, stage in stages.items() if stage and (code := stage.code(codes))}


def _parts(experiment: Experiment, factors: Mapping[str, Value]) -> dict[str, Component]:
    # Components of one's own carry a revision; ours stand under the training's, and a task under
    # its data's digest.
    return {f"{c.kind} {c.name}": c for c in experiment.components(factors) if c.kind != "task"}


def device_kind(options: RunOptions) -> str:
    """Return the kind of device without its number: equal devices give equal results."""
    return options.device.partition(":")[0]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _recent(store: Store) -> Iterable[dict[str, Any]]:
    """Records of the runs last written to, unchecked: they serve an estimate only."""
    try:
        folders = sorted(
            store.runs.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True
        )
    except OSError:
        return
    for record in store.unchecked(folder.name for folder in folders[:_RECENT]):
        if (
            isinstance(record.get("seconds"), float | int)
            and record["setting"]
            and record["arm"] is not None
        ):
            yield record
