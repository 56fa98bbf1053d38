"""How the documentation is built: `sphinx-build -n -W docs docs/_build/html`."""

from importlib.metadata import version as installed_version

project = "actorio"
author = "actorio contributors"
copyright = "2026, actorio contributors"
version = release = installed_version("actorio")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"actorio {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Cancellation", "Source"]

# The inventories of other projects would have to be fetched, and the build needs no network: what is not of
# this package is not looked up.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!actorio)[\w.]*"),
]
