"""``dnn-xp range-test``: which learning rate to train with."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from dnn_xp.app import printing
from dnn_xp.app.documents import print_json
from dnn_xp.app.errors import user_errors
from dnn_xp.app.experiment import Experiment, check_rules, parse_layers, scale_targets
from dnn_xp.app.formatting import describe_backend
from dnn_xp.app.large import prepare_experiment
from dnn_xp.app.optimization import (
    BATCH_SIZE,
    LBFGS,
    OptimizerSettings,
    check_part,
    choose_optimizer_settings,
    choose_regularization,
)
from dnn_xp.app.options import (
    L1,
    L2,
    ActivationName,
    AsJson,
    BackendName,
    BatchSize,
    ClipNorm,
    ClipValue,
    DataDir,
    DataName,
    DeviceName,
    DropoutRate,
    Dtype,
    DtypeName,
    LabelSmoothing,
    Layers,
    MaxNorm,
    Mixup,
    Noise,
    NormName,
    OptimizerName,
    Seed,
    TargetName,
    TaskName,
    TrustFlag,
    WeightDecay,
    XName,
    YName,
    as_path,
    computing,
)
from dnn_xp.app.outputs import check_outputs, check_plot, draw
from dnn_xp.backends import Backend
from dnn_xp.reports import learning_rate_curve
from dnn_xp.reports.words import describe_data, describe_network
from dnn_xp.training import Callback, Regularization, Run, learning_rate_range_test
from dnn_xp.training.range_test import RangeTest

__all__ = ["range_test"]


def range_test(
    data: DataName = "digits",
    x: XName = None,
    y: YName = None,
    target: TargetName = None,
    task: TaskName = None,
    layers: Layers = "64,32",
    activation: ActivationName = "relu",
    batch_size: BatchSize = BATCH_SIZE,
    optimizer: OptimizerName = "adam",
    clip_norm: ClipNorm = None,
    clip_value: ClipValue = None,
    dropout: DropoutRate = 0.0,
    norm: NormName = None,
    weight_decay: WeightDecay = None,
    l1: L1 = 0.0,
    l2: L2 = 0.0,
    max_norm: MaxNorm = None,
    label_smoothing: LabelSmoothing = 0.0,
    mixup: Mixup = 0.0,
    noise: Noise = 0.0,
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
    as_json: AsJson = False,
) -> None:
    """Propose a learning rate, by a short run in which it grows.

    Say as for dnn-xp train what is to be trained: the rate goes with the network, the optimizer
    and the size of the batches.
    """
    console = printing.open_console(as_json=as_json)
    with ExitStack() as opened, computing(backend, device) as current:
        with user_errors():
            check_outputs(data, {"--plot": plot})
            check_plot(plot)
            check_part("--dropout", dropout)
            steps_taken = _choose_steps(
                optimizer,
                (clip_norm, clip_value, weight_decay),
                choose_regularization(
                    l1=l1,
                    l2=l2,
                    max_norm=max_norm,
                    label_smoothing=label_smoothing,
                    mixup=mixup,
                    noise=noise,
                ),
            )
            with printing.reading(console, "read") as advance:
                experiment = prepare_experiment(
                    data,
                    data_dir=data_dir,
                    trusted=trust,
                    hidden=parse_layers(layers),
                    activation=activation,
                    dropout=dropout,
                    norm=norm,
                    seed=seed,
                    dtype=dtype.value,
                    x=x,
                    y=y,
                    target=target,
                    task=task,
                    opened=opened,
                    advance=advance,
                )
            check_rules(steps_taken.regularization, experiment.network, experiment.examples)
            for note in experiment.notes:
                printing.say(console, f"{data}: {note}")
            with ExitStack() as shown:
                show = None
                if printing.is_live(console):
                    show = shown.enter_context(printing.progress(console, "step", steps))
                result = _test_rates(
                    experiment, steps_taken, (lowest, highest), steps, batch_size, seed, show
                )
        if as_json:
            print_json({"data": data, "notes": experiment.notes, **result._asdict()})
        else:
            _show(console, data, experiment, current, result)
        if plot is not None:
            title = f"{Path(data).name}: {describe_network(experiment.network)}"
            curve = draw(learning_rate_curve(result, title=title), plot)
            if not as_json:
                printing.facts(console, [("curve", curve)], len("proposed"))


def _show(
    console: Console, data: str, experiment: Experiment, backend: Backend, result: RangeTest
) -> None:
    """Print what was tried, and the rate that is proposed."""
    printing.facts(
        console,
        [
            ("data", f"{data}: {describe_data(experiment.part)}"),
            ("network", describe_network(experiment.network)),
            ("backend", describe_backend(backend, experiment.examples.X)),
            ("tried", _describe_rates(result)),
            ("proposed", f"--learning-rate {result.proposed:.2g}"),
        ],
    )


def _choose_steps(
    optimizer: str,
    numbers: tuple[float | None, float | None, float | None],
    regularization: Regularization,
) -> OptimizerSettings:
    """Return what the options say of the steps, whose rate is to be found."""
    if optimizer == LBFGS:
        raise ValueError(f"--optimizer: found {LBFGS}, which has no learning rate to be found")
    clip_norm, clip_value, weight_decay = numbers
    return choose_optimizer_settings(
        optimizer,
        None,
        schedule="constant",
        warm_up_epochs=0.0,
        epochs=1,
        clip_norm=clip_norm,
        ema_decay=None,
        clip_value=clip_value,
        weight_decay=weight_decay,
        regularization=regularization,
    )


def _test_rates(
    experiment: Experiment,
    settings: OptimizerSettings,
    between: tuple[float, float],
    steps: int,
    batch_size: int,
    seed: int,
    show: printing.Advance | None,
) -> RangeTest:
    """Let the learning rate grow until the cost blows up."""
    examples = scale_targets(experiment.examples, experiment.part, experiment.targets)
    with np.errstate(all="ignore"):  # that is what blowing up is
        return learning_rate_range_test(
            experiment.network,
            *examples,
            experiment.theta,
            optimizer=settings.optimizer,
            lowest=between[0],
            highest=between[1],
            steps=steps,
            batch_size=batch_size,
            seed=seed,
            regularization=settings.regularization,
            clip_norm=settings.clip_norm,
            clip_value=settings.clip_value,
            callbacks=[] if show is None else [_Steps(show)],
        )


class _Steps(Callback):
    """Show how many rates were tried."""

    def __init__(self, show: printing.Advance) -> None:
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
