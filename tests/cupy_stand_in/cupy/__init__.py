"""A stand-in for CuPy, for tests where there is no GPU. It is not CuPy: it computes with NumPy.

What it stands in for is how CuPy's arrays are made, moved and refused, so that code which would
break on them breaks here: they are no NumPy arrays and never become ones by themselves, they are
never mixed with NumPy's, they lie on one of two devices, and what is made is made on the current
one. ``array_api_compat.cupy``, scikit-learn and array-api-extra take it for CuPy.

Each refusal names the lines of CuPy that it copies, by their path in the repository cupy/cupy
(as of version 15.0.0a1, commit 6b6d9563c). Nothing here shows that a kernel of CuPy's computes
the right numbers, or what keywords its functions take: only CuPy itself can show that.
"""

import builtins
import copy
import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy

from cupy import cuda

__version__ = "0.stand-in"

_TYPES_AND_CONSTANTS = """
bool_ complex64 complex128 complexfloating dtype e euler_gamma finfo float16 float32 float64
floating iinfo inexact inf int8 int16 int32 int64 integer intp isdtype issubdtype nan newaxis
number pi result_type signedinteger uint8 uint16 uint32 uint64 unsignedinteger
""".split()  # noqa: SIM905
globals().update({name: getattr(numpy, name) for name in _TYPES_AND_CONSTANTS})


class ndarray:
    """An array on a device: NumPy's, out of reach. A copy of memory in, a copy out by `get`."""

    __module__ = "cupy"
    __slots__ = ("_host", "_place")
    __array_priority__ = 100  # cupy/_core/core.pyx, _ndarray_base
    __hash__ = None  # has __richcmp__ and no __hash__

    def __new__(cls, shape: Any, dtype: Any = float, order: str = "C") -> "ndarray":
        # What memory held before, so that nobody counts on zeros.
        host = numpy.empty(shape, dtype, order=order)
        if host.dtype.kind in "fc":
            host.fill(numpy.nan)
        return _made(host)

    def get(self) -> numpy.ndarray:
        """Return a copy on the host: cupy/_core/core.pyx, _ndarray_base.get."""
        return numpy.array(self._host)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """Refuse: cupy/_core/core.pyx, _ndarray_base.__array__."""
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self._place  # kDLCUDA

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: Any = None,
        dl_device: Any = None,
        copy: Any = None,
    ) -> Any:
        """Hand out a copy on the host, where that is asked for: cupy/_core/core.pyx, __dlpack__."""
        if dl_device is None or dl_device == self.__dlpack_device__():
            raise BufferError("the stand-in has no memory on a device to hand out")
        if dl_device != (1, 0):
            raise BufferError("unsupported device requested.")
        if copy is False:
            raise ValueError("GPU memory cannot be exported to CPU without copy.")
        return self.get().__dlpack__(max_version=max_version)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Call the function of that name here: cupy/_core/core.pyx, __array_ufunc__."""
        function = getattr(sys.modules["cupy"], ufunc.__name__, None)
        if function is None or method != "__call__":
            return NotImplemented
        if "out" in options:
            (options["out"],) = options["out"]
        return function(*inputs, **options)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        """Call the function of that name here: cupy/_core/core.pyx, __array_function__."""
        path = [*function.__module__.split(".")[1:], function.__name__]
        try:
            ours = functools.reduce(getattr, path, sys.modules["cupy"])
        except AttributeError:
            return NotImplemented
        if not builtins.all(issubclass(one, ndarray | numpy.ndarray) for one in types):
            return NotImplemented
        return ours(*inputs, **options)

    @property
    def device(self) -> cuda.Device:
        """Where it lies."""
        return cuda.Device(self._place)

    # Of one element only: cupy/_core/core.pyx, __nonzero__, __int__, __float__, item.

    def __bool__(self) -> bool:
        return bool(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __complex__(self) -> complex:
        return complex(self.get())

    def __index__(self) -> int:
        return self.get().__index__()

    def item(self, *place: int) -> Any:
        return self.get().item(*place)

    def tolist(self) -> Any:
        return self.get().tolist()

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Any:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return repr(self._host)

    def __str__(self) -> str:
        return str(self._host)

    def __format__(self, form: str) -> str:
        return format(self.get(), form)

    def __reduce__(self) -> Any:
        return array, (self.get(),)

    def __copy__(self) -> "ndarray":
        return self.copy()

    def __deepcopy__(self, memo: Any) -> "ndarray":
        with self.device:
            return _made(copy.deepcopy(self._host))

    def __getitem__(self, place: Any) -> "ndarray":
        """Return a view, or a copy: cupy/_core/_routines_indexing.pyx, _ndarray_getitem."""
        return _view(self, self._host[_indices(place)])

    def __setitem__(self, place: Any, value: Any) -> None:
        """Write values, also NumPy's: cupy/_core/_routines_indexing.pyx, _ndarray_setitem."""
        _check_place(self)
        if isinstance(value, ndarray):
            _check_place(value)
        self._host[_indices(place)] = value._host if isinstance(value, ndarray) else value

    def astype(self, dtype: Any, order: str = "K", copy: bool = True) -> "ndarray":
        """Cast on the current device, where there is anything to cast: cupy/_core/core.pyx."""
        if not copy and self.dtype == dtype:
            return self
        _check_place(self)
        return _made(self._host.astype(dtype, order=order))

    def copy(self, order: str = "C") -> "ndarray":
        """Return a copy on the current device: cupy/_core/core.pyx, _ndarray_base.copy."""
        return _made(numpy.array(self._host, order=order))

    def fill(self, value: Any) -> None:
        _check_place(self)
        self._host.fill(value)


def _made(host: Any) -> ndarray:
    """Return an array on the current device, of memory that nobody else has."""
    self = object.__new__(ndarray)
    self._host, self._place = numpy.asarray(host), cuda.runtime.getDevice()
    return self


def _view(of: ndarray, host: Any) -> ndarray:
    """Return an array in the memory of another, on its device; a 0-d array for a scalar."""
    self = object.__new__(ndarray)
    self._host, self._place = numpy.asarray(host), of._place
    return self


def _check_place(one: ndarray) -> None:
    """Refuse what lies elsewhere: cupy/_core/_kernel.pyx, _check_peer_access.

    Of devices that cannot reach each other: CuPy warns where they can, and the result is on the
    current one.
    """
    current = cuda.runtime.getDevice()
    if one._place != current:
        raise ValueError(
            f"The device where the array resides ({one._place}) is different from the current "
            f"device ({current}). Peer access is unavailable between these devices."
        )


def _argument(value: Any) -> Any:
    """Return what NumPy reads: cupy/_core/_kernel.pyx, _preprocess_arg, and its CScalar.

    Arrays of NumPy's are refused (cupy/_core/_scalar.pyx, CScalar.__init__), scalars are not.
    """
    if isinstance(value, ndarray):
        _check_place(value)
        return value._host
    if isinstance(value, numpy.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if type(value) in (list, tuple):
        return type(value)(map(_argument, value))
    return value


def _indices(place: Any) -> Any:
    """Return what NumPy reads as indices; arrays of NumPy's are taken by CuPy, too.

    cupy/_core/_routines_indexing.pyx, _prepare_slice_list.
    """
    if isinstance(place, ndarray):
        _check_place(place)
        return place._host
    return tuple(map(_indices, place)) if isinstance(place, tuple) else place


def _result(found: Any, arguments: Any) -> Any:
    """Return a result as an array: a view of an argument stays on its device."""
    if isinstance(found, numpy.ndarray | numpy.generic):
        return _made(found)
    if isinstance(found, tuple) and hasattr(found, "_fields"):
        return type(found)(*(_result(one, arguments) for one in found))
    if isinstance(found, tuple | list):
        return type(found)(_result(one, arguments) for one in found)
    return found


def _function(of_numpy: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of arrays as one of this library's arrays, and of no others."""

    @functools.wraps(of_numpy, assigned=("__name__", "__doc__"), updated=())
    def function(*arguments: Any, **options: Any) -> Any:
        if "device" in options:  # no function of CuPy's takes it: cupy/_creation/basic.py
            raise TypeError(f"{of_numpy.__name__}() got an unexpected keyword argument 'device'")
        out = options.get("out")
        found = of_numpy(
            *map(_argument, arguments), **{name: _argument(x) for name, x in options.items()}
        )
        return _result(found, arguments) if out is None else out

    del function.__wrapped__
    return function


def array(
    obj: Any, dtype: Any = None, copy: bool | None = True, order: str = "K", ndmin: int = 0
) -> ndarray:
    """Return an array on the current device: cupy/_core/core.pyx, array.

    The host's memory is always copied; an array of this device is itself where no copy is wanted.
    """
    if isinstance(obj, ndarray):
        here = obj._place == cuda.runtime.getDevice()
        if here and not copy and (dtype is None or obj.dtype == dtype) and ndmin <= obj.ndim:
            return obj
        return _made(numpy.array(obj._host, dtype, order=order or "K", ndmin=ndmin))
    if isinstance(obj, list | tuple):
        obj = _listed(obj)
    return _made(numpy.array(obj, dtype, order=order or "K", ndmin=ndmin))


def _listed(obj: Any) -> Any:
    """Return a list whose arrays are NumPy's: cupy/_core/core.pyx, _array_from_nested_sequence."""
    if isinstance(obj, list | tuple):
        return [_listed(one) for one in obj]
    return obj.get() if isinstance(obj, ndarray) else obj


def asarray(a: Any, dtype: Any = None, order: str = "K", *, copy: bool | None = None) -> ndarray:
    return array(a, dtype, copy, order)


def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return ndarray(shape, dtype, order)


def empty_like(prototype: ndarray, dtype: Any = None, order: str = "K") -> ndarray:
    return ndarray(prototype.shape, dtype or prototype.dtype)


def concatenate(tup: Any, axis: int | None = 0, out: Any = None) -> ndarray:
    """Refuse arrays of others: cupy/_core/_routines_manipulation.pyx, concatenate_method."""
    arrays = tuple(tup)
    if not builtins.all(isinstance(one, ndarray) for one in arrays):
        raise TypeError("Only cupy arrays can be concatenated")
    return _function(numpy.concatenate)(arrays, axis)


def take(a: ndarray, indices: Any, axis: int | None = None, out: Any = None) -> ndarray:
    """Return elements, at NumPy's indices as well: cupy/_core/_routines_indexing.pyx, _take."""
    if not isinstance(indices, ndarray):
        indices = array(indices, dtype=int)
    return _function(numpy.take)(a, indices, axis)


def asnumpy(a: Any) -> numpy.ndarray:
    return a.get() if isinstance(a, ndarray) else numpy.asarray(a)


def get_array_module(*arguments: Any) -> Any:
    ours = builtins.any(isinstance(one, ndarray) for one in arguments)
    return sys.modules["cupy"] if ours else numpy


# Of NumPy's functions those that CuPy has as well, and that the standard, array-api-compat,
# array-api-extra or scikit-learn call.
_NAMES = """
abs absolute add all allclose amax amin any arange arccos arccosh arcsin arcsinh arctan arctan2
arctanh argmax argmin argsort argwhere array_equal atleast_1d atleast_2d average bincount
bitwise_and bitwise_or bitwise_xor broadcast_arrays broadcast_to can_cast ceil clip conj
copysign copyto cos cosh count_nonzero cross cumprod cumsum deg2rad diag diagonal diff divide dot
einsum equal exp exp2 expand_dims expm1 eye flip floor floor_divide fmod full full_like greater
greater_equal hstack hypot identity imag interp invert isclose isfinite isin isinf isnan kron
left_shift less less_equal linspace log log10 log1p log2 logaddexp logical_and logical_not
logical_or logical_xor matmul max maximum may_share_memory mean median meshgrid min minimum mod
moveaxis multiply nan_to_num nanmax nanmean nanmin nansum negative nextafter nonzero not_equal
ones ones_like outer pad percentile positive power prod promote_types ptp quantile ravel real
reciprocal remainder repeat reshape right_shift rint roll round searchsorted shape sign signbit
sin sinh sort split sqrt square squeeze stack std subtract sum swapaxes take_along_axis tan tanh
tensordot tile trace transpose tril triu trunc unique unravel_index var vdot vstack where zeros
zeros_like
""".split()  # noqa: SIM905
globals().update({name: _function(getattr(numpy, name)) for name in _NAMES})

_BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
    "matmul": "matmul",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "left_shift",
    "rshift": "right_shift",
}
_COMPARED = {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}
_UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}


def _operators() -> dict[str, Any]:
    """Return the operators of an array: cupy/_core/core.pyx, __add__ and its kin.

    They are the functions, which refuse what is no array, no scalar and nothing that knows better.
    """
    ours: dict[str, Any] = {}

    def binary(name: str, reflected: bool, inplace: bool) -> Any:
        function = globals()[name]

        def operator(self: ndarray, other: Any) -> Any:
            if getattr(other, "__array_ufunc__", self) is None:
                return NotImplemented
            if inplace:
                return function(self, other, out=self)
            return function(other, self) if reflected else function(self, other)

        return operator

    for short, name in _BINARY.items():
        ours[f"__{short}__"] = binary(name, False, False)
        ours[f"__r{short}__"] = binary(name, True, False)
        ours[f"__i{short}__"] = binary(name, False, True)
    for short, name in _COMPARED.items():
        ours[f"__{short}__"] = binary(name, False, False)
    for short, name in _UNARY.items():
        ours[f"__{short}__"] = globals()[name]
    return ours


def _methods() -> dict[str, Any]:
    """Return the methods and properties that arrays share with NumPy's."""
    ours: dict[str, Any] = {}
    for name in ("shape", "ndim", "size", "dtype", "strides", "nbytes", "itemsize", "flags"):
        ours[name] = property(lambda self, name=name: getattr(self._host, name))
    for name in ("T", "mT", "real", "imag"):
        ours[name] = property(lambda self, name=name: _view(self, getattr(self._host, name)))
    for name in ("reshape", "ravel", "transpose", "squeeze", "swapaxes", "view"):  # views

        def view(self: ndarray, *arguments: Any, name: str = name, **options: Any) -> ndarray:
            return _view(self, getattr(self._host, name)(*arguments, **options))

        ours[name] = view
    for name in (
        *("all", "any", "argmax", "argmin", "argsort", "clip", "cumsum", "diagonal", "dot"),
        *("max", "mean", "min", "nonzero", "prod", "repeat", "round", "std", "sum", "take"),
        *("trace", "var"),
    ):
        ours[name] = globals()[name]
    ours["flatten"] = lambda self, order="C": _made(self._host.flatten(order))
    return ours


for _name, _method in (_operators() | _methods()).items():
    setattr(ndarray, _name, _method)

from cupy import fft, linalg  # noqa: E402, F401  # once all is here

_OWN = "array asarray asnumpy concatenate cuda empty empty_like fft get_array_module linalg"
__all__ = [*_NAMES, *_TYPES_AND_CONSTANTS, *_OWN.split(), "ndarray", "take"]
