"""Floor 5: why a gradient becomes zero at a node, as the node's operation and values tell.

Knows operations by name, and what the words of an explanation mean: each cause has its advice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.arrays import cpu
from adjoint.autograd.function_node import FunctionNode
from adjoint.autograd.origin import written
from adjoint.autograd.tape import OperationNode
from adjoint.autograd.tensor import Tensor
from adjoint.autograd.views import CopySlices

from .passes import Visit
from .statistics import measure, module_hooks, names

# What a cause means, and what to do.
ADVICE = {
    "detach": "detach() ends the gradient there: take it off, or use the tensor itself.",
    "data": ".data ends the gradient without a trace: use the tensor itself.",
    "numpy": "NumPy records nothing: use the functions of torch for this step.",
    "item": "A Python number has no history: keep the tensor (drop .item(), float(), .tolist()).",
    "tensor": "torch.tensor(...) copies values only: use the tensor itself, or .clone().",
    "recreated": "A new leaf was made of the values: use the parameter itself in the computation.",
    "no_grad": "Nothing is recorded under torch.no_grad(): move this line out of the block.",
    "inference_mode": "Nothing is recorded in inference mode: move this line out of the block.",
    "argmax": "Positions have no derivative: use softmax, max(...).values or gather.",
    "comparison": "A comparison has no derivative: use a smooth function such as sigmoid.",
    "integer": "Integers have no derivative: stay in a floating dtype.",
    "branch": "An `if` passes no gradient: write the choice with torch.where or a smooth function.",
    "not_differentiable": "This function has no derivative by that argument.",
    "requires_grad": "Set parameter.requires_grad_(True) before it is used.",
    "non_leaf": (
        "Only leaves get a .grad: convert before wrapping (nn.Parameter(t.to(...))), optimize the "
        "leaf that it was made from, or call retain_grad() on it to look at its gradient."
    ),
    "unused": "Use it in what the loss is computed from, or leave it out of the optimizer.",
    "optimizer": "Make the optimizer after the last change of the model: Adam(model.parameters()).",
    "cut": "Pass a function that computes the loss, explain_grad(p, f): it is run and watched.",
    "freed": (
        "Pass a function that computes the loss and does not call backward itself, or use "
        "backward(retain_graph=True)."
    ),
    "hook": "Look at the hook: return None from it to leave the gradient as it is.",
    "checkpoint": "Pass use_reentrant=False to checkpoint.",
    "custom": "Look at the backward of the custom Function: what does it return for this argument?",
    "cancelled": (
        "The loss does not change with this value: its contributions add up to zero. Weigh them "
        "differently, or leave the value out."
    ),
    "underflow": "Scale the loss up before backward (amp.GradScaler), or take a wider dtype.",
    "relu": "Lower the learning rate, change the initial bias, or use leaky_relu or gelu there.",
    "saturated": "Scale the input of that operation down (initialisation, normalisation).",
    "clamp": "The values are out of the range, where the slope is 0: widen it, or use tanh.",
    "mask": "The condition never takes this branch: look at the mask.",
    "not_selected": "Elements that are not selected get no gradient: look at the index.",
    "zero_factor": "It is multiplied by zeros: look at where the other operand comes from.",
    "rounding": "Rounding has slope 0: leave it out, or pass the gradient on: x + (x.round() - "
    "x).detach().",
    "overwritten": "The value was overwritten in place there: write to another tensor.",
    "zero_slope": "The derivative is zero at these values.",
    "nonfinite": "blame(loss, parameter) has the details.",
    "exploding": "Clip gradients (clip_grad_norm_), normalise, or initialise with smaller weights.",
    "steep": "One step makes it large: keep its input away from the singular point.",
    "vanishing": "Use residual connections, normalisation, or activations that do not saturate.",
    "fine": "",
}

_RECTIFIERS = names("relu threshold hardshrink softshrink")
_SATURATING = names(
    "sigmoid tanh softmax log_softmax erf erfc hardsigmoid logsigmoid atan softplus exp "
    "cross_entropy binary_cross_entropy binary_cross_entropy_with_logits elu celu gelu gelu_tanh "
    "silu mish hardswish"
)
_CLAMPS = names("clamp clamp_number clamp_min clamp_max hardtanh")
MASKS = names(
    "where masked_fill masked_fill_tensor mask_put masked_select masked_scatter triu tril"
)
_SELECTING = names(
    "select slice index gather index_select take embedding max_pool pool_take max min max_dim "
    "min_dim amax amin topk sort kthvalue median median_dim maximum minimum narrow_copy diagonal "
    "split unbind trace pick_class nll_loss fmax fmin"
)
_PRODUCTS = names(
    "mul div mm mv bmm matmul dot linear project addmm convolution convolve addcmul lerp "
    "lerp_number cross prod prod_dim cumprod"
)
_ROUNDING = names(
    "round round_decimals floor ceil trunc sign sgn heaviside floor_divide trunc_divide frac"
)
_OVERWRITING = names(
    "copy fill fill_tensor zero index_put index_copy index_fill scatter scatter_value "
    "select_scatter slice_scatter"
)
NORMALISING = names("softmax standardize batch_norm")
_JOINING = names("cat stack permute view reshape split unbind")
_GROUPS = (
    (_RECTIFIERS, "relu"),
    (_SATURATING, "saturated"),
    (_CLAMPS, "clamp"),
    (MASKS, "mask"),
    (_SELECTING, "not_selected"),
    (_PRODUCTS, "zero_factor"),
    (_ROUNDING, "rounding"),
    (_OVERWRITING, "overwritten"),
)


def operation_name(node: Any) -> str:
    """The registered name of a node's operation, or empty."""
    if isinstance(node, FunctionNode) or not isinstance(node, OperationNode):
        return ""
    name: str = node.operation.name
    return name


def passes_parts(node: Any) -> bool:
    """Whether a node only joins or arranges: zeros in a part of it come from elsewhere."""
    return operation_name(node) in _JOINING


def is_constant(ct: Any) -> bool:
    """Whether all elements of a cotangent are equal: the loss is their sum."""
    return bool((ct == ct.reshape(-1)[:1]).all())


def is_bias(node: Any, edge: int) -> bool:
    """Whether an edge is that of a bias, whose gradient is a sum over all rows."""
    if operation_name(node) not in ("linear", "convolution", "convolve"):
        return False
    name: str = node.operation.inputs[node.plan.needed[edge]]
    return name == "b"


def drops_parts(node: Any) -> bool:
    """Whether a node may send zeros for a part of what it took."""
    if isinstance(node, CopySlices):
        return len(node.edges) == 2
    found = operation_name(node)
    return any(found in group for group, cause in _GROUPS if cause != "zero_factor")


def reason(visit: Visit, wanted: Sequence[int]) -> tuple[str, str]:
    """The cause and a sentence for a node that was given a gradient and sent on zeros only.

    `wanted` are the numbers of the edges that are looked at.
    """
    node = visit.node
    if visit.hook is not None:
        return "hook", f"the hook {written(visit.hook)} replaced the gradient"
    if module_hooks(node):
        return "hook", f"the module's hook {module_hooks(node)} replaced the gradient"
    if isinstance(node, FunctionNode):
        return "custom", f"the backward of {node.function.__name__} returned zeros"
    if isinstance(node, CopySlices):
        if list(wanted) == [1] or len(node.edges) == 1:  # what was written was overwritten later
            return "part", ""
        return "overwritten", "a part of a tensor was overwritten in place, through a view"
    name = operation_name(node)
    if name in NORMALISING and is_constant(visit.given[0]):
        return "cancelled", f"what {name} gives adds up to a constant"
    if _underflows(visit, wanted):
        return "underflow", f"the product is too small for {node.dtype}: it became 0"
    if all(is_bias(node, i) for i in wanted):
        return "cancelled", "the gradients of all rows add up to zero"
    cause = next((cause for group, cause in _GROUPS if name in group), "zero_slope")
    told = _values(node)
    if cause == "zero_factor" and not _has_zeros(node):
        cause = "zero_slope"
    return cause, _SENTENCES.get(cause, "{name} has slope 0 here{told}").format(
        name=name, told=told
    )


_SENTENCES = {
    "relu": "all that a gradient arrives at is cut to 0 by {name}{told}",
    "saturated": "{name} is flat at these values{told}",
    "clamp": "{name} passes nothing on outside of its range{told}",
    "mask": "{name} takes none of these elements{told}",
    "not_selected": "{name} selected other elements",
    "zero_factor": "{name} with an operand of zeros{told}",
    "rounding": "{name} has slope 0 everywhere",
    "overwritten": "{name} replaced the value in place, so that nothing of it reaches the loss",
}


def _values(node: Any) -> str:
    """The saved values of a node, for a sentence."""
    if not isinstance(node, OperationNode) or not node.saved:
        return ""
    shown = [str(measure(t._data, name)) for name, t in zip(node.plan.saved_names, node.saved)]
    return f" ({'; '.join(shown)})"


def _has_zeros(node: Any) -> bool:
    return any(not t._data.all() for t in node.saved or () if isinstance(t, Tensor))


def _underflows(visit: Visit, wanted: Sequence[int]) -> bool:
    """Whether the same rule in float64 would have sent on something else than zeros."""
    node = visit.node
    if not isinstance(node, OperationNode) or node.shape is None or node.saved is None:
        return False
    if node.dtype.kind not in "fV" or node.dtype == np.float64:
        return False
    wide: list[Any] = [
        t._data.astype(np.float64) if t._data.dtype.kind in "fV" else t._data for t in node.saved
    ]
    ct = visit.given[0].astype(np.float64)
    with np.errstate(all="ignore"):
        cts = node.plan.pull(cpu, ct, [*wide, *node.constants])
    return any(cts[i] is not None and np.any(cts[i]) for i in wanted)
