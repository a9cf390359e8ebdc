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
