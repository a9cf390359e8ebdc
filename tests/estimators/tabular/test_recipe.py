"""Recipe of members: what the network is made of, and how long it is trained."""

import time

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from dnn_xp import Dense, Dropout, PeriodicEmbedding
from dnn_xp.estimators import TabularClassifier
from dnn_xp.estimators.tabular.recipe import make_recipe, within

pytestmark = pytest.mark.once


def recipe(n_training=1600, n_numbers=3, **parameters):
    return make_recipe(
        TabularClassifier(**parameters),
        n_columns=5,
        n_numbers=n_numbers,
        n_outputs=2,
        n_training=n_training,
        cost="softmax_cross_entropy",
    )


def kinds(found):
    return [type(layer) for layer in found.network.layers]


def test_a_network_is_an_embedding_of_numbers_and_blocks():
    block = [Dense, Dropout]
    assert kinds(recipe(dropout=0.1)) == [PeriodicEmbedding, *block, *block, *block, Dense]
    assert kinds(recipe(dropout=0.1, hidden_layer_sizes=7)) == [PeriodicEmbedding, *block, Dense]
    assert kinds(recipe(dropout=0.0, hidden_layer_sizes=7)) == [PeriodicEmbedding, Dense, Dense]
    hidden = recipe(hidden_layer_sizes=7, activation="mish").network.layers[1]
    assert hidden.activation == "mish"
    assert PeriodicEmbedding not in kinds(recipe(n_numbers=0))
    assert PeriodicEmbedding not in kinds(recipe(periodic=False))


@pytest.mark.parametrize("sizes", [[8, 9], (8, 9), np.asarray([8, 9]), range(8, 10)])
def test_sizes_of_layers_come_in_any_sequence(sizes):
    found = recipe(hidden_layer_sizes=sizes).network
    assert [layer.units for layer in found.layers if isinstance(layer, Dense)] == [8, 9, 2]


@pytest.mark.parametrize("n_training", [1, 20, 300, 1600, 6400, 32_000, 1_000_000])
def test_there_are_enough_steps_and_not_too_many(n_training):
    found = recipe(n_training)
    assert 1 <= found.batch_size <= n_training
    steps = found.epochs * -(-n_training // found.batch_size)
    assert steps >= 64
    assert found.epochs >= 8
    assert recipe(n_training, max_iter=3).epochs == 3
    assert recipe(n_training, batch_size=10).batch_size == min(10, n_training)


def test_a_schedule_that_is_short_of_time_comes_to_its_end():
    plain = recipe()
    hastened, limits = within(plain, 0.2)
    assert hastened.schedule(plain.epochs / 2) == pytest.approx(plain.schedule(plain.epochs / 2))
    time.sleep(0.2)
    assert hastened.schedule(1.0) == pytest.approx(0.0, abs=1e-12)
    assert [limit.seconds for limit in limits] == [0.2]
