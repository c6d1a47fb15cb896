"""Arm: the factors of one side of a comparison, as a frozen mapping with one canonical spelling."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from faeval._given import shown, whole
from faeval.errors import FaevalError

Value = str | int | float | bool | None

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# What a bare word of a label may hold: anything printable but the two signs that build a label, quotes and commas.
_WORD = re.compile(r"[^\s+='\",\x00-\x1f\x7f-\x9f]+\Z")


class Arm(Mapping[str, Value]):
    """One arm of an experiment: a frozen mapping from factor to value.

    ``Arm("dfa")`` is ``Arm(rule="dfa")``. An arm knows no list of factors; it is checked, and completed by defaults,
    when it meets its experiment. Equal mappings are equal arms, hash alike and have the same label; numbers that are
    equal are the same value (``1`` and ``1.0``).

    Raises
    ------
    FaevalError
        A factor's name is no identifier, or its value is neither a word, a finite number, a bool nor None.

    Examples
    --------
    >>> dfa = Arm("dfa")
    >>> str(dfa.but(penalty=1e-2))
    'dfa+penalty=0.01'
    >>> dfa.but(penalty=1e-2)["penalty"]
    0.01
    >>> Arm.parse("dfa+penalty=0.01") == dfa.but(penalty=0.01)
    True
    """

    __slots__ = ("_factors", "_label")

    def __init__(self, rule: str | None = None, /, **factors: Value) -> None:
        if rule is not None:
            if "rule" in factors:
                raise FaevalError(
                    f"Arm: the rule is given twice, as {rule!r} and as rule={factors['rule']!r}; give it once."
                )
            factors = {"rule": rule, **factors}
        self._factors: dict[str, Value] = {name: _checked(name, factors[name]) for name in sorted(factors)}
        self._label = _label(self._factors)

    def but(self, /, **changes: Value) -> Arm:
        """Return this arm with some factors changed or added."""
        return Arm(**{**self._factors, **changes})

    @property
    def label(self) -> str:
        """The canonical spelling: the rule first, then the other factors by name."""
        return self._label

    @classmethod
    def parse(cls, label: str) -> Arm:
        """Read a label back; the inverse of :attr:`label`."""
        factors: dict[str, Value] = {}
        for position, part in enumerate(_split(label)):
            name, sign, text = part.partition("=")
            if not sign:
                if position:
                    raise FaevalError(
                        f"arm label {label!r}: {part!r} names no factor; write name=value after the rule."
                    )
                name, text = "rule", part
            if name in factors:
                raise FaevalError(f"arm label {label!r}: factor {name!r} stands twice; keep one.")
            factors[name] = _read(text, label)
        return cls(**factors)

    def __getitem__(self, name: str) -> Value:
        return self._factors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._factors)

    def __len__(self) -> int:
        return len(self._factors)

    def __hash__(self) -> int:
        return hash(self._label)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arm) and self._label == other._label

    def __str__(self) -> str:
        return self._label

    def __repr__(self) -> str:
        return f"Arm({', '.join(f'{name}={value!r}' for name, value in self._factors.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Arm.parse, (self._label,))


def _checked(name: str, value: Any) -> Value:
    if not _NAME.match(name):
        raise FaevalError(f"Arm: factor name {name!r} is no identifier; use letters, digits and underscores.")
    if value is None or isinstance(value, bool):
        return value
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    number = whole(value)
    if number is not None:
        if abs(number) >= 2**53:
            raise FaevalError(
                f"Arm: factor {name} is a whole number (int) of 2**53 or more, where an equal float would be another "
                "arm; give a float or a word."
            )
        return number
    if isinstance(value, float):
        if not math.isfinite(value):
            raise FaevalError(f"Arm: factor {name}={value!r} (float) is not finite; give a finite number.")
        # 1.0 and 1 are equal and must be one arm: whole numbers are kept as int.
        return int(value) if value.is_integer() and abs(value) < 2**53 else float(value)
    if isinstance(value, str):
        text = str.__str__(value)  # itself, of a member of an enumeration too
        if not text or not text.isprintable() or not _WORD.match(text):
            raise FaevalError(
                f"Arm: factor {name}={text!r} (str) cannot stand in a label; use a printable word without spaces, "
                "quotes, commas, '+' and '='."
            )
        return text
    raise FaevalError(
        f"Arm: factor {name}={shown(value)} is of type {type(value).__name__}; "
        "a factor's value is a word, a number, a bool or None: "
        f"give {'its .value' if isinstance(value, Enum) else 'str(value) or float(value)'}."
    )


def _label(factors: Mapping[str, Value]) -> str:
    parts: list[str] = []
    for name, value in factors.items():
        if name == "rule" and isinstance(value, str) and _spell(value) == value:
            parts.insert(0, value)
        else:
            parts.append(f"{name}={_spell(value)}")
    return "+".join(parts)


def _spell(value: Value) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if _bare(value) is value else f"'{value}'"  # quoted where it would read back as another type
    return repr(value).replace("e+", "e")  # "+" separates factors


def _bare(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    if text == "none":
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _read(text: str, label: str) -> Value:
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1]
    if not text:
        raise FaevalError(f"arm label {label!r}: a factor without a value; write name=value.")
    return _bare(text)


def _split(label: str) -> list[str]:
    return label.split("+") if label else []


def named(label: str) -> str:
    """Return an arm's label as messages show it: that of the arm of all defaults is empty."""
    return repr(label) if label else "(defaults)"
