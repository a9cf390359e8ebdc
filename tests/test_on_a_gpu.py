"""The program that is run where there is a GPU: what it says, and what it does, without one."""

import os
import sys
import time

import pytest

from benchmarks import gpu, on_a_gpu
from dnn_xp import backends

pytestmark = pytest.mark.once


@pytest.fixture
def surroundings():
    return on_a_gpu.environment(None)


def test_what_is_missing_is_said_with_what_that_means(monkeypatch, surroundings):
    monkeypatch.setattr(on_a_gpu, "_is_installed", lambda module: module == "numpy")
    lines = on_a_gpu.describe(surroundings)
    assert "cupy: missing; without it CuPy is neither tested nor measured" in lines
    assert "hypothesis: missing; without it there are no tests" in lines
    assert any(line.startswith("numpy ") for line in lines)


def test_a_wheel_is_brought_along_where_its_package_is_not_installed(monkeypatch, tmp_path):
    for name in ("array_api_compat-1.0-py3-none-any.whl", "numpy-1.0-py3-none-any.whl"):
        (tmp_path / name).touch()
    monkeypatch.setattr(on_a_gpu, "_is_installed", lambda module: module == "numpy")
    surroundings = on_a_gpu.environment(tmp_path)
    path = surroundings["PYTHONPATH"].split(os.pathsep)
    assert [one.rpartition("/")[2] for one in path[1:]] == ["array_api_compat-1.0-py3-none-any.whl"]
    assert "array_api_compat: brought along" in on_a_gpu.describe(surroundings)


def test_without_a_gpu_one_library_is_tried_on_the_processor(capsys, surroundings, monkeypatch):
    monkeypatch.setitem(surroundings, "CUDA_VISIBLE_DEVICES", "")
    names, on_gpu = on_a_gpu.find_libraries(surroundings)
    assert names in (["torch"], ["numpy"])
    assert not on_gpu
    assert "no library computes on a GPU here" in capsys.readouterr().out


def test_a_program_that_takes_too_long_is_stopped(tmp_path, surroundings, capsys):
    begin = time.monotonic()
    command = [sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(60)"]
    assert on_a_gpu.run(command, surroundings, 2.0, tmp_path / "log.txt") is None
    assert time.monotonic() - begin < 30.0
    assert "begun\nstopped after 2 s" in capsys.readouterr().out
    assert (
        on_a_gpu.run(
            [sys.executable, "-c", "raise SystemExit(3)"], surroundings, 9.0, tmp_path / "2"
        )
        == 3
    )


def test_a_program_that_takes_no_notice_is_killed(tmp_path, surroundings):
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    begin = time.monotonic()
    assert on_a_gpu.run([sys.executable, "-c", deaf], surroundings, 2.0, tmp_path / "log") is None
    assert time.monotonic() - begin < 40.0


def test_a_checkout_whose_folder_has_the_name_of_a_package_brings_none(monkeypatch):
    monkeypatch.setattr(on_a_gpu, "_is_installed", lambda module: False)
    lines = on_a_gpu.describe({"PYTHONPATH": "/home/torch/jax"})
    assert any(line.startswith("torch: missing") for line in lines)


def test_where_no_program_runs_nothing_is_measured(monkeypatch, capsys):
    def fail(job):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(gpu, "contestants", lambda device: iter([("dnn_xp on NumPy", fail)]))
    assert gpu.measure("cpu", [8], 60.0, 1) == {}
    assert "width 8: RuntimeError: no compiler" in capsys.readouterr().out


def test_a_library_without_a_gpu_is_left_out_with_its_reason(capsys, monkeypatch):
    def refuse(name, device=None):
        raise backends.DeviceNotFoundError(f"{name} has no {device}")

    monkeypatch.setattr(backends, "open_backend", refuse)
    assert gpu.measure("cuda", [64], 1.0, 1) == {}
    said = capsys.readouterr().out
    assert "left out: dnn_xp on CuPy: cupy has no cuda:0" in said
    assert "left out: JAX, jit of grad: jax has no gpu" in said


def test_programs_take_turns_and_reach_the_same_cost(monkeypatch):
    """Ours on NumPy here: the benchmark compares the costs of the programs itself."""
    numpy = backends.open_backend("numpy")
    makers = [
        ("dnn_xp on NumPy", lambda job: gpu.with_dnn_xp(job, numpy)),
        ("other", "is not here"),
    ]
    monkeypatch.setattr(gpu, "contestants", lambda device: iter(makers))
    results = gpu.measure("cpu", [8, 16], 60.0, 2)
    assert list(results) == ["width 8", "width 16"]
    assert all(len(one["dnn_xp on NumPy"]) == 2 for one in results.values())
    assert gpu.measure("cpu", [8], 0.0, 1) == {}, "no time is left"
