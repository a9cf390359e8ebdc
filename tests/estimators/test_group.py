"""Fits over a group of processes: all come to the parameters of one, and rank 0 speaks."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.exceptions import ConvergenceWarning

from dnn_xp.backends import DisagreementError
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from tests.estimators.small import KINDS, SETTINGS, X, Y, both, parameters, quiet
from tests.groups import over_threads

LABELS = (X[:, 0] > 0).astype(int)

pytestmark = [pytest.mark.once, quiet]

WAYS = {
    "adam": {},
    "sgd, early stopping": {"solver": "sgd", "early_stopping": True, "max_iter": 30},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "max_iter": 60},
    "dropout, clipping": {"dropout": 0.2, "clip_norm": 0.5},
    "lbfgs": {"solver": "lbfgs", "max_iter": 10},
    "scored": {"early_stopping": True, "scoring": "r2", "max_iter": 8},
}


def fit_over(size, kind, *, weights=None, make_options=lambda rank: {}, **options):
    def fit(group):
        own = {**SETTINGS, **options, **make_options(group.rank)}
        return kind(**own).fit(X, Y, weights, group=group)

    return over_threads(size, fit)


def assert_alike(fitted, alone, tolerance=1e-9):
    for one in fitted:
        for found, first, expected in zip(
            parameters(one), parameters(fitted[0]), parameters(alone), strict=True
        ):
            np.testing.assert_array_equal(found, first)
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
        assert one.n_iter_ == alone.n_iter_
        np.testing.assert_allclose(one.loss_curve_, alone.loss_curve_, rtol=tolerance)


@both
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("weights", [None, np.linspace(0.0, 2.0, len(X))], ids=["", "weights"])
def test_members_fit_what_one_process_fits(kind, way, weights):
    alone = kind(**SETTINGS | WAYS[way]).fit(X, Y, weights)
    fitted = fit_over(3, kind, weights=weights, **WAYS[way])
    # Line searches enlarge the rounding of the sums.
    assert_alike(fitted, alone, 1e-6 if way == "lbfgs" else 1e-9)
    if hasattr(alone, "validation_scores_") and alone.validation_scores_ is not None:
        assert fitted[1].validation_scores_ == fitted[0].validation_scores_


@both
def test_a_group_of_one_fits_the_same_bits(kind):
    (fitted,) = fit_over(1, kind)
    assert_alike([fitted], kind(**SETTINGS).fit(X, Y), 0.0)


def test_validation_data_are_judged_by_rank_0():
    """By a scorer that differs from member to member, as it never should."""

    def options(rank):
        return {"early_stopping": True, "scoring": lambda model, X, y: 0.5 + rank}

    for fitted in fit_over(2, MLPClassifier, make_options=options):
        assert set(fitted.validation_scores_) == {0.5}


@both
def test_rank_0_alone_prints_and_warns(kind, capsys):
    kind(**SETTINGS | {"verbose": True}).fit(X, Y)
    printed = capsys.readouterr().out
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit_over(3, kind, verbose=True)
    assert capsys.readouterr().out == printed
    assert [one.category for one in caught] == [ConvergenceWarning]


def test_members_that_draw_their_own_start_are_refused():
    with pytest.raises(DisagreementError, match=r"theta: found another start.*random_state"):
        fit_over(2, MLPRegressor, make_options=lambda rank: {"random_state": rank})


def test_a_fit_goes_on_over_another_number_of_members(tmp_path):
    whole = MLPClassifier(**SETTINGS | {"max_iter": 6}).fit(X, Y)
    for size, epochs in ((2, 3), (3, 5), (1, 6)):
        fitted = fit_over(size, MLPClassifier, checkpoint=tmp_path, max_iter=epochs)
    assert_alike(fitted, whole)
    assert len([*tmp_path.glob("*.checkpoint")]) == 1


def test_a_group_is_no_parameter_of_an_estimator():
    for kind in KINDS:
        assert "group" not in kind().get_params()


def test_data_that_one_process_refuses_end_the_fit_of_all():
    bad, heard = np.array(X), []
    bad[3, 0] = np.nan

    def fit(group):
        try:
            MLPClassifier(**SETTINGS).fit(bad if group.rank else X, LABELS, group=group)
        except DisagreementError as error:
            heard.append((group.rank, str(error)))

    with pytest.raises(ValueError, match="Input X contains NaN"):
        over_threads(2, fit)
    [(rank, said)] = heard
    assert rank == 0
    assert said.startswith("group: rank 1 has failed: ValueError: Input X contains NaN")


def test_classes_of_other_names_are_no_fit_together():
    names = np.array(["no", "yes"])

    def fit(group):
        y = names[LABELS] if group.rank else LABELS
        MLPClassifier(**SETTINGS).fit(X, y, group=group)

    expected = r"rank 1 is not as rank 0: classes_: found \['no' 'yes'\], expected \[0 1\]"
    with pytest.raises(DisagreementError, match=expected):
        over_threads(2, fit)
