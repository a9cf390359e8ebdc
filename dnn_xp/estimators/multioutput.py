"""Labels of several columns, each with classes of its own: several choices at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import type_of_target, unique_labels

from dnn_xp.backends import Array, Matrix, asarray_like, namespace, to_host
from dnn_xp.estimators.data import ArrayLike, HostArray, Targets
from dnn_xp.estimators.labels import Choice, Labels, integers
from dnn_xp.functions.metrics import one_hot

__all__ = [
    "ClassLabels",
    "MultioutputLabels",
    "labels_of_classes",
    "learn_labels",
    "part_of_right",
]


class MultioutputLabels:
    """Labels of several columns: a group of outputs for each column, in it one for each class.

    Parameters
    ----------
    known : sequence of array
        The classes of each column, sorted.
    like : array, optional
        As in `Labels`.
    """

    kind = "multiclass-multioutput"

    def __init__(self, known: Sequence[ArrayLike], like: Array | None = None) -> None:
        self.known: list[HostArray] = [np.unique(classes) for classes in known]
        self.classes: list[Array] = self.known
        if like is not None:
            self.classes = [
                asarray_like(known, like=like, dtype=like.dtype) for known in self.known
            ]

    @property
    def choices(self) -> list[Choice]:
        """The outputs and the classes of each column."""
        stops = np.cumsum([len(known) for known in self.known]).tolist()
        rows = map(slice, [0, *stops[:-1]], stops)
        return list(map(Choice, rows, self.known))

    def distinct(self, y: Targets) -> list[HostArray]:
        """Return the classes in each column of y, on the host.

        Raises
        ------
        ValueError
            Where there are more columns, or fewer.
        """
        shape = np.shape(y)
        if len(shape) != 2 or shape[1] != len(self.known):
            raise ValueError(
                f"y: found shape {shape}, expected (m, {len(self.known)}): a column a choice"
            )
        return [np.unique(column) for column in np.asarray(y).T]

    def unknown(self, y: Targets) -> list[Any]:
        """Return the classes in y that are not known in their column."""
        return _difference(self.distinct(y), self.known)

    def missing(self, y: Targets) -> list[Any]:
        """Return the classes that are known and not in y."""
        return _difference(self.known, self.distinct(y))

    def are(self, classes: ArrayLike) -> bool:
        """Return whether these are the classes, column by column."""
        if not _by_column(classes) or len(classes) != len(self.known):
            return False
        pairs = zip(classes, self.known, strict=True)
        return all(np.array_equal(np.unique(column), known) for column, known in pairs)

    def encode(self, y: Targets) -> HostArray:
        """Return targets, shape (n_outputs, m), of True and False."""
        columns = zip(np.asarray(y).T, self.known, strict=True)
        return np.concatenate([known[:, None] == column for column, known in columns])

    def decode(self, A: Matrix) -> Array:
        """Return the labels that outputs stand for, shape (m, n_columns): beside them, as `Labels`.

        Parameters
        ----------
        A : array, shape (n_outputs, m)
            Probabilities.
        """
        xp = namespace(A)
        places = [xp.argmax(A[rows, :], axis=0) for rows, _ in self.choices]
        numbers = all(np.issubdtype(known.dtype, np.number) for known in self.known)
        if isinstance(A, np.ndarray) or not numbers:
            pairs = zip(self.known, places, strict=True)
            return np.stack([known[to_host(column)] for known, column in pairs], axis=1)
        classes = [asarray_like(known, like=A, dtype=integers(A)) for known in self.known]
        return xp.stack([xp.take(*pair) for pair in zip(classes, places, strict=True)], axis=1)

    def logit_gradient(self, Z: Matrix, output: Any = None) -> Matrix:
        """Return the derivative of the score of a class with respect to each logit: 1 of its own.

        Parameters
        ----------
        Z : array, shape (n_outputs, m)
            Logits.
        output : (int, label)
            A column and one of its classes.

        Raises
        ------
        ValueError
            Where it is none.
        """
        columns = range(len(self.known))
        if not (isinstance(output, tuple) and len(output) == 2 and output[0] in columns):
            raise ValueError(
                f"output: found {output!r}, expected a pair: a column from 0 to {columns[-1]} and "
                "one of its classes"
            )
        rows, known = self.choices[output[0]]
        labels = known.tolist()
        if output[1] not in labels:
            raise ValueError(f"output: found {output!r}, expected one of {labels} for its class")
        row = rows.start + labels.index(output[1])
        return one_hot(np.full(Z.shape[1], row), Z.shape[0], like=Z)


ClassLabels = Labels | MultioutputLabels


def learn_labels(y: Targets, like: Array | None = None) -> ClassLabels:
    """Return the labels of targets.

    Parameters
    ----------
    y : array-like, shape (m,) or (m, n_outputs)
        Holds every class.
    like : array, optional
        As in `Labels`.
    """
    if type_of_target(y) == MultioutputLabels.kind:
        return MultioutputLabels([*np.asarray(y).T], like)
    return Labels(y, like)


def labels_of_classes(classes: ArrayLike, y: ArrayLike) -> ClassLabels:
    """Return the labels whose classes are given.

    Parameters
    ----------
    classes : array-like, or list of array-like
        A list with those of each column of y, where each has its own.
    y : array-like, shape (m,) or (m, n_outputs)
        On the host. A column of 0 and 1 for each label has them all.

    Raises
    ------
    ValueError
        Where there are neither classes nor such columns.
    """
    if _by_column(classes):
        return MultioutputLabels(classes)
    if type_of_target(y) == "multilabel-indicator":
        return Labels(y)
    if classes is None:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    return Labels(unique_labels(classes))


def _by_column(classes: ArrayLike) -> bool:
    return isinstance(classes, list | tuple) and all(np.ndim(column) == 1 for column in classes)


def _difference(columns: Sequence[HostArray], others: Sequence[HostArray]) -> list[Any]:
    """Return what is in columns and not in others, column by column."""
    pairs = zip(columns, others, strict=True)
    return [label for column, other in pairs for label in np.setdiff1d(column, other)]


def part_of_right(
    labels: ClassLabels, y: ArrayLike, predicted: ArrayLike, weights: ArrayLike
) -> float:
    """Return the part of the examples whose class, or classes, or labels, are all predicted.

    Parameters
    ----------
    labels : Labels
    y, predicted : array-like, shape (m,) or (m, n_outputs)
        On the host.
    weights : array-like of shape (m,), optional
    """
    if labels.kind == MultioutputLabels.kind:
        right = np.all(np.asarray(y) == predicted, axis=1)
        return float(np.average(right, weights=weights))
    return float(accuracy_score(y, predicted, sample_weight=weights))
