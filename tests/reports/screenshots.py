"""Pictures of a report's page at three widths, light and dark, and as PDF; with --readme those that
README shows.

python tests/reports/screenshots.py PICTURES [reports/teacher/report.html] [--readme]
"""

import argparse
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTHS = (360, 900, 1600)
HERE = Path(__file__).parents[2]


def main():
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("folder", type=Path)
    asked.add_argument(
        "page", type=Path, nargs="?", default=HERE / "reports" / "teacher" / "report.html"
    )
    asked.add_argument(
        "--readme", action="store_true", help="report.png and report-dark.png alone, 1200 px wide"
    )
    given = asked.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    chromium = os.environ.get("FAEVAL_CHROMIUM") or next(filter(None, found))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])

        def opened(width, height, scheme):
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            page.goto(given.page.resolve().as_uri())
            return page

        if given.readme:
            for scheme, name in (("light", "report.png"), ("dark", "report-dark.png")):
                opened(1200, 1000, scheme).screenshot(path=given.folder / name)
                Image.open(given.folder / name).convert("RGB").quantize(64).save(
                    given.folder / name, optimize=True
                )
        else:
            for width in WIDTHS:
                for scheme in ("light", "dark"):
                    page = opened(width, 900, scheme)
                    page.screenshot(path=given.folder / f"{width}-{scheme}.png")
                    page.locator("article").first.screenshot(
                        path=given.folder / f"{width}-{scheme}-claim.png"
                    )
            opened(900, 900, "light").pdf(path=given.folder / "page.pdf", format="A4")
        browser.close()
    for file in sorted(given.folder.iterdir()):
        print(f"{file} ({file.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main()
