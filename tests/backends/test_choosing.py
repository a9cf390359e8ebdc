"""Choosing a library: at first need, by a call, and three ways to fail."""

import asyncio
import itertools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context

import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.backends import choosing


@pytest.fixture
def fresh(monkeypatch):
    """Undo the choice of a backend, and what the environment says of it."""
    monkeypatch.setattr(choosing, "_of_process", None)
    monkeypatch.delenv("DNN_XP_BACKEND", raising=False)
    monkeypatch.delenv("DNN_XP_DEVICE", raising=False)
    of_context, blocks = choosing._of_context.set(None), choosing._blocks.set(())
    yield monkeypatch
    choosing._blocks.reset(blocks)
    choosing._of_context.reset(of_context)


@pytest.fixture
def without_cupy(monkeypatch):
    monkeypatch.setattr(choosing, "_cupy_problem", lambda: "no device in this test")


def test_environment_chooses_at_first_need(fresh, library):
    choosing._of_context.set(None)  # the fixture `library` has chosen
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


# ----------------------------------------------------------------------------- threads and tasks


@pytest.fixture
def main(fresh):
    """Return what the main thread has chosen."""
    backends.use_backend("numpy")
    return backends.current_backend()


def other():
    """Return a backend that is not the main thread's: equal backends would show nothing."""
    return backends.open_backend("numpy", "cpu")


def in_a_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(10)


def test_threads_have_a_backend_each_while_their_blocks_overlap(main):
    """Each in its block while the other enters and leaves its own."""
    turn, wrong = threading.Barrier(2, timeout=10), []

    def work(device):
        for _ in range(50):
            turn.wait()
            with backends.use_backend("numpy", device) as mine:
                turn.wait()
                wrong.append(backends.current_backend() is not mine)
            wrong.append(backends.current_backend() is not main)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, ("cpu", None)))
    assert len(wrong) == 200
    assert not any(wrong)
    assert backends.current_backend() is main


def test_tasks_have_a_backend_each_by_a_block_and_by_a_call(main):
    async def work(device, block):
        mine = backends.use_backend("numpy", device)
        for _ in range(5):
            await asyncio.sleep(0)
            assert backends.current_backend().device == device
        if block:
            with mine:
                await asyncio.sleep(0)
                assert backends.current_backend().device == device
        return backends.current_backend()

    async def all_of_them():
        works = [work(device, block) for device in ("cpu", None) for block in (False, True)]
        return await asyncio.gather(*works)

    found = asyncio.run(all_of_them())
    assert [one.device for one in found] == ["cpu", None, None, None]
    assert backends.current_backend() is main


def test_a_call_in_a_thread_is_for_that_thread(main):
    def call():
        backends.use_backend("numpy", "cpu")
        return backends.current_backend()

    assert in_a_thread(call) == other()
    assert backends.current_backend() is main
    assert in_a_thread(backends.current_backend) is main


def test_a_new_thread_starts_with_the_choice_of_the_process(main):
    assert in_a_thread(backends.current_backend) is main
    with backends.use_backend("numpy", "cpu"):
        assert in_a_thread(backends.current_backend) is main, "a block is of one thread"
        backends.use_backend("numpy", "cpu")
        assert in_a_thread(backends.current_backend) is main, "so is a call in a block"
    backends.use_backend("numpy", "cpu")
    assert in_a_thread(backends.current_backend) == other()


def test_a_thread_stays_with_the_choice_that_it_started_with(main):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(backends.current_backend).result(10) is main
        backends.use_backend("numpy", "cpu")
        assert pool.submit(backends.current_backend).result(10) is main


def test_the_environment_chooses_for_a_thread_that_asks_first(fresh):
    fresh.setenv("DNN_XP_BACKEND", "numpy")
    fresh.setenv("DNN_XP_DEVICE", "cpu")
    assert in_a_thread(backends.current_backend) is backends.current_backend()


def test_a_call_in_one_cell_of_a_notebook_holds_in_the_next(main):
    """Some kernels run each cell in a context of its own."""
    Context().run(backends.use_backend, "numpy", "cpu")
    assert Context().run(backends.current_backend) == other()


def test_a_thread_that_takes_a_context_along_takes_the_backend_along(main):
    async def work():
        with backends.use_backend("numpy", "cpu") as mine:
            return await asyncio.to_thread(backends.current_backend) is mine

    assert asyncio.run(work())


def test_a_choice_can_be_entered_more_than_once(main):
    chosen = backends.use_backend("numpy", "cpu")
    for _ in range(2):
        with chosen as inside:
            assert backends.current_backend() is inside
        assert backends.current_backend() is main
    assert in_a_thread(backends.current_backend) is main


def test_a_choice_can_be_entered_inside_its_own_block(main):
    chosen = backends.use_backend("numpy", "cpu")
    with chosen as inside:
        with chosen, backends.use_backend("numpy"), chosen:
            assert backends.current_backend() is inside
        assert backends.current_backend() is inside
    assert backends.current_backend() is main


def test_a_call_that_is_entered_later_puts_back_what_is_there_then(main):
    chosen = backends.use_backend("numpy", "cpu")
    backends.use_backend("numpy")
    then = backends.current_backend()
    with chosen:
        assert backends.current_backend() == other()
    assert backends.current_backend() is then
    assert in_a_thread(backends.current_backend) is then


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_blocks_that_are_left_in_any_order(main, order):
    """As an ExitStack, a generator or a fixture may leave them."""
    blocks, chosen = [], []
    for device in ("cpu", None, "cpu"):
        blocks.append(backends.use_backend("numpy", device))
        chosen.append(blocks[-1].__enter__())
    open_ones = [0, 1, 2]
    for place in order:
        blocks[place].__exit__(None, None, None)
        open_ones.remove(place)
        expected = chosen[open_ones[-1]] if open_ones else main
        assert backends.current_backend() is expected
    assert in_a_thread(backends.current_backend) is main


@pytest.mark.parametrize("entered", [None, "once", "in a thread"])
def test_the_end_of_a_block_that_has_not_begun_here(main, entered):
    block = backends.use_backend("numpy", "cpu")
    if entered == "once":
        with block:
            pass
    if entered == "in a thread":
        in_a_thread(block.__enter__)
    here = backends.current_backend()
    with pytest.raises(backends.BackendError, match="'numpy', expected it in the thread"):
        block.__exit__(None, None, None)
    assert backends.current_backend() is here


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
