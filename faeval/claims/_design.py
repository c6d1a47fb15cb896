"""Design checks: what makes a claim undecidable before any run.

They need the claim and its experiment alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from faeval import stats
from faeval._safe_text import cut, listed
from faeval.claims._assertion import Assertion
from faeval.claims._claim import Claim
from faeval.claims._estimand import Read
from faeval.errors import FaevalError
from faeval.experiment import Arm, Experiment, Value, experiments, named


@dataclass(frozen=True)
class Problem:
    """Why a claim cannot be decided: the word, its reason code, and a sentence."""

    verdict: str
    code: str
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", cut(self.text))


@dataclass(frozen=True)
class Design:
    """What an experiment says of a claim's arms: their factors, labels, epochs and layers.

    Without an experiment (evidence from elsewhere) arms are taken as they are written.
    """

    experiment: Experiment | None = None

    def factors(self, arm: Arm) -> dict[str, Value]:
        """Return an arm's factors, defaults filled in where they are known."""
        return self.experiment.resolve(arm) if self.experiment else dict(arm)

    def label(self, arm: Arm) -> str:
        """Return the label under which evidence holds the arm."""
        return self.experiment.canonical(arm).label if self.experiment else arm.label

    def last_epoch(self, arm: Arm) -> int | None:
        """Return the run's last epoch, where the setting knows it."""
        return self.experiment.last_epoch(self.factors(arm)) if self.experiment else None

    @cached_property
    def rates(self) -> frozenset[str]:
        """The metrics that the experiment declares to be outcomes, 0 or 1 in each run."""
        metrics = self.experiment.metrics.values() if self.experiment else ()
        return frozenset(metric.name for metric in metrics if metric.outcome == "rate")

    def rule(self, claim: Claim) -> stats.TestName:
        """Return the name of the rule that decides a claim here."""
        return claim.rule_with(self.rates)

    def states(self, read: Read, found: set[int]) -> tuple[int, ...]:
        """Return the states that an estimand averages over.

        They are chosen from those of the setting, else from those found in evidence.
        """
        assert read.layers is not None
        exact: tuple[int, ...] = ()
        states: tuple[int, ...] = tuple(sorted(found))
        if self.experiment:
            factors = self.factors(read.arm)
            states = self.experiment.layers(factors) or states
            exact = self.experiment.exact(factors)
        fixed = read.layers.fixed
        states = tuple(s for s in states if s >= 1) if fixed is None else fixed
        return tuple(s for s in states if s not in exact) if read.layers.inexact_only else states


def design_of(claim: Claim, setting: str, known: dict[str, Experiment] | None = None) -> Design:
    """Return how a setting reads a claim's arms.

    By the file's own experiment, by a named one, or as the arms are written.
    """
    if claim.experiment is not None and claim.experiment.name == setting:
        return Design(claim.experiment)
    return Design((known if known is not None else experiments()).get(setting))


def check_names(claim: Claim, design: Design) -> None:
    """Raise FaevalError where a claim names what its experiment does not have.

    That is a factor, a metric, a layer or an epoch.
    """
    experiment = design.experiment
    if experiment is None:
        return
    where = f"claim {claim.name!r} in {experiment.name}"
    claim.rule_with(design.rates)
    for reading in claim.reads(controls=True):
        if reading.metric not in experiment.metrics:
            names = ", ".join(sorted(experiment.metrics))
            raise FaevalError(f"{where}: no metric {reading.metric!r} here. Its metrics: {names}.")
        if experiment.metrics[reading.metric].under_study and claim.about != "instrument":
            raise FaevalError(
                f"{where}: {reading.metric} is read by an instrument that is itself under"
                " study; say about='instrument' if the claim is about it, or read"
                f" {reading.metric.rpartition('.')[2]}."
            )
        _check_read(reading, experiment, where)
    names_of_factors = dict.fromkeys(
        [*(f for arm in claim.arms() for f in experiment.known_factors(arm)), "epoch"]
    )
    for factor in claim.attributed_to:
        if factor not in names_of_factors:
            raise FaevalError(
                f"{where}: attributed_to={factor!r} is no factor here. Its factors:"
                f" {', '.join(names_of_factors)}."
            )


def _check_read(reading: Read, experiment: Experiment, where: str) -> None:
    """Raise FaevalError where an arm has no such layers, or is not audited at that epoch."""
    factors, metric = experiment.resolve(reading.arm), experiment.metrics[reading.metric]
    wrong = _wrong_layers(reading, metric.layered, experiment.layers(factors))
    epochs = experiment.audited_epochs(factors)
    at_every_epoch = epochs == (None,) or metric.name == "train_loss"
    if not wrong and reading.course is not None and not at_every_epoch and len(epochs) < 2:
        wrong = (
            f"{reading} reads {reading.metric} over epochs, and the experiment audits"
            f" {named(reading.arm.label)} at one alone; audit it at several."
        )
    if not wrong and not at_every_epoch and reading.epoch not in {*epochs, None}:
        wrong = (
            f"epoch {reading.epoch} of {named(reading.arm.label)} is not audited; audited are"
            f" {', '.join(map(str, epochs))}."
        )
    if wrong:
        raise FaevalError(f"{where}: {wrong}")


def _wrong_layers(reading: Read, layered: bool, states: tuple[int, ...]) -> str:
    """Return what is wrong with the layers of a read; empty where nothing is known of states."""
    fixed = reading.layers.fixed if reading.layers else None
    beyond = [layer for layer in fixed or () if layer not in states]
    if not states:
        return ""
    if layered and reading.layers is None:
        return f"{reading.metric} has a number for each state; say layers=fe.deep, or which."
    if not layered and reading.layers is not None:
        return f"{reading.metric} is one number for the network; leave layers= out."
    where = f"{named(reading.arm.label)} does not exist; its states are 0..{states[-1]}"
    return f"layer {beyond[0]} of {where}." if beyond else ""


Ends = Mapping[Read, Mapping[int, int]]  # of reads at the end of a run, the epoch of it by seed
_Level = Value | tuple[int, ...]
_Cells = list[tuple[float, dict[str, _Level]]]  # of each read its weight, its factors and epoch


def confounded(claim: Claim, design: Design, ends: Ends | None = None) -> Problem | None:
    """Return why a claim's comparison cannot be attributed to what it names, or None.

    For each assertion the signed reads of a - b are laid out by their factors and the epoch they
    are read at. What takes more than one value among reads of opposite sign is what the sides
    differ in, and must be what is named. In a sum of contrasts, factors that differ but are not
    named are accepted where the named ones explain the contrast without them: summed over the named
    factors, all weights cancel at every combination of the others, and no fewer would do.

    A claim that names no factor is read as if it named the one that :func:`inferred_factor` finds.

    Where runs end, only evidence may know: ``ends`` says it then, and before it is known the epoch
    may be named or not.
    """
    for assertion in claim.asserted:
        causes = {*attribution(claim, design)}
        cells = _cells(assertion, design, causes, ends or {})
        if ends is None and all(
            r.epoch is None and design.last_epoch(r.arm) is None for r in assertion.contrast.reads()
        ):
            causes -= {"epoch"}
        differ = _differing_factors(cells)
        if not _attributable(cells, differ, causes):
            return Problem(
                "invalid", "confounded", _explain(assertion, differ, causes, cells, bool(ends))
            )
    return None


def attribution(claim: Claim, design: Design) -> tuple[str, ...]:
    """Return the factors that a claim attributes its difference to: named, or else inferred."""
    factor = inferred_factor(claim, design)
    return claim.attributed_to if factor is None else (factor,)


def inferred_factor(claim: Claim, design: Design) -> str | None:
    """Return the one factor that the sides differ in, the same in every assertion.

    None of a claim that names factors, or whose sides differ in several, in none, or in the epoch.
    """
    if claim.attributed_to:
        return None
    differ = {frozenset(_differing_factors(_cells(a, design, set(), {}))) for a in claim.asserted}
    alone = next(iter(differ)) if len(differ) == 1 else frozenset()
    factor = next(iter(alone)) if len(alone) == 1 else None
    return None if factor == "epoch" else factor


def _differing_factors(cells: _Cells) -> set[str]:
    """Return the factors that take several values, where reads of opposite sign are compared."""
    if len({weight < 0 for weight, _ in cells}) < 2:
        return set()
    factors = {f for _, cell in cells for f in cell}
    return {f for f in factors if len({_level(cell.get(f)) for _, cell in cells}) > 1}


def _attributable(cells: _Cells, differ: set[str], causes: set[str]) -> bool:
    """Return whether a contrast is explained by the factors that a claim names, and by no fewer."""
    if differ == causes:
        return not differ or _cancel(cells, causes) or _is_multiple(cells)
    return (
        bool(causes)
        and causes < differ
        and _cancel(cells, causes)
        and not any(_cancel(cells, causes - {f}) for f in causes)
    )


def _is_multiple(cells: _Cells) -> bool:
    """Return whether one cell is compared with a multiple of another: a margin by a factor."""
    return len(cells) == 2 and cells[0][0] * cells[1][0] < 0


def _cells(assertion: Assertion, design: Design, named: set[str], ends: Ends) -> _Cells:
    signed = assertion.contrast.signed_reads()
    last: dict[Read, _Level] = {r: design.last_epoch(r.arm) for _, r in signed}
    # Read at the end of runs of different length, sides differ in the factor that sets it, not in
    # the epoch as well.
    at_end = all(r.epoch is None or r.epoch == last[r] for _, r in signed)
    levels = _levels({r: ends[r] for _, r in signed if r in ends})
    alike = len({*levels.values()}) < 2 or any(
        _sets_length(factor, levels, design) for factor in named
    )
    if levels and not (at_end and alike):
        last, at_end = last | levels, False
    epochs = {r: {"epoch": last[r] if r.epoch is None else r.epoch} for _, r in signed}
    return [
        (weight, {**design.factors(r.arm), **({} if at_end else epochs[r])}) for weight, r in signed
    ]


def _levels(ends: Ends) -> dict[Read, _Level]:
    """Return the epoch of each read: one number, or one a seed where seeds differ.

    Of seeds, those count that all reads have.

    None where evidence does not say it, which is no epoch of any other read.
    """
    shared = set.intersection(*map(set, ends.values())) if ends else set()
    levels: dict[Read, _Level] = {}
    for reading, own in ends.items():
        level = tuple(end for seed, end in own.items() if seed in shared or not shared)
        levels[reading] = level if len({*level}) != 1 else None if -1 in level else level[0]
    return levels


def _sets_length(factor: str, levels: Mapping[Read, _Level], design: Design) -> bool:
    """Return whether a factor is the number of epochs.

    It is called so, or equals the last epoch, counted from 1 or from 0.
    """
    values = [(design.factors(reading.arm).get(factor), level) for reading, level in levels.items()]
    beyond = {
        v - level if isinstance(v, int) and isinstance(level, int) else None for v, level in values
    }
    return factor == "epochs" or beyond in ({0}, {1})


def _cancel(cells: _Cells, over: set[str]) -> bool:
    sums: defaultdict[frozenset[tuple[str, tuple[bool, _Level]]], float] = defaultdict(float)
    for weight, cell in cells:
        sums[frozenset((f, _level(v)) for f, v in cell.items() if f not in over)] += weight
    largest = max(abs(weight) for weight, _ in cells)
    return all(abs(total) <= 1e-9 * largest for total in sums.values())


def _level(value: _Level) -> tuple[bool, _Level]:
    # 0 and 0.0 are one level of a factor; 1 and True are two.
    return isinstance(value, bool), value


def _explain(
    assertion: Assertion,
    differ: set[str],
    named: set[str],
    cells: _Cells,
    by_ends: bool,
) -> str:

    def values(factor: str) -> str:
        unstated = "none stated" if by_ends and factor == "epoch" else "None"
        levels = [cell.get(factor) for _, cell in cells]
        texts = dict.fromkeys(unstated if v is None else _shown(v) for v in levels)
        return f"{factor} ({' against '.join(texts)})"

    what = " and ".join(values(f) for f in sorted(differ)) or "nothing"
    named_factors = " and ".join(sorted(named)) or "nothing"
    if differ == named:
        return (
            f"in '{assertion}' the weights do not cancel over {named_factors}: no difference is"
            " attributed by it. For a factor between two sides give the margin as fe.Ratio(factor,"
            " because), or compare fe.log10 of both."
        )
    remedy = "compare arms that differ in what is named alone."
    if not named:
        names = sorted(differ) if len(differ) > 1 else "".join(differ)
        remedy = (
            f"say what it is due to (attributed_to={names!r}), or compare arms that do not differ."
        )
    if by_ends and "epoch" in differ - named:
        is_unknown = any(cell.get("epoch") is None for _, cell in cells)
        remedy = (
            "write in evidence at which epoch each run is read"
            if is_unknown
            else "read both at one stated epoch (epoch=)"
        ) + ", or name the epoch in attributed_to as well."
    return (
        f"the two sides of '{assertion}' differ in {what}, and the claim attributes the difference"
        f" to {named_factors}; {remedy}"
    )


def _shown(value: _Level) -> str:
    return (
        f"by seed {listed(['none' if v == -1 else v for v in value], 10)}"
        if isinstance(value, tuple)
        else repr(value)
    )


def exact_states(claim: Claim, design: Design) -> Problem | None:
    """Return why an average holds states whose credit is exact by construction, or None."""
    experiment = design.experiment
    if experiment is None:
        return None
    for reading in claim.reads():
        factors, about = design.factors(reading.arm), experiment.metrics.get(reading.metric)
        is_read_by_instrument = about is not None and about.instrument is not None
        # Where an experiment does not say its states, they are known from evidence alone.
        if (
            reading.layers is not None
            and is_read_by_instrument
            and reading.exact != "included"
            and experiment.layers(factors)
        ):
            states = design.states(reading, set())
            exact = [s for s in states if s in experiment.exact(factors)]
            if exact or not states:
                which = f"state {exact[0]}" if len(exact) < len(states) else "every state"
                return Problem(
                    "invalid",
                    "exact_by_construction",
                    f"the credit of {named(reading.arm.label)} is the true gradient at {which} by"
                    f" construction, so {reading} scores it against itself; use"
                    " layers=fe.deep.inexact, or say exact='included'.",
                )
    return None


def check_design(claim: Claim, design: Design) -> Problem | None:
    """Return the first problem that makes a claim invalid whatever its runs give, or None."""
    return next(filter(None, design_checks(claim, design).values()), None)


def design_checks(claim: Claim, design: Design) -> dict[str, Problem | None]:
    """Return the problem that each design check found, by its reason code, in their order."""
    return {
        "unit_mismatch": own_seeds(claim, design),
        "confounded": confounded(claim, design),
        "exact_by_construction": exact_states(claim, design),
    }


def own_seeds(claim: Claim, design: Design) -> Problem | None:
    """Return why two paired sides have no common seeds, or None.

    It happens where an experiment makes the seed a factor of its arms.
    """
    for assertion in claim.asserted:
        seeds = {design.factors(r.arm).get("seed") for r in assertion.contrast.reads()}
        if assertion.is_paired and len(seeds) > 1:
            texts = " and ".join(sorted(repr(s) for s in seeds))
            return Problem(
                "invalid",
                "unit_mismatch",
                f"the two sides of '{assertion}' run on seeds of their own ({texts}), and contrasts"
                " are paired by seed; leave seed= out of the arms: the plan gives every arm the"
                " same seeds.",
            )
    return None
