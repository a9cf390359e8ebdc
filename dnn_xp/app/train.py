"""``dnn-xp train``: from data to a model that is kept, watched while it learns."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console

from dnn_xp.app import report
from dnn_xp.app.errors import Failure, user_errors
from dnn_xp.app.experiment import Experiment, parse_layers, prepare
from dnn_xp.app.formatting import (
    describe_backend,
    describe_data,
    describe_metric,
    describe_metrics,
    describe_network,
    describe_optimizer,
)
from dnn_xp.app.metrics import choose_metrics, measure
from dnn_xp.app.optimization import choose_optimizer_settings
from dnn_xp.app.options import (
    ActivationName,
    BackendName,
    BatchSize,
    CheckpointFile,
    ClassWeight,
    ClassWeightName,
    ClipNorm,
    CurveFile,
    DataDir,
    DataName,
    DeviceName,
    Dtype,
    DtypeName,
    EmaDecay,
    Epochs,
    Layers,
    LearningRate,
    MetricNames,
    OptimizerName,
    OutputFile,
    ResumeFlag,
    ScheduleName,
    Seed,
    TrustFlag,
    WarmUp,
    computing,
)
from dnn_xp.app.outputs import check_outputs, check_plot, draw
from dnn_xp.app.resume import checkpoint_errors, open_resume, resume_command
from dnn_xp.app.run import PreparedRun, run_experiment
from dnn_xp.backends import Array, Backend
from dnn_xp.models import Model, save_model
from dnn_xp.reports import figures
from dnn_xp.training import Ending, TrainingResult, class_weights

__all__ = ["Settings", "train"]


class Settings(NamedTuple):
    """Settings of a training, each under its option's name; not where it is computed."""

    data: str
    layers: str
    activation: str
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float | None
    schedule: str
    warm_up: float
    clip_norm: float | None
    ema_decay: float | None
    class_weight: ClassWeight | None
    metrics: Sequence[str]
    seed: int
    data_dir: Path | None
    trust: bool
    dtype: Dtype
    output: Path | None
    plot: Path | None
    checkpoint: Path | None
    resume: bool

    def about(self, prepared: PreparedRun, epochs: int, backend: str) -> dict[str, object]:
        """Return what is written down with the model.

        Parameters
        ----------
        prepared : PreparedRun
        epochs : int
            How many were done.
        backend : str
            The name of the array library.
        """
        optimizer_settings = prepared.optimizer_settings
        return {
            "data": Path(self.data).name,
            "fingerprint": prepared.experiment.fingerprint,
            "seed": self.seed,
            "epochs": epochs,
            "batch_size": self.batch_size,
            "optimizer": self.optimizer,
            "learning_rate": optimizer_settings.optimizer.learning_rate,
            "schedule": optimizer_settings.plan.description,
            "clip_norm": self.clip_norm,
            "ema_decay": self.ema_decay,
            "class_weight": self.class_weight,
            "metrics": self.metrics,
            "backend": backend,
        }


class _Fitted(NamedTuple):
    """Result of a run, and how long it took."""

    result: TrainingResult
    seconds: float


def train(
    context: typer.Context,
    data: DataName = "digits",
    layers: Layers = "64,32",
    activation: ActivationName = "relu",
    epochs: Epochs = 30,
    batch_size: BatchSize = 32,
    optimizer: OptimizerName = "adam",
    learning_rate: LearningRate = None,
    schedule: ScheduleName = "constant",
    warm_up: WarmUp = 0.0,
    clip_norm: ClipNorm = None,
    ema_decay: EmaDecay = None,
    class_weight: ClassWeightName = None,
    metric: MetricNames = None,
    seed: Seed = 0,
    data_dir: DataDir = None,
    trust: TrustFlag = False,
    backend: BackendName = None,
    device: DeviceName = None,
    dtype: DtypeName = Dtype.float32,
    output: OutputFile = None,
    plot: CurveFile = None,
    checkpoint: CheckpointFile = None,
    resume: ResumeFlag = False,
) -> None:
    """Train a network on data, and show how well it does.

    A part of the data is held out, to see how well the network does on what it has never seen.
    Ctrl-C ends the training after the step under way and keeps what was learnt.
    """
    settings = Settings(
        data=data,
        layers=layers,
        activation=activation,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=learning_rate,
        schedule=schedule,
        warm_up=warm_up,
        clip_norm=clip_norm,
        ema_decay=ema_decay,
        class_weight=class_weight,
        metrics=metric or [],
        seed=seed,
        data_dir=data_dir,
        trust=trust,
        dtype=dtype,
        output=output,
        plot=plot,
        checkpoint=checkpoint,
        resume=resume,
    )
    console = report.open_console()
    with computing(backend, device) as current:
        with user_errors():
            prepared = _prepare_run(settings)
        fitted = _fit(prepared, console)
        _save_and_report(settings, prepared, fitted, current, console)
    _check_ending(fitted.result, checkpoint, context.obj)


def _prepare_run(settings: Settings) -> PreparedRun:
    """Check what the options say, load the data and make a network for them."""
    files = {
        "--output": settings.output,
        "--plot": settings.plot,
        "--checkpoint": settings.checkpoint,
    }
    check_outputs(settings.data, files)
    check_plot(settings.plot)
    with checkpoint_errors():
        resume = open_resume(settings.checkpoint, settings.resume)
    optimizer_settings = choose_optimizer_settings(
        settings.optimizer,
        settings.learning_rate,
        schedule=settings.schedule,
        warm_up_epochs=settings.warm_up,
        epochs=settings.epochs,
        clip_norm=settings.clip_norm,
        ema_decay=settings.ema_decay,
    )
    experiment = prepare(
        settings.data,
        data_dir=settings.data_dir,
        trusted=settings.trust,
        hidden=parse_layers(settings.layers),
        activation=settings.activation,
        seed=settings.seed,
        dtype=settings.dtype.value,
    )
    return PreparedRun(
        experiment,
        optimizer_settings,
        choose_metrics(experiment.part.classes, settings.metrics),
        settings.epochs,
        settings.batch_size,
        settings.seed,
        None if settings.class_weight is None else _balanced_weights(experiment),
        resume,
    )


def _balanced_weights(experiment: Experiment) -> Array:
    """Return weights of the examples by which each class counts the same."""
    if experiment.part.classes is None:
        raise ValueError("--class-weight: found data with real targets, expected classes")
    return class_weights(experiment.examples.Y)


def _fit(prepared: PreparedRun, console: Console) -> _Fitted:
    """Train, and show how far it is and how well it does."""
    started, before = time.perf_counter(), prepared.resume.epochs_before
    with report.progress(console, "epoch", prepared.epochs, before) as advance, checkpoint_errors():
        result = run_experiment(
            prepared, lambda epoch, metrics: advance(epoch, _describe_epoch(metrics))
        )
    return _Fitted(result, time.perf_counter() - started)


def _describe_epoch(metrics: Mapping[str, float]) -> str:
    """Return an epoch's metrics, such as ``"cost 0.0211, held-out accuracy 97.77%"``."""
    held_out = {
        name: metrics[key]
        for key in metrics
        if (name := key.removeprefix("validation_")) not in (key, "cost")
    }
    scores = ", ".join(f"{name} {describe_metric(name, value)}" for name, value in held_out.items())
    return f"cost {describe_metric('cost', metrics['cost'])}, held-out {scores}"


def _save_and_report(
    settings: Settings,
    prepared: PreparedRun,
    fitted: _Fitted,
    backend: Backend,
    console: Console,
) -> None:
    """Write the model and the learning curve, and print what came of the run."""
    experiment, result = prepared.experiment, fitted.result
    about = settings.about(prepared, result.epochs, backend.name)
    files = [("model", _save_model(experiment, result, about, settings.output))]
    if settings.plot:
        files.append(("curve", _draw_curve(result, settings.plot)))

    parts = {"training": experiment.examples, "held out": experiment.held_out}
    metrics = {
        part: measure(experiment.network, result.theta, examples, prepared.metrics)
        for part, examples in parts.items()
    }
    counts = ", ".join(f"{examples.X.shape[1]:,} {part}" for part, examples in parts.items())
    epochs = f"{result.epochs} of {settings.epochs} in {fitted.seconds:.1f} s"
    if before := prepared.resume.epochs_before:
        epochs += f", {before} of them before"
    report.facts(
        console,
        [
            ("data", f"{settings.data}: {counts}; {describe_data(experiment.part)}"),
            ("network", describe_network(experiment.network)),
            ("backend", describe_backend(backend, experiment.examples.X)),
            ("descent", describe_optimizer(prepared.optimizer_settings, settings.batch_size)),
            ("epochs", epochs),
            *(describe_metrics(metrics) if result.epochs else []),
            *files,
        ],
    )


def _save_model(
    experiment: Experiment,
    result: TrainingResult,
    about: Mapping[str, object],
    output: Path | None,
) -> str:
    """Write the model, and say where it is."""
    if result.epochs == 0 or result.ending is Ending.DIVERGED:
        return "not kept: nothing was learnt"
    if output is None:
        return "not kept: --output FILE keeps it"
    part = experiment.part
    model = Model(
        experiment.network,
        result.theta,
        experiment.preprocessing,
        part.classes,
        part.image_shape,
        part.pixel_max,
        about,
    )
    with user_errors():
        save_model(output, model)
    return str(output)


def _draw_curve(result: TrainingResult, plot: Path) -> str:
    """Write the learning curve, and say where it is."""
    if not result.history:
        return "not drawn: there is no whole epoch"
    return draw(figures.learning_curve(result.history), plot)


def _check_ending(
    result: TrainingResult, checkpoint: Path | None, arguments: Sequence[str]
) -> None:
    """Leave with an exit code of its own where the run was interrupted, or diverged."""
    if result.ending is Ending.INTERRUPTED:
        if checkpoint is not None and checkpoint.exists():
            typer.echo(f"dnn-xp: go on with: {resume_command(arguments)}", err=True)
        raise typer.Exit(130)
    if result.ending is Ending.DIVERGED:
        raise Failure(result.reason)
