"""The pictures of a gallery script: the figures that it gives a name."""

from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst


def scrape(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figures that a block has made, and return the reST that shows them."""
    paths = []
    for value in block_vars["example_globals"].values():
        if isinstance(value, Figure) and not hasattr(value, "is_in_gallery"):
            path = next(block_vars["image_path_iterator"])
            value.savefig(path, dpi=200)
            value.is_in_gallery = True
            paths.append(path)
    return figure_rst(paths, gallery_conf["src_dir"])
