"""What `record_functions.py` runs on torch, and `test_functions.py` on adjoint.

A case is one line of Python in `cases/<family>.txt`; an expression at its end is the result. It
sees `torch`, `nn`, `F`, `init` and the inputs made by `Inputs`, whose values come from formulas, so
that both sides start from the same numbers. What came out becomes plain data: dtype, shape, values
and grad_fn of every tensor, gradients of every input for fixed cotangents, or the error's class.

A line `for a b: torch.@(f(2)) ;; f(2).@()` stands for each expression with each name for `@`.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CASES = Path(__file__).parent / "cases"
NAMES = Path(__file__).parent / "functions_names.json"  # those of torch
FAMILIES = tuple(sorted(path.stem for path in CASES.glob("*.txt")))
SHORT = {
    "float16": "f16",
    "bfloat16": "bf16",
    "float32": "f32",
    "float64": "f64",
    "complex64": "c64",
    "complex128": "c128",
    "uint8": "u8",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "bool": "bool",
}
DIGITS = {"f16": 6, "bf16": 6, "f32": 9, "f64": 13, "c64": 9, "c128": 13}


def read_cases(family: str) -> list[str]:
    """The expressions of a family, in the order of its file."""
    found = []
    for line in (CASES / f"{family}.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            found += list(expand(line))
    return found


def expand(line: str) -> Iterator[str]:
    """The cases that a line stands for."""
    if not line.startswith("for "):
        yield line
        return
    names, _, templates = line.removeprefix("for ").partition(": ")
    for name in names.split():
        for template in templates.split(" ;; "):
            yield template.strip().replace("@", name)


class Inputs:
    """The makers of inputs that a case sees; remembers those whose gradients are asked."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.leaves: list[Any] = []
        self.made = 0

    def namespace(self) -> dict[str, Any]:
        """The names that a case can use."""
        torch = self.torch
        package = torch.__name__
        names: dict[str, Any] = {
            name: getattr(self, name) for name in dir(self) if not name.startswith("_")
        }
        names.update(vars(builtins))
        names.update(torch=torch, inf=math.inf, nan=math.nan)
        names.update(
            {short: getattr(torch, name) for name, short in SHORT.items() if short != "bool"}
        )
        names["nn"] = importlib.import_module(f"{package}.nn")
        names["F"] = names["nn"].functional
        names["init"] = names["nn"].init
        return names

    def leaf(self, tensor: Any) -> Any:
        """Ask for the gradient of a tensor."""
        self.leaves.append(tensor.requires_grad_())
        return self.leaves[-1]

    def values(self, shape: tuple[int, ...], low: float, high: float) -> Any:
        """Float64 values between `low` and `high`, no two alike, others at each call."""
        self.made += 1
        phase = 0.83 * self.made
        waves = (math.sin(2.3 * k + phase) for k in range(math.prod(shape)))
        listed = [low + (high - low) * (0.5 + 0.5 * w) for w in waves]
        return self.torch.tensor(listed, dtype=self.torch.float64).reshape(shape).clone()

    def f(self, *shape: int) -> Any:
        """Float64 between -2 and 2."""
        return self.leaf(self.values(shape, -2.0, 2.0))

    def g(self, *shape: int) -> Any:
        """Float64 between 0.3 and 2.7."""
        return self.leaf(self.values(shape, 0.3, 2.7))

    def u(self, *shape: int) -> Any:
        """Float64 between 0.05 and 0.95."""
        return self.leaf(self.values(shape, 0.05, 0.95))

    def z(self, *shape: int) -> Any:
        """Complex128."""
        real, imag = self.values(shape, -2.0, 2.0), self.values(shape, -2.0, 2.0)
        return self.leaf(self.torch.complex(real, imag))

    def s(self, *shape: int) -> Any:
        """Float32 between -2 and 2."""
        return self.leaf(self.values(shape, -2.0, 2.0).to(self.torch.float32))

    def v(self, *listed: Any) -> Any:
        """Float64 of these values."""
        return self.leaf(self.torch.tensor(listed, dtype=self.torch.float64))

    def n(self, *shape: int) -> Any:
        """Float64 between -2 and 2 without gradient."""
        return self.values(shape, -2.0, 2.0)

    def i(self, *shape: int, low: int = 0, high: int = 5) -> Any:
        """Int64 from `low` to below `high`."""
        self.made += 1
        listed = [
            low + (7 * k * k + 3 * k + self.made) % (high - low) for k in range(math.prod(shape))
        ]
        return self.torch.tensor(listed, dtype=self.torch.int64).reshape(shape)

    def b(self, *shape: int) -> Any:
        """Booleans."""
        return self.i(*shape, low=0, high=7) % 2 == 0

    def t(self, listed: Any, dtype: Any = None) -> Any:
        """torch.tensor."""
        return self.torch.tensor(listed, dtype=dtype)

    def about(self, tensor: Any) -> tuple[Any, ...]:
        """What there is to tell of a tensor besides its values."""
        return tensor.dtype, tensor.shape, tensor.stride(), tensor.is_contiguous()

    def module(self, module: Any, *inputs: Any, **more: Any) -> tuple[Any, ...]:
        """What there is of a module: text, state, outputs in training and in evaluation."""
        initial = {name: value.clone() for name, value in module.state_dict().items()}
        self.leaves += list(module.parameters())
        trained = module(*inputs, **more)
        final = [value.clone() for value in module.buffers()]
        return repr(module), initial, trained, final, module.eval()(*inputs, **more)

    def table(self, operation: Any, left: str, right: str) -> dict[str, dict[str, str]]:
        """`operation` for all pairs of dtypes, under their results; an operand is a vector, a
        scalar (0-d), or a Python number.
        """
        found: dict[str, str] = {}
        for a, x in self.operands(left):
            for b, y in self.operands(right):
                result = described(operation, x.clone(), y)
                found[result] = f"{found.get(result, '')} {a},{b}"
        return {"pairs": found}

    def operands(self, form: str) -> list[tuple[str, Any]]:
        """One side of a table of promotion."""
        if form == "number":
            return [("int", 2), ("float", 1.5), ("bool", True), ("complex", 1 + 2j)]
        values = [3, 1] if form == "vector" else 2
        return [
            (short, self.torch.tensor(values).to(getattr(self.torch, name)))
            for name, short in SHORT.items()
        ]


def described(operation: Any, x: Any, y: Any) -> str:
    """The dtype and values of a result of `operation`, or its error, in a short text."""
    try:
        result = operation(x, y)
    except (RuntimeError, TypeError, ValueError) as error:
        return builtin_class(error)
    values = ",".join(
        f"{v:.4g}" if isinstance(v, (float, complex)) else str(int(v))
        for v in result.reshape(-1).tolist()
    )
    return f"{short_dtype(result)} {values}"


def short_dtype(tensor: Any) -> str:
    name = str(tensor.dtype).rpartition(".")[2]
    return SHORT.get(name, name)


def builtin_class(error: BaseException) -> str:
    """The name of the nearest class of an error that Python knows."""
    return next(c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins")


def evaluate(text: str, torch: Any) -> dict[str, Any]:
    """Run one case on `torch` (or adjoint) and describe what came out."""
    inputs = Inputs(torch)
    names = inputs.namespace()
    torch.manual_seed(0)
    tree = ast.parse(text)
    last = tree.body[-1]
    value = tree.body.pop().value if isinstance(last, ast.Expr) else ast.Constant(None)
    expression = ast.fix_missing_locations(ast.Expression(value))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(tree, text, "exec"), names)
            result = eval(compile(expression, text, "eval"), names)
        except Exception as error:  # noqa: BLE001 - whatever torch raises is to be compared
            return {"raises": builtin_class(error), "message": str(error)}
        finally:
            torch.set_grad_enabled(True)
            torch.set_default_dtype(torch.float32)
        outputs: list[Any] = []
        described = {"result": describe(result, torch, outputs)}
        gradients = differentiate(outputs, inputs.leaves, torch)
    if gradients is not None:
        described["gradients"] = gradients
    return described


def describe(value: Any, torch: Any, outputs: list[Any]) -> Any:
    """Plain data that tells `value`; tensors found in it that require grad join `outputs`."""
    if isinstance(value, torch.Tensor):
        if value.requires_grad and value.grad_fn is not None:
            outputs.append(value)
        return describe_tensor(value)
    if isinstance(value, dict):
        return {str(key): describe(item, torch, outputs) for key, item in value.items()}
    if isinstance(value, (tuple, list)) and not isinstance(value, torch.Size):
        kind = type(value).__name__.rpartition(".")[2]
        return [kind, *(describe(item, torch, outputs) for item in value)]
    if isinstance(value, float):
        return rounded(value, 13)
    if isinstance(value, (bool, int, str)) or value is None:
        return value
    return f"repr {value!r}"


def describe_tensor(tensor: Any) -> list[Any]:
    """A heading (dtype, shape, name of the grad_fn) and the values."""
    dtype = short_dtype(tensor)
    heading = f"{dtype}[{','.join(map(str, tensor.shape))}]"
    if tensor.grad_fn is not None:
        heading += " " + type(tensor.grad_fn).__name__
    elif tensor.requires_grad:
        heading += " leaf"
    flat = tensor.detach().clone().reshape(-1).tolist()
    if dtype in ("c64", "c128"):
        flat = [part for value in flat for part in (value.real, value.imag)]
    if dtype in DIGITS:
        flat = [rounded(value, DIGITS[dtype]) for value in flat]
    elif dtype == "bool":
        flat = [int(value) for value in flat]
    return ["tensor", heading, flat]


def rounded(value: float, digits: int) -> float | int:
    """The value in so many digits, which makes the recorded file short; whole numbers as int."""
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 1e6 and str(short)[0] != "-" else short


def differentiate(outputs: list[Any], leaves: list[Any], torch: Any) -> Any:
    """The gradients of all inputs for fixed cotangents of the outputs; None if there are none."""
    outputs = [out for out in outputs if not any(out is leaf for leaf in leaves)]
    if not outputs or not leaves:
        return None
    cotangents = [cotangent(out, torch) for out in outputs]
    try:
        found = torch.autograd.grad(outputs, leaves, cotangents, allow_unused=True)
    except Exception as error:  # noqa: BLE001 - as above
        return f"raises {builtin_class(error)}"
    return [None if gradient is None else describe_tensor(gradient) for gradient in found]


def cotangent(out: Any, torch: Any) -> Any:
    waves = [math.cos(1.9 * k + 0.4) + 0.2 for k in range(out.numel())]
    flat = torch.tensor(waves, dtype=torch.float64)
    if out.is_complex():
        flat = torch.complex(flat, flat.flip(0))
    return flat.reshape(out.shape).to(out.dtype)
