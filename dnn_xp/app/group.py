"""Several processes that a launcher started, and that train as one: only rank 0 is heard."""

import sys
from collections.abc import Callable
from typing import TypeVar

from dnn_xp.app.errors import UserError, user_errors
from dnn_xp.app.streams import Output
from dnn_xp.arguments import check_choice
from dnn_xp.backends import GROUP_NAMES, Group, ends_together, gather_texts, open_group

__all__ = ["join", "prepared_by_all"]

Made = TypeVar("Made")


def join(name: str) -> Group | None:
    """Return the group that ``--group`` names; all but its rank 0 fall silent.

    Parameters
    ----------
    name : str
        One of `GROUP_NAMES`.

    Raises
    ------
    UserError
        Where there is no such group, or the library for it is not installed.
    """
    with user_errors():
        check_choice("--group", name, GROUP_NAMES)
        try:
            group = open_group(name)
        except ImportError as error:
            raise ImportError(f"{error}; --group none trains in each process alone") from error
    if group is None or group.size == 1:
        return None
    if group.rank:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, Output):
                stream.fall_silent()
    return group


def prepared_by_all(group: Group | None, prepare: Callable[[], Made]) -> Made:
    """Return what this process has prepared, unless one of them could not.

    Parameters
    ----------
    group : Group or None
    prepare : callable
        Nothing in it waits for another process.

    Raises
    ------
    UserError
        Where bad input hindered one: rank 0 says it.
    """
    if group is None:
        return prepare()
    own: UserError | None = None
    with ends_together(group):  # of what is no bad input, such as Ctrl-C, the others do not know
        try:
            made = prepare()
        except UserError as error:
            own = error
        problems = gather_texts(group, "" if own is None else str(own))
    if own is not None:
        raise own
    for rank, problem in enumerate(problems):
        if problem:
            raise UserError(f"rank {rank}: {problem}")
    return made
