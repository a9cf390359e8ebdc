"""Groups: what is one, who was started with others, and what members say to each other."""

import numpy as np
import pytest

from dnn_xp.backends import (
    GROUPS,
    DisagreementError,
    as_group,
    ends_together,
    gather_texts,
    open_group,
    over_torch,
    to_host,
)
from tests.groups import Meeting, Member, over_threads

pytestmark = pytest.mark.once

TEXTS = ["", "a", "Grüße, 世界 🙂", "x" * 63, "y" * 64, "z" * 65, "\0\n" * 500, "\udcff.h5"]
VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_RANK")


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
