"""."""

from collections.abc import Sequence
from typing import Any

from dnn_xp.reports.pages.page import Section


def values_section(predicted: Any, true: Any, names: Sequence[str]) -> Section:
    """."""
    raise NotImplementedError
