"""Real processes over each engine, on this machine: the run of one, and whatever may go wrong.

``nox -s distributed`` has what they need; other sessions leave them out.
"""

import os
import signal
import sys
import time

import numpy as np
import pytest

from dnn_xp import load_checkpoint, load_model
from tests.distributed.launching import Job, heard, mpiexec, run_command, run_job

pytestmark = [pytest.mark.once, pytest.mark.distributed]

ENGINES = ("mpi", "torch", "jax")
# Seconds: to load the libraries on a busy machine, and in which a job must have ended after that.
LOADING, ENDING = 45.0, 10.0


# ----------------------------------------------------------------------------- the same as one


ALL = "sgd,momentum,adam"
JOBS = [
    *(("mpi", size, "numpy", "even,uneven,one without,file", ALL) for size in (1, 2, 3, 5)),
    ("mpi", 3, "torch", "uneven,file", ALL),
    ("mpi", 2, "jax", "uneven", "momentum,adam"),
    ("torch", 1, "numpy", "uneven", "sgd"),
    ("torch", 2, "numpy,torch", "even,uneven,file", ALL),
    ("torch", 3, "numpy,torch", "uneven,file", "momentum"),
    ("torch", 5, "numpy", "one without", "sgd"),
    ("torch", 2, "jax", "one without", "momentum"),
    ("accelerate", 2, "torch", "uneven", "momentum"),
    ("jax", 2, "jax,numpy", "uneven", "sgd,adam"),
    ("jax", 3, "numpy", "one without", "momentum"),
]


@pytest.mark.parametrize(("engine", "size", "libraries", "kinds", "optimizers"), JOBS)
def test_30_steps_are_those_of_one_process(engine, size, libraries, kinds, optimizers):
    """With dropout, weights, L2 and clipping.

    Adam divides by the root of second moments, so that in float32 it enlarges the rounding of
    small gradients: by 6e-8 on this network, by 4e-5 on one of 0.2 million parameters, and by up
    to 0.1 on one of 2.4 million.
    """
    words = ("parity", libraries, kinds, optimizers)
    job = run_job(engine, size, *words, seconds=LOADING + 90.0)
    assert set(job.codes) == {0}, job.err
    ways = 2
    for listed in words[1:]:
        ways *= len(listed.split(","))
    assert len(job.said) == size * ways
    for one in job.of(0):
        _, dtype, optimizer, _ = one["key"]
        assert {other["bits"] for other in job.said if other["key"] == one["key"]} == {one["bits"]}
        if size == 1:
            assert one["apart"] == 0.0, one
        elif dtype == "float64":
            assert one["apart"] <= 1e-12, one
        else:
            assert one["apart"] <= (1e-4 if optimizer == "adam" else 2e-6), one


@pytest.mark.parametrize(("engine", "size"), [("mpi", 3), ("torch", 2)])
def test_lbfgs_is_that_of_one_process(engine, size):
    job = run_job(engine, size, "parity_lbfgs")
    assert set(job.codes) == {0}, job.err
    assert len({one["bits"] for one in job.said}) == 1
    assert all(one["apart"] <= 1e-9 for one in job.said)


@pytest.mark.parametrize("engine", ENGINES)
def test_all_hear_what_each_says(engine):
    job = run_job(engine, 3, "texts")
    assert set(job.codes) == {0}, job.err
    assert [one["heard"] for one in job.said] == [["", "é", "éé"]] * 3


def test_processes_that_nothing_has_joined_are_refused_in_words():
    """Each would train alone, and write over the files of the others."""
    program = "from dnn_xp.backends import over_{0}; over_{0}()"
    job = run_command(sys.executable, "-c", program.format("jax"))
    assert job.err.strip().endswith("not joined: jax.distributed.initialize()")
    other = {"OMPI_COMM_WORLD_SIZE": "2"}  # of a launcher that is not that of this MPI
    job = run_command(sys.executable, "-c", program.format("mpi"), variables=other)
    assert "ValueError: group: found each of 2 processes alone, expected them together" in job.err
    job = run_command(sys.executable, "-m", "dnn_xp", *SHORT, "--no-run", variables=other)
    assert job.codes == [2]
    assert "\ndnn-xp: error: group: found each of 2 processes alone" in job.err
    job = run_command(sys.executable, "-c", program.format("torch"))
    assert "RANK expected, but not set" in job.err


# ----------------------------------------------------------------------------- one that is gone


def assert_all_failed(job):
    assert 0 not in job.codes
    assert job.seconds < LOADING + ENDING


@pytest.mark.parametrize("task", ["failing", "failing_before", "caught"])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_error_of_one_rank_ends_all_and_is_said(engine, task):
    """Also one in the user's own code, and one that the user's code catches."""
    if (engine, task) == ("torch", "caught"):  # no engine of its own to end the others: the limit
        return
    job = run_job(engine, 2, task)
    assert_all_failed(job)
    assert "OSError: the disk of rank 1 is gone" in job.err


def test_over_torch_others_find_out_at_the_latest_when_the_limit_is_over():
    """Where the program catches the error and goes on; the test's limit is 3 s, the usual 60."""
    job = run_job("torch", 2, "stuck_caught", seconds=LOADING + 30.0)
    assert job.codes[0] != 0
    assert "did not answer in 3 s" in job.err


@pytest.mark.parametrize("engine", ENGINES)
def test_of_a_killed_rank_the_others_speak_where_the_engine_lets_them(engine):
    job = run_job(engine, 2, "killed")
    assert_all_failed(job)
    if engine != "mpi":  # whose launcher ends them at once
        assert job.codes[1] == -signal.SIGKILL
        assert "GroupError: group: another process is gone" in job.err


def test_a_stuck_rank_is_an_error_over_torch():
    job = run_job("torch", 2, "stuck", 8, seconds=LOADING + 40.0)
    assert job.codes[0] != 0
    assert "did not answer in 3 s" in job.err


@pytest.mark.parametrize(("task", "number"), [("stuck", 1), ("stuck_interruptible", 2)])
def test_a_signal_does_not_wait_for_a_sum(task, number):
    """Rank 0 is within a sum to which rank 1 adds nothing: Ctrl-C ends it, the second at latest."""
    job = Job("mpi", 2, task, 60)
    try:
        pid = _said_pid(job)
        time.sleep(3.0)
        begun = time.monotonic()
        for _ in range(number):
            os.kill(pid, signal.SIGINT)
            time.sleep(0.5)
        ended = job.wait(LOADING)
        assert time.monotonic() - begun < ENDING
        assert ended.codes != [0]
        assert "KeyboardInterrupt" in ended.err
    finally:
        job.end()


def test_a_signal_does_not_wait_for_a_sum_over_torch():
    job = Job("torch", 2, "waiting", 60)
    try:
        pid = _said_pid(job)
        time.sleep(3.0)
        os.kill(pid, signal.SIGINT)
        _, err = job.processes[0].communicate(timeout=ENDING)
        assert job.processes[0].returncode != 0
        assert "KeyboardInterrupt" in err
    finally:
        job.end()
        job.processes[1].communicate()


@pytest.mark.parametrize("engine", ["mpi", "torch"])
def test_a_raw_communicator_is_made_a_group_of_once(engine):
    job = run_job(engine, 2, "raw")
    assert set(job.codes) == {0}, job.err
    assert [(one["once"], one["steps"]) for one in job.said] == [(True, 1)] * 2


def _said_pid(job):
    out = ""
    for line in job.processes[0].stdout:
        out += line
        for said in heard(out):
            if said["rank"] == 0:
                return said["pid"]
    raise AssertionError("rank 0 did not say who it is")


# ----------------------------------------------------------------------------- one that differs


@pytest.mark.parametrize(("engine", "size"), [("mpi", 2), ("mpi", 3), ("torch", 2), ("jax", 2)])
@pytest.mark.parametrize(
    ("task", "steps", "reason"),
    [
        ("stopping", 7, "rank 1: rank 1 has had enough"),
        ("interrupted", (7, 8), "rank 1: interrupted"),
    ],
)
def test_one_rank_alone_ends_the_run_for_all(engine, size, task, steps, reason):
    """By a callback after step 7; by a signal, which is heard after a step or the one after it."""
    job = run_job(engine, size, task)
    assert set(job.codes) == {0}, job.err
    assert len(job.said) == size
    assert {one["reason"] for one in job.said} == {reason}
    assert {one["steps"] for one in job.said} <= {*np.atleast_1d(steps).tolist()}
    assert len({(one["steps"], one["bits"]) for one in job.said}) == 1


DIFFERING = ["batch_size", "optimizer", "epochs", "theta", "seed", "cannot begin"]


@pytest.mark.parametrize("name", DIFFERING)
def test_ranks_that_are_told_different_things_do_not_begin(name):
    job = run_job("mpi", 2, "differing", name)
    assert_all_failed(job)
    expected = "rank 1 has failed: ValueError: seed" if name == "cannot begin" else "is not as rank"
    assert expected in job.err or f"DisagreementError: group: rank 1 {expected}" in job.err


def test_ranks_that_are_told_different_things_do_not_begin_over_torch():
    job = run_job("torch", 2, "differing", "theta")
    assert_all_failed(job)
    error = "DisagreementError: group: rank 1 is not as rank 0: theta: found another start"
    assert [one["error"].startswith(error) for one in job.said] == [True, True]


# ----------------------------------------------------------------------------- going on


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_run_goes_on_after_a_kill_over_any_number_of_ranks(size, tmp_path):
    whole = run_job("mpi", 2, "checkpointed", tmp_path / "whole", "")
    assert set(whole.codes) == {0}, whole.err
    path = tmp_path / "killed"
    assert_all_failed(run_job("mpi", 2, "checkpointed", path, "kill"))
    assert 40 <= load_checkpoint(path).steps <= 47
    rest = run_job("mpi", size, "checkpointed", path, "")
    assert set(rest.codes) == {0}, rest.err
    assert len({one["bits"] for one in rest.said}) == 1
    found, expected = load_checkpoint(path), load_checkpoint(tmp_path / "whole")
    assert (found.steps, found.epoch) == (expected.steps, expected.epoch) == (60, 10)
    np.testing.assert_allclose(found.state.theta, expected.state.theta, rtol=1e-12, atol=1e-12)
    if size == 2:
        assert rest.said[0]["bits"] == whole.said[0]["bits"]


# ----------------------------------------------------------------------------- the command line


LAUNCHERS = {
    "mpiexec": lambda: [mpiexec(), "-n", "2", sys.executable, "-m", "dnn_xp"],
    "torchrun": lambda: [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
        *("--standalone", "-m", "--", "dnn_xp"),  # it would read --run as an own option
    ],
}
SHORT = ("train", "digits", "--epochs", "3", "--layers", "16", "--dtype", "float64")


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_dnn_xp_train_is_one_run_under_a_launcher(launcher, tmp_path):
    command = LAUNCHERS[launcher]()
    shared = run_command(*command, *SHORT, "--run", "shared", folder=tmp_path)
    alone = run_command(sys.executable, "-m", "dnn_xp", *SHORT, "--run", "alone", folder=tmp_path)
    assert shared.codes == alone.codes == [0], shared.err
    lines, expected = (
        [line for line in job.out.splitlines() if line.startswith(("epoch ", "cost", "accuracy"))]
        for job in (shared, alone)
    )
    assert [line.partition(", ")[:1] for line in lines] == [
        line.partition(", ")[:1] for line in expected
    ]
    assert "float64, 2 processes" in shared.out
    models = [load_model(tmp_path / run / "model.h5") for run in ("shared", "alone")]
    np.testing.assert_allclose(models[0].theta, models[1].theta, rtol=1e-9, atol=1e-10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "shared"]


def test_dnn_xp_resumes_over_another_number_of_processes(tmp_path):
    command = LAUNCHERS["mpiexec"]()
    shared = run_command(*command, *SHORT, "--run", "run", folder=tmp_path)
    assert shared.codes == [0], shared.err
    words = ("resume", "run", "--epochs", "5")
    alone = run_command(sys.executable, "-m", "dnn_xp", *words, folder=tmp_path)
    assert alone.codes == [0], alone.err
    assert "5 of 5 in" in alone.out
    assert "3 of them before" in alone.out


def test_bad_input_is_said_once_and_ends_all_processes(tmp_path):
    command = LAUNCHERS["mpiexec"]()
    job = run_command(*command, "train", "nothing.npz", folder=tmp_path)
    assert job.codes == [2]
    assert job.err.strip() == "dnn-xp: error: nothing.npz: there is no such file"
    job = run_command(*command, "train", "--epochs", "many", folder=tmp_path)
    assert job.codes == [2]
    assert len(job.err.strip().splitlines()) == 1
    each = run_command(*command, *SHORT, "--group", "none", "--no-run", folder=tmp_path)
    assert each.codes == [0]
    assert each.out.count("epoch 1/3") == 2
