"""Patterns of paths such as ``runs/{method}/seed_{seed}/metrics.json``, and what fits them."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from faeval._safe_text import listed
from faeval.errors import EvidenceError

_PLACE = re.compile(r"\{([^{}]*)\}")
_SIGNS = re.compile(r"\{[^{}]*\}|\*+")
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Found:
    """A file or folder that fits, and what each name of the pattern stands for there."""

    path: str
    names: Mapping[str, str]
    is_folder: bool
    linked: bool  # on the way there is a symbolic link


@dataclass(frozen=True)
class _Part:
    """What one part of a path must be: a text, or what fits any of the regular expressions.

    These come in twos, of which one takes as little as it can and the other as much.
    """

    text: str
    fits: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = ()


@dataclass(frozen=True)
class Pattern:
    """A pattern of paths: the folder that it begins in, and its parts."""

    text: str
    start: str
    parts: tuple[_Part, ...]
    names: tuple[str, ...]

    def __str__(self) -> str:
        return self.text


def pattern_of(text: str) -> Pattern:
    """Read a pattern.

    ``{name}`` and ``*`` stand for anything within one part of the path, ``**`` for any number of
    folders. A part that begins with neither a dot nor such a sign is as it stands.

    Raises
    ------
    EvidenceError
        A name that is no word, a brace without its other, or two signs with nothing between them.

    Examples
    --------
    >>> pattern_of("runs/{method}/seed_{seed}/metrics.json").names
    ('method', 'seed')
    """
    path = os.path.expanduser(text) if text.startswith("~") else text  # noqa: PTH111
    pieces = [piece for piece in path.replace(os.sep, "/").split("/") if piece not in ("", ".")]
    if not pieces:
        raise EvidenceError(f"--glob {text!r}: names no file; write runs/{{method}}/{{seed}}.json.")
    names: list[str] = []
    for name in _PLACE.findall(path):
        if not name.isidentifier():
            raise EvidenceError(
                f"--glob {text!r}: {{{name}}} is no word; write {{method}}, with letters, digits"
                " and _."
            )
        names.append(name)
    if "{" in _PLACE.sub("", path) or "}" in _PLACE.sub("", path):
        raise EvidenceError(f"--glob {text!r}: a brace stands alone; write {{method}}.")
    if re.search(r"[}*]\{|\}\*", path):
        raise EvidenceError(
            f"--glob {text!r}: two signs stand side by side, and a name could be cut anywhere; put"
            " what stands between them, as in {method}_{seed}."
        )
    parts: list[_Part] = []
    for piece in pieces:
        if piece != "**" or not parts or parts[-1].text != "**":
            parts.append(_part(piece))
    start = "/" if path.startswith("/") else "."
    return Pattern(text, start, tuple(parts), tuple(dict.fromkeys(names)))


def _part(piece: str) -> _Part:
    if piece == "**" or not _SIGNS.search(piece):
        return _Part(piece)
    # A seed is a number wherever it can be: of ours_v2_3 {method}_{seed} takes seed 3.
    seeds = (r"[0-9]+", r"[^/]+") if "{seed}" in piece else (r"[^/]+",)
    return _Part(piece, tuple((_regex(piece, s, "?"), _regex(piece, s, "")) for s in seeds))


def _regex(piece: str, seed: str, lazy: str) -> re.Pattern[str]:
    named_before: set[str] = set()
    pieces, at = [] if piece.startswith(".") else [r"(?!\.)"], 0
    for sign in _SIGNS.finditer(piece):
        pieces.append(re.escape(piece[at : sign.start()]))
        at, name = sign.end(), sign.group()[1:-1]
        if sign.group().startswith("*"):
            pieces.append(f"[^/]*{lazy}")
        elif name in named_before:
            pieces.append(f"(?P={name})")
        else:
            pieces.append(f"(?P<{name}>{seed if name == 'seed' else '[^/]+'}{lazy})")
            named_before.add(name)
    return re.compile("".join(pieces) + re.escape(piece[at:]), re.DOTALL)


def natural(path: str) -> list[tuple[str, int]]:
    """Return a key that sorts seed_2 before seed_10.

    Examples
    --------
    >>> sorted(["seed_10", "seed_2"], key=natural)
    ['seed_2', 'seed_10']
    """
    pieces = _DIGITS.split(path)
    numbers = [int(number) if len(number) < 4000 else -1 for number in pieces[1::2]]
    return [*zip(pieces[::2], [*numbers, -1], strict=True), (path, 0)]


@dataclass
class _Walk:
    """A walk through folders: what was found, what was missing, and how far it came."""

    pattern: Pattern
    matches: dict[str, Found] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    deepest: tuple[int, str] = (-1, ".")

    def run(self) -> None:
        todo: list[tuple[str, int, Mapping[str, str], bool]] = [(self.pattern.start, 0, {}, False)]
        parts = self.pattern.parts
        while todo:
            folder, at, names, linked = todo.pop()
            if at > self.deepest[0]:
                self.deepest = (at, folder)
            part, is_last = parts[at], at == len(parts) - 1
            if part.text == "**":
                for entry in entries(folder):
                    if entry.name.startswith("."):
                        continue
                    # Links are not followed here: they may lead back up, and show files twice.
                    if entry.is_dir(follow_symlinks=False):
                        todo.append((_join(folder, entry.name), at, names, linked))
                    elif is_last and entry.is_file():
                        self._add(_join(folder, entry.name), names, False, entry.is_symlink())
                if not is_last:
                    todo.append((folder, at + 1, names, linked))
                continue
            for path, values, is_folder, link in self._fitting(folder, part, names):
                if is_last:
                    self._add(path, values, is_folder, linked or link)
                elif is_folder:
                    todo.append((path, at + 1, values, linked or link))

    def _fitting(
        self, folder: str, part: _Part, names: Mapping[str, str]
    ) -> list[tuple[str, dict[str, str], bool, bool]]:
        if not part.fits:
            path = _join(folder, part.text)
            at = Path(path)
            if at.exists() or at.is_symlink():
                return [(path, dict(names), at.is_dir(), at.is_symlink())]
            if names:  # a run that left no results may be one that failed
                self.missing.append(path)
            return []
        result = []
        for entry in entries(folder):
            own = self._names(part, entry.name)
            if own is not None and all(names.get(n, v) == v for n, v in own.items()):
                path = _join(folder, entry.name)
                result.append((path, {**names, **own}, entry.is_dir(), entry.is_symlink()))
        return result

    def _names(self, part: _Part, name: str) -> dict[str, str] | None:
        for little, much in part.fits:
            one, other = little.fullmatch(name), much.fullmatch(name)
            if one and other:
                if one.groupdict() != other.groupdict():
                    self._refuse(repr(name), one.groupdict(), other.groupdict())
                return one.groupdict()
        return None

    def _add(self, path: str, names: Mapping[str, str], is_folder: bool, linked: bool) -> None:
        there = self.matches.get(path)
        if there is not None and there.names != names:
            self._refuse(path, there.names, names)
        self.matches[path] = Found(path, names, is_folder, linked)

    def _refuse(self, name: str, one: Mapping[str, str], other: Mapping[str, str]) -> None:
        ways = " or ".join(", ".join(f"{n}={v}" for n, v in way.items()) for way in (one, other))
        raise EvidenceError(
            f"--glob {self.pattern.text!r}: {name} fits in two ways ({ways}); write more of what"
            " stands between the names."
        )


def find(pattern: Pattern) -> tuple[list[Found], list[str]]:
    """Return what fits a pattern, in natural order, and notes.

    These are files, or folders where no file fits.

    Raises
    ------
    EvidenceError
        Nothing fits (says how far the pattern leads, and what stands there), a name can be read in
        two ways, or a folder cannot be read.
    """
    walk = _Walk(pattern)
    walk.run()
    matches = sorted(walk.matches.values(), key=lambda one: natural(one.path))
    if not matches:
        at, folder = walk.deepest
        missing = pattern.parts[at].text
        there = _names_in(folder, missing)
        holds = f"there stand {listed(there)}" if there else "the folder is empty"
        signs = " (? and [ ] stand for themselves)" if set(pattern.text) & set("?[") else ""
        raise EvidenceError(
            f"--glob {pattern.text!r}: no file matches{signs}: in {folder} nothing fits"
            f" {missing!r}; {holds}."
        )
    folders = [one.path for one in matches if one.is_folder]
    notes = []
    if 0 < len(folders) < len(matches):
        matches = [one for one in matches if not one.is_folder]
        notes.append(
            f"{len(folders)} folders fit the pattern too and are not read: {listed(folders)}"
        )
    if walk.missing:
        paths = sorted(walk.missing, key=natural)
        notes.append(
            f"{len(paths)} folders fit and lack what stands after them: there is no"
            f" {listed(paths)}; a run that failed is an outcome"
        )
    return matches, notes


def entries(folder: str) -> list[os.DirEntry[str]]:
    """Return what stands in a folder.

    Raises
    ------
    EvidenceError
        It cannot be read.
    """
    try:
        with os.scandir(folder) as there:
            return list(there)
    except OSError as error:
        raise EvidenceError(
            f"{folder}: cannot be read ({error.strerror or error}); make the folder readable."
        ) from None


def _names_in(folder: str, wanted: str) -> list[str]:
    """Return what stands in a folder, first what is much like the text."""
    names = sorted((entry.name for entry in entries(folder)), key=natural)
    plain = [name for name in names if not name.startswith(".")] or names
    close = difflib.get_close_matches(wanted, plain[:1000], n=2)
    return [*close, *(name for name in plain if name not in close)]


def _join(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder.rstrip('/')}/{name}"
