"""The model card: what a model is, what it was trained on, how good it is, and its limits.

After Mitchell et al. (2019), Model cards for model reporting. Limits are told from facts; what the
model is meant for, its maker says.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.page import Section
from dnn_xp.reports.pages.times import describe_moment, describe_seconds, seconds_between
from dnn_xp.reports.words import counted, describe_metric, mode_by_name

__all__ = [
    "CardFacts",
    "PartFacts",
    "Training",
    "limits_of",
    "model_card",
    "standard_error",
    "versions_section",
]

_FEW = 20
"""Examples of a class, below which its figures say little."""


class PartFacts(NamedTuple):
    """A part of the data, and how good the model is on it.

    Attributes
    ----------
    name : str
        ``"training"``, ``"held out"``, or what else it is.
    examples : int
    figures : mapping of str to float
        Metrics by the names under which they are shown.
    errors : mapping of str to float
        Their standard errors, where known; that of the accuracy follows from the examples.
    by_class : sequence of int, optional
        The examples of each class.
    is_held_out : bool
        Whether the model was not trained on it.
    """

    name: str
    examples: int
    figures: Mapping[str, float] = {}
    errors: Mapping[str, float] = {}
    by_class: Sequence[int] | None = None
    is_held_out: bool = False


class CardFacts(NamedTuple):
    """What a model card is made from; what is not known is left out of it.

    Attributes
    ----------
    task : str
        In words, such as ``"one of 10 classes"`` or ``"a number: price"``.
    network : str
        In words, as `dnn_xp.reports.words.describe_network` has them.
    parameters : int, optional
    data : str
        The name of the data.
    example : str
        What an example is, as `dnn_xp.reports.words.describe_data` has it.
    features : int, optional
        How many numbers or columns an example has.
    classes : sequence of str, optional
        Their names; None where there are none.
    held_out : str
        What was held out and how, such as ``"a fifth, drawn at random (seed 0)"``.
    parts : sequence of PartFacts
    chance : mapping of str to float
        The figures of what has learnt nothing, by the names of the metrics.
    chance_words : str
        What that is, such as ``"always the commonest class"``.
    calibration_error : float, optional
        Expected calibration error on what is held out (ECE).
    epochs, epochs_asked : int, optional
        How many were done, and how many were to be.
    state : str
        Of the run, as in `dnn_xp.reports.run_summaries.RunSummary`.
    reason : str
        Why it ended.
    value_range : (float, float), optional
        Within which the numbers of an example lay in the training: of pictures, the pixels.
    target_range : (float, float), optional
        Within which the targets lay in the training, where they are numbers.
    notes : str
        What the model is meant for and what it is not, in its maker's words.
    """

    task: str = ""
    network: str = ""
    parameters: int | None = None
    data: str = ""
    example: str = ""
    features: int | None = None
    classes: Sequence[str] | None = None
    held_out: str = ""
    parts: Sequence[PartFacts] = ()
    chance: Mapping[str, float] = {}
    chance_words: str = ""
    calibration_error: float | None = None
    epochs: int | None = None
    epochs_asked: int | None = None
    state: str = ""
    reason: str = ""
    value_range: tuple[float, float] | None = None
    target_range: tuple[float, float] | None = None
    notes: str = ""


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
    return f"{len(classes):,}: {_some(class_names(classes), 12)}"


def _some(names: Sequence[str], most: int = 8) -> str:
    """Return a few names of many."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


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
    if not part.is_held_out or not error:
        return words
    return (
        f"{words} ± {100 * error:.2g}%" if name.endswith("accuracy") else f"{words} ± {error:.2g}"
    )


def standard_error(part: PartFacts, name: str) -> float:
    """Return the standard error of a figure: of accuracy that of a share; NaN where not known."""
    value = part.figures[name]
    if name in part.errors:
        return part.errors[name]
    is_share = name in ("accuracy", "top_5_accuracy", "top_k_accuracy") and 0.0 <= value <= 1.0
    return (
        math.sqrt(value * (1.0 - value) / part.examples) if is_share and part.examples else math.nan
    )


# ----------------------------------------------------------------------------- limits


def limits_of(facts: CardFacts) -> list[str]:
    """Return what facts say of where a model cannot be relied on, a sentence each."""
    return [*_of_training(facts), *_of_examples(facts), *_of_classes(facts), *_of_ranges(facts)]


def _of_training(facts: CardFacts) -> Iterator[str]:
    epochs, asked = facts.epochs, facts.epochs_asked
    far = f" after {counted(epochs, 'epoch')}" if epochs is not None else ""
    far += f" of {asked:,}" if epochs is not None and asked is not None and epochs < asked else ""
    words = {
        "running": f"The training is still going on,{far or ' from the beginning'}.",
        "interrupted": f"The training was interrupted{far}: more may make it better.",
        "diverged": f"The training diverged{far}: its figures are those before, and not to be "
        "relied on.",
        "damaged": "The folder of the run is damaged: parts of what it was are not known.",
    }
    if facts.state in words:
        yield words[facts.state]
    elif epochs is not None and asked is not None and epochs < asked:
        yield f"It was trained for {epochs:,} of {counted(asked, 'epoch')}."


def _of_examples(facts: CardFacts) -> Iterator[str]:
    """Yield how far figures can be relied on."""
    held_out = [one for one in facts.parts if one.is_held_out and one.examples]
    if not held_out:
        yield "Nothing was held out: how good it is on new examples is not known."
    trained_on = {
        name: value
        for one in facts.parts
        if not one.is_held_out
        for name, value in one.figures.items()
    }
    for part in held_out:
        for name, value in part.figures.items():
            error = standard_error(part, name)
            if math.isnan(error) or not math.isfinite(value):
                continue
            yield _how_sure(part, name, value, error)
            yield from _beside(name, value, error, trained_on, facts)
    if facts.calibration_error is not None and math.isfinite(facts.calibration_error):
        yield (
            f"Its probabilities are {100 * facts.calibration_error:.1f} percentage points off, on "
            "average over the held-out examples (ECE)."
        )


def _how_sure(part: PartFacts, name: str, value: float, error: float) -> str:
    n = counted(part.examples, f"{part.name} example")
    if error > 0.0:
        size = f"{100 * error:.2g} points" if name.endswith("accuracy") else f"{error:.2g}"
        return f"{name} is measured on {n}: one standard error is {size}."
    if value == 1.0 and name.endswith("accuracy"):  # Hanley and Lippman-Hand 1983
        most = min(1.0, 3.0 / part.examples)
        return f"None of {n} is wrong; of others up to {most:.2g} of all may be (95%)."
    return f"{name} is measured on {n}, of which all are alike."


def _beside(
    name: str, value: float, error: float, trained_on: Mapping[str, float], facts: CardFacts
) -> Iterator[str]:
    """Yield what a figure is beside that of the training, and of what has learnt nothing."""
    mode = mode_by_name(name)
    if mode is None:
        return
    sign = 1.0 if mode == "max" else -1.0
    seen, chance = trained_on.get(name, math.nan), facts.chance.get(name, math.nan)
    if sign * (value - chance) <= 0.0:
        yield f"{name} is no better than {facts.chance_words or 'chance'}."
    if sign * (seen - value) > 2.0 * error:
        yield (
            f"It is better on what it was trained on ({name} {describe_metric(name, seen)}) than "
            f"on what was held out ({describe_metric(name, value)})."
        )


def _of_classes(facts: CardFacts) -> Iterator[str]:
    """Yield which classes there are few examples of, or none."""
    if facts.classes is None:
        return
    names = class_names(facts.classes)
    for part in facts.parts:
        if part.by_class is None:
            continue
        counts = [*zip(names, part.by_class, strict=True)]
        absent = [name for name, n in counts if not n]
        few = [f"{name} ({n})" for name, n in counts if 0 < n < _FEW]
        where = "held-out examples" if part.is_held_out else f"{part.name} examples"
        if absent and part.is_held_out:
            yield f"No {where} of {_some(absent)}: how well it knows these is not known."
        elif absent:
            yield f"No {where} of {_some(absent)}: it cannot know these."
        if few:
            yield f"Fewer than {_FEW} {where} of {_some(few)}."


def _of_ranges(facts: CardFacts) -> Iterator[str]:
    if facts.value_range is not None:
        low, high = facts.value_range
        yield (
            f"It has seen numbers from {low:.4g} to {high:.4g}: others, such as those of inverted "
            "or unscaled pictures, are foreign to it."
        )
    if facts.target_range is not None:
        low, high = facts.target_range
        yield f"The true values that it was trained on are from {low:.6g} to {high:.6g}."


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
