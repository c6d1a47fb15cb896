"""The figures of the wider language in tables, each rule beside what is done by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from faeval.calibration._arms import RATIOS, SPREADS, TYPICAL_RUNS
from faeval.calibration._counted_rates import ANY_RATE, GAPS, UNEQUAL, gap_name
from faeval.calibration._language import CUT, ERRORS, MEMBERS, RARE, TIMES, count_name, percent
from faeval.calibration._markdown import Look, markdown


def _both(look: Look, table: str, rule: str, law: str, n: int, detail: str = "") -> str:
    sides = ("wrong_support", "wrong_refute")
    return " / ".join(look(table, rule, law, n, side, detail) for side in sides)


def _columns(rules: Sequence[tuple[str, Sequence[int]]]) -> list[tuple[str, int]]:
    return [(rule, n) for rule, ns in rules for n in ns]


def _heads(first: str, columns: Sequence[tuple[str, int]]) -> list[str]:
    return [first, *(f"{rule}, n = {n}" for rule, n in columns)]


def spread_errors(look: Look) -> str:
    """Lay out the rule of spreads, and tests of variances."""
    by_hand = ("F test", "Pitman-Morgan", "one s.d. twice the other")
    columns = _columns([("spread", (5, 7, 10)), *((rule, (5,)) for rule in by_hand)])
    rows = [(law, *(_both(look, "spreads", r, law, n) for r, n in columns)) for law in SPREADS]
    return markdown(_heads("arms of equal typical deviation", columns), rows)


def ratio_errors(look: Look) -> str:
    """Lay out both rules of ratios, and ways to read one off."""
    columns = _columns(
        [
            ("t on log ratios", (3, 5, 10)),
            ("t on a less r b", (3, 5, 10)),
            ("t on a over the mean of b", (5,)),
            ("mean ratio, bar of one s.d.", (3,)),
        ]
    )
    rows = [
        (
            law,
            *(
                ""
                if law == TYPICAL_RUNS and rule != "t on log ratios"
                else _both(look, "ratios", rule, law, n)
                for rule, n in columns
            ),
        )
        for law in RATIOS
    ]
    return markdown(_heads("arms", columns), rows)


def rate_errors(look: Look) -> str:
    """Lay out the exact rules of rates, and what t and z do on 0 and 1."""
    designs = {
        "one arm": ("rate", "t on 0 and 1", [ANY_RATE]),
        "pairs": ("paired-rates", "t on 0 and 1", [gap_name(gap) for gap in GAPS]),
        "arms": ("unpaired-rates", "Welch on 0 and 1", [gap_name(gap) for gap in GAPS]),
    }
    rows = [
        (
            f"`{own}`, {law}",
            *(_both(look, "rates", own, law, n) for n in (3, 5, 10, 20)),
            *(_both(look, "rates", t, law, n, design) for n in (5, 10)),
            _both(look, "rates", "Wald z", law, 10, design),
        )
        for design, (own, t, laws) in designs.items()
        for law in laws
    ]
    own_heads = [f"n = {n}" for n in (3, 5, 10, 20)]
    heads = ["rule and true rates", *own_heads, "t, n = 5", "t, n = 10", "Wald z, n = 10"]
    return markdown(heads, rows)


def unequal_errors(look: Look) -> str:
    """Lay out the same where one arm has more seeds than the other."""
    rows = []
    for n, m in UNEQUAL:
        for gap in GAPS:
            law, seeds = gap_name(gap), f"{n} and {m} seeds"
            own = _both(look, "rates", "unpaired-rates", law, n, seeds)
            by_hand = (
                _both(look, "rates", rule, law, n, f"arms, {seeds}")
                for rule in ("Welch on 0 and 1", "Wald z")
            )
            rows.append((f"{law}, {seeds}", own, *by_hand))
    return markdown(("true rates", "`unpaired-rates`", "Welch on 0 and 1", "Wald z"), rows)


def count_errors(look: Look) -> str:
    """Lay out the rule of counts, and two ways to count."""
    ns = (3, 5, 10)
    rows = [
        (
            f"{law}, {detail}",
            *(_both(look, "counts", "at least", law, n, detail) for n in ns),
            look("counts", "at least", law, 5, "bound above the truth", detail),
            *(
                _both(look, "counts", rule, law, 5, detail)
                for rule in ("count of estimates", "count of p up to .05")
            ),
        )
        for law, r in MEMBERS
        for detail in (count_name(u, 8, r) for u in (1, 7, 8))
    ]
    heads = ["members", *(f"at least, n = {n}" for n in ns), "bound too high, n = 5"]
    return markdown([*heads, "count of estimates, n = 5", "count of p up to .05, n = 5"], rows)


def level_errors(look: Look) -> str:
    """Lay out slope and trend over five levels, and a regression over all rows."""
    columns = _columns(
        [("slope", (3, 5, 10)), ("trend", (3, 5, 10)), ("regression over all rows", (5,))]
    )
    rows = [
        (law, *(_both(look, "levels", rule, law, n, "5 levels") for rule, n in columns))
        for law in ERRORS
    ]
    return markdown(_heads("errors", columns), rows)


def censored_errors(look: Look) -> str:
    """Lay out the rule of times that are cut, and the cap taken as a time."""
    columns = _columns([("first", (3, 5, 10)), ("cap as the value", (3, 5, 10))])
    rows = []
    for law in TIMES:
        for share in CUT:
            detail = f"{percent(share)} of the base cut"
            figures = (_both(look, "censored", rule, law, n, detail) for rule, n in columns)
            rows.append((f"{law}, {detail}", *figures))
    return markdown(_heads("times", columns), rows)


def identical_errors(look: Look) -> str:
    """Lay out what equal differences are taken for."""
    ns = (3, 5, 10)
    rules = ("t", "bounded mean", "all equal, so equivalent")
    rows = []
    for law in (f"{percent(share)} of seeds differ" for share in RARE):
        figures = (look("identical", rule, law, n, "wrong_support") for rule in rules for n in ns)
        rows.append((law, *figures))
    return markdown(_heads("seeds", _columns([(rule, ns) for rule in rules])), rows)


def selection_errors(look: Look) -> str:
    """Lay out the best of several settings, by what it was picked on."""
    columns = _columns(
        [("best on the deciding seeds", (3, 5, 10)), ("best on another metric", (3, 5, 10))]
    )
    rows = []
    for detail in (f"of {k} settings" for k in (3, 10, 30)):
        figures = (look("selection", r, "normal", n, "wrong_support", detail) for r, n in columns)
        rows.append((f"best {detail}", *figures))
    return markdown(_heads("baseline without a better", columns), rows)


#: Title, text and layout of the section on each table.
SECTIONS: dict[str, tuple[str, str, Callable[[Look], str]]] = {
    "spreads": (
        "Spread of two arms: wrong supports / wrong refutations",
        (
            "`exceeds` of typical deviations that are equal. The rule assumes that both arms have"
            " one law but for its scale; the last four worlds break that."
        ),
        spread_errors,
    ),
    "ratios": (
        "Ratios: the same",
        (
            "`exceeds` by a factor that is the true one. The worlds of unlike arms break what the"
            " rules assume; equal typical runs are what the rule of logarithms is about."
        ),
        ratio_errors,
    ),
    "rates": (
        "Rates of outcomes that are 0 or 1: the same",
        "Exact: the largest chance over all true rates that are so far apart; nothing is drawn.",
        rate_errors,
    ),
    "unequal": (
        "Rates of arms that have unequal numbers of seeds: the same",
        "Exact, as above.",
        unequal_errors,
    ),
    "counts": (
        "Counts of assertions: the same",
        (
            "`at least` so many of 8 members where one more, or one fewer, would hold; the worst"
            " over how far the other members lie from their margins."
        ),
        count_errors,
    ),
    "levels": (
        "Slope and trend over five levels: the same",
        "No effect; each seed has one number a level.",
        level_errors,
    ),
    "censored": (
        "Times to a threshold that are cut at a cap: the same",
        "`exceeds` by a factor of 2 that is the true one.",
        censored_errors,
    ),
    "identical": (
        "Equal differences: wrong supports",
        "By formula: the mean lies on the margin, because of seeds that were not seen.",
        identical_errors,
    ),
    "selection": (
        "The best of several settings: wrong supports",
        "No setting is better than the baseline.",
        selection_errors,
    ),
}
