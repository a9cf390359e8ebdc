"""Special functions that the array API standard does not have, in those that it has."""

from typing import Any

from dnn_xp.backends import Array, namespace

__all__ = ["normal_cdf", "normal_pdf"]

# Chebyshev coefficients of log(erfc(z) exp(z^2) / t) for t = 2 / (2 + z) in (0, 1], z >= 0,
# computed with 60 digits; those left out are below 2e-17.
_LOG_ERFC = (
    -1.3026537197817094342,
    0.6419697923564902603,
    0.019476473204185836312,
    -0.0095615147868086316419,
    -0.0009465953444820368663,
    0.00036683949785276145187,
    0.000042523324806907771644,
    -0.000020278578112534243154,
    -1.624290004647025514e-6,
    1.3036558355805232023e-6,
    1.5626441722066142768e-8,
    -8.5238095914926542177e-8,
    6.5290544390988512139e-9,
    5.0593434955514691561e-9,
    -9.913641564930332308e-10,
    -2.2736512229318351314e-10,
    9.6467911020155267898e-11,
    2.3940380830390425505e-12,
    -6.8860275264974095846e-12,
    8.9448792730885852382e-13,
    3.1309213993457802772e-13,
    -1.1270822361402019717e-13,
    3.8109052592870162491e-16,
    7.1060976131413003898e-15,
    -1.5230282009355162856e-15,
    -9.4574946283128402751e-17,
    1.2102371953578038897e-16,
    -2.8166631528053716751e-17,
)

_SQRT_HALF = 0.7071067811865475244
_INVERSE_SQRT_2PI = 0.3989422804014326779


def normal_cdf(Z: Array, *, xp: Any = None) -> Array:
    """Return the standard normal distribution function.

    Parameters
    ----------
    Z : array of floats, any shape

    Returns
    -------
    array
        Of Z's shape and dtype, to a few units in the last place.

    Notes
    -----
    One half of erfc(-Z / sqrt(2)), whose logarithm is a Chebyshev series summed by Clenshaw's
    recurrence (Clenshaw 1955): a single form for the whole line, so no masks and no branches.
    """
    xp = xp or namespace(Z)
    z = xp.abs(Z) * _SQRT_HALF
    t = 2.0 / (2.0 + z)
    y = 4.0 * t - 2.0
    b, b_next = 0.0 * z, 0.0 * z
    for coefficient in _LOG_ERFC[:0:-1]:
        b, b_next = y * b - b_next + coefficient, b
    tail = 0.5 * t * xp.exp(0.5 * (y * b + _LOG_ERFC[0]) - b_next - z * z)
    positive = xp.astype(Z > 0, Z.dtype)
    return positive * (1.0 - tail) + (1.0 - positive) * tail


def normal_pdf(Z: Array, *, xp: Any = None) -> Array:
    """Return the standard normal density, the derivative of `normal_cdf`.

    Parameters
    ----------
    Z : array of floats, any shape
    """
    xp = xp or namespace(Z)
    return _INVERSE_SQRT_2PI * xp.exp(-0.5 * Z * Z)
