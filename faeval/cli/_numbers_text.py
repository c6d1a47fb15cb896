"""What was found of printed numbers, as text for a terminal and as a Markdown page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faeval._safe_text import clean


def label_of(fields: Mapping[str, Any]) -> str:
    """What is printed, in short."""

    def spread(mean: str, spread: str) -> str:
        return " ± ".join(str(fields[key]) for key in (mean, spread) if key in fields)

    df = fields.get("df", [])
    df = f"({', '.join([df] if isinstance(df, str) else df)})" if df else ""
    parts = [
        spread("mean", "spread"),
        f"against {spread('mean2', 'spread2')}" if "mean2" in fields else "",
        f"[{', '.join(fields['ci'])}]" if "ci" in fields else "",
        *(_statistic(key, fields, df) for key in ("t", "f", "z", "chi2", "r")),
        _p_value(fields["p"]) if "p" in fields else "",
        *(_comparison(key, fields) for key in ("ratio", "difference", "percent")),
        f"n = {fields['n']}" if "n" in fields else "",
    ]
    return ", ".join(filter(None, parts))


def _statistic(key: str, fields: Mapping[str, Any], df: str) -> str:
    return f"{key}{'' if key == 'z' else df} = {fields[key]}" if key in fields else ""


def _p_value(p: str) -> str:
    return f"p {p}" if p.strip()[:1] in "<>≤≥" else f"p = {p}"


def _comparison(key: str, fields: Mapping[str, Any]) -> str:
    if key not in fields:
        return ""
    return f"{key} {fields[key]} of {fields.get('of')} to {fields.get('to')}"


def as_text(content: Mapping[str, Any], told: Sequence[bool]) -> str:
    """The result as text: a line for each statement, one for each finding, one for all."""
    lines = []
    for row, expected in zip((*content["statements"], *content["spreads"]), told, strict=True):
        title = (
            (row["name"] or label_of(row["printed"]) or "a statement")
            if "name" in row
            else _spreads_of(row)
        )
        note = "" if row["as_expected"] or not expected else f" (expected: {row['expected']})"
        lines.append(clean(f"{title}: {row['outcome']}{note}"))
        lines += [
            clean(f"  {f['check']}: {f['outcome']}. {f['reason']}").replace(" ", "  ", 1)
            for f in row["findings"]
        ]
    return "\n".join([*lines, _counts_text(content), ""])


def _spreads_of(row: Mapping[str, Any]) -> str:
    return f"spreads of {row['source']}" + (
        f", declared as {row['spread_is']}" if row["spread_is"] else ""
    )


def _counts_text(content: Mapping[str, Any]) -> str:
    rows = [*content["statements"], *content["spreads"]]
    words = [row["outcome"] for row in rows]
    counts = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
    wrong = sum(not row["as_expected"] for row in rows)
    return f"{len(rows)} checked: {', '.join(counts)}; {wrong or 'none'} otherwise than expected."


def as_markdown(content: Mapping[str, Any]) -> str:
    """The report: what was looked at, and what each check says."""
    from faeval.reports.words._escape import markdown

    lines = ["# Printed numbers, checked", "", _counts_text(content), ""]
    lines += ["| statement | printed | outcome | expected |", "|---|---|---|---|"]
    for row in content["statements"]:
        cells = (row["name"], label_of(row["printed"]), row["outcome"], row["expected"])
        lines.append(f"| {' | '.join(map(markdown, cells))} |")
    for row in content["spreads"]:
        lines.append(f"| {markdown(_spreads_of(row))} | | {row['outcome']} | {row['expected']} |")
    for row in content["statements"]:
        lines += ["", f"## {markdown(row['name'] or label_of(row['printed']))}", ""]
        lines += [f"Printed in: {markdown(row['source'])}.", ""] if row["source"] else []
        lines += [
            f"- {key}: {markdown(_value_text(value))}" for key, value in row["printed"].items()
        ]
        lines += ["", *_finding_lines(row)]
        lines += ["", markdown(row["note"])] if row["note"] else []
    for row in content["spreads"]:
        lines += [
            "",
            f"## {markdown(_spreads_of(row)).replace('spreads', 'Spreads', 1)}",
            "",
            *_finding_lines(row),
        ]
    return "\n".join([*lines, ""])


def _finding_lines(row: Mapping[str, Any]) -> list[str]:
    from faeval.reports.words._escape import markdown

    lines = [
        f"- **{f['check']}, {f['outcome']}**: {markdown(f['reason'])}" for f in row["findings"]
    ]
    for finding in row["findings"]:
        bounds = [a for a in finding["allowed"] if a["low"]]
        if len(bounds) > 1:
            lines += ["", f"| {finding['check']} | from | to | |", "|---|---|---|---|"]
            lines += [
                f"| {markdown(a['reading'])} | {a['low']} | {a['high']} |"
                f" {'gives it' if a['matches'] else ''} |"
                for a in bounds
            ]
    return lines


def _value_text(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {number}" for name, number in value.items())
    if isinstance(value, list):
        return (
            "; ".join(map(_value_text, value))
            if any(isinstance(v, list) for v in value)
            else ", ".join(map(str, value))
        )
    return str(value)
