"""Deciding: claims and evidence in, exactly one verdict a claim out.

The rule is that of faeval.stats; here claims are sorted into families.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from faeval import evidence as evidence_room, stats
from faeval._safe_text import cut
from faeval.claims._arm_names import as_claimed
from faeval.claims._claim import Claim, with_gates
from faeval.claims._evidence_index import EvidenceIndex
from faeval.claims._lock import Lock, Origins
from faeval.claims._pending import PendingClaim, measure, open_claim
from faeval.claims._seed_plan import seed_list
from faeval.claims._session import settled
from faeval.claims._verdict import Caution, Verdict
from faeval.claims._verdict_builder import verdict_of
from faeval.errors import FaevalError
from faeval.experiment import Experiment, experiments


def decide(
    claims: Claim | Iterable[Claim],
    evidence: Any,
    setting: str | Experiment | None = None,
    seeds: int | Iterable[int] | None = None,
    *,
    lock: Lock | None = None,
    failures: Sequence[tuple[str, int, str]] = (),
    by_hand: bool = True,
    origins: Origins | None = None,
) -> list[Verdict]:
    """Decide claims from evidence; return exactly one verdict a claim, in their order.

    It needs no torch and trains nothing.

    Parameters
    ----------
    claims
        Claims, loaded from files or made in place.
    evidence
        A DataFrame, the path of a CSV or Parquet file or of a folder with one, or a store.
    setting
        The setting to decide in, by its name or as an :class:`~faeval.Experiment`; needed when
        evidence holds several.
    seeds
        None decides on the plan of registered claims and of those whose ``seeds=`` are written, on
        all seeds in evidence for others. A count takes the first so many of the plan. A list with a
        seed outside the plan decides apart from the registration, on exactly that list.
    lock
        The registration; without one every verdict is flagged unregistered.
    failures
        Runs that raised an error, as (arm label, seed, message): claims that read them are invalid.
    by_hand
        Whether evidence was given, not produced for these claims: then an unregistered claim that
        writes no ``seeds=`` decides on all seeds that it finds; otherwise on its own plan.
    origins
        Under which registration each number was measured, which says whether a claim was registered
        before its evidence; it changes no decision.

    Raises
    ------
    FaevalError
        Evidence cannot be read as such, the setting is unknown or ambiguous, members of a family
        differ in alpha.

    Examples
    --------
    >>> import pandas as pd, faeval as fe
    >>> rows = [("toy", arm, seed, "score", 0.5 * (arm == "b") + 0.01 * seed * (arm == "b"))
    ...         for arm in ("a", "b") for seed in (1, 2, 3)]
    >>> table = pd.DataFrame(rows, columns=["setting", "arm", "seed", "metric", "value"])
    >>> a, b = fe.Arm("a"), fe.Arm("b")
    >>> better = fe.Claim("b beats a", fe.exceeds(fe.metric("score", b), fe.metric("score", a),
    ...                   by=fe.Margin(0.1, "what a user notices")), attributed_to="rule")
    >>> fe.decide(better, table)[0].verdict
    'supported'
    """
    return decide_as_read(
        claims,
        evidence_room.read(evidence),
        setting,
        seeds,
        lock=lock,
        failures=failures,
        by_hand=by_hand,
        origins=origins,
    )


def decide_as_read(
    claims: Claim | Iterable[Claim],
    table: Any,
    setting: str | Experiment | None = None,
    seeds: int | Iterable[int] | None = None,
    *,
    lock: Lock | None = None,
    failures: Sequence[tuple[str, int, str]] = (),
    by_hand: bool = True,
    origins: Origins | None = None,
) -> list[Verdict]:
    """Decide claims from a table that ``evidence.read`` gave: see :func:`decide`."""
    settings, present = experiments(), sorted(table["setting"].unique())
    if setting is None and len(present) == 1:
        setting = str(present[0])
    own_claims, setting = settled(_several(claims), setting)
    everything = with_gates(own_claims)
    own = {c.experiment.name for c in everything if c.experiment}
    setting = _the_setting(setting, present, {*settings, *own})
    index = EvidenceIndex(
        as_claimed(table[table["setting"] == setting], everything, setting, settings)
    )
    if seeds is not None:
        listed_seeds = seed_list(seeds, "decide")
        seeds = seeds if isinstance(seeds, int) else listed_seeds
    cases = [
        open_claim(c, setting, index, lock, seeds, by_hand, settings, failures) for c in everything
    ]
    for case in cases:
        measure(case, index, failures)
    _decide_families(cases, lock)
    verdicts = _release(cases, [verdict_of(case, lock, origins or Origins()) for case in cases])
    remarks = table.attrs.get(evidence_room.REMARKS, ())
    odd = tuple(Caution("measurement", detail=cut(text)) for text in remarks)
    released = dict(zip(map(id, everything), verdicts, strict=True))
    verdicts = [released[id(c)] for c in own_claims]
    return [replace(v, warnings=(*v.warnings, *odd)) for v in verdicts]


def _several(claims: Any) -> list[Claim]:
    """Return one claim, or several, as a list."""
    is_one = isinstance(claims, Claim | str) or not isinstance(claims, Iterable)
    several = [claims] if is_one else [*claims]
    for claim in several:
        if not isinstance(claim, Claim):
            raise FaevalError(
                f"decide: claims={claim!r} ({type(claim).__name__}) must be an fe.Claim, or"
                " several; faeval.claims.load reads them from files."
            )
    return several


def _the_setting(setting: str | None, present: Sequence[str], known: set[str]) -> str:
    if setting is None:
        raise FaevalError(
            f"evidence holds {len(present)} settings ({', '.join(present) or 'no row at all'}); say"
            " which with setting=."
        )
    if setting not in {*present, *known}:
        raise FaevalError(
            f"setting={setting!r} ({type(setting).__name__}) is unknown: evidence holds "
            f"{', '.join(present) or 'no row'}; named ones are {', '.join(sorted(known))}."
        )
    return setting


def _decide_families(cases: Sequence[PendingClaim], lock: Lock | None) -> None:
    families: dict[tuple[str, bool], list[PendingClaim]] = {}
    for case in cases:
        family = case.registered.family if case.registered else case.claim.family or ""
        families.setdefault((family, case.registered is not None), []).append(case)
    for (name, registered), members in families.items():
        alphas = sorted({c.registered.alpha if c.registered else c.claim.alpha for c in members})
        if len(alphas) > 1:
            raise FaevalError(
                f"family {name!r}: its members declare alpha={alphas[0]} and alpha={alphas[1]}; the"
                " error rate belongs to the family, give all of them one."
            )
        # Registered members that were not selected count as well: leaving a claim out never helps
        # the others.
        others = len(lock.family(name)) - len(members) if registered and lock else 0
        size = len(members) + others
        rulings = stats.rule(
            [c.question(alphas[0] / size) for c in members], alphas[0], unrun=others
        )
        for case, ruling in zip(members, rulings, strict=True):
            case.ruling, case.family_size = ruling, size
            # no earlier look decided
            if ruling.verdict == "inconclusive" and case.later is not None:
                case.ruling = replace(
                    ruling,
                    verdict=case.later.verdict,  # type: ignore[arg-type] # one of the words
                    code=case.later.code,
                    reason=case.later.text,
                )


def _release(cases: Sequence[PendingClaim], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Release a decided verdict only where every gate is supported, released likewise."""
    place = {id(case.claim): i for i, case in enumerate(cases)}
    requires = [[place[id(gate)] for gate in case.claim.requires] for case in cases]
    released = []
    gated = stats.apply_gates([v.verdict for v in verdicts], requires)
    for verdict, (word, code, gate) in zip(verdicts, gated, strict=True):
        if code is not None and gate is not None:
            is_failed = code == "gate_failed"
            state = (
                f"{gated[gate][0]}, so the question does not arise"
                if is_failed
                else "undecided; decide that one first"
            )
            verdict = replace(
                verdict,
                verdict=word,  # type: ignore[arg-type] # one of the words
                reason_code=code,
                detail=cut(f"its gate {cases[gate].claim.name!r} is {state}."),
                fragile=None if is_failed else verdict.fragile,
            )
        released.append(verdict)
    return released
