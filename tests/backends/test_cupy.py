"""CuPy's devices and conversions: on CuPy where there is a GPU, else on the stand-in for it."""

import threading
from contextvars import Context
from importlib import import_module

import numpy as np
import pytest

from dnn_xp import Dense, Network, backends, lbfgs, train
from dnn_xp.backends import choosing
from tests.helpers import assert_values

pytestmark = pytest.mark.cupy


@pytest.fixture
def cupy(library):
    return import_module("cupy")


@pytest.fixture
def second(cupy):
    """Return a device that is not the current one, as a backend."""
    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("there is one device only")
    assert cupy.cuda.Device().id == 0
    return backends.open_backend("cupy", "cuda:1")


def made_on(cupy, device, host):
    with cupy.cuda.Device(device):
        return cupy.asarray(host)


def test_arrays_are_known_as_cupys(cupy, array, xp):
    x = array([1.0])
    assert isinstance(x, cupy.ndarray)
    assert backends.namespace(x) is xp
    assert xp.__name__ == "array_api_compat.cupy"


def test_auto_is_cupy_where_a_device_answers(cupy):
    assert backends.open_backend("auto").name == "cupy"


def test_a_device_that_does_not_compute_is_no_device(cupy, monkeypatch):
    """It may be there, and out of memory, or of a driver that is too old."""

    def fail(shape):
        raise RuntimeError("cudaErrorInsufficientDriver")

    monkeypatch.setattr(cupy, "zeros", fail)
    choosing._cupy_problem.cache_clear()
    try:
        with pytest.raises(backends.DeviceNotFoundError, match="cudaErrorInsufficientDriver"):
            backends.open_backend("cupy")
        assert choosing.find_devices("cupy") == {}
        assert backends.open_backend("auto").name == "numpy"
    finally:
        choosing._cupy_problem.cache_clear()


def test_without_a_device_cupy_is_refused_and_auto_is_numpy(cupy, monkeypatch):
    monkeypatch.setattr(cupy.cuda, "is_available", lambda: False)
    choosing._cupy_problem.cache_clear()
    try:
        with pytest.raises(backends.DeviceNotFoundError, match="CUDA finds no device"):
            backends.open_backend("cupy")
        assert backends.open_backend("auto").name == "numpy"
    finally:
        choosing._cupy_problem.cache_clear()


def test_devices_have_two_names_each(cupy):
    found = choosing.find_devices("cupy")
    count = cupy.cuda.runtime.getDeviceCount()
    assert found == {name: i for i in range(count) for name in (f"cuda:{i}", str(i))}


def test_arrays_come_to_the_host_as_copies(cupy, array):
    x = array([1.0, 2.0])
    host = backends.to_host(x)
    assert type(host) is np.ndarray
    host[...] = 0.0
    assert_values(x, [1.0, 2.0])


def test_slices_are_written_through(cupy, array):
    """So that steps may work in place, in one vector."""
    x = array([1.0, 2.0, 3.0])
    assert backends.has_views(x)
    view = x[1:]
    view *= 2.0
    assert_values(x, [1.0, 4.0, 6.0])


def test_moving_from_the_host_goes_to_the_device_named(cupy, second):
    moved = backends.from_host([1.0, 2.0], backend=second)
    assert moved.device.id == 1
    assert backends.from_host([1.0], backend=backends.open_backend("cupy")).device.id == 0


def test_an_empty_array_is_made_on_the_device_named(cupy, second, xp):
    assert backends.empty_array("cupy", "cuda:1").device.id == 1
    assert backends.empty_array(xp, cupy.cuda.Device(1)).device.id == 1
    assert backends.empty_array(cupy, 1).device.id == 1


@pytest.mark.parametrize("value", [[1, 2], np.asarray([1.0, 2.0]), np.asarray([1, 2], "int32"), 3])
def test_values_are_brought_beside_an_array_of_another_device(cupy, second, value):
    like = made_on(cupy, 1, np.zeros(2, "float32"))
    brought = backends.asarray_like(value, like=like)
    assert (brought.device.id, brought.dtype) == (1, like.dtype)
    assert_values(brought, np.asarray(value, "float32"))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int32"])
def test_arrays_are_brought_from_one_device_to_another(cupy, second, dtype):
    like = made_on(cupy, 1, np.zeros(2))
    brought = backends.asarray_like(cupy.asarray([1, 2], dtype=dtype), like=like)
    assert (brought.device.id, brought.dtype) == (1, like.dtype)
    assert_values(brought, [1.0, 2.0])


def test_a_compiled_step_runs_on_the_device_of_its_arrays(cupy, second):
    x = made_on(cupy, 1, np.asarray([1.0, 2.0]))
    compiled = backends.compile_step(lambda c, x: c * x + cupy.ones(2), 3.0, like=x)
    found = compiled(x)
    assert found.device.id == 1
    assert_values(found, [4.0, 7.0])
    assert cupy.cuda.Device().id == 0


def test_the_device_chosen_is_current_in_a_block_and_not_behind_it(cupy, second):
    chosen = backends.use_backend("cupy", "cuda:1")
    for _ in range(2):
        with chosen:
            assert cupy.cuda.Device().id == 1
            assert cupy.ones(1).device.id == 1
            with backends.use_backend("cupy", "cuda:0"):
                assert cupy.cuda.Device().id == 0
            assert cupy.cuda.Device().id == 1
        assert cupy.cuda.Device().id == 0
    with pytest.raises(KeyError), backends.use_backend("cupy", "1"):
        raise KeyError
    assert cupy.cuda.Device().id == 0


def test_the_device_of_the_environment_is_current_in_the_main_thread(cupy, second, monkeypatch):
    monkeypatch.setattr(choosing, "_of_process", None)
    monkeypatch.setenv("DNN_XP_BACKEND", "cupy")
    monkeypatch.setenv("DNN_XP_DEVICE", "cuda:1")
    try:
        assert Context().run(backends.current_backend).device == 1
        assert cupy.cuda.Device().id == 1
    finally:
        cupy.cuda.Device(0).use()


def test_the_device_of_the_environment_is_current_also_in_threads(cupy, second, monkeypatch):
    monkeypatch.setattr(choosing, "_of_process", None)
    monkeypatch.setenv("DNN_XP_BACKEND", "cupy")
    monkeypatch.setenv("DNN_XP_DEVICE", "cuda:1")
    found = []

    def ask():
        found.append((backends.current_backend().device, cupy.cuda.Device().id))

    try:
        for _ in range(2):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        assert found == [(1, 1), (1, 1)]
    finally:
        cupy.cuda.Device(0).use()


@pytest.mark.parametrize("how", ["steps", "batches", "L-BFGS"])
def test_all_of_a_run_is_on_the_device_chosen(cupy, second, how):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(3, 20)), (rng.random((1, 20)) > 0.5).astype(float)
    network = Network(3, (Dense(4, "tanh"), Dense(1)), "sigmoid_cross_entropy")
    with backends.use_backend("cupy", "cuda:1"):
        there = tuple(map(backends.from_host, (X, Y)))
        if how == "L-BFGS":
            pytest.importorskip("scipy")
            run = lbfgs(network, *there, max_iter=3, validation=(X, Y))
        else:
            size = 6 if how == "batches" else None
            run = train(network, *there, epochs=3, batch_size=size, validation=(X, Y))
        found = network.predict(run.theta, there[0])
        assert {run.theta.device.id, found.device.id} == {1}
    assert cupy.cuda.Device().id == 0
    if how == "L-BFGS":
        alone = lbfgs(network, X, Y, max_iter=3)
    else:
        alone = train(network, X, Y, epochs=3, batch_size=size)
    assert_values(run.theta, alone.theta, rtol=1e-9)


def test_few_calls_are_preferred(cupy, array):
    assert backends.prefers_few_calls(array([1.0]))
