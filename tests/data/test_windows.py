"""The order of windows, and the batches that are cut out of them."""

import threading
import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dnn_xp.data.windows import WindowOrder, read_ahead, window_batches
from dnn_xp.training.batches import minibatches

ORDERS = st.builds(WindowOrder, st.integers(1, 90), st.integers(1, 12), st.integers(1, 40))


def places(windows):
    return np.concatenate([window.examples[window.order] for window in windows])


def batches(order, batch_size, seed=3, epoch=1, **options):
    def fetch(which):
        return which * 10, -which[:, None]

    return list(window_batches(order, fetch, batch_size, seed, epoch, **options))


@given(ORDERS, st.integers(0, 2**40), st.integers(0, 9))
def test_an_epoch_takes_each_example_once(order, seed, epoch):
    windows = list(order.windows(seed, epoch))
    assert sorted(places(windows)) == list(range(order.n_examples))
    assert len(windows) == order.n_windows
    for window in windows:
        assert (np.diff(window.examples) > 0).all()  # they are read in this order
        assert len(window.examples) <= max(order.window, order.run)


@given(ORDERS, st.integers(0, 5), st.data())
def test_an_epoch_is_found_again_at_any_place(order, epoch, data):
    count = data.draw(st.integers(0, order.n_examples))
    number, begin = order.find(7, epoch, count)
    rest = [*order.windows(7, epoch, number)]
    found = places(rest)[begin:] if rest else []
    np.testing.assert_array_equal(found, places(order.windows(7, epoch))[count:])


def test_the_order_is_another_for_each_seed_and_epoch_and_the_same_again():
    order = WindowOrder(1000, 16, 128)
    first, again, other_seed, other_epoch = (
        places(order.windows(*numbers)) for numbers in ((0, 0), (0, 0), (1, 0), (0, 1))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other_seed).mean() > 0.9
    assert (first != other_epoch).mean() > 0.9


def test_a_window_holds_runs_from_all_over_the_data():
    order = WindowOrder(64_000, 64, 6_400)
    for window in order.windows(0, 0):
        assert len(window.examples) == 6_400
        assert (window.examples.reshape(-1, 64) % 64 == np.arange(64)).all()
        assert window.examples[0] < 6_400
        assert window.examples[-1] > 57_600
        # What is neighbouring in the file is far apart in the order.
        assert np.median(abs(np.diff(window.order))) > 1_000


def test_examples_that_fit_into_one_window_come_in_the_order_of_an_array():
    expected = np.concatenate([one for one, _ in minibatches(100, 7, 5, 2)])
    np.testing.assert_array_equal(places(WindowOrder(100, 64, 128).windows(5, 2)), expected)
    np.testing.assert_array_equal(places(WindowOrder(100, 64, 100).windows(5, 2)), expected)


@given(ORDERS, st.integers(1, 50), st.booleans())
@example(WindowOrder(90, 7, 14), 40, True)  # batches larger than windows
def test_batches_hold_the_rows_of_their_examples(order, batch_size, ahead):
    found = batches(order, batch_size, ahead=ahead)
    taken = np.concatenate([batch.examples for batch in found])
    np.testing.assert_array_equal(taken, places(order.windows(3, 1)))
    for batch in found:
        x, y = batch.rows
        np.testing.assert_array_equal(x, batch.examples * 10)
        np.testing.assert_array_equal(y[:, 0], -batch.examples)
        assert batch.used == batch.whole == len(batch.examples)
    assert [batch.whole for batch in found[:-1]] == [batch_size] * (len(found) - 1)
    assert len(found) == -(-order.n_examples // batch_size)


@given(ORDERS, st.integers(1, 50), st.integers(0, 12))
def test_batches_may_begin_with_any(order, batch_size, first):
    expected = batches(order, batch_size)[first:]
    found = batches(order, batch_size, first=first)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.examples, other.examples)
        np.testing.assert_array_equal(one.rows[0], other.rows[0])


@given(ORDERS, st.integers(1, 50))
def test_a_batch_is_filled_up_with_what_does_not_count(order, batch_size):
    plain, padded = batches(order, batch_size), batches(order, batch_size, padded=True)
    for one, other in zip(plain, padded, strict=True):
        assert len(other.examples) == len(other.rows[0]) == batch_size
        assert other.used == other.whole == one.used
        np.testing.assert_array_equal(other.examples[: one.used], one.examples)
        np.testing.assert_array_equal(other.rows[0], other.examples * 10)


@given(ORDERS, st.integers(1, 50), st.integers(0, 12), st.booleans(), st.integers(1, 3))
def test_nothing_is_taken_from_a_window_once_it_is_released(order, size, first, ahead, processes):
    released = []

    def release(rows):
        released.append(len(rows[0]))
        for one in rows:
            one.fill(-7)  # as the next but one does

    options = {"first": first, "ahead": ahead, "size": processes}
    expected = batches(order, size, **options)
    found = batches(order, size, release=release, **options)
    for one, other in zip(expected, found, strict=True):
        for rows, others in zip(one.rows, other.rows, strict=True):
            np.testing.assert_array_equal(rows, others)
    windows = [*order.windows(3, 1, order.find(3, 1, first * size)[0])]
    held = [int(order.held(window, 0, processes).sum()) for window in windows]
    assert released == held


# ----------------------------------------------------------------------------- several processes


@given(ORDERS, st.integers(1, 50), st.integers(1, 5), st.booleans())
def test_processes_hold_each_example_of_a_batch_once(order, batch_size, size, ahead):
    whole = batches(order, batch_size)
    parts = [batches(order, batch_size, rank=rank, size=size, ahead=ahead) for rank in range(size)]
    for number, batch in enumerate(whole):
        own = [part[number] for part in parts]
        assert [one.whole for one in own] == [batch.whole] * size
        held = np.concatenate([one.examples for one in own])
        assert sorted(held) == sorted(batch.examples)
        for one in own:
            np.testing.assert_array_equal(one.rows[0], one.examples * 10)
            kept = np.isin(batch.examples, one.examples)
            np.testing.assert_array_equal(one.examples, batch.examples[kept])  # in its order


@pytest.mark.parametrize("size", [2, 3, 5])
def test_a_process_reads_every_size_th_run_of_a_window_and_no_other(size):
    order, read = WindowOrder(1000, 8, 80), []

    def fetch(which):
        read.append(which)
        return (which,)

    for rank in range(size):
        read.clear()
        list(window_batches(order, fetch, 30, 0, 0, rank=rank, size=size))
        assert len(read) == order.n_windows
        for window, mine in zip(order.windows(0, 0), read, strict=True):
            runs = np.unique(window.examples // 8)
            assert set(mine // 8) == set(runs[rank::size])
            assert set(mine) == {x for x in window.examples if x // 8 in runs[rank::size]}


# ----------------------------------------------------------------------------- reading ahead


def reading_threads():
    return [one for one in threading.enumerate() if one.name.startswith("dnn_xp")]


def test_the_next_window_is_read_while_one_is_used():
    order, events = WindowOrder(40, 5, 10), []

    def fetch(window):
        events.append(int(window.examples[0]))
        return (window.examples,)

    firsts = [int(window.examples[0]) for window in order.windows(0, 0)]
    reading = read_ahead(order.windows(0, 0), fetch)
    for number, _ in enumerate(reading, 1):
        deadline = time.monotonic() + 10
        while len(events) < min(number + 1, 4) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert events == firsts[: number + 1]  # one ahead, and never two
    assert not reading_threads()


@pytest.mark.parametrize("ahead", [True, False])
def test_an_error_comes_out_where_its_window_is_asked_for(ahead):
    def fetch(window):
        if window.examples[0] == bad:
            raise OSError("the disk is gone")
        return (window.examples,)

    order = WindowOrder(40, 5, 10)
    bad = [*order.windows(0, 0)][2].examples[0]
    reading = read_ahead(order.windows(0, 0), fetch, ahead)
    next(reading), next(reading)
    with pytest.raises(OSError, match="the disk is gone"):
        next(reading)
    assert not reading_threads()


def test_no_thread_stays_where_batches_are_closed():
    order = WindowOrder(1000, 10, 50)
    reading = window_batches(order, lambda which: (which,), 20, 0, 0)
    next(reading)
    assert len(reading_threads()) == 1
    reading.close()
    assert not reading_threads()
