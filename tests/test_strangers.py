"""Files of strangers at every door: one documented error each, and nothing reached, run or shown.

Were a pipe opened, the test would wait for ever.
"""

import json
import os
import shutil

import h5py
import numpy as np
import pytest

from dnn_xp import Dense, MLPClassifier, Network, save_model, train
from dnn_xp.article import load_picture
from dnn_xp.data import (
    Preprocessing,
    load,
    load_arrays,
    load_cats,
    load_picture_folder,
    open_examples,
    read_picture,
)
from dnn_xp.files import read_arrays
from dnn_xp.files.hdf5 import fixed
from dnn_xp.models import (
    CheckpointError,
    CheckpointWarning,
    Model,
    ModelFileError,
    load_checkpoint,
    load_model,
    save_checkpoint,
)
from dnn_xp.network.description import describe_network
from tests.strangers import HOSTILE, neighbours, put, resealed

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name"),
]

NETWORK = Network(12, (Dense(3),), "softmax_cross_entropy")
X, Y = np.ones((12, 4)), np.eye(3)[:, [0, 1, 2, 0]]


@pytest.fixture
def data(tmp_path):
    """Return a function that writes x and y, one of them hostile."""

    def write(which, edit, name="data.h5", names=("x", "y")):
        neighbours(tmp_path)
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            file[names[0]], file[names[1]] = np.ones((4, 3)), np.arange(4) % 2
            put(file, names["xy".index(which)], edit)
        return path

    return write


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.h5"
    plain = Preprocessing(np.asarray(0.0), np.asarray(1.0))
    about = {"seed": 0}
    theta = NETWORK.initialize(0)
    save_model(path, Model(NETWORK, theta, plain, ("a", "b", "c"), (2, 2, 3), 255, about))
    return path


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "run.checkpoint"
    save_checkpoint(path, train(NETWORK, X, Y, epochs=1).progress)
    return path


# ----------------------------------------------------------------------------- HDF5


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("which", ["x", "y"])
def test_hostile_data_are_refused(data, which, edit):
    path = data(which, edit)
    for read in (load_arrays, load, lambda path: read_arrays(path, "xy")):
        with pytest.raises(ValueError, match=rf"data\.h5: ({which}: |lacks)"):
            read(path)


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE)
def test_hostile_rows_are_refused(data, edit):
    path = data("x", edit)
    with pytest.raises(ValueError, match=r"data\.h5: x: "):  # noqa: SIM117
        with open_examples(path, like=np.zeros(1)) as rows:
            rows.read(slice(0, 4))


ALWAYS = [
    name for name in HOSTILE if name not in ("virtual", "never_written", "huge", "wide_texts")
]


@pytest.mark.parametrize("name", ALWAYS)
def test_trust_does_not_open_what_is_refused_always(data, name):
    if name == "short_chunk":
        pytest.skip("HDF5 itself unpacks what is trusted")
    with pytest.raises(ValueError, match=r"data\.h5: "):
        load_arrays(data("x", HOSTILE[name]), trusted=True)


def test_trust_opens_a_virtual_data_set_whose_parts_are_there(data, tmp_path):
    path = data("x", HOSTILE["virtual"])
    assert load_arrays(path, trusted=True).X.tolist() == np.full((3, 4), 42.0).tolist()
    with open_examples(path, like=np.zeros(1), trusted=True) as rows:
        assert rows.read(slice(0, 1)).tolist() == [[42.0]] * 3
    (tmp_path / "other.h5").unlink()  # HDF5 would give zeros
    with pytest.raises(ValueError, match=r"x: its part x in other\.h5 is not there"):
        load_arrays(path, trusted=True)


@pytest.mark.parametrize("name", ["external_link", "external_storage", "virtual_of_a_pipe"])
def test_trust_does_not_open_parts_that_lie_elsewhere_again(data, tmp_path, name):
    path = data("x", HOSTILE["virtual"])
    with h5py.File(tmp_path / "other.h5", "w") as file:
        HOSTILE[name](file, "x")
    with pytest.raises(ValueError, match=r"x: its part x in other\.h5"):
        load_arrays(path, trusted=True)


def test_a_virtual_data_set_of_itself_ends(data, tmp_path):
    path = data("x", HOSTILE["virtual"])
    shutil.copy(path, tmp_path / "other.h5")
    with pytest.raises(ValueError, match="is virtual again"):
        load_arrays(path, trusted=True)


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", ["network", "about", "classes", "parameters/W1", "parameters"])
def test_hostile_models_are_refused(model, tmp_path, name, edit):
    neighbours(tmp_path)
    resealed(model, "model", name, edit)
    with pytest.raises(ModelFileError, match=r"model\.h5: "):
        load_model(model)


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", ["about", "state", "state/theta", "state/optimizer", "kept"])
def test_hostile_checkpoints_are_refused_and_the_one_before_is_used(
    checkpoint, tmp_path, name, edit
):
    neighbours(tmp_path)
    resealed(checkpoint, "checkpoint", name, edit)
    with pytest.raises(CheckpointError, match=r"run\.checkpoint: "):
        load_checkpoint(checkpoint)
    before = checkpoint.with_name("run.checkpoint.1")
    save_checkpoint(before, train(NETWORK, X, Y, epochs=2).progress)
    with pytest.warns(CheckpointWarning, match=r"checkpoint\.1 is used instead"):
        assert load_checkpoint(checkpoint).epoch == 2


def test_one_data_set_of_many_names_does_not_fill_the_memory(model, checkpoint, tmp_path):
    """Layers whose parameters are all one data set: the file must be able to hold each of them."""

    network = Network(300, (Dense(300),) * 50, "squared_error")
    plain = Preprocessing(np.asarray(0.0), np.asarray(1.0))
    small = Network(300, (Dense(300),), "squared_error")
    save_model(model, Model(small, np.zeros(small.size), plain, None, None, None, {}))
    whole = h5py.File(model).id.get_filesize()

    def described(file, name):
        file[name] = fixed(json.dumps(describe_network(network)))
        for number in range(2, 51):
            file[f"parameters/W{number}"] = file["parameters/W1"]
            file[f"parameters/b{number}"] = file["parameters/b1"]

    resealed(model, "model", "network", described)
    assert h5py.File(model).id.get_filesize() < 2 * whole
    with pytest.raises(ModelFileError, match=r"declares 36\.\d MB, which a file of .* cannot hold"):
        load_model(model)


# ----------------------------------------------------------------------------- pipes and devices

DOORS = {
    "load_model": (load_model, ModelFileError),
    "load_checkpoint": (load_checkpoint, CheckpointError),
    "load_arrays h5": (load_arrays, ValueError),
    "load": (load, ValueError),
    "open_examples": (lambda path: open_examples(path, like=X).__enter__(), ValueError),
    "read_picture": (lambda path: read_picture(path, (8, 8, 3)), ValueError),
    "article": (lambda path: load_picture(path, 8), ValueError),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_refused_at_every_door(tmp_path, door, linked):
    read, error = DOORS[door]
    path = tmp_path / "file.h5"
    os.mkfifo(tmp_path / "pipe.h5" if linked else path)
    if linked:
        path.symlink_to(tmp_path / "pipe.h5")
    with pytest.raises(error, match=r"(file|pipe)\.h5: found a pipe, expected a file"):
        read(path)


def test_pipes_in_folders_are_refused_or_passed_over(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for part in ("train", "test"):
        os.mkfifo(tmp_path / f"{part}_catvnoncat.h5")
    with pytest.raises(ValueError, match=r"train_catvnoncat\.h5: found a pipe"):
        load_cats(tmp_path)
    for name in "ab":
        (tmp_path / "album" / name).mkdir(parents=True)
        image.new("RGB", (2, 2)).save(tmp_path / "album" / name / "one.png")
    os.mkfifo(tmp_path / "album" / "a" / "pipe.png")
    with pytest.warns(UserWarning, match="1 file passed over: 1 neither file nor folder"):
        assert load_picture_folder(tmp_path / "album", (2, 2)).y.tolist() == [0, 1]


def test_a_pipe_in_the_place_of_an_estimator_s_checkpoint_is_refused(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    arguments = {"max_iter": 2, "random_state": 0, "checkpoint": tmp_path, "solver": "adam"}
    with pytest.warns(Warning, match="iterations"):
        MLPClassifier((2,), **arguments).fit(x, y)
    (path,) = tmp_path.glob("*.checkpoint")
    for one in tmp_path.glob("*.checkpoint*"):
        one.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match="found a pipe, expected a file"):
        MLPClassifier((2,), **arguments).fit(x, y)


# ----------------------------------------------------------------------------- what is shown

STEERING = ("\x1b[2J", "\x9b31m", "\x07", "a\rb", "\u202egnp.exe", "line\u2028end")


def with_field(field):
    """Give a layer a field that it does not have."""
    described = {"n_inputs": 12, "cost": "softmax_cross_entropy"}
    described["layers"] = [{"kind": "Dense", "units": 3, field: 1}]
    return lambda file, place: file.__setitem__(place, fixed(json.dumps(described)))


def with_figure(figure):
    """Give a history a figure that is no number."""
    about = {"run": {}, "epoch": 0, "batch": 0, "steps": 0, "history": {figure: ["x"]}}
    return lambda file, place: file.__setitem__(place, fixed(json.dumps(about)))


@pytest.mark.parametrize("name", STEERING)
def test_names_in_errors_are_shown_without_control_characters(tmp_path, model, checkpoint, name):
    path, layer = tmp_path / "data.h5", tmp_path / "layer.h5"
    layer.write_bytes(model.read_bytes())
    with h5py.File(path, "w") as file:
        file[name] = 1
    np.savez(tmp_path / "data.npz", **{name: 1})
    resealed(model, "model", name, lambda file, place: file.__setitem__(place, 1))
    (tmp_path / "album" / name).mkdir(parents=True)
    resealed(layer, "model", "network", with_field(name))
    resealed(checkpoint, "checkpoint", "about", with_figure(name))
    for read in (
        lambda: load_model(layer),
        lambda: load_checkpoint(checkpoint),
        lambda: load_arrays(path),
        lambda: load_arrays(tmp_path / "data.npz"),
        lambda: open_examples(path, like=X).__enter__(),
        lambda: load_model(model),
        lambda: load_picture_folder(tmp_path / "album"),
    ):
        with pytest.raises(ValueError) as error:  # noqa: PT011
            read()
        said = str(error.value)
        assert not set(said) & set("\x1b\x9b\x07\r\u202e\u2028")
        assert name.encode("unicode_escape").decode() in said
