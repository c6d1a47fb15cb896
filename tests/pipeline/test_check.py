"""Report folders and documents held against the evidence: what was altered is found, and named by
file, claim and place.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from faeval import pipeline
from faeval.errors import FaevalError
from faeval.pipeline import Check
from faeval.reports import Overview, Report
from faeval.reports.figures import render

ROOT = Path(__file__).parents[2]
NAME = "instrument-teacher-pilot"


@pytest.fixture(scope="module")
def report() -> Report:
    """A committed report, decided again."""
    return pipeline.decide_again(ROOT / "reports" / NAME, ROOT / "claims")


@pytest.fixture(scope="module")
def written(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of its folder, rendered anew."""
    copy = tmp_path_factory.mktemp("written") / "reports" / NAME
    shutil.copytree(ROOT / "reports" / NAME, copy)
    report.write(copy)
    return copy


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """The same for a test alone."""
    return Path(shutil.copytree(written, tmp_path / "reports" / NAME))


def check(*paths: Path, **more: object) -> Check:
    return pipeline.check(paths, ROOT / "claims", **more)  # type: ignore[arg-type]


def altered(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_a_folder_as_it_was_written_has_no_findings(folder: Path) -> None:
    done = check(folder.parent)
    assert (done.exit_code, done.findings) == (0, ())
    assert [Path(f.file).name for f in done.files] == ["report.html", "report.md", "verdicts.json"]
    assert all(f.numbers for f in done.files)
    assert [f.recomputed > 0 for f in done.files] == [False, False, True]


def test_renderings_that_are_not_there_are_said_and_the_others_checked(folder: Path) -> None:
    (folder / "report.html").unlink()
    done = check(folder)
    assert (folder / "report.html").as_posix() in done.absent
    assert [Path(f.file).name for f in done.files] == ["report.md", "verdicts.json"]
    assert [Path(f.file).name for f in check(folder, forms=["json"]).files] == ["verdicts.json"]


@pytest.mark.parametrize(
    ("digit", "said"),
    [(5, "altered or replaced"), (-1, "its bytes are not those that were written")],
)
def test_a_digit_of_the_evidence_is_found_as_altered_evidence(
    folder: Path, digit: int, said: str
) -> None:
    """The last of 17 digits may be another and the number still the same: the bytes tell."""
    row = next(
        r
        for r in (folder / "evidence.csv").read_text().splitlines()
        if same_when_altered(r.split(",")[6])
    )
    value = row.split(",")[6]
    altered(folder / "evidence.csv", row, row.replace(value, other_digit(value, digit)))
    done = check(folder)
    assert done.exit_code == 12
    (finding,) = done.findings
    assert (finding.kind, Path(finding.file).name) == ("evidence", "evidence.csv")
    assert said in finding.text


def other_digit(value: str, at: int) -> str:
    at %= len(value)
    return value[:at] + str((int(value[at]) + 1) % 10) + value[at + 1 :]


def same_when_altered(value: str) -> bool:
    return value[:2] == "0." and "e" not in value and float(value) == float(other_digit(value, -1))


def sealed(file: Path) -> None:
    """Put an altered provenance under the digest of what it says now."""
    content = {k: v for k, v in json.loads(file.read_text()).items() if k != "sha256"}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    file.write_text(json.dumps({**content, "sha256": digest}, indent=1, sort_keys=True) + "\n")


def test_evidence_that_was_altered_with_its_digests_is_found_in_every_rendering(
    folder: Path,
) -> None:
    file = folder / "evidence.csv"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    rows = file.read_text().splitlines(keepends=True)
    # What the first claim reads at its first seed.
    at = next(i for i, r in enumerate(rows) if ",published.control_true," in r and ",20,4," in r)
    value = rows[at].split(",")[6]
    rows[at] = rows[at].replace(value, "0.5")
    file.write_text("".join(rows))
    after = hashlib.sha256(file.read_bytes()).hexdigest()
    for name in ("verdicts.json", "provenance.json"):
        altered(folder / name, before, after)
    sealed(folder / "provenance.json")
    done = check(folder)
    assert done.exit_code == 12
    claim = "instrument::the_published_audit_is_blind_in_vanilla_dfa"
    for name in ("report.html", "report.md", "verdicts.json"):
        found = [f for f in done.findings if Path(f.file).name == name]
        assert any(f.claim == claim and f.kind == "text" for f in found), name


@pytest.mark.parametrize("name", ["verdicts.json", "provenance.json"])
def test_what_stands_beside_the_evidence_is_checked_too(folder: Path, name: str) -> None:
    digest = json.loads((folder / name).read_text())["evidence_sha256"]
    altered(folder / name, digest, digest[:-1] + "0123456789abcdef"[int(digest[-1], 16) - 1])
    assert check(folder).exit_code == 12


def test_verdicts_that_cannot_be_read_are_a_finding_and_other_folders_are_checked_all_the_same(
    folder: Path,
) -> None:
    other = folder.with_name("other")
    shutil.copytree(folder, other)
    (folder / "verdicts.json").write_text("{")
    altered(other / "report.md", "teacher", "teacher2")
    kinds = {(Path(f.file).parent.name, f.kind) for f in check(folder.parent).findings}
    assert kinds == {(NAME, "evidence"), ("other", "text")}


def test_claims_that_are_not_at_hand_are_an_error(folder: Path) -> None:
    with pytest.raises(FaevalError, match=r"\b2 of its 2 claims\b"):
        pipeline.check([folder], ROOT / "claims" / "agreement.py")


def test_nothing_to_check_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        FaevalError, match=rf"{re.escape(str(tmp_path))}: .*\breport folder\b.*Markdown\b"
    ):
        check(tmp_path)


QUOTE = (
    "[{}](reports/"
    + NAME
    + "/report.html#claim-instrument-the-published-audit-is-blind-in-vanilla-dfa{})"
)


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (QUOTE.format("supported", ""), None, ""),
        (QUOTE.format("refuted", ""), "quoted", "the verdict is supported"),
        (QUOTE.format("−0.17", ""), "quoted", "none of the claim's numbers"),
        (QUOTE.format("supported", "-and-more"), "link", "which reports/"),
        ("[the page](reports/nowhere/report.html#claim-x)", "link", "which is not there"),
        ("[elsewhere](https://example.org/report.html#claim-x), [here](#there)", None, ""),
    ],
)
def test_a_document_is_held_against_the_pages_it_links_to(
    folder: Path, text: str, kind: str | None, said: str
) -> None:
    page = folder.parents[1] / "README.md"
    page.write_text(f"# Title\n\n| a | {text} |\n|---|---|\n\nOne {text} here.\n")
    done = check(page)
    assert {f.kind for f in done.findings} == ({kind} if kind else set())
    assert all(
        said in f.text and f.file == page.as_posix() and f.place in ("line 3", "line 6")
        for f in done.findings
    )
    assert done.exit_code == (12 if kind else 0)


def test_a_document_that_quotes_altered_evidence_is_not_believed(folder: Path) -> None:
    page = folder.parents[1] / "page.md"
    page.write_text(QUOTE.format("supported", ""))
    (folder / "evidence.csv").write_text(
        (folder / "evidence.csv").read_text().replace("0.9", "0.8", 1)
    )
    assert [f.kind for f in check(page).findings] == ["evidence"]


@pytest.fixture(scope="module")
def shown(report: Report, written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An overview of the report and a copy of it, in the folder above both."""
    folder = tmp_path_factory.mktemp("shown") / "reports"
    both = [shutil.copytree(written, folder / name) for name in (NAME, "other")]
    page = Overview.of([report, report], both, folder)
    page.write(folder)
    page.write_figures(folder / "figures")
    return folder


@pytest.fixture
def overview(shown: Path, tmp_path: Path) -> Path:
    """The same for a test alone."""
    return Path(shutil.copytree(shown, tmp_path / "reports"))


@pytest.mark.slow
def test_an_overview_is_held_against_the_reports_it_shows(overview: Path) -> None:
    done = check(overview)
    assert done.findings == ()
    assert {Path(f.file).name for f in done.files if f.form == "overview"} == {
        "index.html",
        "index.md",
    }
    assert {Path(f.file).name for f in done.files if f.form == "figure"} == {
        "transfer.svg",
        "transfer.pdf",
    }
    (quotes,) = [f for f in done.files if f.form == "document"]
    assert quotes.numbers > 4
    for name in ("index.html", "index.md"):
        text = (overview / name).read_text()
        value = re.search(r"0\.\d+ \[", text)
        assert value
        altered(overview / name, value[0], value[0].replace("0.", "0.9"))
    altered(overview / "figures" / "transfer.svg", "supported", "refuted")
    found = check(overview).findings
    assert {(Path(f.file).name, f.kind) for f in found} == {
        ("transfer.svg", "markup"),
        ("index.html", "text"),
        ("index.md", "text"),
        ("index.md", "quoted"),
    }


def test_an_overview_of_a_report_that_is_gone_is_a_finding(overview: Path) -> None:
    (overview / "other" / "evidence.csv").unlink()
    found = [f for f in check(overview).findings if Path(f.file).name == "index.html"]
    assert [f.kind for f in found] == ["evidence"]
    assert "holds no evidence" in found[0].text


def test_a_page_that_says_what_moved_is_checked_with_the_same_earlier_report(folder: Path) -> None:
    earlier = folder.parents[1] / "earlier"
    shutil.copytree(folder, earlier)
    altered(earlier / "verdicts.json", '"verdict": "supported"', '"verdict": "refuted"')
    before = pipeline.earlier_reports([earlier])
    pipeline.against(pipeline.decide_again(folder, ROOT / "claims"), folder, before).write(folder)
    assert "since" in (folder / "report.md").read_text().lower()
    assert check(folder, earlier=[earlier]).findings == ()
    assert check(folder).findings


def test_figures_for_a_paper_are_checked_where_they_were_written(
    folder: Path, report: Report
) -> None:
    figures = report.figures()
    contrast = next(name for name in figures if name.startswith("contrast"))
    (folder / "figures").mkdir()
    for name, form in (("forest", "pdf"), (contrast, "svg")):
        (folder / "figures" / f"{name}.{form}").write_bytes(render(figures[name], form))
    done = check(folder)
    assert (done.findings, sum(f.form == "figure" for f in done.files)) == ((), 2)
    drawn = folder / "figures" / f"{contrast}.svg"
    altered(drawn, "0.", "1.")
    (finding,) = check(folder).findings
    assert (finding.file, finding.kind) == (drawn.as_posix(), "markup")


def test_a_rendering_or_an_overview_that_is_named_is_checked_alone(overview: Path) -> None:
    folder = overview / NAME
    altered(folder / "report.md", "teacher", "teacher2")
    assert [Path(f.file).name for f in check(folder / "report.html").files] == ["report.html"]
    assert check(folder / "report.html").exit_code == 0
    assert check(folder / "report.md").exit_code == 12
    both = check(folder / "report.html", folder)
    assert len(both.files) == 3
    page = overview / "index.html"
    assert [(Path(f.file).name, f.form) for f in check(page).files] == [
        ("index.html", "overview"),
        ("index.md", "overview"),
    ]
    value = re.search(r"0\.\d+ \[", page.read_text())
    assert value
    altered(page, value[0], value[0].replace("0.", "0.9"))
    assert check(page).exit_code == 12


def test_what_differs_from_provenance_names_that_file(folder: Path) -> None:
    altered(folder / "provenance.json", '"device": "cpu"', '"device": "abacus"')
    sealed(folder / "provenance.json")
    found = [f for f in check(folder).findings if Path(f.file).name == "report.html"]
    assert found
    assert all("provenance.json" in f.text and "the evidence" not in f.text for f in found)


@pytest.mark.parametrize("name", ["verdicts.json", "provenance.json", "ctrf.json"])
def test_json_nested_without_end_is_a_finding(folder: Path, name: str) -> None:
    (folder / name).write_text("[" * 200_000)
    done = check(folder, forms=["ctrf", "html"])
    assert done.exit_code == 12
    assert any("recursion" in f.text for f in done.findings)


def test_a_text_of_latex_is_said_as_it_stands(folder: Path, report: Report) -> None:
    report.write(folder, ["latex"])
    (file,) = folder.glob("*.tex")
    altered(file, "\\toprule", "\\midrule")
    (finding,) = [f for f in check(file).findings if "toprule" in f.text]
    assert re.search(r"'\\midrule' .*'\\toprule'", finding.text)
