"""Pages as texts: whole, closed to the outside, and safe from what they are given."""

import base64
import hashlib
import re

import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages.curves import learning_curves
from dnn_xp.reports.pages.page import Headline, Page

pytestmark = pytest.mark.once

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202egpj.exe",
    "a" * 10_000,
)


@pytest.mark.parametrize("name", HOSTILE)
def test_texts_of_strangers_stay_texts(name):
    page = Page(name, name, [Headline(name, name, name)], [])
    html = page.html()
    assert html.count("<script>") == 1
    assert "<img" not in html
    assert "\u202e" not in html
    assert len(html) < len(Page("a", "b", [], []).html()) + 5_000
    assert name not in page._repr_html_()


def test_style_and_script_are_the_only_ones_that_its_policy_lets_run():
    html = Page("a", "b", [], []).html()
    for kind, tag in (("style", "style"), ("script", "script")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in html
    assert "default-src 'none'" in html
    assert not re.search(r"""\bstyle=|\bon\w+=|(src|href)="(?!data:)""", html)


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "page.html"
    Page("a \udcff", "é", [], []).save(path)
    before = path.read_text(encoding="utf-8")
    assert before.startswith("<!doctype html>")
    with pytest.raises(FileNotFoundError):
        Page("b", "c", [], []).save(tmp_path / "none" / "page.html")
    assert [*tmp_path.iterdir()] == [path]


def test_a_notebook_shows_it_in_a_frame_of_its_own():
    shown = Page("a", "b", [], [])._repr_html_()
    assert re.match(r'<iframe sandbox="allow-scripts" [^>]*srcdoc="&lt;!doctype html&gt;', shown)


@pytest.mark.parametrize("n", [0, 4, 5])
def test_more_than_four_sections_have_a_list_of_contents(n):
    section = learning_curves({"cost": [1.0, 0.5]})
    html = Page("a", "b", [], [section] * n).html()
    names = re.findall(r'<section id="(.*?)"', html)
    assert len(set(names)) == n, "no two have the same name"
    assert re.findall(r'<a href="#(.*?)">', html) == (names if n > 4 else [])
