"""Several choices at once: targets of several columns, each with classes of its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.multiclass import type_of_target, unique_labels

from dnn_xp.backends import Array, bring, namespace, to_host
from dnn_xp.estimators.labels import Choice, Labels, integers
from dnn_xp.functions.metrics import one_hot

__all__ = ["MultioutputLabels", "labels_of_classes", "learn_labels"]


class MultioutputLabels:
    """A group of outputs for each column of the targets, in it one for each class.

    Parameters
    ----------
    known : sequence of array
        The classes of each column, sorted.
    like : array, optional
        As in `Labels`.
    """

    kind = "multiclass-multioutput"

    def __init__(self, known: Sequence[Any], like: Array | None = None) -> None:
        self.known = [np.unique(one) for one in known]
        self.classes = self.known
        if like is not None:
            self.classes = [bring(one, like=like, dtype=like.dtype) for one in self.known]

    @property
    def choices(self) -> list[Choice]:
        """The outputs and the classes of each column."""
        stops = np.cumsum([len(one) for one in self.known]).tolist()
        rows = map(slice, [0, *stops[:-1]], stops)
        return [Choice(*one) for one in zip(rows, self.known, strict=True)]

    def found(self, y: Any) -> list[np.ndarray[Any, Any]]:
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

    def unknown(self, y: Any) -> list[Any]:
        """Return the classes in y that are not known in their column."""
        return _beyond(self.found(y), self.known)

    def missing(self, y: Any) -> list[Any]:
        """Return the classes that are known and not in y."""
        return _beyond(self.known, self.found(y))

    def are(self, classes: Any) -> bool:
        """Return whether these are the classes, column by column."""
        if not _by_column(classes) or len(classes) != len(self.known):
            return False
        pairs = zip(classes, self.known, strict=True)
        return all(np.array_equal(np.unique(one), known) for one, known in pairs)

    def encode(self, y: Any) -> np.ndarray[Any, Any]:
        """Return targets, shape (n_outputs, m), of True and False."""
        columns = zip(np.asarray(y).T, self.known, strict=True)
        return np.concatenate([known[:, None] == column for column, known in columns])

    def decode(self, A: Array) -> Any:
        """Return the labels that outputs stand for, shape (m, n_columns): beside them, as `Labels`.

        Parameters
        ----------
        A : array, shape (n_outputs, m)
            Probabilities.
        """
        xp = namespace(A)
        chosen = [xp.argmax(A[rows, :], axis=0) for rows, _ in self.choices]
        numbers = all(np.issubdtype(known.dtype, np.number) for known in self.known)
        if isinstance(A, np.ndarray) or not numbers:
            pairs = zip(self.known, chosen, strict=True)
            return np.stack([known[to_host(one)] for known, one in pairs], axis=1)
        known = [bring(one, like=A, dtype=integers(A)) for one in self.known]
        return xp.stack([xp.take(*pair) for pair in zip(known, chosen, strict=True)], axis=1)

    def shares(self, Z: Array, output: Any = None) -> Array:
        """Return how much of each logit is the score of a class: all of one, nothing of others.

        Parameters
        ----------
        Z : array, shape (n_outputs, m)
            Logits.
        output : (int, label)
            A column and one of its classes.
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


def learn_labels(y: Any, like: Array | None = None) -> Labels | MultioutputLabels:
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


def labels_of_classes(classes: Any, y: Any) -> Labels | MultioutputLabels:
    """Return the labels of which the classes are told.

    Parameters
    ----------
    classes : array-like, or list of array-like
        A list with those of each column of y, where each has its own.
    y : array-like, shape (m,) or (m, n_outputs)
        On the host. Where it has a column of 0 and 1 for each label, that tells them all.
    """
    if _by_column(classes):
        return MultioutputLabels(classes)
    if type_of_target(y) == "multilabel-indicator":
        return Labels(y)
    if classes is None:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    return Labels(unique_labels(classes))


def _by_column(classes: Any) -> bool:
    return isinstance(classes, list | tuple) and all(np.ndim(one) == 1 for one in classes)


def _beyond(some: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """Return what is in some columns and not in others."""
    pairs = zip(some, others, strict=True)
    return [label for one, other in pairs for label in np.setdiff1d(one, other)]
