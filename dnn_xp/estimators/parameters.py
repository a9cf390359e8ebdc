"""Parameters of an estimator: scikit-learn's first, then those that it does not have."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.metrics import get_scorer_names

from dnn_xp.functions.activations import ACTIVATIONS, find_activation
from dnn_xp.functions.costs import COSTS, find_cost
from dnn_xp.layers import ActivationSpec
from dnn_xp.training import Callback, Optimizer
from dnn_xp.training.settings import Schedule

if TYPE_CHECKING:

    class BaseEstimator:
        """Base class of scikit-learn's estimators, which has no types.

        To derive from it would make Any of every attribute that is not there.
        """

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """Return the parameters by name."""

        def __sklearn_tags__(self) -> Any:
            """Return what the estimator can take."""

else:
    from sklearn.base import BaseEstimator

__all__ = ["TABLE_RULES", "InvalidParameterError", "Parameters", "check_parameters"]


try:  # so that those who catch scikit-learn's catch ours
    from sklearn.utils._param_validation import InvalidParameterError
except ImportError:

    class InvalidParameterError(ValueError, TypeError):  # type: ignore[no-redef]
        """Invalid value of a parameter of an estimator."""


@dataclass(eq=False, repr=False)
class Parameters(BaseEstimator):
    """Parameters that the classifier and the regressor have in common.

    They are documented where users meet them, in `MLPClassifier` and `MLPRegressor`.
    """

    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: ActivationSpec | list[ActivationSpec] = "relu"
    _: KW_ONLY
    solver: str | Optimizer = "adam"
    alpha: float = 0.0001
    batch_size: int | Literal["auto"] = "auto"
    learning_rate: str | Schedule = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    random_state: int | np.random.RandomState | None = None
    tol: float = 1e-4
    verbose: bool | int | Literal["bar"] = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    max_fun: int = 15000
    # What scikit-learn's do not have.
    dropout: float | list[float] = 0.0
    batch_norm: bool = False
    layer_norm: bool = False
    l1: float = 0.0
    max_norm: float | None = None
    clip_norm: float | None = None
    weight_decay: float = 0.0
    scoring: str | Callable[..., float] | None = None
    callbacks: Sequence[Callback] = ()
    checkpoint: Any = None
    fitted_as_numpy: bool = False


Rule = tuple[Callable[[Any], bool], str]


def _number(low: float, high: float, left: str, right: str, kind: type = Real) -> Rule:
    """Return the rule of an interval, in scikit-learn's words."""

    def fits(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        number: Any = value
        above = number >= low if left == "[" else number > low
        below = number <= high if right == "]" else number < high
        return bool(above and below)

    name = "an int" if kind is Integral else "a float"
    bounds = ", ".join("inf" if math.isinf(bound) else str(bound) for bound in (low, high))
    return fits, f"{name} in the range {left}{bounds}{right}"


def _one_of(*names: str) -> Rule:
    words = ", ".join(map(repr, sorted(names)))
    return (lambda value: isinstance(value, str) and value in names), f"a str among {{{words}}}"


def _or(*rules: Rule) -> Rule:
    return (lambda value: any(fits(value) for fits, _ in rules)), " or ".join(
        words for _, words in rules
    )


_NONE: Rule = (lambda value: value is None, "None")
_FLAG: Rule = (lambda value: isinstance(value, bool | np.bool_), "a bool")
_POSITIVE = _number(0, math.inf, "(", ")")
_NOT_NEGATIVE = _number(0, math.inf, "[", ")")
_COUNT = _number(1, math.inf, "[", ")", Integral)
_WHOLE: Rule = (
    lambda value: isinstance(value, Integral) and not isinstance(value, bool),
    "an int",
)
_PART = _number(0, 1, "[", ")")
_SCHEDULE: Rule = (callable, "a schedule")
_OPTIMIZER: Rule = (lambda value: hasattr(value, "update"), "an Optimizer")


def _known(find: Callable[[Any], Any], names: Collection[str], kind: str) -> Rule:
    """Return the rule of what a name, or a name with its number, stands for."""

    def fits(value: Any) -> bool:
        try:
            find(value)
        except (TypeError, ValueError):
            return False
        return True

    _, words = _one_of(*names)
    return fits, f"{words}, with its number or without, or {kind}"


_ACTIVATION = _known(
    lambda name: find_activation("sigmoid" if name == "logistic" else name),
    {*ACTIVATIONS, "logistic"},
    "an ActivationFunction",
)
_COST = _known(find_cost, COSTS, "a Cost")


def _list_of(rule: Rule, kind: type = list) -> Rule:
    each, words = rule

    def fits(value: Any) -> bool:
        several: Any = value
        return isinstance(value, kind) and all(map(each, several))

    return fits, f"a list, each {words}"


SOLVERS = ("lbfgs", "sgd", "adam", "adamw", "nadam", "amsgrad", "rmsprop", "adagrad", "lion")

_RULES: dict[str, Rule] = {
    "hidden_layer_sizes": _or(_list_of(_WHOLE, Collection), _COUNT),
    "activation": _or(_ACTIVATION, (_list_of(_ACTIVATION)[0], "a list of them")),
    "loss": _COST,
    "solver": _or(_one_of(*SOLVERS), _OPTIMIZER),
    "alpha": _NOT_NEGATIVE,
    "batch_size": _or(_one_of("auto"), _COUNT),
    "learning_rate": _or(_one_of("constant", "invscaling", "adaptive"), _SCHEDULE),
    "learning_rate_init": _POSITIVE,
    "power_t": _NOT_NEGATIVE,
    "max_iter": _COUNT,
    "shuffle": _FLAG,
    "random_state": _or(
        _number(0, 2**32 - 1, "[", "]", Integral),
        (lambda value: isinstance(value, np.random.RandomState), "a RandomState"),
        _NONE,
    ),
    "tol": _NOT_NEGATIVE,
    "verbose": _or(_FLAG, _number(0, math.inf, "[", ")", Integral), _one_of("bar")),
    "warm_start": _FLAG,
    "momentum": _number(0, 1, "[", "]"),
    "nesterovs_momentum": _FLAG,
    "early_stopping": _FLAG,
    "validation_fraction": _PART,
    "beta_1": _PART,
    "beta_2": _PART,
    "epsilon": _POSITIVE,
    "n_iter_no_change": _or(_COUNT, (lambda value: value == math.inf, "inf")),
    "max_fun": _COUNT,
    "dropout": _or(_PART, _list_of(_PART)),
    "batch_norm": _FLAG,
    "layer_norm": _FLAG,
    "l1": _NOT_NEGATIVE,
    "max_norm": _or(_POSITIVE, _NONE),
    "clip_norm": _or(_POSITIVE, _NONE),
    "weight_decay": _NOT_NEGATIVE,
    "scoring": (
        lambda value: value in (None, "loss") or callable(value) or value in get_scorer_names(),
        "the name of a scorer, 'loss', a function or None",
    ),
    "checkpoint": _or(
        (lambda value: isinstance(value, str | PathLike | Callback), "a path, a Checkpoint"),
        _NONE,
    ),
    "label_smoothing": _PART,
    "class_weight": _or(
        _one_of("balanced"),
        (lambda value: isinstance(value, dict | list), "a dict, a list with one for each column"),
        _NONE,
    ),
    "callbacks": (
        lambda value: (
            isinstance(value, list | tuple) and all(isinstance(item, Callback) for item in value)
        ),
        "a list of dnn_xp's callbacks (scikit-learn's are for set_callbacks)",
    ),
    "fitted_as_numpy": _FLAG,
    "scale_target": _FLAG,
}


TABLE_RULES: dict[str, Rule] = {
    "n_members": _COUNT,
    "activation": _ACTIVATION,
    "dropout": _PART,
    "max_iter": _or(_one_of("auto"), _COUNT),
    "validation": _or(_number(0, 1, "(", ")"), _NONE),
    "periodic": _FLAG,
    "importances": _FLAG,
    "time_limit": _or(_POSITIVE, _NONE),
    "n_jobs": _or(_WHOLE, _NONE),
}
"""Of the estimators of tables, where they are others."""


def check_parameters(estimator: BaseEstimator, own: Mapping[str, Rule] | None = None) -> None:
    """Check each parameter of an estimator by itself.

    Parameters
    ----------
    estimator : estimator
    own : mapping of str to (callable, str), optional
        Rules that this one has beside those of the others, or instead of them.

    Raises
    ------
    InvalidParameterError
        Naming the first that is not, what was found and what was expected.
    """
    rules = _RULES | dict(own or {})
    for name, value in estimator.get_params(deep=False).items():
        fits, words = rules.get(name, (None, ""))
        if fits is not None and not fits(value):
            raise InvalidParameterError(
                f"The {name!r} parameter of {type(estimator).__name__} must be {words}. "
                f"Got {value!r} instead.{_reason(name, value)}"
            )


def _reason(name: str, value: Any) -> str:
    """Return what is wrong with the numbers of a loss, where its name is known."""
    listed = name == "loss" and isinstance(value, tuple | list)
    if not listed or not value or not isinstance(value[0], str) or value[0] not in COSTS:
        return ""
    spec: Any = value
    try:
        find_cost(spec)
    except ValueError as error:
        return f" ({error})"
    return ""
