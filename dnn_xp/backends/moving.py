"""Arrays from one library, device or dtype to another."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
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

from dnn_xp.arguments import check
from dnn_xp.backends.choosing import (
    Backend,
    BackendError,
    current_backend,
    open_backend,
    require,
)
from dnn_xp.recording import dtype_name, is_symbol

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
    "float_name",
    "from_host",
    "has_values",
    "is_narrow",
    "is_of_kind",
    "namespace",
    "numbers_on_host",
    "plain_array",
    "readable_blocks",
    "to_host",
    "widened",
    "without_record",
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
    for x in arrays:
        if type(x) is not np.ndarray:
            return array_namespace(*arrays)
    return _NUMPY if arrays else array_namespace()


_NUMPY = array_namespace(np.empty(0))
"""Of NumPy's own arrays, of which asking for it takes longer than arithmetic on a small one."""


def is_of_kind(x: Array, kind: str | tuple[str, ...]) -> bool:
    """Return whether the dtype of an array is of a kind, or one of several, of the standard's.

    Parameters
    ----------
    x : array
    kind : str or tuple of str
        Such as ``"real floating"``.
    """
    return _is_of_kind(namespace(x), x.dtype, kind)


@lru_cache(maxsize=256)
def _is_of_kind(xp: Namespace, dtype: Any, kind: str | tuple[str, ...]) -> bool:
    return bool(xp.isdtype(dtype, kind))


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
        Such as ``"float32"``. Default: the array's own. ``"bfloat16"`` where the library has it.
    backend : Backend, optional
        Default: the current one.

    Raises
    ------
    BackendError
        Where JAX is asked for 64 bits that are not switched on.
    """
    name, xp, where = backend or current_backend()
    # A copy, so that no library's arrays share memory with the caller's (some of them would).
    if dtype is not None and not _is_known_to_numpy(dtype):
        if not hasattr(xp, dtype):
            raise BackendError(f"dtype: found {dtype!r}, which backend {name!r} does not have")
        wide = from_host(np.asarray(array, "float32"), backend=Backend(name, xp, where))
        return xp.astype(wide, getattr(xp, dtype))
    host = np.array(array, dtype=dtype)
    if name == "jax":
        _refuse_silent_float32(host.dtype.name)
    return xp.asarray(host, device=where)


def _is_known_to_numpy(dtype: str) -> bool:
    return isinstance(getattr(np, dtype, None), type)


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
    like = readable_blocks(like)
    xp, where = namespace(like), device(like)
    dtype = like.dtype if dtype is None else dtype
    if not _is_of(value, xp):
        name = dtype_name(dtype)
        if is_jax_array(like):
            _refuse_silent_float32(name)
        # Cast on the host, since a device may not have the value's own dtype; but not every
        # library's dtypes are known there. A copy, since some libraries would share its memory.
        host = np.array(to_host(value), dtype=name if _is_known_to_numpy(name) else None)
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


def to_host(x: Any) -> np.ndarray[Any, Any]:
    """Move an array of any library to NumPy, in its own dtype.

    bfloat16, which NumPy does not have, comes as float32, which holds the same numbers. The result
    may share memory with `x`: read it, do not write to it.
    """
    if is_torch_array(x):
        there = x.detach().cpu().resolve_conj().resolve_neg()
        return np.asarray((there.float() if "bfloat16" in str(there.dtype) else there).numpy())
    if is_cupy_array(x):
        return np.asarray(x.get())
    if is_dask_array(x):
        return to_host(readable_blocks(x).compute())
    strict = sys.modules.get("array_api_strict")
    if strict is not None and isinstance(x, strict._array_object.Array):
        return np.asarray(x.to_device(strict.Device("CPU_DEVICE")))
    host = np.asarray(x)
    return host.astype(np.float32) if host.dtype.name == "bfloat16" else host


def numbers_on_host(scalars: Sequence[Scalar]) -> list[float]:
    """Return arrays of shape () as Python's numbers, computed and moved all at once.

    Parameters
    ----------
    scalars : sequence of array, shape ()
        Of one library.
    """
    scalars = [widened(x) for x in scalars]
    found: list[float] = to_host(namespace(*scalars).stack(scalars)).tolist()
    return found


def has_values(x: Array) -> bool:
    """Return whether the values of an array can be looked at.

    Not while JAX traces a function, or it is recorded.
    """
    if is_symbol(x):
        return False
    return not (is_jax_array(x) and isinstance(x, import_module("jax").core.Tracer))


def is_narrow(x: Array) -> bool:
    """Return whether an array of floats is of 16 bits, float16 or bfloat16: sums overflow."""
    return getattr(x.dtype, "itemsize", 4) == 2  # where there is no itemsize there are none


def widened(x: Array) -> Array:
    """Return an array of floats in float32 where its own are of 16 bits, else as it is."""
    if not is_narrow(x):
        return x
    xp = namespace(x)
    return xp.astype(x, xp.float32)


def plain_array(argument: str, x: Any, *, readable: bool = False) -> Array:
    """Return an array that computes as the standard says, or refuse what looks like one.

    NumPy's arrays come in the byte order of the machine, and tensors in the blocks of Dask as
    `readable_blocks`.

    Parameters
    ----------
    argument : str
        Its name, for the error.
    x : array
    readable : bool
        Whether it may also be a number, a list or a data frame, which NumPy reads.

    Raises
    ------
    ValueError, TypeError
        Where it is no array, one with a mask, a matrix, a sparse one, or holds no real numbers.
    """
    try:
        namespace(x)
    except TypeError:
        if not readable:
            raise TypeError(
                f"{argument}: found {_kind(x)}, expected an array of a library, such as "
                "numpy.asarray makes; columns are examples"
            ) from None
        x = _read(argument, x)
    if is_torch_array(x):
        if x.is_meta:
            raise ValueError(
                f"{argument}: found a tensor on the device meta, which holds no numbers, expected "
                "one on a device that computes"
            )
        if str(x.layout) != "torch.strided":
            raise ValueError(f"{argument}: found a sparse tensor, expected a dense one: to_dense()")
    elif isinstance(x, np.ndarray):
        x = _plain_numpy(argument, x)
    elif is_dask_array(x):
        x = readable_blocks(x, argument)
    if not is_of_kind(x, ("bool", "integral", "real floating")):
        raise ValueError(f"{argument}: found dtype {x.dtype}, expected real numbers")
    return x


def readable_blocks(x: Array, argument: str = "blocks") -> Array:
    """Return an array on Dask with blocks that Dask can read: tensors as NumPy's or CuPy's arrays.

    They stay in the memory they are in. Tensors themselves Dask can neither put together nor cut,
    add or compare: their dtypes are none of NumPy's. Any other array comes back as it is.

    Parameters
    ----------
    x : array
    argument : str
        Its name, for the error.

    Raises
    ------
    ValueError
        Where the dtype is none of NumPy's; and, once a block is computed, where it is of another
        dtype or device than the array was made with.
    ImportError
        Where tensors are on a GPU and CuPy is not installed.
    """
    if not (is_dask_array(x) and is_torch_array(x._meta)):
        return x
    dtype, kind = dtype_name(x._meta.dtype), x._meta.device.type
    if not _is_known_to_numpy(dtype):
        raise ValueError(
            f"{argument}: found tensors of {dtype} in the blocks of Dask, which reads them as "
            "NumPy's arrays, expected a dtype that NumPy has, such as float32"
        )
    library = require("cupy", "cuda12") if kind == "cuda" else np
    read = partial(_read_tensor, argument, dtype, kind)
    return x.map_blocks(read, dtype=dtype, meta=library.empty((0,) * x.ndim, dtype))


def _read_tensor(argument: str, dtype: str, kind: str, block: Any) -> Any:
    """Return a block of PyTorch's as an array of NumPy's, or on CUDA of CuPy's, in its memory."""
    found = dtype_name(block.dtype), block.device.type if is_torch_array(block) else kind
    if found != (dtype, kind):
        raise ValueError(
            f"{argument}: found a block of {' on '.join(found)} in an array on Dask that was made "
            f"as one of {dtype} on {kind}; say what its blocks are: "
            f"meta=torch.empty(0, dtype=torch.{found[0]}, device={found[1]!r})"
        )
    return (
        require("cupy", "cuda12").from_dlpack(block.detach()) if kind == "cuda" else to_host(block)
    )


def without_record(x: Array) -> Array:
    """Return a tensor of PyTorch without its record for autograd, all else as it is.

    What is trained has no use for it, and results would require gradients, too.
    """
    return x.detach() if is_torch_array(x) and x.requires_grad else x


def float_name(dtype: Any, xp: ModuleType) -> str:
    """Return the name of a dtype of floats, which may be an object of a library's own.

    Parameters
    ----------
    dtype : str or dtype
    xp : namespace
        Of the library that must have it.

    Raises
    ------
    ValueError
        Where it is none that is computed in.
    """
    name = dtype_name(dtype)
    known = [each for each in ("float16", "bfloat16", "float32", "float64") if hasattr(xp, each)]
    check("dtype", dtype, name in known, f"one of {', '.join(map(repr, known))}")
    return name


def _plain_numpy(argument: str, x: Any) -> Any:
    if isinstance(x, np.ma.MaskedArray):
        raise ValueError(
            f"{argument}: found an array with a mask, which would not be looked at, expected one "
            "without; fill it, or leave masked examples out"
        )
    if isinstance(x, np.matrix):  # whose * is a product of matrices
        raise ValueError(f"{argument}: found a numpy.matrix, expected an array: numpy.asarray(...)")
    if x.dtype.type.__module__ != "numpy" or x.dtype.names is not None:
        raise ValueError(
            f"{argument}: found NumPy's array of {x.dtype}, expected one of a dtype of NumPy's "
            "own, such as x.astype('float32') makes"
        )
    return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))


def _read(argument: str, x: Any) -> Any:
    """Return what NumPy reads: numbers, lists of them, data frames."""
    try:
        host = np.asarray(x)
        if host.dtype.kind == "O" and _is_nullable(x):
            host = x.to_numpy(dtype="float64", na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{argument}: found {_kind(x)} that is no array ({error}), expected numbers"
        ) from error
    if host.dtype.kind not in "biuf":
        found = f"{_kind(x)} of {host.dtype}" if host.dtype.kind != "O" else _kind(x)
        raise ValueError(f"{argument}: found {found}, expected real numbers")
    return host


def _is_nullable(x: Any) -> bool:
    """Return whether a data frame, or a column of one, holds numbers of which some may be missing.

    NumPy sees objects in the columns that pandas calls Float64, Int64 and boolean, and in Arrow's.
    """
    dtypes = getattr(x, "dtypes", None)
    each: Any = dtypes if isinstance(dtypes, Iterable) else [dtypes]
    return hasattr(x, "to_numpy") and all(
        getattr(dtype, "kind", "O") in tuple("biuf") for dtype in each
    )


def _kind(x: Any) -> str:
    return (
        "None"
        if x is None
        else f"a {type(x).__module__}.{type(x).__name__}".replace("a builtins.", "a ")
    )


def double_precision(backend: Backend) -> AbstractContextManager[Any]:
    """Return a context in which the backend computes in float64 when it is asked to."""
    return import_module("jax").enable_x64(True) if backend.name == "jax" else nullcontext()
