"""Capsules: what a failed actor was made of, took and was told, in a file that is harmless to open.

The flight recorder (`actorio.observability.Recorder`) writes them, `actorio.testing.replay` runs one again, and
`actorio capsule` lists and shows them. A capsule is JSON: to read one makes plain values and runs nothing of it.
"""

from actorio.capsule.errors import CapsuleError, IncompleteCapsuleError
from actorio.capsule.reading import read

__all__ = ["CapsuleError", "IncompleteCapsuleError", "read"]
