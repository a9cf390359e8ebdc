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

__all__ = ["Draws", "bernoulli", "make_draws", "random_bits", "random_places", "standard_normal"]


# Layers count from 1; what is drawn for the inputs has streams of its own.
_NOISE_STREAMS = (-1, -2)
PARTNER_STREAM, SHARE_STREAM = -3, -4


class Draws(NamedTuple):
    """Where in a run the draws are made.

    Attributes
    ----------
    seed, step : array of int32, shape (1,)
        Arrays, so that a compiled step serves every one of them.
    examples : array of int32, shape (m,)
        The index of each example in the whole data set.
    """

    seed: Array
    step: Array
    examples: Array


def make_draws(seed: Any, step: Any, examples: Array, *, xp: Any = None) -> Draws:
    """Return the draws of a step.

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
    return Draws(seed, step, examples)


def random_bits(draws: Draws, layer: int, n_units: int, *, xp: Any = None) -> Array:
    """Return 32 random bits for each unit and example.

    Parameters
    ----------
    draws : Draws
    layer : int
        Keeps the streams of different layers apart.
    n_units : int

    Returns
    -------
    array of int32, shape (n_units, m)
        Uniform over all values, negative ones included.
    """
    xp = xp or namespace(draws.examples)
    key = _mix(_mix(draws.seed + _wrap(layer * 0x3C6EF372)) ^ draws.step)
    units = xp.arange(n_units, dtype=xp.int32, device=device(draws.examples))
    rows = _mix(_mix(key + 1) + xp.reshape(units, (-1, 1)))
    columns = _mix(_mix(key + 2) + xp.reshape(draws.examples, (1, -1)))
    return _mix(rows ^ columns)


def bernoulli(
    draws: Draws, probability: float, layer: int, n_units: int, *, xp: Any = None
) -> Array:
    """Return booleans, shape (n_units, m), that are true with the given probability."""
    threshold = min(round(probability * 2**32), 2**32 - 1) - 2**31
    return random_bits(draws, layer, n_units, xp=xp) < threshold


def standard_normal(draws: Draws, n_units: int, *, dtype: Any, xp: Any = None) -> Array:
    """Return standard normal numbers, shape (n_units, m) (Box and Muller 1958).

    Their bits are those of every library; the last places of logarithm and cosine may differ.
    """
    xp = xp or namespace(draws.examples)
    radius, angle = (
        # The middles of 2^24 intervals, which every float has: never 0, never 1.
        (xp.astype(_shift_right(random_bits(draws, stream, n_units, xp=xp), 8), dtype) + 0.5)
        / 2.0**24
        for stream in _NOISE_STREAMS
    )
    return xp.sqrt(-2.0 * xp.log(radius)) * xp.cos((2.0 * math.pi) * angle)


def random_places(draws: Draws, n_places: int, stream: int, *, xp: Any = None) -> Array:
    """Return a random place, from 0 to below n_places, for each example, shape (m,)."""
    xp = xp or namespace(draws.examples)
    bits = _shift_right(random_bits(draws, stream, 1, xp=xp), 1)
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
