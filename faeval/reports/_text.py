"""Text from claims and evidence made harmless: what may be hostile is shown, and never acts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: Longest text of a table cell, and of a paragraph, in characters; JSON alone keeps all of it.
CELL, PARAGRAPH = 240, 1200

_JOINERS = "‌‍"  # Persian and emoji need them, and they move nothing
# Brackets make a link only where something follows them, underscores emphasis only at the edge of a word.
_MARKDOWN = re.compile(r"([\\`*<&|~$#]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_]))")


def clean(text: object) -> str:
    """Return text of one line without anything that acts on a terminal, a browser or the order of reading.

    Line breaks become spaces; other control characters, direction marks, invisible characters, lone surrogates and
    noncharacters become U+FFFD, so that a reader sees that something was there.

    Examples
    --------
    >>> clean("a\\nb\\x1b[31m")
    'a b�[31m'
    """
    line = str(text)
    if not line.isprintable():  # in the sense of Python, nearly all that follows is
        line = "".join(map(_harmless, line))
    return re.sub("  +", " ", line)


def _harmless(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or category in ("Zl", "Zp"):
        return " "
    code = ord(character)
    unusable = category in ("Cc", "Cf", "Cs") and character not in _JOINERS
    return "�" if unusable or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF else character


def clip(text: object, limit: int = PARAGRAPH) -> str:
    """Return clean text of at most `limit` characters; what was cut off is counted."""
    whole = str(text)
    line = clean(whole[: 4 * limit])
    if len(line) <= limit and len(whole) <= 4 * limit:
        return line
    kept = line[: limit - 30].rstrip()
    return f"{kept} … ({len(whole) - len(kept)} more characters)"


def markdown(text: object) -> str:
    """Return clean text that Markdown shows as it is: no markup, HTML, table cell, link or mention.

    It must not open a line, nor stand right before a bracket: signs that act only there are left alone.
    """
    escaped = _MARKDOWN.sub(r"\\\1", clean(text))
    return escaped.replace("://", r":\//").replace("www.", r"www\.").replace("@", "@⁠")


def anchors(names: Iterable[str]) -> list[str]:
    """Return one fragment identifier a name: lower-case letters, digits and hyphens, each only once."""
    taken: set[str] = set()
    made = []
    for name in names:
        word = "claim-" + (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[-60:] or "x")
        anchor, count = word, 1
        while anchor in taken:
            count += 1
            anchor = f"{word}-{count}"
        taken.add(anchor)
        made.append(anchor)
    return made
