"""Look into one actor: `system.inspect(ref_or_path)` gives an `Inspector`. It needs no extra."""

from actorio.inspection.inspector import Inspector
from actorio.inspection.rows import ActorInfo, Frame, Letter
from actorio.inspection.trace import Trace, TraceEvent

__all__ = ["ActorInfo", "Frame", "Inspector", "Letter", "Trace", "TraceEvent"]
