"""Settings of a run: everything but its data and its callbacks."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

from dnn_xp.arguments import check, check_whole
from dnn_xp.training.batches import Indices
from dnn_xp.training.optimizers import Optimizer
from dnn_xp.training.regularization import Regularization, check_regularization
from dnn_xp.training.step import Strengths

__all__ = ["Schedule", "Settings", "check_settings", "strengths_of"]


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
        takes the examples in batches. Default: a shuffle by the seed and the epoch.
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
    if not isinstance(settings.optimizer, Optimizer):
        found = settings.optimizer
        raise TypeError(f"optimizer: found {found!r}, expected one such as sgd(0.1)")
    rules = settings.regularization
    check_regularization(rules)
    check_whole("epochs", settings.epochs, 0)
    check_whole("seed", settings.seed, 0)
    for name in ("batch_size", "micro_batch"):
        size = getattr(settings, name)
        if size is not None:
            check_whole(name, size, 1)
    for name in ("clip_value", "clip_norm"):
        limit = getattr(settings, name)
        check(name, limit, limit is None or limit > 0, "a number above 0")
    decay, size = settings.ema_decay, settings.batch_size
    check("ema_decay", decay, decay is None or 0.0 <= decay < 1.0, "0 <= ema_decay < 1")
    return settings._replace(
        epochs=int(settings.epochs),
        seed=int(settings.seed),
        batch_size=n_examples if size is None else min(int(size), n_examples),
        micro_batch=None if settings.micro_batch is None else int(settings.micro_batch),
        regularization=type(rules)(*map(_plain, rules)),
        clip_value=_plain(settings.clip_value),
        clip_norm=_plain(settings.clip_norm),
        ema_decay=_plain(decay),
    )


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


def _plain(number: Any) -> Any:
    return number if number is None or isinstance(number, bool) else float(number)
