"""Defaults of a project, from ``[tool.faeval]`` in its pyproject.toml: for the command line and for
pytest alike.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from faeval.errors import FaevalError

FILE = "pyproject.toml"
BACKENDS = ("loky", "dask", "ray")


@dataclass(frozen=True)
class Defaults:
    """What a project's ``[tool.faeval]`` says; nothing where there is no such table.

    ``values`` holds checked values by key, paths absolute; ``root`` is the folder of the file, from
    which paths that are not given, ``claims`` and ``.faeval``, are counted too.
    """

    root: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def claims(self) -> tuple[Path, ...] | None:
        """The claims files and folders; without the key ``claims`` beside the table, None where
        there is no table.
        """
        if self.root is None:
            return None
        return tuple(self.values.get("claims", (self.root / "claims",)))

    @property
    def store(self) -> Path | None:
        """The folder of runs; without the key ``.faeval`` beside the table, None where there is no
        table.
        """
        if self.root is None:
            return None
        return Path(self.values.get("store", self.root / ".faeval"))


def find(start: Path) -> Defaults:
    """Return the defaults of the nearest pyproject.toml, from a folder upwards, that has a table
    ``[tool.faeval]``.

    Raises
    ------
    FaevalError
        The file is no TOML, or the table has an unknown key or a value that cannot be; the message
        names file and key.
    """
    start = start.absolute()
    for folder in (start, *start.parents):
        file = folder / FILE
        try:
            text = file.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise FaevalError(f"{file}: cannot be read ({error}); correct the file.") from None
        if "faeval" not in text:
            continue
        try:
            tool = tomllib.loads(text).get("tool", {})
        except (ValueError, RecursionError) as error:
            raise FaevalError(f"{file}: is no TOML ({error}); correct the file.") from None
        if isinstance(tool, dict) and "faeval" in tool:
            return Defaults(folder, _checked(tool["faeval"], file))
    return Defaults()


def _checked(given: Any, file: Path) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise FaevalError(f"{file}: tool.faeval = {given!r} must be a table, [tool.faeval].")
    values = {}
    for key, value in given.items():
        if key not in KEYS:
            import difflib

            near = difflib.get_close_matches(key, KEYS, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise FaevalError(
                f"{file}: [tool.faeval] has no key {key!r}; {hint}Its keys: {', '.join(KEYS)}."
            )
        read, wanted, _ = KEYS[key]
        try:
            values[key] = read(value, file.parent)
        except (TypeError, ValueError):
            raise FaevalError(
                f"{file}: [tool.faeval] {key} = {value!r} ({type(value).__name__}) must be"
                f" {wanted}."
            ) from None
        except FaevalError as error:
            raise FaevalError(f"{file}: [tool.faeval] {error}") from None
    return MappingProxyType(values)


def _text(value: Any, _: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    return value


def _path(value: Any, root: Path) -> Path:
    return root / Path(_text(value, root)).expanduser()


def _paths(value: Any, root: Path) -> tuple[Path, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not items:
        raise TypeError
    return tuple(_path(item, root) for item in items)


def _count(value: Any, _: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    if value < 1:
        raise ValueError
    return value


def _flag(value: Any, _: Path) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _seeds(value: Any, _: Path) -> int | tuple[int, ...]:
    from faeval.claims import seed_list

    if isinstance(value, bool) or not isinstance(value, int | list):
        raise TypeError
    found = seed_list(value, "seeds")
    return value if isinstance(value, int) else found


def _backend(value: Any, _: Path) -> str:
    if value not in BACKENDS:
        raise ValueError
    return str(value)


#: Each key: how it is read, what it must be in words, and what it is for.
KEYS: Mapping[str, tuple[Callable[[Any, Path], Any], str, str]] = {
    "claims": (
        _paths,
        "a path or a list of paths",
        "files and folders of claims, in place of `claims`",
    ),
    "setting": (_text, "the name of a setting", "the setting, as `--setting`"),
    "seeds": (_seeds, "a number of seeds, or a list of them", "as `--seeds`"),
    "store": (_path, "a path", "where runs are kept, in place of `.faeval`"),
    "workers": (_count, "a whole number of at least 1", "worker processes"),
    "data": (_path, "a path", "folder of the data set"),
    "device": (_text, "the name of a device", "`cpu` or `cuda`"),
    "backend": (_backend, f"one of {', '.join(BACKENDS)}", "what runs are spread by"),
    "strict": (
        _flag,
        "true or false",
        "whether an open claim that was expected to be decided is a failure",
    ),
    "all": (_flag, "true or false", "whether claims tagged `extended` are taken too"),
}


def seeds_of(text: str | None, where: str = "--seeds") -> int | tuple[int, ...] | None:
    """Read seeds as they are given in words: a count, or a list with commas ("7," is the one seed
    7).
    """
    from faeval.claims import seed_list

    if text is None:
        return None
    try:
        if "," not in text:
            count = int(text)
            seed_list(count, where)
            return count
        return seed_list([int(part) for part in text.split(",") if part.strip()], where)
    except ValueError:
        raise FaevalError(
            f"{where} {text!r} must be a count such as 3, or a list such as 42,123,456."
        ) from None


def seeds_as_text(seeds: int | tuple[int, ...]) -> str:
    """Write seeds as :func:`seeds_of` reads them."""
    return str(seeds) if isinstance(seeds, int) else "".join(f"{seed}," for seed in seeds)
