"""``dnn-xp predict``: what a model that was kept says of new examples."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from dnn_xp.app import report
from dnn_xp.app.errors import user_errors
from dnn_xp.app.options import BackendName, DeviceName, ModelFile, computing
from dnn_xp.app.run import classify
from dnn_xp.backends import dtype_name, from_host, to_host
from dnn_xp.callbacks.run_folder import MODEL
from dnn_xp.data import apply, read_picture
from dnn_xp.models import load_model

__all__ = ["predict"]


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
            loaded = load_model(model / MODEL if model.is_dir() else model)
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
