"""What is known of a run without any examples: its record, its figures and its model.

Nothing here computes, and nothing that cannot be read is an error: it is said on the page.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dnn_xp.arguments import check_path
from dnn_xp.backends import from_host, to_host
from dnn_xp.callbacks.run_folder import HISTORY, MODEL, RECORD, load_record
from dnn_xp.models import Model, load_model
from dnn_xp.network.description import network_of
from dnn_xp.reports.run_summaries import STATES, History, read_history, summarize
from dnn_xp.training import TrainingResult

__all__ = ["Facts", "gather"]

_CURVES = {
    "loss_curve_": "cost",
    "validation_loss_curve_": "validation_cost",
    "validation_scores_": "validation_score",
}
"""Attributes of a fitted estimator, and the names of such figures in the history of a run."""


class Facts(NamedTuple):
    """What is known of a run, or of a model.

    Attributes
    ----------
    name : str
    state : str
        As in `RunSummary`; empty of a model by itself.
    reason : str
        Why the run ended.
    epochs, epochs_asked : int, optional
        How many are done, and how many were to be.
    unit : {"epochs", "iterations"}
    begun, ended : str
        In ISO 8601.
    history : dict of str to list of float
    command : str
        With which it was trained.
    versions : mapping of str to str
    about : mapping
        What is written down with the run or the model: the name of the data, seed, backend.
    model : Model, optional
    estimator : object, optional
        A fitted one, which predicts by itself.
    notes : tuple of str
        What is missing or damaged, in sentences.
    """

    name: str
    state: str = ""
    reason: str = ""
    epochs: int | None = None
    epochs_asked: int | None = None
    unit: str = "epochs"
    begun: str = ""
    ended: str = ""
    history: Mapping[str, Any] = {}
    command: str = ""
    versions: Mapping[str, str] = {}
    about: Mapping[str, Any] = {}
    model: Model | None = None
    estimator: Any = None
    notes: tuple[str, ...] = ()


def gather(run: Any) -> Facts:
    """Return what is known of a run, a model, or what came of a training.

    Parameters
    ----------
    run : path, Model, TrainingResult or fitted estimator
        The path of a run's folder, or of a model file.

    Raises
    ------
    TypeError
        For anything else.
    OSError, ValueError
        Where a path holds neither a run nor a model.
    """
    if isinstance(run, Model):
        return _of_model("model", _brought(run))
    if isinstance(run, TrainingResult):
        return _of_result(run)
    if hasattr(run, "to_model"):
        return _of_estimator(run)
    if not isinstance(run, str | os.PathLike):
        raise TypeError(
            f"run: found {type(run).__name__}, expected a path, a Model, a TrainingResult, a "
            "fitted estimator, or several paths"
        )
    path = check_path("run", run)
    if path.is_dir():
        return _of_folder(path)
    return _of_model(path.name, load_model(path))


# ----------------------------------------------------------------------------- models


def _of_model(name: str, model: Model) -> Facts:
    about = model.about
    return Facts(
        name,
        epochs=_whole(about.get("epochs")),
        versions=_texts(about.get("versions")),
        about=about,
        model=model,
    )


def _brought(model: Model) -> Model:
    """Return a model whose parameters are where the current backend computes."""
    return model._replace(theta=from_host(to_host(model.theta)))


def _of_estimator(fitted: Any) -> Facts:
    """Return what a fitted estimator says of itself; of one that no file can hold no model."""
    notes: tuple[str, ...] = ()
    try:
        model = _brought(fitted.to_model())
    except ValueError as error:
        model, notes = None, (f"The network is not shown: {error}.",)
    history = {
        name: [float(value) for value in found]
        for attribute, name in _CURVES.items()
        if (found := getattr(fitted, attribute, None)) is not None and len(found)
    }
    return Facts(
        type(fitted).__name__,
        epochs=_whole(getattr(fitted, "n_iter_", None)),
        history=history,
        about={} if model is None else model.about,
        model=model,
        estimator=fitted,
        notes=notes,
    )


def _of_result(result: TrainingResult) -> Facts:
    """Return what came of a training; its network is known by the progress that it holds."""
    state = STATES[result.ending]
    known = Facts(
        "training",
        state,
        result.reason,
        result.epochs,
        unit="epochs" if result.state is None else "iterations",
        history=result.history,
    )
    described = {} if result.progress is None else result.progress.run
    try:
        network = network_of(described["network"])
    except (KeyError, TypeError, ValueError):
        why = "The result does not hold its network: Model(network, result.theta) can be shown."
        return known._replace(notes=() if state == "diverged" else (why,))
    return known._replace(
        epochs_asked=_whole(described.get("epochs")), model=_brought(Model(network, result.theta))
    )


# ----------------------------------------------------------------------------- folders


def _of_folder(folder: Path) -> Facts:
    """Return what a folder says of its run, as far as it can be read."""
    found = summarize(folder)
    if not any((folder / name).is_file() for name in (RECORD, HISTORY, MODEL)):
        raise ValueError(f"run: found {folder}, a folder without {RECORD}; expected one of a run")
    record, notes = _record(folder), [*([found.problem] if found.problem else [])]
    history: History = {}
    if (folder / HISTORY).is_file():
        try:
            history = read_history(folder)
        except (OSError, ValueError) as error:
            notes.append(str(error))
    model = None
    if (folder / MODEL).is_file():
        try:
            model = load_model(folder / MODEL)
        except (ImportError, OSError, ValueError) as error:
            notes.append(str(error))
    said = [f"The folder of the run is damaged: {one}." for one in dict.fromkeys(notes)]
    if model is None and not (folder / MODEL).is_file():
        said.append(_why_no_model(found.state))
    settings = _mapping(record.get("settings"))
    epochs = found.epochs or len(history.get("cost", ()))
    asked = None if "estimator" in settings else _whole(settings.get("epochs"))
    about = {**({} if model is None else model.about), **settings}
    return Facts(
        folder.resolve().name,
        found.state,
        found.reason,
        epochs,
        asked if asked is not None else _whole(_mapping(record.get("run")).get("epochs")),
        begun=found.begun,
        ended=_text(record.get("ended")),
        history=history,
        command=_text(record.get("command")),
        versions=_texts(record.get("versions")),
        about=about,
        model=model,
        notes=tuple(said),
    )


def _why_no_model(state: str) -> str:
    why = {
        "running": "it is kept when the run ends",
        "interrupted": "the run was broken off before it could keep one; dnn-xp resume goes on",
        "diverged": "there is none of a run that diverged",
    }
    return f"There is no model: {why.get(state, 'none was kept')}."


def _record(folder: Path) -> Mapping[str, Any]:
    try:
        return _mapping(load_record(folder))
    except (OSError, ValueError):  # which its summary says
        return {}


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _texts(found: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in _mapping(found).items()}


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""


def _whole(found: Any) -> int | None:
    return found if isinstance(found, int) and not isinstance(found, bool) else None
