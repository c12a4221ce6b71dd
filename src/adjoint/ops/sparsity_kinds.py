"""Floor 2: the sparsity kind of every operation: which outputs can depend on which inputs.

A kind holds for all values of the inputs, so a pattern found at one point holds at all others.
What the kinds mean in numbers, for the shapes of one call, is not known here.
"""

from __future__ import annotations

from .definition import Definition

KINDS: dict[str, str] = {
    "none": "no input has a derivative",
    "elementwise": "an element depends on the elements at its place, after broadcasting",
    "movement": "elements are moved, added or scaled, where shapes, parameters and integers say so",
    "lines": "an element depends on those that differ from it only along certain dimensions",
    "matrix": "an element depends on its matrix, the last two dimensions of the input",
    "product": "an element depends on a row of one factor and a column of the other",
    "window": "an element depends on the elements of its window",
    "dense": "an element may depend on every element",
}

# Operations whose kind does not follow from their rules. Where a rule reads values that another
# point would change (a mask, the places of a maximum), the rule at one point says too little.
_NAMED = {
    "elementwise": (
        "abs angle binary_cross_entropy binary_cross_entropy_with_logits cast clamp "
        "clamp_max clamp_min clamp_number clone complex conj contiguous copysign deg2rad expand "
        "expand_copy fmax fmin frexp hardshrink hardsigmoid hardswish hardtanh huber_loss imag "
        "leaky_relu mask_put masked_fill masked_fill_tensor maximum minimum mse_loss nan_to_num "
        "polar prelu rad2deg real relu sgn smooth_l1_loss softshrink threshold where"
    ),
    "lines": (
        "amax amin aminmax batch_norm cross cross_entropy cummax cummin cumprod cumsum glu "
        "group_norm kthvalue layer_norm linalg_vector_norm linear_recurrence log_softmax "
        "logcumsumexp logsumexp max max_dim mean mean_dim median median_dim min min_dim mode "
        "nanmedian nanmedian_dim nansum nll_loss place_along_axis prod prod_dim softmax sort "
        "standardize std std_mean sum sum_dim topk var var_mean"
    ),
    "matrix": "cholesky det eigh inv matrix_exp pinv qr slogdet solve svd",
    "product": "addmm bmm linear matmul mm mv project",
    "window": (
        "average_pool average_pool_transpose convolution convolve convolve_input_transpose "
        "convolve_weight_transpose max_pool pool_put pool_take"
    ),
    "dense": "dot masked_scatter",
}
NAMED = {name: kind for kind, names in _NAMED.items() for name in names.split()}


def sparsity_kind(operation: Definition) -> str:
    """The sparsity kind of an operation, one of KINDS.

    Where no kind is named, it follows from the rules: "movement" when they read no value that has a
    derivative, which makes the operation linear with constant coefficients; else "dense".

    >>> from adjoint.ops.operation import REGISTRY
    >>> [sparsity_kind(REGISTRY[name]) for name in ("tanh", "cat", "softmax", "eq")]
    ['elementwise', 'movement', 'lines', 'none']
    """
    if not operation.vjps:
        return "none"
    if operation.kind == "elementwise":
        return "elementwise"
    # Only the library's own: a user's operation may have the name of one that is not loaded.
    if operation.name in NAMED and operation.forward.__module__.startswith("adjoint.ops."):
        return NAMED[operation.name]
    names = [name for number in operation.vjps for name in operation.pull_names(number)]
    return "dense" if any(_is_variable(operation, name) for name in names) else "movement"


def _is_variable(operation: Definition, name: str) -> bool:
    """Whether what a rule reads depends on the values of differentiable inputs."""
    where, number = operation.source(name)
    return where == "output" or (where == "input" and number in operation.vjps)
