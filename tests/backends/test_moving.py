"""Moving arrays between libraries, devices and dtypes."""

import numpy as np
import pytest

from dnn_xp import backends
from tests.helpers import assert_close, assert_values


@pytest.mark.parametrize("host_dtype", ["float32", "float64", "int32", "int64", "bool", "uint8"])
def test_moving_there_and_back(xp, device, host_dtype):
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
    assert_close(backends.asarray_like(value, like=like), array(np.eye(2), dtype))


def test_bring_a_number(array, dtype):
    assert_close(backends.asarray_like(2, like=array([[0.5]], dtype)), array(2.0, dtype))


def test_bring_keeps_what_is_there(array, dtype):
    there = array([1.0, 2.0], dtype)
    assert_close(backends.asarray_like(there, like=array([0.5], dtype)), there)


def test_bring_to_another_dtype(array, xp):
    brought = backends.asarray_like([1, 2], like=array([0.5]), dtype=xp.int32)
    assert_close(brought, array([1, 2], "int32"))


def test_bring_from_and_to_numpy(array, dtype):
    there, here = array([1.0, 2.0], dtype), np.asarray([1.0, 2.0])
    assert_close(backends.asarray_like(there, like=here), here)
    assert_close(backends.asarray_like(here, like=there), there)


def test_bring_between_devices():
    strict = pytest.importorskip("array_api_strict")
    here = strict.asarray([1.0], device=strict.Device("device1"))
    there = strict.asarray([1.0])
    assert_close(backends.asarray_like(here, like=there), there)
    assert_close(backends.asarray_like(there, like=here), here)


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
            lambda: backends.asarray_like(np.ones(2), like=like, dtype=jax.numpy.float64),
            lambda: backends.asarray_like(np.ones(2), like=like, dtype=np.dtype("float64")),
        ):
            with pytest.raises(backends.BackendError, match="JAX_ENABLE_X64"):
                make()
        # Nothing is lost where float32 is what the other array has.
        assert_values(backends.asarray_like(np.ones(2), like=like), [1.0, 1.0])


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


def test_an_empty_array_names_a_place(library, xp, device):
    for found in (
        backends.empty_array(library.backend, library.device),
        backends.empty_array(xp, device),
    ):
        assert backends.namespace(found) is xp
        assert found.shape == (0,)
        assert backends.device(found) == device


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
def test_the_kind_of_a_dtype_is_that_of_the_standard(array, xp, dtype):
    x = array([0, 1], dtype=dtype)
    for kind in ("bool", "integral", "real floating", ("bool", "real floating")):
        assert backends.is_of_kind(x, kind) == xp.isdtype(x.dtype, kind)


def test_arrays_of_several_libraries_have_no_namespace(xp, array):
    assert backends.namespace(array([1.0]), array([2.0])) is xp
    strict = pytest.importorskip("array_api_strict")
    if not backends.namespace(array([1.0])).__name__.startswith("array_api_strict"):
        with pytest.raises(TypeError):
            backends.namespace(array([1.0]), strict.asarray([1.0]))
    with pytest.raises(TypeError):
        backends.namespace()
    with pytest.raises(TypeError):
        backends.namespace([1.0])
