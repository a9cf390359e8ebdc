"""The way in: ``dnn-xp`` and ``python -m dnn_xp``.

Exit codes: 0 as wished; 1 the run diverged or a value is off; 2 bad input, told in one line on
stderr; 130 stopped by Ctrl-C.
"""

import io
import sys
from collections.abc import Sequence
from typing import NoReturn

from dnn_xp.app.errors import UserError
from dnn_xp.backends import require
from dnn_xp.reprs import printable

__all__ = ["main"]

BAD_INPUT, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave the process.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Raises
    ------
    SystemExit
        Always.
    """
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no error
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(sys.argv[1:] if arguments is None else [*arguments])
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        _say("interrupted")
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    try:
        typer = require("typer", extra="app")
        require("rich", extra="app")
    except ImportError as error:
        return _refuse(error)

    from dnn_xp.app.commands import app

    command = typer.main.get_command(app)
    try:
        # Not standalone: the errors come here instead of being printed over several lines.
        code = command.main(arguments, prog_name="dnn-xp", standalone_mode=False, obj=arguments)
    except UserError as error:
        return _refuse(error, error.exit_code)
    except typer.Abort:
        return INTERRUPTED
    except Exception as error:
        # Typer's errors of usage; which module they come from depends on its version.
        if not hasattr(error, "format_message"):
            raise
        return _refuse(error.format_message())
    return code if isinstance(code, int) else 0


def _refuse(problem: object, code: int = BAD_INPUT) -> int:
    _say(f"error: {problem}")
    return code


def _say(message: str) -> None:
    print("dnn-xp:", printable(" ".join(message.split())), file=sys.stderr)
