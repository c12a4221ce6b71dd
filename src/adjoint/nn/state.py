"""Floor 5: state_dict and load_state_dict, checked as a whole before anything is written."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from adjoint.autograd.hooks import RemovableHandle
from adjoint.autograd.modes import no_grad
from adjoint.autograd.tensor import Tensor

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
    _load_state_dict_pre_hooks: Any

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
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = {"version": self._version}
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not StateDict.get_extra_state:
            destination[prefix + EXTRA] = self.get_extra_state()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook in self._state_dict_hooks.values():
            replaced = hook(self, destination, prefix, {})
            destination = destination if replaced is None else replaced
        return destination

    def register_state_dict_post_hook(self, hook: Any) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after `state_dict()`."""
        handle = RemovableHandle(self._state_dict_hooks)
        self._state_dict_hooks[handle.id] = hook
        return handle

    def register_load_state_dict_pre_hook(self, hook: Any) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, ...)` before loading; it may edit the dict."""
        handle = RemovableHandle(self._load_state_dict_pre_hooks)
        self._load_state_dict_pre_hooks[handle.id] = hook
        return handle

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy values into this module; every problem is told at once and changes nothing.

        Returns the missing and unexpected keys; with `strict` they are errors (RuntimeError).
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        given = OrderedDict(state_dict)
        plan = _LoadPlan(given)
        plan.collect(self, "")
        unexpected = [key for key in given if key not in plan.known]
        problems = list(plan.mismatches)
        if strict and unexpected:
            keys = ", ".join(f'"{k}"' for k in unexpected)
            problems.insert(0, f"Unexpected key(s) in state_dict: {keys}. ")
        if strict and plan.missing:
            keys = ", ".join(f'"{k}"' for k in plan.missing)
            problems.insert(0, f"Missing key(s) in state_dict: {keys}. ")
        if problems:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t"
                + "\n\t".join(problems)
            )
        plan.carry_out(assign)
        return _IncompatibleKeys(plan.missing, unexpected)


class _LoadPlan:
    """What loading would do, worked out before anything is written."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.known: set[str] = set()
        self.missing: list[str] = []
        self.mismatches: list[str] = []
        self.writes: list[tuple[Any, str, Tensor, Tensor]] = []
        self.extras: list[tuple[Any, Any]] = []

    def collect(self, module: Any, prefix: str) -> None:
        """Compare one module, and those below it, with what is given."""
        for hook in module._load_state_dict_pre_hooks.values():
            hook(module, self.given, prefix, {}, True, [], [], [])
        for name, value in module._own_state().items():
            self._compare(module, name, prefix + name, value)
        if type(module).set_extra_state is not StateDict.set_extra_state:
            self.known.add(prefix + EXTRA)
            if prefix + EXTRA in self.given:
                self.extras.append((module, self.given[prefix + EXTRA]))
        for name, child in module._modules.items():
            if child is not None:
                self.collect(child, f"{prefix}{name}.")

    def _compare(self, module: Any, name: str, key: str, value: Tensor) -> None:
        self.known.add(key)
        if key not in self.given:
            self.missing.append(key)
            return
        source = self.given[key]
        if not isinstance(source, Tensor):
            self.mismatches.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
                f"object from checkpoint but received {type(source)}"
            )
        elif source.shape != value.shape:
            self.mismatches.append(
                f"size mismatch for {key}: copying a param with shape {source.shape} from "
                f"checkpoint, the shape in current model is {value.shape}."
            )
        else:
            self.writes.append((module, name, value, source))

    def carry_out(self, assign: bool) -> None:
        """Write; nothing can fail any more."""
        with no_grad():
            for module, name, value, source in self.writes:
                if not assign:
                    value.copy_(source)
                elif name in module._parameters:
                    fresh = source if isinstance(source, Parameter) else None
                    module._parameters[name] = fresh or Parameter(source, value.requires_grad)
                else:
                    module._buffers[name] = source
        for module, extra in self.extras:
            module.set_extra_state(extra)
