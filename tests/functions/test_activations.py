"""Activations: values, derivatives, and what happens far out."""

import math

import numpy as np
import pytest

from dnn_xp.functions.activations import ACTIVATIONS, ActivationFunction, find_activation, softmax
from tests import oracles
from tests.helpers import assert_close, assert_values


def sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def softplus(z):
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def elu(z, alpha=1.0):
    return z if z > 0 else alpha * math.expm1(z)


GELU_TANH = math.sqrt(2 / math.pi)
# One number at a time, with Python's own mathematics.
FORMULAS = {
    "identity": lambda z: z,
    "sigmoid": sigmoid,
    "tanh": math.tanh,
    "relu": lambda z: z if z > 0 else 0.0,
    "leaky_relu": lambda z, slope=0.01: z if z > 0 else slope * z,
    "elu": elu,
    # Klambauer et al. 2017, equation 14, with the digits of the paper's appendix.
    "selu": lambda z: 1.0507009873554805 * elu(z, 1.6732632423543772),
    "gelu": lambda z: 0.5 * z * math.erfc(-z / math.sqrt(2)),
    "gelu_tanh": lambda z: 0.5 * z * (1 + math.tanh(GELU_TANH * (z + 0.044715 * z**3))),
    "silu": lambda z: z * sigmoid(z),
    "softplus": softplus,
    "mish": lambda z: z * math.tanh(softplus(z)),
}
SPECS = [*FORMULAS, ("leaky_relu", 0.2), ("elu", 2.0)]
KINKED = {"relu", "leaky_relu", "elu", "selu"}  # their derivative jumps at 0

FAR = [1e-30, 1e-4, 20.0, 80.0, 100.0, 300.0, 750.0, 1e4]
POINTS = [0.0, -0.0, *np.linspace(-12.0, 12.0, 97).tolist(), *FAR, *(-z for z in FAR)]

specs = pytest.mark.parametrize("spec", SPECS, ids=str)


def apply(spec, Z):
    """Return A and the derivative with respect to Z at each element."""
    one = find_activation(spec)
    A = one.function(Z, *one.parameters)
    return A, lambda dA: one.derivative(dA, Z, A, *one.parameters)


def test_every_activation_is_tested():
    assert set(FORMULAS) == set(ACTIVATIONS)


@specs
def test_values_near_and_far(array, dtype, spec):
    """Also without a warning, and of Z's dtype."""
    Z = array(POINTS, dtype)
    A, _ = apply(spec, Z)
    one = find_activation(spec)
    desired = [FORMULAS[one.name](z, *one.parameters) for z in np.array(POINTS, dtype).tolist()]
    # Each formula is a handful of roundings; the gelus lose digits, relative to Z, where A
    # nearly vanishes.
    eps = float(np.finfo(dtype).eps)
    assert_close(A, array(desired, dtype), rtol=16 * eps, atol=16 * eps)


@specs
def test_derivative_is_finite_far_out(array, dtype, xp, spec):
    Z = array(POINTS, dtype)
    _, back = apply(spec, Z)
    slope = back(xp.ones_like(Z))
    assert slope.dtype == Z.dtype
    assert bool(xp.all(xp.isfinite(slope)))
    # Every slope lies between those of the steepest activations, elu(2) and gelu.
    assert float(xp.min(slope)) > -0.2
    assert float(xp.max(slope)) <= 2.0


@specs
def test_derivative_is_that_of_the_function(array, spec):
    h = 1e-5
    points = np.linspace(-6.0, 6.0, 60)  # 0 is not among them
    _, back = apply(spec, array(points))
    (above, _), (below, _) = apply(spec, array(points + h)), apply(spec, array(points - h))
    dA = np.random.default_rng(0).normal(size=60)
    # Truncation is h^2 / 6 times a third derivative; rounding is eps * |A| / h = 1.3e-10.
    assert_close(back(array(dA)), array(dA) * (above - below) / (2 * h), atol=1e-9)


@pytest.mark.parametrize("oracle", oracles.ORACLES)
@specs
def test_activation_derivative_is_that_of_automatic_differentiation(array, spec, oracle):
    one, oracle = find_activation(spec), oracles.load(oracle)
    points = np.array([*np.linspace(-30.0, 30.0, 240), *([] if one.name in KINKED else [0.0])])
    dA = np.random.default_rng(0).normal(size=points.size)
    _, back = apply(spec, array(points))
    function = oracle.activations[one.name]
    desired = oracle.gradient(
        lambda Z: (oracle.array(dA) * function(Z, *one.parameters)).sum(), points
    )
    assert_values(back(array(dA)), desired, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("spec", ["relu", ("leaky_relu", 0.2)], ids=str)
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_slope_at_the_kink_is_the_one_from_the_left(array, spec, zero):
    _, back = apply(spec, array([zero]))
    assert_values(back(array([1.0])), [0.0 if spec == "relu" else 0.2])


def test_softmax(array, dtype):
    logs = np.log([[1.0, 2.0], [2.0, 2.0], [5.0, 4.0]])
    desired = np.array([[0.125, 0.25], [0.25, 0.25], [0.625, 0.5]], dtype)
    assert_close(softmax(array(logs, dtype)), array(desired))
    # The same for logits moved by a constant, up to the digits that the sum loses.
    assert_close(softmax(array(logs + np.array([100.0, -100.0]), dtype)), array(desired))


def test_softmax_far_out(array, dtype):
    Z = array([[1e4, -1e4, 0.0, 1e4], [-1e4, -1e4, 1e4, 0.0]], dtype)
    assert_values(softmax(Z), [[1.0, 0.5, 0.0, 1.0], [0.0, 0.5, 1.0, 0.0]])


# ----------------------------------------------------------------------------- names


def test_activation_names_and_parameters():
    assert find_activation("leaky_relu").parameters == (0.01,)
    assert find_activation(("leaky_relu", 0.2)).parameters == (0.2,)
    own = ActivationFunction("cube", lambda Z, xp: Z**3, lambda dA, Z, A, xp: 3 * Z**2 * dA)
    assert find_activation(own) is own


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rleu", "found 'rleu', expected one of identity, sigmoid"),
        ("softmax", "cost='softmax_cross_entropy'"),
        (("relu", 0.1), "'relu' takes no parameter"),
        (("elu", 0.1, 0.2), "takes no parameter"),
    ],
)
def test_activation_unknown_names_are_refused(spec, message):
    with pytest.raises(ValueError, match=f"^activation: .*({message})"):
        find_activation(spec)
