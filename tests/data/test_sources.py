"""Examples that are read a batch at a time: the same numbers as from an array."""

import numpy as np
import pytest

from dnn_xp import BatchNorm, Dense, Dropout, Network, train
from dnn_xp.backends import to_host
from dnn_xp.data.sources import Source, read_examples, reference_array
from dnn_xp.training import Regularization, adam, lbfgs
from tests.helpers import assert_close

M = 23
RNG = np.random.default_rng(4)
X, Y = RNG.normal(size=(3, M)), np.eye(2)[RNG.integers(0, 2, M)].T
WEIGHTS = RNG.uniform(0.5, 2.0, M)
NETWORK = Network(
    3, (Dense(5, "tanh"), BatchNorm(), Dropout(0.3), Dense(2)), "softmax_cross_entropy"
)


def source(array):
    """Return X as a source, and the sizes of what has been read of it."""
    sizes = []

    def read(which):
        part = X[:, which]
        sizes.append(part.shape[1])
        return array(part)

    return Source(X.shape, read, array(X[:, :0])), sizes


def rounding(library):
    """Return 0, but on Dask, where other blocks are read and sums are other sums."""
    return 1e-11 if library.value == "dask" else 0.0


def test_columns_are_read_by_slices_and_by_places(array):
    held, _ = source(array)
    assert_close(read_examples(held, slice(2, 5)), read_examples(array(X), slice(2, 5)), rtol=0)
    places = np.array([7, 0, 7])
    assert_close(read_examples(held, places), read_examples(array(X), array(places)), rtol=0)
    assert reference_array(held) is held.like


@pytest.mark.parametrize("batch_size", [5, None])
@pytest.mark.parametrize("micro_batch", [3, None])
def test_training_from_a_source_is_training_from_an_array(array, library, batch_size, micro_batch):
    """Shuffled, weighted, with dropout and a validation set, bit for bit."""
    options = {
        "optimizer": adam(0.01),
        "epochs": 1 if library.value == "dask" else 3,  # tens of milliseconds a step
        "batch_size": batch_size,
        "micro_batch": micro_batch,
        "weights": array(WEIGHTS),
        "regularization": Regularization(noise=0.1, l2=0.01),
    }
    held, sizes = source(array)
    network = NETWORK
    if library.backend == "dask":  # of whose blocks each would be normalized by itself
        network = Network(3, (*NETWORK.layers[:1], *NETWORK.layers[2:]), NETWORK.cost)
    expected = train(
        network, array(X), array(Y), validation=(array(X[:, :9]), array(Y[:, :9])), **options
    )
    few = Source((3, 9), lambda which: array(X[:, :9][:, which]), held.like)
    found = train(network, held, array(Y), validation=(few, array(Y[:, :9])), **options)
    rtol = rounding(library)
    assert_close(found.theta, expected.theta, rtol=rtol)
    assert found.history.keys() == expected.history.keys()
    for name, figures in found.history.items():
        assert figures == pytest.approx(expected.history[name], rel=rtol)
    assert max(sizes) == (batch_size or M)  # and never more of them in memory


def test_predictions_read_a_batch_at_a_time(array):
    theta = NETWORK.initialize(0, like=array(X))
    held, sizes = source(array)
    # Products of other widths may round otherwise.
    assert_close(
        NETWORK.predict(theta, held, batch_size=10),
        NETWORK.predict(theta, array(X)),
        rtol=1e-13,
    )
    assert_close(
        NETWORK.evaluate_cost(theta, held, array(Y), batch_size=10),
        NETWORK.evaluate_cost(theta, array(X), array(Y)),
        rtol=1e-13,
    )
    assert sizes == [10, 10, 3] * 2


def test_what_needs_all_of_X_at_once_is_refused(array):
    held, _ = source(array)
    with pytest.raises(ValueError, match=r"mixup: found 0\.2 with X that is read batch by batch"):
        train(NETWORK, held, array(Y), regularization=Regularization(mixup=0.2))
    one = Network(3, (Dense(2),), "softmax_cross_entropy")
    with pytest.raises(ValueError, match=r"example_space: .*X is read a batch at a time"):
        train(one, held, array(Y), example_space=True)
    with pytest.raises(ValueError, match=r"X has shape \(3, 23\), expected \(4, m\)"):
        train(Network(4, (Dense(2),), "softmax_cross_entropy"), held, array(Y))


def test_a_source_reads_what_its_caller_asks_for(array):
    """The batches of a shuffled epoch see each example once, in places of NumPy's."""
    asked = []

    def read(which):
        asked.append(which)
        return array(X[:, which])

    train(NETWORK, Source(X.shape, read, array(X[:, :0])), array(Y), epochs=1, batch_size=23 // 2)
    places = np.concatenate([to_host(which) for which in asked])
    assert set(places.tolist()) == set(range(M))


def test_lbfgs_reads_a_source_batch_by_batch(array, library):
    pytest.importorskip("scipy.optimize", reason="L-BFGS searches lines with SciPy")
    network = Network(3, (Dense(4, "tanh"), Dense(2)), "softmax_cross_entropy")
    held, sizes = source(array)
    options = {"weights": array(WEIGHTS), "max_iter": 5, "batch_size": 7}
    found = lbfgs(network, held, array(Y), **options)
    expected = lbfgs(network, array(X), array(Y), **options)
    assert_close(found.theta, expected.theta, rtol=rounding(library))
    assert set(sizes) == {7, 2}
