"""Class labels, and the outputs of a network that stand for them."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import unique_labels

from dnn_xp.backends import Array, Matrix, asarray_like, default_dtype, device, namespace, to_host
from dnn_xp.estimators.data import ArrayLike, HostArray, Targets
from dnn_xp.functions.metrics import one_hot

__all__ = ["Choice", "Labels", "integers"]


def integers(like: Array) -> Any:
    """Return the dtype of whole numbers beside an array: that of its library, as set up."""
    return default_dtype(namespace(like), "integral", device=device(like))


class Choice(NamedTuple):
    """Choice between classes: the rows of the outputs that decide, and the classes."""

    rows: slice
    known: HostArray


class Labels:
    """Labels of one column: an output for two classes, one each for more, or for each label.

    Parameters
    ----------
    y : array-like, shape (m,) or (m, n_labels)
        Holds every class.
    like : array, optional
        Where the classes are to be, beside whichever array they came as. Default: on the host.
    """

    def __init__(self, y: Targets, like: Array | None = None) -> None:
        self._binarizer = LabelBinarizer().fit(y)
        self.kind: str = self._binarizer.y_type_
        self.known: HostArray = self._binarizer.classes_
        self.classes: Array = self.known
        if like is not None:
            self.classes = asarray_like(self.known, like=like, dtype=like.dtype)

    @property
    def choices(self) -> list[Choice]:
        """The outputs and the classes of each choice: one in all, or whether, for each label."""
        n = len(self.known)
        if self.kind.startswith("multilabel"):
            return [Choice(slice(row, row + 1), np.asarray([0, 1])) for row in range(n)]
        return [Choice(slice(0, n if self.exclude_each_other else 1), self.known)]

    @property
    def exclude_each_other(self) -> bool:
        """Whether there are more than two classes, of which an example has one."""
        return self.kind == "multiclass"

    def are(self, classes: ArrayLike) -> bool:
        """Return whether these are the classes."""
        return np.array_equal(unique_labels(classes), self.known)

    def encode(self, y: Targets) -> HostArray:
        """Return targets, shape (n_outputs, m), of True and False."""
        return np.asarray(self._binarizer.transform(y), bool).T

    def distinct(self, y: Targets) -> HostArray:
        """Return the labels in y."""
        return unique_labels(y)

    def unknown(self, y: Targets) -> HostArray:
        """Return the labels in y that are no known classes."""
        return np.setdiff1d(self.distinct(y), self.known)

    def missing(self, y: Targets) -> HostArray:
        """Return the known classes that are not in y."""
        return np.setdiff1d(self.known, self.distinct(y))

    def decode(self, A: Matrix) -> Array:
        """Return the labels that outputs stand for: beside them, but on the host where texts.

        Parameters
        ----------
        A : array, shape (n_outputs, m)
            Probabilities.
        """
        if isinstance(A, np.ndarray):
            if self.kind.startswith("multilabel"):
                return self._binarizer.inverse_transform(A.T)
            # As `inverse_transform` does, which checks its argument for longer than that.
            places = A.argmax(axis=0) if A.shape[0] > 1 else (A[0] > 0.5).astype(np.intp)
            return self.known.take(places, mode="clip")
        xp = namespace(A)
        if self.kind.startswith("multilabel"):
            return xp.astype(xp.matrix_transpose(A) > 0.5, integers(A))
        places = xp.argmax(A, axis=0) if A.shape[0] > 1 else xp.astype(A[0, ...] > 0.5, integers(A))
        places = xp.minimum(places, len(self.known) - 1)
        if self.known.dtype.kind not in "biuf":
            return self.known[to_host(places)]
        dtype = {"b": xp.bool, "f": A.dtype}.get(self.known.dtype.kind, integers(A))
        return xp.take(asarray_like(self.known, like=A, dtype=dtype), places)

    def logit_gradient(self, Z: Matrix, label: Any = None) -> Matrix:
        """Return the derivative of the score of a label with respect to each logit.

        Parameters
        ----------
        Z : array, shape (n_outputs, m)
            Logits.
        label : label, optional
            Default, where labels exclude each other: the one that is predicted for each example.

        Returns
        -------
        array, shape (n_outputs, m)
            Of two classes that share a logit, the score of the first is minus that logit.

        Raises
        ------
        ValueError
            Where the label is not known.
        """
        several, (n_outputs, m) = self.kind.startswith("multilabel"), Z.shape
        labels = self.known.tolist()
        if label not in labels and (several or label is not None):
            raise ValueError(f"output: found {label!r}, expected one of {labels}")
        xp = namespace(Z)
        if label is not None:
            places = np.full(m, labels.index(label))
        else:
            places = (
                xp.argmax(Z, axis=0) if n_outputs > 1 else xp.astype(Z[0, ...] > 0, integers(Z))
            )
        rows = one_hot(places, max(n_outputs, 2), like=Z)
        return rows if n_outputs > 1 or several else rows[1:, :] - rows[:1, :]
