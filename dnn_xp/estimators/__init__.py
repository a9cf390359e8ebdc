"""scikit-learn's estimators, on arrays of any library. The only room that imports scikit-learn."""

from dnn_xp.backends import require

require("sklearn", "sklearn")

from dnn_xp.estimators.classifier import MLPClassifier  # noqa: E402 (the error names the extra)
from dnn_xp.estimators.regressor import MLPRegressor  # noqa: E402
from dnn_xp.estimators.tabular import TabularClassifier, TabularRegressor  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor", "TabularClassifier", "TabularRegressor"]
