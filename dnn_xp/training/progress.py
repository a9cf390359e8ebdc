"""Progress: what a run needs to go on from where it is."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dnn_xp.arguments import check_kind
from dnn_xp.backends import Array, asarray_like, dtype_name, namespace
from dnn_xp.reprs import outline
from dnn_xp.training.identity import AnotherRunError, Identity, check_same_run
from dnn_xp.training.problem import Problem
from dnn_xp.training.settings import Settings
from dnn_xp.training.step import State

__all__ = ["History", "Progress", "check_progress"]

History = dict[str, list[float]]
"""One list for each figure, with one number an epoch: ``cost``, ``validation_cost``, ..."""


class Progress(NamedTuple):
    """All that a run needs to go on, in arrays of any library.

    Attributes
    ----------
    run : mapping of str to object
        What the run is known again by: see `dnn_xp.training.identity`.
    state : State
    epoch : int
        Epochs done.
    batch : int
        Batches done of the epoch under way.
    steps : int
        Steps done in all.
    history : dict of str to list of float
    kept : array
        The parameters after the last whole epoch.
    finite : array
        The last parameters whose cost was finite: what is returned where the run diverges.
    callbacks : mapping of str to mapping
        What callbacks remember, by the name that the run gives each.
    """

    run: Identity
    state: State
    epoch: int
    batch: int
    steps: int
    history: History
    kept: Array
    finite: Array
    callbacks: Mapping[str, Mapping[str, Any]]

    def __repr__(self) -> str:
        """Return one line without arrays."""
        return outline(self)

    @classmethod
    def start(cls, run: Identity, problem: Problem, settings: Settings) -> "Progress":
        """Return the beginning of a run.

        Raises
        ------
        TypeError
            Where an optimizer's state is not a NamedTuple.
        """
        theta, kept = _copied(problem.theta), _copied(problem.theta)
        average = None if settings.ema_decay is None else _copied(theta)
        optimizer_state = settings.optimizer.init(theta)
        if optimizer_state and not hasattr(optimizer_state, "_fields"):
            found = type(optimizer_state).__name__
            raise TypeError(f"optimizer: its state is a {found}, expected a NamedTuple of arrays")
        state = State(theta, optimizer_state, average, asarray_like(0.0, like=theta))
        return cls(run, state, 0, 0, 0, {}, kept, kept, {})

    def after(self, other: "Progress") -> "Progress":
        """Return this beginning with the optimizer's state and the count of steps of another run.

        Raises
        ------
        ValueError
            Where the state is not that of such an optimizer on such a theta.
        """
        theta, optimizer, average, total = self.state
        if optimizer and other.run.get("example_space"):
            raise ValueError(
                "after: found a run in example space, whose optimizer's state is in other "
                "coordinates; have it run with example_space=False"
            )
        found, expected = (
            [tuple(vector.shape) for vector in state]
            for state in (other.state.optimizer, optimizer)
        )
        if found != expected:
            raise ValueError(
                f"after: found an optimizer's state of shapes {found}, expected {expected}"
            )
        copies = (
            _copied(asarray_like(vector, like=own))
            for vector, own in zip(other.state.optimizer, optimizer, strict=True)
        )
        state = State(theta, type(optimizer)(*copies), average, total)
        return self._replace(state=state, steps=other.steps)

    def resumed(self, beginning: "Progress") -> "Progress":
        """Return a copy beside the arrays of the run's beginning.

        Raises
        ------
        AnotherRunError
            Naming what differs.
        """
        check_same_run(self.run, beginning.run)
        like = beginning.state.theta
        held, expected = (_forms(progress.state) for progress in (self, beginning))
        if held != expected:
            raise AnotherRunError({"state": (held, expected)})

        def copy(vector: Array) -> Array:
            dtype = getattr(namespace(like), dtype_name(vector.dtype))  # a count may be of integers
            return _copied(asarray_like(vector, like=like, dtype=dtype))

        theta, optimizer, average, total = self.state
        return self._replace(
            state=State(
                copy(theta),
                type(beginning.state.optimizer)(*map(copy, optimizer)),
                None if average is None else copy(average),
                asarray_like(total, like=like) * 1.0,  # its own memory
            ),
            history={name: [*figures] for name, figures in self.history.items()},
            kept=copy(self.kept),
            finite=copy(self.finite),
        )


def _forms(state: State) -> dict[str, list[str]]:
    """Return of which dtypes and shapes a state is, in JSON's types.

    Of several vectors in one array it does not count how many: L-BFGS gathers them.
    """
    parts = {"theta": [state.theta], "optimizer": [*state.optimizer]}
    parts["average"] = [] if state.average is None else [state.average]
    return {
        name: [f"{dtype_name(x.dtype)} {x.ndim} {tuple(x.shape[-1:])}" for x in vectors]
        for name, vectors in parts.items()
    }


def check_progress(resume: Any) -> None:
    """Refuse to go on from what is no progress, such as the path of a file.

    Raises
    ------
    TypeError
        Saying what it is.
    """
    check_kind("resume", resume, Progress, "a Progress, as load_checkpoint returns it")


def _copied(vector: Array) -> Array:
    """Return a copy."""
    return namespace(vector).asarray(vector, copy=True)
