"""Floor 5: bilinear maps (`linear` itself is a function of the api floor)."""

from __future__ import annotations

from adjoint.api.contractions import einsum
from adjoint.autograd.tensor import Tensor

from .arguments import expect_tensor, place


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """out[..., k] = Σ_ij input1[..., i] weight[k, i, j] input2[..., j] + bias[k].

    >>> F.bilinear(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0]]), torch.ones(1, 2, 1))
    tensor([[9.]])
    """
    expect_tensor(input1, "bilinear", "input1", 1)
    expect_tensor(input2, "bilinear", "input2", 2)
    expect_tensor(weight, "bilinear", "weight", 3)
    a, b, w = input1._data.shape, input2._data.shape, weight._data.shape
    if a[:-1] != b[:-1] or len(w) != 3 or (a[-1], b[-1]) != w[1:]:
        raise RuntimeError(
            f"bilinear(): inputs {list(a)} and {list(b)} do not fit weight {list(w)}{place()}: "
            "expected (..., in1), (..., in2) with equal leading sizes, and (out, in1, in2)"
        )
    out = einsum("...i,kij,...j->...k", input1, weight, input2)
    return out if bias is None else out + bias
