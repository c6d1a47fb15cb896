"""Plots of the calibration: deterministic SVG with text as text."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeAlias

from faeval._extras import extra
from faeval.calibration._cells import Cell
from faeval.calibration._tables import SEEDS

_INK, _GRID = "#222222", "#dddddd"
_COLOURS = ("#0b5394", "#38761d", "#674ea7", "#bf9000", "#b45f06", "#990000", "#45818e")


_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "faeval",
    "font.size": 9,
    "font.family": "DejaVu Sans",
}

Draw: TypeAlias = Callable[[Sequence[Cell]], str]


def _in_our_style(draw: Draw) -> Draw:
    """Draw by these settings alone, and leave those of the caller as they are."""

    @wraps(draw)
    def styled(cells: Sequence[Cell]) -> str:
        with extra("plots", "a plot of the calibration"):
            import matplotlib as mpl

        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(_STYLE)
            return draw(cells)

    return styled


def _figure(width: float, height: float, columns: int = 1) -> tuple[Any, Any]:
    """A figure that no display and no clock takes part in."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns, sharey=True, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color=_GRID, linewidth=0.6)
        axis.set_axisbelow(True)
    return figure, axes


def _svg(figure: Any, what: str, columns: int) -> str:
    """Write the figure, with the label of its y axis and one legend below all panels."""
    first = figure.axes[0]
    first.set_ylabel(what)
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": "faeval calibrate"})
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _line(
    axis: Any, x: Sequence[float], y: Sequence[float], colour: str, label: str, **more: Any
) -> None:
    axis.plot(x, y, color=colour, linewidth=1.6, marker="o", markersize=3, label=label, **more)


def _nominal(axis: Any, level: float, text: str) -> None:
    axis.axhline(level, color=_INK, linewidth=0.9, linestyle=(0, (4, 3)), label=text)


@_in_our_style
def size(cells: Sequence[Cell]) -> str:
    """Two-sided size of rules and rivals by number of seeds, on three laws."""
    figure, axes = _figure(9.2, 3.6, 3)
    rates = {
        (c.rule, c.law, c.n): c.rate
        for c in cells
        if c.table == "size" and c.measure == "two_sided"
    }
    rules = ("t", "sign-flip", "sign", "wilcoxon", "z", "percentile bootstrap", "BCa bootstrap")
    for axis, law in zip(axes, ("normal", "lognormal", "paired lognormal arms"), strict=True):
        for rule, colour in zip(rules, _COLOURS, strict=True):
            ns = [n for n in SEEDS if (rule, law, n) in rates]
            dashed = (
                {"linestyle": (0, (2, 1))}
                if rule in ("z", "percentile bootstrap", "BCa bootstrap")
                else {}
            )
            _line(axis, ns, [rates[rule, law, n] for n in ns], colour, rule, **dashed)
        _nominal(axis, 0.05, "nominal")
        axis.set(xscale="log", xticks=SEEDS, xticklabels=map(str, SEEDS), xlabel="seeds", title=law)
        axis.minorticks_off()
    return _svg(figure, "share of wrong rejections, two-sided", columns=4)


@_in_our_style
def verdicts(cells: Sequence[Cell]) -> str:
    """The chance of each verdict by the true effect, at three numbers of seeds."""
    figure, axes = _figure(9.2, 3.2, 3)
    exceeding = [c for c in cells if c.table == "verdicts" and c.detail.startswith("exceeds")]
    colours = {"supported": _COLOURS[0], "refuted": _COLOURS[4], "inconclusive": "#777777"}
    for axis, n in zip(axes, (3, 5, 10), strict=True):
        for word, colour in colours.items():
            points = [
                (float(c.detail.split()[2]), c.rate)
                for c in exceeding
                if c.n == n and c.measure == word
            ]
            axis.plot(
                [x for x, _ in points],
                [y for _, y in points],
                color=colour,
                linewidth=1.6,
                label=word,
            )
        axis.axvline(1.0, color=_INK, linewidth=0.9, linestyle=(0, (4, 3)), label="the margin")
        axis.set(
            title=f"n = {n}", xlabel="true effect, in margins (= s.d.)", ylim=(0, 1), xlim=(-1, 5)
        )
    return _svg(figure, "probability of the verdict", columns=4)


@_in_our_style
def families(cells: Sequence[Cell]) -> str:
    """The chance of any wrong verdict in families, in each direction and in both."""
    figure, axes = _figure(9.2, 3.4, 2)
    rates = {(c.detail, c.measure): c.rate for c in cells if c.table == "families" and c.n == 5}
    for axis, members in zip(axes, ("exceeds", "mixed kinds"), strict=True):
        details = [
            (f"{m}\nr = {r:g}", f"{m} claims, {members if m > 1 else 'exceeds'}, correlation {r:g}")
            for m, r in ((1, 0.0), (5, 0.0), (5, 0.5), (5, 0.95), (20, 0.0), (20, 0.5), (20, 0.95))
        ]
        for i, measure in enumerate(
            ("any wrong support", "any wrong refutation", "any wrong verdict")
        ):
            x = [j + (i - 1) * 0.26 for j in range(len(details))]
            axis.bar(
                x,
                [rates.get((d, measure), 0.0) for _, d in details],
                0.24,
                color=_COLOURS[i],
                label=measure,
            )
        _nominal(axis, 0.05, "nominal, in each direction")
        axis.set_xticks(range(len(details)), [label for label, _ in details])
        axis.set(title=members, xlabel="claims in the family, correlation of their differences")
    return _svg(figure, "probability, n = 5", columns=4)


@_in_our_style
def pooling(cells: Sequence[Cell]) -> str:
    """A t test over rows below the seed, by the correlation of rows of one seed."""
    figure, axes = _figure(9.2, 3.2, 3)
    rates = {(c.rule, c.n, c.detail): c.rate for c in cells if c.table == "pooling"}
    shares = (0.0, 0.1, 0.3, 0.6, 0.9)
    for axis, n in zip(axes, (3, 5, 10), strict=True):
        for k, colour in zip((4, 10, 100), (_COLOURS[3], _COLOURS[4], _COLOURS[5]), strict=True):
            y = [
                rates.get(("t over rows", n, f"{k} rows, ICC {icc:g}"), float("nan"))
                for icc in shares
            ]
            _line(axis, shares, y, colour, f"t over {k} rows a seed")
        y = [
            rates.get(("t on seed means", n, f"10 rows, ICC {icc:g}"), float("nan"))
            for icc in shares
        ]
        _line(axis, shares, y, _COLOURS[0], "t on seed means")
        _nominal(axis, 0.05, "nominal")
        axis.set(title=f"{n} seeds", xlabel="correlation of rows of one seed (ICC)", ylim=(0, 1))
    return _svg(figure, "share of wrong rejections, two-sided", columns=5)


PLOTS: dict[str, Draw] = {f.__name__: f for f in (size, verdicts, families, pooling)}
