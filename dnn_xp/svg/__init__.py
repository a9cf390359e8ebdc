"""Small charts and pictures as text, in the colours of the page around them."""

from dnn_xp.svg.bars import bar_chart
from dnn_xp.svg.lines import line_chart
from dnn_xp.svg.pictures import picture_url, signed_colours
from dnn_xp.svg.points import scatter_chart

__all__ = ["bar_chart", "line_chart", "picture_url", "scatter_chart", "signed_colours"]
