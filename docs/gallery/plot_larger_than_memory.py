"""
Larger than memory
==================

Examples stay in a file and are read a window at a time. What is learnt of them is what is learnt of
the same examples in memory, though they come in another order.
"""

import tempfile
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure

from dnn_xp import Dense, Network, Preprocessing, accuracy, open_examples, train
from dnn_xp.data import load_digits
from dnn_xp.reports import show
from dnn_xp.training import adam

# %%
# The file
# --------
# Ten copies of the bundled digits, each with a noise of its own, stand for a file that does not fit
# into memory. It is written in pieces. A row is an example, and a chunk has 64 of them.

digits = load_digits()
rng = np.random.default_rng(0)
folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "digits.h5")
n_copies, (n_features, n_digits) = 10, digits.X.shape
with h5py.File(path, "w") as file:
    x = file.create_dataset(
        "x", (n_copies * n_digits, n_features), np.uint8, chunks=(64, n_features)
    )
    y = file.create_dataset("y", (n_copies * n_digits,), np.uint8)
    for start in range(0, n_copies * n_digits, n_digits):
        noisy = digits.X.T + rng.integers(0, 5, (n_digits, n_features))
        x[start : start + n_digits] = np.minimum(noisy, 16)
        y[start : start + n_digits] = digits.y.ravel()
print(f"{path.stat().st_size / 1e6:.1f} MB")

# %%
# Training from the file
# ----------------------
# No more than two windows are in memory: one that is learnt, and one that a thread reads meanwhile.
# Bytes are scaled a batch at a time, and classes become targets.

net = Network(n_features, (Dense(32, "relu"), Dense(10)), cost="softmax_cross_entropy")
like = np.empty(0, np.float32)
options = {"optimizer": adam(0.003), "epochs": 10, "batch_size": 128}
scale = Preprocessing(shift=0.0, scale=1 / 16)
with (
    open_examples(path, "x", like=like, preprocessing=scale, window=4096) as X,
    open_examples(path, "y", like=like) as Y,
):
    order = X.order
    from_file = train(net, X, Y, **options)
    logits = net.predict(from_file.theta, X, batch_size=4096)

# %%
# The same in memory
# ------------------

with h5py.File(path) as file:
    X_here, classes = np.asarray(file["x"][:].T, np.float32) / 16, file["y"][:]
folder.cleanup()
from_memory = train(net, X_here, classes, **options)
Y_here = np.eye(10, dtype=np.float32)[classes].T
for place, found in (("file", logits), ("memory", net.predict(from_memory.theta, X_here))):
    print(f"from {place}: accuracy {float(accuracy(found, Y_here)):.4f}")

# %%
# Cost and order
# --------------
# Left, the costs fall alike. Right is where in the file the examples of an epoch lie, one after the
# other: each window holds runs from all over the file, which are mixed.

curves = Figure(layout="constrained")
axes = curves.add_subplot(xlabel="epoch", ylabel="cost", yscale="log")
epochs = np.arange(1, 11)
axes.plot(epochs, from_memory.history["cost"], "o-", color="#0072B2", label="from memory")
axes.plot(epochs, from_file.history["cost"], "^--", color="#D55E00", label="from the file")
axes.legend()

places = np.concatenate([one.examples[one.order] for one in order.windows(seed=0, epoch=0)])
taken = Figure(layout="constrained")
axes = taken.add_subplot(xlabel="taken as number", ylabel="place in the file")
axes.scatter(np.arange(len(places)), places, s=0.3, color="#0072B2", linewidths=0, rasterized=True)
for number in range(order.window, len(places), order.window):
    axes.axvline(number, color="black", linewidth=0.8)

for figure in (curves, taken):
    figure.set_size_inches(4.5, 3.2)
    show(figure)
