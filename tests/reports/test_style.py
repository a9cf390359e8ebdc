"""The style: colours that are told apart, also in grey with their markers; names that fit."""

import pytest

from dnn_xp.reports.style import COLOURS, MARKERS, headed, legend_name, own_style, short


def test_colours_and_markers_are_different():
    assert len(set(COLOURS)) == len(COLOURS)
    assert len(set(MARKERS)) == len(MARKERS)
    assert len(COLOURS) % len(MARKERS), "so that together they tell more runs apart"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("cat", "cat"), ("x" * 14, "x" * 14), ("x" * 15, "x" * 13 + "…"), ("a\nb\x1b", "a\\nb\\x1b")],
)
def test_names_are_short_and_steer_nothing(name, shown):
    assert short(name) == shown


def test_a_name_with_an_underscore_stays_in_a_legend():
    assert legend_name("_run") == " _run"
    assert legend_name("run") == "run"


def test_a_title_stands_over_what_is_said():
    assert headed("digits", "3 of 4") == "digits\n3 of 4"
    assert headed(None, "3 of 4") == "3 of 4"


def test_the_style_is_left_again_after_an_error():
    import matplotlib

    before = matplotlib.rcParams["savefig.dpi"]

    def fail():
        with own_style():
            assert matplotlib.rcParams["savefig.dpi"] == 200
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert matplotlib.rcParams["savefig.dpi"] == before
