"""Floor 5, above the other rooms: torch.utils.data, which is adjoint.data."""

from adjoint.data import *  # noqa: F403
from adjoint.data import __all__ as __all__

from . import dataloader, dataset, sampler
