"""Names of classes: what tells one class from another for a person, and in a file."""

from collections import Counter
from collections.abc import Sequence

from dnn_xp.arguments import check, shown

__all__ = ["LONGEST_NAME", "check_class_names"]

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
