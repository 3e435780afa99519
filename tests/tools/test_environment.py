"""The environment of a checkout: made where it is missing, and anew where it belongs to another."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tool(monkeypatch):
    """The tool, with environments without pip, into which nothing is installed."""
    spec = importlib.util.spec_from_file_location("tool", ROOT / "tools" / "environment.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(tool, "VENV", ("-m", "venv", "--without-pip"))
    monkeypatch.setattr(
        tool, "PIP", ("-c", "import sys; open(sys.prefix + '/log', 'a').write('x')")
    )
    # As the editable installation would have it.
    monkeypatch.setattr(tool, "_package", lambda folder: str(folder.parent / "dmfbook/__init__.py"))
    return tool


@pytest.fixture
def checkout(tmp_path, tool):
    """A checkout with an environment."""
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "requirements.txt").write_text("numpy==2.4.0\n")
    (root / "pyproject.toml").write_text("")
    tool.main(root, chosen=False)
    return root


def installations(root):
    """Return how often something was installed into the environment; two calls of pip each time."""
    return len((root / ".venv" / "log").read_text()) // 2


def test_second_time_does_nothing(tool, checkout, capsys):
    capsys.readouterr()
    tool.main(checkout, chosen=False)
    tool.main(checkout, chosen=True)
    assert capsys.readouterr().out == "" and installations(checkout) == 1


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
def test_what_is_wanted_changed(tool, checkout, name):
    (checkout / name).write_text("changed")
    tool.main(checkout, chosen=False)
    assert installations(checkout) == 2, "into the same environment"


def move(root):
    return root.rename(root.with_name("re named {$x}"))


def copy(root):
    return Path(shutil.copytree(root, root.with_name("copy"), symlinks=True))


def copy_without_stamp(root):
    (root / ".venv" / "bin" / "dmfbook").write_text(f"#!{root}/.venv/bin/python\n")
    other = copy(root)
    (other / ".venv" / ".installed").unlink()
    return other


def lose_interpreter(root):
    (root / ".venv" / "bin" / "python").unlink()
    (root / ".venv" / "bin" / "python").symlink_to("/usr/bin/python3.99")
    return root


def upgrade_python(root):
    lib = root / ".venv" / "lib"
    next(lib.iterdir()).rename(lib / "python3.1")
    return root


def interrupt(root):
    stamp = root / ".venv" / ".installed"
    stamp.write_text('{"prefix": "%s", "content": "unfinished"}' % (root / ".venv"))
    return root


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (move, "it was made as "),
        (copy, "it was made as "),
        (copy_without_stamp, "its dmfbook belongs to another environment"),
        (lose_interpreter, "its interpreter does not start"),
        (upgrade_python, "it was not made by Python"),
        (interrupt, "its installation was interrupted"),
    ],
)
def test_foreign_or_broken_environment_is_made_anew(tool, checkout, capsys, change, why):
    root = change(checkout)
    capsys.readouterr()
    tool.main(root, chosen=False)
    assert f"making .venv anew: {why}" in capsys.readouterr().out
    assert installations(root) == 1 and tool.fault(root, chosen=True) == ""
    assert (root / ".venv" / "bin" / "python").exists()


def test_python_that_was_asked_for_replaces_another(tool, checkout, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version", "3.99.0 (other)")
    tool.main(checkout, chosen=False)
    assert installations(checkout) == 1
    assert tool.fault(checkout, chosen=True).endswith("not 3.99.0")


def test_package_of_another_checkout_is_replaced(tool, checkout, monkeypatch, capsys):
    monkeypatch.setattr(tool, "_package", lambda _: "/other/dmfbook/__init__.py")
    tool.main(checkout, chosen=False)
    assert "imports dmfbook from /other/dmfbook/__init__.py" in capsys.readouterr().out
    assert installations(checkout) == 2


def test_link_to_an_environment_is_left_alone(tool, checkout):
    other = checkout.with_name("worktree")
    other.mkdir()
    for name in ("requirements.txt", "pyproject.toml"):
        (other / name).write_bytes((checkout / name).read_bytes())
    (other / ".venv").symlink_to(checkout / ".venv")
    with pytest.raises(SystemExit, match=r"\.venv is a link to .*checkout"):
        tool.main(other, chosen=False)
    assert installations(checkout) == 1 and (other / ".venv").is_symlink()


def test_old_python_is_told_what_to_do(tool, checkout, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; try: make PYTHON="):
        tool.main(checkout, chosen=False)


def test_two_at_once_wait(tool, checkout):
    import fcntl

    with open(checkout / "requirements.txt") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code = "import sys, importlib.util as u; from pathlib import Path\n"
        code += (
            "spec = u.spec_from_file_location('tool', sys.argv[1]); m = u.module_from_spec(spec)\n"
        )
        code += "spec.loader.exec_module(m); m._install = lambda *_: print('in')\n"
        code += "m.main(Path(sys.argv[2]), False)"
        other = subprocess.Popen(
            [sys.executable, "-c", code, ROOT / "tools" / "environment.py", checkout],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert other.stderr.readline().startswith("waiting for another process")
        assert other.poll() is None
    assert other.communicate(timeout=30)[0] == "in\n"


@pytest.mark.parametrize(
    ("words", "chosen"),
    [([], False), ([f"PYTHON={sys.executable}"], True)],
    ids=["default", "asked"],
)
def test_make_says_whether_the_python_was_asked_for(words, chosen):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON"}
    command = ["make", "--dry-run", "book", *words]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    line = next(line for line in told.stdout.splitlines() if "tools/environment.py" in line)
    assert ("--chosen" in line) == chosen
