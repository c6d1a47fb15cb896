"""A question in one line, such as ``ours > base``, and the assertion that it asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from faeval._arguments import finite
from faeval._safe_text import clean, cut
from faeval.claims import (
    Assertion,
    Estimand,
    Margin,
    Ratio,
    below,
    equivalent,
    exceeds,
    not_above,
    not_below,
)
from faeval.errors import FaevalError
from faeval.stats import region_of

AskedKind: TypeAlias = Literal["exceeds", "below", "not_below", "not_above", "equivalent"]

_OPERATORS: dict[str, AskedKind] = {
    ">=": "not_below", "<=": "not_above", ">": "exceeds", "<": "below", "==": "equivalent",
    "=": "equivalent", "\u2265": "not_below", "\u2264": "not_above", "above": "exceeds",
    "below": "below", "exceeds": "exceeds", "equals": "equivalent", "like": "equivalent",
}  # fmt: skip
# With blanks around it: names of arms may hold any of these signs.
_SPLIT = re.compile(r"\s+(>=|<=|>|<|==|=|\u2265|\u2264|above|below|exceeds|equals|like)\s+")
_TIGHT = re.compile(r"(>=|<=|>|<|\u2265|\u2264)")
#: What each kind says of a metric m of a and b, in words.
_WORDS: dict[AskedKind, tuple[str, str]] = {
    "exceeds": ("is above", "by more than"),
    "below": ("is below", "by more than"),
    "not_below": ("is not below", "by more than"),
    "not_above": ("is not above", "by more than"),
    "equivalent": ("is like", "within"),
}
_EXCHANGED: dict[AskedKind, AskedKind] = {
    "exceeds": "below", "below": "exceeds", "not_below": "not_above", "not_above": "not_below",
    "equivalent": "equivalent",
}  # fmt: skip
_FACTOR = re.compile(r"(?P<factor>[\d.]+(?:[eE][+-]?\d+)?)\s*[xX\u00d7]\Z")


@dataclass(frozen=True)
class Question:
    """What is asked: whether a differs from b, by the names of the arms as they are written.

    ``b`` is a number where no arm is meant.
    """

    a: str
    kind: AskedKind
    b: str | float

    @property
    def sides(self) -> tuple[str, ...]:
        """The arms that it names."""
        return (self.a,) if isinstance(self.b, float) else (self.a, self.b)

    def assertion(self, a: Estimand, b: Estimand | float, by: Margin | Ratio, paired: bool) -> Any:
        """Return what it asserts of two estimands."""
        return assertion_of(self.kind, a, b, by, paired)

    def sentence(self, metric: str, by: Margin | Ratio | None, group: str = "") -> str:
        """Return the question as a sentence that is true or false."""
        says, more = _WORDS[self.kind]
        b = f"{self.b:g}" if isinstance(self.b, float) else self.b
        text = f"{self.a} {says} {b} in {metric}"
        if by is not None and (isinstance(by, Ratio) or by.value > 0):
            text += f" {more} {by}"
        return f"{text}, {group}" if group else text


def assertion_of(
    kind: AskedKind, a: Estimand, b: Estimand | float, by: Margin | Ratio, paired: bool
) -> Assertion:
    """Return the assertion of a kind."""
    if region_of(kind).two_sided:
        return equivalent(a, b, within=by, paired=paired)
    makers = {"exceeds": exceeds, "below": below, "not_above": not_above, "not_below": not_below}
    return makers[kind](a, b, by=by, paired=paired)


def readings_of(text: str) -> list[Question]:
    """Return every way to read a question: each operator in it may be the one that is meant.

    Raises
    ------
    FaevalError
        It has no operator, or nothing on one side.

    Examples
    --------
    >>> readings_of("lr=0.1 >= lr=0.01")
    [Question(a='lr=0.1', kind='not_below', b='lr=0.01')]
    >>> readings_of("ours above base")[0].kind
    'exceeds'
    """
    for pattern in (_SPLIT, _TIGHT):
        matches = list(pattern.finditer(text))
        questions = [
            Question(text[: m.start()].strip(), _OPERATORS[m[1]], text[m.end() :].strip())
            for m in matches
        ]
        complete = [q for q in questions if q.a and q.b]
        if complete:
            return complete
    short = cut(clean(text), 80)
    raise FaevalError(
        f"the question {short!r} has no operator between two arms; write it in quotes, such as"
        " 'ours > base' (>, <, >=, <=, =), or without signs: 'ours above base', or --arm ours"
        " --against base."
    )


def with_number(question: Question) -> Question | None:
    """Return a question with its number on the right, where one of its sides is a number."""
    if (number := _number(question.b)) is not None:
        return Question(question.a, question.kind, number)
    if (number := _number(question.a)) is not None and isinstance(question.b, str):
        return Question(question.b, _EXCHANGED[question.kind], number)
    return None


def _number(text: str | float) -> float | None:
    try:
        return finite(float(text))
    except ValueError:
        return None


def margin_of(by: Any, because: str | None, metric: str, spell: Any = None) -> Margin | Ratio:
    """Return the margin that is given as a number, as ``0.01`` or ``1.05x``, or as it is.

    Raises
    ------
    FaevalError
        It is neither, has a percent sign, or comes without a reason.
    """
    if isinstance(by, Margin | Ratio):
        return by
    text = by.strip() if isinstance(by, str) else by
    if isinstance(text, str) and "%" in text:
        number = _number(text.replace("%", "").strip())
        hundredths = (1 if number is None else number) / 100
        relative, absolute = f"{1 + hundredths:g}x", f"{hundredths:g}"
        ways = [("percentage points", absolute), ("relative to the other arm", relative)]
        commands = [
            f"{what}: {spell('--by', value) if spell else f'by={value!r}'}" for what, value in ways
        ]
        raise FaevalError(
            f"--by {text} has two meanings. Nothing was decided. Say which ({metric} between 0 and"
            " 1):\n" + "\n".join(commands)
        )
    if not isinstance(because, str) or not because.strip():
        raise FaevalError(
            f"--by {text} needs --because '...': why is {text} the smallest effect that matters?"
            " Readers will see your words beside the verdict (because= in Python)."
        )
    match = _FACTOR.match(text) if isinstance(text, str) else None
    if match:
        ratio = _number(match["factor"])
        if ratio is not None:
            return Ratio(ratio, because)
    number = _number(text) if isinstance(text, str) else finite(text)
    if number is None:
        raise FaevalError(
            f"--by {text!r} ({type(text).__name__}) must be a number in the unit of {metric}, such"
            " as 0.01, or a factor such as 1.05x."
        )
    return Margin(number, because)


def chosen(readings: Sequence[Question], holds: Any) -> Question:
    """Return the reading whose sides are arms, else the first; its right side may be a number.

    ``holds`` says whether arms of these names are there.
    """
    for question in readings:
        if holds(question.sides):
            return question
    for question in readings:
        numeric = with_number(question)
        if numeric is not None:
            return numeric
    return readings[0]
