"""
A table with missing values
===========================

A table as it comes, with texts, truth values and holes: five lines make probabilities of it that
can be taken at their word.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss

from dnn_xp import TabularClassifier
from dnn_xp.reports import show

# %%
# The data
# --------
# Members of a gym, made up here, so that there are as many new ones as it takes to judge a
# probability. Who leaves within the year? Some never said how old they are. Visits are unknown for
# those who do not use the card at the door, and *they* leave more often: that a value is missing
# may say something.


def gym(n_members, rng):
    """Return members, and whether each of them left."""
    age = rng.normal(38.0, 12.0, n_members).clip(16, 80).round()
    visits = rng.gamma(2.0, 1.0, n_members).round(1)  # a week
    months = rng.integers(1, 60, n_members)
    plan = rng.choice(["day", "full", "family"], n_members, p=[0.5, 0.3, 0.2])
    city = rng.choice(["Graz", "Linz", "Wien"], n_members)
    student = rng.random(n_members) < np.where(age < 28, 0.6, 0.03)
    score = 1.4 - 1.1 * visits + 1.5 * (months < 6) - 0.8 * (plan == "family")
    score += 1.2 * student * (months > 12) + 0.05 * np.abs(age - 38.0) * (plan == "day")
    without_card = rng.random(n_members) < 0.2
    score += 0.9 * without_card
    left = rng.random(n_members) < 1.0 / (1.0 + np.exp(-score))
    members = pd.DataFrame(
        {
            "age": np.where(rng.random(n_members) < 0.1, np.nan, age),
            "visits": np.where(without_card, np.nan, visits),
            "months": months,
            "plan": plan,
            "city": np.where(rng.random(n_members) < 0.05, None, city),
            "student": student,
        }
    )
    return members, np.where(left, "left", "stayed")


rng = np.random.default_rng(0)
X, y = gym(1_500, rng)
X_new, y_new = gym(10_000, rng)
X.head()

# %%
# Five lines
# ----------
# No column is prepared, no value is filled in, nothing is tuned. (The first line is the import.)
# Columns of ``predict_proba`` are in the order of ``classes_``.

model = TabularClassifier(random_state=0)
model.fit(X, y)
probability = model.predict_proba(X_new)
leaves = probability[:, list(model.classes_).index("left")]
print(f"of the first new member: {leaves[0]:.2f}")

# %%
# What became of the columns is kept with the model, and can be read:

print(model.encoder_.describe())

# %%
# Can a probability be taken at its word?
# ---------------------------------------
# Of all to whom a model gives 30 %, 30 % should leave. New members are sorted by the probability
# that they got, and cut into ten groups of 1,000: a dot for each. On the dotted line, promised and
# found are the same. Bars are two standard errors of the share that was found.
#
# Beside it stands boosting as it comes, which takes such frames as well. It is too sure of itself:
# its steps aim at the training data, and nothing corrects them. Here each network holds out some
# examples. They choose the epoch that is kept, and then a *temperature* that logits are divided by.

boosting = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
levels = {"plan": pd.CategoricalDtype(["day", "full", "family"])}
levels["city"] = pd.CategoricalDtype(["Graz", "Linz", "Wien"])
boosting.fit(X.astype(levels), y)
theirs = boosting.predict_proba(X_new.astype(levels))[:, 0]

has_left = y_new == "left"
picture = Figure(figsize=(8.0, 4.2), layout="constrained")
for place, (name, promised) in enumerate(
    {"TabularClassifier": leaves, "HistGradientBoostingClassifier": theirs}.items()
):
    axes = picture.add_subplot(
        1, 2, place + 1, title=name, xlabel="promised: probability of leaving", aspect="equal"
    )
    found, mean = calibration_curve(has_left, promised, n_bins=10, strategy="quantile")
    axes.plot((0, 1), (0, 1), ":", color="black")
    error = 2.0 * np.sqrt(found * (1.0 - found) / 1_000)
    axes.errorbar(mean, found, error, fmt="o", color=("#D55E00", "#666666")[place], markersize=5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.3)
picture.axes[0].set_ylabel("found: share of those who left")
show(picture)

# %%
# The log-loss counts both: how well members are told apart, and how honest the probabilities are.
# The last line knows nothing but how many leave.

rate = np.full(len(has_left), np.mean(y == "left"))
for name, promised in (("dnn_xp", leaves), ("boosting", theirs), ("the mean", rate)):
    print(f"{name:9} {log_loss(has_left, promised):.3f}")
print(f"temperature: {model.temperature_:.2f}")

# %%
# One table, made up, shows how it is done, and not who is better. That is measured on many real
# ones: see :ref:`sphx_glr_examples_plot_predictions_on_tables.py`.
