"""Choosing a library: at first need, by a call, and three ways to fail."""

import sys

import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.backends import choosing


@pytest.fixture
def fresh(monkeypatch):
    """Undo the choice of a backend, and what the environment says of it."""
    monkeypatch.setattr(choosing, "_current", None)
    monkeypatch.delenv("DNN_XP_BACKEND", raising=False)
    monkeypatch.delenv("DNN_XP_DEVICE", raising=False)
    return monkeypatch


@pytest.fixture
def without_cupy(monkeypatch):
    monkeypatch.setattr(choosing, "_cupy_problem", lambda: "no device in this test")


def test_environment_chooses_at_first_need(fresh, library):
    fresh.setattr(choosing, "_current", None)  # the fixture `library` has chosen
    fresh.setenv("DNN_XP_BACKEND", library.backend)
    fresh.setenv("DNN_XP_DEVICE", library.device or "")
    assert backends.current_backend() == backends.open_backend(library.backend, library.device)
    assert backends.current_backend() is backends.current_backend()


def test_auto_is_numpy_without_a_device(fresh, without_cupy):
    assert backends.current_backend().name == "numpy"
    assert backends.open_backend("auto").name == "numpy"


def test_call_sets_and_context_restores(fresh):
    backends.use_backend("numpy")
    before = backends.current_backend()
    with backends.use_backend("numpy", "cpu") as inside:
        assert backends.current_backend() is inside
        assert inside.device == "cpu"
    assert backends.current_backend() is before


def test_context_restores_after_an_error(fresh):
    backends.use_backend("numpy")
    before = backends.current_backend()
    with pytest.raises(RuntimeError, match="inside"), backends.use_backend("numpy", "cpu"):
        raise RuntimeError("inside")
    assert backends.current_backend() is before


def test_open_backend_leaves_the_choice_alone(fresh):
    backends.use_backend("numpy")
    before = backends.current_backend()
    backends.open_backend("numpy", "cpu")
    assert backends.current_backend() is before


def test_xp_of_the_package_is_the_current_namespace(library, xp):
    import dnn_xp

    assert dnn_xp.xp is xp
    with dnn_xp.use_backend("numpy") as inside:
        assert dnn_xp.xp is inside.xp


def test_require_returns_the_module_or_names_the_extra(monkeypatch):
    assert backends.require("numpy", extra="app") is np
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"matplotlib is needed.*pip install 'dnn-xp\[app\]'"):
        backends.require("matplotlib", extra="app")


# ----------------------------------------------------------------------------- three errors


def test_unknown_name(fresh):
    backends.use_backend("numpy")
    before = backends.current_backend()
    with pytest.raises(backends.UnknownBackendError, match="'numpi', expected one of auto, numpy"):
        backends.use_backend("numpi")
    assert backends.current_backend() is before


def test_unknown_name_in_the_environment(fresh):
    fresh.setenv("DNN_XP_BACKEND", "numpi")
    with pytest.raises(backends.UnknownBackendError, match="numpi"):
        backends.current_backend()


@pytest.mark.parametrize(
    ("name", "module", "install"),
    [
        ("torch", "array_api_compat.torch", r"dnn-xp\[torch\]"),
        ("jax", "jax.numpy", r"dnn-xp\[jax\]"),
        ("dask", "array_api_compat.dask.array", r"dnn-xp\[dask\]"),
        ("cupy", "array_api_compat.cupy", r"dnn-xp\[cuda12\]"),
        ("array-api-strict", "array_api_strict", "array-api-strict"),
    ],
)
def test_library_that_is_not_installed(monkeypatch, name, module, install):
    monkeypatch.setitem(sys.modules, module, None)  # what makes an import fail
    with pytest.raises(backends.BackendNotInstalledError, match=f"{name}.*pip install '{install}"):
        backends.open_backend(name)


def test_device_that_is_not_there(library):
    with pytest.raises(backends.DeviceNotFoundError, match=r"'cuda:99', expected one of \w+"):
        backends.open_backend(library.backend, "cuda:99")


def test_cupy_without_a_device(monkeypatch, without_cupy):
    monkeypatch.setattr(choosing, "import_module", lambda name: np)  # as if it were installed
    with pytest.raises(backends.DeviceNotFoundError, match=r"cupy.*no device in this test"):
        backends.open_backend("cupy")


def test_errors_are_of_the_kinds_that_callers_expect():
    assert issubclass(backends.UnknownBackendError, ValueError)
    assert issubclass(backends.BackendNotInstalledError, ImportError)
    assert issubclass(backends.DeviceNotFoundError, RuntimeError)
