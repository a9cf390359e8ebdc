"""Pages that are opened: a page more is a line more in `PAGES`."""

from pathlib import Path

import numpy as np

from dnn_xp import Dense, Network, report, train
from dnn_xp.data import load_digits
from dnn_xp.reports.pages.by_class import classes_section
from dnn_xp.reports.pages.by_label import labels_section
from dnn_xp.reports.pages.card import CardFacts, PartFacts, model_card, versions_section
from dnn_xp.reports.pages.certainty import calibration_section
from dnn_xp.reports.pages.column_importances import importances_section
from dnn_xp.reports.pages.comparison import comparison_page
from dnn_xp.reports.pages.confusion import confusion_matrix_section
from dnn_xp.reports.pages.curves import learning_curves
from dnn_xp.reports.pages.first_layer import first_layer_section
from dnn_xp.reports.pages.intervals import intervals_section
from dnn_xp.reports.pages.mistakes import mistakes_section
from dnn_xp.reports.pages.page import Headline, Page
from dnn_xp.reports.pages.true_and_predicted import values_section
from dnn_xp.reports.run_summaries import Best, RunSummary
from dnn_xp.training.optimizers import adam
from tests.reports.pages.reading import HOSTILE_NAMES

__all__ = ["PAGES"]

COMMAND = "dnn-xp train digits --hidden 64,32 --optimizer adamw --epochs 30 --output digits.h5"
VERSIONS = {"dnn_xp": "0.1.0", "Python": "3.11.7", "NumPy": "2.4.6"}
HEADLINES = (
    Headline("97.49%", "accuracy, of 359 held out", "always the commonest class: 7.8%"),
    Headline("9", "mistakes, all shown below"),
    Headline("1.0 s", "to train"),
)


def history(n=30, metrics=("accuracy",)):
    epochs = np.arange(1.0, n + 1.0)
    found = {"cost": 2.0 / epochs, "validation_cost": 2.2 / epochs + 0.06}
    for name in metrics:
        found |= {name: 1.0 - 0.4 / epochs, f"validation_{name}": 1.0 - 0.5 / epochs}
    found |= {"learning_rate": 0.01 * 0.9**epochs}
    return {name: [*map(float, values)] for name, values in found.items()}


def said_of(n_classes, m, *, right=0.9, seed=0):
    """Return true classes of examples and the probabilities that a made-up model gives them."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, n_classes, m)
    scores = rng.normal(size=(n_classes, m))
    scores[np.where(rng.random(m) < right, true, rng.integers(0, n_classes, m)), np.arange(m)] += (
        5.0
    )
    return true, np.exp(scores) / np.exp(scores).sum(axis=0)


def of_classes(names, m, *, right=0.9, side=8, title="digits: 64-64-32-10 relu", rows=None):
    true, probabilities = said_of(len(names), m, right=right)
    predicted = probabilities.argmax(axis=0)
    rng = np.random.default_rng(1)
    part = PartFacts("held out", m, {"accuracy": 0.9}, is_held_out=True)
    facts = CardFacts(classes=list(names), parts=[part], notes="To read digits.")
    sections = [
        learning_curves(history()),
        confusion_matrix_section(names, true, predicted),
        classes_section(names, true, predicted),
        mistakes_section(
            names,
            true,
            probabilities,
            pictures=rng.random((m, side, side, 1)),
            saliency=lambda places: rng.normal(size=(len(places), side, side, 1)),
            names=rows,
        ),
        calibration_section(true, probabilities),
        first_layer_section(rng.normal(size=(32, side * side)), (side, side, 1)),
        model_card(facts),
        versions_section(VERSIONS, COMMAND),
    ]
    return Page(title, "6,570 parameters; adamw, batches of 32, 30 epochs.", HEADLINES, sections)


def digits():
    return of_classes([str(i) for i in range(10)], 359, right=0.98)


def of_values(names, m=300):
    rng = np.random.default_rng(0)
    true = rng.normal(size=(len(names), m)) * 100.0
    predicted = true + rng.normal(size=true.shape) * 20.0
    low, high = predicted - 33.0, predicted + 33.0
    sections = [
        learning_curves(history(metrics=("RMSE", "R2"))),
        values_section(predicted, true, names),
        intervals_section(low, high, true, names, 0.9, predicted),
        importances_section([0.5, 0.2, -0.01], [0.1, 0.02, 0.02], ["age", "fare", "port"]),
        versions_section(VERSIONS, COMMAND),
    ]
    return Page("houses", "A table, 13 columns.", HEADLINES[:1], sections)


def of_labels():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, (4, 200))
    probabilities = np.clip(0.7 * true + 0.3 * rng.random((4, 200)), 0.0, 1.0)
    section = labels_section(["cat", "dog", "indoors", "night"], true, probabilities)
    return Page("labels", "Several labels an example.", HEADLINES[:1], [section])


def comparison():
    runs = [
        RunSummary(
            Path("runs", name),
            "done",
            begun="2026-12-01T05:00:00+00:00",
            ended="2026-12-01T05:01:30+00:00",
            epochs=30,
            best=Best("accuracy", 0.9 - 0.01 * i, 20, "max", True),
            settings={"optimizer": name, "learning_rate": "0.001", "data": "digits"},
        )
        for i, name in enumerate(("adam", "sgd", "rmsprop", "lion", "adamw"))
    ]
    return comparison_page(runs, {one.folder.name: history(30) for one in runs})


def hostile():
    names = [*HOSTILE_NAMES]
    page = of_classes(names, 300, right=0.5, title=HOSTILE_NAMES[0], rows=names * 20)
    page.sections[0] = learning_curves(
        {"cost": [2.0, 1.0]} | {name: [1.0, 0.5, 0.1] for name in names}
    )
    return page._replace(headlines=[Headline(name, name, name) for name in names[:6]])


def trained_on_digits():
    digits = load_digits()
    X, y = digits.X / 16.0, digits.y
    network = Network(64, (Dense(16, "relu"), Dense(10)), "softmax_cross_entropy")
    held_out = X[:, 1400:], y[1400:]
    run = train(
        network, X[:, :1400], y[:1400], epochs=20, optimizer=adam(0.01), validation=held_out
    )
    return report(run, held_out, notes="To read digits.")


def trained_on_a_table():
    from dnn_xp.estimators import TabularRegressor  # which a session without it does not open

    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = X @ [3.0, -1.0, 0.0] + rng.normal(size=300)
    model = TabularRegressor(
        n_members=2, hidden_layer_sizes=8, max_iter=5, importances=True, random_state=0
    )
    model.fit(X[:200], y[:200])
    return report(model, (X[200:], y[200:]))


def bare():
    return Page("A page without sections", "", [], [])


PAGES = {
    "digits": digits,
    "many classes": lambda: of_classes([f"class {i}" for i in range(500)], 5000),
    "many mistakes": lambda: of_classes([str(i) for i in range(10)], 4000, right=0.6),
    "long names": lambda: of_classes([f"a rather long name of class {i}" for i in range(20)], 300),
    "regression": lambda: of_values(["price"]),
    "several targets": lambda: of_values(["price", "an area in square metres", "rooms"]),
    "labels": of_labels,
    "comparison": comparison,
    "hostile names": hostile,
    "report on digits": trained_on_digits,
    "report on a table": trained_on_a_table,
    "bare": bare,
}
"""By name, a function that makes the page."""
