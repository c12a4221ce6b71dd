"""Floor 4: torch.special: special functions under the names they have there."""

from __future__ import annotations

from .api.registration import FUNCTIONS
from .api.special import SPECIAL

globals().update(SPECIAL)
globals().update({name: FUNCTIONS[name] for name in ("log_softmax", "logsumexp", "softmax")})

__all__ = sorted([*SPECIAL, "log_softmax", "logsumexp", "softmax"])
