"""Completion of the command line by a shell: its installation, and the values of options."""

import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

# The names are public, though the module has no list of them.
from typer.completion import (  # type: ignore[attr-defined]
    completion_init,
    get_completion_script,
    install,
)

from dnn_xp.app.errors import UserError
from dnn_xp.callbacks.run_folder import MODEL, RECORD

__all__ = [
    "SHELLS",
    "InstallCompletion",
    "ShowCompletion",
    "among",
    "data_names",
    "model_names",
    "prepare_completion",
    "run_names",
    "with_shell",
]

SHELLS = ("bash", "zsh", "fish", "powershell")

_PROGRAM = "dnn-xp"
_VARIABLE = "_DNN_XP_COMPLETE"
"""In which a shell's script says that it asks for completions, and in which form."""

_DATA_SUFFIXES = (".h5", ".hdf5", ".npz", ".npy", ".csv", ".tsv", ".parquet")
_MODEL_SUFFIXES = (".h5", ".hdf5")

Complete = Callable[[str], list[str]]


def among(names: Iterable[str]) -> Complete:
    """Return what completes a word to one of these names.

    Parameters
    ----------
    names : iterable of str
    """
    known = tuple(names)
    return lambda incomplete: [name for name in known if name.startswith(incomplete)]


def data_names(incomplete: str) -> list[str]:
    """Return the data that a word may become; where none are here, a shell goes on with files."""
    here = [
        path.name
        for path in _visible(Path())
        if path.is_dir() or path.name.lower().endswith(_DATA_SUFFIXES)
    ]
    return _fitting([*("digits", "cats"), *here], incomplete)


def model_names(incomplete: str) -> list[str]:
    """Return the models here, and the runs that kept one."""
    files = [path.name for path in _visible(Path()) if path.name.lower().endswith(_MODEL_SUFFIXES)]
    return _fitting([*files, *_runs_with(MODEL)], incomplete)


def run_names(incomplete: str) -> list[str]:
    """Return the folders of runs here."""
    return _fitting(_runs_with(RECORD), incomplete)


def _runs_with(name: str) -> list[str]:
    return [str(path) for path in _visible(Path("runs")) if (path / name).is_file()]


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _fitting(names: Sequence[str], incomplete: str) -> list[str]:
    """Return the names that begin so, but those that a shell would take for several words."""
    return [name for name in names if name.startswith(incomplete) and shlex.quote(name) == name]


def _check_shell(shell: str) -> str:
    if shell not in SHELLS:
        raise UserError(
            f"completion: found the shell {shell!r}, expected one of {', '.join(SHELLS)}, as in "
            "--show-completion bash"
        )
    return shell


def _show(shell: str | None) -> None:
    if shell is not None:
        typer.echo(
            get_completion_script(
                prog_name=_PROGRAM, complete_var=_VARIABLE, shell=_check_shell(shell)
            )
        )
        raise typer.Exit


def _install(shell: str | None) -> None:
    if shell is not None:
        try:
            _, path = install(_check_shell(shell), _PROGRAM, _VARIABLE)
        except OSError as error:
            raise UserError(f"--install-completion: {error}") from error
        typer.echo(f"completion for {shell} is in {path}: open a new terminal")
        raise typer.Exit


ShowCompletion = Annotated[
    str | None,
    typer.Option(
        metavar="SHELL",
        callback=_show,
        is_eager=True,
        autocompletion=among(SHELLS),
        help="Show the script with which a shell completes commands, options and their values.",
    ),
]
InstallCompletion = Annotated[
    str | None,
    typer.Option(
        metavar="SHELL",
        callback=_install,
        is_eager=True,
        autocompletion=among(SHELLS),
        help=f"Put that script where the shell finds it: {', '.join(SHELLS)}. Default: the one in "
        "the environment variable SHELL.",
    ),
]


def with_shell(arguments: Sequence[str]) -> list[str]:
    """Return arguments in which an option of completion that ends them has its shell.

    Parameters
    ----------
    arguments : sequence of str
        What follows ``dnn-xp``.
    """
    if len(arguments) == 1 and arguments[0] in ("--show-completion", "--install-completion"):
        return [*arguments, Path(os.environ.get("SHELL", "")).name]
    return list(arguments)


def prepare_completion() -> None:
    """Make ready for a shell that asks for completions, where one does."""
    if os.environ.get(_VARIABLE):
        completion_init()
