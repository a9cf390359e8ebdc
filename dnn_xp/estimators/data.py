"""Input of an estimator: checked as scikit-learn checks it, in the library that it came in."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.validation import (
    check_array,
    check_non_negative,
    column_or_1d,
    validate_data,
)

from dnn_xp.backends import (
    Array,
    Matrix,
    asarray_like,
    computes_lazily,
    default_dtype,
    device,
    dtype_name,
    map_blocks,
    namespace,
    readable_blocks,
    take_examples,
    to_host,
)
from dnn_xp.data.sources import Source, reference_array
from dnn_xp.estimators.parameters import Parameters

__all__ = [
    "DISPATCH",
    "NO_WEIGHT",
    "ArrayLike",
    "Rows",
    "HostArray",
    "Targets",
    "as_columns",
    "as_dtype",
    "as_rows_like",
    "check_X",
    "check_X_y",
    "check_sample_weight",
    "check_weight_sum",
    "finite_when_read",
    "host_labels",
    "is_frame",
    "keeps_its_library",
    "optional_like",
    "other_library",
    "other_place_found",
    "place_of",
    "take_rows",
    "targets_like",
    "warn_of_lost_targets",
]

# To a type checker all but `HostArray` are Any, as the arrays in `dnn_xp.backends` are.
ArrayLike = Any
"""What scikit-learn reads as an array: a list, a data frame, an array of any library, ..."""
Rows = Any
"""A matrix of examples in rows: an array of any library, or one of SciPy's sparse ones."""
Targets = Any
"""Targets that were checked, one row an example: an array on the host."""
HostArray = np.ndarray[Any, np.dtype[Any]]
"""An array of NumPy."""

DISPATCH = (
    "arrays of other libraries are let through where sklearn.set_config(array_api_dispatch=True) "
    "was called in the same thread"
)
"""The way out where an array was read as NumPy's."""

NO_WEIGHT = "Sample weights must contain at least one non-zero number."
"""What scikit-learn says of weights that are all 0."""

_FLOATS = (np.float64, np.float32)


def keeps_its_library(X: ArrayLike) -> bool:
    """Return whether X stays what it is: an array of another library than NumPy, let through.

    One on Dask always does: to read it as NumPy's would be to bring all of it here.
    """
    let_through = get_config()["array_api_dispatch"] or computes_lazily(X)
    return bool(let_through and other_library(X))


def other_library(X: ArrayLike) -> str:
    """Return the name of the library that an array belongs to, or "" where it is NumPy or none."""
    if isinstance(X, np.ndarray):
        return ""
    try:
        xp = namespace(X)
    except TypeError:
        return ""
    return "" if xp is namespace(np.empty(0)) else xp.__name__.rpartition("compat.")[2]


def place_of(x: Array) -> str:
    """Return the library and the device of an array, in words."""
    return f"{namespace(x).__name__.rpartition('compat.')[2]} on {device(x)}"


def other_place_found(
    estimator: object, method: str, found: str, expected: str, way_out: str = ""
) -> ValueError:
    """Return the error of X in another place than the parameters, in scikit-learn's words.

    Parameters
    ----------
    estimator : estimator
    method : str
    found, expected : str
        The two places.
    way_out : str, optional
        Default: to move the one or the other.
    """
    name = type(estimator).__name__
    way_out = way_out or f"Move the estimator with {name}.to(xp, device), or move X."
    return ValueError(
        f"Inputs passed to {name}.{method}() must use the same namespace and the same device "
        f"as those passed to fit(). Found {found}, expected {expected}. {way_out}"
    )


def is_frame(X: ArrayLike) -> bool:
    """Return whether X is a data frame, which has names of columns."""
    return hasattr(X, "columns") or hasattr(X, "__dataframe__")


def check_X(estimator: Parameters, X: ArrayLike, *, reset: bool = False) -> Rows:
    """Return X as a matrix of floats, each example in one piece where NumPy holds it.

    Parameters
    ----------
    estimator : Parameters
        It learns the number and the names of the features, or knows them.
    X : array-like or sparse matrix, shape (m, n_features)
        Of one on Dask the values are not looked at: see `finite_when_read`.
    reset : bool
        Whether it learns them.

    Raises
    ------
    ValueError
        Where X is no matrix of finite real numbers, or has other features than those it knows.
    """
    _refuse_what_nobody_reads("X", X)
    if keeps_its_library(X):
        return _check_array(estimator, X, reset, look=not computes_lazily(X))
    with _reading_as_numpy(X=X):
        X = validate_data(
            estimator,
            _as_readable(X),
            accept_sparse=["csr", "csc"],
            dtype=_FLOATS,
            order="C",
            reset=reset,
        )
    return _by_rows(X)


def check_X_y(
    estimator: Parameters, X: ArrayLike, y: ArrayLike, *, numeric: bool, reset: bool
) -> tuple[Rows, Targets]:
    """Return X as `check_X` does, and y on the host with one row an example.

    Parameters
    ----------
    estimator, X, reset
        As in `check_X`.
    y : array-like, shape (m,) or (m, n_outputs)
    numeric : bool
        Whether y has to be of numbers.

    Raises
    ------
    ValueError
        As `check_X`, and where y is not of that form or has another number of examples.
    """
    _refuse_what_nobody_reads("X", X)
    _refuse_what_nobody_reads("y", y)
    if not keeps_its_library(X):
        with _reading_as_numpy(X=X, y=y):
            X, y = validate_data(
                estimator,
                _as_readable(X),
                host_labels(y),
                accept_sparse=["csr", "csc"],
                multi_output=True,
                y_numeric=numeric,
                dtype=_FLOATS,
                order="C",
                reset=reset,
            )
        X = _by_rows(X)
    else:
        X = _check_array(estimator, X, reset, look=True)
        y = check_array(
            host_labels(y), ensure_2d=False, dtype="numeric" if numeric else None, input_name="y"
        )
        if y.shape[0] != X.shape[0]:
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: "
                f"{[X.shape[0], y.shape[0]]}"
            )
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    return X, y


def host_labels(y: ArrayLike) -> ArrayLike:
    """Return y where scikit-learn can read it: an array of another library moved to the host."""
    return to_host(y) if keeps_its_library(y) else _as_readable(y)


def _as_readable(x: ArrayLike) -> ArrayLike:
    """Return a list as an array where scikit-learn before 1.9 takes nothing but arrays."""
    listed = isinstance(x, list | tuple) and get_config()["array_api_dispatch"]
    return np.asarray(x) if listed else x


def _refuse_what_nobody_reads(name: str, x: ArrayLike) -> None:
    """Refuse arrays of which a part would be passed over in silence, or that nobody can read.

    Raises
    ------
    TypeError
        For a source.
    ValueError
        For a masked array whose mask hides something, and a sparse array that is not SciPy's.
    """
    if isinstance(x, Source):
        raise TypeError(
            f"{name}: found a Source, which is read batch by batch, expected an array, a data "
            "frame or a sparse matrix; dnn_xp.train reads a Source, and an estimator takes arrays "
            "on Dask, such as dask.array.from_array makes of a file larger than memory"
        )
    if np.ma.is_masked(x):
        raise ValueError(
            f"{name}: found a masked array of which some elements are hidden, expected a number in "
            "each place; fill them in with .filled(...), or leave those examples out"
        )
    words = f"{type(x).__module__} {type(x).__name__} {getattr(x, 'layout', '')}".lower()
    if "sparse" in words and not sparse.issparse(x) and not is_frame(x):
        raise ValueError(
            f"{name}: found a sparse array of {type(x).__module__.partition('.')[0]}, expected a "
            "dense one, or a sparse matrix of SciPy"
        )


@contextmanager
def _reading_as_numpy(**arguments: ArrayLike) -> Iterator[None]:
    """Add, to errors of arrays that NumPy cannot read, the setting that would let them through.

    Raises
    ------
    TypeError
        Where an argument is of another library and dispatch is off.
    """
    try:
        yield
    except (TypeError, RuntimeError) as error:
        if get_config()["array_api_dispatch"]:
            raise
        for name, value in arguments.items():
            if library := other_library(value):
                raise TypeError(
                    f"{name}: found an array of {library}, which cannot be read as NumPy's "
                    f"({error}); {DISPATCH}"
                ) from error
        raise


def _check_array(estimator: Parameters, X: Array, reset: bool, *, look: bool) -> Array:
    """Return an array of another library as floats, checked as scikit-learn checks NumPy's.

    Its values, too, where they are to be looked at now.
    """
    name = type(estimator).__name__
    if len(X.shape) != 2:
        raise ValueError(
            f"Expected 2D array, got {len(X.shape)}D array instead. Reshape your data either using "
            "array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if it "
            "contains a single sample."
        )
    if any(math.isnan(length or 0) for length in X.shape):
        raise ValueError("X: found an unknown number of examples; compute its chunk sizes first")
    for kind, length in zip(("sample", "feature"), X.shape, strict=True):
        if length < 1:
            raise ValueError(
                f"Found array with 0 {kind}(s) (shape={tuple(X.shape)}) while a minimum of 1 is "
                f"required by {name}."
            )
    validate_data(estimator, X, skip_check_array=True, reset=reset)
    X = readable_blocks(X, "X")
    xp = namespace(X)
    if xp.isdtype(X.dtype, "complex floating"):
        raise ValueError(f"Complex data not supported\n{X}\n")
    if dtype_name(X.dtype) not in ("float64", "float32"):
        X = xp.astype(X, default_dtype(xp, device=device(X)))
    return _refuse_infinite(name, [], X) if look else X


def finite_when_read(estimator: Parameters, X: Matrix) -> Matrix:
    """Return columns on Dask whose blocks are looked at when they are computed, as others are now.

    Parameters
    ----------
    estimator : Parameters
        For the error.
    X : Dask array, shape (n_features, m)
    """
    return map_blocks(partial(_refuse_infinite, type(estimator).__name__), [], X)


def _refuse_infinite(name: str, parameters: Any, X: Array) -> Array:
    """Return X, or refuse it in scikit-learn's words."""
    xp = namespace(X)
    if not get_config()["assume_finite"] and not bool(xp.all(xp.isfinite(X))):
        raise ValueError(f"Input X contains NaN or infinity.\n{name} does not accept them.")
    return X


def _by_rows(X: Rows) -> Rows:
    return X.tocsr() if sparse.issparse(X) else X


def check_sample_weight(sample_weight: ArrayLike, X: Rows) -> HostArray | None:
    """Return weights on the host in X's dtype, one an example, or None.

    Parameters
    ----------
    sample_weight : array-like of shape (m,), number or None
    X : array or sparse matrix, shape (m, n_features)

    Raises
    ------
    ValueError
        Where they are no vector of that length, one is below 0 or not finite, or all are 0.
    """
    if sample_weight is None:
        return None
    _refuse_what_nobody_reads("sample_weight", sample_weight)
    dtype = dtype_name(X.dtype)
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], float(sample_weight), dtype)
    with _reading_as_numpy(sample_weight=sample_weight):
        weights = check_array(
            host_labels(sample_weight),
            ensure_2d=False,
            ensure_min_samples=0,
            dtype=dtype,
            input_name="sample_weight",
        )
    if weights.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {weights.ndim}D array. Expected "
            f"either a scalar value or a 1D array of length {X.shape[0]}."
        )
    if weights.shape != (X.shape[0],):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(X.shape[0],)}!")
    check_weight_sum(weights)
    check_non_negative(weights, "`sample_weight`")
    return weights


def check_weight_sum(weights: HostArray) -> None:
    """Refuse weights that are all 0, in scikit-learn's words, or whose sum is not finite.

    Raises
    ------
    ValueError
    """
    if not weights.any():
        raise ValueError(NO_WEIGHT)
    with np.errstate(over="ignore"):
        total = float(weights.sum())
    if not math.isfinite(total):
        raise ValueError(f"sample_weight: found a sum of {total}, expected a finite one")


def as_dtype(X: Rows, name: str) -> Rows:
    """Return X in a dtype of its library by name, such as "float32"."""
    if sparse.issparse(X) or isinstance(X, np.ndarray):
        return X.astype(name, copy=False)
    xp = namespace(X)
    return xp.astype(X, getattr(xp, name), copy=False)


def targets_like(Y: HostArray, X: Matrix | Source) -> Array:
    """Return targets beside the columns of X; on Dask as they are, as few bytes as may be.

    Parameters
    ----------
    Y : ndarray, shape (n_outputs, m)
    X : array or Source, shape (n_features, m)
    """
    like = reference_array(X)
    return asarray_like(Y, like=like, dtype=Y.dtype if computes_lazily(like) else None)


def warn_of_lost_targets(Y: HostArray, X: Rows) -> None:
    """Warn where the dtype of X, in which a fit computes, does not tell the targets apart.

    Parameters
    ----------
    Y : ndarray, shape (n_outputs, m)
        Before it comes to that dtype. Targets that are all the same are nobody's loss.
    X : array or sparse matrix
    """
    xp = np if sparse.issparse(X) else namespace(X)
    eps = float(xp.finfo(X.dtype).eps)
    values = Y.astype(np.float64)
    spread, largest = values.std(axis=1), np.abs(values).max(axis=1)
    # Of equal values, too, the spread may be a rounding.
    lost = (values.min(axis=1) < values.max(axis=1)) & (eps * largest > 0.01 * spread)
    if lost.any():
        row = int(np.argmax(lost))
        warnings.warn(
            f"y: found targets from {values[row].min():.10g} to {values[row].max():.10g} with a "
            f"spread of {spread[row]:.3g}, which {dtype_name(X.dtype)}, the dtype of X, does not "
            "tell apart; give X in float64, or subtract the mean of y from it",
            DataConversionWarning,
            stacklevel=2,
        )


def as_rows_like(X: Rows, like: Rows) -> Rows:
    """Return X in the library, dtype and place of other examples; a sparse X stays sparse.

    Parameters
    ----------
    X, like : array or sparse matrix, shapes (m, n_features) and (k, n_features)
        As `check_X` returns them.
    """
    if sparse.issparse(X):
        return as_dtype(X, dtype_name(like.dtype))
    if sparse.issparse(like):
        return np.asarray(to_host(X), like.dtype)
    return asarray_like(X, like=like)


def optional_like(x: HostArray | None, like: Array) -> Array | None:
    """Return an array beside another, where there is one."""
    return None if x is None else asarray_like(x, like=like)


def take_rows(X: Rows, places: HostArray) -> Rows:
    """Return some of the examples of X, by NumPy's integers."""
    if sparse.issparse(X) or isinstance(X, np.ndarray):
        return X[places]
    xp = namespace(X)
    return xp.matrix_transpose(
        take_examples(xp.matrix_transpose(X), asarray_like(places, like=X, dtype=xp.int32))
    )


def as_columns(X: Rows, like: Array | None = None) -> Array | Source:
    """Return X as a network is fed it: columns are examples; a sparse X in batches of them.

    Parameters
    ----------
    X : array or sparse matrix, shape (m, n_features)
    like : array, optional
        Where batches of a sparse X are brought to. Default: they stay on the host.
    """
    if not sparse.issparse(X):
        return X.T
    shape = (X.shape[1], X.shape[0])
    there = np.empty((shape[0], 0), X.dtype)
    if like is None or isinstance(like, np.ndarray):
        return Source(shape, lambda which: X[which].toarray().T, there)

    def read(which: Any) -> Array:
        return asarray_like(X[which].toarray().T, like=like)

    return Source(shape, read, asarray_like(there, like=like))
