"""Whatever a claim's text is, every form stays what it is: well-formed, bounded, and no other
verdict is touched.
"""

import functools
import io
import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from faeval._safe_text import inert, inert_wherever_cut
from faeval.claims import Caution
from faeval.reports import FORMS, Profile, Report
from faeval.reports.words import CELL, clip, latex

HERE = Path(__file__).parent

ATTACKS = [
    # HTML, SVG, CSS
    "<script>alert(1)</script>",
    "</title></style></details></summary><img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><![CDATA[ <?php ?> <!-- --> ]]>",
    '" onmouseover="alert(1)" style="position:fixed" x="',
    "&lt;b&gt; &#60;i&#62; &amp;amp; &xxe; %xxe;",
    "<!DOCTYPE x [<!ENTITY xxe SYSTEM 'file:///etc/passwd'>]>",
    # Markdown
    "[click](javascript:alert(1)) ![x](https://example.com/x.png) <https://example.com>",
    "a | b | c\n\n| --- |\n# heading\n\n- item\n\n> quote\n\n</details>",
    "```\ncode\n```\n~~~\n***bold*** __under__ ~~gone~~ $x$ `` ` ``",
    "@everyone #1 www.example.com https://example.com",
    "1. one\n    indented\n+ plus\n= \n===\n---",
    # LaTeX
    r"\input{/etc/passwd} \write18{id} \immediate\openout1=x \def\x{} \catcode`\%=12",
    r"^^5cinput ^^M ^^^^005c \\[2pt] % claim: other::claim",
    r"} \end{tabular} \end{table} \end{document} {",
    r"100 % & $x$ #1 _a_ ~ \verb|x| \\ {[*]} `` '' -- --- ?` !` << >> ,,",
    r"\\begin{table} \tabularnewline & & & & \hline \newline \\",
    "%",
    "\\",
    "$",
    # terminals
    "\x1b[31mred\x1b]8;;https://example.com\x07link\x1b\\ \x1b[2J \r overwritten",
    "\x9b31m \x90 \x00 \x07 \x08\x08\x08 \x7f",
    "[bold red]markup[/] [link=https://example.com]x[/link]",
    # spreadsheets
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("https://example.com","x")',
    "+1+1",
    "-1+1",
    "@SUM(1+1)",
    "\t=1+1",
    # characters
    "\ud800 \udfff \ufdd0 \ufffe \uffff \U0001ffff",
    "\u202egnp.exe\u2066 \u200f\u200e \u2067x\u2069 \u061c",
    "\u2028 \u2029 \x85 \x0b \x0c \x1c \ufeff \u00ad \u200b \U000e0041",
    "{{ 7 * 7 }} {% raw %} ${x} %s {0}",
    "e\u0301 \u0301 i\u0308 \u1ecb ∞ − ± 测试 שלום 👩‍🔬 ﷽",
    "x" * 5000,
    "Z\u0351\u036b" * 400,
    "1e999 −∞ NaN 0x1p-2",
]
hostile = st.one_of(
    st.sampled_from(ATTACKS),
    st.lists(st.sampled_from(ATTACKS), min_size=2, max_size=3).map("".join),
    st.text(
        alphabet=st.one_of(
            st.characters(), st.sampled_from("<>&|[]()`*_\\{}%$#^~\n\r\x1b\u202e\"'-=+@")
        ),
        min_size=1,
        max_size=60,
    ),
)
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HARMLESS = "harmless"


@pytest.fixture(scope="module")
def among(gallery):
    """A function that puts two claims full of one text among two others: a report, of which it is
    all but the middle.
    """
    first, last, model = gallery.verdicts[0], gallery.verdicts[1], gallery.verdicts[3]

    def make(text):
        side = replace(model.assertions[0].a, expression=text)
        assertions = tuple(
            replace(a, because=text, unit=text, a=side, b=side) for a in model.assertions
        )
        words = (
            "claim",
            "sentence",
            "detail",
            "family",
            "over",
            "about",
            "note",
            "source",
            "test",
        )
        bad = replace(
            model,
            **dict.fromkeys(words, text),
            assertions=assertions,
            flags=(text,),
            warnings=(Caution("measurement", detail=text),),
            gates=(text,),
            controls=(text,),
            amendments=(text,),
            runs=(text,),
            expected=text,
            registered_sha256=text,
            other_tests=((text, "refuted"),),
            published=(
                {
                    "what": text,
                    "published": text,
                    "spread": None,
                    "ours": None,
                    "within": None,
                    "source": text,
                },
            ),
        )
        bare = replace(bad, verdict="invalid", reason_code="confounded", assertions=(), seeds=())
        profile = Profile(text, text, (0, 1), (1,), ((0.1, None),), (("measured", "below_floor"),))
        verdicts = (first, bad, bare, last)
        return Report(
            text,
            verdicts,
            text,
            text,
            {text: {text: (text,), "a key of the report": {text: text}}},
            (profile,),
        )

    return make


@pytest.fixture(scope="module")
def harmless(among):
    """A function that gives renderings of the same report with a harmless text, made once."""
    return functools.cache(lambda form, **how: getattr(among(HARMLESS), f"to_{form}")(**how))


def usable(text):
    """Not one of the few texts that mean something: the unit of a pure number, the side 0."""
    return clip(text).strip() not in (
        "",
        "0",
        "0.0",
        "1",
        "supported",
        "refuted",
        "inconclusive",
        "invalid",
    )


class Shape(HTMLParser):
    """The elements of a page and the names of their attributes, without any text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.text = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, tuple(sorted(name for name, _ in attributes))))

    def handle_endtag(self, tag):
        self.elements.append(f"/{tag}")

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        self.elements.append("comment")

    def handle_decl(self, decl):
        self.elements.append(decl)

    def handle_pi(self, data):
        self.elements.append("processing instruction")

    unknown_decl = handle_pi


DRAWN = {
    *("svg", "g", "title", "desc", "defs", "path", "rect", "circle", "line", "polyline", "text"),
    *("tspan", "use", "clippath", "style", "metadata"),
}


def shape(page):
    """Elements in order. Figures are laid out by the length of their labels: there, only what may
    stand in one is looked at.
    """
    outside, inside = [], 0
    for element in Shape(page).elements:
        name = element if isinstance(element, str) else element[0]
        inside += name == "svg"
        if not inside:
            outside.append(element)
            continue
        assert name.removeprefix("/") in DRAWN, element
        assert isinstance(element, str) or not any(
            attribute.startswith("on") for attribute in element[1]
        )
        inside -= name == "/svg"
    return outside


# --- each form
# ----------------------------------------------------------------------------------------------


@few
@given(hostile.filter(usable))
def test_no_text_changes_the_elements_of_the_page(among, harmless, text):
    assert shape(among(text).to_html()) == shape(harmless("html"))


COMMAND = re.compile(r"^\s*(::|##\[)")
commanding = st.lists(
    st.sampled_from(
        [
            "::error::x",
            "##[group]",
            "::",
            ":",
            "##[",
            " ",
            "\n",
            "\r",
            "\u2028",
            "\x85",
            "a",
            "::set-env::" * 20,
        ]
    ),
    min_size=1,
    max_size=6,
).map("".join)


@settings(few, max_examples=100)
@given(st.one_of(commanding, hostile))
@example("a\n\n ::error::b")
@example(":::")
def test_no_line_of_text_is_a_command_of_a_job(text):
    for line in re.split(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", inert(text)):
        assert not COMMAND.match(line)
    assert inert(text).replace("\u2060", "") == text.replace("\u2060", "")
    whole = inert_wherever_cut(text)
    assert not any(COMMAND.match(whole[i:]) for i in range(len(whole)))


@few
@given(commanding.filter(usable), st.sampled_from([40, 80, 132]))
@example("::error file=a::b", 132)
@example("a " * 20 + "::error::b", 40)
def test_no_line_of_a_table_is_a_command_of_a_job(among, text, width):
    report = among(text)
    alone = replace(report, verdicts=report.verdicts[1:2])
    word = "refuted" if alone.verdicts[0].verdict == "supported" else "supported"
    earlier = replace(
        alone, verdicts=(replace(alone.verdicts[0], verdict=word),), provenance={text: text}
    )
    drift = alone.against(json.loads(earlier.to_json()), earlier.provenance).drift
    assert drift.moved
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None)
    console.print(report.table(width))
    console.print(drift.table(width))
    assert not [line for line in out.getvalue().splitlines() if COMMAND.match(line)]


@few
@given(hostile.filter(usable), st.booleans())
@example(" 2 ", False)
@example("\t=1\u2028", True)
def test_no_text_changes_the_elements_of_markdown_nor_its_other_rows(among, harmless, text, folded):
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    pages = [
        among(text).to_markdown(1 << 20, folded=folded),
        harmless("markdown", limit=1 << 20, folded=folded),
    ]
    rendered = [Shape(markdown.render(page)) for page in pages]
    assert rendered[0].elements == rendered[1].elements
    assert ("details" in str(rendered[0].elements)) == folded
    lines = [page.splitlines() for page in pages]
    assert len(lines[0]) == len(lines[1])
    changed = [a for a, b in zip(*lines, strict=True) if a != b]
    assert not any(HARMLESS in line for line in changed) or HARMLESS in text
    for verdict in (among(HARMLESS).verdicts[0], among(HARMLESS).verdicts[-1]):
        (row,) = {line for line in lines[1] if line.startswith(f"| {verdict.sentence} |")}
        assert row in lines[0]


@few
@given(hostile)
def test_json_gives_every_text_back_and_is_ascii(among, harmless, text):
    written = among(text).to_json()
    assert written.isascii()
    verdicts = json.loads(written)["verdicts"]
    assert verdicts[1]["sentence"] == verdicts[2]["note"] == text
    clean = json.loads(harmless("json"))["verdicts"]
    assert (verdicts[0], verdicts[-1]) == (clean[0], clean[-1])


def parsed(text):
    """JUnit by a parser of its own: elements in order, and test cases as text but for the digests
    of the report.
    """
    root = ElementTree.fromstring(text.encode())
    for case in root.iter("testcase"):
        properties = case.find("properties")
        for p in [p for p in properties if p.get("name") in ("evidence_sha256", "lock_sha256")]:
            properties.remove(p)
    tags = [(e.tag, tuple(e.attrib)) for e in root.iter()]
    return root, tags, [ElementTree.tostring(case) for case in root.iter("testcase")]


@few
@given(hostile.filter(usable))
def test_junit_stays_well_formed_and_its_other_cases_the_same(among, text):
    (root, tags, cases), (_, clean_tags, clean_cases) = (
        parsed(among(text).to_junit()),
        parsed(among(HARMLESS).to_junit()),
    )
    assert tags == clean_tags
    assert (cases[0], cases[-1]) == (clean_cases[0], clean_cases[-1])
    assert root[0].get("name") == clip(text, CELL)
    error = root.find(".//error")
    assert error.get("message").startswith("invalid (confounded) where ")
    assert clip(text).strip()[:60] in error.text


@few
@given(hostile)
def test_ctrf_and_badge_stay_valid_and_other_tests_the_same(among, harmless, text):
    schema = json.loads((HERE / "schemas" / "ctrf-schema-0.0.json").read_text())
    written, badge = among(text).to_ctrf(), among(text).to_badge()
    assert written.isascii()
    assert badge.isascii()
    jsonschema.Draft7Validator(schema).validate(json.loads(written))
    tests, clean = (json.loads(t)["results"]["tests"] for t in (written, harmless("ctrf")))
    for i in (0, -1):
        for test in (tests[i], clean[i]):
            test["suite"] = test["extra"]["evidence_sha256"] = test["extra"]["lock_sha256"] = (
                "of the report"
            )
        assert tests[i] == clean[i]
    made, plain = json.loads(badge), json.loads(harmless("badge"))
    assert made.pop("label") == f"claims on {clip(text, 60)}"
    assert plain.pop("label") == f"claims on {HARMLESS}"
    assert made == plain


# What may stand in a table: its frame, and what sets a sign. Nothing that reads, writes or defines.
FRAME = (
    "begin end caption label toprule midrule bottomrule raggedright newline clearpage footnotesize"
    " setlength tabcolsep binoppenalty vspace linewidth"
)
STRUCTURE = set(FRAME.split())
LETTERS = (
    "textbackslash textasciitilde textasciicircum textasciigrave allowbreak ldots ss ae AE oe OE o"
    " O l L i j infty pm times cdot leq geq neq approx rightarrow in partial nabla surd sim propto"
    " prime circ bullet diamond alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu"
    " nu xi pi rho varsigma sigma tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi"
    " Sigma Upsilon Phi Psi Omega c H r u v"
)
SIGNS = set(LETTERS.split())


def tex_tokens(text):
    """Control sequences and what else has a meaning, as TeX's own first step sees them under its
    usual catcodes.
    """
    found, depth = [], 0
    for line in text.splitlines():
        rest = line
        while rest:
            if (match := re.match(r"\\([A-Za-z]+)", rest)) or (match := re.match(r"\\(.)", rest)):
                found.append(f"\\{match[1]}")
                rest = rest[match.end() :]
                continue
            sign, rest = rest[0], rest[1:]
            if sign == "%":
                found.append("%")
                break
            depth += (sign == "{") - (sign == "}")
            assert depth >= 0, line
            if sign in "&#^_$~":
                found.append(sign)
            assert " " <= sign <= "~", (line, sign)
    assert depth == 0
    return found


@few
@given(hostile)
@example(r"\input{/etc/passwd}")
def test_latex_holds_no_command_of_a_text_and_its_other_rows_stay_the_same(among, harmless, text):
    made, clean = among(text).to_latex(), harmless("latex")
    tokens, plain = tex_tokens(made), tex_tokens(clean)
    commands = {t[1:] for t in tokens if len(t) > 1 and t[1:].isalpha()}
    assert commands <= STRUCTURE | SIGNS
    assert tokens.count("#") == 0
    assert tokens.count("$") % 2 == 0
    rows, clean_rows = (
        [r for r in t.splitlines() if r.startswith("\\raggedright")] for t in (made, clean)
    )
    assert len(rows) == len(clean_rows) == 4
    assert (rows[0], rows[-1]) == (clean_rows[0], clean_rows[-1])
    for row, clean_row in zip(rows, clean_rows, strict=True):
        for sign in ("\\raggedright", "\\newline", "\\\\", "&", "%"):
            assert tex_tokens(row).count(sign) == tex_tokens(clean_row).count(sign), sign
    # Long texts take another table, which has its own frame.
    tables = tokens.count("\\caption")
    for sign in (f"\\{s}" for s in STRUCTURE - {"raggedright", "newline", "clearpage"}):
        assert tokens.count(sign) == tables * plain.count(sign), sign


@given(st.text())
def test_escaped_for_latex_nothing_is_left_that_acts(text):
    for token in tex_tokens(latex(text)):
        assert (
            token in ("$", "^") or token[1:] in SIGNS or re.fullmatch(r"\\[{}$&#%_^~\"'.=`]", token)
        )


@few
@given(hostile)
@example(
    "other::claim"
)  # as the name of a claim is broken: after its file, by a character that takes no room
def test_on_a_terminal_nothing_is_an_escape_and_other_rows_stay(among, text):
    for width in (60, 140):
        out = io.StringIO()
        Console(file=out, width=width, force_terminal=True, color_system=None).print(
            among(text).table(width)
        )
        shown = out.getvalue()
        assert not {
            c
            for c in shown
            if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\u200c\u200d\u2060"
        }
        assert "0.081 [0.048, 0.114]" in shown
        assert "−0.031 [−0.055, −0.008]" in shown


@few
@given(hostile)
def test_no_form_but_json_holds_a_control_a_direction_mark_or_half_a_character(among, text):
    for form in FORMS:
        written = among(text).render(form)
        written.encode()
        assert not {
            c
            for c in written
            if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\u200c\u200d\u2060\x7f"
        }, form
        assert "\x7f" not in written or form == "json"


# --- size
# ----------------------------------------------------------------------------------------------


def test_a_megabyte_of_text_is_cut_everywhere_but_in_json(among):
    short, long = among("<b>&\\{%" * 300), among("<b>&\\{%" * 150_000)
    for form in FORMS:
        if form != "json":
            size = len(long.render(form).encode())
            assert size < 1.1 * len(short.render(form).encode()) + 500, form
    assert "more characters)" in long.to_latex()
    one = replace(among(HARMLESS).verdicts[0], sentence="x" * 1_000_000)
    assert json.loads(Report("t", (one,)).to_json())["verdicts"][0]["sentence"] == one.sentence


# --- LaTeX itself
# ----------------------------------------------------------------------------------------------


def test_latex_itself_takes_every_attack_as_text(among, tmp_path):
    import shutil
    import subprocess

    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed; nothing else needs it")
    tables = []
    for i, text in enumerate(ATTACKS):
        (tmp_path / f"t{i}.tex").write_text(among(text).to_latex(), encoding="utf-8")
        tables.append(rf"\input{{t{i}}}\clearpage ")
    document = (
        r"\documentclass{article}\usepackage{booktabs}\begin{document}"
        + "".join(tables)
        + r"\end{document}"
    )
    (tmp_path / "paper.tex").write_text(document)
    command = [
        "pdflatex",
        "-no-shell-escape",
        "-halt-on-error",
        "-interaction=nonstopmode",
        "paper.tex",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=120)
    log = (tmp_path / "paper.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-3000:]
    assert "/etc/passwd" not in re.findall(r"\(([^\s()]+)", log)
    assert sorted(p.suffix for p in tmp_path.iterdir() if p.suffix != ".tex") == [
        ".aux",
        ".log",
        ".pdf",
    ]
