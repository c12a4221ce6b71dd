"""Floor 5: selective checkpoints: which operations of a checkpointed part keep their result.

The forward pass keeps the chosen results beside the part, the recomputation takes them from there
instead of running the operation. Everything between operations runs again.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from adjoint.autograd.tensor import wrap
from adjoint.ops.interception import Compute, Interceptor
from adjoint.ops.names import Overload, Packet, torch_name
from adjoint.ops.operation import REGISTRY

_MISMATCH = (
    "The function has to run the same operations in the same order both times: does it depend on a "
    "global, on the clock, or on random numbers of NumPy?"
)


class CheckpointPolicy(enum.Enum):
    """What a policy answers: keep the result of an operation, or compute it again.

    MUST and PREFER are for compilers, which may overrule a preference; here they are the same. To
    offload is to save: memory is the CPU's already.

    >>> torch.utils.checkpoint.CheckpointPolicy.MUST_SAVE
    <CheckpointPolicy.MUST_SAVE: 0>
    """

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


_RECOMPUTES = (CheckpointPolicy.MUST_RECOMPUTE, CheckpointPolicy.PREFER_RECOMPUTE)
_SAVES = tuple([policy for policy in CheckpointPolicy if policy not in _RECOMPUTES])


class SelectiveCheckpointContext:
    """What a policy is told besides the operation and its arguments.

    is_recompute: bool, always False, since policies are asked in the forward pass only.
    op_output: the result, a Tensor or several.

    >>> torch.utils.checkpoint.SelectiveCheckpointContext(is_recompute=False).is_recompute
    False
    """

    def __init__(self, *, is_recompute: bool, op_output: Any = None) -> None:
        self.is_recompute = is_recompute
        self.op_output = op_output


Policy = Callable[..., CheckpointPolicy | bool]


class _Entry(NamedTuple):
    """One result: kept, or (None) to be computed again."""

    kept: Any
    marks: tuple[int, ...] | None  # checksums, to notice that it was written


class _Caching(Interceptor):
    """The forward pass: asks the policy, and keeps results."""

    def __init__(self, policy: Policy, allow_mutation: bool) -> None:
        self.policy = policy
        self.allow_mutation = allow_mutation
        self.entries: dict[str, list[_Entry]] = {}

    def decide(
        self, operation: Any, arrays: Sequence[Any], params: dict[str, Any], run: Compute
    ) -> Any:
        out = run()
        if operation.view:  # takes no memory: never kept
            return out
        shown = tuple([wrap(o) for o in out]) if operation.several else wrap(out)
        context = SelectiveCheckpointContext(is_recompute=False, op_output=shown)
        name = Overload(torch_name(operation))
        answer = self.policy(context, name, *[wrap(a) for a in arrays], **params)
        entry = _Entry(None, None)
        if answer is True or answer in _SAVES:
            entry = _Entry(out, None if self.allow_mutation else _checksums(out))
        elif not isinstance(answer, (bool, CheckpointPolicy)):
            raise TypeError(
                "a checkpoint policy has to return a CheckpointPolicy (or a bool, True to save), "
                f"but for {name} it returned {type(answer).__name__}"
            )
        self.entries.setdefault(operation.name, []).append(entry)
        return out


class _Cached(Interceptor):
    """The recomputation: takes kept results in their order, for each operation."""

    def __init__(self, forward: _Caching) -> None:
        self.forward = forward
        self.counts: dict[str, int] = {}

    def __enter__(self) -> Interceptor:
        self.counts = {}
        return super().__enter__()

    def decide(
        self, operation: Any, arrays: Sequence[Any], params: dict[str, Any], run: Compute
    ) -> Any:
        if operation.view:
            return run()
        i = self.counts[operation.name] = self.counts.get(operation.name, -1) + 1
        entries = self.forward.entries.get(operation.name, [])
        if i >= len(entries):
            raise RuntimeError(
                f"aten.{torch_name(operation)} ran {len(entries)} times in the forward pass, but "
                f"once more in the recomputation of a selective checkpoint. {_MISMATCH}"
            )
        kept, marks = entries[i]
        if kept is None:
            return run()
        if marks is not None and _checksums(kept) != marks:
            raise RuntimeError(
                "Tensor cached during selective activation checkpoint has been mutated: result "
                f"{i} of aten.{torch_name(operation)} was written in place after it was kept. Use "
                "the out-of-place form, let the policy recompute this operation, or pass "
                "allow_cache_entry_mutation=True"
            )
        return kept


def _checksums(out: Any) -> tuple[int, ...]:
    """One for each array: a pass over the memory, where a copy would double it."""
    arrays = out if isinstance(out, (tuple, list)) else (out,)
    return tuple(
        [zlib.crc32(np.ascontiguousarray(a).reshape(-1).view(np.uint8).data) for a in arrays]
    )


def create_selective_checkpoint_contexts(
    policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False
) -> tuple[Interceptor, Interceptor]:
    """Two contexts for `checkpoint(context_fn=...)`: results that a policy chooses are kept.

    policy_fn_or_list: a function `(ctx, op, *args, **kwargs) -> CheckpointPolicy`, where ctx is a
    SelectiveCheckpointContext, op compares with `torch.ops.aten.mm.default`, args are the Tensors
    that the operation gets and kwargs its parameters; or a list of such operations to keep. An
    operation is called as its gradient node is (`AddmmBackward0` is `addmm`, what Linear runs).
    Views are not asked about: they take no memory. allow_cache_entry_mutation: bool, do not check
    that kept results were not written in place (RuntimeError in backward).

    ValueError for a list of anything else; TypeError for neither function nor list.

    >>> from functools import partial
    >>> from adjoint.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts
    >>> keep = partial(create_selective_checkpoint_contexts, [torch.ops.aten.mm.default])
    >>> x = torch.ones(2, 2, requires_grad=True)
    >>> y = checkpoint(lambda t: (t @ t).sin().exp(), x, use_reentrant=False, context_fn=keep)
    >>> y.sum().backward()  # runs sin again, not the product
    """
    if isinstance(policy_fn_or_list, list):
        chosen = [_named(op) for op in policy_fn_or_list]

        def policy(ctx: Any, op: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
            keep = op in chosen
            return CheckpointPolicy.MUST_SAVE if keep else CheckpointPolicy.PREFER_RECOMPUTE

    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError(
            "policy_fn_or_list must be either a function or a list of ops, but got "
            f"{type(policy_fn_or_list).__name__}"
        )
    forward = _Caching(policy, allow_cache_entry_mutation)
    return forward, _Cached(forward)


def _named(op: Any) -> Overload:
    if isinstance(op, Overload):
        return op
    if REGISTRY.get(getattr(op, "name", "")) is op:  # an operation of one's own
        return Overload(torch_name(op))
    hint = "Write for example torch.ops.aten.mm.default"
    if isinstance(op, Packet):
        hint = (
            "Please update the OpOverloadPacket to a specific OpOverload: "
            f"torch.ops.aten.{op.packet}.default instead of torch.ops.aten.{op.packet}"
        )
    raise ValueError(
        f"Expected op in `op_list` to be an OpOverload but got: {op} of type {type(op).__name__}. "
        f"{hint}"
    )
