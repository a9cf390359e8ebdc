"""What one process of a group does: ``python -m tests.distributed.worker ENGINE TASK ...``.

Each prints what it has found, as a line of JSON with its rank; an error goes its way.
"""

import json
import os
import signal
import sys
import time
import zlib
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np

from dnn_xp import (
    Callback,
    Checkpoint,
    Dense,
    Dropout,
    Interruptible,
    Network,
    lbfgs,
    load_checkpoint,
    open_examples,
    sgd,
    train,
)
from dnn_xp.backends import (
    as_group,
    from_host,
    gather_texts,
    open_backend,
    over_jax,
    over_mpi,
    over_torch,
    to_host,
)
from dnn_xp.training import Regularization, adam, momentum

NETWORK = Network(20, (Dense(16, "tanh"), Dropout(0.3), Dense(5)), "softmax_cross_entropy")
RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(20, 60)), RNG.integers(5, size=60)
Y, WEIGHTS = np.eye(5)[LABELS].T, RNG.uniform(0.5, 2.0, size=60)
OPTIMIZERS = {"sgd": sgd(0.1), "momentum": momentum(0.05), "adam": adam(0.001)}
# By the examples and the size of a batch: 30 steps each.
KINDS = {
    "even": (60, 20, 10),
    "uneven": (42, 7, 5),
    "one without": (15, 3, 6),
    "file": (60, 20, 10),
}


def join(engine, **options):
    """Return the group of an engine, whose processes the test has started."""
    if engine == "mpi":
        return over_mpi()
    if engine == "torch":
        return over_torch(**options)
    if engine == "accelerate":
        from accelerate import Accelerator

        Accelerator(cpu=True)
        return over_torch(**options)
    import jax

    where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    jax.distributed.initialize(where, int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"]))
    return over_jax()


def say(group, **found):
    print(json.dumps({"rank": group.rank, **found}), flush=True)


def sum_of(theta):
    return zlib.crc32(to_host(theta).tobytes())


# ----------------------------------------------------------------------------- the same as one


def run_of(array, dtype, optimizer, kind, group=None):
    m, batch_size, epochs = KINDS[kind]
    x, y, weights = (array(one[..., :m].astype(dtype)) for one in (X, Y, WEIGHTS))
    with ExitStack() as stack:
        if kind == "file":  # of runs of 8 rows, of which a window has three
            path = Path(stack.enter_context(TemporaryDirectory()), "data.h5")
            with h5py.File(path, "w") as file:
                file.create_dataset("x", data=X.T, chunks=(8, 20))
            x = stack.enter_context(open_examples(path, "x", like=y, window=24))
        return train(
            NETWORK,
            x,
            y,
            weights=weights,
            optimizer=OPTIMIZERS[optimizer],
            batch_size=batch_size,
            epochs=epochs,
            seed=3,
            regularization=Regularization(l2=0.01),
            clip_norm=0.5,
            group=group,
        )


def parity(group, libraries, kinds, optimizers):
    """Say how far a run over the group is from that of one process, relative to the largest."""
    for library in libraries.split(","):
        if library == "jax":
            import jax

            jax.config.update("jax_enable_x64", True)
        backend = open_backend(library)

        def array(x, backend=backend):
            return from_host(x, backend=backend)

        for dtype in ("float64", "float32"):
            for optimizer in optimizers.split(","):
                for kind in kinds.split(","):
                    shared = run_of(array, dtype, optimizer, kind, group)
                    assert shared.progress.steps == 30
                    alone = to_host(run_of(array, dtype, optimizer, kind).theta)
                    apart = float(np.abs(to_host(shared.theta) - alone).max() / np.abs(alone).max())
                    key = [library, dtype, optimizer, kind]
                    say(group, key=key, apart=apart, bits=sum_of(shared.theta))


def parity_lbfgs(group):
    network = Network(20, (Dense(8, "tanh"), Dense(5)), "softmax_cross_entropy")
    options = {"max_iter": 5, "weights": WEIGHTS, "l2": 0.01}
    shared, alone = lbfgs(network, X, Y, group=group, **options), lbfgs(network, X, Y, **options)
    apart = float(np.abs(shared.theta - alone.theta).max())
    say(group, apart=apart, bits=sum_of(shared.theta))


# ----------------------------------------------------------------------------- what may go wrong


class At(Callback):
    """Do something in one process after some step."""

    def __init__(self, rank, step, do):
        self.rank, self.at, self.do = rank, step, do

    def step(self, run):
        return self.do() if (run.rank, run.step) == (self.rank, self.at) else None


def fail():
    raise OSError("the disk of rank 1 is gone")


def one_does(group, do, step=7, **options):
    """Train for long; after a step, rank 1 does something that the others do not."""
    options = {"epochs": 50, "batch_size": 10, "seed": 1} | options
    callbacks = [*options.pop("callbacks", ()), At(1, step, do)]
    try:
        run = train(NETWORK, X, Y, group=group, callbacks=callbacks, **options)
    except Exception as error:
        say(group, error=f"{type(error).__name__}: {error}")
        raise
    found = {"reason": run.reason, "steps": run.progress.steps, "bits": sum_of(run.theta)}
    say(group, **found, ending=run.ending)


def killed(group):
    one_does(group, lambda: os.kill(os.getpid(), signal.SIGKILL))


def failing(group):
    one_does(group, fail)


def failing_before(group):
    """A rank fails in the user's own code, of which the library knows nothing."""
    if group.rank == 1:
        fail()
    one_does(group, lambda: None)


def caught(group):
    """The error of rank 1 is caught by the program, which goes on without the others."""
    try:
        one_does(group, fail)
    except OSError:
        time.sleep(8)


stuck_caught = caught


def stopping(group):
    one_does(group, lambda: "rank 1 has had enough")


def interrupted(group):
    """One rank gets a signal, and all end after its step."""
    one_does(group, lambda: os.kill(os.getpid(), signal.SIGTERM), callbacks=[Interruptible()])


def stuck(group, seconds):
    """Rank 1 is stuck; rank 0 waits for it within a sum, and has said who it is."""
    say(group, pid=os.getpid())
    one_does(group, lambda: time.sleep(float(seconds)))


def stuck_interruptible(group, seconds):
    say(group, pid=os.getpid())
    one_does(group, lambda: time.sleep(float(seconds)), callbacks=[Interruptible()])


waiting = stuck  # with the usual limit of torch


def raw(group):
    """Say whether a raw communicator is made a group of once."""
    if "mpi4py.MPI" in sys.modules:
        communicator = sys.modules["mpi4py.MPI"].COMM_WORLD
    else:
        communicator = sys.modules["torch.distributed"].group.WORLD
    first = as_group(communicator)
    hook = sys.excepthook
    options = {"epochs": 1, "group": communicator}
    run = train(NETWORK, X, Y, **options)
    once = as_group(communicator) is first and sys.excepthook is hook
    say(group, once=once, steps=run.progress.steps)


def differing(group, name):
    options = {
        "batch_size": {"batch_size": 10 + group.rank},
        "optimizer": {"optimizer": sgd(0.1 + 0.1 * group.rank)},
        "epochs": {"epochs": 50 + group.rank},
        "theta": {"theta": np.full(NETWORK.size, 0.01 * group.rank)},
        "seed": {"seed": group.rank},
        "cannot begin": {"seed": -1 if group.rank else 0},
    }[name]
    one_does(group, lambda: None, **options)


def checkpointed(group, path, kill):
    """Go on from a checkpoint, where there is one; rank 1 may be killed on the way."""
    try:
        resume = load_checkpoint(path)
    except FileNotFoundError:
        resume = None

    def do():
        if kill == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

    options = {"optimizer": adam(0.01), "ema_decay": 0.9, "epochs": 10, "resume": resume}
    one_does(group, do, step=47, callbacks=[Checkpoint(path, steps=5)], **options)


def texts(group):
    say(group, heard=gather_texts(group, "é" * group.rank))


if __name__ == "__main__":
    engine, task, *arguments = sys.argv[1:]
    limit = {"timeout": 3.0} if task.startswith("stuck") and engine == "torch" else {}
    globals()[task](join(engine, **limit), *arguments)
