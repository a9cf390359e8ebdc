"""How Sphinx makes the manual: ``nox -s docs``."""

import os
import sys
from importlib import import_module
from pathlib import Path

from numpydoc.xref import DEFAULT_LINKS

HERE = Path(__file__).resolve().parent
os.environ.setdefault("SCIPY_ARRAY_API", "1")  # read once, when SciPy is imported
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]  # our directives; the rules of the house

import dnn_xp  # noqa: E402

project = "dnn_xp"
author = copyright = "The dnn_xp developers"
version = release = dnn_xp.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_gallery.gen_gallery",
    "house",
    "reference",
]
exclude_patterns = ["_build", "gallery", "examples/*.ipynb"]
default_role = "py:obj"

html_theme = "furo"
html_title = f"dnn_xp {release}"
html_copy_source = False

# The docstrings say what things are; a signature of types would say it twice.
autodoc_default_options = {"members": True, "imported-members": True}
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
# Types in docstrings are links where they are ours, and words where they are Python's.
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {word: word for word in DEFAULT_LINKS} | {
    name: f"{home}.{name}"
    for home in dnn_xp._HOMES
    for name in import_module(home).__all__
    if name[0].isupper()
}

# Every code cell runs, and one that fails stops the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "image_scrapers": ("figures.scrape",),
    "abort_on_example_error": True,
    "write_computation_times": False,
    "download_all_examples": False,
    "show_signature": False,
}
