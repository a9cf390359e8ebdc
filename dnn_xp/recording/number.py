"""Numbers of Python's that are not known while a function is recorded: inputs, sizes of axes."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

__all__ = ["Number", "RecordingError", "Size", "evaluated"]

BATCH = "m"
"""The name of the size of an open axis."""

_FUNCTIONS: dict[str, tuple[str, Callable[..., Any]]] = {
    "+": ("add", operator.add),
    "-": ("sub", operator.sub),
    "*": ("mul", operator.mul),
    "/": ("truediv", operator.truediv),
    "//": ("floordiv", operator.floordiv),
    "%": ("mod", operator.mod),
    "**": ("pow", operator.pow),
}


class RecordingError(TypeError):
    """What a function does with a symbol cannot be recorded; it says what, and the way out."""


def _refusal(operation: str, why: str) -> Callable[..., NoReturn]:
    def refuse(self: Any, *arguments: Any) -> NoReturn:
        raise RecordingError(f"{operation}: found the number {self}, {why}")

    return refuse


_UNKNOWN = (
    "which is not known while a function is recorded, expected one of Python's own; bind it "
    "before: functools.partial(function, ...)"
)


class Number:
    """A number of Python's, as an expression of numbers that come in.

    It is worked out when a program runs, by Python, so that it is what it would have been without
    a recording. In an operation it stands where a number of Python's may stand.

    Parameters
    ----------
    symbol : str
        An operator, or the name of the input that it is.
    operands : tuple of (int, float or Number)
        Of the operator; none of an input.
    kind : type
        ``int`` or ``float``.
    """

    __slots__ = ("kind", "operands", "symbol")
    __array_ufunc__ = None  # NumPy's numbers leave their operators to this class

    def __init__(self, symbol: str, operands: tuple[Any, ...], kind: type) -> None:
        self.symbol, self.operands, self.kind = symbol, operands, kind

    def evaluate(self, known: Mapping[str, Any]) -> Any:
        """Return its value.

        Parameters
        ----------
        known : mapping of str to number
            The inputs by name, and the size of an open axis.
        """
        if not self.operands:
            return known[self.symbol]
        values = [evaluated(x, known) for x in self.operands]
        return -values[0] if len(values) == 1 else _FUNCTIONS[self.symbol][1](*values)

    def __repr__(self) -> str:
        """Return it as Python has it."""
        if not self.operands:
            return self.symbol
        if len(self.operands) == 1:
            return f"(-{self.operands[0]!r})"
        a, b = self.operands
        return f"({a!r} {self.symbol} {b!r})"

    def __hash__(self) -> int:
        return hash(repr(self))

    def __neg__(self) -> "Number":
        return Number("-", (self,), self.kind)

    def __bool__(self) -> bool:
        raise RecordingError(f"bool(): found the number {self}, {_UNKNOWN}")

    __float__ = _refusal("float()", _UNKNOWN)
    __int__ = _refusal("int()", _UNKNOWN)
    __index__ = _refusal("int()", _UNKNOWN)
    __abs__ = _refusal("abs()", _UNKNOWN)
    __round__ = _refusal("round()", _UNKNOWN)


def _operator(symbol: str, swapped: bool) -> Callable[[Number, Any], Any]:
    def apply(self: Number, other: Any) -> Any:
        # Not those of arrays of shape (), which are no numbers of Python's; float64 is a float.
        if type(other) not in (int, float, bool) and not isinstance(other, Number):
            return NotImplemented
        other_kind = other.kind if isinstance(other, Number) else type(other)
        is_float = symbol == "/" or float in (self.kind, other_kind)
        operands = (other, self) if swapped else (self, other)
        return Number(symbol, operands, float if is_float else int)

    return apply


def _comparison(symbol: str) -> Callable[[Number, Any], Any]:
    def compare(self: Number, other: Any) -> Any:
        if type(other) not in (int, float, bool) and not isinstance(other, Number):
            return NotImplemented
        raise RecordingError(f"{symbol}: found the number {self}, {_UNKNOWN}")

    return compare


for _symbol, (_name, _) in _FUNCTIONS.items():
    setattr(Number, f"__{_name}__", _operator(_symbol, False))
    setattr(Number, f"__r{_name}__", _operator(_symbol, True))
for _name, _symbol in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")):
    setattr(Number, f"__{_name}__", _comparison(_symbol))


class Size(Number):
    """The size of an open axis, or of one made of it: ``factor * m + offset``, m being 1 or more.

    It is equal to what it is equal to for every m, and is more or less than another size where all
    m give one answer; else that is refused.

    Parameters
    ----------
    factor : int
        From 1 on.
    offset : int
    """

    __slots__ = ("factor", "offset")

    def __init__(self, factor: int = 1, offset: int = 0) -> None:
        self.factor, self.offset = factor, offset
        operands: Any = ()
        if offset:
            operands = (Size(factor), abs(offset))
        elif factor != 1:
            operands = (factor, Size())
        super().__init__(
            BATCH if not operands else "*" if not offset else "+" if offset > 0 else "-",
            operands,
            int,
        )

    @property
    def least(self) -> int:
        """Its value where m is 1."""
        return self.factor + self.offset

    def __hash__(self) -> int:
        return hash((self.factor, self.offset))

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Size):
            return Size(self.factor + other.factor, self.offset + other.offset)
        if type(other) is int:
            return Size(self.factor, self.offset + other)
        return super().__add__(other)  # type: ignore[misc]

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if type(other) is int:
            return self + -other
        if isinstance(other, Size) and other.factor <= self.factor:
            factor, offset = self.factor - other.factor, self.offset - other.offset
            return Size(factor, offset) if factor else offset
        return super().__sub__(other)  # type: ignore[misc]

    def __mul__(self, other: Any) -> Any:
        if type(other) is int and other > 0:
            return Size(self.factor * other, self.offset * other)
        return super().__mul__(other)  # type: ignore[misc]

    __rmul__ = __mul__

    def __bool__(self) -> bool:
        return _difference(self, 0)[0] > 0 or super().__bool__()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, int | Size):
            return NotImplemented
        return _difference(self, other) == (0, 0)

    def __ne__(self, other: object) -> bool:
        return not self == other if isinstance(other, int | Size) else NotImplemented


def _difference(size: Size, other: Any) -> tuple[float, float]:
    """Return the least and the largest that a size may be more than another."""
    factor = size.factor - getattr(other, "factor", 0)
    offset = size.offset - (other.offset if isinstance(other, Size) else other)
    ends = (factor + offset, factor * float("inf") if factor else offset)
    return min(ends), max(ends)


def _undecided(symbol: str, size: Size, other: Any) -> str:
    return (
        f"{symbol}: found an axis of {size} beside {other}, and whether that holds depends on m, "
        "expected an answer for every m; record the function with an axis of a known size"
    )


def _ordering(symbol: str, name: str) -> Callable[[Size, Any], Any]:
    holds = getattr(operator, name)

    def compare(self: Size, other: Any) -> Any:
        if not isinstance(other, int | Size):
            return NotImplemented
        answers = {bool(holds(end, 0)) for end in _difference(self, other)}
        if len(answers) == 1:
            return answers.pop()
        raise RecordingError(_undecided(symbol, self, other))

    return compare


for _name, _symbol in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")):
    setattr(Size, f"__{_name}__", _ordering(_symbol, _name))


def evaluated(x: Any, known: Mapping[str, Any]) -> Any:
    """Return a value in which numbers are worked out, also those within tuples and slices.

    Parameters
    ----------
    x : object
    known : mapping of str to number
    """
    if isinstance(x, Number):
        return x.evaluate(known)
    if isinstance(x, tuple):
        return tuple(evaluated(part, known) for part in x)
    if isinstance(x, slice):
        return slice(*(evaluated(part, known) for part in (x.start, x.stop, x.step)))
    return x
