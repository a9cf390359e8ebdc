"""
Two moons
=========

Two classes, each a half circle with some noise, lie so that no straight line separates them.
A network with two small hidden layers finds a curve that does.
"""

import numpy as np
from matplotlib.figure import Figure

from dnn_xp import Dense, Network, accuracy, learning_curve, train
from dnn_xp.reports import show
from dnn_xp.training import adam

# %%
# The data
# --------
# NumPy is all that it takes. Columns are examples, so ``X`` has two rows: one for each coordinate.


def two_moons(n_examples, noise, rng):
    """Return points, shape (2, n_examples), and their classes, shape (1, n_examples)."""
    Y = rng.integers(0, 2, size=(1, n_examples)).astype(float)
    angle = rng.uniform(0.0, np.pi, size=(1, n_examples))
    upper = np.concat([np.cos(angle), np.sin(angle)])
    lower = np.concat([1.0 - np.cos(angle), 0.5 - np.sin(angle)])
    X = np.where(Y == 0.0, upper, lower)
    return X + noise * rng.normal(size=X.shape), Y


rng = np.random.default_rng(0)
X, Y = two_moons(400, 0.2, rng)
X_new, Y_new = two_moons(400, 0.2, rng)

# %%
# The network
# -----------
# The last layer gives logits. The cost brings the sigmoid that makes probabilities of them. The
# second set of points is only measured, never learnt from.

layers = (Dense(16, "tanh"), Dense(16, "tanh"), Dense(1))
net = Network(2, layers, cost="sigmoid_cross_entropy")
new = (X_new, Y_new)
run = train(net, X, Y, optimizer=adam(0.01), epochs=60, batch_size=32, validation=new)
right = accuracy(net.predict(run.theta, X_new), Y_new)
print(f"accuracy on new points: {float(right):.3f}")

# %%
# What it has learnt
# ------------------
# Left is the probability of the second class at every point of the plane, with the new points on
# it. The line is where both classes are as likely. Right is how the cost fell.

columns, rows = np.meshgrid(np.linspace(-2.0, 3.0, 250), np.linspace(-1.5, 2.0, 175))
plane = np.stack([columns.ravel(), rows.ravel()])
probability = net.predict(run.theta, plane).reshape(columns.shape)

boundary = Figure(layout="constrained")
axes = boundary.add_subplot(xlabel="first coordinate", ylabel="second coordinate")
levels = np.linspace(0.0, 1.0, 11)
shades = axes.contourf(columns, rows, probability, levels, cmap="RdBu_r", alpha=0.4)
axes.contour(columns, rows, probability, [0.5], colors="black")
for label, marker, colour in ((0.0, "o", "#0072B2"), (1.0, "^", "#D55E00")):
    x, y = X_new[:, Y_new[0] == label]
    axes.scatter(x, y, s=20, c=colour, marker=marker, edgecolors="white", linewidths=0.5)
boundary.colorbar(shades, label="probability of the second class", ticks=[0.0, 0.5, 1.0])

curve = learning_curve(run.history)
for figure in (boundary, curve):
    figure.set_size_inches(4.5, 3.2)
    show(figure)
