"""Hostile text is shown and never acts: in a browser, in Markdown, on a terminal."""

import io
import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from faeval._safe_text import clean
from faeval.claims import Caution
from faeval.reports import ControlCurve, Profile, Report, TrainingCurve
from faeval.reports.words import anchors, clip, markdown

ATTACKS = [
    "<script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "</style><style>*{display:none}",
    '" onmouseover="alert(1)" x="',
    "<svg onload=alert(1)><![CDATA[",
    "[click](javascript:alert(1))",
    "![x](https://example.com/x.png)",
    "https://example.com www.example.com",
    "a | b | c\n| --- |\n# heading\n- item\n> quote",
    "```\ncode\n```\n***bold*** __under__ ~~gone~~ $x$ <!-- -->",
    "&lt;b&gt; &#60;i&#62;",
    "\x1b[31mred\x1b]8;;https://example.com\x07link\x1b\\",
    "‮gnp.exe⁦ ‏",
    "[bold red]markup[/] [link=https://example.com]x[/link]",
    "{{ 7 * 7 }} {% raw %} ${x}",
    "\ud800 \ufdd0 \x00 \x9b31m",
    "x" * 5000,
]
hostile = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(
        alphabet=st.one_of(st.characters(), st.sampled_from("<>&|[]()`*_\\\n\x1b\u202e\"'")),
        min_size=1,
        max_size=60,
    ),
)

# Everything that the page's own templates may put there, and nothing that loads, runs or submits.
TAGS = set(
    re.findall(
        r"\w+",
        "html head meta link title style body a header p h1 h2 h3 h4 span bdi nav main section"
        " table caption thead tbody tr th td div svg desc rect path circle text polyline article"
        " code b strong figure figcaption dl dt dd details summary ul li footer pre button dfn"
        " small g use defs",
    )
)


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.cells = set(), [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes
        if tag in ("th", "td"):
            self.cells.append("")

    def handle_data(self, data):
        self.text.append(data)
        if self.cells:
            self.cells[-1] += data


def squeezed(text):
    return "".join(text.replace("\u2060", "").split())


@pytest.fixture(scope="session")
def poisoned(gallery):
    """A function that writes one text into every place where a claimant's text may stand."""
    first = gallery.verdicts[3]

    def poison(text):
        side = replace(first.assertions[0].a, expression=text)
        assertions = tuple(
            replace(a, because=text, unit=text, a=side, b=side) for a in first.assertions
        )
        everywhere = dict.fromkeys(
            (
                "claim",
                "sentence",
                "detail",
                "family",
                "over",
                "about",
                "note",
                "source",
            ),
            text,
        )
        verdict = replace(
            first,
            **everywhere,
            test=text,
            assertions=assertions,
            flags=(text,),
            warnings=(Caution("measurement", detail=text),),
            gates=(text,),
            runs=(text,),
            registered_sha256=text,
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
        bare = replace(
            verdict, verdict="invalid", reason_code="confounded", assertions=(), seeds=()
        )
        profile = Profile(text, text, (0, 1), (1,), ((0.1, None),), (("measured", "below_floor"),))
        course = TrainingCurve(text, text, (1, 2), (1,), ((0.1, 0.2),))
        curves = (ControlCurve(text, ((0.1, 1.0),)),)
        return Report(
            text,
            (verdict, bare),
            text,
            text,
            {text: {text: (text,)}},
            (profile,),
            curves,
            curves=(course,),
        )

    return poison


few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few
@given(hostile)
def test_in_html_no_text_becomes_a_tag_an_attribute_or_a_direction(poisoned, text):
    page = poisoned(text).to_html()
    seen = Tags(page)
    assert seen.tags <= TAGS
    for name, value in seen.attributes:
        assert not name.startswith("on")
        assert name not in ("style", "src", "srcdoc", "action", "formaction")
        if name == "href":
            assert value.startswith("#") or value == "data:,"
    assert clip(text).strip() in re.sub(" +", " ", "".join(seen.text))
    page.encode()
    assert not set(page) & set("\x1b\u202e\u2066\u200f\x00\x9b\x07")


@few
@given(hostile)
def test_in_markdown_text_is_text(poisoned, text):
    page = poisoned(text).to_markdown()
    assert len(page.encode()) < 64_000
    rendered = Tags(
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(page)
    )
    assert rendered.tags <= {
        "h1",
        "h2",
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "strong",
        "ul",
        "li",
        "pre",
        "code",
    }
    assert clip(text).strip() in re.sub(r"\s+", " ", "".join(rendered.text).replace("\u2060", ""))
    cells = rendered.cells[6:]  # below the six headings of the first table: one claim a row
    assert [squeezed(cells[i]) for i in (0, 6)] == [squeezed(clip(text, 240))] * 2


@few
@given(hostile)
@example("#[")
def test_on_a_terminal_nothing_is_an_escape_or_markup(poisoned, text):
    for width in (60, 140):
        out = io.StringIO()
        Console(file=out, width=width, force_terminal=False, color_system=None).print(
            poisoned(text).table(width)
        )
        # a joiner parts what a CI job would take for a command, such as "##["
        shown = out.getvalue().replace("\u2060", "")
        assert not {
            c
            for c in shown
            if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\u200c\u200d"
        }
        letters = "".join(clip(text, 240).split())[:20]
        assert letters in "".join(shown.split())


@few
@given(hostile)
def test_json_keeps_the_whole_text_in_ascii(poisoned, text):
    written = poisoned(text).to_json()
    assert written.isascii()
    assert json.loads(written)["verdicts"][0]["sentence"] == text


def test_markup_of_rich_in_a_sentence_is_shown(poisoned):
    out = io.StringIO()
    Console(file=out, width=140).print(poisoned("[bold]x[/bold] [/]").table(140))
    assert "[bold]x[/bold] [/]" in out.getvalue()


@given(hostile)
def test_clean_text_stays_as_it_is(text):
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    "text", ["Γ ρ λ ≥ — “x” ±0.03", "שלום", "a‍b", "naïve 测试", "deep cosine(dfa+penalty=0.01)"]
)
def test_harmless_text_is_left_alone(text):
    assert clean(text) == text


def test_what_was_removed_leaves_a_mark():
    assert clean("a\u202eb\x1b[0m") == "a\ufffdb\ufffd[0m"


@given(st.text(min_size=1, max_size=600), st.integers(60, 120))
def test_a_cut_text_fits_and_says_how_much_is_gone(text, limit):
    cut = clip(text, limit)
    assert len(cut) <= limit
    if cut != clean(text):
        assert re.search(r"… \(\d+ more characters\)$", cut)


def test_plain_words_stay_readable_in_markdown():
    assert (
        markdown("deep cosine(dfa+credit_site=input) [0.05, 0.10]")
        == "deep cosine(dfa+credit_site=input) [0.05, 0.10]"
    )


@given(st.lists(st.text(max_size=80), max_size=12))
def test_anchors_are_distinct_and_safe(names):
    made = anchors(names)
    assert len(set(made)) == len(names)
    assert all(re.fullmatch(r"claim-[a-z0-9-]+", anchor) for anchor in made)
