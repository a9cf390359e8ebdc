"""What a reader finds in a section: its tables, texts and pictures, told from the HTML."""

import base64
import re
import struct
import zlib
from html.parser import HTMLParser

from dnn_xp.reports.pages.page import Page

__all__ = ["HOSTILE_NAMES", "Reader", "read"]

HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></table></section>",
    "\u202egpj.exe",
    "\u05e9\u05dc\u05d5\u05dd",
    "a" * 10_000,
    "a" * 10_000 + "b",
    "",
    " \u00a0",
    "7",
    "cat",
    "cat",
    "&amp;{{ 7 * 7 }}",
    "one\ntwo\x00three\x1b[31m",
    "\udcff half",
)
_EMPTY = {"meta", "link", "img", "br", "input", "hr", "path", "circle", "rect", "line"}


class Reader(HTMLParser):
    """A section as it was written, closed tag by tag.

    `tables` holds, of each table, its caption and rows; `words` all texts; `tags` all elements with
    their attributes, in order.
    """

    def __init__(self, html):
        super().__init__()
        self.html, self.tables, self.words, self.tags = html, [], "", []
        self._open, self._cell = [], None
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        self.tags.append((tag, attributes))
        if tag not in _EMPTY:
            self._open.append(tag)
        if tag == "table":
            self.tables.append({"caption": "", "rows": []})
        elif tag == "tr":
            self.tables[-1]["rows"].append([])
        elif tag in ("td", "th"):
            self.tables[-1]["rows"][-1].append("")
            self._cell = tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> without a beginning"
        assert self._open.pop() == tag
        if tag in ("td", "th"):
            self._cell = None

    def handle_data(self, data):
        self.words += data
        if self._cell:
            self.tables[-1]["rows"][-1][-1] += data
        elif self._open and self._open[-1] == "caption":
            self.tables[-1]["caption"] += data

    def named(self, tag, **attributes):
        """Return the attributes of all elements of a name, with these among them."""
        return [
            found
            for name, found in self.tags
            if name == tag and attributes.items() <= found.items()
        ]

    def pictures(self):
        """Return the width and height of each picture, whose data must be whole."""
        return [_size(found["src"]) for found in self.named("img")]


def _size(url):
    head, data = url.split(",", 1)
    assert head == "data:image/png;base64"
    png = base64.b64decode(data, validate=True)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place = 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        body = png[place + 4 : place + 8 + length]
        assert struct.pack(">I", zlib.crc32(body)) == png[place + 8 + length :][:4]
        place += 12 + length
    return struct.unpack(">II", png[16:24])


def read(section):
    """Return a section's element as a reader finds it; the page around it must be whole, too."""
    html = Page("a", "b", [], [section]).html()
    assert html.count("<script>") == 1
    (found,) = re.findall(r"<section.*</section>", html, re.DOTALL)
    return Reader(found)
