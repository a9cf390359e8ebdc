"""What a run is known again by. What `train` says of another run: test_progress.py."""

from typing import NamedTuple

import h5py
import numpy as np
import pytest

from dnn_xp import Checkpoint, Dense, Network, load_checkpoint, open_examples, sgd, train
from dnn_xp.backends import to_host
from dnn_xp.training import AnotherRunError, Optimizer, Regularization, adamw, lbfgs
from dnn_xp.training.identity import (
    check_same_run,
    describe_gradient_run,
    digest,
    fingerprint,
)
from dnn_xp.training.problem import Problem
from dnn_xp.training.settings import Settings, check_settings

NET = Network(3, (Dense(4, "tanh"), Dense(1)), "squared_error")
RNG = np.random.default_rng(0)
X, Y, WEIGHTS = RNG.normal(size=(3, 40)), RNG.normal(size=(1, 40)), RNG.uniform(1, 2, 40)
THETA = NET.initialize(0, dtype="float64")


def problem(X=X, Y=Y, weights=WEIGHTS, validation=None):
    return Problem(NET, THETA, X, Y, weights, validation)


def described(settings=None, **changes):
    settings = check_settings((settings or Settings(sgd(0.1), 3))._replace(**changes), 40)
    return describe_gradient_run(problem(), settings, example_space=False, after_steps=None)


def test_identity_is_of_json_and_of_no_private_name():
    identity = described(Settings(adamw(0.1), 3, regularization=Regularization(l2=0.1)))
    assert identity["optimizer"] == "adamw(0.1)"
    assert identity["l2"] == 0.1
    assert "._" not in str(identity)
    digest(identity)  # which writes it as JSON


def test_what_has_its_default_is_left_out():
    """So a setting that a later version brings, and that does nothing, changes nothing."""

    class Later(NamedTuple):
        l1: float = 0.0
        l2: float = 0.0
        max_norm: float | None = None
        label_smoothing: float = 0.0
        mixup: float = 0.0
        noise: float = 0.0
        summed: bool = False
        cutmix: float = 0.0

    assert described(regularization=Later()) == described()
    assert described(regularization=Later(cutmix=0.5)) == described() | {"cutmix": 0.5}


def test_identity_of_an_optimizer_of_ones_own_is_its_name_and_numbers():
    def mine(theta, gradient, state, learning_rate, step, factor):
        return theta, state

    one, other = (Optimizer(lambda theta: (), mine, 0.1, (factor,)) for factor in (0.5, 0.25))
    identities = [described(optimizer=optimizer)["optimizer"] for optimizer in (one, other)]
    assert identities[0] != identities[1]
    assert all("mine" in identity and "0x" not in identity for identity in identities)


# ----------------------------------------------------------------------------- data


def test_fingerprint_is_the_same_for_all_libraries(array, tmp_path):
    """And for a file, from which examples are read."""
    expected = fingerprint(problem())
    there = problem(array(X), array(Y), array(WEIGHTS))
    assert fingerprint(there) == expected
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = X.T
    with open_examples(tmp_path / "data.h5", like=array(np.empty((0,)))) as rows:
        assert fingerprint(problem(rows, array(Y), array(WEIGHTS))) == expected


@pytest.mark.parametrize("place", [0, 39])
@pytest.mark.parametrize("which", ["X", "Y", "weights"])
def test_fingerprint_sees_the_first_and_the_last_example(place, which):
    data = {"X": X.copy(), "Y": Y.copy(), "weights": WEIGHTS.copy()}
    before = fingerprint(problem(**data))
    data[which][..., place] += 1e-9
    assert fingerprint(problem(**data)) != before


def test_fingerprint_of_many_or_wide_examples_is_bounded(monkeypatch):
    """It looks at no more than 1,024 of them, evenly spread, and at two at least."""
    seen = []

    def read(which):
        seen.append(which)
        return np.zeros((3, len(which)))

    from dnn_xp.data import Source

    fingerprint(problem(Source((3, 10**6), read, X), np.zeros((1, 10**6)), None))
    assert len(seen[0]) == 1024
    assert (seen[0][0], seen[0][-1]) == (0, 10**6 - 1)
    assert np.ptp(np.diff(seen[0])) <= 1
    fingerprint(problem(Source((10**9, 50), read, X), np.zeros((1, 50)), None))
    assert seen[1].tolist() == [0, 49]


def test_validation_data_have_a_fingerprint_of_their_own():
    one = fingerprint(problem(validation=(X, Y, None)))
    other = fingerprint(problem(validation=(X, -Y, None)))
    assert one["data"] == other["data"]
    assert one["validation_data"] != other["validation_data"]


@pytest.mark.parametrize("method", [train, lbfgs])
@pytest.mark.parametrize("kept", ["in memory", "in a file"])
def test_other_data_are_refused_on_resuming(array, library, tmp_path, method, kept):
    if method is lbfgs:
        pytest.importorskip("scipy")
    count = "epochs" if method is train else "max_iter"
    data, validation = (array(X), array(Y)), (array(X[:, :9]), array(Y[:, :9]))
    options = {"validation": validation, "weights": array(WEIGHTS)}
    if kept == "in memory" and library.backend == "dask":
        pytest.skip("what Dask would have to work out for it is looked at only for a file")
    path = tmp_path / "run.checkpoint"
    progress = method(NET, *data, callbacks=[Checkpoint(path)], **options, **{count: 2}).progress
    if kept == "in a file":
        progress = load_checkpoint(path)
    options |= {"resume": progress, count: 3}
    assert method(NET, *data, **options).epochs == 3
    for others, changes in (
        ((array(-X), array(Y)), {}),
        ((array(X), array(2.0 * Y)), {}),
        (data, {"weights": array(WEIGHTS[::-1].copy())}),
    ):
        with pytest.raises(AnotherRunError, match="X, Y or weights: found other data"):
            method(NET, *others, **options | changes)
    with pytest.raises(AnotherRunError, match="validation: found other data"):
        method(NET, *data, **options | {"validation": (validation[0], -1.0 * validation[1])})


def test_the_error_holds_what_differs_by_the_names_of_arguments():
    with pytest.raises(AnotherRunError) as raised:
        check_same_run({"seed": 1, "batch_size": 4}, {"seed": 2, "batch_size": 4, "l2": 0.1})
    assert raised.value.differences == {"seed": (1, 2), "l2": (None, 0.1)}
    assert "seed: found 1, expected 2; l2: found the default, expected 0.1" in str(raised.value)


def test_digests_tell_runs_apart():
    names = {digest(described()), digest(described(seed=1)), digest(described(epochs=9))}
    assert len(names) == 2  # a longer run is the same


def test_the_start_is_known_by_its_values(array):
    run = train(NET, array(X), array(Y), array(to_host(THETA)), epochs=1)
    with pytest.raises(AnotherRunError, match="theta: found another start"):
        train(NET, array(X), array(Y), array(-to_host(THETA)), epochs=2, resume=run.progress)
