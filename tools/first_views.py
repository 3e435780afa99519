"""Store the first view of each explorer, as its script draws it in a browser; `make views` calls this.

The view stands on the page until the script runs, on paper, and where no script runs. A test compares it with what
the script draws.
"""

import re
from pathlib import Path

from dmfbook.workflow.pages.browser import opened
from dmfbook.workflow.pages.explorers import SHARED


def main(root: Path) -> None:
    """Draw each explorer once and write what was drawn.

    Parameters
    ----------
    root : Path
        The checkout.
    """
    scripts = root / "book" / "static" / "explorers"
    views = root / "book" / "templates" / "explorers"
    with opened() as browser:
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


if __name__ == "__main__":
    main(Path(__file__).resolve().parents[1])
