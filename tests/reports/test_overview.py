"""Several settings on one page: every cell is what the setting's own page says, and nothing in it
acts.
"""

import html
import os
import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from faeval.errors import FaevalError
from faeval.reports import Overview, Report
from faeval.reports.views import overview_view, view
from faeval.reports.words import sentences as words


@pytest.fixture(scope="session")
def second(gallery):
    """The same claims elsewhere: one is missing, the others stand in another order."""
    return replace(
        gallery,
        setting="digits",
        verdicts=tuple(reversed(gallery.verdicts[1:])),
        evidence_sha256="1" * 64,
    )


@pytest.fixture
def both(gallery, second):
    return Overview((gallery, second), ("teacher", "digits"))


class Outline(HTMLParser):
    """Tags, ids and links of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.ids, self.links, self.attributes = [], [], [], set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name == "href"]


def cells(page):
    """The text of each cell of the matrix, row by row."""
    body = page.split('<tbody role="rowgroup">')[1].split("</tbody>")[0]
    rows = body.split('<tr role="row"')[1:]
    return [
        [
            html.unescape(re.sub(r"<(svg).*?</svg>|<[^>]+>", " ", c, flags=re.DOTALL))
            for c in row.split('<td role="cell"')[1:]
        ]
        for row in rows
    ]


def test_each_cell_says_what_the_own_page_of_its_setting_says(both, gallery, second):
    shown = cells(both.to_html())
    text = [line for line in both.to_markdown().splitlines() if line.startswith("|")][2:]
    assert len(shown) == len(text) == len(gallery.verdicts)
    own = [{c.claim: c for c in view(report).claims} for report in (gallery, second)]
    for verdict, row, line in zip(gallery.verdicts, shown, text, strict=True):
        for column, cell, told in zip(own, row, re.split(r"(?<!\\)\|", line)[2:4], strict=True):
            claim = column.get(verdict.claim)
            if claim is None:
                assert "not claimed here" in cell
                assert "not claimed here" in told
                continue
            parts = [
                f"{claim.glyph}",
                claim.word,
                f"n = {claim.n}",
                *(a.value for a in claim.assertions[:3]),
            ]
            for part in (*parts, claim.state, *claim.flags):
                assert part in cell
                assert part in told.replace("\\", "")


def test_every_verdict_leads_to_its_place_on_the_own_page(both, gallery, second, tmp_path):
    for report in (gallery, second):
        report.write(tmp_path / report.setting)
    both.write(tmp_path)
    links = Outline((tmp_path / "index.html").read_text()).links
    outward = [link for link in links if not link.startswith(("#", "data:"))]
    assert (
        len(outward) == len(gallery.verdicts) + len(second.verdicts) + 4
    )  # and each setting's name, twice
    for link in outward:
        file, _, place = link.partition("#")
        assert not place or place in Outline((tmp_path / file).read_text()).ids
    inward = {link[1:] for link in links if link.startswith("#")}
    assert inward <= set(Outline((tmp_path / "index.html").read_text()).ids)


def test_links_follow_from_where_the_folders_lie(gallery, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = Overview.of([gallery] * 3, ["a/b", tmp_path / "c d", "."], "a").folders
    assert places == ("b", "../c d", "..")
    page = Overview.of([gallery], [tmp_path / "c d"], tmp_path / "a").to_html()
    assert 'href="../c%20d/report.html#claim-' in page
    assert str(tmp_path) not in page


def test_where_a_folder_cannot_be_said_there_is_no_link(gallery):
    links = Outline(Overview((gallery,), (None,)).to_html()).links
    assert all(link.startswith(("#", "data:")) for link in links)


def test_two_reports_of_one_setting_have_names_of_their_own(gallery):
    shown = overview_view(Overview((gallery, gallery), ("main", "below/pilot")))
    assert [column.name for column in shown.columns] == ["teacher (main)", "teacher (pilot)"]


def test_drawings_of_one_line_share_their_scale(make_assertion, make_verdict):
    values = [0.10, 0.11, 0.12, 0.13, 0.14]
    reports = [
        Report(
            name,
            (
                make_verdict(
                    "supported",
                    "decided",
                    make_assertion("exceeds", [v + d for v in values], [0] * 5, 0.03),
                ),
            ),
        )
        for name, d in (("near", 0.0), ("far", 2.0))
    ]
    (row,) = overview_view(Overview(tuple(reports), (None, None))).rows
    near, far = (cell.strips[0] for cell in row.cells)
    for role in ("zero", "margin"):
        ours, theirs = ([s for s in f.shapes if s.role == role] for f in (near, far))
        assert ours == theirs
    at = [next(s.x for s in f.shapes if s.role == "estimate") for f in (near, far)]
    assert at[0] < near.width / 4 < 3 * near.width / 4 < at[1]


def test_the_page_loads_nothing_and_ids_are_single(both):
    page = both.to_html()
    outline = Outline(page)
    assert not {"script", "iframe", "img", "object", "base", "form"} & set(outline.tags)
    assert not re.search(r"@import|url\(|javascript:", page)
    assert not [name for name in outline.attributes if name.startswith("on")]
    assert len(outline.ids) == len(set(outline.ids))
    assert "default-src 'none'" in page


HOSTILE = '"><script>alert(1)</script><svg onload=x>|`*[x](javascript:alert(1))\x1b[31m\u202e'


def test_hostile_names_are_inert(gallery):
    verdicts = tuple(
        replace(
            v,
            claim=f"{i}{HOSTILE}",
            sentence=HOSTILE,
            flags=(HOSTILE,),
            reason_code=HOSTILE,
            setting=HOSTILE,
        )
        for i, v in enumerate(gallery.verdicts)
    )
    bad = replace(
        gallery,
        setting=HOSTILE,
        verdicts=verdicts,
        provenance={HOSTILE: HOSTILE},
        evidence_sha256=HOSTILE,
    )
    bad = bad.against(bad.to_dict(), {HOSTILE: "x"})
    both = Overview((gallery, bad), ("javascript:alert(1)", '"><script>'))
    page, text = both.to_html(), both.to_markdown()
    outline = Outline(page)
    clean = Outline(
        Overview((gallery, gallery.against(gallery.to_dict(), {"x": "y"})), ("a", "b")).to_html()
    )
    assert set(outline.tags) == set(clean.tags)
    assert outline.attributes == clean.attributes
    assert all(
        re.fullmatch(r"#[a-z0-9-]+|data:,|[A-Za-z0-9%._/-]+(#[a-z0-9-]+)?", link)
        for link in outline.links
    )
    assert not {"\x1b", "\u202e"} & set(page + text)
    assert not re.search(
        r"(?<!\\)<|(?<!\\)\]\(javascript:", text.partition("```")[0]
    )  # in a block of code nothing acts
    rows = [line for line in text.splitlines() if line.startswith("|") and "n = " in line]
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {
        5
    }  # claim and two settings: no name opened a cell


def test_drift_of_each_setting_is_shown_with_links_to_its_own_page(gallery, second):
    old = gallery.to_dict() | {"evidence_sha256": "0" * 64}
    for verdict in old["verdicts"][:1]:
        verdict["verdict"] = "refuted"
    both = Overview((gallery.against(old), second), ("teacher", "digits"))
    page, text = both.to_html(), both.to_markdown()
    assert '<section id="drift"' in page
    assert "1 moved" in page
    assert "1 moved" in text
    assert '<h3><a href="teacher/report.html#claim-' in page


def test_the_same_reports_give_the_same_bytes(both, gallery, second):
    again = Overview((replace(gallery), replace(second)), both.folders)
    assert again.to_html() == both.to_html()
    assert again.to_markdown() == both.to_markdown()


def test_two_hundred_claims_in_three_settings_stay_small(gallery):
    some = [v for v in gallery.verdicts if v.assertions]
    many = tuple(replace(some[i % len(some)], claim=f"claims/f.py::claim_{i}") for i in range(200))
    reports = tuple(
        replace(gallery, setting=name, verdicts=many) for name in ("teacher", "digits", "cifar10")
    )
    whole = Overview(reports, ("a", "b", "c"))
    assert len(whole.to_html().encode()) < 5_000_000
    text = whole.to_markdown()
    assert len(text.encode()) < 64_000
    assert text.count("\n| ") == 2 + 200  # each claim with its verdicts, and without estimates
    assert text.count("](a/report.html#claim-") == 200
    assert re.search(r"(?m)^Estimates\b.*\bleft out\b", text)
    assert words.value_text(many[0].assertions[0]) not in text
    assert "faeval report a b c" in text


def test_eight_hundred_claims_are_counted_where_they_do_not_fit(gallery):
    many = tuple(replace(gallery.verdicts[0], claim=f"claims/f.py::claim_{i}") for i in range(800))
    text = Overview((replace(gallery, verdicts=many),), ("a",)).to_markdown()
    assert len(text.encode()) < 64_000
    left = int(re.search(r"\| (\d+) .*\bleft out\b.* \|", text)[1])
    assert text.count("](a/report.html#claim-") == 800 - left > 300


def test_what_fits_has_its_estimates(both, gallery):
    text = both.to_markdown()
    assert "left out" not in text
    assert words.value_text(gallery.verdicts[0].assertions[0]) in text


@pytest.mark.parametrize(
    "name",
    [
        "re port \\<b>",
        "a  b",
        "```",
        "it's",
        "-x",
        "line\nbreak",
        "\u202e",
        "x" * 1500,
        "$(id) `id` & *",
    ],
)
def test_the_command_names_the_folder_as_a_shell_must_have_it(gallery, name):
    both = Overview((gallery,), (name,))
    told = MarkdownIt("commonmark").parse(both.to_markdown())
    (code,) = [token.content for token in told if token.type == "fence"]
    (shown,) = re.findall(
        r"<pre tabindex=\"0\"><code>(faeval report .*)</code></pre>", both.to_html()
    )
    assert html.unescape(shown) == code.removesuffix("\n")
    assert code.count("\n") == 1
    assert code.removesuffix("\n").isprintable()
    arguments = code.strip().removeprefix("faeval")
    words = ["bash", "-c", f'set -- {arguments}; printf %s "$2"']
    found = subprocess.run(
        words,
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
    )
    assert os.fsdecode(found.stdout) == ("./-x" if name == "-x" else name)


def test_nothing_at_all_is_said(both):
    empty = Overview((Report("teacher", ()),), (None,))
    for form in (Overview.to_html, Overview.to_markdown):
        assert "no claims" in form(empty).lower()
        assert "no claims" not in form(both).lower()


def test_folders_must_fit_the_reports(gallery, tmp_path):
    with pytest.raises(FaevalError, match=r"folders\b.*\b0\b.*\b1\b"):
        Overview((gallery,), ())
    taken = tmp_path / "file"
    taken.write_text("")
    with pytest.raises(FaevalError, match="cannot be written"):
        Overview((gallery,), (None,)).write(Path(taken))
