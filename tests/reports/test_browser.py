"""A real Chromium opens the page: nothing runs, nothing is fetched, everyone can read it, and it
prints.
"""

import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from faeval.claims import Caution
from faeval.reports import ClaimInputs, LowestControl, ReadMetric, Report, standing
from tests.reports.test_language_pages import make

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="the extra faeval[test] has playwright"
)
axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="the extra faeval[test] has axe"
)

CHROMIUM = os.environ.get("FAEVAL_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="there is no Chromium on PATH, and $FAEVAL_CHROMIUM names none"
    ),
]

PUBLISHED = Path(__file__).parents[2] / "reports" / "teacher" / "report.html"
ATTACK = (
    '<script>window.ran = 1; alert(1)</script><img src=http://127.0.0.1:9/x onerror="window.ran ='
    ' 1">"><svg onload="window.ran = 1"></style><style>@import'
    " url(http://127.0.0.1:9/y);body{display:none}"
)
WIDTHS = (360, 768, 1600)


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        # Without a sandbox of its own it starts as root too, as in a container; it opens nothing
        # but these pages.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """A function that opens a file, and what the page asked for or said meanwhile."""
    contexts = []

    def open_file(path, **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        seen = {"requests": [], "blocked": [], "dialogs": [], "errors": []}
        page.on("request", lambda request: seen["requests"].append(request.url))
        page.on(
            "requestfailed", lambda request: seen["blocked"].append((request.url, request.failure))
        )
        page.on("dialog", lambda dialog: (seen["dialogs"].append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: seen["errors"].append(str(error)))
        page.goto(path.as_uri())
        return page, seen

    yield open_file
    for context in contexts:
        context.close()


def with_inputs(report):
    """The report with all that a page may show of a claim's design and instruments."""
    reads = (
        ReadMetric("cosine", "dfa", (1, 2, 3, 4), 20),
        ReadMetric("cosine", "dfa+penalty=0.01", (1, 2, 3, 4), 20),
    )
    control = LowestControl("float64", 0.9999, 40, 0, "dfa", 2, 4)
    checks = dict.fromkeys(("unit_mismatch", "confounded", "exact_by_construction"), "")
    made = tuple(
        ClaimInputs(v.claim, reads, (control,), checks, ("penalty",)) for v in report.verdicts
    )
    return replace(report, inputs=made)


@pytest.fixture(scope="module")
def pages(gallery, tmp_path_factory):
    """Pages by name: every kind of verdict, and a report of this repository, which today's code
    renders to these bytes.
    """
    page = tmp_path_factory.mktemp("pages") / "gallery.html"
    page.write_text(with_inputs(gallery).to_html(), encoding="utf-8")
    return {"gallery": page, "teacher": PUBLISHED}


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    """A page with a claim of every form of the language."""
    return make(tmp_path_factory.mktemp("language")) / "report" / "report.html"


@pytest.mark.parametrize("width", WIDTHS)
def test_no_form_of_the_language_makes_a_page_wider_than_its_screen(opened, language, width):
    page, seen = opened(language, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("article svg").count() > 30
    assert not seen["errors"]
    drawn = page.evaluate(
        "[...document.querySelectorAll('article svg circle')].map(c => c.cx.baseVal.value)"
    )
    assert all(0 <= x <= 360 for x in drawn)


@pytest.fixture(scope="module")
def shorter(gallery, tmp_path_factory):
    """The same for axe, which takes seconds for each claim and table: claims, metrics and arms of
    every shape, each once.
    """
    from faeval import pipeline

    folder = tmp_path_factory.mktemp("shorter")
    teacher = pipeline.decide_again(PUBLISHED.parent, [PUBLISHED.parents[2] / "claims"])
    for name, report in {"gallery": with_inputs(gallery), "teacher": teacher}.items():
        (folder / f"{name}.html").write_text(few(report).to_html(), encoding="utf-8")
    return {path.stem: path for path in folder.iterdir()}


def few(report):
    def each(members, shape):
        return tuple({shape(m): m for m in members}.values())

    def drawn(m):  # an arm with gaps looks unlike one without
        return (m.metric, any(None in row for row in m.values), len(m.values))

    return replace(
        report,
        verdicts=each(
            report.verdicts,
            lambda v: (v.verdict, len(v.assertions), standing(v) in ("drift", "broken")),
        ),
        profiles=each(report.profiles, drawn),
        curves=each(report.curves, drawn),
    )


@pytest.mark.parametrize("name", ["gallery", "teacher"])
def test_nothing_is_fetched_and_no_script_stands_in_the_page(pages, opened, name):
    page, seen = opened(pages[name])
    assert seen["requests"] == [pages[name].as_uri()]
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate(
        "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).every(a =>"
        " !/^on/.test(a.name))"
    )
    assert (seen["dialogs"], seen["errors"]) == ([], [])


def test_the_page_forbids_what_its_text_might_start(gallery, opened, tmp_path):
    """Even a script that got into the page would not run: the policy that the page states is seen
    to hold.
    """
    page = gallery.to_html().replace("</h1>", f"</h1>{ATTACK}", 1)
    (tmp_path / "broken.html").write_text(page, encoding="utf-8")
    shown, seen = opened(tmp_path / "broken.html")
    assert shown.evaluate("document.scripts.length") == 1
    assert shown.evaluate("window.ran === undefined")
    assert seen["dialogs"] == []
    asked = set(seen["requests"]) - {(tmp_path / "broken.html").as_uri()}
    assert asked == {"http://127.0.0.1:9/x", "http://127.0.0.1:9/y"}
    assert {url for url, why in seen["blocked"] if why == "csp"} == asked  # wanted, and never sent


def test_hostile_text_is_inert_in_every_place(gallery, opened, tmp_path):
    def poisoned(verdict):
        sides = {"a": ATTACK, "b": ATTACK}
        assertions = tuple(
            replace(
                a,
                because=ATTACK,
                **{k: replace(getattr(a, k), expression=t) for k, t in sides.items()},
            )
            for a in verdict.assertions
        )
        named = dict.fromkeys(
            ("claim", "sentence", "detail", "family", "note", "over", "source"), ATTACK
        )
        return replace(
            verdict,
            **named,
            assertions=assertions,
            flags=(ATTACK,),
            warnings=(Caution("measurement", detail=ATTACK),),
            runs=(ATTACK,),
        )

    verdicts = tuple(map(poisoned, gallery.verdicts[:5]))
    inputs = ClaimInputs(ATTACK, (ReadMetric(ATTACK, ATTACK),), (), {ATTACK: ATTACK}, (ATTACK,))
    report = Report(
        ATTACK, verdicts, ATTACK, ATTACK, {ATTACK: ATTACK}, gallery.profiles, inputs=(inputs,)
    )
    (tmp_path / "hostile.html").write_text(report.to_html(), encoding="utf-8")
    page, seen = opened(tmp_path / "hostile.html")
    assert page.evaluate("window.ran === undefined")
    assert page.evaluate("document.scripts.length + document.images.length") == 0
    assert page.evaluate("document.querySelectorAll('style').length") == 1
    assert (seen["dialogs"], seen["requests"]) == ([], [(tmp_path / "hostile.html").as_uri()])
    assert page.locator("article h3").first.inner_text().startswith("<script>window.ran = 1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["gallery", "teacher"])
def test_axe_finds_nothing(shorter, opened, name, scheme):
    # axe is a script: it gets in past the page's policy, in this test alone.
    page, _ = opened(
        shorter[name], bypass_csp=True, color_scheme=scheme, viewport={"width": 900, "height": 900}
    )
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    # Dark, the page differs in colours alone.
    options = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}
    found = axe.Axe().run(page, options=options)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["gallery", "teacher"])
def test_the_page_never_scrolls_sideways(pages, opened, name, width):
    page, _ = opened(pages[name], viewport={"width": width, "height": 900})
    for unfolded in (False, True):
        if unfolded:
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_term_explains_itself_by_keyboard_and_without_javascript(pages, opened):
    page, _ = opened(pages["teacher"], java_script_enabled=False)
    term = page.locator("article dt button").first
    meaning = page.locator("#t-estimate")
    # Closed, it stands in the glossary far below.
    assert meaning.bounding_box()["y"] > 2000
    term.focus()
    page.keyboard.press("Enter")
    box = meaning.bounding_box()
    assert 0 <= box["y"] < page.viewport_size["height"]
    page.keyboard.press("Escape")
    assert meaning.bounding_box()["y"] > 2000


def test_without_javascript_everything_is_there_and_opens(pages, opened):
    page, _ = opened(pages["teacher"], java_script_enabled=False)
    assert page.locator("table.verdicts tbody tr").count() == page.locator("article").count() == 89
    fold = page.locator("article details").first
    assert not fold.locator("table").is_visible()
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert fold.locator("table").is_visible()


@pytest.mark.parametrize("name", ["gallery", "teacher"])
def test_print_shows_what_is_folded(pages, opened, name, tmp_path):
    page, _ = opened(pages[name])
    page.emulate_media(media="print")
    heights = page.locator("article details > table, article details > dl, .entry").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().height)"
    )
    assert min(heights) > 0
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")
    if reader := shutil.which("pdftotext"):
        text = subprocess.run(
            [reader, tmp_path / "page.pdf", "-"], capture_output=True, text=True, check=True
        ).stdout
        for said in (
            "Values by seed",
            "Tests in both directions",
            "Design checks",
            "faeval report FOLDER --claims CLAIMS --check",
        ):
            assert said in text


def test_two_hundred_claims_load_at_once(gallery, opened, tmp_path, capsys):
    """200 claims, with all that a page shows of one, are under 5 MB; the time is printed, and only
    bounded.
    """
    one = gallery.verdicts[0]
    many = tuple(replace(one, claim=f"claims/penalty.py::claim_{i}") for i in range(200))
    file = tmp_path / "many.html"
    file.write_text(with_inputs(replace(gallery, verdicts=many)).to_html(), encoding="utf-8")
    assert file.stat().st_size < 5_000_000
    start = time.perf_counter()
    page, _ = opened(file)
    assert page.locator("article").count() == 200
    took = time.perf_counter() - start
    with capsys.disabled():
        print(f"\n200 claims, {file.stat().st_size / 1e6:.2f} MB, were there after {took:.2f} s")
    assert took < 30
