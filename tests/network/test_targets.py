"""Class numbers, and targets that are read: what an array of ones and zeros gives, bit for bit."""

import numpy as np
import pytest

from dnn_xp import Dense, Network, accuracy, lbfgs, train
from dnn_xp.data.sources import Source
from dnn_xp.network.targets import bring_targets, class_targets
from tests.helpers import assert_close

M = 20
RNG = np.random.default_rng(2)
X, CLASSES = RNG.normal(size=(4, M)), RNG.integers(0, 3, M)
ONES = np.eye(3)[CLASSES].T
NETWORK = Network(4, (Dense(5, "tanh"), Dense(3)), "softmax_cross_entropy")


def source(array, values, dtype="float64"):
    values = np.asarray(values, dtype)
    return Source(values.shape, lambda which: array(values[:, which]), array(values[:, :0]))


def rounding(library, gathers=False):
    """Return 0, but on Dask, where other blocks are read and sums are other sums.

    And on JAX, where a step that gathers its examples itself is compiled into other sums.
    """
    if library.value == "jax" and gathers:
        return 1e-13
    return 1e-11 if library.value == "dask" else 0.0


@pytest.mark.parametrize(
    ("form", "reads"),
    [
        ("list", True),
        ("numpy", False),
        ("row", True),
        ("uint8", True),
        ("source", True),
        ("float source", False),
        ("Y", True),
    ],
)
def test_class_numbers_are_learnt_as_targets_of_ones(array, library, form, reads):
    Y = {
        "list": CLASSES.tolist(),
        "numpy": CLASSES,
        "row": array(CLASSES[None, :]),
        "uint8": CLASSES.astype(np.uint8),
        "source": source(array, CLASSES[None, :], "int64"),
        "float source": source(array, CLASSES[None, :]),
        "Y": source(array, ONES),
    }[form]
    reads = reads or (form == "float source" and library.value == "dask")
    there = source(array, X) if reads else array(X)
    few = slice(0, 7)
    valid = Y if form in ("source", "float source", "Y") else np.ravel(CLASSES)[few]
    valid_X = there if valid is Y else array(X[:, few])
    valid_Y = array(ONES if valid is Y else ONES[:, few])
    options = {"epochs": 1 if library.value == "dask" else 3, "batch_size": 6}
    options["metrics"] = {"accuracy": accuracy}
    expected = train(NETWORK, there, array(ONES), validation=(valid_X, valid_Y), **options)
    found = train(NETWORK, there, Y, validation=(valid_X, valid), **options)
    rtol = rounding(library, gathers=not reads)
    assert_close(found.theta, expected.theta, rtol=rtol, atol=rtol)
    for name, figures in expected.history.items():
        assert found.history[name] == pytest.approx(figures, rel=rtol, abs=0)


@pytest.mark.parametrize("batch_size", [7, None])
def test_cost_of_targets_that_are_read_is_that_of_an_array(array, batch_size):
    theta = NETWORK.initialize(1, like=array(X))
    weights = array(RNG.uniform(0.5, 2.0, M))
    for w in (None, weights):
        expected = NETWORK.evaluate_cost(theta, array(X), array(ONES), w)
        for Y in (source(array, ONES), source(array, CLASSES[None, :], "int32")):
            held = source(array, X)
            found = NETWORK.evaluate_cost(theta, held, Y, w, batch_size=batch_size)
            assert_close(found, expected, rtol=1e-13)  # a sum of sums


def test_lbfgs_reads_targets(array, library):
    pytest.importorskip("scipy.optimize", reason="L-BFGS searches lines with SciPy")
    options = {"max_iter": 4, "batch_size": 8}
    held = source(array, X)
    expected = lbfgs(NETWORK, held, array(ONES), **options)
    for Y in (CLASSES, source(array, ONES), source(array, CLASSES[None, :], "int64")):
        assert_close(
            lbfgs(NETWORK, held, Y, **options).theta, expected.theta, rtol=rounding(library)
        )


@pytest.mark.parametrize(
    ("bad", "problem"),
    [(3, "from 0 to 3"), (-1, "from -1 to 2"), (0.5, "whole ones"), (np.nan, "from nan to nan")],
)
def test_numbers_that_are_no_class_are_refused(array, bad, problem):
    values = CLASSES.astype(float)
    values[4] = bad
    with pytest.raises(ValueError, match=rf"^Y: found class numbers .*{problem}"):
        train(NETWORK, source(array, X), source(array, values[None, :]), epochs=1)
    if float(bad).is_integer():
        for there in (array(X), source(array, X)):
            with pytest.raises(ValueError, match=rf"^Y: found class numbers {problem}"):
                train(NETWORK, there, values.astype(int), epochs=1)


@pytest.mark.parametrize(
    "Y", [CLASSES.astype(float), CLASSES[:-1], CLASSES[None, :-1], np.zeros((2, M))]
)
def test_what_are_no_class_numbers_must_have_the_shape_of_targets(Y):
    with pytest.raises(ValueError, match=r"Y has shape .*, expected \(3, 20\)"):
        train(NETWORK, X, Y, epochs=1)


def test_numbers_are_classes_for_a_softmax_alone():
    two = Network(4, (Dense(1),), "sigmoid_cross_entropy")
    assert class_targets(two.cost, 1, X, CLASSES, X) is CLASSES
    with pytest.raises(ValueError, match=r"Y has shape \(20,\), expected \(1, 20\)"):
        train(two, X, CLASSES % 2, epochs=1)


@pytest.mark.parametrize(
    ("place", "bad", "problem"),
    [((1, 4), np.nan, "found NaN in row 1"), ((0, 3), 7.0, "found numbers from 0 to 7")],
)
def test_targets_out_of_range_are_refused_as_they_are_read(array, library, place, bad, problem):
    values = ONES.copy()
    values[place] = bad
    theta = NETWORK.initialize(0, like=array(X))
    Y = source(array, values)
    # Beside blocks of Dask's no source of targets is read.
    beside = source(array, X) if library.value == "dask" else array(X)
    for run in (
        lambda: train(NETWORK, source(array, X), Y, epochs=1, batch_size=8),
        lambda: train(NETWORK, beside, Y, epochs=1),
        lambda: train(NETWORK, array(X), array(ONES), epochs=1, validation=(array(X), Y)),
        lambda: lbfgs(NETWORK, source(array, X), Y, batch_size=8),
        lambda: NETWORK.evaluate_cost(theta, array(X), Y, batch_size=8),
    ):
        with pytest.raises(ValueError, match=rf"^Y: {problem}.* \(among the "):
            run()


def test_targets_come_beside_the_examples(array):
    held = bring_targets(source(array, ONES, "float32"), array(X))
    assert_close(held.read(slice(2, 5)), array(ONES[:, 2:5]), rtol=0)


def test_what_needs_all_targets_at_once_is_refused(array, library):
    from dnn_xp import Regularization

    mixing = {"regularization": Regularization(mixup=0.2), "epochs": 1}
    found = "X on Dask" if library.value == "dask" else "Y that is read batch by batch"
    with pytest.raises(ValueError, match=f"mixup: found 0.2 with {found}, expected 0 or an array"):
        train(NETWORK, array(X), source(array, ONES), **mixing)
    one = Network(4, (Dense(3),), "softmax_cross_entropy")
    with pytest.raises(ValueError, match=r"example_space: .*Y is read a batch at a time"):
        train(one, array(X), source(array, ONES), example_space=True)


def test_smoothed_labels_of_classes_are_those_of_ones(array, library):
    from dnn_xp import Regularization

    options = {"regularization": Regularization(label_smoothing=0.1), "epochs": 1, "batch_size": 6}
    held = source(array, X)
    expected = train(NETWORK, held, array(ONES), **options).theta
    assert_close(train(NETWORK, held, CLASSES, **options).theta, expected, rtol=rounding(library))
