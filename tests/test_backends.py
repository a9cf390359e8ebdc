"""Choosing a library, moving arrays and compiling steps."""

import sys
from typing import NamedTuple

import numpy as np
import pytest

from dnn_xp import backends
from tests.helpers import assert_close, assert_values


@pytest.fixture
def fresh(monkeypatch):
    """Undo the choice of a backend, and what the environment says of it."""
    monkeypatch.setattr(backends, "_current", None)
    monkeypatch.delenv("DNN_XP_BACKEND", raising=False)
    monkeypatch.delenv("DNN_XP_DEVICE", raising=False)
    return monkeypatch


@pytest.fixture
def without_cupy(monkeypatch):
    monkeypatch.setattr(backends, "_cupy_problem", lambda: "no device in this test")


# ----------------------------------------------------------------------------- choosing


def test_environment_chooses_at_first_need(fresh, library):
    fresh.setattr(backends, "_current", None)  # the fixture `library` has chosen
    fresh.setenv("DNN_XP_BACKEND", library.backend)
    fresh.setenv("DNN_XP_DEVICE", library.device or "")
    assert backends.current_backend().name == library.backend
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
    monkeypatch.setattr(backends, "import_module", lambda name: np)  # as if it were installed
    with pytest.raises(backends.DeviceNotFoundError, match=r"cupy.*no device in this test"):
        backends.open_backend("cupy")


def test_errors_are_of_the_kinds_that_callers_expect():
    assert issubclass(backends.UnknownBackendError, ValueError)
    assert issubclass(backends.BackendNotInstalledError, ImportError)
    assert issubclass(backends.DeviceNotFoundError, RuntimeError)


# ----------------------------------------------------------------------------- moving


@pytest.mark.parametrize("host_dtype", ["float32", "float64", "int32", "int64", "bool", "uint8"])
def test_there_and_back(xp, device, host_dtype):
    host = np.arange(6).reshape(2, 3).astype(host_dtype)
    moved = backends.from_host(host)
    assert backends.namespace(moved) is xp
    assert backends.device(moved) == device
    assert moved.dtype == getattr(xp, host_dtype)
    back = backends.to_host(moved)
    assert type(back) is np.ndarray
    assert back.dtype == host.dtype
    np.testing.assert_array_equal(back, host)


@pytest.mark.parametrize(
    "host",
    [
        np.arange(12.0).reshape(3, 4)[:, ::-1],  # negative strides
        np.arange(12.0).reshape(3, 4).T,
        np.broadcast_to(np.float64(1.5), (2, 3)),  # read-only, strides of zero
        np.float64(0.5),
        np.zeros((3, 0)),
    ],
)
def test_any_memory_order_moves(xp, host):
    assert_values(backends.from_host(host), host)


def test_from_host_casts_and_copies(xp):
    host = np.zeros(4)
    moved = backends.from_host(host, dtype="float32")
    assert moved.dtype == xp.float32
    unchanged = backends.from_host(host)
    host[...] = 1.0
    assert_values(unchanged, np.zeros(4))


def test_from_host_to_a_backend_that_is_not_the_current_one(xp):
    numpy = backends.open_backend("numpy")
    assert isinstance(backends.from_host([1.0], backend=numpy), np.ndarray)


@pytest.mark.parametrize("value", [[[1, 0], [0, 1]], np.eye(2), np.eye(2, dtype="bool")])
def test_bring_follows_the_other_array(array, dtype, value):
    like = array([[0.5, 0.5]], dtype)
    assert_close(backends.bring(value, like=like), array(np.eye(2), dtype))


def test_bring_a_number(array, dtype):
    assert_close(backends.bring(2, like=array([[0.5]], dtype)), array(2.0, dtype))


def test_bring_keeps_what_is_there(array, dtype):
    there = array([1.0, 2.0], dtype)
    assert_close(backends.bring(there, like=array([0.5], dtype)), there)


def test_bring_to_another_dtype(array, xp):
    brought = backends.bring([1, 2], like=array([0.5]), dtype=xp.int32)
    assert_close(brought, array([1, 2], "int32"))


def test_bring_from_and_to_numpy(array, dtype):
    there, here = array([1.0, 2.0], dtype), np.asarray([1.0, 2.0])
    assert_close(backends.bring(there, like=here), here)
    assert_close(backends.bring(here, like=there), there)


def test_bring_between_devices():
    strict = pytest.importorskip("array_api_strict")
    here = strict.asarray([1.0], device=strict.Device("device1"))
    there = strict.asarray([1.0])
    assert_close(backends.bring(here, like=there), there)
    assert_close(backends.bring(there, like=here), here)


def test_torch_array_with_a_gradient_or_a_conjugate_moves():
    torch = pytest.importorskip("torch")
    assert_values(torch.ones(2, requires_grad=True), [1.0, 1.0])
    conjugate = torch.tensor([1 + 2j]).conj()
    np.testing.assert_array_equal(backends.to_host(conjugate), [1 - 2j])


def test_jax_refuses_float64_that_would_be_float32():
    jax = pytest.importorskip("jax")
    backend = backends.open_backend("jax")
    with jax.enable_x64(False):
        like = backends.from_host([1.0], dtype="float32", backend=backend)
        assert_values(like, [1.0])
        for make in (
            lambda: backends.from_host([1.0], dtype="float64", backend=backend),
            lambda: backends.bring(np.ones(2), like=like, dtype=jax.numpy.float64),
            lambda: backends.bring(np.ones(2), like=like, dtype=np.dtype("float64")),
        ):
            with pytest.raises(backends.BackendError, match="JAX_ENABLE_X64"):
                make()
        # Nothing is lost where float32 is what the other array has.
        assert_values(backends.bring(np.ones(2), like=like), [1.0, 1.0])


def test_double_precision_computes_in_float64(library):
    backend = backends.current_backend()
    with backends.double_precision(backend):
        third = backends.from_host(1.0, dtype="float64") / 3.0
        assert float(backends.to_host(third)) == 1.0 / 3.0


def test_double_precision_turns_x64_on_for_jax_alone():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(False):
        with backends.double_precision(backends.open_backend("numpy")):
            assert not jax.config.jax_enable_x64
        with backends.double_precision(backends.open_backend("jax")):
            assert jax.config.jax_enable_x64
        assert not jax.config.jax_enable_x64


@pytest.mark.parametrize("indices", [[2, 0], [6, 6, 1], list(range(7))])
def test_take_examples_takes_columns(array, indices):
    host = np.arange(21.0).reshape(3, 7)
    taken = backends.take_examples(array(host), array(indices))
    assert_values(taken, host[:, indices])


def test_by_example_takes_the_same_examples(array, library):
    host = np.arange(21.0).reshape(3, 7)
    X, indices = array(host), array([2, 0])
    brought = backends.by_example(X)
    assert tuple(brought.shape) == (3, 7)
    assert_close(backends.take_examples(brought, indices), backends.take_examples(X, indices))
    assert (brought is X) is (library.backend != "jax"), "a copy where there are no strides"


def test_by_example_can_be_compiled(array):
    X = array(np.arange(21.0).reshape(3, 7))
    compiled = backends.compile_step(lambda _, X, i: backends.take_examples(X, i), None, like=X)
    assert_values(compiled(backends.by_example(X), array([6, 1])), [[6, 1], [13, 8], [20, 15]])


def test_set_at_puts_values_into_a_slice(array, dtype):
    x = array(np.arange(5.0), dtype)
    changed = backends.set_at(x, slice(1, 3), array([7.0, 8.0], dtype))
    assert_close(changed, array([0.0, 7.0, 8.0, 3.0, 4.0], dtype))


def test_set_at_can_be_compiled(array):
    def put(length, x, values):
        return backends.set_at(x, slice(length, None), values)

    x = array(np.arange(5.0))
    compiled = backends.compile_step(put, 2, like=x)
    assert_values(compiled(x, array([7.0, 8.0, 9.0])), [0.0, 1.0, 7.0, 8.0, 9.0])


def test_set_at_leaves_a_read_only_array_alone():
    x = np.zeros(3)
    x.flags.writeable = False
    assert_values(backends.set_at(x, slice(2), np.ones(2)), [1.0, 1.0, 0.0])
    assert_values(x, np.zeros(3))


# ----------------------------------------------------------------------------- running


class Pair(NamedTuple):
    """A state of two arrays, as optimizers have it."""

    total: object
    last: object


def step(scale, state, x):
    return Pair(state.total + scale * x, x)


def test_compiled_step_computes_the_same(array):
    x = array([[1.0, 2.0, 3.0, 4.0]])
    compiled = backends.compile_step(step, 2.0, like=x)
    state = Pair(array([[0.0, 0.0, 0.0, 0.0]]), x)
    for _ in range(3):
        state = compiled(state, x)
    assert isinstance(state, Pair)
    assert_close(state.total, array([[6.0, 12.0, 18.0, 24.0]]))
    assert_close(state.last, x)


def test_jax_step_compiles_once_for_constants_and_shapes():
    jax = pytest.importorskip("jax")
    traced = []

    def counted(scale, x):
        traced.append(scale)
        return scale * x

    x = jax.numpy.ones((2, 3))
    for scale in (2.0, 2.0, 3.0):
        backends.compile_step(counted, scale, like=x)(x)
    assert traced == [2.0, 3.0]


def test_jax_step_may_use_donated_memory():
    jax = pytest.importorskip("jax")
    x = jax.numpy.ones((256, 256))
    donated = backends.compile_step(lambda one, x: x + one, 1.0, like=x, donate=(0,))
    assert_values(donated(x), np.full((256, 256), 2.0))
    assert x.is_deleted()


def test_dask_graph_does_not_grow():
    da = pytest.importorskip("dask.array")
    x = da.ones((2, 6), chunks=(2, 3))
    compiled = backends.compile_step(step, 2.0, like=x)
    state, sizes = Pair(x, x), set()
    for _ in range(3):
        state = compiled(state, x)
        sizes.add(len(state.total.__dask_graph__()))
    assert sizes == {2}  # one finished chunk each


@pytest.mark.parametrize("length", [1, 65_536, 65_537, 200_000])
def test_cache_blocks_cover_a_vector_once_and_in_order(array, length):
    x = array(np.zeros(length), "float32")
    host = np.arange(length)
    blocks = backends.cache_blocks(x)
    np.testing.assert_array_equal(np.concatenate([host[block] for block in blocks]), host)
    assert backends.namespace(x).concat([x[block] for block in blocks]).shape == (length,)


def test_long_vectors_on_the_host_are_cut():
    assert len(backends.cache_blocks(np.zeros(200_000))) > 1


# ----------------------------------------------------------------------------- reporting


def test_probe_reports_each_backend_once():
    reports = backends.probe_backends()
    assert tuple(report.name for report in reports) == backends.BACKENDS
    assert all(report.problem or report.devices for report in reports)


def test_probe_says_what_the_library_is(library):
    (report,) = (one for one in backends.probe_backends() if one.name == library.backend)
    assert report.problem is None
    assert report.version[0].isdigit()
    assert report.standard >= "2024.12"
    assert report.default_dtype in ("float32", "float64")
    made = backends.current_backend().xp.zeros(1)
    assert str(made.dtype).endswith(report.default_dtype)


def test_probe_says_why_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "array_api_compat.dask.array", None)
    (report,) = (one for one in backends.probe_backends() if one.name == "dask")
    assert "not installed" in report.problem


def test_require_returns_the_module_or_names_the_extra(monkeypatch):
    assert backends.require("numpy", extra="app") is np
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"matplotlib is needed.*pip install 'dnn-xp\[app\]'"):
        backends.require("matplotlib", extra="app")


def test_sums_of_rows_and_columns(array, dtype, xp):
    """Of whole numbers, so that every order of summation gives the same."""
    host = np.arange(-5.0, 7.0).reshape(3, 4)
    x = array(host, dtype)
    rows, columns = backends.row_sums(x), backends.column_sums(x)
    assert rows.dtype == columns.dtype == x.dtype
    assert_values(rows, host.sum(axis=1, keepdims=True), rtol=0)
    assert_values(columns, host.sum(axis=0), rtol=0)
    assert_values(backends.column_sums(columns), host.sum(), rtol=0)
    if backends.has_views(x):
        out = xp.zeros_like(rows)
        assert backends.row_sums(x, out=out) is out
        assert_close(out, rows, rtol=0)


def test_an_empty_array_names_a_place(library, xp, device):
    for found in (
        backends.empty_array(library.backend, library.device),
        backends.empty_array(xp, device),
    ):
        assert backends.namespace(found) is xp
        assert found.shape == (0,)
        assert backends.device(found) == device
