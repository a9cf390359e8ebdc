"""Pages about runs, to mail and to watch; each is one file."""

from dnn_xp.reports.pages.page import Page
from dnn_xp.reports.pages.report import report

__all__ = ["Page", "report"]
