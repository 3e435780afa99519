"""Store the first view of each explorer, as its script draws it in a browser; `make views` calls this.

The view stands on the page until the script runs, on paper, and where no script runs. A test compares it with what
the script draws.
"""

import os
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
SHARED = ("closed_forms", "drawing", "frame")


def main(root: Path) -> None:
    """Draw each explorer once and write what was drawn.

    Parameters
    ----------
    root : Path
        The checkout.
    """
    scripts = root / "book" / "static" / "explorers"
    views = root / "book" / "templates" / "explorers"
    named = os.environ.get("DMFBOOK_BROWSER")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        sys.exit("no browser found: name one by DMFBOOK_BROWSER")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page()
        for path in sorted(scripts.glob("*.js")):
            if path.stem in SHARED:
                continue
            page.set_content(
                f'<div data-explorer="{path.stem}"><div class="explorer-view"></div></div>'
            )
            for name in (*SHARED, path.stem):
                page.add_script_tag(path=scripts / f"{name}.js")
            drawn = page.inner_html(".explorer-view")
            lines = re.sub("(?=<(?:div|svg|p|table|tr)[ >])", "\n", drawn).strip()
            (views / path.name).with_suffix(".html").write_text(f"{lines}\n", encoding="utf-8")
        browser.close()


if __name__ == "__main__":
    main(Path(__file__).resolve().parents[1])
