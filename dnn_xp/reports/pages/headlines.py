"""The figures at the top of a page, each beside what it is to be compared with."""

import math
from collections.abc import Iterator, Mapping

from dnn_xp.reports.pages.facts import Facts
from dnn_xp.reports.pages.page import Headline
from dnn_xp.reports.pages.times import describe_seconds, seconds_between
from dnn_xp.reports.words import counted, describe_metric

__all__ = [
    "chance_words",
    "describe_epochs",
    "of_calibration",
    "of_figures",
    "of_mistakes",
    "of_run",
]

_CHANCE = {
    "classes": "always the commonest class",
    "labels": "always the commonest labels",
    "values": "always the mean",
}

_SHOWN = {
    "classes": {"accuracy": "accuracy"},
    "labels": {"multilabel_accuracy": "every label right", "multilabel_f1": "F1, mean of labels"},
    "values": {"RMSE": "RMSE", "R2": "R2"},
}
"""Metrics that stand at the top, and what they are called there."""


def chance_words(task: str, *, known: bool) -> str:
    """Return what it is that has learnt nothing.

    Parameters
    ----------
    task : {"classes", "labels", "values"}
    known : bool
        Whether what is common was counted in the training, and not in the examples themselves.
    """
    return f"{_CHANCE[task]} in training" if known else _CHANCE[task]


def of_figures(
    task: str, found: Mapping[str, float], chance: Mapping[str, float], beside: str, of: str
) -> Iterator[Headline]:
    """Yield the figures of examples beside those of what has learnt nothing.

    Parameters
    ----------
    task : {"classes", "labels", "values"}
    found, chance : mapping of str to float
        Metrics, of which some may be missing.
    beside : str
        What has learnt nothing, in words.
    of : str
        What they were measured on, such as ``"of 359 held out"``.
    """
    for name, words in _SHOWN[task].items():
        if name in found:
            guess = f"{beside}: {_figure(name, chance[name])}" if name in chance else ""
            yield Headline(_figure(name, found[name]), f"{words}, {of}", guess)


def of_mistakes(n: int, of: str) -> Headline:
    """Return how many examples are taken for another class."""
    return Headline(f"{n:,}", f"mistake{'' if n == 1 else 's'}, {of}")


def of_calibration(error: float) -> Headline:
    """Return the expected calibration error."""
    words = "calibration error (ECE)"
    return Headline(f"{error:.2%}", words, "0 where it is right as often as it says")


def of_run(facts: Facts) -> Iterator[Headline]:
    """Yield how long the training was."""
    took = describe_seconds(seconds_between(facts.begun, facts.ended))
    done = describe_epochs(facts)
    if took:
        yield Headline(took, f"from beginning to end, {done}" if done else "from beginning to end")
    elif done:
        number, _, rest = done.partition(" ")
        yield Headline(number, rest)


def describe_epochs(facts: Facts) -> str:
    """Return how many epochs are done, of how many; nothing where that is not known."""
    if facts.epochs is None:
        return ""
    unit, asked = facts.unit.removesuffix("s"), facts.epochs_asked
    if asked in (None, facts.epochs):
        return counted(facts.epochs, unit)
    return f"{facts.epochs:,} of {counted(asked or 0, unit)}"


def _figure(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "not a number"
    is_large = 1e4 <= abs(value) < 1e15  # which has more than four digits
    return f"{value:,.0f}" if is_large else describe_metric(name, value)
