"""Models in files: on every library the same values, and no damaged file is taken for a model."""

import io
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.backends import to_host
from dnn_xp.data.preprocessing import Preprocessing
from dnn_xp.files.sealing import seal
from dnn_xp.functions.activations import find_activation
from dnn_xp.functions.costs import find_cost
from dnn_xp.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    LayerNorm,
    ParametricActivation,
    PeriodicEmbedding,
)
from dnn_xp.models.h5 import Model, ModelFileError, load_model, save_model
from dnn_xp.network import Network
from tests.helpers import assert_close, assert_values

NETWORK = Network(
    12,
    (
        Dense(5, ("leaky_relu", 0.2), "he_normal"),
        BatchNorm(momentum=0.7),
        Dropout(0.1),
        Dense(4),
        LayerNorm(),
        Activation("tanh"),
        Dense(3),
    ),
    cost="softmax_cross_entropy",
)
PREPROCESSING = Preprocessing(np.linspace(-1, 1, 12)[:, None], np.linspace(0.1, 1, 12)[:, None])
PARTS = {
    "network": NETWORK,
    # Positive, as variances are.
    "theta": np.random.default_rng(0).uniform(0.1, 2, NETWORK.size),
    "preprocessing": PREPROCESSING,
    "classes": ("ant", "bee", "Käfer"),
    "image_shape": (2, 2, 3),
    "pixel_max": 255,
    "about": {"seed": 7, "epochs": 3, "accuracy": 0.1, "data": "digits"},
}


def made(**changes):
    return Model(**(PARTS | changes))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.h5"


@pytest.fixture
def whole(path):
    """Return the bytes of a file that is whole."""
    save_model(path, made())
    return path.read_bytes()


# ----------------------------------------------------------------------------- round trips


def test_what_is_saved_comes_back_to_its_library(path, array, dtype):
    theta = array(PARTS["theta"], dtype)
    save_model(path, made(theta=theta))
    loaded = load_model(path)
    assert_close(loaded.theta, theta, rtol=0)
    assert loaded.network == NETWORK
    assert loaded.classes == PARTS["classes"]
    assert loaded.image_shape == PARTS["image_shape"]
    assert loaded.pixel_max == PARTS["pixel_max"]
    for name in ("shift", "scale"):
        kept = getattr(loaded.preprocessing, name)
        assert kept.dtype == np.float64
        assert kept.tolist() == getattr(PREPROCESSING, name).tolist()


def test_it_predicts_as_before(path, array, dtype):
    theta, X = array(PARTS["theta"], dtype), array(np.linspace(-1, 1, 48).reshape(12, 4), dtype)
    save_model(path, made(theta=theta))
    loaded = load_model(path)
    before, after = NETWORK.predict(theta, X), loaded.network.predict(loaded.theta, X)
    assert_close(after, before, rtol=0)


def test_layers_for_tables_come_back(path, array):
    hidden = (PeriodicEmbedding(3, 5, 2, 0.3), Dense(4), ParametricActivation(("elu", 0.5)))
    network = Network(12, (*hidden, Dense(3)), "softmax_cross_entropy")
    theta = network.initialize(like=array([1.0]))
    save_model(path, made(network=network, theta=theta))
    loaded = load_model(path)
    assert loaded.network == network
    assert_close(loaded.theta, theta, rtol=0)


@pytest.mark.parametrize(
    "cost",
    [
        ("huber", 2.0),
        ("grouped_softmax_cross_entropy", 2, 3),
        ("quantile", [0.1, 0.2, 0.5, 0.8, 0.9]),
    ],
)
def test_costs_with_parameters_come_back(path, cost):
    network = Network(12, (Dense(5),), cost)
    save_model(path, made(network=network, theta=np.ones(network.size), classes=None))
    assert load_model(path).network == network


def test_it_loads_on_every_library_whatever_it_was_trained_on(path, library):
    save_model(path, made())
    loaded = load_model(path, backend=library.backend)
    assert backends.namespace(loaded.theta) is backends.open_backend(library.backend).xp
    assert_values(loaded.theta, PARTS["theta"], rtol=0)
    elsewhere = load_model(path, backend=backends.open_backend("numpy"))
    assert type(elsewhere.theta) is np.ndarray


def test_the_dtype_can_be_chosen(path, library):
    save_model(path, made())
    loaded = load_model(path, dtype="float32")
    assert_values(loaded.theta, PARTS["theta"].astype("float32"), rtol=0)
    assert loaded.theta.dtype == backends.current_backend().xp.float32


def test_jax_without_64_bits_is_told_the_way_out(path):
    jax = pytest.importorskip("jax")
    save_model(path, made())
    with jax.enable_x64(False):
        with pytest.raises(backends.BackendError, match="ask for dtype='float32'"):
            load_model(path, backend="jax")
        assert load_model(path, backend="jax", dtype="float32").theta.dtype == "float32"


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        (Network(2, (Dense(1),), ("huber", 2.0)), {"classes": None}),
        (Network(2, (Dense(1),), "sigmoid_cross_entropy"), {"classes": ("no", "yes")}),
        (Network(2, (Dense(4),), "sigmoid_cross_entropy"), {"classes": tuple("abcd")}),
        (Network(2, (Dense(2), Activation(("elu", 0.5)), Dense(3)), "poisson"), {"classes": None}),
    ],
)
def test_networks_of_every_kind_come_back(path, network, changes):
    model = made(
        network=network,
        theta=network.initialize(0),
        preprocessing=Preprocessing(0.0, 1 / 16),
        image_shape=None,
        pixel_max=None,
        **changes,
    )
    save_model(path, model)
    loaded = load_model(path)
    assert loaded.network == network
    assert hash(loaded.network) == hash(network)
    assert loaded._replace(theta=None, about=None) == model._replace(
        theta=None, about=None, preprocessing=loaded.preprocessing
    )
    assert (float(loaded.preprocessing.shift), float(loaded.preprocessing.scale)) == (0.0, 1 / 16)


def test_what_is_said_about_it_comes_back_with_versions(path, array, library):
    save_model(path, made(theta=array(PARTS["theta"])))
    about = load_model(path).about
    versions = about.pop("versions")
    assert about == PARTS["about"]
    assert {"python", "dnn_xp", "numpy", "h5py"} <= versions.keys()
    assert versions["numpy"] == np.__version__
    assert any(name.startswith(library.backend.replace("-", "_")) for name in versions)


def test_a_model_can_be_saved_again(path, whole):
    save_model(path, load_model(path))
    assert path.read_bytes() == whole


def test_other_programs_can_read_it(path, whole):
    with h5py.File(path) as file:
        held = NETWORK.unpack(PARTS["theta"])
        assert set(file["parameters"]) == set(held)
        for name, values in held.items():
            assert np.array_equal(file[f"parameters/{name}"][()], values)
        assert file.attrs["format"] == b"dnn_xp model"
        first = json.loads(file["network"][()])["layers"][0]
    expected = {"units": 5, "activation": ["leaky_relu", 0.2], "initializer": "he_normal"}
    assert first == {"kind": "Dense"} | expected


# ----------------------------------------------------------------------------- refused


def own(function):
    return find_activation("tanh")._replace(function=function)


def impostor():
    """A layer of one's own that has the name of one of the house."""
    return type("LayerNorm", (Layer,), {})()


SMALL = Network(12, (Dense(3),), "softmax_cross_entropy")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"theta": np.zeros(3)}, rf"theta: found the shape \(3,\), expected \({NETWORK.size},\)"),
        ({"theta": np.zeros(NETWORK.size, int)}, "theta: found the dtype int64"),
        (
            {"theta": np.where(np.arange(NETWORK.size) < 2, np.nan, 0)},
            rf"theta: found 2 of {NETWORK.size} values that are not finite",
        ),
        (
            {"preprocessing": Preprocessing(np.zeros((3, 1)), 1.0)},
            r"preprocessing: found shift of float64\(3, 1\), expected .* or \(12, 1\)",
        ),
        ({"preprocessing": Preprocessing(0.0, np.ones(12))}, r"found scale of float64\(12,\)"),
        ({"preprocessing": Preprocessing(np.nan, 1.0)}, "values of shift that are .*not finite"),
        ({"preprocessing": Preprocessing(0.0, 0.0)}, "values of scale that are 0"),
        ({"classes": ("a", "b")}, "classes: found 2 names, expected 3"),
        ({"image_shape": (2, 2, 1)}, r"image_shape: found \(2, 2, 1\), expected .* of 12 values"),
        ({"image_shape": (-2, -2, 3)}, r"image_shape: found \(-2, -2, 3\), expected"),
        ({"image_shape": (2.0, 2, 3)}, r"image_shape: found \(2\.0, 2, 3\), expected"),
        ({"pixel_max": 0}, "pixel_max: found 0, expected a whole number from 1 on"),
        ({"pixel_max": 2.5}, "pixel_max: found 2.5, expected a whole number from 1 on"),
        ({"about": {"metrics": 5}}, "about: found metrics 5, expected names of metrics"),
        ({"about": {"task": "luck"}}, "about: found the task 'luck', expected one of .*labels"),
        ({"about": {"when": object()}}, "about: cannot be stored .*object"),
        ({"about": {"cost": float("nan")}}, "about: cannot be stored"),
        (
            {"network": Network(12, (impostor(), Dense(3)), "softmax_cross_entropy")},
            "network: found a layer of your own called LayerNorm, which is one of ours",
        ),
        (
            {"network": Network(12, (Activation(own(abs)), Dense(3)), "softmax_cross_entropy")},
            "network: found .*, a function of your own, .*by name",
        ),
        (
            {"network": Network(12, (Dense(3),), find_cost("softmax_cross_entropy"))},
            "network: found .*, a function of your own, .*by name",
        ),
    ],
)
def test_parts_that_do_not_fit_are_not_saved(path, whole, changes, problem):
    if "network" in changes:
        changes = changes | {"theta": np.zeros(SMALL.size)}
    with pytest.raises(ValueError, match=problem):
        save_model(path, made(**changes))
    assert path.read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]


def edited(path, edit):
    """Change a saved file with another program, and seal it again."""
    with h5py.File(path, "r+") as file:
        edit(file)
    path.write_bytes(seal(io.BytesIO(path.read_bytes()), "model"))


def replaced(name, value):
    def edit(file):
        if name in file:
            del file[name]
        file[name] = value

    return edit


def with_network(**changes):
    def edit(file):
        described = json.loads(file["network"][()]) | changes
        replaced("network", np.bytes_(json.dumps(described)))(file)

    return edit


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda file: file.attrs.update(version=3), "found format version 3, expected 2: .* newer"),
        (lambda file: file.attrs.update(version=1), "found format version 1, expected 2: .* older"),
        (replaced("encoder/bins", 1.0), "found encoder, of which this dnn_xp does not know"),
        (replaced("about", "{}"), "about: found text of variable length, expected text of"),
        (lambda file: file.attrs.update(version="x"), "not a model that can be used"),
        (lambda file: file.__delitem__("network"), "not a model that can be used: .*network"),
        (lambda file: file.__delitem__("preprocessing"), "not a model that can be used"),
        (lambda file: file.__delitem__("parameters/W1"), "parameters: found .*expected .*W1"),
        (replaced("parameters/W9", np.zeros((1, 1))), "parameters: found .*W9.*expected"),
        (replaced("parameters/W1", np.zeros((5, 11))), r"W1 .*has shape \(5, 11\), expected \(5"),
        (replaced("parameters/b1", np.full((5, 1), np.nan)), "found 5 of .* not finite"),
        (replaced("parameters/b1", np.full((5, 1), np.inf)), "found 5 of .* not finite"),
        (replaced("preprocessing/scale", np.nan), "preprocessing: .*scale that are 0 or not"),
        (replaced("classes", np.asarray([b"a"])), "classes: found 1 names, expected 3"),
        (replaced("network", np.bytes_("{")), "not a model that can be used"),
        (replaced("network", 3), "not a model that can be used"),
        (with_network(n_inputs=-1), "n_inputs: found -1"),
        (with_network(n_inputs=12.0), "n_inputs: found 12.0, expected a whole number"),
        (with_network(n_inputs=True), "n_inputs: found True"),
        (with_network(n_inputs=None), "n_inputs: found None"),
        (with_network(n_inputs=10**400), "parameters: W1 of layer 1, .* has shape"),
        (with_network(layers={"kind": "Dense", "units": 3}), "layers: found .*expected a list"),
        (with_network(layers="Dense"), "layers: found 'Dense', expected a list"),
        (with_network(layers=[None]), "not a model that can be used"),
        (with_network(layers=[{"kind": ["Dense"]}]), "not a model that can be used"),
        (with_network(layers=[{"kind": "Dense", "units": 3.0}]), "units: found 3.0"),
        (with_network(layers=[{"kind": "Dense", "units": 3, "activation": 5}]), "can be used"),
        (with_network(cost=5), "not a model that can be used"),
        (with_network(cost=["huber", "x"]), "not a model that can be used"),
        (with_network(more=1), "network: found .*more, expected n_inputs, layers and cost"),
        (replaced("network", np.bytes_("[" * 100_000)), "JSON that is nested too deep"),
        (replaced("network", np.bytes_("[1]")), "network: found list, expected a dictionary"),
        (replaced("network", np.bytes_(b"\xff{}")), "not a model that can be used"),
        (replaced("about", np.bytes_("[1]")), "about: found list, expected a dictionary"),
        (replaced("about", np.bytes_('{"metrics": 5}')), "about: found metrics 5, expected names"),
        (replaced("about", np.bytes_('{"task": ["labels"]}')), "about: found the task .'labels'.,"),
        (replaced("about", np.bytes_('{"metrics": "f1"}')), "about: found metrics 'f1', expected"),
        (replaced("about", np.bytes_('{"metrics": [5]}')), "about: found metrics .5., expected"),
        (
            replaced("about", np.bytes_('{"fingerprint": 3, "seed": -1}')),
            "about: found the seed -1, expected a whole number",
        ),
        (replaced("classes", np.array([[b"a"], [b"b"], [b"c"]])), "expected text of fixed length"),
        (replaced("classes", np.bytes_("abc")), "not a model that can be used"),
        (replaced("classes", np.array([b"a", b"b", b"\xff"])), "not a model that can be used"),
        (replaced("classes", np.arange(3)), "classes: found int64"),
        (lambda file: file.attrs.update(image_shape=[-1, -4, 3]), "image_shape: found .-1, -4, 3"),
        (lambda file: file.attrs.update(image_shape=[1.5, 2, 4]), "image_shape: found "),
        (lambda file: file.attrs.update(image_shape=[2, 2]), "image_shape: found .2, 2., expected"),
        (lambda file: file.attrs.update(image_shape=12), "image_shape: found 12, expected"),
        (lambda file: file.attrs.update(image_shape=[[2, 2, 3]]), "image_shape: found "),
        (lambda file: file.attrs.update(image_shape=[0, 2, 3]), "image_shape: found .0, 2, 3"),
        (lambda file: file.attrs.update(pixel_max=0), "pixel_max: found 0, expected a whole num"),
        (lambda file: file.attrs.update(pixel_max=-255), "pixel_max: found -255"),
        (lambda file: file.attrs.update(pixel_max=2.5), "pixel_max: found .*2.5"),
        (lambda file: file.attrs.update(pixel_max=[1, 2]), "pixel_max: found"),
        (lambda file: file.attrs.update(version=2.5), "version: found .*2.5"),
        (lambda file: file.attrs.update(version=[2, 2]), "version: found"),
        (lambda file: file.attrs.__delitem__("version"), "version: found None, expected a whole"),
        (
            replaced("parameters/W1", np.zeros((5, 12), complex)),
            "W1: found complex128, expected floats",
        ),
        (replaced("parameters/W1", np.zeros((5, 12), int)), "W1: found int64, expected floats"),
        (replaced("preprocessing/shift", np.zeros(12)), "preprocessing: found shift of"),
        (replaced("preprocessing/shift", 1j), "shift: found complex128, expected numbers"),
        (with_network(n_inputs="12"), "not a model that can be used"),
        (with_network(cost="none"), "none"),
        (with_network(layers=[]), "layers: found none"),
        (with_network(layers=[{"kind": "Network"}]), "found the layer 'Network', which is none of"),
        (with_network(layers=[{"units": 3}]), "not a model that can be used: 'kind'"),
        (with_network(layers=[{"kind": "Dense", "width": 3}]), "width"),
        (with_network(layers=[{"kind": "Dense", "units": 10**12}]), "parameters: found"),
    ],
)
def test_a_whole_file_of_a_wrong_model_is_named(path, whole, edit, problem):
    edited(path, edit)
    with pytest.raises(ModelFileError, match=rf"model\.h5: .*{problem}"):
        load_model(path)


# ----------------------------------------------------------------------------- damage


def test_model_a_file_that_is_not_there_is_named(path):
    with pytest.raises(FileNotFoundError, match=r"model\.h5"):
        load_model(path)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n", bytes(2000)])
def test_another_file_is_no_model(path, content):
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model\.h5: not a model that dnn_xp saved"):
        load_model(path)


def test_another_hdf5_file_is_no_model(path):
    with h5py.File(path, "w") as file:
        file["x"] = [1.0]
    with pytest.raises(ModelFileError, match=r"model\.h5: not a model that dnn_xp saved"):
        load_model(path)


def test_model_every_truncation_is_named(path, whole):
    for length in [*range(0, 600, 7), *range(600, len(whole), 211), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match=r"model\.h5: (not a model|damaged or truncated)"):
            load_model(path)


def test_every_flipped_bit_is_named(path, whole):
    for place in [*range(600), *range(600, len(whole), 97), len(whole) - 1]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(ModelFileError, match=r"model\.h5: (not a model|damaged or truncated)"):
            load_model(path)


def test_what_is_appended_is_named(path, whole):
    path.write_bytes(whole + b"\0")
    with pytest.raises(ModelFileError, match=r"model\.h5: damaged"):
        load_model(path)


# ----------------------------------------------------------------------------- interrupted


def test_a_full_disk_leaves_the_old_model(path, whole, monkeypatch):
    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        save_model(path, made(pixel_max=16))
    assert path.read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("where", ["h5py.File.__setitem__", "pathlib.Path.write_bytes"])
def test_an_error_in_the_middle_leaves_the_old_model(path, whole, monkeypatch, error, where):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(where, fail)
    with pytest.raises(error):
        save_model(path, made(pixel_max=16))
    monkeypatch.undo()
    assert path.read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]


def run(program, *arguments):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX kill")
@pytest.mark.parametrize("call", ["h5py.File.close", "os.fsync", "os.replace"])
def test_a_killed_process_leaves_the_old_model(path, whole, call):
    program = f"""
        import os, signal, sys
        import h5py
        from dnn_xp.models.h5 import load_model, save_model
        model = load_model(sys.argv[1], backend="numpy")
        {call} = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
        save_model(sys.argv[1], model._replace(pixel_max=16))
    """
    assert run(program, path).returncode == -9
    assert path.read_bytes() == whole


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX limit of file sizes")
@pytest.mark.parametrize("limit", [0, 100, 2_000, 10_000])
def test_a_disk_that_fills_up_leaves_the_old_model(path, whole, limit):
    program = """
        import resource, sys
        from dnn_xp.models.h5 import load_model, save_model
        model = load_model(sys.argv[1], backend="numpy")
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
        try:
            save_model(sys.argv[1], model._replace(pixel_max=16))
        except OSError as error:
            print(type(error).__name__)
    """
    done = run(program, path, limit)
    assert (done.returncode, done.stdout) == (0, "OSError\n"), done.stderr
    assert path.read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]


# ----------------------------------------------------------------------------- stored files

STORED = Path(__file__).parent / "data"


def test_a_stored_model_of_version_2_predicts_what_it_did():
    """Trained for two epochs on these data; the probabilities are those of that day."""
    model = load_model(STORED / "model-2.h5", backend="numpy")
    assert model.network == Network(
        3, (Dense(4, ("elu", 0.5)), BatchNorm(), Dense(2)), "softmax_cross_entropy"
    )
    assert model.classes == ("cat", "\u732b")
    assert (model.about["seed"], model.preprocessing.shift) == (3, 0.5)
    X = np.random.default_rng(0).normal(size=(3, 12))[:, :2]
    expected = [
        [0.13868415173056614, 0.51670852818735686],
        [0.86131584826943386, 0.483291471812643],
    ]
    assert_values(model.network.predict(model.theta, X), expected, rtol=1e-12)


def test_a_stored_model_of_version_1_is_refused_with_a_word():
    with pytest.raises(ModelFileError, match=r"found format version 1, expected 2: .*an older"):
        load_model(STORED / "model-1.h5")


def test_several_networks_are_kept_in_one_file(path, array):
    """Members of an ensemble: theta of shape (k, size)."""
    network = Network(3, (Dense(4, "tanh"), Dense(2)), "squared_error")
    thetas = array(np.random.default_rng(0).normal(size=(3, network.size)))
    plain = Preprocessing(np.asarray(0.0), np.asarray(1.0))
    save_model(path, Model(network, thetas, plain, None, None, None, {}))
    again = load_model(path, backend="numpy")
    assert_values(again.theta, to_host(thetas), rtol=0)
    with pytest.raises(ValueError, match=r"theta: found the shape \(2, 3, 26\)"):
        save_model(path, Model(network, np.zeros((2, 3, 26)), plain, None, None, None, {}))


def test_a_model_is_shown_without_its_arrays_and_escaped(array):
    network = Network(3, (Dense(20), Dense(2)), "softmax_cross_entropy")
    theta = array(np.zeros(network.size), "float32")
    model = Model(network, theta, classes=("cat", "<b>dog</b>"), about={"seed": 3})
    shown = f"<{type(theta).__name__} of float32, shape ({network.size},)>"
    assert f"theta={shown}, classes=('cat', '<b>dog</b>'), about=" in repr(model)
    assert "preprocessing" not in repr(model), "as data are taken by default"
    page = model._repr_html_()
    assert network._repr_html_() in page
    assert "&lt;b&gt;dog&lt;/b&gt;" in page
    assert "<b>dog" not in page
    assert shown.replace("<", "&lt;").replace(">", "&gt;") in page
