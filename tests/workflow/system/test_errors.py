"""Messages for the person at the terminal."""

import pytest

from dmfbook.workflow.system.errors import shortened


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain λ\n\tindented", "plain λ\n\tindented"),
        ("\x1b[0;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07 \x9b2J\r", "\ufffd]0;title\ufffd \ufffd2J\ufffd"),
        ("half \ud800", "half \ufffd"),
        ("", ""),
    ],
)
def test_text_of_others_does_not_steer_the_terminal(text, told):
    assert shortened(text) == told


def test_long_text_keeps_its_beginning_and_its_end():
    text = shortened("begin" + 5_000_000 * "x" + "end")
    assert text.startswith("beginx") and text.endswith("xend")
    assert "(4998008 characters left out)" in text and len(text) < 2100
