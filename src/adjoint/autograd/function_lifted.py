"""Floor 1: a custom Function inside a transform: its own jvp or vmap rule, or its operations'.

The outputs are computed at the levels below by the user's rule; then the application is recorded
at its own level with the user's context, as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .function_outputs import Outputs
from .lifted import Batched, Dual, Level, constant_at, level_of, lift
from .modes import state
from .tensor import Tensor

if TYPE_CHECKING:
    from .function import Function


class VmapInfo(NamedTuple):
    """What a Function's `vmap` is told: the number of examples, and the randomness asked for."""

    batch_size: int
    randomness: str


def apply_lifted(
    cls: type[Function], level: Level, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any]:
    """Run a Function on arguments of which some are Lifted, the innermost at `level`."""
    from .function import Function, _make_node, _with_defaults

    combined = cls.setup_context is Function.setup_context
    if not combined:
        args, kwargs = _with_defaults(cls, args, kwargs)
    whole = tuple([_at(level, a) for a in args])
    needs = tuple([isinstance(a, Tensor) and a.requires_grad for a in whole])
    grad = state.grad
    recorded = grad and True in needs
    node = _make_node(cls, whole, needs, recorded)
    ctx = node.public
    state.grad = False
    try:
        output = _forward(cls, level, ctx, args, whole, kwargs, combined, recorded)
    finally:
        state.grad = grad
    many = isinstance(output, tuple)
    linked = Outputs(node, ctx, whole, recorded).link(output if many else (output,))
    output = tuple(linked) if many else linked[0]
    to_save = node.attributes.pop("to_save", None)
    if recorded:
        node.keep(to_save or ())
    return output, ctx


def _at(level: Level, value: Any) -> Any:
    if isinstance(value, Tensor) and level_of(value) is not level:
        return constant_at(level, value)
    return value


def _forward(
    cls: type[Function],
    level: Level,
    ctx: Any,
    args: tuple[Any, ...],
    whole: tuple[Any, ...],
    kwargs: dict[str, Any],
    combined: bool,
    recorded: bool,
) -> Any:
    from .function import Function

    own = cls.jvp is not Function.jvp if level.kind == "jvp" else cls.vmap is not Function.vmap
    if level.kind == "jet":
        raise NotImplementedError(
            f"jet: {cls.__name__} is a custom Function, whose derivatives of high order are not "
            "known in Taylor mode; nest torch.func.jvp instead"
        )
    if level.kind == "vmap":
        _check_vmap(cls, own)
    elif not own:
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            f"forward mode AD: {cls.__name__} has none."
        )
    if not own:  # generate_vmap_rule: what forward does, one example at a time to its author
        return _ordinary(cls, ctx, whole, kwargs, combined)
    rule = _jvp if level.kind == "jvp" else _vmap
    output = rule(cls, level, args, kwargs)
    if not combined:
        cls.setup_context(ctx, whole, output)
    elif recorded:
        if level.kind == "vmap":
            raise RuntimeError(
                "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, "
                f"jacrev, ...), it must override the setup_context staticmethod: {cls.__name__} "
                "takes ctx in forward."
            )
        _keep_like_forward(cls, ctx, whole, kwargs, output)
    return output


def _ordinary(
    cls: type[Function], ctx: Any, args: tuple[Any, ...], kwargs: dict[str, Any], combined: bool
) -> Any:
    if combined:
        return cls.forward(ctx, *args, **kwargs)
    output = cls.forward(*args, **kwargs)
    cls.setup_context(ctx, args, output)
    return output


def _check_vmap(cls: type[Function], own: bool) -> None:
    if own and cls.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and "
            "an overridden vmap staticmethod. Please set generate_vmap_rule=False or delete the "
            "overridden vmap staticmethod to avoid ambiguity."
        )
    if not own and not cls.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please "
            "override and implement the vmap staticmethod or set generate_vmap_rule=True."
        )


def _vmap(cls: type[Function], level: Level, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The user's rule on whole batches; its outputs get their hidden axis in front."""
    values, dims = [], []
    for a in args:
        data = a._data if isinstance(a, Tensor) else None
        is_mapped = data.__class__ is Batched and data.level is level
        values.append(data.value if is_mapped else a)  # type: ignore[union-attr]
        dims.append(0 if is_mapped and data.batched else None)  # type: ignore[union-attr]
    state.grad = level.grad
    if not any(dim is not None for dim in dims):  # the same for all examples: nothing to map
        found = cls.apply(*values, **kwargs), None
    else:
        found = cls.vmap(VmapInfo(level.size, level.randomness), tuple(dims), *values, **kwargs)
    state.grad = False
    if not isinstance(found, tuple) or len(found) != 2:
        raise RuntimeError(
            f"Expected {cls.__name__}.vmap to have two returns (output, out_dims), but got "
            f"{type(found).__name__}"
        )
    output, out_dims = found
    if not isinstance(output, tuple):
        return _batched(level, output, out_dims)
    places = out_dims if isinstance(out_dims, (tuple, list)) else (out_dims,) * len(output)
    return tuple([_batched(level, o, d) for o, d in zip(output, places, strict=True)])


def _batched(level: Level, value: Any, dim: int | None) -> Any:
    if not isinstance(value, Tensor):
        return value
    if dim is None:
        return lift(Batched(level, value, False))
    return lift(Batched(level, value.movedim(dim, 0) if dim else value))


def _jvp(cls: type[Function], level: Level, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The function on primals, and the user's rule on tangents (zeros where one does not move)."""
    from .function import apply_with_context

    primals, tangents = [], []
    for a in args:
        data = a._data if isinstance(a, Tensor) else None
        is_dual = data.__class__ is Dual and data.level is level
        primals.append(data.primal if is_dual else a)  # type: ignore[union-attr]
        tangents.append(data.tangent if is_dual else None)  # type: ignore[union-attr]
    state.grad = level.grad
    output, ctx = apply_with_context(cls, tuple(primals), kwargs)
    if getattr(ctx, "materialize_grads", True):
        tangents = [_filled(p, t) for p, t in zip(primals, tangents)]
    ctx._node.attributes["_pushing"] = True  # its saved tensors are those for forward mode
    try:
        moved = cls.jvp(ctx, *tangents)
    finally:
        del ctx._node.attributes["_pushing"]
    state.grad = False
    outs = output if isinstance(output, tuple) else (output,)
    found = moved if isinstance(moved, tuple) else (moved,)
    if len(found) != len(outs):
        raise RuntimeError(
            f"{cls.__name__}.jvp returned {len(found)} tangents for {len(outs)} outputs"
        )
    duals = tuple([_dual(cls, level, o, t) for o, t in zip(outs, found)])
    return duals if isinstance(output, tuple) else duals[0]


def _filled(primal: Any, tangent: Tensor | None) -> Any:
    if tangent is not None or not isinstance(primal, Tensor):
        return tangent
    return primal.detach() * 0 if primal._data.dtype.kind in "fcV" else None


def _dual(cls: type[Function], level: Level, value: Any, tangent: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    if tangent is not None and not isinstance(tangent, Tensor):
        raise RuntimeError(
            f"expected Variable or None (got {type(tangent).__name__}) as a tangent that "
            f"{cls.__name__}.jvp returned; wrap it with torch.as_tensor(...)"
        )
    if tangent is not None and tangent._data.shape != value._data.shape:
        raise RuntimeError(
            f"{cls.__name__}.jvp returned a tangent of shape {list(tangent._data.shape)} for an "
            f"output of shape {list(value._data.shape)}"
        )
    return lift(Dual(level, value, tangent))


def _keep_like_forward(
    cls: type[Function], ctx: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
) -> None:
    """Let a forward that takes ctx fill it; what it saved of its output is the real one."""
    found = cls.forward(ctx, *args, **kwargs)
    outs = output if isinstance(output, tuple) else (output,)
    own = found if isinstance(found, tuple) else (found,)
    real = {id(a): b for a, b in zip(own, outs, strict=True)}
    saved = ctx._node.attributes.get("to_save")
    if saved is not None:
        ctx._node.attributes["to_save"] = tuple([real.get(id(t), t) for t in saved])
