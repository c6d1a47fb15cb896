"""What the documents and committed reports say is what the evidence beside them gives.

python tests/project/test_documents.py --write     # writes what README.md and docs/findings.md say
of verdicts
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from faeval import claims, pipeline
from faeval.claims import Claim, Lock, Verdict
from faeval.evidence import with_identifiers
from faeval.experiment import CONTROL_FLOOR, experiment
from faeval.reports import FORMS, WRITTEN, Overview, Report
from faeval.reports.checking import anchors_of
from faeval.reports.data._outcomes import has_interval, is_late
from faeval.reports.figures import render
from faeval.reports.figures._forest import carried_over
from faeval.reports.figures._shapes import box
from faeval.reports.words._glossary import GLYPHS
from faeval.reports.words._sentences import value_text

ROOT = Path(__file__).parents[2]
PUBLISHED = sorted(p.parent.name for p in (ROOT / "reports").glob("*/evidence.csv"))
#: Folders decided on seeds outside the registered plan.
OUTSIDE = ("-pilot", "-published-seeds")
#: Registered anew, in a form of its own, when evidence of one of its sides was there already (BP's)
#: or of neither.
AMENDED = {
    "methods::equilibrium_propagation_is_low_in_accuracy": "amended_after_evidence",
    "methods::equilibrium_propagation_is_valid_in_measurement": "amended",
}
#: Registered before their first evidence on teacher and digits; claims of later families ask much
#: of the same runs again.
FIRST = (
    "agreement",
    "confounded",
    "depth",
    "instrument",
    "methods",
    "networks",
    "penalty",
    "reference",
)
README = ROOT / "README.md"
TABLE = re.compile(r"(<!-- table: verdicts -->\n)(.*?)(<!-- end -->)", re.DOTALL)
FINDINGS = ROOT / "docs" / "findings.md"
PICTURE = ROOT / "docs" / "images" / "transfer.svg"
TRANSFER = re.compile(r"(<!-- transfer -->\n)(.*?)(<!-- end -->)", re.DOTALL)
SUBJECT = re.compile(r"(<!-- findings: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
COLUMNS = {"cifar10": "CIFAR-10", "teacher": "teacher", "digits": "digits"}
#: The claims that the README shows, in its order.
SHOWN = (
    "penalty::deep_cosine_rises_with_the_published_recipe",
    "penalty::deep_cosine_rises_with_standard_dfa",
    "penalty::cosine_rises_at_every_deep_layer_with_standard_dfa",
    "penalty::a_weak_penalty_restores_scale_without_alignment",
    "penalty::accuracy_rises_with_the_published_recipe",
    "penalty::accuracy_of_backpropagation_falls",
    "feedback::alignment_belongs_to_the_training_feedback",
    "depth::deep_cosine_is_zero_in_the_published_recipe",
    "depth::deep_cosine_is_zero_in_standard_dfa",
    "depth::blocks_do_harm_in_the_published_recipe",
    "depth::the_penalty_makes_blocks_useful",
    "methods::cosine_does_not_rank_methods",
    "feedback::the_exact_block_is_most_of_it",
    "scale::dfa_grows_and_backpropagation_does_not",
    "instrument::the_published_audit_halves_penalised_rho",
    "instrument::its_control_says_by_how_much",
    "instrument::its_zero_was_right_all_the_same",
    "reference::early_vanilla_against_late_penalised",
    "reference::late_penalised_is_above_early_vanilla",
)


@cache
def decided(name: str) -> Report:
    """The report of a folder, decided again from its evidence."""
    return pipeline.decide_again(ROOT / "reports" / name, ROOT / "claims")


@cache
def ours() -> tuple[Lock, dict[str, Claim]]:
    """Our lock, and our claims by their ids."""
    return claims.read_lock(ROOT / "claims" / claims.NAME), {
        c.id: c for c in claims.load([ROOT / "claims"])
    }


@cache
def places(name: str) -> dict[str, str]:
    """The anchor of each claim on a report's page: its first, the row of the table apart."""
    found: dict[str, str] = {}
    for anchor, claim in anchors_of(decided(name)).items():
        found.setdefault(claim, anchor)
    return found


def checked(*paths: Path) -> pipeline.Check:
    """faeval report --check, which finds nothing: each path of a test of its own, for they take
    long.
    """
    done = pipeline.check(paths, ROOT / "claims")
    assert [f"{f.file} {f.kind} {f.claim} {f.place}: {f.text}" for f in done.findings] == []
    return done


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_committed_report_follows_from_its_evidence_byte_for_byte(
    name: str, tmp_path: Path
) -> None:
    """And each number of each rendering is what the evidence gives: a check compares bytes, texts
    and numbers.
    """
    folder = ROOT / "reports" / name
    done = checked(folder)
    assert [Path(f.file).name for f in done.files] == [FORMS[form] for form in WRITTEN]
    assert all(f.numbers > 0 for f in done.files)
    # What is published beside the renderings; they themselves, of nothing, are not looked at.
    bare = replace(decided(name), verdicts=(), inputs=(), profiles=(), curves=(), controls=())
    pipeline.publish(bare, tmp_path)
    assert (tmp_path / "evidence.csv").read_bytes() == (folder / "evidence.csv").read_bytes()
    # Committed ones keep the names of the version that wrote them.
    made, kept = (
        with_identifiers(json.loads((at / "provenance.json").read_text()) | {"sha256": ""})
        for at in (tmp_path, folder)
    )
    assert made == kept


@pytest.mark.slow
def test_the_overview_says_what_its_reports_say() -> None:
    assert [f.form for f in checked(ROOT / "reports" / Overview.PAGE).files] == ["overview"] * 2


@pytest.mark.slow
def test_each_figure_that_a_document_quotes_is_what_the_evidence_gives() -> None:
    beside = [page for page in (ROOT / "reports").rglob("*.md") if page.name != FORMS["markdown"]]
    (readme,) = [
        f for f in checked(README, ROOT / "docs", *beside).files if f.file == README.as_posix()
    ]
    assert readme.numbers == "".join(readme_rows()).count("](reports/")


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_report_names_the_evidence_and_the_lock_that_lie_here(name: str) -> None:
    content = json.loads((ROOT / "reports" / name / "verdicts.json").read_text())
    digest = hashlib.sha256((ROOT / "reports" / name / "evidence.csv").read_bytes()).hexdigest()
    assert content["evidence_sha256"] == digest
    assert content["lock_sha256"] == claims.read_lock(ROOT / "claims" / claims.NAME).sha256


@pytest.mark.parametrize("name", PUBLISHED)
def test_only_registered_runs_count_as_confirmatory(name: str) -> None:
    verdicts = json.loads((ROOT / "reports" / name / "verdicts.json").read_text())["verdicts"]
    assert verdicts
    for verdict in verdicts:
        assert "unregistered" not in verdict["flags"]
        assert verdict["registration"] == how_registered(name, verdict), verdict["claim"]


def how_registered(name: str, verdict: dict[str, Any]) -> str:
    """The word for a verdict's registration, from what is known of it here."""
    if name.endswith(OUTSIDE):
        return "reproduction"
    if (name, verdict["claim"]) == ("teacher", "instrument::its_control_says_by_how_much"):
        return "amended"  # its expectation there, left out by oversight
    word = AMENDED.get(verdict["claim"], "registered")
    if (
        name == "cifar10"
    ):  # no seed of its plans had been run before the registration of the campaign
        return word.removesuffix("_after_evidence")
    later = verdict["family"] not in FIRST and verdict["runs"]
    return "after_evidence" if later and reads_what_was_there(name, verdict) else word


def reads_what_was_there(name: str, verdict: dict[str, Any]) -> bool:
    """Whether a run that a verdict reads was made under an earlier lock than the one that
    registered its claim.
    """
    runs = json.loads((ROOT / "reports" / name / "provenance.json").read_text())["registrations"]
    lock, found = ours()
    at = {entry.sha256: number for number, entry in enumerate(lock.chain)}
    own = min(number for number, entry in enumerate(lock.chain) if verdict["claim"] in entry.claims)
    earlier = {run["arm"] for run in runs if at[run["lock"]] < own}
    return any(
        experiment(name).canonical(arm).label in earlier for arm in found[verdict["claim"]].arms()
    )


def test_every_claim_is_registered_in_the_form_it_has() -> None:
    lock, by_id = ours()
    found = list(by_id.values())
    assert {c.id: c.sha256() for c in found} == {i: c.sha256 for i, c in lock.claims.items()}
    sizes = {c.family: len(lock.family(c.family or "")) for c in found}
    headline = {
        "penalty": 4,
        "agreement": 4,
        "depth": 2,
        "instrument": 2,
        "reference": 1,
        "confounded": 1,
    }
    campaign = {
        "agreement_by_state": 4,
        "depth_alignment": 3,
        "depth_confounded": 1,
        "depth_ladder": 2,
        "depth_utility": 5,
        "feedback": 2,
        "feedback_depth": 3,
        "horizon": 3,
        "penalty_accuracy": 5,
        "penalty_by_layer": 5,
        "penalty_by_recipe": 2,
        "penalty_sizes": 4,
        "reference_epochs": 4,
        "reference_first_epoch": 2,
        "rounding": 5,
        "scale": 5,
        "scale_causes": 4,
        "width": 1,
    }
    assert sizes == {**headline, "methods": 10, "networks": 5, **campaign}


def said(verdict: Verdict) -> str:
    """The verdict as the README's table shows it: with its reason code where it says more than the
    word.
    """
    shown = verdict.verdict == "invalid" or verdict.reason_code in ("not_run", "evidence_missing")
    return (
        f"{verdict.verdict} ({verdict.reason_code.replace('_', ' ')})" if shown else verdict.verdict
    )


@cache
def readme_rows() -> list[str]:
    """The README's table of verdicts, from the committed reports: each a link to where its page
    shows the claim.
    """
    columns = {
        name: {
            v.claim: f"[{said(v)}](reports/{name}/report.html#{places(name)[v.claim]})"
            for v in decided(name).verdicts
        }
        for name in COLUMNS
    }
    sentences = {v.claim: v.sentence for name in COLUMNS for v in decided(name).verdicts}
    return [
        f"| {sentences[claim]} | {' | '.join(c[claim] for c in columns.values())} |\n"
        for claim in SHOWN
    ]


def written() -> str:
    head = f"| claim | {' | '.join(COLUMNS.values())} |\n|---|{'---|' * len(COLUMNS)}\n"
    return TABLE.sub(lambda m: m[1] + head + "".join(readme_rows()) + m[3], README.read_text())


@pytest.mark.slow
def test_the_readme_shows_the_verdicts_of_the_committed_reports() -> None:
    assert len(TABLE.findall(README.read_text())) == 1
    assert README.read_text() == written(), (
        f"run: python tests/project/{Path(__file__).name} --write"
    )


def cell(name: str, claim: str) -> str:
    """What came of a claim in a setting: the verdict with its estimates, linked to its place, and
    what to know of it.
    """
    (verdict,) = [v for v in decided(name).verdicts if v.claim == claim]
    result = [
        f"{GLYPHS[verdict.verdict]} **{verdict.verdict}**",
        *map(value_text, filter(has_interval, verdict.assertions)),
    ]
    flags = [flag.replace("_", " ") for flag in verdict.flags]
    reason = [] if verdict.reason_code == "decided" else [verdict.reason_code.replace("_", " ")]
    return "; ".join(
        [
            f"[{'; '.join(result)}](../reports/{name}/report.html#{places(name)[claim]})",
            *reason,
            *flags,
        ]
    )


def published(verdict: Verdict) -> str:
    """The published figures of a claim as they are declared, in words."""
    figures = []
    for figure in verdict.published:
        spread = f" ± {figure['spread']:g}" if figure.get("spread") is not None else ""
        figures.append(f"{figure['what']}: {figure['published']:g}{spread}")
    return "; ".join(figures)


def table(subject: str) -> str:
    """One subject's claims: those of the file of that name."""
    lines = [f"| claim | published | {' | '.join(COLUMNS.values())} |", "|---|---|---|---|---|"]
    for verdict in decided("cifar10").verdicts:
        if verdict.claim.partition("::")[0] == subject:
            found = " | ".join(cell(name, verdict.claim) for name in COLUMNS)
            lines.append(f"| {verdict.sentence} | {published(verdict)} | {found} |")
    return "\n".join(lines) + "\n"


def findings() -> str:
    """docs/findings.md with its tables and counts as they must be."""
    text = SUBJECT.sub(lambda m: m[1] + table(m[2]) + m[4], FINDINGS.read_text())
    return TRANSFER.sub(lambda m: m[1] + transferred() + m[3], text)


@pytest.mark.slow
def test_the_findings_have_every_claim_and_say_what_the_reports_say() -> None:
    subjects = [subject for _, subject, _, _ in SUBJECT.findall(FINDINGS.read_text())]
    assert sorted(subjects) == sorted(
        {v.claim.partition("::")[0] for v in decided("cifar10").verdicts}
    )
    assert FINDINGS.read_text() == findings(), (
        f"run: python tests/project/{Path(__file__).name} --write"
    )


def transferred() -> str:
    """What became of the claims over the three settings, counted."""
    groups = carried_over([decided(name) for name in COLUMNS])
    said = [f"{len(members)} {group}" for group, members in groups.items()]
    late = {v.claim for name in COLUMNS for v in decided(name).verdicts if is_late(v)}
    early = sum(claim not in late for claim in groups["supported in all"])
    said[0] += f", {early} of them registered in advance in all"
    return (
        f"Of {sum(map(len, groups.values()))} claims over the three settings: {'; '.join(said)}.\n"
    )


def test_what_the_findings_say_without_a_claim_is_what_the_evidence_gives() -> None:
    text = " ".join(FINDINGS.read_text().split())
    sentences = text.split(". ")
    families = {claim.family for claim in ours()[1].values()}
    assert re.search(rf"\b{len(families)} families\b.*\block\b", text)
    weak = ("1e-4", "1e-2", "as accurate as", "cosine", "zero")
    assert any(all(word in said for word in weak) for said in sentences)
    standard, recipe = "dfa", "dfa+credit_scale=unit+credit_site=input"
    assert (at(recipe, 1e-4, "accuracy") - at(recipe, 1e-2, "accuracy")).abs().mean() < 0.005
    assert abs(at(recipe, 1e-4, "cosine").mean()) < 0.03 < at(recipe, 1e-2, "cosine").mean()
    assert (
        at(standard, 1e-4, "accuracy") > at(standard, 1e-2, "accuracy")
    ).all()  # at each of ten seeds
    assert (at(standard, 1e-4, "cosine") < at(standard, 1e-2, "cosine")).all()
    better = ("better aligned", "more accurate", "bridges")
    assert any(all(word in said for word in better) for said in sentences)
    for bridge in ("sb", "cb"):
        for metric in ("accuracy", "cosine"):
            assert (at("ep", None, metric) > at(f"{bridge}{recipe[3:]}", 1e-2, metric)).all(), (
                bridge,
                metric,
            )


def at(arm: str, penalty: float | None, metric: str) -> pd.Series:
    """One number a seed of CIFAR-10, at the end: over the deep states, where the metric is read by
    state.
    """
    table = decided("cifar10").evidence
    assert table is not None
    whole = arm if penalty is None else f"{arm}+penalty={penalty:g}"
    rows = table[
        (table["arm"] == whole)
        & (table["metric"] == metric)
        & (table["epoch"] == 30)
        & table["layer"].ne(0).fillna(True)
    ]
    assert len(rows) >= 5
    return rows.groupby("seed")["value"].mean()


def picture() -> bytes:
    """The forest plot over the three settings, on paper: a document may be read on a dark page."""
    (figure,) = (
        Overview(tuple(decided(name) for name in COLUMNS), (None,) * len(COLUMNS))
        .figures()
        .values()
    )
    paper = box("paper", 0, 0, figure.width, figure.height)
    return render(replace(figure, shapes=(paper, *figure.shapes)), "svg")


def test_the_findings_show_what_carries_over() -> None:
    assert "](images/transfer.svg)" in FINDINGS.read_text()
    assert PICTURE.read_bytes() == picture(), (
        f"run: python tests/project/{Path(__file__).name} --write"
    )


def test_ci_runs_the_readmes_test_command_and_nothing_else() -> None:
    text = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- tests -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert block
    script = "sed -n '/<!-- tests -->/,/```$/p' README.md | sed -e '1,/```/d' -e '/```/,$d'"
    assert script in (ROOT / ".ci" / "run").read_text()
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == block.group(1).strip()
    assert "pytest" in done.stdout


def test_the_constants_that_the_documents_name_are_those_of_the_code(tmp_path: Path) -> None:
    readme, metrics = README.read_text(), (ROOT / "docs" / "metrics.md").read_text()
    assert f"at most alpha ({claims.Claim.alpha:g})" in readme
    floors = re.findall(r"under (0\.\d+)", readme) + re.findall(r"[Uu]nder (0\.\d+)", metrics)
    assert floors
    assert set(floors) == {f"{CONTROL_FLOOR:g}"}
    plan = [Path(sys.executable).with_name("faeval"), "plan", "--store", tmp_path, "--workers", "2"]
    told = subprocess.run(
        plan, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    ).stdout
    found = re.search(r"(\d+) runs, 0 of them", told)
    assert found
    assert re.search(rf"training {found[1]}\s+small networks", readme)


def test_the_readmes_example_of_statistics_gives_what_it_says() -> None:
    (block,) = [
        b
        for b in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
        if "stats.contrasts" in b
    ]
    names: dict[str, Any] = {}
    exec(block, names)  # the README is ours
    word, low = names["ruling"].verdict, names["ruling"].intervals[0].low
    assert f"# {word!r}, {low:.2f}\n" in block


if __name__ == "__main__" and "--write" in sys.argv:
    README.write_text(written())
    FINDINGS.write_text(findings())
    PICTURE.write_bytes(picture())
