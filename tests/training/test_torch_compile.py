"""``train(compile=True)`` on PyTorch: the numbers of the plain step, also where a run is taken up.

Compiling takes half a minute for the smallest of networks, and some seconds the next time.
"""

import os
import shutil

import pytest

from dnn_xp import Dense, Network, sgd, train
from tests.helpers import assert_close

NET = Network(3, (Dense(2, "tanh"), Dense(1)), "sigmoid_cross_entropy")


@pytest.fixture
def data(array, library):
    if library.backend != "torch":
        pytest.skip("only PyTorch compiles on request")
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        pytest.skip(f"PyTorch compiles by way of C++, and there is no {compiler} here")
    X = array([[0.5, -1.0, 2.0, 0.1, -0.3], [1.0, 1.5, -0.5, 0.2, 0.7], [0.3, 0.0, -1.0, 1.0, 0.4]])
    return X, array([[1.0, 0.0, 1.0, 1.0, 0.0]])


# Of what PyTorch itself loads, and of how it sees array-api-compat.
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`:UserWarning")
def test_a_compiled_run_has_the_plain_ones_numbers_and_is_taken_up(data):
    from torch._dynamo.utils import counters

    counters.clear()
    options = {"optimizer": sgd(0.5), "epochs": 4}
    plain = train(NET, *data, **options)
    assert not counters["stats"]
    compiled = train(NET, *data, **options, compile=True)
    assert counters["stats"]["unique_graphs"] > 0
    assert compiled.history["cost"] == pytest.approx(plain.history["cost"], rel=1e-13)
    assert_close(compiled.theta, plain.theta, rtol=1e-13, atol=1e-15)
    half = train(NET, *data, **options | {"epochs": 2}, compile=True)
    whole = train(NET, *data, **options, compile=True, resume=half.progress)
    assert_close(whole.theta, compiled.theta, rtol=0)
    assert whole.history == compiled.history
