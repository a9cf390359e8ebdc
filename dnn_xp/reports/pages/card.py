"""The model card: what a model is, what it was trained on, how well it does, and its limits.

After Mitchell et al. (2019), "Model Cards for Model Reporting", as far as a run knows it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dnn_xp.reports.pages.page import Section
from dnn_xp.reports.words import counted, describe_metric

__all__ = ["CardFacts", "limits_of", "model_card", "versions_section"]

_FEW = 30
"""Examples of a class below which its figures say little."""

_MOST_NAMED = 8


class CardFacts(NamedTuple):
    """What a model card says.

    Attributes
    ----------
    model, data : sequence of (str, str)
        Facts by name, such as ``("task", "10 classes")``.
    figures : mapping of str to mapping of str to float
        By part of the data and name, such as ``{"held out": {"accuracy": 0.97}}``.
    limits : sequence of str
        Sentences; see `limits_of`.
    notes : str
        What a person says of the use that is intended, and of what the data do not show.
    """

    model: Sequence[tuple[str, str]]
    data: Sequence[tuple[str, str]]
    figures: Mapping[str, Mapping[str, float]] = {}
    limits: Sequence[str] = ()
    notes: str = ""


def model_card(facts: CardFacts) -> Section:
    """Section with a model card.

    Parameters
    ----------
    facts : CardFacts
    """
    parts = list(facts.figures)
    names = dict.fromkeys(name for one in facts.figures.values() for name in one)
    rows = [
        (
            name,
            [
                describe_metric(name, facts.figures[part][name])
                if name in facts.figures[part]
                else "-"
                for part in parts
            ],
        )
        for name in names
    ]
    content = {"facts": facts, "parts": parts, "rows": rows}
    return Section("Model card", "card", content)


def limits_of(
    n_shown: int,
    *,
    accuracy: float | None = None,
    classes: Sequence[str] = (),
    examples: Sequence[int] = (),
    error: float | None = None,
    ending: str = "",
    are_held_out: bool = True,
) -> list[str]:
    """Return sentences on what the figures of a page do not show.

    Parameters
    ----------
    n_shown : int
        How many examples the figures are of.
    accuracy : float, optional
        Of those.
    classes, examples : sequences of str and int
        The classes by name, and how many of the examples each has.
    error : float, optional
        The expected calibration error.
    ending : str
        How a run ended that was not done, such as ``"interrupted after 3 of 10 epochs"``.
    are_held_out : bool
        Whether the model has not seen the examples in its training.
    """
    found = []
    if ending:
        found.append(f"The run was not done: {ending}.")
    if not n_shown:
        found.append("No examples were shown to the model here: nothing is known of new ones.")
        return found
    if not are_held_out:
        found.append(
            "Nothing was held out: the figures may be of examples that the model was trained on, "
            "and say little about new ones."
        )
    if accuracy is not None:
        spread = math.sqrt(accuracy * (1.0 - accuracy) / n_shown)
        found.append(
            f"The accuracy is of {counted(n_shown, 'example')}: its standard error is "
            f"{100.0 * spread:.1f} percentage points, if they are drawn as those to come are."
        )
    else:
        found.append(f"The figures are of {counted(n_shown, 'example')}.")
    absent = [name for name, n in zip(classes, examples, strict=True) if not n]
    few = [name for name, n in zip(classes, examples, strict=True) if 0 < n < _FEW]
    if absent:
        found.append(f"Without an example here, and so not judged: {_named(absent)}.")
    if few:
        found.append(f"Of fewer than {_FEW} examples here, so that little is known: {_named(few)}.")
    if error is not None and error >= 0.05:
        found.append(
            f"Its probabilities are not to be taken at their word: they are {100.0 * error:.1f} "
            "percentage points off on average."
        )
    found.append(
        "How it does on data of another origin (another camera, population or time) is not known."
    )
    return found


def _named(names: Sequence[str]) -> str:
    """Return names as a list, of many the first."""
    shown = [name if len(name) <= 40 else f"{name[:39]}…" for name in names[:_MOST_NAMED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def versions_section(
    command: str,
    versions: Mapping[str, str],
    circumstances: Sequence[tuple[str, str]] = (),
    directory: str = "",
) -> Section:
    """Section with the command that does a run again, and the versions that it was done with.

    Parameters
    ----------
    command : str
        What is typed; empty where a run was not begun by a command.
    versions : mapping of str to str
    circumstances : sequence of (str, str)
        Such as ``("backend", "numpy on cpu, float32")``.
    directory : str
        Where it was typed.
    """
    content = {
        "command": command,
        "versions": dict(versions),
        "circumstances": list(circumstances),
        "directory": directory,
    }
    return Section("Again", "versions", content)
