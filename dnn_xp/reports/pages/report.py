"""Reports: a page on a run, on a model, or on several runs beside each other."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dnn_xp.arguments import check, check_kind, check_path
from dnn_xp.backends import HostArray
from dnn_xp.callbacks.run_folder import HISTORY
from dnn_xp.functions.costs import find_cost, quantiles_of
from dnn_xp.models import Model
from dnn_xp.reports.examples import Examples, first_layer_weights, predict, saliency_of
from dnn_xp.reports.pages.by_class import classes_section
from dnn_xp.reports.pages.by_label import labels_section
from dnn_xp.reports.pages.card import model_card, versions_section
from dnn_xp.reports.pages.certainty import calibration_section
from dnn_xp.reports.pages.column_importances import importances_section
from dnn_xp.reports.pages.comparison import comparison_page
from dnn_xp.reports.pages.confusion import confusion_matrix_section
from dnn_xp.reports.pages.curves import learning_curves
from dnn_xp.reports.pages.facts import Facts, gather
from dnn_xp.reports.pages.first_layer import first_layer_section
from dnn_xp.reports.pages.given_data import given_examples
from dnn_xp.reports.pages.headlines import (
    chance_words,
    describe_epochs,
    of_calibration,
    of_figures,
    of_mistakes,
    of_run,
)
from dnn_xp.reports.pages.intervals import intervals_section, quantile_interval
from dnn_xp.reports.pages.judging import Judged, chance_figures, figures, judge
from dnn_xp.reports.pages.mistakes import mistakes_section
from dnn_xp.reports.pages.model_facts import card_facts, describe_model, where_and_when
from dnn_xp.reports.pages.notes import notes_section
from dnn_xp.reports.pages.page import Headline, Page, Section
from dnn_xp.reports.pages.true_and_predicted import values_section
from dnn_xp.reports.run_summaries import History, RunSummary, read_history, summarize
from dnn_xp.reports.style import short
from dnn_xp.reports.words import counted
from dnn_xp.training import TrainingResult

__all__ = ["compare", "make_page", "report"]


def report(
    run: Any,
    data: Any = None,
    *,
    name: str | None = None,
    title: str | None = None,
    notes: str = "",
) -> Page:
    """Page on a run: its figures beside chance, its curves, its mistakes, and a model card.

    A notebook shows it, and ``page.save("report.html")`` writes it: one file, which fetches
    nothing.

    Parameters
    ----------
    run : path, Model, TrainingResult, fitted estimator, or sequence of paths
        The path of a run's folder or of a model file; of several runs the page compares them.
    data : (X, Y), Dataset or Examples, optional
        What the model is shown, best what it was not trained on: X and Y as `train` takes them
        (columns are examples), or as the estimator does. Default: the page has what run and model
        say by themselves.
    name : str, optional
        Of the data.
    title : str, optional
        Default: the name of the run.
    notes : str
        What the model is meant for and what it is not, for the model card; an empty line begins a
        new paragraph.

    Raises
    ------
    OSError, ValueError, TypeError
        Where there is neither a run nor a model, or the data do not fit it.
    ImportError
        When the page is written, where jinja2 is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, report, train
    >>> X, y = np.eye(3), np.asarray([0, 1, 1])
    >>> network = Network(3, (Dense(2),), "softmax_cross_entropy")
    >>> page = report(train(network, X, y, epochs=100), (X, y))
    >>> page.headlines[0]
    Headline(value='100.00%', words='accuracy, of 3 examples', beside='always the commonest class: \
66.67%')
    """
    for argument, text in (("name", name), ("title", title)):
        check_kind(argument, text, str | None, "a text")
    check_kind("notes", notes, str, "a text")
    if isinstance(run, list | tuple) and not isinstance(run, Model | TrainingResult):
        if data is not None:
            raise ValueError("data: found several runs, expected one to show them to")
        return compare([check_path("run", one) for one in run], title, notes)
    facts = gather(run)
    shown = None if data is None else given_examples(facts, data)
    if shown is not None and name is not None:
        shown = shown._replace(name=name)
    return make_page(facts, shown, title=title, notes=notes)


def compare(folders: Sequence[Path], title: str | None = None, notes: str = "") -> Page:
    """Page that compares runs, by what their folders say.

    Parameters
    ----------
    folders : sequence of Path
    title, notes : str, optional
        The notes stand above all else.

    Raises
    ------
    ValueError
        Where one is no folder, or is there twice.
    """
    check("run", folders, len(folders) > 0, "one run or several")
    runs, histories = list[RunSummary](), dict[str, History]()
    for folder in folders:
        if not folder.is_dir():
            found = "a file" if folder.exists() else "nothing"
            raise ValueError(f"run: found {found} at {folder}, expected the folder of a run")
        if folder.resolve() in {one.folder.resolve() for one in runs}:
            raise ValueError(f"run: found {folder} twice, expected different runs")
        found_run = summarize(folder)
        try:
            histories[str(folder)] = read_history(folder) if (folder / HISTORY).is_file() else {}
        except (OSError, ValueError) as error:
            found_run = found_run._replace(problem=found_run.problem or str(error))
        runs.append(found_run)
    page = comparison_page(runs, histories, title or "")
    first = notes_section([notes] if notes else [])
    return page if first is None else page._replace(sections=[first, *page.sections])


def make_page(
    facts: Facts, shown: Examples | None = None, *, title: str | None = None, notes: str = ""
) -> Page:
    """Page on a run, from what is known of it and the examples that its model is shown.

    Parameters
    ----------
    facts : Facts
    shown : Examples, optional
    title : str, optional
        Default: the name of the run.
    notes : str
        For the model card.
    """
    judged = None if shown is None else judge(facts.model, shown)
    training = None if shown is None else shown.training
    seen = None if training is None else judge(facts.model, training)
    known = seen if seen is not None and judged is not None and seen.task == judged.task else None
    chance = {} if judged is None else chance_figures(judged, None if known is None else known.true)
    sections = [*_of_examples(facts, shown, judged)] if shown is not None and judged else []
    by_template = {one.template: one for one in sections}
    error = by_template["certainty"].content.get("error") if "certainty" in by_template else None
    card = card_facts(facts, shown, judged, chance, known, error, notes)
    said = [*facts.notes, *(() if shown is None else shown.notes)]
    ordered = [
        notes_section(said),
        learning_curves(facts.history, x_name=facts.unit) if facts.history else None,
        *sections,
        _first_layer(facts.model),
        _importances(facts),
        model_card(card),
        versions_section(facts.versions, facts.command, where_and_when(facts)),
    ]
    return Page(
        title or _title(facts),
        _summary(facts, shown, judged),
        [*_headlines(facts, shown, judged, chance, by_template, error), *of_run(facts)],
        [one for one in ordered if one is not None],
    )


# ----------------------------------------------------------------------------- above the sections


def _title(facts: Facts) -> str:
    """Return the name of a run, behind that of its data where it does not tell it."""
    data = facts.about.get("data")
    name = Path(data).name if isinstance(data, str) else ""
    told = not facts.state or not name or Path(name).stem in facts.name
    return facts.name if told else f"{name}: {facts.name}"


def _summary(facts: Facts, shown: Examples | None, judged: Judged | None) -> str:
    """Say what state a run is in, what was trained, and what is shown."""
    done = describe_epochs(facts)
    after = f" after {done}" if done else ""
    said = {
        "running": f"The run is still going on{after}.",
        "interrupted": f"The run was interrupted{after}.",
        "diverged": f"The run diverged{after}.",
        "damaged": "The folder of the run is damaged.",
    }.get(facts.state, "")
    words = [said, short(describe_model(facts.model), 120)]
    if shown is not None and judged is not None:
        m = counted(judged.true.shape[-1], "example")
        words.append(f"shown {m}: {short(shown.name, 60)}" if words[-1] else "")
        return f"{words[0]} {', '.join(filter(None, words[1:]))}.".strip()
    return f"{words[0]} {words[1]}{'.' if words[1] else ''}".strip()


def _headlines(
    facts: Facts,
    shown: Examples | None,
    judged: Judged | None,
    chance: dict[str, float],
    sections: dict[str, Section],
    error: float | None,
) -> Iterator[Headline]:
    if shown is None or judged is None:
        return
    m = judged.true.shape[-1]
    of = f"of {m:,} held out" if shown.is_held_out else f"of {counted(m, 'example')}"
    beside = chance_words(judged.task, known=shown.training is not None)
    yield from of_figures(judged.task, figures(judged), chance, beside, of)
    if "mistakes" in sections and m:
        yield of_mistakes(sections["mistakes"].content["n_mistakes"], of)
    if error is not None:
        yield of_calibration(error)


# ----------------------------------------------------------------------------- the sections


def _of_examples(facts: Facts, shown: Examples, judged: Judged) -> Iterator[Section]:
    """Yield the sections on what a model says of examples."""
    task, names, true, said = judged
    if task == "classes":
        yield from _of_classes(facts.model, shown, judged)
    elif task == "labels":
        yield labels_section(names, true, said)
    else:
        yield values_section(said, true, names, shown.names)
        between = _interval(facts.model, shown)
        found = (
            None if between is None else intervals_section(*between[:2], true, names, between[2])
        )
        if found is not None:
            yield found


def _of_classes(model: Model | None, shown: Examples, judged: Judged) -> Iterator[Section]:
    _, names, true, said = judged
    predicted = said.argmax(axis=0)
    pictures, looks = None, None
    if model is not None and model.image_shape is not None and shown.outputs is None:
        pictures = _Pictures(shown.part.X, model.image_shape, float(model.pixel_max or 1))
        looks = _Saliency(model, shown)
    yield confusion_matrix_section(names, true, predicted)
    yield classes_section(names, true, predicted)
    yield mistakes_section(names, true, said, pictures=pictures, saliency=looks, names=shown.names)
    if true.size and not np.any((said < 0.0) | (said > 1.001)):  # or else they are none
        yield calibration_section(true, said)


class _Pictures:
    """Columns as pictures from 0 to 1, each made when it is looked at."""

    def __init__(self, X: HostArray, shape: tuple[int, int, int], brightest: float) -> None:
        self.shape, self.ndim = (X.shape[1], *shape), 4
        self._X, self._brightest = X, brightest

    def __len__(self) -> int:
        return len(self._X.T)

    def __getitem__(self, i: int) -> HostArray:
        return self._X[:, i].reshape(self.shape[1:]) / self._brightest


class _Saliency:
    """How much each pixel of some examples raises the predicted class."""

    def __init__(self, model: Model, shown: Examples) -> None:
        self._model, self._shown = model, shown

    def __call__(self, which: HostArray) -> HostArray:
        part, model = self._shown.part, self._model
        few = Examples("", part._replace(X=part.X[:, which], y=part.y[which]))
        gradients = saliency_of(model, few)
        if model.network.n_outputs == 1:  # that of the second class, whichever is predicted
            gradients = np.where(predict(model, few.part.X) > 0.5, gradients, -gradients)
        assert model.image_shape is not None
        return gradients.T.reshape(-1, *model.image_shape)


def _interval(model: Model | None, shown: Examples) -> tuple[HostArray, HostArray, float] | None:
    """Return the intervals that an estimator gives, or those between a network's quantiles."""
    if shown.interval is not None or shown.outputs is not None or model is None:
        return shown.interval
    levels = quantiles_of(find_cost(model.network.cost))
    if len(levels) < 2:
        return None
    return quantile_interval(predict(model, shown.part.X), levels)


def _first_layer(model: Model | None) -> Section | None:
    """Return what the units of the first layer look for, where a network sees pictures."""
    if model is None or model.table is not None or model.image_shape is None:
        return None
    try:
        return first_layer_section(first_layer_weights(model, "weights"), model.image_shape)
    except ValueError:  # the first layer is another one
        return None


def _importances(facts: Facts) -> Section | None:
    """Return the importances of columns, where an estimator of tables knows them."""
    fitted, table = facts.estimator, None if facts.model is None else facts.model.table
    found: list[Any] = []
    names: Sequence[str] | None = None
    if fitted is not None:
        kinds = ("feature_importances_", "feature_importances_std_")
        found = [getattr(fitted, kind, None) for kind in kinds]
        names = getattr(fitted, "feature_names_in_", None)
    elif table is not None:
        found, names = [*table.get("importances", ())], table.get("names")
    if not found or found[0] is None:
        return None
    spread = found[1] if len(found) > 1 else None
    return importances_section(found[0], spread, None if names is None else [*map(str, names)])
