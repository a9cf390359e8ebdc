"""Processes that train as one at the command line: who prepares, who fails, who is heard."""

import sys

import pytest

from dnn_xp.app import group as app_group
from dnn_xp.app.errors import Failure, UserError, say
from dnn_xp.app.group import check_same_data, group_errors, join, prepared_by_all
from dnn_xp.app.streams import standard_streams
from dnn_xp.backends import DisagreementError, GroupError
from tests.groups import Meeting, Member, over_threads

pytestmark = pytest.mark.once


def member(rank, size=2):
    return Member(rank, size, Meeting(size), [])


@pytest.mark.parametrize(("rank", "is_heard"), [(0, True), (1, False)])
def test_rank_0_alone_is_heard_once_they_are_together(rank, is_heard, capsys, monkeypatch):
    monkeypatch.setattr(app_group, "open_group", lambda name: member(rank))
    with standard_streams():
        print("before")
        found = join("mpi")
        print("figures")
        say("warning", "a warning")
    assert found.rank == rank
    out, err = capsys.readouterr()
    assert out == ("before\nfigures\n" if is_heard else "before\n")
    assert ("a warning" in err) is is_heard
    print("and what comes after the command", file=sys.stderr)
    assert "after" in capsys.readouterr().err


@pytest.mark.parametrize("opened", [None, member(0, 1)])
def test_one_process_is_no_group(opened, monkeypatch):
    monkeypatch.setattr(app_group, "open_group", lambda name: opened)
    assert join("auto") is None


@pytest.mark.parametrize("name", ["nccl", "", "MPI", "jax", "auto,mpi"])
def test_an_unknown_group_is_refused_in_a_line(name):
    expected = f"--group: found {name!r}, expected 'auto', 'torch', 'mpi' or 'none'"
    with pytest.raises(UserError) as caught:
        join(name)
    assert str(caught.value) == expected


@pytest.mark.parametrize(("rank", "is_heard"), [("0", True), ("1", False), ("7", False)])
@pytest.mark.parametrize("words", [("train", "--epoch"), ("train", "--epochs", "x"), ("trian",)])
def test_of_a_command_that_is_none_rank_0_alone_speaks(dnn_xp, monkeypatch, words, rank, is_heard):
    monkeypatch.setenv("PMI_SIZE", "8")
    monkeypatch.setenv("PMI_RANK", rank)
    code, out, err = dnn_xp(*words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == is_heard


def test_a_library_that_is_missing_is_bad_input_with_the_way_out(monkeypatch):
    def open_group(name):
        raise ImportError("mpi4py is needed here: pip install 'dnn-xp[mpi]'")

    monkeypatch.setattr(app_group, "open_group", open_group)
    with pytest.raises(UserError, match=r"dnn-xp\[mpi\]'; --group none trains in each"):
        join("mpi")


def test_all_prepare_or_none_goes_on():
    assert prepared_by_all(None, lambda: 3) == 3
    assert over_threads(3, lambda group: prepared_by_all(group, lambda: group.rank)) == [0, 1, 2]
    said = []

    def run(group):
        def prepare():
            if group.rank == 1:
                raise UserError("big.h5: there is no such file")

        try:
            prepared_by_all(group, prepare)
        except UserError as error:
            said.append((group.rank, str(error)))

    over_threads(3, run)
    problem = "big.h5: there is no such file"
    assert sorted(said) == [(0, f"rank 1: {problem}"), (1, problem), (2, f"rank 1: {problem}")]


def test_ctrl_c_while_one_prepares_keeps_none_waiting():
    def run(group):
        def prepare():
            if group.rank == 1:
                raise KeyboardInterrupt

        prepared_by_all(group, prepare)

    with pytest.raises(KeyboardInterrupt):
        over_threads(2, run)


@pytest.mark.parametrize(
    ("read", "said"),
    [((7, 7, 7), ""), ((7, 7, 8), "rank 2"), ((7, 0, 7), "rank 1"), ((8, 7, 7), "rank 1")],
)
def test_all_train_on_the_same_data_or_none(read, said):
    def run(group):
        try:
            check_same_data(group, "big.h5", read[group.rank])
        except UserError as error:
            return str(error)
        return ""

    expected = f"big.h5: {said} has read other data than rank 0, expected the same"
    assert over_threads(3, run) == [expected if said else ""] * 3


def test_one_process_has_nobody_to_ask():
    check_same_data(None, "big.h5", 7)


@pytest.mark.parametrize(
    ("rank", "kind", "said"),
    [
        (0, GroupError, ""),
        (1, GroupError, "dnn-xp: rank 1: group: rank 0 is gone\n"),
        (1, DisagreementError, ""),
    ],
)
def test_that_another_is_gone_each_says_that_is_left(rank, kind, said, capsys, monkeypatch):
    """Rank 0 says it as any error of a command: it alone is heard."""
    monkeypatch.setattr(sys, "__stderr__", sys.stderr)
    with pytest.raises(Failure, match="group: rank 0 is gone"), group_errors(member(rank)):
        raise kind("group: rank 0 is gone")
    assert capsys.readouterr().err == said


def test_what_is_no_error_of_a_group_stays_as_it_is():
    with pytest.raises(ZeroDivisionError), group_errors(None):
        raise ZeroDivisionError
