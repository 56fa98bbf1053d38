"""Look at a whole system: `Observatory`, which has a page and a socket with the extra `web`."""

from actorio._core.redaction import REDACTED, hide_secrets
from actorio.observability.observatory import Observatory
from actorio.observability.rows import (
    ActorRow,
    Attention,
    Blocked,
    ClassRow,
    Culprit,
    Failure,
    LostLetter,
    Overview,
)

__all__ = [
    "REDACTED",
    "ActorRow",
    "Attention",
    "Blocked",
    "ClassRow",
    "Culprit",
    "Failure",
    "LostLetter",
    "Observatory",
    "Overview",
    "hide_secrets",
]
