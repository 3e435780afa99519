"""Sphinx extension of the book: its explorers, pictures that a reader can move.

Loaded by ``_config.yml``. The directive ``explorer`` names a script in ``book/static/explorers`` and the first view
in ``book/templates/explorers``, which stands on the page until the script runs: on paper, and where none does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# What every explorer needs before its own script, in this order.
SHARED = ("closed_forms", "drawing", "motion", "frame")

_BEFORE = '<div class="explorer" id="explorer-{name}" data-explorer="{name}"{plays}>'
_AFTER = """\
<div class="explorer-view">
{view}</div>
<noscript><p>This is the first view. To move it needs JavaScript.</p></noscript>
</div>"""


class Explorer(SphinxDirective):
    """Place an explorer by its name; the content says in words what it is and what to try.

    With the option ``plays`` its film begins by itself, once, where readers have not asked for less motion.
    """

    required_arguments = 1
    option_spec: ClassVar = {"plays": directives.flag}
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the first view between the words and what the script fills."""
        self.assert_has_content()
        name = self.arguments[0]
        path = Path(self.env.srcdir, "book", "templates", "explorers", f"{name}.html")
        if not path.is_file():
            raise self.error(f"there is no explorer {name}")
        self.env.note_dependency(str(path))
        view = path.read_text(encoding="utf-8")
        plays = " data-plays" if "plays" in self.options else ""
        before = nodes.raw("", _BEFORE.format(name=name, plays=plays), format="html", explorer=name)
        after = nodes.raw("", _AFTER.format(view=view), format="html")
        return [before, *self.parse_content_to_nodes(), after]


def load_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load scripts and style on pages that have an explorer, and on no other."""
    found = [] if doctree is None else doctree.findall(nodes.raw)
    names = dict.fromkeys(node["explorer"] for node in found if "explorer" in node)
    if not names:
        return
    app.add_css_file("explorers/explorers.css")
    for script in (*SHARED, *names):
        # Plain scripts: a browser loads no modules from file://.
        app.add_js_file(f"explorers/{script}.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect directive and handler; called by Sphinx."""
    app.add_directive("explorer", Explorer)
    app.connect("html-page-context", load_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
