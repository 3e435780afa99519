"""Who builds the book, and with which settings, changes nothing in it, or changes the key."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dmfbook
from dmfbook.workflow.execution import cache
from dmfbook.workflow.execution.execute import Run, execute
from dmfbook.workflow.pages.build import executed
from dmfbook.workflow.system import environment
from dmfbook.workflow.system.errors import BookError

ROOT = Path(__file__).parents[3]

# What a user may have set for reasons of their own.
FOREIGN = {
    "MPLBACKEND": "Agg",
    "IPYTHONDIR": "ipython",
    "JUPYTER_PATH": "jupyter",
    "JUPYTER_CONFIG_DIR": "jupyter",
    "LC_ALL": "C",
    "LANG": "tr_TR.UTF-8",
    "LANGUAGE": "tr",
    "TZ": "Asia/Kathmandu",
    "PYTHONHASHSEED": "7",
    "PYTHONOPTIMIZE": "2",
    "PYTHONSTARTUP": "startup.py",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "latin-1",
    "PYTHONWARNINGS": "error",
    "OMP_NUM_THREADS": "3",
    "OPENBLAS_NUM_THREADS": "3",
    "MKL_NUM_THREADS": "3",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "AVX2",
    "COLUMNS": "40",
    "XDG_CONFIG_HOME": "config",
}

LOOK = """\
import locale, os, sys, time
import matplotlib
assert n == 4, "asserts count"
print(matplotlib.get_backend(), matplotlib.rcParams["lines.linewidth"], time.tzname)
print(hash("a"), sys.flags.utf8_mode, sys.stdout.encoding, locale.setlocale(locale.LC_ALL))
print("loaded" in globals(), os.environ["OMP_NUM_THREADS"], float(n))\
"""

DRAW = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with settings for everything that looks there, and the variables above."""
    home = tmp_path / "home"
    for place, text in {
        ".config/matplotlib/matplotlibrc": "lines.linewidth: 9\nbackend: Agg\n",
        ".matplotlib/matplotlibrc": "lines.linewidth: 9\nbackend: Agg\n",
        ".ipython/profile_default/startup/first.py": "loaded = True\n",
        ".ipython/profile_default/ipython_config.py": "c.PlainTextFormatter.float_precision = 1\n",
        ".local/share/jupyter/kernels/python3/kernel.json": json.dumps(
            {"argv": ["/bin/false"], "display_name": "x", "language": "python"}
        ),
    }.items():
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        (home / place).write_text(text)
    monkeypatch.setenv("HOME", str(home))
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    for name in ("MATPLOTLIBRC", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(home / ".config" / "matplotlib"))
    return home


def texts(path):
    """Return what the cells printed, and which kinds of output they showed."""
    outputs = [o for c in json.loads(path.read_text())["cells"] for o in c.get("outputs", [])]
    return ["".join(o["text"]) if "text" in o else sorted(o["data"]) for o in outputs]


def test_chapter_is_the_same_for_everybody(book, write_chapter, request):
    write_chapter("one", LOOK, DRAW, parameters="n = 4  # size")
    run = Run(book.chapter("one"), book.built / "one.ipynb")
    execute(book, [run])
    before = texts(run.target)
    assert "inline 1.5 ('UTC'" in before[0]
    assert before[0].splitlines()[2] == "False 1 4.0"
    assert ["image/png", "text/plain"] in before
    request.getfixturevalue("home")
    run.target.unlink()
    execute(book, [run])
    assert texts(run.target) == before


def test_variables_of_the_caller_are_not_passed_on(book, request):
    before = environment.environment(book.built)
    request.getfixturevalue("home")
    after = environment.environment(book.built)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"HOME"}
    assert after["PATH"] == os.environ["PATH"]


# Shows what nbval got, in place of a comparison.
WATCH = """\
import nbval.plugin
nbval.plugin.IPyNbCell.compare_outputs = lambda self, got, stored: not print(got)
"""


def nbval(folder, path, variables, *plugins):
    """Run nbval on a notebook, with the settings of this repository."""
    options = [word for name in (*plugins, "conftest") for word in ("-p", name)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", os.devnull, "-s", "-q", "--nbval", path],
        # Not what is meant for the run of pytest that this one is a part of.
        env={name: value for name, value in variables.items() if not name.startswith("PYTEST_")},
        cwd=folder,
        capture_output=True,
        text=True,
    )


def as_run(path, change=lambda cells: None):
    """Mark the code cells of a notebook as executed, after a change of its cells."""
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"][1:]:
        cell["execution_count"] = 1
    change(notebook["cells"])
    path.write_text(json.dumps(notebook))


def test_nbval_starts_the_same_kernel(book, write_chapter, home):
    path = write_chapter("one", LOOK, DRAW, parameters="n = 4  # size")
    as_run(path)
    (book.root / "watch.py").write_text(WATCH)
    hostile = {"TZ": "Asia/Kathmandu", "MPLBACKEND": "Agg", "JUPYTER_PATH": "jupyter"}
    own = {"HOME": str(home), "PYTHONPATH": f"{ROOT}:{book.root}"}
    done = nbval(book.root, path, own | hostile, "watch")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "inline 1.5 ('UTC'" in done.stdout and "image/png" in done.stdout


def test_nbval_compares_what_was_executed_and_executes_what_is_not_current(
    book, write_chapter, monkeypatch
):
    monkeypatch.setattr(cache, "PACKAGE", Path(dmfbook.__file__).parent)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    path = write_chapter("one", "print(n)\nn", parameters="n = 4  # size")

    def printed(cells):
        cells[2]["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": "4\n"},
            {
                "output_type": "execute_result",
                "data": {"text/plain": "4"},
                "metadata": {},
                "execution_count": 1,
            },
        ]

    as_run(path, printed)
    run = Run(book.chapter("one"), executed(book, path))
    execute(book, [run])
    assert nbval(book.root, path, os.environ).returncode == 0
    # Other outputs under the same key: it is these that are compared.
    notebook = json.loads(run.target.read_text())
    key = notebook["metadata"]["dmfbook"]["key"]
    notebook["cells"][2]["outputs"][0]["text"] = "5\n"
    cache.certify(notebook, key)
    run.target.write_text(json.dumps(notebook))
    done = nbval(book.root, path, os.environ)
    assert done.returncode == 1 and "Cell outputs differ" in done.stdout
    as_run(path, lambda cells: cells[2].update(source="print(n)\n+n"))
    done = nbval(book.root, path, os.environ)
    assert done.returncode == 0, done.stdout


CHANGES = {
    "executable": lambda m, folder: m.setattr(sys, "executable", "/other/python3"),
    "version": lambda m, folder: m.setattr(sys, "version", "3.99"),
    "fixed": lambda m, folder: m.setitem(environment._FIXED, "TZ", "Europe/Paris"),
    "place of the package": lambda m, folder: m.setattr(
        cache, "PACKAGE", (folder / "package").rename(folder / "moved")
    ),
    "another module on the path": lambda m, folder: m.setenv("PYTHONPATH", str(folder / "more")),
    "installed version": lambda m, folder: m.syspath_prepend(str(folder / "site")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_key_changes_with_what_executes(book, monkeypatch, change):
    (book.root / "more").mkdir()
    (book.root / "more" / "sitecustomize.py").write_text("")
    (book.root / "site" / "NumPy-9.9.9.dist-info").mkdir(parents=True)
    (book.root / "site" / "unlocked-1.0.dist-info").mkdir(parents=True)
    before = cache.surroundings(book.root)
    assert before == cache.surroundings(book.root)
    change(monkeypatch, book.root)
    assert cache.surroundings(book.root) != before


def test_edited_module_on_the_path_changes_the_key(book, monkeypatch):
    package = book.root / "more" / "helper"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1")
    monkeypatch.setenv("PYTHONPATH", str(book.root / "more"))
    before = cache.surroundings(book.root)
    (package / "__init__.py").write_text("x = 2")
    assert cache.surroundings(book.root) != before


def test_package_of_another_checkout_is_refused(book, command, monkeypatch):
    environment.check_package(book.root)
    environment.check_package(ROOT)
    (book.root / "dmfbook").mkdir()
    (book.root / "dmfbook" / "__init__.py").write_text("")
    with pytest.raises(BookError) as caught:
        environment.check_package(book.root)
    for place in (book.root / "dmfbook", Path(dmfbook.__file__).parent, sys.executable):
        assert str(place) in str(caught.value)
    for name in ("list", "build", "save-outputs"):
        result = command(name)
        assert result.exit_code == 2 and "has a package of its own" in result.output
    monkeypatch.chdir(book.root / "book")
    result = command("verify", "thm-gradient")
    assert result.exit_code == 2 and "has a package of its own" in result.output
    assert not book.built.exists()


def test_link_to_the_package_that_runs_is_no_other(book):
    (book.root / "dmfbook").symlink_to(Path(dmfbook.__file__).parent)
    environment.check_package(book.root)
