"""Functions of `numpy.linalg` on arrays of the stand-in."""

import numpy

import cupy

_NAMES = """
cholesky det eigh eigvalsh inv lstsq matrix_power matrix_rank norm pinv qr slogdet solve svd
tensorinv tensorsolve
""".split()  # noqa: SIM905
globals().update({name: cupy._function(getattr(numpy.linalg, name)) for name in _NAMES})

__all__ = list(_NAMES)
