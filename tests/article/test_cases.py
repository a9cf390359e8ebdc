"""Every number that the article prints, on every library, and the cases that give them."""

import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.article import cases
from dnn_xp.article.cases import CHECKS, PUBLISHED
from tests.helpers import assert_values

# The article's own drawing, written down once more: name, seed, shapes in the order drawn.
DRAWN = {
    "linear_forward_test_case": (1, [(3, 2), (1, 3), (1, 1)]),
    "linear_activation_forward_test_case": (2, [(3, 2), (1, 3), (1, 1)]),
    "L_model_forward_test_case": (1, [(4, 2), (3, 4), (3, 1), (1, 3), (1, 1)]),
    "L_model_forward_test_case_2hidden": (
        6,
        [(5, 4), (4, 5), (4, 1), (3, 4), (3, 1), (1, 3), (1, 1)],
    ),
    "linear_backward_test_case": (1, [(1, 2), (3, 2), (1, 3), (1, 1)]),
    "linear_activation_backward_test_case": (2, [(1, 2), (3, 2), (1, 3), (1, 1), (1, 2)]),
    "L_model_backward_test_case": (
        3,
        [(1, 2), (4, 2), (3, 4), (3, 1), (3, 2), (3, 2), (1, 3), (1, 1), (1, 2)],
    ),
}


def flat(value):
    """Return the floating arrays of nested tuples and dictionaries, in order."""
    if isinstance(value, tuple):
        return [one for part in value for one in flat(part)]
    if isinstance(value, dict):
        return flat(tuple(value.values()))
    return [value] if "float" in str(value.dtype) else []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_printed_numbers_to_their_last_digit(check, xp):
    printed = check.compute()
    assert printed.keys() == check.expected.keys()
    for name, expected in check.expected.items():
        assert backends.namespace(printed[name]) is xp
        assert_values(printed[name], expected, rtol=0.0, atol=check.tolerance)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_one_more_in_the_last_digit_is_off(check):
    with backends.use_backend("numpy"):
        printed = check.compute()
    for name, expected in check.expected.items():
        # 17 decimals are more than float64 resolves: there, the last digit but one.
        digit = 10.0 ** -min(check.decimals, 15)
        difference = np.abs(printed[name] - (np.asarray(expected) + digit))
        assert np.all(difference > check.tolerance)


@pytest.mark.parametrize("name", DRAWN)
def test_a_case_is_drawn_as_after_numpy_random_seed(name, xp):
    seed, shapes = DRAWN[name]
    rng = np.random.RandomState(seed)
    made = flat(getattr(cases, name)())
    assert len(made) == len(shapes)
    for array, shape in zip(made, shapes, strict=True):
        assert backends.namespace(array) is xp
        assert_values(array, rng.randn(*shape), rtol=0.0)


def test_the_case_of_the_update_draws_from_two_seeds(xp):
    parameters, grads = cases.update_parameters_test_case()
    shapes = [(3, 4), (3, 1), (1, 3), (1, 1)]
    for seed, made in ((2, parameters), (3, grads)):
        rng = np.random.RandomState(seed)
        for array, shape in zip(made.values(), shapes, strict=True):
            assert_values(array, rng.randn(*shape), rtol=0.0)
    assert list(parameters) == ["W1", "b1", "W2", "b2"]
    assert list(grads) == ["dW1", "db1", "dW2", "db2"]


def test_labels_are_integers_as_in_the_article(xp):
    Y, AL = cases.compute_cost_test_case()
    assert_values(Y, [[1, 1, 1]])
    assert_values(AL, [[0.8, 0.9, 0.4]], rtol=0.0)
    assert_values(cases.L_model_backward_test_case()[1], [[1, 0]])
    assert xp.isdtype(Y.dtype, "integral")


def test_caches_unpack_as_nested_tuples(xp):
    _, _, (((A1, W1, b1), Z1), ((A2, W2, b2), Z2)) = cases.L_model_backward_test_case()
    assert [tuple(x.shape) for x in (A1, W1, b1, Z1)] == [(4, 2), (3, 4), (3, 1), (3, 2)]
    assert [tuple(x.shape) for x in (A2, W2, b2, Z2)] == [(3, 2), (1, 3), (1, 1), (1, 2)]


def test_the_global_random_state_stays():
    state = np.random.get_state()
    with backends.use_backend("numpy"):
        for check in CHECKS:
            check.compute()
    assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state(), strict=True))


def test_the_published_tables_are_whole():
    assert [len(one.costs) for one in PUBLISHED] == [25, 25]
    assert all(one.num_iterations == 2500 for one in PUBLISHED)
