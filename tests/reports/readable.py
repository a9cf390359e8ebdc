"""What a person needs of a picture: words that can be read, told without looking at pixels."""

from itertools import combinations
from unittest import mock


def texts(figure):
    """Return the boxes of all texts that are drawn, by their words."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas = FigureCanvasAgg(figure)
    with mock.patch.object(Text, "draw", autospec=True) as draw:
        canvas.draw()
    drawn = {call.args[0] for call in draw.call_args_list}
    shown = [text for text in drawn if text.get_visible() and text.get_text()]
    return [(text.get_text(), text.get_window_extent(canvas.get_renderer())) for text in shown]


def assert_readable(figure):
    """Check that no text lies over another, or over the edge."""
    boxes = texts(figure)
    assert boxes
    for word, box in boxes:
        assert box.x0 >= 0, word
        assert box.y0 >= 0, word
        assert box.x1 <= figure.bbox.x1, word
        assert box.y1 <= figure.bbox.y1, word
    for (one, box), (other, another) in combinations(boxes, 2):
        assert not box.overlaps(another), f"{one!r} lies over {other!r}"


def words_of(legend):
    """Return the words of a legend, in order."""
    return [text.get_text() for text in legend.get_texts()]
