"""Names of classes and examples, which may be strangers': short, and each another one."""

from collections import Counter
from collections.abc import Sequence

from dnn_xp.reports.style import short

__all__ = ["class_names"]


def class_names(names: Sequence[str], length: int = 40) -> list[str]:
    """Return names as a page shows them.

    A long name is cut; what then is empty, or the name of several, gets its number, from 0.

    Parameters
    ----------
    names : sequence of str
        Of the classes, by number.
    length : int
        Of the longest one.

    Examples
    --------
    >>> class_names(["cat", "", "dog", "cat", "a very long name"], length=11)
    ['cat (no. 0)', '(no. 1)', 'dog', 'cat (no. 3)', 'a very lon…']
    """
    cut = [short(name, length).strip() for name in names]
    numbered = [f"{name} (no. {number})".strip() for number, name in enumerate(cut)]
    found = Counter(cut)
    # A class may be called as another one is with its number.
    taken = {full for full, name in zip(numbered, cut, strict=True) if found[name] > 1 or not name}
    return [
        name if name and found[name] == 1 and name not in taken else full
        for name, full in zip(cut, numbered, strict=True)
    ]
