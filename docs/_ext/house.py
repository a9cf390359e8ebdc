"""The plan of the house, drawn from the imports of its modules: ``.. house::``."""

import ast
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tests.test_architecture import FLOORS, imports, modules, room

ROOT = Path(__file__).resolve().parents[2]

# In pixels: a row for each room, a shaft for each room that is imported.
ROW, SHAFT, LEFT, WIDTH, HEIGHT, TURN = 36, 26, 48, 132, 26, 8

# Colours are those of the theme, which knows light and dark.
STYLE = """
.house { width: 100%; max-width: 46rem; height: auto; margin: 1rem 0 }
.house text { font: 14px var(--font-stack); fill: var(--color-foreground-primary) }
.house .floor { fill: var(--color-background-secondary) }
.house .number { fill: var(--color-foreground-secondary); text-anchor: end }
.house rect.room { fill: var(--color-background-primary); stroke: var(--color-brand-primary) }
.house path { fill: none; stroke: var(--color-foreground-secondary); stroke-width: 1.2 }
.house path.head { fill: var(--color-foreground-secondary) }
.house:has(g:hover) path { opacity: .2 }
.house g:hover path { opacity: 1; stroke: var(--color-brand-content); stroke-width: 2.4 }
.house g:hover path.head { fill: var(--color-brand-content) }
"""


class Room(NamedTuple):
    """A room: its name, its floor, what its module says that it is, and the rooms it imports."""

    name: str
    floor: int
    purpose: str
    imports: list[str]


def survey(root: Path) -> list[Room]:
    """Return the rooms, from the top floor down, as the modules have them now."""
    trees = modules(root)
    seen: dict[str, set[str]] = {name: set() for name in FLOORS}
    for module, tree in trees.items():
        if (name := room(module)) in FLOORS:
            ours = {other for other in imports(module, tree, trees) if other.startswith("dnn_xp")}
            seen[name] |= {room(other) for other in ours} - {name}
    downwards = sorted(FLOORS, key=FLOORS.__getitem__, reverse=True)
    return [
        Room(
            name or "dnn_xp",
            FLOORS[name],
            (ast.get_docstring(trees[f"dnn_xp.{name}".rstrip(".")]) or "").partition("\n")[0],
            [other or "dnn_xp" for other in downwards if other in seen[name]],
        )
        for name in downwards
    ]


def draw(rooms: list[Room]) -> str:
    """Return the plan as SVG: an arrow leaves a room to the right and goes down a shaft.

    The lower a room, the farther to the right is the shaft that leads to it. So no arrow is
    crossed by another on its last way, from its shaft into the room.
    """
    rows = {one.name: place for place, one in enumerate(rooms)}
    shafts = {name: place for place, name in enumerate(rows) if place}
    width, height = LEFT + WIDTH + (len(shafts) + 2) * SHAFT, len(rooms) * ROW + 4
    parts = []
    for one in rooms:
        top = rows[one.name] * ROW + 2
        same = [rows[other.name] for other in rooms if other.floor == one.floor]
        if rows[one.name] == min(same):
            tall = len(same) * ROW - 4
            parts.append(
                f'<rect class="floor" x="0" y="{top}" width="{width}" height="{tall}" rx="4"/>'
                f'<text class="number" x="{LEFT - 18}" y="{top + tall / 2 + 5}">{one.floor}</text>'
            )
    for one in rooms:
        middle = rows[one.name] * ROW + ROW / 2
        lines = [arrow(middle - 5, rows[other], shafts[other]) for other in one.imports]
        parts.append(
            f"<g>{''.join(lines)}"
            f'<rect class="room" x="{LEFT}" y="{middle - HEIGHT / 2}" width="{WIDTH}"'
            f' height="{HEIGHT}" rx="4"/>'
            f'<text x="{LEFT + 12}" y="{middle + 5}">{one.name}</text></g>'
        )
    return (
        f'<svg class="house" viewBox="0 0 {width} {height}" role="img" aria-label="The plan of the '
        f'house; the table below says the same.">\n<style>{STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</svg>"
    )


def arrow(start: float, row: int, shaft: int) -> str:
    """Return the path from a room, at a height, down a shaft into the room of a row."""
    wall, x, end = LEFT + WIDTH, LEFT + WIDTH + shaft * SHAFT, row * ROW + ROW / 2 + 5
    return (
        f'<path d="M{wall} {start}H{x - TURN}q{TURN} 0 {TURN} {TURN}V{end - TURN}'
        f'q0 {TURN} {-TURN} {TURN}H{wall + 4}"/>'
        f'<path class="head" d="M{wall + 1} {end}l7 -3.5v7z"/>'
    )


class House(SphinxDirective):
    """The plan, and a table that says the same in words."""

    def run(self) -> list[nodes.Node]:
        rooms = survey(ROOT)
        self.env.note_dependency(str(ROOT / "tests" / "test_architecture.py"))
        for path in (ROOT / "dnn_xp").rglob("*.py"):
            self.env.note_dependency(str(path))
        cells = [("Floor", "Room", "What it is", "Imports")] + [
            (str(one.floor), f"``{one.name}``", one.purpose, ", ".join(one.imports) or "none")
            for one in rooms
        ]
        lines = [".. list-table::", "   :header-rows: 1", "   :widths: 8 14 46 32", ""]
        for row in cells:
            first, *others = (f"- {cell}" for cell in row)
            lines += [f"   * {first}", *(f"     {other}" for other in others)]
        table = self.parse_text_to_nodes("\n".join(lines))
        return [nodes.raw("", draw(rooms), format="html"), *table]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("house", House)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
