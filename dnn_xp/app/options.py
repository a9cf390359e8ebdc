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
from dnn_xp.app.errors import UserError
from dnn_xp.app.metrics import (
    OF_CLASSES,
    OF_LABELS,
    OF_SEVERAL_CLASSES,
    OF_TARGETS,
    OF_TWO_CLASSES,
)
from dnn_xp.app.optimization import OPTIMIZERS
from dnn_xp.arguments import check_path
from dnn_xp.data.tasks import TASKS
from dnn_xp.functions.activations import ACTIVATIONS

__all__ = [
    "ActivationName",
    "AsJson",
    "BackendName",
    "BatchSize",
    "CheckpointFile",
    "ClassWeight",
    "ClassWeightName",
    "ClipNorm",
    "CurveFile",
    "DataDir",
    "DataName",
    "DeviceName",
    "Dtype",
    "DtypeName",
    "EmaDecay",
    "Epochs",
    "GroupName",
    "Layers",
    "LearningRate",
    "MetricNames",
    "ModelFile",
    "NoRun",
    "OptimizerName",
    "OutputFile",
    "ResumeFlag",
    "ResumeOrStart",
    "RunDir",
    "ScheduleName",
    "Seed",
    "TaskName",
    "TrustFlag",
    "WarmUp",
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
        help="digits (they come with the program), cats, an .h5 or .npz file that holds x and y, "
        "or a folder with a subfolder of pictures for each class.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        parser=str,
        callback=as_path,
        metavar="FOLDER",
        help="Where the files of the cat pictures are, for cats. "
        "Default: the environment variable DNN_XP_CAT_DATA.",
    ),
]
TrustFlag = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="Read an HDF5 file that comes from where you know: one with text of variable length, "
        "or whose parts lie in other files (virtual data sets).",
    ),
]
TaskName = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="NAME",
        help=f"What y is to be taken for: {', '.join(TASKS)} (several labels may hold at once). "
        "Default: its values tell, and a line says what was taken.",
    ),
]
Layers = Annotated[
    str, typer.Option(metavar="N,N,...", help='Units of the hidden layers; "" for none.')
]
ActivationName = Annotated[
    str, typer.Option(metavar="NAME", help=f"Of hidden layers: {', '.join(ACTIVATIONS)}.")
]
Epochs = Annotated[int, typer.Option(min=1, metavar="N", help="How often each example is seen.")]
BatchSize = Annotated[int, typer.Option(min=1, metavar="N", help="Examples in a step.")]
OptimizerName = Annotated[
    str, typer.Option(metavar="NAME", help=f"How steps are taken: {', '.join(OPTIMIZERS)}.")
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="How far a step goes; lower it where the cost jumps about. Default: "
        + ", ".join(f"{rate:g} for {name}" for name, (_, rate) in OPTIMIZERS.items())
        + ".",
    ),
]
ScheduleName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What becomes of the learning rate: constant; cosine, to 0 at the end; step, to a "
        "tenth after each third of the epochs; exponential, to a hundredth at the end; "
        "inverse-scaling, as 1 / sqrt(1 + epoch); one-cycle, up for three tenths of the "
        "epochs, then down; plateau, to a tenth where the held-out cost has not improved for "
        "10 epochs.",
    ),
]
WarmUp = Annotated[
    float, typer.Option(metavar="EPOCHS", help="How long the learning rate first rises from 0.")
]
ClipNorm = Annotated[
    float | None, typer.Option(metavar="NORM", help="Shorten gradients that are longer than this.")
]
EmaDecay = Annotated[
    float | None,
    typer.Option(
        metavar="PART",
        help="Keep a moving average of the parameters, of which this part stays at each step: "
        "0.99 looks back over 100 steps.",
    ),
]


class ClassWeight(StrEnum):
    """Weights of classes that can be asked for."""

    balanced = "balanced"


ClassWeightName = Annotated[
    ClassWeight | None,
    typer.Option(help="Have each class count the same, however few its examples are."),
]
MetricNames = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
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
        help="The array library: numpy, cupy, torch, jax, dask, array-api-strict or auto. "
        "Default: the environment variable DNN_XP_BACKEND, else auto.",
    ),
]
DeviceName = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        help="A device of that library, such as cuda:0. "
        "Default: the environment variable DNN_XP_DEVICE, else its own.",
    ),
]


GroupName = Annotated[
    str,
    typer.Option(
        "--group",
        metavar="NAME",
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
    typer.Option("--json", help="Write the results to standard output as JSON, and nothing else."),
]
DtypeName = Annotated[Dtype, typer.Option(help="The precision of the numbers.")]
ModelFile = Annotated[
    Path,
    typer.Argument(
        parser=str,
        callback=as_path,
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
        help="Keep what is needed to go on in this file, every ten seconds and at the end.",
    ),
]
RunDir = Annotated[
    Path | None,
    typer.Option(
        "--run",
        parser=str,
        callback=as_path,
        metavar="FOLDER",
        help="Keep the run in this folder: model, figures, checkpoint, and what it was. "
        "Default: a new one in runs/.",
    ),
]
NoRun = Annotated[bool, typer.Option("--no-run", help="Keep no such folder.")]
ResumeFlag = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on from the checkpoint, or with the run of --run, with the other options as they "
        "were; --epochs may be more. See also: dnn-xp resume.",
    ),
]
ResumeOrStart = Annotated[
    bool,
    typer.Option(
        "--resume-or-start",
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
