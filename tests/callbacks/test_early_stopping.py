"""Early stopping."""

import numpy as np
import pytest

from dnn_xp import Dense, EarlyStopping, Network, backends, sgd, train
from tests.helpers import assert_close

NET = Network(1, (Dense(1),), "squared_error")


@pytest.fixture
def passing_by(array):
    """Return a run that goes from 0 towards 1, while the validation data would have it at 0.6.

    The gradient is b - 1 and the rate 0.1: b is 1 - 0.9^k after k epochs, nearest to 0.6 when
    0.9^k is nearest to 0.4, for k = 9.
    """

    def run(*callbacks, epochs=40):
        zero = array(np.zeros((1, 4)))
        data = {"validation": (zero, zero + 0.6)}
        start = array([0.0, 0.0])
        return train(
            NET,
            zero,
            zero + 1.0,
            start,
            optimizer=sgd(0.1),
            epochs=epochs,
            callbacks=callbacks,
            **data,
        )

    return run


def bias(theta):
    return float(backends.to_host(theta)[1])


def test_the_best_parameters_are_returned(passing_by):
    run = passing_by(EarlyStopping(patience=3))
    assert run.epochs == 12
    assert run.reason == "no better validation_cost in 3 epochs"
    assert len(run.history["validation_cost"]) == 12
    assert int(np.argmin(run.history["validation_cost"])) == 8
    assert bias(run.theta) == pytest.approx(1 - 0.9**9, rel=1e-14)


def test_also_when_the_run_ends_by_itself(passing_by):
    run = passing_by(EarlyStopping(patience=30), epochs=11)
    assert run.reason == "11 epochs"
    assert bias(run.theta) == pytest.approx(1 - 0.9**9, rel=1e-14)


def test_little_is_no_improvement(passing_by):
    """From epoch to epoch the cost falls by 0.05, 0.04, ...: less than 0.03 is nothing."""
    run = passing_by(EarlyStopping(patience=1, min_delta=0.03))
    falls = -np.diff(run.history["validation_cost"])
    assert (falls[:-1] >= 0.03).all()
    assert falls[-1] < 0.03


def test_another_figure_is_watched(passing_by):
    run = passing_by(EarlyStopping(patience=3, monitor="cost"))
    assert run.epochs == 40  # it falls all the time
    assert bias(run.theta) == pytest.approx(1 - 0.9**40, rel=1e-14)


def test_early_stopping_one_object_serves_two_runs(passing_by):
    stopping = EarlyStopping(patience=3)
    one, other = passing_by(stopping), passing_by(stopping)
    assert_close(one.theta, other.theta, rtol=0)
    assert one.epochs == other.epochs


def test_early_stopping_what_cannot_be_watched_is_refused(passing_by):
    with pytest.raises(ValueError, match="monitor: found 'loss', expected one of cost, valid"):
        passing_by(EarlyStopping(monitor="loss"))
    with pytest.raises(ValueError, match="patience: found 0, expected a whole number from 1 on"):
        EarlyStopping(patience=0)


@pytest.mark.filterwarnings("ignore:m is not a number")
def test_figures_that_are_no_numbers_at_first_do_not_stay_the_best(array):
    """Also where the run goes on after them."""
    X, figures = array(np.ones((1, 4))), [float("nan")] * 2 + [10.0 - i for i in range(6)]

    def run(first, epochs, resume=None):
        rest = iter(figures[first:])
        options = {"metrics": {"m": lambda A, Y: next(rest)}, "epochs": epochs, "resume": resume}
        return train(NET, X, X, callbacks=[EarlyStopping(3, monitor="m", mode="min")], **options)

    assert run(2, 8, run(0, 2).progress).epochs == run(0, 8).epochs == 8


def test_a_figure_that_never_is_a_number_is_the_reason(array):
    X = array(np.ones((1, 4)))
    options = {"metrics": {"m": lambda A, Y: float("nan")}, "epochs": 9}
    with pytest.warns(RuntimeWarning, match="m is not a number"):
        run = train(NET, X, X, callbacks=[EarlyStopping(3, monitor="m", mode="min")], **options)
    assert run.reason == "m was no number in 3 epochs"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": "3"}, "patience: found '3'"),
        ({"patience": 2.5}, "patience: found 2.5"),
        ({"patience": float("inf")}, "patience: found inf"),
        ({"patience": None}, "patience: found None"),
        ({"patience": True}, "patience: found True"),
        ({"min_delta": "0"}, "min_delta: found '0'"),
        ({"min_delta": float("nan")}, "min_delta: found nan"),
        ({"monitor": None}, "monitor: found None"),
        ({"mode": "up"}, "mode: found 'up'"),
    ],
)
def test_early_stopping_arguments_of_another_kind_are_named(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        EarlyStopping(**options)


@pytest.mark.once
def test_a_run_does_not_go_on_with_the_other_mode():
    X, network = np.ones((1, 4)), Network(1, (Dense(1),), "squared_error")
    begun = train(network, X, X, epochs=1, callbacks=[EarlyStopping(3, monitor="cost", mode="min")])
    for mode in ("min", None):
        again = EarlyStopping(3, monitor="cost", mode=mode)
        train(network, X, X, epochs=2, callbacks=[again], resume=begun.progress)
    other, said = EarlyStopping(3, monitor="cost", mode="max"), "mode: found 'max', expected 'min'"
    with pytest.raises(ValueError, match=said):
        train(network, X, X, epochs=2, callbacks=[other], resume=begun.progress)
