"""Arm: the factors of one side of a comparison, as a frozen mapping with one canonical spelling."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any

from faeval._arguments import shown, whole
from faeval.errors import FaevalError

Value = str | int | float | bool | None

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# What a bare word of a label may hold: anything printable but the two signs that build a label,
# quotes and commas.
_WORD = re.compile(r"[^\s+='\",\x00-\x1f\x7f-\x9f]+\Z")
# A part of a label: the factor's name where there is one, and its value, which may stand in quotes.
_QUOTED = re.compile(r"'(?:[^']|'')*'\Z")
_PART = re.compile(r"(?:(?P<name>[^+=']*)=)?(?P<text>'(?:[^']|'')*'|[^+]*)(?P<end>\+|\Z)")


class Arm(Mapping[str, Value]):
    """One arm of an experiment: a frozen mapping from factor to value.

    ``Arm("dfa")`` is ``Arm(rule="dfa")``. An arm knows no list of factors; it is checked, and
    completed by defaults, when it meets its experiment. Equal mappings are equal arms, hash alike
    and have the same label; numbers that are equal are the same value (``1`` and ``1.0``).

    Raises
    ------
    FaevalError
        A factor's name is no identifier, or its value is neither a word, a finite number, a bool
        nor None. A word is any printable text; a label quotes it where it must, and doubles a quote
        inside.

    Examples
    --------
    >>> dfa = Arm("dfa")
    >>> str(dfa.but(penalty=1e-2))
    'dfa+penalty=0.01'
    >>> dfa.but(penalty=1e-2)["penalty"]
    0.01
    >>> Arm.parse("dfa+penalty=0.01") == dfa.but(penalty=0.01)
    True
    >>> str(Arm("Random Forest", kind="a,b"))
    "'Random Forest'+kind='a,b'"
    """

    __slots__ = ("_factors", "_label")

    def __init__(self, rule: str | None = None, /, **factors: Value) -> None:
        if rule is not None:
            if "rule" in factors:
                raise FaevalError(
                    f"Arm: the rule is given twice, as {rule!r} and as rule={factors['rule']!r};"
                    " give it once."
                )
            factors = {"rule": rule, **factors}
        self._factors: dict[str, Value] = {
            name: _checked(name, factors[name]) for name in sorted(factors)
        }
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
        """Read a label back; the inverse of :attr:`label`.

        A first part without ``=`` is the rule, a word as it stands.
        """
        factors: dict[str, Value] = {}
        for position, (name, text) in enumerate(_split(label)):
            if name is None and position:
                raise FaevalError(
                    f"arm label {label!r}: {text!r} names no factor; write name=value after the"
                    " rule."
                )
            factor = "rule" if name is None else name
            if factor in factors:
                raise FaevalError(f"arm label {label!r}: factor {factor!r} stands twice; keep one.")
            factors[factor] = _read(text, label, bare=name is None)
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


def _checked_number(name: str, number: float) -> float:
    if isinstance(number, int):
        if abs(number) >= 2**53:
            raise FaevalError(
                f"Arm: factor {name} is a whole number (int) of 2**53 or more, where an equal float"
                " would be another arm; give a float or a word."
            )
        return number
    if not math.isfinite(number):
        raise FaevalError(
            f"Arm: factor {name}={number!r} (float) is not finite; give a finite number."
        )
    # 1.0 and 1 are equal and must be one arm: whole numbers are kept as int.
    return int(number) if number.is_integer() and abs(number) < 2**53 else float(number)


def _checked(name: str, value: Any) -> Value:
    if not _NAME.match(name):
        raise FaevalError(
            f"Arm: factor name {name!r} is no identifier; use letters, digits and underscores."
        )
    if value is None or isinstance(value, bool):
        return value
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    number = whole(value)
    if number is not None or isinstance(value, float):
        return _checked_number(name, value if number is None else number)
    if isinstance(value, str):
        text = str.__str__(value)  # itself, of a member of an enumeration too
        if not text or not text.isprintable():
            raise FaevalError(
                f"Arm: factor {name}={text!r} (str) cannot stand in a label; use printable text of"
                " at least one character."
            )
        return text
    raise FaevalError(
        f"Arm: factor {name}={shown(value)} is of type {type(value).__name__}; "
        "a factor's value is a word, a number, a bool or None: "
        f"give {'its .value' if isinstance(value, Enum) else 'str(value) or float(value)'}."
    )


def _label(factors: Mapping[str, Value]) -> str:
    parts = {name: f"{name}={_spell(value)}" for name, value in factors.items()}
    rule = factors.get("rule")
    if isinstance(rule, str) and (_spell(rule) == rule or not _WORD.match(rule)):
        parts = {"rule": _spell(rule)} | {n: part for n, part in parts.items() if n != "rule"}
    return "+".join(parts.values())


def _spell(value: Value) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # Quoted where it would read back as another type, or be taken apart.
        plain = _WORD.match(value) and _bare(value) is value
        return value if plain else "'" + value.replace("'", "''") + "'"
    return repr(value).replace("e+", "e")  # "+" separates factors


def _bare(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    if text == "none":
        return None
    for number in (int, float):
        with suppress(ValueError):
            return number(text)
    return text


def _read(text: str, label: str, bare: bool) -> Value:
    if _QUOTED.match(text):
        return text[1:-1].replace("''", "'")
    if not text:
        raise FaevalError(f"arm label {label!r}: a factor without a value; write name=value.")
    if text[0] == "'":
        raise FaevalError(
            f"arm label {label!r}: {text!r} opens a quote that does not close it; double a quote"
            " inside."
        )
    return text if bare else _bare(text)


def _split(label: str) -> list[tuple[str | None, str]]:
    """The parts of a label: the factor's name, or None, and its value as it is spelled."""
    parts: list[tuple[str | None, str]] = []
    at, end = 0, "+"
    while end and label:
        part = _PART.match(label, at)
        assert part is not None  # its last alternative takes anything up to the next sign
        parts.append((part["name"], part["text"]))
        at, end = part.end(), part["end"]
    return parts


def labels_of(
    texts: Iterable[str], canonical: Callable[[Arm], Arm] = lambda arm: arm
) -> dict[str, str]:
    """Return the label of each arm that evidence names, by the text that names it.

    A text that reads as a label is that arm, in whatever order its factors stand; any other is a
    name, a word. Names are words: where two texts would become one arm by the spelling of a number
    alone (``lr=0.10`` and ``lr=0.1``), both stay words. What no arm can be called stays as it is.

    Parameters
    ----------
    texts
        The texts, each once.
    canonical
        How an experiment spells an arm; an arm that it does not have keeps its own label.

    Examples
    --------
    >>> labels_of(["penalty=0.01+rule=dfa", "k-NN (k=5)"])
    {'penalty=0.01+rule=dfa': 'dfa+penalty=0.01', 'k-NN (k=5)': "'k-NN (k=5)'"}
    >>> labels_of(["1.10"])
    {'1.10': "rule='1.10'"}
    >>> labels_of(["lr=0.10", "lr=0.1"])
    {'lr=0.10': "'lr=0.10'", 'lr=0.1': "'lr=0.1'"}
    """
    arms: dict[str, Arm] = {}
    spelled: dict[tuple[Arm, str], set[str]] = defaultdict(set)
    for text in texts:
        with suppress(FaevalError):
            arms[text] = Arm.parse(text)
            for name, value in _split(text):
                spelled[arms[text], name or "rule"].add(value.strip("'"))
    merged = {arm for (arm, _), values in spelled.items() if len(values) > 1}
    return {text: _known(text, arms.get(text), merged, canonical) for text in texts}


def _known(text: str, arm: Arm | None, merged: set[Arm], canonical: Callable[[Arm], Arm]) -> str:
    try:
        arm = Arm(text) if arm is None or arm in merged else arm
    except FaevalError:
        return text
    try:
        return canonical(arm).label
    except FaevalError:  # an arm that the experiment does not have
        return arm.label


def named(label: str) -> str:
    """Return an arm's label as messages show it: that of the arm of all defaults is empty."""
    return repr(label) if label else "(defaults)"
