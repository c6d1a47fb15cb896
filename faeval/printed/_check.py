"""Whether printed numbers can belong together: means, spreads, p-values, intervals, ratios.

A check says ``inconsistent`` only where no true values behind the printed digits give what is
printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from faeval.printed._comparison import check_comparison
from faeval.printed._finding import CONSISTENT, INCONSISTENT, OPEN, Finding, all_of, one_of
from faeval.printed._mean_and_spread import check_mean, check_spread, multiple_in
from faeval.printed._p_and_interval import check_interval, check_p
from faeval.printed._statement import Numbers, Statement


def check_statement(statement: Statement) -> tuple[Finding, ...]:
    """Check all that a statement gives numbers for.

    Returns
    -------
    tuple of Finding
        In the order count, values, mean, spread, p, interval, ratio, difference, percent. One that
        cannot be said where nothing is printed that another number could be checked against.

    Raises
    ------
    FaevalError
        Where a number cannot be read, or contradicts its kind (a negative spread, a p above 1); it
        names the field.

    Examples
    --------
    >>> values = ("0.094", "0.073", "0.072")
    >>> found = check_statement(Statement(spread="0.011", values=values, spread_is="s.d."))
    >>> found[0].outcome, found[0].readings
    ('consistent', ('s.d. with ddof 0', 'half the range'))
    """
    findings = tuple(_findings(Numbers(statement)))
    return findings or (
        Finding(
            "none", OPEN, "Nothing is printed that another of its numbers could be checked against."
        ),
    )


def check_kinds(spreads: Sequence[tuple[str, Finding]]) -> Finding | None:
    """Whether the spreads of one source can all be of one kind.

    Parameters
    ----------
    spreads
        What a reader knows each spread by, such as "0.080 ± 0.011", and the finding of its check.
        One that no reading gives has been found already, and is left out.

    Returns
    -------
    Finding or None
        None where fewer than two are left.
    """
    pairs = [(label, finding) for label, finding in spreads if finding.kinds]
    if len(pairs) < 2:
        return None
    common = [name for name in pairs[0][1].kinds if all(name in f.kinds for _, f in pairs)]
    if not common:
        each = "; ".join(f"{label} can be {one_of(f.kinds)}" for label, f in pairs)
        return Finding("kinds", INCONSISTENT, f"The spreads are not of one kind: {each}.")
    tied = {name: [label for label, f in pairs if name in f.ties] for name in common}
    notes = [
        f"{name} for {' and '.join(at)} only where roundings were ties"
        for name, at in tied.items()
        if at
    ]
    note = f" ({'; '.join(notes)})" if notes else ""
    return Finding("kinds", CONSISTENT, f"All can be {one_of(common)}{note}.")


def _findings(numbers: Numbers) -> Iterable[Finding]:
    if numbers.rows and numbers.n is not None:
        yield _count(numbers)
    if numbers.rows and numbers.step is not None:
        yield _values(numbers, numbers.step)
    if numbers.mean is not None:
        yield from check_mean(numbers, numbers.mean)
    if numbers.spread is not None:
        yield from check_spread(numbers, numbers.spread)
    if numbers.p is not None:
        yield from check_p(numbers, numbers.p)
    if numbers.s.ci is not None:
        yield from check_interval(numbers, *numbers.s.ci)
    for name in ("ratio", "difference", "percent"):
        number = numbers.read(name, signs=True, suffix="x×%")
        if number is not None:
            yield check_comparison(numbers.s, name, number)


def _count(numbers: Numbers) -> Finding:
    amount = f"{len(numbers.box)} {'rows' if numbers.of_rows else 'values'} are printed"
    if numbers.n == len(numbers.box):
        return Finding("count", CONSISTENT, f"n = {numbers.n}, and {amount}.")
    return Finding("count", INCONSISTENT, f"n = {numbers.n} is claimed, and {amount}.")


def _values(numbers: Numbers, step: Fraction) -> Finding:
    wrong = [v.text for row in numbers.rows for v in row if not multiple_in(v.range, step)]
    if wrong:
        return Finding(
            "values", INCONSISTENT, f"No multiple of {numbers.s.step} rounds to {all_of(wrong)}."
        )
    if all(v.range[1] - v.range[0] >= step for row in numbers.rows for v in row):
        return Finding(
            "values", OPEN, f"Multiples of {numbers.s.step} are closer than the printed digits."
        )
    return Finding("values", CONSISTENT, f"Each value is a multiple of {numbers.s.step}, rounded.")
