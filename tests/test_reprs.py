"""Representations that can be typed back."""

from pathlib import Path

import pytest

import dnn_xp
from dnn_xp import callbacks, training
from dnn_xp.reprs import printable, typed_call
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
    ],
)
def test_repr_can_be_typed_back(text):
    assert repr(eval(text, dict(NAMES))) == text


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
