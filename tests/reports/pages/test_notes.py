"""What has to be said before all else."""

import pytest

from dnn_xp.reports.pages.notes import notes_section
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once


def test_each_is_said_once_and_none_is_no_section():
    assert notes_section([]) is None
    assert notes_section(["a", "b", "a"]).content["notes"] == ["a", "b"]


def test_texts_of_strangers_stay_texts():
    pytest.importorskip("jinja2")
    tags = [tag for tag, _ in read(notes_section(HOSTILE_NAMES)).tags]
    assert "script" not in tags
    assert "img" not in tags
