"""Settings of the documentation's build: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS)]

from hitl_nb import __version__  # noqa: E402

project = "hitl_nb"
author = "the hitl_nb contributors"
copyright = "2026, the hitl_nb contributors"  # noqa: A001  # Sphinx's name
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "_extension",
]
if "online" in globals().get("tags", ()):  # `sphinx-build -t online`: links to other projects need a network
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "IPython": ("https://ipython.readthedocs.io/en/stable", None),
        "nbclient": ("https://nbclient.readthedocs.io/en/stable", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
    }

exclude_patterns = ["_build", "_extension"]
html_theme = "pydata_sphinx_theme"
html_title = "hitl_nb"
html_theme_options = {
    "show_toc_level": 1,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 5,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False

# The notebooks of examples/ are executed before the build, each with its decisions file: see _extension/examples.py.
# A kernel that myst-nb starts would not know which notebook it runs, nor which file has the decisions.
nb_execution_mode = "off"
nb_merge_streams = True
suppress_warnings = ["mystnb.unknown_mime_type"]  # the extension's own MIME type has HTML beside it

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
add_module_names = False
maximum_signature_line_length = 88
default_role = "code"  # docstrings write names in single backticks
python_use_unqualified_type_names = True

# Names of other projects cannot be resolved without a network. Names of hitl_nb must be resolved.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(collections|datetime|typing|pathlib|pandas|polars|pydantic|nbclient|nbformat|traitlets|os|enum|t)\..*",
    ),
    (
        r"py:class",
        r"(Kind|KindName|Action|Key|OnDeadline|By|Known|CommentState|Speaker|timedelta|datetime)",
    ),  # aliases; the page explains them
    (r"py:class", r"(.*\.)?[TFP](\.args|\.kwargs)?"),  # type variables
]
