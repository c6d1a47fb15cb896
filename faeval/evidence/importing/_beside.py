"""Files beside results that say how the run was set: Hydra, Lightning, W&B and sacred write them.

Nothing in them is executed: YAML is read by its safe loader alone.
"""

from __future__ import annotations

import functools
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faeval._extras import extra
from faeval._safe_text import clean, cut, listed
from faeval.errors import EvidenceError, MissingExtra
from faeval.evidence.importing._flat import flat, is_blank, same

_HYDRA = (".hydra/overrides.yaml", ".hydra/config.yaml")


@dataclass
class Beside:
    """The files beside all results of one reading, each read once.

    Parameters
    ----------
    root
        The folder above which nothing is looked for.
    """

    root: str
    _names: dict[str, frozenset[str]] = field(default_factory=dict)
    _read: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    _gave: dict[str, dict[str, None]] = field(default_factory=dict)
    _broken: dict[str, str] = field(default_factory=dict)
    _unlike: Counter[str] = field(default_factory=Counter)
    _unread: dict[str, MissingExtra] = field(default_factory=dict)

    def columns_of(self, path: str, known: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the files beside a result say that is not known, by column.

        ``known`` has what path and file say: a value, or None where it differs from row to row.
        """
        result: dict[str, Any] = {}
        for label, columns in self._sides(path):
            for name, value in columns.items():
                if name not in known and name not in result:
                    result[name] = value
                    self._gave.setdefault(label, {})[name] = None
                elif (
                    name == "seed"
                    and not is_blank(known.get(name))
                    and not is_blank(value)
                    and not same(known[name], value)
                ):
                    self._unlike[label] += 1
        return result

    def notes(self, *, has_seed: bool) -> list[str]:
        """Return what to say of the files that were used, and of those that were not.

        Raises
        ------
        MissingExtra
            No seed is known, and a file that may say it needs a package.
        """
        if self._unread and not has_seed:
            raise next(iter(self._unread.values()))
        notes = [
            f"{listed(list(names), 10)}: from {label} beside {'or above ' * (label in _HYDRA)}each"
            " file"
            for label, names in self._gave.items()
        ]
        notes += [
            f"seed differs between the path and {label} beside it in {count} files; the path's is"
            " read"
            for label, count in self._unlike.items()
        ]
        if self._broken:
            first = next(iter(self._broken.items()))
            notes.append(
                f"{len(self._broken)} files beside results cannot be read and are left out:"
                f" {first[0]} ({cut(first[1], 200)})"
                + (f", {listed([*self._broken][1:], 4)}" if len(self._broken) > 1 else "")
            )
        if self._unread:
            notes.append(
                f"{listed([*self._unread])} beside results are not read: YAML needs"
                ' pip install "faeval[import]"'
            )
        return notes

    def _sides(self, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The files that belong to a result, and what they hold; what tells the most first."""
        folder = os.path.dirname(path) if not Path(path).is_dir() else path  # noqa: PTH120
        there = self._in(folder)
        if {"run.json", "config.json"} <= there:
            yield from self._of(folder, "run.json", _sacred_run)
            yield from self._of(folder, "config.json", flat)
        if "wandb-summary.json" in there and "config.yaml" in there:
            yield from self._of(folder, "config.yaml", _wandb_config)
        if "hparams.yaml" in there:
            yield from self._of(folder, "hparams.yaml", flat)
        for above in _upwards(folder, self.root):
            if ".hydra" in self._in(above):
                yield from self._of(above, _HYDRA[0], _overrides)
                yield from self._of(above, _HYDRA[1], flat)
                return

    def _in(self, folder: str) -> frozenset[str]:
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(folder or "."))  # noqa: PTH208
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]

    def _of(self, folder: str, name: str, taken: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        path = f"{folder}/{name}" if folder else name
        if path not in self._read:
            self._read[path] = self._content(path, name, taken)
        columns = self._read[path]
        if columns is not None:
            yield name, columns

    def _content(self, path: str, name: str, taken: Any) -> dict[str, Any] | None:
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._broken[path] = error.strerror or str(error)
            return None
        try:
            content = yaml_of(data, path) if name.endswith(".yaml") else json.loads(data)
            columns: dict[str, Any] = taken(content, path)
        except MissingExtra as error:
            self._unread.setdefault(name, error)
            return None
        except (ValueError, TypeError, AttributeError, RecursionError, EvidenceError) as error:
            self._broken[path] = clean(error)
            return None
        return columns


def yaml_of(data: bytes, path: str) -> Any:
    """Read YAML by its safe loader: it makes texts, numbers, lists and mappings, nothing else.

    What stands for an object of Python, as Lightning writes, is None.

    Raises
    ------
    ValueError
        It is no such YAML.
    MissingExtra
        No reader of YAML is installed.
    """
    with extra("import", f"{path} beside the results"):
        import yaml
    try:
        return yaml.load(data, Loader=_loader())
    except yaml.YAMLError as error:
        raise ValueError(clean(error)) from None


@functools.cache
def _loader() -> Any:
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """The safe loader, which passes over tags that it does not know."""

    Loader.add_multi_constructor("", lambda loader, tag, node: None)
    return Loader


def _upwards(folder: str, root: str) -> Iterator[str]:
    yield folder
    while folder != root and folder not in ("", "/"):
        folder = os.path.dirname(folder)  # noqa: PTH120
        yield folder


def _sacred_run(content: Any, where: str) -> dict[str, Any]:
    columns = {"status": content["status"]}
    result = content.get("result")
    return columns | flat({"result": result}, where) if result is not None else columns


def _wandb_config(content: Any, where: str) -> dict[str, Any]:
    values = {
        name: entry["value"]
        for name, entry in content.items()
        if isinstance(entry, Mapping) and "value" in entry and name != "_wandb"
    }
    return flat(values, where)


def _overrides(content: Any, where: str) -> dict[str, Any]:
    """What was said on the command line of Hydra: a list of ``optim.lr=0.1``."""
    columns = {}
    for entry in content or []:
        name, sign, value = str(entry).partition("=")
        name = name.lstrip("+")
        if sign and not name.startswith(("~", "hydra.", "hydra/")):
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            columns[name.partition("@")[0]] = value[1:-1] if quoted else value
    return columns
