"""How the documentation is built; `make docs` builds it, warnings being errors."""

from importlib.metadata import version as installed_version

project = "agentlog"
author = "The agentlog authors"
copyright = author  # noqa: A001 - the name that Sphinx reads
version = release = installed_version("agentlog")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# What stands in `single` backticks in a docstring is code, as it is in Markdown.
default_role = "code"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"

html_theme = "furo"
html_title = "agentlog"
html_show_sphinx = False
