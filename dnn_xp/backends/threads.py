"""Threads of a library: one where its matrix products are too small to share out.

Threads that share a product wait for each other at its end: all wait for a core that another
program holds. The libraries share out products that take a few microseconds, so that a small
network is slowed several times over on a machine that is not idle.
"""

import os
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from importlib import import_module
from threading import Lock, get_ident
from typing import Any

import numpy as np
from array_api_compat import is_torch_array

from dnn_xp.backends.moving import Array

__all__ = ["threads_for"]

_ALONE = 2**21
"""Multiplications up to which a product is left to one thread.

At that size a second, idle core shortens a step by a tenth; a busy one makes it five times as
long (``python -m benchmarks.threads``). OpenBLAS shares out from 2**18 on; builds of it with
limits up to 3 * 2**20 are in use (its Makefile.rule, GEMM_MULTITHREAD_THRESHOLD).
"""


def threads_for(multiplications: int, *, like: Array) -> AbstractContextManager[Any]:
    """Return a context in which matrix products of a size take the threads that they pay for.

    Parameters
    ----------
    multiplications : int
        Of the largest product, l * m * n where (l, m) meets (m, n).
    like : array
        Of the library that multiplies.

    Returns
    -------
    context manager
        To be entered once. Small products run on one thread on NumPy, whose BLAS is then limited
        for the whole process, and on PyTorch, which is limited in this Python thread, but where
        ``torch.set_num_threads`` or MKL_NUM_THREADS has named a number. Elsewhere, for large
        products, and without threadpoolctl nothing changes.

    Notes
    -----
    The number of threads decides the last bits of a product. Those of a small one are always the
    same; a large one on NumPy may differ in them while another thread trains a small network.
    """
    if multiplications <= _ALONE:
        if isinstance(like, np.ndarray) and _pools("blas"):
            return _blas_alone()
        if is_torch_array(like) and like.device.type == "cpu" and (pools := _pools("openmp")):
            limited: AbstractContextManager[Any] = pools.limit(limits=1)
            return limited
    return nullcontext()


@lru_cache
def _pools(user_api: str) -> Any:
    """Return threadpoolctl's view of the pools that are loaded, or None where it is missing.

    It is asked when a first array is at hand, that is when the pools of its library are loaded.
    """
    try:
        return import_module("threadpoolctl").ThreadpoolController().select(user_api=user_api)
    except ImportError:
        return None


class _BlasAlone:
    """One thread for BLAS while any run asks for it.

    The limit is the process's. Each of two runs in two Python threads would put back what it
    found, and the last one leave the limit of the other behind (threadpoolctl issue 205). Library
    by library, for 2 us instead of the 8 of ``limit``, which an epoch of one small step would feel.

    From threadpoolctl 3.8 on, the first Python thread that sets a limit controls OpenBLAS, and
    what others set is passed over, until it lets go. So a limit of someone else's, in another
    thread, stays; and the last run lets go, whichever thread it is in.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._runs: dict[int, int] = {}  # of each Python thread that has some
        self._found: list[tuple[Any, int]] = []

    def __enter__(self) -> None:
        thread = get_ident()
        with self._lock:
            if not self._runs:
                for library in _pools("blas").lib_controllers:
                    found = library.get_num_threads()
                    if found == 1:
                        continue
                    self._found.append((library, found))
                    library.set_num_threads(1)
                    if library.get_num_threads() == found:  # another thread controls it
                        self._found.pop()
            self._runs[thread] = self._runs.get(thread, 0) + 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._leave(get_ident())

    def _leave(self, thread: int) -> None:
        if thread not in self._runs:  # it was left when the process began
            return
        self._runs[thread] -= 1
        if not self._runs[thread]:
            del self._runs[thread]
        if not self._runs:
            self._put_back()

    def _put_back(self) -> None:
        for library, found in self._found:
            let_go = getattr(library, "clear_controlling_thread", _nothing)
            let_go(force=True)
            library.set_num_threads(found)
            let_go()
        self._found = []

    def in_forked_process(self) -> None:
        """Keep the runs of the one thread that goes on: those of the others will never end."""
        self._lock = Lock()  # another thread may have held it
        self._runs = {one: n for one, n in self._runs.items() if one == get_ident()}
        if not self._runs:
            self._put_back()

    def in_worker_process(self) -> None:
        """Leave all runs: a worker begins something else, whatever its parent was about to do."""
        self._runs = {}
        self._put_back()


def _nothing(*, force: bool = False) -> None:
    """Do as a version of threadpoolctl does in which any thread sets limits."""


_alone = _BlasAlone()
if hasattr(os, "register_at_fork"):  # not on Windows, where processes begin anew
    os.register_at_fork(after_in_child=_alone.in_forked_process)


def _blas_alone() -> _BlasAlone:
    """Return the one that there is in a process, which forked processes make their own."""
    _tell_workers()
    return _alone


@lru_cache
def _tell_workers() -> None:
    # Imported here, since it takes as long as all of this package. Twice does no harm.
    import_module("multiprocessing.util").register_after_fork(_alone, _BlasAlone.in_worker_process)
