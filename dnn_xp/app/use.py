"""``dnn-xp evaluate`` and ``dnn-xp predict``: what a model that was kept is good for."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from dnn_xp.app import report
from dnn_xp.app.errors import user_errors
from dnn_xp.app.experiment import (
    HELD_OUT,
    Told,
    bring_examples,
    check_data_dir,
    check_features,
    describe_absent,
    fingerprint,
    model_task,
    split_parts,
)
from dnn_xp.app.formatting import describe_data, describe_metric
from dnn_xp.app.large import bring_large, most_measured
from dnn_xp.app.metrics import choose_metrics, measure
from dnn_xp.app.options import (
    BackendName,
    DataDir,
    DataName,
    DeviceName,
    ModelFile,
    TrustFlag,
    computing,
)
from dnn_xp.app.run import choose_labels, classify
from dnn_xp.backends import dtype_name, from_host, to_host
from dnn_xp.callbacks.run_folder import MODEL
from dnn_xp.data import Dataset, apply, load, read_picture, with_classes
from dnn_xp.data.stored import (
    StoredDataset,
    is_large,
    open_stored,
    scan,
    some_runs,
    split_runs,
    with_stored_classes,
)
from dnn_xp.models import Model, load_model

__all__ = ["evaluate", "predict"]


def evaluate(
    model: ModelFile,
    data: DataName,
    data_dir: DataDir = None,
    trust: TrustFlag = False,
    backend: BackendName = None,
    device: DeviceName = None,
) -> None:
    """Show how well a model does on data.

    Of the data that it was trained on, the part that was held out stands by itself.
    """
    console = report.open_console()
    with ExitStack() as opened, computing(backend, device):
        with user_errors():
            loaded = _load(model)
            dtype = dtype_name(loaded.theta.dtype)
            task = model_task(loaded)
            metrics = choose_metrics(loaded.classes, loaded.about.get("metrics", ()), task)
            with report.reading(console, "read") as advance:
                parts, sizes = _load_parts(loaded, data, data_dir, trust, opened, advance)
            notes = describe_absent(parts)
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
    for note in notes:
        report.say(console, f"{data}: {note}")
    report.facts(console, [("data", f"{data}: {describe_data(next(iter(parts.values())))}")])
    names = list(rows[0][1])
    report.table(
        console,
        ["part", "examples", *names],
        [
            [
                part,
                _of(parts[part].X.shape[1], sizes[part]),
                *(describe_metric(name, value) for name, value in values.items()),
            ]
            for part, values in rows
        ],
        numbers=range(1, 2 + len(names)),
    )


def _load(path: Path) -> Model:
    """Return the model in the folder of a run, or in a file."""
    model = load_model(path / MODEL if path.is_dir() else path)
    if model.table is not None:
        name = model.table["estimator"]
        raise ValueError(
            f"{path}: found a {name}, expected one network; use it from Python: "
            f"{name}.from_model(load_model(path))"
        )
    return model


def _of(n_measured: int, n_examples: int) -> str:
    """Say how many examples were measured, and of how many, where they are not all."""
    return f"{n_measured:,}" if n_measured == n_examples else f"{n_measured:,} of {n_examples:,}"


_Parts = tuple[dict[str, Dataset | StoredDataset], dict[str, int]]
"""What is measured of each part of the data, and how many examples that part has."""


def _load_parts(
    model: Model, data: str, data_dir: Path | None, trusted: bool, opened: ExitStack, advance: Told
) -> _Parts:
    """Load data, divided as in the training where they are the data of the training."""
    check_data_dir(data, data_dir)
    if is_large(data, trusted=trusted):
        return _open_parts(model, data, trusted, opened, advance)
    task = model_task(model)
    dataset, test = load(
        data,
        folder=data_dir,
        image_size=(64, 64) if model.image_shape is None else model.image_shape[:2],
        trusted=trusted,
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


def _open_parts(model: Model, data: str, trusted: bool, opened: ExitStack, advance: Told) -> _Parts:
    """Open data that are large, of each part of which so much is measured as memory holds."""
    task = model_task(model)
    dataset = opened.enter_context(open_stored(data, trusted=trusted, task=task))
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


def predict(
    model: ModelFile,
    pictures: Annotated[list[Path], typer.Argument(help="Picture files of any kind.")],
    backend: BackendName = None,
    device: DeviceName = None,
) -> None:
    """Say what is on pictures, and how sure the model is.

    The pictures are brought to the size of those that the model was trained on. It expects them
    as they were there: the digits are bright on a dark ground.
    """
    console = report.open_console()
    with computing(backend, device):
        with user_errors():
            loaded = _load(model)
            shape, pixel_max = loaded.image_shape, loaded.pixel_max
            if shape is None or pixel_max is None:
                raise ValueError(f"{model}: was not trained on pictures: see dnn-xp evaluate")
            columns = [read_picture(path, shape, pixel_max) for path in pictures]
            dtype = dtype_name(loaded.theta.dtype)
            X = apply(loaded.preprocessing, np.stack(columns, axis=1), dtype)
        A = loaded.network.predict(loaded.theta, from_host(X))
        if loaded.classes is None:
            headings, numbers = ["picture", *(f"output {i + 1}" for i in range(A.shape[0]))], 1
            answers = [[f"{value:.6g}" for value in column] for column in to_host(A).T]
        elif model_task(loaded) == "labels":
            headings, numbers = ["picture", "labels", "probability"], 2
            answers = [
                [", ".join(names) or "none", f"{p:.2%}"]
                for names, p in choose_labels(A, loaded.classes)
            ]
        else:
            headings, numbers = ["picture", "class", "probability"], 2
            answers = [[name, f"{p:.2%}"] for name, p in classify(A, loaded.classes)]
    rows = [[str(path), *answer] for path, answer in zip(pictures, answers, strict=True)]
    report.table(console, headings, rows, numbers=range(numbers, len(headings)))
