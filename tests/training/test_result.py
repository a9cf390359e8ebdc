"""What a run ends with."""

import numpy as np

from dnn_xp import Dense, Network, train


def test_result_of_a_run_holds_all_that_it_takes_to_go_on():
    X = np.ones((2, 4))
    run = train(Network(2, (Dense(1),), "squared_error"), X, X[:1], epochs=3)
    assert run.epochs == len(run.history["cost"]) == 3
    assert run.progress is not None
    assert run.progress.epoch == 3
    assert run.state is None  # that of L-BFGS
