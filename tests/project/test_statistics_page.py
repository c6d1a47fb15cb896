"""docs/statistics.md: every number in it is recomputed, from the shipped figures or by
faeval.stats.

python tests/project/test_statistics_page.py --write     # writes numbers, tables and the example's
output into the page
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import pytest

from faeval import calibration, stats
from faeval.calibration import ARMS, Cell
from faeval.calibration._arms import SPREADS
from faeval.calibration._language_page import SECTIONS
from faeval.calibration._markdown import Look, markdown, short
from faeval.calibration._report import both_directions, by_seeds, pooled, stopped

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "statistics.md"
ALPHA = 0.05
FAMILY = 8

#: How a number is written in a phrase: a count, or a rate without its leading zero.
NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)"
TABLE = re.compile(r"(<!-- figures: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


class Figures:
    """What the page's numbers are taken from."""

    @cached_property
    def cells(self) -> list[Cell]:
        return calibration.shipped()

    @cached_property
    def look(self) -> Look:
        return Look(self.cells)

    def size(self, rule: str, law: str, n: int, measure: str) -> str:
        return self.look("size", rule, law, n, measure)

    def both(self, rule: str, law: str, n: int) -> tuple[str, str]:
        return self.size(rule, law, n, "wrong_support"), self.size(rule, law, n, "wrong_refute")

    def verdict(self, effect: str, word: str) -> str:
        return self.look("verdicts", "t", "normal", 5, word, f"exceeds, effect {effect} margins")

    def worst_family(self) -> tuple[str, ...]:
        measured = [c for c in self.cells if c.table == "families"]
        words = ("support", "refutation", "verdict")
        most = (max(c.rate for c in measured if c.measure == f"any wrong {w}") for w in words)
        return *map(short, most), f"{max(c.error for c in measured):.4f}".removeprefix("0")


FIGURES = Figures()


# --- tables ---


def only(table: str, *starts: str) -> str:
    """A table's head and the rows whose first columns begin so, in the order of the table."""
    head, rule, *rows = table.splitlines()
    kept = [row for row in rows if row.startswith(tuple(f"| {start} |" for start in starts))]
    assert len(kept) == len(starts), (starts, kept)
    return "\n".join([head, rule, *kept]) + "\n"


def errors() -> str:
    laws = ("normal", "t3", "bimodal", "lognormal", "collapse", "lognormal arm, tight arm")
    return only(
        both_directions(FIGURES.look, "t", (3, 4, 5, 10, 20)),
        *laws,
        "paired lognormal arms",
        "paired collapsing arms",
    )


def unpaired() -> str:
    return both_directions(
        FIGURES.look, "welch", (3, 4, 5, 10, 20), table="unpaired", laws=tuple(ARMS)
    )


def alternatives() -> str:
    assumes = {
        "t": "near-normal differences",
        "sign-flip": "symmetric differences",
        "sign": "any continuous law",
    }
    rows = []
    for test, what in assumes.items():
        firsts = [
            next(n for n in range(2, 30) if stats.attainable_p(test, n) <= ALPHA / m)
            for m in (1, FAMILY)
        ]
        needed = [
            stats.seeds_for("exceeds", 0.0, effect, 1.0, ALPHA, test=test)
            for effect in (1.0, 1.5, 2.0)
        ]
        rows.append((f"`{test}`", what, *map(str, (*firsts, *needed))))
    head = ("test", "assumes", "can decide from n =", f"in a family of {FAMILY}")
    return markdown((*head, *(f"80 % power at {e} s.d." for e in ("1", "1.5", "2"))), rows)


def rivals() -> str:
    ns = (3, 5, 10, 20)
    alone = ("t", "z", "percentile bootstrap", "BCa bootstrap")
    arms = ("Welch", "percentile bootstrap, two samples", "ASO, threshold .5", "ASO, threshold .2")
    said = {a: f"two arms: {a.removesuffix(', two samples')}" for a in arms}
    first = by_seeds(
        FIGURES.look, "size", [(r, r, "normal", "two_sided") for r in alone], ns, "rule"
    )
    second = by_seeds(
        FIGURES.look,
        "two_samples",
        [(said[r], r, "normal", "wrong_support") for r in arms],
        ns,
        "rule",
    )
    return first + "".join(second.splitlines(keepends=True)[2:])


def few() -> str:
    head = (
        "n",
        "detectable",
        f"in a family of {FAMILY}",
        "power at 1 s.d.",
        "power at 2 s.d.",
        "upper s.d.",
    )
    rows = [
        (
            str(n),
            *(f"{stats.detectable_effect(n, ALPHA / m):.2f}" for m in (1, FAMILY)),
            *(short(stats.power(effect, 1.0, n, ALPHA)) for effect in (1.0, 2.0)),
            f"{stats.sd_upper(1.0, n):.2f}",
            short(stats.unseen_failure_bound(n)),
        )
        for n in (3, 4, 5, 6, 8, 10, 20)
    ]
    return markdown((*head, "unseen failures"), rows)


def stopping() -> str:
    each = [f"t after each seed from 3 | two-sided | {n}" for n in (5, 10, 20)]
    looks = [f"looks at 5, 10, 20, {p} p | one-sided | 20" for p in ("plain", "sequential")]
    return only(stopped(FIGURES.cells), *each, *looks)


def pooling() -> str:
    return only(
        pooled(FIGURES.look),
        *(f"{k} rows a seed, ICC {icc}" for icc in (0.1, 0.6) for k in (4, 10, 100)),
    )


def language(layout: Callable[[Look], str]) -> Callable[[], str]:
    """A table of the wider language, as the report has it."""
    return lambda: layout(FIGURES.look)


TABLES: dict[str, Callable[[], str]] = {
    f.__name__: f for f in (errors, alternatives, unpaired, rivals, few, stopping, pooling)
} | {name: language(layout) for name, (_, _, layout) in SECTIONS.items()}


# --- phrases ---


def pilot() -> tuple[int | None, ...]:
    """Seeds that an effect of one estimated standard deviation takes, by the estimate and by its
    bound.
    """
    return tuple(stats.seeds_needed(1.0, sd, ALPHA) for sd in (1.0, stats.sd_upper(1.0, 5)))


def level(*looks: int) -> str:
    return f"{stats.nominal_level(ALPHA, looks):.4f}".removeprefix("0")


def other_shapes() -> str:
    """The largest rate of wrong refutations of spreads where the arms have unlike shapes."""
    rates = [
        c.rate
        for c in FIGURES.cells
        if (c.table, c.rule, c.measure) == ("spreads", "spread", "wrong_refute")
        and not SPREADS[c.law].shape
    ]
    return short(max(rates))


def on_average(rule: str) -> str:
    return FIGURES.look("selection", rule, "normal", 5, "supported", "each by 1 s.d.")


#: Phrases of the page, and the numbers that stand in their places.
PHRASES: dict[str, Callable[[], tuple[object, ...]]] = {
    "a true effect of two margins is supported with a chance of {}": lambda: (
        FIGURES.verdict("2", "supported"),
    ),
    "a true effect of zero is refuted with a chance of {}": lambda: (
        FIGURES.verdict("0", "refuted"),
    ),
    "Without that factor three assertions on their margins are refuted at a rate of {} at 5 "
    "seeds; with it, at {}": lambda: tuple(
        FIGURES.look("assertions", rule, "normal", 5, "wrong_refute", "3 assertions")
        for rule in ("t, without the factor k", "t")
    ),
    "any wrong support came at a rate of at most {}, any wrong refutation at {}, either of "
    "them at {} (Monte-Carlo standard error at most {})": (FIGURES.worst_family),
    "at n = 5 lognormal differences give {}, and {} wrong supports": lambda: FIGURES.both(
        "t", "lognormal", 5
    )[::-1],
    "Runs that collapse give wrong supports: {} at n = 5": lambda: FIGURES.both("t", "collapse", 5)[
        :1
    ],
    "`below` with a first side that collapses is wrongly refuted at {}": lambda: tuple(
        short(e.wrong_refutation)
        for e in stats.measured_errors("t", 5, "below")
        if e.law == "collapse"
    ),
    "at 5 seeds up to {} % with 95 % confidence": lambda: (
        f"{100 * stats.unseen_failure_bound(5):.0f}",
    ),
    "None of 5 seeds shows a collapse that strikes one seed in five with a chance of {}": lambda: (
        short(0.8**5),
    ),
    "Two clusters of equal weight err at n = 3 and 4: wrong supports {} and {}. At n = 5 "
    "they are at {}": lambda: tuple(
        FIGURES.size("t", "bimodal", n, "wrong_support") for n in (3, 4, 5)
    ),
    "(lognormal arms, n = 5: {} / {})": lambda: FIGURES.both("t", "paired lognormal arms", 5),
    "After a pilot of 5 seeds, an effect of one estimated standard deviation takes {} seeds "
    "by the estimate and {} by the bound": (pilot),
    "with looks at 5 and 10 seeds {} in place of .05, at 5, 10 and 20 seeds {}": lambda: (
        level(5, 10),
        level(5, 10, 20),
    ),
    "a verdict supports wrongly at rates of {}, {}, {} and {} at n = 3, 5, 10 and 20": lambda: (
        tuple(
            FIGURES.look(
                "items", "t", "normal", n, "wrong_support", "read as a claim about all items"
            )
            for n in (3, 5, 10, 20)
        )
    ),
    "Of right supports at 80 % power, {} are fragile at 5 seeds and {} at 10": lambda: tuple(
        short(stats.fragile_rate(n) or 0.0) for n in (5, 10)
    ),
    "wrong refutations come at up to {} there": lambda: (other_shapes(),),
    "it is supported at 5 seeds at a rate of {}, and as ten assertions at {}": lambda: tuple(
        map(on_average, ("average of ten", "ten assertions"))
    ),
    "Within 50 seeds it did at a rate of {}": lambda: (
        FIGURES.look(
            "stopping", "e-value, prior variance 1", "normal", 50, "ever decided", "anytime"
        ),
    ),
}

#: Numbers that were chosen, not found: each as it stands in the page.
CHOSEN = (
    r"\((?:[A-Z][\w', ]+ )?(?:19|20)\d\d\)",  # years of works
    r"arXiv 2310\.03722",
    r"alpha = \.05",
    r"p = 1\b",
    r"nominal \.05\b",
    r"at most \.05\b",
    r"reaches 20\b",
    r"seed 1 of\b",
    r"at least 3 of them",
    r"\b90 % quantile",
    r"\b80 % (?:power|bound)",
    r"\b95 % bound",
    r"\bn = \d+",
    r"\b2\^-?n\b",
    r"a margin of 0\b",
    r"\b(?:At|from) 5 seeds",
    r"\bbeyond 20 seeds",
    r"1,024 of them with s\.d\. \.5; seeds with s\.d\. \.02",
    r"more than 4 standard errors",
    r"within 4 machine epsilons of the larger side \(0\.63 - 0\.58 lies above 0\.05 in binary\)",
    r"1 - \.2/k, so that the claim has 80 %",
    r"up to 1, for neither",
    r"\(1 - q\)\^n",
    r"\(1 - \.05\^\(1/5\); not exact for a value read off the data, below 8\s+seeds\)",
    r"warns below 7\b",
    r"values above 0\b",
    r"The factor is 2\b",
    r"are 0 or 1\b",
    r"as numbers, 0 and 1\b",
    r"differences are 0\b",
    r"k - u \+ 1",
    r"has 8 members",
)


def pattern(phrase: str) -> re.Pattern[str]:
    """The phrase as it may be broken over lines, with a group in each place of a number."""
    words = (re.escape(word).replace(r"\{\}", f"({NUMBER})") for word in phrase.split())
    return re.compile(r"\s+".join(words))


def found(phrase: str, text: str) -> re.Match[str]:
    matches = list(pattern(phrase).finditer(text))
    assert len(matches) == 1, f"stands {len(matches)} times in {PAGE.name}, not once: {phrase}"
    return matches[0]


def numbers(phrase: str) -> tuple[str, ...]:
    return tuple(str(v) for v in PHRASES[phrase]())


# --- the page ---


def printed(code: str) -> str:
    """What the example prints, run as a reader would."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, str(PAGE), "exec"), {"__name__": "example"})
    return out.getvalue()


def example(text: str) -> re.Match[str]:
    (block,) = EXAMPLE.finditer(text)
    return block


def replacements(text: str) -> Iterator[tuple[int, int, str]]:
    """What stands where in the page, and what should."""
    for block in TABLE.finditer(text):
        yield *block.span(3), TABLES[block[2]]()
    for phrase in PHRASES:
        match = found(phrase, text)
        for place, value in enumerate(numbers(phrase), 1):
            yield *match.span(place), value
    block = example(text)
    yield *block.span(2), printed(block[1])


def fresh(text: str) -> str:
    """The page with everything recomputed in its place."""
    for start, end, new in sorted(replacements(text), reverse=True):
        text = text[:start] + new + text[end:]
    return text


def prose(text: str) -> str:
    """What is neither table of figures, code, nor list of references."""
    text = TABLE.sub("", text)
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    text, references = text.split("\n## References\n")
    assert "## " not in references
    return text


def unexplained(text: str) -> list[str]:
    """Numbers in running text that are neither recomputed nor chosen, with their context."""
    rest = prose(text)
    for phrase in PHRASES:
        match = found(phrase, rest)
        rest = rest[: match.start()] + " " + rest[match.end() :]
    for chosen in CHOSEN:
        rest = re.sub(chosen.replace(" ", r"\s+"), " ", rest)
    rest = " ".join(rest.split())
    return [rest[max(0, m.start() - 30) : m.end() + 15] for m in re.finditer(r"[\d.]*\d", rest)]


@pytest.fixture(scope="module")
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_page_has_each_table_once_and_no_other(text: str) -> None:
    assert [block[2] for block in TABLE.finditer(text)] == list(TABLES)
    assert text.count("<!-- ") == 2 * len(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_shipped_figures_give(name: str, text: str) -> None:
    (block,) = (b for b in TABLE.finditer(text) if b[2] == name)
    assert block[3] == TABLES[name]()
    assert " - " not in block[3], "not measured"


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_number_in_running_text_is_the_one_recomputed(phrase: str, text: str) -> None:
    assert found(phrase, text).groups() == numbers(phrase)


def test_no_other_number_stands_in_running_text(text: str) -> None:
    assert unexplained(text) == []


@pytest.mark.parametrize(
    "intruder", [" in .123 of cases", " in 12 % of cases", " takes 17 seeds", " of 3.5"]
)
def test_a_number_that_nobody_recomputes_is_found(intruder: str, text: str) -> None:
    where = text.index("\n\n## Few seeds")
    assert len(unexplained(text[:where] + intruder + text[where:])) == 1


def test_the_example_prints_what_the_page_shows(text: str) -> None:
    block = example(text)
    assert printed(block[1]) == block[2]


def test_writing_again_mends_whatever_was_changed_and_nothing_else(text: str) -> None:
    spoiled = text.replace(FIGURES.both("t", "collapse", 5)[0], ".999").replace(
        "at a rate of .", "at a rate of .9"
    )
    assert spoiled != text
    assert fresh(spoiled) == text


def test_what_the_page_names_exists(text: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (PAGE.parent / target).exists(), target
    named = set(re.findall(r"`(\w+)`", text[text.index("| here |") :]))
    assert named <= set(calibration.TABLES) | set(stats.__all__)
    assert {c.table for c in FIGURES.cells} >= named & set(calibration.TABLES)


def test_works_are_cited_as_they_are_listed(text: str) -> None:
    before, listed = text.split("## References")
    works = [" ".join(work.split()) for work in listed.split("\n- ")[1:]]
    year = r"\b(?:19|20)\d\d\b"
    assert sorted(re.findall(year, before)) == sorted(
        y for work in works for y in re.findall(year, work)
    )
    for work in works:
        first = re.match(r"(?:[A-Z]\. )*([\w']+)", work)
        assert first
        assert first[1] in before


# --- what the page says in words ---


def holds(cell: Cell) -> bool:
    return cell.rate <= ALPHA + 4 * max(cell.error, (ALPHA * (1 - ALPHA) / cell.reps) ** 0.5)


def sizes(rule: str, *measures: str) -> list[Cell]:
    return [
        c for c in FIGURES.cells if c.table == "size" and c.rule == rule and c.measure in measures
    ]


def test_t_holds_where_the_page_says_so_and_errs_where_it_says_so() -> None:
    by = {(c.law, c.n, c.measure): c for c in sizes("t", "wrong_support", "wrong_refute")}
    for (law, _, _), cell in by.items():
        if law == "normal" or law.startswith("paired"):
            assert holds(cell), cell
    for n in (3, 4, 5, 10, 20):
        for law, wrong, other in (
            ("lognormal", "wrong_refute", "wrong_support"),
            ("lognormal arm, tight arm", "wrong_refute", "wrong_support"),
            ("collapse", "wrong_support", "wrong_refute"),
        ):
            assert not holds(by[law, n, wrong])
            assert holds(by[law, n, other])
    assert [holds(by["bimodal", n, "wrong_support"]) for n in (3, 4, 5)] == [False, False, True]


def test_declared_tests_hold_where_the_page_says_so() -> None:
    for rule in ("sign-flip", "sign"):
        cells = sizes(rule, "wrong_support", "wrong_refute")
        for cell in cells:
            if rule == "sign" or calibration.LAWS[cell.law].symmetric:
                assert holds(cell), cell
        assert {c.rate for c in cells if c.n < 5} == {0.0}
        assert [stats.attainable_p(rule, n) for n in (3, 5, 20)] == [2**-3, 2**-5, 2**-20]


def test_families_hold_each_direction() -> None:
    for cell in FIGURES.cells:
        if cell.table == "families" and cell.measure != "any wrong verdict":
            assert holds(cell), cell


def test_rivals_err_at_few_seeds() -> None:
    for rule in ("z", "percentile bootstrap", "BCa bootstrap"):
        assert not any(
            holds(c) for c in sizes(rule, "two_sided") if c.law == "normal" and c.n <= 10
        )


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(fresh(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
