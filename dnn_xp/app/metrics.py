"""The metrics that tell a person how well a network does, and which of them suit which data."""

from collections.abc import Callable, Mapping, Sequence

from dnn_xp.app.experiment import ExampleArrays
from dnn_xp.backends import Array
from dnn_xp.data.tasks import task_of
from dnn_xp.functions.costs import central_outputs, find_cost
from dnn_xp.functions.metrics import METRICS
from dnn_xp.network import Network
from dnn_xp.reports.words import SHORT_NAMES
from dnn_xp.training.evaluation import AT_ONCE

__all__ = ["Metrics", "choose_metrics", "measure"]

Metrics = Mapping[str, Callable[[Array, Array], Array]]
"""Functions of predictions and targets, by the names under which they are shown."""

OF_CLASSES = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "log_loss")
OF_TARGETS = ("root_mean_squared_error", "mean_absolute_error", "r2")
OF_TWO_CLASSES, OF_SEVERAL_CLASSES = "roc_auc", "top_k_accuracy"
OF_LABELS = ("multilabel_accuracy", "multilabel_f1", "hamming_loss")


def choose_metrics(
    classes: Sequence[str] | None, asked: Sequence[str] = (), task: str | None = None
) -> Metrics:
    """Return what is shown of every network for such data, and what is asked for besides.

    Parameters
    ----------
    classes : sequence of str, or None
        Of the data; None where they have real targets.
    asked : sequence of str
        What ``--metric`` names.
    task : str, optional
        As in `Dataset`.

    Raises
    ------
    ValueError
        Where a metric does not suit the data.
    """
    usual: tuple[str, ...] = ("root_mean_squared_error", "r2")
    known: tuple[str, ...] = OF_TARGETS
    if task == "labels":
        usual, known = ("multilabel_accuracy", "multilabel_f1"), OF_LABELS
    elif classes is not None and task_of(task, classes) == "classes":
        own = OF_TWO_CLASSES if len(classes) == 2 else OF_SEVERAL_CLASSES
        usual, known = ("accuracy",), (*OF_CLASSES, own)
    if unknown := [name for name in asked if name not in known]:
        raise ValueError(
            f"--metric: found {unknown[0]!r}, expected one of {', '.join(known)} for such data"
        )
    return {SHORT_NAMES.get(name, name): METRICS[name] for name in (*usual, *asked)}


def measure(
    network: Network, theta: Array, examples: ExampleArrays, metrics: Metrics
) -> dict[str, float]:
    """Return how well a network does: its mean cost, and the metrics.

    Of several quantiles the metrics judge the one nearest to the median.

    Parameters
    ----------
    network : Network
    theta : array, shape (size,)
    examples : Examples
    metrics : Metrics
    """
    cost = network.evaluate_cost(theta, *examples, batch_size=AT_ONCE)
    A = network.predict(theta, examples.X, batch_size=AT_ONCE)
    A = A[central_outputs(find_cost(network.cost)), :]
    values = {name: metric(A, examples.Y) for name, metric in metrics.items()}
    return {"cost": float(cost)} | {name: float(value) for name, value in values.items()}
