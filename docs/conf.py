"""How Sphinx makes the site. `python docs/build.py` lays out the pages and calls it."""

import os
import tomllib
from pathlib import Path

ROOT = Path(os.environ["NBPROP_ROOT"])
NAMES = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

project = "nbprop"
author = "nbprop developers"
copyright = author
html_title = "nbprop"
extensions = ["myst_nb", "sphinx.ext.mathjax", "sphinx-mathjax-offline"]
nb_execution_mode = "off"  # the outputs that are kept in the notebooks, which nbval compares
nb_render_markdown_format = "myst"
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
toc_object_entries_show_parents = "hide"
html_theme = "sphinx_book_theme"
html_static_path = [str(ROOT / "docs" / "static")]
html_css_files, html_js_files = ["boards.css"], ["boards.js"]
html_show_search_summary = False  # it would be fetched, which a page opened from a file may not do
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_theme_options = {
    "repository_url": NAMES["urls"]["Repository"],
    "repository_branch": "HEAD",
    "path_to_docs": "notebooks",
    "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
    "use_download_button": True,
    "show_toc_level": 2,
    "navbar_persistent": [],  # the search field is in the sidebar
    "home_page_in_toc": True,
}
