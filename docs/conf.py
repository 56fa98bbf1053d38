"""How the documentation is built: `sphinx-build -n -W docs docs/_build/html`."""

import actorio

project = "actorio"
author = "actorio contributors"
copyright = "2026, actorio contributors"
version = release = actorio.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "examples", "reference/performance/*.md"]
suppress_warnings = ["ref.python"]  # attributes called `type`, which annotations of `type[X]` are taken for
html_theme = "furo"
html_title = f"actorio {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Cancellation", "Source"]

# The inventories of other projects would have to be fetched, and the build needs no network: what is not of
# this package is not looked up.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!actorio)[\w.\[]*"),
    (r"py:(class|obj)", r"actorio\.[\w.]+\.[A-Z](_co|_contra)?"),  # type variables
    (
        r"py:class",
        r"actorio\.(address\.Address|ref\.RefCore|errors\.Refusal|(testing\.)?_\w+(\.\w+)+|[\w.]+\._\w+"
        r"|observability\.records\.ActorRecords|testing\.replaying\.Expected)",
    ),  # bases, an alias, and what functions hand out
    (r"py:obj", r"actorio\._core\.events\.Any_E"),  # a type variable
    (r"py:class", r"Joined \| Left"),  # an alias in a base's brackets
]

# Users meet these but never make them: how they are made is no part of the API.
made_by_the_runtime = {
    f"actorio.{name}"
    for name in ("ActorRef", "Context", "EventBus", "EventStream", "GroupMonitor", "Groups", "Timer")
} | {"actorio.cluster.ClusterEvents", "actorio.cluster.ClusterGroups"}


def hide_constructor(app, what, name, obj, options, signature, returns):
    """Leave the signature out where nobody calls it."""
    return ("", None) if name in made_by_the_runtime else None


def setup(app):
    """Connect what this file adds to Sphinx."""
    app.connect("autodoc-process-signature", hide_constructor)
