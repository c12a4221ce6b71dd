"""Floor 4: torch.library.custom_op: a Python function, opaque to autograd, as an operation.

What it does with memory is its own business (NumPy, another library); its derivative and its
behaviour under vmap are registered beside it. `torch.ops.<namespace>.<name>` finds it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..api.joining import stack
from ..autograd.function import Function
from ..autograd.lifted import bottom_arrays
from ..autograd.modes import no_grad
from ..autograd.tensor import Tensor, storage_of
from ..ops.names import NAMESPACES, CustomNamespace

__all__ = ["CustomOpDef", "custom_op"]


def custom_op(
    name: str,
    fn: Callable[..., Any] | None = None,
    /,
    *,
    mutates_args: str | Sequence[str] | set[str] = "unknown",
    device_types: str | Sequence[str] | None = None,
    schema: str | None = None,
) -> Any:
    """Make a function of Tensors an operation: a decorator.

    name: "namespace::name". mutates_args: the names of the arguments that it writes to; what it
    returns may be none of its arguments. Every argument is annotated. Derivatives are given with
    `register_autograd`. Errors: ValueError for another form of name, or a missing annotation.

    >>> import numpy as np
    >>> @torch.library.custom_op("doc::numpy_sin", mutates_args=())
    ... def numpy_sin(x: torch.Tensor) -> torch.Tensor:
    ...     return torch.from_numpy(np.sin(x.numpy()))
    >>> numpy_sin.register_autograd(
    ...     lambda ctx, grad: grad * ctx.saved_tensors[0].cos(),
    ...     setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
    ... )
    >>> x = torch.tensor([0.0, 1.0], requires_grad=True)
    >>> numpy_sin(x).sum().backward()
    >>> x.grad
    tensor([1.0000, 0.5403])
    """
    namespace, colons, own = name.partition("::")
    if not colons or not namespace.isidentifier() or not own.isidentifier():
        raise ValueError(
            f"custom_op(name={name!r}): expected a name of the form 'namespace::name', such as "
            "'mylib::linear'"
        )

    def decorate(fn: Callable[..., Any]) -> CustomOpDef:
        made = CustomOpDef(namespace, own, fn, mutates_args)
        if device_types is not None:
            made._only(device_types)
        NAMESPACES.setdefault(namespace, CustomNamespace(namespace))._operations[own] = made
        return made

    return decorate if fn is None else decorate(fn)


class CustomOpDef:
    """An operation made by `custom_op`: call it, and register what belongs to it."""

    def __init__(
        self, namespace: str, name: str, fn: Callable[..., Any], mutates_args: Any
    ) -> None:
        self._qualname = f"{namespace}::{name}"
        self._init_fn = fn
        self.__doc__ = fn.__doc__
        self.__name__ = name
        self._signature = inspect.signature(fn)
        _check_annotations(self._signature, fn)
        self._mutated = self._names_mutated(mutates_args)
        self._kernels: dict[str | None, Callable[..., Any]] = {None: fn}
        self._disabled: set[str] = set()
        self._fake: Callable[..., Any] | None = None
        self._backward: Callable[..., Any] | None = None
        self._setup: Callable[..., Any] | None = None
        self._vmap: Callable[..., Any] | None = None
        self._function = _function_of(self, f"{namespace}_{name}")

    @property
    def default(self) -> CustomOpDef:
        """The operation: `torch.ops.mylib.f.default` is `torch.ops.mylib.f`."""
        return self

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        call = Call(bound.args, bound.kwargs, len(args))
        if any(isinstance(v, Tensor) and v.is_meta for v in call.flat):
            return self._run(call, call.flat)  # an output without values has no history
        found = self._function.apply(*call.flat, call)
        for value in self._written(bound):
            storage_of(value).bump(None)
        return list(found) if call.returned_list else found

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """Give the derivative: `backward(ctx, *grads)` returns one gradient for each argument.

        setup_context: `setup_context(ctx, inputs, output)` keeps what backward needs; where there
        are keyword-only arguments, `setup_context(ctx, inputs, keyword_only_inputs, output)`.
        """
        if self._mutated:
            raise RuntimeError(
                f"Cannot register autograd formula for non-functional operator {self!r}, which "
                f"writes to {', '.join(sorted(self._mutated))}; please create a functional one"
            )
        self._backward, self._setup = backward, setup_context

    def register_vmap(self, func: Callable[..., Any] | None = None) -> Any:
        """Give the rule for batches: `func(info, in_dims, *args)` returns `(output, out_dims)`.

        Without one, vmap runs one example after the other.
        """

        def register(func: Callable[..., Any]) -> Callable[..., Any]:
            self._vmap = func
            return func

        return register if func is None else register(func)

    def register_fake(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Give what only makes an output of the right shape and dtype: for meta tensors."""
        self._fake = fn
        return fn

    def register_kernel(
        self, device_types: str | Sequence[str] | None, fn: Callable[..., Any] | None = None
    ) -> Any:
        """Give another function for a kind of device; the one for "cpu" is the one that runs."""

        def register(fn: Callable[..., Any]) -> Callable[..., Any]:
            given = [device_types] if isinstance(device_types, str) else device_types
            kinds: Sequence[str | None] = given or [None]
            self._kernels.update(dict.fromkeys(kinds, fn))
            return fn

        return register if fn is None else register(fn)

    @contextmanager
    def set_kernel_enabled(self, device_type: str, enabled: bool = True) -> Iterator[None]:
        """A block in which the function for a kind of device is used, or not."""
        before = set(self._disabled)
        (self._disabled.discard if enabled else self._disabled.add)(device_type)
        try:
            yield
        finally:
            self._disabled = before

    def _only(self, device_types: str | Sequence[str]) -> None:
        fn = self._kernels.pop(None)
        self.register_kernel(device_types, fn)

    def _kernel(self) -> Callable[..., Any]:
        found = None if "cpu" in self._disabled else self._kernels.get("cpu")
        found = found or self._kernels.get(None)
        if found is None:
            raise NotImplementedError(
                f"There was no kernel registered to {self!r} for device 'cpu': register_kernel "
                "adds one"
            )
        return found

    def _names_mutated(self, mutates_args: Any) -> frozenset[str]:
        if isinstance(mutates_args, str):
            if mutates_args != "unknown":
                raise ValueError(
                    f'mutates_args must be "unknown" or a sequence of names, got {mutates_args!r}'
                )
            return frozenset()
        unknown = set(mutates_args) - self._signature.parameters.keys()
        if unknown:
            raise ValueError(
                f"infer_schema: mutates_args names {', '.join(sorted(unknown))}, which "
                f"{self._qualname} does not have: {self._signature}"
            )
        return frozenset(mutates_args)

    def _written(self, bound: inspect.BoundArguments) -> list[Tensor]:
        found: list[Tensor] = []
        for name in self._mutated:
            value = bound.arguments[name]
            found += [value] if isinstance(value, Tensor) else list(value or ())
        return found

    def _run(self, call: Call, flat: Sequence[Any]) -> Any:
        """The function on plain tensors; what it returns is new memory."""
        plain = [v.detach() if isinstance(v, Tensor) else v for v in flat]
        args = call.arguments(plain)
        meta = any(isinstance(v, Tensor) and v.is_meta for v in plain)
        run = self._fake if meta and self._fake is not None else self._kernel()
        with no_grad():
            found = run(*args, **call.keywords)
        call.returned_list = isinstance(found, list)
        results = tuple(found) if isinstance(found, (list, tuple)) else (found,)
        if not meta:
            self._check_aliases(results, plain)
        if meta:
            return found
        return results if isinstance(found, (list, tuple)) else found

    def _check_aliases(self, results: tuple[Any, ...], plain: Sequence[Any]) -> None:
        given = [a for v in plain if isinstance(v, Tensor) for a in bottom_arrays(v)]
        for result in results:
            if isinstance(result, Tensor) and any(
                np.may_share_memory(a, b) for a in bottom_arrays(result) for b in given
            ):
                raise RuntimeError(
                    f"{self._qualname} (with implementation in {self._init_fn.__module__}): The "
                    "output of this custom operator (1) must not also be an input to this custom "
                    "operator and (2) may not alias any inputs to this custom operator or other "
                    "returns. Return a clone() of it."
                )


class Call:
    """The arguments of one call, with lists of Tensors spread out for autograd."""

    def __init__(self, args: tuple[Any, ...], keywords: dict[str, Any], given: int) -> None:
        self.keywords = keywords
        self.given = given  # how many of the arguments the caller gave by position
        self.flat: list[Any] = []
        self.sizes: list[tuple[type, int] | None] = []
        self.returned_list = False
        for value in args:
            listed = isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value)
            self.sizes.append((type(value), len(value)) if listed else None)
            self.flat += list(value) if listed else [value]

    def arguments(self, flat: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments as they were given, with other values."""
        found, at = [], 0
        for size in self.sizes:
            if size is None:
                found.append(flat[at])
                at += 1
            else:
                found.append(size[0](flat[at : at + size[1]]))
                at += size[1]
        return tuple(found)

    def spread(self, values: Sequence[Any]) -> list[Any]:
        """One value for each argument, with those for lists spread out.

        Arguments that were left to their defaults may be left out, as torch wants it.
        """
        missing = len(self.sizes) - len(values)
        if missing < 0 or (missing and len(values) != self.given):
            raise RuntimeError(
                "Expected the return from backward to be of the same structure as the inputs: "
                f"{len(self.sizes)} gradients (None where there is none), but got {len(values)}"
            )
        values = (*values, *[None] * missing)
        found: list[Any] = []
        for value, size in zip(values, self.sizes, strict=True):
            if size is None:
                found.append(value)
            else:
                found += list(value) if value is not None else [None] * size[1]
        return found


def _function_of(op: CustomOpDef, name: str) -> type[Function]:
    """The autograd Function of an operation; the last argument of a call is its Call."""

    def forward(*flat: Any) -> Any:
        return op._run(flat[-1], flat[:-1])

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        *flat, call = inputs
        ctx._of_custom_op = call
        if op._setup is not None:
            keywords = (call.keywords,) if call.keywords else ()
            result = list(output) if call.returned_list else output
            op._setup(ctx, call.arguments(flat), *keywords, result)

    def backward(ctx: Any, *grads: Any) -> Any:
        if op._backward is None:
            raise RuntimeError(
                f"Trying to backward through {op._qualname.replace('::', '.')}.default but no "
                "autograd formula was registered. Please use register_autograd to add one."
            )
        call = ctx._of_custom_op
        found = op._backward(ctx, *((list(grads),) if call.returned_list else grads))
        found = found if isinstance(found, tuple) else (found,)
        return (*call.spread(found), None)

    def vmap(info: Any, in_dims: tuple[Any, ...], *flat: Any) -> Any:
        call = flat[-1]
        if op._vmap is not None:
            dims = call.arguments(in_dims[:-1])
            return op._vmap(info, dims, *call.arguments(flat[:-1]), **call.keywords)
        each = [
            op._function.apply(
                *[v if d is None else v.select(d, i) for v, d in zip(flat[:-1], in_dims[:-1])],
                call,
            )
            for i in range(info.batch_size)
        ]
        if isinstance(each[0], tuple):
            return tuple([stack(parts) for parts in zip(*each)]), (0,) * len(each[0])
        return stack(each), 0

    rules = (forward, setup_context, backward, vmap)
    return type(
        f"GeneratedBackwardFor_{name}_default",
        (Function,),
        {rule.__name__: staticmethod(rule) for rule in rules},
    )


def _check_annotations(signature: inspect.Signature, fn: Callable[..., Any]) -> None:
    for name, parameter in signature.parameters.items():
        if parameter.annotation is inspect.Parameter.empty:
            raise ValueError(
                f"infer_schema(func): Parameter {name} must have a type annotation. Got func with "
                f"signature {signature})"
            )
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ValueError(
                f"infer_schema(func): {fn.__name__} takes any number of arguments ({parameter}); "
                "an operation has to name them"
            )
