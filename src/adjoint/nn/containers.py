"""Floor 5: modules that hold modules or parameters: Sequential, ModuleList, ModuleDict, ..."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .module import Module
from .parameter import Parameter


def _position(index: int, size: int, what: str) -> int:
    if not -size <= index < size:
        raise IndexError(f"index {index} is out of range: this {what} has {size} entries")
    return index % size


class _List(Module):
    """Numbered submodules, for Sequential and ModuleList."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._from(list(self._modules.items())[index])
        names = list(self._modules)
        return self._modules[names[_position(index, len(names), type(self).__name__)]]

    def _from(self, items: list[tuple[str, Any]]) -> Any:
        return type(self)([module for _, module in items])

    def __setitem__(self, index: int, module: Module) -> None:
        names = list(self._modules)
        setattr(self, names[_position(index, len(names), type(self).__name__)], module)

    def __delitem__(self, index: Any) -> None:
        names = list(self._modules)
        chosen = (
            names[index]
            if isinstance(index, slice)
            else [names[_position(index, len(names), type(self).__name__)]]
        )
        kept = [m for n, m in self._modules.items() if n not in chosen]
        self._modules.clear()
        self._modules.update((str(i), m) for i, m in enumerate(kept))

    def append(self, module: Module) -> Any:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add several modules at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before position `index`."""
        entries = list(self._modules.values())
        entries.insert(index, module)
        if not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self._modules.clear()
        self._modules.update((str(i), m) for i, m in enumerate(entries))
        return self

    def pop(self, key: int) -> Module:
        """Remove and return the module at a position."""
        module: Module = self[key]
        del self[key]
        return module


class Sequential(_List):
    """Modules run one after the other, each on the previous one's output.

    >>> torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU())
    Sequential(
      (0): Flatten(start_dim=1, end_dim=-1)
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(args):
                self.add_module(str(i), module)

    def _from(self, items: list[tuple[str, Any]]) -> Any:
        return type(self)(OrderedDict(items))

    def forward(self, input: Any) -> Any:
        """Run the modules in order."""
        for module in self._modules.values():
            input = module(input)  # type: ignore[misc]
        return input


class ModuleList(_List):
    """A list of modules whose parameters are found.

    >>> layers = nn.ModuleList([nn.Linear(2, 3), nn.Linear(3, 1)])
    >>> len(list(layers.parameters()))
    4
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __iadd__(self, modules: Iterable[Module]) -> ModuleList:
        self.extend(modules)
        return self

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __repr__(self) -> str:
        """As torch: runs of equal modules are written once, `(0-2): 3 x Linear(...)`."""
        runs: list[tuple[int, int, str]] = []
        for i, text in enumerate(repr(module) for module in self):
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], i, text)
            else:
                runs.append((i, i, text))
        if not runs:
            return f"{self._get_name()}()"
        lines = []
        for first, last, text in runs:
            label = f"({first})" if first == last else f"({first}-{last})"
            count = "" if first == last else f"{last - first + 1} x "
            lines.append(f"{label}: {count}" + text.replace("\n", "\n  "))
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


class ModuleDict(Module):
    """A dictionary of modules whose parameters are found.

    >>> heads = nn.ModuleDict({"small": nn.Linear(4, 2), "large": nn.Linear(4, 8)})
    >>> heads["large"](torch.zeros(1, 4)).shape
    torch.Size([1, 8])
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def items(self) -> Any:
        """Names and modules."""
        return self._modules.items()

    def pop(self, key: str) -> Any:
        """Remove and return a module."""
        return self._modules.pop(key)

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def update(self, modules: Any) -> None:
        """Add modules from a mapping or pairs."""
        for key, module in modules.items() if hasattr(modules, "items") else modules:
            self[key] = module


class ParameterList(Module):
    """A list of parameters that are found; tensors become parameters.

    >>> weights = nn.ParameterList([nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(1))])
    >>> [p.shape for p in weights.parameters()]
    [torch.Size([2]), torch.Size([1])]
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        for value in values or ():
            self.append(value)

    def append(self, value: Any) -> ParameterList:
        """Add a parameter (or a tensor, made one) at the end."""
        self.register_parameter(
            str(len(self)), value if isinstance(value, Parameter) else Parameter(value)
        )
        return self

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())

    def __getitem__(self, index: int) -> Any:
        return self._parameters[str(_position(index, len(self), "ParameterList"))]

    def __setitem__(self, index: int, value: Any) -> None:
        key = str(_position(index, len(self), "ParameterList"))
        self._parameters[key] = value if isinstance(value, Parameter) else Parameter(value)

    def extra_repr(self) -> str:
        return _listed((i, f"torch.{p.dtype.name}", p) for i, p in enumerate(self))


def _listed(entries: Iterable[tuple[Any, str, Any]]) -> str:
    """One line for each parameter, by key and kind, indented as torch prints them."""
    return "\n".join(
        f"  ({key}): Parameter containing: [{kind} of size {'x'.join(map(str, p.shape))}]"
        for key, kind, p in entries
    )


class ParameterDict(Module):
    """A dictionary of parameters that are found; tensors become parameters.

    It keeps the order in which keys are set. `update`, and so the constructor, takes what a plain
    dict holds in the order of its sorted keys, as torch does: that of a state dict follows from it.

    >>> scales = nn.ParameterDict({"a": nn.Parameter(torch.ones(2))})
    >>> [name for name, _ in scales.named_parameters()]
    ['a']
    """

    def __init__(self, parameters: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        if parameters is not None:
            self.update(parameters)

    def update(self, parameters: Any) -> None:
        """Set several: of a mapping, or of pairs of key and value."""
        if isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict):
            parameters = dict(sorted(parameters.items()))
        items = parameters.items() if hasattr(parameters, "items") else parameters
        for key, value in items:
            self[key] = value

    def __getitem__(self, key: str) -> Any:
        return self._parameters[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._parameters[key] = value if isinstance(value, Parameter) else Parameter(value)

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __contains__(self, key: str) -> bool:
        return key in self._parameters

    def keys(self) -> Any:
        """The names."""
        return self._parameters.keys()

    def values(self) -> Any:
        """The parameters."""
        return self._parameters.values()

    def items(self) -> Any:
        """Names and parameters."""
        return self._parameters.items()

    def extra_repr(self) -> str:
        return _listed((key, p.data.type(), p) for key, p in self.items())
