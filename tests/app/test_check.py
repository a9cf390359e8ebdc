"""``dnn-xp backends`` and ``dnn-xp verify``."""

import json
import re

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp import backends
from dnn_xp.functions.activations import ACTIVATIONS


def test_backends_lists_each_library(dnn_xp, monkeypatch):
    monkeypatch.setenv("DNN_XP_BACKEND", "numpy")
    code, out, err = dnn_xp("backends")
    assert (code, err) == (0, "")
    heading, *lines = out.splitlines()
    missing = [probe for probe in backends.probe_backends() if probe.install]
    words = ["backend", "version", "standard", "default", "dtype", "devices"]
    assert heading.split() == words + (["install", "with"] if missing else [])
    listed = {line[3:].split()[0]: line for line in lines[: len(backends.BACKENDS)]}
    assert tuple(listed) == backends.BACKENDS
    assert [name for name, line in listed.items() if line.startswith("*")] == ["numpy"]
    for probe in backends.probe_backends():
        if probe.problem is None:
            assert re.search(rf"{re.escape(probe.version)} +\d{{4}}\.12 ", listed[probe.name])
        else:
            said = [probe.name, "-", "-", "-", "none", *(probe.install or "").split()]
            assert listed[probe.name].split() == said
    assert len(lines) == len(backends.BACKENDS) + sum(
        probe.problem is not None and probe.install is None for probe in backends.probe_backends()
    )


LACKING = [
    backends.BackendReport("numpy", "2.4.6", "2025.12", ("cpu",), "float64", None),
    backends.BackendReport(
        "cupy", "", "", (), "", "backend 'cupy' is not installed", "pip install 'a' or 'b'"
    ),
    backends.BackendReport("torch", "", "", (), "", "backend 'torch' does not load: OSError()"),
]


def test_backends_says_each_thing_once(dnn_xp, monkeypatch):
    """What is not installed in its row; what is, and does not load, in a line of its own."""
    monkeypatch.setenv("DNN_XP_BACKEND", "numpy")
    monkeypatch.setattr("dnn_xp.app.check.probe_backends", lambda: LACKING)
    code, out, err = dnn_xp("backends")
    assert (code, err) == (0, "")
    heading, numpy, cupy, torch, problem = out.splitlines()
    assert heading.endswith("install with")
    assert numpy.split() == ["*", "numpy", "2.4.6", "2025.12", "float64", "cpu"]
    assert cupy.split() == ["cupy", "-", "-", "-", "none", "pip", "install", "'a'", "or", "'b'"]
    assert torch.split() == ["torch", "-", "-", "-", "none"]
    assert problem == "torch: backend 'torch' does not load: OSError()"


def test_where_all_is_installed_there_is_no_such_column(dnn_xp, monkeypatch):
    monkeypatch.setenv("DNN_XP_BACKEND", "numpy")
    monkeypatch.setattr("dnn_xp.app.check.probe_backends", lambda: LACKING[:1])
    assert "install" not in dnn_xp("backends").out


def test_verify(dnn_xp, library):
    device = ("--device", library.device) if library.device else ()
    code, out, err = dnn_xp("verify", "--backend", library.backend, *device)
    assert (code, err) == (0, "")
    checked = re.findall(r" (ok|off|error)$", out, re.MULTILINE)
    assert set(checked) == {"ok"}
    assert out.splitlines()[-1] == f"{len(checked)} of {len(checked)} are as they must be"


def test_verify_as_json(dnn_xp, library):
    device = ("--device", library.device) if library.device else ()
    code, out, err = dnn_xp("verify", "--json", "--backend", library.backend, *device)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["backend"] == library.backend
    assert found["version"][0].isdigit()
    assert found["ok"] is True
    assert {one["name"] for one in found["comparisons"]} >= {
        f"gradient of {a}" for a in ACTIVATIONS
    }
    for one in found["comparisons"]:
        assert set(one) == {"name", "value", "expected", "difference", "ok", "problem"}
        assert one["ok"]
        assert one["difference"] < 1e-3


def test_verify_as_json_says_what_is_off(dnn_xp, monkeypatch):
    def missing(Z, *, xp=None):
        raise AttributeError("this library has no [erf]")

    monkeypatch.setitem(ACTIVATIONS, "mish", ACTIVATIONS["mish"]._replace(function=missing))
    code, out, err = dnn_xp("verify", "--json", "--backend", "numpy")
    assert code == 1
    assert re.fullmatch(r"dnn-xp: error: 1 of \d+ are off on numpy\n", err)
    found = json.loads(out, parse_constant=pytest.fail)
    assert found["ok"] is False
    (off,) = (one for one in found["comparisons"] if not one["ok"])
    assert off["name"] == "gradient of mish"
    assert off["value"] is None
    assert off["problem"] == "AttributeError: this library has no [erf]"


def test_verify_says_what_is_off(dnn_xp, monkeypatch):
    def missing(Z, *, xp=None):
        raise AttributeError("this library has no [erf]")

    tanh = ACTIVATIONS["tanh"]
    wrong = tanh._replace(derivative=lambda dA, Z, A, *, xp=None: dA)
    monkeypatch.setitem(ACTIVATIONS, "mish", ACTIVATIONS["mish"]._replace(function=missing))
    monkeypatch.setitem(ACTIVATIONS, "elu", wrong)
    code, out, err = dnn_xp("verify", "--backend", "numpy")
    assert code == 1
    assert re.fullmatch(r"dnn-xp: error: 2 of \d+ are off on numpy\n", err)
    assert re.search(r"^gradient of mish +- +- +- error$", out, re.MULTILINE)
    assert re.search(r"^gradient of elu .* off$", out, re.MULTILINE)
    assert "gradient of mish: AttributeError: this library has no [erf]\n" in out


def test_backends_as_json(dnn_xp, monkeypatch):
    monkeypatch.setenv("DNN_XP_BACKEND", "numpy")
    code, out, err = dnn_xp("backends", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out, parse_constant=pytest.fail)
    assert found["current"] == "numpy"
    probes = {one["name"]: one for one in found["backends"]}
    assert tuple(probes) == backends.BACKENDS
    for probe in backends.probe_backends():
        said = probes[probe.name]
        assert (said["version"], said["problem"]) == (probe.version, probe.problem)
        assert said["devices"] == list(probe.devices)
