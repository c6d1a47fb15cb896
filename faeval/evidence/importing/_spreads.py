"""Cells that hold a mean and its spread, and so no seeds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from faeval.errors import EvidenceError

if TYPE_CHECKING:
    import pandas as pd

_NUMBER = r"[-+−]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*%?"
_SPREAD = re.compile(
    rf"\$?\s*{_NUMBER}\s*"
    rf"((±|\+/-|\+-|\\pm|&plusmn;|\$\s*\\pm\s*\$)\s*{_NUMBER}|\(\s*(±|\+/-)?\s*{_NUMBER}\s*\)"
    rf"|[\[(]\s*{_NUMBER}\s*[,;–-]\s*{_NUMBER}\s*[\])])\s*\$?"
)


def means_with_spread(cells: pd.Series[Any]) -> bool:
    """Whether cells are means with a spread, such as ``0.910 ± 0.008``: most of those that are.

    Parameters
    ----------
    cells
        A column, as of :class:`Cells`.

    Examples
    --------
    >>> import pandas as pd
    >>> means_with_spread(pd.Series(["0.91 ± 0.01", "0.87 (0.02)"]))
    True
    >>> means_with_spread(pd.Series(["0.91", "0.87"]))
    False
    """
    texts = [cell for cell in cells.dropna().head(1000) if isinstance(cell, str)]
    return bool(texts) and 2 * sum(map(_has_spread, texts)) > len(texts)


def _has_spread(text: str) -> bool:
    return _SPREAD.fullmatch(text.strip().strip("*_` ")) is not None


def spread_error(source: str, column: str) -> EvidenceError:
    """Return the error of a column that holds means with spreads where numbers are needed."""
    return EvidenceError(
        f"{source}: column {column!r} holds means with their spread. Means and spreads hold no"
        " seeds: a verdict needs one value for each seed. Whether the printed numbers can be right"
        " is checked by faeval check-numbers."
    )
