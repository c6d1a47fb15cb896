"""faeval explain: what a word means that a table, a page or a message uses."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from faeval.cli._common import command, console_for, say_json


@command("explain")
def explain(
    options: dict[str, Any],
    word: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORD",
            help="Such as underpowered, fragile, after evidence, Holm; without one all are listed.",
        ),
    ] = None,
) -> None:
    """Explain a word that a table, a page or a message uses."""
    from rich.text import Text

    from faeval.reports.words import _explained as words

    name = " ".join(word or [])
    senses = words.explained(name) if name else words.entries()
    if options["json"]:
        entries = [asdict(entry) for entry in senses]
        say_json({"schema": "faeval-words-1", "exit_code": 0, "word": name, "entries": entries})
        return
    console = console_for()

    def write(text: str, style: str = "", indent: int = 0) -> None:
        room = max(20, min(console.width, _WIDEST) - indent)
        for line in Text(text, style=style).wrap(console, room):
            line.rstrip()
            console.print(Text(" " * indent).append_text(line))

    if name:
        for i, entry in enumerate(senses):
            write(f"{chr(10) * bool(i)}{entry.word} ({entry.kind})", "bold")
            write(entry.meaning, indent=2)
            if entry.remedy:
                write(f"What to do: {entry.remedy}", indent=2)
        return
    for kind in words.kinds():
        names = sorted((e.word for e in senses if e.kind == kind), key=str.casefold)
        write(f"{kind}:", "bold")
        write("; ".join(dict.fromkeys(names)), indent=2)
    write("faeval explain WORD says what one of them means.", "dim")


_WIDEST = 80  # longer lines are hard to read
