"""Several processes that a launcher started, and that train as one: only rank 0 is heard."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from dnn_xp.app.errors import Failure, UserError, user_errors
from dnn_xp.app.streams import Output
from dnn_xp.arguments import check_choice
from dnn_xp.backends import (
    GROUP_NAMES,
    DisagreementError,
    Group,
    GroupError,
    ends_together,
    gather_texts,
    open_group,
)
from dnn_xp.reprs import printable

__all__ = ["check_same_data", "group_errors", "join", "prepared_by_all"]

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


@contextmanager
def group_errors(group: Group | None) -> Iterator[None]:
    """Turn the errors of a group into one line each.

    That the processes differ, all of them find, and rank 0 says it. That one is gone, which may be
    rank 0, each of the others says.

    Parameters
    ----------
    group : Group or None

    Raises
    ------
    Failure
        In place of a GroupError.
    """
    try:
        yield
    except GroupError as error:
        if group is not None and group.rank and not isinstance(error, DisagreementError):
            print(f"dnn-xp: rank {group.rank}: {printable(error)}", file=sys.__stderr__)
        raise Failure(str(error)) from error


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


def check_same_data(group: Group | None, data: str, fingerprint: int) -> None:
    """Refuse to train together on data of which a process has read others than rank 0.

    Of what stays in its file a run knows no more than the form, and each process learns from
    other examples: what they come to would not tell.

    Parameters
    ----------
    group : Group or None
    data : str
        What the command names.
    fingerprint : int
        Of the data that this process has read.

    Raises
    ------
    UserError
        In all processes.
    """
    if group is None:
        return
    heard = gather_texts(group, str(fingerprint))
    for rank, other in enumerate(heard):
        if other != heard[0]:
            raise UserError(
                f"{data}: rank {rank} has read other data than rank 0, expected the same"
            )
