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
    assert heading.split() == ["backend", "version", "standard", "default", "dtype", "devices"]
    listed = {line[3:].split()[0]: line for line in lines[: len(backends.BACKENDS)]}
    assert tuple(listed) == backends.BACKENDS
    assert [name for name, line in listed.items() if line.startswith("*")] == ["numpy"]
    for probe in backends.probe_backends():
        if probe.problem is None:
            assert re.search(rf"{re.escape(probe.version)} +\d{{4}}\.12 ", listed[probe.name])
        else:
            assert listed[probe.name].split() == [probe.name, "-", "-", "-", "none"]
            assert f"{probe.name}: {probe.problem}" in out


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
