"""."""

from collections.abc import Sequence
from typing import Any

from dnn_xp.reports.pages.page import Section


def intervals_section(low: Any, high: Any, true: Any, names: Sequence[str], asked: float, predicted: Any = None) -> Section | None:
    """."""
    raise NotImplementedError
