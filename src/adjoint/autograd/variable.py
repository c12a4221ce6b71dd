"""Floor 1: torch.autograd.Variable, the name that tensors with a gradient once had."""

from __future__ import annotations

from typing import Any

from .tensor import Tensor


class VariableMeta(type):
    """Every Tensor is a Variable."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)

    def __call__(
        cls, data: Any = None, requires_grad: bool = False, volatile: Any = None
    ) -> Tensor:
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Variable data has to be a tensor, but got {type(data).__name__}; make one with "
                "torch.tensor(data, requires_grad=...)"
            )
        return data.detach().requires_grad_(requires_grad)


class Variable(metaclass=VariableMeta):
    """Variable(data, requires_grad=False): the tensor `data`, detached, on the same memory.

    Programs of before 2018 wrap every tensor so; `data.detach().requires_grad_()` is today's way.

    >>> torch.autograd.Variable(torch.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """
