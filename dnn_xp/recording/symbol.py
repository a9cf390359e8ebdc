"""Symbols: arrays without values, which note what is done with them."""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from dnn_xp.arguments import shown
from dnn_xp.recording.dtypes import DTYPES, DType, promoted, with_number
from dnn_xp.recording.number import Number, RecordingError, Size
from dnn_xp.recording.shapes import Shape, broadcast, matmul_shape, shown_shape, size_of

__all__ = [
    "ELEMENTWISE",
    "Entry",
    "Recorder",
    "Symbol",
    "by_product",
    "is_symbol",
    "matmul",
    "operate",
]

_REAL, _ANY = "iuf", "biuf"
_OPERATORS: dict[str, tuple[str, str, bool]] = {
    # name of the standard: operator, kinds of dtypes, whether booleans come out
    "add": ("add", _REAL, False),
    "subtract": ("sub", _REAL, False),
    "multiply": ("mul", _REAL, False),
    "divide": ("truediv", "f", False),
    "floor_divide": ("floordiv", _REAL, False),
    "remainder": ("mod", _REAL, False),
    "pow": ("pow", _REAL, False),
    "bitwise_and": ("and", "biu", False),
    "bitwise_or": ("or", "biu", False),
    "bitwise_xor": ("xor", "biu", False),
    "bitwise_left_shift": ("lshift", "iu", False),
    "bitwise_right_shift": ("rshift", "iu", False),
    "less": ("lt", _REAL, True),
    "less_equal": ("le", _REAL, True),
    "greater": ("gt", _REAL, True),
    "greater_equal": ("ge", _REAL, True),
    "equal": ("eq", _ANY, True),
    "not_equal": ("ne", _ANY, True),
}
_KINDS = {
    "b": "booleans",
    "biu": "booleans or integers",
    "f": "floats",
    "iu": "integers",
    "biuf": "real numbers or booleans",
    "iuf": "real numbers",
}


class Entry(NamedTuple):
    """An entry of a recorder: an input, a constant or an operation.

    Attributes
    ----------
    name : str
        Of the operation, as the standard has it; or ``"input"``, ``"constant"``.
    inputs : tuple of int, float, bool, Number or Symbol
    options : dict
        All else that it is told, under the names of the standard.
    dtype : dtype
    shape : tuple
    value : object
        The name of an input, the array of a constant.
    """

    name: str
    inputs: tuple[Any, ...]
    options: dict[str, Any]
    dtype: DType
    shape: Shape
    value: Any = None


class Recorder:
    """A recorder: it holds what is done with its symbols, each thing once.

    Parameters
    ----------
    make_namespace : callable
        ``make_namespace(recorder)`` is the namespace of its symbols.
    """

    def __init__(self, make_namespace: Callable[["Recorder"], Any]) -> None:
        self.namespace, self.is_open = make_namespace(self), True
        self.entries: list[Entry] = []
        self.products: set[int] = (
            set()
        )  # places of sums that are products with ones: see `by_product`
        self._places: dict[Any, int] = {}

    def note(self, name: str, *inputs: Any, dtype: DType, shape: Shape, **options: Any) -> "Symbol":
        """Return the symbol of an operation; that of an equal one, where there was any.

        Parameters
        ----------
        name : str
        *inputs : Symbol or number
        dtype : dtype
        shape : tuple
        **options
        """
        key = (name, *map(_key, inputs), *((k, repr(v)) for k, v in options.items()), dtype)
        return self._place(key, Entry(name, inputs, options, dtype, shape))

    def input(self, name: str, dtype: DType, shape: Shape) -> "Symbol":
        """Return the symbol of an input."""
        return self._place(object(), Entry("input", (), {}, dtype, shape, name))

    def constant(self, value: Any) -> "Symbol":
        """Return the symbol of an array whose values are known.

        Parameters
        ----------
        value : array_like
            NumPy reads it.

        Raises
        ------
        RecordingError
            Where it cannot.
        """
        try:
            host = np.array(value)
        except (TypeError, ValueError, RuntimeError):
            host = np.array(None)
        if host.dtype.name not in DTYPES:
            raise RecordingError(
                f"constant: found {shown(value)}, expected an array that NumPy reads; hand it in "
                "as an input of the recording"
            )
        host.flags.writeable = False
        key = ("constant", host.dtype, host.shape, host.tobytes())
        return self._place(key, Entry("constant", (), {}, host.dtype, host.shape, host))

    def symbol(self, value: Any) -> "Symbol":
        """Return a symbol itself, or the constant that an array or a number is.

        Raises
        ------
        RecordingError
            Where it is of another recording.
        """
        if not isinstance(value, Symbol):
            return self.constant(value)
        if value.recorder is not self or not self.is_open:
            raise RecordingError(
                f"recording: found {value!r} of another one, expected what this one was handed; "
                "return it, or hand it in as an input"
            )
        return value

    def _place(self, key: Any, entry: Entry) -> "Symbol":
        place = self._places.setdefault(key, len(self.entries))
        if place == len(self.entries):
            self.entries.append(entry)
        return Symbol(self, place, entry.dtype, entry.shape)


def _key(x: Any) -> Any:
    return x.place if isinstance(x, Symbol) else (type(x), repr(x))


def by_product(x: Any) -> Any:
    """Return a sum, noted as one that this package works out as a product with ones on NumPy.

    Which is another order of the same sum. What is no symbol is returned as it is.

    Parameters
    ----------
    x : Symbol or array
    """
    if isinstance(x, Symbol):
        x.recorder.products.add(x.place)
    return x


def is_symbol(x: Any) -> bool:
    """Return whether it is an array that has no values, as it is recorded."""
    return isinstance(x, Symbol)


def _refusal(operation: str, expected: str) -> Callable[..., NoReturn]:
    def refuse(self: Any, *arguments: Any, **named: Any) -> NoReturn:
        raise RecordingError(f"{operation}: found {self!r}, which has no values, {expected}")

    return refuse


_BRANCH = "expected nothing that depends on values; xp.where chooses between arrays"
_NUMBER = "expected nothing that needs its value; an array of shape () stands where a number does"


class Symbol:
    """An array of known dtype and shape and unknown values, as the standard describes arrays.

    Its operators and the functions of its namespace return symbols, and its recorder holds what
    was done. ``+=`` and the like give the name another symbol, as on JAX; nothing is written to.
    """

    __slots__ = ("dtype", "place", "recorder", "shape")
    __array_ufunc__ = None  # NumPy's arrays leave their operators to this class

    def __init__(self, recorder: Recorder, place: int, dtype: DType, shape: Shape) -> None:
        self.recorder, self.place, self.dtype, self.shape = recorder, place, dtype, shape

    def __repr__(self) -> str:
        """Return its dtype and shape."""
        return f"a symbol of {self.dtype}{shown_shape(self.shape)}"

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return self.recorder.namespace

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Any:
        """The number of elements."""
        return size_of("size", self.shape)

    @property
    def device(self) -> None:
        """None: a program runs on the device of what it is handed."""
        return None

    def to_device(self, device: Any, /, *, stream: Any = None) -> "Symbol":
        """Return the array itself: see `device`."""
        return self

    @property
    def T(self) -> "Symbol":
        """The transpose of a matrix."""
        if self.ndim != 2:
            raise RecordingError(
                f"T: found shape {self.shape}, expected 2 axes; xp.matrix_transpose takes more"
            )
        return self.mT

    @property
    def mT(self) -> "Symbol":
        """The array with its last two axes exchanged."""
        if self.ndim < 2:
            raise RecordingError(f"mT: found shape {self.shape}, expected 2 axes or more")
        shape = (*self.shape[:-2], self.shape[-1], self.shape[-2])
        entry = self.recorder.entries[self.place]
        if entry.name == "matrix_transpose":  # and back again
            return self.recorder.symbol(entry.inputs[0])
        return self.recorder.note("matrix_transpose", self, dtype=self.dtype, shape=shape)

    def __getitem__(self, key: Any) -> "Symbol":
        index, shape = _indexed(self.shape, key)
        if index == (slice(None),) * self.ndim:
            return self.recorder.symbol(self)
        return self.recorder.note("getitem", self, dtype=self.dtype, shape=shape, index=index)

    __setitem__ = _refusal(
        "x[...] = value", "expected no writing into arrays; xp.where and xp.concat make new ones"
    )
    __bool__ = _refusal("bool()", _BRANCH)
    __float__ = _refusal("float()", _NUMBER)
    __int__ = _refusal("int()", _NUMBER)
    __index__ = _refusal("int()", _NUMBER)
    __complex__ = _refusal("complex()", _NUMBER)
    __array__ = _refusal(
        "numpy.asarray()", "expected functions of its own namespace: x.__array_namespace__()"
    )
    __dlpack__ = _refusal("from_dlpack()", "expected functions of its own namespace")
    __dlpack_device__ = __dlpack__
    __iter__ = _refusal("iteration", "expected x[i] for the places i that are needed")

    def __len__(self) -> int:
        if self.shape and not isinstance(self.shape[0], Size):
            return int(self.shape[0])
        raise RecordingError(
            f"len(): found {self!r}, expected a first axis of a known size; x.shape[0] may be open"
        )

    def __hash__(self) -> int:
        return hash((id(self.recorder), self.place))

    def __matmul__(self, other: Any) -> "Symbol":
        return matmul(self.recorder, self, other)

    def __rmatmul__(self, other: Any) -> "Symbol":
        return matmul(self.recorder, other, self)

    def __neg__(self) -> "Symbol":
        return operate(self.recorder, "negative", self)

    def __pos__(self) -> "Symbol":
        return operate(self.recorder, "positive", self)

    def __abs__(self) -> "Symbol":
        return operate(self.recorder, "abs", self)

    def __invert__(self) -> "Symbol":
        return operate(self.recorder, "bitwise_invert", self)


def _operator(name: str, swapped: bool) -> Callable[[Symbol, Any], Any]:
    def apply(self: Symbol, other: Any) -> Any:
        if not (np.isscalar(other) or isinstance(other, Number) or hasattr(other, "dtype")):
            return NotImplemented
        operands = (other, self) if swapped else (self, other)
        return operate(self.recorder, name, *operands)

    return apply


for _name, (_python, _, _compares) in _OPERATORS.items():
    setattr(Symbol, f"__{_python}__", _operator(_name, False))
    if not _compares:  # Python swaps comparisons itself
        setattr(Symbol, f"__r{_python}__", _operator(_name, True))

_OTHERS: dict[tuple[str, bool], str] = {
    ("f", False): (
        "acos acosh asin asinh atan atan2 atanh copysign cos cosh exp expm1 hypot log log10 log1p "
        "log2 logaddexp nextafter reciprocal sin sinh sqrt tan tanh"
    ),
    (_REAL, False): "abs ceil floor maximum minimum negative positive round sign square trunc",
    (_REAL, True): "isfinite isinf isnan signbit",
    ("b", False): "logical_and logical_not logical_or logical_xor",
    ("biu", False): "bitwise_invert",
}
ELEMENTWISE: dict[str, tuple[str, bool]] = {
    **{name: (kinds, compares) for name, (_, kinds, compares) in _OPERATORS.items()},
    **{name: of for of, names in _OTHERS.items() for name in names.split()},
}
"""The elementwise functions: the kinds of dtypes that they take, and whether they compare."""


def operate(recorder: Recorder, name: str, *operands: Any) -> Symbol:
    """Return the symbol of an elementwise function of the standard.

    Parameters
    ----------
    recorder : Recorder
    name : str
    *operands : Symbol, array, number or Number
        Arrays become constants.

    Raises
    ------
    RecordingError
        Where shapes or dtypes do not fit.
    """
    kinds, compares = ELEMENTWISE[name]
    inputs = tuple(x if _is_number(x) else recorder.symbol(x) for x in operands)
    arrays = [x for x in inputs if isinstance(x, Symbol)]
    if not arrays:
        found = ", ".join(map(shown, operands))
        raise RecordingError(f"{name}: found {found}, expected an array: xp.asarray makes one")
    dtype = promoted(name, *(x.dtype for x in arrays))
    if dtype.kind not in kinds:
        raise RecordingError(
            f"{name}: found {dtype}, expected {_KINDS[kinds]}; convert it: xp.astype(x, dtype)"
        )
    for x in inputs:
        if not isinstance(x, Symbol):
            with_number(name, dtype, x)
    shape = broadcast(name, *(x.shape for x in arrays))
    return recorder.note(name, *inputs, dtype=DTYPES["bool"] if compares else dtype, shape=shape)


def _is_number(x: Any) -> bool:
    """Return whether it takes the dtype of the arrays beside it: NumPy's numbers have their own."""
    return type(x) in (bool, int, float) or isinstance(x, Number)


def matmul(recorder: Recorder, a: Any, b: Any) -> Symbol:
    """Return the symbol of a matrix product.

    Raises
    ------
    RecordingError
        Where shapes or dtypes do not fit.
    """
    a, b = recorder.symbol(a), recorder.symbol(b)
    dtype = promoted("matmul", a.dtype, b.dtype)
    if dtype.kind == "b":
        raise RecordingError(
            "matmul: found bool, expected numbers; convert it: xp.astype(x, dtype)"
        )
    return recorder.note("matmul", a, b, dtype=dtype, shape=matmul_shape(a.shape, b.shape))


# ------------------------------------------------------------------ parts of an array


def _indexed(shape: Shape, key: Any) -> tuple[tuple[Any, ...], Shape]:
    """Return an index with a part for each axis, and the shape that it gives."""
    parts = key if isinstance(key, tuple) else (key,)
    named = sum(part is not None and part is not Ellipsis for part in parts)
    n_ellipses = sum(part is Ellipsis for part in parts)
    if n_ellipses > 1 or named > len(shape):
        raise RecordingError(f"x[...]: found {shown(key)}, expected a part for each of {shape}")
    rest = (slice(None),) * (len(shape) - named)
    if not n_ellipses:
        parts = (*parts, Ellipsis)
    place = next(i for i, part in enumerate(parts) if part is Ellipsis)
    index: list[Any] = []
    result: list[Any] = []
    axis = 0
    for part in (*parts[:place], *rest, *parts[place + 1 :]):
        if part is None:
            index.append(None)
            result.append(1)
            continue
        if isinstance(part, slice):
            cut, length = _sliced(shape[axis], part)
            index.append(cut)
            result.append(length)
        else:
            index.append(_picked(shape[axis], part))
        axis += 1
    return tuple(index), tuple(result)


def _picked(size: Any, part: Any) -> int:
    if isinstance(part, Symbol) or type(part) is bool or not hasattr(part, "__index__"):
        raise RecordingError(
            f"x[...]: found {shown(part)} in the index, expected whole numbers and slices; xp.take "
            "picks by an array of places, xp.where by one of booleans"
        )
    place, least = int(part), size.least if isinstance(size, Size) else size
    if not -least <= place < least:
        raise RecordingError(
            f"x[...]: found place {place} of an axis of {size}, expected one within"
        )
    return place


def _sliced(size: Any, part: slice) -> tuple[slice, Any]:
    """Return a slice of an axis, and how long what it cuts out is."""
    if not isinstance(size, Size):
        try:
            start, stop, step = part.indices(size)
        except TypeError:
            raise RecordingError(
                f"x[...]: found the slice {part}, expected whole numbers in it"
            ) from None
        length = len(range(start, stop, step))
        if length == size and step == 1:
            return slice(None), length
        return (slice(start, stop, step) if step > 0 else part), length
    first, end = part.start or 0, size if part.stop is None else part.stop
    if part.step in (None, 1):
        if first == 0 and end == size:
            return slice(None), size
        if type(first) is int and type(end) is int and 0 <= first <= end <= size.least:
            return slice(first, end, 1), end - first
    raise RecordingError(
        f"x[...]: found the slice {part} of an axis of {size}, expected all of it, what every such "
        "axis has, or an axis of a known size"
    )
