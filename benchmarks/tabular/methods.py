"""The methods that are compared, each with the defaults of its makers unless its name says more.

All are handed the same frames as they are; what a peer needs done to them first is part of its
fit, in the way that its own documentation shows.
"""

import ast
import logging
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd


class Job(NamedTuple):
    """What a method may know before it is handed the data."""

    numbers: list[str]
    categories: list[str]
    is_values: bool
    seed: int


class Method(NamedTuple):
    """A method: what tables call it, what makes it for a job, and the packages that it is of."""

    title: str
    make: Callable[..., Any]
    packages: tuple[str, ...] = ("scikit-learn",)
    is_for_values: bool = True


def parse(name: str) -> tuple[str, dict[str, Any]]:
    """Return the method and its options: ``dnn_xp+n_members=1,loss=brier``.

    Options are arguments as Python has them; a bare word is a string.
    """
    method, _, text = name.partition("+")
    if method not in METHODS:
        raise ValueError(f"method: found {name!r}, expected one of {', '.join(METHODS)}")
    try:
        call = ast.parse(f"options({text})", mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError
        options = {str(one.arg): _literal(one.value) for one in call.keywords if one.arg}
        if len(options) != len(call.keywords):  # one of **
            raise ValueError
    except (SyntaxError, ValueError):
        message = f"method: found {name!r}, expected options like {method}+width=64,name=word"
        raise ValueError(message) from None
    return method, options


def make(name: str, job: Job) -> Any:
    """Return an estimator that takes the frames: fit, and predict or predict_proba."""
    method, options = parse(name)
    return METHODS[method].make(job, **options)


def is_ours(name: str) -> bool:
    return parse(name)[0] == "dnn_xp"


def that_fit(names: Iterable[str], is_values: bool) -> list[str]:
    """Return the methods that differ from all others on such a set."""
    return [name for name in names if METHODS[parse(name)[0]].is_for_values or not is_values]


def _literal(node: ast.expr) -> Any:
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def _linear(job: Job, **options: Any) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    model = (
        Ridge(**options) if job.is_values else LogisticRegression(**{"max_iter": 1000} | options)
    )
    return _usual(job, model)


def _mlp(job: Job, **options: Any) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPRegressor if job.is_values else MLPClassifier
    return _usual(job, kind(random_state=job.seed, **options))


def _forest(job: Job, **options: Any) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    kind = RandomForestRegressor if job.is_values else RandomForestClassifier
    prepare = make_column_transformer(
        (_ordinal(unseen=-1), job.categories),
        (SimpleImputer(strategy="median"), job.numbers),
    )
    return make_pipeline(prepare, kind(random_state=job.seed, **options))


def _boosting(job: Job, **options: Any) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline

    kind = HistGradientBoostingRegressor if job.is_values else HistGradientBoostingClassifier
    prepare = make_column_transformer(
        (_ordinal(unseen=float("nan"), max_categories=254), job.categories),
        ("passthrough", job.numbers),
    )
    first = list(range(len(job.categories)))
    model = kind(random_state=job.seed, categorical_features=first or None, **options)
    return make_pipeline(prepare, model)


def _usual(job: Job, model: Any) -> Any:
    """Return the pipeline of scikit-learn's guide: impute and scale numbers, one-hot the rest."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False, min_frequency=2)
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), job.numbers),
        (one_hot, job.categories),
    )
    return make_pipeline(prepare, model)


def _ordinal(unseen: float, **options: Any) -> Any:
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=unseen,
        encoded_missing_value=unseen,
        **options,
    )


class _RealMLP:
    """RealMLP on a frame: it refuses missing numbers, so they are filled in by the median."""

    def __init__(self, job: Job, model: Any) -> None:
        self.job, self.model = job, model

    def fit(self, X: pd.DataFrame, y: Any) -> "_RealMLP":
        self.medians = X[self.job.numbers].median()
        filled = X[self.job.categories].fillna("missing")
        self.levels = {name: sorted(filled[name].unique()) for name in self.job.categories}
        self.model.fit(self.prepare(X), y, cat_col_names=self.job.categories or None)
        return self

    def prepare(self, X: pd.DataFrame) -> pd.DataFrame:
        X = X.copy()
        X[self.job.numbers] = X[self.job.numbers].fillna(self.medians).astype(float)
        for name, levels in self.levels.items():
            column = X[name].fillna("missing")
            column = column.where(column.isin(levels), levels[0])  # for what was never seen
            X[name] = pd.Categorical(column, categories=levels)
        return X

    def predict(self, X: pd.DataFrame) -> Any:
        return self.model.predict(self.prepare(X))

    def predict_proba(self, X: pd.DataFrame) -> Any:
        return self.model.predict_proba(self.prepare(X))


def _realmlp(job: Job, **options: Any) -> Any:
    warnings.filterwarnings("ignore")  # of Lightning: how many workers it would like, and more
    import pytabkit
    import torch

    for name in ("lightning.pytorch", "pytorch_lightning", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(1)
    kind = pytabkit.RealMLP_TD_Regressor if job.is_values else pytabkit.RealMLP_TD_Classifier
    return _RealMLP(job, kind(device="cpu", random_state=job.seed, n_threads=1, **options))


def _realmlp_log_loss(job: Job, **options: Any) -> Any:
    """Return RealMLP told to aim at the log-loss; of values it is what it was."""
    aim = {} if job.is_values else {"val_metric_name": "cross_entropy", "use_ls": False}
    return _realmlp(job, **aim | options)


def _realmlp_members(job: Job, **options: Any) -> Any:
    return _realmlp_log_loss(job, **{"n_cv": 4} | options)


def _dnn_xp(job: Job, *, without: str | None = None, **options: Any) -> Any:
    from dnn_xp import estimators

    kind = estimators.TabularRegressor if job.is_values else estimators.TabularClassifier
    estimator = kind(random_state=job.seed, **options)
    if without is None:
        return estimator
    from benchmarks.tabular.parts import Without

    return Without(estimator, without)


TORCH = ("pytabkit", "torch", "scikit-learn")

METHODS: Mapping[str, Method] = {
    "linear": Method("LogisticRegression, Ridge", _linear),
    "rf": Method("RandomForest", _forest),
    "hgb": Method("HistGradientBoosting", _boosting),
    "skmlp": Method("scikit-learn's MLP", _mlp),
    "realmlp": Method("RealMLP_TD", _realmlp, TORCH),
    "realmlp_ce": Method("RealMLP_TD, cross-entropy", _realmlp_log_loss, TORCH, False),
    "realmlp_ce_cv4": Method("RealMLP_TD, cross-entropy, n_cv=4", _realmlp_members, TORCH),
    "dnn_xp": Method("dnn_xp", _dnn_xp, ("dnn-xp", "array-api-compat", "array-api-extra")),
}
PEERS = [name for name in METHODS if name != "dnn_xp"]
