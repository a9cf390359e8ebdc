"""Files of predictions."""

import csv
import json

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.prediction_files import save_predictions
from dnn_xp.app.predictions import Predictions


def predictions(name="b"):
    return Predictions(
        {
            "class": np.asarray(["a", name], object),
            "probability": np.asarray([0.1 + 0.2, np.nan]),
        },
        np.asarray([[0.25, 0.75], [0.5, 0.5]]),
        ("a", name),
    )


WHERE = {"source": np.asarray(["x.npy"] * 2, object), "row": np.arange(2)}


def test_numbers_come_back_to_the_last_bit(tmp_path):
    for form in ("csv", "json", "npz"):
        assert save_predictions(tmp_path / f"p.{form}", WHERE, predictions()) == 0
    with open(tmp_path / "p.csv", newline="") as file:
        first, second = csv.DictReader(file)
    assert (float(first["probability"]), second["probability"]) == (0.1 + 0.2, "")
    found = json.loads((tmp_path / "p.json").read_text())["predictions"]
    assert [row["probability"] for row in found] == [0.1 + 0.2, None]
    with np.load(tmp_path / "p.npz") as arrays:
        assert set(arrays) == {"source", "row", "class", "probability", "probabilities", "classes"}
        assert arrays["probability"].tolist()[0] == 0.1 + 0.2
        assert arrays["row"].tolist() == [0, 1]


@pytest.mark.parametrize("name", ["=A1", "@x", "+a", "-a", "\t1", "\r1", "=1"])
def test_formulas_are_texts_in_a_table(tmp_path, name):
    assert save_predictions(tmp_path / "p.csv", WHERE, predictions(name)) == 1
    with open(tmp_path / "p.csv", newline="") as file:
        assert [row["class"] for row in csv.DictReader(file)] == ["a", f"'{name}"]


@pytest.mark.parametrize("name", ["-", "+", "-1", "+0.5", "-1e9", "a=b", "x-y", ";", "'"])
def test_other_names_stay_as_they_are(tmp_path, name):
    assert save_predictions(tmp_path / "p.csv", WHERE, predictions(name)) == 0
    with open(tmp_path / "p.csv", newline="") as file:
        assert [row["class"] for row in csv.DictReader(file)] == ["a", name]


def test_names_of_labels_in_the_headings_are_no_formulas(tmp_path):
    of = Predictions(
        {"labels": np.asarray(["=A1"], object)}, np.asarray([[0.9]]), ("=A1",), labels=True
    )
    assert save_predictions(tmp_path / "p.csv", {}, of) == 1
    assert (tmp_path / "p.csv").read_text().splitlines()[0] == "labels,probability of =A1"
