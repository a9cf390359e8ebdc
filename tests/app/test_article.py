"""``dnn-xp article``. That the whole tables are met is a matter of `tests/article`."""

import re

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.article.cases import PUBLISHED


@pytest.fixture
def beginning(monkeypatch):
    """Cut the runs after 101 iterations: two costs are compared; the accuracies are others."""
    cut = tuple(
        published._replace(num_iterations=101, costs=published.costs[:2]) for published in PUBLISHED
    )
    monkeypatch.setattr("dnn_xp.app.article.PUBLISHED", cut)


def test_the_tables(dnn_xp, beginning, cat_data):
    code, out, err = dnn_xp("article", "--data-dir", cat_data, "--backend", "numpy")
    rows = re.findall(r"^ *([\w ]+?)  +([\d.]+)  +([\d.]+)  +([\d.e+-]+)  (ok|off)$", out, re.M)
    names = ["0", "100", "train accuracy", "test accuracy"]
    assert [row[0] for row in rows] == names * 2
    assert [row[1] for row in rows if row[0] == "100"] == ["0.646432095", "0.672053"]
    assert [row[4] for row in rows] == ["ok", "ok", "off", "off"] * 2
    assert [row[1] == row[2] for row in rows] == [True, True, False, False] * 2
    assert out.index("two_layer_model 12288-7-1") < out.index("L_layer_model 12288-20-7-5-1")
    assert code == 1
    assert err == "dnn-xp: error: 4 of the article's numbers are off on numpy\n"


def test_the_folder_is_needed(dnn_xp):
    code, out, err = dnn_xp("article")
    assert (code, out) == (2, "")
    assert "--data-dir" in err
    assert err.count("\n") == 1
