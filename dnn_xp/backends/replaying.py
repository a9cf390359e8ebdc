"""Steps on NumPy, replayed by a plan: as many calls of NumPy's, and nothing of Python's between."""

import logging
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import numpy as np

from dnn_xp.recording import Program, record
from dnn_xp.recording.plan import Plan, PlanError, make_plan
from dnn_xp.recording.structure import leaves

__all__ = ["Replay"]

_log = logging.getLogger("dnn_xp")

_PLAIN_CALLS = 40
"""Calls before a plan is made, which takes about as long as it then saves in so many."""

_LARGEST = 65_536
"""Elements of an array of the state: of larger ones nearly all time goes into products."""

_IS_NEW = tuple(int(part) for part in np.__version__.split(".")[:2]) >= (2, 4)
"""Older ones round some results by where they are written to: there no step is planned."""

_MOST_PLANS, _MOST_PROGRAMS = 4, 64

_programs: dict[Any, Program] = {}
"""What was recorded, by function, constant, and the types of the arguments."""


class Replay:
    """A function that is handed its own result again, and is replayed once it was called often.

    It is recorded, planned, and run both ways once: only where the results are the same to the last
    bit, the plan takes its place. Each set of shapes has its plan. What cannot be recorded or
    planned is called as before, and the log says why.

    Parameters
    ----------
    function : callable
        ``function(constant, state, ..., workspace)``, where the workspace may be None.
    constant : hashable
    """

    def __init__(self, function: Callable[..., Any], constant: Hashable) -> None:
        self._function, self._constant = function, constant
        self._plans: list[Plan] = []
        self._n_calls, self._why_not = 0, ""

    def __call__(self, *arguments: Any) -> Any:
        """Return the next state."""
        *given, workspace = arguments
        for plan in self._plans:
            found = plan.run(*given)
            if found is not None:
                return found
        if self._plans:  # the state is a plan's by now, and the workspace that of another
            workspace = None
        self._n_calls += 1
        if self._n_calls <= _PLAIN_CALLS or self._why_not or len(self._plans) >= _MOST_PLANS:
            return self._function(self._constant, *given, workspace)
        begun = self._begin(given)
        state = self._function(self._constant, *given, workspace)
        if begun is not None:
            plan, found = begun
            if _same_bits(found, state):
                self._plans.append(plan)
            else:
                self._refuse("its results are not the same to the last bit")
        return state

    def _refuse(self, why_not: str) -> None:
        self._why_not = why_not
        _log.debug("a step is not planned: %s", why_not)

    def _begin(self, given: list[Any]) -> tuple[Plan, Any] | None:
        """Return a plan, and the next state by it, where it can be planned; the given one stays."""
        try:
            plan = self._plan(given)
            return plan, plan.run(*given)
        except Exception as error:  # a layer of somebody's own may do anything to a symbol
            self._refuse(str(error) or type(error).__name__)
        return None

    def _plan(self, given: list[Any]) -> Plan:
        if not _IS_NEW:
            raise PlanError(f"NumPy is {np.__version__}, expected 2.4 or later")
        arrays = dict(leaves(given[0], ""))
        largest = max((np.size(x) for x in arrays.values()), default=0)
        if largest > _LARGEST:
            raise PlanError(f"an array of the state has {largest:,} elements, nearly all products")
        program = self._recorded(given)
        if [path for path, _ in leaves(program.outputs, "")] != [*arrays]:
            raise PlanError("its result is of another structure than its state")
        name = program._arguments[0]
        return make_plan(program, {f"{name}{path}": path for path in arrays}, like=given)

    def _recorded(self, given: list[Any]) -> Program:
        types = tuple(
            (path, x.shape, x.dtype.str) if hasattr(x, "dtype") else (path, type(x))
            for tree in given
            for path, x in leaves(tree, "")
        )
        key = (self._function, self._constant, types)
        if key not in _programs:
            if len(_programs) >= _MOST_PROGRAMS:
                _programs.clear()
            _programs[key] = record(partial(self._function, self._constant), *given)
        return _programs[key]


def _same_bits(one: Any, other: Any) -> bool:
    pairs = zip(leaves(one, ""), leaves(other, ""), strict=True)
    arrays = [(np.asarray(x), np.asarray(y)) for (_, x), (_, y) in pairs]
    return all(
        (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes()) for x, y in arrays
    )
