"""Settings of a training: what its options say, and what is written down of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dnn_xp.app.experiment import parse_layers
from dnn_xp.app.optimization import OptimizerSettings, depends_on_length
from dnn_xp.app.options import ClassWeight, Dtype

__all__ = ["Settings", "describe_options"]


class Settings(NamedTuple):
    """Settings of a training, each under its option's name; not where it is computed."""

    data: str
    layers: str
    activation: str
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float | None
    schedule: str
    warm_up: float
    clip_norm: float | None
    ema_decay: float | None
    class_weight: ClassWeight | None
    metrics: Sequence[str]
    seed: int
    data_dir: Path | None
    dtype: Dtype
    trust: bool = False
    output: Path | None = None
    plot: Path | None = None
    checkpoint: Path | None = None
    run: Path | None = None
    no_run: bool = False
    resume: bool = False
    resume_or_start: bool = False
    task: str | None = None

    def about(
        self, optimizer_settings: OptimizerSettings, fingerprint: int, epochs: int, backend: str
    ) -> dict[str, object]:
        """Return what is written down with the model.

        Parameters
        ----------
        optimizer_settings : OptimizerSettings
        fingerprint : int
            Of the data.
        epochs : int
            How many were done.
        backend : str
            The name of the array library.
        """
        return {
            "data": Path(self.data).name,
            "fingerprint": fingerprint,
            "seed": self.seed,
            "epochs": epochs,
            "batch_size": self.batch_size,
            "optimizer": self.optimizer,
            "learning_rate": optimizer_settings.optimizer.learning_rate,
            "schedule": optimizer_settings.plan.description,
            "clip_norm": self.clip_norm,
            "ema_decay": self.ema_decay,
            "class_weight": self.class_weight,
            "metrics": self.metrics,
            "backend": backend,
        }


def describe_options(settings: Settings, optimizer_settings: OptimizerSettings) -> dict[str, str]:
    """Return the options that a run must go on with as it began, with what they say in words."""
    options: dict[str, object] = {
        "--layers": ",".join(str(units) for units in parse_layers(settings.layers)),
        "--activation": settings.activation,
        "--batch-size": settings.batch_size,
        "--optimizer": settings.optimizer,
        "--learning-rate": optimizer_settings.optimizer.learning_rate,
        "--schedule": settings.schedule,
        "--warm-up": settings.warm_up,
        "--clip-norm": settings.clip_norm,
        "--ema-decay": settings.ema_decay,
        "--class-weight": settings.class_weight,
        "--metric": ", ".join(settings.metrics) or None,
        "--seed": settings.seed,
        "--task": settings.task,
        "--dtype": settings.dtype.value,
    }
    if depends_on_length(settings.schedule):
        options["--epochs"] = settings.epochs
    return {name: "none" if value in (None, "") else str(value) for name, value in options.items()}
