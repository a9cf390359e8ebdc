"""Devices, and what array-api-compat and dnn_xp ask of CUDA besides."""

from cupy.cuda import runtime
from cupy.cuda.device import Device

__all__ = ["Device", "Stream", "is_available", "runtime"]


def is_available() -> bool:
    return True


class Stream:
    """A stream, of which array-api-compat asks the type only."""
