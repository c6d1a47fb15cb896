"""A claim that was made from numbers knows them again, and says which factor it inferred."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import faeval as fe
from faeval import claims, evidence
from faeval.errors import FaevalError
from faeval.reports import Report, caution

OURS, BASE = fe.Arm(method="ours"), fe.Arm(method="base")
MARGIN = fe.Margin(0.01, "a point")


def table(
    ours: list[float], base: list[float], first: int = 1, metric: str = "acc"
) -> pd.DataFrame:
    rows = [
        ("toy", f"method={arm}", first + i, metric, value)
        for arm, values in (("ours", ours), ("base", base))
        for i, value in enumerate(values)
    ]
    return evidence.read(pd.DataFrame(rows, columns=["setting", "arm", "seed", "metric", "value"]))


GOOD = [0.912, 0.905, 0.921, 0.899, 0.915], [0.872, 0.869, 0.881, 0.860, 0.877]
FRESH = [0.911, 0.906, 0.920, 0.898, 0.914], [0.871, 0.868, 0.882, 0.861, 0.876]


def better(paired: bool = True, **more: object) -> fe.Claim:
    sides = fe.metric("acc", OURS), fe.metric("acc", BASE)
    return fe.Claim("better", fe.exceeds(*sides, by=MARGIN, paired=paired), **more)  # type: ignore[arg-type]


def from_source(source: pd.DataFrame, paired: bool = True) -> fe.Claim:
    digest = claims.numbers_digest(better(paired), source)
    return better(paired, made_from=digest)


def is_flagged(claim: fe.Claim, rows: pd.DataFrame) -> bool:
    (verdict,) = fe.decide(claim, rows)
    codes = [w.code for w in verdict.warnings]
    assert ("same_numbers" in verdict.flags) == ("same_numbers" in codes)
    return "same_numbers" in verdict.flags


@pytest.mark.parametrize("paired", [True, False])
def test_the_same_numbers_are_known_again_and_fresh_ones_are_not(paired: bool) -> None:
    source = table(*GOOD)
    claim = from_source(source, paired)
    others = table([0.5, 0.6], [0.4, 0.5], metric="loss")
    assert is_flagged(claim, source)
    assert is_flagged(claim, source.assign(seed=source["seed"] + 400))
    assert is_flagged(claim, source.assign(setting="elsewhere", epoch=7)[::-1])
    assert is_flagged(claim, pd.concat([source, table(*FRESH, first=6)]))
    assert is_flagged(claim, pd.concat([source, others]))
    assert not is_flagged(claim, table(*FRESH))
    assert not is_flagged(claim, table(*FRESH, first=6))
    assert not is_flagged(claim, source[source["seed"] < 5])  # a part of them
    assert not is_flagged(better(paired), source)


def test_only_what_the_claim_reads_makes_its_digest() -> None:
    source = table(*GOOD)
    digest = claims.numbers_digest(better(), source)
    with_more = pd.concat([source, table([0.1] * 5, [0.2] * 5, metric="loss")])
    assert claims.numbers_digest(better(), with_more) == digest
    two = pd.concat([source, source.assign(setting="other")])
    assert claims.numbers_digest(better(), two, "other") == digest
    with pytest.raises(FaevalError, match="2 settings"):
        claims.numbers_digest(better(), two)
    with pytest.raises(FaevalError, match="no number"):
        claims.numbers_digest(better(), source.assign(metric="loss"))
    moved = source.assign(value=np.nextafter(source["value"], 1))
    assert claims.numbers_digest(better(), moved) != digest


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40, unique=True), st.randoms())
@settings(max_examples=40)
def test_numbers_are_known_among_any_others_in_any_order(
    values: list[float], random: object
) -> None:
    source = table(values, [v + 9 for v in values[::-1]])
    claim = from_source(source)
    assert len(str(claim.made_from)) <= 12 * 7
    seeds = list(range(100, 100 + len(values)))
    random.shuffle(seeds)  # type: ignore[attr-defined]
    renamed = source.assign(seed=source["seed"].map(dict(enumerate(seeds, 1))))
    more = table([v + 3 for v in values], values, first=1)
    index = evidence.read(pd.concat([renamed, more]).sample(frac=1, random_state=1))
    assert is_flagged(claim, index)


def test_outcomes_that_others_have_by_chance_are_known_by_their_seeds() -> None:
    ours, base = [1.0, 1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0, 1.0]
    source = table(ours, base)
    claim = from_source(source)
    assert str(claim.made_from).startswith("seeds ")
    assert is_flagged(claim, source)
    assert not is_flagged(claim, table(ours, base, first=6))


def test_the_digest_is_part_of_what_is_registered_and_of_no_claim_without_it(
    tmp_path: Path,
) -> None:
    claim = from_source(table(*GOOD))
    assert "made_from" not in better().canonical()
    assert claim.canonical() == better().canonical() | {"made_from": claim.made_from}
    assert claim.sha256() != better().sha256()
    for wrong in ("", "xyz", "0123456", 5, "seeds"):
        with pytest.raises(FaevalError, match="made_from"):
            better(made_from=wrong)


def test_every_form_says_it(tmp_path: Path) -> None:
    source = table(*GOOD)
    claim = from_source(source)
    report: Report = fe.verify([claim], from_evidence=source)
    (verdict,) = report.verdicts
    said = caution(verdict.warnings[-1], verdict)
    for text in (report.to_html(), report.to_markdown()):
        assert said in text
        assert "same numbers" in text
    (written,) = json.loads(report.to_json())["verdicts"]
    assert "same_numbers" in written["flags"]
    assert {"code": "same_numbers", "assertion": None, "value": None, "detail": ""} in written[
        "warnings"
    ]
    for text in (report.to_junit(), report.to_ctrf()):
        assert "same_numbers" in text or "same numbers" in text


def test_a_saved_claim_is_locked_and_flagged_from_the_command_line(tmp_path: Path) -> None:
    source = table(*GOOD)
    evidence.write_csv(source, tmp_path / "old.csv")
    evidence.write_csv(table(*FRESH, first=6), tmp_path / "new.csv")
    digest = claims.numbers_digest(better(), source)
    (tmp_path / "saved.py").write_text(
        "import faeval as fe\n"
        "ours, base = (fe.metric('acc', fe.Arm(method=m)) for m in ('ours', 'base'))\n"
        "better = fe.Claim('better', fe.exceeds(ours, base, by=fe.Margin(.01, 'a point')),"
        f" made_from={digest!r}, seeds=[6, 7, 8, 9, 10])\n"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "faeval", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    again = run("verify", "saved.py", "--evidence", "old.csv", "--seeds", "1,2,3,4,5")
    assert "made from" in again.stdout
    assert "attributed to method" in again.stdout
    locked = run("lock", "saved.py")
    assert locked.returncode == 0, locked.stderr
    fresh = run("verify", "saved.py", "--evidence", "new.csv")
    assert fresh.returncode == 0, fresh.stderr
    assert "made from" not in fresh.stdout


def test_a_verdict_says_which_factor_it_inferred() -> None:
    bare, named = (
        fe.verify([claim], from_evidence=table(*GOOD))
        for claim in (better(), better(attributed_to="method"))
    )
    (inferred,), (stated,) = bare.verdicts, named.verdicts
    assert (inferred.verdict, inferred.inferred_factor) == ("supported", "method")
    assert stated.inferred_factor is None
    assert "inferred_factor" not in stated.to_dict()
    assert inferred.to_dict().pop("inferred_factor") == "method"
    assert bare.inputs[0].attributed_to == ("method",)
    for text in (bare.to_html(), bare.to_markdown()):
        assert "method (inferred" in text
    assert "inferred" not in named.to_html()
