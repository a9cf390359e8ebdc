"""Descriptions in words: of data, networks, backends and figures."""

from collections.abc import Mapping

from dnn_xp.app.optimization import Descent
from dnn_xp.backends import Array, Backend, device, dtype_name
from dnn_xp.data import Dataset
from dnn_xp.layers import Dense
from dnn_xp.network import Network

__all__ = [
    "backend_in_words",
    "data_in_words",
    "descent_in_words",
    "figure_in_words",
    "figures_in_words",
    "network_in_words",
]


def data_in_words(dataset: Dataset) -> str:
    """Say what an example is, such as ``"8 x 8 x 1 pictures, 10 classes"``."""
    if dataset.image_shape is not None:
        example = f"{' x '.join(str(n) for n in dataset.image_shape)} pictures"
    else:
        example = _counted(dataset.X.shape[0], "feature")
    if dataset.classes is not None:
        return f"{example}, {len(dataset.classes):,} classes"
    return f"{example}, {_counted(dataset.y.shape[0], 'target')}"


def network_in_words(network: Network) -> str:
    """Say what a network is, such as ``"64-32-10 relu, softmax_cross_entropy, 2,410 ..."``."""
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    widths = "-".join(str(n) for n in (network.n_inputs, *(layer.units for layer in dense)))
    hidden = dict.fromkeys(str(layer.activation) for layer in dense[:-1])
    return f"{' '.join((widths, *hidden))}, {network.cost}, {network.size:,} parameters"


def backend_in_words(backend: Backend, X: Array) -> str:
    """Say where arrays are and in which precision, such as ``"numpy on cpu, float32"``."""
    _, *quoted = str(device(X)).split("'")  # array_api_strict.Device('CPU_DEVICE')
    where = quoted[0] if quoted else device(X)
    return f"{backend.name} on {where}, {dtype_name(X.dtype)}"


def descent_in_words(descent: Descent, batch_size: int) -> str:
    """Say how steps are taken, such as ``"adam, rate 0.001, batches of 32"``."""
    words = [
        f"{descent.name}, rate {descent.optimizer.learning_rate:g}",
        f"batches of {batch_size}",
    ]
    if descent.plan.words != "constant":
        words.append(descent.plan.words)
    if descent.clip_norm is not None:
        words.append(f"norms up to {descent.clip_norm:g}")
    if descent.ema_decay is not None:
        words.append(f"moving average of the parameters ({descent.ema_decay:g} stays)")
    return ", ".join(words)


def figure_in_words(name: str, value: float) -> str:
    """Return an accuracy of any kind in percent, and another figure with four digits."""
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4g}"


def figures_in_words(parts: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str]]:
    """Return a line for each figure that has the parts side by side.

    Parameters
    ----------
    parts : mapping of str to mapping of str to float
        Such as ``{"training": {"cost": 0.1}, "held out": {"cost": 0.2}}``.
    """
    names = dict.fromkeys(name for figures in parts.values() for name in figures)
    return [
        (
            name,
            ", ".join(
                f"{figure_in_words(name, figures[name])} {part}" for part, figures in parts.items()
            ),
        )
        for name in names
    ]


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
