"""The further forms of a report: they say what JSON says, in the words of the page, and are valid
of their kind.
"""

import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from rich.console import Console

from faeval.claims import (
    REASONS,
    REGISTRATIONS,
    WORDS,
    AssertionResult,
    Caution,
    CountResult,
    MeasuredError,
    RatioResult,
    Side,
    Sum,
    Term,
    Verdict,
)
from faeval.claims._verdict import WHERE_USED
from faeval.errors import FaevalError
from faeval.reports import (
    FORMS,
    SCHEMA,
    ClaimInputs,
    LowestControl,
    Profile,
    ReadMetric,
    Report,
    json_schema,
    value_text,
)
from faeval.reports.words import read, sentences as words
from tests.reports.schema import made_schema

HERE = Path(__file__).parent
REPORTS = sorted((HERE.parents[1] / "reports").glob("*/verdicts.json"))

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
codes = st.sampled_from([(word, code) for word in WORDS for code in REASONS[word]])
drawn_claims = st.lists(
    st.builds(
        lambda said, **more: {"word": said[0], "code": said[1], **more},
        codes,
        expected=st.sampled_from(
            [None, "supported", "refuted", "inconclusive", "invalid", "invalid:confounded"]
        ),
        kinds=st.lists(
            st.sampled_from(["exceeds", "below", "not_above", "not_below", "equivalent"]),
            max_size=2,
        ),
        n=st.sampled_from([2, 3, 5, 10]),
        scale=st.sampled_from([1e-12, 1e-3, 1.0, 1e9]),
        center=st.floats(-1, 1),
        seed=st.integers(0, 1000),
        flags=st.sampled_from([(), ("stale",), ("reproduction", "evaluation_set")]),
        unit=st.sampled_from(["1", "activation"]),
    ),
    max_size=6,
)


# --- reading each form back, by nothing of ours
# ------------------------------------------------------------------------


def from_latex(cell):
    """A cell as text; the inverse of what docs/forms.md says of LaTeX."""
    text = (
        cell.replace(r"\raggedright ", "")
        .replace(r"\allowbreak{}", "")
        .replace("~", " ")
        .replace(r"\newline ", "; ")
        .replace("$$", "")
    )
    text = re.sub(r"\\times10\^\{(-?\d+)\}", r"e\1", text)
    text = re.sub(r"\$([^$]*)\$", lambda m: m[1].replace("-", "−"), text)
    return text.replace(r"\infty", "∞").replace(r"\pm", "±").replace(r"\_", "_")


def latex_rows(text):
    rows = {}
    for line in text.splitlines():
        if line.startswith(r"\raggedright"):
            cells, claim = line.split(r" \\[2pt] % claim: ")
            rows[claim] = [from_latex(cell) for cell in cells.split(" & ")]
    return rows


def markdown_rows(text):
    rows = [line for line in text.splitlines() if line.startswith("| ") and line.count(" | ") == 5][
        2:
    ]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def junit_cases(text):
    cases = {}
    for case in ElementTree.fromstring(text).iter("testcase"):
        properties = {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
        outcome = [child.tag for child in case if child.tag not in ("properties", "system-out")]
        cases[properties["claim"]] = (outcome, properties)
    return cases


def outcome_of(verdict, strict):
    """The mapping of docs/forms.md, written again."""
    met = verdict["expected"] in (
        verdict["verdict"],
        f"{verdict['verdict']}:{verdict['reason_code']}",
    )
    if verdict["verdict"] == "invalid":
        return [] if met else ["error"]
    if verdict["verdict"] == "inconclusive":
        return ["failure"] if strict and verdict["expected"] and not met else ["skipped"]
    return [] if met or verdict["expected"] is None else ["failure"]


def agree(report):
    kept = json.loads(report.to_json())
    verdicts = {v["claim"]: v for v in kept["verdicts"]}
    rows = markdown_rows(report.to_markdown())
    tex = latex_rows(report.to_latex())
    tests = {t["testId"]: t for t in json.loads(report.to_ctrf())["results"]["tests"]}
    cases, strictly = junit_cases(report.to_junit()), junit_cases(report.to_junit(strict=True))
    page = html.unescape(re.sub(r"<[^>]+>", "", report.to_html()))
    out = io.StringIO()
    Console(file=out, width=200).print(report.table(200))
    assert list(verdicts) == list(tex) == list(tests) == list(cases)
    assert len(rows) == len(verdicts)
    for row, (name, verdict), made in zip(rows, verdicts.items(), report.verdicts, strict=True):
        outcome, properties = cases[name]
        assert outcome == outcome_of(verdict, False)
        assert strictly[name][0] == outcome_of(verdict, True)
        status = {(): "passed", ("skipped",): "skipped"}.get(tuple(outcome), "failed")
        assert tests[name]["status"] == status
        word, code = verdict["verdict"], verdict["reason_code"]
        assert (properties["verdict"], properties["reason_code"]) == (word, code)
        assert tests[name]["rawStatus"] == (word if code == "decided" else f"{word}:{code}")
        said = re.sub(r"^\S+ ", "", row[1].replace("**", ""))
        flags = [flag.replace("_", " ") for flag in verdict["flags"]]
        assert tex[name][1] == said
        assert said.startswith(word if code == "decided" else f"{word} ({code.replace('_', ' ')})")
        assert (
            said.partition("; flags: ")[2]
            == ", ".join(flags)
            == properties.get("flags", "").replace("_", " ").replace(",", ", ")
        )
        assert (
            properties["registration"]
            == verdict["registration"]
            == tests[name]["extra"]["registration"]
        )
        if status == "passed":
            assert tests[name].get("message", "") == (f"flags: {', '.join(flags)}" if flags else "")
        assert tex[name][2] == row[2]
        assert tex[name][3] == row[3].replace("\\", "")
        assert [
            read(m.strip("±<>").split()[0]) for m in row[3].replace("\\", "").split("; ") if m
        ] == pytest.approx(
            [-a.margin if a.kind in ("below", "not_below") else a.margin for a in made.assertions],
            rel=1e-9,
        )
        assert tex[name][4] == row[4] == str(verdict["n"])
        for key, value in (
            ("estimate", verdict["estimate"]),
            ("interval_low", verdict["interval"][0]),
            ("interval_high", verdict["interval"][1]),
        ):
            assert properties.get(key) == (None if value is None else repr(value))
            assert tests[name]["extra"].get(key) == value
        for text, a in zip(row[2].split("; "), made.assertions, strict=False):
            estimate, _, outer = text.partition(", refuting interval ")
            assert estimate == value_text(a)
            assert outer in (words.outer_text(a).removeprefix("refuting interval "), "")
            assert bool(outer) == bool(words.outer_text(a))
            for shown in filter(None, (estimate, outer)):
                assert shown in page
            assert value_text(a, unit=False) in out.getvalue()
        if verdict["estimate"] is not None and None not in verdict["interval"]:
            half = (verdict["interval"][1] - verdict["interval"][0]) / 2
            shown = re.search(r"(\S+) \[(\S+), (\S+)\]", tex[name][2]).groups()
            for number, unrounded in zip(
                shown, (verdict["estimate"], *verdict["interval"]), strict=True
            ):
                assert read(number) == pytest.approx(unrounded, abs=0.051 * half)
    counts(report, kept)


def counts(report, kept):
    suite = ElementTree.fromstring(report.to_junit())
    found = Counter(
        child.tag
        for case in suite.iter("testcase")
        for child in case
        if child.tag not in ("properties", "system-out")
    )
    for element in (suite, suite[0]):
        assert (
            int(element.get("tests")) == len(kept["verdicts"]) == len(list(suite.iter("testcase")))
        )
        assert (int(element.get("failures")), int(element.get("errors"))) == (
            found["failure"],
            found["error"],
        )
    assert int(suite[0].get("skipped")) == found["skipped"] == kept["counts"]["inconclusive"]
    summary = json.loads(report.to_ctrf())["results"]["summary"]
    assert summary["tests"] == len(kept["verdicts"])
    assert summary["failed"] == found["failure"] + found["error"]
    assert summary["skipped"] == found["skipped"]
    assert {w: summary["extra"][w] for w in WORDS} == kept["counts"]
    badge = json.loads(report.to_badge())
    said = {w: sum(int(n) for n in re.findall(rf"(\d+) {w}\b", badge["message"])) for w in WORDS}
    assert said == kept["counts"]
    assert badge.get("isError", False) == (kept["exit_code"] in (1, 11))
    text = report.to_markdown().splitlines()[2]
    assert re.findall(r"\d+ \w+", text) == re.findall(r"\d+ \w+", badge["message"])


def test_all_forms_of_the_gallery_agree(gallery):
    agree(gallery)


@few
@given(drawn_claims)
def test_all_forms_of_any_report_agree(make_report, drawn):
    agree(make_report(drawn))


def test_every_form_is_written_by_its_name_and_is_the_same_in_another_process(gallery, tmp_path):
    script = (
        f"import runpy; m = runpy.run_path({str(HERE / 'conftest.py')!r}); from faeval.reports"
        " import FORMS;m['report'](m['founding']() +"
        f" m['odd']()).write({str(tmp_path / 'there')!r}, FORMS)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Pacific/Apia", "LC_ALL": "C.UTF-8"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=60)
    paths = gallery.write(tmp_path / "here", FORMS)
    assert [p.name for p in paths] == list(FORMS.values())
    for path in paths:
        assert path.read_bytes() == (tmp_path / "there" / path.name).read_bytes()


# --- valid of their kind
# ----------------------------------------------------------------------------------------------


@few
@given(drawn_claims)
def test_ctrf_is_valid_by_its_schema(make_report, drawn):
    schema = json.loads((HERE / "schemas" / "ctrf-schema-0.0.json").read_text())
    jsonschema.Draft7Validator(schema).validate(json.loads(make_report(drawn).to_ctrf()))


def test_junit_is_valid_by_the_schema_of_xunit2_but_for_the_properties_of_a_case(gallery):
    import xmlschema

    schema = xmlschema.XMLSchema(HERE / "schemas" / "junit-10.xsd")
    for strict in (False, True):
        root = ElementTree.fromstring(gallery.to_junit(strict))
        # As pytest writes them, and its readers take them; the schema knows them in a suite alone.
        for case in root.iter("testcase"):
            properties = case.find("properties")
            schema.elements["properties"].validate(properties)
            case.remove(properties)
        schema.validate(root)
        assert not {"time", "timestamp", "hostname"} & {
            key for element in root.iter() for key in element.attrib
        }


def test_an_outcome_says_its_type_and_why(gallery):
    found = ElementTree.fromstring(gallery.to_junit()).iter("testcase")
    cases = {f"{c.get('classname')}::{c.get('name')}": c for c in found}
    types = {
        child.get("type")
        for case in cases.values()
        for child in case
        if child.tag not in ("properties", "skipped", "system-out")
    }
    assert types == {"VerdictDrift", "Invalid:below_floor", "Invalid:undefined"}
    drift = next(f for c in cases.values() for f in c.iter("failure"))
    assert re.match(r"refuted\b.*\bsupported\b.*: 0\.006 \[−0\.028, 0\.040\]", drift.get("message"))
    assert "p for" in drift.text
    skipped = cases["claims/embedding.py::embedding_aligned_deep_not"].find("skipped")
    assert skipped.get("message").endswith("(straddles margin; supported was expected)")


@pytest.mark.parametrize(
    ("word", "code", "expected", "colour"),
    [
        ("refuted", "decided", "refuted", "blue"),
        ("refuted", "decided", None, "blue"),
        ("refuted", "decided", "supported", "red"),
        ("inconclusive", "not_run", "supported", "lightgrey"),
        ("invalid", "confounded", "invalid", "lightgrey"),
        ("invalid", "confounded", None, "red"),
    ],
)
def test_a_badge_is_red_only_where_something_is_wrong(make_verdict, word, code, expected, colour):
    badge = json.loads(Report("t", (make_verdict(word, code, expected=expected),)).to_badge())
    assert badge["schemaVersion"] == 1
    assert badge["color"] == colour
    assert badge.get("isError") == (True if colour == "red" else None)


def many(gallery, count):
    verdicts = gallery.verdicts * (count // len(gallery.verdicts) + 1)
    return replace(
        gallery,
        verdicts=tuple(replace(v, claim=f"f::c{i}") for i, v in enumerate(verdicts[:count])),
    )


def test_two_hundred_claims_stand_in_the_latex_table(gallery):
    text = many(gallery, 200).to_latex()
    assert list(latex_rows(text)) == [f"f::c{i}" for i in range(200)]
    tables = text.count(r"\begin{table}")
    assert tables > 5
    assert f"part {tables} of {tables}" in text
    assert "cut" not in text


latex_is_here = shutil.which("pdflatex") is not None
needs_latex = pytest.mark.skipif(
    not latex_is_here, reason="pdflatex is not installed; nothing else needs it"
)


def compiled(text, folder):
    """The log of a plain article that includes a table."""
    (folder / "table.tex").write_text(text, encoding="utf-8")
    document = (
        r"\documentclass{article}\usepackage{booktabs}\begin{document}Before. \input{table}"
        r" After.\end{document}"
    )
    (folder / "paper.tex").write_text(document)
    command = [
        "pdflatex",
        "-no-shell-escape",
        "-halt-on-error",
        "-interaction=nonstopmode",
        "paper.tex",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
    log = (folder / "paper.log").read_text(encoding="latin-1").replace("\n", "")
    assert done.returncode == 0, log[-2000:]
    return log


@needs_latex
def test_latex_compiles_in_a_plain_article_and_no_table_is_longer_than_a_page(gallery, tmp_path):
    log = compiled(many(gallery, 200).to_latex(), tmp_path)
    assert "Float too large" not in log
    assert "Overfull" not in log


# --- JSON Schema
# ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema():
    found = json.loads(json_schema())
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def errors(schema, text):
    return [
        (list(e.path), e.message)
        for e in jsonschema.Draft202012Validator(schema).iter_errors(json.loads(text))
    ]


def test_the_schema_names_the_fields_of_the_classes_and_the_words(schema):
    assert json_schema() == made_schema()
    derived = {"n", "estimate", "interval", "unit", "as_expected"}
    kinds = (
        AssertionResult,
        Caution,
        ClaimInputs,
        CountResult,
        LowestControl,
        MeasuredError,
        Profile,
        RatioResult,
        ReadMetric,
        Side,
        Sum,
        Term,
        Verdict,
    )
    for kind in kinds:
        found = schema["$defs"][kind.__name__]
        more = derived if kind is Verdict else set()
        assert set(found["properties"]) == {f.name for f in fields(kind)} | more
    assert set(schema["properties"]) == set(Report("t", ()).to_dict())
    verdict = schema["$defs"]["Verdict"]
    assert verdict["properties"]["verdict"]["enum"] == list(WORDS)
    assert verdict["properties"]["registration"]["enum"] == list(REGISTRATIONS)
    by_word = {
        o["properties"]["verdict"]["const"]: o["properties"]["reason_code"]["enum"]
        for o in verdict["oneOf"]
    }
    assert by_word == {word: list(codes) for word, codes in REASONS.items()}
    assert schema["properties"]["schema"]["const"] == SCHEMA


def test_every_field_of_the_schema_is_required_and_explained_and_no_other_is_let_in(schema):
    used = {kind.__name__: set(names) for kind, names in WHERE_USED.items()}
    parts = {name: part for name, part in schema["$defs"].items() if "properties" in part}
    for of, found in {"": schema, **parts}.items():
        optional = used.get(of, set())
        assert found["required"] == [name for name in found["properties"] if name not in optional]
        assert found["additionalProperties"] is False
        for name, field in found["properties"].items():
            assert field["description"].endswith("."), name


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.parent.name)
def test_published_reports_are_valid_by_the_schema(schema, path):
    assert errors(schema, path.read_text()) == []


def test_the_gallery_is_valid_by_the_schema(schema, gallery):
    assert errors(schema, gallery.to_json()) == []
    assert errors(schema, gallery.to_json(strict=True)) == []


@few
@given(drawn_claims)
def test_any_report_is_valid_by_the_schema(schema, make_report, drawn):
    assert errors(schema, make_report(drawn).to_json()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["verdicts"][0].update(more=1), "'more' was unexpected"),
        (lambda c: c["verdicts"][0].pop("over"), "'over' is a required property"),
        (
            lambda c: c["verdicts"][0].update(reason_code="not_run"),
            "is not valid under any of the given schemas",
        ),
        (lambda c: c["verdicts"][0]["assertions"][0].update(interval=[0.1]), "[0.1] is too short"),
        (
            lambda c: c["verdicts"][0].update(estimate="0.1"),
            "'0.1' is not of type 'number', 'null'",
        ),
        (lambda c: c["profiles"][0]["status"][0].__setitem__(0, "zero"), "'zero' is not one of"),
    ],
)
def test_what_is_no_report_is_not_valid(schema, gallery, change, said):
    content = gallery.to_dict()
    change(content)
    assert any(said in message for _, message in errors(schema, json.dumps(content)))


# --- Markdown
# ----------------------------------------------------------------------------------------------


def test_markdown_has_no_two_blank_lines_in_a_row(gallery):
    for folded in (False, True):
        text = gallery.to_markdown(folded=folded)
        assert "\n\n\n" not in text
        assert not text.startswith("\n")
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert not re.search(r"[ \t]$", text, re.MULTILINE)


@pytest.mark.parametrize("limit", [8_000, 20_000, 64_000, 200_000, 1 << 20])
@pytest.mark.parametrize("folded", [False, True])
def test_markdown_keeps_to_its_limit_and_counts_what_it_leaves_out(gallery, limit, folded):
    text = many(gallery, 200).to_markdown(limit, folded=folded)
    assert len(text.encode()) < limit
    assert text.startswith("# Results for")
    shown = (
        text.count("<details>") if folded else text.count("\n## ") - text.count("\n## Provenance")
    )
    assert shown == text.count("\nClaim f::c")
    left_out = re.findall(r"(?m)^(\d+) claims\b.*\bleft out\b", text)
    assert left_out == ([str(200 - shown)] if shown < 200 else [])
    rows = len(markdown_rows(text))
    left_out = re.findall(r"(?m)^\| (\d+) .*\bleft out\b.* \|$", text)
    assert left_out == ([str(200 - rows)] if rows < 200 else [])
    if not folded and limit == 1 << 20:
        assert shown == 200


@pytest.mark.parametrize("limit", [0, -1, 7_999])
def test_a_limit_that_holds_no_table_is_refused(gallery, limit):
    with pytest.raises(
        FaevalError,
        match=rf"limit={limit}\b.*\b8000\b",
    ):
        gallery.to_markdown(limit)


def test_folded_sections_say_the_same_as_open_ones(gallery):
    def plain(text):
        text = re.sub(r"<details><summary>(.*?): [^:\n]*(: [\w ]+)?</summary>", r"## \1", text)
        return html.unescape(text.replace("</details>\n", ""))

    opened, folded = gallery.to_markdown(1 << 20), gallery.to_markdown(1 << 20, folded=True)
    assert re.sub(r"\s+", " ", plain(folded)) == re.sub(r"\s+", " ", opened)
