"""Examples that stay in an HDF5 file, from which batches are read as they are needed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from dnn_xp.arguments import check_path
from dnn_xp.backends import Array, HostArray, asarray_like
from dnn_xp.data.sources import Source

if TYPE_CHECKING:
    import h5py

__all__ = ["open_examples"]


@contextmanager
def open_examples(
    path: str | os.PathLike[str],
    name: str = "x",
    *,
    like: Array,
    prepare: Callable[[HostArray], HostArray] | None = None,
) -> Iterator[Source]:
    """Open examples for training and prediction, of which no more than a batch is in memory.

    Parameters
    ----------
    path : path
        An HDF5 file.
    name : str
        Of a data set with an example in each row, shape (m, ...); further axes are flattened.
        Chunks of a few rows, or none, are read fastest where examples are shuffled.
    like : array
        What is read gets its library, device and dtype.
    prepare : callable, optional
        Makes of the rows of a batch, a NumPy array as stored, those that the network is fed:
        ``lambda rows: rows / 255``.

    Yields
    ------
    Source
        For `train`, `lbfgs`, `Network.predict` and `Network.evaluate_cost`, while the file is open.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where it is no HDF5 file, or holds no numbers of that name and form.

    Examples
    --------
    Twenty examples of four features, written and then learnt ten at a time:

    >>> import h5py, numpy as np, tempfile
    >>> from pathlib import Path
    >>> from dnn_xp import Dense, Network, train
    >>> from dnn_xp import open_examples
    >>> rows = np.random.default_rng(0).normal(size=(20, 4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "data.h5")
    ...     with h5py.File(path, "w") as file:
    ...         file["x"] = rows
    ...     network = Network(4, (Dense(1),), "squared_error")
    ...     with open_examples(path, like=np.empty(0)) as X:
    ...         run = train(network, X, rows[:, :1].T, batch_size=10, epochs=50)
    >>> run.history["cost"][-1] < 0.01
    True
    """
    import h5py  # takes 30 ms to load, and not every run reads a file

    path = check_path("path", path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path}: not an HDF5 file, or damaged: {error}") from error
    with file:
        rows = file.get(name)
        if not isinstance(rows, h5py.Dataset) or rows.ndim < 2 or rows.dtype.kind not in "fiub":
            raise ValueError(
                f"{path}: {name}: found {rows!r}, expected a data set of numbers, an example a row"
            )

        def read(which: slice | HostArray) -> Array:
            found = _read_rows(rows, which)
            found = found.reshape(len(found), -1)
            return asarray_like((found if prepare is None else prepare(found)).T, like=like)

        # One example tells how many features there are once they are prepared.
        yield Source((read(slice(0, 1)).shape[0], rows.shape[0]), read, like)


def _read_rows(rows: "h5py.Dataset", which: slice | HostArray) -> HostArray:
    """Return rows in any order, which HDF5 reads in rising order and once."""
    if isinstance(which, slice):
        return np.asarray(rows[which])
    places, where = np.unique(which, return_inverse=True)
    return np.asarray(rows[places])[where]
