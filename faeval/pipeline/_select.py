"""Which claims, in which setting, under which registration; and where they stop to look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faeval import campaign, claims, evidence
from faeval._arguments import whole
from faeval.claims import Claim, Design, Lock, Registered, Verdict, with_gates
from faeval.errors import FaevalError
from faeval.experiment import Experiment, RunOptions, experiment

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_SETTING = "teacher"
STORE = Path(".faeval")
_HINT = (
    " It comes with no fe.Experiment, so it was taken for setting {0}: --setting (setting= in"
    " Python) names another, --evidence a table to decide from, and --pilot of faeval plan one to"
    " plan from."
)


@dataclass(frozen=True)
class Selection:
    """The claims of a call, the setting they are decided in, and their registration."""

    claims: tuple[Claim, ...]
    setting: str
    lock: Lock | None

    @property
    def experiment(self) -> Experiment:
        """The experiment of the setting: the claims file's own, or a named one."""
        own = next(
            (
                c.experiment
                for c in self.claims
                if c.experiment and c.experiment.name == self.setting
            ),
            None,
        )
        return own or experiment(self.setting)

    def registered(self, claim: Claim) -> Registered | None:
        """Return a claim as it was registered, or None."""
        return self.lock.claims.get(claim.id) if self.lock else None

    def seeds(self, claim: Claim, asked: int | tuple[int, ...] | None) -> tuple[int, ...]:
        """Return the seeds that a claim runs on."""
        return claims.seeds_for(claim, self.lock, self.setting, asked)


Given = Claim | str | Path | Iterable[Claim | str | Path] | Selection


def select(
    given: Given, setting: str | Experiment | None = None, *, everything: bool = False
) -> Selection:
    """Load claims and their lock, and settle on the setting.

    Parameters
    ----------
    given
        Claims, or paths of files and folders; a selection is returned as it is.
    setting
        A name, or an experiment. None: the experiment that the claims have of their file, script or
        notebook, else ``teacher``. Of files with experiments of their own, those that bring the
        named one are taken.
    everything
        Also take claims tagged ``extended``.
    """
    if isinstance(given, Selection):
        return given
    members, paths = _claims_and_paths(given)
    if paths:
        members += claims.load(paths)
    candidates, setting = claims.settled(members, setting)
    subset = tuple(c for c in candidates if everything or "extended" not in c.tags)
    own = sorted({c.experiment.name for c in subset if c.experiment})
    if setting is None:
        setting = _only(own)
    elif setting in own:  # the other files' experiments are another call's
        subset = tuple(c for c in subset if c.experiment is None or c.experiment.name == setting)
    return Selection(subset, setting, claims.find_lock(map(Path, paths)))


def _claims_and_paths(
    given: Claim | str | Path | Iterable[Claim | str | Path],
) -> tuple[list[Claim], list[str | Path]]:
    """Return the claims and the paths among what a call names."""
    items = [given] if isinstance(given, Claim | str | Path) else list(given)
    members = [item for item in items if isinstance(item, Claim)]
    # As they are: Path("") would be the working directory.
    return members, [item for item in items if not isinstance(item, Claim)]


def _only(settings: Sequence[str]) -> str:
    """Return the one experiment that claims bring, or the default where they bring none."""
    if len(settings) > 1:
        raise FaevalError(
            f"the claims bring {len(settings)} experiments ({', '.join(settings)}); say which with"
            " --setting (setting= in Python)."
        )
    return settings[0] if settings else DEFAULT_SETTING


def only_setting(table: pd.DataFrame) -> str | None:
    """Return the one setting that evidence holds; None where it has no row."""
    present = sorted(table["setting"].unique())
    if len(present) > 1:
        raise FaevalError(
            f"evidence holds {len(present)} settings ({', '.join(present)}); say which with"
            " --setting."
        )
    return next(iter(present), None)


def asked_seeds(given: int | Iterable[int] | None) -> int | tuple[int, ...] | None:
    """Return the seeds of a call as a count or a list; raise FaevalError where they are neither."""
    if given is None:
        return None
    plan = claims.seed_list(given, "seeds")
    return len(plan) if whole(given) is not None else plan


def omissions(
    selection: Selection, plan: campaign.Plan, records: Iterable[evidence.Record]
) -> list[tuple[str, int, str]]:
    """Return whole runs without a metric that the claims read: arm, seed, and which."""
    design = Design(selection.experiment)
    metrics_due: defaultdict[str, set[str]] = defaultdict(set)
    for claim in claims.with_gates(selection.claims):
        for arm, metrics in claim.metrics_by_arm().items():
            metrics_due[design.label(arm)] |= metrics
    parts: defaultdict[str, set[str]] = defaultdict(set)
    metrics_there: defaultdict[str, set[str]] = defaultdict(set)
    for record in records:
        parts[record.key].add(getattr(record, "name", ""))
        metrics_there[record.key] |= {row[0] for row in record.rows}
    texts = []
    for job in plan.jobs:
        lacking = sorted(metrics_due[job.arm.label] - metrics_there[job.key])
        if lacking and parts[job.key] >= {*job.audits}:
            text = (
                f"it returned no {' and no '.join(map(repr, lacking))}; return NaN where a metric"
                " is undefined"
            )
            texts.append((job.arm.label, job.seed, text))
    return texts


def needs(
    selection: Selection,
    seeds: int | tuple[int, ...] | None,
    stops: Mapping[str, int] | None = None,
) -> list[campaign.Need]:
    """Return the runs that the claims need: none for a claim that its design refuses.

    ``stops`` has the number of seeds, of those that it takes in order, at which a claim stops for
    now, by its name.
    """
    runs = []
    for claim in claims.with_gates(selection.claims):
        design = Design(selection.experiment)
        try:
            claims.check_names(claim, design)
        except FaevalError as error:
            at = f" (line {claim.line})" if claim.line else ""
            hint = "" if claim.experiment else _HINT.format(selection.setting)
            raise FaevalError(f"{claim.name}{at}: {error}{hint}") from None
        if claims.check_design(claim, design) is None:
            runs += [
                campaign.Need(selection.experiment, arm, seed, frozenset(metrics))
                for seed in selection.seeds(claim, seeds)[: (stops or {}).get(claim.name)]
                for arm, metrics in claim.metrics_by_arm().items()
            ]
    return runs


def plan_of(
    selection: Selection,
    seeds: int | tuple[int, ...] | None,
    store: str | Path | None,
    data: str | Path | None,
    device: str,
) -> campaign.Plan:
    """Return the plan of all runs that the claims need, against what a store holds."""
    options = RunOptions(device=device, data=Path(data) if data is not None else None)
    return campaign.plan(needs(selection, seeds), evidence.Store(Path(store or STORE)), options)


def first_stops(selection: Selection) -> dict[str, int]:
    """Return the number of seeds at which each claim with looks stops first, by its name."""
    return {
        claim.name: looks[0]
        for claim in with_gates(selection.claims)
        if (looks := claim.looks_in(selection.setting))
    }


def next_stops(
    selection: Selection, verdicts: Sequence[Verdict], stops: Mapping[str, int]
) -> dict[str, int] | None:
    """Return where claims stop next, open ones a look further; None where none goes on."""
    further = dict(stops)
    open_claims = {
        claim.name
        for claim, v in zip(selection.claims, verdicts, strict=True)
        if v.verdict == "inconclusive"
    }
    # A gate may not be among the claims asked for: it goes on while what waits for it is open.
    waiting = {
        gate.name
        for claim in selection.claims
        if claim.name in open_claims
        for gate in with_gates(claim.requires)
    }
    for claim in with_gates(selection.claims):
        later = [
            look for look in claim.looks_in(selection.setting) if look > stops.get(claim.name, look)
        ]
        if later and claim.name in open_claims | waiting:
            further[claim.name] = later[0]
    return further if further != dict(stops) else None
