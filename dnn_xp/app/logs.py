"""Logs that ``--log`` and ``--tensorboard`` ask for, in the units of the data."""

from collections.abc import Callable
from pathlib import Path

from dnn_xp.app.errors import UserError
from dnn_xp.callbacks import CSVLog, JSONLinesLog, TensorBoard
from dnn_xp.training import Callback, Run

__all__ = ["LOG_SUFFIXES", "check_logs", "open_logs"]

Figures = dict[str, float]


class _Named(Callback):
    """A log: what hinders it at the start is the error of the option that asks for it."""

    option: str
    convert: Callable[[Figures], Figures] = dict

    def in_units(self, figures: Figures) -> Figures:
        """Return the figures of an epoch in the units of the data."""
        return self.convert(figures)

    def start(self, run: Run) -> None:
        try:
            super().start(run)
        except OSError as error:
            said = f"{error.filename}: {error.strerror}" if error.strerror else error
            raise UserError(f"{self.option}: {said}") from error


class _CSV(_Named, CSVLog):
    option = "--log"


class _JSONLines(_Named, JSONLinesLog):
    option = "--log"


class _TensorBoard(_Named, TensorBoard):
    option = "--tensorboard"


_KINDS: dict[str, type[_CSV | _JSONLines]] = {".csv": _CSV, ".jsonl": _JSONLines}

LOG_SUFFIXES = tuple(_KINDS)


def check_logs(log: Path | None, tensorboard: Path | None) -> None:
    """See that the options name a log of a kind that there is, and a folder.

    Raises
    ------
    ValueError
        Naming the option.
    ImportError
        Where TensorBoard is not installed.
    """
    if log is not None and log.suffix.lower() not in LOG_SUFFIXES:
        expected = " or ".join(LOG_SUFFIXES)
        raise ValueError(f"--log: found {str(log)!r}, expected a name that ends in {expected}")
    if tensorboard is not None:
        if tensorboard.exists() and not tensorboard.is_dir():
            raise ValueError(f"--tensorboard: found the file {tensorboard}, expected a folder")
        TensorBoard(tensorboard)  # which says what is missing


def open_logs(
    log: Path | None, tensorboard: Path | None, in_units: Callable[[Figures], Figures]
) -> list[Callback]:
    """Return the callbacks that write what the options name.

    Parameters
    ----------
    log, tensorboard : Path or None
    in_units : callable
        ``in_units(figures)`` is what is written of the figures of an epoch.
    """
    logs: list[_CSV | _JSONLines | _TensorBoard] = []
    if log is not None:
        logs.append(_KINDS[log.suffix.lower()](log))
    if tensorboard is not None:
        logs.append(_TensorBoard(tensorboard))
    for one in logs:
        one.convert = in_units
    return list(logs)
