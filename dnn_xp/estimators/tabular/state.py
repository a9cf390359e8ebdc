"""State of an estimator of tables in plain types: for pickle, and for model files."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from dnn_xp.data.tables import TableEncoder
from dnn_xp.estimators.data import HostArray
from dnn_xp.estimators.labels import Labels
from dnn_xp.estimators.multioutput import ClassLabels, MultioutputLabels
from dnn_xp.models.h5 import Model
from dnn_xp.network.description import describe_network, network_of

__all__ = ["attributes_of", "full_state", "model_of", "plain_state"]

_IMPORTANCES = ("feature_importances_", "feature_importances_std_")


# ----------------------------------------------------------------------------- pickles


def plain_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an estimator, in plain types what is this library's own."""
    plain = dict(state)
    if "network_" in plain:
        with suppress(ValueError):  # functions of one's own have no other form
            plain["network_"] = describe_network(plain["network_"])
    if "encoder_" in plain:
        plain["encoder_"] = plain["encoder_"].state()
    if "_labels" in plain:
        plain["_labels"] = dict(vars(plain["_labels"]))
    return plain


def full_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an estimator from those that `plain_state` returned."""
    full = dict(state)
    if isinstance(full.get("network_"), dict):
        full["network_"] = network_of(full["network_"])
    if "encoder_" in full:
        full["encoder_"] = TableEncoder.from_state(full["encoder_"])
    if "_labels" in full:
        kind: Any = Labels if "kind" in full["_labels"] else MultioutputLabels
        labels = kind.__new__(kind)
        vars(labels).update(full["_labels"])
        full["_labels"] = labels
    return full


# ----------------------------------------------------------------------------- model files


def model_of(fitted: Any) -> Model:
    """Return a fitted estimator as `dnn_xp.save_model` writes it.

    Parameters
    ----------
    fitted : TabularClassifier or TabularRegressor
    """
    held = vars(fitted)
    table: dict[str, Any] = {
        "estimator": type(fitted).__name__,
        "encoder": fitted.encoder_.state(),
        "temperature": held.get("temperature_"),
        "labels": _plain_labels(held["_labels"]) if "_labels" in held else None,
        "names": [*map(str, held["feature_names_in_"])] if "feature_names_in_" in held else None,
        "best_epochs": fitted.best_epochs_,
        "targets": held.get("_targets"),
        "errors": held.get("_errors"),
        "importances": [held[name] for name in _IMPORTANCES if name in held],
    }
    labels, classes = held.get("_labels"), None
    if isinstance(labels, Labels) and labels.kind in ("binary", "multiclass"):
        classes = tuple(map(str, labels.known.tolist()))
    about = {"estimator": type(fitted).__name__}
    return Model(fitted.network_, fitted.thetas_, classes=classes, about=about, table=table)


def attributes_of(kind: type, model: Model) -> dict[str, Any]:
    """Return the attributes of a fitted estimator from what `model_of` made of it.

    Parameters
    ----------
    kind : type
        `TabularClassifier` or `TabularRegressor`.
    model : Model

    Raises
    ------
    ValueError
        Where the model is of another estimator.
    """
    table = dict(model.table or {})
    found = table.get("estimator", "one network")
    if found != kind.__name__:
        raise ValueError(f"model: found {found}, expected one that {kind.__name__} made")
    encoder = TableEncoder.from_state(table["encoder"])
    attributes = {
        "network_": model.network,
        "thetas_": model.theta,
        "encoder_": encoder,
        "n_features_in_": encoder.n_features_in_,
        "best_epochs_": table["best_epochs"],
        "n_members": int(model.theta.shape[0]),
    }
    if hasattr(kind, "loss"):
        attributes["loss"] = model.network.cost
    if table["names"] is not None:
        attributes["feature_names_in_"] = np.asarray(table["names"], object)
    if table["labels"] is not None:
        labels = _full_labels(table["labels"])
        attributes |= {"_labels": labels, "classes_": labels.classes}
        attributes["temperature_"] = float(table["temperature"])
    if table["targets"] is not None:
        attributes |= {"_targets": table["targets"], "_errors": table["errors"]}
    return attributes | dict(zip(_IMPORTANCES, table["importances"], strict=False))


def _plain_labels(labels: ClassLabels) -> dict[str, Any]:
    columns = labels.known if isinstance(labels, MultioutputLabels) else [labels.known]
    return {
        "kind": labels.kind,
        "known": [column.tolist() for column in columns],
        "dtypes": [column.dtype.str for column in columns],
    }


def _full_labels(described: Mapping[str, Any]) -> ClassLabels:
    pairs = zip(described["known"], described["dtypes"], strict=True)
    columns: list[HostArray] = [np.asarray(known, np.dtype(text)) for known, text in pairs]
    if described["kind"] == MultioutputLabels.kind:
        return MultioutputLabels(columns)
    if described["kind"].startswith("multilabel"):
        return Labels(np.eye(len(columns[0]), dtype=int))
    return Labels(columns[0])
