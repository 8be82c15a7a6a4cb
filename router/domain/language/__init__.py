"""What language a short text is in, as far as the text itself can tell. Unknown rather than wrong."""

from __future__ import annotations

from router.domain.language.detect import Detector, Guess

__all__ = ["Detector", "Guess"]
