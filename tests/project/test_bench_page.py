"""docs/bench.md: its tables are made of the registry and of committed evidence, its example runs.

python tests/project/test_bench_page.py --write     # writes the tables into the page
"""

from __future__ import annotations

import csv
import inspect
import re
import runpy
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from faeval.experiment import Arm, components, experiment

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "bench.md"
RUNS = ROOT / "reports" / "rules" / "cifar10-seed-1000.csv"
TABLE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"<!-- example: ([\w.]+) -->\n```python\n(.*?)```", re.DOTALL)
PUBLISHED = ("credit_site", "credit_scale")


def table(*rows: tuple[str, ...]) -> str:
    head, *body = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body]) + "\n"


def first_line(name: str, kind: str) -> str:
    text = inspect.getdoc(components(kind)[name].resolve()) or ""
    return text.splitlines()[0].rstrip(".").replace("|", "\\|")


def own(name: str, kind: str) -> str:
    return (
        ", ".join(f"`{n}` ({f.default!r})" for n, f in components(kind)[name].factors.items())
        or "none"
    )


def rules() -> str:
    teacher = experiment("teacher")

    def exact(rule: str) -> str:
        factors = teacher.resolve(Arm(rule))
        states = teacher.exact(factors)
        return (
            "all"
            if states == teacher.layers(factors)
            else "h_L"
            if states == (factors["blocks"],)
            else "none"
        )

    rows = [(f"`{n}`", first_line(n, "rule"), exact(n), own(n, "rule")) for n in components("rule")]
    return table(("rule", "what it is", "exact", "factors of its own (default)"), *rows)


def networks() -> str:
    rows = [(f"`{n}`", first_line(n, "network"), own(n, "network")) for n in components("network")]
    return table(("network", "what it is", "factors of its own (default)"), *rows)


def factors() -> str:
    found = experiment("teacher").factors
    rows = [
        (f"`{n}`", repr(f.default), ", ".join(map(repr, f.choices or ())) or "any", f.help)
        for n, f in found.items()
    ]
    return table(("factor", "default (`teacher`)", "values", ""), *rows)


def cifar10() -> str:
    read: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
    unread: set[str] = (
        set()
    )  # arms of which the instrument failed its positive control at a deep state
    with RUNS.open() as file:
        for row in csv.DictReader(file):
            if row["epoch"] == "30":
                assert row["status"] in ("measured", "below_floor")
                read[row["arm"]][row["metric"], row["layer"]] = float(row["value"])
                if row["status"] == "below_floor" and row["layer"] != "0":
                    unread.add(row["arm"])
    setting, rows = experiment("cifar10"), []
    asked = runpy.run_path(str(RUNS.with_name("run.py")))["ARMS"]
    assert {setting.canonical(arm).label for arm in asked} == set(read)
    for arm in asked:
        found, exact = read[setting.canonical(arm).label], setting.exact(setting.resolve(arm))
        deep = [found["cosine", str(layer)] for layer in range(1, 5) if layer not in exact]
        cosine = f"{sum(deep) / len(deep):.3f}" if deep else "exact"
        cosine = "below floor" if setting.canonical(arm).label in unread else cosine
        recipe = {"input unit": "published", "output error": "standard"}
        sites = " ".join(str(setting.resolve(arm)[f]) for f in PUBLISHED)
        bare = Arm(**{f: v for f, v in arm.items() if f not in PUBLISHED})
        accuracy, norm = found["accuracy", ""], found["state_norm", "4"]
        rows.append(
            (
                accuracy,
                (f"`{bare}`", recipe.get(sites, sites), f"{accuracy:.3f}", cosine, f"{norm:.0e}"),
            )
        )
    ranked = [row for _, row in sorted(rows, key=lambda item: -item[0])]
    return table(
        ("arm", "recipe", "accuracy", "deep cosine, exact states left out", "median norm of h_4"),
        *ranked,
    )


def steps() -> str:
    with RUNS.with_name("steps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["rule"] for row in rows} == set(components("rule")) - {"bp"}
    shown = [
        (
            f"`{r['rule']}`",
            r["threads"],
            *(f"{float(r[k]):.2f}" for k in ("median", "least", "most")),
        )
        for r in rows
    ]
    return table(
        ("rule", "threads", "median ratio", "least", f"most of {rows[0]['rounds']} rounds"), *shown
    )


TABLES: dict[str, Callable[[], str]] = {
    "rules": rules, "factors": factors, "networks": networks, "cifar10": cifar10, "steps": steps,
}  # fmt: skip


def test_the_tables_are_those_of_the_registry_and_of_the_committed_runs() -> None:
    found = {name: body for _, name, body, _ in TABLE.findall(PAGE.read_text())}
    assert set(found) == set(TABLES)
    for name, body in found.items():
        assert body == TABLES[name](), (
            f"{name}: run `python tests/project/{Path(__file__).name} --write`"
        )


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    for name, code in EXAMPLE.findall(PAGE.read_text()):
        (folder / (name if name.endswith(".py") else f"{name}.py")).write_text(code)
    return folder


@pytest.mark.slow
def test_a_rule_a_network_and_a_task_of_ones_own_are_verified_over_workers(examples: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "faeval",
        "verify",
        "own.py",
        "--seeds",
        "3",
        "--workers",
        "2",
        "--json",
    ]
    done = subprocess.run(command, cwd=examples, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert '"setting": "wine"' in done.stdout
    again = subprocess.run(command, cwd=examples, capture_output=True, text=True, timeout=300)
    assert again.stdout == done.stdout
    # What changes in the rule is trained again.
    changed = (
        (examples / "own.py")
        .read_text()
        .replace("self.gain * output_error", "-self.gain * output_error")
    )
    (examples / "own.py").write_text(changed)
    other = subprocess.run(command, cwd=examples, capture_output=True, text=True, timeout=300)
    assert other.stdout != done.stdout


@pytest.mark.slow
def test_the_rule_of_the_example_passes_check_rule(examples: Path) -> None:
    done = subprocess.run(
        [sys.executable, "check.py"], cwd=examples, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def main() -> None:
    text = TABLE.sub(lambda m: m.group(1) + TABLES[m.group(2)]() + m.group(4), PAGE.read_text())
    PAGE.write_text(text)
    sys.stdout.write(f"wrote {PAGE.name}\n")


if __name__ == "__main__":
    main()
