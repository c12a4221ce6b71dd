"""Floor 0: NumPy's universal functions (and SciPy's) on arrays without values, and the operators.

The dtype of a result is asked of the ufunc itself, on arrays of nothing; the shape is arithmetic.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np

from .array import Ghost, allocate, allocate_like, attach, is_ghost
from .indexing import refuse_real, write

_dtypes: dict[Any, tuple[Any, ...]] = {}


def _described(x: Any) -> Any:
    """What the result's dtype depends on: a dtype for arrays, a type for Python numbers."""
    if isinstance(x, (np.ndarray, np.generic)):
        return x.dtype
    return type(x) if isinstance(x, (bool, int, float, complex)) else np.asarray(x).dtype


def _stand_in(x: Any) -> Any:
    if isinstance(x, np.dtype):
        return np.empty(0, x)
    return x(1)


def result_dtypes(ufunc: Any, inputs: Any, outs: Any, options: dict[str, Any]) -> tuple[Any, ...]:
    """The dtypes of the outputs; NumPy's error where the types or casts do not fit."""
    given = tuple([_described(x) for x in inputs])
    into = tuple([None if o is None else o.dtype for o in outs])
    key = (ufunc, given, into, *[(k, str(v)) for k, v in options.items()])
    found = _dtypes.get(key)
    if found is None:
        arrays = [_stand_in(d) for d in given]
        if not any(isinstance(a, np.ndarray) for a in arrays):
            arrays[0] = np.asarray(arrays[0])
        if ufunc.signature is not None:
            arrays = [np.ones((2,) * _core_ndim(ufunc, i), a.dtype) for i, a in enumerate(arrays)]
            made = ufunc(*arrays, **options)
        else:
            targets = tuple([None if d is None else np.empty(0, d) for d in into])
            out = {"out": targets} if any(d is not None for d in into) else {}
            made = ufunc(*arrays, **out, **options)
        made = made if isinstance(made, tuple) else (made,)
        found = _dtypes[key] = tuple([m.dtype for m in made])
    return found


def _core_ndim(ufunc: Any, i: int) -> int:
    return len(_cores(ufunc.signature)[0][i])


def _cores(signature: str) -> tuple[list[list[str]], list[list[str]]]:
    """The core dimensions of inputs and outputs: `(m?,n),(n,p?)->(m?,p?)`."""
    ins, outs = signature.split("->")
    return tuple(  # type: ignore[return-value]
        [[d for d in group.split(",") if d] for group in re.findall(r"\(([^)]*)\)", side)]
        for side in (ins, outs)
    )


def _value(x: Any) -> Any:
    return x.value if is_ghost(x) else x


def is_all_known(values: Any) -> bool:
    """Whether values are there and few, so that a result may be computed."""
    return not any(v is None for v in values) and all(
        not isinstance(v, np.ndarray) or v.size <= 4096 for v in values
    )


def known_result(made: Any) -> Any:
    """What was computed from known values, as Ghosts that know theirs."""
    if isinstance(made, (tuple, list)):
        return (
            type(made)([known_result(m) for m in made])
            if type(made) in (tuple, list)
            else (tuple([known_result(m) for m in made]))
        )
    if isinstance(made, (np.ndarray, np.generic)):
        array = np.asarray(made)
        return allocate(array.shape, array.dtype, value=array)
    return made


_scalars = (bool, int, float, complex)


def _quick(ufunc: Any, inputs: Any, options: dict[str, Any]) -> Any:
    """What nearly all calls are: one output, nothing else asked for, dtypes seen before.

    None for any other call. Half of what an operation on shapes costs would be spent on the rest.
    """
    out = None
    if options:
        targets = options.get("out")
        if targets is None or len(options) > 1 or len(targets) > 1:
            return None
        out = targets[0]
        if type(out) is not Ghost or (out._outline is not None and not out.is_writeable):
            return None
    shape: Any = ()
    described: list[Any] = []
    is_known, is_plain = True, True
    for x in inputs:
        if type(x) is Ghost:
            described.append(x.dtype)
            own = x.shape
            if x._value is None or not x._buffer.is_known:
                is_known = False
            if x._strides is not None or x._outline is not None:
                is_plain = False
            if own != shape and own:
                if shape:
                    return None
                shape = own
        elif type(x) in _scalars:
            described.append(type(x))
        elif type(x) is np.ndarray and not x.shape:
            described.append(x.dtype)
        else:
            return None
    if is_known:
        return None
    dtypes = _dtypes.get((ufunc, tuple(described), (None if out is None else out.dtype,)))
    if dtypes is None or len(dtypes) != 1 or ufunc.signature is not None:
        return None
    if out is not None:
        if out.shape != shape:
            return None
        out._buffer.is_known = False
        return out
    return allocate(shape, dtypes[0]) if is_plain else _deliver(None, shape, dtypes[0], inputs)


def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """`Ghost.__array_ufunc__`."""
    if method == "__call__":
        made = _quick(ufunc, inputs, options)
        if made is not None:
            return made
    outs = options.pop("out", None) or (None,) * ufunc.nout
    for out in outs:
        if out is not None and not is_ghost(out):
            refuse_real(ufunc.__name__, out)
    if method == "at":
        inputs[0]._buffer.is_known = False
        return None
    values = [_value(x) for x in inputs]
    if is_all_known(values) and (outs[0] is None or outs[0].value is not None):
        rest = {k: _value(v) for k, v in options.items()}
        made = getattr(ufunc, method)(*values, **rest)
        if outs[0] is None:
            return known_result(made)
        write(outs[0], made)
        return outs[0]
    made = _METHODS[method](ufunc, inputs, outs, options)
    return made[0] if len(made) == 1 else tuple(made)


def _deliver(out: Any, shape: tuple[int, ...], dtype: Any, inputs: Any = ()) -> Any:
    """The array that a result goes to: `out`, or a new one."""
    if out is None:
        for x in inputs:
            if isinstance(x, np.ndarray) and x.shape == shape:
                return allocate_like(x, shape, dtype, iterated=True)
        return allocate(shape, dtype)
    if out.shape != shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {out.shape} doesn't match the broadcast "
            f"shape {shape}"
        )
    if not out.flags.writeable:
        raise ValueError("output array is read-only")
    out._buffer.is_known = False
    return out


def _call(ufunc: Any, inputs: Any, outs: Any, options: dict[str, Any]) -> list[Any]:
    if ufunc.signature is not None:
        return _call_generalized(ufunc, inputs, outs, options)
    where = options.pop("where", True)
    shapes = [np.shape(x) for x in inputs]
    if where is not True:
        shapes.append(np.shape(where))
    first = shapes[0]
    shape = first
    if any(s != first for s in shapes):
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError:
            told = " ".join([str(s).replace(" ", "") for s in shapes])
            raise ValueError(
                f"operands could not be broadcast together with shapes {told} "
            ) from None
    dtypes = result_dtypes(ufunc, inputs, outs, options)
    wanted = shape
    for out in outs:
        if out is not None and out.shape != shape:
            wanted = np.broadcast_shapes(shape, out.shape)
    return [_deliver(o, wanted, d, inputs) for o, d in zip(outs, dtypes)]


def _call_generalized(ufunc: Any, inputs: Any, outs: Any, options: dict[str, Any]) -> list[Any]:
    """Ufuncs with core dimensions: matmul, vecdot and the like."""
    options.pop("axes", None)
    axis, keepdims = options.pop("axis", -1), options.pop("keepdims", False)
    ins, results = _cores(ufunc.signature)
    sizes: dict[str, int] = {}
    loops: list[tuple[int, ...]] = []
    missing: set[str] = set()
    for x, core in zip(inputs, ins):
        shape = list(np.shape(x))
        if axis != -1:
            shape.append(shape.pop(axis))
        core = list(core)
        while len(core) > len(shape) and any(d.endswith("?") for d in core):
            gone = next(d for d in core if d.endswith("?"))
            core.remove(gone)
            missing.add(gone)
        if len(shape) < len(core):
            raise ValueError(f"{ufunc.__name__}: an input of shape {tuple(shape)} lacks dimensions")
        cut = len(shape) - len(core)
        for name, n in zip(core, shape[cut:]):
            if sizes.setdefault(name.rstrip("?"), n) != n:
                raise ValueError(
                    f"{ufunc.__name__}: Input operand {len(loops)} has a mismatch in its core "
                    f"dimension, with gufunc signature {ufunc.signature} (size {n} is different "
                    f"from {sizes[name.rstrip('?')]})"
                )
        loops.append(tuple(shape[:cut]))
    loop = np.broadcast_shapes(*loops)
    dtypes = result_dtypes(ufunc, inputs, (None,) * ufunc.nout, options)
    last = (1,) if keepdims else ()
    return [
        _deliver(o, (*loop, *[sizes[d.rstrip("?")] for d in c if d not in missing], *last), dtype)
        for o, c, dtype in zip(outs, results, dtypes)
    ]


def reduced_shape(shape: tuple[int, ...], axis: Any, keepdims: bool) -> tuple[int, ...]:
    """The shape after a reduction over `axis` (None: all)."""
    if axis is None:
        axes = set(range(len(shape)))
    else:
        axes = set(normal_axes(axis, len(shape)))
    if keepdims:
        return tuple([1 if i in axes else n for i, n in enumerate(shape)])
    return tuple([n for i, n in enumerate(shape) if i not in axes])


def normal_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes counted from the front; NumPy's error where there are none such, or twice."""
    if not isinstance(axis, tuple):
        axis = (axis,)
    if not ndim:
        axis = tuple([a for a in axis if a not in (0, -1)])
    return np.lib.array_utils.normalize_axis_tuple(axis, ndim)


def _reduce(ufunc: Any, inputs: Any, outs: Any, options: dict[str, Any]) -> list[Any]:
    x = inputs[0]
    axis, keepdims = options.get("axis", 0), bool(options.get("keepdims"))
    shape = reduced_shape(x.shape, axis, keepdims)
    if ufunc.identity is None and options.get("initial") is None and 0 not in shape:
        axes = range(x.ndim) if axis is None else normal_axes(axis, x.ndim)
        if 0 in [x.shape[i] for i in axes]:
            raise ValueError(
                f"zero-size array to reduction operation {ufunc.__name__} which has no identity"
            )
    return [_deliver(outs[0], shape, _folded_dtype(ufunc, "reduce", x, options))]


def _folded_dtype(ufunc: Any, method: str, x: Any, options: dict[str, Any]) -> Any:
    dtype = options.get("dtype")
    key = (ufunc, method, x.dtype, None if dtype is None else np.dtype(dtype))
    found = _dtypes.get(key)
    if found is None:
        made = getattr(ufunc, method)(np.ones(1, x.dtype), dtype=dtype)
        found = _dtypes[key] = (made.dtype,)
    return found[0]


def _accumulate(ufunc: Any, inputs: Any, outs: Any, options: dict[str, Any]) -> list[Any]:
    x = inputs[0]
    normal_axes(options.get("axis", 0), x.ndim)
    dtype = _folded_dtype(ufunc, "accumulate", x, options)
    wide = x if x.dtype == dtype else allocate(x.shape, dtype)  # NumPy casts all of it first
    found = _deliver(outs[0], x.shape, dtype)
    del wide
    return [found]


def _reduceat(ufunc: Any, inputs: Any, outs: Any, options: dict[str, Any]) -> list[Any]:
    x, indices = inputs
    shape = list(x.shape)
    shape[options.get("axis", 0)] = len(indices)
    dtype = _folded_dtype(ufunc, "reduce", x, options)
    return [_deliver(outs[0], tuple(shape), dtype)]


def _outer(ufunc: Any, inputs: Any, outs: Any, options: dict[str, Any]) -> list[Any]:
    dtypes = result_dtypes(ufunc, inputs, outs, options)
    shape = np.shape(inputs[0]) + np.shape(inputs[1])
    return [_deliver(outs[0], shape, dtypes[0])]


_METHODS = {
    "__call__": _call,
    "reduce": _reduce,
    "accumulate": _accumulate,
    "reduceat": _reduceat,
    "outer": _outer,
}

# NumPy computes `a + b` into the memory of an operand that is a temporary of 256 kB or more, which
# it tells by the reference count. So does this, with the count that a temporary has here.
_ELIDED_FROM = 256 * 1024


def _count(x: Any, _: Any) -> int:
    return sys.getrefcount(x)


class _Probe:
    __add__ = _count


def _count_of_variable() -> int:
    probe = _Probe()
    return probe + 0


_TEMPORARY: int = _Probe() + 0
if _count_of_variable() <= _TEMPORARY or not sys.platform.startswith("linux"):
    _TEMPORARY = -1  # this interpreter does not tell them apart, or NumPy does not look

_COMMUTATIVE = (np.add, np.multiply, np.bitwise_and, np.bitwise_or, np.bitwise_xor)
_ELIDING = (*_COMMUTATIVE, np.subtract, np.true_divide)


def _binary(ufunc: Any, is_reflected: bool = False) -> Any:
    elides = ufunc in _ELIDING and not (is_reflected and ufunc not in _COMMUTATIVE)

    def operator(self: Any, other: Any) -> Any:
        if not isinstance(other, (np.ndarray, np.generic, bool, int, float, complex)):
            return NotImplemented
        if (
            elides
            and sys.getrefcount(self) <= _TEMPORARY
            and self.nbytes >= _ELIDED_FROM
            and _may_take_over(ufunc, self, other)
        ):
            return ufunc(self, other, out=self)
        return ufunc(other, self) if is_reflected else ufunc(self, other)

    return operator


def _may_take_over(ufunc: Any, x: Any, other: Any) -> bool:
    if x._base is not None or x.dtype.kind not in "fc":
        return False
    shape = np.shape(other)
    return shape in ((), x.shape) and (result_dtypes(ufunc, (x, other), (None,), {})[0] == x.dtype)


def _in_place(ufunc: Any) -> Any:
    def operator(self: Any, other: Any) -> Any:
        return ufunc(self, other, out=(self,))

    return operator


_BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide,
    "floordiv": np.floor_divide, "mod": np.remainder, "pow": np.power, "and": np.bitwise_and,
    "or": np.bitwise_or, "xor": np.bitwise_xor, "lshift": np.left_shift, "rshift": np.right_shift,
    "matmul": np.matmul, "divmod": np.divmod,
}  # fmt: skip
for _name, _ufunc in _BINARY.items():
    attach(
        **{
            f"__{_name}__": _binary(_ufunc),
            f"__r{_name}__": _binary(_ufunc, is_reflected=True),
            f"__i{_name}__": _in_place(_ufunc),
        }
    )
for _name, _ufunc in {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal,
}.items():  # fmt: skip
    attach(**{f"__{_name}__": _binary(_ufunc)})
for _name, _ufunc in {
    "neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert,
}.items():  # fmt: skip
    attach(**{f"__{_name}__": lambda self, ufunc=_ufunc: ufunc(self)})
attach(__array_ufunc__=array_ufunc)
