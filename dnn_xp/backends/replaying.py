"""Steps on NumPy, replayed by a plan: as many calls of NumPy's, and nothing of Python's between."""

import logging
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import numpy as np

from dnn_xp.recording import Program, record
from dnn_xp.recording.plan import Plan, PlanError, make_plan
from dnn_xp.recording.structure import leaves, map_leaves

__all__ = ["Replay"]

_log = logging.getLogger("dnn_xp")

_PLAIN_CALLS = 100
"""Calls before a plan is made, which takes as long as some of them: short runs need none."""

_LARGEST = 65_536
"""Elements of an array of the state: of larger ones nearly all time goes into products."""

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
        self._n_calls += 1
        if self._n_calls <= _PLAIN_CALLS or self._why_not or len(self._plans) >= _MOST_PLANS:
            return self._function(self._constant, *arguments)
        try:
            return self._begin(given)
        except Exception as error:  # a layer of somebody's own may do anything to a symbol
            self._why_not = str(error) or type(error).__name__
            _log.debug("a step is not planned: %s", error)
        return self._function(self._constant, *given, workspace)

    def _begin(self, given: list[Any]) -> Any:
        """Make a plan, and return the next state from it where it is the same as without."""
        state, *rest = given
        arrays = dict(leaves(state, ""))
        largest = max((np.size(x) for x in arrays.values()), default=0)
        if largest > _LARGEST:
            raise PlanError(f"an array of the state has {largest:,} elements, nearly all products")
        program = self._recorded(given)
        copies = map_leaves(lambda _, x: np.array(x), state, "")
        expected = self._function(self._constant, copies, *rest, None)
        becomes = {path: path for path, _ in leaves(program.outputs, "")}
        name = program._arguments[0]
        if [*becomes] != [*arrays]:
            raise PlanError("its result is of another structure than its state")
        own = {f"{name}{path}": x for path, x in arrays.items() if _can_be_kept(x)}
        plan = make_plan(program, {f"{name}{path}": path for path in arrays}, own)
        found = plan.run(*given)
        pairs = zip(dict(leaves(found, "")).values(), leaves(expected, ""), strict=True)
        if all(_same_bits(x, y) for x, (_, y) in pairs):
            self._plans.append(plan)
            return found
        self._why_not = "its results are not the same to the last bit"
        _log.debug("a step is not planned: %s", self._why_not)
        for x, (_, y) in zip(arrays.values(), leaves(expected, ""), strict=True):
            if _can_be_kept(x):  # a workspace may have views of it
                np.copyto(x, y)
        kept = {path: x for path, x in arrays.items() if _can_be_kept(x)}
        return map_leaves(lambda path, x: kept.get(path, x), expected, "")

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


def _can_be_kept(x: Any) -> bool:
    """Return whether an array can be a plan's own: whole, and to be written to."""
    return isinstance(x, np.ndarray) and x.flags.c_contiguous and x.flags.writeable


def _same_bits(x: Any, y: Any) -> bool:
    a, b = np.asarray(x), np.asarray(y)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
