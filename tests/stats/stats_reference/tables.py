"""Exact tests of two rates by brute force: loops, and likelihoods maximised by number."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize_scalar


def tables_of(paired, n, m):
    """Each table: pairs with a alone and with b alone, else the ones of either arm."""
    last = range(n + 1) if paired else range(m + 1)
    return [(i, j) for i in range(n + 1) for j in last if not paired or i + j <= n]


def outcomes_of(paired, n, m, tables):
    """Outcomes of both sides that have each table, shapes (tables, n) and (tables, m)."""
    a, b = [], []
    for i, j in tables:
        rest = [0.0] * (n - i - j)
        a.append([1.0] * i + [0.0] * j + rest if paired else [1.0] * i + [0.0] * (n - i))
        b.append([0.0] * i + [1.0] * j + rest if paired else [1.0] * j + [0.0] * (m - j))
    return np.array(a), np.array(b)


def cells(paired, n, m, table, d, rate):
    """Counts and chances of what may come out, at a rate of b (of b alone in pairs)."""
    i, j = table
    if paired:
        return [(i, rate + d), (j, rate), (n - i - j, 1 - d - 2 * rate)]
    return [(i, rate + d), (n - i, 1 - rate - d), (j, rate), (m - j, 1 - rate)]


def ways(paired, n, m, table):
    i, j = table
    if paired:
        return math.comb(n, i) * math.comb(n - i, j)
    return math.comb(n, i) * math.comb(m, j)


def rates_of(paired, d, points):
    """All rates of b under a difference d (of b alone in pairs)."""
    return np.linspace(max(0.0, -d), (1 - d) / 2 if paired else min(1.0, 1 - d), points)


def chance(paired, n, m, table, d, rates):
    """The chance of a table at each of the rates."""
    product = np.full(len(rates), float(ways(paired, n, m, table)))
    for count, rate in cells(paired, n, m, table, d, rates):
        product *= np.clip(rate, 0.0, 1.0) ** count
    return product


def likeliest(paired, n, m, table, d):
    """The rate that makes a table most likely under a difference d."""

    def loss(rate):
        total = 0.0
        for count, p in cells(paired, n, m, table, d, rate):
            if count:
                total -= count * math.log(p) if p > 0 else -1e9
        return total

    grid = rates_of(paired, d, 41)
    losses = [loss(rate) for rate in grid]
    best = int(np.argmin(losses))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, 40)]
    found = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-12})
    return min([(found.fun, found.x), *zip(losses, grid, strict=True)])[1]


def score(paired, n, m, table, d):
    rate = likeliest(paired, n, m, table, d)
    i, j = table
    if paired:
        gap, variance = i - j - n * d, n * (2 * rate + d * (1 - d))
    else:
        a = rate + d
        gap, variance = i / n - j / m - d, a * (1 - a) / n + rate * (1 - rate) / m
    if variance > 1e-9:
        return gap / math.sqrt(variance)
    return 0.0 if abs(gap) < 1e-9 else math.copysign(math.inf, gap)


def p_under(paired, n, m, d, points=401):
    """The p-value of each table under a difference d alone."""
    tables = tables_of(paired, n, m)
    scores = [score(paired, n, m, table, d) for table in tables]
    chances = [chance(paired, n, m, table, d, rates_of(paired, d, points)) for table in tables]
    return [
        max(sum(c for c, other in zip(chances, scores, strict=True) if other >= own - 1e-5))
        for own in scores
    ]


def p_up_to(paired, n, m, step):
    """The largest p-value of each table under -1, -.99, ..., step hundredths."""
    return np.max([p_under(paired, n, m, k / 100) for k in range(-100, step + 1)], axis=0)
