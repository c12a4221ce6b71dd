"""Floor 5: torch.nn.utils.parametrizations: orthogonal weights, weight and spectral norm."""

from __future__ import annotations

import adjoint.api as api
from adjoint.api import factorizations, reflections
from adjoint.api.joining import cat
from adjoint.arrays.dtypes import finfo
from adjoint.autograd.modes import no_grad
from adjoint.autograd.tensor import Tensor

from .. import functional as F
from ..convolution import ConvTranspose1d, ConvTranspose2d
from ..module import Module
from .parametrize import register_parametrization

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

MAPS = ("matrix_exp", "cayley", "householder")


class _Orthogonal(Module):
    """A matrix with orthonormal columns (or rows, where it is wide) from any matrix.

    M. Lezcano-Casado, Trivializations for gradient-based optimization on manifolds (2019).
    """

    base: Tensor | None

    def __init__(self, weight: Tensor, map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and map == "householder":
            raise ValueError(
                "The householder parametrization does not support complex tensors; use "
                "orthogonal_map='matrix_exp'"
            )
        self.shape = weight.shape
        self.map = map
        self.trivialized = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        wide = x.size(-2) < x.size(-1)
        if wide:
            x = x.mT
        n, k = x.size(-2), x.size(-1)
        if self.map == "householder":
            below = x.tril(-1)
            scale = 2.0 / (1.0 + (below * below).sum(-2))
            q = reflections.householder_product(below, scale)
            q = q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        else:
            x = x.tril()
            if n != k:
                x = cat([x, x.new_zeros((*x.shape[:-2], n, n - k))], -1)
            skew = x - x.mH
            if self.map == "matrix_exp":
                q = factorizations.matrix_exp(skew)
            else:
                one = _identity(n, x)
                q = factorizations.solve(one - skew / 2, one + skew / 2)
            if n != k:
                q = q[..., :k]
        if self.trivialized and self.base is not None:
            q = self.base @ q
        return q.mT if wide else q

    @no_grad()
    def right_inverse(self, q: Tensor) -> Tensor:
        """What gives `q`, or an orthogonal matrix near it where it is none."""
        if q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of "
                f"shape {q.shape}."
            )
        given = q
        wide = q.size(-2) < q.size(-1)
        if wide:
            q = q.mT
        n, k = q.size(-2), q.size(-1)
        if not self.trivialized:
            return self._without_base(q, wide)
        if n > k:
            q = _orthogonalized(cat([q, _randn((*q.shape[:-2], n, n - k), q)], -1))
        else:
            q = q.clone() if _is_orthogonal(q) else _orthogonalized(q)
        self.base = q
        begin: Tensor = given.new_zeros(given.shape)
        begin.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return begin

    def _without_base(self, q: Tensor, wide: bool) -> Tensor:
        if self.map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False."
            )
        packed, scale = reflections.geqrf(q)
        diagonal = packed.diagonal(dim1=-2, dim2=-1)
        diagonal.sign_()
        # A reflection of scale 0 is none, and the formula of `forward` knows no such: its sign.
        diagonal.copy_(api.FUNCTIONS["where"](scale == 0, -diagonal, diagonal))
        return packed.mT if wide else packed


def _identity(n: int, like: Tensor) -> Tensor:
    return api.FUNCTIONS["eye"](n, dtype=like.dtype)


def _randn(shape: tuple[int, ...], like: Tensor) -> Tensor:
    return api.FUNCTIONS["randn"](shape, dtype=like.dtype)


def _is_orthogonal(q: Tensor) -> bool:
    one = _identity(q.size(-1), q)
    within = 10 * q.size(-2) * finfo(q.dtype).eps
    return bool(api.FUNCTIONS["allclose"](q.mH @ q, one.expand(q.shape), atol=within))


def _orthogonalized(a: Tensor) -> Tensor:
    """The Q of QR, with the signs for which R has a positive diagonal."""
    q, r = factorizations.linalg_qr_of(a)
    return q * r.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keep a weight orthogonal: orthonormal columns, or rows where it is wider than tall.

    orthogonal_map: "matrix_exp" (of a skew matrix; the default for square and complex weights),
    "cayley" ((1 - a/2)^-1 (1 + a/2)) or "householder" (a product of reflections; the default
    otherwise). use_trivialization: bool, relative to the first value, which may then be assigned.
    Errors: ValueError for another map, or a weight that is no matrix.

    >>> m = torch.nn.utils.parametrizations.orthogonal(nn.Linear(3, 2))
    >>> torch.dist(m.weight @ m.weight.T, torch.eye(2)) < 1e-5
    tensor(True)
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.dim() < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions."
        )
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1) or weight.is_complex()
        orthogonal_map = "matrix_exp" if square else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)


class _WeightNorm(Module):
    """v g / |v|: direction and length apart."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / _norm_except(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The length and the direction of a weight."""
        return _norm_except(weight, self.dim), weight


def _norm_except(v: Tensor, dim: int) -> Tensor:
    """The norm over all dims but one; over all of them for -1."""
    if dim == -1:
        return v.norm()
    others = [i for i in range(v.dim()) if i != dim % v.dim()]
    return v.norm(2, others, keepdim=True)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train the length and the direction of a weight apart: w = g v / |v|.

    `parametrizations.weight.original0` is g, `original1` v. dim: int, the dimension along which
    each slice has a length of its own; None for one length. Salimans & Kingma (2016).

    >>> m = torch.nn.utils.parametrizations.weight_norm(nn.Linear(20, 40))
    >>> m.parametrizations.weight.original0.shape, m.parametrizations.weight.original1.shape
    (torch.Size([40, 1]), torch.Size([40, 20]))
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    """A weight divided by its largest singular value, from a few steps of power iteration."""

    _u: Tensor
    _v: Tensor

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        dims = weight.dim()
        if not -dims <= dim < dims:
            raise IndexError(
                "Dimension out of range (expected to be in range of "
                f"[-{dims}, {dims - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but "
                f"got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % dims
        self.eps = eps
        if dims > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight.detach())
            u, v = [matrix.new_empty(n).normal_(0, 1) for n in matrix.shape]
            self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
            self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        """The weight with `dim` as rows, all others as columns."""
        return weight.movedim(self.dim, 0).flatten(1)

    @no_grad()
    def _iterate(self, matrix: Tensor, steps: int) -> None:
        for _ in range(steps):
            self._u.copy_(F.normalize(matrix @ self._v, dim=0, eps=self.eps))
            self._v.copy_(F.normalize(matrix.mH @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        # Copies: the next call writes to the buffers, and two may be in one graph (GANs).
        u, v = self._u.clone(), self._v.clone()
        sigma = api.FUNCTIONS["vdot"](u, matrix @ v)
        return weight / sigma

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself: it is assumed to have the norm already."""
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value; each call in training refines the estimate.

    dim: int, the dimension of outputs, by default 0, and 1 for transposed convolutions.
    Miyato et al. (2018). Errors: ValueError for a name that the module does not have.

    >>> m = torch.nn.utils.parametrizations.spectral_norm(nn.Linear(20, 40))
    >>> torch.linalg.matrix_norm(m.weight, 2) < 1.2
    tensor(True)
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d)) else 0
    return register_parametrization(
        module, name, _SpectralNorm(weight, n_power_iterations, dim, eps)
    )
