"""``dnn-xp train`` on a table, the way of the estimators of tables."""

import json
import os
import re
import signal
import sys
import tempfile

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp import load_model
from dnn_xp.app import plot, tabular
from tests.app.test_tables import write_table

pytest.importorskip("sklearn")
from dnn_xp.estimators import TabularClassifier

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Have few epochs, of two members."""
    make = tabular._make_estimator
    monkeypatch.setattr(
        tabular,
        "_make_estimator",
        lambda *arguments: make(*arguments).set_params(n_members=2, max_iter=4),
    )


@pytest.fixture
def table(tmp_path):
    write_table(tmp_path / "table.csv")
    return "table.csv"


def lines(out):
    """Return the facts by their names, without the sizes of files."""
    pairs = (line.split(maxsplit=1) for line in out.splitlines() if " " in line)
    return {name: re.sub(r" \([\d.,]+ [kMG]?B\)$", "", text) for name, text in pairs}


def test_a_table_is_trained_on_by_the_estimator_and_kept(dnn_xp, tmp_path, table):
    code, out, err = dnn_xp("train", table, "--output", "m.h5", "--run", "r")
    assert (code, err) == (0, "")
    assert out.startswith(
        "table.csv: trained as TabularClassifier does; --no-tabular trains one network\n"
        "table.csv: the last column, left, is learnt: --target to change\n"
        "table.csv: 60 texts of 2 values: classes\n"
    )
    shown = lines(out)
    assert (
        shown["data"] == "table.csv: 48 training, 12 held out; 3 features in 6 columns, 2 classes"
    )
    assert shown["model"] == "m.h5"
    assert "epoch 8/8  member 2 of 2, held-out cost" in out
    record = json.loads((tmp_path / "r" / "run.json").read_text())
    figures = record["figures"]
    assert f"{figures['validation_accuracy']:.2%} held out" in shown["accuracy"]
    assert f"{figures['validation_log_loss']:.4g} held out" in shown["log_loss"]
    assert (record["ending"], record["settings"]["target"]) == ("completed", "left")
    for path in ("m.h5", "r/model.h5"):
        model = TabularClassifier.from_model(load_model(tmp_path / path, backend="numpy"))
        assert model.classes_.tolist() == ["no", "yes"]
        assert model.feature_names_in_.tolist() == ["age", "plan", "visits"]


def test_it_predicts_what_was_shown_of_frames_of_pandas(dnn_xp, tmp_path, table):
    pandas = pytest.importorskip("pandas")
    out = dnn_xp("train", table, "--output", "m.h5", "--no-run").out
    model = TabularClassifier.from_model(load_model(tmp_path / "m.h5", backend="numpy"))
    frame = pandas.read_csv(tmp_path / table)
    right = model.predict(frame[["age", "plan", "visits"]]) == frame["left"].to_numpy()
    shares = [
        float(word.rstrip("%")) / 100 for word in lines(out)["accuracy"].split() if "%" in word
    ]
    assert right.sum() == round(48 * shares[0] + 12 * shares[1])


@pytest.mark.parametrize("target", ["age", "visits"])
def test_numbers_are_learnt_by_the_regressor(dnn_xp, tmp_path, table, target):
    code, out, err = dnn_xp("train", table, "--target", target, "--output", "m.h5", "--no-run")
    assert (code, err) == (0, "")
    assert {"RMSE", "R2"} <= {*lines(out)}
    model = load_model(tmp_path / "m.h5", backend="numpy")
    assert model.table["estimator"] == "TabularRegressor"
    evaluated = dnn_xp("evaluate", "m.h5", table)
    assert evaluated.err == ""
    held_out = evaluated.out.splitlines()[-1].split()
    assert held_out[-2] == lines(out)["RMSE"].split(", ")[1].split()[0]


def test_evaluate_divides_the_table_of_the_training(dnn_xp, table):
    trained = lines(dnn_xp("train", table, "--run", "r").out)
    code, out, err = dnn_xp("evaluate", "r", table)
    assert (code, err) == (0, "")
    for line, part, count in zip(
        out.splitlines()[-2:], ("training", "held out"), ("48", "12"), strict=True
    ):
        *name, examples, accuracy, log_loss = line.split()
        assert (" ".join(name), examples) == (part, count)
        assert f"{accuracy} {part}" in trained["accuracy"]
        assert f"{log_loss} {part}" in trained["log_loss"]


def test_the_same_seed_gives_the_same_model(dnn_xp, tmp_path, table):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert (
            dnn_xp("train", table, "--seed", seed, "--no-run", "--output", f"{name}.h5").code == 0
        )
    a, b, c = (load_model(tmp_path / f"{name}.h5", backend="numpy").theta for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_more_figures_and_weights_of_classes(dnn_xp, tmp_path, table):
    asked = ("--metric", "f1", "--class-weight", "balanced", "--metric", "log_loss", "--no-run")
    code, out, err = dnn_xp("train", table, *asked)
    assert (code, err) == (0, "")
    assert {"accuracy", "log_loss", "f1"} <= {*lines(out)}
    code, _, err = dnn_xp("train", table, "--target", "age", "--class-weight", "balanced")
    assert (code, "--class-weight: found data with real targets" in err) == (2, True)


def test_numbers_as_classes_keep_their_order(dnn_xp, tmp_path):
    rows = "".join(f"{i % 12 + 0.1 * (i % 5)},{i % 12}\n" for i in range(240))
    (tmp_path / "t.csv").write_text("x,y\n" + rows)
    code, _, err = dnn_xp("train", "t.csv", "--no-run", "--output", "m.h5")
    assert (code, err) == (0, "")
    loaded = load_model(tmp_path / "m.h5", backend="numpy")
    assert loaded.classes == tuple(map(str, range(12)))
    assert TabularClassifier.from_model(loaded).classes_.tolist() == [*range(12)]


@pytest.mark.parametrize(
    "option",
    [
        ("--layers", "4"),
        ("--epochs", "1"),
        ("--optimizer", "sgd"),
        ("--dtype", "float64"),
        ("--checkpoint", "c"),
        ("--plot", "c.png"),
        ("--backend", "array-api-strict"),
    ],
)
def test_options_of_a_single_network_mean_one(dnn_xp, tmp_path, table, option):
    if option[0] == "--backend":
        pytest.importorskip("array_api_strict")
    code, out, _ = dnn_xp("train", table, *option, "--no-run")
    assert code == 0
    assert out.startswith(f"table.csv: trained as one network: {option[0]}")
    code, out, err = dnn_xp("train", table, "--tabular", *option)
    assert (code, out) == (2, "")
    assert f"--tabular: found {option[0]}" in err


def test_many_rows_mean_one_network_unless_it_is_said(dnn_xp, monkeypatch, table):
    monkeypatch.setattr(tabular, "MOST_ROWS", 60)
    out = dnn_xp("train", table, "--no-run").out
    assert out.startswith("table.csv: trained as one network: 60 rows; --tabular trains several")
    assert "TabularClassifier" in dnn_xp("train", table, "--no-run", "--tabular").out


def test_without_scikit_learn_it_is_one_network(dnn_xp, monkeypatch, table):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    why = "no scikit-learn, which the estimators of tables need: pip install 'dnn-xp[sklearn]'"
    code, out, _ = dnn_xp("train", table, "--no-run")
    assert code == 0
    assert out.splitlines()[0] == f"table.csv: trained as one network: {why}"
    for option in ("--tabular", "--importances"):
        code, out, err = dnn_xp("train", table, "--no-run", option)
        assert (code, out) == (2, "")
        assert err.startswith(f"dnn-xp: error: {option}: ")
        assert err.endswith(f"found {why}\n")


def test_a_broken_scikit_learn_is_told_from_none(dnn_xp, monkeypatch, table):
    def require(module, extra):
        raise ImportError(extra) from ImportError("libgomp is missing")

    monkeypatch.setattr(tabular, "require", require)
    assert "(libgomp is missing)" in dnn_xp("train", table, "--no-run").out.splitlines()[0]


@pytest.mark.parametrize("data", ["digits", "a.npz", "folder"])
def test_what_is_no_table_is_told_so(dnn_xp, tmp_path, data):
    np.savez(tmp_path / "a.npz", x=np.ones((4, 2)), y=[0, 1, 0, 1])
    (tmp_path / "folder").mkdir()
    for option in ("--tabular", "--time-limit"):
        code, out, err = dnn_xp("train", data, *((option, "3") if "time" in option else (option,)))
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"{data}, which is no table" in err
        assert option in err


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("member", [1, 2])
def test_a_signal_keeps_the_members_that_are_done(
    dnn_xp, tmp_path, monkeypatch, table, number, member
):
    begin = tabular._Watch.epoch

    def epoch(watch, run):
        if watch.member == member and run.epoch == 1:
            os.kill(os.getpid(), getattr(signal, number))
        return begin(watch, run)

    monkeypatch.setattr(tabular._Watch, "epoch", epoch)
    code, out, err = dnn_xp("train", table, "--run", "r")
    assert code == 128 + getattr(signal, number)
    assert "finishing" in err
    if member == 1:
        assert "nothing was learnt" in out
        assert not (tmp_path / "r").exists()
        return
    assert "1 of 2 members are trained" in err
    assert load_model(tmp_path / "r" / "model.h5", backend="numpy").theta.shape[0] == 1
    assert json.loads((tmp_path / "r" / "run.json").read_text())["ending"] == "interrupted"
    code, _, err = dnn_xp("resume", "r")
    assert (code, err.count("\n")) == (2, 1)
    assert "leaves no checkpoint to go on from" in err


def test_a_run_is_not_written_over(dnn_xp, table):
    assert dnn_xp("train", table, "--run", "r").code == 0
    code, _, err = dnn_xp("train", table, "--run", "r")
    assert (code, "r holds a run" in err) == (2, True)


def test_a_time_limit_is_kept(dnn_xp, tmp_path, table):
    code, _, err = dnn_xp("train", table, "--time-limit", "60", "--output", "m.h5", "--no-run")
    assert (code, err) == (0, "")
    assert load_model(tmp_path / "m.h5", backend="numpy").about["time_limit"] == 60.0
    for seconds in ("-1", "0", "nan", "inf"):
        code, _, err = dnn_xp("train", table, "--time-limit", seconds, "--no-run")
        assert (code, err.count("\n")) == (2, 1)
        assert "--time-limit: found " in err


def test_a_place_that_cannot_be_written_is_named(dnn_xp, tmp_path, table):
    (tmp_path / "file").touch()
    code, _, err = dnn_xp("train", table, "--output", "file/m.h5", "--no-run")
    assert (code, "--output" in err) == (2, True)
    code, _, err = dnn_xp("train", table, "--run", "file")
    assert (code, err) == (2, "dnn-xp: error: --run: found file, a file, expected a folder\n")


def test_a_folder_that_is_gone_costs_no_model(dnn_xp, tmp_path, monkeypatch, table):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    begin = tabular._Watch.start

    def start(watch, run):
        (tmp_path / "r").touch()
        begin(watch, run)

    monkeypatch.setattr(tabular._Watch, "start", start)
    code, out, err = dnn_xp("train", table, "--run", "r")
    assert (code, err.count("\n")) == (0, 1)
    assert "r: nothing is kept here" in err
    assert load_model(lines(out)["model"], backend="numpy").classes == ("no", "yes")


def test_json_alone_is_on_standard_output(dnn_xp, tmp_path, table):
    shown = lines(dnn_xp("train", table, "--run", "a").out)
    code, out, err = dnn_xp("train", table, "--run", "b", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert (document["estimator"], document["members"]) == ("TabularClassifier", 2)
    assert document["examples"] == {"training": 48, "held_out": 12}
    assert f"{document['figures']['held_out']['accuracy']:.2%} held out" in shown["accuracy"]
    assert document["files"] == {"model": "b/model.h5", "run": "b"}
    assert "60 texts of 2 values: classes" in document["notes"]


def test_runs_on_a_table_are_compared_by_what_was_held_out(dnn_xp, table):
    shown = lines(dnn_xp("train", table, "--run", "runs/a", "--seed", "1").out)
    assert dnn_xp("train", table, "--run", "runs/b", "--epochs", "2").code == 0
    code, out, err = dnn_xp("runs")
    assert (code, err) == (0, "")
    header, *rows = out.splitlines()
    assert header.split() == ["run", "state", "epochs", "best", "at", "epoch", "seed", "tabular"]
    by_folder = {row.split()[0]: row.split() for row in rows}
    accuracy = shown["accuracy"].split(", ")[1].split()[0]
    assert by_folder["runs/a"][1:] == ["done", "4", "accuracy", accuracy, "1", "yes"]
    assert by_folder["runs/b"][-1] == "0"


def test_the_target_of_a_table_stands_beside_networks_and_estimators_alike(dnn_xp, tmp_path):
    rows = [f"{i},{i % 3},{'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["size,rest,kind", *rows]))
    for name, target in (("a", "size"), ("b", "kind"), ("c", None)):
        words = () if target is None else ("--target", target)
        assert dnn_xp("train", "t.csv", *words, "--epochs", "1", "--run", f"runs/{name}").code == 0
    assert dnn_xp("train", "t.csv", "--time-limit", "20", "--run", "runs/d").code == 0
    runs = json.loads(dnn_xp("runs", "--json").out)["runs"]
    found = {run["folder"]: run["settings"]["target"] for run in runs}
    assert found == {"runs/a": "size", "runs/b": "kind", "runs/c": "kind", "runs/d": "kind"}


@pytest.mark.parametrize(
    ("target", "kind", "said"),
    [
        ("left", "confusion", " of 12 right"),
        ("left", "calibration", "12 predictions"),
        ("age", "residuals", " examples, RMSE"),
    ],
)
def test_what_an_estimator_says_of_what_was_held_out_is_drawn(
    dnn_xp, table, monkeypatch, target, kind, said
):
    pytest.importorskip("matplotlib")
    assert dnn_xp("train", table, "--target", target, "--run", "runs/a").code == 0
    drawn = []
    monkeypatch.setattr(plot, "draw", lambda one, path, option: drawn.append(one) or str(path))
    assert dnn_xp("plot", kind, "-o", "a.png").code == 0
    words = " ".join(
        one.get_text() for one in drawn[0].findobj(lambda one: hasattr(one, "get_text"))
    )
    assert "table.csv, held out" in words
    assert said in words


def test_importances_are_worked_out_on_request(dnn_xp, tmp_path, table):
    pytest.importorskip("matplotlib")
    assert dnn_xp("train", table, "--run", "plain").code == 0
    code, _, err = dnn_xp("plot", "plain", "importances", "-o", "a.png")
    assert (code, "--importances" in err) == (2, True)
    assert dnn_xp("train", table, "--run", "r", "--importances").code == 0
    assert dnn_xp("plot", "r", "importances", "-o", "a.png").code == 0
    assert (tmp_path / "a.png").stat().st_size > 1000
    code, _, err = dnn_xp("train", table, "--importances", "--epochs", "2")
    assert (code, "--importances: is for tables with --tabular" in err) == (2, True)


@pytest.mark.parametrize("kind", ["weights", "boundary"])
def test_pictures_of_one_network_are_refused_of_an_estimator(dnn_xp, table, kind):
    pytest.importorskip("matplotlib")
    assert dnn_xp("train", table, "--run", "runs/a").code == 0
    code, _, err = dnn_xp("plot", kind, "-o", "a.png")
    assert (code, err) == (
        2,
        f"dnn-xp: error: {kind}: found a TabularClassifier, expected one network\n",
    )


# ------------------------------------------------------------ classes that are rare


def write_classes(path, classes):
    rows = [f"{place / 10},{place % 3},{name}" for place, name in enumerate(classes)]
    path.write_text("\n".join(["a,b,kind", *rows]) + "\n")


@pytest.mark.parametrize("names", [["only"] * 20, ["7"] * 20, ["true"] * 12])
def test_a_table_of_one_class_is_refused(dnn_xp, tmp_path, names):
    write_classes(tmp_path / "t.csv", names)
    code, _, err = dnn_xp("train", "t.csv", "--task", "classes", "--no-run")
    assert code == 2
    assert "the one class" in err
    assert "expected several" in err


@pytest.mark.parametrize(
    "names",
    [
        [f"k{place}" for place in range(30)],
        [*["no"] * 20, *["yes"] * 20, *(f"once {place}" for place in range(20))],
        [*map(str, range(20)), *map(str, range(20)), *(["99"] * 40)],
    ],
)
def test_classes_that_are_only_held_out_count_as_mistakes(dnn_xp, tmp_path, names):
    write_classes(tmp_path / "t.csv", names)
    code, out, err = dnn_xp(
        "train", "t.csv", "--task", "classes", "--run", "r", "--seed", "3", "--json"
    )
    assert code == 0, err
    figures = json.loads(out)["figures"]
    assert json.loads(dnn_xp("evaluate", "r", "t.csv", "--json").out)["figures"] == figures
    dnn_xp("predict", "r", "t.csv", "-o", "p.csv")
    predicted = [line.split(",")[2] for line in (tmp_path / "p.csv").read_text().splitlines()[1:]]
    right = sum(one == name for one, name in zip(predicted, names, strict=True))
    sizes = json.loads(out)["examples"]
    assert right == round(sum(figures[part]["accuracy"] * sizes[part] for part in sizes))


def test_a_class_that_is_only_held_out_has_its_place_in_the_picture(dnn_xp, tmp_path):
    pytest.importorskip("matplotlib")
    write_classes(tmp_path / "t.csv", [f"k{place}" for place in range(30)])
    dnn_xp("train", "t.csv", "--run", "r")
    code, _, err = dnn_xp("plot", "r", "confusion", "-o", "c.svg")
    assert (code, err) == (0, "")
    drawn = (tmp_path / "c.svg").read_text()
    assert all(f">k{place}<" in drawn for place in range(30))


@pytest.mark.parametrize("target", ["age", "left"])
def test_evaluate_gives_one_document(dnn_xp, tmp_path, table, target):
    trained = json.loads(dnn_xp("train", table, "--target", target, "--run", "r", "--json").out)
    code, out, _ = dnn_xp("evaluate", "r", table, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["figures"] == trained["figures"]
    assert document["examples"] == document["measured"] == trained["examples"]
    assert (document["model"], document["data"]) == ("r", table)
