"""Defaults of a project, ``[tool.faeval]``, for the command line and pytest."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from faeval._options import OPTIONS, Option
from faeval.errors import FaevalError

FILE = "pyproject.toml"


@dataclass(frozen=True)
class Defaults:
    """What a project's ``[tool.faeval]`` says; nothing where there is no such table.

    ``values`` holds checked values by key, paths absolute; ``root`` is the folder of the file.
    """

    root: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def of(self, option: Option, folder: Path = Path()) -> Any:
        """Return the value of an option: the table's, or its default.

        The default's paths are counted from the folder of the table, without a table from
        ``folder``.
        """
        default = option.located(option.default, self.root or folder)
        return self.values.get(option.name, default)


def find(start: Path) -> Defaults:
    """Return the defaults of the nearest pyproject.toml upwards that has ``[tool.faeval]``.

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


def _checked(table: Any, file: Path) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise FaevalError(f"{file}: tool.faeval = {table!r} must be a table, [tool.faeval].")
    keys = [option.name for option in OPTIONS.values() if option.project]
    values = {}
    for key, value in table.items():
        if key not in keys:
            import difflib

            near = difflib.get_close_matches(key, keys, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise FaevalError(
                f"{file}: [tool.faeval] has no key {key!r}; {hint}Its keys: {', '.join(keys)}."
            )
        values[key] = OPTIONS[key].check(value, f"{file}: [tool.faeval] {key}", file.parent)
    return MappingProxyType(values)
