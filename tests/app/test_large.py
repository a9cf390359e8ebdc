"""``dnn-xp`` on data that stay in their file: here, all that are not tiny are taken for large."""

import sys
from contextlib import ExitStack

import h5py
import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app import large, printing, use
from dnn_xp.app.errors import UserError
from dnn_xp.app.experiment import scale_targets
from dnn_xp.app.large import balanced_weights, prepare_experiment
from dnn_xp.backends import to_host
from dnn_xp.data import fit_preprocessing, load_arrays, stored
from dnn_xp.data.datasets import Dataset
from dnn_xp.models import load_model
from dnn_xp.training import class_weights
from tests.app.test_train import facts

M, N = 3000, 9
QUICK = ("--layers", "8", "--batch-size", "100", "--learning-rate", "0.01", "--backend", "numpy")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Take 10 kB for a lot."""
    monkeypatch.setattr(stored, "LARGE", 10_000)


def write(path, kind="classes", *, chunks=None, seed=0, m=M):
    """Write examples that can be learnt, and return their names in memory, too."""
    rng = np.random.default_rng(seed)
    x = rng.normal(3.0, 2.0, (m, N)).astype(np.float32)
    score = x[:, 0] - x[:, 1] + 0.5 * x[:, 2]
    if kind == "targets":
        y = np.stack([1e4 * score + 7.0, 1e4 * x[:, 3]], axis=1).astype(np.float64)
    else:
        n_classes = 2 if kind == "two classes" else 3
        y = np.argsort(np.argsort(score)) * n_classes // m * 10
    if kind == "pictures":
        x = np.clip(40 * x, 0, 255).astype(np.uint8).reshape(m, 3, 3)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=x, chunks=chunks and (chunks, *x.shape[1:]))
        file["y"] = y
    return path


def prepared(opened, path, **changes):
    arguments = {"hidden": (5,), "activation": "tanh", "seed": 0, "dtype": "float64"}
    return prepare_experiment(str(path), opened=opened, **arguments | changes)


@pytest.mark.parametrize("chunks", [None, 100])
@pytest.mark.parametrize("kind", ["classes", "two classes", "targets", "pictures"])
def test_a_network_learns_from_a_file_and_is_evaluated_on_it(dnn_xp, tmp_path, kind, chunks):
    write(tmp_path / "data.h5", kind, chunks=chunks)
    code, out, err = dnn_xp("train", "data.h5", *QUICK, "--epochs", "8", "--output", "m.h5")
    assert (code, err) == (0, "")
    run = chunks or 64
    said = f"data.h5: read from the file, in windows of 16,384 examples and runs of {run}"
    assert out.splitlines()[1] == said
    shown = facts(out)
    n_held_out = run * round(0.2 * -(-M // run))
    assert f"{M - n_held_out:,} training, {n_held_out:,} held out" in shown["data"]
    assert f"figures of training are of {n_held_out:,}" in shown["data"]
    if kind == "targets":
        assert float(shown["R2"].split()[-3]) > 0.9
    else:
        assert float(shown["accuracy"].split("%")[0]) > 85

    code, out, err = dnn_xp("evaluate", "m.h5", "data.h5", "--backend", "numpy")
    assert (code, err) == (0, "")
    n_training = M - n_held_out
    training, held_out = out.splitlines()[-2:]
    assert training.split()[:4] == ["training", f"{n_held_out:,}", "of", f"{n_training:,}"]
    assert held_out.split()[:3] == ["held", "out", f"{n_held_out:,}"]
    name = "RMSE" if kind == "targets" else "accuracy"
    figures = [figure.split()[0] for figure in shown[name].split(", ")]
    assert figures[0] in training.split()
    assert figures[1] in held_out.split()


def test_preprocessing_is_that_of_the_part_that_is_learnt_from(tmp_path):
    path = write(tmp_path / "data.h5")
    with ExitStack() as opened:
        found = prepared(opened, path)
        X = found.part.X.read()
    expected = fit_preprocessing(Dataset(X, np.zeros(1), ("a", "b"), None, None))
    # Of the means of 2,400 numbers, added in another order.
    np.testing.assert_allclose(found.preprocessing.shift, expected.shift, rtol=1e-13)
    np.testing.assert_allclose(found.preprocessing.scale, expected.scale, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["classes", "two classes", "targets", "pictures"])
def test_examples_are_those_of_the_file(xp, tmp_path, kind, dtype):
    path = write(tmp_path / "data.h5", kind)
    whole = load_arrays(path)
    with ExitStack() as opened:
        found = prepared(opened, path, dtype=dtype)
        X, Y = found.examples.X, found.examples.Y
        numbers = found.part.X.rows.numbers
        rows = np.concatenate([np.arange(n * 64, min(n * 64 + 64, M)) for n in numbers])
        assert X.shape == (N, len(rows))
        raw = whole.X[:, rows].astype(np.float64)
        expected = (raw - found.preprocessing.shift) * found.preprocessing.scale
        some = slice(100, 300)
        # One rounding more than on the host: it is computed in the dtype asked for.
        rounding = 8 * float(np.finfo(dtype).eps) * max(1.0, np.abs(expected).max())
        read = to_host(X.read(some))
        assert read.dtype == dtype
        np.testing.assert_allclose(read, expected[:, some], atol=4 * rounding)
        y = whole.y[..., rows[some]]
        if kind == "targets":
            y = (y - found.targets.shift) * found.targets.scale
        np.testing.assert_allclose(to_host(Y.read(some)), np.atleast_2d(y), atol=4 * rounding)
        held_out = scale_targets(found.held_out, found.held_out_part, found.targets)
        assert held_out.Y.shape == (found.network.n_outputs, found.held_out.X.shape[1])
        assert held_out.Y.dtype == X.like.dtype


def test_what_large_pictures_look_like_is_found_out(tmp_path):
    path = write(tmp_path / "data.h5", "pictures")
    with ExitStack() as opened:
        found = prepared(opened, path).pictures
    assert found.n_pictures > 100
    assert 0.0 <= found.lowest.brightness < found.highest.brightness <= 1.0


def test_real_targets_have_the_spread_of_those_in_memory(tmp_path):
    path = write(tmp_path / "data.h5", "targets")
    with ExitStack() as opened:
        found = prepared(opened, path)
        y = found.part.y.read()
        ours = scale_targets(found.measured, found.part, None)
    centred = y - y.mean(axis=1, keepdims=True)
    assert float(found.targets.scale) == pytest.approx(1 / np.sqrt(np.mean(centred**2)), rel=1e-12)
    assert ours is found.measured


@pytest.mark.parametrize("kind", ["classes", "two classes"])
def test_weights_of_classes_are_those_of_arrays(tmp_path, kind):
    path = write(tmp_path / "data.h5", kind)
    with ExitStack() as opened:
        found = prepared(opened, path)
        y = found.part.y.read()[0]
        ours = balanced_weights(found.part, "float64")
    Y = np.equal.outer(np.arange(y.max() + 1), y).astype(np.float64)
    np.testing.assert_allclose(ours, class_weights(Y), rtol=1e-15)


def test_weights_of_classes_are_used(dnn_xp, tmp_path):
    write(tmp_path / "data.h5")
    arguments = ("train", "data.h5", *QUICK, "--epochs", "1", "--no-run", "--output")
    assert dnn_xp(*arguments, "one.h5").code == 0
    assert dnn_xp(*arguments, "two.h5", "--class-weight", "balanced").code == 0
    one, two = (load_model(tmp_path / name, backend="numpy").theta for name in ("one.h5", "two.h5"))
    assert not np.array_equal(one, two)


def test_what_was_broken_off_goes_on_to_the_same_bits(dnn_xp, tmp_path):
    write(tmp_path / "data.h5")
    train = ("train", "data.h5", *QUICK)
    assert dnn_xp(*train, "--epochs", "2", "--run", "begun").code == 0
    code, out, err = dnn_xp("resume", "begun", "--epochs", "4")
    assert (code, err) == (0, "")
    assert "4 of 4" in facts(out)["epochs"]
    assert dnn_xp(*train, "--epochs", "4", "--run", "whole").code == 0
    one, two = (
        load_model(tmp_path / name / "model.h5", backend="numpy") for name in ("begun", "whole")
    )
    assert one.theta.tobytes() == two.theta.tobytes()
    assert one.about == two.about


def another_number(path, name="x", row=700):
    with h5py.File(path, "a") as file:
        file[name][row] = 0 if name == "y" else 4.25


@pytest.mark.parametrize("row", [0, 700, M - 1])
@pytest.mark.parametrize("name", ["x", "y"])
def test_other_data_are_not_gone_on_with(dnn_xp, tmp_path, name, row):
    path = write(tmp_path / "data.h5")
    with h5py.File(path, "a") as file:
        file["y"][row] = 10
    assert dnn_xp("train", "data.h5", *QUICK, "--epochs", "1", "--run", "r").code == 0
    another_number(path, name, row)
    code, _, err = dnn_xp("resume", "r", "--epochs", "2")
    assert code == 2
    said = (
        "dnn-xp: error: --resume: this is the progress of a run on other data: data.h5 has changed"
    )
    assert err.startswith(said)
    assert len(err.splitlines()) == 1


def test_other_runs_are_not_gone_on_with(dnn_xp, tmp_path, monkeypatch):
    path = write(tmp_path / "data.h5")
    assert dnn_xp("train", "data.h5", *QUICK, "--epochs", "1", "--run", "r").code == 0
    write(path, chunks=100)
    code, _, err = dnn_xp("resume", "r", "--epochs", "2")
    assert code == 2
    assert "data: found read from the file, in windows of 16,384 examples and runs of 100" in err
    assert "begun with read from the file, in windows of 16,384 examples and runs of 64" in err


def test_what_is_in_memory_now_is_not_gone_on_with(dnn_xp, tmp_path, monkeypatch):
    write(tmp_path / "data.h5")
    assert dnn_xp("train", "data.h5", *QUICK, "--epochs", "1", "--run", "r").code == 0
    monkeypatch.setattr(stored, "LARGE", 2**28)
    code, _, err = dnn_xp("resume", "r", "--epochs", "2")
    assert code == 2
    assert "data: found read into memory, begun with read from the file, in windows of" in err


def test_no_more_is_measured_than_memory_holds(dnn_xp, tmp_path, monkeypatch):
    monkeypatch.setattr(large, "MOST", 256)
    write(tmp_path / "data.h5")
    write(tmp_path / "other.h5", seed=1)
    code, out, _ = dnn_xp("train", "data.h5", *QUICK, "--epochs", "1", "--output", "m.h5")
    assert code == 0
    assert "2,744 training, 256 held out (figures of training are of 256)" in facts(out)["data"]
    _, out, _ = dnn_xp("evaluate", "m.h5", "data.h5", "--backend", "numpy")
    assert "256 of 2,744" in out
    code, out, _ = dnn_xp("evaluate", "m.h5", "other.h5", "--backend", "numpy")
    assert code == 0
    assert out.splitlines()[-1].split()[:4] == ["all", "256", "of", "3,000"]


def test_the_same_data_in_memory_are_not_taken_for_divided(dnn_xp, tmp_path):
    path = write(tmp_path / "data.h5")
    assert dnn_xp("train", "data.h5", *QUICK, "--epochs", "1", "--output", "m.h5").code == 0
    with h5py.File(path) as file:
        np.savez(tmp_path / "data.npz", x=file["x"][:], y=file["y"][:])
    code, out, _ = dnn_xp("evaluate", "m.h5", "data.npz", "--backend", "numpy")
    assert code == 0
    assert out.splitlines()[-1].split()[:2] == ["all", "3,000"]


@pytest.mark.parametrize(
    ("trained_on", "evaluated_on", "said"),
    [
        ("classes", "targets", "y: found 2 columns, of which not each row holds a single 1"),
        ("targets", "classes", "found 1 target of each example, expected 2, as in the data"),
        ("two classes", "classes", "the data have the classes ['20'], expected some of"),
        ("pictures", "classes", ""),
    ],
)
def test_a_model_is_not_evaluated_on_data_of_another_kind(
    dnn_xp, tmp_path, monkeypatch, trained_on, evaluated_on, said
):
    write(tmp_path / "data.h5", trained_on)
    assert dnn_xp("train", "data.h5", *QUICK, "--epochs", "1", "--output", "m.h5").code == 0
    write(tmp_path / "other.h5", evaluated_on)
    read = read_whole(monkeypatch)
    code, _, err = dnn_xp("evaluate", "m.h5", "other.h5", "--backend", "numpy")
    assert code == (2 if said else 0)
    assert said in err
    assert len(err.splitlines()) == (1 if said else 0)
    assert len(read) == (0 if said else 1)


@pytest.mark.parametrize("most", [10**6, 256])
def test_evaluate_says_which_classes_are_not_there(dnn_xp, tmp_path, monkeypatch, most):
    monkeypatch.setattr(large, "MOST", most)
    write(tmp_path / "data.h5")
    assert dnn_xp("train", "data.h5", *QUICK, "--epochs", "1", "--output", "m.h5").code == 0
    with h5py.File(tmp_path / "data.h5") as file:
        some = file["y"][:] > 0
        x, y = file["x"][some], file["y"][some] * 1.0
    with h5py.File(tmp_path / "some.h5", "w") as file:
        file["x"], file["y"] = x, y
    ran = dnn_xp("evaluate", "m.h5", "some.h5", "--backend", "numpy")
    assert (ran.code, ran.err) == (0, "")
    part = "all" if most > M else "all, as far as it is measured"
    assert ran.out.splitlines()[0] == f"some.h5: {part}: no example of the class '0'"


def read_whole(monkeypatch):
    """Return the data of which all is read from now on: gigabytes, maybe."""
    read = []

    def scanned(dataset, advance):
        read.append(dataset)
        return stored.scan(dataset, advance)

    monkeypatch.setattr(use, "scan", scanned)
    return read


def test_data_of_other_features_are_named(dnn_xp, tmp_path, monkeypatch):
    """Before all of them are read."""
    write(tmp_path / "data.h5")
    assert dnn_xp("train", "data.h5", *QUICK, "--epochs", "1", "--output", "m.h5").code == 0
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"], file["y"] = np.ones((M, N + 1)), np.arange(M) % 3 * 10
    read = read_whole(monkeypatch)
    code, _, err = dnn_xp("evaluate", "m.h5", "other.h5", "--backend", "numpy")
    assert (code, read) == (2, [])
    assert f"the examples have {N + 1} features, expected {N}" in err


def test_a_learning_rate_is_found(dnn_xp, tmp_path):
    write(tmp_path / "data.h5")
    code, out, err = dnn_xp("range-test", "data.h5", "--layers", "8", "--steps", "30")
    assert (code, err) == (0, "")
    assert facts(out)["proposed"].startswith("--learning-rate ")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("x", np.nan, "data.h5: x: found nan in row 700, expected finite numbers"),
        ("x", -np.inf, "data.h5: x: found -inf in row 700"),
        ("y", np.nan, "data.h5: y: found nan in row 700"),
        ("y", 1e200, "data.h5: y: found 1e+200 in row 700"),
    ],
)
def test_bad_numbers_are_a_line_that_names_the_file(dnn_xp, tmp_path, name, value, said):
    path = write(tmp_path / "data.h5", "targets")
    with h5py.File(path, "a") as file:
        file[name][700] = value
    code, out, err = dnn_xp("train", "data.h5", *QUICK, "--epochs", "1")
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("what", ["changed", "cut short"])
def test_a_file_that_changes_while_it_is_read_is_an_error_that_names_it(tmp_path, what):
    path = write(tmp_path / "data.h5")
    with ExitStack() as opened:
        found = prepared(opened, path)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2 if what == "cut short" else None)
            file.seek(3000)
            file.write(b"other")
        for read in (found.examples.X.read, found.held_out.X.read, found.examples.Y.read):
            with pytest.raises(UserError, match=r"data\.h5: "):
                read(slice(0, 600))
        with pytest.raises(UserError, match=r"data\.h5: "):
            found.examples.X.fetch(np.arange(600))


def test_a_file_that_changes_while_it_is_looked_at_is_an_error_that_names_it(tmp_path, monkeypatch):
    path = write(tmp_path / "data.h5")

    def scan_and_write(dataset, advance):
        number = stored.scan(dataset, advance)
        with path.open("r+b") as file:
            file.seek(3000)
            file.write(b"other")
        return number

    monkeypatch.setattr(large, "scan", scan_and_write)
    changed = pytest.raises(ValueError, match=r"data\.h5: has changed since it was opened")
    with ExitStack() as opened, changed:
        prepared(opened, path)


def test_how_far_it_is_is_shown_from_the_start(dnn_xp, tmp_path, monkeypatch):
    monkeypatch.setattr(printing, "_NOT_WORTH_A_WORD", -1.0)
    monkeypatch.setattr(stored, "BLOCK", 1)
    write(tmp_path / "data.h5")
    code, out, _ = dnn_xp("train", "data.h5", *QUICK, "--epochs", "3", "--no-run")
    assert code == 0
    lines = out.splitlines()
    n_training = int(facts(out)["data"].split()[1].replace(",", ""))
    read = [line for line in lines if line.startswith("read ")]
    assert read[0] == f"read 64/{M + n_training}"
    assert read[-1] == f"read {M + n_training}/{M + n_training}, 0 s left"
    batches = [line for line in lines if line.startswith("epoch 1, batch ")]
    assert batches[0] == "epoch 1, batch 1/25"
    assert len(batches) >= 10
    assert not [line for line in lines if line.startswith("epoch 2, batch ")]


PEAK = """
import sys
from dnn_xp.app import large
from dnn_xp.app.cli import main
from dnn_xp.data import stored
stored.LARGE, large.MOST = 2**20, 2**12
try:
    main(["train", *sys.argv[1:]])
finally:
    lines = open("/proc/self/status").read().splitlines()
    print(next(line for line in lines if line.startswith("VmHWM")), file=sys.stderr)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere peaks are told otherwise")
@pytest.mark.parametrize("kind", ["bytes", "floats"])
def test_the_peak_of_memory_is_the_same_for_a_file_four_times_as_large(start, tmp_path, kind):
    peaks = []
    for m in (40_000, 160_000):
        row = np.arange(400) % 199
        x = np.broadcast_to(row, (m, 400)).astype("uint8" if kind == "bytes" else "float32")
        x[:, 0] = np.arange(m) % 2
        with h5py.File(tmp_path / f"{m}.h5", "w") as file:
            file["x"], file["y"] = x, np.arange(m) % 2
        options = ("--layers", "2", "--epochs", "1", "--batch-size", "1000", "--no-run")
        # What was freed goes back to the system: else glibc keeps some, at its own discretion.
        surroundings = {"MALLOC_MMAP_THRESHOLD_": str(2**20)}
        command = (f"{m}.h5", *options, "--backend", "numpy")
        with start(*command, code=PEAK, **surroundings) as process:
            _, err = process.communicate()
        assert process.returncode == 0, err
        peaks.append(int(err.split()[-2]) / 1024)
    # MB; the smaller file has 15 or 61, three times which the larger has more.
    assert peaks[1] - peaks[0] < 12


@pytest.mark.parametrize(
    "options",
    [
        ("--dropout", "0.1", "--norm", "batch"),
        ("--norm", "layer", "--noise", "0.1", "--label-smoothing", "0.05"),
        ("--optimizer", "lion", "--weight-decay", "0.1", "--l1", "0.001", "--early-stopping", "3"),
        ("--max-norm", "3", "--clip-value", "0.1"),
    ],
    ids=" ".join,
)
def test_what_stays_in_its_file_is_learnt_with_all_options(dnn_xp, tmp_path, options):
    write(tmp_path / "data.h5")
    code, out, err = dnn_xp("train", "data.h5", *QUICK, "--epochs", "4", *options)
    assert (code, err) == (0, "")
    assert float(facts(out)["accuracy"].split("%")[0]) > 70
    for option, said in (("--dropout", "dropout 0.1, "), ("--norm", f"{options[1]} norm, ")):
        if option == options[0]:
            assert said in facts(out)["network"]


def test_lbfgs_reads_a_file(dnn_xp, tmp_path):
    write(tmp_path / "data.h5", "targets")
    options = ("--layers", "8", "--optimizer", "lbfgs", "--epochs", "40", "--backend", "numpy")
    code, out, err = dnn_xp("train", "data.h5", *options)
    assert (code, err) == (0, "")
    assert float(facts(out)["R2"].split()[-3]) > 0.9


def test_mixup_of_what_stays_in_its_file_is_refused(dnn_xp, tmp_path):
    write(tmp_path / "data.h5")
    for command in ("train", "range-test"):
        code, _, err = dnn_xp(command, "data.h5", "--mixup", "0.2", "--backend", "numpy")
        assert code == 2
        assert err.startswith("dnn-xp: error: --mixup: found 0.2 for data that are not in memory")
        assert err.count("\n") == 1
