"""Floor 5: torch.testing: comparing tensors, making them, and the laws of operations."""

from . import shape_laws as shape_laws  # enters its law after the others
from . import transform_laws as transform_laws  # enters its laws after the others
from .comparison import assert_close
from .creation import make_tensor
from .laws import LAWS, LawError, check_operation

__all__ = ["LAWS", "LawError", "assert_close", "check_operation", "make_tensor"]
