"""Checkpoints of fits: each has a file of its own, and none goes on from another's."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.multiclass import OneVsRestClassifier

from dnn_xp import Callback, Checkpoint
from dnn_xp.estimators import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(60, 4)), RNG.integers(0, 3, 60)
SETTINGS = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0, "batch_size": 20}


def files(folder):
    return sorted(path.name for path in folder.iterdir())


class Kill(Callback):
    def step(self, run):
        if run.step == 10:
            raise RuntimeError("killed")


def test_checkpoint_of_each_fold_is_its_own(tmp_path):
    """With labels at random no fold may know another's."""
    kept = MLPClassifier(**SETTINGS, checkpoint=tmp_path / "fits")
    plain = cross_val_score(MLPClassifier(**SETTINGS), X, Y, cv=KFold(4))
    for _ in range(2):  # anew, and from the ends of all fits
        np.testing.assert_array_equal(cross_val_score(kept, X, Y, cv=KFold(4)), plain)
    assert len(files(tmp_path / "fits")) == 4 * 2  # the newest, and the one before


def test_checkpoint_of_each_candidate_and_each_class_is_its_own(tmp_path):
    kept, plain = (MLPClassifier(**SETTINGS, checkpoint=path) for path in (tmp_path / "a", None))
    grid = {"alpha": [1e-4, 1.0], "learning_rate_init": [0.001, 0.1]}
    searches = [GridSearchCV(one, grid, cv=2, refit=False).fit(X, Y) for one in (kept, plain)]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    np.testing.assert_array_equal(*scores)
    kept.checkpoint = tmp_path / "b"
    outputs = [OneVsRestClassifier(one).fit(X, Y).predict_proba(X) for one in (kept, plain)]
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize(
    "changes",
    [
        {"y": Y[::-1].copy()},
        {"X": -X},
        {"sample_weight": np.linspace(0.5, 2.0, 60)},
        {"X_val": X[:9], "y_val": Y[:9]},
        {"tol": 0.5},
        {"shuffle": False},
        {"n_iter_no_change": 1},
        {"random_state": 3},
    ],
    ids=str,
)
def test_checkpoint_of_other_data_or_parameters_is_not_taken(tmp_path, changes):
    data = {"X": X, "y": Y}
    first = MLPClassifier(**SETTINGS, checkpoint=tmp_path).fit(**data)
    arguments = {name: changes.pop(name) for name in list(changes) if name not in SETTINGS}
    own = {
        name: arguments.pop(name)
        for name in ("tol", "n_iter_no_change", "shuffle")
        if name in arguments
    }
    options = SETTINGS | changes | own
    again = MLPClassifier(**options, checkpoint=tmp_path).fit(**data | arguments)
    afresh = MLPClassifier(**options).fit(**data | arguments)
    assert again.loss_curve_ == afresh.loss_curve_
    for found, expected in zip(again.coefs_, afresh.coefs_, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert first.n_iter_ == 8


def test_checkpoint_of_a_killed_fit_is_gone_on_from(tmp_path):
    options = SETTINGS | {"checkpoint": Checkpoint(tmp_path, steps=1)}
    with pytest.raises(RuntimeError, match="killed"):
        MLPRegressor(**options, callbacks=[Kill()]).fit(X, X[:, 0])
    again = MLPRegressor(**options).fit(X, X[:, 0])
    whole = MLPRegressor(**SETTINGS).fit(X, X[:, 0])
    assert again.loss_curve_ == whole.loss_curve_
    longer = MLPRegressor(**options | {"max_iter": 12}).fit(X, X[:, 0])
    assert longer.n_iter_ == 12  # from the eighth epoch on, since it is the same fit
    assert len(files(tmp_path)) == 2


def test_checkpoint_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "run.checkpoint"
    path.write_text("years of work")
    with pytest.raises(ValueError, match=r"checkpoint: found the file .*, expected a folder"):
        MLPRegressor(**SETTINGS, checkpoint=path).fit(X, Y)
    assert path.read_text() == "years of work"


def test_checkpoint_of_a_longer_fit_is_not_taken_for_a_shorter_one(tmp_path):
    MLPClassifier(**SETTINGS, checkpoint=tmp_path).fit(X, Y)
    with pytest.raises(ValueError, match="max_iter: found 3, expected at least 8: so many epochs"):
        MLPClassifier(**SETTINGS | {"max_iter": 3}, checkpoint=tmp_path).fit(X, Y)


def test_checkpoint_of_a_fit_with_a_function_without_a_name_is_refused(tmp_path):
    estimator = MLPClassifier(
        **SETTINGS, solver="sgd", learning_rate=lambda epoch: 0.5, checkpoint=tmp_path
    )
    with pytest.raises(
        ValueError, match=r"learning_rate: found .*<lambda>, expected a function of"
    ):
        estimator.fit(X, Y)


@pytest.mark.parametrize("older", [1, 2])
def test_a_fit_goes_on_from_an_older_checkpoint_where_the_newest_is_gone(tmp_path, older):
    """As a kill between two names may leave it."""

    class CountSteps(Callback):
        taken = 0

        def step(self, run):
            CountSteps.taken += 1

    MLPClassifier(**SETTINGS, checkpoint=tmp_path).fit(X, Y)
    (newest,) = [path for path in tmp_path.iterdir() if path.suffix == ".checkpoint"]
    newest.with_name(f"{newest.name}.1").unlink()
    newest.replace(newest.with_name(f"{newest.name}.{older}"))
    MLPClassifier(**SETTINGS, checkpoint=tmp_path, callbacks=[CountSteps()]).fit(X, Y)
    assert CountSteps.taken == 0


@pytest.mark.parametrize("place", ["under a file", "nobody's", "a device"])
def test_a_folder_of_checkpoints_that_cannot_be_made_ends_the_fit_before_it_begins(tmp_path, place):
    (tmp_path / "file").touch()
    folder = {"under a file": tmp_path / "file" / "below", "nobody's": "/proc/fits"}
    with pytest.raises(OSError, match=r"directory|File|denied|exists"):
        MLPClassifier(
            **SETTINGS, checkpoint=folder.get(place, "/dev/null/fits"), callbacks=[Kill()]
        ).fit(X, Y)
