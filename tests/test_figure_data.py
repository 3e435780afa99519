"""The numbers behind a figure are those that were drawn."""

import base64
import json
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dmfbook.figure_data import MIME_TYPE, numbers


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def drawn(axes):
    (panel,) = numbers(axes.figure)["panels"]
    # As a file gives it back.
    return json.loads(json.dumps(panel["drawn"], allow_nan=False))


def test_lines_keep_label_colour_and_gaps(axes):
    axes.plot([0, 1, 2, 3], [np.inf, 0.1, np.nan, 1 / 3], "--", color="tab:orange", label="depth 3")
    (line,) = drawn(axes)
    assert line == {
        "kind": "line",
        "label": "depth 3",
        "colour": "#ff7f0e",
        "x": [1, 2, 3],
        "y": [0.1, None, 0.333333],
    }


def test_axes_say_what_they_are(axes):
    axes.set(xscale="log", xlabel="weight $λ$", ylabel="loss", title="depth 2")
    axes.set(xlim=(0.1, 10), ylim=(2, 1))
    (panel,) = numbers(axes.figure)["panels"]
    assert panel["x"] == {"label": "weight $λ$", "scale": "log", "limits": [0.1, 10]}
    assert panel["y"] == {"label": "loss", "scale": "linear", "limits": [2, 1]}
    assert panel["title"] == "depth 2"


def test_a_line_across_the_panel_is_a_mark(axes):
    axes.axhline(0.5)
    axes.axvline(2)
    axes.plot([0.1, 0.9], [0.5, 0.5], transform=axes.transAxes)
    marks = [{name: each[name] for name in ("x", "y") if name in each} for each in drawn(axes)]
    assert marks == [{"y": 0.5}, {"x": 2}]


def test_points_keep_what_their_colours_show(axes):
    axes.scatter([1, 2], [3, 4], c=[5, 6])
    axes.scatter([1], [2], color="#112233", label="start")
    axes.plot([5], [6], "o")
    first, second, third = drawn(axes)
    assert third["kind"] == "points"
    assert (first["x"], first["y"], first["values"]) == ([1, 2], [3, 4], [5, 6])
    assert (second["label"], second["colour"]) == ("start", "#112233")
    assert "values" not in second


def test_bars_lie_or_stand(axes):
    axes.bar([1, 2], [3, -4], label="standing")
    axes.barh([7], [2], left=[1])
    standing, lying = drawn(axes)
    assert (standing["x"], standing["from"], standing["to"]) == ([1, 2], [0, 0], [3, -4])
    assert (lying["y"], lying["from"], lying["to"]) == ([7], [1], [3])


def test_steps_have_a_value_between_two_edges(axes):
    axes.stairs([1, 3], [0, 1, 4], baseline=None, color="#ff0000", label="counts")
    (drawn,) = numbers(axes.figure)["panels"][0]["drawn"]
    assert drawn == {
        "kind": "steps",
        "label": "counts",
        "colour": "#ff0000",
        "edges": [0.0, 1.0, 4.0],
        "values": [1.0, 3.0],
    }


def test_maps_keep_places_and_values(axes):
    values = np.random.default_rng(0).standard_normal((3, 2))
    image = axes.imshow(values, extent=(0, 1, 2, 5))
    mesh = axes.pcolormesh([0, 1, 3], [0, 2, 3, 4], values)
    plt.colorbar(mesh, label="loss")
    first, second = sorted(drawn(axes), key=lambda each: each["kind"])
    assert image.get_extent() == first["extent"]
    assert (second["x"], second["y"], second["shown"]) == ([0, 1, 3], [0, 2, 3, 4], "loss")
    for each in (first, second):
        np.testing.assert_allclose(each["values"], values, rtol=1e-3)


def test_contours_lie_on_their_level(axes):
    x = np.linspace(-2, 2, 81)
    axes.contour(x, x, x**2 + x[:, None] ** 2, levels=[1, 2])
    for contour, level in zip(drawn(axes), (1, 2), strict=True):
        assert contour["level"] == level
        (part,) = contour["parts"]
        np.testing.assert_allclose(np.square(part["x"]) + np.square(part["y"]), level, rtol=1e-2)


def test_areas_and_segments(axes):
    axes.fill_between([0, 1], [0, 0], [2, 2])
    axes.vlines([1, 2], 0, [3, 4])
    area, segments = drawn(axes)
    assert set(zip(area["x"], area["y"], strict=True)) == {(0, 0), (1, 0), (0, 2), (1, 2)}
    assert segments["parts"] == [{"x": [1, 1], "y": [0, 3]}, {"x": [2, 2], "y": [0, 4]}]


SHELL = """
import json
import matplotlib.pyplot as plt
from IPython.core.interactiveshell import InteractiveShell
from dmfbook import figures
shell = InteractiveShell.instance()
shell.display_formatter.active_types = shell.display_formatter.format_types
figures.use_style()
figure, axes = plt.subplots()
axes.plot([0, 1], [1, 0])
print(json.dumps(shell.display_formatter.format(figure)[0]))
"""


def test_a_notebook_shows_picture_pdf_and_numbers_the_same_every_time():
    command = [sys.executable, "-c", SHELL]
    first, second = (subprocess.check_output(command, text=True) for _ in range(2))
    assert first == second
    shown = json.loads(first)
    assert shown[MIME_TYPE]["panels"][0]["drawn"][0]["y"] == [1.0, 0.0]
    assert "<svg" in shown["image/svg+xml"]
    assert base64.b64decode(shown["application/pdf"]).startswith(b"%PDF")
