"""Floor 5: the base of optimizers: parameter groups, state, hooks, saving and loading.

Subclasses define `step`. How the built-in ones walk over arrays is in `update`; this file knows
nothing of any particular rule.
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from adjoint.autograd.hooks import RemovableHandle
from adjoint.autograd.tensor import Tensor, storage_of, wrap

__all__ = ["Optimizer", "required"]

Group = dict[str, Any]


class _Required:
    """The default of an option that every parameter group has to give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()

_HOOK_TABLES = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)


class Optimizer:
    """The base of all optimizers: holds parameters in groups, each with its own options.

    params: tensors, (name, tensor) pairs as `named_parameters()` yields, or dicts with a key
    "params" and options for that group. defaults: the options of groups that do not give them.
    A subclass defines `step`; state for a parameter goes into `self.state[parameter]`.

    >>> class Descent(torch.optim.Optimizer):
    ...     def step(self, closure=None):
    ...         for group in self.param_groups:
    ...             for p in group["params"]:
    ...                 p.data -= group["lr"] * p.grad
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Descent([x], {"lr": 0.5})
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0., 0.], requires_grad=True)
    """

    state: defaultdict[Any, Any]
    param_groups: list[Group]
    _optimizer_step_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _optimizer_step_post_hooks: OrderedDict[int, Callable[..., Any]]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Callable[..., Any]]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Callable[..., Any]]

    # Whether `step` ran; None until a scheduler wants to know, which then warns of a wrong order.
    _opt_called: bool | None = None
    _in_step: bool = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: Group) -> None:
        self.defaults = defaults
        self._make_hook_tables()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {_typename(params)}; pass [tensor]"
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError(
                "optimizer got an empty parameter list; give it model.parameters(), and not an "
                "iterator that was used up"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _make_hook_tables(self) -> None:
        for table in _HOOK_TABLES:
            if table not in self.__dict__:
                setattr(self, table, OrderedDict())

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_hook_tables()

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            options = [f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params"]
            text += f"\nParameter Group {i}\n" + "".join(options)
        return text + ")"

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once from their gradients; subclasses define it.

        closure: computes the loss and its gradients again and returns the loss, which `step` then
        returns. Most optimizers do not need one.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not define step(); a subclass of Optimizer has to"
        )

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters: `.grad` becomes None, or else zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                meta = p._meta
                if meta is None or meta.grad is None:
                    continue
                if set_to_none:
                    meta.grad = None
                    continue
                grad = meta.grad
                if grad._edge is not None or grad._requires_grad:  # made with create_graph
                    meta.grad = wrap(np.zeros_like(grad._data))
                else:
                    grad._data.fill(0)
                    storage_of(grad).bump(None)

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own, as when frozen layers become trainable.

        param_group: {"params": tensors, option: value, ...}; options left out take the defaults.
        Raises TypeError for what is no tensor, ValueError for tensors that are not leaves, that
        are in a group already, or whose required option is missing.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        if "params" not in param_group:
            raise KeyError("add_param_group: the group has no key 'params' with its tensors")
        params, names = _listed(param_group["params"])
        for p in params:
            self._check_param(p)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
        if len(params) != len({id(p) for p in params}):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error; see github.com/pytorch/pytorch/issues/40967 for more "
                "information",
                UserWarning,
                stacklevel=3,
            )
        self._check_against_groups(params, bool(names) or "param_names" in param_group)
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)
        self.param_groups.append(param_group)

    def _check_param(self, p: Any) -> None:
        if not isinstance(p, Tensor):
            raise TypeError(
                f"optimizer can only optimize Tensors, but one of the params is {_typename(p)}"
            )
        if not (p.is_leaf or p.retains_grad):
            raise ValueError(
                "can't optimize a non-leaf Tensor (it was computed from others: optimize those, or "
                "make a leaf with .detach().requires_grad_())"
            )
        if not p._data.flags.writeable:
            raise ValueError(
                f"can't optimize a Tensor of shape {list(p._data.shape)} whose memory is read-only "
                "or expanded; use .clone()"
            )

    def _check_against_groups(self, params: list[Tensor], named: bool) -> None:
        known: set[int] = set()
        for group in self.param_groups:
            known.update(map(id, group["params"]))
            if named != ("param_names" in group):
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {'with' if named else 'without'} names to the optimizer"
                )
        if not known.isdisjoint(map(id, params)):
            raise ValueError("some parameters appear in more than one parameter group")

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before `step`; it may return (args, kwargs)."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after `step`."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict`."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict`; it may return another one."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; it may return another one."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    def state_dict(self) -> dict[str, Any]:
        """The state and the options, in torch's form: parameters stand as running numbers.

        {"state": {number: {...}}, "param_groups": [{..., "params": [number, ...]}]}. Tensors are
        those of the optimizer, not copies.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        start = 0
        for group in self.param_groups:
            packed = {key: value for key, value in group.items() if key != "params"}
            for i, p in enumerate(group["params"], start):
                numbers.setdefault(id(p), i)
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            start += len(packed["params"])
            groups.append(packed)
        state = {
            (numbers[id(key)] if isinstance(key, Tensor) else key): value
            for key, value in self.state.items()
        }
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            replaced = hook(self, result)
            result = result if replaced is None else replaced
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned: this optimizer's or torch's, for the same groups.

        Tensors are copied and take the dtype of their parameter (but for "step"). Raises
        ValueError when the groups differ in number or size; nothing has changed then.
        """
        if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= state_dict.keys():
            raise TypeError(
                "load_state_dict: expected a dict with the keys 'state' and 'param_groups', as "
                f"Optimizer.state_dict() returns, but got {_describe(state_dict)}"
            )
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            replaced = hook(self, state_dict)
            state_dict = state_dict if replaced is None else replaced
        groups = self.param_groups
        saved = deepcopy(state_dict["param_groups"])
        _check_groups(groups, saved)
        by_number = dict(
            zip(
                chain.from_iterable(group["params"] for group in saved),
                chain.from_iterable(group["params"] for group in groups),
                strict=True,
            )
        )
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in by_number:
                self._check_loaded(key, by_number[key], value)
                state[by_number[key]] = _adapted(by_number[key], value)
            else:
                state[key] = value
        for group, fresh in zip(groups, saved, strict=True):
            fresh["params"] = group["params"]
            if "param_names" in group:
                fresh.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def _check_loaded(self, number: Any, p: Tensor, state: Any) -> None:
        """Refuse state that does not fit its parameter; optimizers with known state look."""


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step`, with the hooks around it; a subclass's step that calls its base's runs them once."""

    @functools.wraps(step)
    def call(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if self._opt_called is False:
            self._opt_called = True
        before, after = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks
        if not (before or after) or self._in_step:
            return step(self, *args, **kwargs)
        self._in_step = True
        args = (self, *args)
        try:
            for hook in list(before.values()):
                replaced = hook(self, args, kwargs)
                if replaced is None:
                    continue
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(
                        "a step pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {replaced}."
                    )
                args, kwargs = replaced
            result = step(*args, **kwargs)
            for hook in list(after.values()):
                hook(self, args, kwargs)
            return result
        finally:
            self._in_step = False

    return call


def _register(table: Any, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(table)
    table[handle.id] = hook
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


def _listed(params: Any) -> tuple[list[Any], list[str]]:
    """The tensors of a group, and their names if they came with names."""
    if isinstance(params, Tensor):
        return [params], []
    if isinstance(params, (set, frozenset)):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of "
            "tensors in sets will change between runs. Please use a list instead."
        )
    if not isinstance(params, Iterable):
        raise TypeError(
            f"a parameter group's 'params' must be tensors in a list, but got {_typename(params)}"
        )
    given = list(params)
    names = [p[0] for p in given if isinstance(p, tuple)]
    if names and len(names) != len(given):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing"
        )
    return [p[1] if isinstance(p, tuple) else p for p in given], names


def _check_groups(groups: list[Group], saved: list[Group]) -> None:
    if len(groups) != len(saved):
        raise ValueError(
            "loaded state dict has a different number of parameter groups "
            f"({len(saved)}, this optimizer has {len(groups)})"
        )
    for i, (group, other) in enumerate(zip(groups, saved, strict=True)):
        if len(group["params"]) != len(other["params"]):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                f"optimizer's group (group {i} has {len(other['params'])} parameters there and "
                f"{len(group['params'])} here)"
            )


def _adapted(p: Tensor, value: Any, key: Any = None) -> Any:
    """A copy of loaded state in the parameter's dtype; step counts keep theirs."""
    if isinstance(value, Tensor):
        keep = key == "step" or p._data.dtype.kind not in "fcV"
        return wrap(np.array(value._data, dtype=None if keep else p._data.dtype))
    if isinstance(value, dict):
        return {k: _adapted(p, v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_adapted(p, v) for v in value])
    return value


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        return f"a dict with the keys {list(value)[:6]}"
    return _typename(value)


def _typename(value: Any) -> str:
    """torch.typename: `torch.FloatTensor` for tensors, else the qualified name of the type."""
    if isinstance(value, Tensor):
        return f"torch.{value.dtype.short}Tensor"
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
