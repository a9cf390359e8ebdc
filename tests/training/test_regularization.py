"""Numbers that regularize, and those that do not."""

import math

import pytest

from dnn_xp.training.regularization import Regularization, check_regularization


def test_what_regularizes_passes():
    check_regularization(Regularization())
    check_regularization(Regularization(0.1, 0.2, 1.0, 0.1, 0.3, 0.5, True))


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        *((name, -0.5, "a number from 0 on") for name in ("l1", "l2", "mixup", "noise")),
        ("l2", math.inf, "a number from 0 on"),
        ("noise", math.nan, "a number from 0 on"),
        ("label_smoothing", -0.1, "0 <= label_smoothing < 1"),
        ("label_smoothing", 1.0, "0 <= label_smoothing < 1"),
        ("max_norm", 0.0, "a number above 0"),
        ("max_norm", math.nan, "a number above 0"),
    ],
)
def test_what_regularizes_nothing_is_refused(name, number, expected):
    with pytest.raises(ValueError, match=f"^{name}: found {number}, expected {expected}$"):
        check_regularization(Regularization(**{name: number}))
