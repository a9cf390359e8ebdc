"""Networks: layers, a cost, and one vector that holds all parameters.

Columns are examples: X is (n_inputs, m) and Y is (n_targets, m). Each method checks what it is
handed, and calls a function of `dnn_xp.network.propagation`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral

from dnn_xp.arguments import check, check_kind, check_whole, shown
from dnn_xp.backends import (
    Array,
    Matrix,
    Scalar,
    Vector,
    asarray_like,
    current_backend,
    default_dtype,
    device,
    float_name,
    from_host,
    namespace,
    plain_array,
)
from dnn_xp.data.sources import Source
from dnn_xp.functions.costs import Cost, CostSpec, find_cost, target_groups
from dnn_xp.functions.counters import make_key
from dnn_xp.functions.initializers import Generator, find_generator
from dnn_xp.layers import Arrays, Layer, Shape
from dnn_xp.network import propagation
from dnn_xp.network.checks import (
    check_data,
    check_examples,
    check_floating,
    check_library,
    check_theta,
    float_reference,
)
from dnn_xp.network.layout import Layout
from dnn_xp.network.propagation import CostAndGradient
from dnn_xp.network.summary import NetworkSummary, summarize
from dnn_xp.network.values import check_values, checked_targets, finite_source

__all__ = ["Network"]


@dataclass(frozen=True)
class Network:
    """A feed-forward network: a frozen, hashable description that holds no arrays.

    Parameters
    ----------
    n_inputs : int
        Rows of X.
    layers : tuple of Layer
        `Dense`, `Activation`, `ParametricActivation`, `PeriodicEmbedding`, `Dropout`,
        `LayerNorm`, `BatchNorm`. The last layer gives the logits: the cost brings its own output
        function (sigmoid, softmax, exp).
    cost : str, tuple or functions.Cost
        ``"sigmoid_cross_entropy"`` (two classes, or several labels), ``"softmax_cross_entropy"``
        (many classes), ``("grouped_softmax_cross_entropy", 3, 4)`` (several choices, among so
        many classes), ``"squared_error"``, ``"absolute_error"``, ``("huber", delta)``,
        ``("quantile", q)``, ``("quantile", [0.05, 0.5, 0.95])`` (several, which never cross: each
        target has an output for each) or ``"poisson"``.

    Raises
    ------
    ValueError
        Where a layer, or the cost, does not fit what comes before it.

    Notes
    -----
    Where a method takes theta, it takes that of k networks at once, too, as an array of shape
    (k, size): what it returns then has k at the front.

    Parameters are named by the place of their layer, from 1: ``W1``, ``b1``, ``gamma2``. They lie
    in the vector theta in that order; the running statistics of `BatchNorm` follow at its end.

    Examples
    --------
    >>> from dnn_xp import Dense, Network
    >>> network = Network(4, (Dense(3, "relu"), Dense(1)), cost="sigmoid_cross_entropy")
    >>> network.shapes
    {'W1': (3, 4), 'b1': (3, 1), 'W2': (1, 3), 'b2': (1, 1)}
    >>> network.size
    19
    """

    n_inputs: int
    layers: tuple[Layer, ...]
    cost: CostSpec

    def __post_init__(self) -> None:
        if not isinstance(self.layers, tuple | list):
            raise TypeError(
                f"layers: found {shown(self.layers)}, expected a tuple of layers: (Dense(1),)"
            )
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "n_inputs", check_whole("n_inputs", self.n_inputs, 1))
        if not self.layers:
            raise ValueError("layers: found none, expected at least one")
        for place, layer in enumerate(self.layers, 1):
            if not isinstance(layer, Layer):
                raise TypeError(f"layers: found {layer!r} at place {place}, expected a Layer")
        cost = find_cost(self.cost)
        if not isinstance(self.cost, str | Cost):  # in numbers of Python's own, and hashable
            object.__setattr__(self, "cost", (cost.name, *cost.parameters))
        for part in (cost.output, cost.by_Z, cost.back_by_Z):
            check("cost", cost, callable(part), "one made of functions")
        target_groups(cost, self.n_outputs)  # which refuses a choice among one class
        each = check_whole("cost", cost.outputs_per_target, 1)
        if self.n_outputs % each:
            raise ValueError(
                f"layers: the last one gives {self.n_outputs} outputs, but cost {self.cost!r} has "
                f"{each} for each target, expected a multiple of {each}"
            )
        output = cost.output.__name__
        activation = getattr(self.layers[-1], "activation", "identity")
        if output != "identity" and activation != "identity":
            raise ValueError(
                f"layers: the last one applies {activation!r}, but cost {self.cost!r} takes "
                f"logits and applies {output!r} itself; leave the last layer linear"
            )

    @cached_property
    def layout(self) -> Layout:
        """Where the parameters lie in theta."""
        return Layout(self.n_inputs, self.layers)

    @cached_property
    def is_random(self) -> bool:
        """Whether training makes draws."""
        return any(layer.random for layer in self.layers)

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every parameter and statistic, in the order in which theta holds them."""
        return self.layout.shapes

    @property
    def size(self) -> int:
        """Elements of theta."""
        return self.layout.size

    @property
    def n_outputs(self) -> int:
        """Rows of what the network gives."""
        return self.layout.n_outputs

    @property
    def n_targets(self) -> int:
        """Rows of Y: as many as outputs, unless the cost has several outputs for each target."""
        return self.n_outputs // find_cost(self.cost).outputs_per_target

    def summary(self) -> NetworkSummary:
        """Return a table of the layers: what comes out of each, parameters and multiplications.

        It shows itself on a terminal, in a notebook and by ``print``; its numbers are attributes.

        Returns
        -------
        NetworkSummary

        Examples
        --------
        >>> from dnn_xp import BatchNorm, Dense, Network
        >>> layers = (Dense(16, "relu"), BatchNorm(), Dense(10))
        >>> network = Network(64, layers, "softmax_cross_entropy")
        >>> network.summary()
        Network of 64 inputs, cost softmax_cross_entropy
        place  layer                         output shape  parameters  multiplications
            1  Dense(16, activation='relu')            16       1,040            1,024
            2  BatchNorm()                             16          32               16
            3  Dense(10)                               10         170              160
               total                                            1,242            1,200
        and 32 statistics, which are gathered, not learnt
        >>> network.summary().parameters
        1242
        """
        return summarize(self.layout, self.cost)

    def _repr_html_(self) -> str:
        """Return the table of the layers, for a notebook."""
        return self.summary()._repr_html_()

    # ------------------------------------------------------------------ theta

    def initialize(
        self, seed: int | Generator = 0, *, like: Array | None = None, dtype: str | None = None
    ) -> Vector:
        """Draw initial parameters.

        Parameters
        ----------
        seed : int or NumPy generator
            The same seed means the same values on every library, rounded to its dtype.
        like : array, optional
            Usually X: theta gets its library, device and dtype. Default: the current backend.
        dtype : str, optional
            Such as ``"float32"``. Default: that of `like`, else the library's own.

        Returns
        -------
        array, shape (size,)

        Raises
        ------
        ValueError
            Where the seed is neither a whole number nor a generator, or the dtype is none of
            floats that the library has.
        """
        rng = find_generator(seed)
        if like is None:
            _, xp, where = current_backend()
            name = float_name(default_dtype(xp, device=where) if dtype is None else dtype, xp)
            return from_host(self.layout.draw(rng), dtype=name)
        like = plain_array("like", like)
        xp = namespace(like)
        if dtype is None:
            check_floating("like", like)
            return asarray_like(self.layout.draw(rng), like=like)
        chosen = getattr(xp, float_name(dtype, xp))
        return asarray_like(self.layout.draw(rng), like=like, dtype=chosen)

    def unpack(self, theta: Vector) -> Arrays:
        """Return the parameters by name, as views of theta where the library has views.

        Parameters
        ----------
        theta : array, shape (size,)

        Raises
        ------
        ValueError
            Where theta has another size.
        """
        check_theta(self.layout, theta, several=True)
        views = self.layout.views(theta, namespace(theta))
        return {
            name: views[place - 1][name.removesuffix(str(place))]
            for name, (place, _) in self.layout.named.items()
        }

    def pack(self, parameters: Arrays) -> Vector:
        """Return the vector that holds the parameters given by name.

        Parameters
        ----------
        parameters : dict of str to array
            With the names and shapes of `shapes`.

        Raises
        ------
        ValueError
            Naming what is missing, unknown or of another shape.
        """
        check_kind("parameters", parameters, Mapping, "a dictionary of arrays by name")
        if parameters.keys() != self.shapes.keys():
            raise ValueError(
                f"parameters: found {sorted(parameters)}, expected {sorted(self.shapes)}"
            )
        xp, leads, parts = namespace(*parameters.values()), set(), []
        for name, (place, slot) in self.layout.named.items():
            found = tuple(parameters[name].shape)
            lead = found[: len(found) - len(slot.shape)]
            leads.add(lead)
            if found != (*lead, *slot.shape) or len(lead) > 1 or len(leads) > 1:
                raise ValueError(
                    f"parameters: {name} of {self.layout.describe(place)} has shape {found}, "
                    f"expected {slot.shape}"
                )
            parts.append(xp.reshape(parameters[name], (*lead, -1)))
        return xp.concat(parts, axis=-1)

    # ------------------------------------------------------------------ forward and backward

    def forward(
        self, theta: Vector, X: Matrix | Source, *, batch_size: int | None = None
    ) -> Matrix:
        """Return the logits: what the last layer gives, before the cost's output function.

        Parameters
        ----------
        theta : array, shape (size,)
        X : array or Source, shape (n_inputs, m)
        batch_size : int, optional
            How many examples are read and go through the layers at a time. Default: all of them.

        Returns
        -------
        array, shape (n_outputs, m)
        """
        X = self._check(theta, X, batch_size)
        xp = namespace(theta)
        parameters = self.layout.views(theta, xp)
        return propagation.logits(self, parameters, X, batch_size=batch_size, xp=xp)

    def predict(
        self, theta: Vector, X: Matrix | Source, *, batch_size: int | None = None
    ) -> Matrix:
        """Return the network's outputs: probabilities, or values.

        Parameters
        ----------
        theta, X, batch_size
            As in `forward`.

        Returns
        -------
        array, shape (n_outputs, m)
        """
        X = self._check(theta, X, batch_size)
        xp = namespace(theta)
        parameters = self.layout.views(theta, xp)
        return propagation.predictions(self, parameters, X, batch_size=batch_size, xp=xp)

    def evaluate_cost(
        self,
        theta: Vector,
        X: Matrix | Source,
        Y: Matrix | Source,
        weights: Vector | None = None,
        *,
        batch_size: int | None = None,
    ) -> Scalar:
        """Return the mean cost of the network as it predicts: no draws, running statistics.

        Parameters
        ----------
        theta, X, batch_size
            As in `forward`.
        Y : array or Source, shape (n_targets, m)
            Or class numbers, as in `train`.
        weights : array, shape (m,), optional

        Returns
        -------
        array, shape ()

        Raises
        ------
        ValueError
            Where shapes do not fit; where X, Y or the weights are not finite, the cost is not made
            for such targets, or no weight is above 0.
        """
        self._check(theta, X, batch_size)
        X, Y, weights = check_examples(self, X, Y, weights)
        check_values(self.cost, X, Y, weights)
        Z = self.forward(theta, finite_source(X), batch_size=batch_size)
        Y = checked_targets(self.cost, Y)
        return propagation.mean_cost(
            self.cost, Z, Y, weights, batch_size=batch_size, xp=namespace(Z)
        )

    def input_gradient(
        self,
        theta: Vector,
        X: Matrix | Source,
        output: int | Matrix,
        *,
        batch_size: int | None = None,
    ) -> Matrix:
        """Return the derivative of a logit with respect to X: what it looks at (a saliency map).

        It is that of the network as it predicts: no draws, running statistics.

        Parameters
        ----------
        theta, X, batch_size
            As in `forward`.
        output : int or array, shape (n_outputs, m)
            The row of the logit; or, for each example, how much of each logit is in the sum whose
            derivative is returned.

        Returns
        -------
        array, shape (n_inputs, m)

        Examples
        --------
        >>> import numpy as np
        >>> from dnn_xp import Dense, Network
        >>> network = Network(2, (Dense(1),), cost="sigmoid_cross_entropy")
        >>> theta, X = np.asarray([3.0, -1.0, 5.0]), np.asarray([[1.0, 0.0], [2.0, 4.0]])
        >>> network.input_gradient(theta, X, 0).tolist()
        [[3.0, 3.0], [-1.0, -1.0]]
        """
        X = self._check(theta, X, batch_size)
        check_floating("X", X.like if isinstance(X, Source) else X)
        xp = namespace(theta)
        parameters, dZ = self.layout.views(theta, xp), self._logit_gradient(X, output)
        return propagation.input_gradient(self, parameters, X, dZ, batch_size=batch_size, xp=xp)

    def _logit_gradient(self, X: Matrix | Source, output: int | Matrix) -> Matrix:
        """Return the derivative of what is asked for with respect to the logits."""
        like, shape = float_reference(self.layout, X), (self.n_outputs, X.shape[1])
        xp = namespace(like)
        if isinstance(output, Integral):
            row = int(output)
            if not 0 <= row < self.n_outputs:
                raise ValueError(
                    f"output: found {row}, expected a row from 0 to {self.n_outputs - 1}"
                )
            rows = xp.arange(self.n_outputs, dtype=like.dtype, device=device(like))
            marked = xp.astype(rows == row, like.dtype)
            return xp.broadcast_to(xp.reshape(marked, (-1, 1)), shape)
        dZ = asarray_like(output, like=like)
        if tuple(dZ.shape) != shape:
            raise ValueError(f"output: found shape {tuple(dZ.shape)}, expected {shape}")
        return dZ

    def cost_and_gradient(
        self,
        theta: Vector,
        X: Matrix,
        Y: Matrix,
        weights: Vector | None = None,
        *,
        seed: int = 0,
        step: int = 0,
    ) -> CostAndGradient:
        """Return the cost in training and its gradient, summed over examples.

        It is for loops of your own, in each step of which it may stand, compiled or not: it looks
        at shapes, and not at values.

        Parameters
        ----------
        theta : array, shape (size,)
        X : array, shape (n_inputs, m)
        Y : array, shape (n_targets, m)
        weights : array, shape (m,), optional
            Of each example. Default: 1.
        seed, step : int
            Where in a run the dropout masks are drawn; the same pair gives the same masks.

        Returns
        -------
        CostAndGradient

        Raises
        ------
        ValueError
            Where shapes do not fit: the layer, what came and what was expected.
        """
        check_theta(self.layout, theta, several=True)
        X, Y, weights = check_examples(self, X, Y, weights)
        check_library(theta, X)
        xp, key = namespace(X), None
        seed, step = check_whole("seed", seed, 0), check_whole("step", step, 0)
        if self.is_random:
            examples = xp.arange(X.shape[1], dtype=xp.int32, device=device(X))
            key = make_key(seed, step, examples, xp=xp)
        return propagation.cost_and_gradient(self, theta, X, Y, weights, key, xp=xp)

    def _check(
        self, theta: Vector, X: Matrix | Source, batch_size: int | None = None
    ) -> Matrix | Source:
        check_theta(self.layout, theta, several=True)
        if batch_size is not None:
            check_whole("batch_size", batch_size, 1)
        X = check_data(self.layout, X)[0]
        check_library(theta, X, by_block=True)
        return X
