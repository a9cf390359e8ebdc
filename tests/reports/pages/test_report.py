"""Pages on runs: which sections they have, what they say of broken runs, and what they refuse."""

import json

import numpy as np
import pytest

from dnn_xp import Dense, Model, Network, RunFolder, report, save_model, sgd, train
from dnn_xp.data import Dataset, Preprocessing, Source
from dnn_xp.reports.examples import MOST_EXAMPLES, Examples
from dnn_xp.reports.pages.facts import Facts, gather
from dnn_xp.reports.pages.report import make_page
from dnn_xp.training.loop import DivergenceWarning

pytestmark = pytest.mark.once

rng = np.random.default_rng(0)
X = rng.normal(size=(4, 60))
PICTURES = rng.integers(0, 17, (4, 60)).astype(np.uint8)
CLASSES = (X[0] > 0.0).astype(np.int64) + (X[1] > 0.0)
SOFTMAX = Network(4, (Dense(5, "tanh"), Dense(3)), "softmax_cross_entropy")
LINE = Network(4, (Dense(1),), "squared_error")


def softmax(**more):
    theta = train(SOFTMAX, X, CLASSES, epochs=60, optimizer=sgd(0.5)).theta
    return Model(SOFTMAX, theta, classes=("a", "b", "c"), **more)


def pictures():
    """Return a model that sees pictures of 2 x 2 pixels, and some of them."""
    network = Network(4, (Dense(3, "relu"), Dense(1)), "sigmoid_cross_entropy")
    theta = network.initialize(seed=1, like=np.empty(0))
    scaling = Preprocessing(np.asarray(0.0), np.asarray(1 / 16))
    model = Model(network, theta, scaling, ("dark", "light"), (2, 2, 1), 16)
    y = (PICTURES.mean(axis=0) > 8).astype(np.int64)
    return model, Dataset(PICTURES, y, ("dark", "light"), (2, 2, 1), 16)


def sections(page):
    return [one.template for one in page.sections]


def section(page, name):
    return next(one for one in page.sections if one.template == name)


OF_CLASSES = ["confusion", "by_class", "mistakes", "certainty"]


# ----------------------------------------------------------------------------- what is shown


def test_a_model_alone_has_a_card():
    page = report(softmax(about={"epochs": 60}))
    assert sections(page) == ["card", "versions"]
    assert [tuple(one) for one in page.headlines] == [("60", "epochs", "")]


def test_no_run_is_refused():
    with pytest.raises(ValueError, match=r"^run: found \[\], expected one run or several"):
        report([])


@pytest.mark.parametrize("y", [CLASSES, CLASSES[None], np.eye(3)[CLASSES].T])
def test_classes_are_numbers_or_columns_with_a_single_one(y):
    page = report(softmax(), (X, y))
    assert sections(page) == [*OF_CLASSES, "card", "versions"]
    mistakes = section(page, "mistakes").content["n_mistakes"]
    assert page.headlines[0].value == f"{1 - mistakes / 60:.2%}"
    assert page.headlines[0].words == "accuracy, of 60 examples"
    commonest = np.bincount(CLASSES).max() / 60
    assert page.headlines[0].beside == f"always the commonest class: {commonest:.2%}"


def test_pictures_are_shown_with_what_the_network_looks_at():
    model, data = pictures()
    page = report(model, data)
    assert sections(page) == [*OF_CLASSES, "first_layer", "card", "versions"]
    mistakes = section(page, "mistakes").content
    assert mistakes["has_saliency"]
    assert len(mistakes["shown"]) == mistakes["n_mistakes"] > 0


def test_what_speaks_for_the_first_of_two_classes_is_what_speaks_against_the_second(monkeypatch):
    model, data = pictures()
    asked = {}
    its = make_page.__globals__
    section = its["mistakes_section"]
    monkeypatch.setitem(
        its, "mistakes_section", lambda *a, **more: asked.update(more) or section(*a)
    )
    report(model, data)
    chosen = np.arange(60)
    found = asked["saliency"](chosen)
    assert found.shape == (60, 2, 2, 1)
    # A larger pixel moves the logit of the predicted class as the saliency says.
    network, scaled = model.network, PICTURES / 16
    said = network.predict(model.theta, scaled)[0]
    for i in range(5):
        moved = scaled[:, [i]].copy()
        moved[0] += 1e-6
        before, after = said[i], network.predict(model.theta, moved)[0, 0]
        slope = (np.log(after / (1 - after)) - np.log(before / (1 - before))) / 1e-6 / 16
        slope = slope if before > 0.5 else -slope
        assert found[i, 0, 0, 0] == pytest.approx(slope, rel=1e-3, abs=1e-7)


def test_values_have_residuals():
    run = train(LINE, X, 3.0 * X[:1] + 1.0, epochs=50)
    page = report(run, (X, 3.0 * X[:1] + 1.0), name="slopes")
    assert sections(page) == ["curves", "true_and_predicted", "card", "versions"]
    assert [one.words for one in page.headlines] == [
        "RMSE, of 60 examples",
        "R2, of 60 examples",
        "epochs",
    ]
    assert "slopes" in page.summary


def test_quantiles_are_intervals():
    network = Network(4, (Dense(3),), ("quantile", 0.1, 0.5, 0.9))
    theta = network.initialize(seed=0, like=np.empty(0))
    page = report(Model(network, theta), (X, X[:1]))
    assert sections(page) == ["true_and_predicted", "intervals", "card", "versions"]
    assert section(page, "intervals").content["asked"] == "80%"


def test_labels_have_a_table_of_their_own():
    network = Network(4, (Dense(2),), "sigmoid_cross_entropy")
    model = Model(network, network.initialize(seed=0, like=np.empty(0)), classes=("wet", "cold"))
    page = report(model, (X, (X[:2] > 0.0).astype(float)))
    assert sections(page) == ["by_label", "card", "versions"]
    assert [one.words for one in page.headlines] == [
        "every label right, of 60 examples",
        "F1, mean of labels, of 60 examples",
    ]


def test_what_is_learnt_from_counts_as_what_is_common():
    model, part = softmax(), Dataset(X, CLASSES, ("a", "b", "c"), None, None)
    seen = Examples("t", part._replace(X=X[:, :3], y=np.zeros(3, np.int64)))
    page = make_page(gather(model), Examples("h", part, training=seen, is_held_out=True))
    assert page.headlines[0].words == "accuracy, of 60 held out"
    share = np.mean(CLASSES == 0)
    assert page.headlines[0].beside == f"always the commonest class in training: {share:.2%}"
    assert dict(section(page, "card").content["data"])["examples"] == "3 training, 60 held out"


def test_sources_are_read_as_far_as_memory_allows():
    m, read = 5 * MOST_EXAMPLES + 5, []

    def columns(which):
        read.append(which)
        return np.zeros((4, len(np.arange(m)[which])))

    page = report(Model(LINE, np.zeros(5)), (Source((4, m), columns, np.empty(0)), np.ones((1, m))))
    (places,) = read
    assert len(set(places.tolist())) == len(places)
    assert MOST_EXAMPLES - 64 < len(places) <= MOST_EXAMPLES
    assert 0 <= places[0] < places[-1] < m
    assert np.diff(places).max() > 1  # not those at the beginning alone: a file may be in order
    said = f"Of {m:,} examples {len(places):,} are shown, drawn at random."
    assert section(page, "notes").content["notes"] == [said]


@pytest.mark.parametrize(
    "Y", [X[:1] > 0.0, (X[:1] > 0.0).astype(float), (X[0] > 0.0).astype(int)[None]]
)
def test_one_output_of_two_classes_is_of_classes_though_nobody_names_them(Y):
    network = Network(4, (Dense(1),), "sigmoid_cross_entropy")
    page = report(train(network, X, Y, epochs=2), (X, Y))
    assert [one for one in sections(page) if one in OF_CLASSES] == OF_CLASSES
    assert page.headlines[0].words == "accuracy, of 60 examples"


# ----------------------------------------------------------------------------- estimators


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_estimators_take_rows():
    pytest.importorskip("sklearn")
    from dnn_xp import MLPClassifier, MLPRegressor

    names = np.asarray(["low", "middle", "high"])[CLASSES]
    classifier = MLPClassifier((4,), max_iter=30, random_state=0).fit(X.T, names)
    page = report(classifier, (X.T, names))
    assert sections(page) == ["curves", *OF_CLASSES, "card", "versions"]
    assert page.headlines[0].value == f"{classifier.score(X.T, names):.2%}"
    regressor = MLPRegressor(hidden_layer_sizes=(4,), max_iter=30, random_state=0).fit(X.T, X[:2].T)
    page = report(regressor, (X.T, X[:2].T))
    assert sections(page) == ["curves", "true_and_predicted", "card", "versions"]
    assert page.title == "MLPRegressor"
    with pytest.raises(ValueError, match="data: found the class 'none', expected some of"):
        report(classifier, (X.T[:1], ["none"]))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_several_labels_of_an_estimator_are_labels():
    pytest.importorskip("sklearn")
    from dnn_xp import MLPClassifier

    y = (X[:2] > 0.0).astype(int).T
    page = report(MLPClassifier((4,), max_iter=5, random_state=0).fit(X.T, y), (X.T, y))
    assert "by_label" in sections(page)


def test_estimators_of_tables_have_importances_and_intervals():
    pytest.importorskip("sklearn")
    from dnn_xp import TabularRegressor

    fitted = TabularRegressor(n_members=2, max_iter=5, random_state=0, importances=True)
    fitted.fit(X.T, X[0])
    page = report(fitted, (X.T, X[0]))
    assert sections(page) == [
        *("true_and_predicted", "intervals", "column_importances", "card", "versions")
    ]
    model = fitted.to_model()
    assert "column_importances" in sections(report(model))
    with pytest.raises(ValueError, match=r"TabularRegressor\.from_model"):
        report(model, (X.T, X[0]))


# ----------------------------------------------------------------------------- folders


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a run that Python began."""
    path = tmp_path / "run"
    train(LINE, X, X[:1], epochs=3, callbacks=[RunFolder(path)])
    return path


def test_a_run_of_python_has_curves_card_and_versions(folder):
    page = report(folder)
    assert (page.title, sections(page)) == ("run", ["curves", "card", "versions"])
    assert "numpy" in page.html()
    page = report(str(folder), (X, X[:1]), title="mine", notes="For slopes.")
    assert page.title == "mine"
    assert "For slopes." in page.html()


def change(folder, **more):
    record = json.loads((folder / "run.json").read_text())
    kept = {name: value for name, value in (record | more).items() if value is not None}
    (folder / "run.json").write_text(json.dumps(kept))


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("interrupted", "The run was interrupted after 3 epochs."),
        (None, "The run was interrupted after 3 epochs."),
        ("diverged", "The run diverged after 3 epochs."),
        ("nonsense", "The folder of the run is damaged."),
    ],
)
def test_how_a_run_went_is_said_above_all(folder, ending, said):
    change(folder, ending=ending)
    assert report(folder).summary.startswith(said)


@pytest.mark.parametrize(
    ("file", "said", "kept"),
    [
        ("run.json", "run.json cannot be read", ["notes", "curves", "card", "versions"]),
        ("history.jsonl", "line 1 of history.jsonl", ["notes", "card", "versions"]),
        ("model.h5", "model.h5", ["notes", "curves", "card", "versions"]),
    ],
)
def test_what_is_damaged_is_said_and_the_rest_is_shown(folder, file, said, kept):
    (folder / file).write_text("{\n")
    page = report(folder)
    assert said in " ".join(section(page, "notes").content["notes"])
    assert sections(page) == kept
    assert page.html()


def test_a_run_without_a_model_says_why(folder):
    (folder / "model.h5").unlink()
    change(folder, ending=None)
    notes = section(report(folder), "notes").content["notes"]
    assert notes == [
        "There is no model: the run was broken off before it could keep one; dnn-xp resume goes on."
    ]
    with pytest.raises(ValueError, match="data: run has no model to show them to"):
        report(folder, (X, X[:1]))


def test_a_file_of_a_model_is_enough(tmp_path):
    save_model(tmp_path / "m.h5", softmax())
    page = report(tmp_path / "m.h5", (X, CLASSES))
    assert page.title == "m.h5"
    assert "versions" in sections(page)


def test_a_result_that_diverged_has_curves():
    with np.errstate(all="ignore"), pytest.warns(DivergenceWarning):
        run = train(LINE, 1e30 * X, 1e30 * X[:1], epochs=3, optimizer=sgd(1e30))
    page = report(run)
    assert page.summary.startswith("The run diverged")
    assert page.html()


def test_several_runs_are_compared(folder, tmp_path):
    train(LINE, X, X[:1], epochs=5, callbacks=[RunFolder(tmp_path / "other")])
    page = report([folder, tmp_path / "other"], title="two", notes="Mind the gap.")
    assert (page.title, sections(page)) == ("two", ["notes", "comparison", "comparison_curves"])
    for runs, said in [
        ([folder, folder], "twice"),
        ([folder, tmp_path / "none"], "found nothing at"),
        ([folder, folder / "model.h5"], "found a file at"),
    ]:
        with pytest.raises(ValueError, match=said):
            report(runs)
    with pytest.raises(ValueError, match="data: found several runs"):
        report([folder, tmp_path / "other"], (X, X[:1]))


@pytest.mark.parametrize(
    ("run", "data", "error", "said"),
    [
        (3, None, TypeError, "run: found int"),
        ("none.h5", None, OSError, "none.h5"),
        (".", None, ValueError, "run: found ., a folder without run.json"),
        (LINE, None, TypeError, "run: found Network"),
        (Model(LINE, np.zeros(5)), X, ValueError, "data: found"),
        (Model(LINE, np.zeros(5)), (X.T, X[:1]), ValueError, r"data: found \(60, 4\)"),
        (Model(LINE, np.zeros(5)), (X, X[:1, :7]), ValueError, "Y has shape"),
        (Model(LINE, np.zeros(5)), (X[:, :0], X[:1, :0]), ValueError, "X: found no examples"),
        (pictures()[0], pictures()[1]._replace(X=X[:3]), ValueError, r"data: found \(3, 60\)"),
        (Model(SOFTMAX, np.zeros(SOFTMAX.size)), (X, CLASSES + 7), ValueError, "Y: found class"),
    ],
)
def test_what_does_not_fit_is_named(run, data, error, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=said):
        report(run, data)


def test_the_same_run_has_the_same_page(folder):
    pytest.importorskip("jinja2")
    assert report(folder, (X, X[:1])).html() == report(folder, (X, X[:1])).html()


def test_a_result_of_any_library_is_shown_by_the_current_one():
    torch = pytest.importorskip("torch")
    x = torch.asarray(X)
    run = train(LINE, x, x[:1], epochs=3)
    of_numpy = train(LINE, X, X[:1], epochs=3)
    assert report(run, (x, x[:1])).headlines == report(of_numpy, (X, X[:1])).headlines


@pytest.mark.parametrize(
    ("facts", "title"),
    [
        (Facts("a", "done", about={"data": "my/prices.npz"}), "prices.npz: a"),
        (Facts("2026-12-01_prices", "done", about={"data": "prices.npz"}), "2026-12-01_prices"),
        (Facts("a", "done", about={"data": 5}), "a"),
        (Facts("m.h5", about={"data": "prices.npz"}), "m.h5"),
    ],
)
def test_the_title_of_a_run_tells_its_data(facts, title):
    assert make_page(facts).title == title
