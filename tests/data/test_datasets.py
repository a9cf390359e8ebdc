"""Data sets: shapes, classes and order of each source, splits, and what each refuses."""

import os
import subprocess
import sys
from importlib.resources import files

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp.data import open_examples
from dnn_xp.data.datasets import (
    Dataset,
    absent_classes,
    load,
    load_arrays,
    load_cats,
    load_digits,
    load_picture_folder,
    split,
    with_classes,
)


@pytest.fixture
def stored(tmp_path):
    def store(name="data.npz", **arrays):
        path = tmp_path / name
        if path.suffix == ".npz":
            np.savez(path, **arrays)
        else:
            with h5py.File(path, "w") as file:
                for key, values in arrays.items():
                    file[key] = values
        return path

    return store


def check(dataset):
    """Check what holds for every data set."""
    X, y, classes, image_shape, pixel_max, task, _ = dataset
    assert X.ndim == 2
    assert y.shape[-1] == X.shape[1]
    assert X.T.flags.c_contiguous, "each example lies in one piece"
    if classes is None:
        assert y.dtype.kind == "f"
        assert y.ndim == 2
    elif task == "labels":
        assert y.dtype == np.uint8
        assert y.shape == (len(classes), X.shape[1])
        assert set(np.unique(y)) <= {0, 1}
    else:
        assert y.dtype == np.int64
        assert y.ndim == 1
        assert all(isinstance(name, str) for name in classes)
        assert ((y >= 0) & (y < len(classes))).all()
    if image_shape is None:
        assert pixel_max is None
    else:
        assert np.prod(image_shape) == X.shape[0]
        assert X.dtype == np.uint8
        assert X.max() <= pixel_max


# ----------------------------------------------------------------------------- digits


def test_digits_are_whole():
    digits = load_digits()
    check(digits)
    assert digits.X.shape == (64, 1797)
    assert digits.classes == tuple("0123456789")
    assert (digits.image_shape, digits.pixel_max) == ((8, 8, 1), 16)
    # The counts of the test part, as the authors publish them.
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(digits.y).tolist() == counts


def test_digits_are_those_of_scikit_learn():
    theirs = pytest.importorskip("sklearn.datasets").load_digits()
    digits = load_digits()
    assert np.array_equal(digits.X.T, theirs.data)
    assert np.array_equal(digits.y, theirs.target)


def test_digits_carry_their_notice_and_are_small():
    folder = files("dnn_xp.data")
    notice = (folder / "digits-NOTICE.txt").read_text(encoding="utf-8")
    for needed in ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0", "Changes:"):
        assert needed in notice
    assert len((folder / "digits.npz").read_bytes()) < 60_000


# ----------------------------------------------------------------------------- cats


def test_cats_are_those_behind_the_published_tables(cat_data):
    train, test = load_cats(cat_data)
    for dataset, m, cats in ((train, 209, 72), (test, 50, 33)):
        check(dataset)
        assert dataset.X.shape == (12288, m)
        assert dataset.y.sum() == cats
        assert dataset.classes == ("non-cat", "cat")
        assert (dataset.image_shape, dataset.pixel_max) == ((64, 64, 3), 255)
    with h5py.File(cat_data / "train_catvnoncat.h5") as file:
        picture = file["train_set_x"][7]
    assert train.X[:, 7].tolist() == picture.reshape(-1).tolist()


def test_cats_are_found_by_the_environment(cat_data, monkeypatch):
    monkeypatch.setenv("DNN_XP_CAT_DATA", str(cat_data))
    for found, named in zip(load_cats(), load("cats", folder=cat_data), strict=True):
        assert np.array_equal(found.X, named.X)


def test_cats_by_folder_go_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("DNN_XP_CAT_DATA", "elsewhere")
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/train_catvnoncat.h5: there is no"):
        load_cats(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/train_catvnoncat.h5: there is no"):
        load("cats", folder=tmp_path)


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_folder_for_cats_every_way_is_named(monkeypatch, value):
    monkeypatch.delenv("DNN_XP_CAT_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("DNN_XP_CAT_DATA", value)
    with pytest.raises(FileNotFoundError, match=r"folder=.*--data-dir.*DNN_XP_CAT_DATA"):
        load_cats()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"train_set_x": np.zeros((2, 4, 4, 3))}, r"found train_set_x float64\(2, 4, 4, 3\)"),
        ({"train_set_x": np.zeros((2, 4, 4), np.uint8)}, r"expected uint8\(m, height, width, 3\)"),
        ({"train_set_y": np.array([0])}, r"train_set_y \(1,\)"),
        ({"train_set_y": np.array([0, 2])}, "train_set_y: expected places in list_classes"),
        ({"train_set_y": np.array([0.0, 1.0])}, "train_set_y: expected places in list_classes"),
    ],
)
def test_cats_of_another_shape_are_refused(stored, change, problem):
    arrays = {
        "train_set_x": np.zeros((2, 4, 4, 3), np.uint8),
        "train_set_y": np.array([0, 1]),
        "list_classes": np.array([b"non-cat", b"cat"]),
    }
    path = stored("train_catvnoncat.h5", **(arrays | change))
    with pytest.raises(ValueError, match=rf"train_catvnoncat\.h5: .*{problem}"):
        load_cats(path.parent)


# ----------------------------------------------------------------------------- arrays


@pytest.mark.parametrize("name", ["data.npz", "data.h5"])
@pytest.mark.parametrize(
    ("y", "labels", "classes"),
    [
        ([5, -1, 5], [1, 0, 1], ("-1", "5")),
        ([[5], [-1], [5]], [1, 0, 1], ("-1", "5")),
        (np.array([10, 9, 10], np.uint8), [1, 0, 1], ("9", "10")),
        ([True, False, True], [1, 0, 1], ("False", "True")),
        (np.array([b"cat", b"ant", b"cat"]), [1, 0, 1], ("ant", "cat")),
        (["cat", "ant", "äst"], [1, 0, 2], ("ant", "cat", "äst")),
        ([0.5, 1.5, 2.5], [[0.5, 1.5, 2.5]], None),
        ([[0.5, 1], [1.5, 2], [2.5, 3]], [[0.5, 1.5, 2.5], [1, 2, 3]], None),
        ([0.0, 1.0, 0.0], [0, 1, 0], ("0", "1")),
        (np.float32([[2], [1], [2]]), [1, 0, 1], ("1", "2")),
        ([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]], [1, 0, 2], ("0", "1", "2")),
        ([[True, False], [False, True], [True, False]], [0, 1, 0], ("0", "1")),
        ([[1, 1], [0, 0], [0, 1]], [[1, 0, 0], [1, 0, 1]], ("0", "1")),
        ([[1.0, 0], [0, 0], [1, 1]], [[1, 0, 1], [0, 0, 1]], ("0", "1")),
        (np.array([b"7.5", b"8", b"9"]), [[7.5, 8, 9]], None),
        ([[7, 8], [9, 3], [5, 5]], [[7, 9, 5], [8, 3, 5]], None),
        (np.uint16([700, 30, 51]), [[700, 30, 51]], None),
    ],
)
def test_labels_and_targets(stored, name, y, labels, classes):
    if name == "data.h5" and isinstance(y[0], str):
        y = np.array(y, dtype=h5py.string_dtype())
    dataset = load_arrays(stored(name, x=np.arange(6.0).reshape(3, 2), y=y), trusted=True)
    check(dataset)
    assert dataset.y.tolist() == labels
    assert dataset.classes == classes
    (note,) = dataset.notes
    assert note.startswith("3 ")
    assert f": {dataset.task}" in note
    assert dataset.X.tolist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]


@pytest.mark.parametrize("name", ["data.npz", "data.h5"])
@pytest.mark.parametrize(
    ("y", "task", "labels"),
    [
        ([3, 100, 9], "classes", [0, 2, 1]),
        ([0.5, 1.5, 0.5], "classes", [0, 1, 0]),
        ([[0, 1], [1, 0], [0, 1]], "labels", [[0, 1, 0], [1, 0, 1]]),
        ([0, 1, 0], "regression", [[0, 1, 0]]),
        ([True, False, True], "regression", [[1, 0, 1]]),
        ([3, 100, 9], "counts", [[3, 100, 9]]),
        ([[3.0], [0], [9]], "counts", [[3, 0, 9]]),
        (np.array([b"1", b"2", b"1"]), "regression", [[1, 2, 1]]),
    ],
)
def test_the_task_that_is_asked_for(stored, name, y, task, labels):
    dataset = load(stored(name, x=np.ones((3, 2)), y=y), task=task)[0]
    check(dataset)
    assert (dataset.task, dataset.notes) == (task, ())
    assert dataset.y.tolist() == labels


@pytest.mark.parametrize("name", ["data.npz", "data.h5"])
def test_a_task_that_does_not_suit_is_refused_with_the_file(stored, name):
    path = stored(name, x=np.ones((3, 2)), y=[0.5, -1, 2])
    with pytest.raises(ValueError, match=rf"{path.name}: y: found .* -1 to 2, .* for counts"):
        load(path, task="counts")
    with pytest.raises(ValueError, match="task: found 'count', expected"):
        load(path, task="count")


@pytest.mark.parametrize("task", ["regression", "labels", "counts"])
def test_what_has_classes_is_taken_for_nothing_else(album, cat_data, task):
    for data in ("digits", "cats", album):
        with pytest.raises(ValueError, match=f": found classes, expected data for {task}$"):
            load(data, folder=cat_data, task=task)
        with pytest.raises(ValueError, match="task: found 'luck', expected"):
            load(data, folder=cat_data, task="luck")
    assert load("digits", task="classes")[0].classes == load_digits().classes


@pytest.mark.parametrize(
    ("shape", "dtype", "image_shape"),
    [
        ((2, 4, 5), "uint8", (4, 5, 1)),
        ((2, 4, 5, 1), "uint8", (4, 5, 1)),
        ((2, 4, 5, 3), "uint8", (4, 5, 3)),
        ((2, 20), "uint8", None),
        ((2, 4, 5, 2), "uint8", None),
        ((2, 4, 5, 3), "float32", None),
        ((2, 4, 5), "int64", None),
        ((2, 4), "bool", None),
    ],
)
def test_bytes_of_the_shape_of_pictures_are_pictures(stored, shape, dtype, image_shape):
    x = (np.arange(np.prod(shape)) % 200).reshape(shape).astype(dtype)
    dataset = load_arrays(stored(x=x, y=[0, 1]))
    check(dataset)
    assert dataset.image_shape == image_shape
    assert dataset.pixel_max == (None if image_shape is None else 255)
    assert dataset.X.dtype == dtype
    assert dataset.X[:, 1].tolist() == x[1].reshape(-1).tolist()


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 2)])
def test_arrays_in_fortran_order_are_read_by_rows(stored, shape):
    x = np.asfortranarray(np.arange(12).reshape(shape))
    dataset = load_arrays(stored(x=x, y=[0, 1, 1]))
    check(dataset)
    assert dataset.X.T.tolist() == x.reshape(3, 4).tolist()


TWO = np.ones((2, 3))


@pytest.mark.parametrize(
    ("x", "y", "problem"),
    [
        (np.ones((3, 3)), [0, 1], r"found 3 examples in x and the shape \(2,\) of y"),
        (TWO, 1, r"found 2 examples in x and the shape \(\) of y"),
        (np.ones(()), [0, 1], r"x: found the shape \(\), expected \(m, \.\.\.\)"),
        (np.ones((0, 3)), [], r"x: found the shape \(0, 3\)"),
        (np.ones((2, 0)), [0, 1], r"x: found the shape \(2, 0\)"),
        (np.array([["a"], ["b"]]), [0, 1], r"x: found the dtype <U1, expected real numbers"),
        (TWO * 1j, [0, 1], r"x: found the dtype complex128"),
        (np.array([[1, 2], [np.inf, 3]]), [0, 1], r"x: found inf in row 1"),
        (TWO, [0.0, np.nan], r"y: found nan in row 1"),
        (TWO, np.array([["a", "b"], ["c", "d"]]), r"y: found <U1\(2, 2\), expected numbers or"),
        (TWO, np.ones((2, 2, 2)), r"y: found float64\(2, 2, 2\)"),
        (TWO, np.array([1j, 2]), r"y: found complex128\(2,\)"),
    ],
)
def test_dataset_what_cannot_be_learnt_from_is_named(stored, x, y, problem):
    with pytest.raises(ValueError, match=rf"data\.npz: {problem}"):
        load_arrays(stored(x=x, y=y))


@pytest.mark.parametrize(
    ("x", "y", "way_out"),
    [
        (np.ones((3, 5)), [0, 1, 0, 1, 1], "save x = x.T, so"),
        (np.ones((3, 5)), [[0], [1], [0], [1], [1]], "save x = x.T, so"),
        (np.ones((3, 5)), [[0, 1, 0, 1, 1]], "save x = x.T and y = y.T, so"),
        (np.ones((3, 5)), np.ones((2, 5)), "save x = x.T and y = y.T, so"),
        (np.ones((5, 3)), [[0, 1, 0, 1, 1]], "save y = y.T, so"),
        (np.ones((5, 3)), np.ones((2, 5)), "save y = y.T, so"),
    ],
)
def test_arrays_that_are_transposed_are_told_so(stored, x, y, way_out):
    with pytest.raises(ValueError, match=f"expected as many rows in both; .*columns: {way_out}"):
        load_arrays(stored(x=x, y=y))


def test_arrays_of_other_lengths_are_not_called_transposed(stored):
    with pytest.raises(ValueError, match=r"as many rows in both$"):
        load_arrays(stored(x=np.ones((3, 5)), y=[0, 1, 0, 1]))


@pytest.mark.parametrize("name", ["data.npz", "data.h5"])
@pytest.mark.parametrize(
    "label", ["caf\xe9".encode("latin-1"), "猫狗".encode("gbk"), "猫".encode("shift-jis"),
              "кот".encode("cp1251"), "cat".encode("utf-16")],
)  # fmt: skip
def test_labels_in_another_encoding_are_named(stored, name, label):
    path = stored(name, x=TWO, y=np.array([label, b"dog"]))
    with pytest.raises(ValueError, match=rf"{path.name}: y: found b.*, expected text in UTF-8"):
        load_arrays(path)


@pytest.mark.parametrize("name", ["x", "y"])
@pytest.mark.parametrize("value", [1e151, -1e200, 1.7e308, -1.7e308, np.longdouble(1e160)])
def test_numbers_whose_mean_square_cannot_be_taken_are_named(stored, name, value):
    arrays = {"x": np.ones((3, 2), type(value)), "y": np.ones(3, type(value))}
    arrays[name][1] = value
    with pytest.raises(
        ValueError, match=rf"data\.npz: {name}: found .* in row 1, expected .*1e\+150"
    ):
        load_arrays(stored(**arrays))


def test_the_largest_single_precision_is_no_such_number(stored):
    x = np.full((2, 3), np.finfo("float32").max)
    assert load_arrays(stored(x=x, y=[0, 1])).X.shape == (3, 2)


@pytest.mark.parametrize(
    "names",
    [("df/axis0", "df/values"), ("a/b/x",), ("a/x", "a/y", "b/x", "b/y"), ("X", "data", "y")],
)
def test_arrays_whose_names_leave_a_doubt_are_asked_for(stored, names):
    path = stored("data.h5", **{name: np.ones((2, 2)) for name in names})
    found = f"data.h5: lacks .*: found {', '.join(sorted(names))}; say .*: --x NAME --y NAME"
    with pytest.raises(ValueError, match=found):
        load_arrays(path)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may read all")
@pytest.mark.parametrize("name", ["data.npz", "data.h5"])
def test_a_file_that_may_not_be_read_is_an_error_of_the_system(stored, name):
    path = stored(name, x=TWO, y=[0, 1])
    path.chmod(0)
    with pytest.raises(PermissionError):
        load_arrays(path)


LOCKED = """
import sys, h5py
with h5py.File(sys.argv[1], "a") as file:
    print("open", flush=True)
    sys.stdin.read()
"""


def test_a_file_that_another_program_writes_is_named_so(stored):
    path = stored("data.h5", x=TWO, y=[0, 1])
    command = [sys.executable, "-c", LOCKED, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    surroundings = {k: v for k, v in os.environ.items() if k != "HDF5_USE_FILE_LOCKING"}
    with subprocess.Popen(command, env=surroundings, **pipes) as writer:
        assert writer.stdout.readline() == b"open\n"
        for read in (load_arrays, lambda path: open_examples(path, like=TWO).__enter__()):
            with pytest.raises(ValueError, match=r"data\.h5: is in use by another program"):
                read(path)
        writer.stdin.close()
    assert load_arrays(path).X.shape == (3, 2)


def test_a_file_whose_writer_was_killed_is_named_so(tmp_path):
    path = tmp_path / "data.h5"
    code = LOCKED.replace('"a") as', '"w", libver="latest") as').replace(
        "    print",
        """\
    file["x"] = [[1.0], [2.0]]
    file.flush()
    print""",
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(path)], **pipes) as writer:
        assert writer.stdout.readline() == b"open\n"
        writer.kill()
    with pytest.raises(ValueError, match=r"data\.h5: is open for writing in another.* h5clear"):
        load_arrays(path)


# ----------------------------------------------------------------------------- folders


@pytest.fixture
def album(tmp_path):
    """Return a folder with two dogs and one cat, and files that are no pictures."""
    image_module = pytest.importorskip("PIL.Image")
    for name, grey in {"dog/b.png": 20, "dog/a.jpg": 10, "cat/one.PNG": 250}.items():
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image_module.new("L", (9, 7), grey).save(path)
    for name in ("dog/notes.txt", "dog/.hidden.png"):
        (tmp_path / "album" / name).write_text("no picture")
    return tmp_path / "album"


def test_subfolders_are_classes(album):
    with pytest.warns(UserWarning, match=r"album: 2 files passed over: 1 hidden, 1 \.txt$"):
        dataset = load_picture_folder(album, (4, 5))
    check(dataset)
    assert dataset.classes == ("cat", "dog")
    assert dataset.y.tolist() == [0, 1, 1]
    assert dataset.image_shape == (4, 5, 3)
    # JPEG may be off by a level.
    np.testing.assert_allclose(dataset.X, np.tile([250, 10, 20], (60, 1)), atol=1)


def test_dataset_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotADirectoryError, match="nowhere: expected a folder"):
        load_picture_folder(tmp_path / "nowhere")


def test_a_folder_without_classes_is_named(album):
    with pytest.raises(ValueError, match="dog: found the subfolders: none; expected one for each"):
        load_picture_folder(album / "dog")


def test_a_class_without_pictures_is_named(album):
    (album / "cow").mkdir()
    with pytest.raises(ValueError, match="cow: found no picture"):
        load_picture_folder(album)


@pytest.mark.parametrize(
    "name", ["features.h5", "clip.mpg", "page.eps", "weather.grib", "notes", "table.csv", "a.HEIC"]
)
def test_files_that_are_no_pictures_are_passed_over_and_counted(album, name):
    for kind in ("cat", "dog", "dog/day1"):
        (album / kind).mkdir(exist_ok=True)
        (album / kind / name).write_bytes(b"\x89HDF\r\n\x1a\n")
    kind = name[name.find(".") :].lower() if "." in name else "without a suffix"
    said = rf"album: 5 files passed over: 3 {kind}, 1 hidden, 1 \.txt$"
    with pytest.warns(UserWarning, match=said):
        assert load_picture_folder(album, (4, 5)).y.tolist() == [0, 1, 1]


@pytest.fixture
def clean(album):
    """Return the folder without the files that are no pictures."""
    (album / "dog" / "notes.txt").unlink()
    (album / "dog" / ".hidden.png").unlink()
    return album


@pytest.mark.parametrize("within", ["day1", "day1/noon", "2024/05/01"])
@pytest.mark.parametrize("moved", ["a.jpg", "*"])
def test_folders_within_a_class_belong_to_it(clean, within, moved):
    expected = np.sort(load_picture_folder(clean, (4, 5)).X)
    (clean / "dog" / within).mkdir(parents=True)
    for one in [*(clean / "dog").glob(moved if moved != "*" else "*.*")]:
        one.rename(one.parent / within / one.name)
    dataset = load_picture_folder(clean, (4, 5))
    check(dataset)
    assert (dataset.classes, dataset.y.tolist()) == (("cat", "dog"), [0, 1, 1])
    assert np.array_equal(np.sort(dataset.X), expected)


def test_a_model_knows_more_classes_than_a_folder_has(clean):
    names = ("ant", "cat", "dog", "eel")
    (clean / "eel").mkdir()  # of which there is no picture
    dataset = load_picture_folder(clean, (4, 5), classes=names)
    assert (dataset.classes, dataset.y.tolist()) == (("cat", "dog"), [0, 1, 1])
    (clean / "dog" / "a.jpg").rename(clean / "eel" / "a.jpg")
    (clean / "dog" / "b.png").unlink()
    (clean / "dog").rmdir()
    (clean / "cat" / "one.PNG").unlink()
    assert load_picture_folder(clean, (4, 5), classes=names).classes == ("eel",)
    with pytest.raises(ValueError, match=r"the data have the classes \['eel'\], expected some of"):
        load_picture_folder(clean, (4, 5), classes=("cat", "dog"))
    (clean / "eel" / "a.jpg").unlink()
    with pytest.raises(ValueError, match="album: found no picture"):
        load_picture_folder(clean, (4, 5), classes=names)


def test_a_class_without_pictures_says_what_there_is_instead(album):
    (album / "cow").mkdir()
    (album / "cow" / "a.heic").touch()
    with pytest.raises(ValueError, match=r"cow: found no picture.*3 files passed over: 1 \.heic"):
        load_picture_folder(album)


def test_a_damaged_picture_is_named(album):
    (album / "dog" / "c.png").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match=r"c\.png: cannot be read as a picture"):
        load_picture_folder(album)


# ----------------------------------------------------------------------------- by name


def test_load_understands_each_source(clean, stored, cat_data):
    assert load("digits")[0].X.shape == (64, 1797)
    assert load("digits")[1] is None
    assert [part.X.shape[1] for part in load("cats", folder=cat_data)] == [209, 50]
    for name in ("data.npz", "data.h5", "data.hdf5"):
        dataset, test = load(str(stored(name, x=TWO, y=[0, 1])))
        assert dataset.X.shape == (3, 2)
        assert test is None
    assert load(clean, image_size=(2, 2))[0].X.shape == (12, 3)


def test_a_built_in_name_goes_before_a_folder(tmp_path, monkeypatch):
    pytest.importorskip("PIL", reason="pictures need dnn-xp[app]")
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load("digits")[0].X.shape == (64, 1797)
    with pytest.raises(ValueError, match="digits: found the subfolders: none"):
        load("./digits")


@pytest.mark.parametrize(
    ("data", "problem"),
    [("mnist", "there is no such file"), ("table.xlsx", "such a file is not understood")],
)
def test_dataset_what_is_not_understood_is_named_with_what_is(tmp_path, monkeypatch, data, problem):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.xlsx").touch()
    expected = r"expected 'digits', 'cats', .*\.h5, \.hdf5, \.mat, \.npz or \.npy.*table.*folder"
    with pytest.raises(ValueError, match=rf"data: found '{data}' \({problem}\), {expected}"):
        load(data)


def test_a_table_is_read_by_what_divides_it_first(tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"found the table .*read_table_file reads it"):
        load(tmp_path / "table.csv")


def test_a_file_of_arrays_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.npz: there is no such file"):
        load(tmp_path / "gone.npz")


# ----------------------------------------------------------------------------- split


def numbered(labels):
    """Return examples whose only feature is their number."""
    m, k = len(labels), max(labels) + 1
    names = tuple(str(one) for one in range(k))
    return Dataset(np.arange(m)[None, :], np.asarray(labels), names, None, None)


cases = {
    "labels": st.lists(st.integers(0, 5), min_size=2, max_size=200),
    "fraction": st.floats(0.05, 0.95),
    "seed": st.integers(0, 2**32),
}


@given(**cases)
def test_a_split_is_disjoint_complete_and_stratified(labels, fraction, seed):
    dataset = numbered(labels)
    try:
        rest, taken = split(dataset, fraction, seed)
    except ValueError:
        # Only where rounding leaves nothing on one side.
        assert round(fraction * len(labels)) in (0, len(labels))
        return
    check(rest)
    check(taken)
    assert sorted([*rest.X[0], *taken.X[0]]) == list(range(len(labels)))
    assert abs(taken.X.shape[1] - fraction * len(labels)) <= 0.5 + 1e-9
    for part in (rest, taken):
        assert part.y.tolist() == [labels[i] for i in part.X[0]]
        assert part.X[0].tolist() == sorted(part.X[0].tolist())
    for label in set(labels):
        of_class = np.count_nonzero(taken.y == label)
        assert abs(of_class - fraction * labels.count(label)) < 1 + 1e-9


@given(**cases)
def test_targets_are_split_with_their_examples(labels, fraction, seed):
    y = np.array([labels, labels], dtype=float)
    dataset = numbered(labels)._replace(y=y, classes=None)
    try:
        parts = split(dataset, fraction, seed)
    except ValueError:
        assert round(fraction * len(labels)) in (0, len(labels))
        return
    for part in parts:
        check(part)
        assert part.y.tolist() == y[:, part.X[0]].tolist()


@given(
    y=st.integers(1, 5).flatmap(
        lambda k: st.lists(st.lists(st.booleans(), min_size=k, max_size=k), min_size=2)
    ),
    fraction=cases["fraction"],
    seed=cases["seed"],
)
def test_a_split_of_labels_is_stratified_by_the_rarest(y, fraction, seed):
    y = np.asarray(y, dtype=np.uint8).T
    names = tuple(map(str, range(len(y))))
    X = np.arange(y.shape[1])[None, :]
    try:
        parts = split(Dataset(X, y, names, None, None, "labels"), fraction, seed)
    except ValueError:
        assert round(fraction * y.shape[1]) in (0, y.shape[1])
        return
    assert sorted([*parts[0].X[0], *parts[1].X[0]]) == list(range(y.shape[1]))
    for part in parts:
        check(part)
        assert part.y.tolist() == y[:, part.X[0]].tolist()
    counts = np.count_nonzero(y, axis=1)
    rarest = np.flatnonzero(counts == counts.min())[-1]
    taken = np.count_nonzero(parts[1].y[rarest])
    assert abs(taken - fraction * counts.min()) < 1 + 1e-9


def test_the_seed_chooses_among_equal_labels():
    y = np.tile(np.asarray([[0, 1, 1], [1, 0, 1]], dtype=np.uint8), 40)
    dataset = Dataset(np.arange(120)[None, :], y, ("0", "1"), None, None, "labels")
    first, again, other = (split(dataset, 0.2, seed)[1].X.tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_the_seed_chooses():
    dataset = load_digits()
    first, again, other = (split(dataset, 0.2, seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first.X, again.X)
    assert not np.array_equal(first.X, other.X)
    assert first[2:] == dataset[2:]


def test_every_example_has_the_same_chance():
    dataset = numbered([0] * 32 + [1] * 8)  # 8 and 2 of which are taken
    counts = np.zeros(40)
    for seed in range(2000):
        counts[split(dataset, 0.25, seed)[1].X[0]] += 1
    # 500 of 2,000 expected; the standard deviation is 19.4, and 40 counts stay within 5 of it.
    assert np.abs(counts - 500).max() < 97


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_a_fraction_that_is_none_is_refused(fraction):
    with pytest.raises(ValueError, match=rf"fraction: found {fraction}, expected a number between"):
        split(numbered([0, 1]), fraction, 0)


@pytest.mark.parametrize(("m", "fraction", "fewest"), [(1, 0.2, 3), (2, 0.2, 3), (1, 0.5, 2)])
def test_too_few_examples_are_said_to_be_too_few(m, fraction, fewest):
    with pytest.raises(ValueError, match=f"found {m} example.*expected at least {fewest}"):
        split(numbered([0] * m), fraction, 0)
    for part in split(numbered([0] * fewest), fraction, 0):
        check(part)


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_an_empty_part_is_refused(fraction):
    with pytest.raises(ValueError, match=rf"found 3 examples, of which .* {fraction} .* least 50"):
        split(numbered([0, 1, 1]), fraction, 0)


# ----------------------------------------------------------------------------- classes


def test_classes_are_matched_by_name():
    dataset = numbered([0, 1, 1])._replace(classes=("dog", "cat"))
    matched = with_classes(dataset, ("cat", "cow", "dog"))
    check(matched)
    assert matched.y.tolist() == [2, 0, 0]
    assert matched.classes == ("cat", "cow", "dog")
    assert dataset.y.tolist() == [0, 1, 1]


@pytest.mark.parametrize("there", [(), (0,), (3,), (0, 2), (0, 1, 2, 3)])
def test_classes_without_an_example_are_named(there):
    names = tuple("abcd")
    expected = tuple(names[place] for place in range(4) if place not in there)
    y = np.asarray(there * 2, dtype=np.int64)
    assert absent_classes(Dataset(np.ones((1, len(y))), y, names, None, None)) == expected
    marks = np.zeros((4, 5), np.uint8)
    marks[list(there), 2] = 1
    labels = Dataset(np.ones((1, 5)), marks, names, None, None, "labels")
    assert absent_classes(labels) == expected
    assert absent_classes(Dataset(np.ones((1, 5)), np.ones((1, 5)), None, None, None)) == ()


def test_labels_are_those_of_a_model_or_refused():
    dataset = Dataset(
        np.ones((1, 2)), np.ones((3, 2), np.uint8), tuple("abc"), None, None, "labels"
    )
    assert with_classes(dataset, tuple("abc")) is dataset
    for names in ("ab", "abcd", "acb"):
        with pytest.raises(ValueError, match=r"have the labels \['a', 'b', 'c'\], expected \["):
            with_classes(dataset, tuple(names))


def test_of_many_names_the_first_are_said():
    dataset = numbered([*range(30)])
    with pytest.raises(
        ValueError, match=r"\['1', .*'10', ... and 19 more\], expected some of \['0'\]"
    ):
        with_classes(dataset, ("0",))


def test_a_class_that_a_model_does_not_know_is_named():
    dataset = numbered([0, 1])._replace(classes=("dog", "cat"))
    with pytest.raises(ValueError, match=r"classes \['dog'\], expected some of \['cat', 'cow'\]"):
        with_classes(dataset, ("cat", "cow"))


def test_targets_have_no_classes():
    dataset = numbered([0, 1])._replace(classes=None)
    with pytest.raises(ValueError, match=r"the data have targets, expected the classes \['cat'\]"):
        with_classes(dataset, ("cat",))
