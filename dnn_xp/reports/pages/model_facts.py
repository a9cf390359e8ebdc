"""What a model card says, gathered from a run, its model and the examples that it was shown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dnn_xp.models import Model
from dnn_xp.reports.examples import Examples, model_task
from dnn_xp.reports.pages.card import CardFacts, PartFacts, Training
from dnn_xp.reports.pages.facts import Facts
from dnn_xp.reports.pages.headlines import chance_words
from dnn_xp.reports.pages.judging import Judged, figures
from dnn_xp.reports.words import counted, describe_data, describe_network

__all__ = ["card_facts", "describe_model", "where_and_when"]


def card_facts(
    facts: Facts,
    shown: Examples | None,
    judged: Judged | None,
    chance: Mapping[str, float],
    seen: Judged | None,
    calibration_error: float | None,
    notes: str,
) -> CardFacts:
    """Return what the card of a model is made from.

    Parameters
    ----------
    facts : Facts
    shown : Examples, optional
    judged, seen : Judged, optional
        What is said of them, and of what the model was trained on.
    chance : mapping of str to float
        Metrics of what has learnt nothing.
    calibration_error : float, optional
    notes : str
    """
    model, parts = facts.model, []
    if shown is not None and judged is not None:
        if seen is not None:
            parts.append(_part("training", seen, is_held_out=False))
        own = "held out" if shown.is_held_out else "shown"
        parts.append(_part(own, judged, is_held_out=shown.is_held_out or None))
    known = seen or judged
    names = None
    if known is not None:
        names = known.names if known.task == "classes" else None
    elif model is not None:
        names = model.classes if _is_of_classes(model) else None
    return CardFacts(
        _task(model, known),
        describe_model(model),
        None if model is None else model.network.size,
        _data_name(facts),
        _example(model, shown, judged),
        _count_features(facts),
        names,
        _held_out(judged, seen),
        parts,
        chance,
        "" if judged is None else chance_words(judged.task, known=seen is not None),
        calibration_error,
        facts.epochs,
        facts.epochs_asked,
        facts.state,
        facts.reason,
        _value_range(shown),
        _target_range(seen),
        notes,
    )


def _part(name: str, judged: Judged, *, is_held_out: bool | None) -> PartFacts:
    by_class = None
    if judged.task == "classes":
        by_class = np.bincount(judged.true, minlength=len(judged.names)).tolist()
    m = judged.true.shape[-1]
    return PartFacts(name, m, figures(judged), {}, by_class, is_held_out)


def _is_of_classes(model: Model) -> bool:
    return model.classes is not None and model_task(model) == "classes"


def _task(model: Model | None, judged: Judged | None) -> str:
    if judged is None:
        if model is None:
            return ""
        n = len(model.classes or ()) or model.network.n_targets
        task = {"classes": "classes", "labels": "labels"}.get(model_task(model), "values")
    else:
        n, task = len(judged.names), judged.task
    if task == "classes":
        return f"one of {n:,} classes"
    if task == "labels":
        return f"which of {counted(n, 'label')}"
    if n == 1 and judged is not None and judged.names != ("target",):
        return f"a number: {judged.names[0]}"
    return "a number" if n == 1 else counted(n, "number")


def describe_model(model: Model | None) -> str:
    """Return what a model is, in words; nothing of none."""
    if model is None:
        return ""
    words = describe_network(model.network)
    if model.table is None:
        return words
    n = len(model.theta)
    return f"{model.table['estimator']}: {counted(n, 'network')}, {'each ' * (n > 1)}{words}"


def _data_name(facts: Facts) -> str:
    found = facts.about.get("data")
    return Path(found).name if isinstance(found, str) else ""


def _example(model: Model | None, shown: Examples | None, judged: Judged | None) -> str:
    if judged is None or shown is None or not shown.part.X.shape[0]:
        return ""
    if model is not None and (model.table is not None or model.encoder is not None):
        return ""  # the columns of a network are others than those of its table
    names = None if judged.task == "values" else judged.names
    return describe_data(shown.part._replace(classes=names))


def _count_features(facts: Facts) -> int | None:
    """Return how many columns a table has, where the model is of one."""
    model = facts.model
    if facts.estimator is not None:
        return getattr(facts.estimator, "n_features_in_", None)
    if model is None:
        return None
    if model.encoder is not None:
        return model.encoder.n_features_in_
    names = None if model.table is None else model.table.get("names")
    return None if names is None else len(names)


def _held_out(judged: Judged | None, seen: Judged | None) -> str:
    if judged is None or seen is None:
        return ""
    n, m = judged.true.shape[-1], seen.true.shape[-1]
    return f"{n:,} of {counted(n + m, 'example')} ({n / (n + m):.1%})" if n + m else ""


def _value_range(shown: Examples | None) -> tuple[float, float] | None:
    """Return between which values the pixels lay, of what the model was trained on."""
    training = None if shown is None else shown.training
    if training is None or training.part.image_shape is None or not training.part.X.size:
        return None
    return float(training.part.X.min()), float(training.part.X.max())


def _target_range(seen: Judged | None) -> tuple[float, float] | None:
    if seen is None or seen.task != "values" or len(seen.true) != 1 or not seen.true.size:
        return None
    return float(np.nanmin(seen.true)), float(np.nanmax(seen.true))


def where_and_when(facts: Facts) -> Training:
    """Return where and when a model was trained."""
    about: Mapping[str, Any] = facts.about
    seed, backend, dtype = (about.get(name) for name in ("seed", "backend", "dtype"))
    device = about.get("device")
    theta = None if facts.model is None else facts.model.theta
    return Training(
        backend if isinstance(backend, str) else "",
        device if isinstance(device, str) else "",
        dtype if isinstance(dtype, str) else "" if theta is None else str(theta.dtype),
        seed if isinstance(seed, int) else None,
        facts.begun,
        facts.ended,
    )
