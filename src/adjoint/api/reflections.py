"""Floor 3: Householder reflections: QR in LAPACK's packed form, and the Q that it stands for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import modes
from ..autograd.tensor import Tensor, wrap
from .examples import on_values
from .factorizations import check_matrix
from .products import expect_tensor
from .registration import public
from .results import result_type_of

geqrf_result = result_type_of("geqrf", ("a", "tau"))


@public()
def geqrf(input: Tensor) -> Any:
    """QR packed: R in and above the diagonal of `a`, the vectors of reflections below it, `tau`.

    input: (..., m, n). Not differentiable; `torch.linalg.qr` is.

    >>> packed = torch.geqrf(torch.tensor([[3.0], [4.0]]))
    >>> packed.a.abs(), packed.tau
    (tensor([[5.0000],
            [0.5000]]), tensor([1.6000]))
    """
    check_matrix(input, "geqrf")
    if input.requires_grad and modes.state.grad:
        raise RuntimeError(
            "geqrf: the derivative of the packed form is not implemented; use torch.linalg.qr, or "
            "detach() first"
        )

    def packed(_: int, x: Any) -> Any:
        a, tau = np.linalg.qr(x, "raw")
        return a.swapaxes(-1, -2).astype(x.dtype), tau.astype(x.dtype)

    return geqrf_result(*on_values(packed, input))


@public("orgqr")
def householder_product(input: Tensor, tau: Tensor) -> Tensor:
    """The first n columns of the product of reflections 1 - tau[i] v v^H: (..., m, n), (..., k).

    v is 1 at i, and below it what column i of `input` is below its diagonal; what lies above is
    not looked at. Errors: RuntimeError unless m >= n >= k.

    >>> packed = torch.geqrf(torch.tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> Q = torch.linalg.householder_product(*packed)
    >>> torch.allclose(Q.T @ Q, torch.eye(2), atol=1e-6)
    True
    """
    check_matrix(input, "linalg.householder_product")
    expect_tensor(tau, "linalg.householder_product", "tau", 2)
    rows, columns = input._data.shape[-2:]
    count = tau._data.shape[-1] if tau._data.ndim else 0
    lead = input._data.shape[:-2]
    if not rows >= columns >= count or tau._data.shape[:-1] != lead:
        raise RuntimeError(
            "torch.linalg.householder_product: expected input (..., m, n) and tau (..., k) of the "
            f"same batch with m >= n >= k, but got {list(input._data.shape)} and "
            f"{list(tau._data.shape)}"
        )
    if tau._data.dtype != input._data.dtype:
        raise RuntimeError(
            f"torch.linalg.householder_product: tau dtype {tau.dtype} does not match input dtype "
            f"{input.dtype}"
        )
    eye = wrap(np.eye(rows, columns, dtype=input._data.dtype))
    vectors = input.tril(-1) + eye
    product: Any = input.tril(-rows) + eye  # nothing of the input, of which it is a function
    if not count:
        product = product + tau.sum(-1)[..., None, None]  # 0: of no reflections at all
    for i in reversed(range(count)):
        v = vectors[..., i : i + 1]
        product = product - tau[..., i : i + 1, None] * (v @ (v.mH @ product))
    result: Tensor = product
    return result
