"""A real Chromium opens an overview with its comparisons: everyone can read it, at every width, and
it prints.
"""

import os
import shutil
from dataclasses import replace

import pytest

from faeval.reports import Overview

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
ATTACK = '"><script>window.ran = 1</script><img src=http://127.0.0.1:9/x onerror="window.ran = 1">'


@pytest.fixture(scope="module")
def page_of(gallery, tmp_path_factory):
    """An overview of three settings with every kind of verdict and of drift, one of them hostile;
    and a browser for it.
    """
    old = gallery.to_dict() | {"evidence_sha256": "0" * 64}
    old["verdicts"] = [{**v, "verdict": "refuted", "runs": []} for v in old["verdicts"][1:]]
    drifted = gallery.against(old, {"version of torch": "2.12", "commit": "c" * 40})
    hostile = tuple(
        replace(v, claim=f"{i}{ATTACK}", sentence=ATTACK)
        for i, v in enumerate(gallery.verdicts[:3])
    )
    reports = (drifted, replace(gallery, setting="digits").against({**old, "setting": "digits"}))
    reports += (replace(gallery, setting=ATTACK, verdicts=hostile),)
    file = tmp_path_factory.mktemp("overview") / "index.html"
    file.write_text(Overview(reports, ("a", "b", ATTACK)).to_html(), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        # Without a sandbox of its own it starts as root too, as in a container; it opens nothing
        # but this page.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def open_page(**options):
            page = browser.new_context(**options).new_page()
            asked = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(file.as_uri())
            assert asked == [file.as_uri()]  # it fetches nothing
            return page

        yield open_page
        browser.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1600, "dark")])
def test_axe_finds_nothing(page_of, width, scheme):
    # axe is a script: it gets in past the page's policy, in this test alone.
    page = page_of(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 900})
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_the_page_never_scrolls_sideways_and_runs_nothing(page_of, width):
    page = page_of(viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(
        "window.ran === undefined && document.scripts.length + document.images.length === 0"
    )


def test_each_cell_is_named_by_its_setting_on_a_narrow_screen_alone(page_of):
    narrow = page_of(viewport={"width": 360, "height": 900}).locator("td.cell .narrow").first
    assert narrow.is_visible()
    assert (
        not page_of(viewport={"width": 1600, "height": 900})
        .locator("td.cell .narrow")
        .first.is_visible()
    )


def test_it_prints_every_setting_within_the_paper(page_of):
    page = page_of(viewport={"width": 700, "height": 900})
    page.emulate_media(media="print")
    ends = page.locator("table.matrix td").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().right)"
    )
    assert max(ends) <= 700
    assert page.pdf(format="A4").startswith(b"%PDF-")
