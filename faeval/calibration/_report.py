"""The calibration written down: one CSV a table, a page that reads them out, and plots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from faeval._whole_files import replace_file
from faeval.calibration._cells import Cell
from faeval.calibration._language_page import SECTIONS
from faeval.calibration._laws import ARMS, LAWS
from faeval.calibration._markdown import Look, markdown, short
from faeval.calibration._plots import PLOTS
from faeval.calibration._rivals import RIVALS, TWO_SAMPLE
from faeval.calibration._tables import SEEDS, TABLES
from faeval.calibration._verify import as_csv

#: What the package ships, beside faeval.stats, which prints it with verdicts.
SHIPPED = "measured.csv"


def write(cells: Sequence[Cell], folder: Path) -> list[Path]:
    """Write tables, page and plots into a folder; the same figures give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f"{name}.csv": as_csv(c for c in cells if c.table == name) for name in TABLES}
    texts["README.md"] = page(cells)
    texts |= {f"{name}.svg": draw(cells) for name, draw in PLOTS.items()}
    for name, text in texts.items():
        replace_file(folder / name, text.encode())
    return [folder / name for name in texts]


def publish(cells: Sequence[Cell], folder: Path) -> list[Path]:
    """Write the report, and in the package's own repository what the package ships too.

    Return what was written.
    """
    paths, shipped = write(cells, folder), in_repository(folder)
    if shipped is not None:
        replace_file(shipped, as_csv(cells).encode())
        paths.append(shipped)
    return paths


def in_repository(folder: Path) -> Path | None:
    """Return where the package keeps what it ships, if `folder` belongs to its repository.

    `folder` must be reports/calibration there.
    """
    package = Path(__file__).resolve().parents[1]
    home = package.parent / "reports" / "calibration"
    return (
        package / "stats" / SHIPPED
        if folder.resolve() == home and (package.parent / "pyproject.toml").is_file()
        else None
    )


def by_seeds(
    look: Look, table: str, keys: Iterable[tuple[str, str, str, str]], ns: Sequence[int], head: str
) -> str:
    """Lay out one line a (label, rule, law, measure), one column a number of seeds."""
    return markdown(
        (head, *(f"n = {n}" for n in ns)),
        (
            (label, *(look(table, rule, law, n, measure) for n in ns))
            for label, rule, law, measure in keys
        ),
    )


def both_directions(
    look: Look,
    rule: str,
    ns: Sequence[int] = SEEDS,
    table: str = "size",
    laws: Sequence[str] = tuple(LAWS),
) -> str:
    """Lay out wrong support / wrong refutation of a rule on every law."""
    rows = [
        (
            law,
            *(
                " / ".join(look(table, rule, law, n, m) for m in ("wrong_support", "wrong_refute"))
                for n in ns
            ),
        )
        for law in laws
    ]
    return markdown(("law", *(f"n = {n}" for n in ns)), rows)


def two_sided(
    look: Look, laws: Sequence[str] = ("normal", "t3", "bimodal", "lognormal", "collapse")
) -> str:
    """Lay out the two-sided size of rules and rivals."""
    rules = ("t", "z", "wilcoxon", "sign-flip", "sign", "percentile bootstrap", "BCa bootstrap")
    return markdown(
        ("law", "n", *rules),
        (
            (law, str(n), *(look("size", rule, law, n, "two_sided") for rule in rules))
            for law in laws
            for n in SEEDS
        ),
    )


def family_errors(look: Look) -> str:
    """Lay out the chance of any wrong verdict in families."""
    rows = []
    for m, members, r in [
        (1, "exceeds", 0),
        *((m, k, r) for m in (5, 20) for k in ("exceeds", "mixed kinds") for r in (0, 0.5, 0.95)),
    ]:
        detail = f"{m} claims, {members}, correlation {r:g}"
        for n in (3, 5, 10):
            rates = [
                look("families", "t", "normal", n, f"any wrong {w}", detail)
                for w in ("support", "refutation", "verdict")
            ]
            rows.append((detail, str(n), *rates))
    return markdown(
        ("family", "n", "any wrong support", "any wrong refutation", "any wrong verdict"), rows
    )


def three_ways(look: Look) -> str:
    """Lay out the chances of both verdicts by the true effect."""
    rows = [
        (
            f"{e} margins",
            *(
                " / ".join(
                    look("verdicts", "t", "normal", n, w, f"exceeds, effect {e} margins")
                    for w in ("supported", "refuted")
                )
                for n in (3, 5, 10, 20)
            ),
        )
        for e in (0, 1, 2, 3)
    ]
    return markdown(("true effect", "n = 3", "n = 5", "n = 10", "n = 20"), rows)


def pooled(look: Look) -> str:
    """Lay out what rows below the seed do as replicates."""
    rows = [
        (
            f"{k} rows a seed, ICC {icc:g}",
            *(
                " / ".join(
                    look("pooling", rule, "normal", n, "two_sided", f"{k} rows, ICC {icc:g}")
                    for rule in ("t over rows", "t on seed means")
                )
                for n in (3, 5, 10)
            ),
        )
        for icc in (0.0, 0.1, 0.3, 0.6, 0.9)
        for k in (4, 10, 100)
    ]
    return markdown(("rows", "n = 3", "n = 5", "n = 10"), rows)


def stopped(cells: Iterable[Cell]) -> str:
    """Lay out what deciding at the first look that allows it does."""
    return markdown(
        ("rule", "", "seeds at most", "ever decided"),
        ((c.rule, c.detail, str(c.n), short(c.rate)) for c in cells if c.table == "stopping"),
    )


def page(cells: Sequence[Cell]) -> str:
    """Return the page: what was measured, in tables, and how to measure it again."""
    look = Look(cells)
    most = max(c.reps for c in cells)
    worst = max(c.error for c in cells if c.table == "size" and c.rule == "t")
    section: list[tuple[str, str, Callable[[], str]]] = [
        (
            "t: wrong supports / wrong refutations",
            (
                "One claim `exceeds` alone, the true effect on its margin, nominal .050 in each"
                " direction. Skewed differences are not protected, and the direction matters: the"
                " last three laws are differences of exchangeable arms, which are symmetric"
                " whatever the arms are."
            ),
            lambda: both_directions(look, "t"),
        ),
        (
            "Exact sign-flip: the same",
            "Exact for symmetric laws; it cannot decide below 5 seeds.",
            lambda: both_directions(look, "sign-flip"),
        ),
        (
            "Sign test, about the median: the same",
            "Exact for every continuous law; it cannot decide below 5 seeds.",
            lambda: both_directions(look, "sign"),
        ),
        (
            "Two-sided size beside rivals",
            (
                "Nominal .050, both directions together. A rate of 0 below 6 seeds says that a test"
                " cannot reject, not that it is safe."
            ),
            lambda: two_sided(look),
        ),
        (
            "Unpaired arms, welch: wrong supports / wrong refutations",
            (
                "`exceeds` with the true difference of the means on its margin, nominal .050 in"
                " each direction, n seeds in each arm. Arms of one law are exchangeable; skew of"
                " one arm alone, or of unequal spread, is not protected."
            ),
            lambda: both_directions(look, "welch", table="unpaired", laws=tuple(ARMS)),
        ),
        (
            "Two unpaired arms without a difference",
            "How often the first is found better, one-sided, nominal .050.",
            lambda: by_seeds(
                look,
                "two_samples",
                [
                    (f"{rule}, {law}", rule, law, "wrong_support")
                    for rule in TWO_SAMPLE
                    for law in ("normal", "lognormal", "collapse")
                ],
                SEEDS,
                "rule, law",
            ),
        ),
        (
            "Supported / refuted by the true effect",
            "`exceeds` by a margin of one standard deviation of the differences, normal.",
            lambda: three_ways(look),
        ),
        (
            "Families",
            (
                "All claims on their margins, where any verdict is wrong; Holm once per direction."
                " Mixed kinds are exceeds, below, not above, equivalent and not below in turn."
            ),
            lambda: family_errors(look),
        ),
        (
            "Rows below the seed: t over rows / t on seed means",
            "Two-sided, nominal .050, no effect.",
            lambda: pooled(look),
        ),
        ("Deciding as soon as it is allowed", "No effect, nominal .050.", lambda: stopped(cells)),
        (
            "Fragile verdicts",
            "How often a supported claim loses its verdict without some seed, at 80 % power.",
            lambda: markdown(
                ("n", "fragile"), [(str(c.n), short(c.rate)) for c in cells if c.table == "fragile"]
            ),
        ),
        (
            "Evaluation items shared by all seeds",
            (
                "Wrong supports / wrong refutations if a verdict is read as one about other items"
                " too: 1,024 items of s.d. .5, seeds of s.d. .02. More seeds make it worse, since"
                " the items' error does not shrink with them."
            ),
            lambda: markdown(
                ("", *(f"n = {n}" for n in (3, 5, 10, 20))),
                [
                    (
                        "about all items",
                        *(
                            " / ".join(
                                look(
                                    "items", "t", "normal", n, m, "read as a claim about all items"
                                )
                                for m in ("wrong_support", "wrong_refute")
                            )
                            for n in (3, 5, 10, 20)
                        ),
                    )
                ],
            ),
        ),
    ]
    section += [(title, text, partial(table, look)) for title, text, table in SECTIONS.values()]
    head = (
        "# How often the rules err\n\nMade by `faeval calibrate`, which measures every figure here"
        f" again from its seed, to the same bytes. Up to {most:,} replications a figure"
        f" ({', '.join(RIVALS)} and enumerations of a million sign patterns fewer); each figure's"
        " own number and Monte-Carlo standard error stand in the CSV files (at most"
        f" {worst:.4f} for t). `faeval calibrate --quick` measures a share of them on another seed"
        " and fails where one is off by more than 4 errors.\n\n![Size by number of"
        " seeds](size.svg)\n\n![Verdicts by the true"
        " effect](verdicts.svg)\n\n![Families](families.svg)\n\n![Rows below the"
        " seed](pooling.svg)\n"
    )
    return head + "".join(f"\n## {title}\n\n{text}\n\n{table()}" for title, text, table in section)
