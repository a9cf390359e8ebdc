"""``dnn-xp plot``: pictures of runs that were kept, and of what their models have learnt."""

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from dnn_xp.app import printing
from dnn_xp.app.completion import among
from dnn_xp.app.curves import draw_runs
from dnn_xp.app.errors import user_errors
from dnn_xp.app.experiment import Told
from dnn_xp.app.large import check_data_options
from dnn_xp.app.model_pictures import (
    DRAWN_FROM_EXAMPLES,
    draw_importances,
    draw_weights,
)
from dnn_xp.app.options import (
    BackendName,
    DataDir,
    DeviceName,
    TargetName,
    TrustFlag,
    XName,
    YName,
    as_path,
    computing,
)
from dnn_xp.app.outputs import check_outputs, check_plot, draw
from dnn_xp.app.runs import find_last_run
from dnn_xp.app.shown_examples import load_shown, trained_on
from dnn_xp.app.use import DataOptions, load_kept
from dnn_xp.arguments import check_choice, check_path
from dnn_xp.backends import require
from dnn_xp.callbacks.run_folder import MODEL
from dnn_xp.files.claiming import claim
from dnn_xp.models import load_model
from dnn_xp.reports import show
from dnn_xp.reports.figures import has_window

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Kind", "plot"]


class Kind(StrEnum):
    """Kinds of pictures."""

    curves = "curves"
    confusion = "confusion"
    mistakes = "mistakes"
    weights = "weights"
    saliency = "saliency"
    calibration = "calibration"
    boundary = "boundary"
    residuals = "residuals"
    importances = "importances"


def plot(
    context: typer.Context,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="The folder of a run, several for curves, or else the file of a model. "
            "Default: the last run in runs/.",
        ),
    ] = None,
    *,
    kind: Annotated[
        str, typer.Argument(metavar="KIND", autocompletion=among(Kind), help="What to draw.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            parser=str,
            callback=as_path,
            metavar="FILE",
            help="Where to write it: .png, .svg or .pdf. Default: a window; where there is none, "
            "a new .png here.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="What the model is shown, as for dnn-xp train. Default: what it was trained on, "
            "the part that was held out.",
        ),
    ] = None,
    x: XName = None,
    y: YName = None,
    target: TargetName = None,
    data_dir: DataDir = None,
    trust: TrustFlag = False,
    backend: BackendName = None,
    device: DeviceName = None,
) -> None:
    """Draw a picture of a run: how it went, or what its model has learnt.

    curves: cost, metrics and learning rate; confusion: which classes are taken for which; mistakes:
    the surest first; weights: of the first layer; saliency: where it looks; calibration: whether it
    is right as often as it says; boundary: of two features; residuals: of real targets;
    importances: of a table's features.
    """
    console = printing.open_console()
    with ExitStack() as opened, computing(backend, device):
        with user_errors():
            require("matplotlib", extra="app")
            check_choice("KIND", kind, [str(one) for one in Kind])
            kind = Kind(kind)
            check_outputs(data or "", {"--output": output})
            check_plot(output, "--output")
            chosen = [check_path("RUN", one) for one in runs] if runs else [find_last_run()]
            if kind is Kind.curves:
                figure = draw_runs(chosen)
            else:
                if len(chosen) > 1:
                    raise ValueError(f"{kind}: found {len(chosen)} runs, expected one")
                options = None
                if data is not None:
                    check_data_options(data, x, y, target)
                    options = DataOptions(data, x, y, target, data_dir, trust)
                source = _Source(chosen[0].absolute(), options, trust)
                with printing.reading(console, "read") as advance:
                    figure = _draw_of_model(kind, source, context, opened, advance)
        if output is None and has_window():
            show(figure)
            return
        path = _new_file(kind) if output is None else output
        written = draw(figure, path, "--output")
    printing.facts(console, [(str(kind), written)])


class _Source(NamedTuple):
    """Where a model is, and what it is to be shown."""

    path: Path
    options: DataOptions | None
    trusted: bool


def _draw_of_model(
    kind: Kind, source: _Source, context: typer.Context, opened: ExitStack, advance: Told
) -> "Figure":
    """Return a picture of a model."""
    name = source.path.name
    if kind is Kind.importances:
        path = source.path
        return draw_importances(load_model(path / MODEL if path.is_dir() else path), name)
    model = load_kept(source.path)
    if kind is Kind.weights:
        return draw_weights(model, name)
    with ExitStack() as there:
        options = source.options or trained_on(source.path, source.trusted, context, there)
        shown = load_shown(model, options, opened, advance)
    return DRAWN_FROM_EXAMPLES[kind](model, shown)


def _new_file(kind: Kind) -> Path:
    """Return the name of a new file here: it is made, so that nobody else has it."""
    return claim(Path(f"{kind}.png"), lambda path: path.open("x").close(), suffix=".png")
