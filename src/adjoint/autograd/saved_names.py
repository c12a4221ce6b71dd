"""Floor 1: how torch calls what a node keeps: `grad_fn._saved_self` for what our rules call x."""

from __future__ import annotations

_USUAL = {"x": "self", "y": "other", "out": "result", "x_shape": "self_sym_sizes"}

# Where torch's formula has other words, by the name of the node.
_OWN: dict[str, dict[str, str]] = {
    "AddmmBackward0": {"x": "mat1", "y": "mat2"},
    "BmmBackward0": {"y": "mat2"},
    "ConvolutionBackward0": {"x": "input", "w": "weight"},
    "DotBackward0": {"y": "tensor"},
    "GatherBackward0": {"places": "index"},
    "MmBackward0": {"y": "mat2"},
    "MseLossBackward0": {"y": "target"},
    "MvBackward0": {"y": "vec"},
    "NativeLayerNormBackward0": {"x": "input"},
    "NllLossBackward0": {"classes": "target"},
    "PowBackward1": {"y": "exponent"},
    "ScatterBackward0": {"places": "index"},
    "UnfoldBackward0": {"dim": "dimension"},
}


def torch_name(node: str, value: str) -> str:
    """What torch calls a value that a node keeps under our name.

    >>> from adjoint.autograd.saved_names import torch_name
    >>> torch_name("MulBackward0", "y"), torch_name("MmBackward0", "y")
    ('other', 'mat2')
    """
    return _OWN.get(node, {}).get(value) or _USUAL.get(value, value)
