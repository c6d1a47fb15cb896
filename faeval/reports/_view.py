"""A report put into words and places, once; every view shows exactly these."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from faeval.claims._verdict import WORDS, Verdict
from faeval.reports import _words as words
from faeval.reports._claims import claim_view
from faeval.reports._layers import controls_view, profile_views
from faeval.reports._provenance import provenance_facts, recompute
from faeval.reports._shown import Tally, View
from faeval.reports._text import anchors

if TYPE_CHECKING:
    from faeval.reports._report import Report


def view(report: Report) -> View:
    """Put a report into words and places."""
    names = anchors(v.claim for v in report.verdicts)
    return View(
        setting=report.setting,
        tallies=tuple(_tallies(report.verdicts)),
        claims=tuple(claim_view(v, a) for v, a in zip(report.verdicts, names, strict=True)),
        profiles=profile_views(report.profiles),
        controls=controls_view(report.controls),
        provenance=tuple(provenance_facts(report)),
        recompute=recompute(report.verdicts),
        glossary=words.GLOSSARY,
    )


def _tallies(verdicts: tuple[Verdict, ...]) -> Iterator[Tally]:
    for word in WORDS:
        here = [v for v in verdicts if v.verdict == word]
        if word != "invalid":
            if here:
                yield Tally(word, words.GLYPHS[word], f"{len(here)} {word}")
            continue
        for standing in ("as registered", "as expected", "broken"):
            count = sum(words.standing(v) == standing for v in here)
            if count:
                how = ", not expected" if standing == "broken" else f" {standing}"
                yield Tally(word, words.GLYPHS[word], f"{count} invalid{how}", standing == "broken")
    drifted = sum(words.standing(v) == "drift" for v in verdicts)
    if drifted:
        yield Tally("drift", "!", f"{drifted} other than expected", True)
