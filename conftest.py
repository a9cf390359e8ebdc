"""Fixtures that run each numeric test on every array library.

A test asks for what it needs and runs once for each library:

``library``  which one (a member of `Library`);
``xp``       its array namespace, the one that ``array_namespace`` gives for its arrays;
``device``   the device that the arrays of this test are on;
``dtype``    "float32", then "float64": only tests that ask for it run on both;
``array``    ``array(host, dtype=None)``: a list or NumPy array as an array of the library on that
             device, with the host's dtype unless one is named. Nothing is shared with the host.

While such a test runs, its library is also the current backend, so that functions which make
arrays without being handed one make them there. ``cat_data`` is the folder of the cat pictures.

A test that is marked ``once`` takes its time and depends on no library: where ``--backend`` names
the libraries to run on, it runs beside NumPy's tests only.

``--backend cupy-stand-in`` runs on an imitation of CuPy that computes with NumPy (see
``tests/cupy_stand_in``), where CuPy is not installed. Its tests are named as what they are.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import Enum
from functools import cache
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

# SciPy reads it as it loads, and scikit-learn lets arrays of other libraries through only with it.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from dnn_xp import backends
from tests import array_calls

# Hypothesis tries the same few examples in every run; the fixtures here hold nothing that changes.
settings.register_profile(
    "dnn_xp",
    deadline=None,
    derandomize=True,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("dnn_xp")


STAND_IN = "cupy-stand-in"


class Library(Enum):
    """An array library, or a variant of one, that the tests run on."""

    NUMPY = "numpy"
    NUMPY_READONLY = "numpy:read-only"  # an argument that is written to is an error
    ARRAY_API_STRICT = "array-api-strict"  # the standard and nothing else
    ARRAY_API_STRICT_DEVICE = "array-api-strict:device1"  # refuses to mix devices
    TORCH = "torch"
    TORCH_CUDA = "torch:cuda"  # where there is such a device
    JAX = "jax"
    DASK = "dask"
    CUPY = "cupy"
    CUPY_STAND_IN = "cupy:stand-in"  # refuses what CuPy refuses, and is not CuPy

    @property
    def backend(self) -> str:
        """Its name in dnn_xp."""
        return self.value.partition(":")[0]

    @property
    def option(self) -> str:
        """What ``--backend`` calls it."""
        return STAND_IN if self is Library.CUPY_STAND_IN else self.backend

    @property
    def device(self) -> str | None:
        """The name of the device that its arrays are made on; None is the default."""
        variants = {Library.ARRAY_API_STRICT_DEVICE: "device1", Library.TORCH_CUDA: "cuda"}
        return variants.get(self)


_LEFT_OUT = pytest.StashKey[set[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        action="append",
        choices=(*backends.BACKENDS, STAND_IN),
        metavar="NAME",
        help="run on this array library only (may be given more than once); it must be installed",
    )

    parser.addoption(
        "--standard",
        default="2024.12",
        choices=["2023.12", "2024.12", "2025.12"],
        help="the version of the array API standard that array-api-strict holds to",
    )
    parser.addoption(
        "--accept-array-calls",
        action="store_true",
        help="add calls of array functions that are new to tests/array_calls.txt",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "once: runs where the tests of NumPy run")
    config.addinivalue_line(
        "markers", "distributed: starts processes of its own; runs where -m distributed asks for it"
    )
    config.addinivalue_line(
        "markers", "browser: opens pages in Chromium; runs where -m browser asks for it"
    )
    config.addinivalue_line("markers", "cupy: runs on CuPy, or on the stand-in for it, alone")
    config.stash[_LEFT_OUT] = set()
    _hear_signals()
    names = config.getoption("backend") or ()
    if STAND_IN in names:
        _put_in_place_of_cupy(names)
    for name in set(names) - {STAND_IN}:
        if problem := _problem(name):
            raise pytest.UsageError(f"--backend {name}: {problem}")


def _hear_signals() -> None:
    """Hear the signals that are ignored under ``nohup``, or behind ``&``, of which tests send some.

    The processes that tests start hear them, too.
    """
    for name in ("SIGHUP", "SIGINT", "SIGTERM"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _put_in_place_of_cupy(names: Sequence[str]) -> None:
    if "cupy" in names or util.find_spec("cupy") is not None:
        raise pytest.UsageError(f"--backend {STAND_IN}: it runs where CuPy is not, and not as CuPy")
    sys.path.insert(0, str(Path(__file__).resolve().parent / "tests" / "cupy_stand_in"))


@cache
def _problem(name: str, device: str | None = None) -> str | None:
    """Return why the tests cannot run on a backend, or None where they can."""
    try:
        backends.open_backend(name, device)
    except backends.BackendError as error:
        return str(error)
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "library" in metafunc.fixturenames:
        names = metafunc.config.getoption("backend") or backends.BACKENDS
        named = [one for one in Library if one.option in names]
        chosen = [one for one in named if not _problem(one.backend, one.device)]
        metafunc.parametrize("library", chosen, indirect=True, ids=lambda one: one.value)
        known = set(names) - {STAND_IN}
        metafunc.config.stash[_LEFT_OUT].update(name for name in known if _problem(name))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests that are marked ``once`` to NumPy, and those marked ``cupy`` to CuPy.

    Those that are marked ``distributed`` or ``browser`` are left to the sessions that ask for them.
    """
    with_numpy = "numpy" in (config.getoption("backend") or backends.BACKENDS)
    asked = config.getoption("markexpr")
    unasked = [name for name in ("distributed", "browser") if name not in asked]

    def is_left(item: pytest.Item) -> bool:
        if item.get_closest_marker("once") and not with_numpy:
            return True
        if any(item.get_closest_marker(name) for name in unasked):
            return True
        library = item.callspec.params.get("library") if hasattr(item, "callspec") else None
        is_cupys = item.get_closest_marker("cupy") is not None
        return is_cupys and (library is None or library.backend != "cupy")

    config.hook.pytest_deselected(items=[item for item in items if is_left(item)])
    items[:] = [item for item in items if not is_left(item)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once, not once a test, which libraries were skipped and why."""
    for name in sorted(terminalreporter.config.stash[_LEFT_OUT]):
        terminalreporter.write_line(f"SKIPPED array library {name}: {_problem(name)}")


@pytest.fixture
def library(request: pytest.FixtureRequest) -> Iterator[Library]:
    library: Library = request.param
    with ExitStack() as stack:
        if library.backend == "array-api-strict":
            import array_api_strict

            stack.enter_context(
                array_api_strict.ArrayAPIStrictFlags(
                    api_version=request.config.getoption("standard"),
                    boolean_indexing=False,
                    data_dependent_shapes=False,
                    enabled_extensions=(),
                )
            )
            stack.enter_context(_only_listed_calls(array_api_strict, request.config))
        elif library is Library.JAX:
            import jax

            jax.config.update("jax_enable_x64", True)
        elif library is Library.DASK:
            import dask

            # One thread: the graphs are tiny, and a failure then shows its own traceback.
            stack.enter_context(dask.config.set(scheduler="synchronous"))
        stack.enter_context(backends.use_backend(library.backend, library.device))
        yield library


@contextmanager
def _only_listed_calls(xp: ModuleType, config: pytest.Config) -> Iterator[None]:
    """See that array functions are called as `tests/array_calls.txt` says."""
    with array_calls.recorded(xp) as found:
        yield
    if new := found - _listed_calls():
        if config.getoption("accept_array_calls"):
            array_calls.add(new)
            return
        raise AssertionError(
            f"array functions: found {', '.join(sorted(new))}, expected those of "
            "tests/array_calls.txt; run `pytest --backend array-api-strict --accept-array-calls`, "
            'and `nox -s "cupy_contract"`, which says whether CuPy has them'
        )


@cache
def _listed_calls() -> set[str]:
    return array_calls.listed()


@pytest.fixture
def xp(library: Library) -> ModuleType:
    return backends.current_backend().xp


@pytest.fixture
def device(library: Library, array: Callable[..., Any]) -> Any:
    return backends.device(array(0.0))


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def array(library: Library, xp: ModuleType) -> Callable[..., Any]:
    place = backends.current_backend().device  # of now: a test may choose another backend

    def make(host: Any, dtype: str | None = None) -> Any:
        host = np.array(host, dtype=dtype)  # a copy: the library may keep NumPy's memory
        if library is Library.NUMPY_READONLY:
            host.flags.writeable = False
        if library.backend == "numpy":
            return host
        if library is Library.DASK and host.ndim > 1:
            # Three blocks of columns (examples), so that no test sees a single chunk only.
            columns = max(1, math.ceil(host.shape[-1] / 3))
            # Not by `asarray`, which takes no notice of chunks.
            return xp.asarray(host).rechunk((*host.shape[:-1], columns))
        return xp.asarray(host, device=place)

    return make


@pytest.fixture(scope="session")
def cat_data() -> Path:
    reference_array = Path(__file__).resolve().parent.parent / "shared" / "data"
    folder = Path(os.environ.get("DNN_XP_CAT_DATA", reference_array))
    if not (folder / "train_catvnoncat.h5").is_file():
        pytest.skip("the cat pictures are not here: name their folder in DNN_XP_CAT_DATA")
    return folder
