"""Identity of a run: its settings in JSON's types, and a fingerprint of its data.

What has its default is left out, so that a setting that a later version brings changes nothing.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from dnn_xp.backends import asarray_like, dtype_name, namespace, to_host
from dnn_xp.data.sources import Source, read_examples, reference_array
from dnn_xp.network.description import describe_network
from dnn_xp.training.evaluation import Examples, ValidationData
from dnn_xp.training.problem import Problem
from dnn_xp.training.regularization import Regularization
from dnn_xp.training.settings import Settings

__all__ = [
    "AnotherRunError",
    "Identity",
    "check_same_run",
    "describe_difference",
    "describe_gradient_run",
    "describe_problem",
    "differing",
    "digest",
    "fingerprint",
    "fingerprint_of",
]

Identity = Mapping[str, Any]
"""By the names of arguments; values of JSON's types."""

ROWS = 1024
"""Examples that a fingerprint looks at, at most."""
ELEMENTS = 2**17
"""Elements of X that it looks at, at most, but that the first and the last example are always."""


class AnotherRunError(ValueError):
    """Progress is that of another run; the message says what differs.

    Attributes
    ----------
    differences : dict of str to (found, expected)
        By the names of arguments.
    """

    def __init__(self, differences: Mapping[str, tuple[Any, Any]]) -> None:
        self.differences = dict(differences)
        said = "; ".join(describe_difference(name, *pair) for name, pair in differences.items())
        super().__init__(f"this is the progress of another run; {said}")


def describe_difference(name: str, found: Any, expected: Any) -> str:
    """Return what differs under a name between a run and the progress of another, in words."""
    if name in ("data", "validation_data"):
        what = "X, Y or weights" if name == "data" else "validation"
        return f"{what}: found other data, expected those that the run began with"
    if name == "theta":
        return "theta: found another start, expected the one that the run began with"
    if isinstance(found, dict) and isinstance(expected, dict):
        name, found, expected = _first_difference(name, found, expected)
    return f"{name}: found {_text(found)}, expected {_text(expected)}"


def _first_difference(name: str, found: Any, expected: Any) -> tuple[str, Any, Any]:
    """Return where two descriptions differ first, and how."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in dict.fromkeys([*found, *expected]):
            if found.get(key) != expected.get(key):
                return _first_difference(f"{name}: {key}", found.get(key), expected.get(key))
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for place, pair in enumerate(zip(found, expected, strict=True), 1):
            if pair[0] != pair[1]:
                return _first_difference(f"{name} {place}", *pair)
    return name, found, expected


def _text(value: Any) -> str:
    if value is None:
        return "the default"
    return value if isinstance(value, str) else json.dumps(value)


def check_same_run(found: Identity, expected: Identity) -> None:
    """Refuse the progress of another run.

    Parameters
    ----------
    found : mapping
        Of the progress.
    expected : mapping
        Of the run that is to go on from it.

    Raises
    ------
    AnotherRunError
    """
    names = dict.fromkeys([*expected, *found])
    differences = {
        name: (found.get(name), expected.get(name))
        for name in names
        if found.get(name) != expected.get(name)
    }
    # Data are known by their values only where both have taken their fingerprint.
    for name in ("data", "validation_data"):
        if name in differences and not (found.get("data") and expected.get("data")):
            del differences[name]
    if differences.keys() - {"data", "validation_data"}:  # beside these, other data say no more
        differences.pop("data", None)
        differences.pop("validation_data", None)
    if differences:
        raise AnotherRunError(differences)


def describe_gradient_run(
    problem: Problem, settings: Settings, *, example_space: bool, after_steps: int | None
) -> dict[str, Any]:
    """Return the identity of a run by gradient steps, without the fingerprint of its data.

    It tells all that the run was told but how long it is, and functions: the schedule, the metrics
    and the callbacks.

    Parameters
    ----------
    problem : Problem
        In the network's own coordinates.
    settings : Settings
    example_space : bool
        Whether the run descends in example space.
    after_steps : int, optional
        The steps of the run after which this one begins.
    """
    names = ("batch_size", "seed", "clip_value", "clip_norm", "ema_decay", "micro_batch")
    own = {name: getattr(settings, name) for name in (*names, "weights_by_batch")}
    own |= differing(settings.regularization, Regularization())
    own |= {"optimizer": repr(settings.optimizer)}
    own |= {"order": _order_of(problem, settings), "example_space": example_space}
    return describe_problem(problem, own | {"after": after_steps})


def _order_of(problem: Problem, settings: Settings) -> bool | dict[str, int]:
    """Return whether the order of examples is another than that of any run with this seed."""
    if settings.order is not None:
        return True
    order = problem.X.order if isinstance(problem.X, Source) else None
    if order is None or order.n_windows == 1 or settings.batch_size >= problem.X.shape[1]:
        return False
    return {"chunk": order.run, "window": order.window}


def describe_problem(problem: Problem, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return an identity of what is trained on what, and of settings besides."""
    described = {
        **own,
        "network": describe_network(problem.network, own_functions=True),
        "X": _kind(problem.X),
        "Y": _kind(problem.Y),
        "weights": problem.weights is not None,
        "theta": _checksum(to_host(problem.theta)),
    }
    return {
        name: value for name, value in described.items() if value is not None and value is not False
    }


def _kind(x: Examples) -> str:
    """Return dtype and shape, in words."""
    return f"{dtype_name(reference_array(x).dtype)} {tuple(x.shape)}"


def differing(settings: Any, defaults: Any) -> dict[str, Any]:
    """Return the settings, of a NamedTuple, that differ from the defaults, by name.

    A field that the defaults do not have yet is compared with its own default.
    """
    own_defaults = {**type(settings)._field_defaults, **defaults._asdict()}
    return {
        name: value for name, value in settings._asdict().items() if value != own_defaults[name]
    }


# ----------------------------------------------------------------------------- data


def fingerprint(problem: Problem) -> dict[str, str]:
    """Return checksums of the data of a run, and of its validation data.

    They see some examples, evenly spread, the first and the last among them, with their targets
    and weights: at most 1,024. A change of other examples alone is not seen. They are the same for
    arrays of every library, for files, and however the data are cut into blocks.

    They are taken where progress is asked for and where a run goes on; for the progress that a run
    returns at its end, only of arrays in memory.
    """
    found = {"data": fingerprint_of((problem.X, problem.Y, problem.weights))}
    if problem.validation is not None:
        found["validation_data"] = fingerprint_of(problem.validation)
    return found


def fingerprint_of(data: ValidationData) -> str:
    """Return the checksum of some of the examples (X, Y, weights): see `fingerprint`."""
    X, Y, weights = data
    n, m = X.shape
    some = max(2, min(ROWS, ELEMENTS // max(1, n)))
    places = np.arange(m, dtype=np.int32)
    if m > some:
        places = np.linspace(0, m - 1, some).round().astype(np.int32)
    rows = [_rows(X, places), _rows(Y, places)]
    if weights is not None:
        rows.append(_rows(namespace(weights).reshape(weights, (1, -1)), places))
    return _checksum(*rows)


def _rows(x: Examples, places: Any) -> Any:
    """Return some examples on the host, an example in each row."""
    if isinstance(x, Source):
        return to_host(x.read(places)).T
    there = asarray_like(places, like=x, dtype=namespace(x).int32)
    return to_host(read_examples(x, there)).T


def _checksum(*arrays: Any) -> str:
    summed = 0  # against mistakes, not against anybody's will: a CRC takes a fifth of a hash's time
    for x in arrays:
        native = x.astype(x.dtype.newbyteorder("<"), copy=False)
        summed = zlib.crc32(f"{native.dtype.name}{native.shape}".encode(), summed)
        summed = zlib.crc32(native.tobytes(), summed)
    return f"{summed:08x}"


def digest(identity: Identity) -> str:
    """Return a name for a run that no other one has: a hash of its identity."""
    text = json.dumps(dict(identity), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
