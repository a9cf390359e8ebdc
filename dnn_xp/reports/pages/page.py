"""Pages: each is one file, which fetches nothing and can be read without JavaScript.

A page is a title, a few figures and sections; a section is a template with what it shows, made by
one module of this folder. Whatever a template writes is escaped and bounded: names and texts may
be strangers'.
"""

import base64
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from dnn_xp.arguments import check_path
from dnn_xp.backends import require
from dnn_xp.files.atomic import replacing
from dnn_xp.reprs import printable

__all__ = ["Headline", "Page", "Section", "policy"]

_TEMPLATES = Path(__file__).with_name("templates")

_LONGEST = 300
"""Characters of a text of which the rest says no more."""


class Headline(NamedTuple):
    """A figure at the top of a page.

    Attributes
    ----------
    value : str
        Such as ``"97.49%"``.
    words : str
        What it is, such as ``"accuracy, of 359 held out"``.
    beside : str
        What it is to be compared with, such as ``"always the commonest class: 7.8%"``.
    """

    value: str
    words: str
    beside: str = ""


class Section(NamedTuple):
    """A part of a page under a heading of its own.

    Attributes
    ----------
    title : str
    template : str
        The name of a file in ``templates/``, without its suffix; of the section's element, too.
    content : mapping of str to object
        What the template is given.
    """

    title: str
    template: str
    content: Mapping[str, Any]


class Page(NamedTuple):
    """A page, which a notebook shows.

    Attributes
    ----------
    title : str
    summary : str
        A sentence or two below it.
    headlines : sequence of Headline
    sections : sequence of Section
    """

    title: str
    summary: str
    headlines: Sequence[Headline]
    sections: Sequence[Section]

    def html(self, *, live: bool = False) -> str:
        """Return the page as one file's text.

        Parameters
        ----------
        live : bool
            Whether its parts are to be replaced by those that its server sends.

        Raises
        ------
        ImportError
            Where jinja2 is not installed.
        """
        style, scripts = _read("page.css"), [_read("page.js"), *[_read("live.js")][: int(live)]]
        return str(
            _environment()
            .get_template("page.html.j2")
            .render(
                page=self,
                parts=self.parts(),
                style=style,
                scripts=scripts,
                policy=policy(live=live),
                live=live,
            )
        )

    def parts(self) -> dict[str, Any]:
        """Return the elements that a live page replaces, by their ids, in their order."""
        markup, sections = require("markupsafe", extra="app").Markup, [*_named(self.sections)]
        head = _environment().get_template("head.html.j2").render(page=self, sections=sections)
        made = {name: _render_section(name, section) for name, section in sections}
        return {"head": markup(head)} | made

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, whole or not at all.

        Raises
        ------
        OSError
            Where it cannot be written.
        """
        text = self.html()
        with replacing(check_path("path", path)) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _repr_html_(self) -> str:
        """Return a frame with the page, which has no part in the notebook around it."""
        frame = '<iframe sandbox="allow-scripts" width="100%" height="600" srcdoc='
        return f'{frame}"{escape(self.html())}"></iframe>'


def _named(sections: Sequence[Section]) -> Iterator[tuple[str, Section]]:
    """Return each section with the name of its element, which no other has."""
    counts: Counter[str] = Counter()
    for section in sections:
        counts[section.template] += 1
        count = counts[section.template]
        yield (section.template if count == 1 else f"{section.template}-{count}"), section


def policy(*, live: bool = False) -> str:
    """Return the Content-Security-Policy: its own style and scripts, pictures within it, no more.

    Parameters
    ----------
    live : bool
        Whether the page may hear of news from where it came from.
    """
    names = ("page.js", "live.js") if live else ("page.js",)
    scripts = " ".join(_hash_of(_read(name)) for name in names)
    rules = (
        *("default-src 'none'", "img-src data:", f"style-src {_hash_of(_read('page.css'))}"),
        *(f"script-src {scripts}", "base-uri 'none'", "form-action 'none'"),
        *["connect-src 'self'"][: int(live)],
    )
    return "; ".join(rules)


def _hash_of(text: str) -> str:
    """Return what a policy knows a style or a script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _environment() -> Any:
    """Return where templates are found, and how they write what they are given."""
    jinja2 = require("jinja2", extra="app")
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_safe,
    )
    made.filters["whole"] = _whole
    return made


def _render_section(name: str, section: Section) -> Any:
    """Return the element of a section; see `Section`."""
    markup, templates = require("markupsafe", extra="app").Markup, _environment()
    content = templates.get_template(f"{section.template}.html.j2").render(
        title=section.title, **section.content
    )
    around = templates.get_template("section.html.j2")
    return markup(around.render(name=name, title=section.title, content=markup(content)))


def _whole(text: str) -> Any:
    """Return a text that is shown in full, however long: safe as others are; see `_safe`."""
    return require("markupsafe", extra="app").escape(printable(text))


def _safe(value: Any) -> Any:
    """Return what a template writes, without what cannot be seen and steers what stands around."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    text = printable(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
