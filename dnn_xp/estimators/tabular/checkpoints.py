"""Checkpoints of members: a file for each, so that a fit that was killed goes on where it was."""

from typing import Any

from dnn_xp.arguments import check_path
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
    from dnn_xp.callbacks.checkpoint import Checkpoint
    from dnn_xp.models.checkpoints import load_checkpoint

    options = (
        {name: getattr(given, name) for name in ("epochs", "steps", "seconds", "keep")}
        if isinstance(given, Checkpoint)
        else {}
    )
    folder = given.path if isinstance(given, Checkpoint) else check_path("checkpoint", given)
    if folder.is_file():
        raise ValueError(
            f"checkpoint: found the file {folder}, expected a folder, in which each member has a "
            "file of its own"
        )
    folder.mkdir(parents=True, exist_ok=True)
    identity = {"recipe": repr(recipe), "seed": seed, "data": fingerprint_of(training)}
    path = folder / f"member-{digest(identity)}.checkpoint"
    try:
        progress = load_checkpoint(path)
    except FileNotFoundError:
        progress = None
    return [Checkpoint(path, **options)], progress
