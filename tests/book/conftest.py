"""Fixtures for the tests of the book: where its sources and its pages are."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def html(root: Path) -> Path:
    """Return the folder of the built pages; fail where there is none."""
    folder = root / "_build" / "html"
    if not (folder / "index.html").is_file():
        pytest.fail(f"there is no book in {folder}: run `make book` first", pytrace=False)
    return folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a `notebook` or for a `page` once for each."""
    folders = {"notebook": (ROOT / "book", "ipynb"), "page": (ROOT / "_build" / "html", "html")}
    for name in folders.keys() & set(metafunc.fixturenames):
        folder, suffix = folders[name]
        ids = [path.relative_to(folder) for path in sorted(folder.rglob(f"*.{suffix}"))]
        ids = [path for path in ids if not path.parts[0].startswith((".", "_"))]
        # Neither what editors leave, nor the page that only sends to the first one.
        ids = [path for path in ids if ".ipynb_checkpoints" not in path.parts]
        ids = [path for path in ids if path != Path("index.html")]
        # Without pages one run remains, which says what to do.
        metafunc.parametrize(name, ids or [Path("none")], ids=str)
