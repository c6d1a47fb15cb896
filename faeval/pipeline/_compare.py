"""From results that exist to a verdict: read, ask, decide."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval import evidence
from faeval.claims import Claim, Estimand, Margin, Ratio, Verdict, metric as metric_of
from faeval.errors import FaevalError
from faeval.evidence.importing import (
    Cells,
    Reading,
    Said,
    arm_columns,
    column_name,
    holds_sides,
    read_results,
)
from faeval.experiment import Arm
from faeval.pipeline._compare_arguments import (
    check_arguments,
    column_of,
    columns_of,
    readings_of_call,
)
from faeval.pipeline._question import Question, chosen, margin_of
from faeval.pipeline._verify import decide_from
from faeval.reports import Description, Report, answer as answer_of, described

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType


@dataclass(frozen=True, repr=False)
class Comparison:
    """Answers to questions about results that exist: one verdict for each.

    Parameters
    ----------
    reading
        The results as they were read, with notes on how.
    claims
        The questions as claims; without a margin they are no claims, and there are ``effects``.
    report
        The report of the claims; None without a margin.
    effects
        Without a margin: each difference with its interval, as a description.
    """

    reading: Reading
    claims: tuple[Claim, ...]
    report: Report | None
    effects: tuple[Description, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict of the one question, or of the first; raise FaevalError without a margin."""
        return self.verdicts[0]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts in the order of the questions."""
        if self.report is None:
            raise FaevalError(
                "no verdict: no margin was given; say by= and because=, the smallest effect that"
                " matters and why (--by, --because)."
            )
        return self.report.verdicts

    @property
    def claim(self) -> Claim:
        """The question as a claim, or the first of several."""
        return self.claims[0]

    @cached_property
    def hints(self) -> tuple[str, ...]:
        """What is to be known of seeds that one arm lacks, and of epochs that tell arms apart."""
        lines = []
        if self.report and any(v.reason_code == "confounded" for v in self.report.verdicts):
            lines = self.reading.epochs_said()
        if self.report and any(v.reason_code == "diverged" for v in self.report.verdicts):
            lines.append(
                "a run that failed is an outcome. To count it as the worst value there is, write a"
                " claims file with an fe.Experiment that gives the metric's range"
                " (docs/claims.md)"
            )
        for claim in self.claims:
            if not claim.is_paired:
                continue
            seeds = {arm.label: _seeds_of(self.reading.table, arm, claim) for arm in claim.arms()}
            if len({frozenset(own) for own in seeds.values()}) > 1:
                lines.append(_unequal(seeds))
        return tuple(dict.fromkeys(lines))

    def __repr__(self) -> str:
        if self.report is None:
            effects = ", ".join(
                f"{d.metric}: {d.effect:.4g} [{d.low:.4g}, {d.high:.4g}]" for d in self.effects[:3]
            )
            return f"<Comparison {effects}, nothing decided>"
        answers = ", ".join(f"{v.verdict}: {v.sentence}" for v in self.verdicts[:3])
        return f"<Comparison {answers}>"

    def table(self, width: int = 80) -> RenderableType:
        """Return what ``rich`` prints on a terminal of so many columns."""
        read = (*self.reading.how, *self.reading.notes, *self.hints)
        if self.report is None:
            return described(self.effects, read=read, width=width)
        return answer_of(self.report, read=read, width=width)

    def _repr_html_(self) -> str:
        if self.report is not None:
            return self.report._repr_html_()
        from html import escape

        texts = (
            f"{d.metric}: {' against '.join(d.names)}: {d.effect:g} [{d.low:g}, {d.high:g}]"
            for d in self.effects
        )
        return "".join(f"<p>{escape(text)} (nothing was decided)</p>" for text in texts)


def _seeds_of(table: pd.DataFrame, arm: Arm, claim: Claim) -> tuple[int, ...]:
    metrics = claim.metrics_by_arm()[arm]
    rows = table[(table["arm"] == arm.label) & table["metric"].isin(metrics)]
    return tuple(sorted(rows["seed"].unique().tolist()))


def _unequal(seeds: Mapping[str, Sequence[int]]) -> str:
    (a, of_a), (b, of_b) = list(seeds.items())[:2]
    empty = [arm for arm, own in seeds.items() if not own]
    if empty:
        return f"no row is of {' and '.join(empty)}"
    shared = {*of_a} & {*of_b}
    if not shared:
        text = f"{a} and {b} share no seed"
    else:
        lacking = [
            f"{arm} lacks seed{'s' * (len(missing) > 1)} {', '.join(map(str, missing[:8]))}"
            for arm, own in seeds.items()
            if (missing := sorted({*of_a, *of_b} - {*own}))
        ]
        text = f"{a} has {len(of_a)} seeds and {b} has {len(of_b)}: {'; '.join(lacking)}"
    return f"{text}. If the arms share no randomness by their seeds: --unpaired (Welch's test)"


def compare(
    data: pd.DataFrame | str | Path,
    metric: str | None = None,
    a: str | None = None,
    b: str | float | None = None,
    *,
    by: float | str | Margin | Ratio | None = None,
    because: str | None = None,
    kind: str = "exceeds",
    question: str | None = None,
    arm: str | Mapping[str, str] | None = None,
    seed: str | None = None,
    epoch: str | None = None,
    take: str | int | None = None,
    status: str | None = None,
    average: str | None = None,
    where: Mapping[str, Any] | None = None,
    group_by: str | None = None,
    unpaired: bool = False,
    rate: bool = False,
    value_range: tuple[float, float] | None = None,
) -> Comparison:
    """Compare two arms in results that exist, and decide by the margin.

    Parameters
    ----------
    data
        A DataFrame with a row for each run, or the path of a file in any form that ``faeval
        decide`` reads: CSV, JSON, JSON Lines, npz, Excel, Markdown; long, or wide by seed or by
        method.
    metric
        The column, or the name, of what is compared.
    a, b
        The arms, as the table names them, or as ``factor=value,...``; ``b`` may be a number.
    by, because
        The smallest effect that matters in the unit of the metric, or a factor such as ``"1.05x"``,
        and why it is that. Without them the effect is described, and nothing is decided.
    kind
        "exceeds" (default), "below", "not_below", "not_above" or "equivalent".
    question
        In place of ``a``, ``b`` and ``kind``: ``"ours > base"``.
    arm, seed, epoch, status
        The columns of these, where they are not found by their names; ``arm`` may be a mapping from
        a factor's name to its column, and ``seed="rows"`` takes the rows of each arm in order.
    take
        Which epoch of each run is read: ``"last"``, ``"max"``, ``"min"``, or its number.
    average
        A column whose rows are no runs of their own, such as folds: their mean is taken.
    where
        Only rows whose columns have these values.
    group_by
        A column for each of whose values the question is asked; they form a family.
    unpaired
        The arms share no seeds: Welch's test.
    rate
        Values are outcomes, 0 or 1, true or false: their rates are compared by exact rules.
    value_range
        The lowest and the highest value that the metric can have.

    Returns
    -------
    Comparison
        With ``verdict``, ``claim`` and ``report``. Every verdict is unregistered: the margin was
        named when the results existed.

    Raises
    ------
    FaevalError
        The table can be read in two ways or in none, an arm is not there, a margin has no reason.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("ours", s, 0.90 + 0.01 * s) for s in range(5)]
    >>> rows += [("base", s, 0.80 + 0.01 * s + 0.002 * (s % 2)) for s in range(5)]
    >>> table = pd.DataFrame(rows, columns=["method", "seed", "acc"])
    >>> compare(table, "acc", "ours", "base", by=0.01, because="a point").verdict.verdict
    'supported'
    """
    check_arguments(take, where, value_range, unpaired=unpaired, rate=rate)
    metric, seed, epoch, status, average, group_by = (
        column_of(name, value)
        for name, value in (
            ("metric", metric), ("seed", seed), ("epoch", epoch), ("status", status),
            ("average", average), ("group_by", group_by),
        )
    )  # fmt: skip
    readings = readings_of_call(question, a, b, kind)
    cells = cells_of_data(data)
    said = Said(
        arm=columns_of(arm),
        metrics=() if metric is None else (metric,),
        seed=seed,
        epoch=epoch,
        status=status,
        take=take,
        average=average,
        where=tuple((column_name(name), str(value)) for name, value in (where or {}).items()),
        group_by=group_by,
        unpaired=unpaired,
        rate=rate,
        ranges={metric: value_range} if value_range is not None and metric else {},
    )
    return answer(
        [readings],
        cells,
        said,
        by=by,
        because=because,
        setting=evidence.importing.setting_name(data),
    )


def cells_of_data(data: Any) -> Cells:
    """Return the cells of a DataFrame or of a file."""
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return evidence.importing.cells_of_frame(data)
    if isinstance(data, str | Path):
        return evidence.importing.cells_of(Path(data))
    raise FaevalError(
        f"data ({type(data).__name__}) is neither a DataFrame nor the path of a file; give one,"
        " such as pandas.DataFrame(...) or series.reset_index()."
    )


def answer(
    asked: Sequence[Sequence[Question]],
    cells: Cells,
    said: Said,
    *,
    by: Any,
    because: str | None,
    setting: str,
    spell: Callable[..., str] | None = None,
) -> Comparison:
    """Answer questions, each given with its readings, about the cells of a table.

    See :func:`compare` for what is raised.
    """
    metric = said.metrics[0] if said.metrics else None

    def are_arms(sides: Sequence[str]) -> bool:
        return holds_sides(cells, sides) or bool(arm_columns(cells, metric, sides))

    questions = tuple(chosen(readings, are_arms) for readings in asked)
    sides = tuple(dict.fromkeys(side for q in questions for side in q.sides))
    margin = _margin(by, because, metric or "the metric", spell)
    cells, said = _as_paired(cells, said)
    reading = read_results(cells, said, setting=setting, sides=sides, spell=spell or _in_python)
    if isinstance(margin, Margin):
        reading = replace(reading, notes=(*reading.notes, *_unit_notes(reading.table)))
    pairs = _claims(questions, reading, said, margin)
    claims = tuple(claim for _, claim in pairs)
    report = decide_from(reading.table, claims, setting)
    if margin is not None:
        return Comparison(reading, claims, report)
    effects = (_effect(q, c, v) for (q, c), v in zip(pairs, report.verdicts, strict=True))
    return Comparison(reading, claims, None, tuple(effects))


def _margin(
    by: Any, because: str | None, metric: str, spell: Callable[..., str] | None
) -> Margin | Ratio | None:
    if by is not None:
        return margin_of(by, because, metric, spell)
    if because is not None:
        raise FaevalError(
            f"--because {because!r} is the reason of a margin, and none was given; add --by."
        )
    return None


def _as_paired(cells: Cells, said: Said) -> tuple[Cells, Said]:
    """Return both as unpaired where the source itself says that nothing is paired in it."""
    if cells.paired or said.unpaired:
        return cells, said
    note = "the arms share no repetition: they are compared by Welch's test (--unpaired)"
    return replace(cells, notes=(*cells.notes, note)), replace(said, unpaired=True)


def _unit_notes(table: pd.DataFrame) -> list[str]:
    """Say of what size the values are: the margin counts in their unit, whatever that is."""
    rows = table[table["status"] == "measured"]
    ends = rows.groupby("metric")["value"].agg(["min", "max"])
    return [
        f"unit of {metric} not stated, and not guessed: values are from {low:.4g} to {high:.4g},"
        " and the margin is in the same unit"
        for metric, low, high in ends.itertuples()
    ]


def _in_python(option: str, value: str = "") -> str:
    """Return an option of the command line as an argument of :func:`compare`."""
    name = option.removeprefix("--").replace("-", "_")
    if name in ("last", "best", "at"):
        return f"take={value if name == 'at' else repr(value or 'last')}"
    if name == "range":
        return f"value_range=({value.partition('=')[2].replace(':', ', ')})"
    if name == "metric":
        return f"metric={value!r}"
    return f"{name}={value!r}" if value else f"{name}=True"


def _claims(
    questions: Sequence[Question], reading: Reading, said: Said, margin: Margin | Ratio | None
) -> list[tuple[Question, Claim]]:
    """Return each question with a claim for every metric and group."""
    return [
        (question, _claim(question, name, group, reading, said, margin))
        for question in questions
        for name in reading.metrics
        for group in _groups(reading, said)
    ]


def _groups(reading: Reading, said: Said) -> list[Any]:
    """Return the values of the column that groups, as the arms in evidence have them."""
    if said.group_by is None:
        return [None]
    arms = [Arm.parse(label) for label in reading.table["arm"].unique().tolist()]
    name = _group_factor(reading, said)
    return list(dict.fromkeys(arm[name] for arm in arms if name in arm))


def _group_factor(reading: Reading, said: Said) -> str:
    """Return the factor of the column that groups."""
    own = {name for arm in reading.arms.values() for name in arm}
    return evidence.importing.group_factor(str(said.group_by), dict.fromkeys(own, ""))


def _claim(
    question: Question,
    name: str,
    group: Any,
    reading: Reading,
    said: Said,
    margin: Margin | Ratio | None,
) -> Claim:
    arms = [reading.arms[side] for side in question.sides]
    text = ""
    if group is not None:
        arms = [arm.but(**{_group_factor(reading, said): group}) for arm in arms]
        text = f"{said.group_by} {group}"
    outcome = "rate" if said.rate else None
    estimands: list[Estimand] = [
        metric_of(name, arm, outcome=outcome)  # type: ignore[arg-type] # one of its words
        for arm in arms
    ]
    b: Estimand | float = question.b if isinstance(question.b, float) else estimands[1]
    described = margin is None
    by = Margin(0, "no margin was given") if margin is None else margin
    kind_asked = Question(question.a, "exceeds", question.b) if described else question
    sentence = question.sentence(name, margin, text)
    return Claim(
        sentence,
        kind_asked.assertion(estimands[0], b, by, not said.unpaired or len(arms) < 2),
        attributed_to=_differing(arms),
        # Of a description both bounds are one-sided at .025: a 95 % interval, each for itself.
        alpha=0.025 if described else 0.05,
        family=sentence if described else None,
    )


def _differing(arms: Sequence[Arm]) -> tuple[str, ...]:
    if len(arms) < 2:
        return ()
    a, b = arms
    return tuple(name for name in sorted({*a, *b}) if a.get(name) != b.get(name))


def _effect(question: Question, claim: Claim, verdict: Verdict) -> Description:
    if not verdict.assertions:
        raise FaevalError(
            f"{claim.sentence}: nothing can be described ({verdict.reason_code}): {verdict.detail}"
        )
    result = verdict.assertions[0]
    sides = result.a, result.b
    seeds = tuple(dict.fromkeys(len(side.seeds or verdict.seeds) for side in sides))
    return Description(
        metric=next(iter(claim.reads())).metric,
        names=(_name(question.a), _name(question.b)),
        means=(_mean(result.a.values), _mean(result.b.values)),
        effect=result.estimate,
        low=result.interval[0],
        high=result.interval[1],
        n=seeds if claim.is_paired else tuple(len(s.seeds or verdict.seeds) for s in sides),
        level=0.95,
    )


def _name(side: str | float) -> str:
    return f"{side:g}" if isinstance(side, float) else side


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
