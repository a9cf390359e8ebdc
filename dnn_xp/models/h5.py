"""Models in HDF5 files, for any library and any other program that reads HDF5.

========================  ======================================================================
``network``               text, JSON: n_inputs, cost, layers as {"kind": "Dense", "units": ...}
``parameters/W1`` ...     one array for each name of ``network.shapes``; of k networks, k of each
``preprocessing/shift``   and ``scale``: the network sees (X - shift) * scale
``classes``               their names, where there are classes
``table``                 of an estimator of tables: what it does before the networks and after
                          them; see `dnn_xp.models.states`
``encoder``               of a network that was trained on a table: a `TableEncoder`'s state
``about``                 text, JSON: library versions, seed, epochs, ...
``format``, ``version``   attributes; ``image_shape`` and ``pixel_max``, too, where it is pictures
========================  ======================================================================

Nothing is of variable length; texts are UTF-8 bytes. The file is sealed: see
`dnn_xp.files.sealing`. No pickle anywhere.
"""

import io
import json
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check_kind, check_path, check_whole
from dnn_xp.backends import Array, Backend, from_host, open_backend, to_host
from dnn_xp.data.class_names import check_class_names
from dnn_xp.data.picture_statistics import PictureRanges
from dnn_xp.data.preprocessing import Preprocessing
from dnn_xp.data.tables import TableEncoder
from dnn_xp.data.tasks import TASKS
from dnn_xp.files.atomic import replacing
from dnn_xp.files.hdf5 import (
    ERRORS,
    BytesWithoutHeaps,
    check_total,
    find_data_set,
    find_group,
    fixed,
    open_hdf5,
    read_array,
    read_attribute,
    read_json,
    read_texts,
)
from dnn_xp.files.sealing import BLOCK, read_sealed, seal, version_problem
from dnn_xp.layers import Layer
from dnn_xp.models.states import read_state, write_state
from dnn_xp.network import Network
from dnn_xp.network.description import UnknownLayerError, describe_network, network_of
from dnn_xp.reprs import brief, html_table, outline, printable

if TYPE_CHECKING:
    import h5py

__all__ = ["Model", "ModelFileError", "is_model_file", "load_model", "save_model"]

_FORMAT, _VERSION = "dnn_xp model", 2
_BLOCKS = {"network", "about", "classes", "parameters", "preprocessing", "table", "encoder"}
"""What a file may hold: another block might change what the network predicts."""


class ModelFileError(ValueError):
    """A file does not hold a model that can be used; the message says which file and why."""


class Model(NamedTuple):
    """A trained network and what it takes to use it on data as they are read.

    Attributes
    ----------
    network : Network
    theta : array, shape (network.size,), or (k, network.size) for k networks
        Of any library.
    preprocessing : Preprocessing
        Default: data are taken as they are.
    classes : tuple of str, or None
        The names of the outputs (of 0 and 1 where there is one output); None for targets.
    image_shape : tuple (height, width, channels), or None
        Of the pictures that it was trained on, as in `Dataset`.
    pixel_max : int or None
        As in `Dataset`.
    about : mapping
        What else is worth knowing (seed, epochs, ...), of JSON's types. Saving adds ``versions``.
    table : mapping, or None
        What an estimator of tables does before the networks and after them: its encoder and its
        calibration, of JSON's types and arrays. Without it their predictions mean nothing.
    encoder : TableEncoder, or None
        Of a single network on tables, whose columns the network takes.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from dnn_xp import Dense, Model, Network, load_model, save_model
    >>> network = Network(3, (Dense(2),), "softmax_cross_entropy")
    >>> theta = network.initialize(seed=0, like=np.empty(0))
    >>> with TemporaryDirectory() as folder:
    ...     save_model(f"{folder}/model.h5", Model(network, theta))
    ...     loaded = load_model(f"{folder}/model.h5", backend="numpy")
    >>> loaded.network == network, bool(np.all(loaded.theta == theta))
    (True, True)
    """

    network: Network
    theta: Array
    preprocessing: Preprocessing = Preprocessing(np.asarray(0.0), np.asarray(1.0))
    classes: tuple[str, ...] | None = None
    image_shape: tuple[int, int, int] | None = None
    pixel_max: int | None = None
    about: Mapping[str, Any] = MappingProxyType({})
    table: Mapping[str, Any] | None = None
    encoder: TableEncoder | None = None

    def __repr__(self) -> str:
        """Return one line without arrays."""
        return outline(self)

    def _repr_html_(self) -> str:
        """Return the network's table, and what else is known, for a notebook."""
        others = {
            name: value
            for name, value in zip(self._fields, self, strict=True)
            if name not in ("network", "about") and value is not None
        }
        known = [[name, brief(value)] for name, value in {**others, **self.about}.items()]
        table = html_table(("", ""), known, words=2)
        return f"<div><p><b>Model</b></p>{self.network._repr_html_()}{table}</div>"


# ----------------------------------------------------------------------------- saving


def save_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model to an HDF5 file, whole or not at all.

    Parameters
    ----------
    path : path
        An existing file is replaced.
    model : Model

    Raises
    ------
    TypeError
        Where it is none, as an estimator is, whose `to_model` makes one.
    ValueError
        Where the parts of the model do not fit together, a parameter is not finite, or an
        activation or a cost is one's own function, which only code could bring back.
    OSError
        Where the file cannot be written. An older file of this name is then still whole.
    """
    import h5py  # takes 30 ms to load, and not every run reads a file

    path = check_path("path", path)
    way = ": model.to_model()" if hasattr(model, "to_model") else ""
    check_kind("model", model, Model, f"a Model{way}")
    theta = to_host(model.theta)
    _check(model, theta)
    network = _json("network", describe_network(model.network))
    about = _json("about", _with_versions(model))
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=BLOCK) as file:
        file.attrs["format"], file.attrs["version"] = fixed(_FORMAT), _VERSION
        file["network"], file["about"] = fixed(network), fixed(about)
        for name, values in model.network.unpack(theta).items():
            file[f"parameters/{name}"] = values
        file["preprocessing/shift"] = model.preprocessing.shift
        file["preprocessing/scale"] = model.preprocessing.scale
        if model.classes is not None:
            file["classes"] = fixed(model.classes)
        if model.table is not None:
            write_state(file.create_group("table"), dict(model.table))
        if model.encoder is not None:
            write_state(file.create_group("encoder"), model.encoder.state())
        if model.image_shape is not None:
            file.attrs["image_shape"] = model.image_shape
        if model.pixel_max is not None:
            file.attrs["pixel_max"] = model.pixel_max
    with replacing(path) as temporary:
        temporary.write_bytes(seal(buffer, "model"))


def _json(name: str, value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}: cannot be stored ({error}), expected text, finite numbers, lists and "
            "dictionaries; activations and costs by name"
        ) from error


def _with_versions(model: Model) -> dict[str, Any]:
    library = type(model.theta).__module__.partition(".")[0]
    versions = {"python": platform.python_version()} | {
        name: getattr(sys.modules[name], "__version__", "unknown")
        for name in ("dnn_xp", "numpy", "h5py", library)
    }
    return {**model.about, "versions": versions}


# ----------------------------------------------------------------------------- loading


def load_model(
    path: str | os.PathLike[str],
    *,
    backend: str | Backend | None = None,
    dtype: str | None = None,
    layers: Mapping[str, type[Layer]] | None = None,
) -> Model:
    """Read a model that `save_model` wrote, whatever library it was trained on.

    Parameters
    ----------
    path : path
    backend : str or Backend, optional
        Where theta is put. Default: the current backend.
    dtype : str, optional
        Of theta, such as ``"float32"``. Default: as it was saved.
    layers : mapping of str to type, optional
        The classes of layers of your own, by name. A file names layers, but chooses no code.

    Returns
    -------
    Model

    Raises
    ------
    ModelFileError
        Where the file is something else, truncated, damaged, from another version, or its parts
        do not fit together.
    OSError
        Where it cannot be opened.
    BackendError
        Where the backend cannot be opened or does not have this dtype.
    """
    path = check_path("path", path)
    try:
        content = read_sealed(path, "model")
    except ValueError as error:
        raise ModelFileError(str(error)) from error
    try:
        model = _read(content, path, layers)
        _check(model, model.theta)
    except ModelFileError:
        raise
    except UnknownLayerError as error:
        raise ModelFileError(f"{path}: {error}") from error
    # Whole, but made by other means than save_model: whatever is wrong with it, it is the file.
    except ERRORS as error:
        said = printable(error) or type(error).__name__
        raise ModelFileError(f"{path}: not a model that can be used: {said}") from error
    where = open_backend(backend) if isinstance(backend, str) else backend
    return model._replace(theta=from_host(model.theta, dtype=dtype, backend=where))


def is_model_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a file says of itself that it is a model, whole or not.

    Parameters
    ----------
    path : path
    """
    try:
        with open_hdf5(path) as file:
            return bool(read_attribute(file, "format") == _FORMAT.encode())
    except ERRORS:
        return False


def _read(content: bytes, path: Path, layers: Mapping[str, type[Layer]] | None) -> Model:
    import h5py

    with h5py.File(BytesWithoutHeaps(content), "r") as file:
        if problem := version_problem(read_attribute(file, "version"), _VERSION):
            raise ModelFileError(f"{path}: {problem}")
        blocks = set(file)
        if unknown := sorted(blocks - _BLOCKS):
            raise ModelFileError(
                f"{path}: found {', '.join(map(printable, unknown))}, of which this dnn_xp does "
                "not know what it does to predictions: it was saved by a newer one"
            )
        network = network_of(_description(file), layers)
        shift, scale = (
            np.asarray(read_array(find_data_set(file, f"preprocessing/{part}")))
            for part in ("shift", "scale")
        )
        return Model(
            network=network,
            theta=network.pack(_read_parameters(file, network)),
            preprocessing=Preprocessing(shift, scale),
            classes=read_texts(find_data_set(file, "classes")) if "classes" in blocks else None,
            image_shape=_as_integers(read_attribute(file, "image_shape")),
            pixel_max=_as_integers(read_attribute(file, "pixel_max")),
            about=read_json(find_data_set(file, "about")),
            table=read_state(find_group(file, "table")) if "table" in blocks else None,
            encoder=TableEncoder.from_state(read_state(find_group(file, "encoder")))
            if "encoder" in blocks
            else None,
        )


def _description(file: "h5py.File") -> Mapping[str, Any]:
    described = read_json(find_data_set(file, "network"))
    if described.keys() != {"n_inputs", "layers", "cost"}:
        found = ", ".join(map(printable, described)) or "nothing"
        raise ValueError(f"network: found {found}, expected n_inputs, layers and cost")
    check_whole("n_inputs", described["n_inputs"], 1)
    if not isinstance(described["layers"], list):
        raise TypeError(f"layers: found {described['layers']!r}, expected a list")
    return described


def _read_parameters(file: "h5py.File", network: Network) -> dict[str, Any]:
    """Return the parameters by name; the file must be large enough to hold them all."""
    group = find_group(file, "parameters")
    if set(group) != network.shapes.keys():
        found, expected = sorted(map(printable, group)), sorted(network.shapes)
        raise ValueError(f"parameters: found {found}, expected {expected}")
    data_sets = {name: find_data_set(group, name) for name in network.shapes}
    check_total(data_sets.values())
    for name, data_set in data_sets.items():
        if data_set.dtype.kind != "f":
            raise TypeError(f"{name}: found {data_set.dtype}, expected floats")
    return {name: read_array(data_set) for name, data_set in data_sets.items()}


def _as_integers(value: Any) -> Any:
    """Return an attribute's integers as Python's, and anything else as it is, to be refused."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        return tuple(value.tolist())
    return int(value) if isinstance(value, np.integer) else value


# ----------------------------------------------------------------------------- checking


def _check(model: Model, theta: np.ndarray[Any, Any]) -> None:
    """Refuse a model whose parts do not fit together, before it is kept or used."""
    network, classes, image_shape = model.network, model.classes, model.image_shape
    if theta.dtype.name not in ("float16", "float32", "float64"):
        raise ValueError(f"theta: found the dtype {theta.dtype}, expected float32 or float64")
    if theta.shape[-1:] != (network.size,) or theta.ndim > 2:
        raise ValueError(
            f"theta: found the shape {theta.shape}, expected ({network.size},), or that of k "
            f"networks, (k, {network.size})"
        )
    bad = theta.size - np.count_nonzero(np.isfinite(theta))
    if bad:
        raise ValueError(f"theta: found {bad} of {theta.size} values that are not finite")
    for name, value in model.preprocessing._asdict().items():
        values = np.asarray(value)
        if values.dtype.kind != "f" or values.shape not in ((), (network.n_inputs, 1)):
            raise ValueError(
                f"preprocessing: found {name} of {values.dtype}{values.shape}, expected floats "
                f"of the shape () or ({network.n_inputs}, 1)"
            )
        if not np.all(np.isfinite(values)) or (name == "scale" and not np.all(values)):
            raise ValueError(f"preprocessing: found values of {name} that are 0 or not finite")
    if classes is not None and len(classes) not in _class_counts(network.n_outputs):
        counts = " or ".join(str(count) for count in _class_counts(network.n_outputs))
        raise ValueError(f"classes: found {len(classes)} names, expected {counts}")
    check_class_names("classes", classes or ())
    if image_shape is not None and (
        not isinstance(image_shape, tuple | list)
        or not all(_is_whole(n, 1) for n in image_shape)
        or len(image_shape) != 3
        or math.prod(image_shape) != network.n_inputs
    ):
        raise ValueError(
            f"image_shape: found {image_shape}, expected (height, width, channels) of "
            f"{network.n_inputs} values"
        )
    if model.pixel_max is not None:
        check_whole("pixel_max", model.pixel_max, 1)
    if model.encoder is not None and model.encoder.n_columns_ != network.n_inputs:
        raise ValueError(
            f"encoder: found {model.encoder.n_columns_} columns, expected {network.n_inputs}"
        )
    _check_about(model.about)


def _check_about(about: Mapping[str, Any]) -> None:
    """Refuse notes that the command line would trip over; of others it takes no note."""
    metrics = about.get("metrics")
    if metrics is not None and not (
        isinstance(metrics, Mapping | Sequence)
        and not isinstance(metrics, str)
        and all(isinstance(name, str) for name in metrics)
    ):
        raise ValueError(f"about: found metrics {metrics!r}, expected names of metrics")
    if about.get("task") not in (None, *TASKS):
        raise ValueError(f"about: found the task {about['task']!r}, expected one of {TASKS}")
    if "fingerprint" in about and not _is_whole(about.get("seed", 0), 0):
        raise ValueError(f"about: found the seed {about['seed']!r}, expected a whole number")
    if about.get("pictures") is not None:
        PictureRanges.of(about["pictures"])


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def _class_counts(n_outputs: int) -> tuple[int, ...]:
    """One output tells two classes apart; else each class has its own."""
    return (2,) if n_outputs == 1 else (n_outputs,)
