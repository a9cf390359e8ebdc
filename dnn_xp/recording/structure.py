"""Structures of arrays: tuples, lists and dictionaries of them, with names by place."""

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["leaves", "map_leaves"]


def _parts(tree: Any, path: str) -> dict[Any, tuple[str, Any]] | None:
    """Return the parts of a structure with their paths by place; None of what is none."""
    if isinstance(tree, dict):
        return {key: (f"{path}.{key}", part) for key, part in tree.items()}
    if isinstance(tree, tuple | list):
        fields = getattr(tree, "_fields", None)
        names = [f".{x}" for x in fields] if fields else [f"[{i}]" for i in range(len(tree))]
        return {i: (path + names[i], part) for i, part in enumerate(tree)}
    return None


def leaves(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield what a structure holds, each with its path, but for None.

    Parameters
    ----------
    tree : object
        Tuples, named or not, lists and dictionaries, of each other and of anything.
    path : str
        Of the whole, such as ``"state"``: then ``"state.theta"`` is within it.
    """
    parts = _parts(tree, path)
    if parts is not None:
        for where, part in parts.values():
            yield from leaves(part, where)
    elif tree is not None:
        yield path, tree


def map_leaves(function: Callable[[str, Any], Any], tree: Any, path: str) -> Any:
    """Return the structure with ``function(path, leaf)`` in place of each leaf.

    Parameters
    ----------
    function : callable
    tree : object
    path : str
        As in `leaves`.
    """
    parts = _parts(tree, path)
    if parts is None:
        return None if tree is None else function(path, tree)
    mapped = {key: map_leaves(function, part, where) for key, (where, part) in parts.items()}
    if isinstance(tree, dict):
        return mapped
    values = mapped.values()
    return type(tree)(*values) if hasattr(tree, "_fields") else type(tree)(values)
