"""The calls of array functions that are made on array-api-strict, as a list that a test reads.

Each is written as a form: ``sum(_, axis=, keepdims=)`` has one argument without a name and two
with one. Every library must take them; CuPy is asked for them where there is no GPU to run on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

FILE = Path(__file__).with_name("array_calls.txt")


def listed() -> set[str]:
    """Return the forms of the list."""
    return set(FILE.read_text(encoding="utf-8").splitlines())


def add(forms: set[str]) -> None:
    """Put forms into the list."""
    FILE.write_text("".join(f"{one}\n" for one in sorted(listed() | forms)), encoding="utf-8")


def form(name: str, n_arguments: int, keywords: Any) -> str:
    """Return a call as it stands in the list."""
    return f"{name}({', '.join(['_'] * n_arguments + [f'{one}=' for one in sorted(keywords)])})"


def parse(form: str) -> tuple[str, int, list[str]]:
    """Return the name, the number of arguments without a name, and the names of the others."""
    name, _, rest = form.removesuffix(")").partition("(")
    arguments = rest.split(", ") if rest else []
    keywords = [one.removesuffix("=") for one in arguments if one != "_"]
    return name, arguments.count("_"), keywords


@contextmanager
def recorded(xp: ModuleType) -> Iterator[set[str]]:
    """Note the forms in which functions of a namespace are called inside of a block."""
    found: set[str] = set()
    functions = {
        name: function
        for name in xp.__all__
        if isinstance(function := getattr(xp, name), FunctionType)
    }

    def noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*arguments: Any, **keywords: Any) -> Any:
            found.add(form(name, len(arguments), keywords))
            return function(*arguments, **keywords)

        return call

    try:
        for name, function in functions.items():
            setattr(xp, name, noted(name, function))
        yield found
    finally:
        for name, function in functions.items():
            setattr(xp, name, function)
