"""``dnn-xp predict``: what a model that was kept says of new examples."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.console import Console

from dnn_xp.app import printing
from dnn_xp.app.documents import print_json
from dnn_xp.app.errors import UserError, say, user_errors
from dnn_xp.app.inputs import Asked, find_pictures, is_array_file, read_columns, read_one_picture
from dnn_xp.app.options import (
    AsJson,
    BackendName,
    DeviceName,
    ModelFile,
    TrustFlag,
    XName,
    as_path,
    computing,
)
from dnn_xp.app.outputs import check_outputs, option_errors
from dnn_xp.app.prediction_files import SUFFIXES, as_document, save_predictions
from dnn_xp.app.predictions import Predictions, join, of_estimator, of_outputs
from dnn_xp.arguments import check_path, naming_argument
from dnn_xp.backends import HostArray, dtype_name, from_host, require, to_host
from dnn_xp.callbacks.run_folder import MODEL
from dnn_xp.data import apply
from dnn_xp.data.frames import Columns
from dnn_xp.data.picture_statistics import PictureRanges, Unlike, find_unlike
from dnn_xp.data.table_files import TableFile, is_table, read_table_file, select_features
from dnn_xp.data.tables import TableEncoder
from dnn_xp.files.opening import describe_size
from dnn_xp.models import Model, load_model
from dnn_xp.reprs import printable
from dnn_xp.training.evaluation import AT_ONCE

__all__ = ["predict"]

SHOWN, SHOWN_BESIDE = 100, 10
"""Predictions on the screen, and beside a file that holds all."""
NOTES = 5
"""Pictures of which it is said that they are unlike those of the training."""

_Data = Annotated[
    list[str],
    typer.Argument(
        help="Pictures, folders of pictures, arrays (.npz, .npy, .h5) or tables (.csv, .tsv, "
        ".parquet), like those that the model was trained on.",
    ),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        parser=str,
        callback=as_path,
        metavar="FILE",
        help="Write all predictions to this file: .csv, .json or .npz.",
    ),
]
_Coverage = Annotated[
    float,
    typer.Option(
        metavar="PART", help="Of values that were learnt from a table: what their intervals hold."
    ),
]
_Invert = Annotated[
    bool, typer.Option("--invert", help="Turn dark into light, for drawings on white paper.")
]
_Crop = Annotated[
    bool,
    typer.Option(
        "--crop-to-ink",
        help="Crop pictures to what is drawn, with the margin and the strength of the training "
        "pictures.",
    ),
]


class _Part(NamedTuple):
    """What was predicted of a file, or of a picture."""

    source: str
    predictions: Predictions
    unlike: Sequence[Unlike | None]
    is_picture: bool


class _Predictor(NamedTuple):
    """A model, and what predicts by it."""

    model: Model
    n_features: int
    of_columns: Callable[[HostArray], Predictions]
    of_table: Callable[[TableFile], Predictions]


def predict(
    model: ModelFile,
    data: _Data,
    output: _Output = None,
    x: XName = None,
    coverage: _Coverage = 0.9,
    invert: _Invert = False,
    crop_to_ink: _Crop = False,
    trust: TrustFlag = False,
    as_json: AsJson = False,
    backend: BackendName = None,
    device: DeviceName = None,
) -> None:
    """Say what a model makes of pictures, arrays or tables, and how sure it is.

    Pictures are brought to the size of those that the model was trained on; folders are walked
    down. It expects them as they were there, as the digits are bright on a dark ground, and a note
    says which are unlike those. A file that cannot be read does not stop the others: the exit code
    is then 1.
    """
    console = printing.open_console(as_json=as_json)
    with computing(backend, device):
        with user_errors():
            paths = [check_path("data", one) for one in data]
            _check_output(output, paths, model)
            predictor = _open(model, coverage)
            like = _ranges(predictor.model, "--crop-to-ink") if crop_to_ink else None
        asked = Asked(x, trust, invert, like)
        parts, n_failed = _predict_all(predictor, paths, asked, console)
    if not parts:
        raise typer.Exit(UserError.exit_code)
    where, predictions = _where(parts), join([part.predictions for part in parts])
    noted = predictions._replace(columns={**predictions.columns, **_notes(parts)})
    if output is not None:
        _save(output, where, noted, console)
    if as_json:
        print_json(as_document(where, noted))
    else:
        _show(console, parts, where, predictions, SHOWN if output is None else SHOWN_BESIDE)
    _say_unlike(parts, asked)
    if n_failed:
        raise typer.Exit(1)


def _check_output(output: Path | None, paths: Sequence[Path], model: Path) -> None:
    """See that a file can be written, before anything is predicted, and is none of what is read."""
    if output is None:
        return
    if output.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"--output: found {str(output)!r}, expected a name that ends in {', '.join(SUFFIXES)}"
        )
    for path in (*paths, model / MODEL if model.is_dir() else model):
        check_outputs(str(path), {"--output": output})


def _ranges(model: Model, option: str | None = None) -> PictureRanges | None:
    """Return what the training pictures of a model look like, where it knows.

    Raises
    ------
    ValueError
        Where an option needs to know, and the model does not.
    """
    found = model.about.get("pictures") if model.image_shape is not None else None
    if found is None and option is not None:
        raise ValueError(
            f"{option}: the model does not know what its training pictures look like; train it "
            "again, on pictures"
        )
    return None if found is None else PictureRanges.of(found)


# ----------------------------------------------------------------------------- models


def _open(path: Path, coverage: float) -> _Predictor:
    """Read a model, and return what predicts by it."""
    model = load_model(path / MODEL if path.is_dir() else path)
    if not 0.0 < coverage < 1.0:
        raise ValueError(f"--coverage: found {coverage:g}, expected a number between 0 and 1")
    if model.table is not None:
        return _open_estimator(model, coverage)
    network, encoder, dtype = model.network, model.encoder, dtype_name(model.theta.dtype)

    def of_numbers(columns: HostArray) -> Predictions:
        X = from_host(apply(model.preprocessing, columns, dtype))
        return of_outputs(to_host(network.predict(model.theta, X, batch_size=AT_ONCE)), model)

    if encoder is None:
        return _Predictor(
            model,
            network.n_inputs,
            of_numbers,
            lambda table: of_numbers(_numbers(table, network.n_inputs)),
        )
    return _Predictor(
        model,
        encoder.n_features_in_,
        lambda columns: of_numbers(encoder.transform(_named(columns, encoder)).T),
        lambda table: of_numbers(encoder.transform(select_features(table, encoder)).T),
    )


def _named(columns: HostArray, encoder: TableEncoder) -> Columns | HostArray:
    """Return the examples of a file of arrays under the names that an encoder knows."""
    names = getattr(encoder, "feature_names_in_", None)
    return columns.T if names is None else Columns([*map(str, names)], list(columns))


def _open_estimator(model: Model, coverage: float) -> _Predictor:
    require("sklearn", "sklearn")
    from dnn_xp.estimators import TabularClassifier, TabularRegressor

    kinds = {"TabularClassifier": TabularClassifier, "TabularRegressor": TabularRegressor}
    table = dict(model.table or {})
    if table.get("estimator") not in kinds:
        raise ValueError(f"found a model of {table.get('estimator')!r}, expected {[*kinds]}")
    kind: Any = kinds[table["estimator"]]
    estimator = kind.from_model(model._replace(theta=to_host(model.theta)))
    predict_rows = of_estimator(estimator, model, coverage)
    # Columns are found by their names here; scikit-learn reads those of frames of pandas alone.
    vars(estimator).pop("feature_names_in_", None)
    return _Predictor(
        model,
        estimator.n_features_in_,
        lambda columns: predict_rows(_named(columns, estimator.encoder_)),
        lambda table: predict_rows(select_features(table, estimator.encoder_)),
    )


def _numbers(table: TableFile, n_features: int) -> HostArray:
    """Return the columns of a table for a network that was trained on arrays of numbers."""
    if len(table.names) != n_features:
        raise ValueError(
            f"found {len(table.names)} columns, expected {n_features}, as many as those "
            "that the model was trained on, and no target"
        )
    columns = [table.columns[one] for one in table.names]
    for one, column in zip(table.names, columns, strict=True):
        if column.dtype.kind not in "buif":
            raise ValueError(f"{printable(one)}: found texts, expected numbers")
        if bad := np.count_nonzero(~np.isfinite(column)):
            row = int(np.flatnonzero(~np.isfinite(column))[0])
            raise ValueError(
                f"{printable(one)}: found {bad} values that are missing or not finite, "
                f"the first in row {row}; the model was trained on numbers alone"
            )
    return np.stack([column.astype(np.float64) for column in columns])


# ----------------------------------------------------------------------------- predicting


def _predict_all(
    predictor: _Predictor, paths: Sequence[Path], asked: Asked, console: Console
) -> tuple[list[_Part], int]:
    """Predict from each file, and say which cannot be read, and how many these are."""
    files, n_failed = _find_files(predictor.model, paths)
    parts: list[_Part] = []
    with printing.reading(console, "predict") as advance:
        for done, path in enumerate(files, 1):
            try:
                with user_errors():
                    parts.append(_predict_file(predictor, path, asked))
            except UserError as error:
                n_failed += 1
                say("error", str(error))
            # Elsewhere than on a terminal standard output is for what was predicted.
            if len(files) > 1 and console.is_terminal:
                advance(done, len(files))
    return parts, n_failed


def _find_files(model: Model, paths: Sequence[Path]) -> tuple[list[Path], int]:
    """Return the files, with the pictures of folders, and how many folders have none."""
    files: list[Path] = []
    n_failed = 0
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        try:
            with user_errors():
                if model.image_shape is None:
                    raise ValueError(f"{path}: found a folder, expected a table or arrays")
                pictures, n_others = find_pictures(path)
        except UserError as error:
            n_failed += 1
            say("error", str(error))
            continue
        files += pictures
        if n_others:
            of = "file" if n_others == 1 else "files"
            say("note", f"{path}: {n_others:,} {of} of other kinds passed over")
    return files, n_failed


def _predict_file(predictor: _Predictor, path: Path, asked: Asked) -> _Part:
    model, source = predictor.model, str(path)
    if is_table(path):
        if asked.invert or asked.crop_like is not None:
            option = "--invert" if asked.invert else "--crop-to-ink"
            raise ValueError(f"{option}: found the table {path}, expected pictures")
        table = read_table_file(path, like=_encoder(model))
        for note in table.notes:
            say("note", f"{path}: {note}")
        with naming_argument(source):
            return _Part(source, predictor.of_table(table), [], False)
    if is_array_file(path):
        if asked.crop_like is not None:
            raise ValueError(f"--crop-to-ink: found the arrays of {path}, expected pictures")
        blocks = [
            (predictor.of_columns(columns), _unlike(model, columns))
            for columns in read_columns(path, model, predictor.n_features, asked)
        ]
        unlike = [one for _, some in blocks for one in some]
        return _Part(source, join([predictions for predictions, _ in blocks]), unlike, False)
    column = read_one_picture(path, model, asked)[:, None]
    return _Part(source, predictor.of_columns(column), _unlike(model, column), True)


def _encoder(model: Model) -> TableEncoder | None:
    if model.table is None:
        return model.encoder
    return TableEncoder.from_state(model.table["encoder"])


def _unlike(model: Model, columns: HostArray) -> list[Unlike | None]:
    """Say of pictures in what they are unlike those of the training."""
    ranges = _ranges(model)
    if ranges is None or model.image_shape is None or model.pixel_max is None:
        return []
    return find_unlike(columns, model.image_shape, model.pixel_max, ranges)


# ----------------------------------------------------------------------------- telling


def _count(part: _Part) -> int:
    return len(next(iter(part.predictions.columns.values())))


def _where(parts: Sequence[_Part]) -> dict[str, HostArray]:
    """Return of which file each prediction is, and of which of its rows."""
    counts = [*map(_count, parts)]
    sources = np.repeat(np.asarray([part.source for part in parts], object), counts)
    if all(part.is_picture for part in parts):
        return {"source": sources}
    return {"source": sources, "row": np.concatenate([*map(np.arange, counts)])}


def _notes(parts: Sequence[_Part]) -> dict[str, HostArray]:
    """Return in what each picture is unlike those of the training, where that is known."""
    unlike = [one for part in parts for one in part.unlike]
    words = np.asarray(["" if one is None else one.words for one in unlike], object)
    return {"note": words} if unlike else {}


def _show(
    console: Console,
    parts: Sequence[_Part],
    where: Mapping[str, HostArray],
    predictions: Predictions,
    most: int,
) -> None:
    """Print the first predictions as a table, and how many there are."""
    titles = {"source": "picture" if all(part.is_picture for part in parts) else "file"}
    shown = dict(where)
    if "row" in where and len({part.source for part in parts}) == 1:
        del shown["source"]
    cells = {
        titles.get(name, name): [*map(str, column[:most].tolist())]
        for name, column in shown.items()
    } | {
        name.replace("runner-up probability", "its probability"): _cells(name, column[:most])
        for name, column in predictions.columns.items()
    }
    texts = ("picture", "file", "class", "labels", "runner-up")
    numbers = [i for i, name in enumerate(cells) if not name.endswith(texts)]
    printing.table(console, list(cells), list(zip(*cells.values(), strict=True)), numbers=numbers)
    if (n := len(where["source"])) > most:
        way_out = "; -o FILE keeps all" if most == SHOWN else ""
        printing.say(console, f"the first {most} of {n:,}{way_out}")


def _cells(name: str, column: HostArray) -> list[str]:
    if column.dtype == object:
        nothing = "none" if name == "labels" else "-"
        return [str(text) or nothing for text in column.tolist()]
    if name.endswith("probability"):
        return [f"{value:.2%}" if value == value else "-" for value in column.tolist()]
    return [f"{value:.6g}" for value in column.tolist()]


def _save(
    output: Path,
    where: Mapping[str, HostArray],
    predictions: Predictions,
    console: Console,
) -> None:
    with option_errors("--output", output):
        guarded = save_predictions(output, where, predictions)
        size = describe_size(output.stat().st_size)
    n = len(where["source"])
    printing.facts(console, [("predictions", f"{output}: {n:,} row{'s' * (n != 1)}, {size}")])
    if guarded:
        say(
            "note",
            f"{output}: before {guarded:,} texts a ' was put, for they begin as the formula of a "
            "spreadsheet does; .json and .npz hold them as they are",
        )


def _say_unlike(parts: Sequence[_Part], asked: Asked) -> None:
    """Say of the first pictures that are unlike those of the training in what, and what to do."""
    found = [
        (f"{part.source}{'' if part.is_picture else f' (row {i})'}", unlike)
        for part in parts
        for i, unlike in enumerate(part.unlike)
        if unlike is not None
    ]
    for name, unlike in found[:NOTES]:
        say("note", f"{name} is {unlike.words}{_way_out(unlike, asked)}")
    if (more := len(found) - NOTES) > 0:
        n = sum(len(part.unlike) for part in parts)
        say("note", f"{more:,} more of the {n:,} pictures are unlike the training pictures, too")


def _way_out(unlike: Unlike, asked: Asked) -> str:
    if unlike.inverted:
        return "; leave out --invert" if asked.invert else ": dark on light? --invert"
    if unlike.displaced and asked.crop_like is None:
        return ": a drawing? --crop-to-ink"
    return ""
