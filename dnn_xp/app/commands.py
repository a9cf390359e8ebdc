"""``dnn-xp`` itself: its commands by name. Each is a function in a module of its own kind."""

from typing import Annotated

import typer

from dnn_xp import __version__
from dnn_xp.app.article import article
from dnn_xp.app.check import list_backends, verify
from dnn_xp.app.completion import InstallCompletion, ShowCompletion
from dnn_xp.app.grouped_help import GroupedCommand
from dnn_xp.app.range_test import range_test
from dnn_xp.app.runs import resume
from dnn_xp.app.train import train
from dnn_xp.app.use import evaluate, predict

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"dnn-xp {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def dnn_xp(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    install_completion: InstallCompletion = None,
    show_completion: ShowCompletion = None,
) -> None:
    """Deep networks written once, by hand, for every array library.

    Start with: dnn-xp train
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _examples(*lines: str) -> str:
    return "\n".join(("\b", "Examples:", *(f"  dnn-xp {line}" for line in lines)))


app.command(
    cls=GroupedCommand,
    epilog=_examples(
        "train",
        "train digits --layers 128,64 --output digits.h5 --plot curve.png",
        "train cats --data-dir pictures --epochs 50 --learning-rate 0.0003",
        "train measurements.npz --backend torch",
        "train digits --schedule cosine --ema-decay 0.99 --metric f1",
        "train digits --epochs 1000 --run runs/long",
    ),
)(train)
app.command(epilog=_examples("resume", "resume runs/long --epochs 2000"))(resume)
app.command(
    cls=GroupedCommand,
    epilog=_examples("range-test", "range-test measurements.npz --optimizer sgd --plot rates.png"),
)(range_test)
app.command(epilog=_examples("evaluate digits.h5 digits", "evaluate pets.h5 new-pictures"))(
    evaluate
)
app.command(epilog=_examples("predict pets.h5 cat.jpg", "predict pets.h5 *.png"))(predict)
app.command(epilog=_examples("article --data-dir cats", "article --backend torch"))(article)
app.command(epilog=_examples("verify", "verify --backend torch --device cuda:0"))(verify)
app.command("backends")(list_backends)
