"""Reports of the array libraries: version, devices and dtype, or why one cannot be used."""

from importlib import import_module, util
from typing import NamedTuple

from dnn_xp.backends.choosing import (
    BACKENDS,
    LIBRARIES,
    BackendError,
    find_devices,
    open_backend,
)
from dnn_xp.backends.moving import default_dtype, dtype_name

__all__ = ["BackendReport", "probe_backends"]


class BackendReport(NamedTuple):
    """Report of one array library, as `probe_backends` found it.

    ``problem`` says why it cannot be used, and is None where it can; ``install`` is the command
    that installs it, and None where it is installed.
    """

    name: str
    version: str
    standard: str
    devices: tuple[str, ...]
    default_dtype: str
    problem: str | None
    install: str | None = None


def probe_backends() -> list[BackendReport]:
    """Load every library that is installed and ask for its version, devices and default dtype."""
    return [_probe(name) for name in BACKENDS]


def _probe(name: str) -> BackendReport:
    try:
        backend = open_backend(name)
        version = import_module(LIBRARIES[name].module).__version__
        standard = getattr(backend.xp, "__array_api_version__", "unknown")
        dtype = dtype_name(default_dtype(backend.xp, device=backend.device))
        return BackendReport(name, version, standard, tuple(find_devices(name)), dtype, None)
    except BackendError as error:
        library, install = LIBRARIES[name], None
        if util.find_spec(library.module) is None:
            install = f"pip install '{library.install}'"
        return BackendReport(name, "", "", (), "", str(error), install)
