"""Settings of a run: everything but its data and its callbacks."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol

from dnn_xp.arguments import (
    check_flag,
    check_kind,
    check_not_negative,
    check_number,
    check_positive,
    check_whole,
    shown,
)
from dnn_xp.training.batches import Indices
from dnn_xp.training.optimizers import Optimizer
from dnn_xp.training.regularization import Regularization, check_regularization
from dnn_xp.training.step import Strengths

__all__ = ["Schedule", "Settings", "check_optimizer", "check_settings", "strengths_of"]


class Schedule(Protocol):
    """A schedule, as one of your own is called: any function of a point of a run."""

    def __call__(self, epoch: float, /) -> float:
        """Return what the learning rate is multiplied by.

        Parameters
        ----------
        epoch : float
            Epochs and fractions of them, from 0.
        """


class Settings(NamedTuple):
    """The settings of a run by gradient steps, as in `dnn_xp.train`.

    Attributes
    ----------
    optimizer, epochs, batch_size, seed, schedule, regularization, clip_value, clip_norm, ema_decay
        As in `dnn_xp.train`.
    micro_batch, example_space, compile
        As in `dnn_xp.train`.
    weights_by_batch : bool
        Whether the weights of examples are scaled to a mean of 1 over each batch, as scikit-learn
        does, and not over the data: each batch then counts the same, however light its examples.
    order : callable, optional
        ``order(epoch)`` is the order, NumPy's whole numbers from 0 to m - 1, in which an epoch
        takes the examples in batches. Default: that of a source with one of its own, by the seed
        and the epoch, else a shuffle by these.
    """

    optimizer: Optimizer
    epochs: int
    batch_size: Any = None
    seed: int = 0
    schedule: Schedule | None = None
    regularization: Regularization = Regularization()
    clip_value: float | None = None
    clip_norm: float | None = None
    ema_decay: float | None = None
    micro_batch: int | None = None
    example_space: bool | Literal["auto"] = "auto"
    compile: bool = False
    weights_by_batch: bool = False
    order: Callable[[int], Indices] | None = None


def check_settings(settings: Settings, n_examples: int) -> Settings:
    """Return the settings with a batch size, in numbers of Python's own, or refuse them.

    One of NumPy's numbers would carry its dtype into the arrays.

    Raises
    ------
    ValueError, TypeError
        Naming the argument, what was found and what was expected.
    """
    for name in ("schedule", "order"):
        found = getattr(settings, name)
        if found is not None and not callable(found):
            raise TypeError(f"{name}: found {shown(found)}, expected a function of the epoch")
    in_space = settings.example_space
    fits = isinstance(in_space, str) and in_space == "auto"
    checked = {
        name: None if getattr(settings, name) is None else check_one(name, getattr(settings, name))
        for name, check_one in _OPTIONAL.items()
    }
    size = checked["batch_size"]
    return settings._replace(
        **checked
        | {
            "optimizer": check_optimizer(settings.optimizer),
            "epochs": check_whole("epochs", settings.epochs, 0),
            "seed": check_whole("seed", settings.seed, 0),
            "batch_size": n_examples if size is None else min(size, n_examples),
            "regularization": check_regularization(settings.regularization),
            "example_space": in_space if fits else check_flag("example_space", in_space),
            "compile": check_flag("compile", settings.compile),
        }
    )


def check_optimizer(optimizer: Optimizer) -> Optimizer:
    """Return an optimizer in numbers of Python's own, or refuse one that cannot descend.

    Raises
    ------
    ValueError, TypeError
        Naming what does not fit.
    """
    check_kind("optimizer", optimizer, Optimizer, "one such as sgd(0.1)")
    for name in ("init", "update"):
        found = getattr(optimizer, name)
        if not callable(found):
            raise TypeError(f"optimizer: found {name}={shown(found)}, expected a function")
    rate, decay = (
        float(check_not_negative(name, getattr(optimizer, name)))
        for name in ("learning_rate", "weight_decay")
    )
    return optimizer._replace(learning_rate=rate, weight_decay=decay)


def _above_0(name: str, found: Any) -> float:
    return float(check_positive(name, found))


def _stays(name: str, found: Any) -> float:
    return float(check_number(name, found, lambda x: 0.0 <= x < 1.0, f"0 <= {name} < 1"))


_OPTIONAL: dict[str, Callable[[str, Any], Any]] = {
    "batch_size": partial(check_whole, least=1),
    "micro_batch": partial(check_whole, least=1),
    "clip_value": _above_0,
    "clip_norm": _above_0,
    "ema_decay": _stays,
}
"""How the settings that may be None are checked otherwise."""


def strengths_of(settings: Settings) -> Strengths:
    """Return the numbers that a step needs, None where one does nothing."""
    rules = settings.regularization
    return Strengths(
        l1=rules.l1 or None,
        l2=rules.l2 or None,
        max_norm=rules.max_norm,
        noise=rules.noise or None,
        clip_value=settings.clip_value,
        clip_norm=settings.clip_norm,
        weight_decay=settings.optimizer.weight_decay or None,
    )
