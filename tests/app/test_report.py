"""``dnn-xp report``: pages of runs of every kind, how runs are told from data, what is refused."""

import json
import re

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")
pytest.importorskip("jinja2", reason="the pages need jinja2")

from dnn_xp import Dense, Network, RunFolder, train

pytestmark = pytest.mark.once

SMALL = ("--layers", "4", "--epochs", "2", "--backend", "numpy", "--batch-size", "200")
rng = np.random.default_rng(0)


@pytest.fixture
def digits(dnn_xp):
    assert dnn_xp("train", "digits", *SMALL, "--run", "runs/a").code == 0
    return "runs/a"


@pytest.fixture
def sections(tmp_path):
    """Return ``sections("a.html")``: the names of the sections of a page, in order."""

    def read(name):
        return re.findall(r'<section id="([\w-]+)"', (tmp_path / name).read_text("utf-8"))

    return read


def save_prices(path, m=60):
    x = rng.normal(size=(m, 2))
    np.savez(path, x=x, y=100.0 * x[:, 0] + 0.5)


def save_customers(path, m=80):
    ages = rng.integers(18, 80, m)
    rows = [f"{age},{('free', 'paid')[age % 2]},{('no', 'yes')[int(age > 40)]}" for age in ages]
    path.write_text("\n".join(("age,plan,left", *rows)) + "\n")


OF_CLASSES = ["confusion", "by_class", "mistakes", "certainty"]


# ----------------------------------------------------------------------------- kinds of runs


def test_digits(dnn_xp, digits, tmp_path, sections):
    code, out, err = dnn_xp("report")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"report  report\.html \(.*\)\n", out)
    assert sections("report.html") == ["curves", *OF_CLASSES, "first_layer", "card", "versions"]
    page = (tmp_path / "report.html").read_text("utf-8")
    assert len(page.encode()) < 300_000
    shown = dnn_xp("evaluate", digits, "digits", "--json").out
    accuracy = json.loads(shown)["figures"]["held_out"]["accuracy"]
    assert f"<b>{accuracy:.2%}</b> <span>accuracy, of 359 held out</span>" in page
    assert "always the commonest class in training: " in page
    assert "dnn-xp train digits --layers 4" in page


def test_the_same_run_has_the_same_bytes(dnn_xp, digits, tmp_path):
    pages = []
    for name in ("a.html", "b.html"):
        assert dnn_xp("report", digits, "-o", name).code == 0
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_values(dnn_xp, tmp_path, sections):
    save_prices(tmp_path / "prices.npz")
    assert dnn_xp("train", "prices.npz", *SMALL).code == 0
    assert dnn_xp("report").code == 0
    assert sections("report.html") == ["curves", "true_and_predicted", "card", "versions"]
    assert "always the mean in training: " in (tmp_path / "report.html").read_text("utf-8")


def test_counts_and_labels(dnn_xp, tmp_path, sections):
    x = rng.normal(size=(60, 2))
    np.savez(tmp_path / "visits.npz", x=x, y=rng.poisson(3.0, 60))
    np.savez(tmp_path / "skies.npz", x=x, y=rng.permuted((x > 0.0).astype(int), axis=0))
    assert dnn_xp("train", "visits.npz", "--task", "counts", *SMALL, "--run", "v").code == 0
    assert dnn_xp("train", "skies.npz", "--task", "labels", *SMALL, "--run", "s").code == 0
    assert dnn_xp("report", "v", "-o", "v.html").code == 0
    assert dnn_xp("report", "s", "-o", "s.html").code == 0
    assert sections("v.html") == ["curves", "true_and_predicted", "card", "versions"]
    assert sections("s.html") == ["curves", "by_label", "card", "versions"]


def test_a_table_by_an_estimator(dnn_xp, tmp_path, sections):
    pytest.importorskip("sklearn")
    save_customers(tmp_path / "customers.csv")
    own = ("--target", "left", "--time-limit", "1", "--importances")
    assert dnn_xp("train", "customers.csv", *own).code == 0
    assert dnn_xp("report").code == 0
    assert sections("report.html") == [*OF_CLASSES, "column_importances", "card", "versions"]
    lines = (tmp_path / "customers.csv").read_text().splitlines()
    prices = [f"{line.split(',')[0]},{float(i):.1f}" for i, line in enumerate(lines[1:])]
    (tmp_path / "prices.csv").write_text("\n".join(("age,price", *prices)))
    assert dnn_xp("train", "prices.csv", "--time-limit", "1", "--run", "p").code == 0
    assert dnn_xp("report", "p", "-o", "p.html").code == 0
    assert sections("p.html") == ["true_and_predicted", "intervals", "card", "versions"]
    assert re.search(r"row \d+", (tmp_path / "p.html").read_text("utf-8"))


def test_a_table_by_a_network(dnn_xp, tmp_path, sections):
    save_customers(tmp_path / "customers.csv")
    own = ("--target", "left", "--no-tabular", *SMALL)
    assert dnn_xp("train", "customers.csv", *own).code == 0
    assert dnn_xp("report").code == 0
    assert sections("report.html") == ["curves", *OF_CLASSES, "card", "versions"]


def test_a_table_without_what_its_estimator_needs(dnn_xp, tmp_path, sections, monkeypatch):
    pytest.importorskip("sklearn")
    save_customers(tmp_path / "customers.csv")
    own = ("--target", "left", "--time-limit", "1", "--importances", "--run", "c")
    assert dnn_xp("train", "customers.csv", *own).code == 0
    from dnn_xp.app import tabular

    def absent(name, extra):
        raise ImportError(f"{name} is not installed: pip install 'dnn-xp[{extra}]'")

    monkeypatch.setattr(tabular, "require", absent)
    code, _, err = dnn_xp("report", "c", "-o", "c.html")
    assert (code, err.count("\n")) == (0, 1)
    assert "no examples are shown: sklearn is not installed" in err
    assert sections("c.html") == ["notes", "column_importances", "card", "versions"]


def test_pictures_in_a_folder(dnn_xp, tmp_path, sections):
    image = pytest.importorskip("PIL.Image")
    for i in range(20):
        where = tmp_path / "pictures" / ("dark", "<b>light")[i % 2]
        where.mkdir(parents=True, exist_ok=True)
        grey = rng.integers(0, 256, (6, 6), dtype=np.uint8)
        image.fromarray(grey).save(where / f"{i}.png")
    assert dnn_xp("train", "pictures", *SMALL).code == 0
    assert dnn_xp("report").code == 0
    assert sections("report.html") == ["curves", *OF_CLASSES, "first_layer", "card", "versions"]
    assert "<b>light" not in (tmp_path / "report.html").read_text("utf-8")


def test_data_that_stay_in_their_file(dnn_xp, tmp_path, sections, monkeypatch):
    h5py = pytest.importorskip("h5py")
    from dnn_xp.data import stored
    from dnn_xp.reports import examples

    with h5py.File(tmp_path / "big.h5", "w") as file:
        x = rng.normal(size=(400, 3))
        file["x"], file["y"] = x, (x[:, 0] > 0.0).astype(int)
    monkeypatch.setattr(stored, "LARGE", 1_000)
    monkeypatch.setattr(examples, "MOST_EXAMPLES", 50)
    assert dnn_xp("train", "big.h5", *SMALL).code == 0
    assert dnn_xp("report").code == 0
    assert sections("report.html") == ["notes", "curves", *OF_CLASSES, "card", "versions"]
    page = (tmp_path / "report.html").read_text("utf-8")
    (n,) = re.findall(r"Of 80 examples (\d+) are shown, drawn at random\.", page)
    assert 0 < int(n) <= 50
    assert f"accuracy, of {n} held out" in page


# ----------------------------------------------------------------------------- broken runs


@pytest.mark.parametrize(
    ("ending", "said"), [("interrupted", "was interrupted after"), ("diverged", "diverged after")]
)
def test_a_run_that_did_not_end_well(dnn_xp, digits, tmp_path, ending, said):
    record = json.loads((tmp_path / digits / "run.json").read_text())
    (tmp_path / digits / "run.json").write_text(json.dumps(record | {"ending": ending}))
    if ending == "diverged":
        (tmp_path / digits / "model.h5").unlink()
    assert dnn_xp("report").code == 0
    assert f"The run {said} 2 epochs" in (tmp_path / "report.html").read_text("utf-8")


def test_a_run_of_python(dnn_xp, tmp_path, sections):
    x = rng.normal(size=(2, 20))
    network = Network(2, (Dense(1),), "squared_error")
    train(network, x, x[:1], epochs=2, callbacks=[RunFolder(tmp_path / "mine")])
    code, _, err = dnn_xp("report", "mine")
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("dnn-xp: note: no examples are shown: ")
    assert sections("report.html") == ["notes", "curves", "card", "versions"]
    np.savez(tmp_path / "data.npz", x=x.T, y=x[0])
    assert dnn_xp("report", "mine", "data.npz", "-o", "b.html")[::2] == (0, "")
    assert sections("b.html") == ["curves", "true_and_predicted", "card", "versions"]


def test_data_that_moved_away_are_no_error_unless_they_are_named(dnn_xp, tmp_path, sections):
    save_prices(tmp_path / "prices.npz")
    assert dnn_xp("train", "prices.npz", *SMALL, "--run", "p").code == 0
    (tmp_path / "prices.npz").rename(tmp_path / "there.npz")
    code, _, err = dnn_xp("report", "p")
    assert (code, err.count("\n")) == (0, 1)
    assert "no examples are shown: " in err
    assert "prices.npz" in err
    assert sections("report.html") == ["notes", "curves", "card", "versions"]
    code, _, err = dnn_xp("report", "p", "prices.npz")
    assert (code, err.count("\n")) == (2, 1)
    assert dnn_xp("report", "p", "there.npz", "-o", "b.html")[::2] == (0, "")
    assert "of 12 held out" in (tmp_path / "b.html").read_text("utf-8")


def test_a_model_by_itself_is_shown_data(dnn_xp, tmp_path, sections):
    assert dnn_xp("train", "digits", *SMALL, "--no-run", "--output", "d.h5").code == 0
    assert dnn_xp("report", "d.h5", "digits")[::2] == (0, "")
    assert sections("report.html") == [*OF_CLASSES, "first_layer", "card", "versions"]
    assert dnn_xp("report", "digits", "d.h5", "-o", "b.html")[::2] == (0, ""), "in any order"


# ----------------------------------------------------------------------------- several runs


def test_several_runs_are_compared(dnn_xp, digits, tmp_path, sections):
    assert dnn_xp("train", "digits", *SMALL, "--optimizer", "sgd", "--run", "runs/b").code == 0
    for words in (("runs/a", "runs/b"), ("runs",)):
        code, _, err = dnn_xp("report", *words, "--title", "Both", "-o", "both.html")
        assert (code, err) == (0, "")
        assert sections("both.html") == ["comparison", "comparison_curves"]
        assert "<title>Both</title>" in (tmp_path / "both.html").read_text("utf-8")


def test_title_and_notes(dnn_xp, digits, tmp_path):
    assert dnn_xp("report", "--title", "<i>Mine", "--notes", "Not for cheques.").code == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<title>&lt;i&gt;Mine</title>" in page
    assert "Not for cheques." in page


def test_nothing_is_written_over_where_no_file_is_named(dnn_xp, digits, tmp_path):
    (tmp_path / "report.html").write_text("mine")
    assert dnn_xp("report").out.startswith("report  report-2.html (")
    assert (tmp_path / "report.html").read_text() == "mine"


# ----------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["runs/nowhere"], "runs/nowhere: found nothing of this name"),
        (["runs/a", "none.npz"], "none.npz: found nothing of this name"),
        (["runs/a", "two.npz", "three.npz"], "three.npz: found no run, and two.npz is none either"),
        (["runs/a", "runs/b", "digits"], "digits: found 2 runs beside DATA"),
        (["runs/a", "runs/b", "--data", "digits"], "digits: found 2 runs beside DATA"),
        (["runs/a", "two.npz", "--data", "digits"], "two.npz: found no run, and digits is none"),
        (["runs/a", "runs/a"], "found runs/a twice"),
        (["runs/a", "two.npz"], "the data have the classes"),
        (["runs/a", "-o", "a.pdf"], "--output: found 'a.pdf', expected a name that ends in .html"),
        (["runs/a", "-o", "nowhere/a.html"], "--output: the folder nowhere does not exist"),
        (["runs/a", "--x", "x"], "--x: is of DATA, and found none"),
        (["runs/a", "digits", "--x", "x"], "--x"),
        ([""], "RUN: found ''"),
        (["empty", "digits"], "cannot be shown digits"),
    ],
)
def test_what_cannot_be_shown_is_one_line(dnn_xp, digits, tmp_path, words, said):
    save_prices(tmp_path / "two.npz")
    save_prices(tmp_path / "three.npz")
    (tmp_path / "empty").mkdir()
    (tmp_path / "runs" / "b").mkdir()
    for folder in ("empty", "runs/b"):
        (tmp_path / folder / "history.jsonl").write_text('{"epoch": 1, "cost": 2.0}\n')
    code, out, err = dnn_xp("report", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not list(tmp_path.glob("*.html"))


def test_a_run_that_is_called_as_data_are_is_told_apart_by_its_path(dnn_xp, digits, tmp_path):
    (tmp_path / "runs" / "a").rename(tmp_path / "digits")
    code, _, err = dnn_xp("report", "digits")
    assert code == 2
    assert "write ./digits for the run, or --data digits" in err
    assert dnn_xp("report", "./digits", "-o", "a.html").code == 0
    assert dnn_xp("report", "./digits", "--data", "digits", "-o", "b.html").code == 0
    shown = [(tmp_path / name).read_text().split("<section")[0] for name in ("a.html", "b.html")]
    assert shown[0] == shown[1]


def test_where_nothing_is_named_and_there_is_no_run(dnn_xp):
    assert "there is no run in runs" in dnn_xp("report").err


def test_a_run_of_python_does_not_say_where_its_data_are(dnn_xp, tmp_path):
    X = np.random.default_rng(0).normal(size=(2, 60))
    network = Network(2, (Dense(1),), "squared_error")
    train(network, X, X[:1], epochs=3, callbacks=[RunFolder(tmp_path / "b")])
    code, _, err = dnn_xp("report", "b", "-o", "a.html")
    said = "no examples are shown: does not say where its data are; add --data DATA"
    assert (code, err) == (0, f"dnn-xp: note: {said}\n")
    assert str(tmp_path) not in (tmp_path / "a.html").read_text()
