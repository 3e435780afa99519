"""Store one figure of the book as the picture of the README; ``make book`` must have drawn it.

Some of the numbers behind it go into the file as well, so that a test can tell whether the book draws something else by
now; and a white ground, since where the README is shown may be dark.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CHAPTER, CELL = Path("book", "foundations", "one_singular_value.ipynb"), "one-singular-value-13"
NUMBERS = "application/vnd.dmfbook.figure+json"
PICTURE = Path("book", "static", "picture.svg")


EVERY = 50  # points of a curve


def drawn(root: Path) -> tuple[str, Any]:
    """The figure and some of its numbers in the executed chapter."""
    notebook = json.loads((root / "_build" / "executed" / CHAPTER).read_text("utf-8"))
    outputs = next(cell["outputs"] for cell in notebook["cells"] if cell["id"] == CELL)
    data = next(each["data"] for each in outputs if "image/svg+xml" in each.get("data", {}))
    return "".join(data["image/svg+xml"]), thinned(data[NUMBERS])


def thinned(value: Any) -> Any:
    """The same with fewer points in long lists."""
    if isinstance(value, dict):
        return {name: thinned(each) for name, each in value.items()}
    if isinstance(value, list):
        return [thinned(each) for each in (value[::EVERY] if len(value) > EVERY else value)]
    return value


def stored(root: Path) -> Any:
    """The numbers in the picture of the README."""
    text = (root / PICTURE).read_text("utf-8")
    return json.loads(text.rsplit("<!--", 1)[1].split("-->", 1)[0])


if __name__ == "__main__":
    picture, numbers = drawn(ROOT)
    if "--" in (text := json.dumps(numbers)):
        sys.exit("a comment in SVG holds no two hyphens")
    picture = picture.replace("<svg ", '<svg style="background: white" ', 1)
    before, after = picture.rsplit("</svg>", 1)
    (ROOT / PICTURE).write_text(f"{before}<!--{text}--></svg>{after.rstrip()}\n", "utf-8")
