"""Optimizers: functions of one vector.

An optimizer is a pair of functions. ``init(theta)`` gives its state, a NamedTuple of arrays or ();
``update(theta, gradient, state, learning_rate, step, *numbers)`` gives the next theta and state.
Theta, gradient and state belong to the update, which may work on them in place where the library
can: nothing that a caller still needs is handed to it. The step counts from 1.

An `Optimizer` compares by value, so that a compiled step can take it as a constant.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from dnn_xp.arguments import check
from dnn_xp.backends import Array, cache_blocks, has_views, namespace

__all__ = [
    "Optimizer",
    "adagrad",
    "adam",
    "adamw",
    "amsgrad",
    "descend",
    "lion",
    "momentum",
    "nadam",
    "nesterov",
    "rmsprop",
    "sgd",
]


class Optimizer(NamedTuple):
    """A way of going down a gradient.

    Attributes
    ----------
    init : callable
        ``init(theta) -> state``.
    update : callable
        ``update(theta, gradient, state, learning_rate, step, *numbers) -> (theta, state)``.
    learning_rate : float
    numbers : tuple of float
        What else the update needs.
    weight_decay : float
        The part of each weight, times the learning rate, that is lost in each step, apart from
        the gradient ("decoupled", Loshchilov and Hutter 2019). Biases do not decay.
    linear : bool
        Whether theta and the state are linear functions of the gradients.
    """

    init: Callable[[Array], Any]
    update: Callable[..., tuple[Array, Any]]
    learning_rate: float
    numbers: tuple[float, ...] = ()
    weight_decay: float = 0.0
    linear: bool = False


def descend(
    optimizer: Optimizer, theta: Array, gradient: Array, state: Any, learning_rate: Any, step: Any
) -> tuple[Array, Any]:
    """Return theta and state after one update, made block by block where that is faster.

    Where the library has views theta stays the same array, as there may be views of it.
    """
    blocks, numbers = cache_blocks(theta), optimizer.numbers
    if len(blocks) == 1:
        moved, state = optimizer.update(theta, gradient, state, learning_rate, step, *numbers)
        if moved is not theta and has_views(theta):
            theta[...] = moved
            moved = theta
        return moved, state
    for block in blocks:  # views, which the update may change in place
        where, part = theta[block], type(state)(*(vector[block] for vector in state))
        moved, held = optimizer.update(where, gradient[block], part, learning_rate, step, *numbers)
        for vector, new in zip((where, *part), (moved, *held), strict=True):
            if new is not vector:
                vector[...] = new
    return theta, state


def sgd(learning_rate: float) -> Optimizer:
    """Return gradient descent: theta - learning_rate * gradient.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    """
    return _optimizer(_no_state, _descend, learning_rate, linear=True)


def _no_state(theta: Array) -> tuple[()]:
    return ()


def _descend(
    theta: Array, gradient: Array, state: tuple[()], learning_rate: Any, step: Any
) -> tuple[Array, tuple[()]]:
    gradient *= learning_rate
    theta -= gradient
    return theta, state


class VelocityState(NamedTuple):
    """The state of `momentum`, `nesterov` and `lion`."""

    velocity: Array


def _velocity(theta: Array) -> VelocityState:
    return VelocityState(namespace(theta).zeros_like(theta))


def momentum(learning_rate: float, decay: float = 0.9) -> Optimizer:
    """Return gradient descent with momentum (Polyak 1964).

    The velocity becomes decay * velocity + learning_rate * gradient, and theta goes along it: a
    new rate comes in as the old velocity fades. (PyTorch multiplies the whole velocity by it.)

    Parameters
    ----------
    learning_rate : float
        Above 0.
    decay : float
        0 <= decay <= 1.
    """
    return _optimizer(_velocity, _roll, learning_rate, linear=True, decay=decay)


def _roll(
    theta: Array,
    gradient: Array,
    state: VelocityState,
    learning_rate: Any,
    step: Any,
    decay: float,
) -> tuple[Array, VelocityState]:
    (velocity,) = state
    gradient *= learning_rate
    velocity *= decay
    velocity += gradient
    theta -= velocity
    return theta, VelocityState(velocity)


def nesterov(learning_rate: float, decay: float = 0.9) -> Optimizer:
    """Return gradient descent with Nesterov's momentum (Sutskever et al. 2013).

    As `momentum`, but theta goes along learning_rate * gradient + decay * velocity.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    decay : float
        0 <= decay <= 1.
    """
    return _optimizer(_velocity, _look_ahead, learning_rate, linear=True, decay=decay)


def _look_ahead(
    theta: Array,
    gradient: Array,
    state: VelocityState,
    learning_rate: Any,
    step: Any,
    decay: float,
) -> tuple[Array, VelocityState]:
    (velocity,) = state
    gradient *= learning_rate
    velocity *= decay
    velocity += gradient
    gradient += decay * velocity
    theta -= gradient
    return theta, VelocityState(velocity)


def lion(
    learning_rate: float, beta1: float = 0.9, beta2: float = 0.99, weight_decay: float = 0.0
) -> Optimizer:
    """Return Lion, which goes by the sign of a mean gradient (Chen et al. 2023, algorithm 2).

    Parameters
    ----------
    learning_rate : float
        Above 0; about a tenth of Adam's.
    beta1, beta2 : float
        The mean's part in the direction, and in the next mean; 0 <= beta < 1.
    weight_decay : float
        Decoupled; see `Optimizer`.
    """
    return _optimizer(
        _velocity, _go_by_sign, learning_rate, weight_decay=weight_decay, beta1=beta1, beta2=beta2
    )


def _go_by_sign(
    theta: Array,
    gradient: Array,
    state: VelocityState,
    learning_rate: Any,
    step: Any,
    beta1: float,
    beta2: float,
) -> tuple[Array, VelocityState]:
    (mean,) = state
    direction = namespace(theta).sign(beta1 * mean + (1.0 - beta1) * gradient)
    mean *= beta2
    gradient *= 1.0 - beta2
    mean += gradient
    theta -= learning_rate * direction
    return theta, VelocityState(mean)


class SquaresState(NamedTuple):
    """The state of `adagrad` and `rmsprop`."""

    squares: Array


def _squares(theta: Array) -> SquaresState:
    return SquaresState(namespace(theta).zeros_like(theta))


def adagrad(learning_rate: float, epsilon: float = 1e-10) -> Optimizer:
    """Return Adagrad: each element's rate falls with its summed squares (Duchi et al. 2011).

    Parameters
    ----------
    learning_rate : float
        Above 0.
    epsilon : float
        Added to the root of the sum.
    """
    return _optimizer(_squares, _by_summed_squares, learning_rate, epsilon=epsilon)


def _by_summed_squares(
    theta: Array,
    gradient: Array,
    state: SquaresState,
    learning_rate: Any,
    step: Any,
    epsilon: float,
) -> tuple[Array, SquaresState]:
    (squares,) = state
    squares += gradient * gradient
    gradient *= learning_rate
    gradient /= squares**0.5 + epsilon
    theta -= gradient
    return theta, SquaresState(squares)


def rmsprop(learning_rate: float, decay: float = 0.99, epsilon: float = 1e-8) -> Optimizer:
    """Return RMSprop: Adagrad with a running mean of squares (Tieleman and Hinton 2012).

    Parameters
    ----------
    learning_rate : float
        Above 0.
    decay : float
        Of the mean, 0 <= decay < 1.
    epsilon : float
        Added to the root of the mean.
    """
    return _optimizer(_squares, _by_mean_squares, learning_rate, decay=decay, epsilon=epsilon)


def _by_mean_squares(
    theta: Array,
    gradient: Array,
    state: SquaresState,
    learning_rate: Any,
    step: Any,
    decay: float,
    epsilon: float,
) -> tuple[Array, SquaresState]:
    (squares,) = state
    squares *= decay
    squares += (1.0 - decay) * (gradient * gradient)
    gradient *= learning_rate
    gradient /= squares**0.5 + epsilon
    theta -= gradient
    return theta, SquaresState(squares)


class AdamState(NamedTuple):
    """The state of `adam`, `adamw` and `nadam`: decaying sums of gradients and of their squares.

    The means of the papers are (1 - beta) times these, which costs a pass over theta the less.
    """

    total: Array
    squares: Array


def _moments(theta: Array) -> AdamState:
    xp = namespace(theta)
    return AdamState(xp.zeros_like(theta), xp.zeros_like(theta))


def adam(
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    *,
    epsilon_hat: bool = False,
) -> Optimizer:
    """Return Adam (Kingma and Ba 2015, algorithm 1).

    Parameters
    ----------
    learning_rate : float
        Above 0.
    beta1, beta2 : float
        Of the running means of gradients and of their squares, 0 <= beta < 1.
    epsilon : float
        Added to the root of the mean square.
    epsilon_hat : bool
        Whether it is added to the root of the mean square that is not corrected for its bias, as
        at the end of the paper's section 2, in TensorFlow and in scikit-learn.
    """
    return adamw(learning_rate, beta1, beta2, epsilon, weight_decay=0.0, epsilon_hat=epsilon_hat)


def adamw(
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
    *,
    epsilon_hat: bool = False,
) -> Optimizer:
    """Return Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, epsilon_hat
        As in `adam`.
    weight_decay : float
        See `Optimizer`.
    """
    return _optimizer(
        _moments,
        _adapt_by_hat if epsilon_hat else _adapt,
        learning_rate,
        weight_decay=weight_decay,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
    )


def _adapt(
    theta: Array,
    gradient: Array,
    state: AdamState,
    learning_rate: Any,
    step: Any,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> tuple[Array, AdamState]:
    total, squares = _add_up(state, gradient, beta1, beta2)
    theta = _go_by_root(theta, total, squares, learning_rate, step, beta1, beta2, epsilon)
    return theta, AdamState(total, squares)


def _adapt_by_hat(
    theta: Array,
    gradient: Array,
    state: AdamState,
    learning_rate: Any,
    step: Any,
    beta1: float,
    beta2: float,
    epsilon_hat: float,
) -> tuple[Array, AdamState]:
    # epsilon_hat = epsilon * sqrt(1 - beta2^step)
    epsilon = epsilon_hat / (1.0 - beta2**step) ** 0.5
    return _adapt(theta, gradient, state, learning_rate, step, beta1, beta2, epsilon)


def nadam(
    learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> Optimizer:
    """Return Adam with Nesterov's momentum, of constant beta1 (Dozat 2016).

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        As in `adam`.
    """
    return _optimizer(
        _moments, _adapt_ahead, learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon
    )


def _adapt_ahead(
    theta: Array,
    gradient: Array,
    state: AdamState,
    learning_rate: Any,
    step: Any,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> tuple[Array, AdamState]:
    total, squares = _add_up(state, gradient * 1.0, beta1, beta2)
    gradient *= _unbiased(step, beta1)
    gradient += beta1 * _unbiased(step + 1, beta1) * total
    root, unbiased = _root(squares, step, beta2, epsilon)
    gradient /= root
    gradient *= learning_rate * unbiased
    theta -= gradient
    return theta, AdamState(total, squares)


class AmsgradState(NamedTuple):
    """The state of `amsgrad`: that of Adam, and the largest squares so far."""

    total: Array
    squares: Array
    largest: Array


def _moments_and_largest(theta: Array) -> AmsgradState:
    return AmsgradState(*_moments(theta), namespace(theta).zeros_like(theta))


def amsgrad(
    learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> Optimizer:
    """Return AMSGrad: Adam whose rates never rise again (Reddi et al. 2018).

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        As in `adam`.
    """
    return _optimizer(
        _moments_and_largest,
        _adapt_by_largest,
        learning_rate,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
    )


def _adapt_by_largest(
    theta: Array,
    gradient: Array,
    state: AmsgradState,
    learning_rate: Any,
    step: Any,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> tuple[Array, AmsgradState]:
    total, squares = _add_up(AdamState(state.total, state.squares), gradient, beta1, beta2)
    largest = state.largest
    largest += namespace(theta).maximum(squares - largest, 0.0)
    theta = _go_by_root(theta, total, largest, learning_rate, step, beta1, beta2, epsilon)
    return theta, AmsgradState(total, squares, largest)


def _go_by_root(
    theta: Array,
    total: Array,
    squares: Array,
    learning_rate: Any,
    step: Any,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> Array:
    """Return theta after a step along the mean gradient, divided by the root mean square."""
    root, unbiased = _root(squares, step, beta2, epsilon)
    update = total / root
    update *= learning_rate * unbiased * _unbiased(step, beta1)
    theta -= update
    return theta


def _add_up(state: AdamState, gradient: Array, beta1: float, beta2: float) -> AdamState:
    """Return the state with one more gradient, which becomes its square."""
    total, squares = state
    total *= beta1
    total += gradient
    gradient *= gradient
    squares *= beta2
    squares += gradient
    return AdamState(total, squares)


def _unbiased(step: Any, beta: float) -> Any:
    """Return what makes a decaying sum of so many terms their mean."""
    return (1.0 - beta) / (1.0 - beta**step)


def _root(squares: Array, step: Any, beta2: float, epsilon: float) -> tuple[Array, Any]:
    """Return the root of the mean square plus epsilon, times a number, and the number.

    The number is for the caller to multiply by, with the learning rate: one pass less over theta.
    """
    scale = _unbiased(step, beta2) ** -0.5
    root = squares**0.5
    root += epsilon * scale
    return root, scale


def _optimizer(
    init: Callable[[Array], Any],
    update: Callable[..., tuple[Array, Any]],
    learning_rate: float,
    *,
    weight_decay: float = 0.0,
    linear: bool = False,
    **numbers: float,
) -> Optimizer:
    """Return an optimizer, and refuse what cannot descend."""
    check("learning_rate", learning_rate, learning_rate > 0, "a number above 0")
    check("weight_decay", weight_decay, weight_decay >= 0, "a number from 0 on")
    for name, number in numbers.items():
        if name == "epsilon":
            check(name, number, number >= 0, "a number from 0 on")
        elif linear:
            check(name, number, 0 <= number <= 1, "a number from 0 to 1")
        else:
            check(name, number, 0 <= number < 1, "a number from 0 to below 1")
    # Numbers of Python's own: NumPy's would carry their dtype into theta.
    values = tuple(map(float, numbers.values()))
    return Optimizer(init, update, float(learning_rate), values, float(weight_decay), linear)
