"""What a run needs to go on from where it is, and what tells it from another run."""

import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from dnn_xp.backends import Array, bring, dtype_name, namespace, to_host
from dnn_xp.data.sources import reference_array
from dnn_xp.network import Network
from dnn_xp.training.problem import Problem
from dnn_xp.training.settings import Settings
from dnn_xp.training.step import State

__all__ = ["AnotherRunError", "History", "Progress", "describe_problem", "describe_run"]

History = dict[str, list[float]]
"""One list for each figure, with one number an epoch: ``cost``, ``validation_cost``, ..."""


class AnotherRunError(ValueError):
    """Progress is that of another run; the message says what differs."""


class Progress(NamedTuple):
    """All that a run needs to go on, in arrays of any library.

    Attributes
    ----------
    run : mapping of str to str
        What the run was told, in words: see `describe_run`.
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

    run: Mapping[str, str]
    state: State
    epoch: int
    batch: int
    steps: int
    history: History
    kept: Array
    finite: Array
    callbacks: Mapping[str, Mapping[str, Any]]

    @classmethod
    def start(cls, run: Mapping[str, str], problem: Problem, settings: Settings) -> "Progress":
        """Return the beginning of a run."""
        network = problem.network
        theta, kept = _copied(network, problem.theta), _copied(network, problem.theta)
        average = None if settings.ema_decay is None else _copied(network, theta)
        held = settings.optimizer.init(theta)
        if held and not hasattr(held, "_fields"):
            found = type(held).__name__
            raise TypeError(f"optimizer: its state is a {found}, expected a NamedTuple of arrays")
        state = State(theta, held, average, bring(0.0, like=theta))
        return cls(run, state, 0, 0, 0, {}, kept, kept, {})

    def after(self, network: Network, other: "Progress") -> "Progress":
        """Return this beginning with the optimizer's state and the count of steps of another run.

        Raises
        ------
        ValueError
            Where the state is not that of such an optimizer on such a theta.
        """
        theta, optimizer, average, total = self.state
        if optimizer and other.run.get("example_space") == "True":
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
        copies = (_copied(network, bring(vector, like=theta)) for vector in other.state.optimizer)
        state = State(theta, type(optimizer)(*copies), average, total)
        return self._replace(state=state, steps=other.steps)

    def resumed(self, network: Network, beginning: "Progress") -> "Progress":
        """Return a copy beside the arrays of the run's beginning.

        Raises
        ------
        AnotherRunError
            Naming what differs.
        """
        differ = [
            f"{name}: found {self.run.get(name)}, expected {expected}"
            for name, expected in beginning.run.items()
            if self.run.get(name) != expected
        ]
        if differ:
            raise AnotherRunError(f"this is the progress of another run; {'; '.join(differ)}")
        like = beginning.state.theta

        def copy(vector: Array) -> Array:
            return _copied(network, bring(vector, like=like))

        theta, optimizer, average, total = self.state
        return self._replace(
            state=State(
                copy(theta),
                type(beginning.state.optimizer)(*map(copy, optimizer)),
                None if average is None else copy(average),
                bring(total, like=like) * 1.0,  # its own memory
            ),
            history={name: [*figures] for name, figures in self.history.items()},
            kept=copy(self.kept),
            finite=copy(self.finite),
        )


def _copied(network: Network, vector: Array) -> Array:
    """Return a copy that, where arrays have blocks, has those that gradients have.

    A sum over other blocks is another sum in its last digits.
    """
    if tuple(vector.shape) != (network.size,):  # an optimizer may keep other arrays, too
        return namespace(vector).asarray(vector, copy=True)
    return network.pack(network.unpack(vector))


def describe_run(
    problem: Problem, settings: Settings, *, example_space: bool, after: "Progress | None"
) -> dict[str, str]:
    """Return words by which a run is known again, by the names of arguments.

    They tell all that it was told but for what has no words: the values of X, Y and weights, and
    functions, that is the schedule, the metrics and the callbacks.

    Parameters
    ----------
    problem : Problem
        In its own coordinates. Of X count dtype and shape, of the weights whether there are any,
        of theta a checksum.
    settings : Settings
    example_space : bool
        Whether the run descends in example space.
    after : Progress, optional
        Whose count of steps the run begins with.
    """
    own = settings._asdict()
    for name in ("epochs", "schedule", "compile"):
        del own[name]
    own |= {
        "order": settings.order is not None,
        "example_space": example_space,
        "after": None if after is None else after.steps,
    }
    return describe_problem(problem, own)


def describe_problem(problem: Problem, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return words by which a run with such settings is known again."""
    own = {**settings, "network": problem.network, "weights": problem.weights is not None}
    X = problem.X
    return {name: _in_words(value) for name, value in own.items()} | {
        "X": f"{dtype_name(reference_array(X).dtype)} {tuple(X.shape)}",
        "theta": f"{zlib.crc32(to_host(problem.theta).tobytes()):08x}",
    }


def _in_words(value: Any) -> str:
    """Return the representation of a value, in which no function shows where in memory it is."""
    if is_dataclass(value):
        parts = {one.name: getattr(value, one.name) for one in fields(value)}
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        parts = value._asdict()
    elif isinstance(value, tuple | list):
        return f"({', '.join(map(_in_words, value))})"
    elif hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    else:
        return repr(value)
    inside = ", ".join(f"{name}={_in_words(part)}" for name, part in parts.items())
    return f"{type(value).__name__}({inside})"
