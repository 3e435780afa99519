"""What the README tells a newcomer to type works."""

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_files_and_folders_exist() -> None:
    text = README.read_text(encoding="utf-8")
    named = re.findall(r"\]\(([^):]+)\)", text) + re.findall(r"^\| `([\w/]+)` \|", text, re.M)
    assert named
    assert [name for name in named if not (ROOT / name).exists() and name != "_build/"] == []
