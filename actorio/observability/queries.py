"""Reads requests: numbers in the query, an object in the body. Anything else is a 400."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["body_of", "number_in"]

_MOST_BODY = 4096
_MOST_DIGITS = 8


def number_in(request: Request, name: str, default: int, *, most: int = 10_000_000) -> int:
    """Return a whole number of the query."""
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS and int(given) <= most):
        raise HTTPException(400, f"{name} must be a whole number from 0 to {most}")
    return int(given)


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body, which is small."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MOST_BODY:
            raise HTTPException(413, f"a body has {_MOST_BODY} bytes at most")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body must be JSON") from None
    if not isinstance(value, dict):
        raise HTTPException(400, "the body must be an object")
    return value
