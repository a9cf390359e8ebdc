"""Tables at the command line: one network, whose model keeps the encoder."""

import numpy as np
import pytest

from dnn_xp import load_model
from dnn_xp.app.tables import divide, load_table
from dnn_xp.data.tables import TableEncoder

pytestmark = pytest.mark.once
QUICK = ("--no-tabular", "--epochs", "2", "--layers", "4", "--no-run")


def write_table(path, m=60, separator=",", target="left"):
    """Write rows of numbers, texts and missing values, and what is to be learnt."""
    rng = np.random.default_rng(0)
    lines = [separator.join(("age", "plan", "visits", target))]
    for i in range(m):
        age = "" if i % 7 == 0 else str(20 + i)
        plan = ("day", "full", "NA")[i % 3]
        lines.append(separator.join((age, plan, f"{rng.random():.3f}", ("no", "yes")[i % 2])))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_encoder_is_fitted_on_the_training_part_and_kept(dnn_xp, tmp_path):
    write_table(tmp_path / "table.csv")
    code, out, err = dnn_xp("train", "table.csv", *QUICK, "--output", "m.h5")
    assert (code, err) == (0, "")
    model = load_model(tmp_path / "m.h5", backend="numpy")
    parts = divide(load_table(str(tmp_path / "table.csv")), seed=0)
    assert [len(part.features) for part in parts.values()] == [48, 12]
    expected = TableEncoder().fit(parts["training"].features)
    assert model.encoder.state() == expected.state()
    assert (model.classes, model.about["target"]) == (("no", "yes"), "left")
    assert "table.csv: the last column, left, is learnt: --target to change\n" in out
    assert "table.csv: 60 texts of 2 values: classes\n" in out


@pytest.mark.parametrize(
    ("suffix", "separator"), [("csv", ","), ("csv", ";"), ("csv", "\t"), ("tsv", "\t")]
)
def test_evaluate_divides_a_table_as_the_training_did(dnn_xp, tmp_path, suffix, separator):
    write_table(tmp_path / f"table.{suffix}", separator=separator)
    trained = dnn_xp("train", f"table.{suffix}", *QUICK, "--output", "m.h5").out
    code, out, err = dnn_xp("evaluate", "m.h5", f"table.{suffix}")
    assert (code, err) == (0, "")
    for part, count in (("training", "48"), ("held out", "12")):
        line = next(one for one in out.splitlines() if one.startswith(part))
        *_, examples, cost, accuracy = line.split()
        assert examples == count
        assert f"{cost} {part}" in trained
        assert f"{accuracy} {part}" in trained


def test_evaluate_takes_columns_by_name_and_some_of_the_classes(dnn_xp, tmp_path):
    write_table(tmp_path / "table.csv")
    dnn_xp("train", "table.csv", *QUICK, "--output", "m.h5")
    rows = [line.split(",") for line in (tmp_path / "table.csv").read_text().splitlines()]
    kept = [rows[0], *(row for row in rows if row[3] == "yes")]
    moved = "\n".join(
        ",".join((visits, left, "extra", plan, age)) for age, plan, visits, left in kept
    )
    (tmp_path / "other.csv").write_text(moved)
    code, out, err = dnn_xp("evaluate", "m.h5", "other.csv")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].split()[:2] == ["all", "30"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("age,plan,left\n1,day,no\n", "lacks visits, which the model was trained on"),
        ("age,plan,visits\n1,day,2\n", "target: found 'left', expected a column of the table"),
        ("age,plan,visits,left\n1,day,2,maybe\n", "found the classes|have the classes"),
        ("age,plan,visits,left\nold,day,2,no\n", "could not convert string to float: found 'old'"),
        ("age,plan,visits,left\n1,day,2,\n", "target: found nothing in left"),
    ],
)
def test_tables_that_a_model_cannot_be_judged_by(dnn_xp, tmp_path, content, said):
    write_table(tmp_path / "table.csv")
    dnn_xp("train", "table.csv", *QUICK, "--output", "m.h5")
    (tmp_path / "other.csv").write_text(content)
    code, out, err = dnn_xp("evaluate", "m.h5", "other.csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert any(part in err for part in said.split("|"))


@pytest.mark.parametrize(
    ("target", "task", "cost"),
    [
        ("age", None, "squared_error"),
        ("plan", None, "sigmoid_cross_entropy"),
        ("visits", None, "squared_error"),
        ("age", "classes", "softmax_cross_entropy"),
        ("age", "counts", "poisson"),
    ],
)
def test_the_target_tells_the_task(dnn_xp, tmp_path, target, task, cost):
    path = write_table(tmp_path / "table.csv")
    path.write_text(path.read_text().replace(",NA,", ",,"))
    asked = () if task is None else ("--task", task)
    code, out, err = dnn_xp(
        "train", "table.csv", *QUICK, "--target", target, *asked, "--output", "m.h5"
    )
    assert (code, err) == (0, "")
    assert load_model(tmp_path / "m.h5", backend="numpy").network.cost == cost
    lacking = {"age": 9, "plan": 20}.get(target)
    assert (f"{lacking} rows without {target}: left out" in out) == (lacking is not None)


def test_words_that_may_be_classes_are_asked_about(dnn_xp, tmp_path):
    write_table(tmp_path / "table.csv")
    code, _, err = dnn_xp("train", "table.csv", *QUICK, "--target", "plan")
    assert code == 2
    assert "--target: found NA in 20 rows of plan" in err


def test_a_run_on_a_table_goes_on(dnn_xp, tmp_path):
    write_table(tmp_path / "table.csv")
    options = ("train", "table.csv", "--no-tabular", "--layers", "4", "--target", "left")
    assert dnn_xp(*options, "--epochs", "4", "--no-run", "--output", "whole.h5").code == 0
    assert dnn_xp(*options, "--epochs", "2", "--run", "r").code == 0
    code, _, err = dnn_xp("resume", "r", "--epochs", "4")
    assert (code, err) == (0, "")
    whole, gone_on = (
        load_model(tmp_path / name, backend="numpy") for name in ("whole.h5", "r/model.h5")
    )
    assert (whole.theta == gone_on.theta).all()
    assert whole.encoder.state() == gone_on.encoder.state()


def test_a_learning_rate_is_proposed_for_a_table(dnn_xp, tmp_path):
    write_table(tmp_path / "table.csv")
    code, out, err = dnn_xp("range-test", "table.csv", "--target", "age")
    assert (code, err) == (0, "")
    assert "--learning-rate" in out


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("train", "table.csv", "--x", "x"), "--x: found x, but table.csv is a table: --target"),
        (("train", "table.csv", "--y", "y"), "--y: found y, but table.csv is a table: --target"),
        (("train", "a.npz", "--target", "y"), "--target: found y, but a.npz is no table"),
        (("train", "digits", "--x", "x"), "--x: found x, but digits is no file of arrays"),
        (("train", "digits", "--target", "x"), "--target: found x, but digits is no file of"),
        (("train", "table.csv", "--target", "c"), "--target: found 'c', expected a column"),
        (("train", "table.csv", "--target", "age", "--task", "counts", "--tabular"), "--tabular"),
        (("range-test", "table.csv", "--x", "x"), "--x: found x, but table.csv is a table"),
        (("train", "none.csv"), "none.csv: there is no such file"),
        (("train", "empty.csv"), "empty.csv: not a table of text; it is empty"),
        (("train", "ragged.csv"), "ragged.csv: row 2"),
    ],
)
def test_options_that_do_not_fit_the_data(dnn_xp, tmp_path, command, said):
    write_table(tmp_path / "table.csv")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n3\n")
    np.savez(tmp_path / "a.npz", x=np.ones((4, 2)), y=[0, 1, 0, 1])
    code, out, err = dnn_xp(*command)
    assert (code, err.count("\n")) == (2, 1)
    assert out == "" or "dnn-xp[sklearn]" in out, "else nothing is said but the error"
    assert said in err


ARRAYS = {
    "capitals.npz": (("X", "y"), ()),
    "words.npz": (("data", "target"), ()),
    "any.npz": (("a", "b"), ("--x", "a", "--y", "b")),
    "groups.h5": (("train/x", "train/y"), ()),
    "any.h5": (("one/a", "two"), ("--x", "one/a", "--y", "two")),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("large", [False, True])
def test_arrays_of_any_names_are_trained_on_tested_and_judged(
    dnn_xp, tmp_path, monkeypatch, name, large
):
    h5py = pytest.importorskip("h5py")
    if large:
        monkeypatch.setattr("dnn_xp.data.stored.LARGE", 100)
    rng = np.random.default_rng(0)
    arrays = dict(zip(ARRAYS[name][0], (rng.normal(size=(60, 3)), np.arange(60) % 2), strict=True))
    if name.endswith(".npz"):
        np.savez(tmp_path / name, **arrays)
    else:
        with h5py.File(tmp_path / name, "w") as file:
            for key, values in arrays.items():
                file[key] = values
    asked = ARRAYS[name][1]
    for command in (
        ("train", name, *asked, "--epochs", "1", "--layers", "2", "--no-run", "--output", "m.h5"),
        ("evaluate", "m.h5", name, *asked),
        ("range-test", name, *asked),
    ):
        code, out, err = dnn_xp(*command)
        assert (code, err) == (0, "")
        told = f"taken as examples and targets: {', '.join(ARRAYS[name][0])}" in out
        assert told == (not asked and command[0] != "evaluate")


def test_one_feature_of_one_dimension(dnn_xp, tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py")
    x = np.linspace(0.0, 1.0, 60)
    with h5py.File(tmp_path / "one.h5", "w") as file:
        file["x"], file["y"] = x, 2.0 * x
    command = ("train", "one.h5", "--epochs", "1", "--layers", "2", "--no-run")
    small = dnn_xp(*command)
    monkeypatch.setattr("dnn_xp.data.stored.LARGE", 100)
    large = dnn_xp(*command)
    for ran in (small, large):
        assert (ran.code, ran.err) == (0, "")
        assert "1 feature, 1 target" in ran.out


def test_a_test_part_is_what_is_held_out(dnn_xp, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), np.arange(40) % 3
    np.savez(tmp_path / "k.npz", x_train=x, y_train=y, x_test=x[:7], y_test=y[:7])
    code, out, err = dnn_xp("train", "k.npz", "--epochs", "1", "--layers", "2", "--no-run")
    assert (code, err) == (0, "")
    assert "40 training, 7 held out" in out
