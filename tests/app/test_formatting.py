import re
from types import SimpleNamespace

import pytest

from dnn_xp import backends
from dnn_xp.app import formatting
from dnn_xp.app.optimization import OptimizerSettings, choose_schedule
from dnn_xp.training import adam, sgd


def test_backend(array, library):
    said = formatting.describe_backend(backends.current_backend(), array([1.0], dtype="float32"))
    assert re.fullmatch(rf"{library.backend} on [\w:]+, float32", said)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            OptimizerSettings("sgd", sgd(0.5), choose_schedule("constant", 0.0, 9)),
            "sgd, rate 0.5, batches of 4",
        ),
        (
            OptimizerSettings("adam", adam(1e-4), choose_schedule("step", 0.0, 9), 1.5, 0.99),
            "adam, rate 0.0001, batches of 4, step over 9 epochs, norms up to 1.5, "
            "moving average of the parameters (0.99 stays)",
        ),
    ],
)
def test_optimizer(settings, said):
    assert formatting.describe_optimizer(settings, 4) == said
    weighted = formatting.describe_optimizer(settings, 4, "balanced")
    assert "batches of 4" in weighted
    assert "class weights balanced" in weighted


def test_metrics():
    parts = {
        "training": {"cost": 0.00123456, "accuracy": 1.0},
        "held out": {"cost": 12345.678, "accuracy": 0.98123},
    }
    assert formatting.describe_metrics(parts) == [
        ("cost", "0.001235 training, 1.235e+04 held out"),
        ("accuracy", "100.00% training, 98.12% held out"),
    ]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        *((0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345, "12.3 kB"), (999_949, "999.9 kB")),
        *((999_950, "1.0 MB"), (10**9, "1.0 GB"), (10**12, "1.0 TB"), (3 * 10**15, "3,000.0 TB")),
    ],
)
def test_the_size_of_a_file(tmp_path, size, said):
    file = tmp_path / "file"
    with open(file, "wb") as sparse:
        sparse.truncate(min(size, 10**9))
    if size <= 10**9:
        assert formatting.size_of(file) == said
    stat = SimpleNamespace(st_size=size)
    stand_in = SimpleNamespace(is_dir=lambda: False, stat=lambda: stat)
    assert formatting.size_of(stand_in) == said


def test_the_size_of_a_folder_is_that_of_all_its_files(tmp_path):
    (tmp_path / "within").mkdir()
    for name in ("one", "within/two"):
        (tmp_path / name).write_bytes(b"x" * 600)
    assert formatting.size_of(tmp_path) == "1.2 kB"


def test_what_is_no_longer_there_has_no_size(tmp_path):
    assert formatting.describe_written(tmp_path / "gone") == str(tmp_path / "gone")
