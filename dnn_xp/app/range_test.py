"""``dnn-xp range-test``: which learning rate to train with."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from dnn_xp.app import report
from dnn_xp.app.errors import user_errors
from dnn_xp.app.experiment import Experiment, parse_layers, scale_targets
from dnn_xp.app.formatting import describe_backend, describe_data, describe_network
from dnn_xp.app.large import prepare_experiment
from dnn_xp.app.optimization import choose_optimizer
from dnn_xp.app.options import (
    ActivationName,
    BackendName,
    BatchSize,
    DataDir,
    DataName,
    DeviceName,
    Dtype,
    DtypeName,
    Layers,
    OptimizerName,
    Seed,
    TaskName,
    TrustFlag,
    as_path,
    computing,
)
from dnn_xp.app.outputs import check_outputs, check_plot, draw
from dnn_xp.reports import figures
from dnn_xp.training import Callback, Optimizer, Run, learning_rate_range_test
from dnn_xp.training.range_test import RangeTest

__all__ = ["range_test"]


def range_test(
    data: DataName = "digits",
    task: TaskName = None,
    layers: Layers = "64,32",
    activation: ActivationName = "relu",
    batch_size: BatchSize = 32,
    optimizer: OptimizerName = "adam",
    lowest: Annotated[float, typer.Option(metavar="RATE", help="Where to begin.")] = 1e-6,
    highest: Annotated[
        float, typer.Option(metavar="RATE", help="Where to end, unless the cost blows up before.")
    ] = 10.0,
    steps: Annotated[int, typer.Option(min=3, metavar="N", help="How many rates to try.")] = 200,
    seed: Seed = 0,
    data_dir: DataDir = None,
    trust: TrustFlag = False,
    backend: BackendName = None,
    device: DeviceName = None,
    dtype: DtypeName = Dtype.float32,
    plot: Annotated[
        Path | None,
        typer.Option(
            parser=str,
            callback=as_path,
            metavar="FILE",
            help="Draw cost over learning rate: .png, .svg or .pdf.",
        ),
    ] = None,
) -> None:
    """Propose a learning rate, by a short run in which it grows.

    Say as for dnn-xp train what is to be trained: the rate goes with the network, the optimizer
    and the size of the batches.
    """
    console = report.open_console()
    with ExitStack() as opened, computing(backend, device) as current:
        with user_errors():
            check_outputs(data, {"--plot": plot})
            check_plot(plot)
            tested_optimizer = choose_optimizer(optimizer, None)
            with report.reading(console, "read") as advance:
                experiment = prepare_experiment(
                    data,
                    data_dir=data_dir,
                    trusted=trust,
                    hidden=parse_layers(layers),
                    activation=activation,
                    seed=seed,
                    dtype=dtype.value,
                    task=task,
                    opened=opened,
                    advance=advance,
                )
            for note in experiment.notes:
                report.say(console, f"{data}: {note}")
            with ExitStack() as shown:
                show = None
                if report.is_live(console):
                    show = shown.enter_context(report.progress(console, "step", steps))
                result = _test_rates(
                    experiment, tested_optimizer, lowest, highest, steps, batch_size, seed, show
                )
        report.facts(
            console,
            [
                ("data", f"{data}: {describe_data(experiment.part)}"),
                ("network", describe_network(experiment.network)),
                ("backend", describe_backend(current, experiment.examples.X)),
                ("tried", _describe_rates(result)),
                ("proposed", f"--learning-rate {result.proposed:.2g}"),
            ],
        )
        if plot is not None:
            curve = draw(figures.learning_rate_curve(result), plot)
            report.facts(console, [("curve", curve)], len("proposed"))


def _test_rates(
    experiment: Experiment,
    optimizer: Optimizer,
    lowest: float,
    highest: float,
    steps: int,
    batch_size: int,
    seed: int,
    show: report.Advance | None,
) -> RangeTest:
    """Let the learning rate grow until the cost blows up."""
    examples = scale_targets(experiment.examples, experiment.part, experiment.targets)
    with np.errstate(all="ignore"):  # that is what blowing up is
        return learning_rate_range_test(
            experiment.network,
            *examples,
            experiment.theta,
            optimizer=optimizer,
            lowest=lowest,
            highest=highest,
            steps=steps,
            batch_size=batch_size,
            seed=seed,
            callbacks=[] if show is None else [_Steps(show)],
        )


class _Steps(Callback):
    """Show how many rates were tried."""

    def __init__(self, show: report.Advance) -> None:
        self.show = show

    def step(self, run: Run) -> None:
        self.show(run.step, "")


def _describe_rates(result: RangeTest) -> str:
    """Say which rates were tried, and whether there is more to try."""
    rates, costs = result.learning_rates, result.smoothed
    description = f"{rates[0]:.2g} to {rates[-1]:.2g} in {len(rates)} steps"
    if costs.index(min(costs)) >= 0.9 * (len(rates) - 1):
        description += "; the cost still falls there: raise --highest"
    return description
