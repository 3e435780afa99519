"""The browser of this machine, which prints the book and in which the tests read it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dmfbook.workflow.system.errors import BookError

NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, since continuous integration runs as root; and no calls home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def browser_path() -> str:
    """Return the program: what ``DMFBOOK_BROWSER`` names, or a Chromium on the path.

    Returns
    -------
    str
        Its path.

    Raises
    ------
    BookError
        If there is none.
    """
    named = os.environ.get("DMFBOOK_BROWSER")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        raise BookError(
            f"no browser: {named or ', '.join(NAMES)} not found; install Chromium, or name one in"
            " DMFBOOK_BROWSER"
        )
    return found


@contextmanager
def opened() -> Iterator[Any]:
    """Start the browser, without a window, and close it at the end.

    Yields
    ------
    playwright.sync_api.Browser
        The browser.

    Raises
    ------
    BookError
        If there is none.
    """
    from playwright.sync_api import sync_playwright

    path = browser_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
