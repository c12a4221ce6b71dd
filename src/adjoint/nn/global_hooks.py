"""Floor 5: the hooks that all Modules share, for looking at and measuring whole programs.

Torch has them in torch.nn.modules.module, where `nn/modules` offers them too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from adjoint.autograd.hooks import RemovableHandle

if TYPE_CHECKING:
    from .module import Module

# A hook: its id, whose it is, the hook itself, with_kwargs and always_call.
Entry = tuple[int, str, Any, bool, bool]

# The hooks of every Module, whatever their kind, so that a call has one place to look at:
# id -> (kind, hook, with_kwargs, always_call).
EVERYWHERE: OrderedDict[int, tuple[str, Any, bool, bool]] = OrderedDict()

# Hooks on what is assigned to Modules: kind -> id -> hook.
REGISTRATION: dict[str, OrderedDict[int, Any]] = {
    "parameter": OrderedDict(),
    "buffer": OrderedDict(),
    "module": OrderedDict(),
}


def shared(kind: str) -> Iterator[Entry]:
    """The shared hooks of one kind, in order."""
    for number, (found, hook, with_kwargs, always_call) in list(EVERYWHERE.items()):
        if found == kind:
            yield number, "global module forward hook", hook, with_kwargs, always_call


def registered(kind: str, module: Module, name: str, value: Any) -> Any:
    """What to register in place of `value`, as registration hooks say."""
    for hook in list(REGISTRATION[kind].values()):
        replaced = hook(module, name, value)
        value = value if replaced is None else replaced
    return value


def add_hook(hooks: Any, entry: Any, prepend: bool = False) -> RemovableHandle:
    """Put an entry into a table of hooks; the handle takes it out again."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = entry
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before the forward of every Module, before its own pre-hooks."""
    return add_hook(EVERYWHERE, ("forward_pre", hook, False, False))


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after the forward of every Module, before its own hooks.

    with_kwargs: bool, `hook(module, args, kwargs, output)`. always_call: bool, also after an error,
    with None as the output. It may return another output.

    >>> def show(module, args, output):
    ...     print(type(module).__name__, list(output.shape))
    >>> handle = torch.nn.modules.module.register_module_forward_hook(show)
    >>> y = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh())(torch.ones(1, 2))
    Linear [1, 3]
    Tanh [1, 3]
    Sequential [1, 3]
    >>> handle.remove()
    """
    return add_hook(EVERYWHERE, ("forward", hook, with_kwargs, always_call))


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """As Module.register_full_backward_hook, for every Module, before its own hooks."""
    _refuse_mixed(any(kind == "backward" for kind, *_ in EVERYWHERE.values()))
    return add_hook(EVERYWHERE, ("full_backward", hook, False, False))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """As Module.register_full_backward_pre_hook, for every Module, before its own hooks."""
    return add_hook(EVERYWHERE, ("backward_pre", hook, False, False))


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """As Module.register_backward_hook, for every Module; the full hook is what is wanted."""
    _refuse_mixed(any(kind == "full_backward" for kind, *_ in EVERYWHERE.values()))
    return add_hook(EVERYWHERE, ("backward", hook, False, False))


def _refuse_mixed(mixed: bool) -> None:
    if mixed:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module "
            "hook. Please use only one of them."
        )


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, parameter)` when one is assigned; it may return another."""
    return add_hook(REGISTRATION["parameter"], hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, buffer)` when one is assigned; it may return another."""
    return add_hook(REGISTRATION["buffer"], hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, submodule)` when one is assigned; it may return another."""
    return add_hook(REGISTRATION["module"], hook)
