"""Floor 1: torch.autograd.Function: operations with a backward that their user writes.

Knows the tape; nothing of particular operations. What a forward returned is linked in
`function_outputs`, what it saved is kept by `function_node`.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from . import modes, origin
from .function_context import FunctionCtx
from .function_node import FunctionNode, Places
from .function_outputs import Outputs
from .lifted import top_level
from .modes import state
from .tape import Node, edge_of, next_sequence_number, node_line
from .tensor import Tensor, is_cut, new, wrap

__all__ = ["Function", "FunctionCtx", "InplaceFunction", "once_differentiable"]


class Function:
    """Base of operations whose derivative its author writes.

    A subclass has static methods `forward(ctx, *args)` and `backward(ctx, *grad_outputs)`, and is
    used by its `apply`. Backward returns one gradient for each argument of forward (None where
    there is none). Forward may instead leave `ctx` to a third method, `setup_context(ctx, inputs,
    output)`. Gradients of gradients need no more: backward itself is recorded.

    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, grad_output):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * grad_output
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor(6.)
    """

    generate_vmap_rule: ClassVar[bool] = False
    clear_saved_tensors_on_access: ClassVar[bool] = False
    boxed_grads_call: ClassVar[bool] = False

    _backward_cls: ClassVar[type[FunctionCtx]]
    _signature: ClassVar[tuple[Callable[..., Any], inspect.Signature, int] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _name_context(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{self.__class__} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself: "
            f"{type(self).__name__}.apply(...). Instantiating an autograd function will raise an "
            "error in a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use "
            f"new-style autograd function with static forward method: {type(self).__name__}"
            ".apply(...), on the class. "
            "(Example: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the output: `forward(ctx, *args)`, or `forward(*args)` with `setup_context`."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Keep what backward needs, when forward does not take `ctx`."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of forward's arguments, given those of its outputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward
    _wants_pass: ClassVar[bool] = False  # whether backward reads `ctx._pass`, the engine's Run

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of forward's outputs, given those of its arguments."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """The function on a batch: returns `(output, out_dims)`."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod "
            "or set generate_vmap_rule=True."
        )

    @classmethod
    def _user_backward(cls) -> Callable[..., Any]:
        """The one of backward and vjp that the user wrote."""
        own_vjp = cls.vjp is not Function.vjp
        if own_vjp and cls.backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You "
                "should only implement one of them."
            )
        return cls.vjp if own_vjp else cls.backward

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward on the arguments and record the application."""
        return apply_with_context(cls, args, kwargs)[0]


def apply_with_context(
    cls: type[Function], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, FunctionCtx]:
    """What `apply` returns, and the context that forward saw."""
    if modes.lifted:
        level = top_level(_tensors(args))
        if level is not None:
            from .function_lifted import apply_lifted

            return apply_lifted(cls, level, args, kwargs)
    combined = cls.setup_context is Function.setup_context
    if not combined:
        args, kwargs = _with_defaults(cls, args, kwargs)
    needs = tuple(
        [isinstance(a, Tensor) and (a._requires_grad if a._view is None else a.requires_grad)
         for a in args]
    )  # fmt: skip
    grad = state.grad
    recorded = grad and True in needs
    node = _make_node(cls, args, needs, recorded)
    ctx = node.public
    state.grad = False
    try:
        if combined:
            output = cls.forward(ctx, *args, **kwargs)
        else:
            output = cls.forward(*args, **kwargs)
            cls.setup_context(ctx, args, output)
    except TypeError as error:
        _tell_signature(cls, error, combined)
        raise
    finally:
        state.grad = grad
    attributes = node.attributes
    many = isinstance(output, tuple)
    if (
        isinstance(output, Tensor)
        and output._view is None
        and output._data.dtype.kind == "f"
        and "dirty_tensors" not in attributes
        and "non_differentiable" not in attributes
        and not any(output is a for a in args)
    ):  # the usual case: one new tensor; `Outputs` would do the same in 3 µs
        if recorded:
            node.shape, node.dtype = output._data.shape, output._data.dtype
            output._edge, output._requires_grad = (node, 0), True
    else:
        linked = Outputs(node, ctx, args, recorded).link(output if many else (output,))
        output = tuple(linked) if many else linked[0]
    to_save = attributes.pop("to_save", None)
    if recorded:
        node.keep(to_save or ())
        if modes.anomaly is not None:
            results = output if many else (output,)
            modes.anomaly.recorded(node, _tensors(args), _tensors(results))
    return output, ctx


def _tell_signature(cls: type[Function], error: TypeError, combined: bool) -> None:
    """Tell how forward is called, when it could not be called with that."""
    if error.__traceback__ is None or error.__traceback__.tb_next is not None:
        return  # it is from inside
    how = "forward(ctx, *args)" if combined else "forward(*args) and setup_context(ctx, args, out)"
    why = "has no setup_context" if combined else "has a setup_context"
    error.args = (f"{error} ({cls.__name__} {why}, so that apply calls {how})",)


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    return [v for v in values if isinstance(v, Tensor)]


def _name_context(cls: type[Function]) -> None:
    """Make the class of a Function's contexts: `<class>Backward`, which prints as torch's."""
    names = {"__slots__": (), "__module__": "torch.autograd.function", "_forward_cls": cls}
    cls._backward_cls = type(cls.__name__ + "Backward", (FunctionCtx,), names)


_name_context(Function)


def _with_defaults(
    cls: type[Function], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments with forward's defaults filled in, so that setup_context sees them all."""
    known = cls._signature
    if known is None or known[0] is not cls.forward:
        signature = inspect.signature(cls.forward)
        named = [p for p in signature.parameters.values() if p.kind < p.VAR_POSITIONAL]
        count = len(named) if len(named) == len(signature.parameters) else -1
        known = cls._signature = (cls.forward, signature, count)
    if not kwargs and len(args) == known[2]:
        return args, kwargs
    bound = known[1].bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args, bound.kwargs


def _make_node(
    cls: type[Function], args: tuple[Any, ...], needs: tuple[bool, ...], recorded: bool
) -> FunctionNode:
    """The node of one application; its edges are taken before forward can write in place."""
    node: FunctionNode = new(FunctionNode)
    node.function = cls
    node.attributes = {"needs_input_grad": needs}
    node.hooks = node.context = node.saved = node.shape = None
    node.edges = node.constants = ()
    node.freed = False
    if recorded:
        # A view made unrecorded requires grad and leads nowhere.
        linked = tuple(
            [need and (a._view is None or not is_cut(a)) for a, need in zip(args, needs)]
        )
        node.plan = Places(args, linked)
        node.edges = [edge_of(a) for a, need in zip(args, linked) if need]
        node.code, node.offset = origin.caller(3)
        node.module = state.module if modes.running else None
    node.seq = next_sequence_number()
    return node


class InplaceFunction(Function):
    """A Function that remembers whether it works in place; kept for old code."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class TwiceNode(Node):
    """Stands where a gradient's own gradient would begin, and says that there is none."""

    __slots__ = ("message",)

    message: str

    def name(self) -> str:
        return "Error"

    def apply(self, ct: Any, run: Any) -> Any:
        raise RuntimeError(self.message)


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a backward that cannot itself be differentiated: doing so is an error then.

    Inside it nothing is recorded.
    """

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        before = state.grad
        state.grad = False
        try:
            outputs = fn(ctx, *args)
        finally:
            state.grad = before
        moving = [a for a in args if isinstance(a, Tensor) and a.requires_grad]
        if not before or not moving:
            return outputs
        found = outputs if isinstance(outputs, tuple) else (outputs,)
        guarded = tuple([_guarded(t, ctx, moving) for t in found])
        return guarded if isinstance(outputs, tuple) else guarded[0]

    return wrapper


def _guarded(t: Any, ctx: FunctionCtx, moving: list[Tensor]) -> Any:
    """A gradient whose history is an error that waits."""
    if not isinstance(t, Tensor):
        return t
    node: TwiceNode = new(TwiceNode)
    node.message = (
        "trying to differentiate twice a function that was marked with @once_differentiable: the "
        f"backward of {ctx._forward_cls.__name__}, applied at {node_line(ctx._node)}. Write it in "
        "differentiable operations on ctx.saved_tensors and take the mark off"
    )
    # Edges to all that the gradient may depend on, so that every search for a path finds it.
    node.edges = (*ctx._node.edges, *[edge_of(a) for a in moving])
    node.seq = next_sequence_number()
    node.shape, node.dtype, node.hooks = t._data.shape, t._data.dtype, None
    result: Tensor = wrap(t._data)
    result._edge, result._requires_grad = (node, 0), True
    return result
