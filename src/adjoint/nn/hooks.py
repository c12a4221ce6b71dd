"""Floor 5: hooks of Modules: registering them, and calling a Module that has some."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from adjoint.autograd.hooks import RemovableHandle

from .backward_hooks import Bridge, register_on_node
from .global_hooks import Entry, add_hook, shared


class Hooked:
    """The part of Module that concerns its hooks."""

    _forward_pre_hooks: Any  # id -> (hook, with_kwargs)
    _forward_hooks: Any  # id -> (hook, with_kwargs, always_call)
    _backward_pre_hooks: Any
    _backward_hooks: Any
    _is_full_backward_hook: bool | None  # None: there was none yet

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before `forward`; it may return new arguments.

        prepend: bool, before the hooks that are there. with_kwargs: bool, `hook(module, args,
        kwargs)`, which may return `(args, kwargs)`.
        """
        return add_hook(self._forward_pre_hooks, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after `forward`; it may return another output.

        with_kwargs: bool, `hook(module, args, kwargs, output)`. always_call: bool, also when
        `forward` or a hook raised an error; the output is None then.
        """
        return add_hook(self._forward_hooks, (hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of its inputs are there.

        Both are tuples with a gradient for each positional argument and each output, None for what
        is no tensor. It may return other gradients of the inputs. Inputs and outputs of a Module
        with this hook may not be written in place.

        >>> layer = torch.nn.Linear(2, 1, bias=False)
        >>> def show(module, grad_input, grad_output):
        ...     print(grad_output[0], grad_input[0].shape)
        >>> handle = layer.register_full_backward_hook(show)
        >>> layer(torch.ones(1, 2, requires_grad=True)).sum().backward()
        tensor([[1.]]) torch.Size([1, 2])
        """
        self._refuse_other_kind(True)
        return add_hook(self._backward_hooks, hook, prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_output)` before the Module's backward.

        It may return other gradients of the outputs.
        """
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` at the last node of `forward`.

        Deprecated: `grad_input` is that of the node, not of the Module. Use
        `register_full_backward_hook`.
        """
        self._refuse_other_kind(False)
        return add_hook(self._backward_hooks, hook)

    def _refuse_other_kind(self, full: bool) -> None:
        if self._is_full_backward_hook is (not full):
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single "
                "Module. Please use only one of them."
            )
        self._is_full_backward_hook = full


class _Call:
    """One call of a Module that has hooks, or while there are shared ones."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.called: set[int] = set()  # forward hooks
        self.result: Any = None

    def run(self, args: Any, kwargs: Any) -> Any:
        """Run `forward` between its hooks, shared ones first."""
        module = self.module
        args, kwargs = self._arguments(args, kwargs)
        bridge = self._bridge()
        if bridge is not None:
            args = bridge.enter(args)
        self.result = module.forward(*args, **kwargs)
        for number, _, hook, with_kwargs, _ in self._forward_hooks():
            self.called.add(number)
            self._call(hook, args, kwargs if with_kwargs else None)
        if bridge is not None:
            self.result = bridge.leave(self.result)
        non_full = [hook for _, _, hook, *_ in shared("backward")]
        if module._is_full_backward_hook is False:
            non_full += module._backward_hooks.values()
        if non_full:
            register_on_node(module, non_full, args, self.result)
        return self.result

    def _arguments(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Arguments as the forward pre-hooks leave them."""
        module = self.module
        everywhere = [(hook, with_kwargs) for _, _, hook, with_kwargs, _ in shared("forward_pre")]
        for hook, with_kwargs in [*everywhere, *module._forward_pre_hooks.values()]:
            replaced = hook(module, args, kwargs) if with_kwargs else hook(module, args)
            if replaced is None:
                continue
            if not with_kwargs:
                args = replaced if isinstance(replaced, tuple) else (replaced,)
            elif isinstance(replaced, tuple) and len(replaced) == 2:
                args, kwargs = replaced
            else:
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but "
                    f"got {replaced}."
                )
        return args, kwargs

    def _bridge(self) -> Bridge | None:
        module = self.module
        full = [hook for _, _, hook, *_ in shared("full_backward")]
        if module._is_full_backward_hook:
            full += module._backward_hooks.values()
        pre = [hook for _, _, hook, *_ in shared("backward_pre")]
        pre += module._backward_pre_hooks.values()
        return Bridge(module, full, pre) if full or pre else None

    def _forward_hooks(self) -> list[Entry]:
        own = self.module._forward_hooks.items()
        return [*shared("forward"), *[(n, "module forward hook", *entry) for n, entry in own]]

    def _call(self, hook: Any, args: Any, kwargs: Any) -> None:
        """Call one forward hook, with keyword arguments unless they are None."""
        given = (self.module, args) if kwargs is None else (self.module, args, kwargs)
        replaced = hook(*given, self.result)
        self.result = self.result if replaced is None else replaced

    def after_error(self, args: Any, kwargs: Any) -> None:
        """Call what is always called; its own errors give way to the first one."""
        for number, whose, hook, with_kwargs, always_call in self._forward_hooks():
            if not always_call or number in self.called:
                continue
            try:
                self._call(hook, args, kwargs if with_kwargs else None)
            except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a warning
                warnings.warn(
                    f"{whose} with ``always_call=True`` raised an exception that was silenced as "
                    f"another error was raised in forward: {error}",
                    stacklevel=4,
                )


def call_with_hooks(module: Any, args: Any, kwargs: Any) -> Any:
    """Run `module.forward` with every hook, in torch's order."""
    call = _Call(module)
    try:
        return call.run(args, kwargs)
    except Exception:
        call.after_error(args, kwargs)
        raise
