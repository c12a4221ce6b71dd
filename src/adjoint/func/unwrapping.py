"""Floor 5: debug_unwrap: what is inside a Tensor of a transform, to look at."""

from __future__ import annotations

from typing import Any

from adjoint.autograd.lifted import Lifted
from adjoint.autograd.tensor import Tensor


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """The Tensor below a Tensor of a transform: of vmap all examples, of jvp the primal.

    To print values in a debugger; what is computed with it inside the transformed function is
    undefined. A Tensor of no transform, and one of `grad`, which has its values, is itself.

    - `recurse`: whether to unwrap all transforms, or only the innermost.

    >>> def f(x):
    ...     print(torch.func.debug_unwrap(x))
    ...     return x
    >>> _ = torch.func.vmap(f)(torch.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"debug_unwrap: expected a Tensor, but got {type(tensor).__name__}")
    found: Any = tensor
    while isinstance(found._data, Lifted):
        found = found._data.parts()[0]
        if not recurse:
            break
    result: Tensor = found
    return result
