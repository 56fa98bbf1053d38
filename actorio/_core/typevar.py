"""`TypeVar` with a default (PEP 696): the standard library's, or that of anyio's typing_extensions before 3.13."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 13):
    from typing import TypeVar
else:
    from typing_extensions import TypeVar

__all__ = ["TypeVar"]
