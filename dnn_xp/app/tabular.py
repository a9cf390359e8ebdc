"""``dnn-xp train --tabular``: tables trained on as the estimators of tables do."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import typer
from rich.console import Console

from dnn_xp.app import printing
from dnn_xp.app.documents import print_json
from dnn_xp.app.errors import Failure, UserError, say, user_errors, warnings_as_lines
from dnn_xp.app.experiment import describe_absent
from dnn_xp.app.formatting import describe_metrics, describe_written
from dnn_xp.app.large import check_data_options
from dnn_xp.app.metrics import Metrics, choose_metrics
from dnn_xp.app.outputs import check_outputs, option_errors
from dnn_xp.app.results import save_somewhere
from dnn_xp.app.runs import make_folder, refuse_begun, remove_where_empty
from dnn_xp.app.settings import Settings
from dnn_xp.app.stopping import say_at_once
from dnn_xp.app.tables import TableData, divide, load_table, load_table_like, name_target
from dnn_xp.arguments import check_positive
from dnn_xp.backends import HostArray, require, to_host
from dnn_xp.callbacks import Interruptible
from dnn_xp.callbacks.run_folder import MODEL, RECORD
from dnn_xp.data import Dataset, with_classes
from dnn_xp.data.datasets import absent_classes
from dnn_xp.data.table_files import is_table
from dnn_xp.data.tables import TableEncoder
from dnn_xp.files.atomic import replacing
from dnn_xp.functions.metrics import one_hot
from dnn_xp.models import Model, save_model
from dnn_xp.reports.pages.given_data import interval_of
from dnn_xp.training import Callback, Run

__all__ = [
    "TablePredictions",
    "chooses_tabular",
    "evaluate_estimator",
    "predict_table",
    "train_tabular",
]

MOST_ROWS = 100_000
"""Rows of a table from which on one network is trained, unless it is said otherwise."""

_OWN = {
    *("data", "target", "task", "tabular", "time_limit", "importances", "class_weight"),
    *("metric", "seed"),
    *("backend", "device", "run", "no_run", "output", "as_json"),
}
"""Options that the estimators have, too; any other is one of a single network."""

_HOST = (None, "", "auto", "numpy")


# ----------------------------------------------------------------------------- which way


def chooses_tabular(
    context: typer.Context, settings: Settings, console: Console, *, together: bool
) -> TableData | None:
    """Return the table where it is to be trained on by an estimator, and say which way is taken.

    Parameters
    ----------
    context : typer.Context
        Of the command, which knows what options were given.
    settings : Settings
    console : Console
    together : bool
        Whether several processes train as one.

    Raises
    ------
    UserError
        Where ``--tabular`` does not suit the data or the other options.
    """
    with user_errors():
        check_data_options(settings.data, settings.x, settings.y, settings.target)
        if settings.time_limit is not None:
            check_positive("--time-limit", settings.time_limit)
        table, reason = None, _why_a_network(context, settings, together)
        if reason is None:
            table = load_table(settings.data, settings.target, settings.task)
            reason = _why_not_this(table, settings)
        if reason is not None and settings.tabular:
            raise ValueError(f"--tabular: found {reason}")
        of_estimators = {
            "--time-limit": settings.time_limit is not None,
            "--importances": settings.importances,
        }
        for option, is_given in of_estimators.items():
            if reason is not None and is_given:
                raise ValueError(f"{option}: is for tables with --tabular, and found {reason}")
    if not is_table(settings.data) or settings.tabular is False:
        return None
    if table is None or reason is not None:
        if Path(settings.data).exists():
            printing.say(console, f"{settings.data}: trained as one network: {reason}")
        return None
    kind = "TabularRegressor" if table.dataset.classes is None else "TabularClassifier"
    printing.say(
        console, f"{settings.data}: trained as {kind} does; --no-tabular trains one network"
    )
    return table


def _why_not_this(table: TableData, settings: Settings) -> str | None:
    """Return why one network is to be trained, as far as the table says so."""
    n_rows = len(table.features)
    if table.dataset.task == "counts":
        return "counts, which only a single network learns"
    if not settings.tabular and n_rows >= MOST_ROWS:
        return f"{n_rows:,} rows; --tabular trains several networks all the same"
    return None


def _why_a_network(context: typer.Context, settings: Settings, together: bool) -> str | None:
    """Return why one network is to be trained, as far as data and options say so."""
    if not is_table(settings.data):
        return f"{settings.data}, which is no table (.csv, .tsv, .parquet)"
    if settings.tabular is False:
        return "--no-tabular"
    if settings.resume or settings.resume_or_start:
        return "a run that goes on"
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if source is not None and source.name == "COMMANDLINE" and parameter.name not in _OWN:
            return f"{parameter.opts[0]}, which is an option of a single network"
    if together:
        return "several processes"
    for option in ("backend", "device"):
        variable = f"DNN_XP_{option.upper()}"
        given = context.params.get(option)
        value = given or os.environ.get(variable)
        if value not in (_HOST if option == "backend" else (None, "", "cpu")):
            return f"{f'--{option}' if given else variable} {value}; frames are computed by numpy"
    try:
        require("sklearn", extra="sklearn")
    except ImportError as error:
        cause = error.__cause__
        broken = "" if isinstance(cause, ModuleNotFoundError) else f" ({cause})"
        return (
            "no scikit-learn, which the estimators of tables need: "
            f"pip install 'dnn-xp[sklearn]'{broken}"
        )
    return None


# ----------------------------------------------------------------------------- training


class _Fitted(NamedTuple):
    """An estimator that was fitted, and how well it does.

    Attributes
    ----------
    model : Model
    seconds : float
    parts : dict of str to TableData
    metrics : dict of str to dict of str to float
        Of each part.
    """

    estimator: Any
    model: Model
    seconds: float
    parts: dict[str, TableData]
    metrics: dict[str, dict[str, float]]


def train_tabular(
    settings: Settings, table: TableData, record: Mapping[str, object], console: Console
) -> None:
    """Fit an estimator to a table, show how well it does, and keep it.

    Parameters
    ----------
    settings : Settings
    table : TableData
    record : mapping
        How the run was begun, for its folder.
    console : Console

    Raises
    ------
    UserError, Failure, typer.Exit
        As ``dnn-xp train``.
    """
    with user_errors():
        check_outputs(settings.data, {"--output": settings.output})
        if settings.run is not None and settings.no_run:
            raise ValueError("--no-run: found --run, too; expected one of them")
        if settings.run is not None:
            if settings.run.exists() and not settings.run.is_dir():
                raise ValueError(f"--run: found {settings.run}, a file, expected a folder")
            refuse_begun(settings.run)
        metrics = _choose_metrics(table.dataset, settings.metrics)
        if settings.class_weight is not None and table.dataset.classes is None:
            raise ValueError("--class-weight: found data with real targets, expected classes")
        parts = divide(table, settings.seed)
        _check_several_classes(parts["training"].dataset)
    absent = describe_absent({name: part.dataset for name, part in parts.items()})
    for note in (*table.dataset.notes, *absent):
        printing.say(console, f"{settings.data}: {note}")
    begun = _now()
    folder = None if settings.no_run else settings.run or make_folder(settings.data)
    try:
        with Interruptible(say_at_once) as listener:
            started = time.perf_counter()
            estimator = _fit(settings, parts["training"], listener, console)
            fitted = None
            if estimator is not None:
                seconds = time.perf_counter() - started
                fitted = _measured(estimator, seconds, parts, metrics, settings, table)
                _describe(fitted, settings, console)
            ending = "interrupted" if listener.number is not None else "completed"
            about = {**record, "begun": begun, "ending": ending}
            files, problems = _keep(fitted, settings, folder, about)
            _say_files(files, console)
            if settings.as_json:
                notes = (*table.dataset.notes, *absent)
                print_json(_document(fitted, settings, ending, notes, files))
    finally:
        if folder is not None and settings.run is None:
            remove_where_empty(folder)
    for problem in problems:
        say("error", problem)
    if listener.number is not None:
        raise typer.Exit(128 + listener.number)
    if problems:
        raise typer.Exit(Failure.exit_code)


def _check_several_classes(part: Dataset) -> None:
    """Refuse examples to learn from that are all of one class."""
    names = part.classes or ()
    absent = absent_classes(part)
    if part.classes is not None and len(names) - len(absent) < 2:
        (only,) = (name for name in names if name not in absent)
        where = "the part to learn from has" if absent else "the data have"
        raise ValueError(f"{where} the one class {only!r}, expected several")


def _choose_metrics(dataset: Dataset, asked: Sequence[str]) -> Metrics:
    """Return what is shown: of classes also the log-loss, by which the estimators are chosen."""
    usual = () if dataset.classes is None else ("log_loss",)
    return choose_metrics(dataset.classes, [*dict.fromkeys((*usual, *asked))], dataset.task)


class _Watch(Callback):
    """Show how far the members are, and end where a signal has come."""

    def __init__(
        self, listener: Interruptible, console: Console, n_members: int, shown: ExitStack
    ) -> None:
        self.listener, self.console, self.n_members = listener, console, n_members
        self.shown, self.member = shown, 0
        self.advance: Callable[[int, str], None] | None = None

    def apart(self) -> "Callback":
        return self

    def start(self, run: Run) -> None:
        self.member += 1
        if self.advance is None:
            total = self.n_members * run.epochs
            self.advance = self.shown.enter_context(printing.progress(self.console, "epoch", total))

    def step(self, run: Run) -> str | None:
        if self.listener.number is not None:
            raise KeyboardInterrupt  # by which members that are done are kept
        return None

    def epoch(self, run: Run) -> str | None:
        held_out = run.history.get("validation_cost")
        said = f", held-out cost {held_out[-1]:.4g}" if held_out else ""
        self._tell(run.epochs * (self.member - 1) + run.epoch, said)
        return None

    def _tell(self, done: int, said: str) -> None:
        assert self.advance is not None  # a member has begun
        self.advance(done, f"member {self.member} of {self.n_members}{said}")


def _fit(
    settings: Settings, part: TableData, listener: Interruptible, console: Console
) -> Any | None:
    """Return the fitted estimator, or None where it was interrupted before a member was done."""
    estimator = _make_estimator(settings, part.dataset)
    if part.dataset.classes is None:
        y = part.dataset.y[0]
    else:
        y = _class_values(part.dataset.classes)[part.dataset.y]
    with ExitStack() as shown:
        estimator.callbacks = [_Watch(listener, console, estimator.n_members, shown)]
        try:
            with user_errors(), warnings_as_lines(UserWarning):
                estimator.fit(part.features, y)
        except KeyboardInterrupt:
            return None
    estimator.callbacks = []
    return estimator


def _make_estimator(settings: Settings, dataset: Dataset) -> Any:
    from dnn_xp.estimators import TabularClassifier, TabularRegressor

    own: dict[str, Any] = {
        "random_state": settings.seed,
        "time_limit": settings.time_limit,
        "importances": settings.importances,
    }
    if dataset.classes is None:
        return TabularRegressor(**own)
    if settings.class_weight is not None:
        own["class_weight"] = settings.class_weight.value
    return TabularClassifier(**own)


def _class_values(classes: Sequence[str]) -> HostArray:
    """Return classes as Python is to see them: whole numbers where all are such."""
    try:
        numbers = np.asarray([int(name) for name in classes])
    except (ValueError, OverflowError):
        return np.asarray(classes)
    return numbers if tuple(map(str, numbers.tolist())) == tuple(classes) else np.asarray(classes)


def _measured(
    estimator: Any,
    seconds: float,
    parts: dict[str, TableData],
    metrics: Metrics,
    settings: Settings,
    table: TableData,
) -> _Fitted:
    model = estimator.to_model()
    about = {
        **model.about,
        "data": Path(settings.data).name,
        "fingerprint": table.fingerprint,
        "target": table.target,
        "task": table.dataset.task,
        "seed": settings.seed,
        "epochs": estimator.n_iter_,
        "members": len(estimator.best_epochs_),
        "time_limit": settings.time_limit,
        "class_weight": settings.class_weight,
        "metrics": [*settings.metrics],
        "backend": "numpy",
    }
    found = {name: _measure(estimator, part, model, metrics) for name, part in parts.items()}
    return _Fitted(estimator, model._replace(about=about), seconds, parts, found)


def _measure(estimator: Any, part: TableData, model: Model, metrics: Metrics) -> dict[str, float]:
    """Return how well an estimator does on a part of a table."""
    dataset, A = _predicted(estimator, part, model)
    if dataset.classes is None:
        Y = np.asarray(dataset.y, np.float64)
    else:
        Y = one_hot(dataset.y, len(dataset.classes), like=A)
        if len(dataset.classes) == 2:
            A, Y = A[1:], Y[1:]
    return {name: float(metric(A, Y)) for name, metric in metrics.items()}


def _predicted(estimator: Any, part: TableData, model: Model) -> tuple[Dataset, HostArray]:
    """Return a part of a table, and what an estimator says of it, of shape (n_outputs, m).

    Classes of which there was no example to learn from come after those that the model knows, and
    have a probability of 0.
    """
    if model.classes is None:
        values = np.asarray(estimator.predict(part.features), np.float64)
        return part.dataset, values[None, :]
    found = part.dataset.classes or ()
    classes = (*model.classes, *(name for name in found if name not in model.classes))
    known = np.asarray(estimator.predict_proba(part.features), np.float64).T
    A = np.pad(known, ((0, len(classes) - len(model.classes)), (0, 0)))
    return with_classes(part.dataset, classes), A


# ----------------------------------------------------------------------------- results


_Files = dict[str, Path | str]
"""What was written, by name; or why it was not."""


def _describe(fitted: _Fitted, settings: Settings, console: Console) -> None:
    counts = ", ".join(f"{len(part.features):,} {name}" for name, part in fitted.parts.items())
    dataset, estimator = fitted.parts["training"].dataset, fitted.estimator
    learnt = f"{len(dataset.classes):,} classes" if dataset.classes else "1 target"
    n_features = fitted.parts["training"].features.shape[1]
    n_columns = estimator.encoder_.n_columns_
    features = f"{n_features} feature{'s' * (n_features > 1)} in {n_columns} columns"
    epochs = ", ".join(map(str, estimator.best_epochs_))
    printing.facts(
        console,
        [
            ("data", f"{settings.data}: {counts}; {features}, {learnt}"),
            ("model", f"{type(estimator).__name__}, {_members(fitted)}"),
            ("backend", "numpy on cpu, float32"),
            ("epochs", f"{epochs} of {estimator.n_iter_} are kept, in {fitted.seconds:.1f} s"),
            *describe_metrics(fitted.metrics),
        ],
    )


def _members(fitted: _Fitted) -> str:
    n, asked = len(fitted.estimator.best_epochs_), fitted.estimator.n_members
    size = f"of {fitted.model.network.size:,} parameters"
    return f"{n} networks {size}" if n == asked else f"{n} of {asked} networks {size}"


def _keep(
    fitted: _Fitted | None,
    settings: Settings,
    folder: Path | None,
    record: Mapping[str, object],
) -> tuple[_Files, list[str]]:
    """Write the model and the record, and return where they are and what could not be written."""
    if fitted is None:
        return {"model": "not kept: nothing was learnt"}, []
    files, problems = dict[str, Path | str](), []
    kept = None
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            save_model(folder / MODEL, fitted.model)
            _write_record(folder, fitted, record)
            kept = folder / MODEL
        except OSError as error:
            say("warning", f"{folder}: nothing is kept here ({error.strerror or error})")
    if settings.output is not None:
        try:
            with option_errors("--output", settings.output):
                save_model(settings.output, fitted.model)
            files["model"] = settings.output
        except UserError as error:
            problems.append(f"{error}{f'; the model is in {kept}' if kept else ''}")
    else:
        lost = kept is None and folder is not None
        where = save_somewhere(fitted.model) if lost else kept
        files["model"] = where or "not kept: --output FILE keeps it"
    if kept is not None:
        files["run"] = kept.parent
    return files, problems


def _say_files(files: _Files, console: Console) -> None:
    said = [
        (name, describe_written(found) if isinstance(found, Path) else found)
        for name, found in files.items()
    ]
    printing.facts(console, said, len("accuracy"))


def _document(
    fitted: _Fitted | None,
    settings: Settings,
    ending: str,
    notes: Sequence[str],
    files: _Files,
) -> dict[str, object]:
    """Return what came of a fit for other programs to read, by the names that a network's has."""
    document: dict[str, object] = {
        "data": settings.data,
        "backend": "numpy",
        "ending": ending,
        "notes": notes,
        "files": {name: path for name, path in files.items() if isinstance(path, Path)},
    }
    if fitted is None:
        return document
    figures = {part.replace(" ", "_"): values for part, values in fitted.metrics.items()}
    sizes = {part.replace(" ", "_"): len(one.features) for part, one in fitted.parts.items()}
    return document | {
        "examples": sizes,
        "estimator": type(fitted.estimator).__name__,
        "members": len(fitted.estimator.best_epochs_),
        "best_epochs": fitted.estimator.best_epochs_,
        "settings": fitted.model.about,
        "seconds": fitted.seconds,
        "figures": figures,
    }


def _write_record(folder: Path, fitted: _Fitted, record: Mapping[str, object]) -> None:
    figures = {f"validation_{name}": value for name, value in fitted.metrics["held out"].items()}
    about = dict(fitted.model.about)
    versions = {"dnn_xp": _version("dnn_xp"), "numpy": np.__version__}
    whole = {
        **record,
        "settings": about,
        "options": {
            "--tabular": "yes",
            "--target": str(about["target"]),
            "--seed": str(about["seed"]),
            "--time-limit": str(about["time_limit"] or "none"),
            "--class-weight": str(about["class_weight"] or "none"),
        },
        "run": {"estimator": type(fitted.estimator).__name__, "seed": about["seed"]},
        "versions": versions | {"sklearn": _version("sklearn")},
        "epochs": about["epochs"],
        "ended": _now(),
        "reason": "all members are trained" if record["ending"] == "completed" else "interrupted",
        "figures": {name: value if np.isfinite(value) else None for name, value in figures.items()},
    }
    with replacing(folder / RECORD) as temporary:
        text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def _version(name: str) -> str:
    return str(getattr(__import__(name), "__version__", "unknown"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


# ----------------------------------------------------------------------------- evaluating


def evaluate_estimator(
    model: Model, data: str, target: str | None
) -> tuple[dict[str, TableData], dict[str, dict[str, float]]]:
    """Return the parts of a table, and how well the estimator of a model does on each.

    Of the table that it was trained on, the part that was held out stands by itself.

    Raises
    ------
    ValueError, OSError, ImportError
        Where the data are no table that it can be judged by.
    """
    estimator, parts = _open_parts(model, data, target)
    metrics = _choose_metrics(parts[next(iter(parts))].dataset, model.about.get("metrics", ()))
    return parts, {part: _measure(estimator, rows, model, metrics) for part, rows in parts.items()}


class TablePredictions(NamedTuple):
    """What an estimator says of rows of a table.

    Attributes
    ----------
    rows : TableData
    outputs : ndarray, shape (n_outputs, m)
        Probabilities of the classes, or values.
    interval : (low, high, asked), or None
        As in `dnn_xp.reports.examples.Examples`.
    """

    rows: TableData
    outputs: HostArray
    interval: tuple[HostArray, HostArray, float] | None


def predict_table(
    model: Model, data: str, target: str | None, parts: Sequence[str]
) -> dict[str, TablePredictions]:
    """Return what the estimator of a model says of parts of a table, by their names.

    Parameters
    ----------
    model : Model
    data : str
    target : str, optional
    parts : sequence of str
        "training" and "held out" of the table of the training, "all" of another: those that there
        are of these.

    Raises
    ------
    ValueError, OSError, ImportError
        As `evaluate_estimator`.
    """
    estimator, there = _open_parts(model, data, target)
    found = {}
    for name in parts:
        if name in there:
            dataset, outputs = _predicted(estimator, there[name], model)
            interval = interval_of(estimator, there[name].features)
            rows = there[name]._replace(dataset=dataset)
            found[name] = TablePredictions(rows, outputs, interval)
    return found


def _open_parts(model: Model, data: str, target: str | None) -> tuple[Any, dict[str, TableData]]:
    """Return the estimator of a model, and a table, divided where it is that of the training."""
    require("sklearn", extra="sklearn")
    from dnn_xp import estimators

    if not is_table(data) or model.table is None:
        raise ValueError(f"{data}: found no table (.csv, .tsv, .parquet), which the model is for")
    about, known = model.about, TableEncoder.from_state(model.table["encoder"])
    task = "regression" if model.classes is None else "classes"
    table = load_table_like(data, known, name_target(model, target), task)
    is_known = about.get("fingerprint") == table.fingerprint
    if model.classes is not None and not is_known:  # of which some may not be there
        table = table._replace(dataset=with_classes(table.dataset, model.classes))
    parts = divide(table, about.get("seed", 0)) if is_known else {"all": table}
    kind = getattr(estimators, model.table["estimator"])
    return kind.from_model(model._replace(theta=to_host(model.theta))), parts
