"""Names of arrays: those that can be told without doubt, and those that are asked for."""

import pytest

from dnn_xp.files.array_names import choose_names

pytestmark = pytest.mark.once

TOLD = {
    "X y": ("X", "y", None),
    "X Y other": ("X", "Y", None),
    "data target target_names": ("data", "target", None),
    "images labels": ("images", "labels", None),
    "features targets": ("features", "targets", None),
    "arr_0 arr_1": ("arr_0", "arr_1", None),
    "x_train y_train x_test y_test": ("x_train", "y_train", ("x_test", "y_test")),
    "X_train y_train": ("X_train", "y_train", None),
    "train_x train_y test_x test_y": ("train_x", "train_y", ("test_x", "test_y")),
    "train/x train/y": ("train/x", "train/y", None),
    "train/images train/labels test/images test/labels": (
        *("train/images", "train/labels"),
        ("test/images", "test/labels"),
    ),
    "a/b/x a/b/y": ("a/b/x", "a/b/y", None),
    "x_train y_train x_val y_val": ("x_train", "y_train", None),
    "x_test x_train y_test y_train": ("x_train", "y_train", ("x_test", "y_test")),
}


@pytest.mark.parametrize("there", TOLD)
def test_names_that_tell_what_they_are(there):
    names = choose_names(there.split())
    assert names[:3] == TOLD[there]
    assert names.note.startswith(f"taken as examples and targets: {names.x}, {names.y}")
    assert ("not read: x_val, y_val" in names.note) == ("x_val" in there)


@pytest.mark.parametrize("there", ["x y", "y x X Y", "x y x_train y_train", "x y a/x a/y"])
def test_x_and_y_go_before_all_others(there):
    assert choose_names(there.split()) == ("x", "y", None, "")


@pytest.mark.parametrize(
    "there",
    [
        "",
        "X",
        "y",
        "a b",
        "X data y",
        "x_test y_test",
        "a/x a/y b/x b/y",
        "X y x_train y_train",
        "arr_0 arr_1 arr_2 arr_3",
        "images labels train/x train/y",
        "examples answers",
    ],
)
def test_names_that_leave_a_doubt_name_the_options(there):
    with pytest.raises(ValueError, match=r"^lacks .*: found .*; say which .*: --x NAME --y NAME"):
        choose_names(there.split())


@pytest.mark.parametrize(
    ("there", "x", "y", "expected"),
    [
        ("x y a b", "a", "b", ("a", "b")),
        ("a/b c", "/a/b", "c", ("a/b", "c")),
        ("x y z", "z", "y", ("z", "y")),
        ("x_train y_train x_test y_test", "x_test", "y_test", ("x_test", "y_test")),
        ("X y other", "X", None, ("X", "y")),
        ("images labels", None, "labels", ("images", "labels")),
    ],
)
def test_names_that_are_asked_for(there, x, y, expected):
    assert choose_names(there.split(), x, y)[:2] == expected


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        ("b", "y", "lacks x 'b': found x, y"),
        ("x", "Y", "lacks y 'Y': found x, y"),
        ("x/y", None, "lacks x 'x/y'"),
        ("x\x1b[2J", None, r"lacks x 'x\\x1b"),
        ("", "y", "lacks x ''"),
    ],
)
def test_names_that_are_not_there(x, y, said):
    with pytest.raises(ValueError, match=said):
        choose_names(["x", "y"], x, y)
