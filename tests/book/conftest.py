"""Fixtures for the tests of the book: where its sources and its pages are, and a browser to look at them."""

import functools
import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dmfbook.workflow.pages.browser import browser_path, opened
from dmfbook.workflow.system.errors import BookError

ROOT = Path(__file__).parents[2]

# On a busy machine the first formula of a page may take long: MathJax is read and started for it.
expect.set_options(timeout=60_000)


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the one browser for all pages, or skip where the machine has none."""
    try:
        browser_path()
    except BookError as missing:
        pytest.skip(str(missing))
    with opened() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(html: Path) -> Iterator[str]:
    """Serve the pages on this machine, from a subfolder; return their address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    class Patient(http.server.ThreadingHTTPServer):
        def handle_error(self, *args: object) -> None:
            # A tab that goes on to another page hangs up.
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(*args)

    handler = functools.partial(Quiet, directory=str(html.parent))
    with Patient(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{html.name}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """Open an empty tab that runs no script of a page."""
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture
def tab(browser: Browser, site: str) -> Iterator[Page]:
    """Open an empty tab that fails the test on an error or on a request to another machine."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    tab.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((site, "data:", "blob:"))
            else complaints.append(f"request to {request.url}")
        ),
    )
    yield tab
    context.close()
    assert not complaints


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
