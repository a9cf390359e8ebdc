"""The fuzz finds what is planted: an error that is not documented, a hang, a crash, much memory."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests import fuzz
from tests.strangers import HOSTILE

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(os.name != "posix", reason="waits for a process's pipe"),
]


def planted(read):
    return fuzz.Reader(".bin", lambda folder: [b"seed"], lambda rng, x: x, read, (ValueError,))


def refuse(path):
    raise ValueError("documented")


def fail(path):
    raise KeyError("not documented")


def take_much_memory(path):
    # More than this process ever had, which may take seconds: what a peak of before hides would
    # not be seen.
    np.ones(int(fuzz.peak_megabytes() + 200) * 2**20, np.uint8)


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (refuse, ""),
        (lambda path: path.read_bytes(), ""),
        (fail, "KeyError: 'not documented'"),
        (lambda path: sum(range(10**6)), "took 0.0 s"),
        (take_much_memory, " MB"),
    ],
)
def test_what_a_reader_does_wrong_is_said(tmp_path, monkeypatch, read, said):
    monkeypatch.setattr(fuzz, "SECONDS", 0.005 if said == "took 0.0 s" else 60.0)
    monkeypatch.setattr(fuzz, "MEGABYTES", 100)
    problem = fuzz.run_case(planted(read), [b"seed"], tmp_path / "file", "planted", 0)
    assert said in problem if said else problem == ""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import time; time.sleep(60)", "still reading after 0 s"),
        ("import os; os.abort()", "ended the process: -6"),
        ("raise SystemExit(3)", "ended the process: 3"),
    ],
)
def test_what_never_ends_and_what_ends_the_process_are_said(monkeypatch, code, said):
    monkeypatch.setattr(fuzz, "PATIENCE", 0.4)
    program = f"print('[]', flush=True); print('[7]', flush=True); print('[8]', flush=True); {code}"
    monkeypatch.setattr(fuzz, "command", lambda name, start: [sys.executable, "-c", program])
    assert list(fuzz.watch("model", 7, time.monotonic() + 60)) == [(8, said)]


@pytest.mark.parametrize("name", fuzz.READERS)
def test_a_case_comes_again_by_its_numbers_and_some_are_read(tmp_path, name):
    """Else the fuzz would only try what is refused by the first look."""
    reader = fuzz.READERS[name]
    seeds = reader.seeds(tmp_path)
    path = tmp_path / f"case{reader.suffix}"
    refused = []
    for place, seed in enumerate(seeds):
        path.write_bytes(seed)
        try:
            reader.read(path)
        except reader.errors:
            refused.append(place)
    assert len(refused) == (len(HOSTILE.keys() - fuzz.DATED) if name in ("hdf5", "rows") else 0)
    for number in range(5):
        assert fuzz.run_case(reader, seeds, path, name, number) == ""
        first = path.read_bytes()
        fuzz.keep(name, number, "a problem", tmp_path)
        assert (tmp_path / f"{name}-{number}{reader.suffix}").read_bytes() == first


FINDINGS = sorted((Path(__file__).parent / "findings").iterdir())


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_what_was_found_is_refused(path):
    """Among them files that HDF5 reads for ever, or that end the process when it unpacks them."""
    name, _, _ = path.name.partition("-")
    reader = fuzz.READERS[name]
    with pytest.raises(reader.errors):
        reader.read(path)
