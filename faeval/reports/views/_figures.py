"""Figures in words and places: what each is called, and the tables that say the same."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

from faeval.claims._verdict import Verdict
from faeval.experiment import CONTROL_FLOOR, KNOWN_METRICS
from faeval.reports.data._report import ControlCurve, Profile, TrainingCurve
from faeval.reports.figures import _plots as plots
from faeval.reports.figures._series import PowerCurve, mean_over_seeds, spans_decades
from faeval.reports.views._types import FigureView, Table
from faeval.reports.words import _glossary as glossary
from faeval.reports.words._glossary import layers_text
from faeval.reports.words._numbers import chance, level, significant, style_for


def profile_views(profiles: tuple[Profile, ...]) -> tuple[FigureView, ...]:
    """Put metrics over layers into words and places, one view a metric."""
    return tuple(
        _series(name, members, members[0].metric, "layer", "by layer")
        for name, members in plots.layer_figures(profiles).items()
    )


def course_views(courses: tuple[TrainingCurve, ...]) -> tuple[FigureView, ...]:
    """Put metrics over training into words and places, one view a metric."""
    return tuple(
        _series(name, members, plots.course_title(members[0]), "epoch", "by epoch", ", ")
        for name, members in plots.course_figures(courses).items()
    )


def _series(
    name: str,
    members: Sequence[Profile | TrainingCurve],
    what: str,
    across: str,
    by: str,
    apart: str = " ",
) -> FigureView:
    """Put what is drawn over layers or epochs into words and places."""
    known = KNOWN_METRICS.get(members[0].metric)
    arms = "; ".join(m.arm for m in members)
    return FigureView(
        name=name,
        title=f"{what}{apart}{by}",
        description=(
            f"{what} {by}, a panel an arm, each seed a line and their mean a heavy one: {arms}."
            " The tables say the same."
        ),
        tables=tuple(_by_arm(m, across, members) for m in members),
        meaning=known.description if known else "",
        caption=" ".join(filter(None, (_thinned(members, across), _missing(members, across)))),
    )


def _columns(of: Profile | TrainingCurve) -> tuple[int, ...]:
    return of.layers if isinstance(of, Profile) else of.epochs


def _where(of: Profile | TrainingCurve) -> str:
    """Say at which epoch, or over which layers."""
    if isinstance(of, Profile):
        return "" if of.epoch is None else f", epoch {of.epoch}"
    return f", {layers_text(of.layers)}" if of.layers else ""


def _by_arm(
    of: Profile | TrainingCurve, across: str, members: Sequence[Profile | TrainingCurve]
) -> Table:
    """One row a layer or epoch, one column a seed, and their mean as it is drawn."""
    geometric = spans_decades(row for member in members for row in member.values)
    whole = [v for row in of.values for v in row if v is not None]
    means = mean_over_seeds(of.values, geometric)
    rows: list[tuple[str, ...]] = []
    for column, *values, mean in zip(_columns(of), *of.values, means, strict=True):
        # Decimals that suit the largest of all would make zeros of the smallest.
        style = side_by_side([*values, mean] if geometric else whole)
        said = [
            text if v is None else style(v)
            for v, text in zip(
                values, (row[len(rows)].replace("_", " ") for row in of.status), strict=True
            )
        ]
        rows.append((str(column), *said, "none" if mean is None else style(mean)))
    return Table(
        f"{of.arm}: {of.metric}{_where(of)}",
        (
            across.capitalize(),
            *(f"seed {seed}" for seed in of.seeds),
            "geometric mean" if geometric else "mean",
        ),
        tuple(rows),
    )


def side_by_side(values: Sequence[float | None]) -> Callable[[float], str]:
    """Return how numbers of one kind are written in a row: with the same decimals, unless they span
    decades.
    """
    known = [v for v in values if v is not None]
    return partial(significant, digits=3) if spans_decades([known]) else style_for(math.nan, known)


def _thinned(members: Sequence[Profile | TrainingCurve], across: str) -> str:
    """Say that only some of the epochs are shown, and where all numbers are."""
    parts = [
        f"{of.arm}: {len(of.epochs)} of {of.thinned_from}"
        for of in members
        if isinstance(of, TrainingCurve) and of.thinned_from is not None
    ]
    return (
        f"Not every {across} is shown ({'; '.join(parts)}): the first, the last, those of the least"
        " and the greatest number, and others evenly between. All numbers are in evidence.csv."
        if parts
        else ""
    )


def _missing(members: Sequence[Profile | TrainingCurve], across: str) -> str:
    """Say where there is no number and why: a gap in a figure is not to be taken for a zero."""
    said = []
    for of in members:
        gaps: dict[str, set[int]] = {}
        for row in of.status:
            for column, status in zip(_columns(of), row, strict=True):
                if status != "measured":
                    gaps.setdefault(status, set()).add(column)
        said += [
            f"{of.arm}: {status.replace('_', ' ')} at"
            f" {across}{'s' * (len(at) > 1)} {glossary.seed_list(tuple(sorted(at)))}"
            for status, at in gaps.items()
        ]
    return f"No number exists where a cross stands. {'; '.join(said)}." if said else ""


def power_view(verdict: Verdict, anchor: str) -> FigureView | None:
    """Put a claim's power against the number of seeds into words and places; None where no pilot
    says its spread.
    """
    curves = plots.power_curves(verdict)
    if not curves:
        return None
    many = len(verdict.assertions) > 1
    head = ("Seeds", "At the pilot's s.d.", "At its upper 80 % bound")
    return FigureView(
        name=f"power-{anchor.removeprefix('claim-')}",
        title="Power against the number of seeds",
        description=" ".join(plots.describe_power(curve) for _, curve in curves)
        + " The tables say the same.",
        tables=tuple(
            Table(
                f"Chance to be {c.verdict}{f', assertion {i + 1}' if many else ''}: level"
                f" {level(c.level)}, s.d. {significant(c.sd)} and {significant(c.upper)}",
                head,
                tuple(_power_rows(c)),
            )
            for i, c in curves
        ),
    )


def _power_rows(curve: PowerCurve) -> Iterator[tuple[str, str, str]]:
    """One row a number of seeds; neighbours that read alike share theirs, but for the plan."""
    said = [
        ("no bound" if math.isnan(p) else chance(p))
        for p in (*curve.power, *(curve.cautious or (math.nan,) * len(curve.seeds)))
    ]
    cells = zip(curve.seeds, said, said[len(curve.seeds) :], strict=False)
    for (planned, *texts), group in groupby(
        cells, key=lambda cell: (cell[0] == curve.planned, *cell[1:])
    ):
        seeds = glossary.seed_list(tuple(n for n, *_ in group))
        yield (f"{seeds}, the plan" if planned else seeds, texts[0], texts[1])


def _by_decade(curve: ControlCurve) -> Iterator[tuple[str, ...]]:
    """Yield how an instrument reads its control, a row a decade of gradient norm."""
    decades: dict[int, list[float | None]] = {}
    for norm, value in curve.points:
        decades.setdefault(math.floor(math.log10(norm)), []).append(value)
    for decade, values in sorted(decades.items()):
        defined = sorted(v for v in values if v is not None)
        texts = ["undefined"] * 3
        if defined:
            numbers = (defined[0], statistics.median(defined), defined[-1])
            texts = [f"{v:.4f}".replace("-", "−") for v in numbers]
        passed = sum(v >= CONTROL_FLOOR for v in defined)
        span = f"1e{decade} to 1e{decade + 1}".replace("-", "−")
        count = str(len(values))
        yield f"{curve.instrument}, {span}", count, *texts, f"{passed} of {count}"


def controls_view(curves: tuple[ControlCurve, ...]) -> FigureView | None:
    """Put the instruments' positive controls into words and places; None where there are none."""
    if not curves:
        return None
    rows = [row for curve in curves for row in _by_decade(curve)]
    undefined = {c.instrument: sum(v is None for _, v in c.points) for c in curves}
    gaps = [f"{count} of {name} are undefined" for name, count in undefined.items() if count]
    names = " and ".join(c.instrument for c in curves)
    return FigureView(
        name="controls",
        title="Positive control against gradient norm",
        description=(
            f"What the true gradient itself reads by {names}, against its median norm; the table"
            " says the same."
        ),
        tables=(
            Table(
                "Positive control by decade of gradient norm",
                (
                    "Instrument, gradient norm",
                    "States",
                    "Lowest",
                    "Median",
                    "Highest",
                    f"At least {CONTROL_FLOOR:g}",
                ),
                tuple(rows),
            ),
        ),
        caption=f"Not drawn: {'; '.join(gaps)}." if gaps else "",
    )
