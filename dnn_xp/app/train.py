"""``dnn-xp train``: from data to a model that is kept, watched while it learns."""

import tempfile
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dnn_xp import plots
from dnn_xp.app import report
from dnn_xp.app.checkpoints import going_on, how_to_go_on, open_journey
from dnn_xp.app.errors import Failure, user_errors
from dnn_xp.app.experiment import Experiment, parse_layers, prepare
from dnn_xp.app.options import BackendName, Data, DataDir, DeviceName, computing
from dnn_xp.app.run import INTERRUPTED, diverged, measure, run_experiment
from dnn_xp.app.words import (
    backend_in_words,
    data_in_words,
    figure_in_words,
    figures_in_words,
    network_in_words,
)
from dnn_xp.backends import require
from dnn_xp.files import Model, replacing, save_model
from dnn_xp.functions.activations import ACTIVATIONS
from dnn_xp.training import Optimizer, TrainingResult, adam, momentum, sgd

__all__ = ["train"]

OPTIMIZERS: dict[str, tuple[Callable[[float], Optimizer], float]] = {
    "adam": (adam, 0.001),
    "momentum": (momentum, 0.01),
    "sgd": (sgd, 0.1),
}
"""With the learning rates that do for most data."""

PLOT_SUFFIXES = (".png", ".svg", ".pdf")


class Dtype(StrEnum):
    """The precisions to choose from."""

    float32 = "float32"
    float64 = "float64"


def train(
    context: typer.Context,
    data: Data = "digits",
    layers: Annotated[
        str, typer.Option(metavar="N,N,...", help='Units of the hidden layers; "" for none.')
    ] = "64,32",
    activation: Annotated[
        str, typer.Option(metavar="NAME", help=f"Of hidden layers: {', '.join(ACTIVATIONS)}.")
    ] = "relu",
    epochs: Annotated[
        int, typer.Option(min=1, metavar="N", help="How often each example is seen.")
    ] = 30,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Examples in a step.")] = 32,
    optimizer: Annotated[
        str, typer.Option(metavar="NAME", help=f"How steps are taken: {', '.join(OPTIMIZERS)}.")
    ] = "adam",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="How far a step goes; lower it where the cost jumps about. Default: "
            + ", ".join(f"{rate:g} for {name}" for name, (_, rate) in OPTIMIZERS.items())
            + ".",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="The same seed gives the same run.")
    ] = 0,
    data_dir: DataDir = None,
    backend: BackendName = None,
    device: DeviceName = None,
    dtype: Annotated[Dtype, typer.Option(help="The precision of the numbers.")] = Dtype.float32,
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
            _check_files(data, {"--output": output, "--plot": plot, "--checkpoint": checkpoint})
            with going_on():
                journey = open_journey(checkpoint, resume)
            descent = _choose_optimizer(optimizer, learning_rate)
            experiment = prepare(
                data,
                data_dir=data_dir,
                hidden=parse_layers(layers),
                activation=activation,
                seed=seed,
                dtype=dtype.value,
            )
        started = time.perf_counter()
        before = journey.epochs_before
        with report.progress(console, "epoch", epochs, before) as advance, going_on():
            run = run_experiment(
                experiment,
                optimizer=descent,
                epochs=epochs,
                batch_size=batch_size,
                seed=seed,
                tell=lambda epoch, figures: advance(epoch, _latest_in_words(figures)),
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
            "learning_rate": descent.learning_rate,
            "backend": chosen.name,
        }
        kept = _keep(experiment, run, about, output)
        drawn = [("curve", _draw(run, plot))] if plot else []

        parts = {"training": experiment.examples, "held out": experiment.held_out}
        figures = {
            name: measure(experiment.network, run.theta, one, experiment.part.classes)
            for name, one in parts.items()
        }
        counts = ", ".join(f"{one.X.shape[1]:,} {name}" for name, one in parts.items())
        report.facts(
            console,
            [
                ("data", f"{data}: {counts}; {data_in_words(experiment.part)}"),
                ("network", network_in_words(experiment.network)),
                ("backend", backend_in_words(chosen, experiment.examples.X)),
                (
                    "descent",
                    f"{optimizer}, rate {descent.learning_rate:g}, batches of {batch_size}",
                ),
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
    if run.reason == INTERRUPTED:
        if checkpoint is not None and checkpoint.exists():
            typer.echo(f"dnn-xp: go on with: {how_to_go_on(context.obj)}", err=True)
        raise typer.Exit(130)
    if diverged(run):
        raise Failure(run.reason)


def _choose_optimizer(name: str, learning_rate: float | None) -> Optimizer:
    if name not in OPTIMIZERS:
        raise ValueError(f"--optimizer: found {name!r}, expected one of {', '.join(OPTIMIZERS)}")
    method, usual = OPTIMIZERS[name]
    return method(usual if learning_rate is None else learning_rate)


def _latest_in_words(figures: Mapping[str, float]) -> str:
    """Return an epoch's figures, such as ``"cost 0.0211, held-out accuracy 97.77%"``."""
    cost = figure_in_words("cost", figures["cost"])
    (score,) = figures.keys() - {"cost", "validation_cost"}
    name = score.removeprefix("validation_")
    return f"cost {cost}, held-out {name} {figure_in_words(name, figures[score])}"


# ----------------------------------------------------------------------------- files


def _check_files(data: str, files: Mapping[str, Path | None]) -> None:
    """See before the training that what comes of it can be written."""
    named: dict[Path, str] = {}
    for option, path in files.items():
        if path is None:
            continue
        if path.is_dir():
            raise ValueError(f"{option}: found the folder {path}, expected the name of a file")
        if not path.parent.is_dir():
            raise ValueError(f"{option}: the folder {path.parent} does not exist")
        if path.exists() and Path(data).exists() and path.samefile(data):
            raise ValueError(f"{option}: {path} holds the data and would be overwritten")
        try:
            tempfile.TemporaryFile(dir=path.parent).close()
        except OSError as error:
            raise ValueError(
                f"{option}: cannot write to {path.parent}: {error.strerror}"
            ) from error
        other = named.setdefault(path.resolve(), option)
        if other != option:
            raise ValueError(f"{option}: {path} is the {other}, too")
    plot = files["--plot"]
    if plot is None:
        return
    if plot.suffix.lower() not in PLOT_SUFFIXES:
        expected = ", ".join(PLOT_SUFFIXES)
        raise ValueError(f"--plot: found {str(plot)!r}, expected a name that ends in {expected}")
    require("matplotlib", extra="app")


def _keep(
    experiment: Experiment, run: TrainingResult, about: Mapping[str, object], output: Path | None
) -> str:
    """Write the model, and say where it is."""
    if run.epochs == 0 or diverged(run):
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
    with user_errors(), replacing(plot) as temporary:
        plots.learning_curve(run.history).savefig(temporary)
    return str(plot)
