"""Shares of members: disjoint hold-outs, classes in proportion, every size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from dnn_xp.estimators.tabular.shares import draw_shares

pytestmark = pytest.mark.once


@given(
    strata=st.lists(st.integers(0, 4), min_size=2, max_size=60),
    n_members=st.integers(1, 9),
    part=st.floats(0.01, 0.99),
    seed=st.integers(0, 99),
)
def test_a_share_is_a_part_of_the_examples_and_the_rest(strata, n_members, part, seed):
    m = len(strata)
    rng = np.random.RandomState(seed)
    shares = draw_shares(np.asarray(strata), n_members, part, rng)
    assert len(shares) == n_members
    for training, held_out in shares:
        assert sorted([*training, *held_out]) == [*range(m)]
        assert len(held_out) == min(max(1, round(part * m)), m - 1)


def test_hold_outs_do_not_overlap_until_all_were_held_out():
    shares = draw_shares(np.zeros(50, int), 7, 0.2, np.random.RandomState(0))
    first = np.concatenate([share.held_out for share in shares[:5]])
    assert sorted(first) == [*range(50)]
    again = np.concatenate([share.held_out for share in shares[5:]])
    assert len(set(again)) == 20


@pytest.mark.parametrize("seed", range(5))
def test_classes_are_held_out_in_proportion(seed):
    strata = np.repeat([0, 1, 2], [300, 60, 10])
    for share in draw_shares(strata, 5, 0.2, np.random.RandomState(seed)):
        counts = np.bincount(strata[share.held_out], minlength=3)
        # Of a systematic sample a class may be off by one at either end.
        assert np.all(np.abs(counts - [60, 12, 2]) <= [2, 1, 1])


def test_one_example_cannot_be_shared():
    with pytest.raises(ValueError, match="found n_samples=1, expected at least 2"):
        draw_shares(np.zeros(1, int), 1, 0.2, np.random.RandomState(0))
