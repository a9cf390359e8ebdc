"""A run watched in a browser while it goes on: by its server, on a page that is open."""

import re

import pytest

from dnn_xp.reports.pages import watching
from dnn_xp.reports.pages.by_class import classes_section
from dnn_xp.reports.pages.curves import learning_curves
from dnn_xp.reports.pages.page import Headline, Page
from dnn_xp.reports.pages.watching import Watching
from tests.browser.pages import history
from tests.reports.pages.reading import HOSTILE_NAMES

pytestmark = [pytest.mark.once, pytest.mark.browser]

CHART = "svg.chart[data-points=line]"


class Run:
    """A follower whose news are made by a test."""

    def __init__(self):
        self.problem, self.is_behind = "", False
        self.tell(2)

    def tell(self, epochs, state="running", names=("cat", "dog", "ox")):
        self.epochs, self.state, self.names, self._new = epochs, state, names, True

    def look(self):
        new, self._new = self._new, False
        return new


def page_of(run):
    true, predicted = [0, 0, 1, 1, 2, 2], [0, run.epochs % 3, 1, 2, 2, 2]
    sections = [
        learning_curves(history(run.epochs)),
        classes_section(run.names, true, predicted),
    ]
    return Page(f"epoch {run.epochs}", run.state, [Headline(str(run.epochs), "epochs")], sections)


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(watching, "_LOOK_SECONDS", 0.05)
    return Run()


@pytest.fixture
def watched(browser, run):
    """Return the page of a run, opened from its server."""
    with Watching(run, page_of) as server:
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.console, page.fetched = [], []
        page.on("console", lambda message: page.console.append(message.text))
        page.on("pageerror", lambda error: page.console.append(str(error)))
        page.on("request", lambda request: page.fetched.append(request.url))
        page.goto(server.url)
        page.home = server.url
        yield page
        context.close()


def see(page, epochs):
    """Wait until the page is of so many epochs."""
    page.locator("h1", has_text=re.compile(rf"^epoch {epochs}$")).wait_for()


def test_a_page_shows_what_is_new(watched, run):
    for epochs in (3, 4, 30):
        run.tell(epochs)
        see(watched, epochs)
        assert watched.locator(".headlines b").inner_text() == str(epochs)
        assert watched.title() == f"epoch {epochs}"
        numbers = watched.locator(f"{CHART} g[data-x]").first.get_attribute("data-x").split()
        assert numbers == [str(i + 1) for i in range(epochs)]
    assert watched.console == []
    home = watched.home.rstrip("/")
    fetched = [one for one in watched.fetched if not one.startswith("data:")]
    assert sorted(fetched) == [f"{home}/", f"{home}/events"]


def test_what_a_reader_chose_outlives_what_is_new(watched, run):
    watched.get_by_role("checkbox", name="held out").uncheck()
    head = watched.locator("#by_class thead th", has_text="class")
    for _ in range(2):
        head.get_by_role("button").click()
    watched.locator("#curves summary").first.click()
    watched.locator(CHART).nth(1).focus()
    run.tell(7)
    see(watched, 7)
    assert not watched.get_by_role("checkbox", name="held out").is_checked()
    shown = watched.locator(f"{CHART} g[data-x]:not(.off)")
    assert {one.get_attribute("data-line") for one in shown.all()} == {"training", "learning rate"}
    assert head.get_attribute("aria-sort") == "descending"
    assert watched.locator("#by_class tbody th").all_inner_texts() == ["ox", "dog", "cat"]
    assert watched.locator("#curves details").first.get_attribute("open") is not None
    assert watched.locator(CHART).nth(1).evaluate("one => one === document.activeElement")
    watched.keyboard.press("End")
    text = watched.locator(f"{CHART} + output").nth(1).inner_text()
    assert text.startswith("epochs 7: training ")
    assert watched.console == []


def test_the_end_is_said_and_nobody_asks_again(watched, run):
    run.tell(5, state="done")
    see(watched, 5)
    watched.locator("#connection", has_text="The run has ended.").wait_for()
    asked = len(watched.fetched)
    watched.wait_for_timeout(500)
    assert len(watched.fetched) == asked
    assert watched.console == []


def test_names_of_strangers_stay_texts_when_they_come_later(watched, run):
    run.tell(4, names=(*HOSTILE_NAMES,))
    see(watched, 4)
    assert watched.locator("main script, main img, main i").count() == 0
    assert watched.console == []


def test_a_server_that_has_gone_is_said(browser, run):
    with Watching(run, page_of) as server:
        page = browser.new_page()
        page.goto(server.url)
        page.locator("#connection").wait_for(state="attached")
        page.wait_for_function("() => document.getElementById('connection').textContent === ''")
    page.locator("#connection", has_text="Connection lost").wait_for(timeout=30_000)
    assert page.locator("h1").inner_text() == "epoch 2", "what was there stays"
    page.close()
