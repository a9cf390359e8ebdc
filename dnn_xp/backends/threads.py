"""Threads of a library: one where its matrix products are too small to share out.

Threads that share a product wait for each other at its end: all wait for a core that another
program holds. The libraries share out products that take a few microseconds, so that a small
network is slowed several times over on a machine that is not idle.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from importlib import import_module
from threading import Lock
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
    """
    if multiplications <= _ALONE:
        if isinstance(like, np.ndarray) and _pools("blas"):
            return _blas_alone
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
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._runs = 0
        self._found: list[tuple[Any, int]] = []

    def __enter__(self) -> None:
        with self._lock:
            if not self._runs:
                libraries = _pools("blas").lib_controllers
                self._found = [(library, library.get_num_threads()) for library in libraries]
                for library in libraries:
                    library.set_num_threads(1)
            self._runs += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._runs -= 1
            if not self._runs:
                for library, found in self._found:
                    library.set_num_threads(found)


_blas_alone = _BlasAlone()
