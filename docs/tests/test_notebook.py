"""A notebook, executed in a kernel: what its cells show."""

import re
from importlib.util import find_spec
from typing import Any, NamedTuple

import pytest

nbclient = pytest.importorskip("nbclient", reason="a notebook needs nbclient: dnn-xp[docs]")
nbformat = pytest.importorskip("nbformat", reason="a notebook needs nbformat: dnn-xp[docs]")
for needed in ("ipykernel", "matplotlib", "sklearn"):
    if find_spec(needed) is None:
        pytest.skip(f"a notebook needs {needed}", allow_module_level=True)

BEGINNING = """
import numpy as np
from dnn_xp import Dense, MLPClassifier, Model, Network, TabularClassifier
from dnn_xp import accuracy, learning_curve, sgd, train
from dnn_xp.article import print_mislabeled_images, two_layer_model
from dnn_xp.callbacks import ProgressBar
from dnn_xp.reports import show
from dnn_xp.training import learning_rate_range_test

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 400))
Y = (X[:1] * X[1:] > 0).astype(X.dtype)
net = Network(2, (Dense(8, "tanh"), Dense(1)), cost="sigmoid_cross_entropy")
wrong = ([b"non-cat", b"cat"], rng.random((12, 3)), np.array([[0, 1, 0]]), np.array([[1, 1, 0]]))
"""

CELLS = {
    "network": "net",
    "summary": "net.summary()",
    "printed summary": "print(net.summary())",
    "run": """
run = train(net, X, Y, optimizer=sgd(0.5), epochs=30, batch_size=50, metrics={"accuracy": accuracy},
            validation=(X, Y), callbacks=[ProgressBar()])
run""",
    "progress": "run.progress",
    "model": "Model(net, run.theta, classes=('<b>no</b>', 'yes'))",
    "range test": "learning_rate_range_test(net, X, Y, highest=1000.0)",
    "shown curve": "show(learning_curve(run.history))",
    "mistakes": "print_mislabeled_images(*wrong)",
    "mistakes kept": "figure = print_mislabeled_images(*wrong)",
    "mistakes again": "figure",
    "article": "_ = two_layer_model(X, Y, (2, 3, 1), num_iterations=101, print_cost=True)",
    "estimator": "MLPClassifier(tol=0.1, verbose='bar', random_state=0).fit(X.T, Y[0])",
    "tables": "_ = TabularClassifier(n_members=2, verbose=True).fit(X.T, Y[0])",
}


class Shown(NamedTuple):
    """What a cell shows: prints, what was displayed, and what is its last line."""

    printed: str
    displayed: list[dict[str, Any]]
    result: dict[str, Any]


@pytest.fixture(scope="module")
def shown():
    """Return what each cell shows, by its name; nothing comes as a warning."""
    sources = [BEGINNING, *CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, sources)])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    found = {}
    for name, cell in zip(["beginning", *CELLS], notebook.cells, strict=True):
        kinds = {kind: [one for one in cell.outputs if one.output_type == kind] for kind in (
            "stream", "display_data", "execute_result", "error"
        )}  # fmt: skip
        assert not kinds["error"]
        assert [one.text for one in kinds["stream"] if one.name != "stdout"] == [], name
        found[name] = Shown(
            "".join(one.text for one in kinds["stream"]),
            [dict(one.data) for one in kinds["display_data"]],
            dict(kinds["execute_result"][0].data) if kinds["execute_result"] else {},
        )
    return found


def test_a_notebook_begins_in_silence(shown):
    assert shown["beginning"] == ("", [], {})


def test_a_network_is_its_table(shown):
    html, text = (shown["summary"].result[f"text/{kind}"] for kind in ("html", "plain"))
    assert shown["network"].result["text/html"] == html
    assert html.count("<tr>") == text.count("\n") == 4
    assert shown["printed summary"].printed == f"{text}\n"


def test_a_run_is_one_line_and_a_curve(shown):
    text, html = (shown["run"].result[f"text/{kind}"] for kind in ("plain", "html"))
    pattern = (
        r"TrainingResult\(30 epochs, completed, cost [\d.e-]+, validation_cost [\d.e-]+, "
        r"validation_accuracy [\d.]+\)"
    )
    assert re.fullmatch(pattern, text)
    assert html.count("<svg") == 1
    assert "validation_accuracy" in html


def test_a_bar_is_a_line_that_was_written_anew(shown):
    (bar,) = shown["run"].displayed
    assert re.fullmatch(
        r"epoch 30/30 ━{20} cost .*, validation_cost .* \d\d:\d\d", bar["text/plain"]
    )
    (bar,) = shown["estimator"].displayed
    assert re.fullmatch(r"MLPClassifier  epoch (\d+)/\1 ━{20} loss .*", bar["text/plain"])
    (bars,) = shown["tables"].displayed
    assert len(bars["text/plain"].splitlines()) == 2
    assert all({*one} == {"text/plain"} for one in (bar, bars)), "no widgets"


def test_what_holds_arrays_is_one_line(shown):
    for name in ("progress", "model", "range test"):
        text = shown[name].result["text/plain"]
        assert "\n" not in text
        assert "0x" not in text
    assert "<svg" in shown["range test"].result["text/html"]
    assert "&lt;b&gt;no" in shown["model"].result["text/html"]


def test_figures_are_pictures(shown):
    (curve,) = shown["shown curve"].displayed
    assert "image/png" in curve
    assert not shown["shown curve"].result


def test_a_figure_of_the_article_is_shown_once_in_a_cell(shown):
    (mistakes,) = shown["mistakes"].displayed
    assert "image/png" in mistakes
    assert not shown["mistakes"].result
    (kept,) = shown["mistakes kept"].displayed
    assert "image/png" in kept
    assert "image/png" in shown["mistakes again"].result


def test_the_models_of_the_article_print_and_draw(shown):
    assert shown["article"].printed.count("Cost after iteration ") == 2
    (curve,) = shown["article"].displayed
    assert "image/png" in curve
