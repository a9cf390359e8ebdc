"""Tests of structures of arrays."""

from typing import NamedTuple

import pytest

from dnn_xp.recording.structure import leaves, map_leaves


class Pair(NamedTuple):
    left: object
    right: object


@pytest.mark.parametrize(
    ("tree", "paths"),
    [
        (1, ["x"]),
        (None, []),
        ((), []),
        ((1, (2, [3])), ["x[0]", "x[1][0]", "x[1][1][0]"]),
        ({"W": 1, 2: None, "b": (2,)}, ["x.W", "x.b[0]"]),
        (Pair(1, {"a": 2}), ["x.left", "x.right.a"]),
        (Pair(None, ()), []),
    ],
    ids=str,
)
def test_leaves_are_named_by_their_places(tree, paths):
    assert [path for path, _ in leaves(tree, "x")] == paths
    seen = []
    mapped = map_leaves(lambda path, leaf: seen.append(path) or leaf, tree, "x")
    assert seen == paths
    assert mapped == tree
    assert type(mapped) is type(tree)


def test_leaves_are_replaced():
    tree = {"a": Pair(1, [2, None]), "b": 3}
    assert map_leaves(lambda _, x: 10 * x, tree, "") == {"a": Pair(10, [20, None]), "b": 30}
