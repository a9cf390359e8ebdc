"""The array functions that are called, against those of the CuPy that is installed.

For where there is no GPU: CuPy loads without a driver, and then says what its functions take,
though it computes nothing.
"""

import inspect
from importlib import import_module
from types import ModuleType

import pytest

from tests import array_calls


@pytest.fixture(scope="module")
def xp() -> ModuleType:
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: nox -s cupy_contract")
    if cupy.__version__ == "0.stand-in":
        pytest.skip("the stand-in for CuPy takes whatever NumPy takes")
    return import_module("array_api_compat.cupy")


def problem(function: object, n_arguments: int, keywords: list[str]) -> str | None:
    """Return why a function does not take these arguments, or None where it does."""
    if not callable(function):
        return "it is no function"
    if hasattr(function, "nin") and hasattr(function, "nout"):  # one of CuPy's element by element
        if not function.nin <= n_arguments <= function.nin + function.nout:
            return f"it takes {function.nin} arguments"
        known = {"out", "dtype", "casting", "where"}  # cupy/_core/_kernel.pyx, ufunc.__call__
        return f"it has no {set(keywords) - known}" if set(keywords) - known else None
    try:
        inspect.signature(function).bind(*[None] * n_arguments, **dict.fromkeys(keywords))
    except TypeError as error:
        return str(error)
    return None


@pytest.mark.parametrize("form", sorted(array_calls.listed()))
def test_cupy_has_the_function_with_these_arguments(xp, form):
    name, n_arguments, keywords = array_calls.parse(form)
    function = getattr(xp, name, None)
    assert function is not None, "it has no such function"
    assert problem(function, n_arguments, keywords) is None


def test_what_cupy_has_not_is_noticed(xp):
    assert "no function" in problem(None, 1, [])
    assert "2 arguments" in problem(xp.maximum, 1, [])
    assert "axis" in problem(xp.exp, 1, ["axis"])
    assert "keyword" in problem(xp.sum, 1, ["axes"])
    assert "positional" in problem(xp.sum, 9, [])


@pytest.mark.parametrize(
    "attribute", ["T", "mT", "device", "dtype", "ndim", "shape", "size", "get"]
)
def test_arrays_of_cupys_have_what_is_asked_of_arrays(xp, attribute):
    assert hasattr(import_module("cupy").ndarray, attribute)


def test_calls_are_written_and_read_as_forms():
    for name, n_arguments, keywords in (
        ("sum", 1, ["axis", "keepdims"]),
        ("abs", 1, []),
        ("f", 0, []),
    ):
        form = array_calls.form(name, n_arguments, keywords)
        assert array_calls.parse(form) == (name, n_arguments, keywords)
    assert array_calls.form("sum", 1, ["keepdims", "axis"]) == "sum(_, axis=, keepdims=)"


def test_calls_are_recorded_and_functions_put_back():
    strict = pytest.importorskip("array_api_strict")
    before = strict.sum
    with array_calls.recorded(strict) as found:
        x = strict.ones((2, 3))
        strict.sum(x, axis=0)
        strict.sum(x, axis=1)
    assert found == {"ones(_)", "sum(_, axis=)"}
    assert strict.sum is before
