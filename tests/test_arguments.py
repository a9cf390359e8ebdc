"""What a number must be, and what is said where it is not."""

import numpy as np
import pytest

from dnn_xp.arguments import check, check_whole


def test_what_fits_passes():
    check("rate", 0.1, True, "a number above 0")
    check_whole("epochs", 2, 2)
    check_whole("epochs", np.int32(3), 2)


def test_argument_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"^rate: found -0\.1, expected a number above 0$"):
        check("rate", -0.1, False, "a number above 0")


@pytest.mark.parametrize("found", [1, 2.0, np.float64(3), None, "4"])
def test_what_is_no_whole_number_is_named(found):
    with pytest.raises(ValueError, match=r"^epochs: found .*, expected a whole number from 2 on$"):
        check_whole("epochs", found, 2)
