"""Parameters that a chapter cannot take are refused before anything is computed, by a message that names them."""

from pathlib import Path
from typing import Any

import matplotlib
import pytest

from dmfbook.workflow.sources.notebooks import Book

BOOK = Book.find(Path(__file__).parents[2])
REFUSED: dict[str, list[dict[str, Any]]] = {
    "from-a-matrix-to-a-network": [{"condition": 1.0}],
    "the-flattest-network": [{"outer": [1, 5]}, {"samples": 1}, {"condition": 1.0}],
    "collapse-on-data": [{"hidden_widths": [3]}],
    "saddles-that-hold": [{"distances": [0.1]}, {"distances": [0.1, 0.2]}, {"active": 2}],
    "three-phases": [{"eigenvalues": [1.0, -0.5]}],
    "initialization-scale": [{"problems": 1}, {"eigenvalues": [1.0, 0.0]}],
    "how-strict": [
        {"spectrum": [2.0]},
        {"spectrum": [2.0, 2.0]},
        {"hidden_widths": [2, 4]},
        {"reg": 1.0},
    ],
    "beyond-the-edge": [{"reg": 1.0}, {"reg": -0.1}],
    "from-saddle-to-saddle": [
        {"spectrum": [1.0, 2.0]},
        {"decay": 1.2},
        {"hidden": 2},
        {"depth": 2},
    ],
    "which-flatness": [{"length": 1}],
    "unbalanced-and-ill-conditioned": [{"rank": 1}, {"width": 9}],
    "behind-a-bottleneck": [{"ratio": 1.5}, {"deepest": 3}],
    "what-holds-for-every-loss": [{"loss": "hinge"}],
    "collapse": [{"reg": [0.5]}],
    "escape": [{"ratios": [0.5, 0.9]}],
    "trace-and-nuclear-norm": [{"singular_values": [3.0, 2.0, 1.0, 1.0, 0.5]}],
    "flat-interpolators-recover": [{"counts": [20]}, {"counts": [30, 20]}],
    "questions": [{"spectrum": [2.0]}, {"spectrum": [2.0, 2.0]}],
}
TAKEN = [(name, {}) for name in REFUSED] + [
    (chapter.name, values) for chapter, values in BOOK.variations() if chapter.name in REFUSED
]
CASES = [(name, values) for name, sets in REFUSED.items() for values in sets]


def begin(name: str, values: dict[str, Any]) -> None:
    """Run the cell of a chapter's parameters, and what takes or refuses them: one of the next two."""
    chapter = BOOK.chapter(name)
    code = [c["source"] for c in chapter.notebook["cells"] if c["cell_type"] == "code"]
    doors = [cell for cell in code[1:3] if "raise ValueError" in cell]
    assert len(doors) == 1
    names: dict[str, Any] = {}
    exec(code[0], names)
    names.update(chapter.check(values))
    with matplotlib.rc_context():
        for cell in code[1 : code.index(doors[0]) + 1]:
            exec(cell, names)


@pytest.mark.parametrize(("name", "values"), TAKEN)
def test_defaults_and_variations_are_taken(name: str, values: dict[str, Any]) -> None:
    begin(name, values)


@pytest.mark.parametrize(("name", "values"), CASES)
def test_what_a_chapter_cannot_take_is_refused(name: str, values: dict[str, Any]) -> None:
    (parameter,) = values
    with pytest.raises(ValueError, match=parameter):
        begin(name, values)
