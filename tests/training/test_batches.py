"""Which examples a step sees."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp.training.batches import minibatches

sizes = {"n_examples": st.integers(1, 50), "batch_size": st.integers(1, 60)}


@given(**sizes, seed=st.integers(0, 2**40), epoch=st.integers(0, 10**6))
def test_an_epoch_sees_each_example_once(n_examples, batch_size, seed, epoch):
    batches = list(minibatches(n_examples, batch_size, seed, epoch))
    assert sorted(np.concatenate([indices for indices, _ in batches])) == list(range(n_examples))
    assert all(indices.dtype == np.int32 for indices, _ in batches)
    assert all(len(indices) == count for indices, count in batches)
    assert all(count == batch_size for _, count in batches[:-1])
    assert 1 <= batches[-1][1] <= batch_size


@given(**sizes)
def test_filled_up_batches_are_all_of_one_size(n_examples, batch_size):
    plain = list(minibatches(n_examples, batch_size, 3, 4))
    padded = list(minibatches(n_examples, batch_size, 3, 4, padded=True))
    assert len(padded) == len(plain)
    for (indices, count), (full, full_count) in zip(plain, padded, strict=True):
        assert full_count == count
        assert full.shape == (batch_size,)
        np.testing.assert_array_equal(full[:count], indices)
        assert set(full) <= set(range(n_examples))  # what does not count is there to be read


def order(seed, epoch):
    return tuple(np.concatenate([indices for indices, _ in minibatches(20, 6, seed, epoch)]))


def test_seed_and_epoch_decide_the_order():
    """So a run is taken up at any epoch, without those before."""
    orders = {order(seed, epoch) for seed in range(10) for epoch in range(10)}
    assert len(orders) == 100
    assert order(3, 4) == order(3, 4)


def test_every_place_is_as_likely():
    places = np.array([order(seed, 0) for seed in range(4000)])
    # 200 of 4000 for each example at each place, within six standard deviations.
    counts = np.apply_along_axis(np.bincount, 0, places, minlength=20)
    assert np.abs(counts - 200).max() < 6 * 200**0.5


@given(**sizes)
def test_an_order_given_is_kept(n_examples, batch_size):
    order = np.arange(n_examples)[::-1]
    batches = minibatches(n_examples, batch_size, 3, 4, order=order)
    np.testing.assert_array_equal(np.concatenate([indices for indices, _ in batches]), order)
