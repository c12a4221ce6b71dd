"""Floor 5: the step of optimizers that update every element by itself, on bare arrays.

Walks over the parameters, prepares state and scratch memory, and calls the kernel that the
optimizer made for its options. Large arrays are worked through in blocks that stay in the cache:
a step makes about a dozen passes, and memory would be read anew in each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from adjoint.arrays import dtypes
from adjoint.arrays.pieces import starts
from adjoint.autograd import origin
from adjoint.autograd.modes import enable_grad
from adjoint.autograd.tensor import Tensor, storage_of, wrap

from .optimizer import Group, Optimizer

__all__ = ["ElementwiseOptimizer", "Kernel", "check_options", "number", "scalar"]

Array = Any
# Writes the new values into the parameter and the slots; `work` is scratch of the same shape.
Kernel = Callable[[Array, Array, Sequence[Array], Sequence[Array]], None]

# Elements: 512 KiB of float32 each for parameter, gradient, state and scratch. Measured on 4 M
# elements, AdamW: 6.8 ms in blocks of this size, 9.6 ms in blocks of 8192, 13 ms in one go.
_BLOCK = 1 << 17
_FLOAT32 = np.dtype(np.float32)


class ElementwiseOptimizer(Optimizer):
    """The base of the built-in optimizers: a subclass names its state and makes its kernel."""

    _WORK = 1  # how many scratch arrays the kernel takes
    _COUNTS = True  # whether state["step"] counts the updates of each parameter

    _scratch: Scratch | None = None

    def _slots(self, group: Group) -> tuple[str, ...]:
        """The names of the arrays that are kept for each parameter."""
        raise NotImplementedError  # every optimizer defines it

    def _kernel(self, group: Group, step: Any, fill: Callable[[float], Array]) -> Kernel:
        """The update at `step`, which `_advance` returned; `fill` makes constants."""
        raise NotImplementedError  # every optimizer defines it

    def _decays_weights(self, group: Group) -> bool:
        """Whether weight decay is added to the gradient (and not handled by the kernel)."""
        return number(group["weight_decay"]) != 0

    def _start(self, p: Tensor, group: Group, state: dict[str, Any]) -> None:
        """Make the state that is missing: zeros like the parameter, step 0."""
        if self._COUNTS and "step" not in state:
            state["step"] = scalar(0.0)
        for name in self._slots(group):
            if name not in state:
                state[name] = wrap(np.zeros_like(p._data))

    def _advance(self, group: Group, state: dict[str, Any], fresh: bool) -> Any:
        """Count the step in `state`; returns what the kernel needs beside the options."""
        count = state["step"]._data
        count += 1
        return float(count)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns what `closure` returned, if given."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        writer = origin.caller(2)
        with np.errstate(all="ignore"):  # a diverging run shows inf and nan, as torch's does
            for group in self.param_groups:
                self._step_group(group, writer)
        return loss

    def _step_group(self, group: Group, writer: origin.Origin) -> None:
        slots = self._slots(group)
        negate, decay = group.get("maximize", False), self._decays_weights(group)
        made_for: tuple[Any, Any] | None = None
        step: Any = None
        arrays: Sequence[Array] = ()
        for p in group["params"]:
            meta = p._meta
            if meta is None or meta.grad is None:
                continue
            data, grad = p._data, meta.grad._data
            if slots:
                state = self.state[p]
                try:
                    arrays = [state[name]._data for name in slots]
                    fresh = False
                except KeyError:  # the first step, or an option was switched on since
                    self._start(p, group, state)
                    arrays = [state[name]._data for name in slots]
                    fresh = True
                step = self._advance(group, state, fresh)
            dtype = data.dtype
            if (step, dtype) != made_for:
                made_for = step, dtype
                kernel = self._kernel(group, step, _filler(dtype))
                if negate or decay:
                    kernel = _with_gradient(kernel, group, negate, decay, _filler(dtype))
            storage = p._storage
            if storage is None:
                storage = storage_of(p)
            storage.bump(writer)  # before the write, which saved values may have to outlive
            if dtype.kind == "f" and dtype.itemsize > 2 and data.size <= _BLOCK:
                kernel(data, grad, arrays, self._work(data))
            else:
                self._apply(kernel, data, grad, arrays)

    def _work(self, like: Array) -> Sequence[Array]:
        scratch = self._scratch
        if scratch is None:
            scratch = self._scratch = Scratch(self._WORK + 1)  # one more for the gradient's change
        return scratch.like(like)

    def _apply(self, kernel: Kernel, data: Array, grad: Array, arrays: Sequence[Array]) -> None:
        """Large arrays in blocks, complex ones as pairs of reals, half precision in float32."""
        if data.dtype.kind == "c":
            for part in ("real", "imag"):
                views = [getattr(a, part) for a in (data, grad, *arrays)]
                self._apply(kernel, views[0], views[1], views[2:])
            return
        for rows in _blocks(data):
            parts = [a[rows] for a in (data, grad, *arrays)]
            if data.dtype.itemsize > 2:
                kernel(parts[0], parts[1], parts[2:], self._work(parts[0]))
                continue
            wide = [a.astype(np.float32) for a in parts]
            kernel(wide[0], wide[1], wide[2:], self._work(wide[0]))
            del parts[1], wide[1]  # the gradient is not written
            for narrow, values in zip(parts, wide):
                np.copyto(narrow, values, casting="unsafe")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for kept in self.state.values():  # old checkpoints count in Python numbers
            if isinstance(kept, dict) and isinstance(kept.get("step"), (int, float)):
                kept["step"] = scalar(float(kept["step"]))

    def _check_loaded(self, number: Any, p: Tensor, state: Any) -> None:
        names = {name for group in self.param_groups for name in self._slots(group)}
        for name in names & state.keys():
            value = state[name]
            if isinstance(value, Tensor) and value._data.shape != p._data.shape:
                raise ValueError(
                    f"loaded state dict: {name} of parameter {number} has shape "
                    f"{list(value._data.shape)}, but the parameter has shape "
                    f"{list(p._data.shape)}; the checkpoint is of another model"
                )


class Scratch:
    """Memory that kernels write intermediate values to, shaped like what they work on."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._flat: dict[Any, list[Array]] = {}
        self._views: dict[Any, list[Array]] = {}

    def like(self, array: Array) -> Sequence[Array]:
        """Arrays of the same shape, dtype and order; valid until the next call."""
        dtype = array.dtype
        key = (array.shape, array.strides, dtype)
        views = self._views.get(key)
        if views is None:
            flat = self._flat.get(dtype)
            if flat is None or flat[0].size < array.size:
                flat = [np.empty(array.size, dtype) for _ in range(self._count)]
                self._flat[dtype] = flat
                self._views.clear()  # lest they keep the smaller memory alive
            fortran = array.flags.f_contiguous and not array.flags.c_contiguous
            order = "F" if fortran else "C"
            views = [f[: array.size].reshape(array.shape, order=order) for f in flat]
            self._views[key] = views
        return views


def _with_gradient(
    kernel: Kernel, group: Group, negate: bool, decay: bool, fill: Callable[[float], Array]
) -> Kernel:
    """`kernel`, on the negated gradient and with the decay of weights added to it."""
    weight_decay = fill(number(group["weight_decay"])) if decay else None

    def update(p: Array, g: Array, slots: Sequence[Array], work: Sequence[Array]) -> None:
        changed = work[-1]
        if weight_decay is None:
            np.negative(g, changed)
        else:
            np.multiply(p, weight_decay, changed)
            (np.subtract if negate else np.add)(changed, g, changed)
        kernel(p, changed, slots, work)

    return update


def _filler(dtype: Any) -> Callable[[float], Array]:
    """Makes 0-d constants of the dtype that kernels compute in: ufuncs take them fastest."""
    if dtype.kind == "c":
        dtype = np.empty(0, dtype).real.dtype
    elif dtype.itemsize == 2:
        dtype = _FLOAT32
    return lambda value: np.array(value, dtype)


def _blocks(array: Array) -> Iterator[Any]:
    """Subscripts that cut an array along its first axis into blocks that stay in the cache."""
    if array.size <= _BLOCK or array.ndim == 0:
        yield ...
        return
    rows = max(1, _BLOCK * len(array) // array.size)
    for start in starts(len(array), rows):
        yield slice(start, start + rows)


def scalar(value: float) -> Tensor:
    """A 0-d tensor in which step counts and their like are kept."""
    double = dtypes.get_default_dtype() is dtypes.float64
    t: Tensor = wrap(np.array(value, np.float64 if double else np.float32))
    return t


def number(value: Any) -> float:
    """An option as a Python float; it may be a Tensor of one element."""
    return float(value._data.item() if isinstance(value, Tensor) else value)


def check_options(options: Group) -> None:
    """Make torch's checks that optimizers share, by the options' names; ValueError says which."""
    lr = options["lr"]
    if isinstance(lr, Tensor) and lr._data.size != 1:
        raise ValueError(f"Tensor lr must be 1-element, but has {lr._data.size}")
    for name, title in _AT_LEAST_ZERO.items():
        if name in options and not number(options[name]) >= 0:
            raise ValueError(f"Invalid {title}: {options[name]} ({name} has to be at least 0)")
    for i, beta in enumerate(options.get("betas", ())):
        if not 0.0 <= number(beta) < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
    if options.get("fused") and options.get("differentiable"):
        raise RuntimeError("`fused` does not support `differentiable`")
    if options.get("fused") and options.get("foreach"):
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    if options.get("differentiable"):
        raise NotImplementedError(
            "differentiable=True is not supported: step() writes arrays in place and records "
            "nothing. To differentiate through an update, compute it with tensor operations "
            "(p - lr * g, with g of torch.autograd.grad(..., create_graph=True))."
        )


# In the order in which torch looks at them.
_AT_LEAST_ZERO = {
    "lr": "learning rate",
    "lr_decay": "lr_decay value",
    "eps": "epsilon value",
    "momentum": "momentum value",
    "weight_decay": "weight_decay value",
    "initial_accumulator_value": "initial_accumulator_value value",
    "alpha": "alpha value",
    "momentum_decay": "momentum_decay value",
}
