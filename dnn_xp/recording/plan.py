"""Plans: programs for NumPy that allocate nothing, as Python that can be read.

Each result has its place in memory before the first call: that of one that is needed no more, where
there is one. Parts, shapes and transposes are views, made once. What is left is a call of NumPy's
for each operation, one after the other, in a function without a loop.

What a plan returns are its own arrays, which the next call changes.
"""

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np

from dnn_xp.recording.number import Number, Size
from dnn_xp.recording.program import Operation, Program, Value
from dnn_xp.recording.structure import leaves, map_leaves

__all__ = ["Plan", "PlanError", "make_plan"]

HostArray = np.ndarray[Any, Any]

_VIEWS = ("getitem", "matrix_transpose", "permute_dims", "reshape")
_REDUCTIONS = {"max": np.maximum.reduce, "min": np.minimum.reduce, "sum": np.add.reduce}


class PlanError(ValueError):
    """A program cannot be planned; the message says why."""


class Plan(NamedTuple):
    """A program for NumPy in which every result has its place.

    Attributes
    ----------
    run : callable
        Takes the arguments of the program, and returns what it returns: arrays of the plan's, which
        the next call changes. Those that are given back to it need not be copied. Where what comes
        in has other shapes it returns None, and has done nothing.
    source : str
        The function, as Python has it.
    nbytes : int
        Of all that it holds, but for what comes in and constants.
    """

    run: Callable[..., Any]
    source: str
    nbytes: int


def make_plan(
    program: Program,
    kept: Mapping[str, str],
    arrays: Mapping[str, HostArray] = MappingProxyType({}),
    like: Sequence[Any] = (),
) -> Plan:
    """Return the plan of a program whose shapes are all known.

    Parameters
    ----------
    program : Program
    kept : mapping of str to str
        The inputs that the plan holds, with the outputs that become them, each by its path, such as
        ``{"state.theta": ".theta"}``. Where another array than the plan's own comes in, it is
        copied there.
    arrays : mapping of str to ndarray
        What the plan takes for its own arrays of such inputs, whose values are changed. Default:
        new ones.
    like : sequence
        Arguments of the program, in whose order in memory others come in. NumPy makes results in
        the order of what they are made of, and a product of matrices may round by it. Default: rows
        lie one after the other.

    Raises
    ------
    PlanError
        Where an operation, or a shape, cannot be planned.
    """
    return _Planner(program, kept, arrays, program.results(np, *like) if like else {}).plan()


class _Place(NamedTuple):
    """Where a value is: a name in the function, and its array, where it is known before a call."""

    name: str
    array: HostArray | None


class _Planner:
    """What writes a plan, operation by operation.

    `names` are those of the function's surroundings, arrays and functions; `places` says where each
    value is; `roots` in whose memory a view is; `owned` whose memory is in use, and `free` what may
    be used again, by shape and dtype.
    """

    def __init__(
        self,
        program: Program,
        kept: Mapping[str, str],
        arrays: Mapping[str, HostArray],
        examples: Mapping[str, Any],
    ) -> None:
        self.program, self.kept, self.given, self.examples = program, kept, arrays, examples
        self.names: dict[str, Any] = {}
        self.lines: list[str] = []
        self.places: dict[str, _Place] = {}
        self.roots: dict[str, str] = {}
        self.owned: dict[str, HostArray] = {}
        self.free: dict[Any, list[HostArray]] = {}
        self.nbytes = 0
        self.last = self._last_uses()

    # ------------------------------------------------------------------ the order of things

    def _last_uses(self) -> dict[str, int]:
        """Return after which operation the memory of each value is needed no more."""
        end, last = len(self.program.operations), {}
        for number, operation in enumerate(self.program.operations):
            own = operation.output.name
            self.roots[own] = own
            first = operation.inputs[0] if operation.inputs else None
            if operation.name in _VIEWS and isinstance(first, Value):
                self.roots[own] = self.roots.get(first.name, first.name)
            for value in _values((*operation.inputs, operation.output)):
                last[self.roots.get(value.name, value.name)] = number
        for _, value in leaves(self.program.outputs, ""):
            if isinstance(value, Value):
                last[self.roots.get(value.name, value.name)] = end
        return last

    # ------------------------------------------------------------------ memory

    def _new(self, value: Value) -> HostArray:
        array = np.empty(_shape(value), np.dtype(value.dtype), order=self._order(value))
        if pool := self.free.get(_kind(array)):
            return pool.pop()
        self.nbytes += array.nbytes
        return array

    def _order(self, value: Value) -> Literal["C", "F"]:
        """Return whether rows lie one after the other, or columns, as NumPy makes it."""
        return "F" if _by_columns(self.examples.get(value.name)) else "C"

    def _give_back(self, number: int, operation: Operation) -> None:
        """Let the memory of what has been used for the last time be used again."""
        for value in {x.name: x for x in _values(operation.inputs)}.values():
            root = self.roots.get(value.name, value.name)
            if self.last[root] == number and root in self.owned:
                array = self.owned.pop(root)
                self.free.setdefault(_kind(array), []).append(array)

    def _name(self, prefix: str, thing: Any) -> str:
        for name, known in self.names.items():
            if known is thing:
                return name
        name = f"{prefix}{len(self.names)}"
        self.names[name] = thing
        return name

    # ------------------------------------------------------------------ the whole

    def plan(self) -> Plan:
        program = self.program
        self._take_inputs()
        for name, host in program.constants.items():
            self.places[name] = _Place(self._name("c", host), np.asarray(host))
        self.concats = self._joined()
        for number, operation in enumerate(program.operations):
            self._do(number, operation)
        self._return()
        arguments = ", ".join(program._arguments)
        lines = [f"    {line}" for line in self.lines]
        name = program.name if program.name.isidentifier() else "planned"
        source = "\n".join([f"def {name}({arguments}):", *lines])
        made: dict[str, Any] = {}
        exec(compile(source, f"<plan of {program.name}>", "exec"), {**self.names}, made)
        return Plan(made[name], source, self.nbytes)

    def _take_inputs(self) -> None:
        """Have what comes in under names, and copy what the plan keeps to its own memory."""
        copies = list[str]()
        for value in self.program.inputs:
            ast.parse(value.name, mode="eval")  # a path, which Python can follow
            if value.is_number:
                continue
            if value.name in self.kept:
                array = self.given.get(value.name)
                if array is None:
                    array = np.empty(_shape(value), np.dtype(value.dtype))
                    self.nbytes += array.nbytes
                own = self._name("own", array)
                copies += [
                    f"if {value.name} is not {own}:",
                    f"    {self._function(np.copyto)}({own}, {value.name})",
                ]
                self.places[value.name] = _Place(own, array)
            else:
                name = f"x{len(self.places)}"
                self.lines += [
                    f"{name} = {value.name}",
                    f"if {name}.shape != {_shape(value)}:",
                    "    return None",
                ]
                if self.examples and len(value.shape) == 2:
                    by_columns = self._name("by_columns", _by_columns)
                    self.lines += [
                        f"if {by_columns}({name}) is not {_by_columns(self.examples[value.name])}:",
                        "    return None",
                    ]
                self.places[value.name] = _Place(name, None)
        self.lines += copies

    def _return(self) -> None:
        """Write what is returned: the plan's arrays, in the structure of the program's outputs."""
        becomes = {path: name for name, path in self.kept.items()}

        def leave(path: str, leaf: Any) -> Any:
            if not isinstance(leaf, Value):
                if isinstance(leaf, Number):
                    raise PlanError(f"{path}: is a number that is not known before a call")
                return leaf
            place = self.places[leaf.name]
            if path in becomes:
                own = self.places[becomes[path]]
                if place.array is not own.array:
                    self.lines.append(f"{self._function(np.copyto)}({own.name}, {place.name})")
                return own.array
            if place.array is None:
                raise PlanError(f"{path}: is what came in, or a part of it")
            return place.array

        returned = map_leaves(leave, self.program.outputs, "")
        self.lines.append(f"return {self._name('returned', returned)}")

    # ------------------------------------------------------------------ vectors that are joined

    def _joined(self) -> dict[str, tuple[str, int]]:
        """Return which values are parts of a vector, each with that vector's name and the place.

        They are computed there. Each part must be used by it alone, but for its own shape.
        """
        uses: dict[str, int] = {}
        for operation in self.program.operations:
            for value in _values(operation.inputs):
                uses[value.name] = uses.get(value.name, 0) + 1
        for _, value in leaves(self.program.outputs, ""):
            if isinstance(value, Value):
                uses[value.name] = uses.get(value.name, 0) + 1
        made = {operation.output.name: operation for operation in self.program.operations}
        found: dict[str, tuple[str, int]] = {}
        for operation in self.program.operations:
            if operation.name != "concat" or len(operation.output.shape) != 1:
                continue
            start = 0
            for part in _values(operation.inputs):
                size = _shape(part)[0]
                origin = made.get(part.name)
                while origin is not None and origin.name == "reshape" and uses[part.name] == 1:
                    (part,) = _values(origin.inputs)
                    origin = made.get(part.name)
                fits = origin is not None and origin.name not in (*_VIEWS, "concat")
                if fits and uses[part.name] == 1 and part.name not in found:
                    found[part.name] = operation.output.name, start
                start += size
        return found

    def _out(self, operation: Operation) -> HostArray:
        """Return where a result goes: to a place of its own, or into a joined vector."""
        value = operation.output
        if value.name not in self.concats:
            array = self._new(value)
            self.owned[value.name] = array
            return array
        whole, start = self.concats[value.name]
        if whole not in self.owned:
            (vector,) = [x.output for x in self.program.operations if x.output.name == whole]
            self.owned[whole] = self._new(vector)
        size = int(np.prod(_shape(value), dtype=int))
        return self.owned[whole][start : start + size].reshape(_shape(value))

    # ------------------------------------------------------------------ operations

    def _do(self, number: int, operation: Operation) -> None:
        """Write the call of an operation."""
        name = operation.name
        if name in _VIEWS:
            self._view(operation)
            return
        if name == "concat":
            self._concat(operation)
        elif name == "stack":
            self._stack(operation)
        elif name in ("full", "arange"):
            self._constant(operation)
            return
        else:
            self._call(number, operation)
        self._give_back(number, operation)

    def _view(self, operation: Operation) -> None:
        """Have a part, a shape or a transpose as a view; of what comes in, in each call."""
        (source,) = _values(operation.inputs)
        place = self.places[source.name]
        if place.array is not None:
            array = _viewed(place.array, operation)
            if not np.shares_memory(array, place.array) and array.size:
                raise PlanError(f"{operation}: is no view")
            self.places[operation.output.name] = _Place(self._name("v", array), array)
            return
        name = f"x{len(self.places)}"
        if operation.name == "getitem":
            text = f"[{self._name('at', operation.options['index'])}]"
        elif operation.name == "matrix_transpose":
            text = ".T" if len(source.shape) == 2 else ".mT"
        elif operation.name == "reshape":
            text = f".reshape({_shape(operation.output)})"
        else:
            raise PlanError(f"{operation.name} of what comes in cannot be planned")
        self.lines.append(f"{name} = {place.name}{text}")
        self.places[operation.output.name] = _Place(name, None)

    def _concat(self, operation: Operation) -> None:
        """Join arrays: parts that were computed in place are there already."""
        output = operation.output
        if output.name not in self.owned:
            self.owned[output.name] = self._new(output)
        whole, start = self.owned[output.name], 0
        axis = operation.options.get("axis", 0) or 0
        for part in _values(operation.inputs):
            size = _shape(part)[axis]
            where = (slice(None),) * (axis % whole.ndim) + (slice(start, start + size),)
            target, place = whole[where], self.places[part.name]
            start += size
            there = place.array is not None and place.array.ctypes.data == target.ctypes.data
            if not there or not np.shares_memory(place.array, whole):
                own = self._name("v", target)
                self.lines.append(f"{self._function(np.copyto)}({own}, {place.name})")
        self.places[output.name] = _Place(self._name("b", whole), whole)

    def _stack(self, operation: Operation) -> None:
        """Copy arrays beside each other, along an axis that they have not."""
        target = self._out(operation)
        axis = operation.options.get("axis", 0) % target.ndim
        for number, part in enumerate(_values(operation.inputs)):
            view = self._name("v", target[(slice(None),) * axis + (number,)])
            copy = self._function(np.copyto)
            self.lines.append(f"{copy}({view}, {self.places[part.name].name})")
        self.places[operation.output.name] = _Place(self._name("b", target), target)

    def _constant(self, operation: Operation) -> None:
        """Have what is the same in each call made now, and what is filled with a number in each."""
        numbers = [x for x in operation.inputs if isinstance(x, Number | Value)]
        if numbers and operation.name == "full":
            array = self._out(operation)
            own = self._name("b", array)
            self.lines.append(f"{own}.fill({self._operand(numbers[0])})")
            self.places[operation.output.name] = _Place(own, array)
            return
        if numbers:
            raise PlanError(f"{operation}: depends on a number")
        dtype = np.dtype(operation.output.dtype)
        if operation.name == "full":
            array = np.full(_shape(operation.output), operation.inputs[0], dtype)
        else:
            array = np.arange(*operation.inputs, dtype=dtype)
        self.places[operation.output.name] = _Place(self._name("c", array), array)

    def _call(self, number: int, operation: Operation) -> None:
        name, inputs, options, output = operation
        given = [self._operand(x) for x in inputs]
        target: HostArray | None = None
        function = getattr(np, name, None)
        elementwise = isinstance(function, np.ufunc) and name not in ("matmul", "vecdot")
        if elementwise or name in ("astype", "where"):
            target = self._in_place(number, operation)
        if target is None:
            target = self._out(operation)
        own = self._name("b", target)
        self.places[output.name] = _Place(own, target)
        if name == "astype":
            self.lines.append(f"{self._function(np.copyto)}({own}, {given[0]}, 'unsafe')")
        elif name == "where":
            copy = self._function(np.copyto)
            if given[1] == own:
                mask = self._name("b", np.empty(_shape(output), bool))
                self.lines += [
                    f"{self._function(np.logical_not)}({given[0]}, {mask})",
                    f"{copy}({own}, {given[2]}, where={mask})",
                ]
            else:
                if given[2] != own:
                    self.lines.append(f"{copy}({own}, {given[2]})")
                self.lines.append(f"{copy}({own}, {given[1]}, where={given[0]})")
        elif name == "matmul":
            plain = all(len(x.shape) == 2 for x in _values(inputs))
            product = self._function(np.dot if plain else np.matmul)
            self.lines.append(f"{product}({given[0]}, {given[1]}, {own})")
        elif name in _REDUCTIONS:
            self._reduce(operation, given[0], own)
        elif name == "mean":
            axis = options.get("axis")
            keep = options.get("keepdims", False)
            mean = self._function(np.mean)
            self.lines.append(f"{mean}({given[0]}, {axis!r}, None, {own}, keepdims={keep})")
        elif name == "take":
            take, axis = self._function(np.take), options.get("axis")
            self.lines.append(f"{take}({given[0]}, {given[1]}, {axis!r}, {own}, 'clip')")
        elif name == "broadcast_to":
            self.lines.append(f"{self._function(np.copyto)}({own}, {given[0]})")
        elif isinstance(function, np.ufunc) and not options:
            out = f"out={own}" if name in ("maximum", "minimum") else own  # as NumPy asks for it
            self.lines.append(f"{self._function(function)}({', '.join([*given, out])})")
        else:
            raise PlanError(f"{name} cannot be planned")

    def _reduce(self, operation: Operation, given: str, own: str) -> None:
        """Write a reduction; of sums those as products that the package works out so."""
        (source,), options = _values(operation.inputs), operation.options
        shape, axis = _shape(source), options.get("axis")
        keeps, dtype = options.get("keepdims", False), np.dtype(operation.output.dtype)
        dot = self._function(np.dot)
        is_product = operation.output.name in self.program.products
        if is_product and len(shape) == 2 and axis == 1 and keeps:
            self.lines.append(f"{dot}({given}, {self._ones((shape[1], 1), dtype)}, {own})")
        elif is_product and axis == 0 and not keeps:
            self.lines.append(f"{dot}({self._ones(shape[:1], dtype)}, {given}, {own})")
        else:
            reduce = self._function(_REDUCTIONS[operation.name])
            extra = f", keepdims={keeps}" if keeps else ""
            self.lines.append(f"{reduce}({given}, {axis!r}, None, {own}{extra})")

    def _ones(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
        """Return the name of ones: sums are products with them, in the order of other sums here."""
        for name, known in self.names.items():
            if name.startswith("ones") and (known.shape, known.dtype) == (shape, dtype):
                return name
        return self._name("ones", np.ones(shape, dtype))

    def _operand(self, x: Any) -> str:
        if isinstance(x, Value):
            return x.name if x.is_number else self.places[x.name].name
        if isinstance(x, float) and not math.isfinite(x):  # which Python has no words for
            return self._name("number", x)
        return repr(x)

    def _in_place(self, number: int, operation: Operation) -> HostArray | None:
        """Return the array of an operand that dies here, where the result can take its place.

        Also the array of an input that the plan keeps, where this is what becomes of it.
        """
        output = operation.output
        if output.name in self.concats:
            return None
        kept = self._kept_target(number, operation)
        if kept is not None:
            return kept
        candidates = operation.inputs[1:] if operation.name == "where" else operation.inputs
        for value in _values(candidates):
            root = self.roots.get(value.name, value.name)
            array = self.owned.get(root)
            place = self.places.get(value.name)
            fits = (
                array is not None
                and place is not None
                and place.array is array
                and self.last[root] == number
                and (_shape(value), str(value.dtype)) == (_shape(output), str(output.dtype))
                and self._order(value) == self._order(output)
                and sum(self.roots.get(x.name, x.name) == root for x in _values(operation.inputs))
                == 1
            )
            if fits:
                self.owned[output.name] = self.owned.pop(root)
                return array
        return None

    def _kept_target(self, number: int, operation: Operation) -> HostArray | None:
        """Return the array of the input that the result becomes, where nobody needs that later."""
        for path, value in leaves(self.program.outputs, ""):
            if value is not operation.output:
                continue
            for name, target in self.kept.items():
                if target == path and self.last.get(name, -1) <= number:
                    return self.places[name].array
        return None

    def _function(self, function: Any) -> str:
        for name, known in self.names.items():
            if known is function:
                return name
        base = getattr(function, "__name__", "function")
        owner = getattr(function, "__self__", None)
        name = f"{owner.__name__}_{base}" if isinstance(owner, np.ufunc) else base
        self.names[name] = function
        return name


def _by_columns(x: Any) -> bool:
    """Return whether columns of a matrix lie one after the other in memory, and rows do not."""
    return len(getattr(x, "shape", ())) == 2 and x.strides[0] < x.strides[1]


def _kind(array: HostArray) -> tuple[Any, ...]:
    return array.shape, array.dtype.name, array.strides


def _values(inputs: Sequence[Any]) -> list[Value]:
    return [x for x in inputs if isinstance(x, Value) and not x.is_number]


def _shape(value: Value) -> tuple[int, ...]:
    if any(isinstance(size, Size) for size in value.shape):
        raise PlanError(f"{value.name}: found an open axis, expected sizes that are known")
    return tuple(int(size) for size in value.shape)


def _viewed(array: HostArray, operation: Operation) -> HostArray:
    name, options = operation.name, operation.options
    if name == "getitem":
        index = options["index"]
        if any(isinstance(x, Number) for x in _flat(index)):
            raise PlanError(f"{operation}: depends on a number")
        return np.asarray(array[index])
    if name == "matrix_transpose":
        return array.mT
    if name == "permute_dims":
        return array.transpose(options["axes"])
    return array.reshape(_shape(operation.output))


def _flat(index: Any) -> Iterator[Any]:
    for one in index if isinstance(index, tuple) else (index,):
        if isinstance(one, slice):
            yield from (one.start, one.stop, one.step)
        else:
            yield one
