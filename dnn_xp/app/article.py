"""``dnn-xp article``: the two networks of the article, trained anew, beside what it prints."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from dnn_xp.app import printing
from dnn_xp.app.errors import Failure, user_errors
from dnn_xp.app.formatting import describe_backend
from dnn_xp.app.options import BackendName, DataDir, DeviceName, computing
from dnn_xp.article.cases import PUBLISHED, Published
from dnn_xp.article.models import L_layer_model, load_data, two_layer_model
from dnn_xp.article.steps import L_model_forward
from dnn_xp.backends import Array, from_host
from dnn_xp.functions.metrics import accuracy
from dnn_xp.training import Callback, Run

__all__ = ["Outcome", "Pictures", "article", "load_pictures", "train_published"]

MODELS: dict[str, Callable[..., dict[str, Array]]] = {
    model.__name__: model for model in (two_layer_model, L_layer_model)
}
LEARNING_RATE = 0.0075
ROUNDING = 1e-12
"""Of an accuracy, which is a quotient of two counts."""


class Pictures(NamedTuple):
    """The cat pictures on the current backend, from 0 to 1 in float64."""

    train_x: Array
    train_y: Array
    test_x: Array
    test_y: Array


class Outcome(NamedTuple):
    """Result of one of the article's networks.

    Attributes
    ----------
    costs : list of float
        Before iterations 0, 100, 200, ...
    train_accuracy, test_accuracy : float
    """

    costs: list[float]
    train_accuracy: float
    test_accuracy: float


def article(
    data_dir: DataDir = None, backend: BackendName = None, device: DeviceName = None
) -> None:
    """Train both networks of the article on its cat pictures, and compare.

    Every cost that the article prints stands beside ours, and so do the accuracies. The
    precision is float64.
    """
    console = printing.open_console()
    n_off = 0
    with computing(backend, device) as current:
        with user_errors():
            pictures = load_pictures(data_dir)
        printing.say(console, f"backend {describe_backend(current, pictures.train_x)}")
        for published in PUBLISHED:
            widths = "-".join(str(units) for units in published.layers_dims)
            printing.say(console, f"\n{published.model} {widths}", style="bold")
            started = time.perf_counter()
            with printing.progress(console, "iteration", published.num_iterations) as advance:
                outcome = train_published(published, pictures, advance)
            rows = _compare(published, outcome)
            headings = ["iteration", "published", "ours", "off by", ""]
            printing.table(console, headings, rows, numbers=range(4))
            printing.say(console, f"{time.perf_counter() - started:.1f} s")
            n_off += sum(row[-1] == "off" for row in rows)
    if n_off:
        raise Failure(f"{n_off} of the article's numbers are off on {current.name}")


def load_pictures(folder: Any) -> Pictures:
    """Load the cat pictures onto the current backend.

    Raises
    ------
    ValueError, OSError
        Where they are not there, or damaged.
    """
    train_x, train_y, test_x, test_y, _ = load_data(folder=folder)
    X, X_test = (from_host(x.reshape(len(x), -1).T / 255.0) for x in (train_x, test_x))
    Y, Y_test = (from_host(y, dtype="float64") for y in (train_y, test_y))
    return Pictures(X, Y, X_test, Y_test)


def train_published(published: Published, pictures: Pictures, advance: printing.Advance) -> Outcome:
    """Train a network of the article as it was there.

    Parameters
    ----------
    published : Published
    pictures : Pictures
    advance : callable
        ``advance(iteration, text)`` is told of each iteration.
    """
    watch = _Watch(advance)
    parameters = MODELS[published.model](
        pictures.train_x,
        pictures.train_y,
        published.layers_dims,
        learning_rate=LEARNING_RATE,
        num_iterations=published.num_iterations,
        callbacks=[watch],
    )
    accuracies = (
        float(accuracy(L_model_forward(X, parameters)[0], Y))
        for X, Y in (pictures[:2], pictures[2:])
    )
    return Outcome(watch.costs, *accuracies)


class _Watch(Callback):
    """Show the cost of each iteration, and keep those that the article prints."""

    def __init__(self, advance: printing.Advance) -> None:
        self.advance, self.costs = advance, list[float]()

    def epoch(self, run: Run) -> None:
        cost = run.history["cost"][-1]
        if (run.epoch - 1) % 100 == 0:
            self.costs.append(cost)
        self.advance(run.epoch, f"cost {cost:.6f}")


def _compare(published: Published, outcome: Outcome) -> list[list[str]]:
    """Return the rows of the table; the last cell of each is "ok" or "off"."""
    pairs = zip(published.costs, outcome.costs, strict=True)
    numbers = [(f"{i * 100}", *pair, published.tolerance) for i, pair in enumerate(pairs)]
    numbers += [
        ("train accuracy", published.train_accuracy, outcome.train_accuracy, ROUNDING),
        ("test accuracy", published.test_accuracy, outcome.test_accuracy, ROUNDING),
    ]
    rows = []
    for name, theirs, ours, tolerance in numbers:
        difference = abs(ours - theirs)
        digits = published.decimals
        mark = "ok" if difference <= tolerance else "off"
        rows.append([name, f"{theirs:.{digits}f}", f"{ours:.{digits}f}", f"{difference:.1e}", mark])
    return rows
