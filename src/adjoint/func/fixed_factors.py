"""Floor 5: patterns that keep the zeros of matrices and kernels which need no gradient.

Only for callers who say that these factors stay as they are. Elementwise products are left out: the
masks that rules of derivatives multiply by come and go with x.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..autograd.tape import OperationNode
from .chains import Chain, Shape, kronecker, reach

# The two factors, by operation: numbers of inputs, and what rules call them.
_FACTORS = {
    "addmm": {1: ("x", "y"), 2: ("y", "x")},
    "linear": {0: ("x", "w")},
    "project": {0: ("x", "w")},
    **{name: {0: ("x", "y"), 1: ("y", "x")} for name in ("bmm", "matmul", "mm", "mv")},
    **{name: {0: ("x", "w")} for name in ("convolution", "convolve")},
    "convolve_input_transpose": {0: ("y", "w")},
}


def fixed_chain(node: OperationNode, number: int, out: Shape, into: Shape) -> Chain | None:
    """The chain to one factor where the other is fixed, by the nonzeros of the other."""
    name = node.operation.name
    own, other = _FACTORS.get(name, {}).get(number, ("", ""))
    plan = node.plan
    if other not in plan.saved_names or node.operation.inputs.index(other) in plan.needed:
        return None
    assert node.saved is not None
    nonzero = node.saved[plan.saved_names.index(other)]._data != 0
    if name.startswith("conv"):
        constants = dict(zip(plan.constant_names, node.constants))
        return (_stencil(nonzero, constants, out, into, name == "convolve_input_transpose"),)
    if nonzero.ndim != 2 or (own == "y" and len(into) > 2 and out[:-2] != into[:-2]):
        return None
    if own == "x":
        right = nonzero if name in ("linear", "project") else nonzero.T
        return (kronecker(_eye(prod(into[:-1])), _sparse(right)),)
    columns = into[1:] if len(into) < 3 else into[-1:]
    return (kronecker(_eye(prod(into[:-2])), _sparse(nonzero), _eye(prod(columns))),)


def _stencil(
    nonzero: Any, constants: dict[str, Any], out: Shape, into: Shape, backward: bool
) -> Any:
    """A convolution, as the sum of what each place of its kernel moves."""
    from scipy.sparse import block_diag, csr_array

    large, small = (out, into) if backward else (into, out)
    found = csr_array((prod(small), prod(large)), dtype=bool)
    groups = constants["groups"]
    for place in np.argwhere(nonzero.any(axis=(0, 1))).tolist():
        channels = nonzero[(slice(None), slice(None), *place)]
        mixed = block_diag([csr_array(c) for c in np.split(channels, groups)], format="csr")
        found = found + kronecker(_eye(large[0]), mixed, *_shifts(place, constants, large, small))
    return found.T.tocsr() if backward else found


def _shifts(place: Sequence[int], constants: dict[str, Any], large: Shape, small: Shape) -> Any:
    """For each dimension of space, which element one place of the kernel reads."""
    for axis, k in enumerate(place):
        before = constants["padding"][axis][0] - k * constants["dilation"][axis]
        yield reach(large[axis + 2], small[axis + 2], 1, constants["stride"][axis], before, 1)


def _eye(n: int) -> Any:
    from scipy.sparse import eye_array

    return eye_array(n, dtype=bool, format="csr")


def _sparse(nonzero: Any) -> Any:
    from scipy.sparse import csr_array

    return csr_array(nonzero, dtype=bool)
