"""Training by L-BFGS: minima in closed form, SciPy's and scikit-learn's runs, and taking one up."""

import numpy as np
import pytest

from dnn_xp import (
    BatchNorm,
    Callback,
    Checkpoint,
    Dense,
    Dropout,
    EarlyStopping,
    Ending,
    Network,
    accuracy,
    backends,
    lbfgs,
    load_checkpoint,
)
from dnn_xp.backends import DisagreementError
from dnn_xp.data.sources import Source
from dnn_xp.training import AnotherRunError, DivergenceWarning, LBFGSState
from tests.groups import over_threads
from tests.helpers import assert_close, assert_is_like, assert_values

optimize = pytest.importorskip("scipy.optimize", reason="L-BFGS searches lines with SciPy")

RNG = np.random.default_rng(0)
M = 12
X, Y = RNG.normal(size=(3, M)), RNG.normal(size=(2, M))
WEIGHTS = RNG.choice([1.0, 2.0, 3.0], size=M)
LINEAR = Network(3, (Dense(2),), "squared_error")
SOFTMAX = Network(3, (Dense(4, "tanh"), Dense(3)), "softmax_cross_entropy")
ONE_HOT = np.eye(3)[:, RNG.integers(3, size=M)]

# A float64 near 1 does not tell costs apart by which a slope of 1e-8 falls: ten times as much.
SLOPE = 1e-7
TO_THE_END = {"tolerance": SLOPE, "cost_tolerance": 0.0}


@pytest.fixture
def data(array):
    return array(X), array(ONE_HOT)


# ----------------------------------------------------------------------------- minima


def normal_equations(l2, weights):
    """Return W beside b at the minimum, and the smallest curvature there."""
    weights = weights / weights.mean()
    inputs = np.concatenate([X, np.ones((1, M))])
    hessian = (weights * inputs) @ inputs.T / M + l2 * np.diag([1.0, 1.0, 1.0, 0.0])
    solution = np.linalg.solve(hessian, (weights * inputs) @ Y.T / M).T
    return solution, np.linalg.eigvalsh(hessian)[0]


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_linear_regression_ends_at_the_solution_of_its_equations(array, l2, weights):
    solution, curvature = normal_equations(l2, np.ones(M) if weights is None else weights)
    given = None if weights is None else array(weights)
    options = TO_THE_END | {"weights": given, "l2": l2, "max_iter": 100}
    run = lbfgs(LINEAR, array(X), array(Y), **options)
    assert run.reason.startswith("converged: no element of the gradient")
    close = 8**0.5 * SLOPE / curvature  # from eight elements of the gradient
    parameters = LINEAR.unpack(run.theta)
    assert_values(parameters["W1"], solution[:, :3], rtol=0.0, atol=close)
    assert_values(parameters["b1"], solution[:, 3:], rtol=0.0, atol=close)


def test_least_squares(array):
    inputs = np.concatenate([X, np.ones((1, M))])
    solution, _, _, singular = np.linalg.lstsq(inputs.T, Y.T, rcond=None)
    run = lbfgs(LINEAR, array(X), array(Y), **TO_THE_END)
    close = 8**0.5 * SLOPE * M / singular[-1] ** 2
    assert_values(LINEAR.unpack(run.theta)["W1"], solution[:3].T, rtol=0.0, atol=close)
    assert run.history["cost"][-1] == pytest.approx(
        0.5 * np.square(solution.T @ inputs - Y).sum() / M,
        rel=1e-12,  # where it is flat
    )


def softmax_network(theta, X, Y, weights, l2):
    """Return the cost and the gradient of SOFTMAX, written down in NumPy anew."""
    weights, m = weights / weights.mean(), X.shape[1]
    W1, b1, W2, b2 = np.split(theta, [12, 16, 28])
    W1, b1, W2, b2 = W1.reshape(4, 3), b1.reshape(4, 1), W2.reshape(3, 4), b2.reshape(3, 1)
    A = np.tanh(W1 @ X + b1)
    P = np.exp(W2 @ A + b2)
    P /= P.sum(axis=0)
    cost = -(weights * (Y * np.log(P)).sum(axis=0)).mean()
    cost += 0.5 * l2 * ((W1**2).sum() + (W2**2).sum())
    dZ2 = weights * (P - Y) / m
    dZ1 = (W2.T @ dZ2) * (1.0 - A**2)
    parts = dZ1 @ X.T + l2 * W1, dZ1.sum(axis=1), dZ2 @ A.T + l2 * W2, dZ2.sum(axis=1)
    return cost, np.concatenate([part.ravel() for part in parts])


@pytest.mark.parametrize("batch_size", [None, 5])
def test_a_run_is_that_of_scipy_on_the_same_function(array, data, batch_size):
    """The function of several outputs, weights and a penalty, written down anew."""
    theta, costs, l2 = SOFTMAX.initialize(1, like=data[0]), [], 0.01
    arguments = X, ONE_HOT, WEIGHTS, l2
    found = optimize.minimize(
        softmax_network,
        backends.to_host(theta),
        arguments,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 15},
        callback=lambda x: costs.append(softmax_network(x, *arguments)[0]),
    )
    options = {"weights": array(WEIGHTS), "l2": l2, "batch_size": batch_size, "max_iter": 15}
    run = lbfgs(SOFTMAX, *data, theta, **options)
    # Rounding differs, and a move makes more of it, up to tenfold.
    assert_values(run.theta, found.x, rtol=1e-9, atol=1e-9)
    assert run.history == {"cost": pytest.approx(costs, rel=1e-9)}
    assert (run.epochs, run.ending, run.reason) == (15, Ending.COMPLETED, "15 iterations")


def test_a_run_is_that_of_scikit_learn():
    """From where it is, scikit-learn's next fit begins without what it knew, as ours does."""
    neural_network = pytest.importorskip("sklearn.neural_network")
    exceptions = pytest.importorskip("sklearn.exceptions")
    peer = neural_network.MLPClassifier(
        (4,), "tanh", solver="lbfgs", alpha=0.1, max_iter=1, warm_start=True, random_state=0
    )
    with pytest.warns(exceptions.ConvergenceWarning):
        peer.fit(X.T, ONE_HOT.argmax(axis=0))
    W1, W2, b1, b2 = (x.T.copy() for x in (*peer.coefs_, *peer.intercepts_))
    theta = np.concatenate([part.ravel() for part in (W1, b1, W2, b2)])
    peer.set_params(max_iter=20)
    with pytest.warns(exceptions.ConvergenceWarning):
        peer.fit(X.T, ONE_HOT.argmax(axis=0))
    run = lbfgs(SOFTMAX, X, ONE_HOT, theta, l2=0.1 / M, max_iter=20, tolerance=1e-4)
    assert peer.n_iter_ == run.epochs == 20
    assert run.history["cost"][-1] == pytest.approx(peer.loss_, rel=1e-9)
    np.testing.assert_allclose(SOFTMAX.predict(run.theta, X).T, peer.predict_proba(X.T), rtol=1e-7)


def test_lbfgs_weights_are_repeated_examples(array, data):
    repeated = [np.repeat(x, WEIGHTS.astype(int), axis=1) for x in (X, ONE_HOT)]
    one = lbfgs(SOFTMAX, *data, weights=array(WEIGHTS), l2=0.01, max_iter=8)
    other = lbfgs(SOFTMAX, *map(array, repeated), l2=0.01, max_iter=8)
    assert_close(one.theta, other.theta, rtol=1e-10, atol=1e-12)
    assert one.history["cost"] == pytest.approx(other.history["cost"], rel=1e-12)


def test_lbfgs_only_ratios_of_weights_matter(array, data):
    one, other = (
        lbfgs(SOFTMAX, *data, weights=array(w), max_iter=8) for w in (WEIGHTS, WEIGHTS * 8)
    )
    assert_close(one.theta, other.theta, rtol=0)  # 8 is a power of two


@pytest.mark.parametrize("batch_size", [1, 5, 12, 99])
def test_the_size_of_batches_changes_nothing(data, batch_size):
    whole = lbfgs(SOFTMAX, *data, max_iter=4)
    parts = lbfgs(SOFTMAX, *data, max_iter=4, batch_size=batch_size)
    assert_close(parts.theta, whole.theta, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("batch_size", [None, 5])
def test_a_source_is_read_batch_by_batch(data, library, batch_size):
    asked = []

    def read(which):
        asked.append(which)
        return data[0][:, which]

    source = Source((3, M), read, data[0][:, :1])
    options = {"max_iter": 3, "batch_size": batch_size}
    run = lbfgs(SOFTMAX, source, data[1], **options)
    # On Dask another order of sums, one by blocks.
    rtol = 1e-11 if library.backend == "dask" else 0.0
    assert_close(run.theta, lbfgs(SOFTMAX, *data, **options).theta, rtol=rtol)
    stops = [M] if batch_size is None else [5, 10, M]
    assert [which.stop for which in asked[: len(stops)]] == stops


# ----------------------------------------------------------------------------- taking up a run


def test_a_run_in_parts_is_one_run(data):
    """Bit for bit."""
    options = {"l2": 1e-4, "cost_tolerance": 0.0}
    whole = lbfgs(SOFTMAX, *data, max_iter=12, **options)
    parts, costs = lbfgs(SOFTMAX, *data, max_iter=0, **options), []
    for _ in range(12):
        parts = lbfgs(SOFTMAX, *data, max_iter=1, state=parts.state, **options)
        assert (parts.epochs, parts.reason) == (1, "1 iterations")
        costs += parts.history["cost"]
    assert_close(parts.theta, whole.theta, rtol=0)
    assert costs == whole.history["cost"]


def test_a_run_in_parts_that_forget_is_another():
    """And far from the minimum (scikit-learn's issue 13656)."""
    options = {"l2": 1e-4, "cost_tolerance": 0.0}
    whole = lbfgs(SOFTMAX, X, ONE_HOT, max_iter=50, **options)
    forgetful = lbfgs(SOFTMAX, X, ONE_HOT, max_iter=0, **options)
    for _ in range(50):
        forgetful = lbfgs(SOFTMAX, X, ONE_HOT, forgetful.theta, max_iter=1, **options)
    assert whole.history["cost"][-1] < 0.1 * forgetful.history["cost"][-1]


def test_a_state_keeps_what_float32_does_not(array):
    options = {"l2": 1e-3, "cost_tolerance": 0.0, "tolerance": 0.0}
    data = array(X, "float32"), array(ONE_HOT, "float32")
    whole = lbfgs(SOFTMAX, *data, max_iter=12, **options)
    half = lbfgs(SOFTMAX, *data, max_iter=6, **options)
    rest = lbfgs(SOFTMAX, *data, max_iter=6, state=half.state, **options)
    assert_close(rest.theta, whole.theta, rtol=0)


def test_a_state_serves_other_data(array, data):
    """It goes on from its own theta, downhill."""
    run = lbfgs(SOFTMAX, *data, max_iter=5)
    others = array(X[:, :7]), array(ONE_HOT[:, :7])
    start = float(SOFTMAX.evaluate_cost(run.theta, *others))
    after = lbfgs(SOFTMAX, *others, max_iter=5, state=run.state)
    assert after.history["cost"][0] < start
    assert np.all(np.diff(after.history["cost"]) < 0.0)


# ----------------------------------------------------------------------------- what comes and goes


def test_lbfgs_what_is_handed_in_is_not_changed(data, array):
    theta = SOFTMAX.initialize(1, like=data[0])
    arguments = (*data, theta, array(WEIGHTS))
    before = [backends.to_host(x).copy() for x in arguments]
    run = lbfgs(SOFTMAX, *arguments[:3], weights=arguments[3], l2=0.1, max_iter=3)
    for actual, desired in zip(arguments, before, strict=True):
        assert_values(actual, desired, rtol=0)
    state = LBFGSState(*run.state)
    kept = state.theta.copy()
    lbfgs(SOFTMAX, *data, max_iter=3, state=state)
    np.testing.assert_array_equal(state.theta, kept)


def test_theta_is_a_copy_of_the_states():
    run = lbfgs(SOFTMAX, X, ONE_HOT, max_iter=1)
    run.theta[0] += 1.0
    assert run.theta[0] != run.state.theta[0]


def test_lbfgs_all_stays_in_the_dtype_and_on_the_device_of_X(array, dtype):
    """On Dask in the library of the blocks."""
    options = {"weights": list(range(1, M + 1)), "l2": 0.1, "max_iter": 3, "batch_size": 8}
    theta = SOFTMAX.initialize(1)  # of the library's own dtype
    run = lbfgs(SOFTMAX, array(X, dtype), ONE_HOT.astype(int).tolist(), theta, **options)
    assert_is_like(run.theta, backends.block_like(array([0.0], dtype)))
    assert run.state.theta.dtype == np.float64
    assert all(type(cost) is float for cost in run.history["cost"])


def test_lbfgs_the_default_start_is_the_seeds(data):
    """Of which the cost is told, where there is no other."""
    run = lbfgs(SOFTMAX, *data, max_iter=0, seed=5)
    assert_close(run.theta, SOFTMAX.initialize(5, like=backends.block_like(data[0])), rtol=0)
    assert (run.epochs, run.reason) == (0, "0 iterations")
    expected = float(SOFTMAX.evaluate_cost(run.theta, *data))
    assert run.history == {"cost": [pytest.approx(expected, rel=1e-12)]}


# ----------------------------------------------------------------------------- ends


def test_reasons(data):
    run = lbfgs(SOFTMAX, *data, max_evaluations=5)
    assert run.ending is Ending.EXHAUSTED
    assert run.reason in ("5 evaluations", "6 evaluations")  # an iteration under way is finished
    assert run.epochs < 6
    run = lbfgs(SOFTMAX, *data, l2=0.1, tolerance=1e-3)
    assert run.ending is Ending.CONVERGED
    assert run.reason == "converged: no element of the gradient is further than 0.001 from 0"
    run = lbfgs(SOFTMAX, *data, l2=0.1, tolerance=0.0, cost_tolerance=1e-3)
    assert run.reason == "converged: the cost fell by no more than 0.001"
    costs = run.history["cost"]
    assert costs[-2] - costs[-1] <= 1e-3 < costs[-3] - costs[-2]
    again = lbfgs(SOFTMAX, *data, run.theta, l2=0.1, tolerance=1.0)
    assert again.epochs == 0
    assert again.reason.startswith("converged")


def test_a_kink_ends_it():
    """Below its third, 1.0, this quantile cost falls, as its slope there says; above it rises."""
    network = Network(1, (Dense(1),), ("quantile", 0.3))
    run = lbfgs(network, np.zeros((1, 3)), np.array([[1.0, 2.0, 4.0]]), np.array([0.0, 1.0]))
    assert run.ending is Ending.EXHAUSTED
    assert run.reason.startswith("no move lowers the cost")
    assert run.epochs == 0
    np.testing.assert_array_equal(run.theta, [0.0, 1.0])


def test_lbfgs_divergence_is_said(array, dtype, xp):
    """A square that no float holds, at the start or after some moves."""
    huge = 1e30 if dtype == "float32" else 1e200
    bad = array([[huge] * 3], dtype)
    with np.errstate(over="ignore"), pytest.warns(DivergenceWarning) as warned:
        run = lbfgs(Network(1, (Dense(1),), "squared_error"), bad, bad, array([2.0, 0.0], dtype))
    assert run.ending is Ending.DIVERGED
    assert run.reason == "diverged: the cost became inf after 0 iterations; scale the data"
    assert [str(one.message) for one in warned] == [run.reason]
    assert_values(run.theta, [2.0, 0.0])
    assert list(run.history) == ["cost"]
    assert np.isnan(run.history["cost"])
    assert run.progress is None


# ----------------------------------------------------------------------------- callbacks


class Watch(Callback):
    def __init__(self, stop_after=99, comes_last=False):
        self.stop_after, self.comes_last, self.told, self.thetas = stop_after, comes_last, [], []

    def start(self, run):
        assert (run.network, run.epochs) == (SOFTMAX, 20)
        self._note("start", run)

    def step(self, run):
        self._note("step", run)

    def epoch(self, run):
        self._note("epoch", run)
        return "enough" if run.epoch == self.stop_after else None

    def end(self, result):
        self.told.append(("end", result.epochs))
        return result._replace(reason=f"{result.reason}, {len(self.told)}")

    def _note(self, what, run):
        self.told.append((what, run.epoch))
        self.thetas.append(run.theta)


def test_callbacks_are_told_and_may_stop_it(data):
    last, watch = Watch(3, comes_last=True), Watch(3)
    run = lbfgs(SOFTMAX, *data, max_iter=20, callbacks=[last, watch])
    told = [("start", 0)]
    for i in range(3):  # a step is taken before its epoch is done
        told += [("step", i), ("epoch", i + 1)]
    told.append(("end", 3))
    assert watch.told == last.told == told
    assert (run.ending, run.reason) == (Ending.STOPPED, "enough; enough, 8, 8")
    assert run.epochs == len(run.history["cost"]) == 3
    start = SOFTMAX.initialize(0, like=backends.block_like(data[0]))
    assert_close(watch.thetas[0], start, rtol=0)
    assert_close(watch.thetas[-1], run.theta, rtol=0)
    assert_close(watch.thetas[4], lbfgs(SOFTMAX, *data, max_iter=2).theta, rtol=0)


@pytest.mark.parametrize("cut", [1, 2])
def test_lbfgs_goes_on_from_a_checkpoint_that_was_written_after_a_step(data, tmp_path, cut):
    """What callbacks remember is that of the same moment."""

    class Kill(Callback):
        def step(self, run):
            if run.epoch == cut:
                raise KeyboardInterrupt

    path = tmp_path / "run.checkpoint"
    options = {"validation": (-data[0], data[1]), "max_iter": 50}
    whole = lbfgs(SOFTMAX, *data, callbacks=[EarlyStopping(3)], **options)
    writes = Checkpoint(path, steps=1, seconds=None)
    with pytest.raises(KeyboardInterrupt):
        lbfgs(SOFTMAX, *data, callbacks=[EarlyStopping(3), writes, Kill()], **options)
    progress = load_checkpoint(path)
    assert (progress.epoch, progress.batch) == (cut - 1, 1)
    stopping = EarlyStopping(3)
    rest = lbfgs(SOFTMAX, *data, callbacks=[stopping], resume=progress, **options)
    assert (rest.history, rest.epochs, rest.reason) == (whole.history, whole.epochs, whole.reason)
    assert rest.progress.steps == whole.progress.steps
    assert_close(rest.theta, whole.theta, rtol=0)


def test_lbfgs_history_of_a_run_that_goes_on_from_no_iteration_has_no_figure_too_many(data):
    begun = lbfgs(SOFTMAX, *data, max_iter=0)
    assert len(begun.history["cost"]) == 1
    rest = lbfgs(SOFTMAX, *data, max_iter=3, resume=begun.progress)
    assert rest.history == lbfgs(SOFTMAX, *data, max_iter=3).history


def test_early_stopping_of_lbfgs(data):
    stopping = EarlyStopping(2, min_delta=0.05, monitor="cost")
    run = lbfgs(SOFTMAX, *data, callbacks=[stopping])
    assert run.reason == "no better cost in 2 epochs"
    best = lbfgs(SOFTMAX, *data, max_iter=run.epochs - 2)
    assert_close(run.theta, best.theta, rtol=0)


def test_validation_data_and_metrics_of_lbfgs(array, data):
    validation = array(-X[:, :5]), array(ONE_HOT[:, :5])
    options = {"validation": validation, "metrics": {"accuracy": accuracy}, "max_iter": 4}
    run = lbfgs(SOFTMAX, *data, **options)
    assert {name: len(figures) for name, figures in run.history.items()} == {
        "cost": 4,
        "validation_cost": 4,
        "validation_accuracy": 4,
    }
    expected = float(SOFTMAX.evaluate_cost(run.theta, *validation))
    assert run.history["validation_cost"][-1] == pytest.approx(expected, rel=1e-12)
    stopped = lbfgs(SOFTMAX, *data, validation=validation, callbacks=[EarlyStopping(3)])
    assert stopped.ending is Ending.STOPPED
    costs = stopped.history["validation_cost"]
    best = lbfgs(SOFTMAX, *data, max_iter=int(np.argmin(costs)) + 1)
    assert_close(stopped.theta, best.theta, rtol=0)


class StopAt(Callback):
    def __init__(self, epoch):
        self.at = epoch

    def step(self, run):
        return "stopped" if run.epoch == self.at else None


@pytest.mark.parametrize("limit", [{"max_iter": 12}, {"max_evaluations": 14}, {"tolerance": 1e-2}])
def test_lbfgs_resumes_bit_for_bit(array, data, tmp_path, limit):
    """From the progress in memory and from a file, whatever ends it."""
    validation = array(-X[:, :5]), array(ONE_HOT[:, :5])
    options = {"l2": 1e-2, "cost_tolerance": 0.0, "validation": validation, **limit}
    whole = lbfgs(SOFTMAX, *data, **options)
    path = tmp_path / "run.checkpoint"
    first = lbfgs(SOFTMAX, *data, callbacks=[Checkpoint(path), StopAt(5)], **options)
    assert first.epochs == 5 < whole.epochs
    for progress in (first.progress, load_checkpoint(path)):
        rest = lbfgs(SOFTMAX, *data, resume=progress, **options)
        assert_close(rest.theta, whole.theta, rtol=0)
        assert rest.history == whole.history
        assert (rest.epochs, rest.ending, rest.reason) == (whole.epochs, whole.ending, whole.reason)
        np.testing.assert_array_equal(rest.state.pairs.moves, whole.state.pairs.moves)


def test_lbfgs_that_has_ended_does_no_more_when_resumed(data):
    for options in ({"l2": 0.1, "tolerance": 1e-3}, {"cost_tolerance": 1e-3}, {"max_iter": 3}):
        ended = lbfgs(SOFTMAX, *data, **options)
        again = lbfgs(SOFTMAX, *data, resume=ended.progress, **options)
        assert (again.epochs, again.ending) == (ended.epochs, ended.ending)
        assert again.history == ended.history
        assert_close(again.theta, ended.theta, rtol=0)


def test_lbfgs_with_other_arguments_is_another_run(data):
    ended = lbfgs(SOFTMAX, *data, max_iter=2)
    with pytest.raises(AnotherRunError, match=r"l2: found the default, expected 0.5"):
        lbfgs(SOFTMAX, *data, resume=ended.progress, l2=0.5)


# ----------------------------------------------------------------------------- the door

NORMAL = Network(3, (Dense(4), BatchNorm(), Dense(3)), "softmax_cross_entropy")
DROPPING = Network(3, (Dense(4), Dropout(0.5), Dense(3)), "softmax_cross_entropy")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"l2": -1.0}, "l2: found -1.0, expected a number from 0 on"),
        ({"l2": float("nan")}, "l2: found nan, expected a number from 0 on"),
        ({"max_iter": -1}, "max_iter: found -1, expected a whole number from 0 on"),
        ({"max_evaluations": 0}, "max_evaluations: found 0, expected a whole number from 1 on"),
        ({"tolerance": -1.0}, "tolerance: found -1.0"),
        ({"cost_tolerance": -1.0}, "cost_tolerance: found -1.0"),
        ({"memory": 0}, "memory: found 0, expected a whole number from 1 on"),
        ({"batch_size": 0}, "batch_size: found 0, expected a whole number from 1 on"),
        ({"seed": -1}, "seed: found -1"),
        ({"weights": [0.0] * M}, "weights: found a mean of 0.0, expected one above 0"),
        ({"weights": [1.0]}, r"weights: found shape \(1,\)"),
        ({"theta": np.ones(3)}, r"theta: found shape \(3,\), expected \(31,\)"),
        ({"state": LBFGSState(np.ones(3))}, r"theta: found shape \(3,\), expected \(31,\)"),
        (
            {"state": LBFGSState(np.ones(31)), "theta": np.ones(31)},
            "theta: found one besides a state, which holds its own",
        ),
        (
            {"network": DROPPING},
            "network: layer 2, Dropout.*, is random, which makes another cost of each step",
        ),
        (
            {"network": NORMAL},
            "network: layer .*, makes a cost that is no sum over examples; use train, or LayerNorm",
        ),
    ],
)
def test_lbfgs_what_does_not_fit_is_refused(options, message):
    network = options.pop("network", SOFTMAX)
    with pytest.raises(ValueError, match=f"^{message}"):
        lbfgs(network, X, ONE_HOT, **options)


# ----------------------------------------------------------------------------- over a group


@pytest.mark.once
@pytest.mark.parametrize("options", [{}, {"batch_size": 3}, {"l2": 0.1, "batch_size": 2}])
@pytest.mark.parametrize("size", [1, 2, 3, 12])
def test_members_of_a_group_evaluate_a_part_each(size, options):
    """Of 12 members two have no example."""
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(3, 10)), rng.uniform(0.5, 2.0, size=10)
    Y = (X[:1] + X[1:2] > 0.3 * X[2:]).astype(float)
    network = Network(3, (Dense(4, "tanh"), Dense(1)), "sigmoid_cross_entropy")
    options = {"weights": weights, "max_iter": 8, "validation": (-X, Y), **options}
    alone = lbfgs(network, X, Y, **options)
    for x in (X, Source((3, 10), lambda which: X[:, which], X[:, :1])):
        runs = over_threads(size, lambda group, x=x: lbfgs(network, x, Y, group=group, **options))
        for run in runs:
            assert_close(run.theta, runs[0].theta, rtol=0)
            # Eight line searches enlarge the rounding of the sums.
            assert_close(run.theta, alone.theta, rtol=1e-8, atol=1e-9)
            assert (run.epochs, run.ending) == (alone.epochs, alone.ending)
        if size == 1 and x is X:
            assert_close(runs[0].theta, alone.theta, rtol=0)


@pytest.mark.once
@pytest.mark.parametrize("member", [0, 1])
def test_one_member_alone_ends_lbfgs_after_its_iteration(member):
    class Stop(Callback):
        def step(self, run):
            return "enough" if run.rank == member and run.epoch == 2 else None

    X = np.random.default_rng(0).normal(size=(3, 10))
    Y = (X[:1] * X[1:2] > 0).astype(float)
    network = Network(3, (Dense(4, "tanh"), Dense(1)), "sigmoid_cross_entropy")
    runs = over_threads(2, lambda group: lbfgs(network, X, Y, group=group, callbacks=[Stop()]))
    assert {run.reason for run in runs} == {"enough" if member == 0 else "rank 1: enough"}
    assert {run.epochs for run in runs} == {2}
    assert_close(runs[0].theta, runs[1].theta, rtol=0)
    for size in (1, 2, 3):  # it goes on over any number of members
        whole = lbfgs(network, X, Y, max_iter=6)
        rest = over_threads(
            size,
            lambda group: lbfgs(network, X, Y, group=group, max_iter=6, resume=runs[0].progress),
        )
        assert_close(rest[0].theta, whole.theta, rtol=1e-8, atol=1e-9)
    with pytest.raises(DisagreementError, match="max_iter: found 5, expected 6"):
        over_threads(2, lambda group: lbfgs(network, X, Y, group=group, max_iter=6 - group.rank))
