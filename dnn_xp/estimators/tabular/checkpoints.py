"""Checkpoints of members: a file for each, so that a fit that was killed goes on where it was."""

from typing import Any

from dnn_xp.estimators.checkpoints import open_in_folder
from dnn_xp.estimators.tabular.members import Examples, Recipe
from dnn_xp.training import Callback
from dnn_xp.training.identity import digest, fingerprint_of

__all__ = ["open_member_checkpoint"]


def open_member_checkpoint(
    given: Any, recipe: Recipe, training: Examples, seed: int
) -> tuple[list[Callback], Any]:
    """Return what writes the checkpoints of a member, and the newest one, where there is one.

    Parameters
    ----------
    given : path, Checkpoint or None
        A folder, or a `Checkpoint` of one.
    recipe : Recipe
    training : Examples
        That the member trains on.
    seed : int

    Raises
    ------
    ValueError
        Where there is a file of the folder's name.
    """
    if given is None:
        return [], None
    identity = {"recipe": repr(recipe), "seed": seed, "data": fingerprint_of(training)}
    checkpoint, progress = open_in_folder(given, f"member-{digest(identity)}")
    return [checkpoint], progress
