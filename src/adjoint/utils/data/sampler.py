"""Floor 5, above the other rooms: torch.utils.data.sampler, which is adjoint.data.sampler."""

from adjoint.data.sampler import *  # noqa: F403
from adjoint.data.sampler import __all__ as __all__
