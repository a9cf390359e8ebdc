"""Levels of categories: learnt whatever their order, told apart by value, bounded, hashed alike."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp.data.levels import Levels, learn_levels, make_encoder

pytestmark = pytest.mark.once

NAN = float("nan")
VALUES = st.lists(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(-2, 2)
    | st.just(NAN)
    | st.text("ab1", max_size=2),
    min_size=1,
    max_size=20,
)


def learn(values, most=10, n_buckets=2):
    return learn_levels(values, most, n_buckets, "feature 0")


def encode(levels, values):
    out = np.zeros((len(values), levels.width), np.float32)
    make_encoder(levels, "feature 0")(values, out)
    return out.tolist()


@pytest.mark.parametrize(
    ("values", "own", "kind", "n_missing", "width"),
    [
        (["b", "a", "b"], ("a", "b"), "text", 0, 1),
        (["b", "a", "c"], ("a", "b", "c"), "text", 0, 3),
        ([True, False], (0, 1), "numbers", 0, 1),
        ([3, 1.0, 2.5, 1], (1, 2.5, 3), "numbers", 0, 3),
        ([1, "1"], (1, "1"), "both", 0, 1),
        (["a", None], ("a",), "text", 1, 1),
        (["a", "b", NAN, None], ("a", "b"), "text", 2, 3),
        (["a", "a"], ("a",), "text", 0, 0),
        ([None, NAN], (), "numbers", 2, 0),
        ([np.str_("a"), np.int64(2), np.float32(0.5)], (0.5, 2, "a"), "both", 0, 3),
    ],
)
def test_levels_are_learnt(values, own, kind, n_missing, width):
    levels = learn(values)
    assert levels == Levels(own, kind, len(own), n_missing, 0)
    assert [*map(type, levels.own)] == [*map(type, own)]
    assert levels.width == width


@pytest.mark.parametrize(
    ("fitted", "values", "expected"),
    [
        (["a", "b"], ["a", "b", "c", None], [[-1.0], [1.0], [0.0], [0.0]]),
        (["a", None], ["a", None, "b", NAN], [[-1.0], [1.0], [0.0], [1.0]]),
        (["a", "b", "c"], ["c", "x", "a"], [[0, 0, 1], [0, 0, 0], [1, 0, 0]]),
        (["a", "b", None], [NAN, "b"], [[0, 0, 1], [0, 1, 0]]),
        ([1, 2, 3], [1.0, True, np.float32(3), 4], [[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]),
        ([1, "1", 2], ["1", 1, 2], [[0, 0, 1], [1, 0, 0], [0, 1, 0]]),
        (["a", "b"], [], []),
    ],
)
def test_values_become_columns(fitted, values, expected):
    assert encode(learn(fitted), values) == expected


@given(VALUES, st.randoms())
def test_the_order_of_values_does_not_matter(values, random):
    shuffled = random.sample(values, len(values))
    assert learn(shuffled, most=5) == learn(values, most=5)


@given(VALUES)
def test_each_value_of_training_is_one_level(values):
    levels = learn(values, most=4)
    for row in encode(levels, values):
        assert not row or (len(row) == 1 and abs(row[0]) == 1) or sorted(row)[-2:] == [0, 1]


def test_beyond_the_bound_the_most_frequent_keep_their_columns():
    values = [*("a" * 5), *("b" * 4), *"cdefgh", None]
    levels = learn(values, most=5, n_buckets=2)
    # Of five columns one is of what is missing, and two are shared.
    assert levels == Levels(("a", "b"), "text", 8, 1, 2)
    assert levels.width == 5
    rows = np.asarray(encode(levels, values))
    assert (rows.sum(axis=1) == 1).all()
    assert rows[:9, :2].sum(axis=0).tolist() == [5, 4]
    assert rows[-1].tolist() == [0, 0, 1, 0, 0]
    assert rows[9:-1, 3:].sum() == 6


def test_of_equally_frequent_levels_the_first_in_order_keep_their_columns():
    assert learn([*"dcba"], most=3, n_buckets=1).own == ("a", "b")


def test_at_the_bound_each_level_has_its_column():
    assert learn([*"abcde"], most=5).n_buckets == 0
    assert learn([*"abcd", None], most=5).n_buckets == 0
    assert learn([*"abcde", None], most=5).n_buckets == 2


def test_a_level_that_was_not_there_shares_the_buckets():
    levels = learn([*"aabbcdefg"], most=4, n_buckets=2)
    assert np.sum(encode(levels, ["new", "another"])) == 2
    assert encode(levels, ["new"]) == encode(levels, [np.str_("new")])


def test_text_and_numbers_have_buckets_of_their_own():
    levels = learn([*range(40), *map(str, range(40))], most=18, n_buckets=16)
    numbers, texts = (encode(levels, [*map(kind, range(20, 40))]) for kind in (int, str))
    assert numbers != texts
    assert numbers == encode(levels, [float(i) for i in range(20, 40)])


def test_buckets_are_the_same_in_each_process():
    script = (
        "from tests.data.test_levels import encode, learn\n"
        "print(encode(learn([*'aabbcdefghij'], 10, 8), [*'cdefghij', 'new', 'ä']))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


@pytest.mark.parametrize(
    ("fitted", "value", "words"),
    [
        (["1", "2"], 1, "found 1 in feature 0, expected text"),
        ([1, 2], "1", "found '1' in feature 0, expected numbers"),
        (["a", "b"], True, "expected text, as all its levels in training were"),
        ([*map(str, range(30))], 3.5, "found 3.5 in feature 0, expected text"),
    ],
)
def test_text_is_no_number_and_a_number_no_text(fitted, value, words):
    with pytest.raises(ValueError, match=words):
        encode(learn(fitted), [fitted[0], value])


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (float("inf"), ValueError, "infinity in feature 0"),
        (1j, ValueError, "Complex data not supported"),
        (b"a", ValueError, "found bytes in feature 0, expected text"),
        ([1], TypeError, r"found \[1\] in feature 0, a list; each argument must be a string or a"),
        ({"a": 1}, TypeError, "argument must be a string or a number"),
        (np.zeros(2), TypeError, "found a ndarray of float64 and shape"),
        (object(), TypeError, "a value with a text of its own"),
    ],
)
def test_what_is_no_level_is_refused(value, kind, words):
    with pytest.raises(kind, match=words):
        learn(["a", value])
    with pytest.raises(kind, match=words):
        encode(learn(["a", 1, "b"]), ["a", value])
