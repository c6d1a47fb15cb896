"""Claims files written from results that exist: the questions that were asked, or a start."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faeval.claims import Claim, Margin, Ratio, exceeds, metric as metric_of, numbers_digest
from faeval.errors import FaevalError
from faeval.evidence.importing import Reading, spelled
from faeval.experiment import Arm

if TYPE_CHECKING:
    from faeval.pipeline._compare import Comparison

_MAKERS = {"equivalent": "within"}


def claims_source(
    comparison: Comparison,
    setting: str,
    words: Sequence[str] = ("NEW",),
    *,
    seeds: int | None = None,
) -> str:
    """Return the questions of a comparison as a claims file.

    Each claim plans fresh seeds, which registration draws, and carries the digest of the numbers
    that it was made from.

    Parameters
    ----------
    setting
        The name that evidence of it has.
    words
        How new results are named on a command line.
    seeds
        How many seeds are planned; default: as many as there were.
    """
    if comparison.report is None:
        raise FaevalError(
            "--save writes a claim, and a claim has a margin: add --by and --because."
        )
    reading = comparison.reading
    names = _Names()
    arms = {arm: names.of(arm.label or "defaults") for c in comparison.claims for arm in c.arms()}
    lines = [_heading(reading, setting, words), "", "import faeval as fe", ""]
    lines += [f"{name} = {_spelt(arm)}" for arm, name in arms.items()]
    for claim, verdict in zip(comparison.claims, comparison.verdicts, strict=True):
        count = seeds or max(verdict.n, 2)
        lines += ["", *_claim_lines(claim, arms, names, count, _digest(claim, reading))]
    return "\n".join(lines) + "\n"


def _digest(claim: Claim, reading: Reading) -> str:
    return numbers_digest(claim, reading.table)


def starting_source(reading: Reading, setting: str) -> str:
    """Return a claims file to be filled in: arms and metrics as they were read, and one claim."""
    names = _Names()
    labels = reading.table["arm"].unique().tolist()
    arms = {Arm.parse(label): names.of(label or "defaults") for label in labels[:20]}
    metric = reading.metrics[0]
    first, second = [*arms.values(), *arms.values()][:2]
    lines = [_heading(reading, setting), "", "import faeval as fe", ""]
    lines += [f"{name} = {_spelt(arm)}" for arm, name in arms.items()]
    lines += [
        "",
        "# Fill in which arm should be higher, the smallest difference that matters, and why.",
        "MARGIN = None",
        'BECAUSE = ""',
        "",
        f"{names.of(f'{first} above {second}')} = fe.Claim(",
        f"    {_quoted(f'{first} is above {second} in {metric}')},",
        "    fe.exceeds(",
        f"        fe.metric({_quoted(metric)}, {first}),",
        f"        fe.metric({_quoted(metric)}, {second}),",
        "        by=fe.Margin(MARGIN, BECAUSE),",
        "    ),",
        *_plan_lines(reading, list(arms), metric),
        ")",
    ]
    return "\n".join(lines) + "\n"


def _plan_lines(reading: Reading, arms: Sequence[Arm], metric: str) -> list[str]:
    """Return the plan of fresh seeds, and the digest of the numbers of the first two arms."""
    if len(arms) < 2:
        return ['    seeds="drawn:5",']
    a, b = (metric_of(metric, arm) for arm in arms[:2])
    claim = Claim("a digest", exceeds(a, b, by=Margin(0, "a digest has no margin")))
    count = reading.table["seed"].nunique()
    return [f'    seeds="drawn:{count}",', f'    made_from="{_digest(claim, reading)}",']


def _heading(reading: Reading, setting: str, words: Sequence[str] = ("NEW",)) -> str:
    command = spelled(
        "faeval", "evidence", "import", *words, "evidence.csv", "--setting", setting,
        *reading.options,
    )  # fmt: skip
    return (
        f'"""Claims about {_plain(setting)}, from results that existed before them.\n\n'
        "Register them before new runs (faeval lock THIS_FILE), run the seeds that the plan names,"
        "\nand read the new results in the same way:\n\n"
        f"    {_plain(command)}\n"
        "    faeval verify THIS_FILE --evidence evidence.csv\n"
        '"""'
    )


def _plain(text: str) -> str:
    """Return text that ends no docstring and escapes nothing in it."""
    return text.replace("\\", "/").replace('"""', "'''")


class _Names:
    """Names for variables, each once."""

    def __init__(self) -> None:
        self._taken = {"fe", "MARGIN", "BECAUSE"}

    def of(self, text: str) -> str:
        """Return a name like a text that no other has."""
        name = re.sub(r"\W+", "_", text).strip("_").lower() or "arm"
        name = f"arm_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name
        base, number = name[:60], 1
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name


def _spelt(arm: Arm) -> str:
    factors = dict(arm)
    rule = factors.pop("rule", None)
    parts = [_quoted(rule)] if rule is not None else []
    return f"fe.Arm({', '.join([*parts, *(f'{n}={_quoted(v)}' for n, v in factors.items())])})"


def _quoted(value: Any) -> str:
    """Return a value as Python spells it, texts in double quotes."""
    if not isinstance(value, str):
        return repr(value)
    try:
        return json.dumps(value, ensure_ascii=not value.isprintable())
    except ValueError:
        return repr(value)


def _claim_lines(
    claim: Claim, arms: Mapping[Arm, str], names: _Names, seeds: int, digest: str
) -> Iterable[str]:
    (assertion,) = claim.asserted
    sides = [_side(side, arms) for side in (assertion.a, assertion.b)]
    word = _MAKERS.get(assertion.kind, "by")
    more = "" if assertion.paired else ", paired=False"
    yield f"{names.of(claim.sentence)} = fe.Claim("
    yield f"    {_quoted(claim.sentence)},"
    yield f"    fe.{assertion.kind}("
    yield f"        {sides[0]},"
    yield f"        {sides[1]},"
    yield f"        {word}={_margin(assertion.margin)}{more},"
    yield "    ),"
    if claim.attributed_to:
        yield f"    attributed_to={_one(claim.attributed_to)},"
    yield f'    seeds="drawn:{seeds}",'
    yield f'    made_from="{digest}",'
    yield ")"


def _one(factors: Sequence[str]) -> Any:
    return _quoted(factors[0]) if len(factors) == 1 else repr(tuple(factors))


def _side(side: Any, arms: Mapping[Arm, str]) -> str:
    if not side.terms:
        return repr(side.constant)
    (reading,) = side.reads()
    outcome = ', outcome="rate"' if getattr(reading, "outcome", None) == "rate" else ""
    return f"fe.metric({_quoted(reading.metric)}, {arms[reading.arm]}{outcome})"


def _margin(margin: Margin | Ratio) -> str:
    if isinstance(margin, Ratio):
        return f"fe.Ratio({margin.factor!r}, {_quoted(margin.because)})"
    return f"fe.Margin({margin.value!r}, {_quoted(margin.because)})"
