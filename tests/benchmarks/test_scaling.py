"""What the page on sweeps says of workers is what the stored table shows."""

import csv
import re
from pathlib import Path

BOOK = Path(__file__).parents[2] / "book"


def test_gain_by_a_second_worker_and_none_by_two_more():
    with (BOOK / "downloads" / "scaling.csv").open(newline="") as file:
        seconds = {
            (r["chapter"], int(r["workers"])): float(r["seconds"]) for r in csv.DictReader(file)
        }
    chapters = {chapter for chapter, _ in seconds}
    text = (BOOK / "your_own.md").read_text("utf-8")
    said = re.search(r"second worker brought the speed to (\d\.\d) times", text)[1]
    assert chapters
    for chapter in chapters:
        one, two, four = (seconds[chapter, count] for count in (1, 2, 4))
        assert f"{one / two:.1f}" == said
        assert four >= two
