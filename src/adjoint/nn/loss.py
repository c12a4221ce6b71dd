"""Floor 5: loss layers; the formulas are with the functions in torch.nn.functional."""

from __future__ import annotations

from typing import Any, ClassVar

from adjoint.autograd.tensor import Tensor

from . import functional as F
from .module import Module


class _Loss(Module):
    """A loss: settings from the constructor, `function(input, target, **settings)`."""

    function: Any
    settings: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        *args: Any,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if size_average is not None or reduce is not None:
            raise TypeError(
                f"{type(self).__name__}: size_average and reduce are no longer supported; use "
                "reduction='mean', 'sum' or 'none'"
            )
        names = list(self.settings)
        if len(args) > len(names):
            raise TypeError(
                f"{type(self).__name__}.__init__() takes at most {len(names)} positional arguments"
            )
        values = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name not in self.settings or name in values:
                raise TypeError(
                    f"{type(self).__name__}.__init__() got an unexpected keyword argument '{name}'"
                )
            values[name] = value
        self.reduction = reduction
        for name, default in self.settings.items():
            value = values.get(name, default)
            if name in ("weight", "pos_weight"):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of `input` against `target`."""
        options = {name: getattr(self, name) for name in self.settings}
        result: Tensor = self.function(input, target, reduction=self.reduction, **options)
        return result


class CrossEntropyLoss(_Loss):
    """Log-softmax and negative log likelihood: see torch.nn.functional.cross_entropy.

    >>> loss = torch.nn.CrossEntropyLoss()
    >>> loss(torch.zeros(1, 2), torch.tensor([0]))
    tensor(0.6931)
    """

    settings = {"weight": None, "ignore_index": -100, "label_smoothing": 0.0}
    function = staticmethod(F.cross_entropy)


class NLLLoss(_Loss):
    """The negative of the entry of each row that the target names.

    >>> nn.NLLLoss()(torch.tensor([[-0.5, -1.5]]), torch.tensor([1]))
    tensor(1.5000)
    """

    settings = {"weight": None, "ignore_index": -100}
    function = staticmethod(F.nll_loss)


class MSELoss(_Loss):
    """(input - target)^2.

    >>> nn.MSELoss()(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0]))
    tensor(2.5000)
    """

    function = staticmethod(F.mse_loss)


class L1Loss(_Loss):
    """|input - target|.

    >>> nn.L1Loss()(torch.tensor([1.0, -3.0]), torch.tensor([0.0, 0.0]))
    tensor(2.)
    """

    function = staticmethod(F.l1_loss)


class SmoothL1Loss(_Loss):
    """Quadratic below beta, linear above.

    >>> nn.SmoothL1Loss(reduction="none")(torch.tensor([0.5, 4.0]), torch.tensor([0.0, 0.0]))
    tensor([0.1250, 3.5000])
    """

    settings = {"beta": 1.0}
    function = staticmethod(F.smooth_l1_loss)


class HuberLoss(_Loss):
    """Quadratic below delta, linear above, with delta times the slope (Huber 1964).

    >>> nn.HuberLoss(reduction="none")(torch.tensor([0.5, 4.0]), torch.tensor([0.0, 0.0]))
    tensor([0.1250, 3.5000])
    """

    settings = {"delta": 1.0}
    function = staticmethod(F.huber_loss)


class BCELoss(_Loss):
    """Binary cross entropy of probabilities.

    >>> nn.BCELoss()(torch.tensor([0.5, 0.9]), torch.tensor([1.0, 1.0]))
    tensor(0.3993)
    """

    settings = {"weight": None}
    function = staticmethod(F.binary_cross_entropy)


class BCEWithLogitsLoss(_Loss):
    """Binary cross entropy of logits, without overflow.

    >>> nn.BCEWithLogitsLoss()(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.0]))
    tensor(0.4100)
    """

    settings = {"weight": None, "pos_weight": None}
    function = staticmethod(F.binary_cross_entropy_with_logits)


class KLDivLoss(_Loss):
    """Kullback-Leibler divergence; the input holds log-probabilities.

    >>> p = torch.tensor([[0.5, 0.5]])
    >>> nn.KLDivLoss(reduction="batchmean")(torch.tensor([[0.25, 0.75]]).log(), p)
    tensor(0.1438)
    """

    settings = {"log_target": False}
    function = staticmethod(F.kl_div)


class HingeEmbeddingLoss(_Loss):
    """x for targets 1, max(0, margin - x) for targets -1.

    >>> nn.HingeEmbeddingLoss()(torch.tensor([0.25]), torch.tensor([-1.0]))
    tensor(0.7500)
    """

    settings = {"margin": 1.0}
    function = staticmethod(F.hinge_embedding_loss)


class SoftMarginLoss(_Loss):
    """log(1 + exp(-target * input)).

    >>> nn.SoftMarginLoss()(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(0.6931)
    """

    function = staticmethod(F.soft_margin_loss)


class PoissonNLLLoss(_Loss):
    """Negative log likelihood of Poisson counts.

    >>> nn.PoissonNLLLoss()(torch.tensor([0.0]), torch.tensor([2.0]))
    tensor(1.)
    """

    settings = {"log_input": True, "full": False, "eps": 1e-8}
    function = staticmethod(F.poisson_nll_loss)


class _PairLoss(_Loss):
    """A loss of two inputs and a target."""

    settings = {"margin": 0.0}

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:  # type: ignore[override]
        result: Tensor = self.function(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )
        return result


class MarginRankingLoss(_PairLoss):
    """max(0, -target (input1 - input2) + margin).

    >>> nn.MarginRankingLoss()(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
    tensor(2.)
    """

    function = staticmethod(F.margin_ranking_loss)


class CosineEmbeddingLoss(_PairLoss):
    """1 - cos for targets 1, max(0, cos - margin) for targets -1.

    >>> a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    >>> nn.CosineEmbeddingLoss()(a, b, torch.tensor([1]))
    tensor(1.)
    """

    function = staticmethod(F.cosine_embedding_loss)


class TripletMarginLoss(_Loss):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin).

    >>> a, p, n = torch.tensor([[0.0]]), torch.tensor([[1.0]]), torch.tensor([[1.5]])
    >>> nn.TripletMarginLoss()(a, p, n)
    tensor(0.5000)
    """

    settings = {"margin": 1.0, "p": 2.0, "eps": 1e-6, "swap": False}

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:  # type: ignore[override]
        options = {name: getattr(self, name) for name in self.settings}
        return F.triplet_margin_loss(
            anchor, positive, negative, reduction=self.reduction, **options
        )


class GaussianNLLLoss(_Loss):
    """Negative log likelihood of a normal distribution with given variance.

    >>> nn.GaussianNLLLoss()(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
    tensor(2.)
    """

    settings = {"full": False, "eps": 1e-6}

    def forward(self, input: Tensor, target: Tensor, var: Any) -> Tensor:  # type: ignore[override]
        return F.gaussian_nll_loss(
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )
