"""The model card: what a model is, what it was trained on, how good it is, and its limits.

After Mitchell et al. (2019), Model cards for model reporting. Limits are told from facts; what the
model is meant for, its maker says.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dnn_xp.reports.pages.page import Section

__all__ = ["CardFacts", "PartFacts", "Training", "model_card", "versions_section"]


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
    """Section that says what a model is, what it was trained on, how good it is, and its limits."""
    raise NotImplementedError


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
    raise NotImplementedError
