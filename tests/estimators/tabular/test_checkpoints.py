"""Checkpoints of members: a file for each, found again by what the member is."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from dnn_xp import Checkpoint, Dense, Network
from dnn_xp.estimators.tabular.checkpoints import open_member_checkpoint
from dnn_xp.estimators.tabular.members import Examples, Recipe, train_member
from dnn_xp.training import adamw, cosine

pytestmark = pytest.mark.once
X = np.random.default_rng(0).normal(size=(3, 20))
EXAMPLES = Examples(X, X[:1], None)
NETWORK = Network(3, (Dense(4, "tanh"), Dense(1)), "squared_error")
RECIPE = Recipe(NETWORK, adamw(0.05), 4, 5, cosine(4))


def test_nothing_is_written_where_nothing_is_asked_for():
    assert open_member_checkpoint(None, RECIPE, EXAMPLES, 0) == ([], None)


@pytest.mark.parametrize("wrap", [str, Checkpoint])
def test_a_member_that_is_done_is_found_again(tmp_path, wrap):
    given = wrap(tmp_path / "runs")
    callbacks, resume = open_member_checkpoint(given, RECIPE, EXAMPLES, 0)
    assert resume is None
    member = train_member(RECIPE, EXAMPLES, None, 0, callbacks)
    callbacks, resume = open_member_checkpoint(given, RECIPE, EXAMPLES, 0)
    assert resume.epoch == 4
    again = train_member(RECIPE, EXAMPLES, None, 0, callbacks, resume)
    np.testing.assert_array_equal(again.theta, member.theta)


@pytest.mark.parametrize(
    "other",
    [
        (RECIPE._replace(epochs=5), EXAMPLES, 0),
        (RECIPE._replace(optimizer=adamw(0.01)), EXAMPLES, 0),
        (RECIPE._replace(schedule=cosine(9)), EXAMPLES, 0),
        (RECIPE, EXAMPLES._replace(X=X + 1.0), 0),
        (RECIPE, EXAMPLES._replace(weights=np.arange(20.0)), 0),
        (RECIPE, EXAMPLES, 1),
    ],
    ids=["epochs", "rate", "schedule", "examples", "weights", "seed"],
)
def test_another_member_begins_anew(tmp_path, other):
    callbacks, _ = open_member_checkpoint(tmp_path, RECIPE, EXAMPLES, 0)
    train_member(RECIPE, EXAMPLES, None, 0, callbacks)
    assert open_member_checkpoint(tmp_path, *other)[1] is None


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="checkpoint: found the file"):
        open_member_checkpoint(tmp_path / "file", RECIPE, EXAMPLES, 0)
    assert (tmp_path / "file").read_text() == "mine"
