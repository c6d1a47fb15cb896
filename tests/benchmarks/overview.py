"""How heavy an overview is, and how long a browser takes to show it.

python tests/benchmarks/overview.py [CLAIMS] [SETTINGS]     # 200 and 3; needs playwright and a
Chromium
"""

from __future__ import annotations

import os
import runpy
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import sync_playwright

from faeval.reports import Overview

SHOWN = """new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"""  # noqa: E501


def main(claims: int = 200, settings: int = 3) -> None:
    """Print bytes, seconds to write, and milliseconds until the page is shown, at two widths."""
    made = runpy.run_path(str(Path(__file__).parents[1] / "reports" / "conftest.py"))
    one = made["report"](made["founding"]() + made["odd"]())
    kinds = one.verdicts
    many = tuple(
        replace(kinds[i % len(kinds)], claim=f"claims/many.py::claim_{i}") for i in range(claims)
    )
    reports = [replace(one, setting=f"setting-{k}", verdicts=many) for k in range(settings)]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        begun = time.perf_counter()
        page, text = Overview.of(reports, [f"{folder}/{r.setting}" for r in reports], folder).write(
            folder
        )
        print(
            f"{claims} claims x {settings} settings: {page.stat().st_size / 1e6:.2f} MB", end=", "
        )
        print(
            f"Markdown {text.stat().st_size / 1e3:.0f} kB, written in"
            f" {time.perf_counter() - begun:.1f} s"
        )
        chromium = os.environ.get("FAEVAL_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width in (360, 1600):
            times = []
            for _ in range(5):
                context = browser.new_context(viewport={"width": width, "height": 900})
                shown = context.new_page()
                shown.goto(page.as_uri())
                times.append(shown.evaluate(SHOWN))
                context.close()
            print(
                f"shown at {width} px after {statistics.median(times):.0f} ms, at most"
                f" {max(times):.0f} ms"
            )
        browser.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
