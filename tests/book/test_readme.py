"""What the README tells a newcomer to type works."""

import doctest
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dmfbook as dmf

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BIN = Path(sys.executable).parent
COMMANDS = [
    line
    for fence in re.findall(r"^```sh\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    for line in fence.splitlines()
]


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """Run a command; return what it prints, fail where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_command(command: str, tmp_path: Path) -> None:
    program, *words = shlex.split(command.removeprefix(".venv/bin/python -m "))
    match program:
        case "make":
            run("make", "--dry-run", *words)
        case "python":  # the checker, which its own tests run
            assert (ROOT / words[0]).is_file()
        case "python3":
            assert words == ["-m", "venv", ".venv"]
        case "pip":
            # Without network: what is asked for is installed already.
            offline = ["--dry-run", "--no-index", "--no-build-isolation"]
            run(BIN / "pip", *words, *offline)
        case "dmfbook":
            check_own(*words, folder=tmp_path)
        case "ruff" | "mypy" | "pytest":
            assert command in run("make", "--dry-run", "test").splitlines()
        case _:
            pytest.fail(f"no test knows the command {command}")


def check_own(command: str, *words: str, folder: Path) -> None:
    """Run a command of the package, in a folder of its own and on few cases."""
    if command == "build":  # `make book` did it
        run(BIN / "dmfbook", command, "--help")
    elif command == "run":
        told = run(BIN / "dmfbook", command, *words, "--output", folder)
        assert [place for place in told.split() if Path(place).suffix == ".html"]
        assert list(folder.rglob("*.ipynb")) and list(folder.rglob("*.html"))
    elif command == "sweep":
        assert words[-2] == "--output"
        run(BIN / "dmfbook", command, *words[:-1], folder)
        assert len((folder / "results.csv").read_text(encoding="utf-8").splitlines()) == 5
    elif command == "verify":
        # All claims, as without a label, take minutes; the ledger has just verified them.
        one = [] if words else ["thm-gradient", "--cases", "2"]
        told = run(BIN / "dmfbook", command, *words, *one, folder=folder)
        assert all(label in told for label in [*words, *one] if "-" in label.lstrip("-"))
    elif command == "certify":
        assert "certificates" in run(BIN / "dmfbook", command, *words, folder=folder)
    else:
        assert run(BIN / "dmfbook", command, *words)


def test_python_example() -> None:
    assert doctest.testfile(str(README), module_relative=False).failed == 0


def bold(start: str) -> list[float]:
    """Numbers in a result of the README, after what it is called."""
    text = README.read_text(encoding="utf-8")
    (line,) = (line for line in text.splitlines() if line.startswith(f"- **{start}"))
    line = re.sub(r"\]\(.*?\)", "", line.split("**", 2)[2])
    return [float(each.replace(",", "")) for each in re.findall(r"(?<!\w)\d[\d,]*(?:\.\d+)?", line)]


def test_the_jump() -> None:
    reg, threshold, kept, of_two = bold("Depth turns")
    edge = float(dmf.collapse_threshold(reg, 4))
    assert dmf.shrink(edge * (1 - 1e-9), reg, 4) == 0
    found = [edge, dmf.shrink(edge * (1 + 1e-9), reg, 4), dmf.shrink(edge, reg, 2)]
    assert [round(float(each), 3) for each in found] == [threshold, kept, of_two]


def test_the_spectrum() -> None:
    width, other, size, *values, reg, different, zero, largest = bold("The Hessian is")
    assert width == other and values == [10, 9, 1]
    target = np.zeros((int(width), int(width)))
    target[range(10), range(10)] = np.arange(10, 0, -1)
    problem = dmf.Problem(target, [int(width)] * 3, reg)
    found = dmf.hessian_spectrum(dmf.global_minimizer(problem))
    assert (problem.depth, found.size) == (4, size)
    gap = 1e-9 * found[-1]
    assert 1 + np.count_nonzero(np.diff(found) > gap) == different
    assert np.count_nonzero(np.abs(found) < gap) == zero
    assert round(float(found[-1]), 1) == largest


def test_the_floor() -> None:
    norm, *least, step = bold("Sharpness has")
    found = [float(dmf.flat_sharpness(np.diag([norm, 1.0]), depth)) for depth in (2, 3, 4)]
    assert [round(each, 1) for each in found] == least
    assert found[0] < 2 / step < found[1]


@pytest.mark.book
def test_the_picture_is_what_the_book_draws() -> None:
    # If not: make picture
    tool = runpy.run_path(str(ROOT / "tools" / "picture.py"))
    assert agree(tool["stored"](ROOT), tool["drawn"](ROOT)[1])
    assert f"({tool['PICTURE']})" in README.read_text(encoding="utf-8")


def agree(first: object, second: object) -> bool:
    """Whether two figures have the same numbers; the last of six digits may differ between machines."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(agree(first[k], second[k]) for k in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(agree, first, second))
    if isinstance(first, float | int) and isinstance(second, float | int):
        return bool(np.isclose(first, second, rtol=1e-5, atol=1e-9))
    return first == second


def test_files_and_folders_exist() -> None:
    text = README.read_text(encoding="utf-8")
    named = re.findall(r"\]\(([^):]+)\)", text) + re.findall(r"^\| `([\w/]+)` \|", text, re.M)
    assert named
    assert [name for name in named if not (ROOT / name).exists() and name != "_build/"] == []
