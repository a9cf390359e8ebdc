"""``dnn-xp evaluate`` and ``dnn-xp predict``: what a model that was kept is good for."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from dnn_xp.app import report
from dnn_xp.app.errors import user_errors
from dnn_xp.app.experiment import Told, bring_examples, fingerprint, split_parts
from dnn_xp.app.formatting import describe_data, describe_metric
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
from dnn_xp.app.run import classify
from dnn_xp.backends import dtype_name, from_host, to_host
from dnn_xp.callbacks.run_folder import MODEL
from dnn_xp.data import Dataset, apply, load, read_picture, with_classes
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
    with computing(backend, device):
        with user_errors():
            loaded = load_model(_model_file(model))
            dtype = dtype_name(loaded.theta.dtype)
            metrics = choose_metrics(loaded.classes, loaded.about.get("metrics", ()))
            with report.reading(console, "read") as advance:
                parts = _load_parts(loaded, data, data_dir, trust, advance)
            examples = {
                name: bring_examples(part, loaded.preprocessing, loaded.network, dtype)
                for name, part in parts.items()
            }
        rows = [
            (name, measure(loaded.network, loaded.theta, part, metrics))
            for name, part in examples.items()
        ]
    report.facts(console, [("data", f"{data}: {describe_data(next(iter(parts.values())))}")])
    names = list(rows[0][1])
    report.table(
        console,
        ["part", "examples", *names],
        [
            [
                part,
                f"{parts[part].X.shape[1]:,}",
                *(describe_metric(name, value) for name, value in values.items()),
            ]
            for part, values in rows
        ],
        numbers=range(1, 2 + len(names)),
    )


def _model_file(path: Path) -> Path:
    """Return the model in the folder of a run, or the file itself."""
    return path / MODEL if path.is_dir() else path


def _load_parts(
    model: Model, data: str, data_dir: Path | None, trusted: bool, advance: Told
) -> dict[str, Dataset]:
    """Load data, divided as in the training where they are the data of the training."""
    size = (64, 64) if model.image_shape is None else model.image_shape[:2]
    dataset, test = load(data, folder=data_dir, image_size=size, trusted=trusted, advance=advance)
    if model.classes is not None:
        dataset = with_classes(dataset, model.classes)
        test = test and with_classes(test, model.classes)
    elif dataset.classes is not None:
        raise ValueError(
            f"{data}: found {len(dataset.classes)} classes, expected real targets (floats) as in "
            "the data that the model was trained on"
        )
    if test is None and model.about.get("fingerprint") != fingerprint(dataset):
        return {"all": dataset}
    part, rest = split_parts(dataset, test, model.about.get("seed", 0))
    return {"training": part, "held out": rest}


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
            loaded = load_model(_model_file(model))
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
        else:
            headings, numbers = ["picture", "class", "probability"], 2
            answers = [[name, f"{p:.2%}"] for name, p in classify(A, loaded.classes)]
    rows = [[str(path), *answer] for path, answer in zip(pictures, answers, strict=True)]
    report.table(console, headings, rows, numbers=range(numbers, len(headings)))
