"""The options of the commands, and the backend that they choose."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperOption

from dnn_xp import backends
from dnn_xp.app.completion import among, data_names, model_names
from dnn_xp.app.errors import UserError
from dnn_xp.app.metrics import (
    OF_CLASSES,
    OF_LABELS,
    OF_SEVERAL_CLASSES,
    OF_TARGETS,
    OF_TWO_CLASSES,
)
from dnn_xp.app.optimization import DECAYING, LBFGS, OPTIMIZERS, SCHEDULES
from dnn_xp.arguments import check_path
from dnn_xp.data.tasks import TASKS
from dnn_xp.functions.activations import ACTIVATIONS

# The groups of the options in a long help text, after those that one needs first.
STEPS, REGULARIZATION, DATA = "Steps", "Regularization", "Data"
FILES, WHERE = "Files", "Where it is computed"

__all__ = [
    "ActivationName",
    "AsJson",
    "BackendName",
    "BatchSize",
    "CheckpointFile",
    "ClassWeight",
    "ClassWeightName",
    "ClipNorm",
    "ClipValue",
    "CurveFile",
    "DataDir",
    "DataName",
    "DeviceName",
    "DropoutRate",
    "Dtype",
    "DtypeName",
    "EarlyStoppingPatience",
    "EmaDecay",
    "Epochs",
    "GroupName",
    "L1",
    "L2",
    "Importances",
    "LabelSmoothing",
    "Layers",
    "LearningRate",
    "LogFile",
    "MaxNorm",
    "MetricNames",
    "Mixup",
    "ModelFile",
    "NoRun",
    "Noise",
    "Norm",
    "NormName",
    "OptimizerName",
    "OutputFile",
    "ResumeFlag",
    "ResumeOrStart",
    "RunDir",
    "ScheduleName",
    "Seed",
    "TabularFlag",
    "TargetName",
    "TaskName",
    "TensorBoardDir",
    "TimeLimitSeconds",
    "TrustFlag",
    "WarmUp",
    "WeightDecay",
    "XName",
    "YName",
    "as_path",
    "computing",
]


def as_path(parameter: typer.CallbackParam, text: str | None) -> Path | None:
    """Return a path with its ``~``, which no shell expands behind ``--option=``.

    Raises
    ------
    UserError
        Where the text is empty, as where a shell has no such variable: it would be this folder.
    """
    if text is None:
        return None
    name = parameter.opts[0] if isinstance(parameter, TyperOption) else parameter.name
    try:
        return check_path(str(name), text)
    except ValueError as error:
        raise UserError(str(error)) from error


DataName = Annotated[
    str,
    typer.Argument(
        autocompletion=data_names,
        help="digits (they come with the program), cats, a table (.csv, .tsv, .parquet), a file of "
        "arrays (.h5, .npz, .npy, .mat), or a folder with a subfolder of pictures for each class.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        parser=str,
        callback=as_path,
        metavar="FOLDER",
        rich_help_panel=DATA,
        help="Where the files of the cat pictures are, for cats. "
        "Default: the environment variable DNN_XP_CAT_DATA.",
    ),
]
TrustFlag = Annotated[
    bool,
    typer.Option(
        "--trust",
        rich_help_panel=DATA,
        help="Read an HDF5 file that comes from where you know: one with text of variable length, "
        "or whose parts lie in other files (virtual data sets).",
    ),
]
XName = Annotated[
    str | None,
    typer.Option(
        "--x",
        metavar="NAME",
        help="The array of the examples in a file of arrays, such as train/x. Default: x, or what "
        "the names tell.",
        rich_help_panel=DATA,
    ),
]
YName = Annotated[
    str | None,
    typer.Option(
        "--y",
        metavar="NAME",
        help="The array of what is to be learnt; beside a .npy file another one.",
        rich_help_panel=DATA,
    ),
]
TargetName = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="COLUMN",
        help="The column of a table that is to be learnt. Default: the last.",
    ),
]
TabularFlag = Annotated[
    bool | None,
    typer.Option(
        "--tabular/--no-tabular",
        help="Train a table (.csv, .tsv, .parquet) as TabularClassifier and TabularRegressor do: "
        "several networks, averaged and calibrated. Default: where there are fewer than 100,000 "
        "rows, and no option is given that only a single network has.",
    ),
]
Importances = Annotated[
    bool,
    typer.Option(
        "--importances",
        help="Work out, too, how much each feature of a table matters; dnn-xp plot draws it.",
        rich_help_panel=DATA,
    ),
]
TimeLimitSeconds = Annotated[
    float | None,
    typer.Option(
        "--time-limit",
        metavar="SECONDS",
        rich_help_panel=STEPS,
        help="End a training with --tabular by then.",
    ),
]
TaskName = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="NAME",
        autocompletion=among(TASKS),
        help=f"What y is to be taken for: {', '.join(TASKS)} (several labels may hold at once). "
        "Default: its values tell, and a line says what was taken.",
    ),
]
Layers = Annotated[
    str, typer.Option(metavar="N,N,...", help='Units of the hidden layers; "" for none.')
]
ActivationName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        autocompletion=among(ACTIVATIONS),
        help=f"Of hidden layers: {', '.join(ACTIVATIONS)}.",
    ),
]
Epochs = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help=f"How often each example is seen; of {LBFGS}, how many iterations there are.",
    ),
]
BatchSize = Annotated[
    int,
    typer.Option(min=1, metavar="N", help=f"Examples in a step; {LBFGS} takes all of them."),
]
OptimizerName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        autocompletion=among((*OPTIMIZERS, LBFGS)),
        help=f"How steps are taken: {', '.join(OPTIMIZERS)}; or {LBFGS}, by a line search over all "
        "examples, for data that are not large.",
    ),
]


def _usual_rates() -> str:
    """Return "0.1 for sgd, 0.01 for momentum and nesterov" and so on, by falling rates."""
    of_rate: dict[float, list[str]] = {}
    for name, (_, rate) in OPTIMIZERS.items():
        of_rate.setdefault(rate, []).append(name)
    return "; ".join(f"{rate:g} for {', '.join(of_rate[rate])}" for rate in sorted(of_rate)[::-1])


LearningRate = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="How far a step goes; lower it where the cost jumps about. Default: "
        f"{_usual_rates()}.",
    ),
]
EarlyStoppingPatience = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="End where the held-out cost has not improved for so many epochs, and keep the "
        "network of the best one.",
    ),
]
ScheduleName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        autocompletion=among(SCHEDULES),
        rich_help_panel=STEPS,
        help="What becomes of the learning rate: constant; cosine, to 0 at the end; step, to a "
        "tenth after each third of the epochs; exponential, to a hundredth at the end; "
        "inverse-scaling, as 1 / sqrt(1 + epoch); one-cycle, up for three tenths of the "
        "epochs, then down; plateau, to a tenth where the held-out cost has not improved for "
        "10 epochs.",
    ),
]
WarmUp = Annotated[
    float,
    typer.Option(
        metavar="EPOCHS",
        rich_help_panel=STEPS,
        help="How long the learning rate first rises from 0.",
    ),
]
ClipNorm = Annotated[
    float | None,
    typer.Option(
        metavar="NORM",
        rich_help_panel=STEPS,
        help="Shorten gradients that are longer than this.",
    ),
]
ClipValue = Annotated[
    float | None,
    typer.Option(
        metavar="VALUE",
        rich_help_panel=STEPS,
        help="The farthest from 0 that each element of a gradient may be.",
    ),
]
EmaDecay = Annotated[
    float | None,
    typer.Option(
        metavar="PART",
        rich_help_panel=STEPS,
        help="Keep a moving average of the parameters, of which this part stays at each step: "
        "0.99 looks back over 100 steps.",
    ),
]


class Norm(StrEnum):
    """What hidden layers can be normalized over."""

    batch = "batch"
    layer = "layer"


DropoutRate = Annotated[
    float,
    typer.Option(
        metavar="PART",
        show_default=False,
        rich_help_panel=REGULARIZATION,
        help="The part of the outputs of each hidden layer that is left out in a step.",
    ),
]
NormName = Annotated[
    Norm | None,
    typer.Option(
        rich_help_panel=REGULARIZATION,
        help="Normalize each hidden layer: over the examples of a batch, or over its units.",
    ),
]
WeightDecay = Annotated[
    float | None,
    typer.Option(
        metavar="PART",
        rich_help_panel=REGULARIZATION,
        help="The part of the weights, times the learning rate, that is lost in each step: for "
        f"{', '.join(DECAYING)}.",
    ),
]
L1 = Annotated[
    float,
    typer.Option(
        "--l1",
        metavar="NUMBER",
        show_default=False,
        rich_help_panel=REGULARIZATION,
        help="Add this times the sum of the weights' absolute values to the cost.",
    ),
]
L2 = Annotated[
    float,
    typer.Option(
        "--l2",
        metavar="NUMBER",
        show_default=False,
        rich_help_panel=REGULARIZATION,
        help="Add half of this times the sum of the weights' squares to the cost.",
    ),
]
MaxNorm = Annotated[
    float | None,
    typer.Option(
        metavar="NORM",
        rich_help_panel=REGULARIZATION,
        help="Shorten the weights of a unit that are longer than this.",
    ),
]
LabelSmoothing = Annotated[
    float,
    typer.Option(
        metavar="PART",
        show_default=False,
        rich_help_panel=REGULARIZATION,
        help="Spread this part of each label evenly over the classes.",
    ),
]
Mixup = Annotated[
    float,
    typer.Option(
        metavar="ALPHA",
        show_default=False,
        rich_help_panel=REGULARIZATION,
        help="Mix each example with another one, in shares from Beta(ALPHA, ALPHA): 0.2, say.",
    ),
]
Noise = Annotated[
    float,
    typer.Option(
        metavar="DEVIATION",
        show_default=False,
        rich_help_panel=REGULARIZATION,
        help="Add normal noise to the features, which have a spread of about 1.",
    ),
]


class ClassWeight(StrEnum):
    """Weights of classes that can be asked for."""

    balanced = "balanced"


ClassWeightName = Annotated[
    ClassWeight | None,
    typer.Option(
        rich_help_panel=DATA,
        help="Have each class count the same, however few its examples are.",
    ),
]
MetricNames = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        autocompletion=among(
            dict.fromkeys(
                (*OF_CLASSES, OF_TWO_CLASSES, OF_SEVERAL_CLASSES, *OF_LABELS, *OF_TARGETS)
            )
        ),
        help="Show this figure, too; may be given more than once. Of classes: "
        f"{', '.join(OF_CLASSES)}, {OF_TWO_CLASSES} of two, {OF_SEVERAL_CLASSES} of more; of "
        f"labels: {', '.join(OF_LABELS)}; of targets and counts: {', '.join(OF_TARGETS)}.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="The same seed gives the same run.")]
BackendName = Annotated[
    str | None,
    typer.Option(
        "--backend",
        metavar="NAME",
        autocompletion=among(("auto", *backends.BACKENDS)),
        rich_help_panel=WHERE,
        help="The array library: numpy, cupy, torch, jax, dask, array-api-strict or auto. "
        "Default: the environment variable DNN_XP_BACKEND, else auto.",
    ),
]
DeviceName = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        rich_help_panel=WHERE,
        help="A device of that library, such as cuda:0. "
        "Default: the environment variable DNN_XP_DEVICE, else its own.",
    ),
]


GroupName = Annotated[
    str,
    typer.Option(
        "--group",
        metavar="NAME",
        autocompletion=among(backends.GROUP_NAMES),
        rich_help_panel=WHERE,
        help="Train together with the other processes that were started by torchrun (torch) or "
        f"mpiexec (mpi): {', '.join(backends.GROUP_NAMES)}. auto sees which, and whether.",
    ),
]


class Dtype(StrEnum):
    """The precisions to choose from."""

    float32 = "float32"
    float64 = "float64"


AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        rich_help_panel=FILES,
        help="Write the results to standard output as JSON, and nothing else.",
    ),
]
DtypeName = Annotated[
    Dtype, typer.Option(rich_help_panel=WHERE, help="The precision of the numbers.")
]
ModelFile = Annotated[
    Path,
    typer.Argument(
        parser=str,
        callback=as_path,
        autocompletion=model_names,
        help="A model that dnn-xp train kept: its file, or the folder of its run.",
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        parser=str,
        callback=as_path,
        metavar="FILE",
        help="Keep the model in this file, too (HDF5).",
    ),
]
CurveFile = Annotated[
    Path | None,
    typer.Option(
        parser=str,
        callback=as_path,
        metavar="FILE",
        help="Draw the learning curve: .png, .svg or .pdf.",
    ),
]
CheckpointFile = Annotated[
    Path | None,
    typer.Option(
        parser=str,
        callback=as_path,
        metavar="FILE",
        rich_help_panel=FILES,
        help="Keep what is needed to go on in this file, every ten seconds and at the end.",
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        parser=str,
        callback=as_path,
        metavar="FILE",
        rich_help_panel=FILES,
        help="Write the figures of each epoch to this file while it trains: .csv or .jsonl.",
    ),
]
TensorBoardDir = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard",
        parser=str,
        callback=as_path,
        metavar="FOLDER",
        rich_help_panel=FILES,
        help="Write them for TensorBoard, too, which draws them: tensorboard --logdir FOLDER.",
    ),
]
RunDir = Annotated[
    Path | None,
    typer.Option(
        "--run",
        parser=str,
        callback=as_path,
        metavar="FOLDER",
        rich_help_panel=FILES,
        help="Keep the run in this folder: model, figures, checkpoint, and what it was. "
        "Default: a new one in runs/.",
    ),
]
NoRun = Annotated[
    bool, typer.Option("--no-run", rich_help_panel=FILES, help="Keep no such folder.")
]
ResumeFlag = Annotated[
    bool,
    typer.Option(
        "--resume",
        rich_help_panel=FILES,
        help="Go on from the checkpoint, or with the run of --run, with the other options as they "
        "were; --epochs may be more. See also: dnn-xp resume.",
    ),
]
ResumeOrStart = Annotated[
    bool,
    typer.Option(
        "--resume-or-start",
        rich_help_panel=FILES,
        help="The same, but begin where there is no checkpoint yet, or only a damaged one: for a "
        "machine that is started again and again.",
    ),
]


@contextmanager
def computing(name: str | None, device: str | None) -> Iterator[backends.Backend]:
    """Make a backend the current one, with float64 where it is asked for.

    Parameters
    ----------
    name, device : str or None
        What the options say; None leaves it to the environment variables.

    Raises
    ------
    UserError
        Where there is no such backend or device.
    """
    from_environment = [
        variable
        for variable, option in (("DNN_XP_BACKEND", name), ("DNN_XP_DEVICE", device))
        if option is None and os.environ.get(variable)
    ]
    name = name or os.environ.get("DNN_XP_BACKEND") or "auto"
    device = device or os.environ.get("DNN_XP_DEVICE") or None
    try:
        chosen = backends.use_backend(name, device)
    except backends.BackendError as error:
        source = f" (from {' and '.join(from_environment)})" if from_environment else ""
        raise UserError(f"{error}{source}") from error
    with chosen as backend, backends.double_precision(backend):
        yield backend
