"""Floor 5: looking below a transform, to print what is there."""

from __future__ import annotations

from adjoint.autograd.lifted import Lifted
from adjoint.autograd.tensor import Tensor


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """What a Tensor inside a transform is made of: all examples under vmap, the primal under jvp.

    To look at values while debugging; what is computed from them does not know of the transform.
    recurse: bool, through all transforms, or only the innermost. A Tensor that no transform has
    made is returned as it is.

    >>> def double(x):
    ...     print(torch.func.debug_unwrap(x))
    ...     return x * 2
    >>> torch.func.vmap(double)(torch.tensor([1.0, 2.0]))
    tensor([1., 2.])
    tensor([2., 4.])
    """
    while isinstance(tensor._data, Lifted):
        part = tensor._data.parts()[0]
        assert part is not None
        tensor = part
        if not recurse:
            break
    return tensor
