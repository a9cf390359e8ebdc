"""Pages as readers open them: on a desk, on a phone, on paper, by keyboard, without JavaScript."""

import re
import unicodedata
from io import BytesIO

import pytest

from tests.browser.pages import PAGES

pytestmark = [pytest.mark.once, pytest.mark.browser]

every_page = pytest.mark.parametrize("name", list(PAGES))

WORDS = "() => document.querySelector('main').innerText"
FURTHEST = """() => Math.max(document.documentElement.scrollWidth, ...[...document
  .querySelectorAll("main *")].map((one) => Math.ceil(one.getBoundingClientRect().right)))"""


def without_space(text):
    """Return the letters of a text, of which a printed one may have joined some."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


# ----------------------------------------------------------------------------- every page


@every_page
def test_the_console_is_empty_and_nothing_is_fetched(visit, written, name):
    page = visit(name)
    page.mouse.wheel(0, 100_000)
    page.wait_for_load_state("networkidle")
    assert page.console == []
    others = [one for one in page.fetched if not one.startswith("data:")]
    assert others == [written(name).as_uri()]


@every_page
@pytest.mark.parametrize("script", [True, False])
def test_a_phone_shows_it_without_scrolling_sideways_and_large_enough(visit, name, script):
    page = visit(name, width=360, java_script_enabled=script, has_touch=True)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    heights = page.evaluate(
        """() => [...document.querySelectorAll("svg.chart text")]
        .filter((one) => one.checkVisibility())
        .map((one) => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a)"""
    )
    assert all(height >= 10.0 for height in heights), "pixels"


@every_page
def test_without_javascript_all_of_it_is_there(visit, name):
    plain = visit(name, java_script_enabled=False)
    with_script = visit(name)
    added = ".toggles, output, .cursor"
    with_script.evaluate(f"() => document.querySelectorAll('{added}').forEach(e => e.remove())")
    whole = without_space(plain.evaluate(WORDS))
    assert whole == without_space(with_script.evaluate(WORDS))
    for section in plain.locator("section").all():
        assert section.is_visible()
        assert without_space(section.inner_text()) in whole
    assert plain.locator("button, input, select").count() == 0, "what works with a script alone"
    for details in plain.locator("details:not(details details)").all()[:10]:
        before = details.get_attribute("open")
        details.locator("summary").first.press("Enter")
        assert (details.get_attribute("open") is None) != (before is None)


@every_page
def test_on_paper_it_is_whole_and_not_cut(visit, name):
    pypdf = pytest.importorskip("pypdf", reason="what is printed is read with pypdf")
    page = visit(name, width=680, media="print", color_scheme="dark")  # A4 within its margins
    assert page.evaluate(FURTHEST) <= 680
    assert page.evaluate("() => getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    titles = [page.locator("h1").inner_text(), *page.locator("h2").all_inner_texts()]
    printed = pypdf.PdfReader(BytesIO(page.pdf(format="A4")))
    words = without_space("".join(sheet.extract_text() for sheet in printed.pages))
    for title in titles:
        if title.isascii():  # of other scripts there may be no font here
            assert without_space(title) in words
    assert len(printed.pages) <= 30


@every_page
@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1000)])
def test_axe_finds_nothing_serious(visit, axe, name, scheme, width):
    page = visit(name, color_scheme=scheme, width=width)
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => one.open = true)")
    page.evaluate(axe)
    found = page.evaluate("() => axe.run({resultTypes: ['violations']})")["violations"]
    serious = [
        (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


# ----------------------------------------------------------------------------- charts

CHART = "svg.chart[data-points=line]"


def numbers_of(page):
    """Return what the first chart tells of its cursor, and of which epoch."""
    text = page.locator(f"{CHART} + output").first.inner_text()
    found = re.fullmatch(r"epochs (\d+): training ([\d.]+), held out ([\d.]+)", text)
    return tuple(map(float, found.groups())) if found else text


def expected(epoch):
    return (
        epoch,
        pytest.approx(2.0 / epoch, rel=1e-3),
        pytest.approx(2.2 / epoch + 0.06, rel=1e-3),
    )


def place_in(page, part):
    """Return a place in the first chart, so far to the right within its frame."""
    box = page.locator(CHART).first.bounding_box()
    left, right = box["x"] + box["width"] * 62 / 480, box["x"] + box["width"] * 468 / 480
    return left + part * (right - left), box["y"] + box["height"] / 2


@pytest.mark.parametrize(("part", "epoch"), [(0.0, 1), (10 / 29, 11), (0.99, 30)])
def test_a_mouse_over_a_chart_shows_the_numbers_there(visit, part, epoch):
    page = visit("digits")
    page.mouse.move(*place_in(page, part))
    assert numbers_of(page) == expected(epoch)
    assert page.locator(f"{CHART} .cursor").count() == 1
    page.mouse.move(5, 5)
    assert numbers_of(page) == ""
    assert page.locator(f"{CHART} .cursor").count() == 0
    assert page.console == []


def test_a_finger_on_a_chart_shows_the_numbers_there_and_they_stay(visit):
    page = visit("digits", width=360, has_touch=True, is_mobile=True)
    page.locator(CHART).first.scroll_into_view_if_needed()
    page.touchscreen.tap(*place_in(page, 10 / 29))
    assert numbers_of(page) == expected(11)
    page.touchscreen.tap(*place_in(page, 0.0))
    assert numbers_of(page) == expected(1)


def test_keys_move_along_a_chart(visit):
    page = visit("digits")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.matches('svg.chart')"):
            break
    assert numbers_of(page) == expected(30), "where the focus arrives"
    for key, epoch in (
        *(("ArrowLeft", 29), ("ArrowLeft", 28), ("ArrowRight", 29), ("Home", 1)),
        *(("ArrowLeft", 1), ("End", 30), ("ArrowRight", 30)),
    ):
        page.keyboard.press(key)
        assert numbers_of(page) == expected(epoch)
    page.keyboard.press("Escape")
    assert numbers_of(page) == ""
    page.keyboard.press("Tab")
    assert not page.evaluate("() => document.activeElement.matches('svg.chart')")


def test_a_point_tells_its_numbers(visit):
    page = visit("regression")
    chart = page.locator("svg.chart[data-points=point]").first
    chart.focus()
    page.keyboard.press("Home")
    name = chart.get_attribute("data-x-name")
    x = [float(one) for one in chart.locator("g[data-x]").get_attribute("data-x").split()]
    text = page.locator("svg.chart[data-points=point] + output").first.inner_text()
    assert float(text.removeprefix(f"{name} ").split(", ")[0]) == min(x)


# ----------------------------------------------------------------------------- toggles


def lines_shown(page):
    """Return the names of the lines that each chart of the first section shows."""
    return page.evaluate(
        f"""() => [...document.querySelector("section").querySelectorAll("{CHART}")].map(
        (chart) => [...chart.querySelectorAll("g[data-x]")]
        .filter((one) => getComputedStyle(one).display !== "none")
        .map((one) => one.dataset.line))"""
    )


BOTH = ["training", "held out"]


@pytest.mark.parametrize("how", ["mouse", "touch", "keyboard"])
def test_one_box_hides_a_line_in_all_charts_of_a_section(visit, how):
    page = visit("digits", has_touch=how == "touch")
    assert page.locator("section").first.locator(".toggles").count() == 1
    assert lines_shown(page) == [BOTH, BOTH, ["learning rate"]]
    box = page.get_by_role("checkbox", name="held out")
    toggle = {"mouse": box.click, "touch": box.tap, "keyboard": lambda: box.press("Space")}[how]
    toggle()
    assert lines_shown(page) == [["training"], ["training"], ["learning rate"]]
    page.locator(CHART).first.hover()
    text = page.locator(f"{CHART} + output").first.inner_text()
    assert "training" in text
    assert "held out" not in text
    toggle()
    assert lines_shown(page) == [BOTH, BOTH, ["learning rate"]]


def test_with_all_lines_hidden_a_chart_says_so(visit):
    page = visit("digits")
    for name in BOTH:
        page.get_by_role("checkbox", name=name).uncheck()
    page.locator(CHART).first.hover()
    assert page.locator(f"{CHART} + output").first.inner_text() == "No line is shown."
    assert page.console == []


def test_runs_have_a_box_each(visit):
    page = visit("comparison")
    assert page.locator(".toggles input").count() == 5
    page.get_by_role("checkbox", name="sgd").uncheck()
    shown = page.locator("g[data-x]:visible").evaluate_all("all => all.map(e => e.dataset.line)")
    assert set(shown) == {"adam", "rmsprop", "lion", "adamw"}


# ----------------------------------------------------------------------------- tables

TABLE = "#by_class table.sortable"


def column(page, place):
    cells = page.locator(f"{TABLE} tbody tr > :nth-child({place})")
    return [float(text.replace(",", "")) for text in cells.all_inner_texts()]


@pytest.mark.parametrize("how", ["mouse", "touch", "keyboard"])
def test_a_table_is_sorted_by_the_head_of_a_column(visit, how):
    page = visit("digits", has_touch=how == "touch", width=360 if how == "touch" else 1000)
    head = page.locator(f"{TABLE} thead th", has_text="recall")
    button = head.get_by_role("button")
    press = {"mouse": button.click, "touch": button.tap, "keyboard": lambda: button.press("Enter")}
    before = column(page, 5)
    assert head.get_attribute("aria-sort") is None
    for direction in ("ascending", "descending", "ascending"):
        press[how]()
        assert head.get_attribute("aria-sort") == direction
        assert column(page, 5) == sorted(before, reverse=direction == "descending")
    classes = page.locator(f"{TABLE} thead th", has_text="class").get_by_role("button")
    classes.click()
    assert column(page, 1) == [float(i) for i in range(10)]
    assert page.locator(f"{TABLE} [aria-sort]").count() == 1
    assert page.console == []


# ----------------------------------------------------------------------------- replaced parts

REPLACE = """() => {
  for (const section of document.querySelectorAll("section")) {
    const made = new DOMParser().parseFromString(window.plain[section.id], "text/html");
    section.innerHTML = made.body.innerHTML;
  }
  document.dispatchEvent(new Event("page:replaced"));
}"""


@pytest.fixture
def live(visit, written):
    """Return a page, whose sections are replaced by what its file says."""
    page = visit("digits")
    html = written("digits").read_text(encoding="utf-8")
    parts = dict(re.findall(r'<section id="(.*?)".*?>(.*?)</section>', html, re.DOTALL))
    page.evaluate("(parts) => { window.plain = parts }", parts)
    return page


def test_parts_that_are_replaced_keep_what_was_chosen(live):
    live.get_by_role("checkbox", name="held out").uncheck()
    head = live.locator(f"{TABLE} thead th", has_text="recall")
    head.get_by_role("button").click()
    order = column(live, 1)
    for _ in range(2):
        live.evaluate(REPLACE)
    assert lines_shown(live) == [["training"], ["training"], ["learning rate"]]
    assert not live.get_by_role("checkbox", name="held out").is_checked()
    assert live.locator("#curves .toggles").count() == 1
    assert column(live, 1) == order
    assert head.get_attribute("aria-sort") == "ascending"
    assert live.console == []


@pytest.mark.parametrize("what", [CHART, ".toggles input", f"{TABLE} button", "summary"])
def test_parts_that_are_replaced_keep_the_focus(live, what):
    chosen = live.locator(what).nth(1)
    chosen.focus()
    live.evaluate(REPLACE)
    assert live.locator(what).nth(1).evaluate("one => one === document.activeElement")


def test_parts_that_are_replaced_have_their_cursors(live):
    live.evaluate(REPLACE)
    live.mouse.move(*place_in(live, 10 / 29))
    assert numbers_of(live) == expected(11)
    assert live.locator("#curves output").count() == 3


def test_the_script_leaves_nothing_global(visit):
    names = "() => Object.getOwnPropertyNames(window).sort()"
    plain = visit("digits", java_script_enabled=False).evaluate(names)
    assert visit("digits").evaluate(names) == plain
