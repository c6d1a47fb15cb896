"""The arguments of a comparison, checked before a table is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faeval._arguments import finite
from faeval.errors import FaevalError
from faeval.evidence.importing import column_name
from faeval.pipeline._question import Question, readings_of

#: Which epoch of each run can be named by a word.
TAKEN = ("last", "max", "min")


def column_of(argument: str, given: Any) -> str | None:
    """Return the name of a column as text, as pandas' own names may be numbers."""
    if given is None:
        return None
    if isinstance(given, str | int | tuple) and not isinstance(given, bool):
        return column_name(given)
    raise FaevalError(
        f"{argument}={str(given)[:60]!r} ({type(given).__name__}) must be the name of one column."
    )


def check_arguments(take: Any, where: Any, value_range: Any, **flags: Any) -> None:
    """Raise FaevalError where an argument is of no use; ``flags`` are true or false."""
    is_epoch = isinstance(take, int) and not isinstance(take, bool)
    if not (take is None or is_epoch or (isinstance(take, str) and take in TAKEN)):
        raise FaevalError(
            f"take={take!r} ({type(take).__name__}) must be 'last', 'max', 'min' or the number of"
            " an epoch."
        )
    if where is not None and not isinstance(where, Mapping):
        raise FaevalError(
            f"where={where!r} ({type(where).__name__}) must be a mapping from a column to a value,"
            " such as {'dataset': 'mnist'}."
        )
    if value_range is not None:
        _check_range(value_range)
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise FaevalError(f"{name}={flag!r} ({type(flag).__name__}) must be True or False.")


def _check_range(value_range: Any) -> None:
    try:
        low, high = (finite(float(end)) for end in value_range)
    except (TypeError, ValueError):
        low = high = None
    if low is None or high is None or not low < high:
        raise FaevalError(
            f"value_range={value_range!r} ({type(value_range).__name__}) must be the lowest and"
            " the highest value, such as (0, 1)."
        )


def readings_of_call(question: str | None, a: Any, b: Any, kind: str) -> list[Question]:
    """Return the readings of a question, or the one question that two arms and a kind ask."""
    if question is not None:
        if not isinstance(question, str):
            raise FaevalError(
                f"question={question!r} ({type(question).__name__}) must be a text such as"
                " 'ours > base'."
            )
        if a is not None or b is not None:
            raise FaevalError(
                f"question={question!r} and a={a!r}, b={b!r} say the same; give one of them."
            )
        return readings_of(question)
    kinds = ("exceeds", "below", "not_below", "not_above", "equivalent")
    if kind not in kinds:
        raise FaevalError(f"kind={kind!r} must be one of {', '.join(kinds)}.")
    if a is None or b is None:
        raise FaevalError(
            f"a={a!r}, b={b!r}: name two arms, as the table names them; or one and a number."
        )
    # A number may be the name of an arm: chosen() looks whether it is.
    return [Question(str(a), kind, str(b))]  # type: ignore[arg-type] # one of the kinds


def columns_of(arm: Any) -> dict[str, str]:
    """Return the columns of the arm by factor."""
    if isinstance(arm, Mapping):
        return {str(factor): str(column_of("arm", name)) for factor, name in arm.items()}
    name = column_of("arm", arm)
    return {} if name is None else {"rule": name}
