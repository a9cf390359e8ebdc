"""Descriptions in words: of data, networks, backends and metrics."""

from collections.abc import Mapping
from pathlib import Path

from dnn_xp.app.optimization import OptimizerSettings
from dnn_xp.backends import Array, Backend, device, dtype_name
from dnn_xp.data import Dataset, Source
from dnn_xp.data.sources import reference_array
from dnn_xp.data.stored import StoredDataset
from dnn_xp.layers import Dense
from dnn_xp.network import Network

__all__ = [
    "describe_backend",
    "describe_data",
    "describe_metric",
    "describe_metrics",
    "describe_network",
    "describe_optimizer",
    "describe_written",
    "size_of",
]


def describe_data(dataset: Dataset | StoredDataset) -> str:
    """Say what an example is, such as ``"8 x 8 x 1 pictures, 10 classes"``."""
    if dataset.image_shape is not None:
        example = f"{' x '.join(str(n) for n in dataset.image_shape)} pictures"
    else:
        example = _counted(dataset.X.shape[0], "feature")
    if dataset.classes is not None:
        kind = "labels" if dataset.task == "labels" else "classes"
        return f"{example}, {len(dataset.classes):,} {kind}"
    kind = "count" if dataset.task == "counts" else "target"
    return f"{example}, {_counted(dataset.y.shape[0], kind)}"


def describe_network(network: Network) -> str:
    """Say what a network is, such as ``"64-32-10 relu, softmax_cross_entropy, 2,410 ..."``."""
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    widths = "-".join(str(n) for n in (network.n_inputs, *(layer.units for layer in dense)))
    hidden = dict.fromkeys(str(layer.activation) for layer in dense[:-1])
    return f"{' '.join((widths, *hidden))}, {network.cost}, {network.size:,} parameters"


def describe_backend(backend: Backend, X: Array | Source) -> str:
    """Say where arrays are and in which precision, such as ``"numpy on cpu, float32"``."""
    X = reference_array(X)
    _, *quoted = str(device(X)).split("'")  # array_api_strict.Device('CPU_DEVICE')
    where = quoted[0] if quoted else device(X)
    return f"{backend.name} on {where}, {dtype_name(X.dtype)}"


def describe_optimizer(
    settings: OptimizerSettings, batch_size: int, class_weight: str | None = None
) -> str:
    """Say how steps are taken, such as ``"adam, rate 0.001, batches of 32"``."""
    parts = [
        f"{settings.name}, rate {settings.optimizer.learning_rate:g}",
        f"batches of {batch_size}",
    ]
    if settings.plan.description != "constant":
        parts.append(settings.plan.description)
    if class_weight is not None:
        parts.append(f"class weights {class_weight}")
    if settings.clip_norm is not None:
        parts.append(f"norms up to {settings.clip_norm:g}")
    if settings.ema_decay is not None:
        parts.append(f"moving average of the parameters ({settings.ema_decay:g} stays)")
    return ", ".join(parts)


def describe_metric(name: str, value: float) -> str:
    """Return an accuracy of any kind in percent, and another metric with four digits."""
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4g}"


def describe_metrics(parts: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str]]:
    """Return a line for each metric, with its values for the parts of the data side by side.

    Parameters
    ----------
    parts : mapping of str to mapping of str to float
        Such as ``{"training": {"cost": 0.1}, "held out": {"cost": 0.2}}``.
    """
    names = dict.fromkeys(name for metrics in parts.values() for name in metrics)
    return [
        (
            name,
            ", ".join(
                f"{describe_metric(name, metrics[name])} {part}" for part, metrics in parts.items()
            ),
        )
        for name in names
    ]


def size_of(path: Path) -> str:
    """Return how large a file is, such as ``"12.3 kB"``, or all that is in a folder.

    Raises
    ------
    OSError
        Where it is not there.
    """
    files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
    size = float(sum(file.stat().st_size for file in files))
    if size < 1000:
        return f"{size:.0f} B"
    units = ["kB", "MB", "GB", "TB"]
    while (size := size / 1000) >= 999.95 and len(units) > 1:
        del units[0]
    return f"{size:,.1f} {units[0]}"


def describe_written(path: Path) -> str:
    """Say where something was written and how large it is, such as ``"digits.h5 (12.3 kB)"``."""
    try:
        return f"{path} ({size_of(path)})"
    except OSError:  # somebody took it away meanwhile
        return str(path)


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
