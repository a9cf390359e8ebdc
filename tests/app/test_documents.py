"""Results as JSON."""

import json
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.documents import as_json, print_json

pytestmark = pytest.mark.once


class Point(NamedTuple):
    x: float
    y: object


class Colour(StrEnum):
    red = "red"


def read(text: str) -> object:
    return json.loads(text, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, {}),
        ([], []),
        (None, None),
        (True, True),
        (float("nan"), None),
        (float("inf"), None),
        (-float("inf"), None),
        (np.float32("nan"), None),
        (np.float64(0.1), 0.1),
        (np.int64(2**53 + 1), 2**53 + 1),
        (np.bool_(True), True),
        (np.asarray([[1.0, np.nan], [2.0, -np.inf]]), [[1.0, None], [2.0, None]]),
        (np.asarray(["ä", "b"]), ["ä", "b"]),
        ((1, (2, float("nan"))), [1, [2, None]]),
        (range(3), [0, 1, 2]),
        (Path("a") / "b", "a/b"),
        (Colour.red, "red"),
        (
            {Colour.red: Point(1.0, Point(float("nan"), None))},
            {"red": {"x": 1.0, "y": {"x": None, "y": None}}},
        ),
        ({1: "x"}, {"1": "x"}),
        ("\udcff\n\x1b[0m", "\udcff\n\x1b[0m"),
    ],
)
def test_what_is_found_becomes_strict_json(found, expected):
    text = as_json(found)
    assert text.isascii()
    assert read(text) == expected


def test_what_json_has_no_type_for_is_refused():
    with pytest.raises(TypeError, match="object"):
        as_json({"x": [object()]})


def test_a_document_is_all_of_standard_output(capsys):
    print_json({"x": 1})
    assert read(capsys.readouterr().out) == {"x": 1}
