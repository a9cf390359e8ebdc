"""The table by class: the figures by hand, as the metrics have them, and of many classes."""

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.functions import metrics
from dnn_xp.reports.pages.by_class import class_figures, classes_section
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once

HEAD = ["class", "examples", "predicted", "precision", "recall", "F1"]


def test_the_figures_by_hand():
    """Four cats, of which one is taken for a dog, and one dog."""
    (table,) = read(classes_section(["cat", "dog"], [0, 0, 0, 0, 1], [0, 0, 0, 1, 1])).tables
    assert table["rows"] == [
        HEAD,
        ["cat", "4", "3", "1.000", "0.750", "0.857"],
        ["dog", "1", "2", "0.500", "1.000", "0.667"],
        ["mean over classes", "5", "5", "0.750", "0.875", "0.762"],
    ]


def test_what_is_undefined_is_said_and_counts_as_nothing_in_the_mean():
    found = read(classes_section(["a", "b", "c", "d"], [0, 0, 1, 1], [0, 0, 0, 2]))
    (table,) = found.tables
    assert table["rows"][1:] == [
        ["a", "2", "3", "0.667", "1.000", "0.800"],
        ["b", "2", "0", "- never predicted", "0.000", "0.000"],
        ["c", "0", "1", "0.000", "- no examples", "0.000"],
        ["d", "0", "0", "- never predicted", "- no examples", "- neither"],
        ["mean over classes", "4", "4", "0.222", "0.333", "0.267"],
    ]
    assert "counts as 0" in found.words
    assert "counts as 0" not in read(classes_section(["a"], [0], [0])).words


@pytest.mark.parametrize("n_classes", [2, 3, 10, 40])
def test_the_figures_are_those_of_the_metrics(n_classes):
    rng = np.random.default_rng(n_classes)
    true, predicted = rng.integers(0, n_classes, (2, 60))
    A, Y = (metrics.one_hot(one, n_classes, like=np.zeros(1)) for one in (predicted, true))
    found = class_figures((A * Y).sum(axis=1), Y.sum(axis=1), A.sum(axis=1))
    of_all = [float(one(A, Y)) for one in (metrics.precision, metrics.recall, metrics.f1)]
    np.testing.assert_allclose(found.means, of_all, rtol=1e-14)
    for name in ("precision", "recall", "f1"):
        metric = getattr(metrics, name)
        expected = [float(metric(A[k : k + 1], Y[k : k + 1])) for k in range(n_classes)]
        np.testing.assert_allclose(np.nan_to_num(getattr(found, name)), expected, rtol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 5, 30])
def test_the_figures_are_those_of_scikit_learn(n_classes):
    sklearn = pytest.importorskip("sklearn.metrics", reason="compares with scikit-learn")
    rng = np.random.default_rng(n_classes)
    true, predicted = rng.integers(0, n_classes, (2, 50))
    counts = sklearn.confusion_matrix(true, predicted, labels=range(n_classes))
    found = class_figures(np.diag(counts), counts.sum(axis=1), counts.sum(axis=0))
    *by_class, examples = sklearn.precision_recall_fscore_support(
        true, predicted, labels=range(n_classes), zero_division=np.nan
    )
    np.testing.assert_array_equal(found.examples, examples)
    np.testing.assert_allclose([found.precision, found.recall], by_class[:2], rtol=1e-14)
    means = sklearn.precision_recall_fscore_support(
        true, predicted, average="macro", zero_division=0
    )
    np.testing.assert_allclose(found.means, means[:3], rtol=1e-14)


def test_of_many_classes_the_worst_are_shown_and_the_rest_unfolds():
    """Class k is right in k of 100, and what is wrong is taken for a class without examples."""
    true = np.repeat(np.arange(80), 100)
    predicted = np.where(np.tile(np.arange(100), 80) < true, true, 80)
    found = read(classes_section([f"n{k}" for k in range(81)], true, predicted))
    first, rest = found.tables
    assert first["caption"] == "The 50 of 81 classes that have the lowest F1"
    assert [row[0] for row in first["rows"][1:-1]] == [
        "n0",
        "n80",
        *(f"n{k}" for k in range(1, 49)),
    ]
    assert first["rows"][-1][0] == "mean over classes"
    assert [row[0] for row in rest["rows"][1:]] == [f"n{k}" for k in range(49, 80)]
    assert "31 more classes" in found.words


def test_any_number_of_classes_stays_small():
    n = 3_000
    classes = [f"{k} of a very long name, indeed one that nobody reads" for k in range(n)]
    found = read(classes_section(classes, np.arange(n), np.arange(n)))
    assert sum(len(table["rows"]) for table in found.tables) == 1_000 + 3
    assert "2,000 more have a higher F1 still" in found.words
    assert len(found.html) < 400_000
    assert len(read(classes_section(classes[:500], np.arange(500), np.arange(500))).html) < 200_000


def test_names_of_strangers_stay_texts_that_can_be_told_apart():
    n = len(HOSTILE_NAMES)
    found = read(classes_section(HOSTILE_NAMES, range(n), range(n)))
    names = [row[0] for row in found.tables[0]["rows"][1:-1]]
    assert len(set(names)) == n
    assert all(name.strip() for name in names)
    assert names[0] == HOSTILE_NAMES[0]
    assert names[9:12] == ["7", "cat (no. 10)", "cat (no. 11)"]
    assert len(found.named("bdi")) == n
    assert len(found.html) < 10_000


def test_a_screen_reader_and_a_script_know_the_table():
    found = read(classes_section(["a", "b"], [0] * 1_234, [1] * 1_234))
    assert len(found.named("table", **{"class": "sortable"})) == 1
    assert len(found.named("th", scope="col")) == len(HEAD)
    assert len(found.named("th", scope="row")) == 3
    assert {"scope": "row", "data-value": "1"} in found.named("th")
    assert {"data-value": "-"} in found.named("td"), "what is undefined is sorted as nothing"
    assert found.tables[0]["rows"][1][1] == "1,234"
    (region,) = found.named("div", role="region", tabindex="0")
    assert region["aria-label"] == found.tables[0]["caption"]


@pytest.mark.parametrize("m", [0, 1])
def test_few_examples_are_shown_as_what_they_are(m):
    (table,) = read(classes_section(["a", "b"], [1] * m, [1] * m)).tables
    assert table["rows"][-1][1] == str(m)


def test_classes_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"^predicted: found"):
        classes_section(["a"], [0], [1])
