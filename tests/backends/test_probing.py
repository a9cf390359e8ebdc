"""What each library is here."""

import sys
from importlib import util

from dnn_xp import backends


def test_probe_reports_each_backend_once():
    reports = backends.probe_backends()
    assert tuple(report.name for report in reports) == backends.BACKENDS
    assert all(report.problem or report.devices for report in reports)


def test_probe_says_what_the_library_is(library):
    (report,) = (one for one in backends.probe_backends() if one.name == library.backend)
    assert report.problem is None
    assert report.version[0].isdigit()
    assert report.standard >= "2024.12"
    assert report.default_dtype in ("float32", "float64")
    made = backends.current_backend().xp.zeros(1)
    assert str(made.dtype).endswith(report.default_dtype)


def test_probe_says_why_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "array_api_compat.dask.array", None)
    (report,) = (one for one in backends.probe_backends() if one.name == "dask")
    assert "not installed" in report.problem


def test_probe_says_how_to_install_what_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "array_api_compat.dask.array", None)
    real = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "dask" else real(name))
    for report in backends.probe_backends():
        if report.name == "dask":
            assert report.install == "pip install 'dnn-xp[dask]'"
        elif report.problem is None:
            assert report.install is None
