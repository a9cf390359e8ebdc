"""Draw ``docs/terminal.svg``, the picture at the top of the README, from a real run.

By hand, with ``dnn-xp[app,test]``: ``python docs/terminal_picture.py``.
"""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from contextlib import suppress
from pathlib import Path

import pyte
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from rich.text import Text

COLUMNS = 84
COMMANDS = (
    "dnn-xp train digits --output digits.h5",
    "dnn-xp evaluate digits.h5 digits",
)
ROOT = Path(__file__).resolve().parent.parent


def seen(command: str, folder: str) -> list[Text]:
    """Return the lines that a terminal shows of a command, once it has ended."""
    screen = pyte.Screen(COLUMNS, 40)
    stream = pyte.ByteStream(screen)
    controller, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    words = [sys.executable, "-m", *command.replace("dnn-xp", "dnn_xp", 1).split()]
    surroundings = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "DNN_XP_BACKEND": "numpy"}
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    process = subprocess.Popen(
        words, cwd=folder, env=kept | surroundings, stdin=end, stdout=end, stderr=end
    )
    os.close(end)
    with suppress(OSError):  # the other end is closed
        while written := os.read(controller, 65536):
            stream.feed(written)
    assert process.wait() == 0, "\n".join(screen.display)
    lines = []
    for row in range(screen.lines):
        line = Text()
        for column in range(COLUMNS):
            cell = screen.buffer[row][column]
            line.append(cell.data, "bold" if cell.bold else "dim" if cell.data == "─" else "")
        line.rstrip()
        lines.append(line)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def main() -> None:
    """Run the commands in an empty folder, and draw what was seen."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, command in enumerate(COMMANDS):
            if number:
                console.print()
            console.print(Text.assemble(("$ ", "dim"), (command, "bold")))
            for line in seen(command, folder):
                console.print(line)
    svg = console.export_svg(title="dnn-xp", theme=DEFAULT_TERMINAL_THEME, unique_id="terminal")
    # The font comes with the reader's system: a picture asks nobody for anything.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace(
        "Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono"
    )
    (ROOT / "docs" / "terminal.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
