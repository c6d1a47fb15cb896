"""Read a rendering back: each of its texts by the place where it stands.

Nothing here knows how renderings are made.

A reader turns a file into places: a claim, the caption of a table or the label of a fact, a row, a
column; and the text there.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from markdown_it import MarkdownIt
from markdown_it.token import Token

from faeval.errors import FaevalError

_VOID = frozenset(
    {
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    }
)
_HEADINGS = frozenset(
    {"h1", "h2", "h3", "h4", "h5", "h6", "figcaption", "summary"}
)  # they say what a table below is about
#: Elements whose text is one place; what stands within others belongs to the innermost of these.
_HOLDERS = _HEADINGS | {
    "title",
    "p",
    "pre",
    "li",
    "td",
    "th",
    "dt",
    "dd",
    "caption",
    "text",
    "desc",
}
_NO_TEXT = frozenset({"style", "script"})


@dataclass(frozen=True)
class Place:
    """Where a text of a rendering stands.

    ``claim`` is the claim's name, empty outside of one; ``part`` a table's caption, a fact's label
    or the kind of text; ``row`` and ``column`` the headings of a cell, ``line`` its row from 1.
    ``nth`` tells places apart that are alike otherwise.
    """

    claim: str = ""
    part: str = ""
    row: str = ""
    column: str = ""
    line: int = 0
    nth: int = 1

    def __str__(self) -> str:
        parts = [
            self.claim and f"claim {self.claim}",
            self.part if len(self.part) < 70 else f"{self.part[:60]}...",
        ]
        parts += [self.row and f"row {self.row!r}", self.column and f"column {self.column!r}"]
        return ", ".join(filter(None, parts)) + (f" ({self.nth})" if self.nth > 1 else "")


@dataclass(frozen=True)
class Readback:
    """What a file says: the text of each place, in their order.

    ``above`` has the headings above each table, the nearest last.
    """

    places: Mapping[Place, str]
    above: Mapping[Place, tuple[str, ...]]
    anchors: Mapping[str, str]  #: each identifier of a page to the claim whose section it is, or ""


class _Notes:
    """Collects places; those that are alike are counted."""

    def __init__(self) -> None:
        self.places: dict[Place, str] = {}
        self.above: dict[Place, tuple[str, ...]] = {}
        self.anchors: dict[str, str] = {}
        self._pending: list[tuple[Place, str, tuple[str, ...]]] | None = None
        self._last: dict[Place, int] = {}

    def note(self, place: Place, text: str, above: tuple[str, ...] = ()) -> None:
        text = " ".join(text.split())
        if self._pending is not None:
            self._pending.append((place, text, above))
            return
        nth = self._last.get(place, 0) + 1
        self._last[place] = nth
        place = replace(place, nth=nth) if nth > 1 else place
        self.places[place] = text
        if above:
            self.above[place] = above

    def open_claim(self) -> None:
        """Hold back what follows until it is known which claim it is about."""
        self.close_claim("")
        self._pending = []

    def close_claim(self, claim: str) -> None:
        pending, self._pending = self._pending or [], None
        for place, text, above in pending:
            self.note(replace(place, claim=claim), text, above)

    def reading(self) -> Readback:
        self.close_claim("")
        return Readback(self.places, self.above, self.anchors)


# --- HTML ---


class _Element:
    def __init__(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.tag, self.attributes, self.text = tag, attributes, ""

    @property
    def name(self) -> str:
        first = (self.attributes.get("class") or "").split()[:1]
        return ".".join([self.tag, *first])


class _Table:
    def __init__(self, above: tuple[str, ...]) -> None:
        self.above = above
        self.caption, self.row = "table", ""
        self.head: list[str] = []
        self.line = self.cell = 0


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.notes = _Notes()
        self.stack: list[_Element] = []
        self.open: Counter[str] = Counter()  # how many of each tag are on the stack
        self.tables: list[_Table] = []
        self.headings: list[str] = []
        self.claim, self.label = "", ""
        self.inside: list[str] = []  # identifiers of the article that is open
        self.figures = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if identifier := attributes.get("id"):
            self.notes.anchors.setdefault(identifier, "")
            self.inside.append(identifier)
        if tag in _VOID:
            return
        if tag == "article":
            self.notes.open_claim()
            self.claim = ""
            self.inside = [identifier] if identifier else []
        elif tag == "table":
            self.tables.append(_Table(tuple(self.headings[-4:])))
        elif tag == "svg":
            self.figures += 1
        elif tag == "tr" and self.tables:
            self.tables[-1].line += 1
            self.tables[-1].cell, self.tables[-1].row = 0, ""
        self.stack.append(_Element(tag, attributes))
        self.open[tag] += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        closed = not self.open[tag]
        while not closed:
            closed = self.stack[-1].tag == tag
            self.close_last()

    def handle_data(self, data: str) -> None:
        if not self.stack or self.stack[-1].tag in _NO_TEXT:
            return
        holder = next((e for e in reversed(self.stack) if e.tag in _HOLDERS), self.stack[-1])
        holder.text += data

    def close_last(self) -> None:
        """Close the element that was opened last."""
        element = self.stack.pop()
        self.open[element.tag] -= 1
        text = " ".join(element.text.split())
        if element.tag == "article":
            self.notes.anchors |= dict.fromkeys(self.inside, self.claim)
            self.notes.close_claim(self.claim)
        elif element.tag == "table" and self.tables:
            self.tables.pop()
        elif self.open["svg"]:
            self._figure_text(element, text)
        elif element.tag == "caption" and self.tables:
            self.tables[-1].caption = text
            self._note("caption", text)
        elif element.tag in ("th", "td") and self.tables:
            self._cell(element, text)
        elif element.tag == "dt":
            self.label = text
        elif element.tag == "dd":
            self._note(self.label, text)
        elif text:
            self._paragraph(element, text)

    def _note(self, part: str, text: str) -> None:
        self.notes.note(Place(part=part), text)

    def _figure_text(self, element: _Element, text: str) -> None:
        if text:
            row = self.tables[-1].row if self.tables else ""
            self.notes.note(Place(part=f"figure {self.figures}", row=row, column=element.tag), text)

    def _paragraph(self, element: _Element, text: str) -> None:
        if element.name == "p.id" and not self.claim:
            self.claim = text
        if element.tag in _HEADINGS:
            self.headings.append(text)
        self._note(element.name, text)

    def _cell(self, element: _Element, text: str) -> None:
        table = self.tables[-1]
        place = Place(part=table.caption, line=table.line)
        if element.tag == "th" and element.attributes.get("scope") == "col":
            table.head.append(text)
            place = replace(place, row="heading", column=str(len(table.head)))
        elif element.tag == "th":
            table.row = text
            place = replace(place, row=text)
        else:
            column = table.head[table.cell] if table.cell < len(table.head) else ""
            place = replace(place, row=table.row, column=column or f"column {table.cell + 1}")
        if element.tag == "td" or element.attributes.get("scope") != "col":
            table.cell += 1
        self.notes.note(place, text, table.above)


def read_html(text: str) -> Readback:
    """Read a page: its articles are claims, each named by the code in its first ``p.id``."""
    page = _Page()
    page.feed(text)
    page.close()
    while page.stack:
        page.close_last()
    return page.notes.reading()


# --- Markdown ---


def _markdown_tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def _inline(children: list[Token]) -> str:
    return "".join(" " if c.type in ("softbreak", "hardbreak") else c.content for c in children)


def _strong(children: list[Token]) -> tuple[str, str]:
    """Return the bold text that inline text begins with, and all that follows it."""
    parts = [c for c in children if c.type != "text" or c.content]
    if not parts or parts[0].type != "strong_open":
        return "", _inline(parts)
    end = next((i for i, c in enumerate(parts) if c.type == "strong_close"), len(parts))
    return _inline(parts[1:end]), _inline(parts[end + 1 :])


class _Document:
    """Reads a Markdown document into places; holds the claim, table and row that are open."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.notes = tokens, _Notes()
        self.claim, self.caption, self.row = "", "", ""
        self.line = self.column = 0
        self.head: list[str] = []
        self.headings: list[str] = []

    def reading(self) -> Readback:
        for i, token in enumerate(self.tokens):
            if token.type == "heading_open" and token.tag in ("h1", "h2"):
                self.notes.close_claim(self.claim)
                self.notes.open_claim()
                self.claim, self.caption = "", ""
            elif token.type == "table_open":
                self.head, self.line = [], 0
            elif token.type == "table_close":
                self.caption = ""
            elif token.type == "tr_open":
                self.line, self.row, self.column = self.line + 1, "", 0
            elif token.type in ("fence", "code_block"):
                self.notes.note(Place(part="code"), token.content)
            elif token.type == "html_block":
                self.notes.note(Place(part="markup"), token.content)
            elif token.type == "inline":
                self._inline(i, token.children or [])
        self.notes.close_claim(self.claim)
        return self.notes.reading()

    def _inline(self, i: int, children: list[Token]) -> None:
        before, content = self.tokens[i - 1].type, _inline(children)
        if before == "heading_open":
            self.headings.append(content)
            self.notes.note(Place(part="heading"), content)
        elif before == "th_open":
            self.head.append(content)
            self._cell("heading", str(len(self.head)), content)
        elif before == "td_open":
            self._data(content)
        else:
            self._paragraph(i, children, content)

    def _data(self, content: str) -> None:
        self.column += 1
        if self.column == 1:
            self.row = content
            self._cell(self.row, "", content)
            return
        heading = self.head[self.column - 1] if self.column <= len(self.head) else ""
        self._cell(self.row, heading or f"column {self.column}", content)

    def _cell(self, row: str, column: str, content: str) -> None:
        place = Place(part=self.caption or "table", row=row, column=column, line=self.line)
        self.notes.note(place, content, tuple(self.headings[-2:]))

    def _paragraph(self, i: int, children: list[Token], content: str) -> None:
        label, rest = _strong(children)
        following = self.tokens[i + 2].type if i + 2 < len(self.tokens) else ""
        if label and not rest.strip() and following == "table_open":
            self.caption = label
            self.notes.note(Place(part="caption"), label)
        elif label.endswith((":", ".")):
            self.notes.note(Place(part=label[:-1]), rest)
        else:
            if content.startswith("Claim ") and not self.claim:
                self.claim = _named(children)
            self.notes.note(Place(part="paragraph"), content)


def read_markdown(text: str) -> Readback:
    """Read Markdown: each claim is a section, each labelled text a fact.

    A claim is named by the line ``Claim NAME: ...`` of its section; a fact is ``**Label:** ...``.
    """
    return _Document(_markdown_tokens(text)).reading()


def _named(children: list[Token]) -> str:
    """The name in a line ``Claim NAME: **word**``."""
    end = next((i for i, c in enumerate(children) if c.type == "strong_open"), len(children))
    return _inline(children[:end]).removeprefix("Claim ").strip().removesuffix(":")


# --- JSON, XML, LaTeX ---


def read_json(text: str) -> Readback:
    """Read JSON: a place is a path, below a claim the path from there."""
    notes = _Notes()
    # Numbers stay as they are spelt: two spellings of one number are two texts.
    for claim, path, value in walk(json.loads(text, parse_float=str, parse_int=str)):
        notes.note(
            Place(claim=claim, part=path), value if isinstance(value, str) else json.dumps(value)
        )
    return notes.reading()


def walk(value: Any, claim: str = "", path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield the claim, the path and the value of every leaf of a JSON value.

    A claim is an object with a ``claim``, or with an ``extra`` that has one.
    """
    if isinstance(value, Mapping):
        for holder in (value.get("extra"), value):
            own = holder.get("claim") if isinstance(holder, Mapping) else None
            if isinstance(own, str):
                claim, path = own, ""
                break
        for key, inner in value.items():
            yield from walk(inner, claim, f"{path}.{key}" if path else str(key))
        if not value:
            yield claim, path, "{}"
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from walk(inner, claim, f"{path}[{i}]")
        if not value:
            yield claim, path, "[]"
    else:
        yield claim, path, value


def read_xml(text: str) -> Readback:
    """Read XML such as JUnit's: each ``testcase`` is a claim.

    Its property ``claim`` names it, else its ``name``.
    """
    notes = _Notes()

    def visit(element: ElementTree.Element, claim: str, path: str) -> None:
        if element.tag == "testcase":
            claim_property = element.find("./properties/property[@name='claim']")
            claim = (
                element.get("name", "")
                if claim_property is None
                else claim_property.get("value", "")
            )
        own = f"{path}/{element.tag}" if path else element.tag
        for key, value in element.attrib.items():
            part = (
                element.get("name", "")
                if element.tag == "property" and key == "value"
                else f"{own} {key}"
            )
            notes.note(Place(claim=claim, part=part), value)
        if element.text and element.text.strip():
            notes.note(Place(claim=claim, part=own), element.text)
        for inner in element:
            visit(inner, claim, own)
            if inner.tail and inner.tail.strip():
                notes.note(Place(claim=claim, part=own), inner.tail)

    visit(ElementTree.fromstring(text), "", "")
    return notes.reading()


_CLAIM_ROW = re.compile(r"(?s)^(.*?)\\\\(?:\[[^\]]*\])?\s*%\s*claim:\s*(.*?)\s*$")
_CELLS = re.compile(r"(?<!\\)&")


def read_latex(text: str) -> Readback:
    r"""Read a LaTeX table, whose rows of claims end in ``\\ % claim: NAME``.

    The last other row above the first of them is the heading.
    """
    notes = _Notes()
    head: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        row = _CLAIM_ROW.match(line)
        if row is None:
            if len(_CELLS.findall(line)) >= 2:
                head = [
                    _plain_latex(cell) for cell in _CELLS.split(line.strip().removesuffix(r"\\"))
                ]
            if line.strip():
                notes.note(Place(part=f"line {number}"), line)
            continue
        for i, cell in enumerate(_CELLS.split(row[1])):
            column = head[i] if i < len(head) else f"column {i + 1}"
            notes.note(Place(claim=row[2], part="table", column=column), _plain_latex(cell))
    return notes.reading()


def _plain_latex(text: str) -> str:
    r"""Return a cell's text as it reads in print.

    ``$-0.05$`` reads −0.05, ``$1.2\times10^{-5}$`` reads 1.2e−5, and escaped signs have no escape.
    """
    text = (
        re.sub(r"\\raggedright\b|\\allowbreak(?:\{\})?", "", text)
        .replace(r"\newline", ";")
        .replace("~", " ")
    )
    text = re.sub(r"\\times\s*10\^\{(-?\d+)\}", r"e\1", text)
    text = text.replace(r"\infty", "∞").replace(r"\pm", "±").replace("{[}", "[").replace("{]}", "]")
    text = re.sub(r"\$([^$]*)\$", lambda m: m[1].replace("-", "−").replace(r"\,", " "), text)
    return " ".join(re.sub(r"\\([&%$#_{}])", r"\1", text).split())


#: How each form of a report is read.
READERS: Mapping[str, Callable[[str], Readback]] = {
    "html": read_html,
    "markdown": read_markdown,
    "json": read_json,
    "latex": read_latex,
    "junit": read_xml,
    "ctrf": read_json,
    "badge": read_json,
}


def read_form(form: str, text: str) -> Readback:
    """Read a rendering.

    Raises
    ------
    FaevalError
        It is not of its form at all: no JSON, no XML.
    """
    try:
        return READERS[form](text) if form in READERS else Readback({}, {}, {})
    except (ValueError, SyntaxError, RecursionError) as error:  # of json and of xml
        raise FaevalError(f"is no {form} at all ({error}).") from None
