"""Figures of a report: strips and contrasts in pages, and figures for papers by matplotlib."""

from __future__ import annotations

from faeval.reports.figures._drawing import render

__all__ = ["render"]
