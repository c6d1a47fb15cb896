"""The walk: claims -> plan -> runs -> evidence -> verdicts -> report. Each arrow is one call here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval import campaign, claims, evidence, stats
from faeval.claims import Chances, Claim, Design, Lock, Problem, Spread
from faeval.errors import EvidenceError, FaevalError
from faeval.experiment import Experiment, RunOptions, experiment
from faeval.reports import ControlCurve, Profile, Report

if TYPE_CHECKING:
    import pandas as pd

STORE = Path(".faeval")
DEFAULT_SETTING = "teacher"

Given = Claim | str | Path | Iterable[Claim | str | Path]


@dataclass(frozen=True)
class Selection:
    """The claims of a call, the setting they are decided in, and their registration."""

    claims: tuple[Claim, ...]
    setting: str
    lock: Lock | None

    @property
    def experiment(self) -> Experiment:
        """The experiment of the setting: the claims file's own, or a named one."""
        own = next((c.experiment for c in self.claims if c.experiment and c.experiment.name == self.setting), None)
        return own or experiment(self.setting)


def select(given: Given, setting: str | None = None, *, everything: bool = False) -> Selection:
    """Load claims and their lock, and settle on the setting.

    Parameters
    ----------
    given
        Claims, or paths of files and folders.
    setting
        None: the experiment that the claims file brings, else ``teacher``.
    everything
        Also take claims tagged ``extended``.
    """
    items: list[Claim | str | Path] = [given] if isinstance(given, Claim | str | Path) else list(given)
    paths = [Path(i) for i in items if not isinstance(i, Claim)]
    found = [i for i in items if isinstance(i, Claim)] + (claims.load(paths) if paths else [])
    chosen = tuple(c for c in found if everything or "extended" not in c.tags)
    if setting is None:
        own = sorted({c.experiment.name for c in chosen if c.experiment})
        if len(own) > 1:
            raise FaevalError(f"the claims bring {len(own)} experiments ({', '.join(own)}); say which with setting=.")
        setting = own[0] if own else DEFAULT_SETTING
    return Selection(chosen, setting, claims.find_lock(paths))


def verify(
    given: Given = "claims",
    *,
    setting: str | None = None,
    seeds: int | Iterable[int] | None = None,
    store: str | Path | evidence.Store | None = None,
    workers: int | None = None,
    data: str | Path | None = None,
    device: str = "cpu",
    from_evidence: str | Path | pd.DataFrame | None = None,
    offline: bool = False,
    everything: bool = False,
    progress: Callable[[campaign.Event], None] | None = None,
    stacked: bool | None = None,
) -> Report:
    """Verify claims: train and audit what they need and is not there yet, then decide.

    Parameters
    ----------
    given
        Claims, or paths of claims files and folders.
    setting
        The experiment to verify in. None: the one that evidence holds, or that the claims file brings, else ``teacher``.
    seeds
        None runs each claim's plan; a count its first so many; a list exactly those seeds.
    store
        Where runs are kept and found again; default ``.faeval`` in the working directory.
    workers
        Worker processes, one thread each; default one for each CPU, and two for a CUDA device.
    data
        Folder of the data set, for settings that read one.
    device
        ``cpu``, or ``cuda``, where the seeds of an arm train in one run; each kind of device has evidence of its own.
    from_evidence
        Decide from this table, file or folder alone, and train nothing.
    offline
        Train nothing: decide from what the store holds.
    progress
        Called with each event of the campaign.
    stacked
        Train the seeds of an arm in one run, or never; default on CUDA devices only. See ``faeval.campaign.execute``.

    Returns
    -------
    Report
        One verdict a claim, in their order.

    Raises
    ------
    FaevalError
        Anything given that cannot be used; nothing that was measured is lost.
    """
    chosen_seeds = seeds if seeds is None or isinstance(seeds, int) else tuple(seeds)
    if from_evidence is not None:
        table = evidence.read(from_evidence)
        chosen = select(given, setting or _only_setting(table), everything=everything)
        table = table[table["setting"] == chosen.setting]
        return _report(chosen, table, chosen_seeds, _written_provenance(from_evidence), by_hand=True)
    chosen = select(given, setting, everything=everything)
    if not chosen.claims:
        return Report(chosen.setting, ())
    kept = store if isinstance(store, evidence.Store) else evidence.Store(Path(store or STORE))
    options = RunOptions(device=device, data=Path(data) if data is not None else None)
    plan = campaign.plan(needs(chosen, chosen_seeds), kept, options)
    failures: list[tuple[str, int, str]] = []
    if plan.todo and not offline:
        registered = chosen.lock.sha256 if chosen.lock else None
        outcome = campaign.execute(plan, kept, workers, progress, lock=registered, stacked=stacked)
        failures = [(job.arm.label, job.seed, message) for job, message in outcome.failures]
    return _report(
        chosen, kept.table(plan.wanted), chosen_seeds, _provenance(kept.records(plan.wanted)), failures, by_hand=False
    )


def needs(chosen: Selection, seeds: int | tuple[int, ...] | None) -> list[campaign.Need]:
    """Return the runs that the claims need: none for a claim that its design refuses."""
    found = []
    for claim in claims.with_gates(chosen.claims):
        design = Design(chosen.experiment)
        claims.check_names(claim, design)
        if claims.check_design(claim, design) is None:
            found += [
                campaign.Need(chosen.experiment, arm, seed, frozenset(metrics))
                for seed in _seeds_of(claim, chosen, seeds)
                for arm, metrics in claim.metrics_by_arm().items()
            ]
    return found


def _seeds_of(claim: Claim, chosen: Selection, seeds: int | tuple[int, ...] | None) -> tuple[int, ...]:
    registered = chosen.lock.claims.get(claim.id) if chosen.lock else None
    planned = registered.planned(chosen.setting) if registered else claim.planned(chosen.setting)
    if seeds is None:
        return planned
    if isinstance(seeds, int):
        return claims.seed_list(seeds, "verify") if registered is None and seeds > len(planned) else planned[:seeds]
    return claims.seed_list(seeds, "verify")


def _report(
    chosen: Selection,
    table: pd.DataFrame,
    seeds: int | tuple[int, ...] | None,
    provenance: dict[str, Any],
    failures: Sequence[tuple[str, int, str]] = (),
    *,
    by_hand: bool,
) -> Report:
    verdicts = claims.decide(
        chosen.claims, table, chosen.setting, seeds, lock=chosen.lock, failures=failures, by_hand=by_hand
    )
    return Report(
        setting=chosen.setting,
        verdicts=tuple(verdicts),
        evidence_sha256=hashlib.sha256(evidence.csv_bytes(table)).hexdigest() if len(table) else None,
        lock_sha256=chosen.lock.sha256 if chosen.lock else None,
        provenance=provenance,
        profiles=_profiles(chosen, table),
        controls=_controls(table),
        evidence=table,
    )


def _only_setting(table: pd.DataFrame) -> str | None:
    present = sorted(table["setting"].unique())
    if len(present) > 1:
        raise FaevalError(f"evidence holds {len(present)} settings ({', '.join(present)}); say which with --setting.")
    return present[0] if present else None


def _profiles(chosen: Selection, table: pd.DataFrame) -> tuple[Profile, ...]:
    """Return each layered metric that the claims read, by layer and seed, at the last epoch of each of their arms."""
    wanted: dict[tuple[str, str], None] = {}
    for claim in chosen.claims:
        design = claims.design_of(claim, chosen.setting)
        for assertion in claim.assertions:
            for read in assertion.contrast.reads():
                if read.layers is not None:
                    try:
                        wanted[design.label(read.arm), read.metric] = None
                    except FaevalError:  # an arm that this setting does not have; its verdict says so
                        continue
    profiles = []
    for arm, metric in wanted:
        rows = table[(table["arm"] == arm) & (table["metric"] == metric) & table["layer"].notna()]
        rows = rows.drop_duplicates(["seed", "epoch", "layer"])
        epochs = rows["epoch"].dropna()
        last = int(epochs.max()) if len(epochs) else None
        rows = rows[rows["epoch"] == last] if last is not None else rows
        if rows.empty or rows.duplicated(["seed", "layer"]).any():
            continue
        grid = rows.pivot(index="seed", columns="layer", values="value")
        status = rows.pivot(index="seed", columns="layer", values="status")
        profiles.append(
            Profile(
                arm=arm,
                metric=metric,
                layers=tuple(map(int, grid.columns)),
                seeds=tuple(map(int, grid.index)),
                values=tuple(tuple(None if v != v else float(v) for v in row) for row in grid.to_numpy()),
                status=tuple(tuple(s if isinstance(s, str) else "undefined" for s in row) for row in status.to_numpy()),
                epoch=last,
            )
        )
    return tuple(profiles)


def _controls(table: pd.DataFrame) -> tuple[ControlCurve, ...]:
    """Return the positive control of each instrument against the gradient norm, at every state that was audited."""
    where = ["arm", "seed", "epoch", "layer"]
    norms = table[(table["metric"] == "gradient_norm") & (table["status"] == "measured")].drop_duplicates(where)
    curves = []
    for metric in sorted(m for m in table["metric"].unique() if m.rpartition(".")[2] == "control_true"):
        rows = table[table["metric"] == metric].drop_duplicates(where)
        both = rows.merge(norms, on=where, suffixes=("", "_norm"))
        both = both[both["value_norm"] > 0].sort_values(["value_norm", "value"])
        points = tuple(
            (float(norm), float(value) if status == "measured" and value == value else None)
            for norm, value, status in zip(both["value_norm"], both["value"], both["status"], strict=True)
        )
        if points:
            curves.append(ControlCurve(metric.rpartition(".")[0] or "float64", points))
    return tuple(curves)


def _provenance(records: Iterable[evidence.Record]) -> dict[str, Any]:
    """Return what the runs' records say of where they come from: each value that occurs, once."""
    seen: dict[str, set[str]] = {}
    count, seconds = 0, 0.0
    for record in records:
        count += isinstance(record, evidence.TrainingRecord)
        seconds += record.seconds
        facts: dict[str, Any] = {f"version of {k}": v for k, v in record.versions.items()}
        facts |= {"device": record.device, "threads": record.threads, "dataset": record.dataset, "lock": record.lock}
        facts["commit"] = record.commit
        facts |= {f"revision of {k}": v for k, v in record.revisions.items()}
        for name, value in facts.items():
            if value is not None:
                seen.setdefault(name, set()).add(str(value))
    if not seen:
        return {}
    return {"runs": count, "hours of computing": round(seconds / 3600, 3)} | {
        name: ", ".join(sorted(values)) for name, values in sorted(seen.items())
    }


def _written_provenance(source: Any) -> dict[str, Any]:
    """Return what stands in provenance.json beside evidence that was given by path."""
    if not isinstance(source, str | Path):
        return {}
    path = Path(source)
    file = (path if path.is_dir() else path.parent) / "provenance.json"
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{file}: cannot be read as JSON ({error}); restore or delete it.") from None
    return content if isinstance(content, dict) else {}


def publish(report: Report, folder: str | Path) -> list[Path]:
    """Write a report and the evidence it rests on into a folder: everything that deciding again needs."""
    paths = report.write(folder)
    folder = Path(folder)
    if report.evidence is not None:
        evidence.write_csv(report.evidence, folder / "evidence.csv")
        text = json.dumps(report.provenance, indent=1, sort_keys=True) + "\n"
        (folder / "provenance.json").write_text(text, encoding="utf-8")
        paths += [folder / "evidence.csv", folder / "provenance.json"]
    return paths


# --- before a run ---


@dataclass(frozen=True)
class Outlook:
    """What one claim can tell, before any run of it."""

    claim: Claim
    problem: Problem | None
    seeds: tuple[int, ...]
    family_size: int
    detectable_in_sd: float | None
    assertions: tuple[AssertionOutlook, ...]


@dataclass(frozen=True)
class AssertionOutlook:
    """What one tested assertion can tell; no chances where no pilot or no anticipated effect is registered."""

    text: str
    pilot: Spread | None
    chances: Chances | None


@dataclass(frozen=True)
class PlanReport:
    """Design checks and cost of a campaign, before it runs."""

    setting: str
    outlooks: tuple[Outlook, ...]
    plan: campaign.Plan


def outlook(
    given: Given = "claims",
    *,
    setting: str | None = None,
    seeds: int | Iterable[int] | None = None,
    store: str | Path | None = None,
    data: str | Path | None = None,
    device: str = "cpu",
    everything: bool = False,
) -> PlanReport:
    """Check the designs of claims, say what each can tell at its seeds, and what runs are needed. Runs nothing."""
    chosen = select(given, setting, everything=everything)
    fixed = seeds if seeds is None or isinstance(seeds, int) else tuple(seeds)
    options = RunOptions(device=device, data=Path(data) if data is not None else None)
    plan = campaign.plan(needs(chosen, fixed), evidence.Store(Path(store or STORE)), options)
    return PlanReport(chosen.setting, tuple(_outlook(c, chosen, fixed) for c in chosen.claims), plan)


def _outlook(claim: Claim, chosen: Selection, seeds: int | tuple[int, ...] | None) -> Outlook:
    design = Design(chosen.experiment)
    problem = claims.check_design(claim, design)
    registered = chosen.lock.claims.get(claim.id) if chosen.lock else None
    size = (
        len(chosen.lock.family(registered.family))
        if registered and chosen.lock
        else sum(c.family == claim.family for c in chosen.claims)
    )
    planned = _seeds_of(claim, chosen, seeds)
    level, n = claim.alpha / size, len(planned)
    looks = claim.looks_in(chosen.setting)
    if looks and n >= looks[-1]:
        level = stats.nominal_level(level, looks)  # what its last look alone can tell, at the price of the others
    if registered and registered.sha256 != claim.sha256():
        problem = Problem("invalid", "spec_changed", "the claim differs from its registration.")
    parts = claims.parts_of(claim)
    seen = [stats.outlook(x.kind, x.margin, n, alpha=level, k=len(parts), test=claim.test) for x in parts]
    if problem is None and not (all(s.can_support for s in seen) or any(s.can_refute for s in seen)):
        text = f"at n = {n} and level {level:.3g} the {claim.test} test can decide nothing."
        problem = Problem("inconclusive", "unattainable", text)
    pilots: list[Spread | None] = list(registered.pilot.get(chosen.setting, [])) if registered else []
    pilots += [None] * (len(parts) - len(pilots))
    hopes = claims.chances_of(claim, pilots, n, level)
    rows = tuple(AssertionOutlook(x.text, p, h) for x, p, h in zip(parts, pilots, hopes, strict=True))
    return Outlook(claim, problem, planned, size, seen[0].detectable_in_sd, rows)


# --- registration ---


def register(paths: Sequence[str | Path] = ("claims",), pilots: Sequence[str | Path] = ()) -> tuple[Lock, Path]:
    """Register claims: write ``claims.lock`` beside them, with what pilots say of the spread of each assertion.

    Parameters
    ----------
    paths
        Claims files, or one folder. All of them must lie in one folder, where the lock is written.
    pilots
        Evidence on pilot seeds: files or folders. Only rows on seeds looked at already are read.

    Raises
    ------
    FaevalError
        A claim is registered already in another form; a planned seed has been looked at; there is no claim.
    """
    given = [Path(p) for p in paths]
    folders = {(p if p.is_dir() else p.parent).resolve() for p in given}
    if len(folders) != 1:
        raise FaevalError(
            f"faeval lock: the paths lie in {len(folders)} folders; a lock covers one, name its claims alone."
        )
    file = folders.pop() / claims.NAME
    found = claims.load(given)
    before = claims.read_lock(file) if file.exists() else None
    for claim in found:
        old = before.claims.get(claim.id) if before else None
        if old and old.sha256 != claim.sha256():
            raise FaevalError(
                f"claim {claim.id!r} was registered on {before.registered if before else ''} in another form; restore it, "
                "or give the changed claim a new name and family."
            )
    tables = [evidence.read(p) for p in pilots]
    spreads: dict[str, dict[str, list[Spread | None]]] = {}
    for table in tables:
        for setting in sorted(table["setting"].unique()):
            part = claims.Evidence(table[table["setting"] == setting])
            for claim in found:
                measured = claims.pilot_spreads(claim, part, setting)
                if measured:
                    spreads.setdefault(claim.id, {})[setting] = measured
    day = datetime.now(UTC).date().isoformat()
    lock = claims.make_lock(found, spreads, registered=day, commit=campaign.provenance((), None).commit, before=before)
    claims.write_lock(lock, file)
    return lock, file
