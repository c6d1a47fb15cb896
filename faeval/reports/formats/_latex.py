r"""LaTeX: a table of verdicts for a paper, as a fragment for ``\input``.

It needs the package booktabs.

One claim is one line, which ends in ``% claim: ID``. Numbers are written as everywhere, with their
signs in mathematics: ``−0.13`` as ``$-0.13$``, ``4.1e8`` as ``$4.1\times10^{8}$``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from faeval._safe_text import clean
from faeval.reports.data._report import Report
from faeval.reports.views._report import view
from faeval.reports.views._types import ClaimView, View
from faeval.reports.words._escape import CELL, clip, latex
from faeval.reports.words._terms import GLOSSARY

#: Lines that a page holds, and characters of a sentence that fill one: more claims go into another
#: table.
_LINES, _WIDE, _NARROW = 38, 30, 14
_NUMBER = re.compile(r"(−?(?:∞|\d+(?:\.\d+)?(?:e−?\d+)?))")
_WIDTHS = (0.32, 0.17, 0.27, 0.11)


def table(report: Report) -> str:
    """Return one table a page of claims, so that none is cut off at the foot of it."""
    contents = view(report)
    pages = list(_pages([_row(claim) for claim in contents.claims]))
    tables = "\n".join(_table(contents, page, i, len(pages)) for i, page in enumerate(pages, 1))
    return (
        "% Made by faeval. Needs \\usepackage{booktabs}; include it with \\input{table}.\n" + tables
    )


def _pages(rows: list[tuple[str, int]]) -> Iterator[list[str]]:
    page: list[str] = []
    room = _LINES
    for row, lines in rows:
        if page and lines > room:
            yield page
            page, room = [], _LINES
        page.append(row)
        room -= lines
    yield page


def _table(shown: View, rows: list[str], page: int, pages: int) -> str:
    columns = "".join(rf"p{{{width}\linewidth}}" for width in _WIDTHS)
    head = ("Claim", "Verdict", "Estimate, interval", "Margin", "Seeds")
    label = re.sub(r"[^a-z0-9]+", "-", shown.setting[:CELL].lower()).strip("-")
    return "\n".join(
        [
            r"\begin{table}[p]" if pages > 1 else r"\begin{table}[tbp]",
            r"\footnotesize\setlength{\tabcolsep}{3pt}\binoppenalty=10000",
            rf"\caption{{{_caption(shown, page, pages)}}}",
            r"\vspace{4pt}",
            rf"\label{{tab:faeval-{label}{f'-{page}' if pages > 1 else ''}}}",
            rf"\begin{{tabular}}{{@{{}}{columns}r@{{}}}}",
            r"\toprule",
            " & ".join(head) + r" \\",
            r"\midrule",
            *(rows or [r"\multicolumn{5}{@{}l@{}}{No claims were selected.} \\"]),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            *([r"\clearpage"] if pages > 1 else []),
            "",
        ]
    )


def _caption(shown: View, page: int, pages: int) -> str:
    tallies = ", ".join(tally.text for tally in shown.tallies)
    part = f", part {page} of {pages}" if pages > 1 else ""
    caption = f"Verdicts on {clip(shown.setting, CELL)}{part}{': ' if tallies else ''}{tallies}."
    if page == 1:
        terms = (GLOSSARY[term] for term in ("estimate", "interval", "margin"))
        meanings = (f"{term}: {text[:1].lower()}{text[1:]}" for term, text in terms)
        caption = " ".join([caption, *meanings])
    return latex(caption)


def _row(claim: ClaimView) -> tuple[str, int]:
    """Return a row, and how many lines it takes at most."""
    sentence = clip(claim.sentence, CELL)
    verdict = clip(claim.word + claim.qualified, CELL)
    values = [clip(part.told, CELL) for part in claim.parts]
    margins = [clip(part.claimed, CELL) for part in claim.parts]
    cells = (
        latex(sentence),
        latex(verdict),
        r"\newline ".join(map(_numbers, values)) or "none",
        r"\newline ".join(map(_numbers, margins)),
    )
    row = " & ".join(rf"\raggedright {cell}" for cell in cells)
    lines = max(
        len(cells[0]) // _WIDE + 1,
        len(cells[1]) // _NARROW + 1,
        sum(len(value) // 24 + 1 for value in values),
        len(margins),
    )
    return rf"{row} & {claim.n} \\[2pt] % claim: {clean(claim.claim[: 4 * CELL])}", lines


def _numbers(text: str) -> str:
    """Set a text with its signs and powers of ten in mathematics.

    An interval without powers of ten stays in one line.
    """
    pieces = _NUMBER.split(text)
    cell = "".join(_number(piece) if i % 2 else latex(piece) for i, piece in enumerate(pieces))
    cell = cell.replace("{[}", "[").replace("{]}", "]")
    return cell if r"\times" in cell else cell.replace(", ", ",~")


def _number(text: str) -> str:
    if not set(text) & set("−∞e"):
        return text
    digits, _, power = text.replace("−", "-").replace("∞", r"\infty").partition("e")
    return rf"${digits}\times10^{{{power}}}$" if power else f"${digits}$"
