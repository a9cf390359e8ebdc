"""Names of classes: what tells one class from another for a person, and in a file."""

from collections import Counter
from collections.abc import Sequence

from dnn_xp.arguments import check, shown
from dnn_xp.backends import HostArray

__all__ = ["LONGEST_NAME", "check_class_names", "texts"]

LONGEST_NAME = 1000
"""Characters of a name; what is longer is a text, and not the name of a class."""


def check_class_names(where: str, names: Sequence[str]) -> None:
    """Refuse names of classes that are empty, equal, or longer than `LONGEST_NAME`.

    Parameters
    ----------
    where : str
        What holds them, for the error.
    names : sequence of str

    Raises
    ------
    ValueError
        Naming the first one.
    """
    for name in names:
        fits = isinstance(name, str) and bool(name.strip())
        check(where, name, fits, "names of classes, texts that are not empty")
        check(where, name, len(name) <= LONGEST_NAME, f"names of at most {LONGEST_NAME} characters")
    name, count = max(Counter(names).items(), key=lambda pair: pair[1], default=("", 0))
    if count > 1:
        raise ValueError(
            f"{where}: found {count} classes called {shown(name)}, expected a name for each"
        )


def texts(values: HostArray, where: str) -> tuple[str, ...]:
    """Return what bytes say in UTF-8.

    Parameters
    ----------
    values : ndarray
        Of bytes, or of objects that are bytes or can be said as text.
    where : str
        What holds them, its own name last, for the error.

    Raises
    ------
    ValueError
        Where they are in another encoding.
    """
    found = []
    for text in values.tolist():
        try:
            found.append(text.decode() if isinstance(text, bytes) else str(text))
        except UnicodeDecodeError:
            name = where.rpartition(" ")[2]
            raise ValueError(
                f"{where}: found {text!r}, expected text in UTF-8; where it is in another "
                f"encoding, save {name} = numpy.char.encode(numpy.char.decode({name}, 'latin-1'))"
            ) from None
    return tuple(found)
