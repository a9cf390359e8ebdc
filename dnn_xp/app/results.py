"""Results of a training: shown first, then kept where the options say."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from dnn_xp.app import report
from dnn_xp.app.errors import Failure
from dnn_xp.app.formatting import (
    describe_backend,
    describe_data,
    describe_metrics,
    describe_network,
    describe_optimizer,
    describe_written,
)
from dnn_xp.app.metrics import measure
from dnn_xp.app.outputs import draw, option_errors
from dnn_xp.app.run import PreparedRun
from dnn_xp.app.settings import Settings
from dnn_xp.backends import Backend
from dnn_xp.callbacks.run_folder import MODEL, has_learnt
from dnn_xp.data.tasks import task_of
from dnn_xp.models import Model, save_model
from dnn_xp.reports import figures
from dnn_xp.training import TrainingResult

__all__ = ["FittedRun", "make_model", "report_and_save"]


class FittedRun(NamedTuple):
    """A run that has ended.

    Attributes
    ----------
    prepared : PreparedRun
    result : TrainingResult
        In the units of the data.
    seconds : float
    folder : Path or None
        Where it was kept.
    processes : int
        How many trained together.
    """

    prepared: PreparedRun
    result: TrainingResult
    seconds: float
    folder: Path | None
    processes: int = 1


def make_model(
    settings: Settings, prepared: PreparedRun, result: TrainingResult, backend: Backend
) -> Model:
    """Return the model that a run has come to.

    Parameters
    ----------
    settings : Settings
    prepared : PreparedRun
    result : TrainingResult
        With theta in the units of the data.
    backend : Backend
    """
    experiment, part = prepared.experiment, prepared.experiment.part
    about = settings.about(
        prepared.optimizer_settings, experiment.fingerprint, result.epochs, backend.name
    )
    return Model(
        experiment.network,
        result.theta,
        experiment.preprocessing,
        part.classes,
        part.image_shape,
        part.pixel_max,
        about | {"task": task_of(part.task, part.classes)},
    )


def report_and_save(
    run: FittedRun, settings: Settings, backend: Backend, console: Console
) -> list[str]:
    """Print what came of a run, then write it where the options say.

    Returns
    -------
    list of str
        What could not be written, by option and file.
    """
    pairs = _describe(run, settings, backend)
    width = max(len(name) for name, _ in pairs)
    report.facts(console, pairs)
    problems: list[str] = []
    files = [("model", _try(problems, lambda: _keep_model(run, settings, backend)))]
    if (plot := settings.plot) is not None:
        files.append(("curve", _try(problems, lambda: _draw_curve(run, plot))))
    if settings.checkpoint is not None and settings.checkpoint.is_file():
        files.append(("checkpoint", describe_written(settings.checkpoint)))
    if run.folder is not None and run.folder.is_dir():
        files.append(("run", describe_written(run.folder)))
    report.facts(console, [(name, text) for name, text in files if text], width)
    return problems


def _describe(run: FittedRun, settings: Settings, backend: Backend) -> list[tuple[str, str]]:
    prepared, result = run.prepared, run.result
    experiment = prepared.experiment
    parts = {"training": experiment.examples, "held out": experiment.held_out}
    measured = parts | {"training": experiment.measured}
    metrics = {
        part: measure(experiment.network, result.theta, examples, prepared.metrics)
        for part, examples in measured.items()
    }
    counts = ", ".join(f"{examples.X.shape[1]:,} {part}" for part, examples in parts.items())
    if (n_measured := experiment.measured.X.shape[1]) < experiment.examples.X.shape[1]:
        counts += f" (figures of training are of {n_measured:,})"
    epochs = f"{result.epochs} of {settings.epochs} in {run.seconds:.1f} s"
    if before := prepared.resume.epochs_before:
        epochs += f", {before} of them before"
    place = describe_backend(backend, experiment.examples.X)
    if run.processes > 1:
        place += f", {run.processes} processes"
    return [
        ("data", f"{settings.data}: {counts}; {describe_data(experiment.part)}"),
        ("network", describe_network(experiment.network)),
        ("backend", place),
        (
            "descent",
            describe_optimizer(
                prepared.optimizer_settings, settings.batch_size, settings.class_weight
            ),
        ),
        ("epochs", epochs),
        *(describe_metrics(metrics) if result.epochs or has_learnt(result) else []),
    ]


def _keep_model(run: FittedRun, settings: Settings, backend: Backend) -> str:
    """Write the model to ``--output``, and say where it is."""
    if not has_learnt(run.result):
        return "not kept: nothing was learnt"
    kept = None if run.folder is None else run.folder / MODEL
    if kept is not None and not kept.is_file():
        kept = None
    if settings.output is None and kept is not None:
        return describe_written(kept)
    if settings.output is None and run.folder is None:
        return "not kept: --output FILE keeps it"
    model = make_model(settings, run.prepared, run.result, backend)
    if settings.output is None:  # the folder could not be written, as a warning has said
        where = _save_somewhere(model)
        return "not kept: --output FILE keeps it" if where is None else describe_written(where)
    try:
        with option_errors("--output", settings.output):
            save_model(settings.output, model)
    except Failure as error:
        where = kept or _save_somewhere(model)
        raise Failure(f"{error}{f'; the model is in {where}' if where else ''}") from error
    return describe_written(settings.output)


def _save_somewhere(model: Model) -> Path | None:
    """Write a model that has no place where the system keeps temporary files."""
    with suppress(OSError, ValueError):
        path = Path(tempfile.mkdtemp(prefix="dnn-xp-")) / MODEL
        try:
            save_model(path, model)
        except (OSError, ValueError):
            path.parent.rmdir()
            raise
        return path
    return None


def _draw_curve(run: FittedRun, plot: Path) -> str:
    """Write the learning curve, and say where it is."""
    if not run.result.history:
        return "not drawn: there is no whole epoch"
    return draw(figures.learning_curve(run.result.history), plot)


def _try(problems: list[str], write: Callable[[], str]) -> str:
    """Return what a function says of what it writes, or take note of why it cannot."""
    try:
        return write()
    except Failure as error:
        problems.append(str(error))
        return ""
