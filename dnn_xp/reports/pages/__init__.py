"""Pages about runs, to mail and to watch; each is one file."""

from dnn_xp.reports.pages.page import Page

__all__ = ["Page"]
