"""The array libraries: choose one, find its device, move arrays, compile a step.

This is the only module that names an array library. Everything else takes its namespace from
the arrays that it is given; the choice made here matters only where arrays are *made*.

The choice is read from two environment variables the first time that it is needed:

``DNN_XP_BACKEND``
    ``auto`` (default), ``numpy``, ``cupy``, ``torch``, ``jax``, ``dask`` or
    ``array-api-strict``. ``auto`` is CuPy where it is installed and a device answers, else NumPy.
``DNN_XP_DEVICE``
    A device of that library in its own words: ``cuda:0``, ``gpu:1``, ``0``. Default: its own.
"""

import os
import sys
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, lru_cache, partial
from importlib import import_module, util
from types import ModuleType, TracebackType
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import (
    array_namespace,
    is_cupy_array,
    is_dask_array,
    is_jax_array,
    is_numpy_array,
    is_torch_array,
    to_device,
)
from array_api_compat import device as _device_of
from array_api_extra import at, default_dtype

__all__ = [
    "BACKENDS",
    "Array",
    "Backend",
    "BackendError",
    "BackendNotInstalledError",
    "BackendReport",
    "ByExample",
    "DeviceNotFoundError",
    "UnknownBackendError",
    "bring",
    "by_example",
    "cache_blocks",
    "column_maxima",
    "column_sums",
    "compile_step",
    "computed",
    "current_backend",
    "default_dtype",
    "device",
    "double_precision",
    "dtype_name",
    "empty_array",
    "from_host",
    "has_fixed_shapes",
    "has_views",
    "namespace",
    "open_backend",
    "probe_backends",
    "product",
    "require",
    "row_sums",
    "set_at",
    "take_examples",
    "to_host",
    "use_backend",
]

Array = Any
"""An array of any library that follows the array API standard."""


class _Library(NamedTuple):
    """Where a library is found: import name, namespace that is standard, and who installs it."""

    module: str
    namespace: str
    install: str


_LIBRARIES = {
    "numpy": _Library("numpy", "array_api_compat.numpy", "numpy"),
    "cupy": _Library("cupy", "array_api_compat.cupy", "dnn-xp[cuda12]' or 'dnn-xp[cuda13]"),
    "torch": _Library("torch", "array_api_compat.torch", "dnn-xp[torch]"),
    "jax": _Library("jax", "jax.numpy", "dnn-xp[jax]"),
    "dask": _Library("dask", "array_api_compat.dask.array", "dnn-xp[dask]"),
    "array-api-strict": _Library("array_api_strict", "array_api_strict", "array-api-strict"),
}

BACKENDS = tuple(_LIBRARIES)
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


# ----------------------------------------------------------------------------- choosing


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
    if name == "auto":
        name = "cupy" if _cupy_problem() is None else "numpy"
    if name not in _LIBRARIES:
        known = ", ".join(("auto", *BACKENDS))
        raise UnknownBackendError(f"backend: found {name!r}, expected one of {known}")
    library = _LIBRARIES[name]
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
    devices = _devices(name)
    if text not in devices:
        raise DeviceNotFoundError(
            f"device: found {text!r}, expected one of {', '.join(devices) or 'none'} "
            f"(those that answer for backend {name!r})"
        )
    return devices[text]


def _devices(name: str) -> dict[str, Any]:
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
            found |= {f"{platform}:{i}": one for i, one in enumerate(devices)}
        return found
    if name == "array-api-strict":
        devices = import_module("array_api_strict").__array_namespace_info__().devices()
        return {str(one).split("'")[1]: one for one in devices}
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


_current: Backend | None = None


def current_backend() -> Backend:
    """Return the backend on which new arrays are made.

    The first call reads ``DNN_XP_BACKEND`` and ``DNN_XP_DEVICE``.
    """
    global _current
    if _current is None:
        name = os.environ.get("DNN_XP_BACKEND", "auto")
        _current = open_backend(name, os.environ.get("DNN_XP_DEVICE") or None)
    return _current


class use_backend(AbstractContextManager[Backend]):
    """Make new arrays on another backend, from now on or inside a ``with`` block.

    Parameters
    ----------
    name, device
        As for `open_backend`, which says what can be raised.

    Notes
    -----
    The choice belongs to the process, not to a thread. Arrays that exist stay where they are.

    Examples
    --------
    >>> import dnn_xp
    >>> with dnn_xp.use_backend("numpy") as backend:
    ...     backend.name
    'numpy'
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        global _current
        self._chosen = open_backend(name, device)
        self._before, _current = _current, self._chosen

    def __enter__(self) -> Backend:
        return self._chosen

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        global _current
        _current = self._before


# ----------------------------------------------------------------------------- asking


def namespace(*arrays: Array) -> Any:
    """Return the standard namespace of the library that the arrays belong to.

    Raises
    ------
    TypeError
        Where they belong to several libraries, or one of them to none.
    """
    return array_namespace(*arrays)


def device(x: Array) -> Any:
    """Return the device of an array, in the form in which creation functions take it."""
    return _device_of(x)


# ----------------------------------------------------------------------------- moving


def from_host(array: Any, *, dtype: str | None = None, backend: Backend | None = None) -> Array:
    """Move a NumPy array to a backend.

    Parameters
    ----------
    array : array_like
        Of any shape; read by NumPy.
    dtype : str, optional
        Such as ``"float32"``. Default: the array's own.
    backend : Backend, optional
        Default: the current one.

    Raises
    ------
    BackendError
        Where JAX is asked for 64 bits that are not switched on.
    """
    name, xp, where = backend or current_backend()
    # A copy, so that no library's arrays share memory with the caller's (some of them would).
    host = np.array(array, dtype=dtype)
    if name == "jax":
        _refuse_silent_float32(host.dtype.name)
    if name == "cupy":  # its creation functions ignore device=
        with import_module("cupy").cuda.Device(where):
            return xp.asarray(host)
    return xp.asarray(host, device=where)


def empty_array(library: Any, device: Any = None) -> Array:
    """Return an array of no elements, to be named where others are brought beside it.

    Parameters
    ----------
    library : namespace or str
        A library's namespace, or one of `BACKENDS`.
    device : optional
        One of the library's devices; beside a name, in words. Default: its own.
    """
    if isinstance(library, str):
        return from_host(np.empty(0, "float32"), backend=open_backend(library, device))
    xp = namespace(library.empty(0))
    if device is None:
        return xp.empty(0)
    if is_cupy_array(library.empty(0)):  # its creation functions ignore device=
        with import_module("cupy").cuda.Device(device):
            return xp.empty(0)
    return xp.empty(0, device=device)


def bring(value: Any, *, like: Array, dtype: Any = None) -> Array:
    """Bring an array, a list or a number to the library, the device and the dtype of another.

    Parameters
    ----------
    value : array_like
        An array of any library, or whatever NumPy makes an array of.
    like : array
        The array to follow.
    dtype : dtype of `like`'s library, optional
        Default: that of `like`.

    Returns
    -------
    array
        The value itself where it is there already.
    """
    xp, where = namespace(like), device(like)
    dtype = like.dtype if dtype is None else dtype
    if not _is_of(value, xp):
        name = dtype_name(dtype)
        if is_jax_array(like):
            _refuse_silent_float32(name)
        # Cast on the host, since a device may not have the value's own dtype; but not every
        # library's dtypes are known there. A copy, since some libraries would share its memory.
        host = np.array(to_host(value), dtype=name if hasattr(np, name) else None)
        if is_cupy_array(like):
            with like.device:
                return xp.asarray(host, dtype=dtype)
        return xp.astype(xp.asarray(host, device=where), dtype, copy=False)
    # A traced array has no device (None), and Dask's answer says nothing of its chunks.
    if not is_dask_array(like) and where is not None and device(value) != where:
        value = to_device(value, where)
    return xp.astype(value, dtype, copy=False)


def _is_of(value: Any, xp: ModuleType) -> bool:
    try:
        return namespace(value) is xp
    except TypeError:
        return False


def _refuse_silent_float32(dtype: str) -> None:
    """JAX turns 64 bits into 32 without a word unless x64 is on."""
    if dtype == "float64" and not import_module("jax").config.jax_enable_x64:
        raise BackendError(
            "dtype: JAX was asked for float64 with 64-bit types switched off and would give "
            "float32; set JAX_ENABLE_X64=1 or ask for dtype='float32'"
        )


def dtype_name(dtype: Any) -> str:
    """Return the name of a dtype of any library, such as ``"float32"``."""
    return str(dtype).rpartition(".")[2].removesuffix("'>")  # JAX's may be classes


def to_host(x: Any) -> np.ndarray[Any, Any]:
    """Move an array of any library to NumPy, in its own dtype.

    The result may share memory with `x`: read it, do not write to it.
    """
    if is_torch_array(x):
        return np.asarray(x.detach().cpu().resolve_conj().resolve_neg().numpy())
    if is_cupy_array(x):
        return np.asarray(x.get())
    if is_dask_array(x):
        return to_host(x.compute())
    strict = sys.modules.get("array_api_strict")
    if strict is not None and isinstance(x, strict._array_object.Array):
        return np.asarray(x.to_device(strict.Device("CPU_DEVICE")))
    return np.asarray(x)


class ByExample(NamedTuple):
    """Examples in rows that stand for a matrix of columns; a tuple, which a compiled step takes.

    Attributes
    ----------
    rows : array, shape (m, n)
    """

    rows: Array

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the matrix, (n, m)."""
        m, n = self.rows.shape
        return n, m


def take_examples(X: Array, indices: Array, *, xp: Any = None) -> Array:
    """Return the examples (columns) of X that the indices name.

    Parameters
    ----------
    X : array, shape (n, m), or ByExample
    indices : array of integers, shape (batch,)
        In X's library, on its device.
    """
    if isinstance(X, ByExample):
        return (xp or namespace(X.rows)).take(X.rows, indices, axis=0).T
    if isinstance(X, np.ndarray):
        # `take` along the second axis of a transposed view copies the whole of it: 10,000 times
        # slower for a small batch of a large X.
        return X[:, indices]
    return (xp or namespace(X)).take(X.T, indices, axis=0).T


def by_example(X: Array) -> Any:
    """Return X in the form from which `take_examples` takes fastest.

    Where arrays have strides, the transpose of an array with an example in each row has it. JAX's
    have none, so that a column lies scattered over memory: there it is a `ByExample`, a copy.

    Parameters
    ----------
    X : array, shape (n, m)
    """
    return ByExample(namespace(X).matrix_transpose(X)) if is_jax_array(X) else X


# ----------------------------------------------------------------------------- running


def has_views(x: Array) -> bool:
    """Return whether a slice of x is a view through which x is written to."""
    return bool(is_numpy_array(x) or is_torch_array(x) or is_cupy_array(x))


def product(a: Array, b: Array, *, out: Array | None = None, xp: Any = None) -> Array:
    """Return a @ b, written into `out` where it is given, for which the standard has no words.

    Parameters
    ----------
    a, b : array, shape (l, m) and (m, n)
    out : array, shape (l, n), optional
        Of a library for which `has_views` is true.
    """
    if isinstance(a, np.ndarray):  # for small ones in half the time of `matmul`
        return np.dot(a, b, out=out)
    return a @ b if out is None else (xp or namespace(a)).matmul(a, b, out=out)


def set_at(x: Array, where: slice, values: Array, *, xp: Any = None) -> Array:
    """Return a vector with other values in a slice, for which the standard has no words.

    Parameters
    ----------
    x : array, shape (n,)
        Changed in place where its library can do that: not to be used any more.
    where : slice
    values : array
        As many as the slice is long.
    """
    return at(x, where).set(values, xp=xp)


def row_sums(x: Array, *, out: Array | None = None, xp: Any = None) -> Array:
    """Return the sum of each row as a column, written into `out` where it is given.

    Parameters
    ----------
    x : array, shape (n, m)
    out : array, shape (n, 1), optional
        Of a library for which `has_views` is true.
    """
    if isinstance(x, np.ndarray):  # a product is several times as fast as NumPy's sum
        return np.dot(x, _ones((x.shape[1], 1), x.dtype), out=out)
    sums = (xp or namespace(x)).sum(x, axis=1, keepdims=True)
    if out is None:
        return sums
    out[...] = sums
    return out


def column_sums(x: Array, *, xp: Any = None) -> Array:
    """Return the sums over the first axis: of each column of a matrix, of all of a vector."""
    if isinstance(x, np.ndarray):
        return np.dot(_ones((x.shape[0],), x.dtype), x)
    return (xp or namespace(x)).sum(x, axis=0)


def column_maxima(x: Array, *, xp: Any = None) -> Array:
    """Return the largest element of each column of a matrix."""
    if isinstance(x, np.ndarray):  # without the wrapper, which takes longer than a small matrix
        return np.maximum.reduce(x, axis=0)
    return (xp or namespace(x)).max(x, axis=0)


@lru_cache(maxsize=16)
def _ones(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    return np.ones(shape, dtype)


def cache_blocks(x: Array) -> list[slice]:
    """Return slices of a vector that are worked through one after the other, in place.

    A block of a few vectors stays in a processor's cache from one operation to the next. Where
    views do not exist, or arrays are not on a processor, there is one slice.
    """
    if isinstance(x, np.ndarray):
        block = 65_536
    elif is_torch_array(x) and x.device.type == "cpu":
        block = 262_144  # its calls cost more
    else:
        return [slice(None)]
    length = x.shape[0]
    if length <= block:
        return [slice(None)]
    return [slice(start, start + block) for start in range(0, length, block)]


def has_fixed_shapes(like: Array) -> bool:
    """Return whether the library compiles anew for every shape of a batch."""
    return bool(is_jax_array(like))


def compile_step(
    function: Callable[..., Any],
    constant: Hashable,
    *,
    like: Array,
    donate: Sequence[int] = (),
    compile: bool = False,
) -> Callable[..., Any]:
    """Return ``function(constant, ...)`` as a function of the rest, as fast as the library runs it.

    Parameters
    ----------
    function : callable
        A function of a module: of a constant, and of arrays, numbers and (named) tuples of them.
    constant : hashable
        Its first argument. Runs whose constants are equal share what was compiled.
    like : array
        An array of the library on which it will run.
    donate : sequence of int
        Places of arguments, behind the constant, whose memory may be used for the result.
    compile : bool
        Whether PyTorch compiles, too.

    Returns
    -------
    callable
        On JAX compiled, once for each set of shapes; on PyTorch without a record for autograd,
        compiled on request; on Dask one that computes its result, so that the graph does not
        grow from step to step; on CuPy one that runs on the device of `like`; elsewhere the
        function as it is.

    Notes
    -----
    A CUDA graph would save CuPy's launches of kernels. But CuPy refuses each call of cuBLAS while
    a stream is captured (cupy issue 6290), so that no step with a matrix product can become one.
    """
    if is_jax_array(like):
        return _jit(function, constant, tuple(donate))
    bound = partial(function, constant)
    if is_torch_array(like):
        torch = import_module("torch")
        fast: Callable[..., Any] = torch.inference_mode()(
            torch.compile(bound) if compile else bound
        )
        return fast
    if is_dask_array(like):
        return partial(_persisted, bound)
    if is_cupy_array(like):  # what a step makes is then made beside `like`
        return partial(_on_device, like.device, bound)
    return bound


@lru_cache(maxsize=64)
def _jit(
    function: Callable[..., Any], constant: Hashable, donate: tuple[int, ...]
) -> Callable[..., Any]:
    jax = import_module("jax")
    compiled: Callable[..., Any] = jax.jit(partial(function, constant), donate_argnums=donate)
    return compiled


def _on_device(place: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    with place:
        return function(*arguments)


def _persisted(function: Callable[..., Any], *arguments: Any) -> Any:
    return import_module("dask").persist(function(*arguments))[0]


def computed(x: Array) -> Array:
    """Return an array whose values are there: on Dask computed and kept, elsewhere itself."""
    return x.persist() if is_dask_array(x) else x


def double_precision(backend: Backend) -> AbstractContextManager[Any]:
    """Return a context in which the backend computes in float64 when it is asked to."""
    return import_module("jax").enable_x64(True) if backend.name == "jax" else nullcontext()


# ----------------------------------------------------------------------------- reporting


class BackendReport(NamedTuple):
    """What `probe_backends` found out about one library."""

    name: str
    version: str
    standard: str
    devices: tuple[str, ...]
    default_dtype: str
    problem: str | None


def probe_backends() -> list[BackendReport]:
    """Load every library that is installed and ask for its version, devices and default dtype.

    ``problem`` says why a library cannot be used, and is None for those that can.
    """
    return [_probe(name) for name in BACKENDS]


def _probe(name: str) -> BackendReport:
    try:
        backend = open_backend(name)
        version = import_module(_LIBRARIES[name].module).__version__
        standard = getattr(backend.xp, "__array_api_version__", "unknown")
        dtype = dtype_name(default_dtype(backend.xp, device=backend.device))
        return BackendReport(name, version, standard, tuple(_devices(name)), dtype, None)
    except BackendError as error:
        return BackendReport(name, "", "", (), "", str(error))


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
