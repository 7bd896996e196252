"""Sphinx configuration. The reference is generated from the public names of each package."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

from eisen import __version__  # noqa: E402 - the path of our own extensions comes first

project = "eisen"
author = "The eisen developers"
copyright = "2026, the eisen developers"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_click",
    "sphinx_copybutton",
    "gallery",
    "metric_tables",
    "reference",
]
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_ext", "**/.ipynb_checkpoints"]
html_theme = "furo"
html_title = "eisen"
pygments_dark_style = "github-dark"
html_static_path = ["_static"]
html_css_files = ["eisen.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f6f78", "color-brand-content": "#1f6f78"},
    "dark_css_variables": {"color-brand-primary": "#7cc6cf", "color-brand-content": "#7cc6cf"},
}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
napoleon_custom_sections = [("Source", "notes_style"), ("Shape", "notes_style")]
napoleon_use_admonition_for_notes = True
napoleon_use_ivar = True
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
