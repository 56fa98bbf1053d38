"""The command line: `actorio run`, `ps`, `top`, `inspect` and more, `actorio demo`, `actorio --version`.

It needs the `cli` extra. Nothing else in actorio imports it, and this module imports none of the extra's
packages before `main` is called, so that a missing extra is one line and not a traceback.
"""

import sys

__all__ = ["main"]

_EXTRA = {"httpx", "rich", "textual", "typer"}


def main() -> None:
    """Run the command line and leave the process with its exit status."""
    try:
        from actorio.cli.app import app
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        sys.exit(f"actorio: the command line needs {package}: pip install 'actorio-py[cli]'")
    app(prog_name="actorio")
