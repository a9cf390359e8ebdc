"""What is to be learnt, as the values of y tell it, and as somebody asks for it."""

import numpy as np
import pytest

from dnn_xp.data.tasks import (
    TASKS,
    arrange,
    choose_task,
    decide_task,
    look_at,
    merge_values,
    plain_values,
    task_of,
)

RNG = np.random.default_rng(0)
THREE = np.arange(60) % 3
LETTERS = np.repeat(np.arange(26), 5)
LABELS = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]] * 5)
HOT = np.eye(4)[np.arange(20) % 4]

SEEN = {
    # classes, whatever holds them
    "0 and 1 as doubles": (np.arange(20) % 2 * 1.0, "classes", ("0", "1")),
    "-1 and 1 as single precision": ((THREE > 0) * np.float32(2) - 1, "classes", ("-1", "1")),
    "1, 2 and 3 as doubles": (THREE + 1.0, "classes", ("1", "2", "3")),
    "0 and 255 as bytes": (np.uint8(255) * np.uint8(THREE > 1), "classes", ("0", "255")),
    "half precision": (THREE.astype(np.float16), "classes", ("0", "1", "2")),
    "minus zero": (np.array([-0.0, 1.0, 0.0, 1.0]), "classes", ("0", "1")),
    "a column of doubles": (THREE[:, None] * 1.0, "classes", ("0", "1", "2")),
    "gaps": (THREE * 7 - 2, "classes", ("-2", "5", "12")),
    "letters": (LETTERS, "classes", tuple(map(str, range(26)))),
    "letters from 1, as doubles": (LETTERS + 1.0, "classes", tuple(map(str, range(1, 27)))),
    "truth values": (THREE > 0, "classes", ("False", "True")),
    "a column of truth values": ((THREE > 0)[:, None], "classes", ("False", "True")),
    "text": (np.array(["cat", "ant", "äst"] * 3), "classes", ("ant", "cat", "äst")),
    "bytes": (np.array([b"cat", b"\xc3\xa4st"] * 3), "classes", ("cat", "äst")),
    "a column of text": (np.array([["b"], ["a"]]), "classes", ("a", "b")),
    "text of digits": (np.array(["01", "02", "01", "02"]), "classes", ("01", "02")),
    "objects that are text": (np.array(["b", b"a", "b"], object), "classes", ("a", "b")),
    "objects that are truth values": (
        np.array([True, False], object),
        "classes",
        ("False", "True"),
    ),
    "objects that are numbers": (np.array([1, 2.0, 1, 2], object), "classes", ("1", "2")),
    "text and numbers": (np.array(["a", 3], object), "classes", ("3", "a")),
    "one-hot doubles": (HOT, "classes", ("0", "1", "2", "3")),
    "one-hot bytes": (HOT.astype(np.uint8), "classes", ("0", "1", "2", "3")),
    "one-hot truth values": (HOT > 0, "classes", ("0", "1", "2", "3")),
    "one-hot of -1 and 1": (2 * HOT - 1, "classes", ("0", "1", "2", "3")),
    "one-hot of two": (HOT[:, :2] + [[0, 1]] * (HOT[:, 2:].sum(1)[:, None]), "classes", None),
    # labels
    "columns of 0 and 1": (LABELS, "labels", ("0", "1", "2")),
    "columns of doubles": (LABELS * 1.0, "labels", ("0", "1", "2")),
    "columns of truth values": (LABELS > 0, "labels", ("0", "1", "2")),
    "columns of -1 and 1": (2 * LABELS - 1, "labels", ("0", "1", "2")),
    "one-hot but for a row without": (np.vstack([HOT, 0 * HOT[:1]]), "labels", None),
    # regression
    "prices": (np.arange(3, 123) ** 2, "regression", None),
    "prices as doubles": (np.arange(3, 123) ** 2 * 1.0, "regression", None),
    "text that is prices": ((np.arange(3, 123) ** 2).astype(str), "regression", None),
    "halves": (np.arange(40) % 4 / 2, "regression", None),
    "counts with a long tail": (np.minimum(RNG.poisson(9, 200), 40), "regression", None),
    "years": (1922 + np.arange(400) % 80, "regression", None),
    "a few whole numbers, each once": (np.array([5, 1, 3, 9]), "regression", None),
    "several targets": (np.arange(20.0).reshape(10, 2) / 3, "regression", None),
    "several whole targets": (np.arange(20).reshape(10, 2), "regression", None),
    "probabilities": (np.array([[0.2, 0.8], [0.5, 0.5]]), "regression", None),
    "columns of nothing but 1": (np.ones((4, 2)), "regression", None),
}


@pytest.mark.parametrize("name", SEEN)
def test_the_values_tell_the_task(name):
    y, task, classes = SEEN[name]
    found = decide_task(y)
    assert found.name == task, found.why
    if classes is not None:
        assert found.classes == classes
    assert (found.classes is None) == (task in ("regression", "counts"))
    m = len(y)
    if task == "classes":
        assert (found.y.shape, found.y.dtype) == ((m,), np.int64)
    else:
        assert found.y.shape == ((m,) if y.ndim == 1 else y.shape[::-1]) or found.y.shape == (1, m)
    assert f": {task}" in found.why
    assert found.why.startswith(f"{m:,} ")


@pytest.mark.parametrize(
    ("y", "learnt"),
    [
        ([5.0, -1.0, 5.0], [1, 0, 1]),
        (["b", "a", "b"], [1, 0, 1]),
        ([[0, 1], [1, 0], [0, 1]], [1, 0, 1]),
        ([[-1, 1], [1, -1]], [1, 0]),
        ([[1, 1], [0, 1], [0, 0]], [[1, 0, 0], [1, 1, 0]]),
        ([[1, 1], [-1, 1], [-1, -1]], [[1, 0, 0], [1, 1, 0]]),
        ([0.5, 1.5], [[0.5, 1.5]]),
        ([[0.5, 1], [1.5, 2], [2.5, 3]], [[0.5, 1.5, 2.5], [1, 2, 3]]),
        (["2.5", "1e3", "4"], [[2.5, 1000, 4]]),
    ],
)
def test_y_is_as_it_is_learnt(y, learnt):
    assert decide_task(y).y.tolist() == learnt


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (
            np.r_[3, np.arange(100, 218), 997],
            "120 whole numbers from 3 to 997: regression; --task classes or counts to change",
        ),
        (
            THREE * 1.0,
            "60 whole numbers of 3 values from 0 to 2: classes; --task regression or counts to "
            "change",
        ),
        (
            HOT,
            "20 rows of a single 1 in 4 columns: classes; --task labels or regression to change",
        ),
        (LABELS, "20 rows of 0 and 1 in 3 columns: labels; --task regression to change"),
        (["a", "b", "a"], "3 texts of 2 values: classes"),
        (["7", "9.5", "8", "6"], "4 texts, numbers from 6 to 9.5: regression; --task classes to "
         "change"),
        ([0.25, -1.5], "2 numbers from -1.5 to 0.25: regression"),
        ([[2, 3], [4, 5]], "2 rows of 2 numbers from 2 to 5: regression; --task counts to change"),
        ([True, False], "2 truth values: classes; --task regression to change"),
    ],
)  # fmt: skip
def test_what_is_taken_is_said_with_the_way_to_change_it(y, said):
    assert decide_task(y).why == said


@pytest.mark.parametrize(
    ("y", "asked", "learnt", "classes"),
    [
        ([3, 7, 100, 9], "classes", [0, 1, 3, 2], ("3", "7", "9", "100")),
        ([0.5, 1.5, 0.5], "classes", [0, 1, 0], ("0.5", "1.5")),
        (np.float32([0.1, 0.2]), "classes", [0, 1], ("0.1", "0.2")),
        (["7", "9.5"], "classes", [0, 1], ("7", "9.5")),
        ([[0, 1], [1, 0]], "classes", [1, 0], ("0", "1")),
        ([[0, 1], [1, 0]], "labels", [[0, 1], [1, 0]], ("0", "1")),
        ([[0, 0], [0, 0]], "labels", [[0, 0], [0, 0]], ("0", "1")),
        ([[0, 1], [1, 0]], "regression", [[0, 1], [1, 0]], None),
        ([0, 1, 0], "regression", [[0, 1, 0]], None),
        ([True, False], "regression", [[1, 0]], None),
        (["1", "2", "1", "2"], "regression", [[1, 2, 1, 2]], None),
        ([0, 1, 0], "counts", [[0, 1, 0]], None),
        ([[0.0, 4.0], [9.0, 2.0]], "counts", [[0, 9], [4, 2]], None),
        (["3", "0"], "counts", [[3, 0]], None),
    ],
)
def test_what_is_asked_for_is_taken(y, asked, learnt, classes):
    found = decide_task(y, asked)
    assert (found.name, found.classes) == (asked, classes)
    assert found.y.tolist() == learnt
    assert found.why.endswith(f": {asked}, as was asked for")


@pytest.mark.parametrize(
    ("y", "asked", "said"),
    [
        (["a", "b"], "regression", "found 'a', expected numbers for regression"),
        (["3", "nan"], "counts", "found 'nan', expected numbers for counts"),
        ([0.5, 1.0], "counts", "found numbers from 0.5 to 1, expected whole ones from 0 on"),
        ([-1, 3], "counts", "found whole numbers from -1 to 3, expected whole ones from 0 on"),
        ([0, 1], "labels", "found one column of values from 0 to 1, expected several columns"),
        ([[0, 2], [1, 0]], "labels", "found 2 columns of values from 0 to 2, expected several"),
        ([[1, 1], [1, 0]], "classes", "found 2 columns, of which not each row holds a single 1"),
        ([[0.1, 0.9]], "classes", "found 2 columns, of which not each row holds a single 1"),
        (RNG.normal(size=200), "classes", "found 200 different numbers from .* expected whole"),
        ([0, 1], "clases", None),
        ([0.0, np.nan], None, "found nan in row 1, expected finite numbers"),
        ([0.0, np.inf], "regression", "found inf in row 1, expected finite numbers"),
        ([[0.0, 1.0], [np.nan, 1.0]], None, "found nan in row 1"),
        (np.array(["a", None], object), None, "found None in row 1, expected a value in each row"),
        (np.array([1.0, float("nan")], object), None, "found nan in row 1, expected a value"),
        ([], None, "found no examples"),
        (np.ones((2, 2, 2)), None, r"found float64\(2, 2, 2\), expected numbers or text"),
        (np.ones((2, 0)), None, r"found float64\(2, 0\)"),
        (1.0, None, r"found float64\(\)"),
        ([1j, 2], None, r"found complex128\(2,\)"),
        ([["a", "b"], ["c", "d"]], None, r"found <U1\(2, 2\)"),
        (np.array(["2020-01-01"], "M8[D]"), None, r"found datetime64\[D\]\(1,\)"),
        (np.array([b"caf\xe9", b"dog"]), None, r"found b'caf\\xe9', expected text in UTF-8.*y ="),
    ],
)
def test_what_is_none_is_refused(y, asked, said):
    expected = "^task: found 'clases', expected" if said is None else f"^data: y: {said}"
    with pytest.raises(ValueError, match=expected):
        decide_task(y, asked, where="data: y")


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("step", [1, 7])
def test_parts_tell_what_the_whole_does(name, step):
    y = plain_values(SEEN[name][0])
    parts = [y[start : start + step] for start in range(0, len(y), step)]
    values = look_at(parts[0])
    for part in parts[1:]:
        values = merge_values(values, look_at(part))
    whole = decide_task(y)
    task, why = choose_task(values)
    assert (task, why) == (whole.name, whole.why)
    learnt = [arrange(part, task, values) for part in parts]
    assert {classes for _, classes in learnt} == {whole.classes}
    assert np.concatenate([one for one, _ in learnt], axis=-1).tolist() == whole.y.tolist()


def test_a_class_that_was_not_there_is_a_change():
    with pytest.raises(ValueError, match="file has changed"):
        arrange(np.array([1, 4]), "classes", look_at(np.array([1, 5, 1])))


def test_a_task_that_is_not_said_follows_from_the_classes():
    assert task_of(None, None) == "regression"
    assert task_of(None, ("a", "b")) == "classes"
    assert {task_of(task, ("a",)) for task in TASKS} == set(TASKS)
