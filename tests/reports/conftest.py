"""Pictures are drawn without a window, and leave nothing behind."""

import pytest


@pytest.fixture(autouse=True)
def agg():
    """Draw without a window, and leave no figure behind, nor settings of Matplotlib."""
    matplotlib = pytest.importorskip("matplotlib", reason="the pictures need matplotlib")
    from matplotlib import pyplot

    matplotlib.use("Agg")
    before = {name: value for name, value in matplotlib.rcParams.items() if name != "backend"}
    yield
    assert {name: matplotlib.rcParams[name] for name in before} == before
    assert pyplot.get_fignums() == []
