"""Registration on disk: order told by runs' records, families that close, looks that stop a
campaign, open claims.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Any

import pandas as pd
import pytest

import faeval as fe
from faeval import pipeline, stats
from faeval.claims import read_lock
from faeval.errors import FaevalError, Tampered
from faeval.evidence import Store
from faeval.reports import to_settle

BODY = """
    import faeval as fe

    def run(arm, seed):
        wobble = ((seed * 2654435761) % 1000) / 1000 - 0.5
        return {"score": 0.1 * arm["dose"] + {noise} * wobble * (1 + arm["dose"]), "other": seed % 7 + arm["dose"]}

    toy = fe.Experiment("toy", run, factors={"dose": 0}, metrics={"score": None, "other": None}, revision="1")
    none, one, two = fe.Arm(), fe.Arm(dose=1), fe.Arm(dose=2)

    def more(a, b, by=0.05):
        return fe.exceeds(fe.metric("score", a), fe.metric("score", b), by=fe.Margin(by, "r"), anticipated=0.1)

    first = fe.Claim("First", more(one, none, {margin}), attributed_to="dose", {arguments})
"""  # noqa: E501


def write(folder: Path, name: str = "it", extra: str = "", **values: Any) -> Path:
    claims = folder / "claims"
    claims.mkdir(exist_ok=True)
    text = dedent(BODY)
    for key, value in ({"noise": 0.02, "margin": 0.05, "arguments": ""} | values).items():
        text = text.replace("{" + key + "}", str(value))
    (claims / f"{name}.py").write_text(text + dedent(extra))
    return claims


def verdicts(claims: Path, store: Path, **arguments: Any) -> dict[str, fe.Verdict]:
    report = fe.verify(claims, store=store, workers=1, **arguments)
    return {v.claim: v for v in report.verdicts}


def test_each_runs_record_carries_the_lock_and_the_verdict_says_which_came_first(
    tmp_path: Path,
) -> None:
    claims, store = write(tmp_path), tmp_path / "store"
    lock, *_ = pipeline.register([claims])
    assert verdicts(claims, store)["it::first"].registration == "registered"
    assert {r.lock for r in Store(store).records()} == {lock.sha256}
    # A second claim in a family of its own, on runs of which two arms are there already.
    write(
        tmp_path,
        extra=(
            "again = fe.Claim('Again', more(one, none, 0.01), attributed_to='dose',"
            " family='late')\n"
        ),
    )
    unregistered = verdicts(claims, store)["it::again"]
    assert (unregistered.registration, unregistered.flags) == ("unregistered", ("unregistered",))
    pipeline.register([claims], store=store)
    found = verdicts(claims, store)
    assert found["it::first"].registration == "registered"
    assert found["it::again"].registration == "after_evidence"
    # On fresh seeds it would have been registered in advance.
    write(
        tmp_path,
        extra=(
            "fresh = fe.Claim('Fresh', more(one, none), attributed_to='dose', family='fresh',"
            " seeds=[11, 12, 13])\n"
        ),
    )
    pipeline.register([claims], store=store)
    found = verdicts(claims, store)
    assert found["it::fresh"].registration == "registered"
    assert found["it::fresh"].attempt == 3  # the second had another margin


def test_published_evidence_says_it_as_well(tmp_path: Path) -> None:
    claims, store = write(tmp_path), tmp_path / "store"
    pipeline.register([claims])
    fe.verify(claims, store=store, workers=1)
    write(
        tmp_path,
        extra=(
            "late = fe.Claim('Late', more(two, none), attributed_to='dose', family='late')\nearly ="
            " fe.Claim('Early', more(one, none, 0.01), attributed_to='dose', family='early')\n"
        ),
    )
    pipeline.register([claims], store=store)
    report = fe.verify(claims, store=store, workers=1)
    pipeline.publish(report, tmp_path / "out")
    told = {v.claim: v.registration for v in report.verdicts}
    # Late reads the arm without a dose, which was there before it: its other side alone came later.
    assert told == {
        "it::first": "registered",
        "it::late": "after_evidence",
        "it::early": "after_evidence",
    }
    again = fe.verify(claims, from_evidence=tmp_path / "out")
    assert again.to_json() == report.to_json() == (tmp_path / "out" / "verdicts.json").read_text()
    items = json.loads((tmp_path / "out" / "provenance.json").read_text())["registrations"]
    assert {item["lock"] for item in items} == {
        e.sha256 for e in read_lock(claims / "claims.lock").chain
    }
    assert [i["seeds"] for i in items if i["arm"] == "dose=2"] == [[1, 2, 3, 4, 5]]
    provenance = tmp_path / "out" / "provenance.json"
    provenance.write_text(json.dumps({"registrations": [{"arm": "x"}]}))
    with pytest.raises(FaevalError, match="registrations="):
        fe.verify(claims, from_evidence=tmp_path / "out")
    provenance.unlink()
    undated = fe.verify(claims, from_evidence=tmp_path / "out")
    assert {v.registration for v in undated.verdicts} == {"undated"}


def test_an_amendment_goes_into_the_lock_and_into_the_verdict(tmp_path: Path) -> None:
    claims, store = write(tmp_path), tmp_path / "store"
    pipeline.register([claims])
    write(tmp_path, margin=0.06)
    with pytest.raises(FaevalError, match=r"in another form.*--amend it::first"):
        pipeline.register([claims])
    assert verdicts(claims, store)["it::first"].reason_code == "spec_changed"
    _, _, new = pipeline.register(
        [claims], amend=["it::first"], because="a typing error in the margin"
    )
    assert new == ("it::first",)
    found = verdicts(claims, store)["it::first"]
    # It had been verified, and so run, in the meantime: its evidence is older than the amendment.
    assert (found.verdict, found.registration) == ("supported", "amended_after_evidence")
    assert found.amendments == ("a typing error in the margin",)
    fresh = verdicts(claims, tmp_path / "other")["it::first"]
    assert fresh.registration == "amended"


def test_a_family_closes_at_its_first_evidence(tmp_path: Path) -> None:
    claims, store = write(tmp_path), tmp_path / "store"
    pipeline.register([claims])
    joins = "second = fe.Claim('Second', more(two, none), attributed_to='dose')\n"
    fe.verify(claims, store=store, workers=1, seeds=[1000, 1001])  # a pilot closes nothing
    write(tmp_path, extra=joins)
    _, file, new = pipeline.register([claims], store=store)
    assert new == ("it::second",)
    fe.verify(claims, store=store, workers=1, seeds=1)
    write(
        tmp_path,
        extra=joins
        + joins.replace("second", "third").replace("0.05", "0.1").replace("Second", "Third"),
    )
    before = file.read_bytes()
    with pytest.raises(FaevalError, match=r"'it::third'.*family 'it'.*closed.*family="):
        pipeline.register([claims], store=store)
    assert file.read_bytes() == before


def test_a_campaign_goes_no_further_than_the_look_that_decides(tmp_path: Path) -> None:
    claims = write(tmp_path, arguments="seeds=9, looks=(3, 6, 9)")
    pipeline.register([claims])
    found = verdicts(claims, tmp_path / "clear")["it::first"]
    assert (found.verdict, found.look, found.n) == ("supported", 1, 3)
    assert sorted({r.seed for r in Store(tmp_path / "clear").records()}) == [1, 2, 3]
    # A p-value is of one look, and so is the level that stands beside it.
    text = fe.verify(claims, store=tmp_path / "clear", workers=1).to_markdown()
    (level,) = re.findall(r"\| Level\b[^|]* \| (\S+) \|", text)
    assert float(level) == pytest.approx(stats.nominal_level(0.05, (3, 6, 9)), rel=0.01)
    assert re.search(r"\| Adjusted p\b[^|]*\blooks\b", text)
    write(tmp_path, name="it", noise=0.3, arguments="seeds=9, looks=(3, 6, 9)")
    found = verdicts(claims, tmp_path / "noisy")["it::first"]
    assert found.verdict == "inconclusive"
    assert sorted({r.seed for r in Store(tmp_path / "noisy").records()}) == list(range(1, 10))


def test_a_run_that_fails_at_a_look_is_not_tried_again_at_the_next(tmp_path: Path) -> None:
    def run(arm: Any, seed: int) -> dict[str, float]:
        with (tmp_path / "journal").open("a") as journal:
            journal.write(f"{seed}\n")
        if seed == 2 and arm["dose"]:
            raise ValueError("no")
        return {"x": 0.1 * arm["dose"] + 0.2 * ((seed * 37) % 10)}

    toy = fe.Experiment("toy", run, factors={"dose": 0}, metrics={"x": None})
    x = [fe.metric("x", arm) for arm in (fe.Arm(dose=1), fe.Arm())]
    failing = fe.Claim(
        "x",
        fe.exceeds(*x, by=fe.Margin(0.05, "r")),
        attributed_to="dose",
        seeds=6,
        looks=(3, 6),
        experiment=toy,
    )
    (verdict,) = fe.verify(failing, setting="toy", store=tmp_path / "store", workers=1).verdicts
    assert (verdict.verdict, verdict.reason_code) == ("invalid", "error")
    assert (tmp_path / "journal").read_text().split().count("2") <= 2


def test_what_open_claims_would_take_stands_in_the_plan_cheapest_first(tmp_path: Path) -> None:
    extra = """
        slow = fe.Claim('Slow', more(two, none, 0.19), attributed_to="dose", family="slow")
        clear = fe.Claim('Clear', more(two, none, 0.01), attributed_to="dose", family="clear")
    """
    claims = write(tmp_path, noise=0.08, margin=0.08, extra=extra)
    pilot = fe.verify(claims, store=tmp_path / "store", workers=1, seeds=range(1000, 1006))
    pipeline.publish(pilot, tmp_path / "pilot")
    pipeline.register([claims], [tmp_path / "pilot"])
    assert pipeline.outlook(claims, store=tmp_path / "store").open == ()
    found = verdicts(claims, tmp_path / "store")
    still = {name for name, v in found.items() if v.verdict == "inconclusive"}
    assert "it::clear" not in still
    assert still
    plan = pipeline.outlook(claims, store=tmp_path / "store")
    assert {r.verdict.claim for r in plan.open} == still
    known = [r.seconds for r in plan.open if r.seconds is not None]
    assert known == sorted(known)
    for r in plan.open:
        assert r.seeds == found[r.verdict.claim].fresh_seeds
        if r.seeds is not None:
            assert r.runs == 2 * r.seeds
            assert f"about {r.seeds} unused" in to_settle(r.verdict)


def test_what_a_design_has_against_it_is_said_before_the_first_run(tmp_path: Path) -> None:
    extra = "odd = fe.Claim('Odd', more(two, one), attributed_to='other_factor')\n"
    claims = write(tmp_path)
    told: list[str] = []
    fe.verify(claims, store=tmp_path / "store", workers=1, notice=told.append)
    assert told == []
    write(tmp_path, extra=extra.replace("other_factor", "epoch"))
    fe.verify(claims, store=tmp_path / "other", workers=1, notice=told.append)
    (text,) = told
    assert text.startswith("it::odd: invalid (confounded): ")


def test_seeds_as_a_factor_are_no_pairs() -> None:
    toy = fe.Experiment(
        "toy", lambda arm, seed: {"x": 0.0}, factors={"seed": 1}, metrics={"x": None}
    )
    x = [fe.metric("x", fe.Arm(seed=s)) for s in (1, 2)]
    odd = fe.Claim(
        "x", fe.exceeds(*x, by=fe.Margin(0.1, "r")), attributed_to="seed", experiment=toy
    )
    table = pd.DataFrame([("toy", a, s, "x", 0.1) for a in ("", "seed=2") for s in (1, 2, 3)])
    table.columns = ["setting", "arm", "seed", "metric", "value"]
    (verdict,) = fe.decide(odd, table, "toy")
    assert (verdict.verdict, verdict.reason_code) == ("invalid", "unit_mismatch")
    assert "paired by seed" in verdict.detail


# --- files against their lock ---


def git(folder: Path, *arguments: str) -> None:
    names = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *names, *arguments], check=True, capture_output=True)


def test_files_are_held_against_the_lock(tmp_path: Path) -> None:
    claims = write(tmp_path)
    with pytest.raises(FaevalError, match=r"no claims\.lock"):
        pipeline.check_lock([claims])
    pipeline.register([claims])
    found = pipeline.check_lock([claims])
    assert (found.passed, found.same) == (True, ("it::first",))
    write(tmp_path, extra="second = fe.Claim('Second', more(two, none), attributed_to='dose')\n")
    found = pipeline.check_lock([claims])
    assert (found.passed, found.unregistered) == (True, ("it::second",))
    write(tmp_path, margin=0.06)
    assert pipeline.check_lock([claims]).changed == ("it::first",)
    write(tmp_path, arguments="expect='refuted'")
    found = pipeline.check_lock([claims])
    assert (found.passed, found.changed, found.deviated) == (False, (), ("it::first",))
    write(tmp_path, name="other")
    (claims / "it.py").unlink()
    found = pipeline.check_lock([claims])
    assert (found.passed, found.missing, found.unregistered) == (
        False,
        ("it::first",),
        ("other::first",),
    )
    assert pipeline.check_lock(
        [claims / "other.py"]
    ).passed  # one file alone is asked for its own claims


def test_a_lock_must_continue_that_of_a_revision(tmp_path: Path) -> None:
    claims = write(tmp_path)
    git(tmp_path, "init", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "claims without a lock")
    pipeline.register([claims])
    assert pipeline.check_lock([claims], "main").passed  # that revision had none
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "registered")
    assert pipeline.check_lock([claims], "main").passed
    write(tmp_path, extra="second = fe.Claim('Second', more(two, none), attributed_to='dose')\n")
    pipeline.register([claims])
    assert pipeline.check_lock([claims], "main").passed
    (claims / "claims.lock").unlink()
    pipeline.register([claims])
    with pytest.raises(Tampered, match=r"lock of main.*history"):
        pipeline.check_lock([claims], "main")
    with pytest.raises(FaevalError, match=r"no such revision"):
        pipeline.check_lock([claims], "nowhere")


def test_of_files_with_experiments_of_their_own_those_of_the_named_one_are_taken(
    tmp_path: Path,
) -> None:
    claims = write(tmp_path)
    text = (claims / "it.py").read_text()
    (claims / "other.py").write_text(text.replace('"toy"', '"toy2"').replace("dose", "amount"))
    with pytest.raises(FaevalError, match=r"2 experiments \(toy, toy2\).*--setting"):
        pipeline.select(claims)
    for setting, name in (("toy", "it::first"), ("toy2", "other::first")):
        found = verdicts(claims, tmp_path / "store", setting=setting)
        assert {n: v.verdict for n, v in found.items()} == {name: "supported"}


# --- evidence that is not what it is taken for ---


@pytest.mark.parametrize("beside", ["provenance.json", "verdicts.json"])
def test_a_report_whose_evidence_was_altered_is_refused(tmp_path: Path, beside: str) -> None:
    claims, out = write(tmp_path), tmp_path / "out"
    pipeline.register([claims])
    report = fe.verify(claims, store=tmp_path / "store", workers=1)
    pipeline.publish(report, out)
    assert (
        json.loads((out / "provenance.json").read_text())["runs"]
        == len(report.evidence["run"].unique())
        == 10
    )
    assert fe.verify(claims, from_evidence=out).verdicts == report.verdicts
    other = {"provenance.json", "verdicts.json"} - {beside}
    (out / other.pop()).unlink()
    table = pd.read_csv(out / "evidence.csv", keep_default_na=False)
    table["value"] += table["arm"].eq("dose=1") * 0.1
    table.to_csv(out / "evidence.csv", index=False)
    for given in (out, out / "evidence.csv"):
        with pytest.raises(Tampered, match=rf"{beside} .*[0-9a-f]{{12}}"):
            fe.verify(claims, from_evidence=given)
    (out / beside).unlink()
    assert {v.registration for v in fe.verify(claims, from_evidence=out).verdicts} == {"undated"}
    table.to_csv(tmp_path / "mine.csv", index=False)
    assert fe.verify(claims, from_evidence=tmp_path / "mine.csv").verdicts[0].verdict == "supported"


def test_evidence_of_another_experiment_or_of_other_arms_is_named(tmp_path: Path) -> None:
    claims = write(tmp_path)
    rows = [
        (setting, arm, seed, "score", 0.1)
        for setting in ("zip",)
        for arm in ("", "quick+dose=1")
        for seed in (1, 2)
    ]
    table = pd.DataFrame(rows, columns=["setting", "arm", "seed", "metric", "value"])
    with pytest.raises(FaevalError, match=r"experiment toy,.*'zip'.*setting="):
        fe.verify(claims, from_evidence=table)
    (verdict,) = fe.verify(claims, from_evidence=table, setting="zip").verdicts
    assert verdict.reason_code == "evidence_missing"
    lone = fe.Claim("x", fe.exceeds(fe.metric("score", fe.Arm(dose=1)), by=fe.Margin(0.1, "r")))
    (verdict,) = fe.decide(lone, table)
    missing, _, there = verdict.detail.partition("; ")
    assert "'dose=1'" in missing
    assert "'dose=1'" not in there
    assert "(defaults), 'quick+dose=1'" in there


def test_claims_about_a_table_say_so_where_a_plan_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(
        "import faeval as fe\nt = fe.metric('time_ms', fe.Arm('quick'))\n"
        "fast = fe.Claim('Fast', fe.below(t, 5, by=fe.Margin(1, 'r')))\n"
    )
    with pytest.raises(
        FaevalError, match=r"it::fast \(line 3\).*no fe.Experiment.*teacher.*--evidence"
    ):
        pipeline.outlook(tmp_path / "it.py")


# --- pilots ---


def test_a_pilot_that_comes_late_or_says_nothing_is_refused(tmp_path: Path) -> None:
    claims, store = write(tmp_path), tmp_path / "store"
    pilot = fe.verify(claims, store=store, workers=1, seeds=[1000, 1001, 1002])
    pipeline.publish(pilot, tmp_path / "pilot")
    confirmatory = fe.verify(claims, store=tmp_path / "other", workers=1)
    pipeline.publish(confirmatory, tmp_path / "real")
    with pytest.raises(FaevalError, match="pilot seeds 1000-1005"):
        pipeline.register([claims], [tmp_path / "real"])
    pipeline.register([claims])
    with pytest.raises(FaevalError, match=r"'it::first'.*--amend it::first"):
        pipeline.register([claims], [tmp_path / "pilot"])
    lock, _, new = pipeline.register(
        [claims],
        [tmp_path / "pilot"],
        amend=["it::first"],
        because="the pilot was left out by mistake",
    )
    assert new == ("it::first",)
    assert lock.claims["it::first"].pilot["toy"][0].n == 3
    with pytest.raises(FaevalError, match="nothing to amend"):
        pipeline.register([claims], amend=["it::first"], because="again")
    with pytest.raises(FaevalError, match=r"--amend 'first'.*did you mean 'it::first'"):
        pipeline.register([claims], amend=["first"], because="again")


def test_a_pilot_s_arms_are_those_of_the_claims_however_they_are_spelt(tmp_path: Path) -> None:
    claims = write(tmp_path)
    rows = [
        {"setting": "toy", "arm": arm, "seed": seed, "metric": "score", "value": value}
        for seed, wobble in ((1000, 0.0), (1001, 0.01), (1002, 0.05))
        for arm, value in (("dose=0", 0.1), ("dose=1", 0.2 + wobble))  # dose=0 is the default arm
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "pilot.csv", index=False)
    lock, *_ = pipeline.register([claims], [tmp_path / "pilot.csv"])
    (spread,) = lock.claims["it::first"].pilot["toy"]
    assert spread is not None
    assert (spread.n, spread.mean) == (3, pytest.approx(0.12))


def test_a_plan_on_pilot_seeds_is_said_to_be_none(tmp_path: Path) -> None:
    claims = write(tmp_path, arguments="seeds=[1000, 1001, 1002]")
    (prospect,) = pipeline.outlook(claims, store=tmp_path / "store").outlooks
    assert any("pilot seed 1000" in w for w in prospect.warnings)
