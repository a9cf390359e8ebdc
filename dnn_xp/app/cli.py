"""The way in: ``dnn-xp`` and ``python -m dnn_xp``.

Exit codes: 0 as wished; 1 the run diverged, a value is off, something could not be written, or
some of several inputs could not be read while the others were done; 2 bad input, told in one line
on stderr; 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP, which ends ``dnn-xp watch`` as
wished.
"""

from __future__ import annotations

# All else is loaded where Ctrl-C is already heeded.
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

__all__ = ["main"]

LOST_OUTPUT, BAD_INPUT, INTERRUPTED = 1, 2, 130


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
    heard: list[int] = []
    try:
        from dnn_xp.app.stopping import stopping_signals

        with stopping_signals(heard):
            code = _run_and_say(sys.argv[1:] if arguments is None else [*arguments], heard)
    except KeyboardInterrupt:  # before standard output was ready, or after all was said
        code = _say_what_stopped(heard)
    # Python would end by SIGINT if an interrupt came out of an `exec`, as in making a dataclass,
    # however well it was caught; the next one forgets that.
    exec("")
    sys.exit(code)


def _run_and_say(arguments: list[str], heard: list[int]) -> int:
    from dnn_xp.app.streams import standard_streams

    with standard_streams() as output:
        try:
            code = _run(arguments)
            if code > 128 and not heard:  # while it trained: the next signal is the second one
                heard.append(code - 128)
        except KeyboardInterrupt:
            code = INTERRUPTED
        if code > 128:
            code = _say_what_stopped(heard)
        output.flush()
    return LOST_OUTPUT if output.lost and code == 0 else code


def _say_what_stopped(heard: list[int]) -> int:
    """Say it in a line, and return the exit code."""
    code = 128 + heard[-1] if heard else INTERRUPTED
    if code == INTERRUPTED:
        _say("interrupted")
    else:
        import signal

        _say(f"stopped by {signal.Signals(heard[-1]).name}")
    return code


def _run(arguments: list[str]) -> int:
    from dnn_xp.app.errors import UserError
    from dnn_xp.backends import launched_rank, require

    try:
        typer = require("typer", extra="app")
        require("rich", extra="app")
    except ImportError as error:
        return _refuse(error)

    from dnn_xp.app.commands import app
    from dnn_xp.app.completion import prepare_completion, with_shell

    prepare_completion()
    arguments = with_shell(arguments)
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
        if launched_rank():  # all were told the same, and rank 0 says it
            return BAD_INPUT
        return _refuse(error.format_message())
    return code if isinstance(code, int) else 0


def _refuse(problem: object, code: int = BAD_INPUT) -> int:
    _say(f"error: {problem}")
    return code


def _say(message: str) -> None:
    from dnn_xp.reprs import printable

    print("dnn-xp:", printable(" ".join(message.split())), file=sys.stderr)
