"""Counter-based random numbers, written in the array API itself.

A draw is a hash of where it is used: the seed, the step, the layer, the unit and the global index
of the example. So it is the same on every library and device, after a resume, inside a compiled
step, and for any split of a batch. There is no state.

The arithmetic is that of 32-bit integers, which wrap around; int32 is the one type of that width
that every library has.
"""

import math
from typing import Any, NamedTuple

from dnn_xp.backends import Array, device, namespace

__all__ = [
    "MIXUP_STREAM",
    "PARTNER_STREAM",
    "Key",
    "bernoulli",
    "fold",
    "make_key",
    "random_bits",
    "random_places",
    "standard_normal",
]


# Layers count from 1; what is drawn for the inputs has streams of its own (noise -1 and -2).
PARTNER_STREAM, MIXUP_STREAM = -3, -4


class Key(NamedTuple):
    """The random key of some examples in a step: draws with the same key are the same.

    Attributes
    ----------
    seed, step : array of int32, shape (1,)
        Arrays, so that a compiled step serves every one of them. For k networks that are trained
        as one the seeds have the shape (k, 1, 1).
    examples : array of int32, shape (m,), or (k, m)
        The index of each example in the whole data set.
    """

    seed: Array
    step: Array
    examples: Array


def make_key(seed: Any, step: Any, examples: Array, *, xp: Any = None) -> Key:
    """Return the random key of a step.

    Parameters
    ----------
    seed, step : int, or array of shape ()
        Within the range of int32.
    examples : array of int32, shape (m,)
        The global index of each example.
    """
    xp = xp or namespace(examples)
    where = device(examples)
    # Of shape (1,): NumPy warns when a number without dimensions wraps around.
    seed, step = (xp.full((1,), n, dtype=xp.int32, device=where) for n in (seed, step))
    return Key(seed, step, examples)


def fold(key: Key, stream: int) -> Key:
    """Return a key for one of several things that are drawn with this one, such as a layer's.

    A key that was folded can be folded again: the streams stay apart.

    Parameters
    ----------
    key : Key
    stream : int
        The layer's place in the network, from 1; the place of a layer within a layer.
    """
    return Key(_mix(key.seed + _wrap(stream * 0x3C6EF372)), key.step, key.examples)


def random_bits(key: Key, n_units: int, *, xp: Any = None) -> Array:
    """Return 32 random bits for each unit and example.

    Parameters
    ----------
    key : Key
        Folded, so that different things draw different bits.
    n_units : int

    Returns
    -------
    array of int32, shape (n_units, m), or (k, n_units, m)
        Uniform over all values, negative ones included.
    """
    xp = xp or namespace(key.examples)
    start = _mix(key.seed ^ key.step)
    units = xp.arange(n_units, dtype=xp.int32, device=device(key.examples))
    rows = _mix(_mix(start + 1) + xp.reshape(units, (-1, 1)))
    columns = _mix(_mix(start + 2) + key.examples[..., None, :])
    return _mix(rows ^ columns)


def bernoulli(key: Key, probability: float, n_units: int, *, xp: Any = None) -> Array:
    """Return booleans, shape (n_units, m), that are true with the given probability."""
    threshold = min(round(probability * 2**32), 2**32 - 1) - 2**31
    return random_bits(key, n_units, xp=xp) < threshold


def standard_normal(key: Key, n_units: int, *, dtype: Any, xp: Any = None) -> Array:
    """Return standard normal numbers, shape (n_units, m) (Box and Muller 1958).

    Their bits are those of every library; the last places of logarithm and cosine may differ.
    """
    xp = xp or namespace(key.examples)
    radius, angle = (
        # The middles of 2^24 intervals, which every float has: never 0, never 1.
        (xp.astype(_shift_right(random_bits(fold(key, i), n_units, xp=xp), 8), dtype) + 0.5)
        / 2.0**24
        for i in (-1, -2)
    )
    return xp.sqrt(-2.0 * xp.log(radius)) * xp.cos((2.0 * math.pi) * angle)


def random_places(key: Key, n_places: int, *, xp: Any = None) -> Array:
    """Return a random place, from 0 to below n_places, for each example, shape (m,)."""
    xp = xp or namespace(key.examples)
    bits = _shift_right(random_bits(key, 1, xp=xp), 1)
    return xp.reshape(bits % n_places, (-1,))


def _wrap(number: int) -> int:
    """Return the int32 that has the number's lowest 32 bits."""
    return (number + 2**31) % 2**32 - 2**31


def _mix(x: Array) -> Array:
    """Scramble 32 bits (C. Wellons, "lowbias32", 2018): each output bit depends on every input."""
    x = x ^ _shift_right(x, 16)
    x = x * 0x7FEB352D
    x = x ^ _shift_right(x, 15)
    x = x * _wrap(0x846CA68B)
    return x ^ _shift_right(x, 16)


def _shift_right(x: Array, places: int) -> Array:
    """Shift in zeros from the left; `>>` on a signed integer would copy its sign."""
    return (x >> places) & (2 ** (32 - places) - 1)
