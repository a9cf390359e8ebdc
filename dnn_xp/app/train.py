"""``dnn-xp train``: from data to a model that is kept, watched while it learns."""

import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dnn_xp.app import report
from dnn_xp.app.errors import Failure, user_errors
from dnn_xp.app.experiment import Experiment, parse_layers, prepare
from dnn_xp.app.formatting import (
    backend_in_words,
    data_in_words,
    descent_in_words,
    figure_in_words,
    figures_in_words,
    network_in_words,
)
from dnn_xp.app.metrics import (
    OF_CLASSES,
    OF_SEVERAL_CLASSES,
    OF_TARGETS,
    OF_TWO_CLASSES,
    choose_metrics,
    measure,
)
from dnn_xp.app.optimization import OPTIMIZERS, choose_descent
from dnn_xp.app.options import (
    ActivationName,
    BackendName,
    BatchSize,
    Data,
    DataDir,
    DeviceName,
    Dtype,
    DtypeName,
    Layers,
    OptimizerName,
    Seed,
    computing,
)
from dnn_xp.app.outputs import check_outputs, check_plot, draw
from dnn_xp.app.resume import going_on, how_to_go_on, open_journey
from dnn_xp.app.run import run_experiment
from dnn_xp.backends import Array
from dnn_xp.models import Model, save_model
from dnn_xp.reports import figures
from dnn_xp.training import Ending, TrainingResult, class_weights

__all__ = ["train"]


class ClassWeight(StrEnum):
    """How examples may be weighed by their class."""

    balanced = "balanced"


def train(
    context: typer.Context,
    data: Data = "digits",
    layers: Layers = "64,32",
    activation: ActivationName = "relu",
    epochs: Annotated[
        int, typer.Option(min=1, metavar="N", help="How often each example is seen.")
    ] = 30,
    batch_size: BatchSize = 32,
    optimizer: OptimizerName = "adam",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="How far a step goes; lower it where the cost jumps about. Default: "
            + ", ".join(f"{rate:g} for {name}" for name, (_, rate) in OPTIMIZERS.items())
            + ".",
        ),
    ] = None,
    schedule: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What becomes of the learning rate: constant; cosine, to 0 at the end; step, to a "
            "tenth after each third of the epochs; exponential, to a hundredth at the end; "
            "inverse-scaling, as 1 / sqrt(1 + epoch); one-cycle, up for three tenths of the "
            "epochs, then down; plateau, to a tenth where the held-out cost has not improved for "
            "10 epochs.",
        ),
    ] = "constant",
    warm_up: Annotated[
        float,
        typer.Option(metavar="EPOCHS", help="How long the learning rate first rises from 0."),
    ] = 0.0,
    clip_norm: Annotated[
        float | None,
        typer.Option(metavar="NORM", help="Shorten gradients that are longer than this."),
    ] = None,
    ema_decay: Annotated[
        float | None,
        typer.Option(
            metavar="PART",
            help="Keep a moving average of the parameters, of which this part stays at each step: "
            "0.99 looks back over 100 steps.",
        ),
    ] = None,
    class_weight: Annotated[
        ClassWeight | None,
        typer.Option(help="Have each class count the same, however few its examples are."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Show this figure, too; may be given more than once. Of classes: "
            f"{', '.join(OF_CLASSES)}, {OF_TWO_CLASSES} of two, {OF_SEVERAL_CLASSES} of more; of "
            f"targets: {', '.join(OF_TARGETS)}.",
        ),
    ] = None,
    seed: Seed = 0,
    data_dir: DataDir = None,
    backend: BackendName = None,
    device: DeviceName = None,
    dtype: DtypeName = Dtype.float32,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the model in this file (HDF5).")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the learning curve: .png, .svg or .pdf."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep what is needed to go on in this file, every ten seconds and at the end.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on from the checkpoint, with the other options as they were; --epochs may "
            "be more.",
        ),
    ] = False,
) -> None:
    """Train a network on data, and show how well it does.

    A part of the data is held out, to see how well the network does on what it has never seen.
    Ctrl-C ends the training after the step under way and keeps what was learnt.
    """
    console = report.open_console()
    with computing(backend, device) as chosen:
        with user_errors():
            check_outputs(data, {"--output": output, "--plot": plot, "--checkpoint": checkpoint})
            check_plot(plot)
            with going_on():
                journey = open_journey(checkpoint, resume)
            descent = choose_descent(
                optimizer,
                learning_rate,
                schedule=schedule,
                warm_up_epochs=warm_up,
                epochs=epochs,
                clip_norm=clip_norm,
                ema_decay=ema_decay,
            )
            experiment = prepare(
                data,
                data_dir=data_dir,
                hidden=parse_layers(layers),
                activation=activation,
                seed=seed,
                dtype=dtype.value,
            )
            metrics = choose_metrics(experiment.part.classes, metric or ())
            weights = None if class_weight is None else _balanced(experiment)
        started = time.perf_counter()
        before = journey.epochs_before
        with report.progress(console, "epoch", epochs, before) as advance, going_on():
            run = run_experiment(
                experiment,
                descent=descent,
                metrics=metrics,
                epochs=epochs,
                batch_size=batch_size,
                seed=seed,
                tell=lambda epoch, figures: advance(epoch, _latest_in_words(figures)),
                weights=weights,
                resume=journey.resume,
                callbacks=journey.keepers,
            )
        seconds = time.perf_counter() - started
        about = {
            "data": Path(data).name,
            "fingerprint": experiment.fingerprint,
            "seed": seed,
            "epochs": run.epochs,
            "batch_size": batch_size,
            "optimizer": optimizer,
            "learning_rate": descent.optimizer.learning_rate,
            "schedule": descent.plan.words,
            "clip_norm": clip_norm,
            "ema_decay": ema_decay,
            "class_weight": class_weight,
            "metrics": metric or [],
            "backend": chosen.name,
        }
        kept = _keep(experiment, run, about, output)
        drawn = [("curve", _draw(run, plot))] if plot else []

        parts = {"training": experiment.examples, "held out": experiment.held_out}
        figures = {
            name: measure(experiment.network, run.theta, one, metrics)
            for name, one in parts.items()
        }
        counts = ", ".join(f"{one.X.shape[1]:,} {name}" for name, one in parts.items())
        report.facts(
            console,
            [
                ("data", f"{data}: {counts}; {data_in_words(experiment.part)}"),
                ("network", network_in_words(experiment.network)),
                ("backend", backend_in_words(chosen, experiment.examples.X)),
                ("descent", descent_in_words(descent, batch_size)),
                (
                    "epochs",
                    f"{run.epochs} of {epochs} in {seconds:.1f} s"
                    + (f", {before} of them before" if before else ""),
                ),
                *(figures_in_words(figures) if run.epochs else []),
                ("model", kept),
                *drawn,
            ],
        )
    if run.ending is Ending.INTERRUPTED:
        if checkpoint is not None and checkpoint.exists():
            typer.echo(f"dnn-xp: go on with: {how_to_go_on(context.obj)}", err=True)
        raise typer.Exit(130)
    if run.ending is Ending.DIVERGED:
        raise Failure(run.reason)


def _balanced(experiment: Experiment) -> Array:
    """Return weights of the examples by which each class counts the same."""
    if experiment.part.classes is None:
        raise ValueError("--class-weight: found data with real targets, expected classes")
    return class_weights(experiment.examples.Y)


def _latest_in_words(figures: Mapping[str, float]) -> str:
    """Return an epoch's figures, such as ``"cost 0.0211, held-out accuracy 97.77%"``."""
    held_out = {
        name: figures[key]
        for key in figures
        if (name := key.removeprefix("validation_")) not in (key, "cost")
    }
    scores = ", ".join(f"{name} {figure_in_words(name, held_out[name])}" for name in held_out)
    return f"cost {figure_in_words('cost', figures['cost'])}, held-out {scores}"


def _keep(
    experiment: Experiment, run: TrainingResult, about: Mapping[str, object], output: Path | None
) -> str:
    """Write the model, and say where it is."""
    if run.epochs == 0 or run.ending is Ending.DIVERGED:
        return "not kept: nothing was learnt"
    if output is None:
        return "not kept: --output FILE keeps it"
    part = experiment.part
    model = Model(
        experiment.network,
        run.theta,
        experiment.preprocessing,
        part.classes,
        part.image_shape,
        part.pixel_max,
        about,
    )
    with user_errors():
        save_model(output, model)
    return str(output)


def _draw(run: TrainingResult, plot: Path) -> str:
    """Write the learning curve, and say where it is."""
    if not run.history:
        return "not drawn: there is no whole epoch"
    return draw(figures.learning_curve(run.history), plot)
