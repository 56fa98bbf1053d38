"""The errors of capsules."""

from __future__ import annotations

from collections.abc import Iterable

from actorio.errors import ActorError

__all__ = ["CapsuleError", "IncompleteCapsuleError"]


class CapsuleError(ActorError):
    """It is no capsule, or one of another format."""


class IncompleteCapsuleError(CapsuleError):
    """It lacks what a replay needs: give that by `types` or `provide`.

    Attributes:
        missing: the places of what is missing, such as `args[1]` or `inputs[12].message.token`.
    """

    def __init__(self, what: str, missing: Iterable[str]) -> None:
        self.missing = list(missing)
        super().__init__(what)
