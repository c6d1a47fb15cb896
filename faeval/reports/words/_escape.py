"""Text from claims and evidence made harmless: what may be hostile is shown, and never acts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from faeval._safe_text import clean

#: Longest text of a table cell, and of a paragraph, in characters; JSON alone keeps all of it.
CELL, PARAGRAPH = 240, 1200

# Brackets make a link only where something follows them, underscores emphasis only at the edge of a
# word.
_MARKDOWN = re.compile(r"([\\`*<&|~$#]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_]))")


def clip(text: object, limit: int = PARAGRAPH) -> str:
    """Return clean text of at most `limit` characters; what was cut off is counted."""
    whole = str(text)
    line = clean(whole[: 4 * limit])
    if len(line) <= limit and len(whole) <= 4 * limit:
        return line
    start = line[: limit - 30].rstrip()
    return f"{start} … ({len(whole) - len(start)} more characters)"


def markdown(text: object) -> str:
    """Return clean text that Markdown shows as it is: no markup, HTML, table cell, link or mention.

    It must not open a line, nor stand right before a bracket: signs that act only there are left
    alone.
    """
    return (
        _MARKDOWN.sub(r"\\\1", clean(text))
        .replace("://", r":\//")
        .replace("www.", r"www\.")
        .replace("@", "@⁠")
    )


def fenced(text: str) -> str:
    """Return text of printable lines as a block of code in Markdown, as it is.

    No run of backticks in it ends the block.
    """
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"


def latex(text: object) -> str:
    r"""Return clean text that LaTeX sets as it is, in any plain document.

    Nothing in it is a command, nor a ligature that changes a sign.

    A character that LaTeX's own fonts lack is written by its number: ``U+4E2D``. A word can be
    broken after an underscore and every 20 characters. No bracket or star stands free, so that it
    may follow a command that takes an optional argument.

    Examples
    --------
    >>> print(latex(r"50 % of \input{x}, ρ ≥ 0.1"))
    50 \% of \textbackslash{}input\{x\}, $\rho$ $\geq$ 0.1
    """
    line = _LONG_WORD.sub(rf"\g<0>{_BREAK}", unicodedata.normalize("NFC", clean(text)))
    return "".join(map(_tex, _LIGATURE.sub(rf"\g<0>{_APART}", line)))


_BREAK, _APART = "\x01", "\x02"  # clean text holds none of these
_LIGATURE = re.compile(r"([-',])(?=\1)")
_LONG_WORD = re.compile(r"[^\s_-]{20}(?=[^\s_-])")
_LETTERS = "ae AE oe OE o O l L"
_TEX = {
    _BREAK: r"\allowbreak{}",
    _APART: "{}",
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "`": r"\textasciigrave{}",
    '"': "{''}",
    "“": "{``}",
    "”": "{''}",
    "‘": "{`}",
    "’": "{'}",
    "–": "{--}",
    "—": "{---}",
    "…": r"\ldots{}",
    "ß": r"\ss{}",
    "_": r"\_\allowbreak{}",
    **{sign: rf"\{sign}" for sign in "{}$&#%"},
    **{sign: f"{{{sign}}}" for sign in "[]*"},
    **{letter: rf"\{name}{{}}" for letter, name in zip("æÆœŒøØłŁ", _LETTERS.split(), strict=True)},
}
_SIGNS = (
    r"- \infty \pm \times \cdot \leq \geq \neq \approx \rightarrow \in \partial \nabla \surd \sim"
    r" \propto \prime {}^\circ "
    r"\bullet \diamond \circ \mu"
)
_GREEK = (
    r"\alpha \beta \gamma \delta \epsilon \zeta \eta \theta \iota \kappa \lambda \mu \nu \xi o \pi"
    r" \rho \varsigma \sigma \tau "
    r"\upsilon \phi \chi \psi \omega A B \Gamma \Delta E Z H \Theta I K \Lambda M N \Xi O \Pi P"
    r" \Sigma T \Upsilon \Phi X "
    r"\Psi \Omega"
)
_MATHS = dict(
    zip(
        "−∞±×·≤≥≠≈→∈∂∇√∼∝′°●◆○µαβγδεζηθικλμνξοπρςστυφχψωΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ",
        f"{_SIGNS} {_GREEK}".split(),
        strict=True,
    )
)
_ACCENTS = dict(
    zip(
        "\u0300\u0301\u0302\u0303\u0308\u0304\u0307\u030c\u0306\u030a\u030b\u0327",
        "`'^~\"=.vurHc",
        strict=True,
    )
)


def _tex(character: str) -> str:
    if character in _TEX:
        return _TEX[character]
    if " " <= character <= "~":
        return character
    if character in _MATHS:
        return f"${_MATHS[character]}$"
    apart = unicodedata.normalize("NFD", character)
    letter, mark = apart[:1], apart[1:]
    if letter.isascii() and letter.isalpha() and mark in _ACCENTS:
        dotless = rf"\{letter}" if letter in "ij" else letter
        return rf"\{_ACCENTS[mark]}{{{dotless}}}"
    return rf"U+{ord(character):04X}\allowbreak{{}}"


def anchors(names: Iterable[str]) -> list[str]:
    """Return one fragment identifier for each name, no two alike.

    It has lower-case letters, digits and hyphens.
    """
    identifiers: dict[str, None] = {}
    for name in names:
        word = "claim-" + (
            re.sub(r"[^a-z0-9]+", "-", name[-PARAGRAPH:].lower()).strip("-")[-60:] or "x"
        )
        anchor, count = word, 1
        while anchor in identifiers:
            count += 1
            anchor = f"{word}-{count}"
        identifiers[anchor] = None
    return list(identifiers)
