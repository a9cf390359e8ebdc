"""Functions of `numpy.fft` on arrays of the stand-in."""

import numpy

import cupy

_NAMES = """
fft fft2 fftfreq fftn fftshift hfft ifft ifft2 ifftn ifftshift ihfft irfft irfft2 irfftn rfft
rfft2 rfftfreq rfftn
""".split()  # noqa: SIM905
globals().update({name: cupy._function(getattr(numpy.fft, name)) for name in _NAMES})

__all__ = list(_NAMES)
