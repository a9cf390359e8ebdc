"""Training on Dask: examples stay where they are, and the run is that of one process."""

import numpy as np
import pytest

from dnn_xp import (
    BatchNorm,
    Dense,
    Dropout,
    LayerNorm,
    Network,
    accuracy,
    lbfgs,
    train,
)
from dnn_xp.data.sources import Source
from dnn_xp.models import load_checkpoint, save_checkpoint
from dnn_xp.training import Regularization, adam, momentum, sgd
from tests.helpers import assert_close, assert_values
from tests.runs import StopAfter, train_as_estimators_do

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")

M = 60
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(4, M)), np.eye(3)[RNG.integers(0, 3, M)].T.copy()
WEIGHTS = RNG.uniform(0.1, 2.0, M)
NET = Network(4, (Dense(6, "tanh"), Dropout(0.3), Dense(3)), "softmax_cross_entropy")
PLAIN = Network(4, (Dense(6, "tanh"), Dense(3)), "softmax_cross_entropy")
CUTS = [((4,), (M,)), ((4,), (1, 40, 19)), ((1, 3), (20, 20, 20)), ((4,), (7,) * 8 + (4,))]


@pytest.fixture(autouse=True)
def brought():
    """Return the number of elements of each result that came here."""
    found = []

    def get(graph, keys, **options):
        results = dask.get(graph, keys, **options)
        found.extend(sizes(results))
        return results

    with dask.config.set(scheduler=get):
        yield found


def sizes(results):
    if isinstance(results, list | tuple):
        return [size for one in results for size in sizes(one)]
    return [np.size(results)]


def cut(chunks, *arrays):
    """Return arrays on Dask, X as chunks say and others otherwise."""
    x, *others = arrays
    return [da.from_array(x, chunks=chunks), *(da.from_array(one, chunks=13) for one in others)]


OPTIONS = {
    "full batch, momentum": {"optimizer": momentum(0.1)},
    "minibatches of which some blocks hold nothing": {"batch_size": 5, "optimizer": adam(0.01)},
    "weights": {"batch_size": 16, "weights": WEIGHTS},
    "penalties, noise, smoothing": {
        "batch_size": 16,
        "regularization": Regularization(
            l1=0.01, l2=0.02, max_norm=1.5, noise=0.1, label_smoothing=0.1
        ),
    },
    "clipping, averages": {"clip_norm": 0.1, "clip_value": 0.05, "ema_decay": 0.9},
    "micro-batches": {"micro_batch": 3, "batch_size": 30},
    "a schedule": {"schedule": lambda epoch: 1.0 / (1.0 + epoch), "batch_size": 20},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("chunks", CUTS, ids=str)
def test_a_run_on_blocks_is_that_of_one_process(options, chunks):
    """Dropout masks go with the examples, wherever they are; theta is NumPy's, as blocks are."""
    options = {"optimizer": sgd(0.3), "epochs": 3, "seed": 2} | options
    expected = train(NET, X, Y, validation=(-X, Y), metrics={"right": accuracy}, **options)
    x, y, w = cut(chunks, X, Y, WEIGHTS)
    if "weights" in options:
        options["weights"] = w
    found = train(NET, x, y, validation=(-x, y), metrics={"right": accuracy}, **options)
    assert_close(found.theta, expected.theta, rtol=1e-12, atol=1e-14)
    assert found.history.keys() == expected.history.keys()
    for name, figures in found.history.items():
        assert figures == pytest.approx(expected.history[name], rel=1e-12)


@pytest.mark.parametrize("chunks", CUTS, ids=str)
def test_weights_that_count_within_a_batch(chunks):
    """As an estimator's do, in an order of its own."""
    orders = [np.random.default_rng(epoch).permutation(M) for epoch in range(2)]
    options = {"epochs": 2, "batch_size": 7, "weights_by_batch": True, "order": orders.__getitem__}
    expected = train_as_estimators_do(NET, X, Y, weights=WEIGHTS, **options)
    x, y, w = cut(chunks, X, Y, WEIGHTS)
    found = train_as_estimators_do(NET, x, y, weights=w, **options)
    assert_close(found.theta, expected.theta, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("chunks", CUTS, ids=str)
@pytest.mark.parametrize("batch_size", [None, 11])
def test_lbfgs_on_blocks_is_that_of_one_process(chunks, batch_size):
    pytest.importorskip("scipy.optimize", reason="L-BFGS searches lines with SciPy")
    options = {"l2": 0.01, "max_iter": 8, "batch_size": batch_size}
    expected = lbfgs(PLAIN, X, Y, weights=WEIGHTS, validation=(-X, Y), **options)
    x, y, w = cut(chunks, X, Y, WEIGHTS)
    found = lbfgs(PLAIN, x, y, weights=w, validation=(-x, y), **options)
    assert_close(found.theta, expected.theta, rtol=1e-9, atol=1e-11)  # eight line searches
    assert found.history["validation_cost"] == pytest.approx(expected.history["validation_cost"])


def test_examples_are_never_brought_here(brought):
    """Not by training, validation, metrics, costs or predictions: a block of X has 30,000."""
    wide = np.random.default_rng(1).normal(size=(30, 5000)).astype("float32")
    hot = (wide[:1] > 0).astype("float32")
    x, y, w = cut((30, 1000), wide, hot, np.ones(5000, "float32"))
    network = Network(30, (Dense(8, "relu"), Dense(1)), "sigmoid_cross_entropy")
    options = {"validation": (x, y), "metrics": {"right": accuracy}, "weights": w}
    run = train(network, x, y, epochs=2, batch_size=2500, **options)
    train(network, x, y, epochs=2, example_space=False)
    lbfgs(network, x, y, max_iter=2)
    float(network.evaluate_cost(run.theta, x, y))
    assert max(brought) <= 1000  # a block of targets, which are persisted
    assert len(brought) > 10
    predicted = network.predict(run.theta, x)
    assert isinstance(predicted, da.Array)
    assert_close(predicted.compute(), network.predict(run.theta, wide), rtol=1e-5, atol=1e-6)


def test_predictions_wait_until_they_are_asked_for(brought):
    (x,) = cut((4, 20), X)
    theta = NET.initialize(0, like=X)
    lazy = [
        NET.predict(theta, x),
        NET.forward(theta, x, batch_size=7),
        NET.input_gradient(theta, x, 1),
        NET.predict(np.stack([theta, -theta]), x),
    ]
    assert not brought
    expected = [
        NET.predict(theta, X),
        NET.forward(theta, X),
        NET.input_gradient(theta, X, 1),
        NET.predict(np.stack([theta, -theta]), X),
    ]
    for found, wanted in zip(lazy, expected, strict=True):
        assert_close(found.compute(), wanted, rtol=1e-12)
    assert_values(NET.predict(da.from_array(theta), x), expected[0], rtol=1e-12)


def test_a_model_of_another_library_is_still_refused():
    strict = pytest.importorskip("array_api_strict")
    x, _, _ = cut((4, 20), X, Y, WEIGHTS)
    with pytest.raises(TypeError, match=r"theta: found a .*expected an array of X's library"):
        NET.predict(strict.asarray(NET.initialize(0, like=X)), x)


@pytest.mark.parametrize("network", [NET, PLAIN], ids=["dropout", "plain"])
@pytest.mark.parametrize("batch_size", [None, 16])
def test_a_run_goes_on_from_a_file_with_the_same_bits(tmp_path, network, batch_size):
    x, y, _ = cut((4, (25, 25, 10)), X, Y, WEIGHTS)
    options = {"optimizer": adam(0.01), "epochs": 4, "batch_size": batch_size}
    undisturbed = train(network, x, y, **options)
    stopped = train(network, x, y, callbacks=[StopAfter(3)], **options)
    save_checkpoint(tmp_path / "run.checkpoint", stopped.progress)
    found = train(network, x, y, resume=load_checkpoint(tmp_path / "run.checkpoint"), **options)
    assert_close(found.theta, undisturbed.theta, rtol=0)
    assert found.history == undisturbed.history


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (
            Network(4, (Dense(5), BatchNorm(), Dense(3)), NET.cost),
            {},
            r"network: layer 2, BatchNorm\(.*must see all of a batch",
        ),
        (
            Network(4, (BatchNorm(), Dense(5), BatchNorm(across="part"), Dense(3)), NET.cost),
            {"batch_size": 10},
            r"network: layer 1, BatchNorm\(.*use LayerNorm",
        ),
        (
            NET,
            {"regularization": Regularization(mixup=0.2)},
            "mixup: found 0.2 with X on Dask, expected 0 or",
        ),
        (
            NET,
            {"regularization": Regularization(mixup=0.2), "batch_size": 10},
            "mixup: found 0.2 with X on Dask, expected 0 or",
        ),
    ],
)
def test_what_needs_a_whole_batch_is_refused(network, options, message):
    x, y, _ = cut((4, 20), X, Y, WEIGHTS)
    with pytest.raises(ValueError, match=message):
        train(network, x, y, **options)


@pytest.mark.parametrize("form", [np.asarray, list, da.asarray, lambda y: y[None, :]])
def test_class_numbers_become_targets_where_the_blocks_are(brought, form):
    classes = np.argmax(Y, axis=0)
    (x,) = cut((4, 25), X)
    for validation in (None, (-x, form(classes))):
        options = {"epochs": 2, "batch_size": 16}
        found = train(NET, x, form(classes), validation=validation, **options)
        assert_close(found.theta, train(NET, X, Y, **options).theta, rtol=1e-12, atol=1e-14)
    with pytest.raises(ValueError, match="Y: found class numbers from 0 to 3, expected whole"):
        train(NET, x, form(np.append(classes[:-1], 3)))


@pytest.mark.parametrize("method", [train, lbfgs])
def test_targets_that_are_read_elsewhere_are_refused(method):
    (x,) = cut((4, 25), X)
    with pytest.raises(ValueError, match="Y: found a source beside X on Dask"):
        method(PLAIN, x, Source(Y.shape, lambda which: Y[:, which], Y[:, :0]))


def test_a_source_that_reads_blocks_is_one_in_memory():
    x, y = cut((4, 25), X, Y)
    source = Source(X.shape, lambda which: x[:, which], x[:, :0])
    options = {"epochs": 2, "batch_size": 16}
    for targets in (y, Y):
        found = train(NET, source, targets, **options)
        assert_close(found.theta, train(NET, X, Y, **options).theta, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("layer", [LayerNorm(), BatchNorm(across="part", momentum=0.5)], ids=str)
def test_normalization_of_parts(layer):
    """Of a whole batch that is in one block, or of each of its blocks by itself."""
    network = Network(4, (Dense(5), layer, Dense(3)), NET.cost)
    expected = train(network, X, Y, epochs=3)
    found = train(network, *cut((4, M), X, Y), epochs=3)
    assert_close(found.theta, expected.theta, rtol=1e-12, atol=1e-14)
    of_parts = train(network, *cut((4, 20), X, Y), epochs=3)
    by_hand = train(network, X, Y, epochs=3, micro_batch=20)
    if isinstance(layer, LayerNorm):
        assert_close(of_parts.theta, by_hand.theta, rtol=1e-12, atol=1e-14)
    else:  # but for statistics: here the mean of those of all parts
        n = network.layout.n_parameters
        assert_close(of_parts.theta[:n], by_hand.theta[:n], rtol=1e-12, atol=1e-14)


def test_example_space_needs_products_of_examples_alone(brought):
    """It is chosen by itself for few examples, whose products come here, and X does not."""
    few = np.random.default_rng(3).normal(size=(50, 12))
    hot = (few[:1] > 0).astype(float)
    network = Network(50, (Dense(3, "tanh"), Dense(1)), "sigmoid_cross_entropy")
    expected = train(network, few, hot, epochs=20, validation=(-few, hot))
    x, y = cut((25, 5), few, hot)
    found = train(network, x, y, epochs=20, validation=(-x, y), example_space=True)
    by_itself = train(network, x, y, epochs=20, validation=(-x, y))
    assert_close(found.theta, expected.theta, rtol=1e-11, atol=1e-13)
    assert_close(by_itself.theta, found.theta, rtol=0)
    assert few.size not in brought


def test_validation_data_in_memory_stay_there():
    x, y, _ = cut((4, 20), X, Y, WEIGHTS)
    expected = train(NET, X, Y, epochs=2, validation=(-X, Y, WEIGHTS)).history
    for validation in ((-X, Y, WEIGHTS), (-x, Y, WEIGHTS), (-x.astype("float32"), y, WEIGHTS)):
        found = train(NET, x, y, epochs=2, validation=validation).history
        assert found["validation_cost"] == pytest.approx(expected["validation_cost"], rel=1e-6)
    on_dask = train(NET, X, Y, epochs=2, validation=(-x, y, WEIGHTS)).history
    assert on_dask["validation_cost"] == pytest.approx(expected["validation_cost"])
