"""What a number must be, and what is said where it is not."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dnn_xp.arguments import (
    check,
    check_flag,
    check_not_negative,
    check_number,
    check_path,
    check_positive,
    check_whole,
    naming_argument,
    shown,
)
from dnn_xp.callbacks import Checkpoint, CSVLog, JSONLinesLog, RunFolder
from dnn_xp.data import (
    load,
    load_arrays,
    load_cats,
    load_picture_folder,
    open_examples,
    read_picture,
)
from dnn_xp.models import load_checkpoint, load_model, save_model


def test_what_fits_passes():
    check("rate", 0.1, True, "a number above 0")
    assert check_whole("epochs", 2, 2) == 2
    assert type(check_whole("epochs", np.int32(3), 2)) is int


def test_argument_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"^rate: found -0\.1, expected a number above 0$"):
        check("rate", -0.1, False, "a number above 0")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("too long"), ValueError),
        (TypeError("no array"), TypeError),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "too long"), ValueError),
    ],
)
def test_errors_of_a_part_have_the_name_of_the_argument_before_them(error, kind):
    with (
        pytest.raises(kind, match=r"^pair: .*(too long|no array)") as found,
        naming_argument("pair"),
    ):
        raise error
    assert type(found.value) is kind
    assert found.value.__cause__ is error


NO_NUMBERS = ["4", None, True, np.True_, 2j, [3], (3,), np.array([3, 4]), math.nan, math.inf, len]


@pytest.mark.parametrize("found", [1, 2.0, np.float64(3), Fraction(7, 2), *NO_NUMBERS], ids=repr)
def test_what_is_no_whole_number_is_named(found):
    with pytest.raises(ValueError, match=r"^epochs: found .*, expected a whole number from 2 on$"):
        check_whole("epochs", found, 2)


@pytest.mark.parametrize("found", [-0.5, np.float32(-1), -math.inf, *NO_NUMBERS], ids=repr)
def test_what_is_no_number_is_named(found):
    with pytest.raises(ValueError, match=r"^rate: found .*, expected a number from 0 on$"):
        check_not_negative("rate", found)
    with pytest.raises(ValueError, match=r"^rate: found .*, expected a number above 0$"):
        check_positive("rate", found)


def test_zero_is_not_negative_and_not_positive():
    assert check_not_negative("rate", 0.0) == 0.0
    assert check_positive("rate", 5e-324) == 5e-324
    with pytest.raises(ValueError, match=r"^rate: found 0, expected a number above 0$"):
        check_positive("rate", 0)


@pytest.mark.parametrize(
    ("found", "kind"),
    [(np.float32(0.5), float), (np.int64(3), int), (Fraction(1, 2), float), (2, int), (0.1, float)],
)
def test_numbers_become_pythons_own(found, kind):
    number = check_number("rate", found, lambda x: True, "a number")
    assert type(number) is kind
    assert number == found


@pytest.mark.parametrize("found", [0, 1, "yes", None, np.ones(2), 1.0])
def test_what_is_no_truth_value_is_named(found):
    assert check_flag("compile", np.True_) is True
    with pytest.raises(ValueError, match=r"^compile: found .*, expected True or False$"):
        check_flag("compile", found)


def test_long_values_are_shown_in_a_line():
    assert shown(np.zeros((100, 3))) == "a ndarray of float64 and shape (100, 3)"
    assert shown("a\n" * 3) == repr("a\n" * 3)
    assert len(shown(list(range(1000)))) == 120


def test_paths_are_expanded_and_others_refused(tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    assert check_path("path", "~/a/b") == tmp_path / "a" / "b"
    assert check_path("path", tmp_path) == tmp_path
    assert check_path("path", "a~") == Path("a~")
    for found in (None, 3, b"a", ["a"]):
        with pytest.raises(
            TypeError, match=r"^path: found .*, expected the path of a file or a fo"
        ):
            check_path("path", found)


class Empty:
    def __fspath__(self):
        return ""


@pytest.mark.parametrize("found", ["", Empty()], ids=["text", "path"])
def test_an_empty_text_is_no_path(found):
    """Path("") is the folder of the process."""
    with pytest.raises(ValueError, match=r"^where: found .*, expected the path of a file"):
        check_path("where", found)


OF_PATHS = {
    "Checkpoint": Checkpoint,
    "CSVLog": CSVLog,
    "JSONLinesLog": JSONLinesLog,
    "RunFolder": RunFolder,
    "load_model": load_model,
    "save_model": lambda path: save_model(path, None),
    "load_checkpoint": load_checkpoint,
    "load_arrays": load_arrays,
    "load_picture_folder": load_picture_folder,
    "load_cats": load_cats,
    "load": load,
    "open_examples": lambda path: open_examples(path, like=np.empty(0)).__enter__(),
    "read_picture": lambda path: read_picture(path, (8, 8, 1), 255),
}


@pytest.mark.parametrize("name", OF_PATHS)
def test_no_door_takes_an_empty_text_for_this_folder(monkeypatch, tmp_path, name):
    if name == "read_picture":
        pytest.importorskip("PIL")
    monkeypatch.setenv("DNN_XP_CAT_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="found '', expected"):
        OF_PATHS[name]("")
