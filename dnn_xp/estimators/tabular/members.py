"""Members of an ensemble: networks that each train on a share of the examples."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sklearn.exceptions import ConvergenceWarning

from dnn_xp.backends import (
    Matrix,
    Vector,
    asarray_like,
    namespace,
    take_examples,
)
from dnn_xp.network import Network
from dnn_xp.training import Callback, Optimizer, Regularization, train
from dnn_xp.training.settings import Schedule

__all__ = ["Examples", "Member", "Recipe", "run_members", "take", "train_member"]


class Examples(NamedTuple):
    """Encoded examples in columns.

    Attributes
    ----------
    X : array, shape (n_columns, m)
    Y : array, shape (n_outputs, m)
    weights : array, shape (m,), or None
    """

    X: Matrix
    Y: Matrix
    weights: Vector | None


class Recipe(NamedTuple):
    """How each member is trained.

    Attributes
    ----------
    network : Network
    optimizer : Optimizer
    epochs, batch_size : int
    schedule : callable
        As in `dnn_xp.train`.
    label_smoothing : float
    """

    network: Network
    optimizer: Optimizer
    epochs: int
    batch_size: int
    schedule: Schedule
    label_smoothing: float = 0.0


class Member(NamedTuple):
    """A member that has been trained.

    Attributes
    ----------
    theta : array, shape (size,)
    history : dict of str to list of float
    epoch : int
        After which theta is kept, from 1 on.
    """

    theta: Vector
    history: dict[str, list[float]]
    epoch: int


def take(examples: Examples, places: Any) -> Examples:
    """Return some of the examples, in memory of their own.

    Parameters
    ----------
    examples : Examples
    places : ndarray of int
    """
    X, Y, weights = examples
    xp = namespace(X)
    here = asarray_like(places, like=X, dtype=xp.int32)
    chosen = None if weights is None else xp.take(weights, here)
    return Examples(take_examples(X, here), take_examples(Y, here), chosen)


def train_member(
    recipe: Recipe,
    training: Examples,
    validation: Examples | None,
    seed: int,
    callbacks: Sequence[Callback] = (),
    resume: Any = None,
) -> Member:
    """Train one member, and keep the epoch of the least validation cost.

    Parameters
    ----------
    recipe : Recipe
    training : Examples
    validation : Examples, optional
        Default: the last epoch is kept.
    seed : int
    callbacks : sequence of Callback
    resume : Progress, optional
    """
    from dnn_xp.callbacks.early_stopping import EarlyStopping

    best = EarlyStopping(max(recipe.epochs, 1), monitor="validation_cost")
    result = train(
        recipe.network,
        *training[:2],
        optimizer=recipe.optimizer,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        seed=seed,
        weights=training.weights,
        schedule=recipe.schedule,
        regularization=Regularization(label_smoothing=recipe.label_smoothing),
        validation=validation,
        example_space=False,
        callbacks=[*callbacks, *([best] if validation is not None else [])],
        resume=resume,
    )
    epoch = result.epochs if validation is None else best.best_epoch
    return Member(result.theta, result.history, epoch)


def run_members(
    train_one: Callable[[int], Member | None],
    n_members: int,
    n_jobs: int,
    *,
    shared: bool,
    tell: Callable[[int], None],
) -> list[Member]:
    """Return the members that are trained, one after the other or several at a time.

    A person who interrupts keeps those that are done, where one is.

    Parameters
    ----------
    train_one : callable
        ``train_one(i)``; None where there is no time left.
    n_members, n_jobs : int
    shared : bool
        Whether jobs are threads, since the arrays cannot be handed to other processes.
    tell : callable
        ``tell(n)`` is called whenever a member is done, with how many are.
    """
    done: list[Member] = []
    try:
        for member in _results(train_one, n_members, n_jobs, shared):
            if member is not None:
                done.append(member)
                tell(len(done))
    except KeyboardInterrupt:
        if not done:
            raise
        _warn_of_fewer(len(done), n_members, "interrupted by user")
        return done
    if len(done) < n_members:
        _warn_of_fewer(len(done), n_members, "the time limit is over")
    return done


def _results(
    train_one: Callable[[int], Member | None], n_members: int, n_jobs: int, shared: bool
) -> Iterator[Member | None]:
    if n_jobs == 1:
        return map(train_one, range(n_members))
    from sklearn.utils.parallel import Parallel, delayed  # with scikit-learn's settings

    jobs: Iterable[Any] = (delayed(train_one)(i) for i in range(n_members))
    require = "sharedmem" if shared else None
    results: Iterator[Member | None] = Parallel(n_jobs, require=require, return_as="generator")(
        jobs
    )
    return results


def _warn_of_fewer(n_done: int, n_members: int, why: str) -> None:
    warnings.warn(
        f"n_members: {n_done} of {n_members} members are trained: {why}",
        ConvergenceWarning,
        stacklevel=5,
    )
