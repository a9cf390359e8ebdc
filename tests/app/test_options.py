"""Which backend a command runs on: the option, else the environment, else the default."""

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp import backends
from dnn_xp.app.errors import UserError
from dnn_xp.app.options import computing

pytestmark = pytest.mark.usefixtures("bare")


def test_the_option_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("DNN_XP_BACKEND", "abacus")
    with computing("numpy", None) as backend:
        assert backend.name == "numpy"
        assert backends.current_backend() is backend


def test_the_environment_goes_before_the_default(monkeypatch):
    monkeypatch.setenv("DNN_XP_BACKEND", "numpy")
    monkeypatch.setenv("DNN_XP_DEVICE", "cpu")
    with computing(None, None) as backend:
        assert backend == backends.open_backend("numpy", "cpu")


def test_afterwards_the_backend_is_what_it_was():
    with backends.use_backend("numpy") as before:
        with computing("numpy", "cpu"):
            assert backends.current_backend() != before
        assert backends.current_backend() is before


def test_an_error_says_where_the_name_comes_from(monkeypatch):
    monkeypatch.setenv("DNN_XP_BACKEND", "abacus")
    with (
        pytest.raises(UserError, match=r"'abacus'.*\(from DNN_XP_BACKEND\)"),
        computing(None, None),
    ):
        pass
    with pytest.raises(UserError, match=r"'sliderule'.*array-api-strict$"):
        computing("sliderule", None).__enter__()


def test_float64_is_there_where_it_is_asked_for(library):
    with computing(library.backend, library.device):
        assert backends.dtype_name(backends.from_host(1.0, dtype="float64").dtype) == "float64"
