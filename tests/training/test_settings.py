"""Settings: refused where they train nothing, and numbers of Python's own."""

import numpy as np
import pytest

from dnn_xp.training import Regularization, adamw, sgd
from dnn_xp.training.settings import Settings, check_settings, strengths_of


def test_settings_are_numbers_of_pythons_own():
    settings = check_settings(
        Settings(sgd(0.1), 3, 4, regularization=Regularization(l2=np.float32(0.5)), clip_norm=2), 9
    )
    assert type(settings.regularization.l2) is float
    assert type(settings.clip_norm) is float
    assert settings.regularization.summed is False


def test_settings_have_a_batch_size_of_whole_numbers():
    for given, found in ((None, 9), (4, 4), (99, 9), (np.int64(5), 5)):
        settings = check_settings(Settings(sgd(0.1), 3, given), 9)
        assert settings.batch_size == found
        assert type(settings.batch_size) is int
    assert type(check_settings(Settings(sgd(0.1), 3, seed=np.int64(2)), 9).seed) is int


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"epochs": -1}, "epochs: found -1"),
        ({"batch_size": 0}, "batch_size: found 0"),
        ({"micro_batch": 0}, "micro_batch: found 0"),
        ({"clip_value": 0.0}, "clip_value: found 0.0"),
        ({"ema_decay": 1.0}, "ema_decay: found 1.0, expected 0 <= ema_decay < 1"),
        ({"regularization": Regularization(noise=-1.0)}, "noise: found -1.0"),
    ],
)
def test_settings_that_train_nothing_are_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        check_settings(Settings(sgd(0.1), 3, 4)._replace(**changes), 9)


def test_settings_name_an_optimizer_that_is_none():
    with pytest.raises(TypeError, match=r"optimizer: found .*, expected one such as"):
        check_settings(Settings(0.1, 3, 4), 9)


def test_strengths_are_none_where_nothing_is_to_be_done():
    assert set(strengths_of(Settings(sgd(0.1), 3, 4))) == {None}
    settings = Settings(
        adamw(0.1, weight_decay=0.2), 3, 4, regularization=Regularization(l1=0.3), clip_norm=0.4
    )
    strengths = strengths_of(settings)
    assert (strengths.weight_decay, strengths.l1, strengths.clip_norm) == (0.2, 0.3, 0.4)
    assert strengths.l2 is None


NUMBERS = ["0.1", None, float("nan"), float("inf"), True, 1j, [0.1], np.zeros(2), -1.0]
WHOLE = ["3", 2.5, float("nan"), float("inf"), True, [3], np.float64(3), -1]


@pytest.mark.parametrize("found", NUMBERS, ids=repr)
@pytest.mark.parametrize(
    "name",
    ["clip_value", "clip_norm", "ema_decay", "l1", "l2", "label_smoothing", "mixup", "noise"],
)
def test_numbers_are_numbers(name, found):
    if found is None and name in ("clip_value", "clip_norm", "ema_decay"):
        pytest.skip("None is the default")
    settings = {name: found}
    if name in Regularization._fields:
        settings = {"regularization": Regularization(**settings)}
    with pytest.raises(ValueError, match=f"^{name}: found .*, expected "):
        check_settings(Settings(sgd(0.1), 2)._replace(**settings), 10)


@pytest.mark.parametrize("found", WHOLE, ids=repr)
@pytest.mark.parametrize("name", ["epochs", "seed", "batch_size", "micro_batch"])
def test_whole_numbers_are_whole(name, found):
    with pytest.raises(ValueError, match=f"^{name}: found .*, expected a whole number from"):
        check_settings(Settings(sgd(0.1), 2)._replace(**{name: found}), 10)


@pytest.mark.parametrize(
    ("name", "found", "message"),
    [
        ("optimizer", "sgd", "optimizer: found 'sgd', expected one such as"),
        ("optimizer", sgd, "optimizer: found <function sgd"),
        ("optimizer", sgd(0.1)._replace(learning_rate="1"), "learning_rate: found '1'"),
        ("optimizer", sgd(0.1)._replace(learning_rate=np.nan), "learning_rate: found nan"),
        ("optimizer", sgd(0.1)._replace(update=None), "optimizer: found update=None"),
        ("regularization", 0.1, "regularization: found 0.1, expected one such as"),
        ("regularization", Regularization(summed="yes"), "summed: found 'yes', expected True or"),
        ("schedule", 0.5, "schedule: found 0.5, expected a function"),
        ("order", [0, 1], r"order: found \[0, 1\], expected a function"),
        ("compile", "yes", "compile: found 'yes', expected True or False"),
        ("compile", 1, "compile: found 1, expected True or False"),
        ("example_space", None, "example_space: found None, expected True or False"),
        ("example_space", "x", "example_space: found 'x', expected True or False"),
    ],
)
def test_what_is_of_another_kind_is_named(name, found, message):
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        check_settings(Settings(sgd(0.1), 2)._replace(**{name: found}), 10)


def test_settings_are_in_numbers_of_pythons_own():
    given = Settings(
        sgd(np.float32(0.5)), np.int64(3), np.int32(4), np.uint8(5), clip_norm=np.float32(0.5),
        regularization=Regularization(l2=np.float32(0.25), max_norm=np.int64(2)),
        compile=np.False_,
    )  # fmt: skip
    found = check_settings(given, 10)
    for name in ("epochs", "seed", "batch_size"):
        assert type(getattr(found, name)) is int
    assert type(found.clip_norm) is type(found.regularization.l2) is float
    assert type(found.regularization.max_norm) is type(found.optimizer.learning_rate) is float
    assert found.compile is False
