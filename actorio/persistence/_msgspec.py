"""The one import of msgspec, which says what to install where it is missing."""

from __future__ import annotations

try:
    import msgspec
except ImportError as error:
    raise ImportError("actorio.persistence needs msgspec: pip install 'actorio-py[persistence]'") from error

__all__ = ["msgspec"]
