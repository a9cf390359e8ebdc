"""Arrays from one library, device or dtype to another."""

import sys
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from array_api_compat import (
    array_namespace,
    is_cupy_array,
    is_dask_array,
    is_jax_array,
    is_torch_array,
    to_device,
)
from array_api_compat import device as _device_of
from array_api_extra import default_dtype

from dnn_xp.backends.choosing import Backend, BackendError, current_backend, open_backend

__all__ = [
    "Array",
    "HostArray",
    "Matrix",
    "Namespace",
    "Scalar",
    "Vector",
    "asarray_like",
    "default_dtype",
    "device",
    "double_precision",
    "dtype_name",
    "empty_array",
    "from_host",
    "namespace",
    "to_host",
]

# To a type checker all of these are Any, since no two libraries share a type; to a reader they say
# which role an argument plays.
Array = Any
"""An array of any library that follows the array API standard."""
Vector = Array
"""An array of shape (n,), or of several vectors, (..., n)."""
Matrix = Array
"""An array of shape (n, m): columns are examples; or of several matrices, (..., n, m)."""
Scalar = Any
"""A number of Python's, or an array of shape ()."""
HostArray = np.ndarray[Any, Any]
"""An array of NumPy's."""
Namespace = Any
"""The standard namespace of an array library: what `namespace` returns."""


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
    # By the one function that makes arrays on a device of CuPy's: the others ignore it.
    return namespace(library.empty(0)).asarray([], device=device)


def asarray_like(value: Any, *, like: Array, dtype: Any = None) -> Array:
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
        return xp.astype(xp.asarray(host, device=where), dtype, copy=False)
    # A traced array has no device (None), and Dask's answer says nothing of its chunks.
    if not is_dask_array(like) and where is not None and device(value) != where:
        value = to_device(value, where)
    # CuPy computes on the current device, also a cast.
    with where if is_cupy_array(like) else nullcontext():
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


def double_precision(backend: Backend) -> AbstractContextManager[Any]:
    """Return a context in which the backend computes in float64 when it is asked to."""
    return import_module("jax").enable_x64(True) if backend.name == "jax" else nullcontext()
