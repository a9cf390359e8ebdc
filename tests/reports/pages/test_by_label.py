"""The table by label: figures by hand and by the metrics, and what giving no label would get."""

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.functions import metrics
from dnn_xp.reports.pages.by_label import labels_section
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once

METRICS = (metrics.precision, metrics.recall, metrics.f1)

TRUE = [[1, 1, 0, 0], [0, 1, 0, 0]]
SAID = [[0.9, 0.5, 0.6, 0.1], [0.1, 0.51, 0.2, 0.3]]


def test_the_figures_by_hand():
    found = read(labels_section(["wet", "cold"], TRUE, SAID))
    (table,) = found.tables
    assert table["rows"] == [
        ["label", "examples", "base rate", "predicted", "precision", "recall", "F1"],
        ["wet", "2", "50.0%", "2", "0.500", "0.500", "0.500"],
        ["cold", "1", "25.0%", "1", "1.000", "1.000", "1.000"],
        ["mean over labels", "3", "", "3", "0.750", "0.750", "0.750"],
    ]
    assert "Of 4 examples 2 (50.0%) have every label right" in found.words
    assert "giving no label at all would be right of 50.0%" in found.words
    assert "Of all labels by themselves 75.0% are right; giving none: 62.5%." in found.words


def test_the_figures_are_those_of_the_metrics():
    rng = np.random.default_rng(0)
    Y, A = rng.integers(0, 2, (5, 200)).astype(float), rng.random((5, 200))
    found = read(labels_section("abcde", Y, A))
    exact, f1 = float(metrics.multilabel_accuracy(A, Y)), float(metrics.multilabel_f1(A, Y))
    assert f"({exact:.1%}) have every label right" in found.words
    assert found.tables[0]["rows"][-1][-1] == f"{f1:.3f}"
    assert f"by themselves {1.0 - float(metrics.hamming_loss(A, Y)):.1%} are right" in found.words
    for k in range(5):
        row = [f"{float(one(A[k : k + 1], Y[k : k + 1])):.3f}" for one in METRICS]
        assert found.tables[0]["rows"][k + 1][-3:] == row


def test_the_figures_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics", reason="compares with scikit-learn")
    rng = np.random.default_rng(1)
    Y, A = rng.integers(0, 2, (4, 90)), rng.random((4, 90))
    *figures, examples = sklearn.precision_recall_fscore_support(Y.T, A.T > 0.5)
    rows = read(labels_section("abcd", Y, A)).tables[0]["rows"][1:-1]
    expected = [[f"{x:.3f}" for x in one] for one in np.transpose(figures)]
    assert [row[-3:] for row in rows] == expected
    assert [row[1] for row in rows] == [str(n) for n in examples]


def test_probabilities_that_are_no_numbers_give_no_label_and_are_said():
    said = np.asarray(SAID)
    said[0, 3] = np.nan
    found = read(labels_section(["wet", "cold"], TRUE, said))
    assert "Of 1 example probabilities are not numbers" in found.words
    assert "Of 4 examples 1 (25.0%) have every label right" in found.words
    assert "not numbers" not in read(labels_section(["wet", "cold"], TRUE, SAID)).words


def test_no_examples_are_said():
    found = read(labels_section(["a", "b"], np.zeros((2, 0)), np.zeros((2, 0))))
    assert "There are no examples." in found.words
    assert found.tables[0]["rows"][1][1:] == [
        *("0", "0.0%", "0", "- never predicted", "- no examples", "- neither")
    ]


def test_names_of_strangers_stay_texts():
    n = len(HOSTILE_NAMES)
    found = read(labels_section(HOSTILE_NAMES, np.eye(n), np.eye(n)))
    assert len({row[0] for row in found.tables[0]["rows"]}) == n + 2
    assert len(found.html) < 10_000


def test_many_labels_unfold():
    found = read(labels_section([f"n{k}" for k in range(60)], np.eye(60), np.eye(60)))
    assert [len(table["rows"]) for table in found.tables] == [52, 11]
    assert "10 more labels" in found.words


@pytest.mark.parametrize(
    ("true", "said", "named"),
    [([1, 0], [1, 0], "true"), ([[1]], [[1]], "true"), (TRUE, [[1], [1]], "probabilities")],
)
def test_other_shapes_are_refused(true, said, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        labels_section(["a", "b"], true, said)
