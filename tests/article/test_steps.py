"""The functions of Part 1: their signatures, what they leave alone, and what they refuse."""

import inspect

import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.article import cases, steps
from tests.helpers import assert_close, assert_values

# As the article writes them. Its "temperarory_holder" is a cache, its "C_Gradient" is dZ.
SIGNATURES = {
    "sigmoid": "Z",
    "back_sigmoid": "dA, cache",
    "relu": "Z",
    "back_relu": "dA, cache",
    "initialize_parameters": "n_x, n_h, n_y",
    "initialize_parameters_deep": "layer_dims",
    "linear_forward": "A, W, b",
    "linear_activation_forward": "A_prev, W, b, activation",
    "L_model_forward": "X, parameters",
    "compute_cost": "AL, Y",
    "linear_backward": "dZ, cache",
    "linear_activation_backward": "dA, cache, activation",
    "L_model_backward": "AL, Y, caches",
    "update_parameters": "parameters, grads, learning_rate",
    "print_grads": "grads",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_article_steps_positional_arguments_are_the_articles(name):
    parameters = inspect.signature(getattr(steps, name)).parameters.values()
    positional = [one for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert ", ".join(one.name for one in positional) == SIGNATURES[name]
    assert all(one.default is one.empty for one in positional)
    assert all(one.kind is one.KEYWORD_ONLY for one in parameters if one not in positional)


# ----------------------------------------------------------------------------- forward


@pytest.mark.parametrize("name", ["sigmoid", "relu"])
def test_activations_return_z_as_their_cache(name, array, dtype):
    Z = array([[-2.0, 0.0, 3.0]], dtype)
    A, cache = getattr(steps, name)(Z)
    assert cache is Z
    expected = {
        "sigmoid": [[1 / (1 + np.exp(2.0)), 0.5, 1 / (1 + np.exp(-3.0))]],
        "relu": [[0.0, 0.0, 3.0]],
    }
    assert_close(A, array(expected[name], dtype))


@pytest.mark.parametrize("name", ["sigmoid", "relu"])
def test_activations_of_huge_numbers_are_silent(name, array, dtype):
    Z = array([[-1e4, 1e4]], dtype)
    A, _ = getattr(steps, name)(Z)
    assert_close(A, array([[0.0, 1.0 if name == "sigmoid" else 1e4]], dtype))
    dZ = getattr(steps, f"back_{name}")(array([[2.0, 2.0]], dtype), Z)
    assert_close(dZ, array([[0.0, 0.0 if name == "sigmoid" else 2.0]], dtype))


def test_relu_has_no_slope_at_zero(array):
    dZ = steps.back_relu(array([[5.0, 6.0, 7.0]]), array([[-1.0, 0.0, 1.0]]))
    assert_values(dZ, [[0.0, 0.0, 7.0]], rtol=0.0)


def test_forward_returns_a_cache_a_layer_that_unpacks(xp):
    X, parameters = cases.L_model_forward_test_case()
    AL, caches = steps.L_model_forward(X, parameters)
    assert tuple(AL.shape) == (1, 2)
    assert len(caches) == 2
    (A0, W1, b1), Z1 = caches[0]
    (A1, W2, b2), Z2 = caches[1]
    for cached, expected in (
        (A0, X),
        (W1, parameters["W1"]),
        (b1, parameters["b1"]),
        (Z1, parameters["W1"] @ X + parameters["b1"]),
        (A1, xp.maximum(Z1, 0.0)),
        (W2, parameters["W2"]),
        (b2, parameters["b2"]),
        (Z2, parameters["W2"] @ A1 + parameters["b2"]),
    ):
        assert_close(cached, expected)


def test_forward_brings_host_data_to_the_parameters(xp, device):
    X, parameters = cases.L_model_forward_test_case()
    expected, _ = steps.L_model_forward(X, parameters)
    AL, _ = steps.L_model_forward(backends.to_host(X), parameters)
    assert_close(AL, expected)


@pytest.mark.parametrize("activation", ["tanh", "Sigmoid", ""])
def test_an_unknown_activation_is_named(activation, xp):
    A_prev, W, b = cases.linear_activation_forward_test_case()
    with pytest.raises(ValueError, match=f"found '{activation}', expected 'sigmoid' or 'relu'"):
        steps.linear_activation_forward(A_prev, W, b, activation)
    dA, cache = cases.linear_activation_backward_test_case()
    with pytest.raises(ValueError, match=f"found '{activation}', expected 'sigmoid' or 'relu'"):
        steps.linear_activation_backward(dA, cache, activation)


# ----------------------------------------------------------------------------- cost


def test_cost_is_a_number_without_dimensions(array, dtype):
    cost = steps.compute_cost(array([[0.5, 0.25]], dtype), array([[1, 0]]))
    assert_close(cost, array(-(np.log(0.5) + np.log(0.75)) / 2, dtype))


def test_cost_and_gradient_are_finite_at_zero_and_one(array, dtype, xp):
    AL, Y = array([[0.0, 1.0, 0.0, 1.0]], dtype), array([[0, 1, 1, 0]])
    assert np.isfinite(float(steps.compute_cost(AL, Y)))
    perfect = steps.compute_cost(array([[0.0, 1.0]], dtype), array([[0, 1]]))
    assert_close(perfect, array(0.0, dtype))
    W, b = array([[1.0]], dtype), array([[0.0]], dtype)
    X = array([[-1e4, 1e4, -1e4, 1e4]], dtype)
    AL, caches = steps.L_model_forward(X, {"W1": W, "b1": b})
    assert_close(AL, array([[0.0, 1.0, 0.0, 1.0]], dtype))
    grads = steps.L_model_backward(AL, Y, caches)
    assert all(bool(xp.all(xp.isfinite(one))) for one in grads.values())


# ----------------------------------------------------------------------------- backward


def test_gradients_have_their_mathematical_names(xp):
    X, parameters = cases.L_model_forward_test_case_2hidden()
    Y = backends.from_host([[1, 0, 0, 1]])
    AL, caches = steps.L_model_forward(X, parameters)
    grads = steps.L_model_backward(AL, Y, caches)
    assert set(grads) == {
        *(f"d{name}" for name in parameters),
        *(f"dA{layer}" for layer in range(4)),
    }
    for name, value in parameters.items():
        assert grads[f"d{name}"].shape == value.shape
    for layer, A in enumerate([cache.linear.A_prev for cache in caches] + [AL]):
        assert grads[f"dA{layer}"].shape == A.shape


def test_gradients_are_those_of_the_cost(xp, array):
    X, parameters = cases.L_model_forward_test_case_2hidden()
    Y = backends.from_host([[1, 0, 0, 1]])
    AL, caches = steps.L_model_forward(X, parameters)
    grads = steps.L_model_backward(AL, Y, caches)
    grads["dX"] = grads["dA0"] / X.shape[1]  # dA belongs to each example, the cost is their mean

    def cost(moved):
        AL, _ = steps.L_model_forward(moved["X"], {k: v for k, v in moved.items() if k != "X"})
        return float(steps.compute_cost(AL, Y))

    rng, length = np.random.default_rng(0), 1e-6
    at = {**parameters, "X": X}
    for name, value in at.items():
        direction = array(rng.standard_normal(value.shape))
        ahead = cost({**at, name: value + length * direction})
        behind = cost({**at, name: value - length * direction})
        slope = float(xp.sum(grads[f"d{name}"] * direction))
        # A central difference of this length is right to about 1e-9 in float64.
        assert slope == pytest.approx((ahead - behind) / (2 * length), rel=1e-6, abs=1e-9)


def test_al_need_not_be_the_sigmoid_of_the_last_z(xp, array):
    AL, Y, caches = cases.L_model_backward_test_case()
    grads = steps.L_model_backward(AL, Y, caches)
    A, y = backends.to_host(AL), backends.to_host(Y)
    assert_values(grads["dA2"], -(y / A - (1 - y) / (1 - A)))


def test_labels_may_have_one_dimension(array):
    AL, Y, caches = cases.L_model_backward_test_case()
    flat = steps.L_model_backward(AL, array([1, 0]), caches)
    for name, expected in steps.L_model_backward(AL, Y, caches).items():
        assert_close(flat[name], expected, rtol=0.0)


def test_plain_tuples_are_caches(xp):
    AL, Y, (((A1, W1, b1), Z1), ((A2, W2, b2), Z2)) = cases.L_model_backward_test_case()
    plain = (((A1, W1, b1), Z1), ((A2, W2, b2), Z2))
    grads = steps.L_model_backward(AL, Y, plain)
    expected = steps.L_model_backward(*cases.L_model_backward_test_case())
    for name, value in expected.items():
        assert_close(grads[name], value, rtol=0.0)


def test_print_grads_prints_the_articles_lines(capsys, xp):
    steps.print_grads(steps.L_model_backward(*cases.L_model_backward_test_case()))
    assert (
        capsys.readouterr().out
        == """\
dW1 = [[0.41010002 0.07807203 0.13798444 0.10502167]
 [0.         0.         0.         0.        ]
 [0.05283652 0.01005865 0.01777766 0.0135308 ]]
db1 = [[-0.22007063]
 [ 0.        ]
 [-0.02835349]]
dA1 = [[ 0.12913162 -0.44014127]
 [-0.14175655  0.48317296]
 [ 0.01663708 -0.05670698]]
"""
    )


# ----------------------------------------------------------------------------- nothing is changed


def test_no_step_changes_what_it_is_given(xp):
    def copies(*nested):
        return [np.array(backends.to_host(one)) for one in leaves(nested)]

    def leaves(nested):
        if isinstance(nested, dict):
            nested = tuple(nested.values())
        if isinstance(nested, tuple | list):
            return [one for part in nested for one in leaves(part)]
        return [nested]

    X, parameters = cases.L_model_forward_test_case_2hidden()
    Y = backends.from_host([[1, 0, 0, 1]])
    AL, caches = steps.L_model_forward(X, parameters)
    grads = steps.L_model_backward(AL, Y, caches)
    dA, cache = cases.linear_activation_backward_test_case()
    given = (X, parameters, Y, AL, caches, grads, dA, cache)
    before = copies(*given)

    steps.compute_cost(AL, Y)
    steps.L_model_backward(AL, Y, caches)
    steps.linear_activation_backward(dA, cache, "relu")
    steps.linear_activation_backward(dA, cache, "sigmoid")
    after = steps.update_parameters(parameters, grads, 0.1)

    for old, new in zip(before, copies(*given), strict=True):
        np.testing.assert_array_equal(new, old)
    assert all(after[name] is not parameters[name] for name in parameters)


def test_read_only_arrays_are_enough(array):
    parameters, grads = cases.update_parameters_test_case()
    parameters, grads = (
        {name: array(backends.to_host(value)) for name, value in one.items()}
        for one in (parameters, grads)
    )
    expected = steps.update_parameters(*cases.update_parameters_test_case(), 0.1)
    for name, value in steps.update_parameters(parameters, grads, 0.1).items():
        assert_values(value, backends.to_host(expected[name]), rtol=0.0)


# ----------------------------------------------------------------------------- initialization


def test_parameters_are_made_on_the_current_backend_in_float64(xp, device):
    made = [
        *steps.initialize_parameters(3, 2, 1).values(),
        *steps.initialize_parameters_deep([5, 4, 3]).values(),
    ]
    for one in made:
        assert backends.namespace(one) is xp
        assert one.dtype == xp.float64
        assert backends.device(one) == device


def test_parameters_in_another_dtype_are_the_same_draws(xp):
    double = steps.initialize_parameters(3, 2, 1)
    for name, single in steps.initialize_parameters(3, 2, 1, dtype="float32").items():
        assert single.dtype == xp.float32
        assert_values(single, backends.to_host(double[name]).astype(np.float32), rtol=0.0)


def test_seed_and_scale_are_choices(xp):
    small = steps.initialize_parameters_deep([4, 3, 1])
    assert_values(small["W1"], 0.01 * np.random.RandomState(3).randn(3, 4), rtol=0.0)

    by_inputs = steps.initialize_parameters_deep([4, 3, 1], seed=1, scale="1/sqrt(n_prev)")
    rng = np.random.RandomState(1)
    assert_values(by_inputs["W1"], rng.randn(3, 4) / 2.0, rtol=0.0)
    assert_values(by_inputs["W2"], rng.randn(1, 3) / 3.0**0.5, rtol=0.0)

    large = steps.initialize_parameters(4, 3, 1, seed=7, scale=2.0)
    assert_values(large["W1"], 2.0 * np.random.RandomState(7).randn(3, 4), rtol=0.0)


@pytest.mark.parametrize("scale", ["1/sqrt", None])
def test_an_unknown_scale_is_refused(scale):
    with pytest.raises(ValueError, match=r"scale: found .*expected a number"):
        steps.initialize_parameters_deep([4, 3, 1], scale=scale)


def test_jax_without_x64_says_so():
    jax = pytest.importorskip("jax")
    with (
        jax.enable_x64(False),
        backends.use_backend("jax"),
        pytest.raises(backends.BackendError, match="JAX_ENABLE_X64=1"),
    ):
        steps.initialize_parameters(3, 2, 1)
