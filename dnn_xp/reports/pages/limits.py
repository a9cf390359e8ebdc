"""Limits of a model, told from facts: where it cannot be relied on, and how sure figures are."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dnn_xp.arguments import check
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.words import counted, describe_metric, mode_by_name

__all__ = ["CardFacts", "PartFacts", "limits_of", "some_of", "standard_error"]

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
    is_held_out : bool or None
        Whether the model was not trained on it; None where that is not known.
    """

    name: str
    examples: int
    figures: Mapping[str, float] = {}
    errors: Mapping[str, float] = {}
    by_class: Sequence[int] | None = None
    is_held_out: bool | None = False


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


# ----------------------------------------------------------------------------- telling


def limits_of(facts: CardFacts) -> list[str]:
    """Return what facts say of where a model cannot be relied on, a sentence each."""
    return [*_of_training(facts), *_of_examples(facts), *_of_classes(facts), *_of_ranges(facts)]


def _of_training(facts: CardFacts) -> Iterator[str]:
    epochs, asked = facts.epochs, facts.epochs_asked
    far = "" if epochs is None else f" after {counted(epochs, 'epoch')}"
    if epochs is not None and asked is not None and epochs < asked:
        far = f" after {epochs:,} of {counted(asked, 'epoch')}"
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
    if any(one.is_held_out is None for one in facts.parts):
        yield "Whether it was trained on the examples that it is shown here is not known."
    elif not held_out:
        yield "Nothing was held out: how good it is on new examples is not known."
    trained_on = {
        name: value
        for one in facts.parts
        if one.is_held_out is False
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
        known = all(one.is_held_out is not None for one in facts.parts)
        of = "held-out examples" if known else "examples"
        yield (
            f"Its probabilities are {100 * facts.calibration_error:.1f} percentage points off, on "
            f"average over the {of} (ECE)."
        )


def _how_sure(part: PartFacts, name: str, value: float, error: float) -> str:
    n = counted(part.examples, f"{part.name.replace('held out', 'held-out')} example")
    if error > 0.0:
        size = f"{100 * error:.2g} points" if name.endswith("accuracy") else f"{error:.2g}"
        return f"The {name} is measured on {n}: one standard error is {size}."
    if value == 1.0 and name.endswith("accuracy"):  # Hanley and Lippman-Hand 1983
        most = min(1.0, 3.0 / part.examples)
        return f"None of {n} is wrong; of others up to {most:.2g} of all may be (95%)."
    return f"The {name} is measured on {n}, of which all are alike."


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
        yield f"The {name} is no better than {facts.chance_words or 'chance'}."
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
        expected = f"{len(names)}, one for each class"
        check("by_class", len(part.by_class), len(part.by_class) == len(names), expected)
        counts = [*zip(names, part.by_class, strict=True)]
        absent = [name for name, n in counts if not n]
        few = [f"{name} ({n})" for name, n in counts if 0 < n < _FEW]
        where = "held-out examples" if part.is_held_out else f"{part.name} examples"
        if absent and part.is_held_out:
            yield f"No {where} of {some_of(absent)}: how well it knows these is not known."
        elif absent:
            yield f"No {where} of {some_of(absent)}: it cannot know these."
        if few:
            yield f"Fewer than {_FEW} {where} of {some_of(few)}."


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


def standard_error(part: PartFacts, name: str) -> float:
    """Return the standard error of a figure: of accuracy that of a share; NaN where not known."""
    value = part.figures[name]
    if name in part.errors:
        return part.errors[name]
    is_share = name in ("accuracy", "top_5_accuracy", "top_k_accuracy") and 0.0 <= value <= 1.0
    return (
        math.sqrt(value * (1.0 - value) / part.examples) if is_share and part.examples else math.nan
    )


def some_of(names: Sequence[str], most: int = 8) -> str:
    """Return a few names of many."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
