"""faeval decide: its refusals in a line with a remedy that runs, its options, and what it saves."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

OURS = [0.912, 0.905, 0.921, 0.899, 0.915]
BASE = [0.872, 0.869, 0.881, 0.86, 0.877]
ROWS = [(m, s, v) for m, vs in (("ours", OURS), ("base", BASE)) for s, v in enumerate(vs)]
HEAD = "method,seed,acc\n"
CLEAN = HEAD + "".join(f"{m},{s},{v}\n" for m, s, v in ROWS)
ASKED = ("ours > base", "--metric", "acc", "--by", "0.01", "--because", "one point")
Faeval = Callable[..., Any]


def with_column(name: str, cells: Callable[[str, int, float], list[object]]) -> str:
    """The table with a column more, and a row for each of its cells."""
    lines = [f"{m},{s},{v},{cell}" for m, s, v in ROWS for cell in cells(m, s, v)]
    return "\n".join([f"method,seed,acc,{name}", *lines]) + "\n"


EPOCHS = with_column("epoch", lambda m, s, v: [1, 2, 3])
UNEVEN = with_column("epoch", lambda m, s, v: [1, 2, 3, 4][: 3 + (s == 2)])
TASKS = with_column("task", lambda m, s, v: ["x", "y"])
PERCENT = HEAD + "".join(f"{m},{s},{v * (100 if m == 'ours' else 1):.4f}\n" for m, s, v in ROWS)
OUTCOMES = HEAD + "".join(f"{m},{s},{s < (4 if m == 'ours' else 2)}\n" for m, s, _ in ROWS)
TASK_ALONE = "method,task,acc\n" + CLEAN.removeprefix(HEAD)
MODELS = with_column("model", lambda m, s, v: [["ours", "base"][(s + (m == "ours")) % 2]])
FOLDS = with_column("fold", lambda m, s, v: [0, 1])


def words_of(*more: str, instead: dict[str, str] | None = None) -> list[str]:
    """The words of the usual question, with options put in place of its own."""
    words = list(ASKED)
    for name, value in (instead or {}).items():
        words[words.index(name) + 1] = value
    return [*words, *more]


def commands_in(text: str) -> list[str]:
    """The commands that a message prints, as they stand in it."""
    return [line[line.index("faeval decide") :] for line in text.splitlines()
            if "faeval decide" in line]  # fmt: skip


def is_refusal(done: Any) -> str:
    """Hold a refusal to its form: exit 2, one message, then a command a line at most."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert not done.stdout
    assert "Traceback" not in done.stderr
    assert done.stderr.count("faeval: ") == 1
    first, *others = done.stderr.strip().splitlines()
    assert first.startswith("faeval: ")
    assert all("faeval decide" in line for line in others), done.stderr
    return str(done.stderr)


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        (CLEAN.replace("seed,acc", "acc,acc"), words_of(), ("'acc'",)),
        (CLEAN.replace("seed", "method"), words_of(), ("'method'",)),
        ("", words_of(), ("empty",)),
        (HEAD, words_of(), ("no rows",)),
        ("one line of prose without a table\n", words_of(), ("no table",)),
        ("method,seed,acc\nours,0,1,234\nbase,0,1,200\n", words_of(), ("fields", "line 2")),
        (CLEAN.replace("0.912", "good"), words_of(), ("'good'", "line 2", "diverged")),
        (CLEAN, ["our > base", *words_of()[1:]], ("'our'", "'ours'")),
        (CLEAN, ["ours base", *words_of()[1:]], ("operator", "above", "--against")),
        (CLEAN, [*words_of()[1:]], ("question", "ours > base")),
        (CLEAN, words_of()[:5], ("--because",)),
        (CLEAN, [*words_of()[:3], "--because", "x"], ("--because", "--by")),
        (CLEAN, words_of(instead={"--because": " "}), ("--because",)),
        (CLEAN, words_of(instead={"--by": "-1"}), ("-1",)),
        (CLEAN, words_of(instead={"--by": "much"}), ("much", "1.05x")),
        (CLEAN, words_of(instead={"--metric": "ac"}), ("ac", "'acc'")),
        (CLEAN, words_of("--seed", "sed"), ("sed", "'seed'")),
        (CLEAN, words_of("--arm", "methd"), ("methd", "'method'")),
        (CLEAN, words_of("--epoch", "e"), ("--epoch e",)),
        (CLEAN, words_of("--layer", "e"), ("--layer e",)),
        (CLEAN, words_of("--status", "e"), ("--status e",)),
        (CLEAN, words_of("--run", "e"), ("--run e",)),
        (CLEAN, words_of("--average", "e"), ("--average e",)),
        (CLEAN, words_of("--where", "e=1"), ("--where e",)),
        (CLEAN, words_of("--where", "method=x"), ("no row", "ours")),
        (CLEAN, words_of("--where", "method"), ("COLUMN=VALUE",)),
        (CLEAN, words_of("--group-by", "e"), ("--group-by e",)),
        (CLEAN, words_of("--group-by", "method"), ("--group-by method",)),
        (CLEAN, words_of("--last"), ("epoch",)),
        (CLEAN, words_of("--range", "acc=0:0.9"), ("0.912", "--range")),
        (CLEAN, words_of("--range", "acc=1:0"), ("not below",)),
        (CLEAN, words_of("--range", "acc"), ("METRIC=LOW:HIGH",)),
        (CLEAN, words_of("--best", "high"), ("max or min",)),
        (CLEAN, words_of("--format", "pdf"), ("'pdf'", "json")),
        (CLEAN, words_of("--against", "base"), ("--arm",)),
        (EPOCHS, words_of("--last", "--at", "2"), ("--last", "--at")),
        (EPOCHS, words_of("--at", "9"), ("9", "Name one")),
        (UNEVEN, words_of("--at", "4"), ("4", "seed 0")),
        (TASKS, words_of(), ("--where task=", "--group-by task")),
        (with_column("lr", lambda m, s, v: [0.1, 0.01]), words_of(), ("'lr'",)),
        (PERCENT, words_of(), ("percent",)),
        (TASK_ALONE, words_of(), ("--seed", "--unpaired")),
        ("method,acc\nours,0.91 ± 0.01\nbase,0.87 ± 0.01\n", words_of(), ("seed", "check-numbers")),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_with_a_remedy(
    content: str, words: list[str], said: tuple[str, ...], tmp_path: Path, faeval: Faeval
) -> None:
    (tmp_path / "r.csv").write_text(content, encoding="utf-8")
    text = is_refusal(faeval("decide", "r.csv", *words))
    for word in said:
        assert word in text


def test_what_is_no_file_is_named(tmp_path: Path, faeval: Faeval) -> None:
    (tmp_path / "runs").mkdir()
    assert "folder" in is_refusal(faeval("decide", "runs", *ASKED))
    assert "nowhere.csv" in is_refusal(faeval("decide", "nowhere.csv", *ASKED))
    assert "no file" in is_refusal(faeval("decide", "--glob", "runs/*/{seed}.json", *ASKED)).lower()
    for seed in range(3):
        (tmp_path / f"runs/ours_{seed}.json").write_text(f'{{"acc": 0.9{seed}}}', encoding="utf-8")
    one = is_refusal(faeval("decide", "--glob", "runs/{method}_{seed}.json", *ASKED))
    assert "'base'" in one


@pytest.mark.parametrize(
    ("content", "words", "leads"),
    [
        (CLEAN, words_of(instead={"--by": "1%"}), 2),
        (EPOCHS, words_of(), 3),
        (FOLDS, words_of(), 1),
        (HEAD.replace("seed", "fold") + CLEAN.removeprefix(HEAD), words_of(), 1),
        (OUTCOMES, words_of(), 1),
        (HEAD + "".join(f'{m},{s},"1,{1000 * v:.0f}"\n' for m, s, v in ROWS), words_of(), 2),
        (with_column("test acc", lambda m, s, v: [v]).replace(",acc,", ",val/acc,").replace(
            "test acc", "test/acc"), words_of(), 2),
        (MODELS, words_of(), 2),
        (with_column("rep", lambda m, s, v: [(s + (m == "base")) % 5]), words_of(), 2),
    ],
)  # fmt: skip
def test_commands_that_a_refusal_prints_run_as_printed(
    content: str, words: list[str], leads: int, tmp_path: Path, faeval: Faeval
) -> None:
    (tmp_path / "my results.csv").write_text(content, encoding="utf-8")
    text = is_refusal(faeval("decide", "my results.csv", *words))
    commands = commands_in(text)
    assert len(commands) == leads, text
    for command in commands:
        # What follows " (" is said of the command.
        done = faeval(*shlex.split(command.partition(" (or ")[0])[1:])
        assert done.returncode in (0, 11) or len(commands_in(is_refusal(done))) > 0, (command, done)


def test_a_printed_command_runs_in_a_posix_shell(tmp_path: Path, faeval: Faeval) -> None:
    (tmp_path / "it's.csv").write_text(EPOCHS, encoding="utf-8")
    words = words_of(instead={"--because": 'a "point" of $HOME; rm `x`'})
    command = next(c for c in commands_in(is_refusal(faeval("decide", "it's.csv", *words)))
                   if c.endswith("--last"))  # fmt: skip
    shell = f'faeval() {{ {shlex.quote(sys.executable)} -m faeval "$@"; }}\n{command} --format json'
    done = subprocess.run(
        ["sh", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (verdict,) = json.loads(done.stdout)["report"]["verdicts"]
    assert verdict["verdict"] == "supported"
    assert verdict["assertions"][0]["because"] == 'a "point" of $HOME; rm `x`'


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "N/A", "NA", "null", "#N/A", ""])
def test_what_is_undefined_is_invalid_and_never_left_out(
    cell: str, tmp_path: Path, faeval: Faeval
) -> None:
    (tmp_path / "r.csv").write_text(CLEAN.replace("0.881", cell), encoding="utf-8")
    done = faeval("decide", "r.csv", *ASKED)
    assert (done.returncode, "invalid" in done.stdout, "seed 2" in done.stdout) == (11, True, True)


def verdicts(done: Any) -> list[Any]:
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["report"]["verdicts"])


def test_options_choose_rows_groups_rates_and_averages(tmp_path: Path, faeval: Faeval) -> None:
    for name, content in {"tasks": TASKS, "epochs": EPOCHS, "folds": FOLDS, "r": CLEAN}.items():
        (tmp_path / f"{name}.csv").write_text(content, encoding="utf-8")
    outcomes = HEAD + "".join(
        f"{m},{s},{int(m == 'ours')}\n" for m in ("ours", "base") for s in range(12)
    )
    (tmp_path / "rates.csv").write_text(outcomes, encoding="utf-8")
    json_of = ("--format", "json")
    (one,) = verdicts(faeval("decide", "tasks.csv", *ASKED, "--where", "task=x", *json_of))
    groups = verdicts(faeval("decide", "tasks.csv", *ASKED, "--group-by", "task", *json_of))
    (fold,) = verdicts(faeval("decide", "folds.csv", *ASKED, "--average", "fold", *json_of))
    (at,) = verdicts(faeval("decide", "epochs.csv", *ASKED, "--at", "2", *json_of))
    (rate,) = verdicts(faeval("decide", "rates.csv", *ASKED, "--rate", *json_of))
    several = verdicts(faeval("decide", "r.csv", *ASKED, "base < ours", *json_of))
    for verdict in (one, fold, at, *groups):
        assert verdict["assertions"][0]["estimate"] == pytest.approx(0.0386)
    assert (rate["verdict"], rate["test"] == "t") == ("supported", False)
    assert [v["family_size"] for v in (one, *groups, *several)] == [1, 2, 2, 2, 2]
    assert groups[0]["adjusted_support"] == pytest.approx(2 * one["adjusted_support"])
    assert len({v["sentence"] for v in (*groups, *several)}) == 4


def test_files_have_a_column_that_names_them(tmp_path: Path, faeval: Faeval) -> None:
    for name, vs in (("ours", OURS), ("base", BASE)):
        lines = [f"{s},{v}" for s, v in enumerate(vs)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["seed,acc", *lines]), encoding="utf-8")
    (one,) = verdicts(faeval("decide", "ours.csv", "base.csv", *ASKED, "--format", "json"))
    assert one["assertions"][0]["estimate"] == pytest.approx(0.0386)


def test_standard_input_is_a_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "faeval", "decide", "-", *ASKED, "--format", "json"],
        input=CLEAN, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verdicts(done)[0]["verdict"] == "supported"


def test_an_error_is_json_where_json_is_asked_for(tmp_path: Path, faeval: Faeval) -> None:
    (tmp_path / "r.csv").write_text(CLEAN, encoding="utf-8")
    done = faeval("decide", "r.csv", "our > base", *ASKED[1:], "--json")
    assert done.returncode == 2
    content = json.loads(done.stdout)
    assert (content["exit_code"], "ours" in json.dumps(content)) == (2, True)


def test_a_saved_claim_is_registered_and_decided_on_new_numbers(
    tmp_path: Path, faeval: Faeval
) -> None:
    (tmp_path / "r.csv").write_text(CLEAN, encoding="utf-8")
    assert ".py" in is_refusal(faeval("decide", "r.csv", *ASKED, "--save", "claims/x.txt"))
    done = faeval("decide", "r.csv", *ASKED, "--save", "claims/x.py")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "claims/x.py").read_text(encoding="utf-8")
    assert "already" in is_refusal(faeval("decide", "r.csv", *ASKED, "--save", "claims/x.py"))
    locked = faeval("lock", "claims/x.py")
    assert locked.returncode == 0, locked.stderr
    seeds = planned(faeval)
    rows = [f"{m},{s},{v + 0.001 * (s % 3)}" for m, vs in (("ours", OURS), ("base", BASE))
            for s, v in zip(seeds, vs, strict=True)]  # fmt: skip
    (tmp_path / "new.csv").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    command = next(line for line in text.splitlines() if "evidence import" in line)
    words = shlex.split(command)[1:]
    words[words.index("NEW")] = "new.csv"
    imported = faeval(*words)
    assert imported.returncode == 0, imported.stderr
    decided = faeval("verify", "claims/x.py", "--evidence", "evidence.csv", "--json")
    (verdict,) = json.loads(decided.stdout)["verdicts"]
    assert verdict["verdict"] == "supported", verdict
    assert "unregistered" not in verdict["flags"]
    # The numbers that it was made from are no test of it, whatever seeds are written beside them.
    rows = [f"{m},{seeds[s]},{v}" for m, s, v in ROWS]
    (tmp_path / "new.csv").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    assert faeval(*words).returncode == 0
    again = faeval("verify", "claims/x.py", "--evidence", "evidence.csv", "--json")
    (old,) = json.loads(again.stdout)["verdicts"]
    assert {*old["flags"]} > {*verdict["flags"]}


def planned(faeval: Faeval) -> list[int]:
    """The seeds that registration drew."""
    done = faeval("plan", "claims/x.py", "--pilot", "r.csv", "--json")
    assert done.returncode == 0, done.stderr
    return [int(seed) for seed in json.loads(done.stdout)["claims"][0]["seeds"]]
