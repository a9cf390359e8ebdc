"""."""

from collections.abc import Sequence
from typing import Any

from dnn_xp.reports.pages.page import Section


def importances_section(importances: Any, spread: Any = None, names: Sequence[str] | None = None) -> Section | None:
    """."""
    raise NotImplementedError
