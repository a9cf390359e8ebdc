"""The models of Part 2: both published tables, what they print, and where they train."""

import inspect
import re
import sys

import h5py
import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.article import cases, models, steps
from dnn_xp.training import Callback
from tests.helpers import assert_close, assert_is_like, assert_values

SIGNATURES = {
    "load_data": "",
    "two_layer_model": "X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, "
    "print_cost=False",
    "L_layer_model": "X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, "
    "print_cost=False",
    "predict": "X, y, parameters",
    "print_mislabeled_images": "classes, X, y, p",
}
MODELS = [(models.two_layer_model, (6, 4, 1)), (models.L_layer_model, [6, 5, 4, 1])]
both_models = pytest.mark.parametrize(("model", "layers_dims"), MODELS, ids=["two", "L"])


class Record(Callback):
    """Keeps the cost of every iteration."""

    def start(self, run):
        self.costs = run.history.setdefault("cost", [])


@pytest.fixture
def examples():
    """Return 10 examples of 6 features that two classes can be told apart by, on the host."""
    X = np.random.default_rng(0).random((6, 10))
    return X, (X[:1] > X[1:2]).astype(np.int64)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a few pictures in files like those of the cats."""
    rng = np.random.default_rng(0)
    for part, m in (("train", 7), ("test", 4)):
        with h5py.File(tmp_path / f"{part}_catvnoncat.h5", "w") as file:
            file[f"{part}_set_x"] = rng.integers(0, 256, (m, 8, 8, 3), dtype=np.uint8)
            file[f"{part}_set_y"] = np.arange(m) % 2
            file["list_classes"] = np.asarray([b"non-cat", b"cat"])
    return tmp_path


@pytest.mark.parametrize("name", SIGNATURES)
def test_article_models_positional_arguments_are_the_articles(name):
    parameters = inspect.signature(getattr(models, name)).parameters.values()
    positional = [one for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    written = [
        one.name if one.default is one.empty else f"{one.name}={one.default}" for one in positional
    ]
    assert ", ".join(written) == SIGNATURES[name]
    assert all(one.kind is one.KEYWORD_ONLY for one in parameters if one not in positional)


# ----------------------------------------------------------------------------- published tables


@pytest.mark.parametrize("published", cases.PUBLISHED, ids=lambda one: one.model)
def test_published_tables_from_the_real_pictures(published, library, xp, cat_data, capsys):
    if library.value not in ("numpy", "torch", "jax"):
        pytest.skip("2,500 iterations: on NumPy, torch and JAX only")
    train_x_orig, train_y, test_x_orig, test_y, _ = models.load_data(folder=cat_data)
    train_x, test_x = (
        one.reshape(one.shape[0], -1).T / 255.0 for one in (train_x_orig, test_x_orig)
    )

    record = Record()
    parameters = getattr(models, published.model)(
        train_x,
        train_y,
        published.layers_dims,
        num_iterations=published.num_iterations,
        print_cost=True,
        plot_cost=False,
        callbacks=[record],
    )
    assert all(backends.namespace(value) is xp for value in parameters.values())

    # What was computed, to half of the last decimal that can be compared ...
    assert len(record.costs) == 2500
    np.testing.assert_allclose(
        record.costs[::100], published.costs, rtol=0.0, atol=published.tolerance
    )
    # ... and what was printed, line for line.
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(published.costs) == 25
    for i, (line, cost) in enumerate(zip(printed, published.costs, strict=True)):
        words, _, number = line.rpartition(" ")
        assert words == f"Cost after iteration {100 * i}:"
        assert f"{float(number):.{published.decimals}f}" == f"{cost:.{published.decimals}f}"

    models.predict(train_x, train_y, parameters)
    models.predict(test_x, test_y, parameters)
    accuracies = re.findall(r"Accuracy: (\S+)\n", capsys.readouterr().out)
    expected = [published.train_accuracy, published.test_accuracy]
    # 15 digits: the article's last one is the rounding of its own sum over the examples.
    np.testing.assert_allclose([float(one) for one in accuracies], expected, rtol=1e-15)


# ----------------------------------------------------------------------------- what a model does


@both_models
def test_a_model_goes_the_way_of_part_one_step_by_step(model, layers_dims, array, examples, xp):
    X, Y = array(examples[0]), array(examples[1])
    trained = model(X, Y, layers_dims, 0.5, 20)

    scale = 0.01 if model is models.two_layer_model else "1/sqrt(n_prev)"
    parameters = steps.initialize_parameters_deep(layers_dims, seed=1, scale=scale)
    for _ in range(20):
        AL, caches = steps.L_model_forward(X, parameters)
        grads = steps.L_model_backward(AL, Y, caches)
        parameters = steps.update_parameters(parameters, grads, 0.5)

    assert trained.keys() == parameters.keys()
    for name, value in parameters.items():
        assert_close(trained[name], backends.from_blocks(value), rtol=1e-10)


@both_models
@pytest.mark.parametrize("num_iterations", [0, 1, 101])
def test_every_hundredth_cost_is_printed_in_the_articles_form(
    model, layers_dims, num_iterations, examples, capsys, xp
):
    record = Record()
    model(
        *examples,
        layers_dims,
        num_iterations=num_iterations,
        print_cost=True,
        plot_cost=False,
        callbacks=[record],
    )
    expected = "".join(
        f"Cost after iteration {i}: {record.costs[i]!r}\n"
        if model is models.two_layer_model
        else f"Cost after iteration {i}: {record.costs[i]:.6f}\n"
        for i in range(0, num_iterations, 100)
    )
    assert capsys.readouterr().out == expected


@both_models
def test_costs_are_printed_while_training_goes_on(model, layers_dims, examples, capsys):
    class Look(Callback):
        def epoch(self, run):
            seen.append(capsys.readouterr().out.count("\n"))

    seen = []
    with backends.use_backend("numpy"):
        model(
            *examples,
            layers_dims,
            num_iterations=102,
            print_cost=True,
            plot_cost=False,
            callbacks=[Look()],
        )
    assert seen == [1] + [0] * 99 + [1, 0]


@both_models
def test_nothing_is_printed_unless_asked(model, layers_dims, examples, capsys):
    with backends.use_backend("numpy"):
        model(*examples, layers_dims, num_iterations=2)
    assert capsys.readouterr() == ("", "")


@both_models
def test_a_model_follows_x(model, layers_dims, array, dtype, examples):
    X, Y = array(examples[0], dtype), array(examples[1])
    with backends.use_backend("numpy"):
        parameters = model(X, Y, layers_dims, num_iterations=2)
    for value in parameters.values():  # of Dask's blocks they are here
        assert_is_like(value, backends.block_like(X))


@both_models
@pytest.mark.parametrize("host", [np.asarray, np.ndarray.tolist], ids=["ndarray", "list"])
def test_host_data_go_to_the_current_backend(model, layers_dims, host, examples, array):
    X, Y = (host(one) for one in examples)
    for value in model(X, Y, layers_dims, num_iterations=2).values():
        assert_is_like(value, backends.block_like(array(examples[0])))


@both_models
def test_a_model_changes_nothing_that_it_is_given(model, layers_dims, examples, array):
    X, Y = (array(one) for one in examples)
    model(X, Y, layers_dims, num_iterations=3)
    assert_values(X, examples[0], rtol=0.0)
    assert_values(Y, examples[1])


def test_seed_and_scale_choose_another_start(examples, xp):
    for chosen in ({"seed": 2}, {"scale": 0.5}, {"scale": "1/sqrt(n_prev)"}):
        parameters = models.two_layer_model(*examples, (6, 4, 1), num_iterations=0, **chosen)
        expected = steps.initialize_parameters(6, 4, 1, **chosen)
        for name, value in expected.items():
            assert_close(parameters[name], backends.from_blocks(value), rtol=0.0)


def test_layers_that_are_not_two_are_refused(examples):
    with pytest.raises(ValueError, match=r"layers_dims: found .*, expected \(n_x, n_h, n_y\)"):
        models.two_layer_model(*examples, (6, 4, 3, 1))


@both_models
def test_pictures_that_are_not_scaled_are_refused(model, layers_dims, examples, xp):
    X = np.asarray(255 * examples[0], dtype=np.uint8)
    with pytest.raises(ValueError, match=r"X: found dtype .*uint8.*scale pictures"):
        model(X, examples[1], layers_dims)


# ----------------------------------------------------------------------------- the curve


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ({}, False),
        ({"print_cost": True}, True),
        ({"print_cost": True, "plot_cost": False}, False),
        ({"plot_cost": True}, True),
    ],
)
@both_models
def test_the_curve_is_drawn_when_asked(model, layers_dims, asked, drawn, examples, monkeypatch):
    pytest.importorskip("matplotlib")
    shown, record = [], Record()
    monkeypatch.setattr(models, "show_by_pyplot", shown.append)
    with backends.use_backend("numpy"):
        model(*examples, layers_dims, 0.25, 3, callbacks=[record], **asked)
    assert len(shown) == drawn
    for figure in shown:
        (axes,) = figure.axes
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), record.costs)
        assert axes.get_title() == "Learning rate = 0.25"
        assert axes.get_xlabel() == "iterations"


@both_models
def test_without_matplotlib_costs_are_printed_all_the_same(
    model, layers_dims, examples, monkeypatch, capsys
):
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with backends.use_backend("numpy"):
        model(*examples, layers_dims, num_iterations=1, print_cost=True)
    assert capsys.readouterr().out.startswith("Cost after iteration 0: ")


@both_models
def test_without_matplotlib_a_curve_is_refused_before_training(
    model, layers_dims, examples, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    record = Record()
    with (
        backends.use_backend("numpy"),
        pytest.raises(ImportError, match=r"pip install 'dnn-xp\[app\]'"),
    ):
        model(*examples, layers_dims, plot_cost=True, callbacks=[record])
    assert not hasattr(record, "costs")


# ----------------------------------------------------------------------------- predictions

# Its probability is above a half where the first feature is larger than the second.
JUDGE = {
    "W1": [[1.0, -1.0], [-1.0, 1.0]],
    "b1": [[0.0], [0.0]],
    "W2": [[1.0, -1.0]],
    "b2": [[0.0]],
}


@pytest.fixture
def judge(array, dtype):
    return {name: array(value, dtype) for name, value in JUDGE.items()}


@pytest.mark.parametrize("labels", [[[1, 0, 1, 1]], [1, 0, 1, 1], [[True, False, True, True]]])
def test_predictions_and_their_accuracy(judge, array, labels, capsys, dtype):
    X = array([[0.2, 0.1, 0.9, 0.0], [0.1, 0.3, 0.5, 0.5]], dtype)
    p = models.predict(X, array(labels), judge)
    assert_close(p, array([[1.0, 0.0, 1.0, 0.0]], dtype), rtol=0.0)
    assert capsys.readouterr().out == "Accuracy: 0.75\n"


def test_an_accuracy_is_printed_without_rounding_errors(judge, array, capsys, dtype):
    X = array(np.tile([[1.0], [0.0]], (1, 25)), dtype)
    models.predict(X, array([[1] * 18 + [0] * 7]), judge)
    assert capsys.readouterr().out == "Accuracy: 0.72\n"


def test_predictions_are_made_where_the_parameters_are(judge, array, dtype, xp, device):
    X, y = np.asarray([[0.2, 0.1], [0.1, 0.3]]), [1, 0]
    with backends.use_backend("numpy"):
        for host in (X, X.tolist()):
            p = models.predict(host, y, judge)
            assert backends.namespace(p) is xp
            assert backends.device(p) == device
            assert_close(p, array([[1.0, 0.0]], dtype), rtol=0.0)


@pytest.mark.parametrize("dtype", ["float64"])
def test_a_probability_of_a_half_is_no_cat(judge, array, capsys, dtype):
    p = models.predict(array([[1.0], [1.0]]), [0], judge)
    assert_values(p, [[0.0]])
    assert capsys.readouterr().out == "Accuracy: 1.0\n"


@pytest.mark.parametrize("dtype", ["float64"])
def test_article_models_what_cannot_be_judged_is_refused(judge, array, dtype):
    with pytest.raises(ValueError, match=r"X: found dtype .*uint8.*load_picture"):
        models.predict(array([[200], [100]], "uint8"), [1], judge)
    with pytest.raises(ValueError, match=r"y: found shape \(3,\), expected \(1, 2\)"):
        models.predict(array([[1.0, 2.0], [2.0, 1.0]]), [1, 0, 1], judge)


def test_without_labels_there_is_no_accuracy(judge, array, capsys, dtype):
    p = models.predict(array([[0.2, 0.1], [0.1, 0.3]], dtype), None, judge)
    assert_close(p, array([[1.0, 0.0]], dtype), rtol=0.0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("dtype", ["float64"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [1, 2]}, "y: found numbers from 1 to 2, expected them from 0 to 1"),
        ({"y": [-1, 1]}, "y: found numbers from -1 to 1"),
        ({"y": [np.nan, 1]}, "y: found NaN"),
        ({"y": ["cat", "dog"]}, "y: found a list of"),
        ({"y": [[1], [0], [1]]}, r"y: found shape \(3, 1\), expected \(1, 2\)"),
        ({"X": [[0.1, np.nan], [0.2, 0.3]]}, "X: found NaN in row 0"),
        ({"X": [[0.1, 0.2], [np.inf, 0.3]]}, "X: found infinity in row 1"),
        ({"X": [0.1, 0.2]}, r"X: found shape \(2,\), expected \(2, m\); a column is X.reshape"),
        ({"X": [[0.1, 0.2]]}, r"X: found shape \(1, 2\), expected \(2, m\)"),
        ({"W2": [[1.0, np.nan]]}, "W2: found NaN in row 0"),
        ({"W2": [[1.0, 1.0, 1.0]]}, r"W2: found shape \(1, 3\), expected \(n, 2\)"),
        ({"b2": [0.0]}, r"b2: found shape \(1,\), expected \(1, 1\)"),
    ],
)
def test_what_predict_cannot_answer_is_named(judge, array, capsys, dtype, change, message):
    X = array(change.get("X", [[0.2, 0.1], [0.1, 0.3]]))
    parameters = judge | {name: array(change[name]) for name in change if name in judge}
    with pytest.raises(ValueError, match=f"^{message}"):
        models.predict(X, change.get("y", [1, 0]), parameters)
    assert capsys.readouterr().out == ""


def test_frames_are_taken_where_lists_are(judge, array, dtype, capsys):
    pandas = pytest.importorskip("pandas")
    X, y = pandas.DataFrame([[0.2, 0.1], [0.1, 0.3]]), pandas.Series([1, 0])
    assert_close(models.predict(X, y, judge), array([[1.0, 0.0]], dtype), rtol=0.0)
    assert capsys.readouterr().out == "Accuracy: 1.0\n"
    trained = models.two_layer_model(X, y.to_frame().T, (2, 3, 1), num_iterations=2)
    assert_close(
        trained["W1"],
        models.two_layer_model(X.to_numpy(), [[1, 0]], (2, 3, 1), num_iterations=2)["W1"],
    )


@both_models
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Y": [[1, 2] * 5]}, "Y: found numbers from 1 to 2"),
        ({"Y": [[0, 255] * 5]}, "Y: found numbers from 0 to 255"),
        ({"X": np.full((6, 10), np.nan)}, "X: found NaN in row 0"),
        ({"X": None}, "X: found None"),
        ({"num_iterations": 2.5}, "num_iterations: found 2.5"),
        ({"num_iterations": None}, "num_iterations: found None"),
        ({"learning_rate": "0.1"}, "learning_rate: found '0.1'"),
        ({"learning_rate": np.inf}, "learning_rate: found inf"),
        ({"seed": 0.5}, "seed: found 0.5"),
        ({"scale": "small"}, "scale: found 'small'"),
        ({"layers_dims": 3}, "layers_dims: found 3"),
        ({"layers_dims": [6]}, r"layers_dims: found \[6\]"),
        ({"layers_dims": [6, 1]}, r"layers_dims: found \[6, 1\], expected"),
        ({"layers_dims": [6, 0, 1]}, "layers_dims: found 0"),
        ({"layers_dims": [6, "4", 1]}, "layers_dims: found '4'"),
    ],
)
def test_what_the_models_cannot_learn_from_is_named(model, layers_dims, examples, change, message):
    options = {"X": examples[0], "Y": examples[1], "layers_dims": layers_dims} | change
    with (
        backends.use_backend("numpy"),
        pytest.raises((ValueError, TypeError), match=f"^{message}"),
    ):
        model(**{"num_iterations": 2, **options})


# ----------------------------------------------------------------------------- the pictures


def test_the_home_folder_may_be_a_tilde(folder, monkeypatch):
    """No shell expands it in a program, in a notebook, or within quotes."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder.parent))
    there = f"~/{folder.name}"
    assert models.load_data(folder=there)[0].shape == (7, 8, 8, 3)
    monkeypatch.setenv("DNN_XP_CAT_DATA", there)
    assert models.load_data()[0].shape == (7, 8, 8, 3)
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (4, 4)).save(folder / "black.png")
    assert models.load_picture(f"{there}/black.png", 2).tolist() == [[0.0]] * 12


def test_pictures_labels_and_classes_have_the_articles_form(folder):
    train_x, train_y, test_x, test_y, classes = models.load_data(folder=folder)
    for x, y, m in ((train_x, train_y, 7), (test_x, test_y, 4)):
        assert isinstance(x, np.ndarray)
        assert (x.dtype, x.shape) == (np.uint8, (m, 8, 8, 3))
        assert y.shape == (1, m)
        np.testing.assert_array_equal(y[0], np.arange(m) % 2)
    with h5py.File(folder / "test_catvnoncat.h5") as file:
        np.testing.assert_array_equal(test_x, file["test_set_x"][()])
    assert [classes[label].decode("utf-8") for label in train_y[0, :2]] == ["non-cat", "cat"]


def test_the_folder_may_stand_in_the_environment(folder, monkeypatch):
    monkeypatch.setenv("DNN_XP_CAT_DATA", str(folder))
    assert models.load_data()[0].shape == (7, 8, 8, 3)


def test_a_virtual_data_set_is_read_where_the_pictures_are_trusted(folder, tmp_path):
    path = folder / "train_catvnoncat.h5"
    with h5py.File(path, "r+") as file:
        file.move("train_set_x", "elsewhere")
        layout = h5py.VirtualLayout(file["elsewhere"].shape, file["elsewhere"].dtype)
        layout[...] = h5py.VirtualSource(file["elsewhere"])
        file.create_virtual_dataset("train_set_x", layout)
    with pytest.raises(ValueError, match="virtual"):
        models.load_data(folder=folder)
    assert models.load_data(folder=folder, trusted=True)[0].shape == (7, 8, 8, 3)


def test_without_the_pictures_the_way_to_them_is_said(monkeypatch):
    monkeypatch.delenv("DNN_XP_CAT_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="DNN_XP_CAT_DATA"):
        models.load_data()


def test_the_real_pictures_are_those_of_the_article(cat_data):
    train_x, train_y, test_x, test_y, classes = models.load_data(folder=cat_data)
    assert (train_x.shape, train_y.shape) == ((209, 64, 64, 3), (1, 209))
    assert (test_x.shape, test_y.shape) == ((50, 64, 64, 3), (1, 50))
    assert classes[train_y[0, 10]].decode("utf-8") == "non-cat"


def test_a_picture_of_ones_own_is_scaled_as_in_training(folder, tmp_path):
    image = pytest.importorskip("PIL.Image")
    train_x_orig = models.load_data(folder=folder)[0]
    train_x = train_x_orig.reshape(train_x_orig.shape[0], -1).T / 255.0
    image.fromarray(train_x_orig[3]).save(tmp_path / "mine.png")
    column = models.load_picture(tmp_path / "mine.png", 8)
    np.testing.assert_array_equal(column, train_x[:, 3:4])
    assert models.load_picture(tmp_path / "mine.png").shape == (12288, 1)


@pytest.mark.parametrize("dtype", ["float64"])
def test_mislabeled_pictures_are_shown_under_their_names(array, dtype, monkeypatch):
    pytest.importorskip("matplotlib")
    shown = []
    monkeypatch.setattr(models, "show_by_pyplot", shown.append)
    pictures = np.random.default_rng(0).random((3, 4, 4, 3))
    X, y = array(pictures.reshape(3, -1).T, dtype), np.asarray([[1, 0, 1]])
    p = array([[1.0, 1.0, 0.0]], dtype)
    figure = models.print_mislabeled_images(np.asarray([b"non-cat", b"cat"]), X, y, p)
    assert shown == [figure]
    assert [axes.get_title() for axes in figure.axes] == [
        "predicted: cat\ntrue: non-cat",
        "predicted: non-cat\ntrue: cat",
    ]
    for axes, picture in zip(figure.axes, pictures[1:], strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), picture)
