"""``dnn-xp train``: from data to a model that is kept, watched while it learns."""

import os
import shlex
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import typer
from rich.console import Console

from dnn_xp.app import printing
from dnn_xp.app.errors import Failure, say, user_errors
from dnn_xp.app.experiment import Experiment, check_rules, parse_layers
from dnn_xp.app.group import check_same_data, group_errors, join, prepared_by_all
from dnn_xp.app.large import balanced_weights, prepare_experiment
from dnn_xp.app.logs import check_logs, open_logs
from dnn_xp.app.metrics import choose_metrics
from dnn_xp.app.optimization import (
    BATCH_SIZE,
    LBFGS,
    OptimizerSettings,
    check_part,
    choose_optimizer_settings,
    choose_regularization,
    refuse_with_lbfgs,
)
from dnn_xp.app.options import (
    L1,
    L2,
    ActivationName,
    AsJson,
    BackendName,
    BatchSize,
    CheckpointFile,
    ClassWeightName,
    ClipNorm,
    ClipValue,
    CurveFile,
    DataDir,
    DataName,
    DeviceName,
    DropoutRate,
    Dtype,
    DtypeName,
    EarlyStoppingPatience,
    EmaDecay,
    Epochs,
    GroupName,
    Importances,
    LabelSmoothing,
    Layers,
    LearningRate,
    LogFile,
    MaxNorm,
    MetricNames,
    Mixup,
    Noise,
    Norm,
    NormName,
    NoRun,
    OptimizerName,
    OutputFile,
    ResumeFlag,
    ResumeOrStart,
    RunDir,
    ScheduleName,
    Seed,
    TabularFlag,
    TargetName,
    TaskName,
    TensorBoardDir,
    TimeLimitSeconds,
    TrustFlag,
    WarmUp,
    WeightDecay,
    XName,
    YName,
    computing,
)
from dnn_xp.app.outputs import check_apart, check_outputs, check_plot, check_space
from dnn_xp.app.results import FittedRun, make_model, report_and_save
from dnn_xp.app.resume import (
    SECONDS,
    check_data,
    check_options,
    holds_progress,
    open_resume,
    resume_command,
    run_errors,
)
from dnn_xp.app.run import PreparedRun, in_own_units, own_theta, run_experiment
from dnn_xp.app.runs import (
    COPIES,
    RUNS,
    KeptRun,
    make_folder,
    refuse_begun,
    remove_where_empty,
)
from dnn_xp.app.settings import Settings, describe_options
from dnn_xp.app.stopping import say_at_once
from dnn_xp.app.tabular import chooses_tabular, train_tabular
from dnn_xp.backends import Array, Backend, Group, launched_rank
from dnn_xp.callbacks import EarlyStopping, Interruptible
from dnn_xp.callbacks.run_folder import CHECKPOINT, HISTORY, MODEL, RECORD
from dnn_xp.data.stored import StoredDataset
from dnn_xp.data.tasks import task_of
from dnn_xp.models import Model
from dnn_xp.reports.words import describe_metric
from dnn_xp.training import Callback, Ending, Run, TrainingResult, class_weights

__all__ = ["train"]


def train(
    context: typer.Context,
    data: DataName = "digits",
    x: XName = None,
    y: YName = None,
    target: TargetName = None,
    task: TaskName = None,
    tabular: TabularFlag = None,
    layers: Layers = "64,32",
    activation: ActivationName = "relu",
    epochs: Epochs = 30,
    batch_size: BatchSize = BATCH_SIZE,
    optimizer: OptimizerName = "adam",
    learning_rate: LearningRate = None,
    schedule: ScheduleName = "constant",
    warm_up: WarmUp = 0.0,
    clip_norm: ClipNorm = None,
    clip_value: ClipValue = None,
    ema_decay: EmaDecay = None,
    dropout: DropoutRate = 0.0,
    norm: NormName = None,
    weight_decay: WeightDecay = None,
    l1: L1 = 0.0,
    l2: L2 = 0.0,
    max_norm: MaxNorm = None,
    label_smoothing: LabelSmoothing = 0.0,
    mixup: Mixup = 0.0,
    noise: Noise = 0.0,
    early_stopping: EarlyStoppingPatience = None,
    class_weight: ClassWeightName = None,
    metric: MetricNames = None,
    time_limit: TimeLimitSeconds = None,
    importances: Importances = False,
    seed: Seed = 0,
    data_dir: DataDir = None,
    trust: TrustFlag = False,
    backend: BackendName = None,
    device: DeviceName = None,
    dtype: DtypeName = Dtype.float32,
    run: RunDir = None,
    no_run: NoRun = False,
    output: OutputFile = None,
    plot: CurveFile = None,
    checkpoint: CheckpointFile = None,
    log: LogFile = None,
    tensorboard: TensorBoardDir = None,
    as_json: AsJson = False,
    resume: ResumeFlag = False,
    resume_or_start: ResumeOrStart = False,
    group: GroupName = "auto",
) -> None:
    """Train a network on data, and show how well it does.

    A part of the data is held out, to see how well the network does on what it has never seen.
    The cost beside the bar is the mean over an epoch's steps, each before it is taken; the one in
    the table is of the network as it is kept, in a new folder in runs/.

    Ctrl-C, and the signals SIGTERM and SIGHUP, end the training after the step under way and keep
    what was learnt. Started by torchrun or mpiexec, the processes train as one: each takes a part
    of every batch.
    """
    given = {name: context.params[name] for name in Settings._fields if name in context.params}
    settings = Settings(**given, metrics=metric or [])
    together, arguments = join(group), tuple(context.obj)
    console = printing.open_console(as_json=as_json)
    table = chooses_tabular(context, settings, console, together=together is not None)
    if table is not None:
        with computing("numpy", None) as current:
            record = _describe_command(arguments, current, None)
        train_tabular(settings, table, record, console)
        return
    with ExitStack() as opened, computing(backend, device) as current, group_errors(together):
        prepared = prepared_by_all(
            together, lambda: _prepare_run(settings, console, opened, together)
        )
        check_same_data(together, data, prepared.experiment.fingerprint)
        for note in prepared.experiment.notes:
            printing.say(console, f"{data}: {note}")
        if prepared.experiment.reading is not None:
            printing.say(console, f"{data}: read {prepared.experiment.reading}")
        record = _describe_command(arguments, current, device)
        with Interruptible(_say_at_once) as listener:
            fitted = _fit(settings, prepared, current, record, listener, console, together)
            writes = together is None or together.rank == 0
            problems = report_and_save(fitted, settings, current, console) if writes else []
    _leave(fitted, listener.number, problems, _go_on(settings, fitted.folder, arguments))


def _say_at_once(text: str) -> None:
    if not launched_rank():  # which says it for all that were started together
        say_at_once(text)


@user_errors()
def _prepare_run(
    settings: Settings, console: Console, opened: ExitStack, group: Group | None
) -> PreparedRun:
    """Check what the options say, load the data and make a network for them."""
    _check_files(settings)
    with run_errors():
        resume = open_resume(
            settings.checkpoint,
            run=None if settings.run is None else settings.run / CHECKPOINT,
            resume=settings.resume,
            or_start=settings.resume_or_start,
        )
    optimizer_settings = _choose_steps(settings, group)
    options = describe_options(settings, optimizer_settings)
    check_options(resume.progress, options, settings.epochs)
    with printing.reading(console, "read") as advance:
        experiment = prepare_experiment(
            settings.data,
            data_dir=settings.data_dir,
            trusted=settings.trust,
            hidden=parse_layers(settings.layers),
            activation=settings.activation,
            dropout=settings.dropout,
            norm=settings.norm,
            seed=settings.seed,
            dtype=settings.dtype.value,
            x=settings.x,
            y=settings.y,
            target=settings.target,
            task=settings.task,
            opened=opened,
            advance=advance,
        )
    # How they are read decides the order of the examples; it says more than that they are others.
    reading = {"data": f"read {experiment.reading or 'into memory'}"}
    check_options(resume.progress, reading, settings.epochs)
    check_data(resume.progress, settings.data, experiment.fingerprint)
    if experiment.reading is not None:
        options |= reading
    _check_space(settings, experiment)
    check_rules(optimizer_settings.regularization, experiment.network, experiment.examples)
    return PreparedRun(
        experiment,
        optimizer_settings,
        choose_metrics(experiment.part.classes, settings.metrics, experiment.part.task),
        settings.epochs,
        settings.batch_size,
        settings.seed,
        None if settings.class_weight is None else _balanced_weights(settings, experiment),
        None if settings.early_stopping is None else EarlyStopping(settings.early_stopping),
        resume,
        options,
    )


def _check_files(settings: Settings) -> None:
    """See that what the options name can be written, and that no two are one."""
    files = {
        "--output": settings.output,
        "--plot": settings.plot,
        "--checkpoint": settings.checkpoint,
        "--log": settings.log,
    }
    check_outputs(settings.data, files)
    check_plot(settings.plot)
    check_logs(settings.log, settings.tensorboard)
    _check_beside(settings.run, files)
    check_apart(settings.checkpoint, files | {"--run": settings.run})
    if settings.run is not None and settings.no_run:
        raise ValueError("--no-run: found --run, too; expected one of them")
    if settings.run is not None and not (settings.resume or settings.resume_or_start):
        refuse_begun(settings.run)  # as it would be, after large data were read


def _choose_steps(settings: Settings, group: Group | None) -> OptimizerSettings:
    """Return what the options say of the steps, or refuse options that do not fit each other."""
    check_part("--dropout", settings.dropout)
    batch_norm = settings.norm is Norm.batch
    if settings.optimizer == LBFGS:
        refuse_with_lbfgs(
            {
                "--dropout": settings.dropout,
                "--norm": settings.norm if batch_norm else None,
                "--batch-size": None if settings.batch_size == BATCH_SIZE else settings.batch_size,
            }
        )
    if batch_norm and group is not None:
        raise ValueError(
            f"--norm: found batch in {group.size} processes, of which none sees a whole batch; "
            "expected layer"
        )
    return choose_optimizer_settings(
        settings.optimizer,
        settings.learning_rate,
        schedule=settings.schedule,
        warm_up_epochs=settings.warm_up,
        epochs=settings.epochs,
        clip_norm=settings.clip_norm,
        clip_value=settings.clip_value,
        ema_decay=settings.ema_decay,
        weight_decay=settings.weight_decay,
        regularization=choose_regularization(
            l1=settings.l1,
            l2=settings.l2,
            max_norm=settings.max_norm,
            label_smoothing=settings.label_smoothing,
            mixup=settings.mixup,
            noise=settings.noise,
        ),
    )


def _check_beside(run: Path | None, files: Mapping[str, Path | None]) -> None:
    """Refuse to write over what the folder of the run holds."""
    for option, path in files.items():
        within = run is not None and path is not None and path.parent.resolve() == run.resolve()
        if (
            within
            and path is not None
            and path.name.startswith((MODEL, HISTORY, RECORD, CHECKPOINT))
        ):
            raise ValueError(f"{option}: found {path}, a file that --run keeps; give another name")


def _check_space(settings: Settings, experiment: Experiment) -> None:
    """See that the model and the checkpoints have room, in the files and in the run's folder."""
    model = _theta_bytes(settings, experiment) + 2**14
    # Two of them, each with theta three times, and an optimizer's state.
    checkpoints = 2 * (5 * model)
    files = {
        "--output": (settings.output, model),
        "--checkpoint": (settings.checkpoint, checkpoints),
    }
    check_space(files)
    if not settings.no_run:
        folder = (settings.run or RUNS) / RECORD
        try:  # all that is written to one disk has to find room there
            check_space(files | {"--run": (folder, model + checkpoints)})
        except ValueError as error:
            say("warning", f"{error}: the run may not be kept")


def _theta_bytes(settings: Settings, experiment: Experiment) -> int:
    return experiment.network.size * (8 if settings.dtype is Dtype.float64 else 4)


def _balanced_weights(settings: Settings, experiment: Experiment) -> Array:
    """Return weights of the examples by which each class counts the same."""
    part = experiment.part
    if (task := task_of(part.task, part.classes)) != "classes":
        kind = {"regression": "real targets"}.get(task, task)
        raise ValueError(f"--class-weight: found data with {kind}, expected classes")
    if isinstance(experiment.part, StoredDataset):
        return balanced_weights(experiment.part, settings.dtype.value)
    return class_weights(experiment.examples.Y)


def _describe_command(
    arguments: Sequence[str], backend: Backend, device: str | None
) -> dict[str, object]:
    """Return how a run was begun, for it to be gone on with from its folder."""
    device = device or os.environ.get("DNN_XP_DEVICE")
    where: tuple[str, ...] = () if "--backend" in arguments else ("--backend", backend.name)
    if device and "--device" not in arguments:
        where += ("--device", device)
    # Who goes on says so, and must not begin anew where that fails.
    kept = [word for word in arguments[1:] if word not in ("--resume", "--resume-or-start")]
    return {
        "command": shlex.join(("dnn-xp", *arguments)),
        "arguments": [*arguments[:1], *where, *kept],
        "directory": str(Path.cwd()),
    }


def _fit(
    settings: Settings,
    prepared: PreparedRun,
    backend: Backend,
    record: Mapping[str, object],
    listener: Interruptible,
    console: Console,
    group: Group | None,
) -> FittedRun:
    """Train, and show how far it is and how well it does."""
    started, before = time.perf_counter(), prepared.resume.epochs_before
    callbacks: list[Callback] = [listener]
    with run_errors():
        folder = None
        if not settings.no_run and (group is None or group.rank == 0):
            folder = settings.run or make_folder(settings.data)
        if folder is not None:
            callbacks.append(_keep_in(folder, settings, prepared, backend, record))
        try:
            with printing.epochs(console, prepared.epochs, before) as (advance, within):
                targets = prepared.experiment.targets
                callbacks += open_logs(
                    settings.log,
                    settings.tensorboard,
                    lambda figures: in_own_units(figures, targets),
                )
                if prepared.experiment.reading is not None or printing.is_live(console):
                    callbacks.append(_Batches(within))
                result = run_experiment(
                    prepared,
                    lambda epoch, metrics: advance(epoch, _describe_epoch(metrics)),
                    callbacks,
                    group,
                )
        finally:
            if folder is not None and settings.run is None:
                remove_where_empty(folder)
    seconds, processes = time.perf_counter() - started, 1 if group is None else group.size
    return FittedRun(prepared, result, seconds, folder, processes)


class _Batches(Callback):
    """Show how far an epoch is."""

    def __init__(self, within: Callable[[int, int, int], None]) -> None:
        self.within = within

    def step(self, run: Run) -> None:
        self.within(run.epoch, run.batch, run.n_batches)


def _keep_in(
    folder: Path,
    settings: Settings,
    prepared: PreparedRun,
    backend: Backend,
    record: Mapping[str, object],
) -> KeptRun:
    """Return what keeps a run in its folder, in the units of the data."""
    experiment = prepared.experiment

    def model_of(result: TrainingResult) -> Model:
        whole = result._replace(theta=own_theta(experiment, result.theta))
        return make_model(settings, prepared, whole, backend)

    about = settings.about(
        prepared.optimizer_settings, experiment.fingerprint, settings.epochs, backend.name
    )
    target = {} if experiment.target is None else {"target": experiment.target}
    return KeptRun(
        folder,
        # Five vectors like theta at 200 MB/s: a twentieth of the time goes into checkpoints.
        seconds=max(SECONDS, _theta_bytes(settings, experiment) / 2e6),
        about={**record, "settings": about | target, "options": dict(prepared.options)},
        make_model=model_of,
        in_units=lambda figures: in_own_units(figures, experiment.targets),
    )


def _describe_epoch(metrics: Mapping[str, float]) -> str:
    """Return an epoch's metrics, such as ``"cost 0.0211, held-out accuracy 97.77%"``."""
    held_out = {
        name: metrics[key]
        for key in metrics
        if (name := key.removeprefix("validation_")) not in (key, "cost")
    }
    scores = ", ".join(f"{name} {describe_metric(name, value)}" for name, value in held_out.items())
    return f"cost {describe_metric('cost', metrics['cost'])}, held-out {scores}"


def _go_on(settings: Settings, folder: Path | None, arguments: Sequence[str]) -> str | None:
    """Return the command that goes on with a run that was interrupted."""
    in_folder = folder is not None and holds_progress(folder / CHECKPOINT)
    from_folder = in_folder and settings.resume and settings.run is not None  # as dnn-xp resume
    if settings.checkpoint is not None and not from_folder and holds_progress(settings.checkpoint):
        return resume_command(arguments)
    if not in_folder:
        return None
    copies = {f"--{name}": value for name in COPIES if (value := getattr(settings, name))}
    words = [
        word
        for option, value in copies.items()
        for word in ((option,) if value is True else (option, str(value)))
    ]
    return shlex.join(("dnn-xp", "resume", str(folder), *words))


def _leave(
    fitted: FittedRun, number: signal.Signals | None, problems: Sequence[str], go_on: str | None
) -> None:
    """Leave with an exit code of its own where the run was interrupted, or something failed."""
    ending = fitted.result.ending
    if number is None and ending is Ending.INTERRUPTED:
        number = signal.SIGINT
    if number is not None:
        for problem in problems:
            say("error", problem)
        if ending is Ending.INTERRUPTED and go_on is not None:
            say("go on with", go_on)
        raise typer.Exit(128 + number)
    reasons = [fitted.result.reason] if ending is Ending.DIVERGED else []
    if reasons or problems:
        raise Failure("; ".join([*reasons, *problems]))
