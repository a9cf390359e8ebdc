"""Predicted values on a page: figures by hand and as scikit-learn has them, broken and many."""

import re

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages.true_and_predicted import values_section
from dnn_xp.reports.residuals import residual_figures
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once


def tables(section):
    """Return the rows of each table, without the heading, by its caption."""
    return {one["caption"]: one["rows"][1:] for one in read(section).tables}


def test_the_figures_by_hand():
    """Squares of the residuals -1, 1, 0 are 2 in sum, as are those of the true ones about 2."""
    found = tables(values_section([[2.0, 1.0, 3.0]], [[1.0, 2.0, 3.0]], ["price"]))
    rows = found["Figures, over 3 examples"]
    assert [(name, value.split(" ±")[0], chance) for name, value, chance in rows] == [
        ("RMSE", "0.8165", "0.8165"),
        ("MAE", "0.6667", "0.6667"),
        ("R2", "0", "0"),
        ("mean residual", "0", "0"),
    ]
    (quantiles,) = found["Quantiles of the residuals"]
    assert (quantiles[1], quantiles[4], quantiles[7]) == ("-1", "0", "1")
    assert found["The largest residuals"] == [
        ["0", "1", "2", "-1"],
        ["1", "2", "1", "1"],
        ["2", "3", "3", "0"],
    ]


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("m", [2, 7, 500])
def test_the_figures_are_those_of_scikit_learn(m, scale):
    sklearn = pytest.importorskip("sklearn.metrics", reason="compares with scikit-learn")
    rng = np.random.default_rng(m)
    true = rng.normal(3.0, 2.0, m)
    predicted = true + rng.normal(0.1, 1.0, m)
    found = residual_figures(scale * predicted, scale * true)
    mean = np.full(m, true.mean())
    expected = [
        sklearn.root_mean_squared_error(true, predicted),
        sklearn.mean_absolute_error(true, predicted),
        sklearn.root_mean_squared_error(true, mean),
        sklearn.mean_absolute_error(true, mean),
    ]
    of_ours = [found.rmse, found.mae, found.rmse_of_mean, found.mae_of_mean]
    np.testing.assert_allclose(np.asarray(of_ours) / scale, expected, rtol=1e-12)
    np.testing.assert_allclose(found.r2, sklearn.r2_score(true, predicted), rtol=1e-12)


def test_standard_errors_are_the_spread_of_the_figures_over_samples():
    rng = np.random.default_rng(0)
    samples = [residual_figures(rng.normal(0.0, 1.0, 200), np.zeros(200)) for _ in range(400)]
    for name in ("rmse", "mae"):
        spread = np.std([getattr(one, name) for one in samples])
        said = np.mean([getattr(one, f"{name}_error") for one in samples])
        # A standard deviation of 400 numbers is itself known to 1 / sqrt(800), or 3.5%.
        np.testing.assert_allclose(said, spread, rtol=4 * 0.0354)


@pytest.mark.parametrize("true", [[0.1] * 3, [5.0], [0.0, 0.0], [1e300, 1e300]])
def test_of_equal_targets_r2_is_undefined(true):
    found = read(values_section([np.asarray(true) * 1.5 + 1.0], [true], ["price"]))
    (figures, _, _) = found.tables
    assert figures["rows"][3] == ["R2", "-", "-"]
    assert figures["rows"][1][2] == "0"
    assert "R2 is undefined" in found.words


def test_what_is_not_finite_is_left_out_and_named():
    predicted = [np.nan, 1.0, 2.0, np.inf, 4.0]
    true = [0.0, 1.0, 2.0, 3.0, np.nan]
    found = read(values_section([predicted], [true], ["price"], rows=[*"abcde"]))
    assert (
        "The predictions of 2 examples are not finite numbers, and left out: a, d." in found.words
    )
    assert "The true values of 1 example are not finite numbers, and left out: e." in found.words
    assert found.tables[0]["caption"] == "Figures, over 2 examples"
    assert {row[0] for row in found.tables[2]["rows"][1:]} == {"b", "c"}


@pytest.mark.parametrize("predicted", [[], [np.nan], [np.nan, -np.inf]])
def test_without_examples_there_are_no_figures(predicted):
    found = read(values_section([predicted], [[1.0] * len(predicted)], ["price"]))
    assert "There are no examples to compare." in found.words
    assert found.tables == []


def test_one_example():
    found = read(values_section([[2.0]], [[1.0]], ["price"]))
    assert found.tables[0]["rows"][1:3] == [["RMSE", "1", "0"], ["MAE", "1", "0"]]
    assert "The worst example" in " ".join(found.words.split())


def test_the_largest_numbers_there_are():
    found = tables(values_section([[1.5e308, -1.5e308]], [[-1.5e308, 1.5e308]], ["price"]))
    assert found["The largest residuals"][0] == ["0", "-1.5e+308", "1.5e+308", "-inf"]


def test_many_examples_are_thinned_but_counted():
    m = 200_000
    true = np.arange(float(m))
    predicted = true + 1.0
    predicted[123_457] += 1e6
    found = read(values_section([predicted], [true], ["price"]))
    assert found.tables[0]["caption"] == "Figures, over 200,000 examples"
    mae = found.tables[0]["rows"][2][1].split(" ±")[0]
    assert mae == f"{1.0 + 1e6 / m:.4g}"
    assert len(found.tables[2]["rows"]) == 1 + 20
    assert found.tables[2]["rows"][1][0] == "123457"
    drawn = re.search(r"([\d,]+) of 200,000 examples are drawn", found.words)
    assert 1_000 <= int(drawn[1].replace(",", "")) <= 1_020
    assert "1.123e+06" in found.html  # the worst is drawn
    assert len(found.html) < 90_000


def test_of_many_targets_the_first_are_shown_and_all_listed():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(30, 1_000))
    found = read(values_section(true + 0.5, true, [f"y{i}" for i in range(30)]))
    every = found.tables[0]
    assert every["caption"] == "Every target"
    assert [row[0] for row in every["rows"][1:]] == [f"y{i}" for i in range(30)]
    assert {row[1] for row in every["rows"][1:]} == {"0.5"}
    assert len(found.tables) == 1 + 12 * 3
    assert len(found.named("h3")) == 12
    assert len({one["aria-label"] for one in found.named("div", role="region")}) == 37
    assert len(found.html) < 300_000


def test_any_number_of_targets_stays_small():
    ones = np.ones((2_000, 3))
    found = read(values_section(ones, ones, [f"target number {i}" for i in range(2_000)]))
    assert "1,500 more targets have no row here" in found.words
    assert len(found.html) < 300_000


def test_names_of_strangers_stay_texts():
    n = len(HOSTILE_NAMES)
    values = np.arange(2.0 * n).reshape(n, 2)
    found = read(values_section(values, values, HOSTILE_NAMES))
    assert len({row[0] for row in found.tables[0]["rows"][1:]}) == n
    found = read(values_section(np.zeros((1, n)), np.ones((1, n)), ["y"], rows=HOSTILE_NAMES))
    assert all(row[0].strip() for row in found.tables[2]["rows"][1:])
    assert len(found.html) < 60_000


@pytest.mark.parametrize(
    ("predicted", "true", "names", "rows", "named"),
    [
        ([1.0], [1.0], ["y"], None, "predicted"),
        ([[1.0]], [[1.0, 2.0]], ["y"], None, "true"),
        ([[1.0]], [[1.0]], ["y", "z"], None, "names"),
        ([[1.0]], [[1.0]], ["y"], [], "rows"),
        (np.zeros((0, 3)), np.zeros((0, 3)), [], None, "predicted"),
    ],
)
def test_what_does_not_fit_is_refused(predicted, true, names, rows, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        values_section(predicted, true, names, rows)
