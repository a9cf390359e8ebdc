"""``dnn-xp predict``."""

import csv
import json
import os
import re

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.experiment import fit_pictures_of
from dnn_xp.data import Preprocessing, fit_preprocessing, load_digits
from dnn_xp.layers import Dense
from dnn_xp.models import Model, load_model, save_model
from dnn_xp.network import Network
from dnn_xp.training import adam, train

AS_READ = Preprocessing(np.asarray(0.0), np.asarray(1.0))


@pytest.fixture(scope="module")
def digits_model():
    """Return a model of the digits, as the command keeps it."""
    digits = load_digits()
    network = Network(64, (Dense(64, "relu", "he_normal"), Dense(10)), "softmax_cross_entropy")
    X = digits.X.astype(np.float32) / 16
    theta = network.initialize(3, like=X)
    Y = np.eye(10, dtype=np.float32)[:, digits.y]
    result = train(network, X, Y, theta, optimizer=adam(3e-3), epochs=40, batch_size=64, seed=0)
    ranges = fit_pictures_of(digits, digits.X)
    return Model(
        network,
        result.theta,
        fit_preprocessing(digits),
        digits.classes,
        digits.image_shape,
        digits.pixel_max,
        {"pictures": ranges.described()},
    )


@pytest.fixture
def model(digits_model, dnn_xp, tmp_path):
    save_model(tmp_path / "digits.h5", digits_model)
    return "digits.h5"


def keep(tmp_path, network, theta, classes=None, **fields):
    save_model(
        tmp_path / "m.h5", Model(network, np.asarray(theta, float), AS_READ, classes, **fields)
    )
    return "m.h5"


@pytest.fixture
def sums(dnn_xp, tmp_path):
    """Keep a model of the sum of two numbers, and return its name."""
    return keep(tmp_path, Network(2, (Dense(1),), "squared_error"), [1.0, 1.0, 0.0])


@pytest.fixture
def signs(dnn_xp, tmp_path):
    """Keep a model of whether a number is above 0, whose second class is called as one likes."""

    def kept(*names, cost="sigmoid_cross_entropy"):
        return keep(tmp_path, Network(1, (Dense(1),), cost), [2.0, 0.0], names or None)

    return kept


def rows_of(out):
    return [line.split() for line in out.splitlines()]


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ----------------------------------------------------------------------------- pictures


@pytest.fixture
def pictures(tmp_path):
    """Write the first ten digits as PNG files, enlarged, bright on dark."""
    image = pytest.importorskip("PIL.Image")
    digits = load_digits()
    for place in range(10):
        pixels = (digits.X[:, place].reshape(8, 8) * (255 / 16)).astype(np.uint8)
        image.fromarray(np.kron(pixels, np.ones((4, 4), dtype=np.uint8))).save(
            tmp_path / f"{place}.png"
        )
    return [f"{place}.png" for place in range(10)], [str(label) for label in digits.y[:10]]


def test_predict_reads_pictures(dnn_xp, model, pictures):
    names, labels = pictures
    code, out, err = dnn_xp("predict", model, *names)
    assert (code, err) == (0, "")
    heading, *lines = rows_of(out)
    assert heading == ["picture", "class", "probability", "runner-up", "its", "probability"]
    assert [line[0] for line in lines] == names
    assert sum(line[1] == label for line, label in zip(lines, labels, strict=True)) >= 9
    for _, first, p, second, q in lines:
        assert first != second
        assert 100.0 >= float(p.rstrip("%")) >= float(q.rstrip("%"))


def test_predict_on_every_library(dnn_xp, model, pictures, library):
    device = ("--device", library.device) if library.device else ()
    here = dnn_xp("predict", model, *pictures[0], "--backend", library.backend, *device)
    assert here.code == 0
    assert here.out == dnn_xp("predict", model, *pictures[0], "--backend", "numpy").out


@pytest.mark.once
def test_a_model_that_was_trained_here_knows_its_pictures(dnn_xp):
    assert dnn_xp("train", "--epochs", "1", "--no-run", "--output", "m.h5").code == 0
    kept = load_model("m.h5", backend="numpy").about["pictures"]
    assert kept["n_pictures"] == 1438
    assert 0.1 < kept["lowest"][0] < kept["highest"][0] < 0.5


@pytest.mark.once
def test_folders_are_walked_down_and_other_files_are_counted(dnn_xp, model, pictures, tmp_path):
    for folder in ("album/b", "album/.hidden", "album/empty"):
        (tmp_path / folder).mkdir(parents=True)
    os.rename("0.png", "album/z.png")
    os.rename("1.png", "album/b/a.png")
    os.rename("2.png", "album/.hidden/no.png")
    for name in ("album/notes.txt", "album/b/clip.mpg", "album/.thumbs"):
        (tmp_path / name).write_text("no picture")
    code, out, err = dnn_xp("predict", model, "album", "3.png")
    assert code == 0
    assert [row[0] for row in rows_of(out)[1:]] == ["album/z.png", "album/b/a.png", "3.png"]
    assert err == "dnn-xp: note: album: 2 files of other kinds passed over\n"


@pytest.mark.once
@pytest.mark.parametrize(
    "bad", ["missing.png", "text.png", "folder.png", "cut.png", "empty.png", "empty", "bad.npz"]
)
def test_one_bad_file_does_not_stop_the_others(dnn_xp, model, pictures, tmp_path, bad):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "bad.npz").write_text("no archive")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.png").write_bytes((tmp_path / "0.png").read_bytes()[:60])
    for folder in ("folder.png", "empty"):
        (tmp_path / folder).mkdir()
    code, out, err = dnn_xp("predict", model, "0.png", bad, "1.png", "-o", "all.csv")
    assert code == 1
    assert [row[0] for row in rows_of(out)[-2:]] == ["0.png", "1.png"]
    assert bad in err
    assert (err.count("\n"), err.startswith("dnn-xp: error: ")) == (1, True)
    assert [row["source"] for row in read_csv("all.csv")] == ["0.png", "1.png"]
    alone = dnn_xp("predict", model, bad)
    assert (alone.code, alone.out, alone.err) == (2, "", err)


def drawn(strokes, size, paper, left, top):
    """Return a drawing of straight strokes, black on white."""
    image, draw = pytest.importorskip("PIL.Image"), pytest.importorskip("PIL.ImageDraw")
    drawing = image.new("L", (paper, paper), 255)
    for line in strokes:
        points = [(left + size * x, top + size * y) for x, y in line]
        draw.Draw(drawing).line(points, fill=0, width=max(1, size // 9))
    return drawing


STROKES = {
    "1": [[(0.5, 0), (0.5, 1)]],
    "4": [[(0.6, 0), (0.1, 0.65), (0.95, 0.65)], [(0.7, 0.3), (0.7, 1)]],
    "7": [[(0.1, 0), (0.9, 0), (0.4, 1)]],
    "2": [[(0.15, 0.2), (0.3, 0), (0.7, 0), (0.85, 0.3), (0.1, 1), (0.95, 1)]],
    "3": [[(0.15, 0), (0.85, 0), (0.45, 0.4), (0.85, 0.7), (0.6, 1), (0.1, 0.95)]],
}


def drawings(tmp_path):
    """Write drawings of all sizes at several places of papers of all sizes; yield their names."""
    for digit, strokes in STROKES.items():
        for size, paper in ((20, 40), (20, 1000), (60, 100), (120, 400), (500, 520), (500, 1000)):
            for place in (0.0, 0.5, 1.0):
                at = place * (paper - size)
                name = f"{digit}-{size}-{paper}-{place}.png"
                drawn(strokes, size, paper, at, at).save(tmp_path / name)
                yield digit, name


@pytest.mark.once
def test_a_drawing_is_read_right_or_said_to_be_unlike(dnn_xp, model, tmp_path):
    names = {name: digit for digit, name in drawings(tmp_path)}
    assert dnn_xp("predict", model, *names, "-o", "all.json").code == 0
    for row in json.loads((tmp_path / "all.json").read_text())["predictions"]:
        assert row["class"] == names[row["source"]] or "brighter" in row["note"], row
    inverted = dnn_xp("predict", model, *names, "-o", "all.json", "--invert", "--crop-to-ink")
    assert inverted.code == 0
    rows = json.loads((tmp_path / "all.json").read_text())["predictions"]
    right = [row["class"] == names[row["source"]] for row in rows]
    assert np.mean(right) > 0.85


@pytest.mark.once
def test_what_is_unlike_is_said_of_a_few_and_counted(dnn_xp, model, tmp_path):
    names = [name for _, name in drawings(tmp_path)][:8]
    code, _, err = dnn_xp("predict", model, *names)
    lines = err.splitlines()
    assert code == 0
    assert "much brighter than the training pictures (mean" in lines[0]
    assert lines[0].endswith("dark on light? --invert")
    assert len(lines) == 6
    assert "3 more" in lines[5]
    assert "--invert" not in dnn_xp("predict", model, names[0], "--invert", "--crop-to-ink").err
    wrong = dnn_xp("predict", model, names[7], "--invert")
    assert "--crop-to-ink" in wrong.err


@pytest.mark.once
@pytest.mark.parametrize("colour", [0, 128, 255])
def test_a_picture_of_one_pixel_is_said_to_be_unlike(dnn_xp, model, tmp_path, colour):
    image = pytest.importorskip("PIL.Image")
    image.new("L", (1, 1), colour).save(tmp_path / "dot.png")
    code, _, err = dnn_xp("predict", model, "dot.png")
    assert code == 0
    assert "dot.png is " in err
    assert "than the training pictures" in err
    refused = dnn_xp("predict", model, "dot.png", "--crop-to-ink")
    assert (refused.code, refused.out) == (2, "")
    assert "one colour" in refused.err


@pytest.mark.once
def test_arrays_of_pictures_are_predicted_and_compared(dnn_xp, model, tmp_path):
    digits = load_digits()
    x = digits.X.T[:30].reshape(30, 8, 8)
    np.save(tmp_path / "like.npy", x)
    np.savez(tmp_path / "unit.npz", x=x / 16)  # not in the numbers of the training
    np.save(tmp_path / "dark.npy", 16 - x)
    np.save(tmp_path / "one.npy", x[4])
    like = dnn_xp("predict", model, "like.npy")
    assert (like.code, like.err) == (0, "")
    right = [row[1] == str(y) for row, y in zip(rows_of(like.out)[1:], digits.y, strict=False)]
    assert sum(right) >= 29
    assert "darker than" in dnn_xp("predict", model, "unit.npz").err
    assert "dark.npy (row 0) is much brighter" in dnn_xp("predict", model, "dark.npy").err
    assert dnn_xp("predict", model, "dark.npy", "--invert").out == like.out
    assert rows_of(dnn_xp("predict", model, "one.npy").out)[1][1] == str(digits.y[4])
    refused = dnn_xp("predict", model, "like.npy", "--crop-to-ink")
    assert (refused.code, "--crop-to-ink" in refused.err) == (2, True)


@pytest.mark.once
def test_a_model_that_knows_no_pictures_says_nothing_of_them(dnn_xp, digits_model, tmp_path):
    save_model(tmp_path / "old.h5", digits_model._replace(about={}))
    np.save(tmp_path / "dark.npy", 16 - load_digits().X.T[:3])
    assert dnn_xp("predict", "old.h5", "dark.npy").err == ""
    refused = dnn_xp("predict", "old.h5", "dark.npy", "--crop-to-ink")
    assert refused.code == 2
    assert "--crop-to-ink: " in refused.err


# ----------------------------------------------------------------------------- arrays


def write_arrays(tmp_path, x):
    import h5py

    np.savez(tmp_path / "x.npz", x=x, y=np.zeros(len(x)))
    np.savez(tmp_path / "only.npz", measured=x)
    np.savez(tmp_path / "big.npz", X=x)
    np.save(tmp_path / "x.npy", x)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"], file["other"] = x, [1.0]
    with h5py.File(tmp_path / "chunks.hdf5", "w") as file:
        file.create_dataset("x", data=x, chunks=(7, 2), compression="gzip")
    return "x.npz", "only.npz", "big.npz", "x.npy", "x.h5", "chunks.hdf5"


@pytest.mark.once
def test_files_of_arrays_of_all_kinds_say_the_same(dnn_xp, sums, tmp_path):
    pytest.importorskip("h5py")
    x = np.random.default_rng(0).normal(size=(30, 2))
    for name in write_arrays(tmp_path, x):
        code, _, err = dnn_xp("predict", sums, name, "-o", "out.npz")
        assert (code, err) == (0, ""), name
        with np.load(tmp_path / "out.npz") as found:
            assert found["value"] == pytest.approx(x.sum(axis=1), rel=1e-12)
            assert found["row"].tolist() == list(range(30))
            assert set(found["source"].tolist()) == {name}


@pytest.mark.once
def test_large_files_are_read_a_part_at_a_time(dnn_xp, sums, tmp_path, monkeypatch):
    pytest.importorskip("h5py")
    monkeypatch.setattr("dnn_xp.app.inputs.BLOCK", 10)
    x = np.random.default_rng(0).normal(size=(33, 2))
    for name in write_arrays(tmp_path, x):
        code, out, err = dnn_xp("predict", sums, name, "-o", "out.csv")
        assert (code, err) == (0, "")
        assert "out.csv: 33 rows," in out
        assert [float(row["value"]) for row in read_csv("out.csv")] == pytest.approx(x.sum(axis=1))


@pytest.mark.once
def test_arrays_are_chosen_by_name(dnn_xp, sums, tmp_path):
    h5py = pytest.importorskip("h5py")
    np.savez(tmp_path / "two.npz", a=np.ones((3, 2)), b=np.zeros((3, 2)))
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["group/a"], file["group/b"] = np.ones((3, 2)), np.zeros((3, 2))
    for name, x in (("two.npz", "a"), ("two.h5", "group/a")):
        assert rows_of(dnn_xp("predict", sums, name, "--x", x).out)[1] == ["0", "2"]
        refused = dnn_xp("predict", sums, name)
        assert (refused.code, "--x NAME" in refused.err) == (2, True)
        assert dnn_xp("predict", sums, name, "--x", "c").code == 2


@pytest.mark.once
@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.array([[1.0, 2.0], [np.nan, 1.0]]), "found nan in row 1"),
        (np.array([[1.0, np.inf]]), "found inf in row 0"),
        (np.zeros((4, 3)), "3 features (shape (4, 3)), expected 2"),
        (np.zeros((2, 9)), "save x = x.T"),
        (np.zeros((0, 2)), "shape (0, 2)"),
        (np.zeros(()), "shape ()"),
        (np.array([["a", "b"]]), "expected real numbers"),
        (np.zeros((2, 2), complex), "expected real numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(dnn_xp, sums, tmp_path, x, said):
    np.savez(tmp_path / "bad.npz", x=x)
    code, out, err = dnn_xp("predict", sums, "bad.npz", "-o", "out.csv")
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("dnn-xp: error: bad.npz")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.once
def test_single_features_and_single_examples(dnn_xp, sums, signs, tmp_path):
    np.save(tmp_path / "one.npy", np.array([2.0, 3.0]))
    assert rows_of(dnn_xp("predict", sums, "one.npy").out) == [["row", "value"], ["0", "5"]]
    out = dnn_xp("predict", signs("no", "yes"), "one.npy").out
    assert [row[1] for row in rows_of(out)[1:]] == ["yes", "yes"]


@pytest.mark.once
@pytest.mark.parametrize("flag", ["--invert", "--crop-to-ink"])
def test_what_pictures_alone_can_be_told(dnn_xp, sums, tmp_path, flag):
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    (tmp_path / "folder").mkdir()
    for name in ("x.npy", "t.csv"):
        refused = dnn_xp("predict", sums, name, flag)
        assert (refused.code, flag in refused.err) == (2, True)
    for name in ("folder", "x.png"):
        assert "arrays" in dnn_xp("predict", sums, name).err


# ----------------------------------------------------------------------------- tables


@pytest.mark.once
def test_tables_of_numbers_go_to_a_plain_network(dnn_xp, sums, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4.5\n")
    (tmp_path / "t.tsv").write_text("a\tb\n1\t2\n3\t4.5\n")
    for name in ("t.csv", "t.tsv"):
        code, out, err = dnn_xp("predict", sums, name)
        assert (code, err) == (0, "")
        assert rows_of(out) == [["row", "value"], ["0", "3"], ["1", "7.5"]]
    for text, said in (
        ("a,b\n1,\n", "missing"),
        ("a,b\n1,x\n", "texts"),
        ("a,b,c\n1,2,3\n", "3 columns, expected 2"),
        ("a,b\n", "no rows"),
    ):
        (tmp_path / "bad.csv").write_text(text)
        refused = dnn_xp("predict", sums, "bad.csv", "t.csv")
        assert (refused.code, said in refused.err) == (1, True), refused.err


@pytest.fixture
def people():
    """Return ages and towns, whether each is old, and a value that grows with age."""
    rng = np.random.default_rng(0)
    ages = rng.uniform(20, 70, 120).round(1)
    towns = rng.choice(["Rome", "Oslo"], 120)
    return ages, towns, np.where(ages > 45, "=old", "young"), 3 * ages + (towns == "Rome")


def table_text(ages, towns, extra=""):
    lines = [f"{town},{age}{extra}" for age, town in zip(ages, towns, strict=True)]
    return "\n".join(["town,age" + (",more" if extra else ""), *lines]) + "\n"


def frame(ages, towns):
    from dnn_xp.data.frames import Columns

    return Columns(("age", "town"), [ages, towns.astype(object)])


@pytest.mark.once
@pytest.mark.parametrize("kind", ["dnn_xp", "pandas"])
def test_estimators_of_tables_say_classes(dnn_xp, tmp_path, people, kind):
    pytest.importorskip("sklearn")
    from dnn_xp.estimators import TabularClassifier

    def as_frame(columns):
        if kind == "dnn_xp":
            return columns
        pandas = pytest.importorskip("pandas")
        return pandas.DataFrame({name: columns[name] for name in columns.columns})

    ages, towns, old, _ = people
    fitted = TabularClassifier(n_members=2, max_iter=20, random_state=0).fit(
        frame(ages, towns), old
    )
    save_model(tmp_path / "old.h5", fitted.to_model())
    (tmp_path / "new.csv").write_text(table_text(["25", "", "65"], ["Rome", "Bonn", "Oslo"], ",1"))
    code, _, err = dnn_xp("predict", "old.h5", "new.csv", "-o", "out.json")
    assert (code, err) == (0, "")
    chances = fitted.predict_proba(
        frame(np.array([25, np.nan, 65]), np.array(["Rome", "Bonn", "Oslo"]))
    )
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["classes"] == ["=old", "young"]
    said = [row["probabilities"] for row in found["predictions"]]
    assert np.asarray(said) == pytest.approx(chances)
    assert [found["predictions"][row]["class"] for row in (0, 2)] == ["young", "=old"]
    (tmp_path / "bad.csv").write_text("age,city\n3,Rome\n")
    refused = dnn_xp("predict", "old.h5", "bad.csv")
    assert (refused.code, "lacks town" in refused.err) == (2, True)


@pytest.mark.once
def test_estimators_of_tables_say_intervals(dnn_xp, tmp_path, people):
    pytest.importorskip("sklearn")
    from dnn_xp.estimators import TabularRegressor

    ages, towns, _, values = people
    fitted = TabularRegressor(n_members=2, max_iter=20, random_state=0)
    fitted.fit(frame(ages, towns), values)
    save_model(tmp_path / "v.h5", fitted.to_model())
    (tmp_path / "new.csv").write_text(table_text(ages[:9], towns[:9]))
    X = frame(ages[:9], towns[:9])
    for coverage in (0.5, 0.8):
        assert dnn_xp("predict", "v.h5", "new.csv", "--coverage", coverage, "-o", "o.csv").code == 0
        rows = read_csv("o.csv")
        assert [float(row["value"]) for row in rows] == pytest.approx(fitted.predict(X))
        ends = [[float(row["lower"]), float(row["upper"])] for row in rows]
        assert np.asarray(ends) == pytest.approx(fitted.predict_interval(X, coverage))
    for coverage in ("0", "1", "-1", "nan"):
        refused = dnn_xp("predict", "v.h5", "new.csv", "--coverage", coverage)
        assert (refused.code, "--coverage" in refused.err) == (2, True)
    plain = TabularRegressor(n_members=1, max_iter=5, validation=None, random_state=0)
    save_model(tmp_path / "v.h5", plain.fit(frame(ages, towns), values).to_model())
    assert rows_of(dnn_xp("predict", "v.h5", "new.csv").out)[0] == ["row", "value"]


@pytest.mark.once
def test_estimators_of_several_labels_and_columns(dnn_xp, tmp_path, people):
    pytest.importorskip("sklearn")
    from dnn_xp.estimators import TabularClassifier

    ages, towns, old, _ = people
    X = np.stack([ages, ages % 7], axis=1)
    np.save(tmp_path / "x.npy", X[:4])
    labels = np.stack([ages > 30, ages > 50], axis=1).astype(int)
    columns = np.stack([old, towns], axis=1).astype(object)
    for y, heading in ((labels, "labels"), (columns, "output")):
        fitted = TabularClassifier(n_members=1, max_iter=10, random_state=0).fit(X, y)
        save_model(tmp_path / "m.h5", fitted.to_model())
        code, out, err = dnn_xp("predict", "m.h5", "x.npy")
        assert (code, err) == (0, "")
        assert rows_of(out)[0][1] == heading


# ----------------------------------------------------------------------------- kinds of outputs


@pytest.mark.once
def test_labels_above_a_half_are_said(dnn_xp, tmp_path):
    network = Network(1, (Dense(3),), "sigmoid_cross_entropy")
    keep(tmp_path, network, [1.0, 1.0, 1.0, 1.0, 0.0, -1.0], ("cat", "dog", "a, b"))
    np.save(tmp_path / "x.npy", np.array([[-9.0], [0.5], [9.0]]))
    assert dnn_xp("predict", "m.h5", "x.npy", "-o", "out.json").code == 0
    rows = json.loads((tmp_path / "out.json").read_text())["predictions"]
    assert [row["labels"] for row in rows] == [[], ["cat", "dog"], ["cat", "dog", "a, b"]]
    assert [row["runner_up"] for row in rows] == ["cat", "a, b", ""]
    out = dnn_xp("predict", "m.h5", "x.npy").out.splitlines()
    assert out[1].split()[:2] == ["0", "none"]
    assert dnn_xp("predict", "m.h5", "x.npy", "-o", "out.csv").code == 0
    assert float(read_csv("out.csv")[0]["probability of dog"]) == pytest.approx(1 / (1 + np.e**9))


@pytest.mark.once
@pytest.mark.parametrize(
    ("cost", "n_outputs", "heading"),
    [
        ("squared_error", 1, ["value"]),
        ("squared_error", 2, ["value 1", "value 2"]),
        ("poisson", 1, ["value"]),
        (("quantile", [0.1, 0.9]), 2, ["value at 0.1", "value at 0.9"]),
        (("quantile", [0.1, 0.9]), 4, ["value 1 at 0.1", "value 1 at 0.9", "value 2 at 0.1"]),
        ("softmax_cross_entropy", 3, ["class", "probability"]),
        ("sigmoid_cross_entropy", 1, ["class", "probability"]),
        ("sigmoid_cross_entropy", 2, ["labels", "probability", "runner-up"]),
        (("grouped_softmax_cross_entropy", 2, 3), 5, ["output 1 class", "output 1 probability"]),
    ],
)
def test_a_model_without_classes(dnn_xp, tmp_path, cost, n_outputs, heading):
    network = Network(2, (Dense(n_outputs),), cost)
    keep(tmp_path, network, np.zeros(network.size))
    np.save(tmp_path / "x.npy", np.ones((2, 2)))
    code, out, err = dnn_xp("predict", "m.h5", "x.npy")
    assert (code, err) == (0, "")
    assert re.split(r"\s\s+", out.splitlines()[0])[1 : 1 + len(heading)] == heading


# ----------------------------------------------------------------------------- outputs


@pytest.mark.once
def test_many_rows_are_shown_in_part(dnn_xp, sums, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1234, 2)))
    lines = dnn_xp("predict", sums, "x.npy").out.splitlines()
    assert (len(lines), lines[-1]) == (102, "the first 100 of 1,234; -o FILE keeps all")
    lines = dnn_xp("predict", sums, "x.npy", "-o", "all.csv").out.splitlines()
    assert lines[0].startswith("predictions  all.csv: 1,234 rows, ")
    assert lines[-1] == "the first 10 of 1,234"
    assert len(read_csv("all.csv")) == 1234


FORMULAS = ("=1+1", "@cmd", "+x", "-x", "\tx")
"""What a spreadsheet would compute."""


@pytest.mark.once
@pytest.mark.parametrize(
    "name", [*FORMULAS, "a,b", 'a "b"', "two\nlines", "\x1b[2J", "-", "-1", "+2.5e3", "höhe ⚡"]
)
def test_names_of_classes_come_through(dnn_xp, signs, tmp_path, name):
    model, guarded = signs("other", name), name in FORMULAS
    np.save(tmp_path / "x.npy", np.array([5.0]))
    for form in ("csv", "json", "npz"):
        code, out, err = dnn_xp("predict", model, "x.npy", "-o", f"out.{form}")
        assert code == 0
        assert "\x1b" not in out + err
        assert ("spreadsheet" in err) == (form == "csv" and guarded)
    (row,) = read_csv("out.csv")
    assert row["class"] == ("'" if guarded else "") + name
    (row,) = json.loads((tmp_path / "out.json").read_text())["predictions"]
    assert row["class"] == name
    with np.load(tmp_path / "out.npz") as found:
        assert found["class"].tolist() == [name]
        assert found["classes"].tolist() == ["other", name]


@pytest.mark.once
def test_json_alone_is_on_standard_output(dnn_xp, model, tmp_path):
    x = load_digits().X.T[:5]
    np.save(tmp_path / "x.npy", np.concatenate([x, 16 - x]))
    code, out, err = dnn_xp("predict", model, "x.npy", "missing.npy", "--json", "-o", "all.json")
    assert code == 1
    found = json.loads(out)
    assert found == json.loads((tmp_path / "all.json").read_text())
    assert found["classes"] == [str(digit) for digit in range(10)]
    assert [sum(row["probabilities"]) for row in found["predictions"]] == pytest.approx([1.0] * 10)
    assert [bool(row["note"]) for row in found["predictions"]] == [False] * 5 + [True] * 5
    assert "missing.npy" in err


@pytest.mark.once
@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("x.npz", "holds the data"),
        ("m.h5", "ends in .csv, .json, .npz"),
        ("nowhere/out.csv", "does not exist"),
        ("folder.csv", "found the folder"),
        ("link.csv", "holds the data"),
        ("", "--output"),
    ],
)
def test_an_output_that_cannot_be_is_refused_first(dnn_xp, sums, tmp_path, output, said):
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 2)))
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to("t.csv")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    code, out, err = dnn_xp("predict", sums, "x.npz", "t.csv", "-o", output)
    assert (code, out) == (2, "")
    assert said in err
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


@pytest.mark.once
def test_an_output_that_fails_leaves_the_old_one(dnn_xp, sums, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    (tmp_path / "out.csv").write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dnn_xp.app.prediction_files._write_csv", full)
    code, _, err = dnn_xp("predict", sums, "x.npy", "-o", "out.csv")
    assert code == 1
    assert "--output: out.csv: No space left" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.h5", "out.csv", "x.npy"]
    assert (tmp_path / "out.csv").read_text() == "old"
