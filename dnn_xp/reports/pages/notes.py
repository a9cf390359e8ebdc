"""What has to be said before all else: what is missing, damaged, or not all of it."""

from collections.abc import Sequence

from dnn_xp.reports.pages.page import Section

__all__ = ["notes_section"]


def notes_section(notes: Sequence[str]) -> Section | None:
    """Section of notes, a sentence each; None where there are none."""
    said = [*dict.fromkeys(notes)]
    return Section("To be said first", "notes", {"notes": said}) if said else None
