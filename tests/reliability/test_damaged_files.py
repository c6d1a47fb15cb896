"""Whatever became of a file that faeval reads, it is read, or refused with exit 2 or 12 and one
bounded message.

300 mutants in all; `tox -e fuzz` tries 5,000 of each file. A failure names the mutant by its
number, which makes it anew.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from faeval import cli
from faeval.errors import FaevalError
from faeval.evidence import canonical_json, read, write_parquet

MUTANTS = int(os.environ.get("FAEVAL_MUTANTS", "0"))
ALL = 300

CLAIMS = """
import random
import faeval as fe

def run(arm, seed):
    return {"score": 0.2 + 0.1 * arm["dose"] + random.Random(f"{arm} {seed}").gauss(0, 0.01)}

dose = fe.Experiment("dose", run, factors={"dose": 0}, metrics={"score": (0, 1)})
helps = fe.Claim(
    "A dose raises the score",
    fe.exceeds(fe.metric("score", fe.Arm(dose=1)), fe.metric("score", fe.Arm()), by=fe.Margin(0.05, "half of a dose")),
    attributed_to="dose", seeds=2,
)
"""  # noqa: E501
PROJECT = (
    '[tool.faeval]\nclaims = ["claims/dose.py"]\nstore = "store"\nseeds = [1, 2]\nworkers ='
    " 1\nstrict = false\n"
)
NUMBERS = """
[[statement]]
name = "mean of five"
mean = "0.902"
spread = "0.01"
n = 5
values = ["0.90", "0.91", "0.92", "0.89", "0.89"]
expect = "inconsistent"

[[statement]]
name = "speed-up"
ratio = "2x"
of = "4"
to = "2"
baselines = { "a" = "2" }

[[spreads]]
source = "x"
spread_is = "s.d."
"""

# --- what is done to a file ---

VALUES: list[Any] = [
    *(None, True, -1, 0, 10**30, -(2**63), 2**64, 1e308, float("nan"), float("inf"), 0.5),
    *(
        "",
        " ",
        "x" * 100_000,
        "\ud800",
        "\x1b[31m\n::error::x",
        "\u202e[red]",
        "supported",
        "0" * 64,
        "\x00",
    ),
    *([], {}, [[]], [None], {"": {}}, [1, "a", None, {}], {"claim": "x"}, [{}, {}], [[1, 2], [3]]),
]
CELLS = [
    "",
    "NaN",
    "inf",
    "-1",
    "1e999",
    "1_000",
    "2" * 40,
    "0x10",
    '"',
    "'",
    "a\nb",
    "x" * 3000,
    "\x1b[2J",
    "é",
    "diverged",
]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Damage bytes as disks, transfers and people do."""
    at, to = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    kind = rng.randrange(6)
    if kind == 0:
        changed = bytearray(content)
        for _ in range(rng.randint(1, 8)):
            changed[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        return bytes(changed)
    if kind == 1:
        return content[:at]
    if kind == 2:
        return content[:at] + content[to:]
    if kind == 3:
        return content[:to] + content[at:]
    if kind == 4:
        return (
            content[:at]
            + rng.choice([b"\0", b"\xff\xfe", b"\r", b'"', b"\n\n", b"{" * 5000, b"[" * 99_999])
            + content[at:]
        )
    return content[:at] + rng.randbytes(to - at) + content[to:]


def nested(content: bytes, rng: random.Random) -> bytes:
    """Change values, names and shapes in a document of JSON, and leave it one."""
    whole = [json.loads(content)]
    for _ in range(rng.randint(1, 3)):
        place: Any = whole
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.8:
                place = place[key]
                continue
            kind = rng.randrange(5)
            if kind == 0 and isinstance(place, dict):
                place[f"{key}s"] = place.pop(key)
            elif kind == 1 and place is not whole:
                del place[key]
            elif kind == 2 and isinstance(place, list) and place is not whole:
                place.extend(place)
            elif kind == 3:
                place[key] = [place[key]] if rng.random() < 0.5 else {"a": place[key]}
            else:
                place[key] = copy.deepcopy(rng.choice(VALUES))
            break
    text = json.dumps(whole[0])
    if rng.random() < 0.1:
        text = text.replace("[", "[" * rng.choice([2, 20_000]), 1)
    if rng.random() < 0.1:
        text = text.replace(": ", ': 1, "claim": ', 1)
    return text.encode()


def sealed(content: bytes) -> bytes:
    """Give a changed record the checksum that belongs to it, as a forger would."""
    try:
        fields = json.loads(content)
        del fields["sha256"]
        fields["sha256"] = hashlib.sha256(canonical_json(fields).encode()).hexdigest()
        return json.dumps(fields).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return content


def sealed_lock(content: bytes) -> bytes:
    """Give the last entry of a lock that was changed, and the claims in it, the digests that belong
    to them.
    """

    def digest(value: Any) -> str:
        return hashlib.sha256(
            json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
        ).hexdigest()

    try:
        fields = json.loads(content)
        entry = fields["chain"][-1]
        entry["claims"] = {name: digest(claim) for name, claim in fields["claims"].items()}
        entry["sha256"] = digest({k: v for k, v in entry.items() if k != "sha256"})
        return json.dumps(fields).encode()
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return content


def cells(content: bytes, rng: random.Random) -> bytes:
    """Put something else into cells of a CSV file, or into its header."""
    lines = [line.split(",") for line in content.decode().splitlines()]
    for _ in range(rng.randint(1, 3)):
        line = rng.choice(lines)
        line[rng.randrange(len(line))] = rng.choice(CELLS)
    return "\n".join(map(",".join, lines)).encode()


def entries(content: bytes, rng: random.Random) -> bytes:
    """Put something else behind an equals sign of TOML."""
    lines = content.decode().splitlines()
    at = rng.choice([i for i, line in enumerate(lines) if " = " in line])
    values = (
        "-1",
        "1e400",
        "nan",
        "''",
        "'\\u0000'",
        '"\\u0000"',
        "[]",
        "{}",
        "[[1]]",
        "true",
        "1979-05-27",
        "9" * 5000,
    )
    lines[at] = (
        f"{lines[at].partition(' = ')[0]} = {rng.choice((*values, '[' * 3000, repr('x' * 5000)))}"
    )
    return "\n".join(lines).encode()


# --- what is read, and by which commands ---


class Reader(NamedTuple):
    file: str
    commands: tuple[str, ...]
    ways: tuple[Callable[[bytes, random.Random], bytes], ...]
    seal: Callable[[bytes], bytes] = bytes


OFFLINE = "verify claims/dose.py --store store --offline"
READERS = {
    "csv": Reader(
        "report/evidence.csv",
        ("verify claims/dose.py --evidence report", "evidence check report"),
        (damaged, cells),
    ),
    "foreign csv": Reader(
        "table.csv",
        (
            "evidence import table.csv out.csv --setting x",
            "evidence merge table.csv --into out2.csv",
        ),
        (damaged, cells),
    ),
    "parquet": Reader(
        "table.parquet", ("verify claims/dose.py --evidence table.parquet",), (damaged,)
    ),
    "foreign parquet": Reader(
        "foreign.parquet", ("evidence import foreign.parquet out.csv --setting x",), (damaged,)
    ),
    "record": Reader(
        "store/RECORD",
        (OFFLINE, "evidence check store", "plan claims/dose.py --store store"),
        (damaged, nested),
    ),
    "forged record": Reader(
        "store/RECORD", (OFFLINE, "evidence export store out.csv"), (nested,), sealed
    ),
    "verdicts": Reader(
        "report/verdicts.json",
        (
            "report report --claims claims --write html --out out",
            "report report --claims claims --check",
            "report kept --claims claims --against report",
            "evidence check report",
            "verify claims/dose.py --evidence report",
        ),
        (damaged, nested),
    ),
    "provenance": Reader(
        "report/provenance.json",
        (
            "verify claims/dose.py --evidence report",
            "report report --claims claims --write html --out out",
            "report kept --claims claims --against report",
        ),
        (damaged, nested),
    ),
    "lock": Reader(
        "claims/claims.lock",
        ("lock claims --check", OFFLINE, "plan claims --store store"),
        (damaged, nested),
    ),
    "forged lock": Reader(
        "claims/claims.lock", ("lock claims --check", OFFLINE), (nested,), sealed_lock
    ),
    "project": Reader("pyproject.toml", ("verify --offline", "plan"), (damaged, entries)),
    "numbers": Reader(
        "numbers.toml",
        ("check-numbers numbers.toml", "check-numbers numbers.toml --json"),
        (damaged, entries),
    ),
}


@pytest.fixture(scope="module", autouse=True)
def made_once() -> Iterator[None]:
    """typer makes the command line anew for each call, which takes longer than the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "app", typer.main.get_command(cli.app))
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one of each file; the place of one record is the value of ``store/RECORD``."""
    import pyarrow.parquet
    from pyarrow import csv

    folder = tmp_path_factory.mktemp("project")
    (folder / "claims").mkdir()
    for name, text in {
        "claims/dose.py": CLAIMS,
        "pyproject.toml": PROJECT,
        "numbers.toml": NUMBERS,
    }.items():
        (folder / name).write_text(text)
    with contextlib.chdir(folder):
        for command in ("lock claims", "verify claims --workers 1 --store store --report report"):
            assert call(command)[0] == 0
        shutil.copytree("report", "kept")
        shutil.copy("report/evidence.csv", "table.csv")
        write_parquet(read("table.csv"), "table.parquet")
        pyarrow.parquet.write_table(csv.read_csv("table.csv"), "foreign.parquet")
    return folder


def call(command: str) -> tuple[int, str]:
    """Run a command in this process, and return its exit code and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli._run(command.split(), debug=False)
    return code, err.getvalue()


@pytest.mark.parametrize("name", READERS)
@pytest.mark.filterwarnings("default")
def test_a_damaged_file_is_read_or_refused(name: str, project: Path, tmp_path: Path) -> None:
    reader = READERS[name]
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    file = folder / reader.file
    if file.name == "RECORD":
        file = sorted(folder.glob("store/runs/*/audit-*.json"))[0]
    content = file.read_bytes()
    codes: dict[int, int] = {}
    with contextlib.chdir(folder):
        for number in range(MUTANTS or ALL // len(READERS)):
            rng = random.Random(f"{name} {number}")
            file.write_bytes(reader.seal(rng.choice(reader.ways)(content, rng)))
            command = reader.commands[number % len(reader.commands)]
            try:
                code, said = call(command)
            except BaseException as error:
                raise AssertionError(f"{name}, mutant {number}: {command}") from error
            where = f"{name}, mutant {number}: {command}: exit {code}: {said[-3000:]}"
            codes[code] = codes.get(code, 0) + 1
            assert code in (0, 1, 2, 5, 11, 12), where
            lines = said.splitlines()
            assert all(
                len(line) <= 2100 and line.replace("\u2060", "").isprintable() for line in lines
            ), where
            assert code not in (2, 12) or len(lines) <= 4 or command.startswith("evidence check"), (
                where
            )
    assert {2, 12} & set(codes), codes  # something was refused


def test_a_damaged_checkpoint_is_read_or_refused(tmp_path: Path) -> None:
    from torch import nn

    from faeval.bench.training import load, save

    network, rule, path = nn.Linear(3, 2), nn.Linear(2, 2), tmp_path / "epoch-0001.safetensors"
    content = (tmp_path / path.name).read_bytes() if save(network, rule, path) else b""
    refusals: list[FaevalError] = []
    for number in range(MUTANTS or ALL // len(READERS)):
        rng = random.Random(f"checkpoint {number}")
        size = int.from_bytes(content[:8], "little")
        if rng.random() < 0.5:  # else the head alone, with its length
            changed = damaged(content, rng)
        else:
            head = nested(content[8 : 8 + size], rng)
            changed = len(head).to_bytes(8, "little") + head + content[8 + size :]
        path.write_bytes(changed)
        try:
            load(
                network, rule, path, hashlib.sha256(changed).hexdigest()
            )  # its record says that this is the file
        except FaevalError as error:
            refusals.append(error)
        except Exception as error:
            raise AssertionError(f"checkpoint, mutant {number}") from error
    assert {error.exit_code for error in refusals} <= {2, 12}
    assert 0 < max(len(str(error)) for error in refusals) <= 2000
