"""Estimators of tables: strong without tuning, on data frames and arrays of any library."""

from dnn_xp.estimators.tabular.classifier import TabularClassifier
from dnn_xp.estimators.tabular.regressor import TabularRegressor

__all__ = ["TabularClassifier", "TabularRegressor"]
