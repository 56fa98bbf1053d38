"""Look at a whole system: `Observatory`, which has a page and a socket with the extra `web`; logs that name actors."""

from actorio._core.redaction import REDACTED, hide_secrets
from actorio.observability.dead_letter_log import DeadLetterLog
from actorio.observability.observatory import Observatory
from actorio.observability.recorder import Recorder
from actorio.observability.records import add_actor, log_actors
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
from actorio.observability.telemetry import Telemetry

__all__ = [
    "REDACTED",
    "ActorRow",
    "Attention",
    "Blocked",
    "ClassRow",
    "Culprit",
    "DeadLetterLog",
    "Failure",
    "LostLetter",
    "Observatory",
    "Overview",
    "Recorder",
    "Telemetry",
    "add_actor",
    "hide_secrets",
    "log_actors",
]
