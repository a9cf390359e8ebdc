"""
Intervals and quantiles
=======================

How far may a prediction be off? `TabularRegressor.predict_interval` gives a range that holds a new
value as often as is promised. Quantiles show, beside that, *where* the values spread.
"""

import numpy as np
import sklearn
from matplotlib.figure import Figure

from dnn_xp import TabularRegressor
from dnn_xp.reports import show

# %%
# The data
# --------
# How long a delivery takes, by its distance: made up here, so that there are plenty of new ones.
# The farther, the less certain, and delays are longer than what is saved on a good day.


def deliveries(n, rng):
    """Return distances in km, shape (n, 1), and minutes."""
    distance = rng.uniform(0.5, 12.0, n)
    usual = 12.0 + 2.5 * distance + 6.0 * np.sin(distance / 1.5)
    return distance[:, None], usual + (0.5 + 0.35 * distance) * (rng.gamma(1.5, 2.0, n) - 2.0)


rng = np.random.default_rng(0)
X, y = deliveries(800, rng)
X_new, y_new = deliveries(10_000, rng)

# %%
# An interval for any regressor
# -----------------------------
# Each network holds out a fifth of the examples, and its errors there tell how wide an interval
# must be. That is *split-conformal* prediction: it needs no assumption about how errors are
# distributed, only that new examples come from where those of the fit came from.

settings = {"n_members": 2, "random_state": 0}  # the default, four, takes twice the time
model = TabularRegressor(**settings).fit(X, y)
low, high = model.predict_interval(X_new, coverage=0.9).T


def held(low, high, where=slice(None)):
    """Return the share of new values within an interval, in %."""
    return 100.0 * np.mean((low <= y_new)[where] & (y_new <= high)[where])


near, far = X_new[:, 0] < 3.0, X_new[:, 0] > 9.0
print(f"held: {held(low, high):.1f} %, width {np.mean(high - low):.1f} minutes")
print(f"below 3 km {held(low, high, near):.1f} %, beyond 9 km {held(low, high, far):.1f} %")

# %%
# Nine of ten are held *on the whole*, as was promised. But the interval has the same width
# everywhere: too wide for short ways, too narrow for long ones.
#
# Quantiles
# ---------
# Told to learn quantiles, the same networks say how far values spread at each place. Three of them,
# learnt at once, never cross: what lies between two levels is at least 0 by how the outputs are
# built. A column of ``predict`` is a level.

LEVELS = [0.05, 0.5, 0.95]
quantiles = TabularRegressor(loss=("quantile", LEVELS), **settings).fit(X, y)
predicted = quantiles.predict(X_new)
for level, column in zip(LEVELS, predicted.T, strict=True):
    print(f"below the quantile of {level:.2f}: {np.mean(y_new <= column):.3f}")
assert (np.diff(predicted, axis=1) >= 0.0).all()

# %%
# Learnt quantiles promise nothing by themselves. ``predict_interval`` widens or narrows the
# outermost two by what the held-out examples say, and then promises what it does above, with a
# width of its own at each place.

low_q, high_q = quantiles.predict_interval(X_new, coverage=0.9).T
print(f"held: {held(low_q, high_q):.1f} %, width {np.mean(high_q - low_q):.1f} minutes")
print(f"below 3 km {held(low_q, high_q, near):.1f} %, beyond 9 km {held(low_q, high_q, far):.1f} %")

# %%
# The picture
# -----------
# The examples of the fit, and bands that hold 90 % of new ones.

line = np.linspace(0.5, 12.0, 300)[:, None]
picture = Figure(figsize=(9.0, 4.0), layout="constrained")
for place, (title, fitted) in enumerate(
    {"squared error: one width": model, "quantiles: a width at each place": quantiles}.items()
):
    axes = picture.add_subplot(1, 2, place + 1, title=title, xlabel="distance, km")
    axes.plot(X[:, 0], y, ".", color="#666666", markersize=3, alpha=0.6)
    ends = fitted.predict_interval(line, coverage=0.9)
    axes.fill_between(line[:, 0], *ends.T, color="#56B4E9", alpha=0.4, label="90 % interval")
    middle = fitted.predict(line)
    label = "mean" if middle.ndim == 1 else "median"
    middle = middle if middle.ndim == 1 else middle[:, LEVELS.index(0.5)]
    axes.plot(line[:, 0], middle, color="#0072B2", label=label)
    axes.legend(loc="upper left", frameon=False)
    axes.set_ylim(0, 85)
    axes.grid(alpha=0.3)
picture.axes[0].set_ylabel("delivery, minutes")
show(picture)

# %%
# The same on PyTorch
# -------------------
# With scikit-learn's switch for array libraries everything follows X: a tensor on a GPU is trained
# there, and predictions are tensors there. y may stay where it is. (Set the environment variable
# ``SCIPY_ARRAY_API=1`` before Python starts.)

try:
    import torch
except ImportError:
    print("PyTorch is not installed where this page was made.")
else:
    with sklearn.config_context(array_api_dispatch=True):
        there = torch.asarray(X, dtype=torch.float32)  # , device="cuda"
        on_torch = TabularRegressor(max_iter=20, **settings).fit(there, y)
        ends = on_torch.predict_interval(torch.asarray(X_new, dtype=torch.float32))
    print(type(ends), ends.device, f"held: {held(*np.asarray(ends).T):.1f} %")
