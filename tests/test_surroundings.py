"""What a call leaves of its process: all of it, also after an error and in threads."""

import gc
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from dnn_xp import Dense, Interruptible, Network, TimeLimit, lbfgs, train
from dnn_xp.article import L_layer_model, predict
from dnn_xp.backends import current_backend
from dnn_xp.training import Callback, learning_rate_range_test
from dnn_xp.training.optimizers import sgd

ROOT = Path(__file__).resolve().parent.parent
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(3, 40)), (RNG.random((1, 40)) > 0.5).astype(float)
NETWORK = Network(3, (Dense(4, "tanh"), Dense(1)), "sigmoid_cross_entropy")
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Boom(Exception):
    """An error of a user's own."""


class Raise(Callback):
    """Raise at a moment of the run."""

    def __init__(self, moment):
        self.moment = moment

    def _look(self, moment):
        if moment == self.moment:
            raise Boom(moment)

    def start(self, run):
        self._look("start")

    def step(self, run):
        self._look("step")

    def epoch(self, run):
        self._look("epoch")

    def end(self, result):
        self._look("end")
        return result

    def close(self):
        self._look("close")


def gradient_run(callbacks):
    train(NETWORK, X, Y, epochs=2, batch_size=16, callbacks=callbacks)


def example_space_run(callbacks):
    wide = Network(40, (Dense(4, "tanh"), Dense(1)), "sigmoid_cross_entropy")
    train(wide, X.T, Y[:, :3], epochs=2, example_space=True, callbacks=callbacks)


def diverging_run(callbacks):
    train(NETWORK, 1e200 * X, Y, optimizer=sgd(1e200), epochs=3, callbacks=callbacks)


def lbfgs_run(callbacks):
    pytest.importorskip("scipy")
    lbfgs(NETWORK, X, Y, max_iter=2, callbacks=callbacks)


def estimator(solver):
    def run(callbacks):
        pytest.importorskip("sklearn")
        from dnn_xp import MLPClassifier

        MLPClassifier((4,), solver=solver, max_iter=2, random_state=0, callbacks=callbacks).fit(
            X.T, Y[0]
        )

    run.__name__ = solver
    return run


def diverging_estimator(callbacks):
    pytest.importorskip("sklearn")
    from dnn_xp import MLPRegressor

    MLPRegressor((4,), "identity", solver="lbfgs", random_state=0, callbacks=callbacks).fit(
        1e200 * X.T, Y[0]
    )


RUNS = [
    gradient_run,
    example_space_run,
    diverging_run,
    lbfgs_run,
    estimator("adam"),
    estimator("lbfgs"),
    diverging_estimator,
]


def surroundings():
    """Return what belongs to the process, and is nobody's to change for good."""
    root, package = logging.getLogger(), logging.getLogger("dnn_xp")
    found = {
        "warnings": list(warnings.filters),
        "showwarning": warnings.showwarning,
        "environment": dict(os.environ),
        "signals": [signal.getsignal(one) for one in SIGNALS],
        "random": random.getstate(),
        "NumPy's random": repr(np.random.get_state()),
        "NumPy's errors": np.geterr(),
        "NumPy's printing": np.get_printoptions(),
        "logging": [root.level, root.handlers[:], package.level, package.handlers[:]],
        "backend": current_backend(),
        "folder": os.getcwd(),
        "path": sys.path[:],
        "hooks": [sys.excepthook, threading.excepthook, sys.stdout, sys.stderr],
        "recursion": sys.getrecursionlimit(),
        "garbage": [gc.isenabled(), *gc.get_threshold()],
        "threads": threading.active_count(),
    }
    with suppress(ImportError):
        from threadpoolctl import threadpool_info

        found["limits"] = {one["filepath"]: one["num_threads"] for one in threadpool_info()}
    return found


def unchanged(function):
    """Call a function, whatever it warns of, and see that it changed nothing."""
    before = surroundings()
    with suppress(RuntimeWarning, UserWarning):  # errors in these tests
        function()
    after = surroundings()
    for name, value in after.items():
        assert value == before[name], name


@pytest.fixture(autouse=True)
def two_threads():
    """Set limits that can be seen to be changed."""
    with suppress(ImportError):
        from dnn_xp.backends import threads

        for one in threads._pools("blas").lib_controllers:
            one.set_num_threads(2)
            getattr(one, "clear_controlling_thread", lambda: None)()
    surroundings()  # loads what it asks


@pytest.mark.once
@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_a_run_leaves_the_process_as_it_was(run):
    with suppress(RuntimeWarning, UserWarning, ValueError):
        run([])  # which loads what it needs
    unchanged(lambda: _run_anyhow(run, [Interruptible(), TimeLimit(100)]))


@pytest.mark.once
@pytest.mark.parametrize("moment", ["start", "step", "epoch", "end", "close"])
@pytest.mark.parametrize(
    "run", [gradient_run, lbfgs_run, estimator("adam")], ids=lambda f: f.__name__
)
def test_an_error_at_any_moment_leaves_the_process_as_it_was(run, moment):
    for callbacks in ([Interruptible(), Raise(moment)], [Raise(moment), Interruptible()]):
        unchanged(lambda callbacks=callbacks: _raised(run, callbacks, Boom))


def _run_anyhow(run, callbacks):
    with suppress(ValueError):  # of an estimator that diverges
        run(callbacks)


def _raised(run, callbacks, error):
    with pytest.raises(error):
        run(callbacks)


@pytest.mark.once
@pytest.mark.parametrize(
    "call",
    [
        lambda: learning_rate_range_test(NETWORK, X, Y, highest=1e6, steps=20),
        lambda: predict(X, Y, L_layer_model(X, Y, [3, 4, 1], num_iterations=2)),
        lambda: NETWORK.predict(NETWORK.initialize(0), X),
        lambda: NETWORK.initialize(7),
    ],
    ids=["range test", "the article's model", "predict", "initialize"],
)
def test_a_call_leaves_the_process_as_it_was(call):
    unchanged(call)


@pytest.mark.once
@pytest.mark.parametrize(
    "run",
    [
        lambda: learning_rate_range_test(NETWORK, X, Y, highest=1e6, steps=20),
        lambda: _raised(diverging_estimator, [], ValueError),
        lambda: _raised(gradient_run, [Raise("step")], Boom),
        lambda: _raised(lbfgs_run, [Raise("epoch")], Boom),
    ],
    ids=["range test", "diverging estimator", "error in a step", "error after an iteration"],
)
def test_runs_in_threads_leave_the_process_as_it_was(run):
    """Some ways of leaving a thing as it was do so in one thread only."""
    run()

    def four_at_once():
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: run(), range(40)))

    unchanged(four_at_once)


# ----------------------------------------------------------------------------- other systems

LACKS = """
import os, signal, sys
for name in ("fcntl", "grp", "posix_ipc", "pwd", "resource", "termios"):
    sys.modules[name] = None
for name in ("fork", "register_at_fork", "fchmod", "geteuid", "getuid", "mkfifo", "posix_fadvise"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "alarm", "setitimer", "siginterrupt"):
    if hasattr(signal, name):
        delattr(signal, name)
"""


@pytest.mark.once
def test_what_other_systems_lack_is_asked_for_first(tmp_path):
    """Training, files, checkpoints and the command line, without what Windows does not have."""
    program = (
        LACKS
        + """
import importlib, pkgutil
import numpy as np
import dnn_xp
from dnn_xp import Checkpoint, Dense, Interruptible, Network, load_checkpoint, train
for module in pkgutil.walk_packages(dnn_xp.__path__, "dnn_xp."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
X = np.ones((2, 8))
run = train(Network(2, (Dense(1),), "squared_error"), X, X[:1], epochs=2,
            callbacks=[Interruptible(), Checkpoint("run.checkpoint")])
assert load_checkpoint("run.checkpoint").epoch == 2
from dnn_xp.app.cli import main
try:
    main(["train", "--epochs", "2", "--output", "model.h5", "--checkpoint", "cli.checkpoint"])
except SystemExit as end:
    assert not end.code, end.code
assert dnn_xp.load_model("model.h5").network
"""
    )
    for needed in ("typer", "rich", "sklearn"):
        pytest.importorskip(needed)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
