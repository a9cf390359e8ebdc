"""Part 2 of the article: the pictures, the two models and what they predict.

The models train where X is. Host data, a NumPy array or a list, go to the current backend: so the
article's own program, whose `load_data` gives NumPy arrays to look at, trains on CuPy under
``DNN_XP_BACKEND=cupy``. `predict` goes where the parameters are.
"""

import math
import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.arguments import check_whole
from dnn_xp.article.arrays import check_labels, check_parameters, check_sizes
from dnn_xp.article.showing import show_by_pyplot
from dnn_xp.article.steps import Arrays, L_model_forward, Scale, draw_parameters
from dnn_xp.backends import Array, from_host, namespace, plain_array, require, to_host
from dnn_xp.data.datasets import load_cats
from dnn_xp.data.images import read_bytes
from dnn_xp.functions.metrics import accuracy
from dnn_xp.layers import Dense
from dnn_xp.network import Network
from dnn_xp.network.values import check_finite
from dnn_xp.reports import figures
from dnn_xp.training import Callback, Run, sgd, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "L_layer_model",
    "load_data",
    "load_picture",
    "predict",
    "print_mislabeled_images",
    "two_layer_model",
]

HostArray = np.ndarray[Any, Any]


# ----------------------------------------------------------------------------- the pictures


def load_data(
    *, folder: str | os.PathLike[str] | None = None, trusted: bool = False
) -> tuple[HostArray, HostArray, HostArray, HostArray, HostArray]:
    """Load the cat and non-cat pictures as NumPy arrays.

    Parameters
    ----------
    folder : path, optional
        Holds ``train_catvnoncat.h5`` and ``test_catvnoncat.h5``. Default: the folder that the
        environment variable ``DNN_XP_CAT_DATA`` names.
    trusted : bool
        As in `dnn_xp.load_arrays`.

    Returns
    -------
    train_x_orig : ndarray of uint8, shape (209, 64, 64, 3)
    train_y : ndarray of int64, shape (1, 209)
        1 for a cat, else 0.
    test_x_orig, test_y
        The same of 50 pictures.
    classes : ndarray of bytes, shape (2,)
        The names of the classes: ``classes[1].decode("utf-8")``.
    """
    train_set, test_set = load_cats(folder, trusted=trusted)
    pictures = (one.X.T.reshape(-1, *(one.image_shape or ())) for one in (train_set, test_set))
    train_x_orig, test_x_orig = pictures
    classes = np.asarray([name.encode("utf-8") for name in train_set.classes or ()])
    train_y, test_y = train_set.y[np.newaxis], test_set.y[np.newaxis]
    return train_x_orig, train_y, test_x_orig, test_y, classes


def load_picture(path: str | os.PathLike[str], num_px: int = 64) -> HostArray:
    """Load a picture of one's own as a column for `predict`, scaled as in training.

    Parameters
    ----------
    path : path
        Any picture that Pillow reads; it is squeezed to num_px x num_px pixels.
    num_px : int

    Returns
    -------
    ndarray of float64, shape (num_px * num_px * 3, 1)
        From 0 to 1. (The article's own cell hands over 0 to 255, to a network trained on 0 to 1.)
        To look at it: ``plt.imshow(picture.reshape(num_px, num_px, 3))``.
    """
    num_px = check_whole("num_px", num_px, 1)
    return read_bytes(path, (num_px, num_px, 3)).reshape(-1, 1) / 255.0


# ----------------------------------------------------------------------------- the models


def two_layer_model(
    X: Array,
    Y: Array,
    layers_dims: Sequence[int],
    learning_rate: float = 0.0075,
    num_iterations: int = 3000,
    print_cost: bool = False,
    *,
    plot_cost: bool | None = None,
    seed: int = 1,
    scale: Scale = 0.01,
    callbacks: Sequence[Callback] = (),
) -> Arrays:
    """Train LINEAR -> RELU -> LINEAR -> SIGMOID by gradient descent over all examples.

    Parameters
    ----------
    X : array_like of floats, shape (n_x, m)
        Columns are examples. Training runs in its library, dtype and device; host data go to the
        current backend.
    Y : array_like, shape (1, m)
        Labels, 0 and 1.
    layers_dims : sequence of int
        Inputs n_x, hidden units n_h, outputs n_y.
    learning_rate : float
    num_iterations : int
    print_cost : bool
        Print the cost before iterations 0, 100, 200, ..., as training goes on.
    plot_cost : bool, optional
        Show the learning curve; where there is no window, ``plt.savefig`` of pyplot saves it.
        Default: as `print_cost`, where Matplotlib is installed.
    seed : int
    scale : float or "1/sqrt(n_prev)"
        Of initialization; see `dnn_xp.article.initialize_parameters`.
    callbacks : sequence of Callback
        Of `dnn_xp.training.train`, for which an epoch is an iteration here.

    Returns
    -------
    dict of str to array
        ``W1``, ``b1``, ``W2``, ``b2``.

    Raises
    ------
    ValueError
        Where there are not three sizes.
    """
    layers_dims = check_sizes("layers_dims", layers_dims)
    if len(layers_dims) != 3:
        raise ValueError(f"layers_dims: found {layers_dims!r}, expected (n_x, n_h, n_y)")
    line = "Cost after iteration {}: {}" if print_cost else None
    plotted = _is_plotted(plot_cost, print_cost)
    initial = draw_parameters(layers_dims, seed, scale)
    return _train(X, Y, initial, learning_rate, num_iterations, line, plotted, callbacks)


def L_layer_model(
    X: Array,
    Y: Array,
    layers_dims: Sequence[int],
    learning_rate: float = 0.0075,
    num_iterations: int = 3000,
    print_cost: bool = False,
    *,
    plot_cost: bool | None = None,
    seed: int = 1,
    scale: Scale = "1/sqrt(n_prev)",
    callbacks: Sequence[Callback] = (),
) -> Arrays:
    """Train [LINEAR -> RELU] * (L-1) -> LINEAR -> SIGMOID by gradient descent over all examples.

    Parameters
    ----------
    layers_dims : sequence of int
        Inputs, then the units of each layer, of which one at least is hidden.
    X, Y, learning_rate, num_iterations, print_cost, plot_cost, seed, scale, callbacks
        As for `two_layer_model`. With this seed and this scale the costs are those that the
        article prints; its `initialize_parameters_deep` has others, from which they cannot come.

    Returns
    -------
    dict of str to array
        ``W1``, ``b1``, ``W2``, ...

    Raises
    ------
    ValueError
        Where there are not three sizes or more.
    """
    layers_dims = check_sizes("layers_dims", layers_dims)
    if len(layers_dims) < 3:
        raise ValueError(
            f"layers_dims: found {layers_dims}, expected a hidden layer, too; one layer alone is "
            "Network(n_x, (Dense(1),), 'sigmoid_cross_entropy') for dnn_xp.train"
        )
    line = "Cost after iteration {}: {:f}" if print_cost else None
    plotted = _is_plotted(plot_cost, print_cost)
    initial = draw_parameters(layers_dims, seed, scale)
    return _train(X, Y, initial, learning_rate, num_iterations, line, plotted, callbacks)


class _PrintCost(Callback):
    """Prints the cost of every hundredth iteration while training goes on."""

    def __init__(self, line: str) -> None:
        self.line = line

    def epoch(self, run: Run) -> None:
        iteration, cost = run.epoch - 1, run.history["cost"][-1]
        if iteration % 100 == 0:
            print(self.line.format(iteration, cost), flush=True)


def _train(
    X: Array,
    Y: Array,
    initial: dict[str, HostArray],
    learning_rate: float,
    num_iterations: int,
    line: str | None,
    plotted: bool,
    callbacks: Sequence[Callback],
) -> Arrays:
    X = plain_array("X", X, readable=True)
    if isinstance(X, np.ndarray):
        X = from_host(X)
    n_x = initial["W1"].shape[1]
    *hidden, n_y = (W.shape[0] for name, W in initial.items() if name.startswith("W"))
    layers = (*(Dense(units, "relu") for units in hidden), Dense(n_y))
    network = Network(n_x, layers, cost="sigmoid_cross_entropy")
    run = train(
        network,
        X,
        Y,
        network.pack(initial),
        optimizer=sgd(learning_rate),
        epochs=check_whole("num_iterations", num_iterations, 0),
        callbacks=(*([_PrintCost(line)] if line else []), *callbacks),
    )
    if plotted:
        costs = run.history.get("cost", [])
        curve = figures.learning_curve(costs, learning_rate=learning_rate, unit="iterations")
        show_by_pyplot(curve)
    return network.unpack(run.theta)


def _is_plotted(plot_cost: bool | None, print_cost: bool) -> bool:
    """Say whether the curve will be drawn, before the time is spent that it takes to get it."""
    if plot_cost is None:
        return print_cost and find_spec("matplotlib") is not None
    if plot_cost:
        require("matplotlib", extra="app")
    return plot_cost


# ----------------------------------------------------------------------------- what they predict


def predict(X: Array, y: Array, parameters: Arrays) -> Array:
    """Predict the class of each example, and print how many are right.

    Parameters
    ----------
    X : array_like of floats, shape (n_x, m)
        Scaled as in training; a picture of one's own comes from `load_picture`. Brought to the
        library, device and dtype of the parameters.
    y : array_like, shape (1, m) or (m,), or None
        Labels, 0 and 1. None where there are none: then nothing is printed.
    parameters : dict of str to array
        Of a trained model.

    Returns
    -------
    array, shape (1, m)
        1.0 where the probability is above 0.5, else 0.0.

    Raises
    ------
    ValueError, TypeError
        Where X is not of floats or has other features than the parameters, where one of them holds
        NaN or infinity, or y does not fit X.
    """
    X, parameters = plain_array("X", X, readable=True), check_parameters(parameters)
    check_finite(X=X)
    check_finite(**parameters)
    if not namespace(X).isdtype(X.dtype, "real floating"):
        raise ValueError(
            f"X: found dtype {X.dtype}, expected a floating one; scale pictures as in training "
            "(X / 255), or read your own with load_picture"
        )
    AL, _ = L_model_forward(X, parameters)
    p = namespace(AL).astype(AL > 0.5, AL.dtype)
    if y is not None:
        # On the host in float64, so that 18 of 25 are 0.72 on every library and in every dtype.
        labels, predicted = (
            np.asarray(to_host(one), dtype=np.float64) for one in (check_labels("y", y, AL), p)
        )
        print(f"Accuracy: {accuracy(predicted, labels)}")
    return p


def print_mislabeled_images(classes: Any, X: Array, y: Array, p: Array) -> "Figure":
    """Show the pictures that were predicted wrongly, each with its predicted and its true class.

    Where there is no window, ``plt.savefig`` of pyplot saves them.

    Parameters
    ----------
    classes : sequence of bytes or str
        Names of the classes 0 and 1, as `load_data` returns them.
    X : array, shape (num_px * num_px * 3, m)
        Pictures, from 0 to 1.
    y, p : array, shape (1, m)
        Labels, and what `predict` returned.

    Returns
    -------
    matplotlib.figure.Figure
    """
    pictures = to_host(X).T
    side = math.isqrt(pictures.shape[1] // 3)
    names = [one.decode("utf-8") if isinstance(one, bytes) else str(one) for one in classes]
    predicted, actual = (
        [names[int(label)] for label in to_host(one).reshape(-1)] for one in (p, y)
    )
    pictures = pictures.reshape(-1, side, side, 3)
    figure = figures.mislabeled_pictures(pictures, predicted, actual)
    show_by_pyplot(figure)
    return figure
