"""Dropout."""

import numpy as np
import pytest

from dnn_xp.backends import to_host
from dnn_xp.functions.counters import Key, fold
from dnn_xp.layers import Dropout
from tests.helpers import assert_values


def test_dropout_drops_in_training_only(run, array, xp):
    key = Key(*(array(n, "int32") for n in ([0], [0], np.arange(50))))
    A_prev = np.ones((4, 50))
    for training in (False, True):
        assert_values(run(Dropout(0.5), A_prev, training=training)[0], A_prev)
    assert_values(run(Dropout(0.0), A_prev, training=True, key=key)[0], A_prev)
    dropped, _ = run(Dropout(0.5), A_prev, training=True, key=fold(key, 2))
    assert set(np.unique(to_host(dropped))) == {0.0, 2.0}
    elsewhere, _ = run(Dropout(0.5), A_prev, training=True, key=fold(key, 3))
    assert bool(xp.any(elsewhere != dropped))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dropout(1.0), "rate: found 1.0, expected 0 <= rate < 1"),
        (lambda: Dropout(-0.1), "rate: found -0.1, expected 0 <= rate < 1"),
        (lambda: Dropout(float("nan")), "rate: found nan"),
    ],
)
def test_dropout_that_cannot_be_is_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()
