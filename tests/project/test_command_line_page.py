"""docs/command-line.md: its tables are made of the command line itself.

python tests/project/test_command_line_page.py --write     # writes the tables into the page
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from faeval._options import OPTIONS
from faeval.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
TABLE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
CODES = [130, 2, 3, 12, 11, 1, 10, 5, 0]


def table(*rows: tuple[str, ...]) -> str:
    head, *body = (
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows
    )
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body]) + "\n"


def named(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
        return f"`{name}`" + (" ..." if parameter.nargs == -1 else "")
    name = parameter.metavar or parameter.opts[-1].strip("-").upper().replace("-", "_")
    takes = "" if parameter.is_flag else f" {name}"
    names = (f"`{name}{takes}`" for name in (*parameter.opts, *parameter.secondary_opts))
    return ", ".join(names) + (", several times" if parameter.multiple else "")


def default(parameter: Any) -> str:
    shown = parameter.show_default
    if isinstance(shown, str):
        return shown
    value = parameter.default
    if value is None or value is False or callable(value):
        return "required" if parameter.required else ""
    return f"`{value}`" if value != Path() else "here"


def leaves(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def commands() -> str:
    parts = []
    for name, command in leaves(typer.main.get_command(app)):
        rows = [("", "", "default", "environment")]
        for parameter in command.params:
            if parameter.name != "help":
                environment = f"`{parameter.envvar}`" if parameter.envvar else ""
                rows.append(
                    (named(parameter), parameter.help or "", default(parameter), environment)
                )
        parts.append(
            f"### faeval {name}\n\n{inspect.cleandoc(command.help or '')}\n\n{table(*rows)}"
        )
    return "\n" + "\n".join(parts) + "\n"


def keys() -> str:
    return table(
        ("key", "is", "for"),
        *((f"`{o.name}`", o.kind.wanted, o.help) for o in OPTIONS.values() if o.project),
    )


TABLES = {"keys": keys, "commands": commands}


def test_the_tables_are_those_of_the_command_line() -> None:
    found = {name: body for _, name, body, _ in TABLE.findall(PAGE.read_text())}
    assert set(found) == set(TABLES)
    for name, body in found.items():
        assert body == TABLES[name](), (
            f"{name}: run `python tests/project/{Path(__file__).name} --write`"
        )


def test_every_option_says_what_it_does() -> None:
    for name, command in leaves(typer.main.get_command(app)):
        assert command.help, name
        for parameter in command.params:
            assert parameter.help, (name, parameter.name)


def test_the_exit_codes_stand_in_the_order_in_which_they_apply() -> None:
    codes = re.findall(
        r"^\| (\d+) \|",
        PAGE.read_text().partition("## Exit codes")[2].partition("## ")[0],
        re.MULTILINE,
    )
    assert [int(code) for code in codes] == CODES


def main() -> None:
    text = TABLE.sub(lambda m: m.group(1) + TABLES[m.group(2)]() + m.group(4), PAGE.read_text())
    PAGE.write_text(text)
    sys.stdout.write(f"wrote {PAGE.name}\n")


if __name__ == "__main__":
    main()
