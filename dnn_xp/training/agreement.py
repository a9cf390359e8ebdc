"""What the processes of a group agree on: how a run begins, its figures, and when it ends.

Each of them runs the same program on the same whole batches. What they could differ in is compared,
or said by rank 0; else they would wait for each other in different places, or train two networks.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from dnn_xp.backends import (
    TOLD,
    Array,
    DisagreementError,
    Group,
    as_group,
    ends_together,
    gather_texts,
    to_host,
)
from dnn_xp.training.identity import describe_difference
from dnn_xp.training.result import Ending

__all__ = ["Agreement", "StopAgreedError", "agreement_over", "checksum"]

Wish = tuple[Ending, str]
"""Why a process would end the run."""

R = TypeVar("R", bound=Any)


class StopAgreedError(Exception):
    """A process would end the run before the step that is under way, which is not taken."""


class Agreement:
    """The agreement of the processes of a group on a run.

    Parameters
    ----------
    group : Group

    Attributes
    ----------
    wishes : list of (Ending, str)
        Why this process would end the run; the others do not know yet.
    heeds_steps : bool
        Whether a process may wish so after a step.
    """

    def __init__(self, group: Group) -> None:
        self.group = group
        self.wishes: list[Wish] = []
        self.heeds_steps = False

    def begin(self, prepare: Callable[[], R]) -> R:
        """Return the run that this process has prepared, unless one could not, or has another.

        Parameters
        ----------
        prepare : callable
            Returns a `Run`. Nothing in it waits for another process.

        Raises
        ------
        Exception
            That of `prepare`, where it failed here.
        DisagreementError
            Where it failed in another process, or the processes were told different things.
        """
        run: R = self.same("start", prepare, _describe)
        run.agreement = self
        return run

    def same(
        self, moment: str, prepare: Callable[[], R], describe: Callable[[R], Mapping[str, Any]]
    ) -> R:
        """Return what this process has prepared, unless one could not, or describes another.

        Parameters
        ----------
        moment : str
            What the processes are at.
        prepare : callable
            Nothing in it waits for another process.
        describe : callable
            What must be the same of it in all processes, by names, in JSON's types.

        Raises
        ------
        Exception
            That of `prepare`, where it failed here.
        DisagreementError
            Where it failed in another process, or the descriptions differ.
        """
        try:
            made = prepare()
            said = {"made": describe(made)}
        except Exception as error:
            self._exchange(moment, {"problem": f"{type(error).__name__}: {error}"})
            raise
        except BaseException:  # as Ctrl-C, after which a process hands on nothing
            with ends_together(self.group):
                raise
        heard = self._exchange(moment, said)
        for rank, other in enumerate(heard):
            if "problem" in other:
                raise DisagreementError(f"group: rank {rank} has failed: {other['problem']}")
        for rank, other in enumerate(heard):
            if other != heard[0]:
                said_of = _difference(other["made"], heard[0]["made"])
                raise DisagreementError(f"group: rank {rank} is not as rank 0: {said_of}")
        return made

    def figures(self, found: Mapping[str, float], theta: Array) -> dict[str, float]:
        """Return the figures that rank 0 has found.

        Raises
        ------
        DisagreementError
            Where the processes do not hold the same theta.
        """
        heard = self._exchange("figures", {"figures": dict(found), "theta": checksum(theta)})
        for rank, other in enumerate(heard):
            if other["theta"] != heard[0]["theta"]:
                raise DisagreementError(
                    f"group: rank {rank} has come to another theta than rank 0; see that a "
                    "schedule, and each callback that changes something, is the same everywhere, "
                    "and so are the processors"
                )
        figures: dict[str, float] = heard[0]["figures"]
        return figures

    def settle(self, *, heeds_steps: bool, problem: Exception | None = None) -> list[Wish]:
        """Return why the run ends, the same in all processes; nothing where it goes on.

        Parameters
        ----------
        heeds_steps : bool
            Whether this process may wish for the end after a step.
        problem : Exception, optional
            Why this process cannot go on, which it raises.

        Raises
        ------
        DisagreementError
            Where another process cannot go on.
        """
        wishes, self.wishes = self.wishes, []
        text = None if problem is None else f"{type(problem).__name__}: {problem}"
        said = {"wishes": wishes, "steps": heeds_steps, "problem": text}
        heard = self._exchange("wishes", said)
        if problem is not None:
            problem.add_note(TOLD)
            raise problem
        for rank, other in enumerate(heard):
            if other["problem"] is not None:
                raise DisagreementError(f"group: rank {rank} has failed: {other['problem']}")
        self.heeds_steps = any(other["steps"] for other in heard)
        reasons: dict[Wish, str] = {}
        for rank, other in enumerate(heard):
            for ending, reason in other["wishes"]:
                reasons.setdefault((Ending(ending), reason), f"rank {rank}: " if rank else "")
        return [(ending, who + reason) for (ending, reason), who in reasons.items()]

    def heed(self, vector: Array) -> None:
        """End the step under way where others, or this one, would end the run before it.

        Parameters
        ----------
        vector : array, shape (n,)
            A sum over the group; its last element is how many processes would.

        Raises
        ------
        StopAgreedError
        """
        if self.heeds_steps and float(vector[-1]) > 0.0:
            raise StopAgreedError

    def _exchange(self, moment: str, said: Mapping[str, Any]) -> list[Any]:
        """Return what each process says, or see that they are at different moments of a run."""
        heard = [json.loads(text) for text in gather_texts(self.group, json.dumps([moment, said]))]
        for rank, (other, _) in enumerate(heard):
            if other != heard[0][0]:
                raise DisagreementError(
                    f"group: rank {rank} is at its {other}, and rank 0 at its {heard[0][0]}; see "
                    "that all are told the same"
                )
        return [content for _, content in heard]


def agreement_over(group: Any) -> Agreement | None:
    """Return the agreement of a run over a group; None where this process is alone.

    Parameters
    ----------
    group : Group, communicator of mpi4py, process group of torch, or None

    Raises
    ------
    TypeError
        Where it is something else.
    """
    found = as_group(group)
    return None if found is None or found.size == 1 else Agreement(found)


def checksum(theta: Array) -> int:
    """Return a number that other parameters would hardly have."""
    return zlib.crc32(to_host(theta).tobytes())


def _describe(run: Any) -> dict[str, Any]:
    """Return what must be the same in all processes, in JSON's types; no data are read for it."""
    return {
        **(run.identity if run.data_are_lazy else run.progress.run),
        "epochs" if run.unit == "epochs" else "max_iter": run.epochs,
        "state": [run.epoch, run.batch, run.step, checksum(run.state.theta)],
    }


_DIFFERENCES = {
    "theta": "theta: found another start; give all the same theta, or the same seed (random_state)",
    "data": "X, Y or weights: found other data; all must have the same",
    "validation_data": "validation: found other data; all must have the same",
    "state": "resume: found another progress; all must go on from the same",
}


def _difference(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Return in words what differs first between the words of two processes."""
    others = sorted((expected.keys() | found.keys()) - _DIFFERENCES.keys())
    # Of what else differs with the start, a network and a dtype say more than theta.
    for name in ("network", "X", "theta", *others, *_DIFFERENCES):
        if found.get(name) != expected.get(name):
            known = _DIFFERENCES.get(name)
            return known or describe_difference(name, found.get(name), expected.get(name))
    raise AssertionError
