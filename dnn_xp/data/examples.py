"""Examples that stay in an HDF5 file, from which batches are read as they are needed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from dnn_xp.arguments import check_path
from dnn_xp.backends import Array, HostArray, asarray_like
from dnn_xp.data.sources import Source
from dnn_xp.files.hdf5 import find_data_set, naming, open_hdf5, read_stored

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
    trusted: bool = False,
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
    trusted : bool
        Whether the data set may be virtual, with parts in other files, and packed by filters of
        all kinds.

    Yields
    ------
    Source
        For `train`, `lbfgs`, `Network.predict` and `Network.evaluate_cost`, while the file is open.

    Raises
    ------
    OSError
        Where there is no such file, or it may not be read.
    ValueError
        Where it is no HDF5 file or is damaged, here or while it is read; holds no numbers of that
        name and form; or they lie in another file.

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
    path = check_path("path", path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    with open_hdf5(path, trusted=trusted) as file:
        with naming(path):
            rows = find_data_set(file, name, trusted=trusted, whole=False)
            if rows.ndim < 2 or rows.dtype.kind not in "fiub" or rows.size == 0:
                raise ValueError(
                    f"{name}: found {rows.dtype}{rows.shape}, expected numbers, an example a row"
                )

        def read(which: slice | HostArray) -> Array:
            with naming(f"{path}: {name}"):
                found = _read_rows(rows, which, trusted)
            found = found.reshape(len(found), -1)
            return asarray_like((found if prepare is None else prepare(found)).T, like=like)

        # One example tells how many features there are once they are prepared.
        yield Source((read(slice(0, 1)).shape[0], rows.shape[0]), read, like)


def _read_rows(rows: "h5py.Dataset", which: slice | HostArray, trusted: bool) -> HostArray:
    """Return rows in any order, which are read in rising order and once."""
    if isinstance(which, slice):
        if rows.chunks is None or trusted:
            return np.asarray(rows[which])
        which = np.arange(*which.indices(rows.shape[0]))
    places, where = np.unique(which, return_inverse=True)
    return read_stored(rows, places, trusted=trusted)[where]
