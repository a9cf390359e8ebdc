"""The current backend: opening an array library, finding its device, making new arrays there.

The choice is read from two environment variables the first time that it is needed:

``DNN_XP_BACKEND``
    ``auto`` (default), ``numpy``, ``cupy``, ``torch``, ``jax``, ``dask`` or
    ``array-api-strict``. ``auto`` is CuPy where it is installed and a device answers, else NumPy.
``DNN_XP_DEVICE``
    A device of that library in its own words: ``cuda:0``, ``gpu:1``, ``0``. Default: its own.
"""

import os
from contextlib import AbstractContextManager
from contextvars import ContextVar
from functools import cache
from importlib import import_module, util
from threading import current_thread, main_thread
from types import ModuleType, TracebackType
from typing import Any, NamedTuple

__all__ = [
    "BACKENDS",
    "LIBRARIES",
    "Backend",
    "BackendError",
    "BackendNotInstalledError",
    "DeviceNotFoundError",
    "Library",
    "UnknownBackendError",
    "current_backend",
    "find_devices",
    "open_backend",
    "require",
    "use_backend",
]


class Library(NamedTuple):
    """An array library: its import name, its standard namespace, and what installs it."""

    module: str
    namespace: str
    install: str


LIBRARIES = {
    "numpy": Library("numpy", "array_api_compat.numpy", "numpy"),
    "cupy": Library("cupy", "array_api_compat.cupy", "dnn-xp[cuda12]' or 'dnn-xp[cuda13]"),
    "torch": Library("torch", "array_api_compat.torch", "dnn-xp[torch]"),
    "jax": Library("jax", "jax.numpy", "dnn-xp[jax]"),
    "dask": Library("dask", "array_api_compat.dask.array", "dnn-xp[dask]"),
    "array-api-strict": Library("array_api_strict", "array_api_strict", "array-api-strict"),
}
"""How each library is found, by the name that its backend has."""

BACKENDS = tuple(LIBRARIES)
"""The names that a backend may have."""


class BackendError(Exception):
    """A backend cannot do what was asked; the message says which, why, and the way out."""


class UnknownBackendError(BackendError, ValueError):
    """The name is not that of a backend."""


class BackendNotInstalledError(BackendError, ImportError):
    """The library is not installed, or does not load."""


class DeviceNotFoundError(BackendError, RuntimeError):
    """The library has no such device, or the device does not answer."""


class Backend(NamedTuple):
    """An array library that has been opened: its name, namespace and device (None: its own)."""

    name: str
    xp: ModuleType
    device: Any

    def __repr__(self) -> str:
        """Return the call that opens it."""
        if self.device is None:
            return f"open_backend({self.name!r})"
        words = [word for word, device in find_devices(self.name).items() if device == self.device]
        return f"open_backend({self.name!r}, {(words or [str(self.device)])[0]!r})"


def open_backend(name: str, device: str | None = None) -> Backend:
    """Load a library and find its device, without making it the current one.

    Parameters
    ----------
    name : str
        One of `BACKENDS`, or ``"auto"``.
    device : str, optional
        A device in the library's own words. Default: the library's default.

    Raises
    ------
    UnknownBackendError, BackendNotInstalledError, DeviceNotFoundError
        Three different failures; another backend is never put in place of the one named.
    """
    if isinstance(name, str) and name == "auto":
        name = "cupy" if _cupy_problem() is None else "numpy"
    if not isinstance(name, str) or name not in LIBRARIES:
        known = ", ".join(("auto", *BACKENDS))
        raise UnknownBackendError(f"backend: found {name!r}, expected one of {known}")
    library = LIBRARIES[name]
    try:
        xp = import_module(library.namespace)
    except ImportError as error:
        raise BackendNotInstalledError(
            f"backend {name!r} is not installed: pip install '{library.install}' ({error})"
        ) from error
    except Exception as error:  # a library that is there may fail to load in any way
        raise BackendNotInstalledError(f"backend {name!r} does not load: {error!r}") from error
    return Backend(name, xp, _find_device(name, device))


def _find_device(name: str, text: str | None) -> Any:
    """Turn the user's words into the library's device object and see that it answers."""
    if text is None and name == "cupy" and (problem := _cupy_problem()):
        raise DeviceNotFoundError(f"backend 'cupy' has no device that answers: {problem}")
    if text is None:
        return None
    devices = find_devices(name)
    if not isinstance(text, str) or text not in devices:
        raise DeviceNotFoundError(
            f"device: found {text!r}, expected one of {', '.join(devices) or 'none'} "
            f"(those that answer for backend {name!r})"
        )
    return devices[text]


def find_devices(name: str) -> dict[str, Any]:
    """Return the devices that answer, by the words that choose them."""
    if name == "cupy":
        if _cupy_problem() is not None:
            return {}
        count = import_module("cupy").cuda.runtime.getDeviceCount()
        return {word: i for i in range(count) for word in (f"cuda:{i}", str(i))}
    if name == "torch":
        torch = import_module("torch")
        words = ["cpu"]
        if torch.cuda.is_available():
            words += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        if torch.backends.mps.is_available():
            words.append("mps")
        return {word: torch.device(word) for word in words}
    if name == "jax":
        jax = import_module("jax")
        found: dict[str, Any] = {}
        for platform in dict.fromkeys(("cpu", jax.default_backend())):
            devices = jax.devices(platform)
            found |= {platform: devices[0]}
            found |= {f"{platform}:{i}": device for i, device in enumerate(devices)}
        return found
    if name == "array-api-strict":
        devices = import_module("array_api_strict").__array_namespace_info__().devices()
        return {str(device).split("'")[1]: device for device in devices}
    return {"cpu": "cpu"}


@cache
def _cupy_problem() -> str | None:
    """Return why CuPy cannot be used here, or None where a device answers."""
    if util.find_spec("cupy") is None:
        return "CuPy is not installed"
    try:  # a broken driver can fail in as many ways as there are drivers
        cupy = import_module("cupy")
        if not cupy.cuda.is_available():
            return "CUDA finds no device"
        cupy.zeros(1) + 1
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


_of_process: Backend | None = None
"""What is chosen where neither a thread nor a task has a choice of its own."""

_of_context: ContextVar[Backend | None] = ContextVar("dnn_xp_backend", default=None)
"""What this thread, or this asyncio task, has chosen."""


class _Block(NamedTuple):
    """A ``with`` block that has been entered, and what it puts back when it is left."""

    owner: "use_backend"
    before: Backend | None
    device: Any


_blocks: ContextVar[tuple[_Block, ...]] = ContextVar("dnn_xp_blocks", default=())
"""Those that this thread, or this asyncio task, is in."""


def current_backend() -> Backend:
    """Return the backend on which new arrays are made here: in this thread, in this task.

    The first call of a process reads ``DNN_XP_BACKEND`` and ``DNN_XP_DEVICE``.
    """
    global _of_process
    chosen = _of_context.get()
    if chosen is not None:
        return chosen
    if _of_process is None:
        name = os.environ.get("DNN_XP_BACKEND", "auto")
        _of_process = open_backend(name, os.environ.get("DNN_XP_DEVICE") or None)
        _make_current(_of_process)
    chosen = _of_process
    if not _in_main_thread():  # which starts with the process's choice, and stays with it
        _of_context.set(chosen)
        _make_current(chosen)
    return chosen


class use_backend(AbstractContextManager[Backend]):
    """Make new arrays on another backend, from now on or inside a ``with`` block.

    Parameters
    ----------
    name, device
        As for `open_backend`, which says what can be raised.

    Notes
    -----
    Each thread and each asyncio task has its own choice. Threads start with the process's choice,
    which is the last one that was made in the main thread outside of a ``with`` block. One object
    may be entered again, also inside its own block; where blocks are left in another order than the
    reverse one, the choice is that of the last one that was not left. Arrays that exist stay where
    they are. CuPy computes on one device of a thread, the current one: that is
    then the device that was named.

    Examples
    --------
    >>> import dnn_xp
    >>> with dnn_xp.use_backend("numpy") as backend:
    ...     backend.name
    'numpy'
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        global _of_process
        self._chosen = open_backend(name, device)
        self._before, self._of_process = _of_context.get(), _of_process
        _of_context.set(self._chosen)
        self._device, self._entered = _make_current(self._chosen), False
        # Also where a task of the main thread calls: a notebook may run each cell in a new one.
        self._is_for_process = _in_main_thread() and not _blocks.get()
        if self._is_for_process:
            _of_process = self._chosen

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return repr(self._chosen).replace("open_backend", "use_backend", 1)

    def __enter__(self) -> Backend:
        global _of_process
        before, is_new = _of_context.get(), not self._entered
        device = _make_current(self._chosen)
        self._entered = True
        if is_new and before is self._chosen:  # only now is it known to be a block
            before, device = self._before, self._device
            if self._is_for_process and _of_process is self._chosen:
                _of_process = self._of_process
        _blocks.set((*_blocks.get(), _Block(self, before, device)))
        _of_context.set(self._chosen)
        return self._chosen

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        blocks = _blocks.get()
        places = [place for place, block in enumerate(blocks) if block.owner is self]
        if not places:
            raise BackendError(
                f"use_backend: found the end of a block of {self._chosen.name!r}, expected it in "
                "the thread or the task in which it began"
            )
        left, later = blocks[places[-1]], blocks[places[-1] + 1 :]
        if later:  # it goes on, and puts back in the end what this one would have
            later = (later[0]._replace(before=left.before, device=left.device), *later[1:])
        else:
            _of_context.set(left.before)
            if left.device is not None:
                left.device.use()
        _blocks.set((*blocks[: places[-1]], *later))


def _make_current(backend: Backend) -> Any:
    """Make the device current on which CuPy computes in this thread; return the one before."""
    if backend.name != "cupy" or backend.device is None:
        return None
    cuda = import_module("cupy").cuda
    before = cuda.Device()
    cuda.Device(backend.device).use()
    return before


def _in_main_thread() -> bool:
    return current_thread() is main_thread()


def require(module: str, extra: str) -> ModuleType:
    """Import an optional library where it is needed.

    Raises
    ------
    ImportError
        Naming the extra that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} is needed here: pip install 'dnn-xp[{extra}]' ({error})"
        ) from error
