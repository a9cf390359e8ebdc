"""Times in words: when something was, and how long it took."""

import math
from datetime import UTC, datetime

__all__ = ["describe_moment", "describe_seconds", "seconds_between"]


def describe_moment(text: str) -> str:
    """Return a time in ISO 8601 as a page shows it, in UTC; another text as it is.

    Examples
    --------
    >>> describe_moment("2026-11-28T11:00:00+01:00")
    '2026-11-28 10:00 UTC'
    """
    found = _read(text)
    return text if found is None else f"{found:%Y-%m-%d %H:%M} UTC"


def seconds_between(begun: str, ended: str) -> float:
    """Return the seconds between two times in ISO 8601; NaN where one is none."""
    first, last = _read(begun), _read(ended)
    if first is None or last is None:
        return math.nan
    return (last - first).total_seconds()


def describe_seconds(seconds: float) -> str:
    """Return how long something took; nothing of what is no time.

    Examples
    --------
    >>> describe_seconds(200.0)
    '3 min 20 s'
    """
    if not 0.0 <= seconds < math.inf:
        return ""
    if seconds < 0.05:  # of runs that were written to the second, too
        return "under 1 s"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _read(text: str) -> datetime | None:
    """Return a time, which without a zone is in UTC; None of another text."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
