"""Start the processes of a group on this machine, and hear what each of them says."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
# A thread for each process: there may be more of them than cores.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


class Ended(NamedTuple):
    """How a job ended.

    Attributes
    ----------
    codes : list of int
        Of each process; of the launcher alone, where it starts them.
    said : list of dict
        What processes said of what they found.
    out, err : str
    seconds : float
    """

    codes: list
    said: list
    out: str
    err: str
    seconds: float

    def of(self, rank):
        return [one for one in self.said if one["rank"] == rank]


def heard(out):
    """Return what processes said; a launcher mixes their lines."""
    decode, found = json.JSONDecoder().raw_decode, []
    for place in re.finditer(r'{"rank": ', out):
        with suppress(json.JSONDecodeError):  # not all of it is here yet
            found.append(decode(out, place.start())[0])
    return found


def mpiexec():
    """Return the launcher that stands beside this Python, or else the system's."""
    return shutil.which(
        "mpiexec", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    )


class Job:
    """A job under way: the processes of a group, or the launcher that starts them.

    Parameters
    ----------
    engine : str
        As the worker knows it.
    size : int
    words : sequence of str
        Of each process: a task of the worker, and its arguments.
    """

    def __init__(self, engine, size, *words):
        command = [sys.executable, "-m", "tests.distributed.worker", engine, *map(str, words)]
        self.begun = time.monotonic()
        if engine == "mpi":
            self.processes = [_start([mpiexec(), "-n", str(size), *command], {})]
            return
        joined = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_port())}
        self.processes = [_start(command, joined | {"RANK": str(rank)}) for rank in range(size)]

    def wait(self, seconds=60.0):
        """Return how it ended; a job that does not end by itself is ended, and an error."""
        outs, errs = [], []
        try:
            for process in self.processes:
                left = seconds - (time.monotonic() - self.begun)
                out, err = process.communicate(timeout=max(0.1, left))
                outs.append(out)
                errs.append(err)
        finally:
            took = time.monotonic() - self.begun
            self.end()
        said = [found for out in outs for found in heard(out)]
        codes = [process.returncode for process in self.processes]
        return Ended(codes, said, "".join(outs), "".join(errs), took)

    def end(self):
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def run_job(engine, size, *words, seconds=60.0):
    return Job(engine, size, *words).wait(seconds)


def run_command(*command, seconds=90.0, folder=None):
    """Return how a command ended, which may start others."""
    process = _start([*map(str, command)], {}, folder)
    begun = time.monotonic()
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return Ended([process.returncode], [], out, err, time.monotonic() - begun)


def _start(command, variables, folder=None):
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | variables,
        cwd=folder or ROOT,
        start_new_session=True,  # so that all of it can be ended
    )


def _port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
