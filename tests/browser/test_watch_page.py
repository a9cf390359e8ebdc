"""The page of a run that goes on, in a browser, from the server that ``dnn-xp watch`` starts."""

import json
import time
from contextlib import ExitStack

import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages.following import Follower
from dnn_xp.reports.pages.live_page import live_page
from dnn_xp.reports.pages.watching import Watching
from tests.reports.pages.reading import HOSTILE_NAMES

pytestmark = [pytest.mark.browser, pytest.mark.once]

PATIENCE = 60.0


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    return folder


def write_record(folder, **more):
    (folder / "run.json").write_text(json.dumps({"run": {}, "command": "dnn-xp train", **more}))


def add_epochs(folder, first, last):
    with (folder / "history.jsonl").open("a") as file:
        for epoch in range(first, last + 1):
            figures = {"cost": 1 / epoch, "validation_cost": 2 / epoch}
            file.write(json.dumps({"epoch": epoch, **figures}) + "\n")


@pytest.fixture
def serve(folder):
    """Return a function that begins to show the run in the folder."""
    with ExitStack() as opened:
        yield lambda port=0: opened.enter_context(Watching(Follower(folder), live_page, port=port))


@pytest.fixture
def tab(browser):
    """Return a function that opens a tab; what is on its console and what it fetches is kept."""
    context = browser.new_context(viewport={"width": 1000, "height": 600})

    def opened(server):
        page = context.new_page()
        page.console, page.fetched = [], []
        page.on("console", lambda message: page.console.append(message.text))
        page.on("pageerror", lambda error: page.console.append(str(error)))
        page.on("request", lambda request: page.fetched.append(request.url))
        page.goto(server.url)
        return page

    yield opened
    context.close()


def until(page, holds):
    """Wait for something; the page's policy lets no text be run that would wait in it."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        page.wait_for_timeout(50)


def epochs(page):
    return int(page.text_content(".headlines b"))


def sections(page):
    return page.eval_on_selector_all("main > section", "all => all.map(one => one.id)")


def test_a_run_is_seen_from_before_its_beginning_to_its_end(serve, tab, folder):
    server = serve()
    page = tab(server)
    assert epochs(page) == 0
    assert sections(page) == []
    write_record(folder)
    until(page, lambda: sections(page) == ["versions"])
    add_epochs(folder, 1, 3)
    until(page, lambda: epochs(page) == 3)
    assert sections(page) == ["curves", "versions"]
    add_epochs(folder, 4, 9)
    until(page, lambda: epochs(page) == 9)
    write_record(folder, ending="completed")
    until(page, lambda: page.text_content("#connection") == "The run has ended.")
    assert "It has ended." in page.text_content("#head")
    assert page.console == []
    assert set(page.fetched) == {server.url, f"{server.url}events"}


def test_what_was_toggled_and_unfolded_stays_so(serve, tab, folder):
    write_record(folder)
    add_epochs(folder, 1, 5)
    page = tab(serve())
    page.uncheck(".toggles input >> nth=0")
    page.click("#curves summary >> nth=0")
    add_epochs(folder, 6, 8)
    until(page, lambda: epochs(page) == 8)
    assert not page.is_checked(".toggles input >> nth=0")
    assert page.is_checked(".toggles input >> nth=1")
    assert page.eval_on_selector("#curves details", "one => one.open")
    assert page.locator(".toggles").count() == 1


def test_what_is_read_does_not_move(serve, tab, folder):
    write_record(folder)
    add_epochs(folder, 1, 5)
    page = tab(serve())
    page.set_viewport_size({"width": 600, "height": 300})
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    before = page.eval_on_selector("#versions", "one => one.getBoundingClientRect().top")
    add_epochs(folder, 6, 9)
    until(page, lambda: epochs(page) == 9)
    after = page.eval_on_selector("#versions", "one => one.getBoundingClientRect().top")
    assert after == pytest.approx(before, abs=2.0)


def test_more_tabs_than_a_browser_has_connections(serve, tab, folder):
    write_record(folder)
    server = serve()
    tabs = [tab(server)]
    for _ in range(7):
        tabs.append(tab(server))
        hide(tabs[-1], True)  # a browser without a window takes all tabs to be seen
    add_epochs(folder, 1, 4)
    until(tabs[0], lambda: epochs(tabs[0]) == 4)
    assert [epochs(page) for page in tabs[1:]] == [0] * 7
    for seen in tabs[1:]:
        hide(seen, False)
        until(seen, lambda seen=seen: epochs(seen) == 4)
        hide(seen, True)
    assert all(page.console == [] for page in tabs)


def hide(page, hidden):
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_tab_goes_on_where_its_server_comes_back(serve, tab, folder):
    write_record(folder)
    add_epochs(folder, 1, 2)
    with Watching(Follower(folder), live_page) as server:
        page = tab(server)
        until(page, lambda: epochs(page) == 2)
    until(page, lambda: "trying again" in page.text_content("#connection"))
    add_epochs(folder, 3, 6)
    serve(server.port)
    until(page, lambda: epochs(page) == 6)
    assert page.text_content("#connection") == ""


def test_without_a_script_it_says_how_to_see_more(serve, browser, folder):
    write_record(folder)
    add_epochs(folder, 1, 5)
    server = serve()
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(server.url)
        assert "reload it to see more" in page.inner_text("main")
        assert page.locator("svg.chart").count() == 1


def test_what_strangers_write_stays_text_where_it_comes_later(serve, tab, folder):
    page = tab(serve())
    write_record(folder, command=HOSTILE_NAMES[0], reason=HOSTILE_NAMES[1])
    with (folder / "history.jsonl").open("a") as file:
        for epoch in (1, 2):
            figures = dict.fromkeys(("cost", *HOSTILE_NAMES[:3]), 1 / epoch)
            file.write(json.dumps({"epoch": epoch, **figures}) + "\n")
    until(page, lambda: page.locator("#versions", has_text=HOSTILE_NAMES[0]).count())
    until(page, lambda: page.locator("#curves figure").count() > 1)
    assert page.locator("main script, main img").count() == 0
    assert page.console == []
