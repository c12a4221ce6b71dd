"""Floor 1: torch.autograd.gradcheck: gradients held to finite differences.

The slow mode compares whole Jacobians, the fast one a random bilinear form of each. What is checked
besides: determinism, shapes and types, linearity in the cotangent, unused outputs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arrays import dtypes
from .derivatives import as_tuple, grad
from .function_node import FunctionNode
from .gradcheck_errors import GradcheckError, mismatch, slow_message
from .gradcheck_levels import (
    check_batched,
    check_batched_forward,
    check_forward,
    check_undefined_forward,
)
from .jacobians import IMAGINARY, REAL, Numerical, analytical, part_of, pull, stacked
from .modes import no_grad
from .tape import edge_of
from .tensor import Tensor, wrap

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class _Options(NamedTuple):
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    check_undefined_grad: bool
    check_grad_dtypes: bool
    fast_mode: bool
    masked: bool
    batched: bool
    batched_forward: bool
    forward: bool
    backward: bool


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` agree with central differences.

    |analytical − numerical| ≤ atol + rtol |numerical|, for every element of every output that
    requires grad and every element of every input that does. Inputs should be float64 or
    complex128. `nondet_tol`: how far two runs of backward may differ. `fast_mode` compares one
    random projection of each Jacobian instead, which is what to use for large inputs.
    `check_forward_ad` holds forward mode to the differences too (alone with
    `check_backward_ad=False`); `check_batched_grad` and `check_batched_forward_grad` compare
    several derivatives computed at once, by vmap, with one after the other.
    Returns True, or raises GradcheckError (returns False when `raise_exception` is False).

    >>> x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(torch.sin, (x,))
    True
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    if check_batched_grad and not check_backward_ad:
        raise AssertionError(
            "Setting check_batched_grad=True requires check_backward_ad to be True"
        )
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError(
            "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
        )
    options = _Options(
        eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes, fast_mode,
        bool(masked), check_batched_grad, check_batched_forward_grad, check_forward_ad,
        check_backward_ad,
    )  # fmt: skip
    if raise_exception:
        return _check(func, as_tuple(inputs), options)
    try:
        return _check(func, as_tuple(inputs), options)
    except GradcheckError:
        return False


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the gradients of the gradients of `func` agree with central differences.

    `grad_outputs`: the cotangents at which to differentiate, drawn from [-1, 1) when not given;
    they are differentiated too. `check_fwd_over_rev`: whether forward mode over backward is
    checked; `check_rev_over_rev`: backward over backward. The others are those of `gradcheck`.

    >>> x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradgradcheck(torch.sin, (x,))
    True
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    for name, asked in (
        ("check_undefined_grad", check_undefined_grad),
        ("check_batched_grad", check_batched_grad),
    ):
        if asked and not check_rev_over_rev:
            raise AssertionError(f"Setting {name}=True requires check_rev_over_rev to be True")
    given = as_tuple(inputs)
    if grad_outputs is None:
        outs = _differentiable(func(*given))
        cts = tuple([_cotangent(o, i, gen_non_contig_grad_outputs) for i, o in enumerate(outs)])
    else:
        cts = as_tuple(grad_outputs)
    return gradcheck(
        _gradients_of(func, given, cts),
        given + cts,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )


def _gradients_of(
    func: Callable[..., Any], inputs: tuple[Any, ...], cts: tuple[Any, ...]
) -> Callable[..., tuple[Tensor, ...]]:
    """The function of inputs and cotangents whose own gradients are the second ones."""
    count = len(inputs)
    tracked = [isinstance(t, Tensor) and t.requires_grad for t in inputs + cts]

    def gradients(*args: Any) -> tuple[Tensor, ...]:
        for t, is_tracked in zip(args, tracked, strict=True):  # forward mode gives detached ones
            if is_tracked:
                t.requires_grad_()
        outs = _differentiable(func(*args[:count]))
        wanted = [t for t, is_tracked in zip(args[:count], tracked) if is_tracked]
        found = grad(outs, wanted, args[count:], create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])

    return gradients


def _cotangent(output: Tensor, number: int, strided: bool) -> Tensor:
    """A cotangent in [-1, 1) that requires grad."""
    rng = np.random.default_rng(number)
    array = output._data
    shape = (*array.shape, 2) if strided else array.shape
    values = rng.uniform(-1, 1, shape)
    if array.dtype.kind == "c":
        values = values + 1j * rng.uniform(-1, 1, shape)
    values = values.astype(array.dtype)
    t: Tensor = wrap(values[..., 0] if strided else values)
    return t.requires_grad_()


def _differentiable(found: Any) -> tuple[Tensor, ...]:
    return tuple([o for o in as_tuple(found) if isinstance(o, Tensor) and o.requires_grad])


def _check(func: Callable[..., Any], inputs: tuple[Any, ...], options: _Options) -> bool:
    wanted = _check_inputs(inputs)
    found = as_tuple(func(*inputs))
    places = [i for i, o in enumerate(found) if isinstance(o, Tensor) and o.requires_grad]
    numerical = Numerical(func, inputs, options.eps)
    if not places:
        _check_constant(numerical, wanted)
        return True
    outputs = [found[i] for i in places]
    is_complex = any(o._data.dtype.kind == "c" for o in outputs)
    if options.backward:
        for part in (IMAGINARY, REAL) if is_complex else (REAL,):
            check = _check_fast if options.fast_mode else _check_slow
            check(numerical, outputs, places, wanted, part, options)
    if options.forward:
        _check_forward(numerical, places, options)
    if not options.backward:
        return True
    if options.batched:
        for number, output in enumerate(outputs):
            check_batched(output, number, wanted)
    _check_linear(outputs, wanted, options)
    if options.check_undefined_grad:
        _check_all_undefined(_differentiable(func(*inputs)))
        if len(outputs) > 1:
            _check_undefined(func, inputs, wanted)
    return True


def _check_forward(numerical: Numerical, places: Sequence[int], options: _Options) -> None:
    """All that is asked of forward mode."""
    rng = np.random.default_rng(0)
    check_forward(
        numerical,
        places,
        (lambda t: [_unit(rng, t)]) if options.fast_mode else None,
        options.rtol,
        options.atol,
        options.check_grad_dtypes,
    )
    if options.check_undefined_grad:
        check_undefined_forward(numerical.func, numerical.inputs, places)
    if options.batched_forward:
        check_batched_forward(numerical.func, numerical.inputs)


def _check_inputs(inputs: Sequence[Any]) -> list[Tensor]:
    """The inputs to differentiate by; refuses what finite differences cannot handle."""
    wanted = []
    for i, t in enumerate(inputs):
        if not isinstance(t, Tensor) or not t.requires_grad:
            continue
        if t.dtype not in (dtypes.float64, dtypes.complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or "
                "complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. ",
                UserWarning,
                stacklevel=4,
            )
        array = t._data
        if any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs "
                "that are non-overlapping to be able to compute the numerical gradients "
                "correctly. You should call .contiguous on the input before passing it to "
                "gradcheck."
            )
        wanted.append(t)
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them "
            "have requires_grad=True."
        )
    return wanted


def _check_constant(numerical: Numerical, wanted: Sequence[Tensor]) -> None:
    """A function none of whose outputs requires grad must not vary."""
    for number, t in enumerate(wanted):
        for part in (REAL, IMAGINARY):
            for jacobian in numerical.jacobians(t, part):
                if jacobian is not None and np.any(jacobian != 0):
                    raise GradcheckError(
                        "Numerical gradient for function expected to be zero: no output requires "
                        f"grad, but they vary with input {number}"
                    )


def _check_slow(
    numerical: Numerical,
    outputs: Sequence[Tensor],
    places: Sequence[int],
    wanted: Sequence[Tensor],
    part: str,
    options: _Options,
) -> None:
    """Compare whole Jacobians."""
    slopes = [numerical.jacobians(t, part) for t in wanted]
    for number, (output, place) in enumerate(zip(outputs, places, strict=True)):
        if part == IMAGINARY and output._data.dtype.kind != "c":
            continue
        rows = analytical(output, wanted, part)
        again = analytical(output, wanted, part)
        _check_gradients(rows, again, wanted, options)
        for i, t in enumerate(wanted):
            got, want = stacked(rows[i], t), slopes[i][place]
            if not np.allclose(got, want, rtol=options.rtol, atol=options.atol):
                raise GradcheckError(mismatch(got, want, number, i, "", _told(output, part)))


def _check_gradients(rows: Any, again: Any, wanted: Sequence[Tensor], options: _Options) -> None:
    """Types, sizes, and that a second run gives the same."""
    for gradients, repeated, t in zip(rows, again, wanted, strict=True):
        for g, r in zip(gradients, repeated, strict=True):
            if g is None:
                continue
            if options.check_grad_dtypes and g._data.dtype != t._data.dtype:
                raise GradcheckError("Gradient has dtype mismatch")
            if g._data.shape != t._data.shape:
                raise GradcheckError("Analytical gradient has incorrect size")
            if r is None or not _within(g._data, r._data, options.nondet_tol):
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and "
                    "grad_output multiple times gives different values, although analytical "
                    "gradient matches numerical gradient."
                    f"The tolerance for nondeterminism was {options.nondet_tol}. If that is "
                    "expected, pass a larger nondet_tol."
                )


def _within(a: Any, b: Any, tolerance: float) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.all((np.abs(a - b) <= tolerance) | (a == b) | (np.isnan(a) & np.isnan(b))))


def _check_fast(
    numerical: Numerical,
    outputs: Sequence[Tensor],
    places: Sequence[int],
    wanted: Sequence[Tensor],
    part: str,
    options: _Options,
) -> None:
    """Compare vᵀ J u for random unit vectors; whole Jacobians are told when they differ."""
    rng = np.random.default_rng(0)
    us = [(_unit(rng, t), _unit(rng, t)) for t in wanted]
    slopes = [
        (numerical.along(t, u), numerical.along(t, w * 1j) if t._data.dtype.kind == "c" else None)
        for t, (u, w) in zip(wanted, us, strict=True)
    ]
    for number, (output, place) in enumerate(zip(outputs, places, strict=True)):
        if part == IMAGINARY and output._data.dtype.kind != "c":
            continue
        v = _unit(rng, output)
        ct = (v if part == REAL else v * 1j).astype(output._data.dtype)
        found, again = pull(output, wanted, ct), pull(output, wanted, ct)
        _check_gradients([[g] for g in found], [[g] for g in again], wanted, options)
        for i, (g, (u, w), (along, turned)) in enumerate(zip(found, us, slopes, strict=True)):
            want = np.sum(v * part_of(along[place], part))
            values = np.zeros(()) if g is None else g._data
            got = np.sum(values.real * u)
            atol = options.atol * v.sum() * u.sum()
            if turned is not None:
                want = want + 1j * np.sum(v * part_of(turned[place], part))
                got = got + 1j * np.sum(values.imag * w)
                atol = options.atol * v.sum() * (u.sum() + w.sum())
            if not np.allclose(got, want, rtol=options.rtol, atol=atol):
                whole = stacked(analytical(output, wanted, part)[i], wanted[i])
                slopes_now = numerical.jacobians(wanted[i], part)[place]
                raise GradcheckError(
                    mismatch(got, want, number, i, "", _told(output, part))
                    + slow_message(whole, slopes_now, options.rtol, options.atol)
                )


def _told(output: Tensor, part: str) -> str:
    return f"{part} part of complex outputs" if output._data.dtype.kind == "c" else ""


def _unit(rng: np.random.Generator, t: Tensor) -> Any:
    """A random direction of length 1 with no negative element, so that nothing cancels."""
    draws = rng.random(t._data.shape)
    return draws / max(float(np.sqrt(np.sum(draws * draws))), 1e-300)


def _check_linear(outputs: Sequence[Tensor], wanted: Sequence[Tensor], options: _Options) -> None:
    """Backward of zeros is zero: it is multiplied by the cotangent."""
    zeros = [wrap(np.zeros(o._data.shape, o._data.dtype)) for o in outputs]
    found = grad(outputs, wanted, zeros, retain_graph=True, allow_unused=True)
    for g, t in zip(found, wanted, strict=True):
        if g is None:
            continue
        limit = 1e-8 if options.masked else 0.0
        if not np.all(np.abs(g._data) <= limit):
            raise GradcheckError(
                "backward not multiplied by grad_output: for a cotangent of zeros it returned "
                "something else"
            )
        if g._data.dtype != t._data.dtype:
            raise GradcheckError("grad is incorrect type")
        if g._data.shape != t._data.shape:
            raise GradcheckError("grad is incorrect size")


def _check_all_undefined(outputs: Sequence[Tensor]) -> None:
    """The backward of a custom Function gives nothing where no cotangent arrives."""
    for node in {edge_of(o)[0] for o in outputs}:
        if not isinstance(node, FunctionNode):
            continue
        try:
            with no_grad():
                found = node.without_cotangents()
        except (RuntimeError, TypeError, AttributeError) as error:
            raise GradcheckError(
                "Expected backward function to handle undefined output grads: with None for all of "
                f"them {node.name()} raised {type(error).__name__}: {error}. Return None there, or "
                "leave ctx.set_materialize_grads(True) as it is"
            ) from error
        if any(isinstance(g, Tensor) and np.any(g._data != 0) for g in found):
            raise GradcheckError(
                "Expected all input grads to be undefined or zero when all output grads are "
                f"undefined or zero, but those of {node.name()} are not"
            )


def _check_undefined(
    func: Callable[..., Any], inputs: tuple[Any, ...], wanted: Sequence[Tensor]
) -> None:
    """Backward must do without the cotangent of any one output."""
    for number in range(len(_differentiable(func(*inputs)))):
        outputs = [o for i, o in enumerate(_differentiable(func(*inputs))) if i != number]
        zeros = [wrap(np.zeros(o._data.shape, o._data.dtype)) for o in outputs]
        try:
            found = grad(outputs, wanted, zeros, allow_unused=True)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise GradcheckError(
                "Expected backward function to handle undefined output grads: without a cotangent "
                f"for output {number} it raised {type(error).__name__}: {error}"
            ) from error
        for g in found:
            if g is not None and np.any(g._data != 0):
                raise GradcheckError(
                    "Expected all input grads to be undefined or zero when all output grads are "
                    f"undefined or zero, but without a cotangent for output {number} they are not"
                )
