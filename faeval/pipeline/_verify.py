"""The walk: claims -> plan -> runs -> evidence -> verdicts -> report, one call each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval import campaign, claims, evidence
from faeval._whole_files import Content
from faeval.claims import Origins, Verdict
from faeval.errors import FaevalError
from faeval.experiment import Codes, Experiment
from faeval.pipeline._code import code_notice, flag_code, flag_stale
from faeval.pipeline._notebook import told_in_kernel
from faeval.pipeline._outlook import outlooks_of
from faeval.pipeline._provenance import (
    PROVENANCE,
    check_registrations,
    check_stated,
    origins_of,
    provenance_bytes,
    provenance_of,
    spelt_failures,
    written_failures,
    written_origins,
    written_provenance,
)
from faeval.pipeline._report_curves import curves_of
from faeval.pipeline._report_series import controls_in, inputs_of, profiles_of, reads_of
from faeval.pipeline._select import (
    STORE,
    Given,
    Selection,
    asked_seeds,
    first_stops,
    needs,
    next_stops,
    omissions,
    only_setting,
    select,
)
from faeval.reports import FORMS, WRITTEN, Coverage, Report, write_all

if TYPE_CHECKING:
    import pandas as pd


def verify(
    given: Given = "claims",
    setting: str | Experiment | None = None,
    *,
    seeds: int | Iterable[int] | None = None,
    store: str | Path | evidence.Store | None = None,
    workers: int | None = None,
    data: str | Path | None = None,
    device: str = "cpu",
    from_evidence: str | Path | pd.DataFrame | None = None,
    offline: bool = False,
    everything: bool = False,
    progress: Callable[[campaign.Event], None] | None = None,
    notice: Callable[[str], None] | None = None,
    stacked: bool | None = None,
    backend: str = "loky",
    cluster: str | None = None,
    retries: int | None = None,
    time_limit: float | None = None,
) -> Report:
    """Verify claims: train and audit what they need and is not there yet, then decide.

    Parameters
    ----------
    given
        Claims, or paths of claims files and folders.
    setting
        The experiment to verify in, or its name. None: the one that evidence holds, or that the
        claims have: of their file, or in a script or a notebook of the module that they are in,
        else ``teacher``.
    seeds
        None runs each claim's plan; a count its first so many; a list exactly those seeds.
    store
        Where runs are kept and found again; default ``.faeval`` in the working directory.
    workers
        Worker processes, one thread each; default one for each CPU, and two for a CUDA device.
    data
        Folder of the data set, for settings that read one.
    device
        ``cpu``, or ``cuda``, where the seeds of an arm train in one run; each kind of device has
        evidence of its own.
    from_evidence
        Decide from this table, file or folder alone, and train nothing.
    offline
        Train nothing: decide from what the store holds.
    progress
        Called with each event of the campaign. None: a bar in a notebook, and nothing elsewhere.
    notice
        Called before the first run with each thing to know of a claim's design: why it will be
        refused, or is weak; and of evidence given by hand with what was left unread in it.
    stacked
        Train the seeds of an arm in one run, or never; default on CUDA devices only. See
        ``faeval.campaign.execute``.
    backend, cluster
        ``"loky"``: processes on this machine; ``"dask"``, ``"ray"``: a cluster that runs already,
        and its address.
    retries, time_limit
        In place of what the experiment declares: tries after an error of a run, and seconds for a
        run.

    Returns
    -------
    Report
        One verdict a claim, in their order. A claim with looks runs no further than the look that
        decides it.

    Raises
    ------
    FaevalError
        Anything given that cannot be used; nothing that was measured is lost.
    """
    execution = campaign.Execution(
        workers, device, backend, cluster, retries, time_limit, stacked, data
    )
    if from_evidence is None and not offline:  # with nothing left to run too
        campaign.check_installed(backend)
    chosen_seeds = asked_seeds(seeds)
    runs = _store_at(store)
    if from_evidence is not None:
        report = decide_from(from_evidence, given, setting, chosen_seeds, everything=everything)
        if notice is not None:
            _tell_remarks(notice, report)
        return report
    selection = select(given, setting, everything=everything)
    if not selection.claims:
        return Report(selection.setting, ())
    registered = selection.lock.sha256 if selection.lock else None
    failures: list[tuple[str, int, str]] = []
    stops: Mapping[str, int] | None = None if offline else first_stops(selection)
    codes = Codes()  # as it is before the first run, whatever a run changes
    progress = told_in_kernel(progress)
    while True:
        plan = campaign.plan(needs(selection, chosen_seeds, stops), runs, execution.options, codes)
        if plan.todo and not offline:
            if notice is not None:
                _tell_before(notice, plan, selection, chosen_seeds)
                notice = None  # once, before the first run
            due = _without_failed(plan, failures)
            outcome = campaign.execute(due, runs, execution, progress, lock=registered)
            failures += [(job.arm.label, job.seed, message) for job, message in outcome.failures]
        records = list(runs.records(plan.wanted))
        table, origins = runs.table_of(records), origins_of(records)
        outcomes = [*omissions(selection, plan, records), *failures]
        verdicts = _decide(selection, table, chosen_seeds, origins, outcomes, by_hand=False)
        further = next_stops(selection, verdicts, stops or {})
        if not further:
            provenance = provenance_of(records, origins) | spelt_failures(outcomes)
            verdicts = flag_code(selection, verdicts, provenance, codes, runs)
            return _report(selection, table, verdicts, provenance, chosen_seeds)
        stops = further


def _store_at(store: str | Path | evidence.Store | None) -> evidence.Store:
    """Return the store of a call, at a path that does not move with the working directory."""
    root = store.root if isinstance(store, evidence.Store) else store or STORE
    return evidence.Store(Path(root).absolute())


def _tell_before(
    notice: Callable[[str], None],
    plan: campaign.Plan,
    selection: Selection,
    seeds: int | tuple[int, ...] | None,
) -> None:
    """Say what is to be known before the first run."""
    if refusal := campaign.git_refusal():
        notice(f"faeval: {refusal}; until then runs are recorded without their commit.")
    for prospect in outlooks_of(selection, seeds):
        for text in prospect.warnings:
            notice(f"{prospect.claim.name}: {text}")
    if changed := code_notice(plan):
        notice(changed)


def _tell_remarks(notice: Callable[[str], None], report: Report) -> None:
    """Say what was left unread in evidence that was given by hand."""
    if report.evidence is not None:
        for remark in report.evidence.attrs.get(evidence.REMARKS, ()):
            notice(f"faeval: {remark}")


def _without_failed(plan: campaign.Plan, failures: Sequence[tuple[str, int, str]]) -> campaign.Plan:
    """Return the plan without runs that failed at an earlier look: once is enough."""
    failed = {(label, seed) for label, seed, _ in failures}
    jobs = tuple(job for job in plan.jobs if (job.arm.label, job.seed) not in failed)
    return replace(plan, jobs=jobs)


def decide_from(
    source: str | Path | pd.DataFrame,
    given: Given,
    setting: str | Experiment | None = None,
    seeds: int | tuple[int, ...] | None = None,
    *,
    everything: bool = False,
    by_hand: bool = True,
) -> Report:
    """Decide from a table, file or folder alone; `by_hand` as in ``fe.decide``."""
    table = evidence.read(source)
    check_stated(source, table)
    selection = select(given, setting or only_setting(table), everything=everything)
    _check_same_experiment(selection, asked=setting is not None)
    table = table[table["setting"] == selection.setting]
    provenance = written_provenance(source)
    failures = written_failures(provenance)
    verdicts = _decide(
        selection, table, seeds, written_origins(provenance), failures, by_hand=by_hand
    )
    codes = Codes()
    verdicts = flag_code(
        selection, flag_stale(selection, verdicts, provenance, codes), provenance, codes
    )
    report = _report(selection, table, verdicts, provenance, seeds)
    check_registrations(source, report)
    return report


def _decide(
    selection: Selection,
    table: pd.DataFrame,
    seeds: int | tuple[int, ...] | None,
    origins: Origins,
    failures: Sequence[tuple[str, int, str]] = (),
    *,
    by_hand: bool,
) -> list[Verdict]:
    return claims.decide_as_read(
        selection.claims,
        table,
        selection.setting,
        seeds,
        lock=selection.lock,
        failures=failures,
        by_hand=by_hand,
        origins=origins,
    )


def _report(
    selection: Selection,
    table: pd.DataFrame,
    verdicts: Sequence[Verdict],
    provenance: dict[str, Any],
    seeds: int | tuple[int, ...] | None,
) -> Report:
    rows = claims.as_claimed(table, claims.with_gates(selection.claims), selection.setting)
    experiments = (claims.design_of(c, selection.setting).experiment for c in selection.claims)
    return Report(
        setting=selection.setting,
        verdicts=tuple(verdicts),
        seeds=seeds,
        evidence_sha256=evidence.digest(table, as_read=True) if len(table) else None,
        lock_sha256=selection.lock.sha256 if selection.lock else None,
        lock=Coverage.of(selection.lock, verdicts) if selection.lock else None,
        provenance=provenance,
        profiles=profiles_of(selection, rows),
        controls=controls_in(rows),
        inputs=inputs_of(selection, rows, verdicts),
        curves=curves_of([(arm, read.metric) for arm, read in reads_of(selection)], rows),
        evidence=table,
        experiment=next(filter(None, experiments), None),
    )


def _check_same_experiment(selection: Selection, *, asked: bool) -> None:
    own = sorted({c.experiment.name for c in selection.claims if c.experiment})
    if (
        not asked
        and own
        and all(c.experiment for c in selection.claims)
        and selection.setting not in own
    ):
        raise FaevalError(
            f"the claims are about the experiment {', '.join(own)}, and evidence holds"
            f" {selection.setting!r}; give the evidence of that experiment, or say with setting="
            " (--setting) that these claims are to be decided there."
        )


def publish(report: Report, folder: str | Path) -> list[Path]:
    """Write a report and its evidence into a folder: all that deciding again needs, or nothing.

    Forms of the report that lie there already are written anew, so that none of them is of another
    report.
    """
    there = Path(folder)
    forms = [form for form, name in FORMS.items() if form in WRITTEN or (there / name).is_file()]
    contents: list[tuple[str, Content]] = [*report.contents(forms)]
    if report.evidence is not None:
        provenance = {**report.provenance, "evidence_sha256": report.evidence_sha256}
        contents += [
            ("evidence.csv", partial(evidence.write_csv, report.evidence)),
            (PROVENANCE, provenance_bytes(provenance)),
        ]
    return write_all(there, contents)
