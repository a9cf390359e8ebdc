import numpy as np
import pytest

from dnn_xp import Dense, Dropout, EarlyStopping, LayerNorm, Network, accuracy, train
from dnn_xp.backends import from_blocks
from dnn_xp.data.sources import Source
from dnn_xp.training import DivergenceWarning, Regularization, adam, adamw, momentum, nesterov, sgd
from dnn_xp.training.gram import example_space_problem, to_example_space
from dnn_xp.training.settings import Settings
from tests.helpers import assert_close
from tests.runs import train_as_estimators_do

LINEAR = [sgd(0.3), momentum(0.05), nesterov(0.05)]


def problem():
    """Return a network, X and Y of more features than examples."""
    rng = np.random.default_rng(5)
    X, Y = rng.normal(size=(12, 7)), (rng.random((1, 7)) < 0.5).astype(np.float64)
    layers = (Dense(4, "tanh"), LayerNorm(), Dropout(0.2), Dense(1))
    return Network(12, layers, "sigmoid_cross_entropy"), X, Y


@pytest.mark.parametrize("summed", [None, False, True])
@pytest.mark.parametrize("optimizer", LINEAR, ids=lambda one: one.update.__name__)
def test_same_descent_as_in_parameter_space(array, library, optimizer, summed):
    """Plain, and with an L2 penalty of either kind."""
    network, X, Y = problem()
    X, Y, weights = array(X), array(Y), array(np.linspace(0.5, 2.0, 7))
    epochs = 2 if library.value == "dask" else 20  # tens of milliseconds a step
    options = {"optimizer": optimizer, "epochs": epochs, "weights": weights, "validation": (X, Y)}
    if summed is not None:
        options["regularization"] = Regularization(l2=0.3, summed=summed)
    ordinary = train(network, X, Y, example_space=False, **options)
    moved = train(network, X, Y, example_space=True, **options)
    # Twenty steps of rounding that differs, on numbers near 1.
    assert_close(moved.theta, ordinary.theta, rtol=1e-12, atol=1e-13)
    for name in ("cost", "validation_cost"):
        np.testing.assert_allclose(moved.history[name], ordinary.history[name], rtol=1e-12)


def test_theta_of_a_callback_is_that_of_the_network(array):
    network, X, Y = problem()
    X, Y = array(X), array(Y)
    stopping = EarlyStopping(monitor="cost", patience=1)
    options = {"optimizer": sgd(0.3), "epochs": 3, "callbacks": [stopping]}
    run = train(network, X, Y, example_space=True, **options)
    ordinary = train(network, X, Y, example_space=False, **options)
    assert_close(run.theta, ordinary.theta, rtol=1e-12, atol=1e-13)


def test_projecting_other_examples(array, xp):
    network, X, _Y = problem()
    X, theta = array(X), from_blocks(network.initialize(3, like=array(X)))
    space = to_example_space(network, X, theta)
    other = array(np.random.default_rng(6).normal(size=(12, 5)))
    # Away from the start, so that C counts.
    moved = space.theta + from_blocks(
        array(np.random.default_rng(7).normal(size=space.network.size))
    )
    assert_close(
        space.network.predict(moved, space.project(other)),
        network.predict(space.to_theta(moved), other),
        rtol=1e-12,
    )
    assert_close(space.to_theta(space.theta), theta)


def test_what_moves_weights_out_of_the_span_is_refused():
    network, X, Y = problem()
    for rules in (Regularization(l1=0.1), Regularization(max_norm=1.0), Regularization(noise=0.1)):
        with pytest.raises(ValueError, match="moves the weights out of the span of the examples"):
            train(network, X, Y, regularization=rules, example_space=True)


@pytest.mark.parametrize(
    ("layers", "optimizer", "batch_size", "reason"),
    [
        ((Dense(1),), adam(), None, "not linear in the gradient"),
        ((Dense(1),), adamw(), None, "not linear in the gradient"),
        ((Dense(1),), sgd(0.1), 3, "must see all 7 examples"),
        ((Dropout(0.1), Dense(1)), sgd(0.1), None, "must be Dense"),
    ],
)
def test_refused_with_the_reason_where_it_is_not_exact(layers, optimizer, batch_size, reason):
    _, X, Y = problem()
    network = Network(12, layers, "squared_error")
    settings = Settings(optimizer, 1, batch_size or 7)
    assert reason in (example_space_problem(network, settings, 7) or "")
    options = {"optimizer": optimizer, "batch_size": batch_size, "epochs": 1}
    with pytest.raises(ValueError, match=f"example_space: found True.*{reason}"):
        train(network, X, Y, example_space=True, **options)
    assert train(network, X, Y, **options).epochs == 1


class Shy(Dense):
    """A layer that does less than Dense."""

    def forward(self, A_prev, parameters, context):
        """Return A of a tenth of what is there."""
        return super().forward(0.1 * A_prev, parameters, context)


def test_not_chosen_where_it_would_be_wrong(array):
    network, X, Y = problem()
    X, Y = array(X), array(Y)
    first = train(network, X, Y, optimizer=momentum(0.05), epochs=3, example_space=False)
    shy = Network(12, (Shy(3, "tanh"), Dense(1)), network.cost)
    source = Source((12, 7), lambda which: X[:, which], X[:, :0])
    for used, options in (
        (network, {"micro_batch": 3}),
        (shy, {}),
        (network, {"optimizer": momentum(0.05), "after": first.progress}),
        (network, {"validation": (source, Y)}),
    ):
        train_it = train_as_estimators_do if "after" in options else train
        runs = [
            train_it(used, X, Y, epochs=9, example_space=one, **options) for one in ("auto", False)
        ]
        assert_close(runs[0].theta, runs[1].theta, rtol=0)
        with pytest.raises(ValueError, match="example_space: found True, which would not be exact"):
            train_it(used, X, Y, example_space=True, **options)


def test_its_state_of_an_optimizer_is_not_taken_over(array):
    network, X, Y = problem()
    X, Y = array(X), array(Y)
    first = train(network, X, Y, optimizer=momentum(0.05), example_space=True)
    options = {"optimizer": momentum(0.05), "after": first.progress}
    with pytest.raises(ValueError, match="after: found a run in example space"):
        train_as_estimators_do(network, X, Y, first.theta, **options)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_gram_products_that_overflow_leave_theta_as_it_was(array):
    network, X, Y = problem()
    X[3, 2] = 1e200
    theta = network.initialize(0, like=array(X))
    with pytest.warns(DivergenceWarning):
        run = train(network, array(X), array(Y), theta, example_space=True)
    assert_close(run.theta, from_blocks(theta), rtol=0)


@pytest.mark.parametrize(
    ("n_features", "epochs", "chosen"), [(12, 10, True), (6, 10, False), (12, 0, False)]
)
def test_chosen_by_itself_where_it_pays(n_features, epochs, chosen, caplog):
    _, X, Y = problem()
    network = Network(n_features, (Dense(1),), "squared_error")
    with caplog.at_level("INFO", logger="dnn_xp"):
        train(network, X[:n_features], Y, epochs=epochs, metrics={"accuracy": accuracy})
    assert ("space of the 7 examples" in caplog.text) is chosen
