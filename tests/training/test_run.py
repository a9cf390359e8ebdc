"""A run under way: what callbacks see of it, and driving one by hand."""

import gc
import weakref

import numpy as np
import pytest

from dnn_xp import Callback, Dense, EarlyStopping, Network, accuracy, sgd, train
from dnn_xp.backends import to_host
from dnn_xp.data.sources import Source
from dnn_xp.training import Ending
from dnn_xp.training.evaluation import Evaluation
from dnn_xp.training.loop import TrainingData, prepare_run
from dnn_xp.training.settings import Settings
from tests.helpers import assert_close
from tests.runs import CASES, train_case

NET = Network(3, (Dense(4, "tanh"), Dense(1)), "sigmoid_cross_entropy")


class Look(Callback):
    """Keep what a run shows at each moment."""

    def __init__(self):
        self.seen = []

    def start(self, run):
        self._look("start", run)

    def step(self, run):
        self._look("step", run)

    def epoch(self, run):
        self._look("epoch", run)

    def _look(self, moment, run):
        theta = to_host(run.theta).copy()
        self.seen.append((moment, run.epoch, run.batch, run.step, theta, run.progress.steps))


def test_run_shows_where_it_is(data):
    look = Look()
    train(NET, *data[:2], epochs=2, batch_size=4, callbacks=[look])
    assert [place[:4] for place in look.seen] == [
        ("start", 0, 0, 0),
        ("step", 0, 1, 1),
        ("step", 0, 2, 2),
        ("step", 0, 3, 3),
        ("epoch", 1, 0, 3),
        ("step", 1, 1, 4),
        ("step", 1, 2, 5),
        ("step", 1, 3, 6),
        ("epoch", 2, 0, 6),
    ]
    assert [place[5] for place in look.seen] == [place[3] for place in look.seen]
    np.testing.assert_array_equal(look.seen[3][4], look.seen[4][4])  # after the epoch's last step
    assert not np.array_equal(look.seen[1][4], look.seen[2][4])


def test_run_knows_which_figures_are_better_when_larger(data):
    modes = {}

    class Keep(Callback):
        def start(self, run):
            modes.update(run.modes)

    own = {"accuracy": accuracy, "mine": lambda A, Y: A[0, 0] - Y[0, 0]}
    train(NET, *data[:2], epochs=1, validation=data[:2], metrics=own, callbacks=[Keep()])
    assert modes["validation_cost"] == modes["cost"] == "min"
    assert modes["validation_accuracy"] == "max"
    assert "validation_mine" not in modes


def test_run_can_be_driven_epoch_by_epoch(data):
    """As in a notebook: each epoch when one wants it."""
    settings = Settings(sgd(0.3), 5, 4)
    run = prepare_run(NET, TrainingData(*data[:2]), None, settings, Evaluation())
    for epoch in range(3):
        assert run.epoch == epoch
        run.run_epoch()
    expected = train(NET, *data[:2], optimizer=sgd(0.3), epochs=3, batch_size=4)
    assert_close(run.theta, expected.theta, rtol=0)
    result = run.result()
    assert_close(result.theta, expected.theta, rtol=0)
    assert (result.epochs, result.history) == (3, expected.history)


def test_run_that_is_stopped_for_several_reasons_keeps_all(data):
    run = prepare_run(NET, TrainingData(*data[:2]), None, Settings(sgd(0.3), 5, 4), Evaluation())
    run.stop(Ending.STOPPED, "enough")
    run.stop(Ending.INTERRUPTED, "asked")
    run.stop(Ending.CONVERGED, "there")
    result = run.result()
    assert (result.ending, result.reason) == (Ending.INTERRUPTED, "enough; asked; there")


@pytest.mark.parametrize("case", CASES)
def test_callbacks_keep_no_data_and_no_run(case):
    """What they keep is plain: nothing of the run lives on with them."""
    alive = []

    class Watch(Callback):
        def start(self, run):
            alive.append(weakref.ref(run))

    stopping = EarlyStopping(2, monitor="cost")
    train_case(case, stopping, Watch())
    gc.collect()
    assert alive[0]() is None
    kept = [value for value in vars(stopping).values() if hasattr(value, "shape")]
    assert kept == []


@pytest.mark.parametrize("batch_size", [4, None])
def test_how_steps_are_taken_is_chosen_once_and_sees_whole_batches(data, library, batch_size):
    """Of the data of a run that are read, too: nothing is gathered before."""
    X, Y, _ = data
    source = Source((3, 10), lambda which: X[:, which], X)
    calls = []

    def make_step(config, held, settings):
        assert not config.gathered

        def take_step(state, data, batch, scalars, workspace):
            assert all(one is other for one, other in zip(data, held, strict=True))
            places = np.arange(10) if batch.indices is None else to_host(batch.indices)
            calls.append(places[: batch.count])
            return state

        return take_step

    settings = Settings(sgd(0.3), 1, batch_size)
    if library.backend == "dask":  # where the scheduler adds up, and nobody else
        told = TrainingData(X, Y)
        with pytest.raises(ValueError, match="group: found with an array of Dask"):
            prepare_run(NET, told, None, settings, Evaluation(), make_step=make_step)
    for examples in (source,) if library.backend == "dask" else (X, source):
        told = TrainingData(examples, Y)
        run = prepare_run(NET, told, None, settings, Evaluation(), make_step=make_step)
        before = to_host(run.theta).copy()
        run.run_epoch()
        np.testing.assert_array_equal(to_host(run.theta), before)
        assert sorted(np.concatenate(calls)) == list(range(10))
        assert len(calls) == (1 if batch_size is None else 3)
        calls.clear()


def test_a_run_under_way_is_one_line():
    seen = []

    class See(Callback):
        def start(self, run):
            seen.append(repr(run))

        def epoch(self, run):
            seen.append(repr(run))

    X = np.ones((2, 4))
    run = train(Network(2, (Dense(1),), "squared_error"), X, X[:1], epochs=2, callbacks=[See()])
    first, last = run.history["cost"]
    assert seen == [
        "GradientRun(0 of 2 epochs)",
        f"GradientRun(1 of 2 epochs, cost {first:.4g})",
        f"GradientRun(2 of 2 epochs, cost {last:.4g})",
    ]
