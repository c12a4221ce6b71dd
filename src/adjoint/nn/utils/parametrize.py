"""Floor 5: torch.nn.utils.parametrize: a module's tensor as a function of what is trained.

The module gets a class of its own, in which the tensor is a property: reading it runs the
parametrization, assigning to it runs its right inverse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from adjoint.autograd.modes import no_grad
from adjoint.autograd.tensor import Tensor

from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_depth = 0  # of `cached` blocks
_cache: dict[tuple[int, str], Tensor] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Compute every parametrized tensor once within the block, however often it is read.

    Blocks nest; what was computed is forgotten at the end of the outermost.

    >>> P = torch.nn.utils.parametrize
    >>> with P.cached():
    ...     pass
    """
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, first to last, and what they begin with.

    That is `original`, or `original0`, `original1`, ... where the right inverse of the first gives
    several tensors. Made by `register_parametrization`.
    """

    original: Any

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        like = original.detach()
        begin: Any = original
        with no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    try:
                        begin = module.right_inverse(begin)
                    except NotImplementedError:
                        pass  # then the tensor itself is the best there is to begin with
        self.is_tensor = isinstance(begin, Tensor)
        if not self.is_tensor and not isinstance(begin, Sequence):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(begin).__name__}"
            )
        self.ntensors = 1 if self.is_tensor else len(begin)
        if self.is_tensor:
            _check_dtype(original, begin)
            if begin is not original:
                original.data = begin
            self._hold("original", original, original)
        else:
            for i, tensor in enumerate(begin):
                if not isinstance(tensor, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                        f"tuple...). Got element {i} of the sequence with type "
                        f"{type(tensor).__name__}."
                    )
                self._hold(f"original{i}", tensor, original)
        if not unsafe:
            _check_result(self(), like)

    def _hold(self, name: str, tensor: Tensor, original: Tensor) -> None:
        """Keep a tensor as a parameter where the parametrized one was, else as a buffer."""
        if not isinstance(original, Parameter):
            self.register_buffer(name, tensor)
        elif tensor is original:
            self.register_parameter(name, original)
        else:
            self.register_parameter(name, Parameter(tensor, original.requires_grad))

    def _originals(self) -> list[Tensor]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Set what is trained so that the parametrized tensor becomes `value`."""
        with no_grad():
            begin: Any = value
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                begin = module.right_inverse(begin)
            if self.is_tensor:
                if not isinstance(begin, Tensor):
                    raise ValueError(
                        f"`right_inverse` should return a tensor. Got {type(begin).__name__}"
                    )
                _check_dtype(self.original, begin)
                begin = [begin]
            elif not isinstance(begin, Sequence) or len(begin) != self.ntensors:
                raise ValueError(
                    f"'right_inverse' must return a sequence of {self.ntensors} tensors, as it "
                    f"did when it was registered. Got {type(begin).__name__}"
                )
            for own, new in zip(self._originals(), begin):
                own.data = new.detach()

    def forward(self) -> Tensor:
        first, *others = list(self)
        x: Tensor = first(*self._originals())
        for module in others:
            x = module(x)
        return x


def _check_dtype(original: Tensor, begin: Tensor) -> None:
    if original.dtype != begin.dtype:
        raise ValueError(
            "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
            f"original.dtype: {original.dtype}\nright_inverse(original).dtype: {begin.dtype}"
        )


def _check_result(made: Any, like: Any) -> None:
    """What a parametrization makes has the dtype and the shape of what it replaces."""
    if not isinstance(made, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(made).__name__}.")
    for what, got, expected in (
        ("dtype", made.dtype, like.dtype),
        ("shape", made.shape, like.shape),
    ):
        if got != expected:
            raise ValueError(
                f"Registering a parametrization may not change the {what} of the tensor, unless "
                f"`unsafe` flag is enabled.\nunparametrized {what}: {expected}\n"
                f"parametrized {what}: {got}"
            )


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Make a parameter or buffer a function of what is trained: `parametrization(original)`.

    Several may be registered, and are applied in that order. A `right_inverse` method makes the
    tensor assignable, and gives what is trained at first. unsafe: bool, allow a change of dtype or
    shape, and spare the check of it. Errors: ValueError for a name that the module does not have,
    or where the result does not fit; the module is then as before.

    >>> P = torch.nn.utils.parametrize
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).mT
    >>> m = nn.Linear(3, 3)
    >>> m = P.register_parametrization(m, "weight", Symmetric())
    >>> torch.equal(m.weight, m.weight.mT), [name for name, _ in m.named_parameters()]
    (True, ['bias', 'parametrizations.weight.original'])
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        found: Any = module.parametrizations[tensor_name]
        if not unsafe:
            _check_appended(parametrization, getattr(module, tensor_name))
        found.append(parametrization)
        found.unsafe |= unsafe
        return module
    held: Any = module._parameters if tensor_name in module._parameters else module._buffers
    original = held.get(tensor_name)
    if original is None:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    before = original._data
    try:
        made = ParametrizationList([parametrization], original, unsafe)
    except BaseException:
        original._data = before
        raise
    delattr(module, tensor_name)
    if not is_parametrized(module):
        _give_class(module)
        module.parametrizations = ModuleDict()
    _give_property(type(module), tensor_name)
    module.parametrizations[tensor_name] = made
    return module


def _check_appended(parametrization: Any, value: Tensor) -> None:
    made = parametrization(value)
    _check_result(made, value)
    if hasattr(parametrization, "right_inverse"):
        try:
            back = parametrization.right_inverse(made)
        except NotImplementedError:
            return
        if not isinstance(back, Tensor):
            raise ValueError(
                f"parametrization.right_inverse must return a tensor. Got: {type(back).__name__}"
            )
        _check_result(back, value)


def _give_class(module: Module) -> None:
    """Make the module an instance of a class of its own: properties belong to classes."""
    cls = type(module)

    def refuse(self: Any) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(). See "
            "Module.state_dict and load_state_dict"
        )

    def copy(self: Any, memo: dict[int, Any]) -> Any:
        replica = self.__new__(type(self))
        memo[id(self)] = replica
        vars(replica).update(deepcopy(vars(self), memo))
        _give_class(replica)  # its own, so that removing one's parametrization leaves the other's
        for name in self.parametrizations:
            _give_property(type(replica), name)
        return replica

    base = type_before_parametrizations(module) if is_parametrized(module) else cls
    fields: dict[str, Any] = {"__getstate__": refuse, "__module__": base.__module__}
    if not hasattr(base, "__deepcopy__"):
        fields["__deepcopy__"] = copy
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), fields)


def _give_property(cls: Any, name: str) -> None:
    def read(self: Any) -> Tensor:
        made = self.parametrizations[name]
        if not _depth:
            return made()
        key = id(self), name
        if key not in _cache:
            _cache[key] = made()
        return _cache[key]

    def write(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)
        _cache.pop((id(self), name), None)

    setattr(cls, name, property(read, write))


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations, or one of this tensor.

    >>> torch.nn.utils.parametrize.is_parametrized(nn.Linear(2, 2))
    False
    """
    found: Any = vars(module).get("_modules", {}).get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a parametrized tensor a parameter or buffer again.

    leave_parametrized: bool, with the value that it has now, else with the `original` one, which
    there is only where what is trained is one tensor. Errors: ValueError otherwise, and for a
    tensor that is not parametrized.

    >>> P = torch.nn.utils.parametrize
    >>> m = nn.Linear(2, 2)
    >>> m = P.register_parametrization(m, "weight", nn.Identity())
    >>> P.remove_parametrizations(m, "weight")
    Linear(in_features=2, out_features=2, bias=True)
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    made: Any = module.parametrizations[tensor_name]
    if made.is_tensor:
        original = made.original
        if leave_parametrized:
            with no_grad():
                original.data = getattr(module, tensor_name).detach()
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if isinstance(original, Parameter):
        module.register_parameter(tensor_name, original)
    else:
        module.register_buffer(tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    _cache.pop((id(module), tensor_name), None)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that the module had.

    >>> m = torch.nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> type(m).__name__, torch.nn.utils.parametrize.type_before_parametrizations(m).__name__
    ('ParametrizedLinear', 'Linear')
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Register the parametrizations of one module on another, with the values they begin with.

    tensor_name: str, those of one tensor only. Errors: RuntimeError for a module that has none.
    """
    if not is_parametrized(from_module):
        raise RuntimeError(f"{from_module} has no parametrizations to transfer")
    names = list(from_module.parametrizations) if tensor_name is None else [tensor_name]
    for name in names:
        source: Any = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach()))
        for parametrization in source:
            register_parametrization(to_module, name, parametrization, unsafe=source.unsafe)
        target: Any = to_module.parametrizations[name]
        for own, new in zip(target._originals(), source._originals()):
            own.data = new.detach().clone()
    return to_module
