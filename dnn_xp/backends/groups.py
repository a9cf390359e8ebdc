"""Groups: processes that each hold a replica, and meet once a step in the sum of one vector.

A step is the gradient of this process's part of a batch, the sum over the group, and the same
update in every process. The sum is all that an engine has to know how to do; each is a few lines.
None of them starts processes: that is for a launcher (torchrun, mpiexec, Accelerate, a scheduler).
"""

import ctypes
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import Any, NamedTuple, Protocol

import numpy as np
from array_api_compat import is_jax_array, is_torch_array

from dnn_xp.arguments import check_choice, check_number, shown
from dnn_xp.backends.choosing import require
from dnn_xp.backends.moving import Array, asarray_like, to_host

__all__ = [
    "GROUPS",
    "GROUP_NAMES",
    "TOLD",
    "DisagreementError",
    "Group",
    "GroupError",
    "as_group",
    "ends_together",
    "gather_texts",
    "launched_rank",
    "open_group",
    "over_jax",
    "over_mpi",
    "over_torch",
]


TOLD = "The other processes of the group know of it."
"""A note to an error: it ends this process alone, and the others raise one of their own."""


class GroupError(RuntimeError):
    """A process of a group is gone, or does not answer."""


class DisagreementError(GroupError):
    """The processes of a group were told different things; it is raised in all of them."""


class Group(Protocol):
    """A group of processes, as training over it needs it; one of your own will do.

    Attributes
    ----------
    rank : int
        Of this process, from 0; rank 0 writes, prints, and has the last word.
    size : int
        How many there are.
    """

    @property
    def rank(self) -> int:
        """The number of this process."""

    @property
    def size(self) -> int:
        """How many processes there are."""

    def all_sum(self, vector: Array, /) -> Array:
        """Return the sum of what the processes hand in, the same bits in each of them.

        Parameters
        ----------
        vector : array, shape (n,)
            Of floats, of the library and on the device that the group trains on; or NumPy's. Its
            memory may be used for the result.
        """


class _Group(NamedTuple):
    """A group over an engine.

    Attributes
    ----------
    rank, size, all_sum
        As in `Group`.
    abort : callable, optional
        Ends all processes at once, where the others would else wait for this one for ever.
    """

    rank: int
    size: int
    all_sum: Callable[[Array], Array]
    abort: Callable[[], object] | None = None


# ----------------------------------------------------------------------------- engines


def over_torch(process_group: Any = None, *, timeout: float = 60.0) -> Group:
    """Return the group of torch.distributed's processes: the first choice, it fails in words.

    It sums arrays of every library that speaks DLPack, in their own memory: over gloo on the
    host, over NCCL on CUDA (which has been read, and not run).

    Parameters
    ----------
    process_group : torch.distributed.ProcessGroup, optional
        Default: all processes; they are joined by the variables that torchrun sets, where no other
        program, such as Accelerate, has done that.
    timeout : float
        After how many seconds without an answer it is a `GroupError`. It must be longer than what
        one process does alone, such as writing a checkpoint.

    Raises
    ------
    ImportError
        Where PyTorch is not installed.
    ValueError
        Where no launcher has set the variables by which the processes find each other.
    """
    torch, dist = require("torch", "torch"), require("torch.distributed", "torch")
    seconds = check_number("timeout", timeout, lambda x: x > 0.0, "a number above 0")
    limit = timedelta(seconds=float(seconds))
    if not dist.is_initialized():
        try:
            dist.init_process_group(timeout=limit)
        except ValueError as error:  # where a variable of the launcher's is missing
            raise ValueError(
                f"group: found no processes to join ({error}), expected to be started with them: "
                "torchrun --nproc-per-node 2 program.py"
            ) from error
        own = dist.group.WORLD
    else:  # as it was made it waits for half an hour
        ranks = dist.get_process_group_ranks(process_group or dist.group.WORLD)
        own = dist.new_group(ranks, timeout=limit, use_local_synchronization=True)
    on_cuda = dist.get_backend(own) == "nccl"

    def all_sum(vector: Array) -> Array:
        with torch.inference_mode():  # in which a step made it
            tensor = torch.from_dlpack(vector)
            copied = is_jax_array(vector) or (on_cuda and tensor.device.type == "cpu")
            if copied:  # from an array that does not change, or to where NCCL can take it
                tensor = tensor.to("cuda" if on_cuda else tensor.device, copy=True)
            _summed[:] = [tensor]
            try:
                work = dist.all_reduce(tensor, group=own, async_op=True)
                if tensor.device.type == "cpu":  # on CUDA the stream waits, and not the program
                    try:
                        _wait_in_slices(work)
                    except BaseException:  # as Ctrl-C: the end of the process would wait for it
                        ctypes.pythonapi.Py_IncRef(ctypes.py_object(own))
                        raise
                work.wait()
            except RuntimeError as error:
                raise GroupError(
                    f"group: another process is gone, or did not answer in {seconds:g} s ({error})"
                ) from error
            if not copied:
                return vector
        return asarray_like(tensor, like=vector)

    return _Group(dist.get_rank(own), dist.get_world_size(own), all_sum)


def over_mpi(comm: Any = None, *, on_device: bool = False) -> Group:
    """Return the group of an MPI communicator's processes, by mpi4py.

    What MPI cannot do: it has no limit of time, so that a process that is stuck holds up all
    others; and of a process that is killed no other one says a word before the launcher ends it.
    An error that nobody catches ends all processes, from now on, as under ``python -m mpi4py``.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm, optional
        Default: all processes that the launcher started.
    on_device : bool
        Whether MPI can read the memory of a device (CUDA-aware; read, and not run). Default: what
        is not on the host is brought there for the sum, and back.

    Raises
    ------
    ImportError
        Where mpi4py is not installed, or finds no MPI.
    ValueError
        Where each of several processes is alone, since the launcher is another MPI's.
    """
    mpi = require("mpi4py.MPI", "mpi")
    if comm is None:
        comm = mpi.COMM_WORLD
        started = max(int(os.environ.get(name, 1)) for name in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE"))
        if comm.size == 1 < started:
            raise ValueError(
                f"group: found each of {started} processes alone, expected them together; start "
                f"them with the mpiexec of the MPI that mpi4py loads: {_first_line(mpi)}"
            )

    def abort() -> None:
        time.sleep(_LAST_WORDS)
        comm.Abort(1)

    if comm.size > 1:
        _abort_on_errors(abort)

    def all_sum(vector: Array) -> Array:
        in_place = on_device or isinstance(vector, np.ndarray) or _is_torch_on_host(vector)
        buffer = vector if on_device else to_host(vector)  # which shares memory on the host
        if not in_place:
            buffer = np.array(buffer)
        _wait(comm.Iallreduce(mpi.IN_PLACE, buffer).Test)
        return vector if in_place else asarray_like(buffer, like=vector)

    return _Group(comm.rank, comm.size, all_sum, abort)


def over_jax() -> Group:
    """Return the group of JAX's processes, with one device of each.

    They are joined by ``jax.distributed.initialize()`` before. The sum is a compiled function of
    its own. An error that nobody catches ends its process at once, from now on, without the wait
    for all others that JAX has at the end of a program.

    Raises
    ------
    ImportError
        Where JAX is not installed.
    ValueError
        Where its processes have not been joined.
    """
    jax = require("jax", "jax")
    if not jax.distributed.is_initialized():
        raise ValueError("group: JAX's processes are not joined: jax.distributed.initialize()")
    sharding = import_module("jax.sharding")
    size, rank = jax.process_count(), jax.process_index()
    first = {device.process_index: device for device in reversed(jax.devices())}
    mesh = sharding.Mesh(np.array([first[i] for i in range(size)]), "ranks")
    rows, whole = (
        sharding.NamedSharding(mesh, sharding.PartitionSpec(*axes)) for axes in (("ranks",), ())
    )
    add = jax.jit(lambda parts: parts.sum(0), out_shardings=whole)

    def all_sum(vector: Array) -> Array:
        shape = (size, *vector.shape)
        try:
            with jax.enable_x64(True):  # as NumPy's may be, whatever JAX is told to compute in
                part = jax.device_put(vector, first[rank])[None]
                parts = jax.make_array_from_single_device_arrays(shape, rows, [part])
                total = add(parts).addressable_data(0)
            _wait(total.is_ready)
            total.block_until_ready()
        except (RuntimeError, ValueError) as error:
            raise GroupError(f"group: another process is gone ({error})") from error
        return total if is_jax_array(vector) else asarray_like(total, like=vector)

    # One that fails would wait for the others at its end, and they for it.
    abort = partial(os._exit, 1)
    if size > 1:
        all_sum(np.zeros(1, np.float32))  # they are joined now, and find one that is gone
        _abort_on_errors(abort)
    return _Group(rank, size, all_sum, abort)


_summed: list[Any] = []
"""The last tensor that torch has summed up, until the next one.

Its thread lets go of it a moment after the sum, and must not be the last to have it: to free the
memory of NumPy's it asks for Python's lock, which aborts a process where Python is at its end.
"""


def _wait_in_slices(work: Any) -> None:
    """Wait for a sum of torch's, where a signal is heard after a slice of the time.

    Not by asking again and again, which takes the processor from the threads that do the sum.
    """
    while not work.is_completed():
        try:
            work.wait(_SLICE)
        except RuntimeError:  # the slice is over, or the sum has failed: as it then says
            continue


def _wait(is_done: Callable[[], bool]) -> None:
    """Wait for a sum, here and not in the engine, where no signal would be heard."""
    for _ in range(50):
        if is_done():
            return
    for _ in range(500):  # let others run: there may be fewer cores than processes
        time.sleep(0)
        if is_done():
            return
    while not is_done():
        time.sleep(1e-4)


_SLICE = timedelta(milliseconds=100)
# Seconds: MPI's launcher drops what it has not yet passed on of the processes that it ends.
_LAST_WORDS = 0.5


def _first_line(mpi: Any) -> str:
    """Return which MPI it is."""
    return str(mpi.Get_library_version()).strip("\0 \n").splitlines()[0]


def _is_torch_on_host(x: Array) -> bool:
    return bool(is_torch_array(x)) and x.device.type == "cpu"


def _abort_on_errors(abort: Callable[[], object]) -> None:
    """Have an error that nobody catches end all processes, after it was said as it was before."""
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, trace)
        _flush()
        abort()

    sys.excepthook = hook


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stderr__):
        if stream is not None:
            stream.flush()


# ----------------------------------------------------------------------------- choosing


GROUPS: dict[str, Callable[[], Group]] = {"torch": over_torch, "mpi": over_mpi}
"""The engines that a launcher's variables tell of, by name."""

GROUP_NAMES = ("auto", *GROUPS, "none")
"""What `open_group` knows."""


class _Launched(NamedTuple):
    """The variables by which a process knows that a launcher started it, and over what.

    Attributes
    ----------
    engine : str
        One of `GROUPS`.
    rank, size : str
        The names of those that hold the two numbers; the size need not be there.
    needed : set of str
        All that must be there.
    """

    engine: str
    rank: str
    size: str
    needed: frozenset[str]


_LAUNCHED = (
    _Launched("torch", "RANK", "WORLD_SIZE", frozenset({"RANK", "WORLD_SIZE", "MASTER_ADDR"})),
    _Launched("mpi", "PMI_RANK", "PMI_SIZE", frozenset({"PMI_SIZE"})),  # MPICH and Intel MPI
    _Launched(
        *("mpi", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
        frozenset({"OMPI_COMM_WORLD_SIZE"}),
    ),
    _Launched("mpi", "PMIX_RANK", "SLURM_STEP_NUM_TASKS", frozenset({"PMIX_RANK"})),
)


def _launched() -> _Launched | None:
    """Return what the variables tell of a launcher; None where it started one process alone."""
    for one in _LAUNCHED:
        if one.needed <= os.environ.keys():
            return None if os.environ.get(one.size) == "1" else one
    return None


def launched_rank() -> int:
    """Return which of the processes this is that a launcher started together; 0 where it is alone.

    By the launcher's variables: no process is asked.
    """
    found = _launched()
    text = "" if found is None else os.environ.get(found.rank, "")
    return int(text) if text.isdecimal() else 0


def open_group(name: str) -> Group | None:
    """Return the group of the processes that were started together, or None.

    Parameters
    ----------
    name : str
        One of `GROUPS`, "none", or "auto": by the variables that torchrun, mpiexec and srun set. A
        process that was started alone is in none.

    Raises
    ------
    ValueError
        Where the name is another.
    ImportError
        Where its library is not installed.
    """
    check_choice("group", name, GROUP_NAMES)
    if name == "auto":
        found = _launched()
        name = "none" if found is None else found.engine
    return None if name == "none" else GROUPS[name]()


def as_group(group: Any) -> Group | None:
    """Return the group that an argument stands for.

    Parameters
    ----------
    group : Group, mpi4py.MPI.Comm, torch.distributed.ProcessGroup or None

    Raises
    ------
    TypeError
        Where it is something else.
    """
    if group is None:
        return None
    modules = {kind.__module__.partition(".")[0] for kind in type(group).__mro__}
    if "mpi4py" in modules and hasattr(group, "Iallreduce"):
        group = _made_once(over_mpi, group)
    elif "torch" in modules and type(group).__name__.startswith("ProcessGroup"):
        group = _made_once(over_torch, group)
    numbers = (getattr(group, name, None) for name in ("rank", "size"))
    if not (all(isinstance(n, int) for n in numbers) and hasattr(group, "all_sum")):
        raise TypeError(
            f"group: found {shown(group)}, expected one of over_torch(), over_mpi() or over_jax(), "
            "a communicator of mpi4py, or a process group of torch"
        )
    found: Group = group
    return found


_made: dict[int, tuple[Any, Group]] = {}
"""Of each communicator, by its id, itself, lest another one gets the id, and its group."""


def _made_once(make: Callable[[Any], Group], communicator: Any) -> Group:
    """Return the group over a communicator: one for all calls, since each is threads, or a hook."""
    if id(communicator) not in _made:
        _made[id(communicator)] = communicator, make(communicator)
    return _made[id(communicator)][1]


# ----------------------------------------------------------------------------- agreeing


def gather_texts(group: Group, text: str) -> list[str]:
    """Return what each process of a group says, by rank, in all of them.

    Parameters
    ----------
    group : Group
    text : str
        What this one says.
    """
    content = text.encode(errors="surrogatepass")  # as names of files may have it
    lengths = [
        int.from_bytes(one, "little")
        for one in _gathered(group, len(content).to_bytes(8, "little"), 8)
    ]
    room = 1 << max(6, (max(lengths) - 1).bit_length())  # few sizes: JAX compiles for each
    found = _gathered(group, content, room)
    return [
        one[:length].decode(errors="surrogatepass")
        for one, length in zip(found, lengths, strict=True)
    ]


def _gathered(group: Group, content: bytes, room: int) -> list[bytes]:
    """Return some bytes of each process, filled up with zeros; each adds its row to the others'."""
    rows = np.zeros((group.size, room), np.float32)  # in which engines add up numbers exactly
    rows[group.rank, : len(content)] = np.frombuffer(content, np.uint8)
    sums = to_host(group.all_sum(rows.reshape(-1)))
    return [row.tobytes() for row in sums.reshape(rows.shape).astype(np.uint8)]


@contextmanager
def ends_together(group: Group | None) -> Iterator[None]:
    """End all processes of a group where this one fails, since the others would wait for it.

    Its error is said on standard error first. What they all raise is an error as any other; so is
    each error where the engine cannot end the others, who then find that this one is gone.
    """
    try:
        yield
    except DisagreementError:
        raise
    except BaseException as error:
        abort = getattr(group, "abort", None)
        if abort is not None and TOLD not in getattr(error, "__notes__", ()):
            _flush()
            traceback.print_exc(file=sys.__stderr__)  # where a program may not redirect it
            _flush()
            abort()
        raise
