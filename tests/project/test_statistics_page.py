"""docs/statistics.md: its tables are the shipped figures, its example runs, and its prose quotes no figure of its own.

python tests/project/test_statistics_page.py --write     # writes tables and output into the page again
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path

from faeval import stats
from faeval.calibration import shipped
from faeval.calibration._report import Look, both_directions, markdown, short
from faeval.stats import detectable_effect

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
SEEDS = (3, 4, 5, 6, 8, 10, 20)


def tables() -> dict[str, str]:
    cells = shipped()
    look = Look(cells)

    def families() -> str:
        rows = []
        for m, members, r in (
            (1, "exceeds", 0),
            (5, "mixed kinds", 0),
            (5, "mixed kinds", 0.5),
            (20, "mixed kinds", 0),
            (20, "mixed kinds", 0.95),
        ):
            detail = f"{m} claims, {members}, correlation {r:g}"
            what = "one claim" if m == 1 else f"{m} claims of mixed kinds, differences correlated by {r:g}"
            rates = [
                look("families", "t", "normal", 5, f"any wrong {w}", detail)
                for w in ("support", "refutation", "verdict")
            ]
            rows.append((what, *rates))
        return markdown(("n = 5", "any wrong support", "any wrong refutation", "any wrong verdict"), rows)

    def rivals() -> str:
        rules = ("t", "z", "percentile bootstrap", "BCa bootstrap")
        laws = ("normal", "lognormal", "paired lognormal arms")
        rows = [
            (law, str(n), *(look("size", rule, law, n, "two_sided") for rule in rules))
            for law in laws
            for n in (3, 5, 10)
        ]
        return markdown(("law", "n", *rules), rows)

    def pooling() -> str:
        rows = [
            (
                f"{k} rows a seed, {icc:g} of the variance between seeds",
                *(
                    " / ".join(
                        look("pooling", rule, "normal", n, "two_sided", f"{k} rows, ICC {icc:g}")
                        for rule in ("t over rows", "t on seed means")
                    )
                    for n in (3, 5, 10)
                ),
            )
            for k, icc in ((4, 0.1), (4, 0.6), (10, 0.3), (100, 0.1), (100, 0.6))
        ]
        return markdown(("over rows / on seed means", "3 seeds", "5 seeds", "10 seeds"), rows)

    stopping = [(str(c.n), short(c.rate)) for c in cells if c.table == "stopping" and c.rule.startswith("t after")]
    looks = [
        (c.rule, short(c.rate)) for c in cells if c.table == "stopping" and c.rule.startswith("looks at 5, 10, 20")
    ]
    return {
        "families": families(),
        "t": both_directions(look, "t"),
        "rivals": rivals(),
        "detectable": markdown(
            ("seeds", *map(str, SEEDS)),
            [("s.d. beyond the margin", *(f"{detectable_effect(n, 0.05):.2f}" for n in SEEDS))],
        ),
        "stopping": markdown(("after each seed, up to", "ever decided"), [*stopping, *looks]),
        "pooling": pooling(),
        "fragile": markdown(("seeds", "fragile"), [(str(c.n), short(c.rate)) for c in cells if c.table == "fragile"]),
    }


def example(text: str) -> str:
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code.group(1), "docs/statistics.md", "exec"), {})
    return printed.getvalue()


def fresh(text: str) -> str:
    """Return the page with its tables and output written again."""
    for name, table in tables().items():
        pattern = rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)"
        assert len(re.findall(pattern, text, re.DOTALL)) == 1, name
        text = re.sub(pattern, lambda m, t=table: m[1] + t + m[2], text, flags=re.DOTALL)
    output = example(text)
    return re.sub(r"(<!-- output -->\n```\n).*?(```)", lambda m: m[1] + output + m[2], text, flags=re.DOTALL)


def test_tables_and_output_are_what_the_shipped_figures_give() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert fresh(text) == text


def test_the_prose_quotes_no_figure_that_nothing_checks() -> None:
    prose = re.sub(r"<!-- figures.*?<!-- end -->|```.*?```", "", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    chosen = {".050", "80 %", "2310.03722"}  # levels, the power asked for, a reference: chosen, not measured
    found = set(re.findall(r"\d*\.\d+|\d+ %", prose))
    assert found <= chosen, found - chosen


def test_names_of_the_page_exist() -> None:
    named = set(re.findall(r"`stats\.(\w+)", PAGE.read_text(encoding="utf-8")))
    assert named <= set(stats.__all__)


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(fresh(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
