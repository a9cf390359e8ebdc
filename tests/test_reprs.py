"""Representations that can be typed back."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import dnn_xp
from dnn_xp import callbacks, training
from dnn_xp.reprs import brief, html_table, outline, printable, typed_call
from dnn_xp.training import optimizers, schedules

NAMES = {
    **vars(dnn_xp.training.optimizers),
    **vars(schedules),
    **{name: getattr(callbacks, name) for name in callbacks.__all__},
    **{name: getattr(training, name) for name in training.__all__},
}


@pytest.mark.parametrize(
    "text",
    [
        "sgd(0.5)",
        "momentum(0.1)",
        "momentum(0.1, decay=0.5)",
        "nesterov(0.1)",
        "lion(0.0001, weight_decay=0.1)",
        "adagrad(0.1)",
        "rmsprop(0.01, epsilon=1e-06)",
        "adam()",
        "adam(0.01)",
        "adam(0.01, beta2=0.99, epsilon_hat=True)",
        "adamw()",
        "adamw(weight_decay=0.1)",
        "nadam(0.01)",
        "amsgrad(0.01)",
        "constant()",
        "constant(0.5)",
        "step_decay(30, factor=0.5)",
        "exponential_decay(0.9)",
        "inverse_scaling()",
        "inverse_scaling(1.0, rate=100.0)",
        "cosine(70, restarts=2, growth=2.0)",
        "one_cycle(10, rise=0.4)",
        "warm_up(step_decay(10), 5)",
        "ReduceOnPlateau(0.5, patience=3, monitor='f1', mode='max')",
        "EarlyStopping(3, monitor='validation_accuracy', mode='max')",
        "TimeLimit(60)",
        "Interruptible()",
        "Checkpoint('run.checkpoint', epochs=2, seconds=None)",
        "CSVLog('run.csv')",
        "JSONLinesLog('run.jsonl')",
        "Regularization()",
        "Regularization(l2=0.1, max_norm=3.0)",
    ],
)
def test_repr_can_be_typed_back(text):
    assert repr(eval(text, dict(NAMES))) == text


@pytest.mark.parametrize("text", ["use_backend('numpy')", "use_backend('numpy', 'cpu')"])
def test_repr_of_a_choice_of_backend_can_be_typed_back(text):
    with dnn_xp.use_backend("numpy"):
        assert repr(eval(text, {"use_backend": dnn_xp.use_backend})) == text


def test_repr_of_a_backend_can_be_typed_back():
    backends = dnn_xp.backends
    for text in ("open_backend('numpy')", "open_backend('numpy', 'cpu')"):
        assert repr(eval(text, {"open_backend": backends.open_backend})) == text


def test_repr_of_a_callback_of_ones_own_leaves_out_what_it_does_not_know():
    class Mine(training.Callback):
        def __init__(self, color, size=3):
            self.size, self._paint = size, color

    assert repr(Mine("red", 4)) == "Mine(size=4)"


def test_repr_of_a_path_is_text():
    assert typed_call(lambda path: None, {"path": Path("a")}, "log") == "log('a')"


def test_optimizers_all_have_a_name_by_which_they_are_made():
    for name in set(optimizers.__all__) - {"OPTIMIZERS", "Optimizer", "Update", "descend"}:
        assert repr(getattr(optimizers, name)(0.5)).startswith(f"{name}(0.5")


@pytest.mark.parametrize("text", ["cat", "Käse", "猫", "кот", "עברית", "a b", "\U0001f431", "नमस्ते"])
def test_texts_that_steer_nothing_are_shown_as_they_are(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"), ("\x07", r"\x07"), ("a\nb\r", r"a\nb\r"), ("\x9b31m", r"\x9b31m"),
        ("\u202egnp", r"\u202egnp"), ("\u2028", r"\u2028"), ("\udcff", r"\udcff"),
        ("\x7f", r"\x7f"), ("cat\u200b", r"cat\u200b"), ("\ufeffcat", r"\ufeffcat"),
        ("c\u00adat", r"c\xadat"), ("\u2060", r"\u2060"), ("a\u200db", r"a\u200db"),
        ("\U000e0041", r"\U000e0041"), ("\ufff9", r"\ufff9"), ("\u061c", r"\u061c"),
    ],
)  # fmt: skip
def test_texts_that_steer_a_terminal_are_shown_as_escapes(text, shown):
    assert printable(text) == shown


class Pair(NamedTuple):
    """What `outline` shows: arrays, and more."""

    one: Any
    other: Any = 0.5


@pytest.mark.parametrize("shape", [(7,), (2, 3, 4), (0, 9), (10**6,)])
def test_an_array_is_shown_by_its_kind(array, library, shape):
    values = array(np.zeros(shape), "float32")
    text = brief(values)
    if library.backend == "numpy" and values.size <= 6:
        assert text == f"array([], shape={shape}, dtype=float32)"
    else:
        assert text == f"<{type(values).__name__} of float32, shape {shape}>"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.asarray([1.0, 2.0]), "array([1., 2.])"),
        ([0.5] * 7, "<list of 7>"),
        ((0.5,), "(0.5,)"),
        ({"a": np.zeros(10)}, "{'a': <ndarray of float64, shape (10,)>}"),
        (dict.fromkeys(range(10**5)), "<dict of 100,000>"),
        (test_repr_of_a_path_is_text, "<function test_repr_of_a_path_is_text>"),
        (Pair(np.zeros(10)), "Pair(one=<ndarray of float64, shape (10,)>)"),
        (Pair([Pair(1, 2)], 3), "Pair(one=[Pair(one=1, other=2)], other=3)"),
        (Pair(0, True), "Pair(one=0, other=True)"),
        (training.sgd(0.5), "sgd(0.5)"),
        ("a\nb", r"'a\nb'"),
        (None, "None"),
    ],
)
def test_a_value_is_shown_briefly(value, text):
    assert brief(value) == text


def test_long_texts_are_cut():
    assert len(brief("x" * 10**6)) == len(brief([("x" * 30, "y" * 30)] * 6)) == 160
    assert len(outline(Pair("x" * 10**6, "y" * 10**6))) < 400


def test_what_a_person_meets_shows_no_address_and_one_line():
    network = dnn_xp.Network(2, (dnn_xp.Dense(30),), "squared_error")
    X = np.random.default_rng(0).normal(size=(2, 50))
    Y = np.vstack([X] * 15)
    run = dnn_xp.lbfgs(network, X, Y, max_iter=3) if find_spec("scipy") else None
    digits, _ = dnn_xp.data.load("digits")
    met = [
        *(network, dnn_xp.Model(network, network.initialize()), digits),
        *(dnn_xp.data.fit_preprocessing(digits), dnn_xp.use_backend("numpy")),
        *(dnn_xp.functions.COSTS, dnn_xp.functions.ACTIVATIONS["relu"]),
        *(run, getattr(run, "progress", None), getattr(run, "state", None)),
        training.learning_rate_range_test(network, X, Y, highest=100.0),
        network.cost_and_gradient(network.initialize(), X, Y),
    ]
    for one in met:
        text = brief(one)
        assert "0x" not in text
        assert "\n" not in text
        assert len(repr(one)) < 1500 or isinstance(one, dict)


def test_a_table_in_html_escapes_what_it_holds():
    html = html_table(("<a>", "b"), [["x & \x1b", "<1>"]])
    assert '<th style="text-align:left">&lt;a&gt;</th>' in html
    assert '<td style="text-align:left">x &amp; \\x1b</td>' in html
    assert '<td style="text-align:right">&lt;1&gt;</td>' in html
