"""What the members of a group agree on: how a run begins, its figures, and when it ends."""

import time
import warnings

import numpy as np
import pytest

from dnn_xp import Callback, Checkpoint, Dense, Ending, Network, sgd, train
from dnn_xp.backends import DisagreementError, GroupError, namespace
from dnn_xp.training import DivergenceWarning
from dnn_xp.training.agreement import Agreement, agreement_over, checksum
from tests.groups import over_threads

pytestmark = pytest.mark.once

NETWORK = Network(3, (Dense(4, "tanh"), Dense(1)), "sigmoid_cross_entropy")
X = np.random.default_rng(0).normal(size=(3, 10))
Y = (X[:1] > 0).astype(float)
OPTIONS = {"epochs": 3, "batch_size": 4, "seed": 1}


class StopAt(Callback):
    """Wish for the end after some step, or some epoch."""

    def __init__(self, *, step=None, epoch=None, ending=Ending.STOPPED, reason="enough"):
        self.at_step, self.at_epoch, self.reason = step, epoch, reason
        self.ending = ending

    def step(self, run):
        return self.reason if run.step == self.at_step else None

    def epoch(self, run):
        return self.reason if run.epoch == self.at_epoch else None


class StopAtEpoch(Callback):
    """Wish for the end after some epoch; it is not told of steps."""

    def __init__(self, at):
        self.at = at

    def epoch(self, run):
        return "enough" if run.epoch == self.at else None


def train_over(size, options_of=lambda rank: {}):
    def run(group):
        return train(NETWORK, X, Y, group=group, **OPTIONS | options_of(group.rank))

    return over_threads(size, run)


# ----------------------------------------------------------------------------- the end


def assert_ended_alike(runs, alone):
    for run in runs:
        np.testing.assert_array_equal(run.theta, runs[0].theta)
        assert run[1:5] == runs[0][1:5]
        assert run.progress.steps == alone.progress.steps
        assert run.progress.batch == alone.progress.batch
    np.testing.assert_allclose(runs[0].theta, alone.theta, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("member", [0, 1, 2])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 6, 9])  # of three an epoch: also the last of one
def test_one_member_alone_ends_the_run_after_its_step(member, step):
    """All end it with the state after that very step, as one process would."""
    runs = train_over(3, lambda rank: {"callbacks": [StopAt(step=step)] if rank == member else []})
    alone = train(NETWORK, X, Y, callbacks=[StopAt(step=step)], **OPTIONS)
    assert_ended_alike(runs, alone)
    assert runs[0].ending is Ending.STOPPED
    assert runs[0].reason == ("enough" if member == 0 else f"rank {member}: enough")


@pytest.mark.parametrize("member", [0, 1])
@pytest.mark.parametrize("epoch", [1, 3])  # also the last
@pytest.mark.parametrize("make", [lambda epoch: StopAt(epoch=epoch), StopAtEpoch])
def test_one_member_alone_ends_the_run_after_an_epoch(member, epoch, make):
    runs = train_over(2, lambda rank: {"callbacks": [make(epoch)] if rank == member else []})
    assert_ended_alike(runs, train(NETWORK, X, Y, callbacks=[make(epoch)], **OPTIONS))
    assert [run.ending for run in runs] == [Ending.STOPPED] * 2


def test_the_same_wish_of_all_is_one_reason_and_an_interrupt_the_ending():
    runs = train_over(3, lambda rank: {"callbacks": [StopAt(step=2)]})
    assert runs[0].reason == "enough"

    def options(rank):
        if rank == 2:
            return {"callbacks": [StopAt(step=2, ending=Ending.INTERRUPTED, reason="interrupted")]}
        return {"callbacks": [StopAt(step=2)]}

    runs = train_over(3, options)
    assert {run.reason for run in runs} == {"enough; rank 2: interrupted"}
    assert {run.ending for run in runs} == {Ending.INTERRUPTED}


def test_a_wish_at_the_start_is_agreed_on_before_the_first_step():
    class Restored(Callback):
        def start(self, run):
            if run.rank == 1:
                run.stop(Ending.STOPPED, "no need")

    for run in train_over(2, lambda rank: {"callbacks": [Restored()]}):
        assert (run.epochs, run.progress.steps, run.reason) == (0, 0, "rank 1: no need")


def test_divergence_is_told_by_rank_0_alone():
    network = Network(3, (Dense(4, "relu"), Dense(1)), "squared_error")

    def run(group):
        with np.errstate(all="ignore"):
            return train(network, X, Y, optimizer=sgd(1e3), epochs=90, group=group)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runs = over_threads(3, run)
    assert {run.ending for run in runs} == {Ending.DIVERGED}
    assert len([one for one in caught if one.category is DivergenceWarning]) == 1


# ----------------------------------------------------------------------------- who speaks


def test_rank_0_alone_writes(tmp_path):
    """Of callbacks that write, only its own are told; of others, all."""
    told = []

    class Look(Callback):
        def epoch(self, run):
            told.append(run.rank)

    class Write(Look):
        writes = True

        def close(self):
            told.append("closed")

    files = [tmp_path / str(rank) / "run.checkpoint" for rank in range(3)]
    for file in files:
        file.parent.mkdir()
    train_over(
        3, lambda rank: {"callbacks": [Look(), Write(), Checkpoint(files[rank])], "epochs": 1}
    )
    assert sorted(told, key=str) == [0, 0, 1, 2, "closed"]
    assert [file.exists() for file in files] == [True, False, False]


def test_the_figures_are_those_of_rank_0():
    def options(rank):
        return {"metrics": {"mine": lambda A, Y: namespace(A).mean(A) * 0.0 + rank + 0.1}}

    for run in train_over(3, options):
        assert run.history["mine"] == [0.1] * 3


# ----------------------------------------------------------------------------- the beginning


DIFFERING = {
    "epochs": ({"epochs": 4}, "epochs: found 4, expected 3"),
    "batch_size": ({"batch_size": 5}, "batch_size: found 5, expected 4"),
    "seed": ({"seed": 2}, "theta: found another start; give all the same theta, or the same seed"),
    "theta": ({"theta": np.zeros(NETWORK.size)}, "theta: found another start"),
    "optimizer": ({"optimizer": sgd(0.2)}, r"optimizer: found .*0\.2"),
    "weights": ({"weights": np.ones(10)}, "weights: found true, expected the default"),
    "clip_norm": ({"clip_norm": 1.0}, r"clip_norm: found 1\.0, expected the default"),
    "validation": ({"validation": (X, Y)}, "validation"),
}


@pytest.mark.parametrize("member", [0, 1, 2])
@pytest.mark.parametrize("name", DIFFERING)
def test_members_that_are_told_different_things_do_not_begin(name, member):
    options, expected = DIFFERING[name]
    pattern = "rank 1 is not as rank 0" if member == 0 else f"rank {member} is not as.*{expected}"
    with pytest.raises(DisagreementError, match=pattern):
        train_over(3, lambda rank: options if rank == member else {})


def test_another_network_is_called_that_and_not_another_theta():
    def run(group):
        units = 5 + group.rank
        network = Network(X.shape[0], (Dense(units, "tanh"), Dense(Y.shape[0])), NETWORK.cost)
        return train(network, X, Y, group=group, **OPTIONS)

    with pytest.raises(
        DisagreementError, match=r"rank 1 is not as rank 0: network: .*found 6, exp"
    ):
        over_threads(2, run)


@pytest.mark.parametrize("place", [(0, 0), (2, 9)])
def test_other_data_are_refused(place):
    def run(group):
        own = X.copy()
        own[place] += group.rank
        return train(NETWORK, own, Y, group=group, **OPTIONS)

    with pytest.raises(DisagreementError, match="rank 1 is not as rank 0: X, Y or weights: found"):
        over_threads(2, run)


def test_a_resume_of_one_member_alone_is_refused():
    progress = train(NETWORK, X, Y, **OPTIONS | {"epochs": 1}).progress
    with pytest.raises(DisagreementError, match="rank 1 is not as rank 0: resume: found another"):
        train_over(2, lambda rank: {"resume": progress} if rank else {})


@pytest.mark.parametrize("member", [0, 1])
def test_a_member_that_cannot_begin_keeps_none_waiting(member):
    """It raises its own error, and each other one says which rank has failed, and how."""
    errors = []

    def run(group):
        seed = -1 if group.rank == member else 1
        try:
            train(NETWORK, X, Y, group=group, seed=seed)
        except (ValueError, GroupError) as error:
            errors.append(str(error))

    over_threads(2, run)
    own = "seed: found -1, expected a whole number from 0 on"
    assert sorted(errors) == sorted([own, f"group: rank {member} has failed: ValueError: {own}"])


def test_ctrl_c_before_a_member_begins_keeps_none_waiting():
    class Interrupted:
        def __array__(self, dtype=None, copy=None):
            raise KeyboardInterrupt

    def run(group):
        theta = Interrupted() if group.rank == 1 else None
        train(NETWORK, X, Y, theta, group=group, **OPTIONS)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        over_threads(2, run)
    assert time.monotonic() - began < 30.0  # after 60 s a member waits no more


@pytest.mark.parametrize("member", [0, 1])
def test_a_callback_that_cannot_start_in_one_member_keeps_none_waiting(member):
    errors = []

    class Refuse(Callback):
        def start(self, run):
            if run.rank == member:
                raise FileNotFoundError("no such folder")

    def run(group):
        try:
            train(NETWORK, X, Y, group=group, callbacks=[Refuse()], **OPTIONS)
        except (OSError, GroupError) as error:
            errors.append(str(error))

    over_threads(2, run)
    told = f"group: rank {member} has failed: FileNotFoundError: no such folder"
    assert sorted(errors) == sorted(["no such folder", told])


def test_an_error_of_one_member_ends_the_others():
    class Fail(Callback):
        def step(self, run):
            if run.rank == 1 and run.step == 4:
                raise OSError("the disk is gone")

    others = []

    def run(group):
        try:
            train(NETWORK, X, Y, group=group, callbacks=[Fail()], **OPTIONS)
        except GroupError as error:
            others.append((group.rank, str(error)))
            raise

    with pytest.raises(OSError, match="the disk is gone"):
        over_threads(3, run)
    assert sorted(others) == [(rank, "group: another process is gone") for rank in (0, 2)]


# ----------------------------------------------------------------------------- on the way


def test_members_that_come_apart_say_so_after_the_epoch():
    """By a schedule of their own, or a callback that changes theta in place."""

    class Nudge(Callback):
        def step(self, run):
            if run.rank == 1 and run.step == 2:
                run.state.theta[0] += 1e-12

    def by_schedule(rank):
        return {"schedule": lambda epoch: 1.0 + 1e-9 * rank}

    for options in (by_schedule, lambda rank: {"callbacks": [Nudge()]}):
        with pytest.raises(DisagreementError, match="rank 1 has come to another theta than rank 0"):
            train_over(2, options)


def test_members_at_different_moments_say_so():
    def run(group):
        agreement = Agreement(group)
        if group.rank == 0:
            return agreement.figures({"cost": 1.0}, X[0])
        return agreement.settle(heeds_steps=False)

    with pytest.raises(
        DisagreementError, match="rank 1 is at its wishes, and rank 0 at its figures"
    ):
        over_threads(2, run)


def test_figures_are_handed_on_to_the_last_bit():
    figures = {"cost": 0.1 + 0.2, "a": 1e-320, "b": float("inf"), "c": -0.0}

    def run(group):
        return Agreement(group).figures(figures if group.rank == 0 else {}, X[0])

    for found in over_threads(3, run):
        assert [*map(str, found.values())] == [*map(str, figures.values())]


def test_one_process_needs_no_agreement():
    assert agreement_over(None) is None
    assert over_threads(1, agreement_over) == [None]


def test_checksum_sees_every_bit():
    theta = np.zeros(3)
    assert checksum(theta) == checksum(theta.copy())
    assert len({checksum(theta), checksum(-theta), checksum(theta + 5e-324)}) == 3
