"""What a kept model is shown: the part that was held out, or other data; some of what is large."""

from contextlib import ExitStack

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.shown_examples import load_shown
from dnn_xp.app.use import DataOptions
from dnn_xp.models import load_model

pytestmark = pytest.mark.once

SMALL = ("--layers", "4", "--epochs", "1", "--backend", "numpy", "--batch-size", "20")


@pytest.fixture
def show(dnn_xp, tmp_path):
    """Return ``show("data.npz")``: what the model of data.npz is shown."""
    x = np.random.default_rng(0).normal(size=(50, 2))
    np.savez(tmp_path / "data.npz", x=x, y=x[:, 0])
    np.savez(tmp_path / "new.npz", x=x[:7], y=x[:7, 0])
    assert dnn_xp("train", "data.npz", *SMALL, "--run", "r").code == 0
    model = load_model(tmp_path / "r" / "model.h5")

    def shown(data, **more):
        options = DataOptions(data, None, None, None, None, False)
        with ExitStack() as opened:
            return load_shown(model, options, opened, lambda done, total: None, **more)

    return shown


def test_of_the_data_of_the_training_it_is_what_was_held_out(show):
    found = show("data.npz")
    assert (found.name, found.is_held_out, found.training) == ("data.npz, held out", True, None)
    assert found.part.X.shape == (2, 10)
    found = show("data.npz", with_training=True)
    assert found.training.name == "data.npz, training"
    assert found.training.part.X.shape == (2, 40)


def test_of_other_data_it_is_all(show):
    found = show("new.npz", with_training=True)
    assert (found.name, found.is_held_out, found.training) == ("new.npz", False, None)
    assert found.part.X.shape == (2, 7)


def test_what_does_not_fit_is_refused(show, tmp_path):
    np.savez(tmp_path / "wide.npz", x=np.zeros((9, 3)), y=np.arange(9) / 7)
    with pytest.raises(ValueError, match="3"):
        show("wide.npz")
