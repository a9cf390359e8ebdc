"""Words for what is shown: data, networks and metrics."""

from dnn_xp.data import Dataset
from dnn_xp.data.stored import StoredDataset
from dnn_xp.functions.metrics import METRICS, mode_of
from dnn_xp.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm
from dnn_xp.network import Network

__all__ = [
    "SHORT_NAMES",
    "counted",
    "describe_data",
    "describe_metric",
    "describe_network",
    "mode_by_name",
]

SHORT_NAMES = {
    "mean_absolute_error": "MAE",
    "r2": "R2",
    "root_mean_squared_error": "RMSE",
    "top_k_accuracy": "top_5_accuracy",
}
"""Of metrics, which they are shown under."""


def describe_data(dataset: Dataset | StoredDataset) -> str:
    """Say what an example is, such as ``"8 x 8 x 1 pictures, 10 classes"``."""
    if dataset.image_shape is not None:
        example = f"{' x '.join(str(n) for n in dataset.image_shape)} pictures"
    else:
        example = counted(dataset.X.shape[0], "feature")
    if dataset.classes is not None:
        kind = "labels" if dataset.task == "labels" else "classes"
        return f"{example}, {len(dataset.classes):,} {kind}"
    kind = "count" if dataset.task == "counts" else "target"
    return f"{example}, {counted(dataset.y.shape[0], kind)}"


def describe_network(network: Network) -> str:
    """Say what a network is, such as ``"64-32-10 relu, softmax_cross_entropy, 2,410 ..."``."""
    units = [layer.units for layer in network.layers if isinstance(layer, Dense)]
    widths = "-".join(str(n) for n in (network.n_inputs, *units))
    hidden = network.layers[:-1]
    normalized = any(isinstance(layer, Activation) for layer in hidden)
    kind = Activation if normalized else Dense
    activations = dict.fromkeys(str(one.activation) for one in hidden if isinstance(one, kind))
    between = dict.fromkeys(_describe_between(layer) for layer in hidden)
    return ", ".join(
        (
            " ".join((widths, *activations)),
            *(text for text in between if text),
            str(network.cost),
            f"{network.size:,} parameters",
        )
    )


def _describe_between(layer: Layer) -> str:
    """Say what stands between layers of weights, or nothing of another layer."""
    if isinstance(layer, Dropout):
        return f"dropout {layer.rate:g}"
    return {BatchNorm: "batch norm", LayerNorm: "layer norm"}.get(type(layer), "")


def describe_metric(name: str, value: float) -> str:
    """Return an accuracy of any kind in percent, and another metric with four digits."""
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4g}"


def mode_by_name(shown: str) -> str | None:
    """Return whether a metric is better when smaller, "min", or larger, "max"; None of no metric.

    Parameters
    ----------
    shown : str
        The name under which it is shown, such as ``"RMSE"``, or ``"cost"``.
    """
    if shown == "cost":
        return "min"
    names = {short: name for name, short in SHORT_NAMES.items()}
    return mode_of(METRICS.get(names.get(shown, shown)))


def counted(n: int, what: str) -> str:
    """Return a number of things, such as ``"1 feature"`` or ``"2,000 features"``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"
