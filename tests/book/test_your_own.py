"""The page on a book of one's own: its files and commands, in an empty folder, exactly as printed."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"```\{code-block\} \w+\n:caption: ([^\n]+)\n\n(.*?)```", re.DOTALL)


def test_book_of_ones_own_works_as_printed(root: Path, tmp_path: Path) -> None:
    blocks = dict(BLOCK.findall((root / "book" / "your_own.md").read_text(encoding="utf-8")))
    commands = blocks.pop("in the folder").strip().splitlines()
    assert len(blocks) == 5 and len(commands) == 6
    for name, text in blocks.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
            | {"PATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert "geometric mean" in (tmp_path / "_build/html/book/means.html").read_text("utf-8")
    with open(tmp_path / "results/results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["n", "seed", "ratio", "passed", "seconds", "error"]
    assert len(rows) == 6 and all(0 < float(row["ratio"]) < 1 for row in rows)
