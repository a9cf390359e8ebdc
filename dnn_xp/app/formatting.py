"""Descriptions in words: of backends, optimizers and files."""

from collections.abc import Mapping
from pathlib import Path

from dnn_xp.app.optimization import OptimizerSettings
from dnn_xp.backends import Array, Backend, device, dtype_name
from dnn_xp.data import Source
from dnn_xp.data.sources import reference_array
from dnn_xp.reports.words import counted, describe_metric
from dnn_xp.training import Regularization

__all__ = [
    "describe_backend",
    "describe_metrics",
    "describe_optimizer",
    "describe_written",
    "size_of",
]


def describe_backend(backend: Backend, X: Array | Source) -> str:
    """Say where arrays are and in which precision, such as ``"numpy on cpu, float32"``."""
    X = reference_array(X)
    _, *quoted = str(device(X)).split("'")  # array_api_strict.Device('CPU_DEVICE')
    where = quoted[0] if quoted else device(X)
    return f"{backend.name} on {where}, {dtype_name(X.dtype)}"


def describe_optimizer(
    settings: OptimizerSettings,
    batch_size: int,
    class_weight: str | None = None,
    early_stopping: int | None = None,
) -> str:
    """Say how steps are taken, such as ``"adam, rate 0.001, batches of 32"``."""
    parts = [settings.name, "all examples in each step"]
    if settings.learning_rate is not None:
        parts = [f"{settings.name}, rate {settings.learning_rate:g}", f"batches of {batch_size}"]
    if settings.plan.description != "constant":
        parts.append(settings.plan.description)
    if class_weight is not None:
        parts.append(f"class weights {class_weight}")
    if settings.clip_norm is not None:
        parts.append(f"norms up to {settings.clip_norm:g}")
    if settings.clip_value is not None:
        parts.append(f"gradients within {settings.clip_value:g}")
    if settings.ema_decay is not None:
        parts.append(f"moving average of the parameters ({settings.ema_decay:g} stays)")
    if settings.weight_decay:
        parts.append(f"weight decay {settings.weight_decay:g}")
    parts += _describe_rules(settings.regularization)
    if early_stopping is not None:
        parts.append(f"early stopping after {counted(early_stopping, 'epoch')}")
    return ", ".join(parts)


def _describe_rules(rules: Regularization) -> list[str]:
    """Say what is done against learning by heart."""
    numbers = {
        "l1": rules.l1,
        "l2": rules.l2,
        "weights up to": rules.max_norm,
        "label smoothing": rules.label_smoothing,
        "mixup": rules.mixup,
        "noise": rules.noise,
    }
    return [f"{name} {number:g}" for name, number in numbers.items() if number]


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
