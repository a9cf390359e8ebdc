"""Pages opened from their files by a Chromium of this machine, which is told what to report."""

import os
import shutil
from pathlib import Path

import pytest

from tests.browser.pages import PAGES

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AXE = "AXE_SCRIPT"
"""The variable of the environment that says where axe-core is: its axe.min.js."""


@pytest.fixture(scope="session")
def browser():
    """Return a Chromium that shows no window."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip(f"there is no Chromium: none of {', '.join(CHROMIUM)} is in PATH")
    api = pytest.importorskip("playwright.sync_api", reason="pages are opened with playwright")
    # Chromium refuses a sandbox to root, as whom containers run.
    arguments = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    with api.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=found, args=arguments)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def axe():
    """Return the text of axe-core, which checks for what keeps people out."""
    path = os.environ.get(AXE)
    if not path:
        pytest.skip(f"there is no axe-core: {AXE} does not say where its axe.min.js is")
    return Path(path).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Return a function that writes a page to a file, once."""
    folder, files = tmp_path_factory.mktemp("pages"), {}

    def write(name):
        if name not in files:
            files[name] = folder / f"{len(files)}.html"
            PAGES[name]().save(files[name])
        return files[name]

    return write


@pytest.fixture
def visit(browser, written):
    """Return a function that opens a page; its options are those of a context of playwright.

    What it has on the console, and what it fetches, is in `console` and `fetched` of what opens it.
    """
    contexts = []

    def opened(name, *, width=1000, media="screen", **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.console, page.fetched = [], []
        page.on("console", lambda message: page.console.append(message.text))
        page.on("pageerror", lambda error: page.console.append(str(error)))
        page.on("request", lambda request: page.fetched.append(request.url))
        page.emulate_media(media=media)
        page.goto(written(name).as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
