"""Which seeds a claim plans, and at which numbers of them it may be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from faeval._arguments import shown, whole
from faeval.errors import FaevalError

DEFAULT_SEEDS = 5
MOST_SEEDS = 1_000_000  # of a plan
MOST_DRAWN = 100_000


@dataclass(frozen=True)
class Drawn:
    """A plan of so many seeds that registration draws: before it, nobody knows them."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __str__(self) -> str:
        return f"drawn:{self.count}"


def seed_list(given: Any, where: str) -> tuple[int, ...]:
    """Return a count as seeds 1..count, or a list as it is.

    Raise FaevalError where they are no plan.
    """
    count = whole(given)
    if count is not None:
        if not 1 <= count <= MOST_SEEDS:
            raise FaevalError(
                f"{where}: seeds={shown(count)} is no number of seeds; give at least 1, at most"
                f" {MOST_SEEDS:,}."
            )
        return tuple(range(1, count + 1))
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        raise FaevalError(
            f"{where}: seeds={shown(given)} ({type(given).__name__}) must be a count or a list of"
            " whole numbers."
        )
    seeds: dict[int, None] = {}
    for item in given:
        seed = whole(item)
        if seed is None or not 0 <= seed < 2**63:
            raise FaevalError(
                f"{where}: seed {shown(item)} ({type(item).__name__}) must be a whole number >= 0,"
                " below 2**63."
            )
        if seed in seeds:
            raise FaevalError(
                f"{where}: seeds={shown(given)} repeats {seed}; a seed counts once, name each once."
            )
        if len(seeds) == MOST_SEEDS:
            raise FaevalError(
                f"{where}: seeds={shown(given)} names more than {MOST_SEEDS:,} seeds; give fewer."
            )
        seeds[seed] = None
    if not seeds:
        raise FaevalError(f"{where}: seeds={shown(given)} names no seed; give at least one.")
    return tuple(seeds)


def seed_plan(seeds: Any, where: str) -> Mapping[str, tuple[int, ...] | Drawn]:
    plans = dict(seeds) if isinstance(seeds, Mapping) else {"*": seeds}
    plans.setdefault("*", DEFAULT_SEEDS)
    return MappingProxyType(
        {str(k): _drawn(v, where) or seed_list(v, where) for k, v in plans.items()}
    )


def _drawn(given: Any, where: str) -> Drawn | None:
    if not isinstance(given, str):
        return None
    word, _, count = given.partition(":")
    if (
        word != "drawn"
        or not count.isascii()
        or not count.isdigit()
        or not 1 <= int(count[:7]) <= MOST_DRAWN
    ):
        raise FaevalError(
            f"{where}: seeds={given!r} (str) must be a count or a list of whole numbers, or"
            f" 'drawn:N' with N from 1 to {MOST_DRAWN}, such as 'drawn:5'."
        )
    return Drawn(int(count))


def planned_looks(
    given: Any, plans: Mapping[str, tuple[int, ...] | Drawn], barred: str, where: str
) -> Mapping[str, tuple[int, ...]]:
    """Return looks by setting, those of every plan under "*"; ``barred`` says why none may be.

    Raise FaevalError where they are no looks of the plan.
    """
    whole_plan = not isinstance(given, Mapping)
    looks: Any = tuple(given) if whole_plan and _is_several(given) else given
    if whole_plan:
        by_setting = {} if looks == () else dict.fromkeys(plans, looks)
    else:
        by_setting = {str(setting): own for setting, own in looks.items()}
    if by_setting and barred:
        raise FaevalError(
            f"{where}: looks={looks!r} are for test='t' on paired sides; {barred} is decided once,"
            " at a fixed number of seeds: leave looks= out."
        )
    return MappingProxyType(
        {
            setting: _looks(own, len(plans.get(setting, plans["*"])), setting, where)
            for setting, own in by_setting.items()
        }
    )


def _is_several(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str)


def _looks(looks: Any, plan: int, setting: str, where: str) -> tuple[int, ...]:
    """Return looks as whole numbers that rise to the plan; raise FaevalError where they do not."""
    items = tuple(looks) if _is_several(looks) else (looks,)
    numbers = tuple(n for n in map(whole, items) if n is not None and n >= 2)
    rising = numbers == tuple(sorted({*numbers}))
    if not rising or len(numbers) < max(len(items), 1) or numbers[-1] != plan:
        raise FaevalError(
            f"{where}: looks={looks!r} ({type(looks).__name__}) must be rising numbers of seeds"
            f" of at least 2 that end at the plan, here {plan} (setting {setting}); give a"
            " mapping from setting to looks where plans differ."
        )
    return numbers
