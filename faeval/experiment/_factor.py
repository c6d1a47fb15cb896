"""Factor: one thing that arms of an experiment may differ in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from faeval.errors import FaevalError
from faeval.experiment._arm import Arm, Value


@dataclass(frozen=True)
class Factor:
    """One factor of an experiment: its default, and what else it may be.

    Parameters
    ----------
    default
        The value of an arm that does not name the factor; its type is the factor's type.
    choices
        The only legal values, or None for any of the default's type.
    low, high
        The smallest and the largest legal number, or None.
    """

    default: Value
    choices: tuple[Value, ...] | None = None
    low: float | None = None
    high: float | None = None
    help: str = ""

    def check(self, name: str, value: Value, where: str) -> None:
        """Raise FaevalError unless ``value`` is legal for this factor."""
        subject = f"{name}={value!r} ({type(value).__name__})"
        if self.choices is not None:
            if not any(value == c and _same_truth(value, c) for c in self.choices):
                raise FaevalError(
                    f"{where}: {subject} is not one of {', '.join(map(repr, self.choices))}."
                )
            return
        types = _types(self.default)
        if types and not (isinstance(value, types) and _same_truth(value, self.default)):
            names = "a whole number" if types == (int,) else " or ".join(t.__name__ for t in types)
            raise FaevalError(
                f"{where}: {subject} must be {names}; its default is {self.default!r}."
            )
        if isinstance(value, int | float):
            self._check_range(value, f"{where}: {subject}")

    def _check_range(self, value: float, subject: str) -> None:
        if self.low is not None and value < self.low:
            raise FaevalError(f"{subject} is below {self.low:g}, the smallest that makes sense.")
        if self.high is not None and value > self.high:
            raise FaevalError(f"{subject} is above {self.high:g}, the largest that makes sense.")


def _same_truth(one: Value, other: Value) -> bool:
    """Whether both are bools, or neither: True equals 1, and is another value."""
    return isinstance(one, bool) == isinstance(other, bool)


def _types(default: Value) -> tuple[type, ...]:
    if default is None:
        return ()
    if isinstance(default, bool):
        return (bool,)
    if isinstance(default, float):
        return (int, float)
    return (type(default),)


def as_factors(given: Mapping[str, Any]) -> dict[str, Factor]:
    """Return factors by name, bare defaults wrapped.

    Raise FaevalError where one could not stand in an arm's label.
    """
    if not isinstance(given, Mapping):
        raise FaevalError(
            f"Experiment: factors={given!r} ({type(given).__name__}) must be a mapping from each"
            " factor to its default."
        )
    factors = {n: f if isinstance(f, Factor) else Factor(f) for n, f in dict(given).items()}
    for name, factor in factors.items():
        plain = Arm(**{name: factor.default})[name]
        if (
            type(factor.default) is not float
        ):  # 1.0 stays the default of a factor that takes fractions
            value = float(factor.default) if isinstance(factor.default, float) else plain
            factors[name] = replace(factor, default=value)
    return factors
