"""Result files as they lie around, each with what it must come to.

``$FAEVAL_CASES`` names their folder, or they lie in shared/cases/import beside the project; its
expected.tsv has a row for each file, and is described in the README beside it.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_BESIDE = Path(__file__).parents[3] / "shared" / "cases" / "import"
CASES = Path(os.environ.get("FAEVAL_CASES", _BESIDE))
#: Questions of files whose second arm is not the one that the column ``more`` names, or not named
#: there: the file's own two arms are asked for.
QUESTIONS = {
    "11_unicode_names.csv": "α-DFA > 基线",
    "12_names_with_spaces.csv": "Random Forest > k-NN (k=5)",
    "54_arm_column_equals.csv": "lr=0.10 > lr=0.1",
}


class Case(NamedTuple):
    file: str
    outcome: str
    more: str

    @property
    def question(self) -> str:
        quoted = re.search(r'"([^"]+ > [^"]+)"', self.more)
        return QUESTIONS.get(self.file) or (quoted[1] if quoted else "ours > base")

    @property
    def options(self) -> list[str]:
        """Options named in ``more``, over those that every file gets."""
        options = {"--metric": "acc", "--by": "0.01", "--because": "one point"}
        # Those after "names" and "asks for" are what the answer says.
        said = re.split(r"\b(?:names|asks for|unless|with)\b", self.more)[0]
        options |= dict(re.findall(r"(--(?:metric|by)) ([\w./-]+)", said))
        flags = ["--last"] if re.search(r"--last\b", said) else []
        return [*(word for pair in options.items() for word in pair), *flags]


def cases() -> list[Case]:
    table = CASES / "expected.tsv"
    if not table.is_file():
        return []
    with table.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Case(*row) for row in list(rows)[1:]]


FOUND = cases()
needs_cases = pytest.mark.skipif(not FOUND, reason=f"no cases in {CASES}; $FAEVAL_CASES names them")
#: What an answer must say beside its outcome, by file, as ``more`` has it.
SAID = {
    "02_percent_sign.csv": ("percent", "0.01"),
    "04_euro_decimal_semicolon.csv": ("semicolon", "decimal comma"),
    "18_missing_seed.csv": ("lacks seed",),
    "17_duplicate_seed_other_value.csv": ("line 2: 0.912", "line 12: 0.999", "seed 0"),
    "16_duplicate_seed.csv": ("line 2", "line 12", "seed 0", "0.912"),
    "23_mixed_text.csv": ("line", "'oom'", "diverged"),
    "27_seed_hash.csv": ("= 0", "= 4"),
    "28_comment_first.csv": ("comment",),
    "30_total_row.csv": ("line 12",),
    "31_mean_pm_std.csv": ("check-numbers",),
    "40_early_stopping.csv": ("--last", "--best"),
    "46_unequal_seeds.csv": ("8 seeds", "5", "--unpaired"),
    "47_disjoint_seeds.csv": ("share no seed", "--unpaired"),
    "52_numeric_names.csv": ("1e-3", "0.001"),
    "61_unquoted_thousands.csv": ("line 2", "comma"),
    "64_cv_folds_as_seed.csv": ("--seed rep",),
    "66_early_stop_two_of_five.csv": ("--last", "--best"),
}
#: The verdict of an outcome, and the exit code that goes with it, as of verify.
VERDICTS = {"supported": ("supported", 0), "open": ("inconclusive", 0), "invalid": ("invalid", 11)}


def text_of(done: Any) -> str:
    """What a reader sees, on one line."""
    return re.sub(r"\s+", " ", f"{done.stdout} {done.stderr}")


def held(done: Any, outcome: str) -> bool:
    """Whether a call came out as a row of the table says."""
    for one in outcome.split("|"):
        kind, _, word = one.partition(":")
        if kind == "refused":
            if done.returncode == 2 and word.lower() in text_of(done).lower():
                assert done.stderr.count("faeval: ") == 1, done.stderr
                assert not done.stdout, "a refusal prints no answer"
                return True
        else:
            verdict, code = VERDICTS[kind]
            if re.search(rf"^\S {verdict}\b", done.stdout, re.M):
                assert done.returncode == code
                return True
    return False


@needs_cases
@pytest.mark.parametrize("case", FOUND, ids=lambda case: case.file)
def test_each_file_comes_to_what_is_written_of_it(
    case: Case, tmp_path: Path, run_faeval: Callable[..., Any]
) -> None:
    done = run_faeval(tmp_path, "decide", CASES / case.file, case.question, *case.options)
    assert held(done, case.outcome), (case, done.returncode, done.stdout, done.stderr)
    for words in SAID.get(case.file, ()):
        assert words.lower() in text_of(done).lower()
    assert max(map(len, done.stdout.splitlines()), default=0) <= 80


@needs_cases
@pytest.mark.parametrize(
    ("file", "more", "effect"),
    [
        ("01_clean.csv", (), 0.0386),
        ("02_percent_sign.csv", (), 0.0386),
        ("05_semicolon.csv", (), 0.0386),
        ("46_unequal_seeds.csv", ("--unpaired",), 0.03845),
        ("47_disjoint_seeds.csv", ("--unpaired",), 0.0386),
        ("64_cv_folds_as_seed.csv", ("--seed", "rep"), 0.038),
    ],
)
def test_the_remedy_that_is_named_leads_to_the_verdict(
    file: str, more: Sequence[str], effect: float, tmp_path: Path, run_faeval: Any
) -> None:
    call = [CASES / file, "ours > base", "--metric", "acc", "--by", "0.01", "--because", "a point"]
    done = run_faeval(tmp_path, "decide", *call, *more, "--format", "json")
    assert done.returncode == 0, done.stderr
    (verdict,) = json.loads(done.stdout)["report"]["verdicts"]
    assert (verdict["verdict"], "unregistered" in verdict["flags"]) == ("supported", True)
    (assertion,) = verdict["assertions"]
    assert assertion["estimate"] == pytest.approx(effect)
    is_welch = "--unpaired" in more
    assert (verdict["test"] == "welch") is is_welch
