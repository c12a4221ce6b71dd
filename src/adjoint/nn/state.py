"""Floor 5: state_dict and load_state_dict, checked as a whole before anything is written."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from adjoint.autograd.hooks import RemovableHandle
from adjoint.autograd.modes import no_grad
from adjoint.autograd.tensor import Tensor

from .global_hooks import add_hook
from .parameter import Parameter

EXTRA = "_extra_state"


class _IncompatibleKeys(NamedTuple):
    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys!r}, "
            f"unexpected_keys={self.unexpected_keys!r})"
        )


class StateDict:
    """The part of Module that saves and restores parameters and buffers."""

    _version: int = 1
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_hooks: Any
    _state_dict_pre_hooks: Any
    _load_state_dict_pre_hooks: Any
    _load_state_dict_post_hooks: Any

    def get_extra_state(self) -> Any:
        """What a subclass wants saved beside tensors; define with `set_extra_state`."""
        raise RuntimeError(f"{type(self).__name__} defines no get_extra_state")

    def set_extra_state(self, state: Any) -> None:
        """Restore what `get_extra_state` returned."""
        raise RuntimeError(f"{type(self).__name__} defines no set_extra_state")

    def _own_state(self) -> dict[str, Any]:
        """Parameters and persistent buffers of this module alone."""
        own: dict[str, Any] = {k: v for k, v in self._parameters.items() if v is not None}
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                own[name] = buffer
        return own

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """All parameters and persistent buffers by dotted path, sharing their memory.

        >>> list(torch.nn.Linear(2, 1).state_dict())
        ['weight', 'bias']
        """
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook, may_replace in self._state_dict_hooks.values():
            replaced = hook(self, destination, prefix, local)
            if replaced is not None:
                if not may_replace:
                    raise RuntimeError("state_dict post-hook must return None")
                destination = replaced
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Put what this module holds itself into `destination`; subclasses may add to it."""
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not StateDict.get_extra_state:
            destination[prefix + EXTRA] = self.get_extra_state()

    def register_state_dict_pre_hook(self, hook: Any) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before `state_dict()` looks at the module."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Any) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after `state_dict()`.

        It may change the dict, and returns None.
        """
        return add_hook(self._state_dict_hooks, (hook, False))

    def _register_state_dict_hook(self, hook: Any) -> RemovableHandle:
        """As `register_state_dict_post_hook`, for one that may return another dict."""
        return add_hook(self._state_dict_hooks, (hook, True))

    def register_load_state_dict_pre_hook(self, hook: Any) -> RemovableHandle:
        """Call a hook before this module is loaded; it may edit the dict.

        `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs)`.
        """
        return add_hook(self._load_state_dict_pre_hooks, (hook, True))

    def _register_load_state_dict_pre_hook(
        self, hook: Any, with_module: bool = False
    ) -> RemovableHandle:
        """As `register_load_state_dict_pre_hook`, for one that is not given the module."""
        return add_hook(self._load_state_dict_pre_hooks, (hook, with_module))

    def register_load_state_dict_post_hook(self, hook: Any) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after the module is loaded.

        What it takes from `incompatible_keys.missing_keys` or `.unexpected_keys` is no error.
        """
        return add_hook(self._load_state_dict_post_hooks, hook)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy values into this module; every problem is told at once and changes nothing.

        Returns the missing and unexpected keys; with `strict` they are errors (RuntimeError).
        assign: bool, keep the given tensors instead of copying their values.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        plan = LoadPlan(assign, getattr(state_dict, "_metadata", None))
        plan.collect(self, OrderedDict(state_dict), "")
        incompatible = _IncompatibleKeys(plan.missing, plan.unexpected)
        if not plan.visited_hooks:
            plan.refuse(self, strict)
            plan.carry_out()
            return incompatible
        plan.carry_out(keep_former=True)
        try:
            for module, hook in plan.visited_hooks:
                if hook(module, incompatible) is not None:
                    raise AssertionError(
                        "Hooks registered with ``register_load_state_dict_post_hook`` are not "
                        "expected to return new values, if incompatible_keys need to be modified, "
                        "it should be done inplace."
                    )
            plan.refuse(self, strict)
        except BaseException:
            plan.undo()
            raise
        return incompatible

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Take what this module holds itself from `state_dict`; subclasses may edit that before.

        Inside `load_state_dict`, values are written after all modules have been compared.
        """
        plan = error_msgs.plan if isinstance(error_msgs, _Messages) else None
        lists = (missing_keys, unexpected_keys, error_msgs)
        for hook, with_module in self._load_state_dict_pre_hooks.values():
            first = (self,) if with_module else ()
            hook(*first, state_dict, prefix, local_metadata, strict, *lists)
        if plan is not None:
            plan.compare(self, state_dict, prefix, strict, *lists)
            return
        plan = LoadPlan(local_metadata.get("assign_to_params_buffers", False))
        plan.compare(self, state_dict, prefix, strict, *lists)
        plan.carry_out()


class _Messages(list[str]):
    """What is wrong, with the plan that asks for it."""

    plan: LoadPlan


class LoadPlan:
    """What loading would do, worked out before anything is written."""

    def __init__(self, assign: bool, metadata: Any = None) -> None:
        self.assign = assign
        self.metadata = metadata
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.messages = _Messages()
        self.messages.plan = self
        self.writes: list[tuple[Any, str, Tensor, Tensor]] = []
        self.extras: list[tuple[Any, Any]] = []
        self.visited_hooks: list[tuple[Any, Any]] = []
        self.former: list[tuple[Any, str, Tensor, Tensor]] = []

    def collect(self, module: Any, given: Any, prefix: str) -> None:
        """Compare one module, and those below it, with what is given."""
        local = {} if self.metadata is None else dict(self.metadata.get(prefix[:-1], {}))
        if self.assign:
            local["assign_to_params_buffers"] = True
        module._load_from_state_dict(
            given, prefix, local, True, self.missing, self.unexpected, self.messages
        )
        for name, child in module._modules.items():
            if child is not None:
                inner = f"{prefix}{name}."
                part = OrderedDict([item for item in given.items() if item[0].startswith(inner)])
                self.collect(child, part, inner)
        hooks = module._load_state_dict_post_hooks.values()
        self.visited_hooks += [(module, hook) for hook in hooks]

    def compare(
        self,
        module: Any,
        given: Any,
        prefix: str,
        strict: bool,
        missing: list[str],
        unexpected: list[str],
        messages: list[str],
    ) -> None:
        """Compare what one module holds itself with what is given, and note what to write."""
        own = module._own_state()
        for name, value in own.items():
            key = prefix + name
            if key in given:
                self._compare_one(module, name, key, value, given[key], messages)
            elif strict:
                missing.append(key)
        extra = prefix + EXTRA
        takes_extra = type(module).set_extra_state is not StateDict.set_extra_state
        if takes_extra and extra in given:
            self.extras.append((module, given[extra]))
        elif strict and takes_extra:
            missing.append(extra)
        elif strict and extra in given:
            unexpected.append(extra)
        for key in given if strict else ():
            if key.startswith(prefix) and key != extra:
                name, dot, _ = key[len(prefix) :].partition(".")
                if name not in (module._modules if dot else own):
                    unexpected.append(key)

    def _compare_one(
        self, module: Any, name: str, key: str, value: Tensor, source: Any, messages: list[str]
    ) -> None:
        if not isinstance(source, Tensor):
            messages.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
                f"object from checkpoint but received {type(source)}"
            )
        elif source.shape != value.shape:
            messages.append(
                f"size mismatch for {key}: copying a param with shape {source.shape} from "
                f"checkpoint, the shape in current model is {value.shape}."
            )
        else:
            self.writes.append((module, name, value, source))

    def refuse(self, module: Any, strict: bool) -> None:
        """RuntimeError if something does not fit."""
        problems = list(self.messages)
        for what, keys in (("Unexpected", self.unexpected), ("Missing", self.missing)):
            if strict and keys:
                listed = ", ".join(f'"{key}"' for key in keys)
                problems.insert(0, f"{what} key(s) in state_dict: {listed}. ")
        if problems:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(module).__name__}:\n\t"
                + "\n\t".join(problems)
            )

    def carry_out(self, keep_former: bool = False) -> None:
        """Write; nothing can fail any more, but hooks: then `undo` needs what was there."""
        with no_grad():
            for module, name, value, source in self.writes:
                if keep_former:
                    self.former.append((module, name, value, value.detach().clone()))
                if not self.assign:
                    value.copy_(source)
                elif name in module._parameters:
                    fresh = source if isinstance(source, Parameter) else None
                    module._parameters[name] = fresh or Parameter(source, value.requires_grad)
                else:
                    module._buffers[name] = source
        for module, extra in self.extras:
            module.set_extra_state(extra)

    def undo(self) -> None:
        """Give every parameter and buffer the tensor and the values that it had."""
        with no_grad():
            for module, name, value, values in self.former:
                holder = module._parameters if name in module._parameters else module._buffers
                holder[name] = value
                value.copy_(values)
