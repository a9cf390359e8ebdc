"""Programs: what a function does with arrays, as a list of operations."""

import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from math import prod
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check_whole, shown
from dnn_xp.recording.dtypes import DType, dtype_name, find_dtype
from dnn_xp.recording.namespace import SymbolNamespace
from dnn_xp.recording.number import BATCH, Number, RecordingError, Size, evaluated
from dnn_xp.recording.shapes import Shape, shown_shape
from dnn_xp.recording.structure import leaves, map_leaves
from dnn_xp.recording.symbol import Recorder, Symbol

__all__ = ["ArrayType", "Operation", "OperationCount", "Program", "Value", "open_batch", "record"]


@dataclass(frozen=True)
class ArrayType:
    """The type of an input: an array without its values.

    Parameters
    ----------
    shape : tuple of int or None
        None where the size is open, as the number of examples usually is: all such axes of a
        recording are of one size, 1 or more.
    dtype : str
        Such as ``"float32"``.
    """

    shape: tuple[int | None, ...]
    dtype: str = "float64"


def open_batch(x: Any, axis: int = -1) -> ArrayType:
    """Return the type of an array, of which the number of examples is open.

    Parameters
    ----------
    x : array
        Of any library. Columns are examples.
    axis : int
        The axis that is open.
    """
    shape: list[int | None] = [*x.shape]
    shape[axis] = None
    return ArrayType(tuple(shape), dtype_name(x.dtype))


@dataclass(frozen=True)
class Value:
    """An array in a program, or a number of Python's that comes in.

    Attributes
    ----------
    name : str
    dtype : dtype
        Of NumPy's; of a number the type, int or float.
    shape : tuple of int or Size
        Of an open axis the `Size`, whose m is the number of examples.
    """

    name: str
    dtype: DType | type
    shape: Shape

    @property
    def is_number(self) -> bool:
        """Whether it is a number of Python's."""
        return isinstance(self.dtype, type)

    @property
    def type(self) -> str:
        """Its type in words: ``float64[10, m]``."""
        if isinstance(self.dtype, type):
            return self.dtype.__name__
        return f"{self.dtype}{shown_shape(self.shape)}"

    def __str__(self) -> str:
        return self.name


class Operation(NamedTuple):
    """An operation of a program.

    Attributes
    ----------
    name : str
        Of the function of the standard; an operator has the name of its function, and a part of an
        array is ``getitem``.
    inputs : tuple of Value, number or Number
        Numbers take the dtype of the arrays beside them.
    options : dict
        All else that the function is told; ``index`` of ``getitem``.
    output : Value
    """

    name: str
    inputs: tuple[Any, ...]
    options: dict[str, Any]
    output: Value

    def __str__(self) -> str:
        """Return the expression, as Python has it."""
        names = [str(x) if isinstance(x, Value) else repr(x) for x in self.inputs]
        if self.name in _INFIX:
            return f" {_INFIX[self.name]} ".join(names)
        if self.name == "negative":
            return f"-{names[0]}"
        if self.name == "getitem":
            return f"{names[0]}[{', '.join(map(_part, self.options['index']))}]"
        if self.name == "matrix_transpose":
            return f"{names[0]}.{'T' if len(self.output.shape) == 2 else 'mT'}"
        if self.name in _TAKES_SHAPE:
            names = [*names, str(self.output.shape)]
            names = names[::-1] if self.name == "full" else names
        if self.name in ("concat", "stack"):
            names = [f"[{', '.join(names)}]"]
        if self.name in _TAKES_DTYPE:
            names = [*names, str(self.output.dtype)]
        options = [f"{key}={value}" for key, value in self.options.items() if value is not False]
        return f"{self.name}({', '.join([*names, *options])})"


class OperationCount(NamedTuple):
    """What an operation costs.

    Attributes
    ----------
    operation : Operation
    multiplications : int
        Of products and scalings; what is added, and functions such as exp, do not count.
    bytes : int
        Of its result.
    """

    operation: Operation
    multiplications: int
    bytes: int


_OPERATORS: dict[str, tuple[str, Callable[..., Any]]] = {
    "add": ("+", operator.add),
    "subtract": ("-", operator.sub),
    "multiply": ("*", operator.mul),
    "divide": ("/", operator.truediv),
    "floor_divide": ("//", operator.floordiv),
    "remainder": ("%", operator.mod),
    "pow": ("**", operator.pow),
    "matmul": ("@", operator.matmul),
    "bitwise_and": ("&", operator.and_),
    "bitwise_or": ("|", operator.or_),
    "bitwise_xor": ("^", operator.xor),
    "bitwise_left_shift": ("<<", operator.lshift),
    "bitwise_right_shift": (">>", operator.rshift),
    "less": ("<", operator.lt),
    "less_equal": ("<=", operator.le),
    "greater": (">", operator.gt),
    "greater_equal": (">=", operator.ge),
    "equal": ("==", operator.eq),
    "not_equal": ("!=", operator.ne),
}
_INFIX = {name: symbol for name, (symbol, _) in _OPERATORS.items()}
_TAKES_SHAPE = ("reshape", "broadcast_to", "full")
_TAKES_DTYPE = ("astype", "arange", "full")


def _part(part: Any) -> str:
    """Return a part of an index as Python has it."""
    if not isinstance(part, slice):
        return str(part)
    ends = ["" if x is None else str(x) for x in (part.start, part.stop)]
    return ":".join([*ends, *([str(part.step)] if part.step not in (None, 1) else [])])


class _Step(NamedTuple):
    """A step of a run: an operation, and the names of the values that it is the last to need."""

    operation: Operation
    dies: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Program:
    """What a function does with arrays: operations in their order, each done once, none in vain.

    Nothing is ever written to: what comes in stays as it is.

    Attributes
    ----------
    name : str
        Of the function.
    inputs : tuple of Value
        The arrays, and the numbers, that come in; ``state.theta`` is part of the argument state.
    constants : dict of str to NumPy array
    operations : tuple of Operation
    outputs : object
        What the function returned, with a Value in the place of each array.
    products : frozenset of str
        The names of sums that the package works out as products with ones on NumPy: `run` does not,
        and a plan does.
    """

    name: str
    inputs: tuple[Value, ...]
    constants: Mapping[str, Any]
    operations: tuple[Operation, ...]
    outputs: Any
    _arguments: tuple[str, ...]
    products: frozenset[str] = frozenset()

    def run(self, xp: Any, *arguments: Any) -> Any:
        """Return what the function returns for other arrays.

        Parameters
        ----------
        xp : namespace
            The standard's namespace of the arrays, such as `dnn_xp.backends.namespace` returns.
        *arguments
            Arrays and numbers in the structure that was recorded, of its dtypes and shapes.

        Raises
        ------
        TypeError, ValueError
            Where they are others: which, what was found and what was expected.
        """
        known, where = self._known(arguments)
        for name, host in self.constants.items():
            known[name] = xp.asarray(host.copy(), device=where)  # which PyTorch may write to
        for (name, inputs, options, output), dies in self._steps:
            values = [_looked_up(x, known) for x in inputs]
            known[output.name] = _done(xp, where, name, values, options, output, known)
            for other in dies:
                del known[other]
        return map_leaves(lambda _, x: _looked_up(x, known), self.outputs, "")

    def results(self, xp: Any, *arguments: Any) -> dict[str, Any]:
        """Return the result of each operation by its name, and what comes in.

        Parameters
        ----------
        xp, *arguments
            As in `run`.

        Raises
        ------
        TypeError, ValueError
            As in `run`.
        """
        known, where = self._known(arguments)
        for name, host in self.constants.items():
            known[name] = xp.asarray(host, device=where)
        for name, inputs, options, output in self.operations:
            values = [
                known[x.name] if isinstance(x, Value) else evaluated(x, known) for x in inputs
            ]
            known[output.name] = _done(xp, where, name, values, options, output, known)
        return known

    def counts(self, batch: int = 1) -> list[OperationCount]:
        """Return what each operation costs.

        Parameters
        ----------
        batch : int
            The size of open axes.
        """
        known = {BATCH: check_whole("batch", batch, 1)}
        return [_counted(operation, known) for operation in self.operations]

    def __repr__(self) -> str:
        """Return the operations, a line each, with dtypes and shapes."""
        values = ", ".join(f"{x}: {x.type}" for x in self.inputs)
        lines = [f"{self.name}({values})"]
        rows = [
            (f"{name} = constant", f"{host.dtype}{[*host.shape]}")
            for name, host in self.constants.items()
        ]
        rows += [(f"{x.output} = {x}", x.output.type) for x in self.operations]
        width = max((len(text) for text, _ in rows), default=0)
        lines += [f"  {text.ljust(width)}  {kind}" for text, kind in rows]
        return "\n".join([*lines, f"  return {_written(self.outputs)}"])

    @cached_property
    def _steps(self) -> list[_Step]:
        """The operations, from the first on, with what dies after each."""
        kept = {x.name for _, x in leaves(self.outputs, "") if isinstance(x, Value)}
        steps = []
        for operation in reversed(self.operations):
            names = {x.name for x in (*operation.inputs, operation.output) if isinstance(x, Value)}
            steps.append(_Step(operation, tuple(sorted(names - kept))))
            kept |= names
        return steps[::-1]

    def _known(self, arguments: tuple[Any, ...]) -> tuple[dict[str, Any], Any]:
        """Return what comes in by name, checked, and the device that it is on."""
        if len(arguments) != len(self._arguments):
            raise TypeError(
                f"{self.name}: found {len(arguments)} arguments, expected those of the recording: "
                f"{', '.join(self._arguments)}"
            )
        pairs = zip(self._arguments, arguments, strict=True)
        found = dict(leaf for name, tree in pairs for leaf in leaves(tree, name))
        names = [x.name for x in self.inputs]
        if list(found) != names:
            raise TypeError(
                f"{self.name}: found {', '.join(found)}, expected what was recorded: "
                f"{', '.join(names)}"
            )
        where = None
        for value in self.inputs:
            x = found[value.name]
            _check_input(value, x, found)
            if where is None and not value.is_number:
                where = getattr(x, "device", None)
        return found, where


def _looked_up(x: Any, known: dict[str, Any]) -> Any:
    return known[x.name] if isinstance(x, Value) else evaluated(x, known)


def _check_input(value: Value, x: Any, found: dict[str, Any]) -> None:
    """Refuse an input of another type, and note the size of an open axis."""
    if isinstance(value.dtype, type):
        if type(x) is not value.dtype:
            raise TypeError(f"{value}: found {shown(x)}, expected a number of type {value.type}")
        return
    name, shape = dtype_name(getattr(x, "dtype", type(x).__name__)), getattr(x, "shape", ())
    fits = name == str(value.dtype) and len(shape) == len(value.shape)
    for size, expected in zip(shape, value.shape, strict=False):
        if isinstance(expected, Size):
            fits = fits and size == found.setdefault(BATCH, size) and size >= 1
        else:
            fits = fits and size == expected
    if not fits:
        is_open = any(isinstance(x, Size) for x in value.shape)
        m = f", m being 1 or more, and {found.get(BATCH)} here" if is_open else ""
        raise ValueError(f"{value}: found {name}{[*shape]}, expected {value.type}{m}")


def _done(
    xp: Any,
    where: Any,
    name: str,
    values: list[Any],
    options: dict[str, Any],
    output: Value,
    known: dict[str, Any],
) -> Any:
    """Return the result of an operation."""
    if name in _OPERATORS:
        return _OPERATORS[name][1](*values)
    if name == "negative":
        return -values[0]
    if name == "getitem":
        return values[0][options["index"]]
    function = getattr(xp, name)
    if name in ("concat", "stack"):
        return function(values, **options)
    if name == "full":
        shape = evaluated(output.shape, known)
        return function(shape, *values, dtype=_dtype_of(xp, output), device=where)
    if name == "arange":
        return function(*values, dtype=_dtype_of(xp, output), device=where)
    if name == "astype":
        return function(values[0], _dtype_of(xp, output))
    if name in ("reshape", "broadcast_to"):
        return function(values[0], evaluated(output.shape, known))
    if name == "permute_dims":
        return function(values[0], options["axes"])
    return function(*values, **options)


def _dtype_of(xp: Any, output: Value) -> Any:
    """Return the library's dtype; NumPy's where it has no name for it, as Dask for float16."""
    return getattr(xp, str(output.dtype), output.dtype)


def _counted(operation: Operation, known: dict[str, Any]) -> OperationCount:
    name, inputs, options, output = operation
    size = prod(evaluated(output.shape, known))
    multiplications = 0
    if name in ("multiply", "square"):
        multiplications = size
    elif name in ("matmul", "vecdot", "tensordot"):
        shape = evaluated(inputs[0].shape, known)
        axes = options["axes"][0] if name == "tensordot" else (options.get("axis", -1),)
        multiplications = size * prod(shape[i] for i in axes)
    return OperationCount(operation, multiplications, size * np.dtype(output.dtype).itemsize)


def _written(outputs: Any) -> str:
    """Return outputs in the form that Python has for their structure."""
    if isinstance(outputs, dict):
        return "{" + ", ".join(f"{k!r}: {_written(x)}" for k, x in outputs.items()) + "}"
    if hasattr(outputs, "_fields"):
        pairs = zip(outputs._fields, outputs, strict=True)
        return f"{type(outputs).__name__}({', '.join(f'{k}={_written(x)}' for k, x in pairs)})"
    if isinstance(outputs, tuple | list):
        words = ", ".join(map(_written, outputs))
        return f"[{words}]" if isinstance(outputs, list) else f"({words})"
    return str(outputs)


# ------------------------------------------------------------------ recording


def record(function: Callable[..., Any], *inputs: Any) -> Program:
    """Return the program of a function: its operations on arrays, recorded once.

    The function is called with symbols, which are arrays without values. So it takes one way for
    all values: ``if``, ``float()`` and the like on an array are refused, as `jax.jit` does. What
    it does with numbers that it was not handed, such as a loop over layers, is done once and for
    all, and what it changes beside its result is not recorded.

    Parameters
    ----------
    function : callable
        One that takes its namespace from its arguments (``x.__array_namespace__()``, or
        `dnn_xp.backends.namespace`), and calls functions of the array API standard.
    *inputs
        Its arguments: arrays of any library, of which dtype and shape are looked at, or
        `ArrayType` and `open_batch`, and numbers; or tuples, lists and dictionaries of them. What
        is none of these is bound before: ``functools.partial(function, ...)``.

    Returns
    -------
    Program

    Raises
    ------
    RecordingError
        Where something cannot be recorded: what, and the way out.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, record
    >>> from dnn_xp.recording import open_batch
    >>> network = Network(4, (Dense(3, "relu"), Dense(1)), cost="sigmoid_cross_entropy")
    >>> theta, X = network.initialize(0), np.ones((4, 10))
    >>> program = record(network.forward, theta, open_batch(X))
    >>> program
    forward(theta: float64[19], X: float64[4, m])
      v1 = theta[0:12]          float64[12]
      v2 = reshape(v1, (3, 4))  float64[3, 4]
      v3 = theta[12:15]         float64[3]
      v4 = reshape(v3, (3, 1))  float64[3, 1]
      v5 = theta[15:18]         float64[3]
      v6 = reshape(v5, (1, 3))  float64[1, 3]
      v7 = theta[18:19]         float64[1]
      v8 = reshape(v7, (1, 1))  float64[1, 1]
      v9 = v2 @ X               float64[3, m]
      v10 = v9 + v4             float64[3, m]
      v11 = maximum(v10, 0.0)   float64[3, m]
      v12 = v6 @ v11            float64[1, m]
      v13 = v12 + v8            float64[1, m]
      return v13
    >>> Z = program.run(np, theta, X[:, :2])
    >>> bool(np.all(Z == network.forward(theta, X[:, :2])))
    True
    """
    recorder = Recorder(SymbolNamespace)
    names = _argument_names(function, len(inputs))
    values: list[tuple[Value, Any]] = []

    def come_in(path: str, leaf: Any) -> Any:
        value = _input_value(path, leaf)
        if isinstance(value.dtype, type):
            symbol: Any = Number(path, (), value.dtype)
        else:
            symbol = recorder.input(path, value.dtype, value.shape)
        values.append((value, symbol))
        return symbol

    arguments = [map_leaves(come_in, x, name) for name, x in zip(names, inputs, strict=True)]
    try:
        returned = function(*arguments)
        outputs = map_leaves(lambda _, x: _as_output(recorder, x), returned, "")
    finally:
        recorder.is_open = False
    inner = getattr(function, "func", function)  # of a partial one
    name = getattr(inner, "__name__", type(inner).__name__)
    return _program(name, recorder, [value for value, _ in values], outputs, names)


def _argument_names(function: Callable[..., Any], n_inputs: int) -> tuple[str, ...]:
    """Return the names of the arguments of a function, as far as it has any."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of what is not written in Python
        parameters = []
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [x.name for x in parameters if x.kind in by_place][:n_inputs]
    names += [f"x{i}" for i in range(len(names) + 1, n_inputs + 1)]
    return tuple(f"{name}_" if name == BATCH else name for name in names)


def _input_value(path: str, leaf: Any) -> Value:
    if type(leaf) in (int, float):
        return Value(path, type(leaf), ())
    if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
        raise RecordingError(
            f"{path}: found {shown(leaf)}, expected an array, a number, or a tuple or "
            "dictionary of them; bind what is none before: functools.partial(function, ...)"
        )
    shape = tuple(Size() if x is None else operator.index(x) for x in leaf.shape)
    return Value(path, find_dtype(leaf.dtype), shape)


def _as_output(recorder: Recorder, x: Any) -> Any:
    """Return what comes out as a symbol, where it is an array, or as it is."""
    is_array = hasattr(x, "shape") and hasattr(x, "dtype")
    return recorder.symbol(x) if is_array else x


def _program(
    name: str,
    recorder: Recorder,
    inputs: list[Value],
    outputs: Any,
    arguments: tuple[str, ...],
) -> Program:
    """Return the program of the entries that the outputs need."""
    entries = recorder.entries
    needed = {x.place for _, x in leaves(outputs, "") if isinstance(x, Symbol)}
    for place in range(len(entries) - 1, -1, -1):
        if place in needed:
            needed |= {x.place for x in entries[place].inputs if isinstance(x, Symbol)}
    values: dict[int, Value] = {}
    constants: dict[str, Any] = {}
    operations: list[Operation] = []
    taken = {x.name for x in inputs}
    numbers, letters = count(1), count(1)
    for place, entry in enumerate(entries):
        if entry.name == "input":
            values[place] = Value(entry.value, entry.dtype, entry.shape)
        elif place in needed:
            prefix, places = ("c", letters) if entry.name == "constant" else ("v", numbers)
            own = next(x for x in (f"{prefix}{i}" for i in places) if x not in taken)
            values[place] = Value(own, entry.dtype, entry.shape)
            if entry.name == "constant":
                constants[own] = entry.value
            else:
                sources = tuple(
                    values[x.place] if isinstance(x, Symbol) else x for x in entry.inputs
                )
                operations.append(Operation(entry.name, sources, entry.options, values[place]))
    return Program(
        name,
        tuple(inputs),
        constants,
        tuple(operations),
        map_leaves(lambda _, x: values[x.place] if isinstance(x, Symbol) else x, outputs, ""),
        arguments,
        frozenset(values[place].name for place in recorder.products if place in values),
    )
