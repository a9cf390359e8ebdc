"""
Pictures of a run
=================

What has a network learnt, where does it look, and when is it wrong? `dnn_xp.reports` draws it: each
function takes results and returns a Matplotlib figure. At the command line, ``dnn-xp plot`` draws
the same of a run that was kept.
"""

import numpy as np

from dnn_xp import Dense, Network, accuracy, one_hot, reports, train
from dnn_xp.data import apply, fit_preprocessing, load, split
from dnn_xp.functions.metrics import confusion_matrix
from dnn_xp.training import adam, cosine

# %%
# The run
# -------
# 1,797 digits of 8 x 8 pixels come with the package; a fifth of them is held out.

digits, _ = load("digits")
part, held_out = split(digits, 0.2, seed=0)
preprocessing = fit_preprocessing(part)
X, X_new = (apply(preprocessing, one.X, "float32") for one in (part, held_out))
Y, Y_new = (one_hot(one.y, 10, like=X) for one in (part, held_out))

layers = (Dense(64, "relu"), Dense(32, "relu"), Dense(10))
network = Network(64, layers, cost="softmax_cross_entropy")
run = train(
    network,
    X,
    Y,
    optimizer=adam(0.003),
    schedule=cosine(15),
    epochs=15,
    batch_size=32,
    validation=(X_new, Y_new),
    metrics={"accuracy": accuracy},
)

# %%
# How it went
# -----------
# A panel for each figure. Costs that spread over more than a factor of 50 get a log scale.

curves = reports.learning_curve(run.history, title="digits: 64-64-32-10")

# %%
# Which classes are taken for which
# ---------------------------------

A = network.predict(run.theta, X_new)
matrix = reports.confusion_heatmap(confusion_matrix(A, Y_new), digits.classes)

# %%
# The mistakes, surest first
# --------------------------

predicted, actual, each = A.argmax(axis=0), held_out.y, np.arange(len(held_out.y))
pictures = held_out.X.T.reshape(-1, 8, 8, 1)
mistakes = reports.mislabeled_pictures(
    pictures,
    [digits.classes[k] for k in predicted],
    [digits.classes[k] for k in actual],
    probabilities=[A[predicted, each], A[actual, each]],
    at_most=10,
)

# %%
# Where it looks
# --------------
# The derivative of the logit of the predicted class, over the picture.

gradient = network.input_gradient(run.theta, X_new[:, :8], one_hot(predicted[:8], 10, like=X))
saliency = reports.saliency_pictures(
    pictures[:8],
    gradient.T.reshape(-1, 8, 8, 1),
    [f"{digits.classes[k]} ({A[k, i]:.0%})" for i, k in enumerate(predicted[:8])],
)

# %%
# What the first layer looks for
# ------------------------------

weights = reports.weight_pictures(network.unpack(run.theta)["W1"], (8, 8, 1), at_most=32)

# %%
# Whether it is right as often as it says
# ---------------------------------------

calibration = reports.reliability_diagram(A.max(axis=0), predicted == actual)

# %%
# ``calibration.savefig("calibration.pdf")`` keeps a picture: PNG, SVG or PDF, with the same bytes
# for the same results.
