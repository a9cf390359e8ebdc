"""Groups: what is one, who was started with others, and what members say to each other."""

import numpy as np
import pytest

from dnn_xp.backends import (
    GROUPS,
    DisagreementError,
    as_group,
    ends_together,
    gather_texts,
    groups,
    launched_rank,
    open_group,
    over_torch,
    to_host,
)
from tests.groups import Meeting, Member, over_threads

pytestmark = pytest.mark.once

TEXTS = ["", "a", "Grüße, 世界 🙂", "x" * 63, "y" * 64, "z" * 65, "\0\n" * 500, "\udcff.h5"]
VARIABLES = (
    *("RANK", "WORLD_SIZE", "MASTER_ADDR", "PMI_RANK", "PMI_SIZE", "PMIX_RANK"),
    *("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"),
)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_all_hear_what_each_says(size):
    for start in range(len(TEXTS)):
        said = [TEXTS[(start + rank) % len(TEXTS)] for rank in range(size)]
        heard = over_threads(size, lambda group, said=said: gather_texts(group, said[group.rank]))
        assert heard == [said] * size


def test_the_sum_of_a_member_is_that_of_all(array):
    """Of those that the tests play: what all else here stands on."""
    found = over_threads(3, lambda group: group.all_sum(array([1.0, 10.0 * group.rank])))
    assert [to_host(vector).tolist() for vector in found] == [[3.0, 30.0]] * 3


# ----------------------------------------------------------------------------- which one


@pytest.fixture
def alone(monkeypatch):
    """Take away what a launcher has set, and note which engine is opened."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in GROUPS:
        monkeypatch.setitem(GROUPS, name, lambda name=name: f"over {name}")
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "engine"),
    [
        ((), None),
        (("RANK",), None),  # which other programs set
        (("WORLD_SIZE", "RANK"), None),
        (("RANK", "WORLD_SIZE", "MASTER_ADDR"), "over torch"),
        (("PMI_SIZE",), "over mpi"),
        (("OMPI_COMM_WORLD_SIZE",), "over mpi"),
        (("PMIX_RANK",), "over mpi"),
        (("PMI_SIZE", "RANK", "WORLD_SIZE", "MASTER_ADDR"), "over torch"),
    ],
)
def test_auto_sees_what_the_launcher_has_set(alone, variables, engine):
    for name in variables:
        alone.setenv(name, "2")
    assert open_group("auto") == engine
    assert open_group("none") is None


@pytest.mark.parametrize(
    ("variables", "alone_there", "rank"),
    [
        ({}, True, 0),
        ({"PMI_SIZE": "1", "PMI_RANK": "0"}, True, 0),  # srun -n 1
        ({"PMI_SIZE": "2", "PMI_RANK": "1"}, False, 1),
        ({"PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "1"}, True, 0),  # srun --mpi=pmix -n 1
        ({"PMIX_RANK": "3", "SLURM_STEP_NUM_TASKS": "4"}, False, 3),
        ({"PMIX_RANK": "2"}, False, 2),
        ({"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0", "PMIX_RANK": "0"}, True, 0),
        ({"OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_RANK": "7"}, False, 7),
        ({"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "here"}, True, 0),
        ({"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "here"}, False, 1),
        ({"RANK": "1", "WORLD_SIZE": "2"}, True, 0),  # of another program
        ({"PMI_SIZE": "2"}, False, 0),  # which rank nobody says
    ],
    ids=str,
)
def test_a_process_that_was_started_alone_is_in_no_group(alone, variables, alone_there, rank):
    """It needs no library that sums; and one of several knows which it is."""
    for name, value in variables.items():
        alone.setenv(name, value)
    assert (open_group("auto") is None) is alone_there
    assert launched_rank() == rank


@pytest.mark.parametrize(
    ("engine", "module", "name"),
    [
        ("over_mpi", "mpi4py.MPI", "Intracomm"),
        ("over_torch", "torch.distributed.distributed_c10d", "ProcessGroup"),
    ],
)
def test_each_communicator_is_made_a_group_of_once(monkeypatch, engine, module, name):
    """As each has threads, or a hook for errors: of many fits there would be as many."""
    kind = type(name, (), {"__module__": module, "Iallreduce": None, "__hash__": None})
    made = []

    def make(communicator):
        made.append(communicator)
        return Member(0, 1, Meeting(1), [])

    monkeypatch.setattr(groups, engine, make)
    one, other = kind(), kind()
    found = [as_group(communicator) for communicator in (one, other, one, other, one)]
    assert made == [one, other]
    assert found == [found[0], found[1], found[0], found[1], found[0]]
    assert found[0] is not found[1]


def test_an_engine_is_opened_by_name_and_no_other_is_known(alone):
    assert [open_group(name) for name in GROUPS] == [f"over {name}" for name in GROUPS]
    expected = "group: found 'nccl', expected 'auto', 'torch', 'mpi' or 'none'"
    with pytest.raises(ValueError, match=expected):
        open_group("nccl")


def test_a_group_of_ones_own_is_one():
    member = Member(0, 1, Meeting(1), [])
    assert as_group(member) is member


@pytest.mark.parametrize("found", [0, "mpi", np.zeros(3), object(), {"rank": 0, "size": 1}])
def test_what_is_none_is_refused(found):
    with pytest.raises(TypeError, match=r"group: found .*, expected one of over_torch"):
        as_group(found)


def test_torch_without_a_launcher_says_what_is_missing(monkeypatch):
    pytest.importorskip("torch")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=r"group: found no processes to join.*RANK.*torchrun --np"):
        over_torch()


# ----------------------------------------------------------------------------- errors


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(0)])
def test_what_ends_one_process_ends_all_and_says_why_first(error, capfd):
    said = []

    class Engine(Member):
        def abort(self):
            said.append(capfd.readouterr().err)

    with pytest.raises(type(error)), ends_together(Engine(0, 2, None, [])):
        raise error
    (text,) = said
    assert text.startswith("Traceback")
    assert type(error).__name__ in text


def test_what_all_raise_and_what_one_alone_raises_end_no_others():
    class Engine(Member):
        def abort(self):
            raise AssertionError

    with pytest.raises(DisagreementError), ends_together(Engine(0, 2, None, [])):
        raise DisagreementError("all of us")
    with pytest.raises(ValueError, match="alone"), ends_together(None):
        raise ValueError("alone")
    with ends_together(Engine(0, 2, None, [])):
        pass
