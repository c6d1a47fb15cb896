"""Show that verdicts.json of schema 2 has every value of schema 1 but prose.

Run it in the checkout: ``python tests/reports/schema_2_equals_1.py [REVISION]`` reads the committed
reports of a revision that has schema 1, and the reports that are there, and prints counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2]
#: The last revision whose reports are of schema 1.
LAST = "764d3e1"
#: What was prose in schema 1, and is in schema 2 said by faeval.reports alone.
PROSE = {"reason", "scope", "assumption", "takes", "warnings"}
#: What schema 2 adds.
NEW = {"detail", "over", "warnings"}


def committed(revision: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path of each committed report's JSON at a revision, with its content."""
    listed = ["git", "ls-tree", "-r", "--name-only", revision, "reports"]
    names = subprocess.run(listed, cwd=HERE, capture_output=True, text=True, check=True).stdout
    for name in names.split():
        if name.endswith("verdicts.json"):
            shown = ["git", "show", f"{revision}:{name}"]
            text = subprocess.run(shown, cwd=HERE, capture_output=True, text=True, check=True)
            yield name, json.loads(text.stdout)


def as_schema_1(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of schema 2 as schema 1 had it, without prose."""
    one = {key: value for key, value in document.items() if key != "inputs"}
    one["grounds"] = [_grounds(inputs) for inputs in document["inputs"]]
    one["verdicts"] = [_verdict(verdict) for verdict in document["verdicts"]]
    return one


def _grounds(inputs: dict[str, Any]) -> dict[str, Any]:
    controls = [
        {key: value for key, value in control.items() if key not in ("arm", "seed", "layer")}
        | {
            "where": ""
            if control["seed"] is None
            else f"{control['arm']}, seed {control['seed']}, state {control['layer']}"
        }
        for control in inputs["controls"]
    ]
    return {**inputs, "controls": controls}


def _verdict(verdict: dict[str, Any]) -> dict[str, Any]:
    def side(one: dict[str, Any]) -> dict[str, Any]:
        return {"text": one["expression"], "values": one["values"]}

    assertions = [
        {key: value for key, value in a.items() if key != "agreement"}
        | {"a": side(a["a"]), "b": side(a["b"])}
        for a in verdict["assertions"]
    ]
    return {k: v for k, v in verdict.items() if k not in NEW} | {"assertions": assertions}


def without_prose(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of schema 1 without what schema 2 does not hold."""
    verdicts = []
    for verdict in document["verdicts"]:
        kept = {key: value for key, value in verdict.items() if key not in PROSE}
        kept["assertions"] = [
            {key: value for key, value in a.items() if key != "text"} for a in kept["assertions"]
        ]
        verdicts.append(kept)
    return {**document, "verdicts": verdicts}


def differing(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the path and both values of each leaf that differs; keys that are missing are None."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differing(
                one.get(key, "(missing)"), other.get(key, "(missing)"), f"{path}.{key}"
            )
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for a, b in zip(one, other, strict=True):
            yield from differing(a, b, f"{path}[]")
    elif one != other or isinstance(one, bool) != isinstance(other, bool):
        yield path, one, other


def leaves(value: Any) -> int:
    """Count the values in a document."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(leaves, inner)) if isinstance(value, dict | list) else 1


def main(revision: str = LAST) -> int:
    """Compare all committed reports and print counts; return 1 where a value differs."""
    verdicts = values = 0
    wrong: Counter[str] = Counter()
    for name, old in committed(revision):
        assert old["schema"] == "faeval/report/1", name
        new = json.loads((HERE / name).read_text(encoding="utf-8"))
        assert new["schema"] == "faeval/report/2", name
        before = without_prose(old)
        verdicts += len(old["verdicts"])
        values += leaves(before)
        for path, one, other in differing(before, as_schema_1(new)):
            if path != ".schema":
                wrong[path] += 1
                print(f"{name}{path}: {one!r} was, {other!r} is")
    print(f"{verdicts} verdicts, {values} values compared, {sum(wrong.values())} differ")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
