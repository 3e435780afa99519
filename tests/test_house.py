"""The house: imports go one way, folders and files stay small, each claim has its chapter's name."""

import ast
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dmfbook"
MODULES = sorted(PACKAGE.rglob("*.py"))
STATEMENT = re.compile(r":::\{prf:(theorem|proposition|lemma|corollary|observation)\}")

# What each part may import, beside itself and the checks at the door. Further down knows more.
NUMERICS = {
    "network": set(),
    "sensing": {"network"},
    "regularized": {"network"},
    "unregularized": {"network"},
    "zero_loss": {"network", "sensing"},
    "training": {"network", "sensing"},
    "yardstick": {"network", "regularized"},
    "exact": set(),
}
ALLOWED = NUMERICS | {
    "claims": set(NUMERICS),
    "workflow": {"claims", "exact"},
    "figures": set(),
}
# From the ground up: each may import those before it.
WITHIN_WORKFLOW = ["system", "sources", "kernels", "execution", "pages", "sweeps"]
WITHIN_CLAIMS = {"oracles": set(), "statements": {"oracles"}, "cases": {"oracles", "statements"}}


def imported(path: Path) -> set[str]:
    """Modules of this package that a module imports, anywhere in its code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
    return {name for name in names if name.startswith("dmfbook.")}


def folders(names: set[str], depth: int) -> set[str]:
    """Folders of the package at some depth that these modules lie in."""
    parts = [name.split(".")[1:] for name in names]
    return {
        part[depth]
        for part in parts
        if len(part) > depth and PACKAGE.joinpath(*part[: depth + 1]).is_dir()
    }


@pytest.mark.parametrize("part", ALLOWED)
def test_imports_go_one_way(part):
    modules = sorted((PACKAGE / part).rglob("*.py")) or [PACKAGE / f"{part}.py"]
    for module in modules:
        beyond = folders(imported(module), 0) - ALLOWED[part] - {part}
        assert not beyond, f"{module.relative_to(ROOT)} imports {beyond}"


def test_chapters_borrow_from_libraries_only():
    for folder in (PACKAGE / "claims").iterdir():
        for module in folder.rglob("*.py"):
            allowed = WITHIN_CLAIMS.get(folder.name, set(WITHIN_CLAIMS)) | {folder.name}
            own = {name for name in imported(module) if name.startswith("dmfbook.claims.")}
            assert folders(own, 1) <= allowed, module.relative_to(ROOT)
            if folder.name not in WITHIN_CLAIMS:
                chapters = {
                    f"dmfbook.claims.{folder.name}.{path.stem}" for path in folder.glob("*.py")
                }
                assert not own & chapters, module.relative_to(ROOT)


@pytest.mark.parametrize("folder", WITHIN_WORKFLOW)
def test_workflow_stands_on_what_is_below(folder):
    below = WITHIN_WORKFLOW[: WITHIN_WORKFLOW.index(folder) + 1]
    modules = sorted((PACKAGE / "workflow" / folder).glob("*.py"))
    for module in modules:
        own = {name for name in imported(module) if name.startswith("dmfbook.workflow.")}
        allowed = {f"dmfbook.workflow.{each}" for each in below}
        assert all(".".join(name.split(".")[:3]) in allowed for name in own), module


def test_a_chapter_its_claims_and_their_folders_have_one_name():
    chapters = {
        path.relative_to(ROOT / "book").with_suffix("")
        for path in (ROOT / "book").glob("*/*.ipynb")
        if STATEMENT.search(path.read_text("utf-8"))  # a chapter that states nothing claims nothing
    }
    claims = {
        path.relative_to(PACKAGE / "claims").with_suffix("")
        for path in (PACKAGE / "claims").glob("*/*.py")
        if path.stem != "__init__" and path.parent.name not in WITHIN_CLAIMS
    }
    assert claims == chapters


def test_tests_stand_where_the_modules_stand():
    for module in chain.from_iterable((PACKAGE / part).rglob("*.py") for part in NUMERICS):
        assert (ROOT / "tests" / module.parent.relative_to(PACKAGE)).is_dir()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone: files are not known")
def test_the_top_shows_the_book():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    shown = {Path(name).parts[0] for name in listed.splitlines() if not name.startswith(".")}
    assert shown <= {
        *("book", "_config.yml", "_toc.yml", "dmfbook", "requirements.txt", "tests", "README.md"),
        *("dmfbook_command.py", "pyproject.toml", "setup.py", "MANIFEST.in", "conftest.py"),
        *("benchmarks", "tools", "Makefile", "Dockerfile"),
        *("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "SECURITY.md"),
        "codemeta.json",
    }


def test_files_stay_small():
    for module in MODULES:
        assert len(module.read_text("utf-8").splitlines()) <= 400, module.relative_to(ROOT)


def test_folders_stay_small():
    folders = {module.parent for module in MODULES}
    assert not {
        str(folder.relative_to(ROOT)): count
        for folder in folders
        if (count := len(list(folder.glob("[!_]*.py")))) > 14
    }


def test_cases_of_one_part_stand_in_its_folder():
    cases = PACKAGE / "claims" / "cases"
    parts = {folder.name for folder in (ROOT / "book").iterdir() if any(folder.glob("*.ipynb"))}
    assert {path.parent.name for path in cases.glob("*/__init__.py")} <= parts
    for part in parts:
        for module in (cases / part).rglob("*.py"):
            own = {name for name in imported(module) if name.startswith("dmfbook.claims.cases.")}
            assert folders(own, 2) <= {part}, module.relative_to(ROOT)


def test_no_public_function_hides_a_module():
    code = (
        "import importlib, inspect, pkgutil, dmfbook\n"
        "for found in pkgutil.walk_packages(dmfbook.__path__, 'dmfbook.'):\n"
        "    if 'claims' in found.name or 'workflow' in found.name or 'main' in found.name:\n"
        "        continue\n"
        "    importlib.import_module(found.name)\n"
        "for name in dmfbook.__all__: getattr(dmfbook, name)\n"
        "for found in pkgutil.walk_packages(dmfbook.__path__, 'dmfbook.'):\n"
        "    if 'claims' in found.name or 'workflow' in found.name or 'main' in found.name:\n"
        "        continue\n"
        "    holder, _, name = found.name.rpartition('.')\n"
        "    assert inspect.ismodule(getattr(importlib.import_module(holder), name)), found.name\n"
        "assert dir(dmfbook) == sorted(dmfbook.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_figures_need_neither_claims_nor_automatic_differentiation():
    code = "import sys, dmfbook.figures; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"autograd", "cvxpy", "dmfbook.claims"} & set(loaded.stdout.split())
