"""Learning curves of the command line: of a run that has ended, and of runs that were kept."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dnn_xp.app.optimization import LearningRatePlan, choose_schedule
from dnn_xp.callbacks.run_folder import HISTORY, load_record
from dnn_xp.network import Network
from dnn_xp.network.description import network_of
from dnn_xp.reports import learning_curve
from dnn_xp.reports.run_summaries import History, read_history
from dnn_xp.reports.words import describe_network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_history", "draw_runs"]

_Histories = Mapping[str, Sequence[float]]


def draw_history(
    history: _Histories, rate: float | None, plan: LearningRatePlan, data: str, network: Network
) -> "Figure":
    """Return the curves of one run.

    Parameters
    ----------
    history : dict of str to sequence of float
    rate : float or None
        Of the optimizer, where it has one.
    plan : LearningRatePlan
    data : str
        The name of the data.
    network : Network
    """
    rates = [] if rate is None else _rates(rate, plan, len(history.get("cost", ())))
    return learning_curve(
        {**history} | ({"learning_rate": rates} if len(set(rates)) > 1 else {}),
        title=f"{Path(data).name}: {describe_network(network)}",
    )


def draw_runs(folders: Sequence[Path]) -> "Figure":
    """Return the curves of the runs in some folders, over each other.

    Raises
    ------
    ValueError
        Where a folder holds no figures, or none that can be read.
    """
    histories: dict[str, History] = {}
    names = _own_names(folders)
    for name, folder in zip(names, folders, strict=True):
        if folder.is_file():
            raise ValueError(f"{folder}: found a file, expected the folder of a run")
        if not (folder / HISTORY).is_file():
            raise ValueError(
                f"{folder}: holds no figures of epochs: there is no {HISTORY}, which an estimator "
                "of tables does not write"
            )
        try:
            histories[name] = read_history(folder)
        except ValueError as error:
            raise ValueError(f"{folder}: {error}") from error
    records = [_what_was_said(folder) for folder in folders]
    if len(folders) == 1 and records[0] is not None:
        ((_, history),) = histories.items()
        return draw_history(history, *records[0])
    rates = {
        name: _rates(record[0], record[1], len(histories[name].get("cost", ())))
        for name, record in zip(names, records, strict=True)
        if record is not None
    }
    if len({rate for of_run in rates.values() for rate in of_run}) > 1:
        histories = {
            name: history | ({"learning_rate": rates[name]} if rates.get(name) else {})
            for name, history in histories.items()
        }
    if len(folders) == 1:
        return learning_curve(histories[names[0]], title=names[0])
    return learning_curve(histories)


def _own_names(folders: Sequence[Path]) -> list[str]:
    """Return a short name of each folder: its last part, or all where two are the same."""
    resolved = [folder.absolute() for folder in folders]
    if len(set(resolved)) < len(resolved):
        twice = next(folder for folder in folders if resolved.count(folder.absolute()) > 1)
        raise ValueError(f"{twice}: found twice, expected different runs")
    short = [folder.name or str(folder.resolve()) for folder in folders]
    return short if len(set(short)) == len(short) else [str(folder) for folder in folders]


def _rates(rate: float, plan: LearningRatePlan, epochs: int) -> list[float]:
    """Return the learning rate at the beginning of each epoch; none where the costs decide it."""
    return [] if plan.callbacks else [rate * float(plan.schedule(i)) for i in range(epochs)]


_Said = tuple[float, LearningRatePlan, str, Network]


def _what_was_said(folder: Path) -> _Said | None:
    """Return rate, schedule, data and network of a run of the command line; None of another."""
    try:
        record = load_record(folder)
        options, settings = record["options"], record["settings"]
        warm_up = float(options.get("--warm-up", 0.0))
        plan = choose_schedule(options["--schedule"], warm_up, settings["epochs"])
        network = network_of(record["run"]["network"])
        return float(options["--learning-rate"]), plan, str(settings["data"]), network
    except (AttributeError, LookupError, OSError, TypeError, ValueError):
        return None
