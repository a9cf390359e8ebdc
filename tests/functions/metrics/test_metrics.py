"""What holds for every metric: the peer's numbers, weights, order, kind of result, tracing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp.backends import compile_step, to_host
from dnn_xp.functions import metrics
from dnn_xp.functions.metrics import METRICS
from tests.helpers import assert_close, assert_values

TASKS = {
    "two classes": (
        "accuracy",
        "multilabel_accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "f1",
        "roc_auc",
        "log_loss",
    ),
    "many classes": (
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "f1",
        "top_k_accuracy",
        "log_loss",
    ),
    "labels": ("multilabel_accuracy", "multilabel_f1", "hamming_loss"),
    "values": ("r2", "mean_absolute_error", "root_mean_squared_error"),
}
CASES = [(task, name) for task, names in TASKS.items() for name in names]
cases = pytest.mark.parametrize(("task", "name"), CASES)


def draw(task, m, seed, n_classes=7):
    """Return A, Y and whole weights, some of them 0, on the host."""
    rng = np.random.default_rng(seed)
    weights = rng.permutation(np.resize([1.0, 2.0, 0.0, 3.0], m))
    if task == "two classes":
        # Eighths, so that scores are often equal.
        return rng.integers(1, 8, size=(1, m)) / 8, rng.integers(2, size=(1, m)) * 1.0, weights
    if task == "many classes":
        A = rng.dirichlet(np.ones(n_classes), size=m).T
        return A, np.eye(n_classes)[:, rng.integers(n_classes, size=m)], weights
    A, Y = rng.random((3, m)), rng.integers(2, size=(3, m)) * 1.0
    if task == "labels":
        return np.where(rng.random((3, m)) < 0.8, 0.25 + 0.5 * Y, A), Y, weights
    return 3.0 * A, Y + rng.normal(size=(3, m)), weights


def test_every_metric_is_tested():
    assert {name for _, name in CASES} == set(METRICS)
    assert all(METRICS[name] is getattr(metrics, name) for name in METRICS)


# ----------------------------------------------------------------------------- the peer


def of_scikit_learn(task, name, A, Y, weights):
    """Return what scikit-learn says. Its examples are rows, and its classes numbers."""
    peer = pytest.importorskip("sklearn.metrics")
    if task == "two classes":
        y, scores, chosen = Y[0], A[0], (A[0] > 0.5) * 1.0
        macro = {"zero_division": 0}
    else:
        y, scores, chosen = Y.argmax(0), A.T, A.argmax(0)
        macro = {"zero_division": 0, "average": "macro"}
    w = {"sample_weight": weights}
    return {
        "accuracy": lambda: peer.accuracy_score(y, chosen, **w),
        "multilabel_accuracy": lambda: peer.accuracy_score(Y.T, (A > 0.5).T * 1.0, **w),
        "multilabel_f1": lambda: peer.f1_score(
            Y.T, (A > 0.5).T * 1.0, average="macro", zero_division=0, **w
        ),
        "hamming_loss": lambda: peer.hamming_loss(Y.T, (A > 0.5).T * 1.0, **w),
        "balanced_accuracy": lambda: peer.balanced_accuracy_score(y, chosen, **w),
        "precision": lambda: peer.precision_score(y, chosen, **macro, **w),
        "recall": lambda: peer.recall_score(y, chosen, **macro, **w),
        "f1": lambda: peer.f1_score(y, chosen, **macro, **w),
        "top_k_accuracy": lambda: peer.top_k_accuracy_score(
            y, scores, k=5, labels=range(len(Y)), **w
        ),
        "roc_auc": lambda: peer.roc_auc_score(y, scores, **w),
        "log_loss": lambda: peer.log_loss(y, scores, labels=range(max(2, len(Y))), **w),
        "r2": lambda: peer.r2_score(Y.T, A.T, **w),
        "mean_absolute_error": lambda: peer.mean_absolute_error(Y.T, A.T, **w),
        "root_mean_squared_error": lambda: peer.root_mean_squared_error(Y.T, A.T, **w),
    }[name]()


@cases
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_numbers_are_those_of_scikit_learn(array, task, name, weighted):
    A, Y, weights = draw(task, 60, seed=1)
    desired = of_scikit_learn(task, name, A, Y, weights if weighted else None)
    actual = METRICS[name](array(A), array(Y), weights=array(weights) if weighted else None)
    assert_values(actual, desired, rtol=1e-12)


@pytest.mark.parametrize("task", ["two classes", "many classes"])
def test_confusion_matrix_is_that_of_scikit_learn(array, task):
    peer = pytest.importorskip("sklearn.metrics")
    A, Y, weights = draw(task, 60, seed=2)
    y, chosen = (Y[0], A[0] > 0.5) if task == "two classes" else (Y.argmax(0), A.argmax(0))
    desired = peer.confusion_matrix(y, chosen * 1.0, sample_weight=weights)
    actual = metrics.confusion_matrix(array(A), array(Y), weights=array(weights))
    assert_values(actual, desired, rtol=1e-14)


# ----------------------------------------------------------------------------- invariants


# A few sizes: JAX compiles anew for each.
sizes = st.sampled_from((1, 2, 7))


def some(library, cases):
    """Return the cases; on Dask, which takes tens of milliseconds for each, a few."""
    return cases[::3] if library.value == "dask" else cases


@given(m=sizes, seed=st.integers(0, 9))
def test_order_does_not_matter(array, library, m, seed):
    for task, name in some(library, CASES):
        A, Y, weights = draw(task, m, seed, n_classes=3)
        order = np.random.default_rng(seed).permutation(m)
        metric = METRICS[name]
        assert_close(
            metric(array(A[:, order]), array(Y[:, order]), weights=array(weights[order])),
            metric(array(A), array(Y), weights=array(weights)),
            **near(name),
        )


@given(m=sizes, seed=st.integers(0, 9))
def test_a_weight_of_2_is_an_example_twice_and_one_of_0_none(array, library, m, seed):
    for task, name in some(library, CASES):
        A, Y, weights = draw(task, m, seed, n_classes=3)
        A_each, Y_each = (np.repeat(x, weights.astype(int), axis=1) for x in (A, Y))
        metric = METRICS[name]
        weighted = metric(array(A), array(Y), weights=array(weights))
        assert_close(weighted, metric(array(A_each), array(Y_each)), **near(name))
        # Only their ratios matter; a factor of 4 changes no rounding.
        scaled = metric(array(A), array(Y), weights=array(4.0 * weights))
        assert_close(scaled, weighted, **near(name))


def near(name):
    """Return the tolerances of two orders of summation; R2 divides by a variance of any size."""
    return {"rtol": 1e-9, "atol": 1e-9} if name == "r2" else {"rtol": 1e-13, "atol": 1e-15}


@given(m=st.just(0) | sizes, seed=st.integers(0, 9))
def test_bounds_also_where_undefined(array, library, m, seed):
    for task, name in some(library, CASES):
        A, Y, weights = draw(task, m, seed, n_classes=3)
        for some_weights in (None, array(weights)):
            value = float(METRICS[name](array(A), array(Y), weights=some_weights))
            if not (m if some_weights is None else weights.sum()):
                assert np.isnan(value), name  # of no examples there is no figure
                continue
            if (name, m) == ("r2", 1):
                assert np.isnan(value)  # and of one there is no variance
                continue
            lower = -np.inf if name == "r2" else 0.0
            upper = np.inf if name.endswith(("error", "loss")) else 1.0 + 1e-15
            assert lower < value <= upper or value == lower == 0.0, (name, value)


@cases
def test_weights_of_0_alone(array, dtype, task, name):
    """No figure, as of no example at all."""
    A, Y, weights = draw(task, 5, seed=3)
    value = METRICS[name](array(A, dtype), array(Y, dtype), weights=array(0.0 * weights))
    assert_close(value, array(np.nan, dtype))


@cases
@pytest.mark.parametrize("where", ["predictions", "targets"])
def test_of_what_is_not_a_number_there_is_no_figure(array, task, name, where):
    """However few there are: a threshold would take them for class 0."""
    for place in ((0, 4), (-1, 0)):
        arrays = dict(zip(("predictions", "targets"), draw(task, 5, seed=3), strict=False))
        arrays[where][place] = np.nan
        value = METRICS[name](array(arrays["predictions"]), array(arrays["targets"]))
        assert_close(value, array(np.nan))


@pytest.mark.parametrize("task", ["two classes", "many classes"])
def test_confusions_with_what_is_not_a_number_are_not_counted(array, task):
    A, Y, _ = draw(task, 5, seed=3)
    A[0, 2] = np.nan
    assert np.isnan(to_host(metrics.confusion_matrix(array(A), array(Y)))).all()
    groups = (len(A),)
    assert np.isnan(float(metrics.grouped_accuracy(array(A), array(Y), groups)))


@cases
def test_what_is_no_array_of_predictions_is_refused(array, task, name):
    A, Y, _ = draw(task, 5, seed=3)
    for found, message in (
        (A.tolist(), "^A: found a list, expected an array"),
        (None, "^A: found None, expected an array"),
    ):
        with pytest.raises(TypeError, match=message):
            METRICS[name](found, array(Y))
    with pytest.raises(ValueError, match=r"^Y: found an array with a mask"):
        METRICS[name](array(A), np.ma.masked_equal(Y, 0.0))


# ----------------------------------------------------------------------------- arrays


@cases
def test_result_is_of_the_kind_of_the_predictions(array, dtype, task, name):
    A, Y, weights = draw(task, 9, seed=4)
    metric = METRICS[name]
    plain = metric(array(A, dtype), array(Y, dtype), weights=array(weights, dtype))
    assert_close(plain, array(float(plain), dtype))
    if task != "values":  # whole numbers on the host do as well as targets
        assert_close(metric(array(A, dtype), Y.astype(int), weights=weights.astype(int)), plain)


@cases
def test_they_can_be_compiled(array, task, name):
    arrays = [array(x) for x in draw(task, 9, seed=5)]
    for function in (unweighted, weighted):
        compiled = compile_step(function, METRICS[name], like=arrays[0])
        assert_close(compiled(*arrays), function(METRICS[name], *arrays))


def unweighted(metric, A, Y, weights):
    return metric(A, Y)


def weighted(metric, A, Y, weights):
    return metric(A, Y, weights=weights)


@cases
def test_rows_may_be_views(array, xp, task, name):
    """Of a transposed array, as `X.T` of rows of examples: the same numbers, and no warning."""
    A, Y, _ = draw(task, 9, seed=6)
    views = (xp.matrix_transpose(array(x.T)) for x in (A, Y))
    assert_close(METRICS[name](*views), METRICS[name](array(A), array(Y)))
