"""
Importances of features
=======================

Which columns does a model look at? With ``importances=True`` the fit itself finds out, on examples
that its networks have not trained on, and says how sure it is.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes

from dnn_xp import TabularRegressor
from dnn_xp.reports import show

# %%
# The data
# --------
# 442 patients with diabetes, and how far the disease went on within a year (Efron et al. 2004, in
# scikit-learn). Two columns are added that can help nobody: a number and a text, both drawn at
# random. What they score is what nothing scores.

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X = X.rename(
    columns={
        "bp": "blood pressure",
        "s1": "cholesterol",
        "s2": "LDL",
        "s3": "HDL",
        "s4": "cholesterol / HDL",
        "s5": "log triglycerides",
        "s6": "blood sugar",
    }
)
X["sex"] = X["sex"].map({1.0: "a", 2.0: "b"})  # the data do not say which is which
rng = np.random.default_rng(0)
X["a random number"] = rng.normal(size=len(X))
X["a random text"] = rng.choice(["red", "green", "blue"], len(X))

# %%
# The importances
# ---------------
# A feature is shuffled among the examples that a network holds out, all columns that became of it
# together, and its cost there grows. That is done five times for each network. The mean is the
# importance, the standard deviation its spread.

model = TabularRegressor(importances=True, random_state=0).fit(X, y)
found = pd.DataFrame(
    {"importance": model.feature_importances_, "spread": model.feature_importances_std_},
    index=model.feature_names_in_,
).sort_values("importance")
print(found[::-1].round(3))

# %%
# The unit is that of the cost: here half of the squared error of a target that is scaled to a
# variance of 1. Who predicts the mean pays 0.5. For a classifier it is the log-loss.

picture = Figure(figsize=(7.0, 4.4), layout="constrained")
axes = picture.add_subplot(xlabel="growth of the cost where the feature is shuffled")
random = found.index.str.startswith("a random")
axes.barh(
    found.index,
    found["importance"],
    xerr=found["spread"],
    color=np.where(random, "#999999", "#0072B2"),
    error_kw={"ecolor": "black", "elinewidth": 1, "capsize": 2},
)
axes.axvline(0.0, color="black", linewidth=0.8)
axes.grid(alpha=0.3, axis="x")
show(picture)

# %%
# What they say, and what not
# ---------------------------
# - They are about *this model*, not about the world: nobody's blood pressure falls because a bar is
#   long.
# - Features that say the same share what they are worth: cholesterol and LDL rise and fall together
#   here, so that each may be shuffled without much harm. Both together may matter all the same.
# - Below 0 means that shuffling happened to help: nothing. Bars as short as those of the two random
#   columns should not be told apart.
# - Shuffling makes patients that do not exist, such as one with a high cholesterol and a low LDL.

correlation = X["cholesterol"].corr(X["LDL"])
print(f"correlation of cholesterol and LDL: {correlation:.2f}")

# %%
# Which way?
# ----------
# An importance has no sign. `TabularRegressor.input_gradient` says how a prediction moves with each
# number of an example, in units of the target by those of the feature.

gradient = pd.DataFrame(model.input_gradient(X), columns=X.columns)
gradient = gradient[["bmi", "blood pressure", "HDL"]]
print(gradient.describe().loc[["mean", "std", "min", "max"]].round(2))
