"""Floor 5: Modules as functions of their parameters: functional_call, stack_module_state.

Knows a Module by its methods only, not the room where it is defined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import adjoint.api as api
from adjoint.autograd.tensor import Tensor

_ABSENT = object()  # stands for no value


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a Module with other parameters and buffers than its own, which it keeps.

    - `parameter_and_buffer_dicts`: Tensors by name, as in `named_parameters()`; or several such
      dictionaries without a common name. What is not named is the module's own; a name that the
      module does not have is an attribute during the call.
    - `args`: the tuple of positional arguments, or one argument alone.
    - `tie_weights`: whether a value for one name of a shared parameter is for all its names.
    - `strict`: whether every parameter and buffer has to be named.

    Raises ValueError for names in several dictionaries and values that differ for tied names,
    AttributeError for names of modules that are not there and, with `strict`, RuntimeError for
    unknown and missing names. The module is as it was afterwards, whatever happens in the call; a
    buffer that the call assigns anew goes into the dictionary (if one alone was given).

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> torch.func.functional_call(layer, {"weight": torch.ones(1, 2)}, torch.tensor([3.0, 4.0]))
    tensor([7.])
    """
    values = _merged(parameter_and_buffer_dicts)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with replaced_state(module, values, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def _merged(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, Sequence):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    if not all(isinstance(d, dict) for d in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    repeated = [key for key, n in Counter(k for d in dicts for k in d).items() if n > 1]
    if repeated:
        raise ValueError(
            f"{repeated} appeared in multiple dictionaries; behavior of functional call is "
            "ambiguous"
        )
    return {k: v for d in dicts for k, v in d.items()}


def _tables(module: Any) -> dict[str, tuple[dict[str, Any], str]]:
    """For each name of a parameter or buffer, the dictionary and the key where it is held."""
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for path, inner in module.named_modules(remove_duplicate=False):
        for table in (inner._parameters, inner._buffers):
            for key, value in table.items():
                if value is not None:
                    found[f"{path}.{key}" if path else key] = (table, key)
    return found


@contextmanager
def replaced_state(
    module: Any, values: dict[str, Any], tie_weights: bool, strict: bool
) -> Iterator[None]:
    """Hold other parameters and buffers for a while; what is assigned goes into `values`."""
    given = values
    tables = _tables(module)
    unexpected = [name for name in values if name not in tables]
    if tie_weights:
        values = _tied(tables, values)
    missing = [name for name in tables if name not in values] if strict else []
    if (strict and unexpected) or missing:
        wrong = (("Unexpected", unexpected), ("Missing", missing))
        told = [f"\n\t{what} key(s): {str(sorted(n))[1:-1]}." for what, n in wrong if n]
        raise RuntimeError(
            f"Error(s) in reparametrizing for {type(module).__name__}:" + "".join(told)
        )
    tables.update({name: _place(module, name) for name in unexpected})
    for name, value in values.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} has to be a Tensor, but got {type(value).__name__}")
    before = {name: tables[name][0].get(tables[name][1], _ABSENT) for name in values}
    try:
        for name, value in values.items():
            table, key = tables[name]
            table[key] = value
        yield
    finally:
        for name, value in before.items():
            table, key = tables[name]
            if name in given and table.get(key) is not None:
                given[name] = table[key]
            if value is _ABSENT:
                table.pop(key, None)
            else:
                table[key] = value


def _place(module: Any, name: str) -> tuple[dict[str, Any], str]:
    """Where a Tensor is held that is no parameter or buffer now: None, or an attribute."""
    path, _, key = name.rpartition(".")
    owner = dict(module.named_modules(remove_duplicate=False)).get(path)
    if owner is None:
        raise AttributeError(
            f"{type(module).__name__} has no module named {path!r}, so none for {name!r}; it has "
            f"{', '.join(_tables(module)) or 'no parameters or buffers'}"
        )
    for table in (owner._parameters, owner._buffers):
        if key in table:
            return table, key
    present = getattr(owner, key, None)
    if present is not None and not isinstance(present, Tensor):
        raise TypeError(
            f"{name} is a {type(present).__name__} of the module, which no Tensor can stand for"
        )
    return owner.__dict__, key


def _tied(tables: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The same value for every name of a shared parameter."""
    names: dict[int, list[str]] = {}
    for name, (table, key) in tables.items():
        names.setdefault(id(table[key]), []).append(name)
    found = dict(values)
    for group in names.values():
        given = [name for name in group if name in values]
        if not given:
            continue
        if any(values[name] is not values[given[0]] for name in given):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(given)}, which are tied. "
                "Consider using tie_weights=False"
            )
        found.update(dict.fromkeys(group, values[given[0]]))
    return found


def stack_module_state(models: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of several Modules of one class, stacked by name.

    For an ensemble: `vmap` over the first dimension, with `functional_call` inside. Each stacked
    parameter (n, *shape) is a new leaf. Raises RuntimeError for no models, for classes, modes and
    `requires_grad` that differ.

    >>> models = [nn.Linear(2, 3) for _ in range(4)]
    >>> params, buffers = torch.func.stack_module_state(models)
    >>> params["weight"].shape
    torch.Size([4, 3, 2])
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    first = models[0]
    if any(m.training is not first.training for m in models):
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if any(type(m) is not type(first) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    params = _stacked([dict(m.named_parameters()) for m in models])
    buffers = _stacked([dict(m.named_buffers()) for m in models])
    return params, buffers


def _stacked(dicts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    found = {}
    for name in dicts[0]:
        tensors = [d[name] for d in dicts]
        tracked = tensors[0].requires_grad
        if any(t.requires_grad is not tracked for t in tensors):
            raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
        stacked = api.FUNCTIONS["stack"]([t.detach() for t in tensors])
        found[name] = stacked.requires_grad_(tracked)
    return found


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Make every batch norm of a Module normalize by its batch alone; returns the Module.

    Running statistics are written into buffers that all examples share, which `vmap` cannot do: in
    place, they are dropped (`running_mean`, `running_var` and `num_batches_tracked` are None).

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    >>> torch.func.replace_all_batch_norm_modules_(model)[1].running_mean is None
    True
    """
    for module in root.modules():
        is_batch_norm = any(kind.__name__ == "_BatchNorm" for kind in type(module).__mro__)
        if is_batch_norm and module.track_running_stats:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
