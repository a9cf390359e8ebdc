"""Training and predicting from a file: the numbers that come of the same examples in memory."""

import h5py
import numpy as np
import pytest

from dnn_xp import Dense, Network, train
from dnn_xp.data import open_examples
from dnn_xp.training import adam
from tests.helpers import assert_close, assert_values

M = 31
RNG = np.random.default_rng(5)
PICTURES = RNG.integers(0, 256, (M, 2, 3), dtype=np.uint8)
X = PICTURES.reshape(M, 6).T / 255
Y = np.eye(3)[RNG.integers(0, 3, M)].T
NETWORK = Network(6, (Dense(5, "tanh"), Dense(3)), "softmax_cross_entropy")


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file.create_dataset("x", data=PICTURES, chunks=(4, 2, 3))
        file["names"] = ["a", "b"]
        file["y"] = np.arange(M)
    return tmp_path / "data.h5"


def scaled(rows):
    return rows / 255


def test_rows_are_read_in_any_order(path, array):
    with open_examples(path, like=array(X), prepare=scaled) as source:
        assert source.shape == X.shape
        assert_values(source.read(slice(3, 9)), X[:, 3:9], rtol=0)
        assert_values(source.read(np.array([7, 2, 2, 30])), X[:, [7, 2, 2, 30]], rtol=0)


def test_training_from_a_file_is_training_from_memory(path, array):
    options = {"optimizer": adam(0.01), "epochs": 3, "batch_size": 8, "seed": 2}
    expected = train(NETWORK, array(X), array(Y), **options)
    with open_examples(path, like=array(X), prepare=scaled) as source:
        found = train(NETWORK, source, array(Y), **options)
        outputs = NETWORK.predict(found.theta, source, batch_size=8)
    assert_close(found.theta, expected.theta, rtol=0)
    # Products of other widths may round otherwise.
    assert_close(outputs, NETWORK.predict(found.theta, array(X)), rtol=1e-13)


def test_bytes_become_floats_as_they_are(path, array):
    with open_examples(path, like=array(X, "float32")) as source:
        assert_values(source.read(slice(0, 2)), PICTURES[:2].reshape(2, 6).T, rtol=0)
        assert source.read(slice(0, 2)).dtype == source.like.dtype


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("z", "is not there: found names, x, y"),
        ("y", r"found int64\(31,\), expected numbers, an example a row"),
        ("names", "found text of variable length"),
        ("x/inner", "is not there: /x is no group"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(path, name, problem):
    with pytest.raises(ValueError, match=rf"data\.h5: {name}: {problem}"):
        open_examples(path, name, like=np.empty(0)).__enter__()


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        open_examples(tmp_path / "no.h5", like=np.empty(0)).__enter__()
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(ValueError, match="not an HDF5 file"):
        open_examples(tmp_path / "text.h5", like=np.empty(0)).__enter__()


def test_an_error_of_what_prepares_rows_is_not_taken_for_damage(path):
    def prepare(rows):
        raise OSError("no such table")

    with pytest.raises(OSError, match=r"^no such table"):
        open_examples(path, like=np.empty(0), prepare=prepare).__enter__()


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("filters", [{}, {"compression": "gzip"}, {"fletcher32": True}])
def test_rows_that_are_packed_come_as_they_were_stored(tmp_path, trusted, filters):
    path = tmp_path / "packed.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=PICTURES, chunks=(4, 2, 2), **filters)
    with open_examples(path, like=np.empty(0), trusted=trusted) as source:
        assert_values(source.read(slice(0, M)), PICTURES.reshape(M, 6).T, rtol=0)
        assert_values(
            source.read(np.array([7, 2, 2, 30])), PICTURES[[7, 2, 2, 30]].reshape(4, 6).T, rtol=0
        )


def test_damage_that_is_met_while_rows_are_read_names_the_file(tmp_path):
    path = tmp_path / "packed.h5"
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (M, 6), "f8", chunks=(8, 6), compression="gzip")
        x[...] = X.T
        x.id.write_direct_chunk((24, 0), b"damaged")
    with open_examples(path, like=np.empty(0)) as source:
        assert_values(source.read(slice(0, 8)), X[:, :8], rtol=0)
        with pytest.raises(ValueError, match=r"packed\.h5: x: damaged: a chunk cannot be unpacked"):
            source.read(slice(20, 31))
