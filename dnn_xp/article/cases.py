"""The article's seeded cases, and the numbers that it prints.

A case draws from a stream of its own, the same as after ``numpy.random.seed``, in float64 on the
host, and moves the arrays to the current backend. `CHECKS` puts beside each printed number the
function that computes it; `PUBLISHED` holds the tables of the two trained networks. All numbers
are the article's, as literals.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.article.steps import (
    Cache,
    L_model_backward,
    L_model_forward,
    LinearCache,
    compute_cost,
    initialize_parameters,
    initialize_parameters_deep,
    linear_activation_backward,
    linear_activation_forward,
    linear_backward,
    linear_forward,
    update_parameters,
)
from dnn_xp.backends import Array, from_host

__all__ = [
    "CHECKS",
    "PUBLISHED",
    "Check",
    "Published",
    "L_model_backward_test_case",
    "L_model_forward_test_case",
    "L_model_forward_test_case_2hidden",
    "compute_cost_test_case",
    "linear_activation_backward_test_case",
    "linear_activation_forward_test_case",
    "linear_backward_test_case",
    "linear_forward_test_case",
    "update_parameters_test_case",
]

Arrays = dict[str, Array]


class Check(NamedTuple):
    """A cell of the article that prints numbers.

    Attributes
    ----------
    name : str
        The function that the cell shows.
    compute : callable
        ``compute()`` runs the cell on the current backend and returns what it prints, by name.
    expected : dict of str to nested lists, or a number
        What the article prints.
    decimals : int
        How many decimals it prints.
    """

    name: str
    compute: Callable[[], Arrays]
    expected: dict[str, Any]
    decimals: int = 8

    @property
    def tolerance(self) -> float:
        """The largest difference: half of the last printed digit, and float64's own rounding."""
        return 0.5 * 10.0**-self.decimals + float(np.finfo(np.float64).eps)


class Published(NamedTuple):
    """Numbers that the article prints of a network that it trains on the cat pictures.

    Attributes
    ----------
    model : str
        The function that trains it.
    layers_dims : tuple of int
    num_iterations : int
        The learning rate is 0.0075.
    costs : tuple of float
        After iterations 0, 100, 200, ...
    decimals : int
        Of the costs that can be compared. Of the two layers' 16, the last ones are rounding, which
        2,400 updates enlarge.
    train_accuracy, test_accuracy : float
    """

    model: str
    layers_dims: tuple[int, ...]
    num_iterations: int
    costs: tuple[float, ...]
    decimals: int
    train_accuracy: float
    test_accuracy: float

    @property
    def tolerance(self) -> float:
        """The largest difference of a cost: half of the last decimal."""
        return 0.5 * 10.0**-self.decimals


# ----------------------------------------------------------------------------- the seeded cases


def _draws(seed: int, *shapes: tuple[int, int]) -> list[Array]:
    rng = np.random.RandomState(seed)
    return [from_host(rng.standard_normal(shape)) for shape in shapes]


def _named(prefix: str, values: Sequence[Array]) -> Arrays:
    """Name arrays W1, b1, W2, ..., each after a prefix."""
    return {f"{prefix}{'Wb'[i % 2]}{i // 2 + 1}": value for i, value in enumerate(values)}


def linear_forward_test_case() -> tuple[Array, Array, Array]:
    """Return A (3, 2), W (1, 3) and b (1, 1)."""
    A, W, b = _draws(1, (3, 2), (1, 3), (1, 1))
    return A, W, b


def linear_activation_forward_test_case() -> tuple[Array, Array, Array]:
    """Return A_prev (3, 2), W (1, 3) and b (1, 1)."""
    A_prev, W, b = _draws(2, (3, 2), (1, 3), (1, 1))
    return A_prev, W, b


def L_model_forward_test_case() -> tuple[Array, Arrays]:
    """Return X (4, 2) and the parameters of layers of 3 and 1 units."""
    X, *parameters = _draws(1, (4, 2), (3, 4), (3, 1), (1, 3), (1, 1))
    return X, _named("", parameters)


def L_model_forward_test_case_2hidden() -> tuple[Array, Arrays]:
    """Return X (5, 4) and the parameters of layers of 4, 3 and 1 units.

    The article calls this case and prints its result, but not the case itself.
    """
    shapes = (5, 4), (4, 5), (4, 1), (3, 4), (3, 1), (1, 3), (1, 1)
    X, *parameters = _draws(6, *shapes)
    return X, _named("", parameters)


def compute_cost_test_case() -> tuple[Array, Array]:
    """Return Y and AL, both (1, 3); Y holds integers."""
    return from_host([[1, 1, 1]]), from_host([[0.8, 0.9, 0.4]])


def linear_backward_test_case() -> tuple[Array, LinearCache]:
    """Return dZ (1, 2) and the cache of A (3, 2), W (1, 3) and b (1, 1)."""
    dZ, *cache = _draws(1, (1, 2), (3, 2), (1, 3), (1, 1))
    return dZ, LinearCache(*cache)


def linear_activation_backward_test_case() -> tuple[Array, Cache]:
    """Return dA (1, 2) and the cache of A (3, 2), W (1, 3), b (1, 1) and Z (1, 2)."""
    dA, *cache, Z = _draws(2, (1, 2), (3, 2), (1, 3), (1, 1), (1, 2))
    return dA, Cache(LinearCache(*cache), Z)


def L_model_backward_test_case() -> tuple[Array, Array, tuple[Cache, Cache]]:
    """Return AL (1, 2), Y (1, 2) of integers and the caches of layers of 3 and 1 units.

    AL is drawn by itself: it is not the sigmoid of the last Z, and not between 0 and 1.
    """
    AL, *drawn = _draws(
        3,
        *((1, 2), (4, 2), (3, 4), (3, 1), (3, 2)),
        *((3, 2), (1, 3), (1, 1), (1, 2)),
    )
    A1, W1, b1, Z1, A2, W2, b2, Z2 = drawn
    caches = Cache(LinearCache(A1, W1, b1), Z1), Cache(LinearCache(A2, W2, b2), Z2)
    return AL, from_host([[1, 0]]), caches


def update_parameters_test_case() -> tuple[Arrays, Arrays]:
    """Return the parameters of layers of 3 and 1 units, and gradients of their shapes."""
    shapes = (3, 4), (3, 1), (1, 3), (1, 1)
    return _named("", _draws(2, *shapes)), _named("d", _draws(3, *shapes))


# ----------------------------------------------------------------------------- the cells


def _linear_forward() -> Arrays:
    Z, _ = linear_forward(*linear_forward_test_case())
    return {"Z": Z}


def _linear_activation_forward() -> Arrays:
    A_prev, W, b = linear_activation_forward_test_case()
    return {
        f"A, {activation}": linear_activation_forward(A_prev, W, b, activation)[0]
        for activation in ("sigmoid", "relu")
    }


def _L_model_forward() -> Arrays:
    AL, _ = L_model_forward(*L_model_forward_test_case_2hidden())
    return {"AL": AL}


def _compute_cost() -> Arrays:
    Y, AL = compute_cost_test_case()
    return {"cost": compute_cost(AL, Y)}


def _linear_backward() -> Arrays:
    return dict(
        zip(("dA_prev", "dW", "db"), linear_backward(*linear_backward_test_case()), strict=True)
    )


def _linear_activation_backward() -> Arrays:
    dA, cache = linear_activation_backward_test_case()
    printed: Arrays = {}
    for activation in ("sigmoid", "relu"):
        dA_prev, dW, db = linear_activation_backward(dA, cache, activation)
        names = (f"{name}, {activation}" for name in ("dA_prev", "dW", "db"))
        printed |= dict(zip(names, (dA_prev, dW, db), strict=True))
    return printed


def _L_model_backward() -> Arrays:
    grads = L_model_backward(*L_model_backward_test_case())
    return {name: grads[name] for name in ("dW1", "db1", "dA1")}


def _update_parameters() -> Arrays:
    return update_parameters(*update_parameters_test_case(), 0.1)


# ----------------------------------------------------------------------------- what is printed

CHECKS = (
    Check(
        "initialize_parameters",
        lambda: initialize_parameters(3, 2, 1),
        {
            "W1": [[0.01624345, -0.00611756, -0.00528172], [-0.01072969, 0.00865408, -0.02301539]],
            "b1": [[0.0], [0.0]],
            "W2": [[0.01744812, -0.00761207]],
            "b2": [[0.0]],
        },
    ),
    Check(
        "initialize_parameters_deep",
        lambda: initialize_parameters_deep([5, 4, 3]),
        {
            "W1": [
                [0.01788628, 0.0043651, 0.00096497, -0.01863493, -0.00277388],
                [-0.00354759, -0.00082741, -0.00627001, -0.00043818, -0.00477218],
                [-0.01313865, 0.00884622, 0.00881318, 0.01709573, 0.00050034],
                [-0.00404677, -0.0054536, -0.01546477, 0.00982367, -0.01101068],
            ],
            "b1": [[0.0], [0.0], [0.0], [0.0]],
            "W2": [
                [-0.01185047, -0.0020565, 0.01486148, 0.00236716],
                [-0.01023785, -0.00712993, 0.00625245, -0.00160513],
                [-0.00768836, -0.00230031, 0.00745056, 0.01976111],
            ],
            "b2": [[0.0], [0.0], [0.0]],
        },
    ),
    Check("linear_forward", _linear_forward, {"Z": [[3.26295337, -1.23429987]]}),
    Check(
        "linear_activation_forward",
        _linear_activation_forward,
        {"A, sigmoid": [[0.96890023, 0.11013289]], "A, relu": [[3.43896131, 0.0]]},
    ),
    Check(
        "L_model_forward",
        _L_model_forward,
        {"AL": [[0.03921668, 0.70498921, 0.19734387, 0.04728177]]},
    ),
    Check("compute_cost", _compute_cost, {"cost": 0.41493159961539694}, decimals=17),
    Check(
        "linear_backward",
        _linear_backward,
        {
            "dA_prev": [
                [0.51822968, -0.19517421],
                [-0.40506361, 0.15255393],
                [2.37496825, -0.89445391],
            ],
            "dW": [[-0.10076895, 1.40685096, 1.64992505]],
            "db": [[0.50629448]],
        },
    ),
    Check(
        "linear_activation_backward",
        _linear_activation_backward,
        {
            "dA_prev, sigmoid": [
                [0.11017994, 0.01105339],
                [0.09466817, 0.00949723],
                [-0.05743092, -0.00576154],
            ],
            "dW, sigmoid": [[0.10266786, 0.09778551, -0.01968084]],
            "db, sigmoid": [[-0.05729622]],
            "dA_prev, relu": [[0.44090989, 0.0], [0.37883606, 0.0], [-0.2298228, 0.0]],
            "dW, relu": [[0.44513824, 0.37371418, -0.10478989]],
            "db, relu": [[-0.20837892]],
        },
    ),
    Check(
        "L_model_backward",
        _L_model_backward,
        {
            "dW1": [
                [0.41010002, 0.07807203, 0.13798444, 0.10502167],
                [0.0, 0.0, 0.0, 0.0],
                [0.05283652, 0.01005865, 0.01777766, 0.0135308],
            ],
            "db1": [[-0.22007063], [0.0], [-0.02835349]],
            "dA1": [
                [0.12913162, -0.44014127],
                [-0.14175655, 0.48317296],
                [0.01663708, -0.05670698],
            ],
        },
    ),
    Check(
        "update_parameters",
        _update_parameters,
        {
            "W1": [
                [-0.59562069, -0.09991781, -2.14584584, 1.82662008],
                [-1.76569676, -0.80627147, 0.51115557, -1.18258802],
                [-1.0535704, -0.86128581, 0.68284052, 2.20374577],
            ],
            "b1": [[-0.04659241], [-1.28888275], [0.53405496]],
            "W2": [[-0.55569196, 0.0354055, 1.32964895]],
            "b2": [[-0.84610769]],
        },
    ),
)
"""Every cell of Part 1 that prints numbers, in the article's order."""

PUBLISHED = (
    Published(
        model="two_layer_model",
        layers_dims=(12288, 7, 1),
        num_iterations=2500,
        costs=(
            0.693049735659989,
            0.6464320953428849,
            0.6325140647912678,
            0.6015024920354665,
            0.5601966311605748,
            0.5158304772764729,
            0.4754901313943325,
            0.43391631512257495,
            0.4007977536203886,
            0.35807050113237976,
            0.33942815383664127,
            0.3052753636196264,
            0.2749137728213016,
            0.2468176821061484,
            0.19850735037466102,
            0.1744831811255665,
            0.17080762978096942,
            0.11306524562164715,
            0.09629426845937152,
            0.0834261795972687,
            0.07439078704319087,
            0.06630748132267934,
            0.05919329501038172,
            0.053361403485605585,
            0.04855478562877019,
        ),
        decimals=9,
        train_accuracy=1.0,
        test_accuracy=0.72,
    ),
    Published(
        model="L_layer_model",
        layers_dims=(12288, 20, 7, 5, 1),
        num_iterations=2500,
        costs=(
            0.771749,
            0.672053,
            0.648263,
            0.611507,
            0.567047,
            0.540138,
            0.527930,
            0.465477,
            0.369126,
            0.391747,
            0.315187,
            0.272700,
            0.237419,
            0.199601,
            0.189263,
            0.161189,
            0.148214,
            0.137775,
            0.129740,
            0.121225,
            0.113821,
            0.107839,
            0.102855,
            0.100897,
            0.092878,
        ),
        decimals=6,
        train_accuracy=0.9856459330143539,
        test_accuracy=0.8,
    ),
)
"""The two networks of Part 2."""
