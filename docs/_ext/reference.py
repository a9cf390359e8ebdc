"""What the reference needs besides autodoc: a table of public names, and links between rooms."""

from typing import Any

from docutils import nodes
from sphinx.addnodes import desc_annotation
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import dnn_xp


class PublicNames(SphinxDirective):
    """The names of ``dnn_xp`` itself, room by room, each with a link to where it is described."""

    def run(self) -> list[nodes.Node]:
        lines = []
        for home, names in dnn_xp._HOMES.items():
            lines += [f".. rubric:: {home}", "", ".. autosummary::", "   :nosignatures:", ""]
            lines += [f"   ~{home}.{name}" for name in names]
            lines += [""]
        content = self.parse_text_to_nodes("\n".join(lines))
        for table in (table for node in content for table in node.findall(nodes.table)):
            table["width"] = "100%"
            table["classes"].append("colwidths-given")
            for column, width in zip(table.findall(nodes.colspec), (25, 75), strict=True):
                column["colwidth"] = width
        return content


def link_by_last_name(app: Sphinx, env: Any, node: Any, content: Any) -> Any:
    """Resolve a name such as `Network` that is described in another room, if it is only one."""
    if node.get("refdomain") != "py":
        return None
    name = node["reftarget"].removeprefix("dnn_xp.")
    found = env.domains["py"].find_obj(env, None, None, name, None, searchmode=1)
    places = {(entry.docname, entry.node_id) for _, entry in found}  # an object may have two names
    if len(places) != 1:
        return None
    page, anchor = places.pop()
    return make_refnode(app.builder, node["refdoc"], page, anchor, content)


def skip_what_is_not_ours(
    app: Sphinx, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out what Python and scikit-learn put into classes, and names for any type."""
    text = str(getattr(member, "__doc__", "")).strip()
    theirs = text.startswith(("Alias for field number", "Configure whether metadata"))
    return True if theirs or member is Any else None


def leave_out_value(app: Sphinx, domain: str, kind: str, content: nodes.Element) -> None:
    """Leave out the value of data such as `ACTIVATIONS`, which is long and says little."""
    if (domain, kind) == ("py", "data"):
        for value in list(content.parent.findall(desc_annotation)):
            value.parent.remove(value)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("public-names", PublicNames)
    app.connect("missing-reference", link_by_last_name)
    app.connect("autodoc-skip-member", skip_what_is_not_ours)
    app.connect("object-description-transform", leave_out_value)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
