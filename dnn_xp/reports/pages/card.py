"""The model card: what a model is, what it was trained on, how good it is, and its limits.

After Mitchell et al. (2019), Model cards for model reporting. Limits are told from facts; what the
model is meant for, its maker says.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.limits import (
    CardFacts,
    PartFacts,
    limits_of,
    some_of,
    standard_error,
)
from dnn_xp.reports.pages.page import Section
from dnn_xp.reports.pages.times import describe_moment, describe_seconds, seconds_between
from dnn_xp.reports.words import describe_metric

__all__ = [
    "CardFacts",
    "PartFacts",
    "Training",
    "model_card",
    "versions_section",
]


class Training(NamedTuple):
    """Where and when a model was trained; what is not known is left out.

    Attributes
    ----------
    backend, device, dtype : str
    seed : int, optional
    begun, ended : str
        In ISO 8601.
    seconds : float, optional
        How long it took. Default: from `begun` to `ended`.
    """

    backend: str = ""
    device: str = ""
    dtype: str = ""
    seed: int | None = None
    begun: str = ""
    ended: str = ""
    seconds: float | None = None


def model_card(facts: CardFacts) -> Section:
    """Section that says what a model is, what it was trained on, how good it is, and its limits.

    Parameters
    ----------
    facts : CardFacts
    """
    content = {
        "model": _known({"task": facts.task, "network": facts.network} | _numbers(facts)),
        "data": _known(_data(facts)),
        "head": _head(facts),
        "figures": _figures(facts),
        "limits": limits_of(facts),
        "notes": [" ".join(one.split()) for one in facts.notes.split("\n\n") if one.strip()],
    }
    return Section("Model card", "card", content)


def _known(facts: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, said) for name, said in facts.items() if said]


def _numbers(facts: CardFacts) -> dict[str, str]:
    epochs = "" if facts.epochs is None else f"{facts.epochs:,}"
    if facts.epochs is not None and facts.epochs_asked not in (None, facts.epochs):
        epochs += f" of {facts.epochs_asked:,}"
    return {
        "parameters": "" if facts.parameters is None else f"{facts.parameters:,}",
        "epochs": epochs,
        "ended": " - ".join(one for one in (facts.state, facts.reason) if one),
    }


def _data(facts: CardFacts) -> dict[str, str]:
    examples = ", ".join(f"{one.examples:,} {one.name}" for one in facts.parts)
    return {
        "name": facts.data,
        "an example": facts.example,
        "features": "" if facts.features is None else f"{facts.features:,}",
        "classes": "" if facts.classes is None else _classes(facts.classes),
        "examples": examples,
        "held out": facts.held_out,
    }


def _classes(classes: Sequence[str]) -> str:
    """Return how many classes there are, and the names of the first."""
    return f"{len(classes):,}: {some_of(class_names(classes), 12)}"


# ----------------------------------------------------------------------------- figures


def _head(facts: CardFacts) -> list[str]:
    names = [f"{one.name} ({one.examples:,})" for one in facts.parts]
    return ["metric", *names, *([facts.chance_words or "chance"] if facts.chance else [])]


def _figures(facts: CardFacts) -> list[list[str]]:
    """Return a row for each metric: of the parts, and of what has learnt nothing."""
    names = dict.fromkeys(name for part in facts.parts for name in part.figures)
    rows = []
    for name in names:
        row = [name, *(_figure(part, name) for part in facts.parts)]
        if facts.chance:
            row.append(describe_metric(name, facts.chance[name]) if name in facts.chance else "")
        rows.append(row)
    return rows


def _figure(part: PartFacts, name: str) -> str:
    if name not in part.figures:
        return ""
    value, error = part.figures[name], standard_error(part, name)
    if not math.isfinite(value):
        return "-"
    words = describe_metric(name, value)
    if not part.is_held_out or not error > 0.0:  # or NaN: it is not known
        return words
    return (
        f"{words} ± {100 * error:.2g}%" if name.endswith("accuracy") else f"{words} ± {error:.2g}"
    )


# ----------------------------------------------------------------------------- again


def versions_section(
    versions: Mapping[str, str], command: str, training: Training | None = None
) -> Section:
    """Section on how the training is repeated: the command, the versions, where and when.

    Parameters
    ----------
    versions : mapping of str to str
        By the names of what computes.
    command : str
        In full, as it is typed; empty where there is none.
    training : Training, optional
    """
    content = {
        "command": command,
        "training": _known(_where_and_when(training or Training())),
        "versions": [[str(name), str(version)] for name, version in versions.items()],
    }
    return Section("Again", "versions", content)


def _where_and_when(training: Training) -> dict[str, str]:
    seconds = training.seconds
    if seconds is None:
        seconds = seconds_between(training.begun, training.ended)
    return {
        "backend": training.backend,
        "device": training.device,
        "dtype": training.dtype,
        "seed": "" if training.seed is None else str(training.seed),
        "begun": describe_moment(training.begun),
        "took": describe_seconds(seconds),
    }
