"""Optimizers: functions of one vector.

An optimizer is a pair of functions. ``init(theta)`` gives its state, a NamedTuple of arrays or ();
``update(theta, gradient, state, learning_rate, step, *numbers)`` gives the next theta and state.
Theta, gradient and state belong to the update, which may work on them in place where the library
can: nothing that a caller still needs is handed to it. The step counts from 1.

An `Optimizer` compares by value, so that a compiled step can take it as a constant.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from dnn_xp.arguments import check_flag, check_not_negative, check_number, check_positive
from dnn_xp.backends import Array, Scalar, Vector, cache_blocks, has_views, namespace
from dnn_xp.reprs import typed_call

__all__ = [
    "OPTIMIZERS",
    "Optimizer",
    "Update",
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


class Update(Protocol):
    """The update of an optimizer, as one of your own is called."""

    def __call__(
        self,
        theta: Vector,
        gradient: Vector,
        state: Any,
        learning_rate: Scalar,
        step: Scalar,
        /,
        *numbers: Any,
        **named: Any,
    ) -> tuple[Vector, Any]:
        """Return theta and the state after one update.

        Parameters
        ----------
        theta : array, shape (size,)
        gradient : array, shape (size,)
            Of the mean cost, with penalties; may be written to, as theta and the state may.
        state : NamedTuple of arrays
        learning_rate : float
        step : int
            From 1.
        *numbers : float
            Those of the `Optimizer`.
        """


class Optimizer(NamedTuple):
    """An optimizer: how theta goes down a gradient.

    Attributes
    ----------
    init : callable
        ``init(theta) -> state``, a NamedTuple of arrays of any shapes, or ``()``.
    update : callable
        ``update(theta, gradient, state, learning_rate, step, *numbers) -> (theta, state)``; see
        `Update`.
    learning_rate : float
    numbers : tuple of float
        What else the update needs.
    weight_decay : float
        The part of each weight, times the learning rate, that is lost in each step, apart from
        the gradient ("decoupled", Loshchilov and Hutter 2019). Biases do not decay.
    linear : bool
        Whether theta and the state are linear functions of the gradients.
    elementwise : bool
        Whether each element of theta goes by itself, so that theta may be updated block by block,
        which is faster. One that looks at a norm, for example, is not elementwise.
    name : str
        By which a run is known again. Default: that of the update.
    arguments : tuple of (str, float)
        With which the optimizer of that name was made, besides the learning rate.

    Examples
    --------
    A normalized step of your own:

    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, Optimizer, train
    >>> def normalized(theta, gradient, state, learning_rate, step):
    ...     return theta - learning_rate * gradient / (gradient @ gradient) ** 0.5, state
    >>> own = Optimizer(lambda theta: (), normalized, learning_rate=0.1)
    >>> network, X = Network(2, (Dense(1),), "squared_error"), np.ones((2, 4))
    >>> run = train(network, X, X[:1], np.zeros(3), optimizer=own, epochs=1)
    >>> float(np.linalg.norm(run.theta).round(6))
    0.1
    """

    init: Callable[[Vector], Any]
    update: Update
    learning_rate: float
    numbers: tuple[float, ...] = ()
    weight_decay: float = 0.0
    linear: bool = False
    elementwise: bool = False
    name: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()

    def __repr__(self) -> str:
        """Return the call that makes it, or what an optimizer of one's own is made of."""
        if self.name in OPTIMIZERS:
            values = {"learning_rate": self.learning_rate, **dict(self.arguments)}
            return typed_call(OPTIMIZERS[self.name], values)
        name = self.name or getattr(self.update, "__qualname__", type(self.update).__name__)
        said = f"{name}, learning_rate={self.learning_rate!r}"
        if self.numbers:
            said += f", numbers={self.numbers!r}"
        if self.weight_decay:
            said += f", weight_decay={self.weight_decay!r}"
        return f"Optimizer({said})"


def descend(
    optimizer: Optimizer,
    theta: Vector,
    gradient: Vector,
    state: Any,
    learning_rate: Scalar,
    step: Scalar,
) -> tuple[Vector, Any]:
    """Return theta and state after one update, made block by block where that is exact and faster.

    Where the library has views theta stays the same array, as there may be views of it.
    """
    numbers = optimizer.numbers
    blocks = cache_blocks(theta) if optimizer.elementwise else [slice(None)]
    if len(blocks) == 1:
        moved, state = optimizer.update(theta, gradient, state, learning_rate, step, *numbers)
        if moved is not theta and has_views(theta):
            theta[...] = moved
            moved = theta
        return moved, state
    return theta, _descend_in_blocks(optimizer, theta, gradient, state, learning_rate, step, blocks)


def _descend_in_blocks(
    optimizer: Optimizer,
    theta: Vector,
    gradient: Vector,
    state: Any,
    learning_rate: Scalar,
    step: Scalar,
    blocks: list[slice],
) -> Any:
    """Update theta in place, block by block, and return the state.

    Of the state, what has the shape of theta is cut, too; each block is handed all else whole.
    """
    xp, numbers = namespace(theta), optimizer.numbers
    cut = [tuple(leaf.shape) == tuple(theta.shape) for leaf in state]
    whole = state
    for block in blocks:  # views, which the update may change in place
        part = type(state)(
            *(
                leaf[block] if is_cut else xp.asarray(leaf, copy=True)
                for leaf, is_cut in zip(state, cut, strict=True)
            )
        )
        where = theta[block]
        moved, whole = optimizer.update(where, gradient[block], part, learning_rate, step, *numbers)
        for old, new, is_cut in zip((where, *part), (moved, *whole), (True, *cut), strict=True):
            if is_cut and new is not old:
                old[...] = new
    return type(state)(
        *(leaf if is_cut else last for leaf, last, is_cut in zip(state, whole, cut, strict=True))
    )


def sgd(learning_rate: float) -> Optimizer:
    """Return gradient descent: theta - learning_rate * gradient.

    Parameters
    ----------
    learning_rate : float
        Above 0.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    return _optimizer("sgd", _no_state, _sgd_update, learning_rate, linear=True)


def _no_state(theta: Array) -> tuple[()]:
    return ()


def _sgd_update(
    theta: Array, gradient: Array, state: tuple[()], learning_rate: Any, step: Any
) -> tuple[Array, tuple[()]]:
    gradient *= learning_rate
    theta -= gradient
    return theta, state


class VelocityState(NamedTuple):
    """The state of `momentum`, `nesterov` and `lion`."""

    velocity: Array


def _velocity_state(theta: Array) -> VelocityState:
    return VelocityState(namespace(theta).zeros_like(theta))


def momentum(learning_rate: float, decay: float = 0.9) -> Optimizer:
    """Return gradient descent with momentum (Polyak 1964).

    ::

        v = decay * v + learning_rate * g
        theta = theta - v

    A new rate comes in as the old velocity fades. (PyTorch multiplies the whole velocity by it.)

    Parameters
    ----------
    learning_rate : float
        Above 0.
    decay : float
        0 <= decay <= 1.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    return _optimizer(
        "momentum", _velocity_state, _momentum_update, learning_rate, linear=True, decay=decay
    )


def _momentum_update(
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

    ::

        v = decay * v + learning_rate * g
        theta = theta - (learning_rate * g + decay * v)

    Parameters
    ----------
    learning_rate : float
        Above 0.
    decay : float
        0 <= decay <= 1.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    return _optimizer(
        "nesterov", _velocity_state, _nesterov_update, learning_rate, linear=True, decay=decay
    )


def _nesterov_update(
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

    ::

        theta = theta - learning_rate * sign(beta1 * m + (1 - beta1) * g)
        m = beta2 * m + (1 - beta2) * g

    Parameters
    ----------
    learning_rate : float
        Above 0; about a tenth of Adam's.
    beta1, beta2 : float
        The mean's part in the direction, and in the next mean; 0 <= beta < 1.
    weight_decay : float
        Decoupled; see `Optimizer`.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    return _optimizer(
        "lion",
        _velocity_state,
        _lion_update,
        learning_rate,
        weight_decay=weight_decay,
        beta1=beta1,
        beta2=beta2,
    )


def _lion_update(
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


def _squares_state(theta: Array) -> SquaresState:
    return SquaresState(namespace(theta).zeros_like(theta))


def adagrad(learning_rate: float, epsilon: float = 1e-10) -> Optimizer:
    """Return Adagrad: each element's rate falls with its summed squares (Duchi et al. 2011).

    ::

        s = s + g**2
        theta = theta - learning_rate * g / (sqrt(s) + epsilon)

    Parameters
    ----------
    learning_rate : float
        Above 0.
    epsilon : float
        Added to the root of the sum.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    return _optimizer("adagrad", _squares_state, _adagrad_update, learning_rate, epsilon=epsilon)


def _adagrad_update(
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

    ::

        v = decay * v + (1 - decay) * g**2
        theta = theta - learning_rate * g / (sqrt(v) + epsilon)

    Parameters
    ----------
    learning_rate : float
        Above 0.
    decay : float
        Of the mean, 0 <= decay < 1.
    epsilon : float
        Added to the root of the mean.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    return _optimizer(
        "rmsprop", _squares_state, _rmsprop_update, learning_rate, decay=decay, epsilon=epsilon
    )


def _rmsprop_update(
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


def _adam_state(theta: Array) -> AdamState:
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

    ::

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**step);  v_hat = v / (1 - beta2**step)
        theta = theta - learning_rate * m_hat / (sqrt(v_hat) + epsilon)

    What is kept are m / (1 - beta1) and v / (1 - beta2); see `AdamState`.

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

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    return _optimizer(
        "adam",
        _adam_state,
        _adam_epsilon_hat_update if check_flag("epsilon_hat", epsilon_hat) else _adam_update,
        learning_rate,
        epsilon_hat=epsilon_hat,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
    )


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

    Before the step of `adam`, weights, but not biases, are shortened::

        W = W - learning_rate * weight_decay * W

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, epsilon_hat
        As in `adam`.
    weight_decay : float
        See `Optimizer`.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    return _optimizer(
        "adamw",
        _adam_state,
        _adam_epsilon_hat_update if check_flag("epsilon_hat", epsilon_hat) else _adam_update,
        learning_rate,
        weight_decay=weight_decay,
        epsilon_hat=epsilon_hat,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
    )


def _adam_update(
    theta: Array,
    gradient: Array,
    state: AdamState,
    learning_rate: Any,
    step: Any,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> tuple[Array, AdamState]:
    total, squares = _add_gradient(state, gradient, beta1, beta2)
    theta = _adam_direction(theta, total, squares, learning_rate, step, beta1, beta2, epsilon)
    return theta, AdamState(total, squares)


def _adam_epsilon_hat_update(
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
    return _adam_update(theta, gradient, state, learning_rate, step, beta1, beta2, epsilon)


def nadam(
    learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> Optimizer:
    """Return Adam with Nesterov's momentum, of constant beta1 (Dozat 2016).

    As `adam`, but with the gradient of the step that comes in m_hat's place::

        m_bar = beta1 * m / (1 - beta1**(step + 1)) + (1 - beta1) * g / (1 - beta1**step)
        theta = theta - learning_rate * m_bar / (sqrt(v_hat) + epsilon)

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        As in `adam`.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    return _optimizer(
        "nadam",
        _adam_state,
        _nadam_update,
        learning_rate,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
    )


def _nadam_update(
    theta: Array,
    gradient: Array,
    state: AdamState,
    learning_rate: Any,
    step: Any,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> tuple[Array, AdamState]:
    total, squares = _add_gradient(state, gradient * 1.0, beta1, beta2)
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


def _amsgrad_state(theta: Array) -> AmsgradState:
    return AmsgradState(*_adam_state(theta), namespace(theta).zeros_like(theta))


def amsgrad(
    learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> Optimizer:
    """Return AMSGrad: Adam whose rates never rise again (Reddi et al. 2018).

    As `adam`, but with the largest v so far::

        u = max(u, v);  u_hat = u / (1 - beta2**step)
        theta = theta - learning_rate * m_hat / (sqrt(u_hat) + epsilon)

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        As in `adam`.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    return _optimizer(
        "amsgrad",
        _amsgrad_state,
        _amsgrad_update,
        learning_rate,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
    )


def _amsgrad_update(
    theta: Array,
    gradient: Array,
    state: AmsgradState,
    learning_rate: Any,
    step: Any,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> tuple[Array, AmsgradState]:
    total, squares = _add_gradient(AdamState(state.total, state.squares), gradient, beta1, beta2)
    largest = state.largest
    largest += namespace(theta).maximum(squares - largest, 0.0)
    theta = _adam_direction(theta, total, largest, learning_rate, step, beta1, beta2, epsilon)
    return theta, AmsgradState(total, squares, largest)


def _adam_direction(
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


def _add_gradient(state: AdamState, gradient: Array, beta1: float, beta2: float) -> AdamState:
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


_ABSENT: Any = object()
"""In place of a number that an optimizer does not have; None is one that it should."""


def _optimizer(
    name: str,
    init: Callable[[Vector], Any],
    update: Update,
    learning_rate: float,
    *,
    weight_decay: float = _ABSENT,
    epsilon_hat: bool = _ABSENT,
    linear: bool = False,
    **numbers: float,
) -> Optimizer:
    """Return an optimizer of the house, and refuse what cannot descend."""
    rate = check_positive("learning_rate", learning_rate)
    decay = 0.0 if weight_decay is _ABSENT else weight_decay
    decay = check_not_negative("weight_decay", decay)
    plain: dict[str, float] = {}
    for key, number in numbers.items():
        if key == "epsilon":
            plain[key] = check_not_negative(key, number)
        elif linear:
            plain[key] = check_number(key, number, lambda x: 0 <= x <= 1, "a number from 0 to 1")
        else:
            plain[key] = check_number(
                key, number, lambda x: 0 <= x < 1, "a number from 0 to below 1"
            )
    arguments: dict[str, Any] = {key: float(number) for key, number in plain.items()}
    if weight_decay is not _ABSENT:
        arguments["weight_decay"] = float(decay)
    if epsilon_hat is not _ABSENT:
        arguments["epsilon_hat"] = check_flag("epsilon_hat", epsilon_hat)
    return Optimizer(
        init,
        update,
        float(rate),
        tuple(map(float, plain.values())),
        float(decay),
        linear,
        elementwise=True,
        name=name,
        arguments=tuple(arguments.items()),
    )


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    make.__name__: make
    for make in (
        sgd,
        momentum,
        nesterov,
        adagrad,
        rmsprop,
        adam,
        adamw,
        nadam,
        amsgrad,
        lion,
    )
}
"""The functions that make optimizers, by name."""
