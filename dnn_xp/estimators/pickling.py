"""State of an estimator in plain types, as it is pickled.

What is fitted is numbers, texts, arrays, lists and dictionaries there. So a reader that has to be
told whom to trust, such as skops, is told of the estimator's class, and of nothing inside this
library. What a user hands in stays what it is: a callback, a function of one's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from dnn_xp.estimators.labels import Labels
from dnn_xp.estimators.multioutput import ClassLabels, MultioutputLabels
from dnn_xp.estimators.past import Past, progress_of
from dnn_xp.estimators.translation import mean_squared_error
from dnn_xp.network import Network
from dnn_xp.network.description import describe_network, network_of
from dnn_xp.training import LBFGSState, Optimizer, Progress
from dnn_xp.training.optimizers import OPTIMIZERS
from dnn_xp.training.quasi_newton import Pairs

__all__ = ["full_state", "plain_state"]


def plain_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an estimator, in plain types what is this library's own."""
    return _changed(state, {name: encode for name, (encode, _) in _FORMS.items()})


def full_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an estimator from those that `plain_state` returned."""
    return _changed(state, {name: decode for name, (_, decode) in _FORMS.items()})


def _changed(
    state: Mapping[str, Any], changes: Mapping[str, Callable[[Any], Any]]
) -> dict[str, Any]:
    return {
        name: changes[name](value) if name in changes and value is not None else value
        for name, value in state.items()
    }


# ----------------------------------------------------------------------------- each attribute


def _plain_network(network: Network) -> Any:
    means = {flag: mean_squared_error(descends_the_sum=flag) for flag in (False, True)}
    of_sum = next((flag for flag, cost in means.items() if cost == network.cost), None)
    named = network if of_sum is None else replace(network, cost="squared_error")
    try:
        return {"network": describe_network(named), "descends_the_sum": of_sum}
    except ValueError:  # functions of one's own have no other form
        return network


def _full_network(state: Any) -> Network:
    if isinstance(state, Network):
        return state
    network, of_sum = network_of(state["network"]), state["descends_the_sum"]
    if of_sum is None:
        return network
    return replace(network, cost=mean_squared_error(descends_the_sum=of_sum))


def _full_labels(state: dict[str, Any]) -> ClassLabels:
    kind: Any = Labels if "kind" in state else MultioutputLabels
    labels: ClassLabels = kind.__new__(kind)
    vars(labels).update(state)
    return labels


def _plain_past(past: Past) -> dict[str, Any]:
    return past._asdict()


def _full_past(state: dict[str, Any]) -> Past:
    return Past(**state)


def _plain_progress(progress: Progress) -> dict[str, Any]:
    return {"steps": progress.steps, "optimizer": list(progress.state.optimizer)}


def _full_progress(state: dict[str, Any]) -> Progress:
    return progress_of(tuple(state["optimizer"]), state["steps"])


def _plain_lbfgs(state: LBFGSState) -> dict[str, Any]:
    pairs = None if state.pairs is None else list(state.pairs)
    return {"theta": state.theta, "pairs": pairs}


def _full_lbfgs(state: dict[str, Any]) -> LBFGSState:
    pairs = state["pairs"]
    return LBFGSState(state["theta"], None if pairs is None else Pairs(*pairs))


def _plain_solver(solver: Any) -> Any:
    """Return an optimizer of the house as its name and its arguments."""
    if not isinstance(solver, Optimizer) or solver.name not in OPTIMIZERS:
        return solver
    values = {"learning_rate": solver.learning_rate, **dict(solver.arguments)}
    same = _solver(solver.name, **values) == solver
    return {"optimizer": solver.name, "arguments": values} if same else solver


def _full_solver(state: Any) -> Any:
    if not isinstance(state, dict):
        return state
    return _solver(state["optimizer"], **state["arguments"])


def _solver(name: str, *, learning_rate: float, **arguments: float) -> Optimizer:
    # By `_replace` a rate may be 0, with which none can be made.
    return OPTIMIZERS[name](1.0, **arguments)._replace(learning_rate=learning_rate)


_FORMS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "_network": (_plain_network, _full_network),
    "_labels": (lambda labels: dict(vars(labels)), _full_labels),
    "_past": (_plain_past, _full_past),
    "_progress": (_plain_progress, _full_progress),
    "_lbfgs_state": (_plain_lbfgs, _full_lbfgs),
    "solver": (_plain_solver, _full_solver),
}
