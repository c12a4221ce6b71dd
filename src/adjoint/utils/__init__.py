"""Floor 5, above the other rooms: torch.utils, names of other rooms under torch's addresses."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]
