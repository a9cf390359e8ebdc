"""``dnn-xp`` itself: its commands by name. Each is a function in a module of its own kind."""

import shutil
import textwrap
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dnn_xp import __version__
from dnn_xp.app.article import article
from dnn_xp.app.check import list_backends, verify
from dnn_xp.app.compare import compare_runs
from dnn_xp.app.completion import InstallCompletion, ShowCompletion
from dnn_xp.app.grouped_help import GroupedCommand
from dnn_xp.app.plot import plot
from dnn_xp.app.predict import predict
from dnn_xp.app.range_test import range_test
from dnn_xp.app.report import report
from dnn_xp.app.runs import resume
from dnn_xp.app.train import train
from dnn_xp.app.use import evaluate
from dnn_xp.app.watch import watch

__all__ = ["app"]

_WIDEST = 120
"""Columns of a terminal that help makes use of."""


class _Commands(TyperGroup):
    """The commands, of each of which the help says the whole first sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        rows = [(name, one.get_short_help_str(1000)) for name, one in commands if not one.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _WIDEST},
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
    room = shutil.get_terminal_size().columns - 2  # for the indent
    shown = (part for line in lines for part in _fit(f"dnn-xp {line}", room))
    return "\n".join(("\b", "Examples:", *shown))


def _fit(command: str, room: int) -> list[str]:
    """Return a command in lines that fit, which a shell takes for one."""
    if len(command) + 2 <= room:
        return [f"  {command}"]
    lines = textwrap.wrap(
        command,
        room - len(" \\"),
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [*(f"{line} \\" for line in lines[:-1]), *lines[-1:]]


app.command(
    cls=GroupedCommand,
    epilog=_examples(
        "train",
        "train digits --layers 128,64 --output digits.h5 --plot curve.png",
        "train cats --data-dir pictures --epochs 50 --learning-rate 0.0003",
        "train customers.csv --target left",
        "train measurements.npz --backend torch",
        "train mnist.h5 --x train/images --y train/labels",
        "train digits --schedule cosine --ema-decay 0.99 --metric f1",
        "train digits --epochs 1000 --run runs/long",
    ),
)(train)
app.command(cls=GroupedCommand, epilog=_examples("resume", "resume runs/long --epochs 2000"))(
    resume
)
app.command(
    cls=GroupedCommand,
    epilog=_examples(
        "predict pets.h5 cat.jpg album",
        "predict digits.h5 seven.png --invert --crop-to-ink",
        "predict prices.h5 new.csv -o prices.csv",
    ),
)(predict)
app.command(
    cls=GroupedCommand,
    epilog=_examples(
        "evaluate digits.h5 digits", "evaluate pets.h5 new-pictures", "evaluate m.h5 new.csv"
    ),
)(evaluate)
app.command("runs", cls=GroupedCommand, epilog=_examples("runs", "runs --json"))(compare_runs)
app.command(
    cls=GroupedCommand,
    epilog=_examples(
        "plot curves",
        "plot runs/a runs/b curves -o curves.pdf",
        "plot digits.h5 mistakes --data digits -o mistakes.png",
    ),
)(plot)
app.command(
    cls=GroupedCommand,
    epilog=_examples(
        "report",
        "report runs/long new.csv -o new.html",
        "report runs/a runs/b --title 'Two optimizers' -o both.html",
    ),
)(report)
app.command(cls=GroupedCommand, epilog=_examples("watch", "watch runs/long --port 8000 --open"))(
    watch
)
app.command(
    cls=GroupedCommand,
    epilog=_examples("range-test", "range-test measurements.npz --optimizer sgd --plot rates.png"),
)(range_test)
app.command(
    cls=GroupedCommand, epilog=_examples("article --data-dir cats", "article --backend torch")
)(article)
app.command(
    cls=GroupedCommand, epilog=_examples("verify", "verify --backend torch --device cuda:0")
)(verify)
app.command("backends", cls=GroupedCommand)(list_backends)
