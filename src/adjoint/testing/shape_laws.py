"""Floor 5: the law of runs on shapes alone: they make what real ones make, without values.

Entered into `laws` like the others: it holds for every operation, on its samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.ghosts import Uncounted, allocate, is_ghost
from ..autograd.derivatives import grad
from ..autograd.tensor import wrap
from ..ops.substitution import shapes_alone
from .laws import law
from .sampling import arrays, expect, moving, outputs, tensors


@law
def shapes_alone_are_those_of_the_real_run(operation: Any, sample: Any) -> None:
    """Without values, the outputs and all gradients have the shapes and dtypes that they have."""
    values = arrays(sample)
    want = _results(operation, sample, values)
    with shapes_alone(Uncounted()):
        got = _results(operation, sample, [allocate(v.shape, v.dtype) for v in values])
    for g, w in zip(got, want, strict=True):
        told = [(a.shape, a.dtype) if a is not None else None for a in (g, w)]
        expect(told[0] == told[1], f"on shapes alone {told[0]}, for real {told[1]}")
        expect(g is None or is_ghost(g), "something was computed")


def _results(operation: Any, sample: Any, values: Any) -> list[Any]:
    """The arrays of the outputs, and of the gradients in both kinds of backward pass."""
    inputs = tensors(operation, values)
    result = operation(*inputs, **sample.params)
    found = [t._data for t in (result if operation.several else [result])]
    outs = [o for o in outputs(operation, result) if o.requires_grad]
    if not outs:
        return found
    wanted = [inputs[i] for i in moving(operation, values)]
    cts = [wrap(np.ones_like(o._data)) for o in outs]
    for create_graph in (False, True):
        gradients = grad(outs, wanted, cts, True, create_graph, allow_unused=True)
        found += [None if g is None else g._data for g in gradients]
    return found
