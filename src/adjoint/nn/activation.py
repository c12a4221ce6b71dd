"""Floor 5: activation layers."""

from __future__ import annotations

from typing import Any

from adjoint.api.creation import empty
from adjoint.autograd.tensor import Tensor

from . import functional as F
from . import init
from .functions import REQUIRED, FunctionModule
from .module import Module
from .parameter import Parameter


class ReLU(FunctionModule):
    """max(0, x).

    >>> torch.nn.ReLU()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    settings = {"inplace": False}
    shown = ("?inplace",)
    function = staticmethod(F.relu)


class ReLU6(FunctionModule):
    """min(max(0, x), 6).

    >>> nn.ReLU6()(torch.tensor([-1.0, 3.0, 9.0]))
    tensor([0., 3., 6.])
    """

    settings = {"inplace": False}
    shown = ("?inplace",)
    function = staticmethod(F.relu6)


class LeakyReLU(FunctionModule):
    """x where positive, else negative_slope * x.

    >>> nn.LeakyReLU(0.25)(torch.tensor([-2.0, 3.0]))
    tensor([-0.5000,  3.0000])
    """

    settings = {"negative_slope": 0.01, "inplace": False}
    shown = ("negative_slope", "?inplace")
    function = staticmethod(F.leaky_relu)


class ELU(FunctionModule):
    """x where positive, else alpha * (exp(x) - 1).

    >>> nn.ELU()(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    settings = {"alpha": 1.0, "inplace": False}
    shown = ("alpha", "?inplace")
    function = staticmethod(F.elu)


class CELU(FunctionModule):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1)).

    >>> nn.CELU()(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    settings = {"alpha": 1.0, "inplace": False}
    shown = ("alpha", "?inplace")
    function = staticmethod(F.celu)


class SELU(FunctionModule):
    """The self-normalising ELU (Klambauer et al. 2017).

    >>> nn.SELU()(torch.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """

    settings = {"inplace": False}
    shown = ("?inplace",)
    function = staticmethod(F.selu)


class GELU(FunctionModule):
    """x times the normal distribution function of x; approximate: 'none' or 'tanh'.

    >>> nn.GELU()(torch.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """

    settings = {"approximate": "none"}
    function = staticmethod(F.gelu)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(FunctionModule):
    """x * sigmoid(x).

    >>> nn.SiLU()(torch.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """

    settings = {"inplace": False}
    shown = ("?inplace",)
    function = staticmethod(F.silu)


class Mish(FunctionModule):
    """x * tanh(softplus(x)).

    >>> nn.Mish()(torch.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """

    settings = {"inplace": False}
    shown = ("?inplace",)
    function = staticmethod(F.mish)


class Sigmoid(FunctionModule):
    """1 / (1 + exp(-x)).

    >>> nn.Sigmoid()(torch.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """

    function = staticmethod(F.sigmoid)


class Tanh(FunctionModule):
    """Hyperbolic tangent.

    >>> nn.Tanh()(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """

    function = staticmethod(F.tanh)


class Softplus(FunctionModule):
    """log(1 + exp(beta x)) / beta, linear where beta x exceeds the threshold.

    >>> nn.Softplus()(torch.tensor([0.0, 2.0]))
    tensor([0.6931, 2.1269])
    """

    settings = {"beta": 1.0, "threshold": 20.0}
    shown = ("beta", "threshold")
    function = staticmethod(F.softplus)


class Softsign(FunctionModule):
    """x / (1 + |x|).

    >>> nn.Softsign()(torch.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    function = staticmethod(F.softsign)


class Hardtanh(FunctionModule):
    """x cut to [min_val, max_val].

    >>> nn.Hardtanh()(torch.tensor([-3.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """

    settings = {"min_val": -1.0, "max_val": 1.0, "inplace": False}
    shown = ("min_val", "max_val", "?inplace")
    function = staticmethod(F.hardtanh)


class Hardsigmoid(FunctionModule):
    """x / 6 + 1/2, cut to [0, 1].

    >>> nn.Hardsigmoid()(torch.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """

    settings = {"inplace": False}
    function = staticmethod(F.hardsigmoid)


class Hardswish(FunctionModule):
    """x * hardsigmoid(x).

    >>> nn.Hardswish()(torch.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.0000, 0.6667, 4.0000])
    """

    settings = {"inplace": False}
    function = staticmethod(F.hardswish)


class LogSigmoid(FunctionModule):
    """log(sigmoid(x)).

    >>> nn.LogSigmoid()(torch.tensor([0.0, 2.0]))
    tensor([-0.6931, -0.1269])
    """

    function = staticmethod(F.logsigmoid)


class Tanhshrink(FunctionModule):
    """x - tanh(x).

    >>> nn.Tanhshrink()(torch.tensor([0.0, 2.0]))
    tensor([0.0000, 1.0360])
    """

    function = staticmethod(F.tanhshrink)


class Softshrink(FunctionModule):
    """x moved towards 0 by lambd, 0 inside [-lambd, lambd].

    >>> nn.Softshrink()(torch.tensor([-2.0, 0.25, 2.0]))
    tensor([-1.5000,  0.0000,  1.5000])
    """

    settings = {"lambd": 0.5}
    shown = ("=lambd",)
    function = staticmethod(F.softshrink)


class Hardshrink(FunctionModule):
    """x, but 0 inside [-lambd, lambd].

    >>> nn.Hardshrink()(torch.tensor([-2.0, 0.25, 2.0]))
    tensor([-2.,  0.,  2.])
    """

    settings = {"lambd": 0.5}
    shown = ("=lambd",)
    function = staticmethod(F.hardshrink)


class Threshold(FunctionModule):
    """x where it exceeds the threshold, else value.

    >>> nn.Threshold(1.0, 20.0)(torch.tensor([-1.0, 2.0]))
    tensor([20.,  2.])
    """

    settings = {"threshold": REQUIRED, "value": REQUIRED, "inplace": False}
    shown = ("threshold", "value", "?inplace")
    function = staticmethod(F.threshold)


class GLU(FunctionModule):
    """The first half times the sigmoid of the second half, along a dimension.

    >>> nn.GLU()(torch.tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5000, 1.0000])
    """

    settings = {"dim": -1}
    shown = ("dim",)
    function = staticmethod(F.glu)


class Softmax(FunctionModule):
    """exp(x) / sum(exp(x)) along a dimension.

    >>> nn.Softmax(dim=0)(torch.tensor([0.0, 0.0]))
    tensor([0.5000, 0.5000])
    """

    settings = {"dim": None}
    shown = ("dim",)
    function = staticmethod(F.softmax)


class LogSoftmax(FunctionModule):
    """log(softmax(x)) along a dimension.

    >>> nn.LogSoftmax(dim=0)(torch.tensor([0.0, 0.0]))
    tensor([-0.6931, -0.6931])
    """

    settings = {"dim": None}
    shown = ("dim",)
    function = staticmethod(F.log_softmax)


class Softmin(FunctionModule):
    """softmax(-x) along a dimension.

    >>> nn.Softmin(dim=0)(torch.tensor([0.0, 1.0]))
    tensor([0.7311, 0.2689])
    """

    settings = {"dim": None}
    shown = ("dim",)
    function = staticmethod(F.softmin)


class PReLU(Module):
    """x where positive, else a learned slope times x (He et al. 2015).

    >>> nn.PReLU()(torch.tensor([-2.0, 3.0])).detach()
    tensor([-0.5000,  3.0000])
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, dtype=dtype, device=device))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set every slope to `init`."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
