"""What `dnn-xp verify` finds out, on every library; and that it finds what is wrong."""

from itertools import chain

import numpy as np
import pytest

from dnn_xp.app import verification
from dnn_xp.article.cases import CHECKS
from dnn_xp.functions.activations import ACTIVATIONS
from dnn_xp.functions.costs import COSTS


def compare_all():
    return list(chain.from_iterable(verification.comparisons()))


def compare_off():
    return [comparison for comparison in compare_all() if not comparison.ok]


def test_everything_is_as_it_must_be(library):
    assert compare_off() == []


def test_everything_is_looked_at(library):
    printed = sum(len(check.expected) for check in CHECKS)
    assert len(compare_all()) == printed + len(COSTS) + len(ACTIVATIONS)
    assert len(list(verification.comparisons())) == verification.count()
    assert len({comparison.name for comparison in compare_all()}) == len(compare_all())


def test_a_wrong_number_is_found(library, monkeypatch):
    first = CHECKS[0]

    def off_in_the_last_digit():
        computed = first.compute()
        W1 = computed["W1"]
        return {**computed, "W1": W1 + 2.1e-8 * W1 / W1}

    monkeypatch.setattr(
        verification, "CHECKS", (first._replace(compute=off_in_the_last_digit), *CHECKS[1:])
    )
    (off,) = compare_off()
    assert off.name == f"{first.name} W1"
    assert off.difference == pytest.approx(2.1e-8, abs=0.5e-8)
    assert off.value - off.expected == pytest.approx(off.difference)


def test_a_value_that_is_no_number_is_found(library, monkeypatch):
    first = CHECKS[0]

    def undefined():
        computed = first.compute()
        return {**computed, "W2": computed["W2"] * float("nan")}

    monkeypatch.setattr(verification, "CHECKS", (first._replace(compute=undefined),))
    (off,) = compare_off()
    assert off.name == f"{first.name} W2"
    assert np.isnan(off.value)


def test_a_wrong_gradient_is_found(library, monkeypatch):
    gelu = ACTIVATIONS["gelu"]

    def one_in_a_million(dA, Z, A, *, xp=None):
        return 1.000001 * gelu.derivative(dA, Z, A, xp=xp)

    monkeypatch.setitem(ACTIVATIONS, "gelu", gelu._replace(derivative=one_in_a_million))
    (off,) = compare_off()
    assert off.name == "gradient of gelu"
    assert off.difference > verification.GRADIENT_TOLERANCE


def test_an_operation_that_is_missing_is_told_and_the_rest_goes_on(library, monkeypatch):
    def missing(Z, *, xp=None):
        raise AttributeError("module has no attribute 'tanh'")

    monkeypatch.setitem(ACTIVATIONS, "tanh", ACTIVATIONS["tanh"]._replace(function=missing))
    broken = compare_off()
    # The networks that the costs are tried on have it, too.
    assert {comparison.name for comparison in broken} == {
        "gradient of tanh",
        *(f"gradient of {cost}" for cost in COSTS),
    }
    assert {comparison.problem for comparison in broken} == {
        "AttributeError: module has no attribute 'tanh'"
    }
    assert len(compare_all()) > len(broken) + 20


def test_another_shape_is_found(library, monkeypatch):
    first = CHECKS[0]
    flat = first._replace(compute=lambda: {name: x[0, :] for name, x in first.compute().items()})
    monkeypatch.setattr(verification, "CHECKS", (flat, *CHECKS[1:]))
    (off,) = compare_off()
    assert off.name == first.name
    assert "found shape (3,), expected (2, 3)" in off.problem
