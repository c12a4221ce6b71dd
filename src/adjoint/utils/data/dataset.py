"""Floor 5, above the other rooms: torch.utils.data.dataset, which is adjoint.data.dataset."""

from adjoint.data.dataset import *  # noqa: F403
from adjoint.data.dataset import __all__ as __all__
