"""Results of a training: shown first, then kept where the options say."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from dnn_xp.app import printing
from dnn_xp.app.curves import draw_history
from dnn_xp.app.documents import print_json
from dnn_xp.app.errors import Failure
from dnn_xp.app.formatting import (
    describe_backend,
    describe_metrics,
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
from dnn_xp.reports.words import describe_data, describe_network
from dnn_xp.training import Ending, TrainingResult

__all__ = ["FittedRun", "make_model", "report_and_save", "save_somewhere"]


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
    if experiment.pictures is not None:
        about["pictures"] = experiment.pictures.described()
    return Model(
        experiment.network,
        result.theta,
        experiment.preprocessing,
        part.classes,
        part.image_shape,
        part.pixel_max,
        about
        | {"task": task_of(part.task, part.classes)}
        | ({} if experiment.target is None else {"target": experiment.target}),
        encoder=experiment.encoder,
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
    figures = _measure(run)
    pairs = _describe(run, settings, backend, figures)
    width = max(len(name) for name, _ in pairs)
    if not settings.as_json:
        printing.facts(console, pairs)
    problems: list[str] = []
    files: list[tuple[str, Path | str]] = [
        ("model", _try(problems, lambda: _keep_model(run, settings, backend)))
    ]
    if (plot := settings.plot) is not None:
        files.append(("curve", _try(problems, lambda: _draw_curve(run, plot, settings.data))))
    if settings.checkpoint is not None and settings.checkpoint.is_file():
        files.append(("checkpoint", settings.checkpoint))
    files += [(name, path) for name in LOGS if (path := getattr(settings, name)) is not None]
    if run.folder is not None and run.folder.is_dir():
        files.append(("run", run.folder))
    if settings.as_json:
        print_json(_document(run, settings, backend, figures, files))
    else:
        said = [
            (name, describe_written(found) if isinstance(found, Path) else found)
            for name, found in files
        ]
        printing.facts(console, [(name, text) for name, text in said if text], width)
    return problems


LOGS = ("log", "tensorboard")
"""The options whose files are written while it trains."""


def _measure(run: FittedRun) -> dict[str, dict[str, float]]:
    """Return the figures of both parts of the data, or none where nothing was learnt."""
    experiment, result = run.prepared.experiment, run.result
    if not (result.epochs or has_learnt(result)):
        return {}
    measured = {"training": experiment.measured, "held out": experiment.held_out}
    return {
        part: measure(experiment.network, result.theta, examples, run.prepared.metrics)
        for part, examples in measured.items()
    }


def _document(
    run: FittedRun,
    settings: Settings,
    backend: Backend,
    figures: Mapping[str, Mapping[str, float]],
    files: Sequence[tuple[str, Path | str]],
) -> dict[str, object]:
    """Return what came of a run for other programs to read."""
    prepared, result, stopping = run.prepared, run.result, run.prepared.early_stopping
    experiment = prepared.experiment
    about = settings.about(
        prepared.optimizer_settings, experiment.fingerprint, settings.epochs, backend.name
    )
    return {
        "data": settings.data,
        "examples": {
            "training": experiment.examples.X.shape[1],
            "held_out": experiment.held_out.X.shape[1],
        },
        "network": describe_network(experiment.network),
        "parameters": experiment.network.size,
        "backend": backend.name,
        "settings": about,
        "options": prepared.options,
        "ending": result.ending,
        "reason": result.reason,
        "epochs": result.epochs,
        "best_epoch": None if stopping is None else stopping.best_epoch,
        "seconds": run.seconds,
        "figures": {part.replace(" ", "_"): values for part, values in figures.items()},
        "history": result.history,
        "notes": experiment.notes,
        "files": {name: path for name, path in files if isinstance(path, Path)},
    }


def _describe(
    run: FittedRun,
    settings: Settings,
    backend: Backend,
    figures: Mapping[str, Mapping[str, float]],
) -> list[tuple[str, str]]:
    prepared, result = run.prepared, run.result
    experiment = prepared.experiment
    parts = {"training": experiment.examples, "held out": experiment.held_out}
    counts = ", ".join(f"{examples.X.shape[1]:,} {part}" for part, examples in parts.items())
    if (n_measured := experiment.measured.X.shape[1]) < experiment.examples.X.shape[1]:
        counts += f" (figures of training are of {n_measured:,})"
    epochs = f"{result.epochs} of {settings.epochs} in {run.seconds:.1f} s"
    if before := prepared.resume.epochs_before:
        epochs += f", {before} of them before"
    epochs += _describe_ending(run)
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
                prepared.optimizer_settings,
                settings.batch_size,
                settings.class_weight,
                settings.early_stopping,
            ),
        ),
        ("epochs", epochs),
        *(describe_metrics(figures) if figures else []),
    ]


def _describe_ending(run: FittedRun) -> str:
    """Say why a run ended before its last epoch, and what was kept where that is not the last."""
    result, stopping, said = run.result, run.prepared.early_stopping, ""
    if result.ending in (Ending.STOPPED, Ending.CONVERGED, Ending.EXHAUSTED):
        said = f"; {result.reason.replace('validation_cost', 'held-out cost')}"
    if stopping is not None and stopping.best_epoch and result.ending is not Ending.DIVERGED:
        said += f"; kept: epoch {stopping.best_epoch}, the best on what is held out"
    return said


def _keep_model(run: FittedRun, settings: Settings, backend: Backend) -> Path | str:
    """Write the model to ``--output``, and say where it is."""
    if not has_learnt(run.result):
        return "not kept: nothing was learnt"
    kept = None if run.folder is None else run.folder / MODEL
    if kept is not None and not kept.is_file():
        kept = None
    if settings.output is None and kept is not None:
        return kept
    if settings.output is None and run.folder is None:
        return "not kept: --output FILE keeps it"
    model = make_model(settings, run.prepared, run.result, backend)
    if settings.output is None:  # the folder could not be written, as a warning has said
        where = save_somewhere(model)
        return where or "not kept: --output FILE keeps it"
    try:
        with option_errors("--output", settings.output):
            save_model(settings.output, model)
    except Failure as error:
        where = kept or save_somewhere(model)
        raise Failure(f"{error}{f'; the model is in {where}' if where else ''}") from error
    return settings.output


def save_somewhere(model: Model) -> Path | None:
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


def _draw_curve(run: FittedRun, plot: Path, data: str) -> Path | str:
    """Write the learning curve, and say where it is."""
    if not run.result.history:
        return "not drawn: there is no whole epoch"
    steps_taken = run.prepared.optimizer_settings
    optimizer = steps_taken.optimizer
    rate = None if optimizer is None else optimizer.learning_rate
    network = run.prepared.experiment.network
    draw(draw_history(run.result.history, rate, steps_taken.plan, data, network), plot)
    return plot


def _try(problems: list[str], write: Callable[[], Path | str]) -> Path | str:
    """Return what a function says of what it writes, or take note of why it cannot."""
    try:
        return write()
    except Failure as error:
        problems.append(str(error))
        return ""
