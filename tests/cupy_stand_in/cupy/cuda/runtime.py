"""The current device of each thread, of two: cupy_backends/cuda/api/runtime.pyx."""

import threading

_COUNT = 2


class _Current(threading.local):
    device = 0


_current = _Current()


def getDevice() -> int:
    return _current.device


def getDeviceCount() -> int:
    return _COUNT


def setDevice(device: int) -> None:
    if not 0 <= device < _COUNT:
        raise RuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
    _current.device = device
