"""What documents and overviews link to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape


@dataclass(frozen=True)
class Link:
    """A link of a Markdown document: its text, where it leads, and its line."""

    text: str
    target: str
    line: int


def links(text: str) -> Iterator[Link]:
    """Yield the links of a Markdown document in their order; what stands in code is none."""
    from markdown_it import MarkdownIt

    for token in MarkdownIt("commonmark").enable("table").parse(text):
        children = token.children or []
        for i, child in enumerate(children):
            if child.type == "link_open":
                end = next(j for j in range(i, len(children)) if children[j].type == "link_close")
                words = (" " if c.type.endswith("break") else c.content for c in children[i:end])
                yield Link(
                    "".join(words), str(child.attrs.get("href", "")), (token.map or [0])[0] + 1
                )


def pages_of(overview: str) -> list[str]:
    """Return the folders of the reports that an overview's page links to.

    They stand in the order of its columns.
    """
    return list(dict.fromkeys(map(unescape, re.findall(r'href="([^"#]*)/report\.html"', overview))))
