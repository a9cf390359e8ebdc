"""Every public function meets thirty kinds of bad argument: an error that names it, or a result.

An error is one that is documented (a ValueError, a TypeError, an OSError, a BackendError), raised
by our own code, and names an argument; a result is finite. Nothing else is allowed: no error from
inside of a library, no warning, and NaN only where the mathematics of an array is handed NaN.

The functions of `dnn_xp.backends` that move arrays trust their callers, and are not here.
"""

import collections
import importlib.util
import inspect
import math
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import dnn_xp
from conftest import Library
from dnn_xp import article, backends, callbacks, layers, models, training
from dnn_xp.functions import initializers, metrics

PACKAGE = str(Path(dnn_xp.__file__).parent)

NAN_IN_NAN_OUT = {
    "network.predict",
    *(f"article.{name}" for name in ("sigmoid", "relu", "linear_forward", "L_model_forward")),
    *(f"article.{name}" for name in ("linear_activation_forward", "back_sigmoid", "back_relu")),
}
"""What only computes from an array, whose NaN are no decision of ours."""

LEFT_OUT = {
    # Not bad, but long.
    *(
        (kind, argument)
        for kind in ("huge", "more than a float")
        for argument in ("epochs", "max_iter", "steps", "num_iterations")
    ),
    # Called as they should be: the error is the function's own.
    *((kind, "schedule") for kind in ("function", "class", "class of arrays")),
}
"""What is no bad argument of its kind."""

LARGE = {"n_classes", "n_x", "n_h", "n_y", "num_px", "units"}
"""Numbers of which a huge one asks for more memory than there is, which the library says."""

BAD: Mapping[str, Any] = MappingProxyType(
    {
        "None": None,
        "text": "seven",
        "bytes": b"seven",
        "truth value": True,
        "negative": -1,
        "zero": 0,
        "fraction": 2.5,
        "huge": 10**30,
        "more than a float": 10**400,
        "NaN": math.nan,
        "infinity": math.inf,
        "complex number": 1j,
        "NumPy integer": np.int16(3),
        "NumPy NaN": np.float32(math.nan),
        "empty list": [],
        "ragged list": [[1.0], [1.0, 2.0]],
        "list of texts": ["a", "b"],
        "nested list": [[1.0, 2.0], [3.0, 4.0]],
        "set": {1, 2},
        "dict": {"W1": 1.0},
        "object": object(),
        "function": len,
        "class": dict,
        "class of arrays": np.ndarray,
        "generator": (x for x in ()),
        "date": np.datetime64("2020-01-01"),
        "array of texts": np.asarray(["a", "b"]),
        "array of objects": np.asarray([[None, 1.0]], dtype=object),
        "array of complex numbers": np.ones((2, 3), dtype=complex),
        "array of dates": np.asarray(["2020-01-01"], dtype="datetime64[D]"),
        "array of four axes": np.ones((1, 2, 3, 4)),
        "empty array": np.ones((0, 0)),
        "array of NaN": np.full((2, 3), math.nan),
        "structured array": np.zeros(3, dtype=[("a", float)]),
    }
)


class Call(collections.namedtuple("Call", ["function", "arguments"])):
    """A function, and arguments of it that are good, by name."""


def calls(array: Callable[..., Any], xp: Any, folder: Path) -> dict[str, Call]:
    """Return a good call of every public function that takes arguments and computes."""
    X = array([[0.5, -1.0, 2.0, 0.1], [1.5, 0.3, -0.7, 0.9]])
    Y = array([[0.0, 1.0, 1.0, 0.0]])
    A = array([[0.2, 0.9, 0.6, 0.3]])
    weights = array([1.0, 2.0, 0.5, 1.0])
    network = dnn_xp.Network(2, (layers.Dense(3, "tanh"), layers.Dense(1)), "sigmoid_cross_entropy")
    theta = network.initialize(like=X)
    parameters = {
        name: array(value)
        for name, value in (
            ("W1", [[0.1, 0.2], [0.3, -0.1], [0.0, 0.4]]),
            ("b1", [[0.0], [0.1], [0.2]]),
            ("W2", [[0.3, -0.2, 0.1]]),
            ("b2", [[0.05]]),
        )
    }
    AL, caches = article.L_model_forward(X, parameters)
    grads = article.L_model_backward(AL, Y, caches)
    linear_cache, Z = caches[-1]
    history = {"cost": [1.0, 0.5], "validation_cost": [1.1, 0.9]}
    data = {"network": network, "X": X, "Y": Y}
    outputs = {"A": A, "Y": Y, "weights": weights}
    found = {
        "train": Call(
            training.train,
            data
            | {
                "theta": theta,
                "optimizer": training.adam(),
                "epochs": 1,
                "batch_size": 2,
                "micro_batch": 1,
                "schedule": training.constant(),
                "regularization": training.Regularization(l2=0.1),
                "weights": weights,
                "clip_value": 1.0,
                "clip_norm": 1.0,
                "ema_decay": 0.5,
                "validation": (X, Y),
                "metrics": {"accuracy": metrics.accuracy},
                "callbacks": (callbacks.TimeLimit(60.0),),
                "seed": 0,
            },
        ),
        "lbfgs": Call(
            training.lbfgs, data | {"theta": theta, "weights": weights, "l2": 0.1, "max_iter": 1}
        ),
        "check_gradient": Call(
            dnn_xp.check_gradient,
            data | {"theta": theta, "weights": weights, "seed": 0, "step_length": 1e-5},
        ),
        "learning_rate_range_test": Call(
            training.learning_rate_range_test,
            data | {"lowest": 1e-3, "highest": 1e-1, "steps": 3, "batch_size": 2, "seed": 0},
        ),
        "class_weights": Call(training.class_weights, {"Y": Y, "weights": "balanced"}),
        "one_hot": Call(metrics.one_hot, {"y": [0, 1, 1], "n_classes": 2, "like": X}),
        "Network": Call(
            dnn_xp.Network,
            {"n_inputs": 2, "layers": network.layers, "cost": "sigmoid_cross_entropy"},
        ),
        "network.initialize": Call(network.initialize, {"seed": 0, "like": X}),
        "network.evaluate_cost": Call(
            network.evaluate_cost, {"theta": theta, "X": X, "Y": Y, "weights": weights}
        ),
        "network.predict": Call(network.predict, {"theta": theta, "X": X}),
        "network.unpack": Call(network.unpack, {"theta": theta}),
        "network.pack": Call(network.pack, {"parameters": network.unpack(theta)}),
        "Dense": Call(layers.Dense, {"units": 3, "activation": "relu", "initializer": "he_normal"}),
        "Dropout": Call(layers.Dropout, {"rate": 0.5}),
        "BatchNorm": Call(layers.BatchNorm, {"momentum": 0.9, "epsilon": 1e-5, "across": "batch"}),
        "LayerNorm": Call(layers.LayerNorm, {"epsilon": 1e-5}),
        "Activation": Call(layers.Activation, {"activation": "relu"}),
        "ParametricActivation": Call(layers.ParametricActivation, {"activation": "relu"}),
        "PeriodicEmbedding": Call(
            layers.PeriodicEmbedding,
            {"n_numbers": 2, "n_frequencies": 3, "width": 4, "sigma": 0.1},
        ),
        "EarlyStopping": Call(
            callbacks.EarlyStopping,
            {"patience": 3, "min_delta": 0.0, "monitor": "validation_cost", "mode": "min"},
        ),
        "TimeLimit": Call(callbacks.TimeLimit, {"seconds": 3.0}),
        "Checkpoint": Call(
            callbacks.Checkpoint,
            {"path": folder / "c.h5", "epochs": 1, "steps": 1, "seconds": 1.0, "keep": 2},
        ),
        "CSVLog": Call(callbacks.CSVLog, {"path": folder / "log.csv"}),
        "JSONLinesLog": Call(callbacks.JSONLinesLog, {"path": folder / "log.jsonl"}),
        "train with rules": Call(
            lambda **rules: training.train(
                **data, epochs=1, regularization=training.Regularization(**rules)
            ),
            {
                "l1": 0.1,
                "l2": 0.1,
                "max_norm": 1.0,
                "label_smoothing": 0.1,
                "mixup": 0.1,
                "noise": 0.1,
                "summed": False,
            },
        ),
        "Patience": Call(training.Patience, {"mode": "min", "min_delta": 0.0, "patience": 3}),
        "load_model": Call(dnn_xp.load_model, {"path": _model(network, theta, folder)}),
        "load_checkpoint": Call(dnn_xp.load_checkpoint, {"path": _checkpoint(data, folder)}),
        "load_arrays": Call(dnn_xp.load_arrays, {"path": _arrays(folder)}),
        "open_backend": Call(backends.open_backend, {"name": "numpy", "device": None}),
        "article.initialize_parameters": Call(
            article.initialize_parameters,
            {"n_x": 2, "n_h": 3, "n_y": 1, "seed": 1, "scale": 0.01, "dtype": "float64"},
        ),
        "article.initialize_parameters_deep": Call(
            article.initialize_parameters_deep,
            {"layer_dims": [2, 3, 1], "seed": 1, "scale": 0.01, "dtype": "float64"},
        ),
        "article.sigmoid": Call(article.sigmoid, {"Z": X}),
        "article.relu": Call(article.relu, {"Z": X}),
        "article.back_sigmoid": Call(article.back_sigmoid, {"dA": X, "cache": X}),
        "article.back_relu": Call(article.back_relu, {"dA": X, "cache": X}),
        "article.linear_forward": Call(
            article.linear_forward, {"A": X, "W": parameters["W1"], "b": parameters["b1"]}
        ),
        "article.linear_activation_forward": Call(
            article.linear_activation_forward,
            {
                "A_prev": X,
                "W": parameters["W1"],
                "b": parameters["b1"],
                "activation": "relu",
            },
        ),
        "article.L_model_forward": Call(
            article.L_model_forward, {"X": X, "parameters": parameters}
        ),
        "article.compute_cost": Call(article.compute_cost, {"AL": A, "Y": Y}),
        "article.linear_backward": Call(article.linear_backward, {"dZ": Z, "cache": linear_cache}),
        "article.linear_activation_backward": Call(
            article.linear_activation_backward,
            {"dA": Z, "cache": caches[-1], "activation": "sigmoid"},
        ),
        "article.L_model_backward": Call(
            article.L_model_backward, {"AL": AL, "Y": Y, "caches": caches}
        ),
        "article.update_parameters": Call(
            article.update_parameters,
            {"parameters": parameters, "grads": grads, "learning_rate": 0.1},
        ),
        "article.print_grads": Call(article.print_grads, {"grads": grads}),
        "article.predict": Call(article.predict, {"X": X, "y": Y, "parameters": parameters}),
        "article.two_layer_model": Call(
            article.two_layer_model,
            {
                "X": X,
                "Y": Y,
                "layers_dims": (2, 3, 1),
                "learning_rate": 0.1,
                "num_iterations": 2,
                "seed": 1,
                "scale": 0.01,
            },
        ),
        "article.L_layer_model": Call(
            article.L_layer_model,
            {
                "X": X,
                "Y": Y,
                "layers_dims": (2, 3, 3, 1),
                "learning_rate": 0.1,
                "num_iterations": 2,
                "seed": 1,
                "scale": 0.01,
            },
        ),
    }
    network = dnn_xp.Network(2, (dnn_xp.Dense(1),), "squared_error")
    found["report"] = Call(
        dnn_xp.report,
        {
            "run": dnn_xp.Model(network, np.zeros(3)),
            "data": (np.zeros((2, 3)), np.zeros((1, 3))),
            "name": "mine",
            "title": "mine",
            "notes": "none",
        },
    )
    if importlib.util.find_spec("matplotlib"):
        found["learning_curve"] = Call(dnn_xp.learning_curve, {"history": history})
    if pictures := _picture(folder):
        found["read_picture"] = Call(
            dnn_xp.read_picture, {"path": pictures, "shape": (2, 2, 3), "pixel_max": 255}
        )
        found["article.load_picture"] = Call(article.load_picture, {"path": pictures, "num_px": 4})
    for name, metric in metrics.METRICS.items():
        found[f"metrics.{name}"] = Call(metric, dict(outputs))
    found["metrics.grouped_accuracy"] = Call(metrics.grouped_accuracy, outputs | {"sizes": (1,)})
    found["metrics.confusion_matrix"] = Call(metrics.confusion_matrix, dict(outputs))
    both = xp.concat([1.0 - A, A]), xp.concat([1.0 - Y, Y])
    found["metrics.top_k_accuracy"] = Call(
        metrics.top_k_accuracy, {"A": both[0], "Y": both[1], "k": 1, "weights": weights}
    )
    for name, initializer in initializers.INITIALIZERS.items():
        rng = np.random.default_rng(0)
        found[f"initializers.{name}"] = Call(initializer, {"rng": rng, "shape": (2, 3)})
    for name in (
        *("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "amsgrad", "nadam"),
        *("adamw", "lion", "constant", "cosine", "exponential_decay", "inverse_scaling"),
        *("one_cycle", "step_decay", "warm_up", "ReduceOnPlateau"),
    ):
        function = getattr(training, name)
        given = {"learning_rate": 0.1, "epochs": 3, "factor": 0.5, "monitor": "cost"}
        given |= {"every": 2, "schedule": training.constant()}
        arguments = {
            argument: given.get(argument, parameter.default)
            for argument, parameter in inspect.signature(function).parameters.items()
        }
        found[name] = Call(function, arguments)
    return found


def _model(network: dnn_xp.Network, theta: Any, folder: Path) -> Path:
    preprocessing = dnn_xp.Preprocessing(np.asarray(0.0), np.ones((2, 1)))
    model = dnn_xp.Model(network, theta, preprocessing, None, None, None, {})
    dnn_xp.save_model(folder / "model.h5", model)
    return folder / "model.h5"


def _checkpoint(data: dict[str, Any], folder: Path) -> Path:
    progress = training.train(**data, epochs=1).progress
    models.save_checkpoint(folder / "run.checkpoint", progress)
    return folder / "run.checkpoint"


def _arrays(folder: Path) -> Path:
    np.savez(folder / "arrays.npz", x=np.ones((4, 2)), y=np.asarray([0.0, 1.0, 1.0, 0.0]))
    return folder / "arrays.npz"


def _picture(folder: Path) -> Path | None:
    """Write a picture, where Pillow is there."""
    if importlib.util.find_spec("PIL") is None:
        return None
    from PIL import Image

    Image.new("RGB", (3, 3)).save(folder / "a.png")
    return folder / "a.png"


def problem(name: str, call: Call, argument: str, kind: str) -> str | None:
    """Return what is wrong with what a call does with a bad argument, or None."""
    bad = BAD[kind]
    try:
        result = call.function(**call.arguments | {argument: bad})
    except (ValueError, TypeError, OSError, backends.BackendError) as error:
        innermost = traceback.extract_tb(error.__traceback__)[-1].filename
        is_own = innermost.startswith(PACKAGE)
        if not is_own and not (kind in ("huge", "more than a float") and argument in LARGE):
            return f"{type(error).__name__} from {Path(innermost).name}: {error}"
        # A device and a file are named by what was asked for; of two arrays that do not fit each
        # other, either may be the one that is named.
        paths = (str(value) for value in call.arguments.values() if isinstance(value, Path))
        named = {*call.arguments, "backend", bad if isinstance(bad, str) else "", *paths} - {""}
        words = "|".join(re.escape(word) for word in named)
        if is_own and not re.search(rf"(?<!\w)({words})(?!\w)", str(error)):
            return f"an error that names no argument: {error}"
        return None
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    if name in NAN_IN_NAN_OUT and kind in ("NaN", "NumPy NaN", "array of NaN", "infinity"):
        return None
    bad_numbers = [x for x in numbers(result) if not np.all(np.isfinite(x))]
    return f"a result that is not finite: {bad_numbers[0]}" if bad_numbers else None


def numbers(result: Any) -> Iterator[Any]:
    """Yield the numbers and arrays of a result."""
    if isinstance(result, training.TrainingResult):
        yield from numbers((result.theta, result.history))
    elif isinstance(result, float | complex):
        yield result
    elif isinstance(result, Mapping):
        for value in result.values():
            yield from numbers(value)
    elif isinstance(result, tuple | list):
        for value in result:
            yield from numbers(value)
    elif hasattr(result, "dtype") and hasattr(result, "shape"):
        host = backends.to_host(result)
        if np.issubdtype(host.dtype, np.inexact):
            yield host


@pytest.fixture
def good_calls(library: Library, array, xp, tmp_path, monkeypatch, capsys) -> dict[str, Call]:
    if library.backend not in ("numpy", "array-api-strict"):
        pytest.skip("the doors are the same on every library")
    monkeypatch.chdir(tmp_path)
    return calls(array, xp, tmp_path)


def test_good_arguments_are_good(good_calls):
    for call in good_calls.values():
        call.function(**call.arguments)


def test_bad_arguments_are_named_or_harmless(good_calls):
    found = [
        f"{name}({argument}={kind}): {said}"
        for name, call in good_calls.items()
        for argument in call.arguments
        for kind in BAD
        if (kind, argument) not in LEFT_OUT
        if (said := problem(name, call, argument, kind))
    ]
    assert not found, "\n".join(found)
