"""The namespace of symbols: the functions of the array API standard that are recorded.

Each takes the recorder, and then what the standard says.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from dnn_xp.arguments import shown
from dnn_xp.recording.dtypes import DTYPES, DType, find_dtype, promoted, with_number
from dnn_xp.recording.number import Number, RecordingError, Size
from dnn_xp.recording.shapes import (
    as_shape,
    axes_of,
    axis_of,
    broadcast,
    reduced,
    reshaped,
)
from dnn_xp.recording.symbol import ELEMENTWISE, Recorder, Symbol, matmul, operate

__all__ = ["FUNCTIONS", "SymbolNamespace"]

_INT64, _BOOL = DTYPES["int64"], DTYPES["bool"]


class SymbolNamespace:
    """The namespace of the symbols of a recorder: what functions call xp.

    Parameters
    ----------
    recorder : Recorder
    """

    __name__ = "dnn_xp.recording"
    __array_api_version__ = "2024.12"
    pi, e, inf, nan, newaxis = math.pi, math.e, math.inf, math.nan, None
    finfo, iinfo = staticmethod(np.finfo), staticmethod(np.iinfo)
    isdtype = staticmethod(np.isdtype)
    __array_namespace_info__ = staticmethod(np.__array_namespace_info__)

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        if name in FUNCTIONS:
            return partial(FUNCTIONS[name], self._recorder)
        if name in DTYPES:
            return DTYPES[name]
        raise AttributeError(
            f"xp.{name}: found a function that is not recorded{_REASONS.get(name, '')}, expected "
            f"one of {', '.join(FUNCTIONS)}; work it out before, and hand in the result"
        )

    def __repr__(self) -> str:
        """Return what it is."""
        return "the namespace of symbols"

    def __dir__(self) -> list[str]:
        return sorted({*FUNCTIONS, *DTYPES, *super().__dir__()})


_VALUES = ", since the shape of its result depends on values"
_REASONS = dict.fromkeys(
    ("nonzero", "unique_all", "unique_counts", "unique_inverse", "unique_values"), _VALUES
)


# ------------------------------------------------------------------ making arrays


def _asarray(
    recorder: Recorder, obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None
) -> Symbol:
    if isinstance(obj, Number):
        return _full(recorder, (), obj, dtype=dtype)
    if isinstance(obj, list | tuple) and any(isinstance(x, Symbol | Number) for x in obj):
        found = _stack(recorder, [_asarray(recorder, x) for x in obj])
    else:
        found = recorder.symbol(obj)
    return found if dtype is None else _astype(recorder, found, dtype)


def _full(
    recorder: Recorder, shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None
) -> Symbol:
    kind = fill_value.kind if isinstance(fill_value, Number) else type(fill_value)
    if kind not in (bool, int, float):
        raise RecordingError(f"full: found {shown(fill_value)}, expected a number of Python's")
    default = {bool: "bool", int: "int64", float: "float64"}[kind]
    found = find_dtype(default if dtype is None else dtype)
    if not (kind is bool or found.kind == "b"):  # True is 1 in any dtype
        with_number("full", found, fill_value)
    wanted = as_shape("full", shape)
    return recorder.note("full", fill_value, dtype=found, shape=wanted)


def _filled(value: Any) -> Callable[..., Symbol]:
    def make(recorder: Recorder, shape: Any, *, dtype: Any = None, device: Any = None) -> Symbol:
        return _full(recorder, shape, value, dtype="float64" if dtype is None else dtype)

    return make


def _full_like(
    recorder: Recorder, x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None
) -> Symbol:
    x = recorder.symbol(x)
    return _full(recorder, x.shape, fill_value, dtype=x.dtype if dtype is None else dtype)


def _filled_like(value: int) -> Callable[..., Symbol]:
    def make(recorder: Recorder, x: Any, /, *, dtype: Any = None, device: Any = None) -> Symbol:
        return _full_like(recorder, x, value, dtype=dtype)

    return make


def _arange(
    recorder: Recorder,
    start: Any,
    /,
    stop: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
) -> Symbol:
    start, stop = (0, start) if stop is None else (start, stop)
    if step == 1 and all(isinstance(x, Size) or type(x) is int for x in (start, stop)):
        length = stop - start
    elif any(isinstance(x, Number) for x in (start, stop, step)):
        raise RecordingError(
            f"arange: found {start!r} to {stop!r} by {step!r}, expected known numbers, or the size "
            "of an axis by 1"
        )
    else:
        length = math.ceil((stop - start) / step)
    length = length if isinstance(length, Size) else max(0, length)
    default = "float64" if float in map(type, (start, stop, step)) else "int64"
    found = find_dtype(default if dtype is None else dtype)
    inputs = (start, stop) if step == 1 else (start, stop, step)
    return recorder.note("arange", *inputs, dtype=found, shape=(length,))


# ------------------------------------------------------------------ dtypes


def _astype(
    recorder: Recorder, x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None
) -> Symbol:
    x, found = recorder.symbol(x), find_dtype(dtype)
    if x.dtype == found:
        return recorder.symbol(x)
    return recorder.note("astype", x, dtype=found, shape=x.shape)


def _result_type(recorder: Recorder, *arrays_and_dtypes: Any) -> DType:
    numbers = [x for x in arrays_and_dtypes if type(x) in (bool, int, float)]
    dtypes = [
        x.dtype if hasattr(x, "shape") and hasattr(x, "dtype") else find_dtype(x)
        for x in arrays_and_dtypes
        if not any(x is number for number in numbers)
    ]
    found = promoted("result_type", *map(find_dtype, dtypes))
    for number in numbers:
        with_number("result_type", found, number)
    return found


def _can_cast(recorder: Recorder, from_: Any, to: Any, /) -> bool:
    return bool(np.can_cast(getattr(from_, "dtype", from_), to))


# ------------------------------------------------------------------ element by element


def _clip(recorder: Recorder, x: Any, /, min: Any = None, max: Any = None) -> Symbol:
    found = recorder.symbol(x)
    if min is not None:
        found = operate(recorder, "maximum", found, min)
    return found if max is None else operate(recorder, "minimum", found, max)


def _where(recorder: Recorder, condition: Any, x1: Any, x2: Any, /) -> Symbol:
    condition = recorder.symbol(condition)
    if condition.dtype != _BOOL:
        raise RecordingError(f"where: found a condition of {condition.dtype}, expected bool")
    numbers = (bool, int, float)
    inputs = [
        x if type(x) in numbers or isinstance(x, Number) else recorder.symbol(x) for x in (x1, x2)
    ]
    arrays = [x for x in inputs if isinstance(x, Symbol)]
    if not arrays:
        raise RecordingError(
            f"where: found {x1!r} and {x2!r}, expected an array: xp.asarray makes one of a number"
        )
    dtype = promoted("where", *(x.dtype for x in arrays))
    for x in inputs:
        if not isinstance(x, Symbol):
            with_number("where", dtype, x)
    shape = broadcast("where", condition.shape, *(x.shape for x in arrays))
    return recorder.note("where", condition, *inputs, dtype=dtype, shape=shape)


# ------------------------------------------------------------------ many numbers to one


def _reduction(name: str, kinds: str, result: Callable[[DType], DType]) -> Callable[..., Symbol]:
    def reduce(
        recorder: Recorder,
        x: Any,
        /,
        *,
        axis: Any = None,
        keepdims: bool = False,
        **options: Any,
    ) -> Symbol:
        x = recorder.symbol(x)
        if x.dtype.kind not in kinds:
            raise RecordingError(
                f"{name}: found {x.dtype}, expected {_KINDS[kinds]}; convert it: "
                "xp.astype(x, dtype)"
            )
        axes = axes_of(name, axis, x.ndim)
        if axis is not None:
            axis = axes if isinstance(axis, tuple) else axes[0]
        known = {key: options.pop(key) for key in _OPTIONS.get(name, ()) if key in options}
        dtype = options.pop("dtype", None) if name in ("sum", "prod") else None
        if options:
            raise RecordingError(f"{name}: found the argument {', '.join(options)}, expected none")
        if dtype is not None and find_dtype(dtype) != x.dtype:
            x = _astype(recorder, x, dtype)
        return recorder.note(
            name,
            x,
            dtype=result(x.dtype) if dtype is None else find_dtype(dtype),
            shape=reduced(x.shape, axes, bool(keepdims)),
            axis=axis,
            keepdims=bool(keepdims),
            **known,
        )

    return reduce


_OPTIONS = {"std": ("correction",), "var": ("correction",)}
_KINDS = {"f": "floats", "iuf": "numbers", "biuf": "numbers or booleans"}


def _same(dtype: DType) -> DType:
    return dtype


def _summed(dtype: DType) -> DType:
    return {"i": _INT64, "u": DTYPES["uint64"]}.get(dtype.kind, dtype)


def _to_bool(dtype: DType) -> DType:
    return _BOOL


def _to_int(dtype: DType) -> DType:
    return _INT64


def _argument(name: str) -> Callable[..., Symbol]:
    reduce = _reduction(name, "iuf", _to_int)

    def find(recorder: Recorder, x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Symbol:
        return reduce(recorder, x, axis=axis, keepdims=keepdims)

    return find


def _cumulative(name: str) -> Callable[..., Symbol]:
    def accumulate(
        recorder: Recorder, x: Any, /, *, axis: Any = None, include_initial: bool = False
    ) -> Symbol:
        x = recorder.symbol(x)
        axis = 0 if axis is None and x.ndim == 1 else axis_of(name, axis, x.ndim)
        if x.dtype.kind == "b":
            raise RecordingError(f"{name}: found bool, expected numbers: xp.astype(x, dtype)")
        length = x.shape[axis] + 1 if include_initial else x.shape[axis]
        return recorder.note(
            name,
            x,
            dtype=_summed(x.dtype),
            shape=(*x.shape[:axis], length, *x.shape[axis + 1 :]),
            axis=axis,
            include_initial=bool(include_initial),
        )

    return accumulate


def _sorting(name: str) -> Callable[..., Symbol]:
    def sort(
        recorder: Recorder,
        x: Any,
        /,
        *,
        axis: int = -1,
        descending: bool = False,
        stable: bool = True,
    ) -> Symbol:
        x = recorder.symbol(x)
        dtype = x.dtype if name == "sort" else _INT64
        options = {"axis": axis_of(name, axis, x.ndim), "stable": bool(stable)}
        options |= {"descending": True} if descending else {}  # which NumPy has no word for
        return recorder.note(name, x, dtype=dtype, shape=x.shape, **options)

    return sort


# ------------------------------------------------------------------ shapes


def _reshape(recorder: Recorder, x: Any, /, shape: Any, *, copy: Any = None) -> Symbol:
    x, wanted = recorder.symbol(x), as_shape("reshape", shape)
    found = reshaped(x.shape, wanted)
    if str(found) == str(x.shape):
        return recorder.symbol(x)
    return recorder.note("reshape", x, dtype=x.dtype, shape=found)


def _broadcast_to(recorder: Recorder, x: Any, /, shape: Any) -> Symbol:
    x, wanted = recorder.symbol(x), as_shape("broadcast_to", shape)
    if str(broadcast("broadcast_to", x.shape, wanted)) != str(wanted):
        raise RecordingError(f"broadcast_to: found shape {x.shape}, expected one within {wanted}")
    if str(x.shape) == str(wanted):
        return recorder.symbol(x)
    return recorder.note("broadcast_to", x, dtype=x.dtype, shape=wanted)


def _broadcast_arrays(recorder: Recorder, *arrays: Any) -> list[Symbol]:
    symbols = [recorder.symbol(x) for x in arrays]
    shape = broadcast("broadcast_arrays", *(x.shape for x in symbols))
    return [_broadcast_to(recorder, x, shape) for x in symbols]


def _permute_dims(recorder: Recorder, x: Any, /, axes: Any) -> Symbol:
    x = recorder.symbol(x)
    order = axes_of("permute_dims", tuple(axes), x.ndim)
    if len(order) != x.ndim:
        raise RecordingError(f"permute_dims: found axes {axes}, expected all {x.ndim}")
    shape = tuple(x.shape[i] for i in order)
    return recorder.note("permute_dims", x, dtype=x.dtype, shape=shape, axes=order)


def _matrix_transpose(recorder: Recorder, x: Any, /) -> Symbol:
    found: Symbol = recorder.symbol(x).mT
    return found


def _expand_dims(recorder: Recorder, x: Any, /, *, axis: int = 0) -> Symbol:
    x = recorder.symbol(x)
    place = axis_of("expand_dims", axis, x.ndim + 1)
    found: Symbol = x[(slice(None),) * place + (None,)]
    return found


def _squeeze(recorder: Recorder, x: Any, /, axis: Any) -> Symbol:
    x = recorder.symbol(x)
    axes = axes_of("squeeze", axis, x.ndim)
    if any(isinstance(x.shape[i], Size) or x.shape[i] != 1 for i in axes):
        raise RecordingError(f"squeeze: found shape {x.shape}, expected 1 in axis {axis}")
    return _reshape(recorder, x, reduced(x.shape, axes, False))


def _flip(recorder: Recorder, x: Any, /, *, axis: Any = None) -> Symbol:
    x = recorder.symbol(x)
    axes = axes_of("flip", axis, x.ndim)
    return recorder.note("flip", x, dtype=x.dtype, shape=x.shape, axis=axes)


def _concat(recorder: Recorder, arrays: Sequence[Any], /, *, axis: Any = 0) -> Symbol:
    symbols = _several("concat", recorder, arrays)
    if axis is None:
        symbols, axis = [_reshape(recorder, x, (-1,)) for x in symbols], 0
    first = symbols[0]
    place = axis_of("concat", axis, first.ndim)
    others = [x.shape[:place] + x.shape[place + 1 :] for x in symbols]
    if any(str(x) != str(others[0]) for x in others):
        shapes = ", ".join(str(x.shape) for x in symbols)
        raise RecordingError(
            f"concat: found shapes {shapes}, expected equal ones but in axis {axis}"
        )
    length = symbols[0].shape[place]
    for x in symbols[1:]:
        length = length + x.shape[place]
    return recorder.note(
        "concat",
        *symbols,
        dtype=promoted("concat", *(x.dtype for x in symbols)),
        shape=(*first.shape[:place], length, *first.shape[place + 1 :]),
        axis=place,
    )


def _stack(recorder: Recorder, arrays: Sequence[Any], /, *, axis: int = 0) -> Symbol:
    symbols = _several("stack", recorder, arrays)
    shape = symbols[0].shape
    if any(str(x.shape) != str(shape) for x in symbols):
        shapes = ", ".join(str(x.shape) for x in symbols)
        raise RecordingError(f"stack: found shapes {shapes}, expected one shape")
    place = axis_of("stack", axis, len(shape) + 1)
    return recorder.note(
        "stack",
        *symbols,
        dtype=promoted("stack", *(x.dtype for x in symbols)),
        shape=(*shape[:place], len(symbols), *shape[place:]),
        axis=place,
    )


def _several(name: str, recorder: Recorder, arrays: Sequence[Any]) -> list[Symbol]:
    symbols = [recorder.symbol(x) for x in arrays]
    if not symbols:
        raise RecordingError(f"{name}: found no arrays, expected at least one")
    return symbols


def _unstack(recorder: Recorder, x: Any, /, *, axis: int = 0) -> tuple[Symbol, ...]:
    x = recorder.symbol(x)
    place = axis_of("unstack", axis, x.ndim)
    if isinstance(x.shape[place], Size):
        raise RecordingError(
            f"unstack: found shape {x.shape}, expected a known size of axis {axis}"
        )
    return tuple(x[(*(slice(None),) * place, i)] for i in range(x.shape[place]))


def _take(recorder: Recorder, x: Any, indices: Any, /, *, axis: Any = None) -> Symbol:
    x, indices = recorder.symbol(x), recorder.symbol(indices)
    place = 0 if axis is None and x.ndim == 1 else axis_of("take", axis, x.ndim)
    if indices.dtype.kind not in "iu" or indices.ndim != 1:
        raise RecordingError(f"take: found {indices!r}, expected a vector of whole numbers")
    shape = (*x.shape[:place], indices.shape[0], *x.shape[place + 1 :])
    return recorder.note("take", x, indices, dtype=x.dtype, shape=shape, axis=place)


def _searchsorted(
    recorder: Recorder, x1: Any, x2: Any, /, *, side: str = "left", sorter: Any = None
) -> Symbol:
    x1, x2 = recorder.symbol(x1), recorder.symbol(x2)
    if x1.ndim != 1 or sorter is not None:
        raise RecordingError(f"searchsorted: found {x1!r}, expected a sorted vector, and no sorter")
    promoted("searchsorted", x1.dtype, x2.dtype)
    return recorder.note("searchsorted", x1, x2, dtype=_INT64, shape=x2.shape, side=side)


# ------------------------------------------------------------------ products


def _vecdot(recorder: Recorder, x1: Any, x2: Any, /, *, axis: int = -1) -> Symbol:
    x1, x2 = recorder.symbol(x1), recorder.symbol(x2)
    dtype = promoted("vecdot", x1.dtype, x2.dtype)
    shape = broadcast("vecdot", x1.shape, x2.shape)
    place = axis_of("vecdot", axis, min(x1.ndim, x2.ndim)) - min(x1.ndim, x2.ndim)
    if str(x1.shape[place]) != str(x2.shape[place]):
        raise RecordingError(f"vecdot: found {x1!r} and {x2!r}, expected vectors of one length")
    rest = shape[: place + len(shape)] + shape[place + len(shape) + 1 :]
    options = {} if place == -1 else {"axis": place}
    return recorder.note("vecdot", x1, x2, dtype=dtype, shape=rest, **options)


def _tensordot(recorder: Recorder, x1: Any, x2: Any, /, *, axes: Any = 2) -> Symbol:
    x1, x2 = recorder.symbol(x1), recorder.symbol(x2)
    if isinstance(axes, int):
        first, second = tuple(range(x1.ndim - axes, x1.ndim)), tuple(range(axes))
    else:
        first, second = map(tuple, axes)
    first, second = axes_of("tensordot", first, x1.ndim), axes_of("tensordot", second, x2.ndim)
    if [str(x1.shape[i]) for i in first] != [str(x2.shape[i]) for i in second]:
        raise RecordingError(f"tensordot: found {x1!r} and {x2!r}, expected equal axes {axes}")
    return recorder.note(
        "tensordot",
        x1,
        x2,
        dtype=promoted("tensordot", x1.dtype, x2.dtype),
        shape=(*reduced(x1.shape, first, False), *reduced(x2.shape, second, False)),
        axes=(first, second),
    )


def _elementwise(name: str) -> Callable[..., Symbol]:
    def function(recorder: Recorder, *operands: Any) -> Symbol:
        return operate(recorder, name, *operands)

    return function


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: _elementwise(name) for name in ELEMENTWISE},
    "all": _reduction("all", "biuf", _to_bool),
    "any": _reduction("any", "biuf", _to_bool),
    "arange": _arange,
    "argmax": _argument("argmax"),
    "argmin": _argument("argmin"),
    "argsort": _sorting("argsort"),
    "asarray": _asarray,
    "astype": _astype,
    "broadcast_arrays": _broadcast_arrays,
    "broadcast_to": _broadcast_to,
    "can_cast": _can_cast,
    "clip": _clip,
    "concat": _concat,
    "count_nonzero": _reduction("count_nonzero", "biuf", _to_int),
    "cumulative_prod": _cumulative("cumulative_prod"),
    "cumulative_sum": _cumulative("cumulative_sum"),
    "empty": _filled(0),
    "empty_like": _filled_like(0),
    "expand_dims": _expand_dims,
    "flip": _flip,
    "full": _full,
    "full_like": _full_like,
    "matmul": matmul,
    "matrix_transpose": _matrix_transpose,
    "max": _reduction("max", "iuf", _same),
    "mean": _reduction("mean", "f", _same),
    "min": _reduction("min", "iuf", _same),
    "ones": _filled(1),
    "ones_like": _filled_like(1),
    "permute_dims": _permute_dims,
    "prod": _reduction("prod", "iuf", _summed),
    "reshape": _reshape,
    "result_type": _result_type,
    "searchsorted": _searchsorted,
    "sort": _sorting("sort"),
    "squeeze": _squeeze,
    "stack": _stack,
    "std": _reduction("std", "f", _same),
    "sum": _reduction("sum", "iuf", _summed),
    "take": _take,
    "tensordot": _tensordot,
    "unstack": _unstack,
    "var": _reduction("var", "f", _same),
    "vecdot": _vecdot,
    "where": _where,
    "zeros": _filled(0),
    "zeros_like": _filled_like(0),
}
"""The functions of the standard that are recorded, by name."""
