"""``dnn-xp evaluate``: how well a model that was kept does on data."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from dnn_xp.app import printing
from dnn_xp.app.documents import print_json
from dnn_xp.app.errors import user_errors
from dnn_xp.app.experiment import (
    HELD_OUT,
    Told,
    bring_examples,
    check_data_dir,
    check_features,
    describe_absent,
    fingerprint,
    split_parts,
)
from dnn_xp.app.large import bring_large, check_data_options, most_measured
from dnn_xp.app.metrics import choose_metrics, measure
from dnn_xp.app.options import (
    AsJson,
    BackendName,
    DataDir,
    DataName,
    DeviceName,
    ModelFile,
    TargetName,
    TrustFlag,
    XName,
    YName,
    computing,
)
from dnn_xp.app.tables import divide, encode, load_table_like, name_target
from dnn_xp.app.tabular import evaluate_estimator
from dnn_xp.backends import dtype_name
from dnn_xp.callbacks.run_folder import MODEL
from dnn_xp.data import Dataset, load, with_classes
from dnn_xp.data.stored import (
    StoredDataset,
    is_large,
    open_stored,
    scan,
    some_runs,
    split_runs,
    with_stored_classes,
)
from dnn_xp.data.table_files import is_table
from dnn_xp.models import Model, load_model
from dnn_xp.reports.examples import model_task
from dnn_xp.reports.words import describe_data, describe_metric

__all__ = ["DataOptions", "evaluate", "load_kept", "load_parts"]


def evaluate(
    model: ModelFile,
    data: DataName,
    x: XName = None,
    y: YName = None,
    target: TargetName = None,
    data_dir: DataDir = None,
    trust: TrustFlag = False,
    backend: BackendName = None,
    device: DeviceName = None,
    as_json: AsJson = False,
) -> None:
    """Show how well a model does on data.

    Of the data that it was trained on, the part that was held out stands by itself.
    """
    console = printing.open_console(as_json=as_json)
    with ExitStack() as opened, computing(backend, device):
        with user_errors():
            check_data_options(data, x, y, target)
            loaded = load_kept(model)
            if loaded.table is not None:
                _evaluate_estimator(loaded, model, data, target, console, as_json=as_json)
                return
            dtype = dtype_name(loaded.theta.dtype)
            task = model_task(loaded)
            metrics = choose_metrics(loaded.classes, loaded.about.get("metrics", ()), task)
            with printing.reading(console, "read") as advance:
                parts, sizes = load_parts(
                    loaded, DataOptions(data, x, y, target, data_dir, trust), opened, advance
                )
            measured = {_as_measured(name, part, sizes): part for name, part in parts.items()}
            notes = describe_absent(measured)
            examples = {
                name: bring_large(part, loaded.preprocessing, loaded.network, dtype, opened)
                if isinstance(part, StoredDataset)
                else bring_examples(part, loaded.preprocessing, loaded.network, dtype)
                for name, part in parts.items()
            }
        rows = [
            (name, measure(loaded.network, loaded.theta, part, metrics))
            for name, part in examples.items()
        ]
    if as_json:
        measured_sizes = {name: part.X.shape[1] for name, part in parts.items()}
        print_json(_document(model, data, sizes, measured_sizes, notes, dict(rows)))
        return
    for note in notes:
        printing.say(console, f"{data}: {note}")
    printing.facts(console, [("data", f"{data}: {describe_data(next(iter(parts.values())))}")])
    counts = {name: _of(parts[name].X.shape[1], size) for name, size in sizes.items()}
    _show(console, counts, dict(rows))


def _document(
    model: Path,
    data: str,
    sizes: Mapping[str, int],
    measured: Mapping[str, int],
    notes: Sequence[str],
    figures: Mapping[str, Mapping[str, float]],
) -> dict[str, object]:
    """Return how well a model does for other programs to read."""
    by_part = {"examples": sizes, "measured": measured, "figures": figures}
    named = {
        key: {part.replace(" ", "_"): value for part, value in values.items()}
        for key, values in by_part.items()
    }
    return {"model": model, "data": data, "notes": notes, **named}


def _show(
    console: Console, counts: Mapping[str, str], figures: Mapping[str, Mapping[str, float]]
) -> None:
    """Print a line for each part of the data."""
    names = list(next(iter(figures.values())))
    printing.table(
        console,
        ["part", "examples", *names],
        [
            [
                part,
                counts[part],
                *(describe_metric(name, value) for name, value in values.items()),
            ]
            for part, values in figures.items()
        ],
        numbers=range(1, 2 + len(names)),
    )


def load_kept(path: Path) -> Model:
    """Return the model in the folder of a run, or in a file."""
    return load_model(path / MODEL if path.is_dir() else path)


class DataOptions(NamedTuple):
    """What the options say of the data."""

    data: str
    x: str | None
    y: str | None
    target: str | None
    data_dir: Path | None
    trusted: bool


def _evaluate_estimator(
    model: Model, path: Path, data: str, target: str | None, console: Console, *, as_json: bool
) -> None:
    """Show how well an estimator of tables does."""
    parts, figures = evaluate_estimator(model, data, target)
    table = next(iter(parts.values()))
    absent = describe_absent({name: part.dataset for name, part in parts.items()})
    notes = (*table.dataset.notes, *absent)
    sizes = {name: len(part.features) for name, part in parts.items()}
    if as_json:
        print_json(_document(path, data, sizes, sizes, notes, figures))
        return
    for note in notes:
        printing.say(console, f"{data}: {note}")
    n_features = table.features.shape[1]
    learnt = "1 target" if model.classes is None else f"{len(model.classes):,} classes"
    said = f"{data}: {n_features} feature{'s' * (n_features > 1)}, {learnt}"
    printing.facts(console, [("data", said)])
    _show(console, {name: f"{size:,}" for name, size in sizes.items()}, figures)


def _of(n_measured: int, n_examples: int) -> str:
    """Say how many examples were measured, and of how many, where they are not all."""
    return f"{n_measured:,}" if n_measured == n_examples else f"{n_measured:,} of {n_examples:,}"


def _as_measured(name: str, part: Dataset | StoredDataset, sizes: Mapping[str, int]) -> str:
    """Return the name of a part, of which maybe not all is measured."""
    return name if part.X.shape[1] == sizes[name] else f"{name}, as far as it is measured"


_Parts = tuple[dict[str, Dataset | StoredDataset], dict[str, int]]
"""What is measured of each part of the data, and how many examples that part has."""


def load_parts(model: Model, options: DataOptions, opened: ExitStack, advance: Told) -> _Parts:
    """Load data, divided as in the training where they are the data of the training."""
    data, x, y, target, data_dir, trusted = options
    check_data_dir(data, data_dir)
    if is_table(data) or model.encoder is not None:
        return _table_parts(model, data, target)
    if is_large(data, x=x, y=y, trusted=trusted):
        return _open_parts(model, options, opened, advance)
    task = model_task(model)
    dataset, test = load(
        data,
        folder=data_dir,
        image_size=(64, 64) if model.image_shape is None else model.image_shape[:2],
        trusted=trusted,
        x=x,
        y=y,
        task=task,
        classes=model.classes,
        advance=advance,
    )
    if model.classes is not None:
        dataset = with_classes(dataset, model.classes)
        test = test and with_classes(test, model.classes)
    _check_targets(model, data, dataset)
    parts: dict[str, Dataset | StoredDataset] = {"all": dataset}
    if test is not None or model.about.get("fingerprint") == fingerprint(dataset):
        part, rest = split_parts(dataset, test, model.about.get("seed", 0))
        parts = {"training": part, "held out": rest}
    return parts, {name: part.X.shape[1] for name, part in parts.items()}


def _table_parts(model: Model, data: str, target: str | None) -> _Parts:
    """Load a table for a network that was trained on one."""
    if not is_table(data) or model.encoder is None:
        found, expected = ("a table", "arrays") if is_table(data) else ("no table", "one")
        raise ValueError(f"{data}: found {found}, expected {expected}, as in the training")
    table = load_table_like(data, model.encoder, name_target(model, target), model_task(model))
    if model.classes is not None:
        table = table._replace(dataset=with_classes(table.dataset, model.classes))
    parts = {"all": table}
    if model.about.get("fingerprint") == table.fingerprint:
        parts = divide(table, model.about.get("seed", 0))
    encoded = {name: encode(part, model.encoder) for name, part in parts.items()}
    return {**encoded}, {name: part.X.shape[1] for name, part in encoded.items()}


def _open_parts(model: Model, options: DataOptions, opened: ExitStack, advance: Told) -> _Parts:
    """Open data that are large, of each part of which so much is measured as memory holds."""
    data, x, y, *_, trusted = options
    task = model_task(model)
    dataset = opened.enter_context(open_stored(data, x=x, y=y, trusted=trusted, task=task))
    seed, most = model.about.get("seed", 0), most_measured(dataset)
    check_features(dataset.X.shape[0], model.network)  # before all of it is read
    stored = dataset
    if model.classes is not None:
        dataset = with_stored_classes(dataset, model.classes)
    _check_targets(model, data, dataset)
    found = scan(stored, advance)
    if model.about.get("fingerprint") != found:
        return {"all": some_runs(dataset, most, seed)}, {"all": dataset.X.shape[1]}
    part, held_out, measured = split_runs(dataset, HELD_OUT, most, seed)
    sizes = {"training": part.X.shape[1], "held out": held_out.X.shape[1]}
    return {"training": measured, "held out": held_out}, sizes


def _check_targets(model: Model, data: str, dataset: Dataset | StoredDataset) -> None:
    """Refuse another number of targets or labels than a model predicts."""
    if model_task(model) == "classes":
        return
    if (found := dataset.y.shape[0]) != model.network.n_targets:
        raise ValueError(
            f"{data}: found {found} target{'' if found == 1 else 's'} of each example, expected "
            f"{model.network.n_targets}, as in the data that the model was trained on"
        )
