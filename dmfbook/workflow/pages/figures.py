"""Sphinx extension of the book: figures with a number, a caption, and what a reader takes along.

Loaded by ``_config.yml``. What an executed cell's metadata says of its picture, the alternative text that the house
asks for, becomes the caption, so nothing is written twice. The picture leads to itself in full size; below it stand the
files: SVG, PDF and the numbers, as far as the cell handed them out.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from docutils import nodes
from sphinx.application import Sphinx

from dmfbook.workflow.execution.results import FIGURE

# Where Sphinx's pages have their pictures, and for what a cell shows besides its picture the end of a file's name.
FOLDER = "_images"
KINDS = {"application/pdf": "pdf", FIGURE: "json"}
NAMES = {"json": "numbers"}

# For who cannot see the picture: what the link around it does. The caption says what it shows.
ALT = "The picture in full size"


class full_size(nodes.General, nodes.Element):  # noqa: N801  Docutils names a node's visitor by its class.
    """Around the picture of a figure: a link to its file."""


class figure_files(nodes.General, nodes.Element):  # noqa: N801
    """Below the caption of a figure: its files. It knows where the ``picture`` is, its ``name``, and the other ``files``."""


def caption_pictures(app: Sphinx, docname: str, content: list[str]) -> None:
    """Tell MyST-NB, before it reads a notebook, to make figures of its pictures; write their files.

    A figure is named after its cell: ``{numref}`fig-collapse-05` `` refers to it.
    """
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    notebook = json.loads(content[0])
    for cell in notebook["cells"]:
        about = cell["metadata"].get("mystnb", {})
        caption = about.get("image", {}).get("alt", "").strip()
        for output in cell.get("outputs", []) if caption else []:
            data = output.get("data", {})
            if any(kind.startswith("image/") for kind in data):
                name = f"fig-{cell['id']}"
                about["figure"] = {"caption": caption, "name": name}
                about["image"] = about["image"] | {"alt": ALT}
                _write_files(Path(app.outdir, FOLDER), name, data)
    content[0] = json.dumps(notebook)


def frame(app: Sphinx, doctree: nodes.document) -> None:
    """Make the picture of each figure a link to itself, and put its files below the caption."""
    for figure in doctree.findall(nodes.figure):
        image = next(figure.findall(nodes.image), None)
        if image is None or isinstance(image.parent, nodes.reference):
            continue
        parent = image.parent
        link = full_size()
        parent[parent.index(image)] = link
        link += image
        if name := next((name for name in figure["ids"] if name.startswith("fig-")), None):
            files = [f"{name}.{end}" for end in KINDS.values()]
            files = [file for file in files if Path(app.outdir, FOLDER, file).exists()]
            figure += figure_files(picture=image["uri"], name=name, files=files)


def visit_full_size(translator: Any, node: full_size) -> None:
    """Open the link around a picture."""
    (image,) = node.findall(nodes.image)
    translator.body.append(f'<a class="full-size" href="{_address(translator, image["uri"])}">')


def depart_full_size(translator: Any, node: full_size) -> None:
    """Close the link around a picture."""
    translator.body.append("</a>")


def visit_figure_files(translator: Any, node: figure_files) -> None:
    """Write the links to a figure's files."""
    picture, name = _address(translator, node["picture"]), node["name"]
    links = [_link(picture, f"{name}{PurePosixPath(picture).suffix}")]
    links += [_link(f"{translator.builder.imgpath}/{file}", file) for file in node["files"]]
    translator.body.append(f'<p class="figure-files">{" · ".join(links)}</p>')
    raise nodes.SkipNode


def _link(address: str, name: str) -> str:
    end = PurePosixPath(name).suffix[1:]
    return f'<a href="{address}" download="{name}">{NAMES.get(end, end.upper())}</a>'


def _write_files(folder: Path, name: str, data: dict[str, Any]) -> None:
    """Move what a picture has besides itself from a notebook into files."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, end in KINDS.items():
        if kind in data:
            content = data.pop(kind)
            path = folder / f"{name}.{end}"
            if end == "json":
                path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
            else:
                path.write_bytes(base64.b64decode("".join(content)))


def _address(translator: Any, uri: str) -> str:
    """Return where a picture lies, seen from the page; as Sphinx does it for the picture itself."""
    images = translator.builder.images
    return f"{translator.builder.imgpath}/{quote(images[uri])}" if uri in images else uri


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the handlers and say how the nodes are written; called by Sphinx."""
    app.add_node(full_size, html=(visit_full_size, depart_full_size))
    app.add_node(figure_files, html=(visit_figure_files, None))
    app.connect("source-read", caption_pictures)
    app.connect("doctree-read", frame)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
