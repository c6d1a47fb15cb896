"""Cells that are numbers in the spelling of others: percent signs, decimal commas, thousands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from faeval._safe_text import clean, cut
from faeval.errors import EvidenceError
from faeval.evidence._cells import NOTHING, number_of

if TYPE_CHECKING:
    import pandas as pd

_SPACES = " \u00a0\u2009\u202f"
_EXPONENT = r"(?:[eE][+-]?\d+)?"
_DECIMAL_COMMA = re.compile(rf"[+-]?(?:\d+|\d{{1,3}}(?:\.\d{{3}})+),\d+{_EXPONENT}\Z")
_POINT_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+\Z")
_COMMA_THOUSANDS = re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:,\d{{3}})+(?:\.\d+)?{_EXPONENT}\Z")
_SPACE_THOUSANDS = re.compile(
    rf"[+-]?[1-9]\d{{0,2}}(?:[{_SPACES}'\u2019]\d{{3}})+(?P<rest>[.,]\d+)?{_EXPONENT}\Z"
)
#: A minus sign or a dash in place of a hyphen, as texts are set.
_MINUS = re.compile(r"(^\s*|[eE])[\u2212\u2013](?=[\d.,])")
_PERCENT = re.compile(rf"(?P<number>.*\d)[{_SPACES}]*%\Z")


@dataclass(frozen=True)
class Spelling:
    """How numbers are spelt, where the user says so: the decimal sign, and that of thousands."""

    decimal: str | None = None
    thousands: str | None = None


def with_minus(text: str) -> str:
    """Return the text of a number with a hyphen for its minus.

    Examples
    --------
    >>> with_minus("\u22125e\u22123"), with_minus("3\u20135")
    ('-5e-3', '3\u20135')
    """
    return _MINUS.sub(r"\1-", text)


def points_may_be_thousands(column: pd.Series[Any], others: Sequence[pd.Series[Any]]) -> str:
    """Return a cell whose point may part thousands: others have decimal commas; else nothing."""

    def texts(cells: pd.Series[Any]) -> list[str]:
        return [cell.strip() for cell in cells.dropna().unique() if isinstance(cell, str)]

    def are_thousands(cells: Sequence[str]) -> bool:
        pointed = [cell for cell in cells if "." in cell]
        return bool(pointed) and all(map(_POINT_THOUSANDS.match, pointed))

    if not (are_thousands(texts(column.head(200))) and are_thousands(texts(column))):
        return ""
    for other in others:
        cells = texts(other.head(200))
        if cells and all(map(_DECIMAL_COMMA.match, cells)):
            return next(cell for cell in texts(column) if "." in cell)
    return ""


def plain_numbers(
    column: pd.Series[Any],
    name: str,
    source: str,
    place: Callable[[int], str],
    spelling: Spelling = Spelling(),
    command: Callable[[str], str] = lambda option: option,
) -> tuple[pd.Series[Any], list[str]]:
    """Return a column whose numbers are written with a point, and notes on what was read so.

    What is no number is left as it stands: whoever reads the column refuses it, by row and value.

    Parameters
    ----------
    command
        The whole command with an option added, for messages.

    Raises
    ------
    EvidenceError
        Cells have two readings, or some have a percent sign and others none.
    """
    import pandas as pd

    if not (pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)):
        return column, []
    floats = _as_floats(column)
    if floats is not None and spelling == Spelling():
        return floats, []
    codes, distinct = pd.factorize(column.astype(object))
    texts = [with_minus(cell.strip()) if isinstance(cell, str) else cell for cell in distinct]
    words = [text for text in texts if isinstance(text, str) and text.lower() not in NOTHING]
    where = _Where(name, source, place, codes, distinct)
    converted, notes = _without_percent(texts, words, where)
    words = [t for t in converted if isinstance(t, str) and t.lower() not in NOTHING]
    numbers, more = _respelt(words, where, spelling, command)
    cells = _replaced(converted, numbers)
    if notes:  # percent signs were there: each number is in hundredths
        cells = [_hundredth(cell) for cell in cells]

    values = np.array([*cells, None], dtype=object)[codes]
    return pd.Series(values, index=column.index, dtype=object), [*notes, *more]


def _as_floats(column: pd.Series[Any]) -> pd.Series[Any] | None:
    """Return a column of texts as numbers where all are plain ones or empty, else None."""
    import pandas as pd

    cells = column.to_numpy(dtype=object, copy=True)
    missing = column.isna().to_numpy(dtype=bool) | (cells == "")
    cells[missing] = np.nan
    if any(isinstance(cell, bool | np.bool_) for cell in cells):
        return None
    try:
        numbers = cells.astype(np.float64)
    except (TypeError, ValueError):
        return None
    if any(isinstance(cell, str) and "_" in cell for cell in cells):
        return None
    # A number that is written as undefined is no cell that was left empty.
    if (np.isnan(numbers) & ~missing).any():
        return column
    return pd.Series(numbers, index=column.index)


@dataclass(frozen=True)
class _Where:
    """Where the cells of a column stand, for messages."""

    name: str
    source: str
    place: Callable[[int], str]
    codes: Any
    distinct: Any

    def of(self, text: str) -> str:
        """Say where a cell stands first, and what it holds."""
        code = next(
            i for i, c in enumerate(self.distinct) if with_minus(str(c).strip()).startswith(text)
        )
        row = int(np.argmax(self.codes == code))
        return f"{self.place(row)}: {cut(clean(self.distinct[code]), 60)!r}"


def _without_percent(
    texts: Sequence[Any], words: Sequence[str], where: _Where
) -> tuple[list[Any], list[str]]:
    signed = [text for text in words if _PERCENT.match(text)]
    if not signed:
        return list(texts), []
    bare = [text for text in words if not _PERCENT.match(text) and number_of(text) is not None]
    if bare or any(number_of(t) is not None for t in texts if not isinstance(t, str)):
        other = f" and {where.of(bare[0])}" if bare else ""
        raise EvidenceError(
            f"{where.source}: some cells of column {where.name!r} have a percent sign and others"
            f" none ({where.of(signed[0])}{other}); write all of them in one way."
        )
    example = signed[0]
    value = _PERCENT.match(example)
    assert value is not None
    note = f"percent signs in {where.name!r}: {example!r} is read as {example[:-1].strip()}/100"
    cut_off = {text: match["number"] for text in signed if (match := _PERCENT.match(text))}
    return _replaced(texts, cut_off), [f"{note}, so a margin of 0.01 is one percentage point"]


def _hundredth(cell: Any) -> Any:
    number = number_of(cell) if isinstance(cell, str) else None
    if number is None:
        return cell
    # By decimal places, not by a division: 91.2 % is 0.912 exactly as that is written.
    return float(number) / 100 if "e" in cell.lower() else float(f"{cell}e-2")


def _respelt(
    words: Sequence[str],
    where: _Where,
    spelling: Spelling,
    command: Callable[[str], str],
) -> tuple[dict[str, str], list[str]]:
    """Return each cell that is no plain number as one, where all such cells have one reading."""
    spaced = [w for w in words if _SPACE_THOUSANDS.match(w)]
    numbers = {w: re.sub(rf"[{_SPACES}'\u2019]", "", w).replace(",", ".") for w in spaced}
    what = "thousands"
    notes = [_read_as(what, spaced[0], numbers, where)] if spaced else []
    comma, can_be_decimal, can_be_thousands = _with_commas(words, spaced, spelling)
    if not comma:
        return numbers, notes
    if can_be_decimal and can_be_thousands:
        as_decimal, as_thousands = comma[0].replace(",", "."), comma[0].replace(",", "")
        raise EvidenceError(
            f"{where.source}, {where.of(comma[0])} in column {where.name!r} has two readings. Say"
            f" which:\nthousands ({as_thousands}): {command('--thousands ,')}"
            f"\na decimal comma ({as_decimal}): {command('--decimal ,')}"
        )
    if can_be_decimal:
        what = "decimal comma"
        numbers |= {w: w.replace(".", "").replace(",", ".") for w in comma}
    elif can_be_thousands:
        numbers |= {w: w.replace(",", "") for w in comma}
    else:
        return numbers, notes
    return numbers, [*notes, _read_as(what, comma[0], numbers, where)]


def _read_as(what: str, cell: str, numbers: Mapping[str, str], where: _Where) -> str:
    return f"{what} in {where.name!r}: {cell!r} is read as {numbers[cell]}"


def _with_commas(
    words: Sequence[str], spaced: Sequence[str], spelling: Spelling
) -> tuple[list[str], bool, bool]:
    """Return the cells whose comma or point has to be read, and whether it can be in each way.

    These are: as decimal signs, and as signs between thousands.
    """
    comma = [w for w in words if "," in w and w not in spaced]
    says_comma, says_point = (
        sign == spelling.decimal or other == spelling.thousands for sign, other in (",.", ".,")
    )
    comma += _with_points(words, says_comma or bool(comma))
    rest = [w for w in words if w not in comma]
    is_decimal = all(map(_is_decimal, comma)) and not any(map(_is_pointed, rest))
    is_thousands = not says_comma and all(map(_is_thousands, comma))
    return comma, is_decimal and not says_point, is_thousands


def _is_pointed(word: str) -> bool:
    return "." in word and number_of(word) is not None


def _with_points(words: Sequence[str], beside_commas: bool) -> list[str]:
    """Return cells such as 1.912 whose points may part thousands; 1.912.345 says so by itself."""
    thousands = [w for w in words if _POINT_THOUSANDS.match(w)]
    return thousands if beside_commas or any(w.count(".") > 1 for w in thousands) else []


def _is_decimal(word: str) -> bool:
    return bool(_DECIMAL_COMMA.match(word) or _POINT_THOUSANDS.match(word))


def _is_thousands(word: str) -> bool:
    is_point = _POINT_THOUSANDS.match(word) and number_of(word) is not None
    return bool(_COMMA_THOUSANDS.match(word) or is_point)


def _replaced(cells: Sequence[Any], by_text: Mapping[str, str]) -> list[Any]:
    """Return cells with other texts where these are named; what is no text stays."""
    return [by_text.get(c, c) if isinstance(c, str) else c for c in cells]
