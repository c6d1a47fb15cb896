"""How verdicts, codes and numbers are said."""

from __future__ import annotations

from faeval.reports.words import _glossary as glossary, _reasons as reasons, _sentences as sentences
from faeval.reports.words._differences import label_of, sides_of
from faeval.reports.words._escape import CELL, anchors, clip, latex, markdown
from faeval.reports.words._numbers import (
    UNDEFINED,
    Style,
    exact,
    level,
    percent,
    probability,
    read,
    significant,
    style_for,
)

__all__ = [
    "CELL",
    "UNDEFINED",
    "Style",
    "anchors",
    "clip",
    "exact",
    "glossary",
    "label_of",
    "latex",
    "level",
    "markdown",
    "percent",
    "probability",
    "read",
    "reasons",
    "sentences",
    "sides_of",
    "significant",
    "style_for",
]
