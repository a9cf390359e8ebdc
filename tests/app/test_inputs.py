"""What is predicted: the shapes that are examples, and the pictures of folders."""

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.inputs import Asked, find_pictures, is_array_file, read_columns
from dnn_xp.layers import Dense
from dnn_xp.models import Model
from dnn_xp.network import Network


def model(n_features, image_shape=None):
    network = Network(n_features, (Dense(1),), "squared_error")
    pixel_max = None if image_shape is None else 255
    return Model(network, np.zeros(network.size), image_shape=image_shape, pixel_max=pixel_max)


def read(tmp_path, x, of, **asked):
    np.save(tmp_path / "x.npy", x)
    blocks = read_columns(tmp_path / "x.npy", of, of.network.n_inputs, Asked(**asked))
    return np.concatenate(list(blocks), axis=1)


@pytest.mark.parametrize(
    ("shape", "image_shape", "m"),
    [
        ((5, 12), None, 5),
        ((12,), None, 1),
        ((5, 2, 2, 3), (2, 2, 3), 5),
        ((2, 2, 3), (2, 2, 3), 1),
        ((3, 4), (3, 4, 1), 1),
        ((3, 4, 1), (3, 4, 1), 1),
        ((6, 3, 4), (3, 4, 1), 6),
        ((3, 12), (3, 4, 1), 3),
    ],
)
def test_shapes_that_are_examples(tmp_path, shape, image_shape, m):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    assert np.array_equal(read(tmp_path, x, model(12, image_shape)), x.reshape(m, 12).T)


def test_a_vector_holds_the_examples_of_a_single_feature(tmp_path):
    assert read(tmp_path, np.arange(3.0), model(1)).tolist() == [[0.0, 1.0, 2.0]]


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 2), (5, 2, 2, 3)])
def test_matlab_has_axes_the_other_way_round(tmp_path, shape):
    """Of a matrix rows are examples; of pictures, stacked as MATLAB does, the last axis."""
    h5py = pytest.importorskip("h5py")
    x = np.random.default_rng(0).normal(size=shape)
    in_matlab = x if x.ndim == 2 else np.moveaxis(x, 0, -1)
    with h5py.File(tmp_path / "x.mat", "w") as file:
        file["x"] = in_matlab.T
    n_features = int(np.prod(shape[1:]))
    (found,) = read_columns(tmp_path / "x.mat", model(n_features), n_features, Asked())
    assert np.array_equal(found, x.reshape(5, -1).T)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("x", "y"), "x"),
        (("X", "y"), "X"),
        (("measured",), "measured"),
        (("arr_0", "arr_1"), "arr_0"),
        (("a", "b"), None),
        (("x_train", "x_test"), None),
    ],
)
def test_the_examples_are_found_by_their_name(tmp_path, names, chosen):
    """Each array holds its place among them."""
    np.savez(tmp_path / "x.npz", **{name: np.full((1, 1), i) for i, name in enumerate(names)})
    read_all = lambda: [*read_columns(tmp_path / "x.npz", model(1), 1, Asked())]  # noqa: E731
    if chosen is None:
        with pytest.raises(ValueError, match=f"found {names[0]}, {names[1]}, .*--x NAME"):
            read_all()
    else:
        assert read_all()[0].item() == names.index(chosen)


def test_a_vector_of_another_length_is_refused(tmp_path):
    with pytest.raises(ValueError, match="5 features"):
        read(tmp_path, np.arange(5.0), model(2))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", ">f8"])
def test_numbers_of_all_kinds_are_read(tmp_path, dtype):
    x = np.asarray([[1, 0], [1, 1]], dtype)
    assert read(tmp_path, x, model(2)).tolist() == [[1, 1], [0, 1]]


def test_dark_becomes_light_in_bytes(tmp_path):
    of = model(4, (2, 2, 1))
    found = read(tmp_path, np.asarray([[0, 1, 254, 255]], np.uint8), of, invert=True)
    assert found[:, 0].tolist() == [255, 254, 1, 0]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("a.npz", True), ("a.NPY", True), ("a.h5", True), ("a.hdf5", True), ("a.csv", False)],
)
def test_arrays_are_known_by_their_suffix(tmp_path, name, is_one):
    assert is_array_file(tmp_path / name) == is_one


def test_pictures_of_a_folder_come_in_their_order(tmp_path):
    pytest.importorskip("PIL")
    for name in ("b/2.png", "b/1.JPG", "a/z.bmp", "c.txt", ".d/e.png", "top.gif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "round").symlink_to(tmp_path)
    pictures, n_others = find_pictures(tmp_path)
    said = [str(path.relative_to(tmp_path)) for path in pictures]
    assert (said, n_others) == (["top.gif", "a/z.bmp", "b/1.JPG", "b/2.png"], 1)
    (tmp_path / "e").mkdir()
    (tmp_path / "e/x.txt").touch()
    with pytest.raises(ValueError, match=r"no picture in it \(1 file"):
        find_pictures(tmp_path / "e")
